/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal says of a run apart from its values: the replay's first pass. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "common/plan/plan.h"
#include "common/stats/series.h"
#include "coordinator/journal.h"

/* Consecutive seconds of which an agent's snapshots are held. */
struct held_range {
	uint64_t first, last;
};

struct facts_agent {
	struct message_hello hello; /* moved out of its record */
	/* The latest account: zero before the first status record. */
	struct wire_scenario *scenarios; /* as many as the plan has, or NULL */
	struct wire_health health;
	int64_t clock_offset_ns;
	uint64_t clock_bound_ns;
	uint64_t start_skew_ns;
	/* From the accepted snapshots. */
	uint64_t snapshots;
	uint64_t operations, iterations; /* its own cumulative counts in the newest */
	struct held_range *held;         /* ascending */
	size_t held_count, held_capacity;
	_Bool mismatch; /* its deltas did not add up to those counts */

	_Bool lost; /* and has not come back to finish */
	uint64_t lost_at_ns;
	char *lost_reason;
	_Bool done;
	uint64_t end_ns; /* done: when its schedule ended */
};

struct facts_division {
	uint64_t from_ns;
	uint32_t agent_count, scenario_count;
	struct share *shares; /* [agent * scenario_count + scenario] */
};

struct facts_target {
	char *version;
	char *topology;
	char *problem;               /* "" or what an agent said last */
	uint64_t idle_round_trip_ns; /* the least; 0: unknown */
	_Bool local;
};

/* A deltas record that has values of a second. */
struct facts_block {
	uint64_t second;
	uint64_t offset;
};

struct facts {
	struct plan *plan;
	struct journal_record run; /* JOURNAL_RUN */
	enum run_state state;      /* the last one entered */
	_Bool started;
	int64_t t0_unix_ns;
	uint64_t *begun_ns; /* by scenario: when it began or was to begin, since T0; UINT64_MAX: it waited for another
	                       in vain */
	struct facts_agent *agents;
	size_t agent_count, agent_capacity;
	struct facts_division *divisions; /* by epoch */
	size_t division_count, division_capacity;
	struct facts_target *targets; /* as in the plan */
	struct series_table *series;  /* as numbered in the journal */
	_Bool stopped;
	struct journal_record stop; /* the first JOURNAL_STOP */
	_Bool interrupted;          /* one of them was a user's */
	struct facts_block *blocks; /* by second, then in the order of the file */
	size_t block_count, block_capacity;
	uint64_t second_count; /* beyond the newest second that any agent has reported */
	uint64_t cut_bytes;
};

/* Reads RUN_DIR/journal. *ret_facts is released by facts_deinit(). Errors are in *failure. */
int facts_read(const char *run_folder, struct failure *failure, struct facts *ret_facts);
void facts_deinit(struct facts *facts);
/* True if the run went all the way to its report: nothing more can come. */
_Bool facts_is_over(const struct facts *facts);
/* How many seconds below `limit` are held of an agent. */
uint64_t facts_seconds_below(const struct facts_agent *agent, uint64_t limit);
