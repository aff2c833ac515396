/* SPDX-License-Identifier: Apache-2.0 */
/* The plan divided among agents: one share for each agent and scenario. Pure. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/plan/share.h"

/* Shares by [agent * scenario_count + scenario]. A scenario with `producers` is divided by producers, and its arrivals
 * or VUs follow their producer; every other one by its own indices, among the agents that then have a VU to run them
 * on. */
struct division {
	struct share *shares;
	uint32_t agent_count;
	uint32_t scenario_count;
};

/* Can so many agents run the plan? -EINVAL with the place and the reason if not (a postgres target with fewer
 * connections than there are agents). */
int division_check(const struct plan *plan, uint32_t agent_count, struct failure *failure);

/* Divides by the agents' weights, in their order. 0, -ENOMEM, or -EINVAL with the reason (as division_check()). */
int division_make(const struct plan *plan, const uint32_t *weights, uint32_t agent_count, struct failure *failure,
                  struct division *ret_division);
void division_deinit(struct division *division);
/* An agent's shares, scenario_count of them. */
const struct share *division_of(const struct division *division, uint32_t agent);

/* What one agent's share of a scenario comes to. */
struct portion {
	uint64_t vus;        /* the most VUs it will have */
	uint64_t iterations; /* UINT64_MAX: a closed loop without a count */
	uint64_t producers;  /* 0 if the scenario isn't spread over producers */
};
int division_portion(const struct scenario *scenario, const struct share *share, struct portion *ret_portion);
