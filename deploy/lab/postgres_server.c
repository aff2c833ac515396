/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server as a child. That it is ready stands in its postmaster.pid, which is watched. */
#include "deploy/lab/postgres_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "deploy/lab/folder.h"
#include "deploy/lab/schema.h"

#define START_PATIENCE_NS (60 * NS_PER_S) /* on a slow disk; crashes are seen at once */

enum {
	PORT_TRIES = 5,
	STATUS_LINE = 8, /* of postmaster.pid (miscadmin.h: LOCK_FILE_LINE_PM_STATUS) */
	PID_FILE_MAX = 4096,
	TEXT_SIZE = 1024,
};

struct postgres_server {
	const struct postgres_server_config *config;
	struct child child;
	uint16_t port;
	char *data;
	char *log;
};

DEFINE_CLEANUP(PGconn *, PQfinish)

/* A port of 127.0.0.1 that is free now, or 0. */
static uint16_t free_port(void)
{
	cleanup(cleanup_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	return ntohs(address.sin_port);
}

static int launch(struct postgres_server *server, struct failure *failure)
{
	const struct postgres_server_config *config = server->config;
	char port[32], socket_folder[TEXT_SIZE], preload[TEXT_SIZE];
	const char *arguments[] = {config->tools->postgres,
	                           "-D",
	                           server->data,
	                           "-c",
	                           port,
	                           "-c",
	                           socket_folder,
	                           "-c",
	                           preload,
	                           "-c",
	                           config->public ? "listen_addresses=127.0.0.1" : "listen_addresses=",
	                           "-c",
	                           "max_connections=300",
	                           "-c",
	                           "shared_buffers=128MB",
	                           "-c",
	                           "fsync=off",
	                           "-c",
	                           "synchronous_commit=off",
	                           "-c",
	                           "full_page_writes=off",
	                           "-c",
	                           "wal_level=minimal",
	                           "-c",
	                           "max_wal_senders=0",
	                           "-c",
	                           "jit=off",
	                           "-c",
	                           "logging_collector=off",
	                           NULL};

	snprintf(port, sizeof(port), "port=%u", (unsigned)server->port);
	snprintf(socket_folder, sizeof(socket_folder), "unix_socket_directories=%s", config->folder);
	snprintf(preload, sizeof(preload), "shared_preload_libraries=%s",
	         config->statements ? "pg_stat_statements" : "");
	/* SIGQUIT: it stops its own children, and at once. */
	return child_start(&(struct child_config){.arguments = arguments,
	                                          .account = &config->tools->account,
	                                          .folder = config->folder,
	                                          .death_signal = SIGQUIT,
	                                          .own_session = 1,
	                                          .output = server->log},
	                   failure, &server->child);
}

static _Bool says_ready(const char *data)
{
	cleanup(cleanup_free) char *path = file_join(data, "postmaster.pid");
	cleanup_buffer struct buffer content = {0};
	const char *line;

	if (!path || file_read(path, PID_FILE_MAX, &content, NULL) < 0)
		return 0;
	line = buffer_text(&content);
	for (int i = 1; line && i < STATUS_LINE; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return line && strncmp(line, "ready", 5) == 0;
}

static void forget_events(int watch_fd)
{
	char events[4096];

	while (read(watch_fd, events, sizeof(events)) > 0)
		;
}

static int fail_start(struct postgres_server *server, struct failure *failure)
{
	char tail[TEXT_SIZE];

	return failure_set(failure, -EIO, "PostgreSQL ended while it started: %s",
	                   folder_tail(server->log, tail, sizeof(tail)));
}

static int await_ready(struct postgres_server *server, int watch_fd, struct failure *failure)
{
	uint64_t deadline_ns = clock_now_ns() + START_PATIENCE_NS;
	struct pollfd fds[3] = {{.fd = watch_fd, .events = POLLIN},
	                        {.fd = server->child.pidfd, .events = POLLIN},
	                        {.fd = server->config->interrupt_fd, .events = POLLIN}};

	while (!says_ready(server->data)) {
		uint64_t now_ns = clock_now_ns();
		int count = now_ns < deadline_ns ? poll(fds, 3, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) : 0;

		if (count == 0)
			return failure_set(failure, -ETIMEDOUT, "PostgreSQL isn't ready after a minute");
		if (count > 0 && fds[1].revents)
			return fail_start(server, failure);
		if (count > 0 && fds[2].revents)
			return failure_set(failure, -EINTR, "interrupted");
		forget_events(watch_fd);
	}
	return 0;
}

static int try_start(struct postgres_server *server, struct failure *failure)
{
	cleanup(cleanup_close) int watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r;

	if (watch_fd < 0 || inotify_add_watch(watch_fd, server->data, IN_CREATE | IN_MODIFY | IN_MOVED_TO) < 0)
		return failure_set(failure, -errno, "cannot watch %s: %s", server->data, strerror(errno));
	server->port = free_port();
	if (server->port == 0)
		return failure_set(failure, -EADDRNOTAVAIL, "there is no free port on 127.0.0.1");
	r = launch(server, failure);
	if (r < 0)
		return r;
	r = await_ready(server, watch_fd, failure);
	if (r < 0)
		child_stop(&server->child, SIGQUIT);
	return r;
}

/* Its socket's name must fit into an address. */
static int check_folder(const char *folder, struct failure *failure)
{
	struct sockaddr_un address;

	if (strlen(folder) + sizeof("/.s.PGSQL.65535.lock") > sizeof(address.sun_path))
		return failure_set(failure, -ENAMETOOLONG,
		                   "%s is too long a name for PostgreSQL's socket; set TMPDIR to a shorter one",
		                   folder);
	return 0;
}

static _Bool was_port_taken(const char *log)
{
	char tail[TEXT_SIZE];

	return strstr(folder_tail(log, tail, sizeof(tail)), "Address already in use") != NULL;
}

/* Another process may take the port that was free before the server does. */
static int start_somewhere(struct postgres_server *server, struct failure *failure)
{
	int r = -EIO;

	for (int tries = 0; tries < PORT_TRIES; tries++) {
		r = try_start(server, failure);
		if (r != -EIO || !was_port_taken(server->log))
			return r;
	}
	return r;
}

int postgres_server_start(const struct postgres_server_config *config, struct failure *failure,
                          struct postgres_server **ret_server)
{
	struct postgres_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return failure_set(failure, -ENOMEM, "no memory");
	*server = (struct postgres_server){.config = config, .child = CHILD_NONE};
	server->data = file_join(config->folder, "data");
	server->log = file_join(config->folder, "log");
	if (!server->data || !server->log)
		r = failure_set(failure, -ENOMEM, "no memory");
	else
		r = check_folder(config->folder, failure);
	if (r == 0)
		r = start_somewhere(server, failure);
	if (r < 0)
		postgres_server_stop(server, 0);
	else
		*ret_server = server;
	return r;
}

uint16_t postgres_server_port(const struct postgres_server *server)
{
	return server->port;
}

int postgres_server_pidfd(const struct postgres_server *server)
{
	return server->child.pidfd;
}

int postgres_server_connect(const struct postgres_server *server, const char *database, struct failure *failure,
                            PGconn **ret_session)
{
	char port[16];
	const char *const keywords[] = {"host", "port", "user", "dbname", "application_name", "connect_timeout", NULL};
	const char *const values[] = {server->config->folder, port, SCHEMA_ADMIN, database, "stampede-lab", "10", NULL};
	cleanup(PQfinishp) PGconn *session = NULL;

	snprintf(port, sizeof(port), "%u", (unsigned)server->port);
	session = PQconnectdbParams(keywords, values, 0);
	if (PQstatus(session) != CONNECTION_OK)
		return failure_set(failure, -ECONNREFUSED, "PostgreSQL: %s",
		                   session ? PQerrorMessage(session) : "no memory");
	*ret_session = steal(session);
	return 0;
}

struct postgres_server *postgres_server_stop(struct postgres_server *server, _Bool keep)
{
	if (!server)
		return NULL;
	child_stop(&server->child, keep ? SIGINT : SIGQUIT);
	free(server->data);
	free(server->log);
	free(server);
	return NULL;
}

int postgres_run(PGconn *session, const char *sql, struct failure *failure, PGresult **ret_result)
{
	PGresult *result = PQexec(session, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
		PQclear(result);
		return failure_set(failure, -EIO, "PostgreSQL: %s", PQerrorMessage(session));
	}
	if (ret_result)
		*ret_result = result;
	else
		PQclear(result);
	return 0;
}
