/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's programs on this host, and the account that may run them. */
#pragma once

#include "common/base/failure.h"
#include "deploy/lab/child.h"

struct postgres_tools {
	char *initdb;
	char *postgres;
	_Bool statements;       /* it has pg_stat_statements */
	struct account account; /* PostgreSQL refuses to run as root */
};

/* Looks under /usr/lib/postgresql (the newest version), then in PATH. The failure names the Debian package.
 * The caller deinits what it gets. */
int postgres_tools_find(struct failure *failure, struct postgres_tools *ret_tools);
void postgres_tools_deinit(struct postgres_tools *tools);
