/* SPDX-License-Identifier: Apache-2.0 */
/* A Poisson process of rate 1, up to a limit: the same on every machine, as it is made of comparisons of whole
 * numbers and needs no logarithm. */
#pragma once

#include <stdint.h>

#include "common/base/random.h"
#include "common/plan/rate_curve.h"

struct poisson {
	struct random random;
	rate_area position; /* of the newest arrival, in 2^-40 arrivals */
	rate_area limit;    /* positions from here on are past the end */
	rate_area unit;
};

/* The arrivals of the seed's process whose area (in units of `unit` an arrival) is below `end`. */
void poisson_init(struct poisson *poisson, uint64_t seed, rate_area unit, rate_area end);
/* Goes to the next arrival. False past the end, then and ever after. */
_Bool poisson_next(struct poisson *poisson);
/* The area at the newest arrival. */
rate_area poisson_area(const struct poisson *poisson);
