/* SPDX-License-Identifier: Apache-2.0 */
/* Stands where the agent's crew stands, carries out what a session wants done, and aborts where that makes no sense:
 * - a run is opened once, started once, given later epochs in order, and closed before another one is opened;
 * - of a verifier that it has, one report at a time is said, and answered once;
 * - snapshots leave as they were made, none that is acknowledged already, and done after all of them;
 * - every message is one that its receiver will take. */
#pragma once

#include "agent/session.h"
#include "common/base/buffer.h"

enum {
	CREW_SNAPSHOTS_MAX = 300, /* of a run */
	CREW_DUTIES_MAX = 256,
};

/* What the crew of the run under way has been told and has done. */
struct crew_model {
	_Bool open;   /* from EFFECT_OPEN to EFFECT_CLOSE */
	_Bool opened; /* and the session was told so */
	_Bool started;
	_Bool stopped;
	_Bool finished;
	uint32_t epoch;
	uint64_t effective_ns;
	uint64_t made;                      /* snapshots that the session was given */
	_Bool sent[CREW_SNAPSHOTS_MAX + 1]; /* by number */
	_Bool duties[CREW_DUTIES_MAX];
	uint64_t readers[CREW_DUTIES_MAX]; /* of the verifiers it has; 0: none */
	uint64_t seen[CREW_DUTIES_MAX];    /* the newest report of that reader ... */
	_Bool waits[CREW_DUTIES_MAX];      /* ... which isn't answered yet */
};

struct session_oracle {
	struct session *session;
	struct crew_model crew;
	uint64_t acknowledged; /* what the session takes for it in this run ... */
	uint64_t heard;        /* ... and the highest that it was told */
	_Bool greets;          /* it said hello */
	_Bool done_said;
	uint64_t second; /* that the next snapshot is of */
	_Bool terminated;
	_Bool disk_fails;
	struct buffer disk;
	/* The newest fetch, to be answered. */
	char fetch_name[130];
	uint64_t fetch_offset;
	uint64_t effects;
};

/* A disk in memory, which fails when it is told to. */
struct disk session_oracle_disk(struct session_oracle *oracle);
/* Takes all effects; `r` is what the call before came to. */
void session_oracle_take(struct session_oracle *oracle, int r);

/* What snapshot `seq` holds, whatever the run: SNAPSHOT_STARTED a second. */
enum { SNAPSHOT_STARTED = 3 };
/* `padding` bytes of cells make it larger. NULL without memory. */
struct snapshot *session_oracle_snapshot(uint64_t seq, uint64_t second, size_t padding, _Bool last);

void session_require_at(_Bool holds, const char *what, int line);
#define session_require(holds) session_require_at((holds), #holds, __LINE__)
