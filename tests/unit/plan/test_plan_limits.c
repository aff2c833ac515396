/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds on plans: what is over them is refused early, what is just below reads back after writing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/plan/document.h"
#include "common/plan/plan.h"

#define SCENARIO "scenarios: { s: { executor: constant-vus, duration: 1s, steps: [ null: ] } }\n"

/* `head`, `count` times `item` (with %d for its number), `tail`. */
static void make(struct buffer *text, const char *head, const char *item, int count, const char *tail)
{
	const char *number = strstr(item, "%d");
	buffer_clear(text);
	buffer_append_text(text, head);
	for (int i = 0; i < count; i++) {
		buffer_append(text, item, number ? (size_t)(number - item) : strlen(item));
		if (number)
			buffer_append_format(text, "%d%s", i, number + 2);
	}
	buffer_append_text(text, tail);
	assert_int_equal(text->failed, 0);
}

static void test_plan_limits_are_named_where_they_are_passed(void **state)
{
	static const struct {
		const char *head, *item;
		int count;
		const char *tail, *error;
	} cases[] = {
	        {"targets: {", " t%d: { null: {} },", 257, " }\n" SCENARIO,
	         "1:10: the plan has 257 targets; it may have 256"},
	        {"variables: {", " v%d: 1,", 1001, " }\n" SCENARIO,
	         "1:12: the plan has 1001 variables; it may have 1000"},
	        {"tags: {", " t%d: 1,", 33, " }\n" SCENARIO,
	         "1:7: \"tags\" in the plan has 33 entries; it may have 32"},
	        {"scenarios: {", " s%d: {},", 257, " }\n", "1:12: the plan has 257 scenarios; it needs from 1 to 256"},
	        {"scenarios: { s: { executor: constant-vus, duration: 1s, steps: [", " null: ,", 257, " ] } }\n",
	         "1:64: \"steps\" in scenario \"s\" has 257 steps; it needs from 1 to 256"},
	        {"scenarios: { s: { executor: ramping-vus, steps: [ null: ], stages: [",
	         " { duration: 1s, target: 1 },", 4097, " ] } }\n",
	         "1:68: \"stages\" in scenario \"s\" has 4097 stages; it needs from 1 to 4096"},
	        {"thresholds: { iterations: [", " count>0,", 1025, " ] }\n" SCENARIO,
	         "1:13: the plan has more than 1024 thresholds"},
	        {"targets: { k: { kafka: { brokers: b, properties: {", " p%d: 1,", 257, " } } } }\n" SCENARIO,
	         "1:50: \"properties\" in target \"k\" has 257 entries; it may have 256"},
	        {"name: &a \"", "xxxxxxxxxx", 1000, "\"\ntags: [*a]\n" SCENARIO,
	         "2:7: \"tags\" in the plan must be a mapping, not a list"},
	        {"thresholds: { 'iterations{scenario:", "xxxxxxxxxx", 50, "}': ['count>0'] }\n" SCENARIO,
	         "1:15: a threshold's selector has 521 bytes; it may have 500"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer text = {0};
		struct failures failures = {0};
		struct plan *plan = NULL;
		char error[FAILURE_TEXT_MAX + 64];
		make(&text, cases[i].head, cases[i].item, cases[i].count, cases[i].tail);
		assert_int_equal(plan_parse(text.data, text.size, NULL, 0, &failures, &plan), -EINVAL);
		const struct failure *last = &failures.items[failures.count - 1];
		snprintf(error, sizeof(error), "%d:%d: %s", last->line, last->column, last->text);
		assert_string_equal(error, cases[i].error);
		failures_deinit(&failures);
		buffer_deinit(&text);
	}
}

/* Aliases may not make a small text large, in values or in bytes. */
static void test_plan_limits_hold_for_what_aliases_bring(void **state)
{
	static const struct document_limits limits = {.bytes = LIMIT_PLAN_BYTES, .nodes = LIMIT_PLAN_NODES};
	struct buffer text = {0};
	struct failures failures = {0};
	struct document *document = NULL;
	(void)state;
	make(&text, "a: &a \"", "xxxxxxxxxx", 1000, "\"\nb: [");
	for (int i = 0; i < 104; i++)
		buffer_append_text(&text, "*a,");
	buffer_append_text(&text, "]\n");
	assert_int_equal(document_parse("", text.data, text.size, &limits, &failures, &document), 0);
	document = document_free(document);
	text.size -= 2;
	buffer_append_text(&text, "*a]\n");
	assert_int_equal(document_parse("", text.data, text.size, &limits, &failures, &document), -EINVAL);
	assert_string_equal(failures.items[0].text, "the aliases up to here stand for more than 1048576 bytes");
	assert_null(document);
	failures_deinit(&failures);
	buffer_deinit(&text);
}

static void test_plan_limits_hold_for_the_text_itself(void **state)
{
	static const struct document_limits limits = {.bytes = 1000, .nodes = 100};
	struct buffer text = {0};
	struct failures failures = {0};
	struct document *document = NULL;
	(void)state;
	make(&text, "[", "a,", 99, "]");
	assert_int_equal(document_parse("", text.data, text.size, &limits, &failures, &document), 0);
	document = document_free(document);
	make(&text, "[", "a,", 101, "]");
	assert_int_equal(document_parse("", text.data, text.size, &limits, &failures, &document), -EINVAL);
	make(&text, "# ", "xxxxxxxxxx", 100, "\na");
	assert_int_equal(document_parse("", text.data, text.size, &limits, &failures, &document), -EINVAL);
	assert_int_equal(failures.count, 2);
	assert_string_equal(failures.items[0].text, "the plan has more than 100 values");
	assert_string_equal(failures.items[1].text, "the plan has 1004 bytes; a plan may have 1000");
	failures_deinit(&failures);
	buffer_deinit(&text);
}

/* A plan at the bounds becomes larger when it is written with every default; agents must still take it. */
static void test_plan_limits_leave_room_for_the_resolved_plan(void **state)
{
	struct buffer text = {0}, resolved = {0};
	struct failures failures = {0};
	struct plan *plan = NULL, *again = NULL;
	(void)state;
	buffer_append_text(&text, "scenarios:\n");
	for (int i = 0; i < 128; i++) {
		buffer_append_format(&text, " s%d: {executor: constant-vus, duration: 1s, steps: [", i);
		for (int j = 0; j < 250; j++)
			buffer_append_text(&text, "null: ,");
		buffer_append_text(&text, "]}\n");
	}
	assert_true(text.size <= LIMIT_PLAN_BYTES);
	assert_int_equal(plan_parse(text.data, text.size, NULL, 0, &failures, &plan), 0);
	assert_int_equal(plan_write(plan, &resolved), 0);
	assert_true(resolved.size > LIMIT_PLAN_BYTES);
	assert_int_equal(plan_parse(resolved.data, resolved.size, NULL, 0, &failures, &again), 0);
	assert_int_equal(again->scenarios[127].step_count, 250);
	plan_free(plan);
	plan_free(again);
	buffer_deinit(&text);
	buffer_deinit(&resolved);
}

/* Every variable a value that holds the one before twice: 2^n. */
static void test_plan_limits_hold_for_variables_that_multiply(void **state)
{
	struct buffer text = {0};
	struct failures failures = {0};
	struct plan *plan = NULL;
	(void)state;
	buffer_append_text(&text, "variables:\n  v0: 0123456789\n");
	for (int i = 1; i < 40; i++)
		buffer_append_format(&text, "  v%d: ${v%d}${v%d}\n", i, i - 1, i - 1);
	buffer_append_text(&text, SCENARIO);
	assert_int_equal(plan_parse(text.data, text.size, NULL, 0, &failures, &plan), -EINVAL);
	assert_string_equal(failures.items[0].text,
	                    "the plan has more than 1048576 bytes once its variables are filled in");
	failures_deinit(&failures);
	buffer_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_limits_are_named_where_they_are_passed),
	        cmocka_unit_test(test_plan_limits_hold_for_what_aliases_bring),
	        cmocka_unit_test(test_plan_limits_hold_for_the_text_itself),
	        cmocka_unit_test(test_plan_limits_leave_room_for_the_resolved_plan),
	        cmocka_unit_test(test_plan_limits_hold_for_variables_that_multiply),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
