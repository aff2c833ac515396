/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that the coordinator has not journaled yet, in memory, bounded. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/snapshots.h"

struct spool;

/* Holds up to max_bytes of snapshots. NULL without memory. */
struct spool *spool_new(size_t max_bytes);
struct spool *spool_free(struct spool *spool);
/* Takes the snapshot, whose seq must follow the newest one's (from 1). 0; -ENOSPC (it would hold too much) or -ENOMEM:
 * then the snapshot is still the caller's. */
int spool_add(struct spool *spool, struct snapshot *snapshot);
/* Forgets all up to seq; a seq that was never added is ignored past the newest. */
void spool_acknowledge(struct spool *spool, uint64_t seq);
/* The snapshot with this number, or NULL. Holds until it is acknowledged. */
const struct snapshot *spool_get(const struct spool *spool, uint64_t seq);
/* The newest number ever added, and the newest acknowledged; 0: none. */
uint64_t spool_newest(const struct spool *spool);
uint64_t spool_acknowledged(const struct spool *spool);
/* Forgets all and starts at 1 again. */
void spool_clear(struct spool *spool);
