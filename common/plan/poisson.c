/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential gaps by von Neumann's method (1951, "Various techniques used in connection with random digits"): the
 * length of a descending run of uniform numbers is odd with just the right probability. */
#include "common/plan/poisson.h"

#define FRACTION_BITS 40
#define FRACTION_MASK ((UINT64_C(1) << FRACTION_BITS) - 1)
/* Keeps this process apart from others that are drawn from the scenario's seed. */
#define SEED_SALT UINT64_C(0x6172726976616c73)

void poisson_init(struct poisson *poisson, uint64_t seed, rate_area unit, rate_area end)
{
	rate_area rest = end % unit << FRACTION_BITS;

	*poisson = (struct poisson){
	        .limit = (end / unit << FRACTION_BITS) + rest / unit + (rest % unit != 0),
	        .unit = unit,
	};
	random_seed(&poisson->random, seed ^ SEED_SALT);
}

/* In 2^-40 of the mean gap. */
static uint64_t draw_gap(struct random *random)
{
	for (uint64_t whole = 0;; whole++) {
		uint64_t first = random_next(random), last = first, next;
		_Bool is_odd = 1;

		while ((next = random_next(random)) < last) {
			last = next;
			is_odd = !is_odd;
		}
		if (is_odd)
			return (whole << FRACTION_BITS) + (first >> (64 - FRACTION_BITS));
	}
}

_Bool poisson_next(struct poisson *poisson)
{
	if (poisson->position < poisson->limit)
		poisson->position += draw_gap(&poisson->random);
	return poisson->position < poisson->limit;
}

rate_area poisson_area(const struct poisson *poisson)
{
	rate_area whole = poisson->position >> FRACTION_BITS;
	rate_area fraction = (uint64_t)poisson->position & FRACTION_MASK;

	return whole * poisson->unit + (fraction * poisson->unit >> FRACTION_BITS);
}
