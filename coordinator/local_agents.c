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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"

enum {
	TERM_WAIT_MS = 2000,
	TERM_HURRY_MS = 200, /* where nobody waits for them either */
};

extern char **environ;

struct local_agents {
	pid_t *pids; /* 0: reaped */
	uint32_t count;
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

static int start_one(const struct local_agents_config *config, const char *program, uint32_t number, pid_t *ret_pid)
{
	char name[32], workers[16];
	char log_path[PATH_MAX];
	char *argv[] = {(char *)program,
	                (char *)"--connect",
	                (char *)config->address,
	                (char *)"--name",
	                name,
	                (char *)"--once",
	                NULL,
	                NULL,
	                NULL,
	                NULL};

	snprintf(name, sizeof(name), "local-%u", number);
	snprintf(log_path, sizeof(log_path), "%s/%s.log", config->run_folder, name);
	if (config->workers) {
		snprintf(workers, sizeof(workers), "%u", config->workers);
		argv[6] = (char *)"--workers";
		argv[7] = workers;
	}
	return spawn(program, argv, log_path, ret_pid);
}

int local_agents_start(const struct local_agents_config *config, struct failure *failure,
                       struct local_agents **ret_agents)
{
	struct local_agents *agents;
	char program[PATH_MAX];
	int r = find_program(program, failure);

	if (r < 0)
		return r;
	agents = calloc(1, sizeof(*agents));
	if (agents) {
		agents->pids = calloc(config->count, sizeof(*agents->pids));
		agents->run_folder = strdup(config->run_folder);
	}
	if (!agents || !agents->pids || !agents->run_folder) {
		local_agents_stop(agents, 0, -1);
		return failure_set(failure, -ENOMEM, "no memory for %u agents", config->count);
	}
	for (uint32_t i = 0; i < config->count; i++) {
		r = start_one(config, program, i + 1, &agents->pids[i]);
		if (r < 0) {
			r = failure_set(failure, -ECHILD, "can't start %s: %s", program, strerror(-r));
			local_agents_stop(agents, 0, -1);
			return r;
		}
		agents->count = i + 1;
	}
	*ret_agents = agents;
	return 0;
}

/* A process' last words, as wait() has them. */
static void describe_end(const struct local_agents *agents, uint32_t index, int status, struct local_agent_end *end)
{
	char how[64];

	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "was ended by signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof(how), "ended with code %d", WEXITSTATUS(status));
	snprintf(end->text, sizeof(end->text), "the process of local-%u %s; see %s/local-%u.log", index + 1, how,
	         agents->run_folder, index + 1);
}

_Bool local_agents_reap(struct local_agents *agents, struct local_agent_end *ret_end)
{
	for (uint32_t i = 0; agents && i < agents->count; i++) {
		pid_t pid = agents->pids[i];
		int status;

		if (pid == 0 || waitpid(pid, &status, WNOHANG) != pid)
			continue;
		agents->pids[i] = 0;
		ret_end->pid = (uint64_t)pid;
		describe_end(agents, i, status, ret_end);
		return 1;
	}
	return 0;
}

uint32_t local_agents_alive(const struct local_agents *agents)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; agents && i < agents->count; i++)
		alive += agents->pids[i] != 0;
	return alive;
}

/* Waits for the end of one child, until the deadline; false if there is a hurry. */
static _Bool await_end(pid_t *pid, uint64_t deadline_ns, int hurry_fd)
{
	int fd = (int)syscall(SYS_pidfd_open, *pid, 0);
	struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = hurry_fd, .events = POLLIN}};
	uint64_t now_ns = clock_now_ns();

	if (fd >= 0) {
		poll(ready, 2, deadline_ns > now_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0);
		close(fd);
	}
	if (waitpid(*pid, NULL, WNOHANG) == *pid)
		*pid = 0;
	return !(ready[1].revents & POLLIN);
}

static void await_all(struct local_agents *agents, int timeout_ms, int hurry_fd)
{
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	for (uint32_t i = 0; i < agents->count; i++)
		if (agents->pids[i] && !await_end(&agents->pids[i], deadline_ns, hurry_fd))
			deadline_ns = 0;
}

static void signal_all(struct local_agents *agents, int signal_number)
{
	for (uint32_t i = 0; i < agents->count; i++)
		if (agents->pids[i])
			kill(agents->pids[i], signal_number);
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
	free(agents->run_folder);
	free(agents->pids);
	free(agents);
	return NULL;
}
