/* SPDX-License-Identifier: Apache-2.0 */
/* series.h: six parts make a series, each of them tells two apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/stats/series.h"

static void test_series_differ_by_each_part(void **state)
{
	static const struct series cases[] = {
	        {METRIC_CHECKS, 0, "s", "t", "g", "l"}, {METRIC_ERRORS, 0, "s", "t", "g", "l"},
	        {METRIC_CHECKS, 1, "s", "t", "g", "l"}, {METRIC_CHECKS, 0, "S", "t", "g", "l"},
	        {METRIC_CHECKS, 0, "s", "T", "g", "l"}, {METRIC_CHECKS, 0, "s", "t", "G", "l"},
	        {METRIC_CHECKS, 0, "s", "t", "g", "L"}, {METRIC_CHECKS, 0, "", "", "", ""},
	        {METRIC_CHECKS, 0, "t", "s", "l", "g"}, {METRIC_CHECKS, 0, "st", "", "g", "l"},
	};
	struct series_table *table = series_table_new();

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			uint32_t id = 99;
			_Bool added;

			assert_int_equal(series_table_find(table, &cases[i]), round == 0 ? UINT32_MAX : i);
			assert_int_equal(series_table_intern(table, &cases[i], &id, &added), 0);
			assert_int_equal(id, i);
			assert_int_equal(added, round == 0);
		}
	}
	assert_int_equal(series_table_count(table), sizeof(cases) / sizeof(cases[0]));
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct series *series = series_table_get(table, i);

		assert_int_equal(series->metric, cases[i].metric);
		assert_int_equal(series->warmup, cases[i].warmup);
		assert_string_equal(series->scenario, cases[i].scenario);
		assert_string_equal(series->step, cases[i].step);
		assert_string_equal(series->group, cases[i].group);
		assert_string_equal(series->label, cases[i].label);
	}
	assert_null(series_table_free(table));
	assert_null(series_table_free(NULL));
}

static void test_series_stay_where_they_are_while_the_table_grows(void **state)
{
	enum { COUNT = 20000 };
	struct series_table *table = series_table_new();
	const struct series *first = NULL;
	char group[32];
	struct series series = {METRIC_HTTP_REQS, 0, "users", "http-1", group, ""};

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t id;

		snprintf(group, sizeof(group), "SYM%u", i);
		assert_int_equal(series_table_intern(table, &series, &id, NULL), 0);
		assert_int_equal(id, i);
		if (i == 0)
			first = series_table_get(table, 0);
	}
	assert_ptr_equal(series_table_get(table, 0), first);
	assert_string_equal(first->group, "SYM0");
	assert_string_equal(series_table_get(table, COUNT - 1)->group, "SYM19999");
	series_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_series_differ_by_each_part),
	        cmocka_unit_test(test_series_stay_where_they_are_while_the_table_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
