/* SPDX-License-Identifier: Apache-2.0 */
/* The options that change a plan: what they take, what they refuse, and what reading with them gives. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "coordinator/plan_options.h"

static void test_values_are_taken_or_refused_with_what_was_expected(void **state)
{
	static const struct {
		int (*set)(void *context, const char *value, struct failure *failure);
		const char *value, *refusal; /* NULL: taken */
		uint64_t expected;
	} cases[] = {
	        {plan_options_vus, "1", NULL, 1},
	        {plan_options_vus, "1_000", NULL, 1000},
	        {plan_options_vus, "1000000", NULL, 1000000},
	        {plan_options_vus, "1000001", "expected a number from 1 to 1000000", 0},
	        {plan_options_vus, "0", "expected a number from 1 to 1000000", 0},
	        {plan_options_vus, "", "expected a number from 1 to 1000000", 0},
	        {plan_options_vus, "-1", "expected a number from 1 to 1000000", 0},
	        {plan_options_vus, "4294967297", "expected a number from 1 to 1000000", 0},
	        {plan_options_agents, "20000", NULL, 20000},
	        {plan_options_agents, "20001", "expected a number from 1 to 20000", 0},
	        {plan_options_agents, "3x", "expected a number from 1 to 20000", 0},
	        {plan_options_duration, "1h30m", NULL, 5400 * NS_PER_S},
	        {plan_options_duration, "1ms", NULL, NS_PER_MS},
	        {plan_options_duration, "0", "expected a duration such as 30s or 5m", 0},
	        {plan_options_duration, "0s", "expected a duration such as 30s or 5m", 0},
	        {plan_options_duration, "30", "expected a duration such as 30s or 5m", 0},
	        {plan_options_duration, "100000000h", "at most 10 years", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_options options = {0};
		struct failure failure = {0};
		int r = cases[i].set(&options, cases[i].value, &failure);

		if (r != (cases[i].refusal ? -EINVAL : 0) ||
		    options.vus + options.agents + options.duration_ns != cases[i].expected ||
		    (cases[i].refusal && strcmp(failure.text, cases[i].refusal) != 0))
			fail_msg("case %zu (%s): %d %s", i, cases[i].value, r, failure.text);
		plan_options_deinit(&options);
	}
}

static void test_pairs_are_kept_in_their_order_and_tags_have_a_limit(void **state)
{
	struct plan_options options = {0};
	struct failure failure = {0};

	(void)state;
	assert_int_equal(plan_options_variable(&options, "a=1", &failure), 0);
	assert_int_equal(plan_options_variable(&options, "b=x=y", &failure), 0);
	assert_int_equal(plan_options_variable(&options, "c", &failure), -EINVAL);
	assert_int_equal(plan_options_variable(&options, "=c", &failure), -EINVAL);
	assert_int_equal(options.variables.count, 2);
	assert_string_equal(options.variables.items[1].name, "b");
	assert_string_equal(options.variables.items[1].value, "x=y");
	for (int i = 0; i < 32; i++)
		assert_int_equal(plan_options_tag(&options, "k=v", &failure), 0);
	assert_int_equal(plan_options_tag(&options, "k=v", &failure), -EINVAL);
	assert_string_equal(failure.text, "at most 32 tags");
	assert_int_equal(options.tags.count, 32);
	plan_options_deinit(&options);
	assert_int_equal(options.tags.count, 0);
}

/* Reads with stderr put into `told`. */
static int read_with(const struct plan_options *options, const char *path, uint32_t agents, struct plan **ret_plan,
                     char *told, size_t size)
{
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	int exit_code;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	exit_code = plan_options_read(options, path, agents, ret_plan);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	told[fread(told, 1, size - 1, file)] = '\0';
	fclose(file);
	return exit_code;
}

static void write_plan(char path[64], const char *text)
{
	struct failure failure = {0};
	int fd;

	snprintf(path, 64, "/tmp/plan-options-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(file_write(path, text, strlen(text), &failure), 0);
}

static void test_a_plan_is_read_with_the_options_applied(void **state)
{
	struct plan_options options = {.vus = 7, .duration_ns = 9 * NS_PER_S, .no_thresholds = 1};
	struct failure failure = {0};
	struct plan *plan = NULL;
	char path[64], told[1024];

	(void)state;
	write_plan(path, "name: ${title}\n"
	                 "targets: { t: { null: {} } }\n"
	                 "scenarios:\n"
	                 "  s: { executor: constant-vus, vus: 1, duration: 1s, steps: [ null: {} ] }\n"
	                 "thresholds: { iterations: [ 'count>0' ] }\n");
	assert_int_equal(plan_options_variable(&options, "title=given", &failure), 0);
	assert_int_equal(plan_options_tag(&options, "k=v", &failure), 0);
	assert_int_equal(read_with(&options, path, 1, &plan, told, sizeof(told)), 0);
	assert_string_equal(told, "");
	assert_string_equal(plan->name, "given");
	assert_int_equal(plan->scenarios[0].vus, 7);
	assert_true(plan->scenarios[0].duration_ns == 9 * NS_PER_S);
	assert_int_equal(plan->threshold_count, 0);
	assert_string_equal(plan->tags.items[0].value, "v");
	plan_free(plan);
	plan_options_deinit(&options);
	unlink(path);
}

static void test_every_error_of_a_plan_is_printed_and_none_is_left(void **state)
{
	static const struct {
		const char *plan;
		uint32_t agents;
		const char *told[3]; /* parts that must be there */
	} cases[] = {
	        {"targets: { t: { null: {} } }\nscenarios:\n  s: { executor: constant-vus, duratoin: 1s, steps: [ "
	         "null: {} ] }\n"
	         "thresholds: { nothing: [ 'p(95)<1' ] }\n",
	         1,
	         {":3:32: unknown key \"duratoin\"", "(did you mean \"duration\"?)", ":4:15: "}},
	        {"targets: { db: { postgres: { uri: 'postgresql://h/d', connections: 2 } } }\nscenarios:\n"
	         "  s: { executor: constant-vus, duration: 1s, steps: [ sql: { target: db, query: 'SELECT 1' } ] }\n",
	         3,
	         {":1:12: target \"db\" has 2 connections for 3 agents"}},
	        {"", 1, {":1:1: the plan is empty"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_options options = {0};
		struct plan *plan = NULL;
		char path[64], told[2048];

		write_plan(path, cases[i].plan);
		assert_int_equal(read_with(&options, path, cases[i].agents, &plan, told, sizeof(told)),
		                 EXIT_CODE_BAD_PLAN);
		assert_null(plan);
		for (int j = 0; j < 3 && cases[i].told[j]; j++)
			if (!strstr(told, cases[i].told[j]))
				fail_msg("case %zu: no \"%s\" in\n%s", i, cases[i].told[j], told);
		assert_int_equal(strncmp(told, path, strlen(path)), 0);
		unlink(path);
	}
}

static void test_a_plan_that_cannot_be_read_is_named(void **state)
{
	static const struct {
		const char *path, *told;
	} cases[] = {
	        {"/nowhere/plan.yaml", "stampede: cannot open /nowhere/plan.yaml: No such file or directory\n"},
	        {"/tmp", "stampede: cannot read /tmp: Is a directory\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_options options = {0};
		struct plan *plan = NULL;
		char told[1024];

		assert_int_equal(read_with(&options, cases[i].path, 1, &plan, told, sizeof(told)), EXIT_CODE_BAD_PLAN);
		assert_string_equal(told, cases[i].told);
		assert_null(plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_values_are_taken_or_refused_with_what_was_expected),
	        cmocka_unit_test(test_pairs_are_kept_in_their_order_and_tags_have_a_limit),
	        cmocka_unit_test(test_a_plan_is_read_with_the_options_applied),
	        cmocka_unit_test(test_every_error_of_a_plan_is_printed_and_none_is_left),
	        cmocka_unit_test(test_a_plan_that_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
