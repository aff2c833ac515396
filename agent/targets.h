/* SPDX-License-Identifier: Apache-2.0 */
/* The targets that an engine's scenarios use, with their drivers. They stand in engine->targets by the plan's order,
 * with one more at the end for null steps that name no target. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/vu.h"

struct engine;
struct portion;

struct engine_target {
	const struct target *target; /* NULL: of the null steps that name none */
	const struct driver_ops *ops;
	struct driver_config config; /* what the driver holds on to */
	struct driver *driver;       /* NULL: this worker doesn't use it */
	uint32_t *lanes;             /* that the worker has, the first ones of which are open */
	uint32_t lane_count;
	uint32_t lanes_open;
	struct vu_list parked; /* those that wait for room in it */
	_Bool full;            /* it had no room for the newest one that tried */
};

/* Opens the drivers of all targets that this worker's scenarios use. May block shortly. 0 or a negative errno, said. */
int targets_open(struct engine *engine, struct failure *failure);
/* Opens what the worker needs for this portion beyond what it has: drivers, and their lanes; while it runs, when each
 * takes its time, most lanes are only noted in engine->lanes_wanted. What it doesn't need any more stays open. May
 * block shortly. 0 or a negative errno, said. */
int targets_adopt(struct engine *engine, const struct portion *portion, struct failure *failure);
/* Opens one of the lanes that are wanted. 0 or a negative errno, said. */
int targets_open_lane(struct engine *engine, struct failure *failure);
/* Gives those a turn that want one. */
void targets_poll(struct engine *engine, uint64_t now_ns);
/* Operations accepted and not completed, by all drivers. */
uint64_t targets_in_flight(const struct engine *engine);
/* Appends what became of the messages that are verified, since the call before. 0 or -ENOMEM. */
int targets_account(struct engine *engine, struct buffer *buffer);
/* Tells the drivers that no more operations will come. */
void targets_drain(struct engine *engine);
/* Completes whatever is in flight as interrupted. */
void targets_abandon(struct engine *engine);
/* Closes the drivers; may block. Nothing may be in flight. */
void targets_close(struct engine *engine);
