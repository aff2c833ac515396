/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to load*.c: what a crew of the model holds.
 *
 * Time goes on in pieces that end at whole seconds. Within a piece each scenario starts what its share and its schedule
 * say, and what completes is recorded. An agent that was stopped finds a whole stretch of intended times behind it:
 * `floor_ns` is the earliest time at which anything can be done now. */
#pragma once

#include "agent/groups.h"
#include "common/plan/schedule.h"
#include "common/stats/sent_log.h"
#include "tests/sim/chores.h"
#include "tests/sim/load.h"
#include "tests/sim/verifiers.h"

#define NEVER CLOCK_NEVER

/* A user of a closed loop. */
struct user {
	uint64_t index;
	uint64_t free_ns;    /* when its next iteration may start */
	uint64_t iterations; /* started */
	uint64_t allowed;    /* of a counted scenario: how many it may start */
	uint64_t leaves_ns;  /* its index goes to another agent */
	uint64_t from_ns;    /* ... or came from one */
	_Bool adopted;
	_Bool busy;
	_Bool over;
};

struct flight {
	uint64_t intended_ns, started_ns, completes_ns;
	uint32_t scenario;
	struct user *user; /* NULL: of an open loop */
	uint64_t key;      /* what its random choices hang on */
};

/* Iterations of one that left, see struct wire_extra. */
struct grant {
	uint64_t iterations, first_spare;
};

/* An assignment, copied, that comes into force. */
struct coming {
	uint64_t effective_ns;
	uint32_t epoch;
	struct message_assign assignment;
};

struct task {
	const struct scenario *scenario;
	struct schedule *schedule;
	struct share share;         /* arrivals or users */
	uint64_t origin_ns;         /* NEVER: not begun */
	uint64_t end_ns;            /* of its schedule */
	struct arrivals_walk *walk; /* open loops */
	uint64_t next_index, next_ns;
	struct user **users; /* closed loops */
	size_t user_count, user_capacity;
	uint32_t verifier; /* that reads what it produces; PLAN_NONE: nobody does */
	uint64_t produced;
	struct sent_stream *stream;
	uint64_t pool; /* shared iterations that are left */
	struct share_cursor draws;
	struct grant *grants;
	size_t grant_count, grant_capacity;
	struct wire_scenario account;
	_Bool rest_dropped;
};

struct load {
	struct load_config config;
	struct task *tasks;
	uint64_t *feed_offsets; /* [scenario * feeds + feed]; NEVER: doesn't use it, or none is planned */
	uint64_t *feed_draws;   /* by feed: all that is planned */
	struct coming *coming;
	size_t coming_count, coming_capacity;
	uint32_t epoch;
	struct message_assign now; /* the moves that hold; its shares are the tasks' */
	struct groups *groups;
	struct chores *chores;
	struct sim_verifiers *verifiers;
	struct sent_log *sent;
	struct snapshots *snapshots;
	struct second *current;
	struct second *spare;
	struct flight *flights;
	size_t flight_count, flight_capacity;
	uint64_t t0_ns;
	uint64_t cursor_ns; /* all that is intended before it was seen to */
	uint64_t floor_ns;
	uint64_t stop_ns, grace_ns;
	uint64_t end_ns;
	_Bool started, ended;
};

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline _Bool is_open(const struct task *task)
{
	return executor_is_open(task->scenario->executor);
}

static inline _Bool is_counted(const struct task *task)
{
	return executor_is_counted(task->scenario->executor);
}

static inline _Bool has_begun(const struct task *task, uint64_t at_ns)
{
	return task->origin_ns <= at_ns;
}

/* ---- load_task.c ---- */

void task_make(struct load *load, uint32_t index);
void task_deinit(struct task *task);
/* What it owns from now on, as it is assigned. */
void task_take_share(struct task *task, const struct share *share);
struct user *task_add_user(struct task *task, uint64_t index, uint64_t from_ns, _Bool adopted);

/* ---- load_deeds.c ---- */

_Bool load_is_warmup(const struct load *load, const struct task *task, uint64_t intended_ns);
/* A message is in the topic, if what is produced is verified; and its producer has heard of it. */
void load_produce(struct load *load, struct task *task, uint64_t key, _Bool acknowledged);
/* An iteration has completed. */
void load_record(struct load *load, const struct flight *flight);
/* Starts (or drops) all arrivals of an open loop before a time; and what a closed loop's user may start by then. */
void load_run_open(struct load *load, struct task *task, uint64_t until_ns);
void load_run_user(struct load *load, struct task *task, struct user *user, uint64_t until_ns);
/* What a counted scenario could not start before its time was up. */
void load_drop_rest(struct load *load, struct task *task);

/* ---- load_shift.c ---- */

/* Changes over to what is in force now. */
void load_shift(struct load *load);
void load_drop_assignment(struct message_assign *assignment);
