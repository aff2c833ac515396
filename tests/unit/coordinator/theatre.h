/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for the run's state machine: agents are played by hand, and what leaves is written down. Everything asserts
 * on the way. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "coordinator/run/run.h"

enum {
	THEATRE_EFFECTS = 8192,
	THEATRE_AGENTS = 12,
	THEATRE_SCENARIOS = 4,
	THEATRE_TOLD = 16384,
	THEATRE_INDICES = 600,
	THEATRE_VERIFIERS = 2
};

/* What left the state machine: a journal record's or a message's type. */
struct left {
	enum run_effect_type type;
	int what;
	uint32_t agent;  /* its number in a test, from 1 */
	uint64_t number; /* ack, seen, seen_ack: seq; state: state; begin, stop: at_ns; stop: cause of a record; start,
	                    ping: T0 */
};

/* The newest assignment that left to an agent. */
struct assigned {
	uint32_t epoch;
	uint64_t from_ns;
	_Bool with_plan;
	uint64_t owned[THEATRE_SCENARIOS]; /* indices below THEATRE_INDICES */
	uint32_t connections[THEATRE_SCENARIOS];
	uint32_t moves;
	uint32_t extra_count;
	struct wire_extra extras[8];
};

/* A verifier as an agent has heard of it last. */
struct verifying {
	uint64_t reader; /* 0: it is not this agent's */
	_Bool resumes;
	uint32_t position_count;
	struct wire_offset positions[4];
};

struct theatre {
	struct plan *plan;
	struct run *run;
	struct run_config config;
	struct left left[THEATRE_EFFECTS];
	size_t count;
	uint64_t now_ns;
	char told[THEATRE_TOLD]; /* all that was said, a line each */
	size_t told_size;
	int journal_error;
	struct assigned assigned[THEATRE_AGENTS + 1];
	uint32_t duties[THEATRE_AGENTS + 1]; /* bits */
	uint32_t values[THEATRE_AGENTS + 1]; /* in the newest start or value */
	struct verifying verifying[THEATRE_AGENTS + 1][THEATRE_VERIFIERS];
	_Bool closing[THEATRE_AGENTS + 1];
	char stop_reason[256];
	uint64_t seqs[THEATRE_AGENTS + 1];    /* of snapshots */
	uint32_t epochs[THEATRE_AGENTS + 1];  /* that agents run by */
	const char *zone[THEATRE_AGENTS + 1]; /* their tag, or NULL */
	uint32_t weight[THEATRE_AGENTS + 1];  /* 0: 1 */
	struct wire_scenario accounts[THEATRE_AGENTS + 1][THEATRE_SCENARIOS];
	_Bool open_link;
	uint32_t verifiers;    /* added to the plan's duties: of the topics "t0", "t1" ... */
	struct buffer journal; /* its records, each behind its length */
};

/* For `agents` agents; the stage is zeroed but for what a test has set before (zones, weights, open_link, verifiers).
 */
void theatre_open(struct theatre *stage, const char *yaml, uint32_t agents);
void theatre_close(struct theatre *stage);
/* The coordinator dies and another one goes on by the journal. */
void theatre_resume(struct theatre *stage);
/* How many such effects there were from `from` on; the last one's place is *ret_at (may be NULL). */
size_t theatre_count(const struct theatre *stage, size_t from, enum run_effect_type type, int what, size_t *ret_at);
/* The same, to one agent. */
size_t theatre_count_to(const struct theatre *stage, size_t from, enum message_type what, uint32_t agent);

int theatre_say(struct theatre *stage, uint8_t agent, struct message *message);
void theatre_hello(struct theatre *stage, uint8_t agent);
/* Says hello and answers a ping: it is counted on. */
void theatre_come(struct theatre *stage, uint8_t agent, uint64_t offset_ns);
void theatre_tick(struct theatre *stage, uint64_t later_ns);
/* An agent whose clock is offset_ns ahead answers the newest ping, which was sent 1 ms ago. */
void theatre_pong(struct theatre *stage, uint8_t agent, uint64_t offset_ns);
void theatre_ready(struct theatre *stage, uint8_t agent);
void theatre_leave(struct theatre *stage, uint8_t agent);
/* Snapshot `seq`, of second seq - 1, with the agent's account; `finished` in all scenarios. */
void theatre_snapshot(struct theatre *stage, uint8_t agent, uint64_t seq, _Bool finished, _Bool last);
void theatre_done(struct theatre *stage, uint8_t agent, uint64_t last_seq);
/* Agents come, get ready, and T0 is set. */
void theatre_gather(struct theatre *stage, uint32_t agents);
void theatre_start(struct theatre *stage, uint32_t agents);
/* A second passes in which agents of these numbers (bits) are heard and deliver their snapshots. */
void theatre_second(struct theatre *stage, uint32_t agents);
/* The agent delivers its last snapshot, and is done. */
void theatre_finish(struct theatre *stage, uint8_t agent);
/* One comes while the run is under way, and is ready. */
void theatre_join(struct theatre *stage, uint8_t agent);
