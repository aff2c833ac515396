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
	JOURNAL_BACK,     /* an agent that was lost by its silence is heard again */
	JOURNAL_LEAVE,    /* an agent wants to hand its share back */
	JOURNAL_TOLD,     /* with which offset T0 was told to an agent */
	JOURNAL_DUTY,     /* who has a duty from now on, or that it is over */
	JOURNAL_CHILDREN, /* the local agents' processes */
	JOURNAL_CLOCK,    /* an agent's clock has jumped */
	JOURNAL_RESUME,   /* another coordinator went on from here */
	JOURNAL_SEEN,     /* what a verifier saw */
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
	uint32_t epoch;      /* that it ran by */
	uint64_t operations; /* the agent's own cumulative count (all scenarios), kept apart from the series */
	uint64_t iterations; /* likewise: succeeded + failed */
	_Bool mismatch;      /* its own deltas so far did not add up to these when it was accepted */
	/* What became of its messages: sent deltas (ledger_delta.h), one after the other, of streams of this agent. */
	const uint8_t *ledger;
	size_t ledger_size;
};

/* A series that an agent has numbered: the agent's own numbers count up from 0 in the order of these. Who goes on with
 * a run must know them, for an agent names each series once. */
struct journal_name {
	uint32_t agent;
	uint32_t series_id;
};

/* The sum of one series in one second over the accepted snapshots: cell_encode()'s bytes. */
struct journal_delta {
	uint64_t second;
	uint32_t series_id;
	const uint8_t *data;
	size_t size;
};

/* A data file of the plan, and where it was read. */
struct journal_file {
	char *name; /* the feed's */
	char *path;
	uint64_t size;
	char *sha256;
};

/* How agents come to the run: what a resume needs to be found by them again. */
struct journal_place {
	char *address; /* that was really bound, with its port */
	char *keys;    /* the folder of keys, "" without */
	_Bool local;   /* agents are our own children */
	_Bool insecure;
	_Bool fsync_each;
	uint32_t expect_agents;
	uint64_t wait_ns;
};

/* A process, by what tells it from a later one with the same number. */
struct journal_child {
	uint64_t pid;
	uint64_t started; /* /proc/PID/stat's field 22 */
};

/* As struct wire_extra, with the agent that has it. */
struct journal_extra {
	uint32_t agent;
	struct wire_extra extra;
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
			struct journal_place place;
			struct journal_file *files; /* by the plan's feeds */
			uint32_t file_count;
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
			uint32_t target_count;
			uint32_t *connections;   /* [agent * target_count + target] */
			struct wire_move *moves; /* of this epoch alone */
			uint32_t move_count;
			struct journal_extra *extras; /* of this epoch alone */
			uint32_t extra_count;
		} division;
		struct wire_target target;
		struct {
			int64_t t0_unix_ns; /* wall clock, for labels */
			uint64_t t0_ns;     /* the coordinator's monotonic clock ... */
			char *boot_id;      /* ... which holds for one boot of its host */
		} start;
		struct message_begin begin;
		struct {
			uint32_t id; /* 0, 1, 2, ... */
			struct series series;
		} series;
		struct {
			struct journal_accepted *accepted;
			uint32_t accepted_count;
			uint32_t scenario_count;
			struct wire_scenario *changes; /* [accepted * scenario_count + scenario]: account_change.h */
			struct journal_name *names;    /* by agents, in the accepted snapshots */
			uint32_t name_count;
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
			uint64_t start_skew_ns;  /* as seen from the coordinator */
			uint64_t start_bound_ns; /* of that figure's error */
			double drift_ppm;        /* of its clock against the coordinator's */
			double drift_bound_ppm;
		} status;
		struct {
			uint32_t agent;
			uint64_t at_ns;
			_Bool silent; /* for its silence alone: it may come back */
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
		struct {
			uint32_t agent;
			uint64_t at_ns;
		} back;
		struct {
			uint32_t agent;
			uint64_t at_ns;
		} leave;
		struct {
			uint32_t agent;
			int64_t offset_ns;
			uint64_t bound_ns;
		} told;
		struct {
			uint32_t duty;  /* in the plan */
			uint32_t agent; /* UINT32_MAX: nobody; it is over */
			uint64_t at_ns;
			char *problem; /* of one that is over: "" or why it failed */
		} duty;
		struct {
			struct journal_child *items;
			uint32_t count;
		} children;
		struct {
			uint32_t agent;
			uint64_t at_ns;
			int64_t by_ns; /* its clock against the coordinator's */
		} clock;
		struct {
			int64_t at_unix_ns;
		} resume;
		/* Of a reader come seq 1, 2, 3 ...; of a duty readers in ascending order, as JOURNAL_DUTY gives it: the
		 * n-th time that a verifier is given to an agent it gets reader n. */
		struct {
			uint32_t duty;
			uint32_t agent;
			uint64_t reader;
			uint64_t seq;
			uint64_t at_ns;
			/* A partition has one start, which comes before anything is seen in it. */
			struct wire_offset *starts;
			uint32_t start_count;
			struct wire_offset *ends;
			uint32_t end_count;
			const uint8_t *seen; /* seen deltas of the duty's topic and this reader (ledger_delta.h), which
			                        go on where those before ended */
			size_t seen_size;
			_Bool over;
			char *problem; /* of one that is over: "" or why it could not read up to the ends */
		} seen;
	};
};

/* Releases what a decoded record holds. */
void journal_record_deinit(struct journal_record *record);

/* Takes one record (borrowed for the call; it may move things out of it, leaving zero behind) and the offset of its
 * frame. */
typedef int (*journal_record_fn)(void *context, struct journal_record *record, uint64_t offset);

struct journal;
/* Makes RUN_DIR/journal (an existing one is refused: -EEXIST, or -EBUSY while another process holds its lock) and locks
 * it (flock). */
int journal_create(const char *run_folder, _Bool fsync_each, struct failure *failure, struct journal **ret_journal);
/* Opens RUN_DIR/journal to go on with it, and locks it (-EBUSY while another process holds its lock: the run is live).
 * `record` is called with each whole record as journal_read() does; a torn tail is cut off the file, and told in
 * *ret_cut_bytes. Damage that whole records follow is an error (-EBADMSG): nothing is cut. */
int journal_reopen(const char *run_folder, _Bool fsync_each, journal_record_fn record, void *context,
                   uint64_t *ret_cut_bytes, struct failure *failure, struct journal **ret_journal);
/* Appends one record with one write. On failure (a full disk) the file is cut back to the last whole record and the
 * error returned; should that fail too, every later append returns -EIO. -EMSGSIZE above JOURNAL_RECORD_MAX. */
int journal_append(struct journal *journal, const struct journal_record *record, struct failure *failure);
struct journal *journal_close(struct journal *journal);

/* Reads all whole records in order; `record` is called with each. A torn or damaged tail ends the reading and is told
 * in *ret_cut_bytes (0: none); damage is never skipped over. A callback's error ends the reading and is returned. */
int journal_read(const char *run_folder, journal_record_fn record, void *context, uint64_t *ret_cut_bytes,
                 struct failure *failure);
/* Decodes single records again, at offsets from journal_read(). What ret_record->deltas, accepted snapshots'
 * ledgers and `seen` point to belongs to the reader and holds until the next get; the rest is released by
 * journal_record_deinit(). -EBADMSG if there is no whole record at `offset`. */
struct journal_reader;
int journal_reader_open(const char *run_folder, struct failure *failure, struct journal_reader **ret_reader);
int journal_reader_get(struct journal_reader *reader, uint64_t offset, struct journal_record *ret_record,
                       struct failure *failure);
struct journal_reader *journal_reader_close(struct journal_reader *reader);
