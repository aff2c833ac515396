/* SPDX-License-Identifier: Apache-2.0 */
/* The private PostgreSQL: programs, files, server, one after the other. */
#include "deploy/lab/postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "deploy/lab/postgres_cluster.h"
#include "deploy/lab/postgres_server.h"
#include "deploy/lab/postgres_tools.h"
#include "deploy/lab/schema.h"

struct postgres {
	struct postgres_tools tools;
	char *folder;
	char *uri;
	struct postgres_server_config server_config;
	struct postgres_server *server;
};

DEFINE_CLEANUP(struct postgres *, postgres_stop)
DEFINE_CLEANUP(PGconn *, PQfinish)
DEFINE_CLEANUP(PGresult *, PQclear)

struct postgres *postgres_stop(struct postgres *postgres)
{
	if (!postgres)
		return NULL;
	postgres_server_stop(postgres->server, 0);
	postgres_tools_deinit(&postgres->tools);
	free(postgres->folder);
	free(postgres->uri);
	free(postgres);
	return NULL;
}

static int make_folder(struct postgres *postgres, const char *parent, struct failure *failure)
{
	const struct account *account = &postgres->tools.account;

	postgres->folder = file_join(parent, "postgres");
	if (!postgres->folder)
		return failure_set(failure, -ENOMEM, "no memory");
	if (mkdir(postgres->folder, 0755) < 0 ||
	    (account->used && chown(postgres->folder, account->uid, account->gid) < 0))
		return failure_set(failure, -errno, "cannot make %s: %s", postgres->folder, strerror(errno));
	return 0;
}

/* What came from the cache and doesn't start (a host that lost power while it was written) is made anew, once. */
static int start_server(struct postgres *postgres, const struct postgres_config *config, struct failure *failure)
{
	struct postgres_cluster_config cluster = {.tools = &postgres->tools,
	                                          .symbols = config->symbols,
	                                          .folder = postgres->folder,
	                                          .cache = config->cache,
	                                          .interrupt_fd = config->interrupt_fd};
	_Bool cached = 0;
	int r = postgres_cluster_make(&cluster, 0, failure, &cached);

	if (r < 0)
		return r;
	r = postgres_server_start(&postgres->server_config, failure, &postgres->server);
	if (r == -EIO && cached) {
		r = postgres_cluster_make(&cluster, 1, failure, &cached);
		if (r == 0)
			r = postgres_server_start(&postgres->server_config, failure, &postgres->server);
	}
	return r;
}

int postgres_start(const struct postgres_config *config, struct failure *failure, struct postgres **ret_postgres)
{
	cleanup(postgres_stopp) struct postgres *postgres = calloc(1, sizeof(*postgres));
	int r;

	if (!postgres)
		return failure_set(failure, -ENOMEM, "no memory");
	r = postgres_tools_find(failure, &postgres->tools);
	if (r == 0)
		r = make_folder(postgres, config->folder, failure);
	if (r < 0)
		return r;
	postgres->server_config = (struct postgres_server_config){.tools = &postgres->tools,
	                                                          .folder = postgres->folder,
	                                                          .public = 1,
	                                                          .statements = postgres->tools.statements,
	                                                          .interrupt_fd = config->interrupt_fd};
	r = start_server(postgres, config, failure);
	if (r < 0)
		return r;
	if (asprintf(&postgres->uri, "postgresql://" SCHEMA_CLIENT "@127.0.0.1:%u/" SCHEMA_DATABASE,
	             (unsigned)postgres_server_port(postgres->server)) < 0) {
		postgres->uri = NULL;
		return failure_set(failure, -ENOMEM, "no memory");
	}
	*ret_postgres = steal(postgres);
	return 0;
}

const char *postgres_uri(const struct postgres *postgres)
{
	return postgres->uri;
}

int postgres_pidfd(const struct postgres *postgres)
{
	return postgres_server_pidfd(postgres->server);
}

int postgres_count(struct postgres *postgres, struct failure *failure, struct postgres_counters *ret_counters)
{
	cleanup(PQfinishp) PGconn *session = NULL;
	cleanup(PQclearp) PGresult *result = NULL;
	int r;

	if (!postgres->tools.statements) {
		*ret_counters = (struct postgres_counters){0};
		return 0;
	}
	r = postgres_server_connect(postgres->server, SCHEMA_DATABASE, failure, &session);
	if (r == 0)
		r = postgres_run(session, schema_statistics, failure, &result);
	if (r < 0)
		return r;
	*ret_counters = (struct postgres_counters){.known = 1,
	                                           .calls = strtoull(PQgetvalue(result, 0, 0), NULL, 10),
	                                           .rows = strtoull(PQgetvalue(result, 0, 1), NULL, 10)};
	return 0;
}
