/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options by table: tables of command lines, with what they set or why they are refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/options.h"

enum { WORDS_MAX = 8 };

/* What was set, in order: "count=3;quiet;". */
struct taken {
	char text[256];
};

static void note(struct taken *taken, const char *text)
{
	size_t length = strlen(taken->text);

	snprintf(taken->text + length, sizeof(taken->text) - length, "%s;", text);
}

static int set_count(void *context, const char *value, struct failure *failure)
{
	char text[64];

	if (strspn(value, "0123456789") != strlen(value) || !*value)
		return failure_set(failure, -EINVAL, "expected a number");
	snprintf(text, sizeof(text), "count=%s", value);
	note(context, text);
	return 0;
}

static int set_quiet(void *context, const char *value, struct failure *failure)
{
	(void)value, (void)failure;
	note(context, "quiet");
	return 0;
}

static int set_pair(void *context, const char *value, struct failure *failure)
{
	(void)failure;
	note(context, value);
	return 0;
}

static const struct option_row rows[] = {
        {.name = "expect-count", .letter = 'c', .argument = "N", .help = "", .set = set_count},
        {.name = "quiet", .letter = 'q', .help = "", .set = set_quiet},
        {.name = "env", .letter = 'e', .argument = "NAME=VALUE", .help = "", .repeatable = 1, .set = set_pair},
        {.name = NULL},
};

static int parse(const char *const *words, struct taken *taken, char *positionals, size_t size, _Bool *help,
                 struct failure *failure)
{
	char *argv[WORDS_MAX + 2] = {(char *)"command"};
	struct positionals found = {0};
	int argc = 1;
	int r;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	*taken = (struct taken){0};
	*failure = (struct failure){0};
	r = options_parse(rows, taken, argc, argv, &found, help, failure);
	positionals[0] = '\0';
	for (int i = 0; i < found.count; i++)
		snprintf(positionals + strlen(positionals), size - strlen(positionals), "%s;", found.items[i]);
	return r;
}

static void test_options_stand_anywhere_in_each_of_their_forms(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *taken, *positionals;
		_Bool help;
	} cases[] = {
	        {{NULL}, "", "", 0},
	        {{"plan"}, "", "plan;", 0},
	        {{"--expect-count", "3", "plan"}, "count=3;", "plan;", 0},
	        {{"plan", "--expect-count=3"}, "count=3;", "plan;", 0},
	        {{"-c", "3", "a", "-q", "b"}, "count=3;quiet;", "a;b;", 0},
	        {{"-c3"}, "count=3;", "", 0},
	        {{"-e", "a=1", "-e", "b=2", "--env=c=3", "--env", "d=4"}, "a=1;b=2;c=3;d=4;", "", 0},
	        {{"-e", "-q"}, "-q;", "", 0},
	        {{"--", "-q", "--expect-count"}, "", "-q;--expect-count;", 0},
	        {{"-q", "--", "a", "--"}, "quiet;", "a;--;", 0},
	        {{"-"}, "", "-;", 0},
	        {{""}, "", ";", 0},
	        {{"--help"}, "", "", 1},
	        {{"-q", "-h", "--nonsense"}, "", "", 1},
	        {{"plan", "--expect-count", "--help"}, "", "", 1},
	        {{"--", "--help"}, "", "--help;", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char positionals[128];
		struct failure failure;
		struct taken taken;
		_Bool help;
		int r = parse(cases[i].words, &taken, positionals, sizeof(positionals), &help, &failure);

		if (r != 0 || help != cases[i].help || strcmp(taken.text, cases[i].taken) != 0 ||
		    strcmp(positionals, cases[i].positionals) != 0)
			fail_msg("case %zu: %d, %s, took \"%s\", left \"%s\": %s", i, r, help ? "help" : "no help",
			         taken.text, positionals, failure.text);
	}
}

static void test_bad_options_are_refused_with_the_reason_and_what_was_meant(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *text;
	} cases[] = {
	        {{"--expect-cuont", "3"}, "unknown option --expect-cuont (did you mean --expect-count?)"},
	        {{"--expect-cuont=3"}, "unknown option --expect-cuont (did you mean --expect-count?)"},
	        {{"--hepl"}, "unknown option --hepl (did you mean --help?)"},
	        {{"--zzzzzz"}, "unknown option --zzzzzz"},
	        {{"--=3"}, "unknown option --"},
	        {{"-x"}, "unknown option -x"},
	        {{"-qx"}, "unknown option -qx"},
	        {{"--quiet=1"}, "--quiet takes no value"},
	        {{"--expect-count"}, "--expect-count needs a value: N"},
	        {{"plan", "-c"}, "--expect-count needs a value: N"},
	        {{"--expect-count", "x"}, "--expect-count x: expected a number"},
	        {{"--expect-count=x"}, "--expect-count x: expected a number"},
	        {{"--expect-count="}, "--expect-count \"\": expected a number"},
	        {{"-c", "x"}, "-c x: expected a number"},
	        {{"-cx"}, "-c x: expected a number"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char positionals[128];
		struct failure failure;
		struct taken taken;
		_Bool help;
		int r = parse(cases[i].words, &taken, positionals, sizeof(positionals), &help, &failure);

		if (r != -EINVAL || strcmp(failure.text, cases[i].text) != 0)
			fail_msg("case %zu: %d \"%s\", expected \"%s\"", i, r, failure.text, cases[i].text);
	}
}

static int clear_environment(void **state)
{
	(void)state;
	return unsetenv("STAMPEDE_EXPECT_COUNT") | unsetenv("STAMPEDE_QUIET") | unsetenv("STAMPEDE_ENV");
}

static void test_the_environment_is_applied_before_flags_and_never_to_what_may_be_repeated(void **state)
{
	static const struct {
		const char *count, *quiet, *env;
		const char *words[WORDS_MAX];
		const char *taken, *refusal;
	} cases[] = {
	        {"5", NULL, NULL, {NULL}, "count=5;", NULL},
	        {"5", NULL, NULL, {"-c", "6"}, "count=5;count=6;", NULL}, /* the last one stays */
	        {"", "", "", {NULL}, "", NULL},
	        {NULL, "1", NULL, {NULL}, "quiet;", NULL},
	        {NULL, "true", NULL, {NULL}, "quiet;", NULL},
	        {NULL, "0", NULL, {NULL}, "", NULL},
	        {NULL, "false", NULL, {NULL}, "", NULL},
	        {NULL, "maybe", NULL, {NULL}, "", "STAMPEDE_QUIET=maybe: expected 1 or 0"},
	        {NULL, NULL, "a=1", {NULL}, "", NULL},
	        {"x", NULL, NULL, {NULL}, "", "STAMPEDE_EXPECT_COUNT=x: expected a number"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char positionals[128];
		struct failure failure;
		struct taken taken;
		_Bool help;
		int r;

		clear_environment(state);
		if (cases[i].count)
			setenv("STAMPEDE_EXPECT_COUNT", cases[i].count, 1);
		if (cases[i].quiet)
			setenv("STAMPEDE_QUIET", cases[i].quiet, 1);
		if (cases[i].env)
			setenv("STAMPEDE_ENV", cases[i].env, 1);
		r = parse(cases[i].words, &taken, positionals, sizeof(positionals), &help, &failure);
		if (r != (cases[i].refusal ? -EINVAL : 0) || strcmp(taken.text, cases[i].taken) != 0 ||
		    (cases[i].refusal && strcmp(failure.text, cases[i].refusal) != 0))
			fail_msg("case %zu: %d, took \"%s\": %s", i, r, taken.text, failure.text);
	}
	clear_environment(state);
}

static void test_help_is_given_even_where_the_environment_is_wrong(void **state)
{
	char positionals[128];
	struct failure failure;
	struct taken taken;
	_Bool help = 0;

	setenv("STAMPEDE_EXPECT_COUNT", "x", 1);
	assert_int_equal(
	        parse((const char *[]){"--help", NULL}, &taken, positionals, sizeof(positionals), &help, &failure), 0);
	assert_true(help);
	clear_environment(state);
}

static void test_pairs_are_split_at_the_first_equals_sign(void **state)
{
	static const struct {
		const char *text, *name, *value; /* name NULL: refused */
	} cases[] = {
	        {"a=b", "a", "b"}, {"a=", "a", ""},  {"a=b=c", "a", "b=c"}, {"A_1= x ", "A_1", " x "},
	        {"a", NULL, NULL}, {"", NULL, NULL}, {"=b", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = {0};
		const char *value = NULL;
		char *name = NULL;
		int r = options_split_pair(cases[i].text, &name, &value, &failure);

		assert_int_equal(r, cases[i].name ? 0 : -EINVAL);
		if (!cases[i].name) {
			assert_null(name);
			assert_string_equal(failure.text, "expected NAME=VALUE");
			continue;
		}
		assert_string_equal(name, cases[i].name);
		assert_string_equal(value, cases[i].value);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(test_options_stand_anywhere_in_each_of_their_forms, clear_environment),
	        cmocka_unit_test_setup(test_bad_options_are_refused_with_the_reason_and_what_was_meant,
	                               clear_environment),
	        cmocka_unit_test(test_the_environment_is_applied_before_flags_and_never_to_what_may_be_repeated),
	        cmocka_unit_test(test_help_is_given_even_where_the_environment_is_wrong),
	        cmocka_unit_test(test_pairs_are_split_at_the_first_equals_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
