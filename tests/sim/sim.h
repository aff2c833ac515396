/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world of one seed: one true time, a coordinator, its agents, the network between them, what goes wrong,
 * and what was really done. The code of both sides is the real one; the rest is in here.
 *
 * Neither side's headers may be seen here: coordinator and agent meet in messages alone. True time is ns from 0; what a
 * side calls a time it has read off its own clock. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/plan/plan.h"
#include "common/wire/message.h"

enum {
	SIM_AGENTS_MAX = 8, /* processes: those that are there at first, and those that come later */
	SIM_TRACE_LINES = 60,
	SIM_TRACE_TEXT = 200,
};

struct sim;
struct sim_agent;
struct boss;
struct oracle;
struct net;
struct truth;
struct broker;

/* A host's monotonic clock. */
struct sim_clock {
	int64_t offset_ns;
	int64_t drift_ppb;
};
uint64_t sim_clock_read(const struct sim_clock *clock, uint64_t true_ns);
/* The first true time at which the clock shows local_ns or more; CLOCK_NEVER for CLOCK_NEVER. */
uint64_t sim_clock_when(const struct sim_clock *clock, uint64_t local_ns);

/* ---- chance.c: what a seed decides beforehand ---- */

enum fault_type {
	FAULT_AGENT_KILL,
	FAULT_AGENT_FREEZE,  /* SIGSTOP for a while */
	FAULT_AGENT_TERM,    /* SIGTERM */
	FAULT_AGENT_JOIN,    /* one more process starts */
	FAULT_AGENT_FAIL,    /* its crew can't go on */
	FAULT_AGENT_SUSPEND, /* its host sleeps for a while, and so does its clock */
	FAULT_BOSS_KILL,     /* at this time or some effects later, and resumed after a while */
	FAULT_BOSS_FREEZE,
	FAULT_BOSS_FULL, /* the disk has no more room for some bytes of a record to come; resumed after a while */
	FAULT_BOSS_INTERRUPT,
	FAULT_PARTITION, /* nothing passes between the coordinator and these agents for a while */
	FAULT_RESET,     /* what is under way to and from these agents is lost */
	FAULT_TYPE_COUNT,
};
extern const char *const fault_type_names[FAULT_TYPE_COUNT]; /* for people */
extern const char *const fault_type_words[FAULT_TYPE_COUNT]; /* for the command line */

struct fault {
	uint64_t at_ns;
	enum fault_type type;
	uint32_t agents;      /* a bit for each process */
	uint64_t duration_ns; /* of a freeze or partition, or until the resume; CLOCK_NEVER: nobody resumes it */
	uint32_t effects;     /* FAULT_BOSS_KILL: it dies at this one of its coming effects; 0: at once */
	_Bool tear;           /* ... in the midst of a record, if that effect is one */
	_Bool reset;          /* a partition that ends in new connections */
	_Bool reboot;         /* the coordinator's host has another clock when it is resumed */
};

enum { FAULTS_MAX = 24 };

struct chance {
	uint64_t seed;
	uint32_t plan;   /* see plans.c */
	uint32_t agents; /* processes at first */
	uint32_t joiners;
	enum on_agent_loss on_loss;
	_Bool elastic;
	_Bool local;      /* agents are the coordinator's children */
	_Bool clean;      /* nothing goes wrong but clocks and delays: the start skew is looked at */
	uint64_t wait_ns; /* for agents to come */
	/* The network. */
	uint64_t delay_ns, jitter_ns;
	double drop, repeat, reorder;
	size_t spool_bytes; /* in memory; and on an agent's disk, which may fail */
	uint64_t spool_disk_bytes;
	double disk_fails;
	uint64_t orphan_after_ns;
	struct fault faults[FAULTS_MAX];
	uint32_t fault_count;
};

struct chance_limits {
	int plan;         /* -1: any */
	_Bool clean;      /* only clocks and delays */
	uint32_t without; /* a bit for each type of fault that is left out of a seed's */
};
void chance_make(uint64_t seed, const struct chance_limits *limits, struct chance *ret_chance);

/* ---- plans.c ---- */

struct sim_plan {
	char *yaml;
	struct plan *plan;
	char *text; /* resolved */
	size_t size;
	uint64_t length_ns; /* by when its schedules must be over */
};
struct sim_plans;
struct sim_plans *sim_plans_new(void);
struct sim_plans *sim_plans_free(struct sim_plans *plans);
uint32_t sim_plans_count(void);
const char *sim_plans_name(uint32_t plan);
/* Parsed once a combination. */
const struct sim_plan *sim_plans_get(struct sim_plans *plans, const struct chance *chance);
/* As an agent reads it off the wire. */
const struct plan *sim_plans_parsed(struct sim_plans *plans, const char *text, size_t size,
                                    const struct plan_file *files, uint32_t file_count);
/* The tags of process i. */
const char *sim_plans_tag(uint32_t process);

/* ---- world.c ---- */

/* Handed to all. */
struct sim {
	struct chance chance;
	struct random random; /* of the world: the order of its draws is the order of events */
	uint64_t now_ns;
	_Bool verbose;
	const char *folder; /* where the journal is */
	struct sim_plans *plans;
	const struct sim_plan *plan;
	struct net *net;
	struct boss *boss;
	struct sim_agent *agents[SIM_AGENTS_MAX];
	struct truth *truth;
	struct broker *broker;
	struct oracle *oracle;
	uint64_t events;
	uint64_t disturbed_ns[SIM_AGENTS_MAX]; /* until when a process, or the coordinator, is cut off or stopped */
	/* The first thing that broke; "" if nothing did. */
	char broken[512];
	uint64_t broken_at_ns;
	char trace[SIM_TRACE_LINES][SIM_TRACE_TEXT];
	uint64_t traced;
};

struct sim_config {
	uint64_t seed;
	struct chance_limits limits;
	_Bool verbose;
	const char *folder; /* an empty one; is emptied again */
	struct sim_plans *plans;
};

/* What came of a seed. */
struct sim_result {
	_Bool broken;
	uint32_t plan;
	uint64_t events, virtual_ns, snapshots;
	uint32_t resumes, losses, leaves, joins;
	_Bool complete;
	uint64_t unknown;
	double skew_of_bound; /* the largest true start skew as a part of its bound */
	uint64_t starts;      /* told to agents and held against the truth */
};
/* Runs one seed, and says on stderr what broke. */
void sim_run(const struct sim_config *config, struct sim_result *ret_result);

void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something is not as it must be. The first one ends the run. */
void sim_break(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a test can't do without: no memory, no file. */
void sim_must(int r, const char *what);

/* ---- net.c ---- */

struct net *net_new(struct sim *sim);
struct net *net_free(struct net *net);
/* Encodes the message and puts it on its way. */
void net_send(struct net *net, uint32_t process, _Bool to_boss, const struct message *message);
void net_partition(struct net *net, uint32_t processes, uint64_t until_ns, _Bool reset);
void net_reset(struct net *net, uint32_t processes);
/* A side's process is gone: what it had not received is lost (of the coordinator: what was for it waits, mostly). */
void net_forget(struct net *net, uint32_t process);
void net_boss_gone(struct net *net);
/* When the next message arrives. */
uint64_t net_next_ns(const struct net *net);
/* Delivers it. */
void net_deliver(struct net *net);

/* ---- truth.c: what agents really did ---- */

struct truth *truth_new(const struct plan *plan);
struct truth *truth_free(struct truth *truth);
/* An iteration was started, intended then since T0: of an open loop, arrival `index`; else UINT64_MAX. */
void truth_start(struct sim *sim, uint32_t process, uint32_t scenario, uint64_t index, uint64_t intended_ns);
void truth_drop(struct sim *sim, uint32_t process, uint32_t scenario, uint64_t index);
/* A row of a unique feed was used. */
void truth_row(struct sim *sim, uint32_t process, uint32_t feed, uint64_t row);
/* How many of these processes (a bit each) were intended before a time. */
uint64_t truth_started(const struct truth *truth, uint32_t scenario, uint32_t processes, uint64_t before_ns);
/* Start by start. */
struct deed {
	uint64_t intended_ns; /* since T0 */
	uint64_t index;       /* of its arrival; UINT64_MAX: a closed loop's */
	uint32_t process;
};
const struct deed *truth_deeds(const struct truth *truth, uint32_t scenario, size_t *ret_count);
uint64_t truth_dropped(const struct truth *truth, uint32_t scenario);
/* Of an open loop: arrivals that several agents took, and those below `limit` that nobody did. */
uint64_t truth_repeated(const struct truth *truth, uint32_t scenario);
uint64_t truth_missed(const struct truth *truth, uint32_t scenario, uint64_t limit);
