/* SPDX-License-Identifier: Apache-2.0 */
/* What libpq is told to connect: a target's URI with its names resolved, since libpq would resolve them on the worker's
 * thread. */
#pragma once

#include <stddef.h>

#include "common/base/failure.h"

struct conninfo {
	const char **keywords; /* end with NULL, as PQconnectStartParams() takes them */
	const char **values;
	char **owned; /* the texts in both that are ours */
	size_t owned_count;
	char problem[256]; /* "" or why a name could not be resolved: then nothing can connect */
};

/* Blocks while names are resolved. -EINVAL with libpq's words for a URI that it doesn't take, -ENOMEM. */
int conninfo_init(struct conninfo *conninfo, const char *uri, struct failure *failure);
void conninfo_deinit(struct conninfo *conninfo);
/* Host and port of the first server named, as written and not resolved: a path is a folder of unix sockets. Copies. */
int conninfo_first_host(const char *uri, char **ret_host, char **ret_port);
