/* SPDX-License-Identifier: Apache-2.0 */
/* random.h: the published generator, and distributions that are what they say. Seeds are fixed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"

static void test_generator_is_xoshiro256_starstar(void **state)
{
	/* The reference implementation's first numbers from the state {1, 2, 3, 4}. */
	static const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
	struct random random = {.state = {1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_true(random_next(&random) == expected[i]);
}

static void test_seed_is_splitmix64(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 0);
	assert_true(random.state[0] == UINT64_C(0xe220a8397b1dcdaf));
	assert_true(random.state[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void test_bounds_hold_and_are_reached(void **state)
{
	unsigned int seen[6] = {0};
	struct random random;

	(void)state;
	random_seed(&random, 3);
	for (int i = 0; i < 6000; i++)
		seen[random_below(&random, 6)]++;
	for (size_t i = 0; i < 6; i++)
		assert_in_range(seen[i], 800, 1200);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(random_below(&random, 1), 0);
		assert_in_range(random_between(&random, 10, 12), 10, 12);
		assert_int_equal(random_between(&random, 9, 9), 9);
	}
	/* The widest interval has no bound that fits. */
	assert_true((random_between(&random, 0, UINT64_MAX) | random_between(&random, 0, UINT64_MAX)) > UINT32_MAX);
}

static void test_large_bounds_have_no_modulo_bias(void **state)
{
	/* With a plain modulo the lowest third would come half of the time, with a plain product every
	 * third number. */
	const uint64_t bound = UINT64_C(3) << 62;
	struct random random;
	unsigned int low = 0;
	unsigned int third = 0;

	(void)state;
	random_seed(&random, 4);
	for (int i = 0; i < 9000; i++) {
		uint64_t number = random_below(&random, bound);

		assert_true(number < bound);
		low += number < bound / 3;
		third += number % 3 == 0;
	}
	assert_in_range(low, 2800, 3200);
	assert_in_range(third, 2800, 3200);
}

static void test_unit_and_exponential_have_their_means(void **state)
{
	enum { COUNT = 100000 };
	struct random random;
	double units = 0;
	double exponentials = 0;

	(void)state;
	random_seed(&random, 5);
	for (int i = 0; i < COUNT; i++) {
		double unit = random_unit(&random);
		double exponential = random_exponential(&random);

		assert_true(unit >= 0 && unit < 1);
		assert_true(exponential >= 0 && isfinite(exponential));
		units += unit;
		exponentials += exponential;
	}
	assert_true(fabs(units / COUNT - 0.5) < 0.01);
	assert_true(fabs(exponentials / COUNT - 1) < 0.02);
}

static void test_fill_writes_exactly_its_size(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 6);
	for (size_t size = 0; size < 40; size++) {
		uint8_t bytes[48];
		uint8_t zeros[40] = {0};

		memset(bytes, 0, sizeof(bytes));
		random_fill(&random, bytes, size);
		for (size_t i = size; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0);
		if (size >= 8)
			assert_true(memcmp(bytes + size - 8, zeros, 8) != 0);
	}
}

static void test_kernel_bytes_differ(void **state)
{
	uint8_t a[300];
	uint8_t b[300];

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	random_bytes(a, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_generator_is_xoshiro256_starstar),
	        cmocka_unit_test(test_seed_is_splitmix64),
	        cmocka_unit_test(test_bounds_hold_and_are_reached),
	        cmocka_unit_test(test_large_bounds_have_no_modulo_bias),
	        cmocka_unit_test(test_unit_and_exponential_have_their_means),
	        cmocka_unit_test(test_fill_writes_exactly_its_size),
	        cmocka_unit_test(test_kernel_bytes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
