/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.h: the compact form. Known bytes, what is refused, and that no bytes do harm. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/stats/histogram.h"

static void test_histogram_has_known_bytes(void **state)
{
	static const uint8_t empty[] = {0};
	/* Buckets 5 and 7: min 5, max - min 2, sum 17, saturated 0; gap 5, twice; gap 1, once. */
	static const uint8_t three[] = {2, 5, 2, 17, 0, 5, 2, 1, 1};
	cleanup_buffer struct buffer buffer = {0};
	struct histogram *histogram = histogram_new();

	(void)state;
	histogram_encode(histogram, &buffer);
	assert_int_equal(buffer.size, sizeof(empty));
	assert_memory_equal(buffer.data, empty, sizeof(empty));
	buffer_clear(&buffer);
	histogram_record(histogram, 7, 1);
	histogram_record(histogram, 5, 2);
	histogram_encode(histogram, &buffer);
	assert_int_equal(buffer.size, sizeof(three));
	assert_memory_equal(buffer.data, three, sizeof(three));
	histogram_free(histogram);
}

struct bad_case {
	const char *why;
	size_t count;
	uint64_t numbers[16]; /* written as varints */
};

static void test_histogram_refuses_what_no_encoder_writes(void **state)
{
	enum { TOP = 23220 }; /* the bucket of 1 h */
	static const struct bad_case cases[] = {
	        {"nothing", 0, {0}},
	        {"more after an empty one", 2, {0, 0}},
	        {"a bucket is missing", 7, {2, 5, 2, 17, 0, 5, 2}},
	        {"a number is missing", 6, {1, 5, 0, 5, 0, 5}},
	        {"a bucket too many", 9, {1, 5, 0, 10, 0, 5, 2, 1, 1}},
	        {"a count of 0", 9, {2, 5, 2, 12, 0, 5, 0, 1, 1}},
	        {"the min is in another bucket", 9, {2, 4, 3, 17, 0, 5, 2, 1, 1}},
	        {"the max is in another bucket", 9, {2, 5, 3, 17, 0, 5, 2, 1, 1}},
	        {"min + range wraps", 7, {1, 5, UINT64_MAX, 5, 0, 5, 1}},
	        {"the sum is too small", 9, {2, 5, 2, 16, 0, 5, 2, 1, 1}},
	        {"the sum is too large", 9, {2, 5, 2, 18, 0, 5, 2, 1, 1}},
	        {"one value, two extremes", 7, {1, 4096, 1, 4096, 0, 3072, 1}},
	        {"two values, and their sum is twice the greater", 7, {1, 4096, 1, 8194, 0, 3072, 2}},
	        {"two values, and their sum is not of the extremes", 7, {1, 4096, 1, 8192, 0, 3072, 2}},
	        {"three values, and their sum is past what the third can be", 7, {1, 4096, 3, 12295, 0, 3072, 3}},
	        {"a bucket past the last", 7, {1, 5, 0, 5, 0, 23552, 1}},
	        {"a gap that wraps", 9, {2, 5, 2, 17, 0, 5, 2, UINT64_MAX, 1}},
	        {"more buckets than there are", 7, {23553, 5, 0, 5, 0, 5, 1}},
	        {"a count of buckets that nothing follows", 7, {UINT64_MAX, 5, 0, 5, 0, 5, 1}},
	        {"counts that wrap", 9, {2, 5, 2, 17, 0, 5, UINT64_MAX, 1, 1}},
	        {"saturated below the range", 9, {2, 5, 2, 17, 1, 5, 2, 1, 1}},
	        {"more saturated than in the top bucket",
	         7,
	         {1, HISTOGRAM_HIGHEST_US + 1, 0, HISTOGRAM_HIGHEST_US + 1, 2, TOP, 1}},
	        {"a max above the range, none saturated",
	         7,
	         {1, HISTOGRAM_HIGHEST_US + 1, 0, HISTOGRAM_HIGHEST_US + 1, 0, TOP, 1}},
	        {"a bucket above the top", 7, {1, 3602000000, 0, 3602000000, 1, TOP + 1, 1}},
	        {"all saturated, min within the range",
	         7,
	         {1, HISTOGRAM_HIGHEST_US, 1, 2 * HISTOGRAM_HIGHEST_US + 1, 2, TOP, 2}},
	        {"min above the range, not all saturated",
	         7,
	         {1, HISTOGRAM_HIGHEST_US + 1, 1, 2 * HISTOGRAM_HIGHEST_US + 3, 1, TOP, 2}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buffer struct buffer buffer = {0};
		cleanup_buffer struct buffer after = {0};
		struct histogram *histogram = histogram_new();

		for (size_t j = 0; j < cases[i].count; j++)
			buffer_append_varint(&buffer, cases[i].numbers[j]);
		if (histogram_decode_add(histogram, buffer.data, buffer.size) != -EBADMSG)
			fail_msg("taken: %s", cases[i].why);
		histogram_encode(histogram, &after);
		assert_int_equal(after.size, 1);
		histogram_free(histogram);
	}
}

static void test_histogram_takes_the_edges_of_what_fits(void **state)
{
	enum { TOP = 23220 };
	static const struct bad_case cases[] = {
	        {"", 7, {1, 4096, 0, 4096, 0, 3072, 1}},
	        {"", 7, {1, 4096, 1, 8193, 0, 3072, 2}},
	        {"", 7, {1, 4096, 3, 12294, 0, 3072, 3}},
	        {"", 7, {1, HISTOGRAM_HIGHEST_US + 1, 0, HISTOGRAM_HIGHEST_US + 1, 1, TOP, 1}},
	        {"", 7, {1, HISTOGRAM_HIGHEST_US, 1, 2 * HISTOGRAM_HIGHEST_US + 1, 1, TOP, 2}},
	        {"", 7, {1, UINT64_MAX, 0, UINT64_MAX, 5, TOP, 5}},
	        {"", 7, {1, 1, 0, UINT64_MAX, 0, 1, UINT64_MAX}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buffer struct buffer buffer = {0};
		cleanup_buffer struct buffer again = {0};
		struct histogram *histogram = histogram_new();

		for (size_t j = 0; j < cases[i].count; j++)
			buffer_append_varint(&buffer, cases[i].numbers[j]);
		if (histogram_decode_add(histogram, buffer.data, buffer.size) != 0)
			fail_msg("case %zu is refused", i);
		histogram_encode(histogram, &again);
		assert_int_equal(again.size, buffer.size);
		assert_memory_equal(again.data, buffer.data, buffer.size);
		/* Twice is too many for 64 bits, or exactly double. */
		assert_int_equal(histogram_decode_add(histogram, buffer.data, buffer.size),
		                 cases[i].numbers[6] == UINT64_MAX ? -EBADMSG : 0);
		histogram_free(histogram);
	}
}

static void test_histogram_takes_corrupt_bytes_only_as_a_canonical_histogram(void **state)
{
	cleanup_buffer struct buffer good = {0};
	struct histogram *histogram = histogram_new();
	struct random random;

	(void)state;
	random_seed(&random, 9);
	for (int i = 0; i < 60; i++)
		histogram_record(histogram, random_next(&random) >> random_between(&random, 28, 63), 1 + i % 3);
	histogram_encode(histogram, &good);
	for (int i = 0; i < 20000; i++) {
		cleanup_buffer struct buffer again = {0};
		uint8_t bytes[1024];

		assert_true(good.size <= sizeof(bytes));
		memcpy(bytes, good.data, good.size);
		for (uint64_t changes = 1 + random_below(&random, 3); changes > 0; changes--)
			bytes[random_below(&random, good.size)] = (uint8_t)random_next(&random);
		histogram_reset(histogram);
		if (histogram_decode_add(histogram, bytes, good.size) == 0) {
			histogram_encode(histogram, &again);
			assert_int_equal(again.size, good.size);
			assert_memory_equal(again.data, bytes, good.size);
		} else {
			assert_int_equal(histogram_count(histogram), 0);
		}
	}
	histogram_free(histogram);
}

/* What fails half-way may leave empty buckets behind, which must stay invisible. */
static void test_histogram_decodes_into_one_that_has_values(void **state)
{
	static const uint8_t bad[] = {2, 5, 2, 99, 0, 5, 2, 1, 1};
	static const uint8_t good[] = {2, 5, 2, 17, 0, 5, 2, 1, 1};
	struct histogram *histogram = histogram_new();

	(void)state;
	histogram_record(histogram, 1000, 4);
	assert_int_equal(histogram_decode_add(histogram, bad, sizeof(bad)), -EBADMSG);
	assert_int_equal(histogram_count(histogram), 4);
	assert_int_equal(histogram_min_us(histogram), 1000);
	assert_int_equal(histogram_decode_add(histogram, good, sizeof(good)), 0);
	assert_int_equal(histogram_count(histogram), 7);
	assert_int_equal(histogram_min_us(histogram), 5);
	assert_int_equal(histogram_max_us(histogram), 1000);
	assert_int_equal(histogram_sum_us(histogram), 4017);
	histogram_free(histogram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_histogram_has_known_bytes),
	        cmocka_unit_test(test_histogram_refuses_what_no_encoder_writes),
	        cmocka_unit_test(test_histogram_takes_the_edges_of_what_fits),
	        cmocka_unit_test(test_histogram_takes_corrupt_bytes_only_as_a_canonical_histogram),
	        cmocka_unit_test(test_histogram_decodes_into_one_that_has_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
