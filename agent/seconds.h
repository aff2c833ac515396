/* SPDX-License-Identifier: Apache-2.0 */
/* The seconds of an engine: which one is being recorded, and how it is closed and handed over.
 *
 * A second ends by a timer, or when something is recorded past its end, whichever comes first. One that the worker
 * slept through is left out; the one before says by its `next` that nothing more comes of it. */
#pragma once

#include <stdint.h>

#include "agent/second.h"
#include "common/base/loop.h"

struct engine;

/* Embedded in the engine. */
struct seconds {
	struct second *current;
	uint64_t boundary_ns; /* its end, on the clock */
	struct loop_timer boundary_timer;
	struct loop_timer start_timer;
	struct loop_timer pulse_timer; /* how late it fires is how long the loop was held up */
	uint64_t start_skew_ns;
	uint64_t stalled_ns;
	uint64_t cpu_at_start_ns;
};

/* Makes the first one. 0 or -ENOMEM. */
int seconds_init(struct engine *engine);
/* T0 is known; `first` is the second that is recorded first, past 0 for an agent that joins late: its start skew is not
 * measured. 0 or -ENOMEM. */
int seconds_start(struct engine *engine, uint64_t first);
/* Hands over the last one. */
void seconds_finish(struct engine *engine);
void seconds_deinit(struct engine *engine);
