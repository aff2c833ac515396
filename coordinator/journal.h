/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinator's append-only file of a run: the report is a function of it.
 *
 * A sequence of records, each framed as length (u32), CRC-32 of the payload (u32) and payload, after a magic and a
 * version. A torn tail is cut at the last whole record. What is acknowledged to an agent, or takes effect, is in here
 * first. Times are ns since T0 where not said otherwise; agents are numbered in the order of their records. Blocks on
 * the disk. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/plan/share.h"
#include "common/stats/series.h"
#include "common/stats/tally.h"
#include "common/wire/message.h"

#define JOURNAL_RECORD_MAX (UINT32_C(1) << 30) /* bytes of one record: far above a second of LIMIT_SERIES latencies */

enum journal_type {
	JOURNAL_RUN = 1,  /* what the run is; the first record */
	JOURNAL_STATE,    /* a state of the run machine is entered */
	JOURNAL_AGENT,    /* an agent was taken into the run */
	JOURNAL_DIVISION, /* an epoch: who owns what, from when on */
	JOURNAL_TARGET,   /* what is known of a target */
	JOURNAL_START,    /* T0 */
	JOURNAL_BEGIN,    /* a startAfter scenario begins */
	JOURNAL_SERIES,   /* a series gets its id in this journal */
	JOURNAL_DELTAS,   /* snapshots accepted, and their sums by (second, series): applied whole or not at all */
	JOURNAL_STATUS,   /* an agent's cumulative account, health and clock */
	JOURNAL_LOST,     /* an agent is given up */
	JOURNAL_DONE,     /* an agent has sent all it had */
	JOURNAL_STOP,     /* the run is ended before its schedule, and why */
	JOURNAL_TYPE_COUNT,
};

enum run_state {
	RUN_GATHERING,
	RUN_ASSIGNED,
	RUN_READY,
	RUN_RUNNING,
	RUN_DRAINING,
	RUN_REPORTING,
	RUN_DONE,
	RUN_STATE_COUNT,
};
extern const char *const run_state_names[RUN_STATE_COUNT];

enum stop_cause {
	STOP_INTERRUPTED,
	STOP_THRESHOLD,
	STOP_AGENTS_LOST,
	STOP_TOO_FEW_AGENTS,
	STOP_AGENT_FAILED,
	STOP_CAUSE_COUNT
};

/* A snapshot whose deltas are in this record. */
struct journal_accepted {
	uint32_t agent;
	uint64_t seq;
	uint64_t second;
	uint64_t operations; /* the agent's own cumulative count (all scenarios), kept apart from the series */
	uint64_t iterations; /* likewise: succeeded + failed */
	_Bool mismatch;      /* its own deltas so far did not add up to these when it was accepted */
};

/* The sum of one series in one second over the accepted snapshots: cell_encode()'s bytes. */
struct journal_delta {
	uint64_t second;
	uint32_t series_id;
	const uint8_t *data;
	size_t size;
};

struct journal_record {
	enum journal_type type;
	union {
		struct {
			char *id, *name, *version, *plan_sha256;
			char *plan; /* resolved YAML */
			size_t plan_size;
			int64_t created_unix_ns;
			_Bool require_trust; /* exit 97 where suspect or incomplete */
			struct text_pair *tags;
			uint32_t tag_count;
		} run;
		struct {
			enum run_state state;
			int64_t at_unix_ns;
		} state;
		struct {
			struct incarnation incarnation;
			struct message_hello hello; /* its name is the unique one */
		} agent;
		struct {
			uint32_t epoch;
			uint64_t from_ns;
			uint32_t agent_count; /* entries in shares, by agent number */
			uint32_t scenario_count;
			struct share *shares; /* [agent * scenario_count + scenario] */
		} division;
		struct wire_target target;
		struct {
			int64_t t0_unix_ns; /* wall clock, for labels */
		} start;
		struct message_begin begin;
		struct {
			uint32_t id; /* 0, 1, 2, ... */
			struct series series;
		} series;
		struct {
			struct journal_accepted *accepted;
			uint32_t accepted_count;
			struct journal_delta *deltas; /* by second, then series */
			uint32_t delta_count;
		} deltas;
		struct {
			uint32_t agent;
			struct wire_scenario *scenarios;
			uint32_t scenario_count;
			struct wire_health health;
			int64_t clock_offset_ns;
			uint64_t clock_bound_ns;
			uint64_t start_skew_ns; /* as seen from the coordinator */
		} status;
		struct {
			uint32_t agent;
			uint64_t at_ns;
			char *reason;
		} lost;
		struct {
			uint32_t agent;
			uint64_t last_seq;
			uint64_t end_ns;
		} done;
		struct {
			enum stop_cause cause;
			uint64_t at_ns;
			char *text;         /* for people */
			uint32_t threshold; /* STOP_THRESHOLD: index in the plan */
			double observed;
		} stop;
	};
};

/* Releases what a decoded record holds. */
void journal_record_deinit(struct journal_record *record);

struct journal;
/* Makes RUN_DIR/journal (an existing one is refused: -EEXIST, or -EBUSY while another process holds its lock) and locks
 * it (flock). */
int journal_create(const char *run_folder, _Bool fsync_each, struct failure *failure, struct journal **ret_journal);
/* Appends one record with one write. On failure (a full disk) the file is cut back to the last whole record and the
 * error returned; should that fail too, every later append returns -EIO. -EMSGSIZE above JOURNAL_RECORD_MAX. */
int journal_append(struct journal *journal, const struct journal_record *record, struct failure *failure);
struct journal *journal_close(struct journal *journal);

/* Reads all whole records in order; `record` is called with each (borrowed for the call; it may move things out
 * of it, leaving zero behind) and the offset of its frame. A
 * torn or damaged tail ends the reading and is told in *ret_cut_bytes (0: none); damage is never skipped over. A
 * callback's error ends the reading and is returned. */
typedef int (*journal_record_fn)(void *context, struct journal_record *record, uint64_t offset);
int journal_read(const char *run_folder, journal_record_fn record, void *context, uint64_t *ret_cut_bytes,
                 struct failure *failure);
/* Decodes single records again, at offsets from journal_read(). What ret_record->deltas point to belongs to the reader
 * and holds until the next get; the rest is released by journal_record_deinit(). -EBADMSG if there is no whole record
 * at `offset`. */
struct journal_reader;
int journal_reader_open(const char *run_folder, struct failure *failure, struct journal_reader **ret_reader);
int journal_reader_get(struct journal_reader *reader, uint64_t offset, struct journal_record *ret_record,
                       struct failure *failure);
struct journal_reader *journal_reader_close(struct journal_reader *reader);
