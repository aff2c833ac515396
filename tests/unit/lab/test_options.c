/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's command line. */
#include "deploy/lab/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { ARGUMENTS_MAX = 8 };

/* What is parsed points into argv. */
static int parse(const char *const *arguments, struct failure *failure, struct options *options)
{
	static char *argv[ARGUMENTS_MAX + 2];

	memset(argv, 0, sizeof(argv));
	argv[0] = (char *)"stampede-lab";
	for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
		argv[i + 1] = (char *)arguments[i];
	return options_parse(argv, failure, options);
}

static void test_options_start_all_targets_when_none_is_named(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse((const char *[]){"--", "true", NULL}, NULL, &options), 0);
	assert_true(options.kafka && options.api && options.postgres);
	assert_int_equal(options.symbols, 3000);
	assert_int_equal(options.latency_low_ns, NS_PER_MS);
	assert_int_equal(options.latency_high_ns, 5 * NS_PER_MS);
	assert_true(options.errors == 0);
	assert_string_equal(options.command[0], "true");
	assert_null(options.command[1]);
}

static void test_options_start_only_the_targets_named(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse((const char *[]){"--api", "--kafka", NULL}, NULL, &options), 0);
	assert_true(options.kafka && options.api && !options.postgres);
	assert_null(options.command);
}

static void test_options_take_values_apart_or_after_an_equals_sign(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse((const char *[]){"--symbols", "1_000", "--latency=2ms..3s", "--errors", "0.5%",
	                                        "--counters=x", NULL},
	                       NULL, &options),
	                 0);
	assert_int_equal(options.symbols, 1000);
	assert_int_equal(options.latency_low_ns, 2 * NS_PER_MS);
	assert_int_equal(options.latency_high_ns, 3 * NS_PER_S);
	assert_true(options.errors == 0.005);
	assert_string_equal(options.counters, "x");
	assert_int_equal(parse((const char *[]){"--latency", "7ms", NULL}, NULL, &options), 0);
	assert_int_equal(options.latency_low_ns, 7 * NS_PER_MS);
	assert_int_equal(options.latency_high_ns, 7 * NS_PER_MS);
}

static void test_options_leave_the_command_s_own_options_alone(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse((const char *[]){"--api", "psql", "--symbols", "x", NULL}, NULL, &options), 0);
	assert_string_equal(options.command[0], "psql");
	assert_string_equal(options.command[1], "--symbols");
	assert_int_equal(parse((const char *[]){"--", "--api", NULL}, NULL, &options), 0);
	assert_string_equal(options.command[0], "--api");
	assert_true(options.kafka);
}

struct bad {
	const char *arguments[ARGUMENTS_MAX];
	const char *said;
};

static const struct bad bad[] = {
        {{"--bogus"}, "unknown option --bogus"},
        {{"--symbol", "5"}, "did you mean --symbols?"},
        {{"--latancy=1ms"}, "did you mean --latency?"},
        {{"-x"}, "unknown option -x"},
        {{"--"}, "no command after --"},
        {{"--api=1"}, "takes no value"},
        {{"--symbols"}, "--symbols needs a count"},
        {{"--symbols", "0"}, "\"0\" is not a count"},
        {{"--symbols", "100001"}, "is not a count from 1 to 100000"},
        {{"--symbols", "many"}, "is not a count"},
        {{"--latency", "5"}, "is not a duration"},
        {{"--latency", "5ms..1ms"}, "is not a duration"},
        {{"--latency", "1ms.."}, "is not a duration"},
        {{"--latency", "..1ms"}, "is not a duration"},
        {{"--latency", "2h"}, "up to 1h"},
        {{"--latency", "000000000000000000000000000000000001ms..2ms"}, "is not a duration"},
        {{"--errors", "101%"}, "is not a share"},
        {{"--errors", "-1"}, "is not a share"},
        {{"--counters="}, "is not a file's name"},
};

static void test_options_say_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct options options = {.symbols = 42};
		struct failure failure = {0};

		assert_int_equal(parse(bad[i].arguments, &failure, &options), -EINVAL);
		if (!strstr(failure.text, bad[i].said))
			fail_msg("\"%s\" does not hold \"%s\"", failure.text, bad[i].said);
		assert_int_equal(options.symbols, 42);
	}
}

static void test_options_help_fits_80_columns(void **state)
{
	(void)state;
	for (const char *line = options_help(); *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_options_start_all_targets_when_none_is_named),
	        cmocka_unit_test(test_options_start_only_the_targets_named),
	        cmocka_unit_test(test_options_take_values_apart_or_after_an_equals_sign),
	        cmocka_unit_test(test_options_leave_the_command_s_own_options_alone),
	        cmocka_unit_test(test_options_say_what_is_wrong),
	        cmocka_unit_test(test_options_help_fits_80_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
