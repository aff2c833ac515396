/* SPDX-License-Identifier: Apache-2.0 */
/* The command beside the targets, and signals. */
#include "deploy/lab/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "common/base/file.h"

static int set_up(void **state)
{
	static struct heritage heritage;

	*state = &heritage;
	return heritage_init(&heritage, NULL);
}

static int tear_down(void **state)
{
	heritage_deinit(*state);
	return 0;
}

static int run(const struct heritage *heritage, const char *script, int database_pidfd)
{
	const struct lab_variable variables[] = {{"STAMPEDE_VAR_API", "http://there"},
	                                         {"STAMPEDE_VAR_DB", "postgresql://there"}};
	char *arguments[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	int exit_code = -1;

	assert_int_equal(command_run(heritage, arguments, variables, 2, database_pidfd, NULL, &exit_code), 0);
	return exit_code;
}

static void test_command_has_the_variables_and_gives_its_exit_code(void **state)
{
	assert_int_equal(
	        run(*state,
	            "test \"$STAMPEDE_VAR_API $STAMPEDE_VAR_DB\" = 'http://there postgresql://there' && exit 42", -1),
	        42);
	assert_int_equal(run(*state, "kill -9 $$", -1), 137);
}

static void test_command_gets_a_signal_that_was_sent_to_the_lab(void **state)
{
	assert_int_equal(run(*state, "trap 'exit 5' TERM; kill -TERM $PPID; while :; do sleep 0.01; done", -1), 5);
	assert_int_equal(run(*state, "trap 'exit 6' INT; kill -INT $PPID; while :; do sleep 0.01; done", -1), 6);
}

static void test_command_goes_on_when_the_database_has_ended(void **state)
{
	int ended = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(run(*state, "exit 3", ended), 3);
	close(ended);
}

static void test_command_has_the_limit_of_descriptors_that_the_lab_was_given(void **state)
{
	const struct heritage *heritage = *state;
	char script[64];

	snprintf(script, sizeof(script), "test \"$(ulimit -n)\" = %ju", (uintmax_t)heritage->descriptor_limit.rlim_cur);
	assert_int_equal(run(heritage, script, -1), 0);
}

static void test_command_serve_ends_with_a_signal_or_the_database(void **state)
{
	int ended = eventfd(1, EFD_CLOEXEC);
	struct failure failure = {0};

	assert_true(command_serve(*state, ended, &failure) < 0);
	assert_non_null(strstr(failure.text, "database"));
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(command_serve(*state, -1, NULL), 0);
	close(ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_command_has_the_variables_and_gives_its_exit_code),
	        cmocka_unit_test(test_command_gets_a_signal_that_was_sent_to_the_lab),
	        cmocka_unit_test(test_command_goes_on_when_the_database_has_ended),
	        cmocka_unit_test(test_command_has_the_limit_of_descriptors_that_the_lab_was_given),
	        cmocka_unit_test(test_command_serve_ends_with_a_signal_or_the_database),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
