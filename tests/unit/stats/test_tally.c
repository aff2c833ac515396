/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h: the account of iterations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/tally.h"

static void test_tally_adds_every_number(void **state)
{
	/* Filled as an array of numbers, so that a field which is added later is tested as well. */
	uint64_t numbers[sizeof(struct tally) / sizeof(uint64_t)];
	struct tally into = {0};
	struct tally from;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		numbers[i] = i + 1;
	memcpy(&from, numbers, sizeof(from));
	tally_add(&into, &from);
	tally_add(&into, &from);
	memcpy(numbers, &into, sizeof(into));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(numbers[i], 2 * (i + 1));
}

static void test_tally_drops_are_of_all_reasons(void **state)
{
	struct tally tally = {0};

	(void)state;
	assert_int_equal(tally_dropped(&tally), 0);
	tally.dropped[DROP_NO_VU] = 1;
	tally.dropped[DROP_QUEUE_FULL] = 10;
	tally.dropped[DROP_LATE] = 100;
	tally.dropped[DROP_MAX_DURATION] = 1000;
	assert_int_equal(tally_dropped(&tally), 1111);
	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		assert_true(drop_reason_names[i][0] != '\0');
}

static void test_tally_holds_when_every_start_has_an_end(void **state)
{
	struct tally tally = {.started = 10, .succeeded = 5, .failed = 3, .interrupted = 1};

	(void)state;
	assert_true(tally_holds(&tally, 1));
	assert_false(tally_holds(&tally, 0));
	assert_false(tally_holds(&tally, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_tally_adds_every_number),
	        cmocka_unit_test(test_tally_drops_are_of_all_reasons),
	        cmocka_unit_test(test_tally_holds_when_every_start_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
