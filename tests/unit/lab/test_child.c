/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes. */
#include "deploy/lab/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "deploy/lab/folder.h"

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})

static int start(const char *const *arguments, struct child *child)
{
	return child_start(&(struct child_config){.arguments = arguments, .death_signal = SIGKILL}, NULL, child);
}

static int end_of(const char *script)
{
	struct child child;
	int status = 0;

	assert_int_equal(start(SHELL(script), &child), 0);
	assert_int_equal(child_wait(&child, -1, CLOCK_NEVER, &status), CHILD_ENDED);
	assert_int_equal(child.pid, 0);
	return child_exit_code(status);
}

static void test_child_ends_with_what_a_shell_would_say(void **state)
{
	(void)state;
	assert_int_equal(end_of("exit 0"), 0);
	assert_int_equal(end_of("exit 7"), 7);
	assert_int_equal(end_of("kill -TERM $$"), 128 + SIGTERM);
	assert_int_equal(end_of("kill -KILL $$"), 128 + SIGKILL);
}

static void test_child_that_can_t_be_run_is_an_error_of_its_start(void **state)
{
	const char *const missing[] = {"/nonexistent/program", NULL}, *const folder[] = {"/tmp", NULL};
	struct failure failure = {0};
	struct child child = CHILD_NONE;

	(void)state;
	assert_int_equal(child_start(&(struct child_config){.arguments = missing}, &failure, &child), -ENOENT);
	assert_non_null(strstr(failure.text, "/nonexistent/program"));
	assert_int_equal(start(folder, &child), -EACCES);
	assert_int_equal(child.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_child_wait_ends_with_an_interrupt_or_its_deadline(void **state)
{
	int interrupt_fd = eventfd(1, EFD_CLOEXEC), status = 0;
	struct child child;

	(void)state;
	assert_int_equal(start(SHELL("exec sleep 100"), &child), 0);
	assert_int_equal(child_wait(&child, interrupt_fd, CLOCK_NEVER, &status), CHILD_INTERRUPTED);
	assert_int_equal(child_wait(&child, -1, clock_now_ns() + NS_PER_MS, &status), CHILD_LATE);
	child_stop(&child, SIGTERM);
	assert_int_equal(child.pid, 0);
	child_stop(&child, SIGTERM);
	close(interrupt_fd);
}

static void test_child_has_no_signal_blocked_or_ignored(void **state)
{
	sigset_t set, before;

	(void)state;
	sigfillset(&set);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(end_of("grep -q 'SigBlk:.0000000000000000' /proc/self/status"), 0);
	assert_int_equal(end_of("kill -PIPE $$"), 128 + SIGPIPE);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void test_child_gets_the_descriptors_meant_for_it_alone(void **state)
{
	int meant = fcntl(0, F_DUPFD, 100), other = fcntl(0, F_DUPFD, 101), status = 0;
	struct child child;
	char script[128];

	(void)state;
	assert_true(meant >= 100 && other >= 101);
	snprintf(script, sizeof(script), "test -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d", meant, other);
	assert_int_equal(
	        child_start(
	                &(struct child_config){.arguments = SHELL(script), .inherited = &meant, .inherited_count = 1},
	                NULL, &child),
	        0);
	assert_int_equal(child_wait(&child, -1, CLOCK_NEVER, &status), CHILD_ENDED);
	close(meant);
	close(other);
	assert_int_equal(status, 0);
}

static void test_child_run_tells_the_end_of_a_failed_one_s_output(void **state)
{
	struct failure failure = {0};
	struct folder folder;
	char *output;

	(void)state;
	assert_int_equal(folder_open(NULL, &folder), 0);
	assert_true(asprintf(&output, "%s/out", folder.path) > 0);
	assert_int_equal(child_run(&(struct child_config){.arguments = SHELL("echo first; echo why >&2; exit 3"),
	                                                  .output = output},
	                           -1, &failure),
	                 -EIO);
	assert_string_equal(failure.text, "sh ended with 3: first why");
	assert_int_equal(child_run(&(struct child_config){.arguments = SHELL("exit 0"), .output = output}, -1, NULL),
	                 0);
	free(output);
	folder_close(&folder);
}

static void test_child_run_kills_what_is_interrupted(void **state)
{
	int interrupt_fd = eventfd(1, EFD_CLOEXEC);

	(void)state;
	assert_int_equal(child_run(&(struct child_config){.arguments = SHELL("exec sleep 100")}, interrupt_fd, NULL),
	                 -EINTR);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(interrupt_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_child_ends_with_what_a_shell_would_say),
	        cmocka_unit_test(test_child_that_can_t_be_run_is_an_error_of_its_start),
	        cmocka_unit_test(test_child_wait_ends_with_an_interrupt_or_its_deadline),
	        cmocka_unit_test(test_child_has_no_signal_blocked_or_ignored),
	        cmocka_unit_test(test_child_gets_the_descriptors_meant_for_it_alone),
	        cmocka_unit_test(test_child_run_tells_the_end_of_a_failed_one_s_output),
	        cmocka_unit_test(test_child_run_kills_what_is_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
