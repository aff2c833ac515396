/* SPDX-License-Identifier: Apache-2.0 */
/* All that one worker runs, on one thread: its loop, its drivers, its scenarios, and the second it is recording.
 *
 * An engine knows no other thread: what it hands over goes through a callback. It is made, prepared, started and turned
 * until it is done:  new -> start(T0) -> turn, turn, ... (adopt, begin, stop) -> done -> free. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/flow.h"
#include "agent/groups.h"
#include "agent/portion.h"
#include "agent/runner.h"
#include "agent/seconds.h"
#include "agent/secrets.h"
#include "agent/targets.h"
#include "common/base/buffer.h"
#include "common/base/log.h"
#include "common/base/loop.h"
#include "common/plan/plan.h"

struct engine_config {
	const struct plan *plan;
	const struct portion *portion;           /* this worker's at first; both must outlive the engine */
	const struct driver_ops *const *drivers; /* by target_kind */
	const char *agent_name;
	const char *run_id;
	const char *secrets_folder; /* may be NULL */
	struct log *log;            /* may be NULL */
	uint32_t worker;
	const struct driver_clock *clock; /* its t0_ns is engine_start()'s. NULL: the engine has one of its own */
	uint32_t workers;                 /* of this agent */
	uint32_t agent_index;             /* the agent's number in the run */
	/* Takes a filled second and gives an empty one to go on with, or NULL: then the full one is kept and goes on
	 * being filled (never with last set: that one is taken in any case, and nothing is given). */
	struct second *(*hand_over)(void *context, struct second *full);
	void *context;
};

enum engine_phase {
	ENGINE_IDLE, /* before start */
	ENGINE_RUNNING,
	ENGINE_DRAINING, /* every scenario is finished: deliveries are awaited */
	ENGINE_DONE,     /* the last second is handed over */
};

/* What `{{slot's name}}` is. */
struct engine_value {
	uint32_t slot;
	const char *text; /* must outlive the engine */
};

/* A portion that holds from a time on, on the clock. */
struct adoption {
	const struct portion *portion;
	uint64_t at_ns;
};

struct engine {
	struct engine_config config;
	const struct plan *plan;
	struct loop *loop;
	struct groups *groups;
	struct secrets *secrets;
	struct engine_target *targets; /* see targets.h */
	uint32_t lanes_wanted;         /* that are to be opened, one in a turn */
	struct runner *runners;
	uint32_t runner_count;
	enum engine_phase phase;
	int error; /* what a callback could not return: ends the engine at its next turn */

	struct driver_clock clock; /* where the config has none */
	uint64_t t0_ns;
	uint64_t stop_ns; /* CLOCK_NEVER: none */
	uint64_t stop_grace_ns;
	struct loop_timer stop_timer;
	struct adoption *adoptions; /* since T0, by time */
	size_t adoption_count;
	size_t adoption_capacity;
	size_t shifted; /* of them */
	struct loop_timer adopt_timer;
	struct engine_value *values; /* that hold for every VU, beside the plan's variables */
	size_t value_count;
	size_t value_capacity;
	struct loop_timer drain_timer;
	_Bool abandoning;
	uint64_t lingering; /* interrupted operations that haven't completed */

	struct seconds seconds;
	struct vu_list ready;
	uint64_t fresh_ns;      /* what the clock has just said, or 0: reading it is not for nothing */
	struct flight *flights; /* the pool: those of the slabs that aren't in use */
	struct flight_slab *flight_slabs;
	struct buffer scratch; /* for rendering groups */
};

/* Opens the drivers, makes what exists before T0, and one second to record into. May block shortly. */
int engine_new(const struct engine_config *config, struct failure *failure, struct engine **ret_engine);
/* Closes the drivers; may block. What is still in flight is abandoned. Accepts NULL. */
struct engine *engine_free(struct engine *engine);

/* T0 on our clock, and the second since then that is recorded first: 0, or the current one for an agent that joins. */
int engine_start(struct engine *engine, uint64_t t0_ns, uint64_t first_second);
/* From effective_ns since T0 on (a whole second that has not come yet) the worker runs this portion, which must outlive
 * the engine; before the start with 0: instead of what it had. What it needs beyond what it has (drivers, lanes, VUs)
 * is made at once: may block shortly. 0 or a negative errno, said. */
int engine_adopt(struct engine *engine, const struct portion *portion, uint64_t effective_ns, struct failure *failure);
/* Sets what `{{name}}`s are from now on. 0 or -ENOMEM. */
int engine_set_values(struct engine *engine, const struct engine_value *values, size_t count);
/* A scenario with startAfter begins at_ns after T0 (its startTime included). Ignored for one that has begun. */
int engine_begin(struct engine *engine, uint32_t scenario, uint64_t at_ns);
/* No iteration starts that is intended at or after at_ns since T0 (or now, if that is later); those in progress then
 * get grace_ns. */
int engine_stop(struct engine *engine, uint64_t at_ns, uint64_t grace_ns);
/* One pass: gives the drivers and the ready VUs their turn and waits for what comes next. A negative errno is fatal. */
int engine_turn(struct engine *engine);
_Bool engine_done(const struct engine *engine);
/* What the run's own answers said of a target; problem stays "". False if nothing is known. */
_Bool engine_facts(const struct engine *engine, uint32_t target, struct target_facts *ret_facts);

/* For flow and runners. */

/* The recorder of the second in which at_ns lies; rotates at a second's end. */
struct recorder *engine_recorder(struct engine *engine, uint64_t at_ns);
/* Keeps the first error of a callback. */
void engine_fail(struct engine *engine, int error);
/* Switches to the portions whose time has come. */
void engine_shift(struct engine *engine, uint64_t now_ns);
/* A flight from the pool with an operation in its initial state, or NULL. */
struct flight *engine_flight(struct engine *engine);
void engine_flight_release(struct engine *engine, struct flight *flight);
