/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the steps of an iteration: draws its feeds, submits its operations one after the other, and measures them.
 *
 * Drivers are never called from within a completion: a VU whose operation completed goes to the engine's list of ready
 * VUs and is taken on in the engine's next turn. So no driver is entered twice, and no chain of quick failures can grow
 * the stack.
 *
 * A produced message that isn't awaited is detached: the iteration goes on at once and succeeds without it, its record
 * is made at the delivery report. A failed one then counts as a failed operation alone, and so does one that was not
 * delivered until the end: no iteration is interrupted that could tell of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/moves.h"
#include "agent/recorder.h"
#include "agent/vu.h"

struct engine;
struct engine_target;

/* An operation on its way. What every one needs takes two lines of the cache. */
struct flight {
	union {
		struct runner *runner;
		struct flight *next; /* in the engine's pool */
	};
	struct vu *vu; /* NULL: detached; it may have interrupted what waited for the flight */
	struct recorder_place place;
	struct operation operation;
};

/* The flight of an operation that drivers hand back. */
static inline struct flight *flight_of(struct operation *operation)
{
	return (struct flight *)(void *)((char *)operation - offsetof(struct flight, operation));
}

struct flow_step {
	const struct step *step;
	struct engine_target *target; /* NULL: think */
	uint32_t session;             /* in a VU's sessions */
	uint32_t group;               /* where the group is constant */
	_Bool group_varies;
	_Bool detached;
};

struct flow_feed {
	const struct feed *feed;
	_Bool is_unique;
	uint64_t offset; /* of unique draws: what earlier scenarios have planned for themselves */
	uint64_t spares; /* of unique draws: the row of spare 0 */
};

/* A scenario's steps, made ready for one worker. */
struct flow {
	struct flow_step *steps;
	uint32_t step_count;
	uint64_t weights;               /* sum of all steps' */
	struct engine_target **targets; /* distinct */
	uint32_t target_count;
	struct flow_feed *feeds; /* that the steps use */
	uint32_t feed_count;
	_Bool draws_unique; /* one of them is unique */
	struct moves moves; /* only where draws_unique */
};

/* The drivers must be open. 0 or a negative errno; deinit releases a half-built one too. */
int flow_init(struct flow *flow, struct engine *engine, uint32_t scenario);
void flow_deinit(struct flow *flow);

/* All that run: what became of the iteration, or a negative errno (fatal). */
enum flow_outcome {
	FLOW_GOING = 0, /* it waits for something */
	FLOW_ENDED,     /* it is over and counted; the VU is free */
	FLOW_REFUSED,   /* nothing was started: no room for its first operation (whenFull: drop) */
};

struct flow_start {
	uint64_t intended_ns;
	uint64_t now_ns;
	uint64_t draw;  /* index of the iteration's draws from feeds */
	_Bool is_spare; /* from unique feeds it draws a spare row: */
	uint64_t spare;
	uint32_t lane;
	_Bool may_refuse;
};

/* Starts an iteration of a free VU. */
int flow_start(struct vu *vu, const struct flow_start *start);
/* Goes on with a busy VU: after a completion, a pause, or when there may be room. */
int flow_resume(struct vu *vu, uint64_t now_ns);
/* Ends a busy VU's iteration as interrupted. If its operation stays in flight the VU is ready again only when that
 * completes (vu->flight is set until then). */
void flow_interrupt(struct vu *vu);
/* A driver's completion; of any flight of the engine. */
void flow_complete(struct engine *engine, struct operation *operation);
/* A message that a flight of the engine got. */
void flow_receive(struct engine *engine, struct operation *operation, const struct reception *reception);
/* A saved value; detached operations save nothing. */
int flow_save(struct operation *operation, uint32_t slot, const char *text, size_t size);
