/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL for tests. It refuses to run as root, so root runs it as its own user. */
#include "tests/support/postgres_server.h"

#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "tests/support/process.h"

#define BIN "/usr/lib/postgresql/15/bin/"
#define USER "postgres"

static PGconn *connect_to(const struct postgres_server *server)
{
	char text[256];

	snprintf(text, sizeof(text), "host=%s port=%u user=tester dbname=postgres", server->folder, server->port);
	return PQconnectdb(text);
}

static _Bool accepts(void *context)
{
	PGconn *connection = connect_to(context);
	_Bool ok = PQstatus(connection) == CONNECTION_OK;

	PQfinish(connection);
	return ok;
}

void postgres_server_resume(struct postgres_server *server)
{
	char *data = NULL;

	assert_true(asprintf(&data, "%s/data", server->folder) > 0);
	server->pid = process_start((const char *const[]){BIN "postgres", "-D", data, NULL}, USER, server->output);
	process_await(server->pid, accepts, server);
	free(data);
}

void postgres_server_halt(struct postgres_server *server)
{
	server->pid = process_stop(server->pid, SIGQUIT);
}

static void own(const char *path)
{
	const struct passwd *entry = getpwnam(USER);

	if (geteuid() != 0)
		return;
	assert_non_null(entry);
	assert_int_equal(chown(path, entry->pw_uid, entry->pw_gid), 0);
}

static void configure(const struct postgres_server *server, const char *data)
{
	char settings[512];

	snprintf(settings, sizeof(settings),
	         "port = %u\n"
	         "listen_addresses = '127.0.0.1'\n"
	         "unix_socket_directories = '%s'\n"
	         "max_connections = 30\n"
	         "shared_buffers = 16MB\n"
	         "fsync = off\n"
	         "full_page_writes = off\n"
	         "shared_preload_libraries = 'pg_stat_statements'\n",
	         server->port, server->folder);
	folder_write(data, "postgresql.conf", settings);
	folder_write(data, "pg_hba.conf",
	             "local all locked scram-sha-256\n"
	             "host all locked all scram-sha-256\n"
	             "local all all trust\n"
	             "host all all all trust\n");
}

void postgres_server_start(struct postgres_server *server)
{
	char *data = NULL;

	*server = (struct postgres_server){.folder = folder_make(), .port = port_free()};
	assert_true(asprintf(&data, "%s/data", server->folder) > 0);
	assert_true(asprintf(&server->output, "%s/output", server->folder) > 0);
	own(server->folder);
	process_run((const char *const[]){BIN "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8",
	                                  "--locale=C", "--no-sync", "--no-instructions", NULL},
	            USER, server->output);
	configure(server, data);
	free(data);
	postgres_server_resume(server);
	free(postgres_server_ask(server, "CREATE EXTENSION pg_stat_statements"));
	free(postgres_server_ask(server, "CREATE USER locked PASSWORD 'secret'"));
}

void postgres_server_stop(struct postgres_server *server)
{
	server->pid = process_stop(server->pid, SIGINT);
	server->folder = folder_remove(server->folder);
	free(server->output);
	server->output = NULL;
}

char *postgres_server_ask(const struct postgres_server *server, const char *sql)
{
	PGconn *connection = connect_to(server);
	PGresult *result = PQexec(connection, sql);
	struct buffer text = {0};

	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(result));
	for (int i = 0; PQntuples(result) > 0 && i < PQnfields(result); i++)
		buffer_append_format(&text, "%s%s", i ? "|" : "", PQgetvalue(result, 0, i));
	PQclear(result);
	PQfinish(connection);
	assert_non_null(buffer_text(&text));
	return (char *)text.data;
}
