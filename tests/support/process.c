/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, folders and ports of tests. */
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { PATIENCE_MS = 10000, LOOK_EVERY_MS = 5 };

char *folder_make(void)
{
	const char *parent = getenv("TMPDIR");
	char *folder = NULL;

	assert_true(asprintf(&folder, "%s/stampede-test-XXXXXX", parent ? parent : "/tmp") > 0);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	return folder;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

char *folder_remove(char *folder)
{
	if (folder)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return NULL;
}

static FILE *open_file(const char *folder, const char *name, const char *mode)
{
	char *path = NULL;
	FILE *file;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	file = fopen(path, mode);
	free(path);
	return file;
}

void folder_write(const char *folder, const char *name, const char *text)
{
	FILE *file = open_file(folder, name, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

char *folder_read(const char *folder, const char *name)
{
	FILE *file = open_file(folder, name, "r");
	char *text = NULL;
	size_t size = 0;

	if (file) {
		if (getdelim(&text, &size, '\0', file) < 0) {
			free(text);
			text = NULL;
		}
		fclose(file);
	}
	return text ? text : strdup("");
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

uint16_t port_free(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

_Bool port_answers(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_Bool answers;

	assert_true(fd >= 0);
	answers = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return answers;
}

static void become(const char *user)
{
	const struct passwd *entry = user ? getpwnam(user) : NULL;

	if (!user || geteuid() != 0)
		return;
	if (!entry || setgroups(0, NULL) < 0 || setgid(entry->pw_gid) < 0 || setuid(entry->pw_uid) < 0)
		_exit(126);
}

static void become_command(const char *const *arguments, const char *user, const char *output_path)
{
	int output = open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	become(user);
	/* After the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
	dup2(input, 0);
	dup2(output, 1);
	dup2(output, 2);
	execvp(arguments[0], (char *const *)arguments);
	_exit(127);
}

pid_t process_start(const char *const *arguments, const char *user, const char *output_path)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		become_command(arguments, user, output_path);
	return pid;
}

void process_run(const char *const *arguments, const char *user, const char *output_path)
{
	pid_t pid = process_start(arguments, user, output_path);
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		print_error("%s ended with status %d; see %s\n", arguments[0], status, output_path);
	assert_int_equal(status, 0);
}

pid_t process_stop(pid_t pid, int signal_number)
{
	struct pollfd ended = {.events = POLLIN};

	if (pid <= 0)
		return 0;
	ended.fd = pidfd_open(pid, 0);
	kill(pid, signal_number);
	kill(pid, SIGCONT);
	if (ended.fd < 0 || poll(&ended, 1, PATIENCE_MS) != 1)
		kill(pid, SIGKILL);
	if (ended.fd >= 0)
		close(ended.fd);
	waitpid(pid, NULL, 0);
	return 0;
}

void process_await(pid_t pid, _Bool (*holds)(void *context), void *context)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (!holds(context)) {
		assert_true(clock_now_ns() < deadline_ns);
		if (pid > 0)
			assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		poll(NULL, 0, LOOK_EVERY_MS);
	}
}

static _Bool answers(void *context)
{
	return port_answers(*(uint16_t *)context);
}

void process_await_port(pid_t pid, uint16_t port)
{
	process_await(pid, answers, &port);
}
