/* SPDX-License-Identifier: Apache-2.0 */
/* What a histogram says. Every figure is a function of the buckets in ascending order, so that equal
 * contents give equal figures to the last bit. */
#include <math.h>

#include "common/stats/histogram.h"
#include "common/stats/histogram_internal.h"

uint64_t histogram_count(const struct histogram *histogram)
{
	return histogram->count;
}

uint64_t histogram_saturated(const struct histogram *histogram)
{
	return histogram->saturated;
}

uint64_t histogram_sum_us(const struct histogram *histogram)
{
	return histogram->sum_us;
}

uint64_t histogram_min_us(const struct histogram *histogram)
{
	return histogram->count ? histogram->min_us : 0;
}

uint64_t histogram_max_us(const struct histogram *histogram)
{
	return histogram->count ? histogram->max_us : 0;
}

double histogram_mean_us(const struct histogram *histogram)
{
	return histogram->count ? (double)histogram->sum_us / (double)histogram->count : 0;
}

/* medianEquivalentValue() */
static double median_us(uint32_t index)
{
	uint64_t width_us;
	uint64_t low_us = histogram_low_us(index, &width_us);

	low_us += width_us / 2;
	return (double)low_us;
}

double histogram_stddev_us(const struct histogram *histogram)
{
	struct histogram_cursor cursor = {.histogram = histogram};
	double total = 0;
	double squares = 0;
	double mean_us;

	if (histogram->count == 0)
		return 0;
	/* HdrHistogram takes deviations from the mean of the medians too, not from the exact mean. */
	while (histogram_cursor_next(&cursor))
		total += median_us(cursor.index) * (double)cursor.count;
	mean_us = total / (double)histogram->count;
	cursor = (struct histogram_cursor){.histogram = histogram};
	while (histogram_cursor_next(&cursor)) {
		double deviation_us = median_us(cursor.index) - mean_us;

		squares += deviation_us * deviation_us * (double)cursor.count;
	}
	return sqrt(squares / (double)histogram->count);
}

/* How many of the values, in ascending order, a percentile takes: at least one. One ulp is taken off
 * first, as HdrHistogram does, so that a product that should be whole is not rounded up to the next. */
static uint64_t rank_of(double percentile, uint64_t count)
{
	double wanted = nextafter(percentile, -INFINITY);
	double rank;

	wanted = wanted > 0 ? fmin(wanted, 100) : 0; /* and what is not a number is 0 */
	rank = ceil(wanted * (double)count / 100);
	if (rank < 1)
		return 1;
	return rank >= (double)count ? count : (uint64_t)rank;
}

uint64_t histogram_percentile_us(const struct histogram *histogram, double percentile)
{
	struct histogram_cursor cursor = {.histogram = histogram};
	uint64_t up_to = 0;
	uint64_t width_us = 1;
	uint64_t low_us;
	uint64_t value_us;
	uint64_t rank;

	if (histogram->count == 0)
		return 0;
	rank = rank_of(percentile, histogram->count);
	while (up_to < rank && histogram_cursor_next(&cursor))
		up_to += cursor.count;
	low_us = histogram_low_us(cursor.index, &width_us);
	value_us = percentile == 0 ? low_us : low_us + width_us - 1;
	return value_us < histogram->max_us ? value_us : histogram->max_us;
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value_us)
{
	struct histogram_cursor cursor = {.histogram = histogram};
	uint32_t last = histogram_index(histogram_within_us(value_us));
	uint64_t count = 0;

	while (histogram_cursor_next(&cursor) && cursor.index <= last)
		count += cursor.count;
	return count;
}

_Bool histogram_few_samples(uint64_t count, double percentile)
{
	/* Not 10 / (1 - p/100): at p = 99.9 that is 10,000.000000000009. */
	return (double)count * (100 - percentile) < 1000 * (1 - 1e-9);
}

void histogram_each(const struct histogram *histogram, histogram_bucket_fn bucket, void *context)
{
	struct histogram_cursor cursor = {.histogram = histogram};

	while (histogram_cursor_next(&cursor)) {
		uint64_t width_us;
		uint64_t low_us = histogram_low_us(cursor.index, &width_us);

		bucket(context, low_us, low_us + width_us - 1, cursor.count);
	}
}
