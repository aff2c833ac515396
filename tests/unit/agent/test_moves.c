/* SPDX-License-Identifier: Apache-2.0 */
/* moves.h: which arrivals draw spare rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/moves.h"

static struct share_class odd_class = {2, 1};
static struct share_class fifth_class = {6, 5};

/* From arrival 10 on the odd ones, then from 20 on every third of these. */
static const struct wire_move list[] = {
        {.scenario = 0, .from_index = 10, .first_spare = 100, .share = {&odd_class, 1, 0}},
        {.scenario = 1, .from_index = 0, .first_spare = 500, .share = {&odd_class, 1, 0}},
        {.scenario = 0, .from_index = 20, .first_spare = 200, .share = {&fifth_class, 1, 0}},
};

static void check(const struct moves *moves, uint64_t index, uint64_t expected)
{
	uint64_t spare = UINT64_MAX;

	assert_int_equal(moves_spare(moves, index, &spare), expected != UINT64_MAX);
	assert_int_equal(spare, expected);
}

static void test_moves_number_spares_by_the_moved_arrivals(void **state)
{
	struct moves moves = {0};

	(void)state;
	check(&moves, 11, UINT64_MAX);
	assert_int_equal(moves_add(&moves, 0, list, 1, 0), 0);
	check(&moves, 9, UINT64_MAX);
	check(&moves, 10, UINT64_MAX);
	check(&moves, 11, 100);
	check(&moves, 13, 101);
	check(&moves, 1011, 600);
	moves_deinit(&moves);
}

static void test_moves_go_by_the_newest_that_holds(void **state)
{
	struct moves moves = {0};

	(void)state;
	assert_int_equal(moves_add(&moves, 0, list, 1, 0), 0);
	assert_int_equal(moves_add(&moves, 0, list, 3, 0), 0);
	check(&moves, 17, 103); /* before the second one */
	check(&moves, 23, 200);
	check(&moves, 25, 107);
	check(&moves, 29, 201);
	moves_deinit(&moves);
}

static void test_moves_leave_arrivals_before_they_were_heard_of_alone(void **state)
{
	struct moves moves = {0};

	(void)state;
	assert_int_equal(moves_add(&moves, 0, list, 3, 26), 0);
	check(&moves, 23, UINT64_MAX);
	check(&moves, 25, UINT64_MAX);
	/* The numbers stay as they are for everyone. */
	check(&moves, 27, 108);
	check(&moves, 29, 201);
	moves_deinit(&moves);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_moves_number_spares_by_the_moved_arrivals),
	        cmocka_unit_test(test_moves_go_by_the_newest_that_holds),
	        cmocka_unit_test(test_moves_leave_arrivals_before_they_were_heard_of_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
