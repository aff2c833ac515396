/* SPDX-License-Identifier: Apache-2.0 */
/* feed_use.h: where each scenario's draws from a unique feed lie, and what is behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/feed_use.h"

static struct plan *parse(const char *text, const char *rows)
{
	const struct plan_file file = {.name = "id", .data = rows, .size = strlen(rows)};
	struct failures failures = {0};
	struct plan *plan = NULL;

	if (plan_parse(text, strlen(text), &file, 1, &failures, &plan) < 0)
		fail_msg("%s", failures.count ? failures.items[0].text : "?");
	failures_deinit(&failures);
	return plan;
}

#define FEED(pick) "data: { id: { csv: rows.csv, column: id, pick: " pick " } }\n"
#define COUNTED(name, iterations, group)                                                                               \
	"  " name ": { executor: shared-iterations, iterations: " iterations ", steps: [ null: { group: '" group       \
	"' } ] }\n"
#define ARRIVALS(name, rate, group)                                                                                    \
	"  " name ": { executor: constant-arrival-rate, rate: " rate ", duration: 1s, steps: [ null: { group: '" group \
	"' } ] }\n"

static void test_feed_use_lays_draws_one_behind_the_other(void **state)
{
	struct plan *plan = parse(FEED("unique") "scenarios:\n" COUNTED("a", "2", "{{id}}") COUNTED("b", "50", "{{vu}}")
	                                  ARRIVALS("c", "3", "x{{id}}") COUNTED("d", "1", "{{id}}"),
	                          "id\n0\n1\n2\n3\n4\n5\n6\n7\n");

	(void)state;
	assert_int_equal(feed_use_offset(plan, 0, 0), 0);
	assert_int_equal(feed_use_offset(plan, 2, 0), 2);
	assert_int_equal(feed_use_offset(plan, 3, 0), 5);
	assert_int_equal(feed_use_draws(plan, 0), 6);
	assert_int_equal(feed_use_spares(plan, 0), 2);
	assert_int_equal(feed_use_spare_row(plan, 0, 0), 6);
	assert_int_equal(feed_use_spare_row(plan, 0, 1), 7);
	assert_int_equal(feed_use_spare_row(plan, 0, 2), UINT64_MAX);
	assert_true(feed_use_any_unique(plan, 0));
	assert_false(feed_use_any_unique(plan, 1));
	plan_free(plan);
}

static void test_feed_use_has_no_spares_behind_draws_without_a_count(void **state)
{
	struct plan *plan = parse(FEED("unique") "scenarios:\n" COUNTED(
	                                  "a", "2", "{{id}}") "  b: { executor: constant-vus, "
	                                                      "duration: 1s, steps: [ null: { group: "
	                                                      "'{{id}}' } ] }\n" ARRIVALS("c", "1", "{{id}}"),
	                          "id\n0\n1\n2\n3\n");

	(void)state;
	assert_int_equal(feed_use_offset(plan, 1, 0), 2);
	assert_int_equal(feed_use_offset(plan, 2, 0), UINT64_MAX);
	assert_int_equal(feed_use_draws(plan, 0), UINT64_MAX);
	assert_int_equal(feed_use_spares(plan, 0), 0);
	assert_int_equal(feed_use_spare_row(plan, 0, 0), UINT64_MAX);
	plan_free(plan);
}

static void test_feed_use_any_unique_passes_over_other_picks(void **state)
{
	struct plan *plan = parse(FEED("zipf") "scenarios:\n" COUNTED("a", "2", "{{id}}"), "id\n0\n");

	(void)state;
	assert_false(feed_use_any_unique(plan, 0));
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_feed_use_lays_draws_one_behind_the_other),
	        cmocka_unit_test(test_feed_use_has_no_spares_behind_draws_without_a_count),
	        cmocka_unit_test(test_feed_use_any_unique_passes_over_other_picks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
