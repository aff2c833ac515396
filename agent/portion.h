/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker runs of the agent's share. Pure.
 *
 * A scenario's share is divided among the workers as the plan is among the agents. Where a scenario is spread over
 * producers (`producers: N`), what is assigned and divided are the producers (0..N-1), and arrival or VU k follows its
 * producer, k mod N. When the agent's share changes, what it keeps stays with the worker that has it, and only what was
 * added is divided, first among those that have least.
 *
 * Lanes: every producer is a client of its own. Over the whole plan they are numbered from 1, scenario after scenario:
 * the lane of producer j is the number of producers of all earlier scenarios + j + 1. Lane 0 is a worker's own client
 * of a target, which the scenarios without producers share.
 *
 * A scenario never runs on more workers than it has VUs or than each of its postgres targets has connections here: a
 * worker without either could only drop or wait. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/plan/share.h"
#include "common/wire/message.h"

/* Rows of a unique feed, or iterations that each draw one: first_spare, first_spare + 1, ... (see wire_move). */
struct portion_extra {
	uint64_t iterations;
	uint64_t first_spare;
};

struct scenario_portion {
	struct share owned;   /* as it is assigned: indices, or producers */
	struct share indices; /* of arrivals and VUs; also residues of the draws of VU executors */
	struct portion_extra *extras;
	uint32_t extra_count;
	const struct wire_move *moves; /* the agent's, of all scenarios, all so far, oldest first: borrowed */
	uint32_t move_count;
};

struct target_portion {
	uint32_t *lanes; /* ascending */
	uint32_t lane_count;
	uint32_t connections;
	_Bool used; /* some step of this worker's scenarios has it as its target */
};

struct portion {
	struct scenario_portion *scenarios; /* by the plan's order */
	uint32_t scenario_count;
	struct target_portion *targets;
	uint32_t target_count;
};

struct portion_config {
	const struct plan *plan;
	const struct share *shares;  /* the agent's, one a scenario */
	const uint32_t *connections; /* the agent's, by target; may be NULL: none */
	const struct wire_move *moves;
	uint32_t move_count;
	const struct wire_extra *extras; /* the agent's new ones */
	uint32_t extra_count;
	uint32_t workers;
	const struct portion *before; /* what the workers have until then; NULL: nothing */
};

/* Gives each worker its portion: ret_portions has room for config->workers. 0, -ENOMEM, or what share_divide() says;
 * then nothing is to be released. */
int portion_divide(const struct portion_config *config, struct portion *ret_portions);
void portion_deinit(struct portion *portion);

/* The lane of a scenario's producer 0. */
uint32_t portion_lane_base(const struct plan *plan, uint32_t scenario);
/* True if it has nothing to run. */
_Bool portion_is_empty(const struct portion *portion);
