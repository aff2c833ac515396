/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes. What happens between fork and exec is bounded to what is safe there. */
#include "deploy/lab/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "deploy/lab/folder.h"

#define STOP_PATIENCE_NS (10 * NS_PER_S) /* for a polite end, before SIGKILL */
#define RUN_PATIENCE_NS (60 * NS_PER_S)  /* for a helper (initdb, cp) on a slow disk */

enum { TAIL_BYTES = 600 }; /* of a failed helper's output in the failure's text */

static int become(const struct account *account)
{
	if (!account || !account->used)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(account->gid, account->gid, account->gid) < 0 ||
	    setresuid(account->uid, account->uid, account->uid) < 0)
		return -errno;
	return 0;
}

static int redirect(const char *output)
{
	int in, out;

	if (!output)
		return 0;
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -errno;
	return 0;
}

static int reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/* The output's file is opened as the lab's user, whose folder it lies in. The death signal is set after the
 * change of user, which clears it; a lab that died before that is seen by its pid. */
static int prepare(const struct child_config *config, pid_t lab)
{
	int r = redirect(config->output);

	if (r == 0)
		r = become(config->account);
	if (r < 0)
		return r;
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)config->death_signal) < 0)
		return -errno;
	if (getppid() != lab)
		return -ESRCH;
	if (config->own_session)
		setsid();
	if (config->folder && chdir(config->folder) < 0)
		return -errno;
	if (config->descriptors && setrlimit(RLIMIT_NOFILE, config->descriptors) < 0)
		return -errno;
	return reset_signals();
}

/* Libraries open descriptors without close-on-exec: all but those that were meant for it are closed. */
static void keep_inherited(const struct child_config *config)
{
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < config->inherited_count; i++)
		fcntl(config->inherited[i], F_SETFD, 0);
}

static void become_child(const struct child_config *config, pid_t lab, int report_fd)
{
	int r = prepare(config, lab);

	if (r == 0) {
		keep_inherited(config);
		execvpe(config->arguments[0], (char *const *)config->arguments,
		        config->environment ? config->environment : environ);
		r = -errno;
	}
	while (write(report_fd, &r, sizeof(r)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* 0 when exec has closed the pipe, or the errno that the child had before it. */
static int read_report(int fd)
{
	int report = 0;
	ssize_t got;

	do
		got = read(fd, &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	return got == sizeof(report) ? report : 0;
}

int child_start(const struct child_config *config, struct failure *failure, struct child *ret_child)
{
	struct child child = CHILD_NONE;
	pid_t lab = getpid();
	int pipe_fds[2], r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return failure_set(failure, -errno, "cannot make a pipe: %s", strerror(errno));
	child.pid = fork();
	if (child.pid == 0)
		become_child(config, lab, pipe_fds[1]);
	r = child.pid < 0 ? -errno : 0;
	close(pipe_fds[1]);
	if (r == 0)
		r = read_report(pipe_fds[0]);
	close(pipe_fds[0]);
	if (child.pid > 0)
		child.pidfd = pidfd_open(child.pid, 0);
	if (r == 0 && child.pidfd < 0)
		r = -errno;
	if (r < 0) {
		child_stop(&child, SIGKILL);
		return failure_set(failure, r, "cannot run %s: %s", config->arguments[0], strerror(-r));
	}
	*ret_child = child;
	return 0;
}

static int reap(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = CHILD_NONE;
	return status;
}

static int left_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_now_ns(), ms;

	if (deadline_ns == CLOCK_NEVER)
		return -1;
	if (deadline_ns <= now_ns)
		return 0;
	ms = (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms > 1000000 ? 1000000 : (int)ms;
}

enum child_outcome child_wait(struct child *child, int interrupt_fd, uint64_t deadline_ns, int *ret_status)
{
	struct pollfd fds[2] = {{.fd = child->pidfd, .events = POLLIN}, {.fd = interrupt_fd, .events = POLLIN}};

	for (;;) {
		int count = poll(fds, 2, left_ms(deadline_ns));

		if (count > 0 && fds[0].revents) {
			*ret_status = reap(child);
			return CHILD_ENDED;
		}
		if (count > 0)
			return CHILD_INTERRUPTED;
		if (count == 0 && clock_now_ns() >= deadline_ns)
			return CHILD_LATE;
	}
}

void child_stop(struct child *child, int signal_number)
{
	int status;

	if (child->pid <= 0)
		return;
	kill(child->pid, signal_number);
	kill(child->pid, SIGCONT);
	if (child->pidfd < 0 || child_wait(child, -1, clock_now_ns() + STOP_PATIENCE_NS, &status) != CHILD_ENDED) {
		kill(child->pid, SIGKILL);
		reap(child);
	}
}

int child_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_run(const struct child_config *config, int interrupt_fd, struct failure *failure)
{
	const char *program = config->arguments[0];
	struct child child = CHILD_NONE;
	char tail[TAIL_BYTES];
	int status = 0, r;

	r = child_start(config, failure, &child);
	if (r < 0)
		return r;
	switch (child_wait(&child, interrupt_fd, clock_now_ns() + RUN_PATIENCE_NS, &status)) {
	case CHILD_INTERRUPTED:
		child_stop(&child, SIGKILL);
		return failure_set(failure, -EINTR, "interrupted");
	case CHILD_LATE:
		child_stop(&child, SIGKILL);
		return failure_set(failure, -ETIMEDOUT, "%s has not ended after a minute", program);
	case CHILD_ENDED:
		break;
	}
	if (status == 0)
		return 0;
	return failure_set(failure, -EIO, "%s ended with %d: %s", program, child_exit_code(status),
	                   config->output ? folder_tail(config->output, tail, sizeof(tail)) : "");
}
