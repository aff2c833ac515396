/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal says of a run apart from its values: the replay's first pass. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "common/plan/plan.h"
#include "common/stats/ledger.h"
#include "common/stats/series.h"
#include "coordinator/journal/journal.h"

/* Consecutive seconds of which an agent's snapshots are held, and the epoch that it ran by in them. */
struct held_range {
	uint64_t first, last;
	uint32_t epoch;
};

/* A time for which an agent counted as lost. */
struct facts_loss {
	uint64_t at_ns;
	uint64_t back_ns; /* UINT64_MAX: it was not heard again */
	char *reason;
};

/* Seconds [late, last] in which an agent dropped what had become late, after [first, late) in which it started nothing.
 */
struct facts_stall {
	uint64_t first, late, last;
	uint64_t dropped;
};

struct facts_agent {
	struct message_hello hello;      /* moved out of its record */
	struct wire_scenario *scenarios; /* its account with the newest accepted snapshot; NULL before the first */
	/* From the latest status. */
	_Bool has_status;
	struct wire_health health;
	int64_t clock_offset_ns;
	uint64_t clock_bound_ns;
	uint64_t worst_bound_ns; /* the greatest of all, T0's included */
	uint64_t start_skew_ns, start_bound_ns;
	double drift_ppm, drift_bound_ppm;
	/* The steps of its clock that were seen: how many, and the largest. */
	uint32_t jumps;
	int64_t jump_ns;
	uint64_t jump_at_ns;
	/* From the accepted snapshots. */
	uint64_t snapshots;
	uint64_t operations, iterations; /* its own cumulative counts in the newest */
	struct held_range *held;         /* ascending */
	size_t held_count, held_capacity;
	_Bool mismatch;     /* its deltas did not add up to those counts */
	uint64_t idle_from; /* the first of the newest seconds in which it started nothing; UINT64_MAX: it did */
	struct facts_stall *stalls;
	size_t stall_count, stall_capacity;

	_Bool lost;                /* and has not come back to finish */
	struct facts_loss *losses; /* in order; the last one is the one that lasts, if it is lost */
	size_t loss_count, loss_capacity;
	_Bool left; /* it wanted to go */
	uint64_t left_at_ns;
	_Bool done;
	uint64_t end_ns; /* done: when its schedule ended */
};

/* Holds from from_ns up to the next one's. An agent that came later than a division has nothing in it. */
struct facts_division {
	uint32_t epoch;
	uint64_t from_ns;
	uint32_t agent_count, scenario_count;
	struct share *shares; /* [agent * scenario_count + scenario] */
	struct wire_move *moves;
	uint32_t move_count;
	struct journal_extra *extras;
	uint32_t extra_count;
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

struct facts_verifier {
	uint64_t reader; /* the one whose reports are taken now */
	_Bool over;
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
	struct facts_division *divisions; /* by epoch, ascending */
	size_t division_count, division_capacity;
	struct facts_target *targets;     /* as in the plan */
	char **duty_problems;             /* by duty of the plan: NULL or why it failed */
	struct facts_verifier *verifiers; /* by duty of the plan */
	struct ledger **ledgers;     /* by target: what became of the messages to it; NULL: nothing verifies them */
	struct series_table *series; /* as numbered in the journal */
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
/* True if the run ended because every agent was lost or had left. */
_Bool facts_nobody_was_left(const struct facts *facts);
/* The verifier of a stream's messages to this topic, as the plan's duty, with the step that sends them; NULL if the
 * plan verifies no such messages. */
const struct duty *facts_verifier_of(const struct facts *facts, uint64_t stream, const char *topic,
                                     uint32_t *ret_scenario, uint32_t *ret_step);
/* The index of the division that an epoch's number names, or of the newest one before it. */
size_t facts_division_of(const struct facts *facts, uint32_t epoch);
/* The index of the division in force at a time since T0. */
size_t facts_division_at(const struct facts *facts, uint64_t at_ns);
