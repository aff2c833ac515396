/* SPDX-License-Identifier: Apache-2.0 */
/* The database's files. They are made once and then copied from a cache, since making them takes seconds. */
#pragma once

#include "deploy/lab/postgres_tools.h"
#include "deploy/lab/symbols.h"

struct postgres_cluster_config {
	const struct postgres_tools *tools;
	const struct symbols *symbols;
	const char *folder; /* owned by the tools' account; "data" is made in it */
	const char *cache;  /* folder for what can be used again; NULL: none */
	int interrupt_fd;
};

/* Makes "data" in the folder: by copying from the cache, or anew, and then the cache gets a copy. With `anew` the
 * cache's copy is thrown away first. Sets *ret_cached if it came from the cache. -EINTR when interrupted. */
int postgres_cluster_make(const struct postgres_cluster_config *config, _Bool anew, struct failure *failure,
                          _Bool *ret_cached);
