/* SPDX-License-Identifier: Apache-2.0 */
/* error_class.h: labels go there and back, whatever a target says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/stats/error_class.h"

static void test_error_labels_go_there_and_back(void **state)
{
	static const struct {
		enum error_class class;
		const char *code;
		const char *text;
		const char *label;
	} cases[] = {
	        {ERROR_TIMEOUT, "", "no answer in 5s", "timeout||no answer in 5s"},
	        {ERROR_SERVER, "503", "Service Unavailable", "server|503|Service Unavailable"},
	        {ERROR_DATA, "23505", "a|b", "data|23505|a|b"},
	        {ERROR_CLIENT, "a|b", "", "client|a?b|"},
	        {ERROR_CONNECTION, NULL, NULL, "connection||"},
	        {ERROR_CHECK, "1\n", "two\nlines\ttab\x7f", "check|1 |two lines tab "},
	        {ERROR_AUTH, "28P01", "\u682a", "auth|28P01|\u682a"},
	        {ERROR_RATE_LIMITED, "429", "bad \xff byte", "rate_limited|429|bad ? byte"},
	        {ERROR_NONE, "", "", "||"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char label[ERROR_LABEL_SIZE];
		enum error_class class;
		const char *code, *text;
		size_t code_size;

		error_label_format(cases[i].class, cases[i].code, cases[i].text, label);
		assert_string_equal(label, cases[i].label);
		assert_int_equal(error_label_parse(label, &class, &code, &code_size, &text), 0);
		assert_int_equal(class, cases[i].class);
		assert_ptr_equal(code, label + strlen(error_class_names[class]) + 1);
		assert_ptr_equal(text, code + code_size + 1);
	}
}

static void test_error_texts_are_cut_at_a_character(void **state)
{
	char text[4 * LIMIT_ERROR_TEXT_BYTES];
	char label[ERROR_LABEL_SIZE];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		size_t size;

		memset(text, 'x', shift);
		for (size_t at = shift; at + 4 <= sizeof(text); at += 4)
			memcpy(text + at, "\U0001f680", 4);
		text[sizeof(text) - 4 + shift] = '\0';
		error_label_format(ERROR_RATE_LIMITED, text, text, label);
		assert_true(text_is_utf8(label, strlen(label)));
		size = strlen(strchr(strchr(label, '|') + 1, '|') + 1);
		assert_in_range(size, LIMIT_ERROR_TEXT_BYTES - 3, LIMIT_ERROR_TEXT_BYTES);
	}
}

static void test_error_labels_that_are_none_are_refused(void **state)
{
	static const char *const cases[] = {"",          "timeout",  "timeout|",   "timeout|x",
	                                    "weird|1|x", "time|1|x", "Timeout|1|x"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum error_class class = ERROR_CHECK;
		const char *code = NULL, *text = NULL;
		size_t size = 7;

		assert_int_equal(error_label_parse(cases[i], &class, &code, &size, &text), -EBADMSG);
		assert_true(class == ERROR_CHECK && !code && !text && size == 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_error_labels_go_there_and_back),
	        cmocka_unit_test(test_error_texts_are_cut_at_a_character),
	        cmocka_unit_test(test_error_labels_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
