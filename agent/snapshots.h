/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an agent's snapshots from its workers' seconds: one for every second from the first on, without gaps, numbered
 * from 1.
 *
 * A second is complete when every worker is past it. The workers' series become the agent's, whose ids go over the
 * wire; groups and error texts are bounded here for the whole agent. Pure; one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/second.h"
#include "common/base/buffer.h"
#include "common/plan/plan.h"
#include "common/wire/message.h"

/* A snapshot and all that it points to, but the texts of series: those belong to the struct snapshots that made it. */
struct snapshot {
	struct message_snapshot message;
	struct buffer bytes;  /* the cells' */
	struct buffer ledger; /* the message's */
	size_t memory;        /* bytes that it holds */
};

struct snapshot *snapshot_free(struct snapshot *snapshot);

struct snapshots;

/* Keeps a pointer to the plan. 0 or -ENOMEM. */
int snapshots_new(const struct plan *plan, uint32_t workers, struct snapshots **ret_snapshots);
/* Frees the seconds it still holds. */
struct snapshots *snapshots_free(struct snapshots *snapshots);
/* Before any snapshot: the second that the first one is of. It is 0 if nothing is said, and later for an agent that
 * joins. */
void snapshots_begin(struct snapshots *snapshots, uint64_t second);
/* From this second on, which is not before earlier calls', the agent runs by this epoch (0 until then). 0 or -ENOMEM.
 */
int snapshots_shift(struct snapshots *snapshots, uint32_t epoch, uint64_t second);
/* What a reader has seen goes into the next snapshot: a gauge of the whole run. 0, -ENOMEM or -EOVERFLOW. */
int snapshots_reading(struct snapshots *snapshots, enum metric_id metric, const char *label, double value);
/* Takes a worker's next second. 0 or -ENOMEM (then the second is still the caller's). */
int snapshots_add(struct snapshots *snapshots, uint32_t worker, struct second *second);
/* True if the next second is complete: snapshots_make() makes it. */
_Bool snapshots_ready(const struct snapshots *snapshots);
/* Makes the next snapshot. `health` is the process's own part. Seconds that are done with go to `give`. 0, -ENOMEM or
 * -EOVERFLOW (more series than LIMIT_SERIES, or a larger ledger than LIMIT_LEDGER_BYTES). */
int snapshots_make(struct snapshots *snapshots, const struct wire_health *health,
                   void (*give)(void *context, uint32_t worker, struct second *second), void *context,
                   struct snapshot **ret_snapshot);
/* Since T0: when the last schedule ended, as far as the snapshots made tell. */
uint64_t snapshots_schedule_end_ns(const struct snapshots *snapshots);
/* The process's CPU time at T0, by the first worker; 0 before any second came in. */
uint64_t snapshots_cpu_at_start_ns(const struct snapshots *snapshots);
