/* SPDX-License-Identifier: Apache-2.0 */
/* The plan divided among agents. */
#include "coordinator/division.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/plan/schedule.h"

int division_check(const struct plan *plan, uint32_t agent_count, struct failure *failure)
{
	for (uint32_t i = 0; i < plan->target_count; i++) {
		const struct target *target = &plan->targets[i];

		if (target->kind != TARGET_POSTGRES || target->postgres.connections >= agent_count)
			continue;
		return failure_set_at(failure, -EINVAL, plan->file, target->place.line, target->place.column,
		                      "target \"%s\" has %u connections for %u agents; give it at least %u",
		                      target->name, target->postgres.connections, agent_count, agent_count);
	}
	return 0;
}

/* Arrivals need a VU of their agent's own. Where there are fewer VUs than agents, those without one must not own
 * arrivals either: leaves only agents in `weights` (0: left out) that get a VU. */
static int leave_out_idle(const struct scenario *scenario, uint32_t *weights, uint32_t count, struct share *parts)
{
	struct share all cleanup(share_deinit) = {0};
	_Bool changed = 1;
	int r = share_all(&all);

	while (r == 0 && changed) {
		uint32_t *kept cleanup(cleanup_free) = calloc(count, sizeof(*kept));
		struct share *shares cleanup(cleanup_free) = calloc(count, sizeof(*shares));
		uint32_t kept_count = 0;

		if (!kept || !shares)
			return -ENOMEM;
		for (uint32_t i = 0; i < count; i++)
			if (weights[i])
				kept[kept_count++] = weights[i];
		r = share_divide(&all, kept, kept_count, shares);
		changed = 0;
		for (uint32_t i = 0, at = 0; r == 0 && i < count; i++) {
			share_deinit(&parts[i]);
			if (!weights[i])
				continue;
			parts[i] = shares[at++];
			if (!scenario->producers && share_count(&parts[i], scenario_max_vus(scenario)) == 0) {
				weights[i] = 0;
				changed = 1;
			}
		}
	}
	return r;
}

/* The shares of one scenario, by agent. */
static int divide_scenario(const struct scenario *scenario, const uint32_t *weights, uint32_t count,
                           struct share *parts)
{
	uint32_t *with_vus cleanup(cleanup_free) = calloc(count, sizeof(*with_vus));

	if (!with_vus)
		return -ENOMEM;
	memcpy(with_vus, weights, count * sizeof(*with_vus));
	return leave_out_idle(scenario, with_vus, count, parts);
}

int division_make(const struct plan *plan, const uint32_t *weights, uint32_t agent_count, struct failure *failure,
                  struct division *ret_division)
{
	struct division division = {.agent_count = agent_count, .scenario_count = plan->scenario_count};
	struct share *parts cleanup(cleanup_free) = NULL;
	int r = division_check(plan, agent_count, failure);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < agent_count; i++)
		if (weights[i] == 0 || weights[i] > SHARE_WEIGHT_MAX)
			return failure_set(failure, -EINVAL, "agent %u has the weight %u; it must be from 1 to %d",
			                   i + 1, weights[i], SHARE_WEIGHT_MAX);
	division.shares = calloc((size_t)agent_count * plan->scenario_count, sizeof(*division.shares));
	parts = calloc(agent_count, sizeof(*parts));
	r = division.shares && parts ? 0 : -ENOMEM;
	for (uint32_t scenario = 0; r == 0 && scenario < plan->scenario_count; scenario++) {
		r = divide_scenario(&plan->scenarios[scenario], weights, agent_count, parts);
		for (uint32_t agent = 0; agent < agent_count; agent++) {
			division.shares[(size_t)agent * plan->scenario_count + scenario] = parts[agent];
			parts[agent] = (struct share){0};
		}
	}
	if (r < 0) {
		division_deinit(&division);
		return failure_set(failure, r, "the plan can't be divided among %u agents of these weights: %s",
		                   agent_count, strerror(-r));
	}
	*ret_division = division;
	return 0;
}

void division_deinit(struct division *division)
{
	for (size_t i = 0; division->shares && i < (size_t)division->agent_count * division->scenario_count; i++)
		share_deinit(&division->shares[i]);
	free(division->shares);
	*division = (struct division){0};
}

const struct share *division_of(const struct division *division, uint32_t agent)
{
	return &division->shares[(size_t)agent * division->scenario_count];
}

/* The indices of arrivals or VUs behind a share, which is of producers where the scenario has them. */
static int indices_of(const struct scenario *scenario, const struct share *share, struct share *ret_indices)
{
	if (scenario->producers)
		return share_of_producers(share, scenario->producers, ret_indices);
	return share_copy(ret_indices, share);
}

int division_portion(const struct scenario *scenario, const struct share *share, struct portion *ret_portion)
{
	struct share indices cleanup(share_deinit) = {0};
	struct schedule *schedule = NULL;
	struct portion portion = {0};
	int r = indices_of(scenario, share, &indices);

	if (r < 0)
		return r;
	portion.vus = share_count(&indices, scenario_max_vus(scenario));
	if (scenario->producers)
		portion.producers = share_count(share, scenario->producers);
	switch (scenario->executor) {
	case EXECUTOR_PER_VU_ITERATIONS:
		portion.iterations = portion.vus * scenario->iterations;
		break;
	case EXECUTOR_SHARED_ITERATIONS:
		portion.iterations = schedule_shared_iterations(scenario, &indices);
		break;
	case EXECUTOR_CONSTANT_ARRIVAL_RATE:
	case EXECUTOR_RAMPING_ARRIVAL_RATE:
		r = schedule_new(scenario, &schedule);
		if (r < 0)
			return r;
		portion.iterations = share_count(&indices, schedule_arrivals(schedule, schedule_end_ns(schedule)));
		schedule_free(schedule);
		break;
	default:
		portion.iterations = UINT64_MAX;
	}
	*ret_portion = portion;
	return 0;
}
