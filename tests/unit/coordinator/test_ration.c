/* SPDX-License-Identifier: Apache-2.0 */
/* ration.h: a burst, then a steady rate; what is withheld is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "coordinator/run/ration.h"

enum { AT_ONCE = 5 };

static _Bool take(struct ration *ration, uint64_t now_ns, uint64_t *ret_withheld)
{
	return ration_take(ration, now_ns, NS_PER_S, AT_ONCE, ret_withheld);
}

static void test_a_burst_is_let_through_and_the_rest_withheld_and_counted(void **state)
{
	struct ration ration = {0};
	uint64_t now_ns = 1000 * NS_PER_S, withheld = 99;

	(void)state;
	for (int i = 0; i < AT_ONCE; i++) {
		assert_true(take(&ration, now_ns, &withheld));
		assert_int_equal(withheld, 0);
	}
	for (int i = 0; i < 100; i++)
		assert_false(take(&ration, now_ns, NULL));
	assert_true(take(&ration, now_ns + NS_PER_S, &withheld));
	assert_int_equal(withheld, 100);
	assert_false(take(&ration, now_ns + NS_PER_S, NULL));
}

static void test_whatever_is_asked_for_no_more_is_done_than_the_rate(void **state)
{
	struct ration ration = {0};
	uint32_t done = 0;

	(void)state;
	for (uint64_t ms = 0; ms < 100000; ms++)
		done += take(&ration, ms * NS_PER_MS, NULL);
	assert_in_range(done, 100, 100 + AT_ONCE);
}

static void test_a_pause_gives_the_burst_again_and_no_more(void **state)
{
	struct ration ration = {0};
	uint64_t later_ns = 3600 * NS_PER_S;

	(void)state;
	while (take(&ration, 0, NULL))
		;
	for (int i = 0; i < AT_ONCE; i++)
		assert_true(take(&ration, later_ns, NULL));
	assert_false(take(&ration, later_ns, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_burst_is_let_through_and_the_rest_withheld_and_counted),
	        cmocka_unit_test(test_whatever_is_asked_for_no_more_is_done_than_the_rate),
	        cmocka_unit_test(test_a_pause_gives_the_burst_again_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
