/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker runs of the agent's share. Pure.
 *
 * A scenario's share is divided among the workers as the plan is among the agents. Where a scenario is spread over
 * producers
 * (`producers: N`), what is assigned and divided are the producers (0..N-1), and arrival or VU k follows its producer,
 * k mod N.
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

struct scenario_portion {
	struct share vus;      /* VU indices; also residues of the draws of VU executors */
	struct share arrivals; /* arrival indices */
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
	const struct share *shares; /* the agent's, one a scenario */
	uint32_t agent_index;       /* of agent_count: which connections are ours */
	uint32_t agent_count;
	uint32_t workers;
};

/* Gives each worker its portion: ret_portions has room for config->workers. 0, -ENOMEM, or what share_divide() says;
 * then nothing is to be released. */
int portion_divide(const struct portion_config *config, struct portion *ret_portions);
void portion_deinit(struct portion *portion);

/* The lane of a scenario's producer 0. */
uint32_t portion_lane_base(const struct plan *plan, uint32_t scenario);
