/* SPDX-License-Identifier: Apache-2.0 */
/* The database's files. A cached copy is complete or not there: it is made beside its place and renamed. Its name is a
 * digest of all that it was made of, so it never has to be brought up to date. */
#include "deploy/lab/postgres_cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "deploy/lab/folder.h"
#include "deploy/lab/postgres_server.h"
#include "deploy/lab/schema.h"

DEFINE_CLEANUP(PGconn *, PQfinish)

static int run_initdb(const struct postgres_cluster_config *config, const char *data, const char *log,
                      struct failure *failure)
{
	const char *arguments[] = {config->tools->initdb,
	                           "-D",
	                           data,
	                           "-U",
	                           SCHEMA_ADMIN,
	                           "-A",
	                           "trust",
	                           "-E",
	                           "UTF8",
	                           "--locale=C",
	                           "--no-sync",
	                           "--no-instructions",
	                           "--wal-segsize=1",
	                           NULL};
	char zone[] = "TZ=UTC"; /* else it compares the host's with every zone that there is */
	char *environment[] = {zone, NULL};

	return child_run(&(struct child_config){.arguments = arguments,
	                                        .account = &config->tools->account,
	                                        .folder = config->folder,
	                                        .environment = environment,
	                                        .death_signal = SIGKILL,
	                                        .own_session = 1,
	                                        .output = log},
	                 config->interrupt_fd, failure);
}

static int copy_stocks(PGconn *session, const struct symbols *symbols, struct failure *failure)
{
	cleanup_buffer struct buffer csv = {0};
	PGresult *result;
	int r;

	if (symbols_write_csv(symbols, &csv) < 0)
		return failure_set(failure, -ENOMEM, "no memory");
	r = postgres_run(session, schema_copy_stocks, failure, NULL);
	if (r < 0)
		return r;
	if (PQputCopyData(session, (const char *)csv.data, (int)csv.size) != 1 || PQputCopyEnd(session, NULL) != 1)
		return failure_set(failure, -EIO, "PostgreSQL: %s", PQerrorMessage(session));
	while ((result = PQgetResult(session))) {
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			r = failure_set(failure, -EIO, "PostgreSQL: %s", PQerrorMessage(session));
		PQclear(result);
	}
	return r;
}

static int make_roles(const struct postgres_server *server, struct failure *failure)
{
	cleanup(PQfinishp) PGconn *session = NULL;
	int r = postgres_server_connect(server, "postgres", failure, &session);

	if (r == 0)
		r = postgres_run(session, "CREATE ROLE " SCHEMA_CLIENT " LOGIN IN ROLE pg_monitor", failure, NULL);
	if (r == 0)
		r = postgres_run(session, "CREATE DATABASE " SCHEMA_DATABASE " OWNER " SCHEMA_CLIENT, failure, NULL);
	return r;
}

static int make_tables(const struct postgres_cluster_config *config, const struct postgres_server *server,
                       struct failure *failure)
{
	cleanup(PQfinishp) PGconn *session = NULL;
	int r = postgres_server_connect(server, SCHEMA_DATABASE, failure, &session);

	if (r == 0 && config->tools->statements)
		r = postgres_run(session, "CREATE EXTENSION pg_stat_statements", failure, NULL);
	if (r == 0)
		r = postgres_run(session, schema_tables, failure, NULL);
	if (r == 0)
		r = copy_stocks(session, config->symbols, failure);
	if (r == 0)
		r = postgres_run(session, schema_data, failure, NULL);
	if (r == 0)
		r = postgres_run(session, schema_vacuum, failure, NULL);
	return r;
}

static int make_anew(const struct postgres_cluster_config *config, const char *data, struct failure *failure)
{
	struct postgres_server_config server_config = {
	        .tools = config->tools, .folder = config->folder, .interrupt_fd = config->interrupt_fd};
	cleanup(cleanup_free) char *log = file_join(config->folder, "initdb.log");
	struct postgres_server *server = NULL;
	int r = log ? run_initdb(config, data, log, failure) : failure_set(failure, -ENOMEM, "no memory");

	if (r == 0)
		r = postgres_server_start(&server_config, failure, &server);
	if (r == 0)
		r = make_roles(server, failure);
	if (r == 0)
		r = make_tables(config, server, failure);
	postgres_server_stop(server, r == 0);
	return r;
}

/* Copies a folder with its owners and modes, sharing blocks where the file system can. */
static int copy(const struct postgres_cluster_config *config, const char *from, const char *to, struct failure *failure)
{
	const char *arguments[] = {"cp", "-a", "--reflink=auto", "--", from, to, NULL};
	cleanup(cleanup_free) char *log = file_join(config->folder, "cp.log");

	if (!log)
		return failure_set(failure, -ENOMEM, "no memory");
	return child_run(
	        &(struct child_config){
	                .arguments = arguments, .death_signal = SIGKILL, .own_session = 1, .output = log},
	        config->interrupt_fd, failure);
}

/* Best effort: without it the next start is slow, no more. */
static void store(const struct postgres_cluster_config *config, const char *data, const char *place)
{
	cleanup(cleanup_free) char *beside = NULL;

	if (file_make_folder(config->cache, NULL) < 0 || asprintf(&beside, "%s.%d", place, (int)getpid()) < 0)
		return;
	if (copy(config, data, beside, NULL) < 0 || rename(beside, place) < 0)
		folder_remove(beside);
}

/* Where the cache's copy lies, by everything that it is made of; NULL without memory. */
static char *cache_place(const struct postgres_cluster_config *config)
{
	cleanup_buffer struct buffer made_of = {0};
	char digest[SHA256_HEX_SIZE], *place = NULL;
	struct stat program = {0};

	stat(config->tools->postgres, &program);
	buffer_append_format(&made_of, "%s %jd %jd %jd %d\n", config->tools->postgres, (intmax_t)program.st_size,
	                     (intmax_t)program.st_mtime, (intmax_t)config->tools->account.uid,
	                     config->tools->statements);
	buffer_append_text(&made_of, schema_tables);
	buffer_append_text(&made_of, schema_data);
	if (symbols_write_csv(config->symbols, &made_of) < 0)
		return NULL;
	hash_sha256_hex(made_of.data, made_of.size, digest);
	if (asprintf(&place, "%s/postgres-%zu-%.16s", config->cache, symbols_count(config->symbols), digest) < 0)
		return NULL;
	return place;
}

int postgres_cluster_make(const struct postgres_cluster_config *config, _Bool anew, struct failure *failure,
                          _Bool *ret_cached)
{
	cleanup(cleanup_free) char *data = file_join(config->folder, "data");
	cleanup(cleanup_free) char *place = config->cache ? cache_place(config) : NULL;
	int r;

	if (!data || (config->cache && !place))
		return failure_set(failure, -ENOMEM, "no memory");
	folder_remove(data);
	if (place && anew)
		folder_remove(place);
	if (place && access(place, R_OK | X_OK) == 0) {
		r = copy(config, place, data, failure);
		if (r == 0)
			*ret_cached = 1;
		return r;
	}
	r = make_anew(config, data, failure);
	if (r == 0 && place)
		store(config, data, place);
	if (r == 0)
		*ret_cached = 0;
	return r;
}
