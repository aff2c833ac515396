/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of many agents become sums by (second, series). Pure: no sockets, no clock, no file.
 *
 * Each agent's snapshots are accepted in sequence and only once; what is accepted is held until merge_flush() gives it
 * out as journal records. After they are written, and only then, the caller acknowledges up to merge_accepted_seq(). */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "coordinator/journal/journal.h"

struct merge;

struct merge_config {
	const struct plan *plan;
	/* A fault for tests: true makes the merge leave out this snapshot's cells after it has accepted it. NULL in a
	 * real run. */
	_Bool (*skip)(void *context, uint32_t agent, uint64_t seq);
	void *context;
};

int merge_new(const struct merge_config *config, struct merge **ret_merge);
struct merge *merge_free(struct merge *merge);

/* Takes in a record that an earlier merge of the run gave out, or an agent's status: all of them in order, before
 * anything else. Others are passed over. What is decided about the next snapshot is then what the earlier one would
 * have decided. 0, -ENOMEM or -EBADMSG (it contradicts those before it). */
int merge_restore(struct merge *merge, const struct journal_record *record);

enum merge_outcome {
	MERGE_ACCEPTED = 0,
	MERGE_REPEATED = 1, /* its sequence number was accepted before: acknowledge again, count nothing */
	MERGE_GAP = 2,      /* one before it is missing: ignore, the agent sends again from the welcome's seq */
};

/* No run is that long; what an agent says of a later second is not believed. */
#define MERGE_SECONDS_MAX UINT64_C(8640000) /* 100 days */

/* Takes agent `agent`'s snapshot: an enum merge_outcome, or -EBADMSG (it contradicts itself, its series or the plan:
 * nothing of it was taken; reason in *failure), -ENOMEM (the merge is then good for nothing but merge_free()). An agent
 * whose deltas don't add up to its own cumulative counts is accepted with journal_accepted.mismatch set: the run goes
 * on and the report says it. */
int merge_take(struct merge *merge, uint32_t agent, const struct message_snapshot *snapshot, struct failure *failure);
/* The newest sequence number accepted of an agent (0: none). */
uint64_t merge_accepted_seq(const struct merge *merge, uint32_t agent);
/* The newest second accepted of an agent, -1: none. */
int64_t merge_accepted_second(const struct merge *merge, uint32_t agent);
/* The epoch that it ran by in that second; 0: none. */
uint32_t merge_accepted_epoch(const struct merge *merge, uint32_t agent);
/* The agent's latest cumulative account (scenario_count entries) and health; NULL before the first snapshot. */
const struct wire_scenario *merge_scenarios(const struct merge *merge, uint32_t agent);
const struct wire_health *merge_health(const struct merge *merge, uint32_t agent);

/* Gives out what was accepted since the last flush: JOURNAL_SERIES records for new series, then one JOURNAL_DELTAS.
 * `record` is called with each in order (borrowed for the call); its first error ends the flush and is returned.
 * Nothing held: no call. */
int merge_flush(struct merge *merge, int (*record)(void *context, const struct journal_record *record), void *context);

/* The merged series, as numbered in the journal. */
const struct series_table *merge_series(const struct merge *merge);
