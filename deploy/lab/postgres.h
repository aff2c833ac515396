/* SPDX-License-Identifier: Apache-2.0 */
/* The private PostgreSQL with the lab's stocks. On the main thread alone (see child.h). */
#pragma once

#include "common/base/failure.h"
#include "deploy/lab/counters.h"
#include "deploy/lab/symbols.h"

struct postgres;

struct postgres_config {
	const struct symbols *symbols;
	const char *folder; /* the lab's temporary one; it makes a folder of its own in it */
	const char *cache;  /* see postgres_cluster.h; may be NULL */
	int interrupt_fd;   /* gives up when it becomes readable; -1: never */
};

/* Blocks until it takes connections. -EINTR when interrupted. */
int postgres_start(const struct postgres_config *config, struct failure *failure, struct postgres **ret_postgres);
/* postgresql://..., of the clients' role; lives as long as it. */
const char *postgres_uri(const struct postgres *postgres);
/* Readable when it has ended by itself. */
int postgres_pidfd(const struct postgres *postgres);
/* What the clients' role has run so far. */
int postgres_count(struct postgres *postgres, struct failure *failure, struct postgres_counters *ret_counters);
/* Accepts NULL. Returns NULL. */
struct postgres *postgres_stop(struct postgres *postgres);
