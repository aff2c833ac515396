/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that the coordinator has not journaled yet: a ring of those between `acknowledged` and `newest`. */
#include "agent/spool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct spool {
	struct snapshot **ring; /* snapshot seq at seq & (capacity - 1) */
	size_t capacity;        /* a power of two */
	size_t bytes;
	size_t max_bytes;
	uint64_t newest;
	uint64_t acknowledged;
};

enum { FIRST_CAPACITY = 16 };

struct spool *spool_new(size_t max_bytes)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return NULL;
	spool->ring = calloc(FIRST_CAPACITY, sizeof(struct snapshot *));
	if (!spool->ring) {
		free(spool);
		return NULL;
	}
	spool->capacity = FIRST_CAPACITY;
	spool->max_bytes = max_bytes;
	return spool;
}

struct spool *spool_free(struct spool *spool)
{
	if (!spool)
		return NULL;
	spool_clear(spool);
	free(spool->ring);
	free(spool);
	return NULL;
}

static struct snapshot **place(const struct spool *spool, uint64_t seq)
{
	return &spool->ring[seq & (spool->capacity - 1)];
}

static int grow(struct spool *spool)
{
	size_t capacity = 2 * spool->capacity;
	struct snapshot **ring = calloc(capacity, sizeof(struct snapshot *));

	if (!ring)
		return -ENOMEM;
	for (uint64_t seq = spool->acknowledged + 1; seq <= spool->newest; seq++)
		ring[seq & (capacity - 1)] = *place(spool, seq);
	free(spool->ring);
	spool->ring = ring;
	spool->capacity = capacity;
	return 0;
}

int spool_add(struct spool *spool, struct snapshot *snapshot)
{
	assert(snapshot->message.seq == spool->newest + 1);
	if (snapshot->memory > spool->max_bytes - spool->bytes)
		return -ENOSPC;
	if (spool->newest - spool->acknowledged == spool->capacity && grow(spool) < 0)
		return -ENOMEM;
	spool->newest++;
	*place(spool, spool->newest) = snapshot;
	spool->bytes += snapshot->memory;
	return 0;
}

void spool_acknowledge(struct spool *spool, uint64_t seq)
{
	while (spool->acknowledged < seq && spool->acknowledged < spool->newest) {
		struct snapshot **at = place(spool, ++spool->acknowledged);

		spool->bytes -= (*at)->memory;
		*at = snapshot_free(*at);
	}
}

const struct snapshot *spool_get(const struct spool *spool, uint64_t seq)
{
	return seq > spool->acknowledged && seq <= spool->newest ? *place(spool, seq) : NULL;
}

uint64_t spool_newest(const struct spool *spool)
{
	return spool->newest;
}

uint64_t spool_acknowledged(const struct spool *spool)
{
	return spool->acknowledged;
}

void spool_clear(struct spool *spool)
{
	spool_acknowledge(spool, spool->newest);
	spool->newest = 0;
	spool->acknowledged = 0;
}
