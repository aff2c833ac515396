/* SPDX-License-Identifier: Apache-2.0 */
/* option.h: the tables of keys are sound, and docs/plan-format.md knows every key in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/plan/option.h"

static const struct option *const tables[] = {plan_options,      scenario_options,    stage_options,
                                              threshold_options, kafka_topic_options, feed_options};

/* Calls `each` with every table. */
static void for_each_table(void (*each)(const struct option *table, void *context), void *context)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		each(tables[i], context);
	for (int i = 0; i < STEP_KIND_COUNT; i++)
		each(step_options[i], context);
	for (int i = 0; i < TARGET_KIND_COUNT; i++)
		each(target_options[i], context);
	for (int kind = 0; kind < DUTY_KIND_COUNT; kind++)
		for (int task = 0; task < DUTY_TASK_COUNT; task++)
			if (duty_options[kind][task])
				each(duty_options[kind][task], context);
}

static void check_table(const struct option *table, void *context)
{
	size_t count = 0;
	(void)context;
	for (const struct option *row = table; row->key; row++, count++) {
		for (const struct option *other = table; other < row; other++)
			assert_string_not_equal(row->key, other->key);
		if (!row->help && strcmp(row->key, "group") != 0)
			fail_msg("\"%s\" has no help", row->key);
		if (row->type == OPTION_CHOICE)
			assert_non_null(row->choices);
		if (row->type != OPTION_CUSTOM)
			assert_true(row->size > 0);
	}
	assert_true(count <= 64); /* what options_read() can take note of */
}

static void test_options_tables_are_sound(void **state)
{
	(void)state;
	for_each_table(check_table, NULL);
}

static void find_in_docs(const struct option *table, void *context)
{
	for (const struct option *row = table; row->key; row++) {
		char quoted[64];
		snprintf(quoted, sizeof(quoted), "`%s`", row->key);
		if (!strstr(context, quoted))
			fail_msg("docs/plan-format.md doesn't know %s", quoted);
	}
}

static void test_options_are_all_in_the_docs(void **state)
{
	struct buffer docs = {0};
	const char *root = getenv("SOURCE_ROOT");
	char *path = file_join(root ? root : ".", "docs/plan-format.md");
	(void)state;
	assert_int_equal(file_read(path, 1024 * 1024, &docs, NULL), 0);
	for_each_table(find_in_docs, (void *)buffer_text(&docs));
	buffer_deinit(&docs);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_options_tables_are_sound),
	        cmocka_unit_test(test_options_are_all_in_the_docs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
