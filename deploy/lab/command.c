/* SPDX-License-Identifier: Apache-2.0 */
/* The command that runs beside the targets, and the signals that end both. */
#include "deploy/lab/command.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/clock.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static int list_descriptors(struct heritage *heritage)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t capacity = 0;
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (fd <= 2 || fd == dirfd(folder))
			continue;
		if (array_reserve(&heritage->descriptors, &capacity, heritage->descriptor_count, sizeof(int)) < 0) {
			closedir(folder);
			return -ENOMEM;
		}
		heritage->descriptors[heritage->descriptor_count++] = fd;
	}
	if (folder)
		closedir(folder);
	return 0;
}

/* The signal descriptor, or a negative errno. */
static int block_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	/* A signal that the lab was started to ignore would never become readable. */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int heritage_init(struct heritage *heritage, struct failure *failure)
{
	struct rlimit limit;
	int r;

	*heritage = (struct heritage){.signal_fd = -1};
	r = list_descriptors(heritage);
	if (r == 0)
		r = block_signals();
	if (r < 0) {
		heritage_deinit(heritage);
		return failure_set(failure, r, "cannot take signals: %s", strerror(-r));
	}
	heritage->signal_fd = r;
	if (getrlimit(RLIMIT_NOFILE, &heritage->descriptor_limit) == 0) {
		limit = heritage->descriptor_limit;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return 0;
}

void heritage_deinit(struct heritage *heritage)
{
	if (heritage->signal_fd >= 0)
		close(heritage->signal_fd);
	free(heritage->descriptors);
	*heritage = (struct heritage){.signal_fd = -1};
}

static int start(const struct heritage *heritage, char *const *arguments, const struct lab_variable *variables,
                 size_t count, struct failure *failure, struct child *ret_child)
{
	for (size_t i = 0; i < count; i++)
		if (setenv(variables[i].name, variables[i].value, 1) < 0)
			return failure_set(failure, -errno, "cannot set %s: %s", variables[i].name, strerror(errno));
	return child_start(&(struct child_config){.arguments = (const char *const *)arguments,
	                                          .death_signal = SIGTERM,
	                                          .inherited = heritage->descriptors,
	                                          .inherited_count = heritage->descriptor_count,
	                                          .descriptors = &heritage->descriptor_limit},
	                   failure, ret_child);
}

/* The next signal, or 0. Sets whether a process sent it, and not the terminal, which has then sent it to the
 * whole foreground group. */
static int take_signal(const struct heritage *heritage, _Bool *ret_sent)
{
	struct signalfd_siginfo info;

	if (read(heritage->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	*ret_sent = info.ssi_code != SI_KERNEL;
	return (int)info.ssi_signo;
}

static void hand_on(const struct heritage *heritage, const struct child *child)
{
	_Bool sent = 0;
	int number;

	while ((number = take_signal(heritage, &sent)))
		if (sent)
			kill(child->pid, number);
}

static void await(const struct heritage *heritage, const struct child *child, int database_pidfd)
{
	struct pollfd fds[3] = {{.fd = child->pidfd, .events = POLLIN},
	                        {.fd = heritage->signal_fd, .events = POLLIN},
	                        {.fd = database_pidfd, .events = POLLIN}};

	while (!fds[0].revents) {
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[1].revents)
			hand_on(heritage, child);
		if (fds[2].revents) {
			fprintf(stderr, "stampede-lab: the database has ended\n");
			fds[2].fd = -1;
		}
	}
}

int command_run(const struct heritage *heritage, char *const *arguments, const struct lab_variable *variables,
                size_t count, int database_pidfd, struct failure *failure, int *ret_exit_code)
{
	struct child child = CHILD_NONE;
	int status = 0, r = start(heritage, arguments, variables, count, failure, &child);

	if (r < 0)
		return r;
	await(heritage, &child, database_pidfd);
	child_wait(&child, -1, CLOCK_NEVER, &status);
	*ret_exit_code = child_exit_code(status);
	return 0;
}

int command_serve(const struct heritage *heritage, int database_pidfd, struct failure *failure)
{
	struct pollfd fds[2] = {{.fd = heritage->signal_fd, .events = POLLIN},
	                        {.fd = database_pidfd, .events = POLLIN}};

	while (poll(fds, 2, -1) <= 0)
		;
	if (fds[0].revents)
		return 0;
	return failure_set(failure, -EPIPE, "the database has ended");
}
