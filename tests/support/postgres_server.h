/* SPDX-License-Identifier: Apache-2.0 */
/* A private PostgreSQL 15 on a unix socket and a loopback port, which trusts everyone but the user `locked` (password
 * "secret"). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct postgres_server {
	char *folder; /* also that of the socket */
	char *output; /* its log's path */
	uint16_t port;
	pid_t pid;
};

/* Makes the data folder and starts it, with pg_stat_statements and a superuser `tester`. */
void postgres_server_start(struct postgres_server *server);
void postgres_server_stop(struct postgres_server *server);
/* Stops the server with its sessions (an immediate shutdown) and starts it again on the same data. */
void postgres_server_halt(struct postgres_server *server);
void postgres_server_resume(struct postgres_server *server);
/* Runs SQL as `tester` in the database postgres and gives the first row's columns, parted by '|', "" if there is none.
 * Allocated. Asserts that it succeeds. */
char *postgres_server_ask(const struct postgres_server *server, const char *sql);
