/* SPDX-License-Identifier: Apache-2.0 */
/* rota.h: which duty is next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/rota.h"
#include "common/base/clock.h"

enum { SETUP_1, SETUP_2, TEARDOWN, SLOW, QUICK, VERIFIER, COUNT };

static struct duty duties[COUNT] = {
        [SETUP_1] = {.kind = DUTY_SETUP},
        [SETUP_2] = {.kind = DUTY_SETUP},
        [TEARDOWN] = {.kind = DUTY_TEARDOWN},
        [SLOW] = {.kind = DUTY_READER, .every_ns = 1000},
        [QUICK] = {.kind = DUTY_READER, .every_ns = 100},
        [VERIFIER] = {.kind = DUTY_VERIFIER},
};
static const struct plan plan = {.duties = duties, .duty_count = COUNT};

static int set_up(void **state)
{
	static struct rota rota;

	*state = &rota;
	return rota_init(&rota, &plan);
}

static int tear_down(void **state)
{
	rota_deinit(*state);
	return 0;
}

static uint32_t next(const struct rota *rota, uint64_t now_ns)
{
	uint64_t wake_ns;

	return rota_next(rota, now_ns, &wake_ns);
}

static void check_wake(const struct rota *rota, uint64_t now_ns, uint64_t expected_ns)
{
	uint64_t wake_ns = 0;

	assert_int_equal(rota_next(rota, now_ns, &wake_ns), PLAN_NONE);
	assert_int_equal(wake_ns, expected_ns);
}

static void test_rota_performs_steps_once_and_in_order(void **state)
{
	struct rota *rota = *state;

	check_wake(rota, 0, CLOCK_NEVER);
	rota_give(rota, SETUP_2, 0);
	rota_give(rota, SETUP_1, 0);
	assert_int_equal(next(rota, 0), SETUP_1);
	assert_true(rota_settle(rota, SETUP_1, rota_given(rota, SETUP_1), 0, 5));
	assert_int_equal(next(rota, 5), SETUP_2);
	rota_give(rota, SETUP_1, 6); /* said again */
	assert_true(rota_settle(rota, SETUP_2, rota_given(rota, SETUP_2), 0, 7));
	check_wake(rota, 7, CLOCK_NEVER);
}

static void test_rota_holds_up_what_follows_a_failed_setup(void **state)
{
	struct rota *rota = *state;

	rota_give(rota, SETUP_1, 0);
	rota_give(rota, SETUP_2, 0);
	rota_give(rota, TEARDOWN, 0);
	assert_true(rota_settle(rota, SETUP_1, rota_given(rota, SETUP_1), 1, 5));
	assert_int_equal(next(rota, 5), TEARDOWN);
	assert_true(rota_settle(rota, TEARDOWN, rota_given(rota, TEARDOWN), 1, 6));
	check_wake(rota, 7, CLOCK_NEVER);
}

static void test_rota_performs_a_step_again_that_is_given_again(void **state)
{
	struct rota *rota = *state;
	uint32_t given;

	rota_give(rota, SETUP_1, 0);
	given = rota_given(rota, SETUP_1);
	assert_true(rota_take_away(rota, SETUP_1));
	assert_false(rota_take_away(rota, SETUP_1));
	assert_int_equal(next(rota, 1), PLAN_NONE);
	rota_give(rota, SETUP_1, 2);
	/* What was begun before it was taken away is not it. */
	assert_false(rota_settle(rota, SETUP_1, given, 0, 3));
	assert_int_equal(next(rota, 3), SETUP_1);
	assert_true(rota_settle(rota, SETUP_1, rota_given(rota, SETUP_1), 0, 4));
	assert_true(rota_take_away(rota, SETUP_1));
	assert_false(rota_settle(rota, SETUP_1, rota_given(rota, SETUP_1), 0, 4));
}

static void test_rota_reads_on_the_grid_of_the_first_reading(void **state)
{
	struct rota *rota = *state;

	rota_give(rota, SLOW, 10);
	rota_give(rota, QUICK, 20);
	assert_int_equal(next(rota, 25), SLOW);
	assert_true(rota_settle(rota, SLOW, rota_given(rota, SLOW), 0, 30));
	assert_int_equal(next(rota, 30), QUICK);
	assert_true(rota_settle(rota, QUICK, rota_given(rota, QUICK), 0, 40));
	check_wake(rota, 41, 120);
	assert_int_equal(next(rota, 120), QUICK);
	/* It took until 550: what was due at 220 ... 520 is left out. */
	assert_true(rota_settle(rota, QUICK, rota_given(rota, QUICK), 0, 550));
	check_wake(rota, 550, 620);
	assert_true(rota_take_away(rota, QUICK));
	check_wake(rota, 700, 1010);
}

static void test_rota_leaves_verifiers_to_their_own_threads(void **state)
{
	struct rota *rota = *state;

	rota_give(rota, VERIFIER, 0);
	check_wake(rota, 1, CLOCK_NEVER);
}

static void test_rota_puts_steps_before_readings(void **state)
{
	struct rota *rota = *state;

	rota_give(rota, QUICK, 0);
	rota_give(rota, TEARDOWN, 0);
	assert_int_equal(next(rota, 1000), TEARDOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_rota_performs_steps_once_and_in_order, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_rota_holds_up_what_follows_a_failed_setup, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_rota_performs_a_step_again_that_is_given_again, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_rota_reads_on_the_grid_of_the_first_reading, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_rota_leaves_verifiers_to_their_own_threads, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_rota_puts_steps_before_readings, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
