/* SPDX-License-Identifier: Apache-2.0 */
/* One second of a worker, as it is handed to the main thread: what was recorded, and how the scenarios stood at its
 * end. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/recorder.h"
#include "common/base/buffer.h"
#include "common/wire/message.h"

struct second {
	struct second *link; /* in the list that holds it */
	struct recorder *recorder;
	struct wire_scenario *scenarios; /* by the plan's order */
	struct buffer ledger;            /* what became of messages that are verified: sent deltas */
	uint64_t number;                 /* since T0 */
	uint64_t next;                   /* the worker's next second: of all before it nothing more comes */
	uint64_t schedule_end_ns; /* since T0: when the last schedule of its scenarios ended, as far as they have */
	uint64_t start_skew_ns;
	uint64_t stalled_ns;
	uint64_t groups_folded;
	uint64_t cpu_at_start_ns; /* the process's CPU time at T0 */
	_Bool last;
	/* The main thread's own: the agent's ids of the recorder's series, with snapshots.c's marks. */
	uint32_t *ids;
	size_t id_count;
	size_t id_capacity;
};

/* An empty one; keeps both pointers. 0 or -ENOMEM. */
int second_new(const struct plan *plan, const struct groups *groups, struct second **ret_second);
/* Empties it for the next second. */
void second_clear(struct second *second);
struct second *second_free(struct second *second);
