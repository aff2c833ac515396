/* SPDX-License-Identifier: Apache-2.0 */
/* failure.h: texts, places, and lists in the order of the file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/failure.h"
#include "common/base/text.h"

static void test_failure_set_returns_the_code_and_keeps_the_text(void **state)
{
	struct failure failure;

	(void)state;
	assert_int_equal(failure_set(&failure, -EINVAL, "%s has %d", "rate", 3), -EINVAL);
	assert_int_equal(failure.code, -EINVAL);
	assert_string_equal(failure.text, "rate has 3");
	assert_string_equal(failure.file, "");
	assert_int_equal(failure_set(NULL, -ENOMEM, "nowhere"), -ENOMEM);
	assert_int_equal(failure_set_at(NULL, -ENOMEM, "f", 1, 1, "nowhere"), -ENOMEM);
}

static void test_failure_may_be_made_of_itself(void **state)
{
	struct failure failure;

	(void)state;
	failure_set_at(&failure, -EINVAL, "plan.yaml", 2, 3, "inner");
	failure_set_at(&failure, -EINVAL, failure.file, failure.line, failure.column, "outer: %s", failure.text);
	assert_string_equal(failure.text, "outer: inner");
	assert_string_equal(failure.file, "plan.yaml");
	assert_int_equal(failure.line, 2);
}

static void test_failure_formats_the_parts_that_are_known(void **state)
{
	static const struct {
		struct failure failure;
		const char *expected;
	} cases[] = {
	        {{.text = "no such host"}, "no such host"},
	        {{.file = "plan.yaml", .text = "is empty"}, "plan.yaml: is empty"},
	        {{.file = "plan.yaml", .line = 12, .text = "t"}, "plan.yaml:12: t"},
	        {{.file = "plan.yaml", .line = 12, .column = 7, .text = "t"}, "plan.yaml:12:7: t"},
	        {{.line = 12, .column = 7, .text = "t"}, "12:7: t"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		char little[4];
		size_t length = strlen(cases[i].expected);

		assert_int_equal(failure_format(&cases[i].failure, text, sizeof(text)), length);
		assert_string_equal(text, cases[i].expected);
		assert_int_equal(failure_format(&cases[i].failure, little, sizeof(little)), length);
		assert_int_equal(strlen(little), 3);
	}
}

static void test_failure_cuts_long_texts_at_a_character(void **state)
{
	struct failure failure;
	char text[3 * FAILURE_TEXT_MAX];

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		size_t at = shift;

		memset(text, 'x', shift);
		for (; at + 3 < sizeof(text); at += 3)
			memcpy(text + at, "\xe6\xa0\xaa", 3);
		text[at] = '\0';
		failure_set_at(&failure, -EINVAL, text, 1, 1, "%s", text);
		assert_true(text_is_utf8(failure.text, strlen(failure.text)));
		assert_true(text_is_utf8(failure.file, strlen(failure.file)));
		assert_string_equal(failure.text + strlen(failure.text) - 3, "...");
		assert_true(strlen(failure.text) > FAILURE_TEXT_MAX - 8);
	}
}

static void test_failures_are_sorted_by_place_and_stable(void **state)
{
	static const struct {
		const char *file;
		int line, column;
		const char *text;
	} added[] = {{"b", 1, 1, "6"}, {"a", 2, 9, "4"},  {"a", 2, 1, "2"},
	             {"a", 2, 1, "3"}, {"a", 10, 1, "5"}, {"a", 1, 5, "1"}};
	struct failures failures = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
		failures_add_at(&failures, added[i].file, added[i].line, added[i].column, "%s", added[i].text);
	failures_sort(&failures);
	assert_int_equal(failures.count, 6);
	for (size_t i = 0; i < failures.count; i++) {
		assert_int_equal(failures.items[i].text[0], '1' + (int)i);
		assert_true(failures.items[i].code < 0);
	}
	failures_deinit(&failures);
	assert_int_equal(failures.count, 0);
}

static void test_failures_past_the_most_are_counted(void **state)
{
	struct failures failures = {0};
	struct failure failure;

	(void)state;
	failure_set(&failure, -EINVAL, "again");
	for (int i = 0; i < FAILURES_MAX + 3; i++)
		failures_add(&failures, &failure);
	assert_int_equal(failures.count, FAILURES_MAX);
	assert_int_equal(failures.left_out, 3);
	failures_deinit(&failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_failure_set_returns_the_code_and_keeps_the_text),
	        cmocka_unit_test(test_failure_may_be_made_of_itself),
	        cmocka_unit_test(test_failure_formats_the_parts_that_are_known),
	        cmocka_unit_test(test_failure_cuts_long_texts_at_a_character),
	        cmocka_unit_test(test_failures_are_sorted_by_place_and_stable),
	        cmocka_unit_test(test_failures_past_the_most_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
