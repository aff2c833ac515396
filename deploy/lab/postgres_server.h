/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server on a data folder, as a child. On the main thread alone (see child.h). */
#pragma once

#include <libpq-fe.h>
#include <stdint.h>

#include "deploy/lab/postgres_tools.h"

struct postgres_server;

struct postgres_server_config {
	const struct postgres_tools *tools;
	const char *folder; /* of its unix socket; its data is in "data", its log goes to "log" */
	_Bool public;       /* it also listens on a free port of 127.0.0.1 */
	_Bool statements;   /* pg_stat_statements counts */
	int interrupt_fd;
};

/* Starts it and waits until it takes connections. -EINTR when interrupted. The config must outlive it. */
int postgres_server_start(const struct postgres_server_config *config, struct failure *failure,
                          struct postgres_server **ret_server);
uint16_t postgres_server_port(const struct postgres_server *server);
/* Readable when it has ended. */
int postgres_server_pidfd(const struct postgres_server *server);
/* The superuser's session, through the unix socket. */
int postgres_server_connect(const struct postgres_server *server, const char *database, struct failure *failure,
                            PGconn **ret_session);
/* `keep`: with all that was written on disk; otherwise at once. Accepts NULL. Returns NULL. */
struct postgres_server *postgres_server_stop(struct postgres_server *server, _Bool keep);
/* Runs statements in a session, of which the last gives *ret_result (NULL: not wanted). */
int postgres_run(PGconn *session, const char *sql, struct failure *failure, PGresult **ret_result);
