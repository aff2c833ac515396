/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that the coordinator has not journaled yet: in memory up to a bound, then on a disk up to another one. What
 * it has taken it gives back, in order, until it is acknowledged; whatever goes wrong hits what it has not taken yet.
 * Pure but for the disk. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/disk.h"
#include "agent/snapshots.h"

struct spool;

/* A value. */
struct spool_config {
	size_t memory_bytes; /* of snapshots in memory; those that spool_get() has read from the disk come on top */
	struct disk disk;    /* none: memory alone. Must outlive the spool */
	uint64_t disk_bytes; /* no offset on the disk lies beyond it */
};

/* NULL without memory. */
struct spool *spool_new(const struct spool_config *config);
struct spool *spool_free(struct spool *spool);

/* Takes the snapshot, whose seq must follow the newest one's (from 1). -ENOBUFS: both bounds are reached; -EMSGSIZE: it
 * is larger than any message may be; -ENOMEM; another negative errno: the disk's. The snapshot is still the caller's
 * then, and what the spool held it still holds. */
int spool_add(struct spool *spool, struct snapshot *snapshot);
/* Forgets all up to seq; past the newest there is nothing to forget. */
void spool_acknowledge(struct spool *spool, uint64_t seq);
/* Forgets all from seq on, as if it had never been added. */
void spool_cut(struct spool *spool, uint64_t seq);
/* Forgets all and starts at 1 again. */
void spool_clear(struct spool *spool);

/* What is known of a snapshot without reading it. */
struct spool_item {
	uint64_t second;
	size_t size; /* about what it takes on the wire */
	_Bool last;
};
/* False if there is no such snapshot. */
_Bool spool_find(const struct spool *spool, uint64_t seq, struct spool_item *ret_item);
/* The snapshot with this number, which spool_find() must know. Holds until it is forgotten. 0, -ENOMEM, or a negative
 * errno where the disk does not give it back. */
int spool_get(struct spool *spool, uint64_t seq, const struct message_snapshot **ret_snapshot);

/* The newest number ever added, and the newest acknowledged; 0: none. */
uint64_t spool_newest(const struct spool *spool);
uint64_t spool_acknowledged(const struct spool *spool);
/* What it holds now, in memory (what was read included) and on the disk. */
size_t spool_memory(const struct spool *spool);
uint64_t spool_on_disk(const struct spool *spool);
