/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.h: the layout, what it says, and that it forgets nothing. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/stats/histogram.h"

struct bucket {
	uint64_t low_us, high_us, count;
};

struct buckets {
	size_t count;
	struct bucket items[64];
};

static void keep_bucket(void *context, uint64_t low_us, uint64_t high_us, uint64_t count)
{
	struct buckets *buckets = context;

	assert_true(buckets->count < 64);
	buckets->items[buckets->count++] = (struct bucket){low_us, high_us, count};
}

static void test_histogram_buckets_are_those_of_hdrhistogram(void **state)
{
	static const struct {
		uint64_t value_us, low_us, high_us;
	} cases[] = {
	        {0, 0, 0},
	        {1, 1, 1},
	        {2047, 2047, 2047},
	        {2048, 2048, 2049},
	        {4095, 4094, 4095},
	        {4096, 4096, 4099},
	        {1000000, 999936, 1000447},
	        {3599999999, 3598712832, 3600809983},
	        {3600000000, 3598712832, 3600809983},
	        {3600000001, 3598712832, 3600809983},
	        {UINT64_MAX, 3598712832, 3600809983},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct histogram *histogram = histogram_new();
		struct buckets buckets = {0};

		assert_int_equal(histogram_record(histogram, cases[i].value_us, 3), 0);
		histogram_each(histogram, keep_bucket, &buckets);
		assert_int_equal(buckets.count, 1);
		assert_int_equal(buckets.items[0].low_us, cases[i].low_us);
		assert_int_equal(buckets.items[0].high_us, cases[i].high_us);
		assert_int_equal(buckets.items[0].count, 3);
		assert_true(histogram_min_us(histogram) == cases[i].value_us);
		assert_true(histogram_max_us(histogram) == cases[i].value_us);
		assert_int_equal(histogram_saturated(histogram), cases[i].value_us > HISTOGRAM_HIGHEST_US ? 3 : 0);
		assert_null(histogram_free(histogram));
	}
}

static void test_histogram_empty_says_zero(void **state)
{
	struct histogram *histogram = histogram_new();
	struct buckets buckets = {0};

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(histogram_count(histogram), 0);
		assert_int_equal(histogram_min_us(histogram), 0);
		assert_int_equal(histogram_max_us(histogram), 0);
		assert_int_equal(histogram_sum_us(histogram), 0);
		assert_true(histogram_mean_us(histogram) == 0);
		assert_true(histogram_stddev_us(histogram) == 0);
		assert_int_equal(histogram_percentile_us(histogram, 99), 0);
		assert_int_equal(histogram_count_up_to(histogram, UINT64_MAX), 0);
		histogram_each(histogram, keep_bucket, &buckets);
		assert_int_equal(buckets.count, 0);
		assert_int_equal(histogram_record(histogram, 5, 0), 0);
		if (round == 0) {
			for (uint64_t i = 0; i < 100; i++)
				histogram_record(histogram, i * 100000, UINT64_C(1) << 33);
			histogram_reset(histogram);
		}
	}
	histogram_free(histogram);
	assert_null(histogram_free(NULL));
}

static void test_histogram_percentiles_of_one_to_a_hundred(void **state)
{
	static const struct {
		double percentile;
		uint64_t value_us;
	} cases[] = {
	        {0, 1},   {-5, 1},  {0.5, 1},    {1, 1},     {1.0001, 2}, {50, 50},
	        {90, 90}, {99, 99}, {99.9, 100}, {100, 100}, {200, 100},
	};
	struct histogram *histogram = histogram_new();

	(void)state;
	for (uint64_t i = 100; i >= 1; i--)
		histogram_record(histogram, i, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(histogram_percentile_us(histogram, cases[i].percentile), cases[i].value_us);
	assert_int_equal(histogram_percentile_us(histogram, NAN), 1);
	assert_true(histogram_mean_us(histogram) == 50.5);
	assert_true(fabs(histogram_stddev_us(histogram) - 28.86607004772212) < 1e-12);
	assert_int_equal(histogram_count_up_to(histogram, 0), 0);
	assert_int_equal(histogram_count_up_to(histogram, 42), 42);
	assert_int_equal(histogram_count_up_to(histogram, UINT64_MAX), 100);
	histogram_free(histogram);
}

static void test_histogram_percentile_is_never_above_the_max(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	histogram_record(histogram, 1000000, 1); /* its bucket ends at 1000447 */
	assert_int_equal(histogram_percentile_us(histogram, 50), 1000000);
	histogram_record(histogram, 1000001, 1);
	assert_int_equal(histogram_percentile_us(histogram, 100), 1000001);
	histogram_record(histogram, HISTOGRAM_HIGHEST_US, 1);
	assert_int_equal(histogram_percentile_us(histogram, 100), HISTOGRAM_HIGHEST_US);
	histogram_free(histogram);
}

static void test_histogram_saturated_values_count_truly_but_for_percentiles(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	histogram_record(histogram, 2 * HISTOGRAM_HIGHEST_US, 3);
	histogram_record(histogram, HISTOGRAM_HIGHEST_US, 1);
	assert_int_equal(histogram_count(histogram), 4);
	assert_int_equal(histogram_saturated(histogram), 3);
	assert_int_equal(histogram_max_us(histogram), 2 * HISTOGRAM_HIGHEST_US);
	assert_int_equal(histogram_sum_us(histogram), 7 * HISTOGRAM_HIGHEST_US);
	assert_int_equal(histogram_percentile_us(histogram, 99), 3600809983);
	histogram_free(histogram);
}

static void test_histogram_sum_and_count_that_overflow_are_told(void **state)
{
	struct histogram *histogram = histogram_new();
	struct histogram *other = histogram_new();

	(void)state;
	assert_int_equal(histogram_record(histogram, UINT64_MAX, 2), 0);
	assert_true(histogram_sum_us(histogram) == UINT64_MAX);
	assert_int_equal(histogram_record(histogram, 1, UINT64_MAX - 2), 0);
	assert_true(histogram_count(histogram) == UINT64_MAX);
	assert_int_equal(histogram_record(histogram, 1, 1), -EOVERFLOW);
	histogram_record(other, 7, 1);
	assert_int_equal(histogram_add(histogram, other), -EOVERFLOW);
	assert_true(histogram_count(histogram) == UINT64_MAX);
	assert_int_equal(histogram_count_up_to(histogram, 7), UINT64_MAX - 2);
	histogram_free(histogram);
	histogram_free(other);
}

static void test_histogram_counts_past_32_bits_are_exact(void **state)
{
	(void)state;
	/* With few different buckets and with many, and past the edge in one step and in two. */
	for (uint64_t others = 0; others < 100; others += 33) {
		struct histogram *histogram = histogram_new();
		struct histogram *sum = histogram_new();

		for (uint64_t i = 0; i < others; i++)
			histogram_record(histogram, 1000 + i * 100, UINT32_MAX);
		assert_int_equal(histogram_record(histogram, 5, UINT32_MAX), 0);
		assert_int_equal(histogram_count_up_to(histogram, 5), UINT32_MAX);
		assert_int_equal(histogram_record(histogram, 5, 1), 0);
		assert_int_equal(histogram_count_up_to(histogram, 5), UINT64_C(1) << 32);
		assert_int_equal(histogram_record(histogram, 6, UINT64_C(5) << 40), 0);
		assert_int_equal(histogram_count_up_to(histogram, 6), (UINT64_C(5) << 40) + (UINT64_C(1) << 32));
		for (int i = 0; i < 3; i++)
			assert_int_equal(histogram_add(sum, histogram), 0);
		assert_int_equal(histogram_count_up_to(sum, 5), UINT64_C(3) << 32);
		assert_int_equal(histogram_count(sum), 3 * histogram_count(histogram));
		assert_int_equal(histogram_count_up_to(sum, UINT64_MAX), histogram_count(sum));
		histogram_free(histogram);
		histogram_free(sum);
	}
}

static void test_histogram_after_a_reset_is_as_new(void **state)
{
	struct histogram *used = histogram_new();
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (int round = 0; round < 20; round++) {
		cleanup_buffer struct buffer expected = {0};
		cleanup_buffer struct buffer got = {0};
		struct histogram *fresh = histogram_new();
		uint64_t values = random_below(&random, 200);

		histogram_reset(used);
		for (uint64_t i = 0; i < values; i++) {
			uint64_t value_us = random_next(&random) >> random_between(&random, 30, 63);

			histogram_record(fresh, value_us, 1);
			histogram_record(used, value_us, 1);
		}
		histogram_encode(fresh, &expected);
		histogram_encode(used, &got);
		assert_int_equal(got.size, expected.size);
		assert_memory_equal(got.data, expected.data, got.size);
		histogram_free(fresh);
	}
	histogram_free(used);
}

static void test_histogram_of_a_handful_of_values_is_small(void **state)
{
	struct histogram *histogram = histogram_new();
	struct random random;

	(void)state;
	random_seed(&random, 2);
	for (uint64_t i = 0; i < 16; i++)
		histogram_record(histogram, i * 10000, 1000);
	assert_true(histogram_memory(histogram) < 256);
	/* A second of 10,000 answers around a millisecond. */
	for (int i = 0; i < 10000; i++)
		histogram_record(histogram, (uint64_t)(800 + 200 * random_exponential(&random)), 1);
	assert_true(histogram_memory(histogram) < 20 * 1024);
	histogram_free(histogram);
}

static void test_histogram_few_samples_is_ten_above_the_percentile(void **state)
{
	static const struct {
		double percentile;
		uint64_t enough;
	} cases[] = {{50, 20},      {90, 100},       {95, 200},         {99, 1000},
	             {99.9, 10000}, {99.99, 100000}, {99.999, 1000000}, {0, 10}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(histogram_few_samples(cases[i].enough, cases[i].percentile));
		assert_true(histogram_few_samples(cases[i].enough - 1, cases[i].percentile));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_histogram_buckets_are_those_of_hdrhistogram),
	        cmocka_unit_test(test_histogram_empty_says_zero),
	        cmocka_unit_test(test_histogram_percentiles_of_one_to_a_hundred),
	        cmocka_unit_test(test_histogram_percentile_is_never_above_the_max),
	        cmocka_unit_test(test_histogram_saturated_values_count_truly_but_for_percentiles),
	        cmocka_unit_test(test_histogram_sum_and_count_that_overflow_are_told),
	        cmocka_unit_test(test_histogram_counts_past_32_bits_are_exact),
	        cmocka_unit_test(test_histogram_after_a_reset_is_as_new),
	        cmocka_unit_test(test_histogram_of_a_handful_of_values_is_small),
	        cmocka_unit_test(test_histogram_few_samples_is_ten_above_the_percentile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
