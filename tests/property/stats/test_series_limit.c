/* SPDX-License-Identifier: Apache-2.0 */
/* series.h: an incarnation may name two million series and no more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/stats/series.h"

static void test_series_above_the_limit_are_refused(void **state)
{
	enum { LABELS = 2000 };
	static char labels[LABELS][8];
	struct series_table *table = series_table_new();
	struct series series = {METRIC_CHECKS, 0, "", "", "", ""};
	uint32_t id = 0;

	(void)state;
	/* Few texts and many pairs of them fill the table soon. */
	for (uint32_t i = 0; i < LABELS; i++)
		snprintf(labels[i], sizeof(labels[i]), "%u", i);
	for (uint32_t i = 0; i < LIMIT_SERIES; i++) {
		series.scenario = labels[i / LABELS];
		series.label = labels[i % LABELS];
		if (series_table_intern(table, &series, &id, NULL) != 0 || id != i)
			fail();
	}
	series.scenario = "one";
	assert_int_equal(series_table_intern(table, &series, &id, NULL), -EOVERFLOW);
	series.scenario = "1";
	assert_int_equal(series_table_intern(table, &series, &id, NULL), 0);
	assert_int_equal(series_table_count(table), LIMIT_SERIES);
	series_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_series_above_the_limit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
