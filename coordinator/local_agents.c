/* SPDX-License-Identifier: Apache-2.0 */
/* Agents on the coordinator's own host. */
#include "coordinator/local_agents.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/file.h"

enum {
	TERM_WAIT_MS = 2000,
	TERM_HURRY_MS = 200, /* where nobody waits for them either */
};

extern char **environ;

struct child {
	pid_t pid;        /* 0: was never started */
	uint64_t started; /* tells it from a later process with the same number */
	int pidfd;        /* -1: it has ended */
	_Bool ours;       /* how it ended is ours to ask */
	_Bool missed;     /* it ended before it was watched, which is still to be told */
};

struct local_agents {
	struct child *children;
	uint32_t count;
	uint32_t workers;
	int ends; /* epoll: the pidfds of those that run */
	char *address;
	char *run_folder;
};

/* Where stampede-agent is: STAMPEDE_AGENT, else beside our own program. */
static int find_program(char path[PATH_MAX], struct failure *failure)
{
	static const char name[] = "stampede-agent";
	const char *chosen = getenv("STAMPEDE_AGENT");
	ssize_t length;
	char *slash;

	if (chosen && *chosen) {
		snprintf(path, PATH_MAX, "%s", chosen);
	} else {
		length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name));
		if (length < 0)
			return failure_set(failure, -errno, "can't tell where this program lies: %s", strerror(errno));
		path[length] = '\0';
		slash = strrchr(path, '/');
		memcpy(slash ? slash + 1 : path, name, sizeof(name));
	}
	if (access(path, X_OK) < 0)
		return failure_set(failure, -ECHILD, "can't run %s: %s; set STAMPEDE_AGENT to the program's path", path,
		                   strerror(errno));
	return 0;
}

static int spawn(const char *program, char *const argv[], const char *log_path, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	r = posix_spawn(ret_pid, program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* /proc/PID/stat's field 22: when the process was started, in ticks since boot. 0: there is no such process. */
static uint64_t start_time_of(pid_t pid)
{
	enum { FIELD = 22, FIRST_BEHIND_NAME = 3 };
	struct buffer buffer cleanup(buffer_deinit) = {0};
	char path[32];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, 4096, &buffer, &(struct failure){0}) < 0 || !buffer_text(&buffer))
		return 0;
	at = strrchr(buffer_text(&buffer), ')');
	for (int field = FIRST_BEHIND_NAME - 1; at && field < FIELD; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? strtoull(at, NULL, 10) : 0;
}

/* From now on its end is seen. -ESRCH if it has ended already, or another process has its number. */
static int watch(const struct local_agents *agents, struct child *child)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(child - agents->children)};
	int fd = pidfd_open(child->pid, 0);
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && !child->started)
		child->started = start_time_of(child->pid);
	else if (r == 0 && start_time_of(child->pid) != child->started)
		r = -ESRCH;
	if (r == 0 && epoll_ctl(agents->ends, EPOLL_CTL_ADD, fd, &event) < 0)
		r = -errno;
	if (r == 0)
		child->pidfd = fd;
	else
		cleanup_close(&fd);
	return r;
}

static int start_one(struct local_agents *agents, const char *program, uint32_t index)
{
	struct child *child = &agents->children[index];
	char name[32], workers[16];
	char log_path[PATH_MAX];
	char *argv[] = {(char *)program,
	                (char *)"--connect",
	                agents->address,
	                (char *)"--name",
	                name,
	                (char *)"--once",
	                (char *)"--spool",
	                agents->run_folder,
	                NULL,
	                NULL,
	                NULL};
	int r;

	snprintf(name, sizeof(name), "local-%u", index + 1);
	snprintf(log_path, sizeof(log_path), "%s/%s.log", agents->run_folder, name);
	if (agents->workers) {
		snprintf(workers, sizeof(workers), "%u", agents->workers);
		argv[8] = (char *)"--workers";
		argv[9] = workers;
	}
	*child = (struct child){.pidfd = -1, .ours = 1};
	r = spawn(program, argv, log_path, &child->pid);
	if (r < 0)
		return r;
	r = watch(agents, child);
	if (r < 0 && kill(child->pid, SIGKILL) == 0)
		waitpid(child->pid, NULL, 0);
	return r;
}

static int agents_new(const struct local_agents_config *config, struct failure *failure,
                      struct local_agents **ret_agents)
{
	struct local_agents *agents = calloc(1, sizeof(*agents));

	if (agents) {
		agents->ends = epoll_create1(EPOLL_CLOEXEC);
		agents->children = calloc(config->count ? config->count : 1, sizeof(*agents->children));
		agents->address = strdup(config->address);
		agents->run_folder = strdup(config->run_folder);
		agents->workers = config->workers;
	}
	if (!agents || agents->ends < 0 || !agents->children || !agents->address || !agents->run_folder) {
		local_agents_stop(agents, 0, -1);
		failure_set(failure, -ENOMEM, "no memory for %u agents", config->count);
		return -ENOMEM;
	}
	agents->count = config->count;
	for (uint32_t i = 0; i < agents->count; i++)
		agents->children[i] = (struct child){.pidfd = -1, .missed = 1};
	*ret_agents = agents;
	return 0;
}

int local_agents_start_missing(struct local_agents *agents, struct failure *failure)
{
	char program[PATH_MAX];
	int r = find_program(program, failure);

	for (uint32_t i = 0; r == 0 && i < agents->count; i++) {
		if (!agents->children[i].missed)
			continue;
		r = start_one(agents, program, i);
		if (r < 0)
			return failure_set(failure, -ECHILD, "can't start %s: %s", program, strerror(-r));
	}
	return r;
}

int local_agents_start(const struct local_agents_config *config, struct failure *failure,
                       struct local_agents **ret_agents)
{
	struct local_agents *agents;
	int r = agents_new(config, failure, &agents);

	if (r < 0)
		return r;
	r = local_agents_start_missing(agents, failure);
	if (r < 0) {
		local_agents_stop(agents, 0, -1);
		return r;
	}
	*ret_agents = agents;
	return 0;
}

int local_agents_find(const struct local_agents_config *config, const struct journal_child *items, uint32_t count,
                      struct failure *failure, struct local_agents **ret_agents)
{
	struct local_agents *agents;
	int r = agents_new(config, failure, &agents);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < agents->count && i < count; i++) {
		struct child *child = &agents->children[i];

		child->pid = (pid_t)items[i].pid;
		child->started = items[i].started;
		child->missed = watch(agents, child) < 0;
	}
	*ret_agents = agents;
	return 0;
}

uint32_t local_agents_count(const struct local_agents *agents)
{
	return agents ? agents->count : 0;
}

void local_agents_list(const struct local_agents *agents, struct journal_child *ret_items)
{
	for (uint32_t i = 0; i < agents->count; i++)
		ret_items[i] = (struct journal_child){.pid = (uint64_t)agents->children[i].pid,
		                                      .started = agents->children[i].started};
}

int local_agents_fd(const struct local_agents *agents)
{
	return agents ? agents->ends : -1;
}

/* A process' last words, as wait() has them. */
static void describe_end(const struct local_agents *agents, const struct child *child, struct local_agent_end *end)
{
	unsigned number = (unsigned)(child - agents->children) + 1;
	char how[64] = "has ended";
	int status;

	if (child->ours && waitpid(child->pid, &status, 0) == child->pid) {
		if (WIFSIGNALED(status))
			snprintf(how, sizeof(how), "was ended by signal %d", WTERMSIG(status));
		else
			snprintf(how, sizeof(how), "ended with code %d", WEXITSTATUS(status));
	}
	end->pid = (uint64_t)child->pid;
	snprintf(end->text, sizeof(end->text), "the process of local-%u %s; see %s/local-%u.log", number, how,
	         agents->run_folder, number);
}

/* One that has ended, unwatched. */
static struct child *next_ended(struct local_agents *agents)
{
	struct epoll_event event;
	struct child *child;

	if (epoll_wait(agents->ends, &event, 1, 0) == 1) {
		child = &agents->children[event.data.u32];
		cleanup_close(&child->pidfd);
		child->pidfd = -1;
		return child;
	}
	for (uint32_t i = 0; i < agents->count; i++)
		if (agents->children[i].missed) {
			agents->children[i].missed = 0;
			return &agents->children[i];
		}
	return NULL;
}

_Bool local_agents_reap(struct local_agents *agents, struct local_agent_end *ret_end)
{
	const struct child *child = agents ? next_ended(agents) : NULL;

	if (!child)
		return 0;
	describe_end(agents, child, ret_end);
	return 1;
}

uint32_t local_agents_alive(const struct local_agents *agents)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; agents && i < agents->count; i++)
		alive += agents->children[i].pidfd >= 0;
	return alive;
}

/* Until all have ended, or the time is over, or there is a hurry. */
static void await_all(struct local_agents *agents, int timeout_ms, int hurry_fd)
{
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	struct pollfd ready[] = {{.fd = agents->ends, .events = POLLIN}, {.fd = hurry_fd, .events = POLLIN}};
	struct local_agent_end end;
	uint64_t now_ns;

	for (;;) {
		while (local_agents_reap(agents, &end))
			;
		now_ns = clock_now_ns();
		if (local_agents_alive(agents) == 0 || now_ns >= deadline_ns || ready[1].revents & POLLIN)
			return;
		if (poll(ready, 2, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return;
	}
}

static void signal_all(struct local_agents *agents, int signal_number)
{
	for (uint32_t i = 0; i < agents->count; i++)
		if (agents->children[i].pidfd >= 0)
			(void)pidfd_send_signal(agents->children[i].pidfd, signal_number, NULL, 0);
}

static struct local_agents *agents_free(struct local_agents *agents)
{
	for (uint32_t i = 0; i < agents->count; i++)
		cleanup_close(&agents->children[i].pidfd);
	cleanup_close(&agents->ends);
	free(agents->run_folder);
	free(agents->address);
	free(agents->children);
	free(agents);
	return NULL;
}

struct local_agents *local_agents_stop(struct local_agents *agents, int timeout_ms, int hurry_fd)
{
	if (!agents)
		return NULL;
	await_all(agents, timeout_ms, hurry_fd);
	if (local_agents_alive(agents)) {
		signal_all(agents, SIGTERM);
		await_all(agents, timeout_ms > 0 ? TERM_WAIT_MS : TERM_HURRY_MS, hurry_fd);
	}
	if (local_agents_alive(agents)) {
		signal_all(agents, SIGKILL);
		await_all(agents, TERM_WAIT_MS, -1);
	}
	return agents_free(agents);
}
