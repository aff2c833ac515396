/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to oracle*.c: what was seen. */
#pragma once

#include "coordinator/journal/journal.h"
#include "tests/sim/broker.h"
#include "tests/sim/oracle.h"

enum { SIM_DUTIES_MAX = 16 };

/* A snapshot, as it would be sent. */
struct made {
	uint8_t *bytes;
	size_t size;
	uint64_t second;
	uint32_t epoch;
	_Bool last;
};

struct watched {
	uint32_t number;   /* in the run; UINT32_MAX: not in it */
	struct made *made; /* snapshot seq at seq - 1 */
	size_t made_count, made_capacity;
	uint64_t durable;        /* the newest one in the journal */
	int64_t told_offset_ns;  /* with which T0 is told to it */
	uint64_t start_error_ns; /* of that, in truth; CLOCK_NEVER: it was told when T0 was past */
	uint64_t progress_ns;    /* when something of it was last journaled */
	uint64_t lost_ns;
	_Bool done, told, lost, silent, left;
};

/* As it was journaled. */
struct epoch {
	uint64_t from_ns;
	uint32_t agent_count;
	struct share *indices; /* [agent number * scenarios + scenario]: of arrivals or users */
};

/* A verifier, as it was journaled. */
struct verified {
	uint32_t process; /* UINT32_MAX: nobody has it */
	uint64_t reader, seq;
	_Bool begun, over, failed, skips;
	_Bool begins[BROKER_PARTITIONS];
	uint64_t positions[BROKER_PARTITIONS];
};

struct oracle {
	struct sim *sim;
	struct epoch *epochs;
	size_t epoch_count, epoch_capacity;
	struct watched watched[SIM_AGENTS_MAX]; /* by process */
	uint32_t processes[SIM_AGENTS_MAX];     /* by number */
	uint32_t agent_count;
	uint32_t epoch;
	uint64_t epoch_from_ns;
	enum run_state state;
	_Bool any_state, started, start_sent, excused, jumped;
	uint64_t t0_ns; /* true time */
	uint64_t snapshots;
	uint64_t starts;
	double skew_of_bound;
	uint32_t losses, leaves, joins, stops;
	uint32_t duties[SIM_DUTIES_MAX]; /* who has each, by process + 1; 0: nobody */
	struct verified verified[SIM_DUTIES_MAX];
	uint64_t cut_ns; /* where the first stop lies, since T0 */
};

/* ---- oracle_verify.c ---- */

/* A verifier is given, or is over; what one saw is journaled. */
void oracle_verifier_given(struct oracle *oracle, const struct journal_record *record);
void oracle_seen(struct oracle *oracle, const struct journal_record *record);
/* All must have begun by now, or be over. */
void oracle_verifiers_must(struct oracle *oracle, _Bool be_over);
void oracle_closing(struct oracle *oracle, const struct message_duty *duty);
void oracle_seen_ack(struct oracle *oracle, const struct message_seen_ack *ack);
