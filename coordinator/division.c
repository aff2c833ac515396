/* SPDX-License-Identifier: Apache-2.0 */
/* The plan divided among agents. */
#include "coordinator/division.h"

#include <errno.h>
#include <stdlib.h>

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

int division_make(const struct plan *plan, const uint32_t *weights, uint32_t agent_count, struct failure *failure,
		  struct division *ret_division)
{
	struct division division = {.agent_count = agent_count, .scenario_count = plan->scenario_count};
	struct share all = {0};
	struct share *parts = NULL;
	int r = division_check(plan, agent_count, failure);

	if (r < 0)
		return r;
	division.shares = calloc((size_t)agent_count * plan->scenario_count, sizeof(*division.shares));
	parts = calloc(agent_count, sizeof(*parts));
	if (!division.shares || !parts) {
		r = failure_set(failure, -ENOMEM, "no memory to divide the plan among %u agents", agent_count);
		goto out;
	}
	r = share_all(&all);
	if (r == 0)
		r = share_divide(&all, weights, agent_count, parts);
	for (uint32_t agent = 0; r == 0 && agent < agent_count; agent++)
		for (uint32_t scenario = 0; r == 0 && scenario < plan->scenario_count; scenario++)
			r = share_copy(&division.shares[agent * plan->scenario_count + scenario], &parts[agent]);
	if (r < 0)
		failure_set(failure, r, "the plan can't be divided among %u agents with these weights", agent_count);
out:
	for (uint32_t agent = 0; parts && agent < agent_count; agent++)
		share_deinit(&parts[agent]);
	free(parts);
	share_deinit(&all);
	if (r < 0)
		division_deinit(&division);
	else
		*ret_division = division;
	return r;
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
