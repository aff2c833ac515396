/* SPDX-License-Identifier: Apache-2.0 */
/* Watches what leaves a run, across coordinators that die and go on, and aborts where it breaks a promise:
 * - a state is never left backwards, and what is said once (T0, a begin, a division) is never said differently;
 * - nothing is told or acknowledged before its record is journaled;
 * - each snapshot is journaled once, in sequence, and what it counted is in the sums of its record;
 * - what verifiers see is journaled by those who have them, in sequence and without a gap;
 * - every record is read back as it was written, and every message is one that its receiver will take. */
#pragma once

#include "common/base/buffer.h"
#include "common/plan/plan.h"
#include "coordinator/run/run.h"

enum {
	ORACLE_AGENTS = 8,      /* agent processes; the first byte of an incarnation is its number */
	SNAPSHOT_ITERATIONS = 2 /* that a well-formed snapshot counts, in scenario 0 */
};

/* What an agent's process has been told. */
struct oracle_told {
	uint64_t ping_id, ping_sent_ns; /* of the newest ping */
	uint64_t acked;                 /* highest */
	uint32_t epoch;                 /* newest assigned */
	_Bool started;
	uint64_t t0_ns; /* on its own clock */
};

struct oracle_agent {
	uint32_t number;   /* of the process */
	uint64_t accepted; /* newest journaled snapshot */
	_Bool done;
	_Bool told;        /* a record says with which offset T0 is told to it */
	int64_t offset_ns; /* that one */
};

/* A verifier, as it was journaled. */
struct oracle_verifier {
	uint64_t reader, seq;
	_Bool begun;
	uint64_t position; /* in partition 0, which is the only one */
};

struct oracle {
	const struct plan *plan;
	struct oracle_told told[ORACLE_AGENTS];
	struct oracle_agent agents[64]; /* by their number in the run */
	uint32_t agent_count;
	/* The last snapshot of a process, or 0: the script says it. */
	uint64_t last_seq[ORACLE_AGENTS];

	struct buffer *records; /* payloads, in order: the journal */
	size_t record_count, record_capacity;

	enum run_state state; /* newest journaled */
	_Bool stopped;
	_Bool t0_journaled;
	uint64_t t0_ns;
	_Bool t0_told;
	uint64_t *begun_ns; /* by scenario; CLOCK_NEVER: not yet */
	uint32_t epoch;
	uint64_t from_ns;
	uint64_t next_spare;               /* row of unique feeds */
	struct journal_record division;    /* the newest */
	uint32_t *duties;                  /* who has each, UINT32_MAX: nobody; by the plan's duties */
	struct oracle_verifier *verifiers; /* likewise */
	uint8_t *metrics;                  /* of the journaled series, by number */
	size_t series_count, series_capacity;

	_Bool loose;     /* a snapshot of unknown content was sent: sums are not known */
	_Bool dead;      /* the coordinator is: nothing leaves any more */
	_Bool failing;   /* no record can be written any more */
	uint32_t die_in; /* effects from now; 0: not */
	uint64_t effects;
};

void oracle_init(struct oracle *oracle, const struct plan *plan);
void oracle_deinit(struct oracle *oracle);
/* The run's sink; `context` is the oracle. */
int oracle_take(void *context, const struct run_effect *effect);
/* Writes the records as a journal's file. */
void oracle_write_journal(const struct oracle *oracle, const char *path);
/* Another coordinator goes on. */
void oracle_resume(struct oracle *oracle);

void oracle_require_at(_Bool holds, const char *what, int line);
#define oracle_require(holds) oracle_require_at((holds), #holds, __LINE__)
