/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's programs and account. */
#include "deploy/lab/postgres_tools.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"

#define DEBIAN_PLACES "/usr/lib/postgresql/*/bin"

/* The library pg_stat_statements, from the folder of the programs: Debian's place, and the usual ones. */
static const char *const libraries[] = {"../lib/pg_stat_statements.so", "../lib/postgresql/pg_stat_statements.so",
                                        "../lib64/pgsql/pg_stat_statements.so"};

static _Bool is_there(const char *folder, const char *name, int mode)
{
	cleanup(cleanup_free) char *path = file_join(folder, name);

	return path && access(path, mode) == 0;
}

static _Bool has_programs(const char *folder)
{
	return is_there(folder, "initdb", X_OK) && is_there(folder, "postgres", X_OK);
}

static long version_of(const char *folder)
{
	return strtol(folder + strcspn(folder, "0123456789"), NULL, 10);
}

static char *find_debian(void)
{
	glob_t found = {0};
	const char *best = NULL;
	char *copy;

	if (glob(DEBIAN_PLACES, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (has_programs(found.gl_pathv[i]) &&
			    (!best || version_of(found.gl_pathv[i]) > version_of(best)))
				best = found.gl_pathv[i];
	copy = best ? strdup(best) : NULL;
	globfree(&found);
	return copy;
}

static char *find_in_path(void)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t size = strcspn(at, ":");
		cleanup(cleanup_free) char *folder = strndup(at, size);

		if (folder && has_programs(folder))
			return steal(folder);
		at += size + (at[size] == ':');
	}
	return NULL;
}

/* PostgreSQL must be run by somebody else than root. */
static int find_account(struct failure *failure, struct account *ret_account)
{
	const struct passwd *entry;

	if (geteuid() != 0) {
		*ret_account = (struct account){0};
		return 0;
	}
	entry = getpwnam("postgres");
	if (!entry)
		entry = getpwnam("nobody");
	if (!entry || entry->pw_uid == 0)
		return failure_set(failure, -ENOENT,
		                   "PostgreSQL doesn't run as root, and there is no user postgres or nobody");
	*ret_account = (struct account){.used = 1, .uid = entry->pw_uid, .gid = entry->pw_gid};
	return 0;
}

int postgres_tools_find(struct failure *failure, struct postgres_tools *ret_tools)
{
	cleanup(cleanup_free) char *folder = find_debian();
	struct postgres_tools tools = {0};
	int r;

	if (!folder)
		folder = find_in_path();
	if (!folder)
		return failure_set(failure, -ENOENT,
		                   "there are no PostgreSQL programs (initdb, postgres) in " DEBIAN_PLACES
		                   " or PATH; on Debian: apt-get install postgresql-15");
	r = find_account(failure, &tools.account);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		tools.statements |= is_there(folder, libraries[i], R_OK);
	tools.initdb = file_join(folder, "initdb");
	tools.postgres = file_join(folder, "postgres");
	if (!tools.initdb || !tools.postgres) {
		postgres_tools_deinit(&tools);
		return failure_set(failure, -ENOMEM, "no memory");
	}
	*ret_tools = tools;
	return 0;
}

void postgres_tools_deinit(struct postgres_tools *tools)
{
	free(tools->initdb);
	free(tools->postgres);
	*tools = (struct postgres_tools){0};
}
