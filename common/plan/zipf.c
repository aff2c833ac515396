/* SPDX-License-Identifier: Apache-2.0 */
/* The alias method (Walker 1977): each of n equal columns holds one rank's part and one other's. As the weights fall,
 * the ranks that lend are at the front and those that borrow at the end, so filling the columns needs no lists. */
#include "common/plan/zipf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct column {
	uint32_t own;   /* of 2^32: below it the draw is the column's own rank */
	uint32_t other; /* the rank of the rest */
};

struct zipf {
	uint32_t count;
	struct column columns[];
};

static double weight(uint32_t rank, double exponent)
{
	return pow((double)rank + 1, -exponent);
}

static uint32_t scale(double part)
{
	return part <= 0 ? 0 : part >= 1 ? UINT32_MAX : (uint32_t)(part * 0x1p32);
}

static void fill_columns(struct zipf *zipf, double exponent)
{
	double sum = 0, unit, left;
	uint32_t lender = 0, borrower = zipf->count - 1;

	for (uint32_t i = zipf->count; i-- > 0;) /* the small ones first: less rounding */
		sum += weight(i, exponent);
	unit = zipf->count / sum;
	left = weight(0, exponent) * unit;
	while (lender < borrower) {
		double part = weight(borrower, exponent) * unit;

		if (left < 1) { /* lent too much: it now borrows of the next itself */
			zipf->columns[lender] = (struct column){scale(left), lender + 1};
			left += weight(lender + 1, exponent) * unit - 1;
			lender++;
			continue;
		}
		zipf->columns[borrower--] = (struct column){scale(part), lender};
		left += part - 1;
	}
	zipf->columns[lender] = (struct column){UINT32_MAX, lender};
}

int zipf_new(uint32_t count, double exponent, struct zipf **ret_zipf)
{
	struct zipf *zipf = malloc(sizeof(*zipf) + (size_t)count * sizeof(zipf->columns[0]));

	if (!zipf)
		return -ENOMEM;
	zipf->count = count;
	fill_columns(zipf, exponent);
	*ret_zipf = zipf;
	return 0;
}

struct zipf *zipf_free(struct zipf *zipf)
{
	free(zipf);
	return NULL;
}

uint32_t zipf_draw(const struct zipf *zipf, struct random *random)
{
	/* The high half picks the column, the low half is as good as a number of its own. */
	unsigned __int128 product = (unsigned __int128)random_next(random) * zipf->count;
	uint32_t rank = (uint32_t)(product >> 64), part = (uint32_t)((uint64_t)product >> 32);

	return part < zipf->columns[rank].own ? rank : zipf->columns[rank].other;
}
