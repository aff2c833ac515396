/* SPDX-License-Identifier: Apache-2.0 */
/* Every message between coordinator and agents, as plain structs. docs/protocol.md specifies them.
 *
 * agent -> coordinator: hello, ready, failed, fetch, snapshot, done, pong, leave, value, seen
 * coordinator -> agent: welcome, assign, chunk, start, begin, ack, stop, ping, duty, value, seen_ack
 *
 * A message owns what its pointers point to when it was decoded; message_deinit() releases it. One that is built for
 * sending may borrow: then it is not deinitialised. Texts are never NULL after decoding. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/plan/share.h"
#include "common/stats/series.h"
#include "common/stats/tally.h"

enum {
	INCARNATION_SIZE = 16,
	RUN_ID_SIZE = 37, /* a UUID and its NUL; "" while there is no run */
	PROTOCOL_VERSION = 1,
};

/* One life of an agent process: its random routing id. */
struct incarnation {
	uint8_t bytes[INCARNATION_SIZE];
};

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_WELCOME,
	MESSAGE_ASSIGN,
	MESSAGE_FETCH,
	MESSAGE_CHUNK,
	MESSAGE_READY,
	MESSAGE_FAILED,
	MESSAGE_START,
	MESSAGE_BEGIN,
	MESSAGE_SNAPSHOT,
	MESSAGE_ACK,
	MESSAGE_STOP,
	MESSAGE_DONE,
	MESSAGE_PING,
	MESSAGE_PONG,
	MESSAGE_LEAVE,
	MESSAGE_DUTY,
	MESSAGE_VALUE,
	MESSAGE_SEEN,
	MESSAGE_SEEN_ACK,
	MESSAGE_TYPE_COUNT,
};
extern const char *const message_type_names[MESSAGE_TYPE_COUNT];

struct text_pair {
	char *name;
	char *value;
};

/* The agent is there. Sent when it connects, and again each second until welcomed. */
struct message_hello {
	uint32_t protocol;
	char *version; /* of the program */
	char *name;
	char *host;
	char *cpu; /* model */
	char *kernel;
	uint32_t cores;
	uint32_t workers;
	uint32_t weight;
	uint64_t memory_bytes;
	uint64_t pid;
	struct text_pair *tags;
	uint32_t tag_count;
	struct text_pair *libraries; /* name, version */
	uint32_t library_count;
	struct text_pair *limits; /* "nofile": "20000", "cpu_quota": "1.5" */
	uint32_t limit_count;
	uint64_t last_seq; /* of the run in the envelope: the newest snapshot it made, 0 if none */
};

/* Answer to hello: everything up to durable_seq is journaled; resend from the next one. */
struct message_welcome {
	uint32_t protocol;
	uint64_t durable_seq;
};

/* A data file of the plan. */
struct wire_file {
	char *name; /* the feed's */
	uint64_t size;
	char *sha256; /* lower-case hex */
};

/* Arrivals of a scenario that an epoch has moved to other agents, so that none of them draws a row of a unique feed
 * that the one before may have drawn: arrival k >= from_index that `share` owns has the spare row
 * first_spare + (how many indices in [from_index, k) `share` owns). Where several moves hold for k, the last one does.
 * Spare row n of a feed is the row n places after all that the plan's scenarios draw (feed_use.h). */
struct wire_move {
	uint32_t scenario;
	uint64_t from_index;
	uint64_t first_spare;
	struct share share;
};

/* Counted iterations that an agent which left had not started, for those of its VUs that are moved here in `epoch`. */
struct wire_extra {
	uint32_t scenario;
	uint32_t epoch; /* from which on; an agent that is past it has them already */
	uint64_t iterations;
	uint64_t first_spare;
};

/* What the agent is to run: all of it, whatever earlier epochs said. The epoch is the envelope's; it takes effect at
 * from_ns, or at the first whole second after the agent has heard of it. Shares are by scenario, in the plan's order.
 * A later epoch may come without plan and files (plan_size 0): those are as they were. */
struct message_assign {
	uint64_t from_ns; /* since T0, a whole second (0: the first epoch) */
	char *plan;       /* the resolved YAML */
	size_t plan_size;
	char *agent_name; /* as the run knows it: names are made unique */
	struct share *shares;
	uint32_t share_count;
	uint32_t *connections; /* by target: how many this agent may have; 0 where the target's kind counts none */
	uint32_t connection_count;
	struct wire_move *moves; /* of scenarios that draw from a unique feed, oldest first */
	uint32_t move_count;
	struct wire_extra *extras;
	uint32_t extra_count;
	uint32_t agent_index; /* 0.. in the order of the run's agents */
	uint32_t agent_count;
	struct wire_file *files;
	uint32_t file_count;
};

/* Asks for a piece of a data file; the answer is a chunk. */
struct message_fetch {
	char *name;
	uint64_t offset;
};

struct message_chunk {
	char *name;
	uint64_t offset;
	uint8_t *data; /* at most LIMIT_PART_BYTES */
	size_t size;
};

/* What an agent found out about a target before T0. */
struct wire_target {
	char *name;
	char *version;
	char *topology;
	uint64_t idle_round_trip_ns; /* 0: unknown */
	_Bool local;                 /* on the agent's own host */
	char *problem;               /* "" or why it couldn't be reached */
};

struct message_ready {
	struct wire_target *targets;
	uint32_t target_count;
};

/* The agent cannot run its share: why. */
struct message_failed {
	char *text;
};

/* T0 in the agent's own monotonic ns (past for one that joins late), with the bound of the estimate behind it, and what
 * the setup found out. Values go over closed links and loopback alone, are never journaled or logged. */
struct message_start {
	uint64_t t0_agent_ns;
	uint64_t bound_ns;
	struct text_pair *values;
	uint32_t value_count;
};

/* A scenario that waited for another one (startAfter) begins; ns since T0. */
struct message_begin {
	uint32_t scenario;
	uint64_t at_ns;
};

struct wire_series {
	uint32_t id; /* the agent's own, 0, 1, 2, ... in the order they are first sent */
	struct series series;
};

/* One cell: cell_encode()'s bytes. */
struct wire_cell {
	uint32_t series_id;
	const uint8_t *data;
	size_t size;
};

/* How one scenario stands on this agent. Cumulative, kept apart from the series. */
struct wire_scenario {
	struct tally tally;
	uint64_t running; /* iterations in progress */
	uint64_t end_ns;  /* since T0: when its last VU or iteration ended; 0 while it runs or waits */
	_Bool finished;
};

/* The agent's own state, cumulative where not said otherwise. */
struct wire_health {
	uint64_t cpu_ns;       /* of the process since T0 */
	uint64_t wall_ns;      /* since T0, to the end of this snapshot's second */
	uint64_t throttled_ns; /* by its cgroup, since T0 */
	uint64_t max_rss_kib;
	uint64_t descriptors; /* highest seen */
	uint64_t descriptor_limit;
	uint64_t ports; /* local TCP ports in use, highest seen */
	uint64_t port_limit;
	uint64_t start_skew_ns; /* |first worker wake-up - T0| on its own clock */
	uint64_t stalled_ns;    /* longest pause of a worker's loop */
	uint64_t groups_folded; /* operations counted under (other) */
	uint64_t steal_ns;      /* taken from this host's processors by others on the same machine, since T0 */
	uint64_t jump_ns;       /* for how long the host was suspended, since T0 */
};

/* One second's change in every series of one agent. Numbered from 1 without gaps. */
struct message_snapshot {
	uint64_t seq;
	uint64_t second;            /* since T0 */
	uint32_t epoch;             /* that the agent ran by in this second */
	struct wire_series *series; /* first seen in this snapshot; texts owned by it when decoded */
	uint32_t series_count;
	struct wire_cell *cells; /* by ascending series id */
	uint32_t cell_count;
	struct wire_scenario *scenarios; /* one each, in the plan's order */
	uint32_t scenario_count;
	struct wire_health health;
	const uint8_t *ledger; /* sent deltas (common/stats/ledger_delta.h), one after the other */
	size_t ledger_size;
	_Bool last;     /* nothing will follow */
	uint8_t *owned; /* what cells' data and the ledger point into, when decoded */
};

/* Everything up to seq is journaled. */
struct message_ack {
	uint64_t seq;
};

/* End the run: no iteration starts at or after at_ns (since T0); those in progress get grace_ns. */
struct message_stop {
	uint64_t at_ns; /* 0: at once */
	uint64_t grace_ns;
	char *reason;
};

/* All of the agent's snapshots are made; last_seq is the newest. */
struct message_done {
	uint64_t last_seq;
	uint64_t end_ns;             /* since T0: when its schedule ended (earlier than planned after a stop) */
	struct wire_target *targets; /* versions seen in the run's own answers */
	uint32_t target_count;
};

/* The agent was told to end (SIGTERM): it wants to hand its share back. Sent each second until an assign takes it, or
 * a stop comes. */
struct message_leave {
	uint64_t end_ns; /* since T0: it stops by itself then, if nothing was heard */
};

/* An offset in a partition of the topic that a verifier reads. */
struct wire_offset {
	uint32_t partition;
	uint64_t offset;
};

/* A verifier that the agent has. */
struct wire_verifier {
	uint32_t duty;
	uint64_t reader; /* 1, 2, ...: how often this duty was given so far; another one is another verifier */
	_Bool resumes;   /* it goes on at the positions; else it begins, at the ends as they are then */
	struct wire_offset *positions;
	uint32_t position_count;
};

/* The duties that the agent has from now on, by their number in the plan; those that it had and that are not named are
 * taken away. */
struct message_duty {
	uint32_t *duties; /* other than verifiers */
	uint32_t duty_count;
	_Bool closing; /* all load is over and delivered: verifiers take the ends, read up to them, and are over */
	struct wire_verifier *verifiers;
	uint32_t verifier_count;
};

/* From an agent: its setup or teardown is over; sent again until a duty message no longer names it. To an agent: what
 * `{{name}}` is from now on. */
struct message_value {
	uint32_t duty;
	char *problem; /* "" or why it failed */
	struct text_pair *values;
	uint32_t value_count;
};

/* What a verifier saw since its report before. The first one (seq 1) of a reader that doesn't resume has the starts of
 * all partitions, and comes before anything is produced. Sent again each second until it is answered; the next one
 * comes after that. */
struct message_seen {
	uint32_t duty;
	uint64_t reader;
	uint64_t seq;               /* of this reader: 1, 2, 3 ... */
	struct wire_offset *starts; /* from where on partitions are accounted for, each once */
	uint32_t start_count;
	struct wire_offset *ends; /* after the last message */
	uint32_t end_count;
	uint8_t *seen; /* seen deltas of the duty's topic and this reader (ledger_delta.h), one after the other */
	size_t seen_size;
	_Bool over;    /* nothing follows */
	char *problem; /* of one that is over: "" or why it could not read up to the ends */
};

/* The report is journaled. */
struct message_seen_ack {
	uint32_t duty;
	uint64_t reader;
	uint64_t seq;
};

struct message_ping {
	uint64_t id;
	uint64_t sent_ns;     /* coordinator's monotonic clock */
	uint64_t t0_agent_ns; /* T0 in the agent's monotonic ns, by what is known of its clock now; 0: not set yet */
};

struct message_pong {
	uint64_t id;
	uint64_t sent_ns;      /* echoed */
	uint64_t agent_in_ns;  /* agent's monotonic clock at receipt */
	uint64_t agent_out_ns; /* and at sending */
};

struct message {
	enum message_type type;
	char run_id[RUN_ID_SIZE];
	struct incarnation incarnation;
	uint32_t epoch;
	union {
		struct message_hello hello;
		struct message_welcome welcome;
		struct message_assign assign;
		struct message_fetch fetch;
		struct message_chunk chunk;
		struct message_ready ready;
		struct message_failed failed;
		struct message_start start;
		struct message_begin begin;
		struct message_snapshot snapshot;
		struct message_ack ack;
		struct message_stop stop;
		struct message_done done;
		struct message_ping ping;
		struct message_pong pong;
		struct message_leave leave;
		struct message_duty duty;
		struct message_value value;
		struct message_seen seen;
		struct message_seen_ack seen_ack;
	};
};

/* Releases what a decoded message holds; harmless on a zeroed one. */
void message_deinit(struct message *message);
_Bool incarnation_equal(const struct incarnation *a, const struct incarnation *b);
