/* SPDX-License-Identifier: Apache-2.0 */
/* The plan divided among agents: the first epoch. */
#include "coordinator/run/division.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/plan/schedule.h"
#include "coordinator/run/division_internal.h"

static _Bool has_tag(const struct member *member, const struct pair *tag)
{
	for (uint32_t i = 0; i < member->tag_count; i++)
		if (strcmp(member->tags[i].name, tag->name) == 0 && strcmp(member->tags[i].value, tag->value) == 0)
			return 1;
	return 0;
}

_Bool division_may_run(const struct scenario *scenario, const struct member *member)
{
	for (uint32_t i = 0; !member->anywhere && i < scenario->run_on.count; i++)
		if (!has_tag(member, &scenario->run_on.items[i]))
			return 0;
	return 1;
}

uint64_t division_domain(const struct scenario *scenario)
{
	return scenario->producers ? scenario->producers : scenario_max_vus(scenario);
}

_Bool division_is_endless(const struct scenario *scenario)
{
	return executor_is_open(scenario->executor) && !scenario->producers;
}

_Bool division_uses_target(const struct scenario *scenario, uint32_t target)
{
	for (uint32_t i = 0; i < scenario->step_count; i++)
		if (scenario->steps[i].target == target)
			return 1;
	return 0;
}

struct share *division_at(struct division *division, uint32_t agent, uint32_t scenario)
{
	return &division->shares[(size_t)agent * division->scenario_count + scenario];
}

/* ---- who may run what ---- */

static _Bool may_use(const struct plan *plan, const struct member *member, uint32_t target)
{
	_Bool used = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (!division_uses_target(&plan->scenarios[i], target))
			continue;
		used = 1;
		if (division_may_run(&plan->scenarios[i], member))
			return 1;
	}
	return !used;
}

static int too_few_connections(const struct plan *plan, const struct target *target, uint32_t agents,
                               struct failure *failure)
{
	return failure_set_at(failure, -EINVAL, plan->file, target->place.line, target->place.column,
	                      "target \"%s\" has %u connections for %u agents; give it at least %u", target->name,
	                      target->postgres.connections, agents, agents);
}

/* True if every agent will use the target, whatever its tags. */
static _Bool is_for_all(const struct plan *plan, uint32_t target)
{
	_Bool used = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (!division_uses_target(&plan->scenarios[i], target))
			continue;
		used = 1;
		if (plan->scenarios[i].run_on.count == 0)
			return 1;
	}
	return !used;
}

int division_check(const struct plan *plan, uint32_t agent_count, struct failure *failure)
{
	for (uint32_t i = 0; i < plan->target_count; i++) {
		const struct target *target = &plan->targets[i];

		if (target->kind == TARGET_POSTGRES && target->postgres.connections < agent_count &&
		    is_for_all(plan, i))
			return too_few_connections(plan, target, agent_count, failure);
	}
	return 0;
}

/* "zone=eu and disk=ssd". */
static void name_tags(const struct pairs *tags, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < tags->count && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s=%s", i ? " and " : "", tags->items[i].name,
		                       tags->items[i].value);
}

int division_check_placement(const struct plan *plan, const struct member *members, uint32_t agent_count,
                             struct failure *failure)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];
		uint32_t needed = scenario->min_agents ? scenario->min_agents : 1, count = 0;
		char tags[512];

		for (uint32_t j = 0; j < agent_count; j++)
			count += division_may_run(scenario, &members[j]);
		if (count >= needed)
			continue;
		name_tags(&scenario->run_on, tags, sizeof(tags));
		return failure_set_at(failure, -EINVAL, plan->file, scenario->place.line, scenario->place.column,
		                      "scenario \"%s\" needs %u agent%s%s%s, but %u of %u %s", scenario->name, needed,
		                      needed == 1 ? "" : "s", tags[0] ? " with " : "", tags, count, agent_count,
		                      tags[0] ? (count == 1 ? "has that" : "have that") : "came");
	}
	return 0;
}

_Bool division_is_able(const struct plan *plan, const struct division *division, const struct member *member,
                       uint32_t agent, uint32_t scenario)
{
	if (!division_may_run(&plan->scenarios[scenario], member))
		return 0;
	for (uint32_t i = 0; i < plan->target_count; i++)
		if (plan->targets[i].kind == TARGET_POSTGRES && division_uses_target(&plan->scenarios[scenario], i) &&
		    division_connections(division, agent)[i] == 0)
			return 0;
	return 1;
}

/* ---- the first epoch ---- */

static int divide_connections(const struct plan *plan, const struct member *members, struct division *division,
                              struct failure *failure)
{
	for (uint32_t i = 0; i < plan->target_count; i++) {
		const struct target *target = &plan->targets[i];
		uint32_t users = 0, at = 0;

		if (target->kind != TARGET_POSTGRES)
			continue;
		for (uint32_t j = 0; j < division->agent_count; j++)
			users += may_use(plan, &members[j], i);
		if (users == 0)
			continue;
		if (target->postgres.connections < users)
			return too_few_connections(plan, target, users, failure);
		for (uint32_t j = 0; j < division->agent_count; j++) {
			if (!may_use(plan, &members[j], i))
				continue;
			division->connections[(size_t)j * plan->target_count + i] =
			        target->postgres.connections / users + (at < target->postgres.connections % users);
			at++;
		}
	}
	return 0;
}

static int divide_scenario(const struct plan *plan, const struct member *members, struct division *division,
                           uint32_t scenario)
{
	struct share all cleanup(share_deinit) = {0};
	uint32_t *weights cleanup(cleanup_free) = calloc(division->agent_count, sizeof(*weights));
	struct share *parts cleanup(cleanup_free) = calloc(division->agent_count, sizeof(*parts));
	int r = weights && parts ? share_all(&all) : -ENOMEM;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < division->agent_count; i++)
		if (division_may_run(&plan->scenarios[scenario], &members[i]))
			weights[i] = members[i].weight;
	r = division_deal(plan, division, scenario, &all, weights, parts);
	for (uint32_t i = 0; i < division->agent_count; i++)
		*division_at(division, i, scenario) = parts[i];
	return r < 0 ? r : 0;
}

static int division_init(const struct plan *plan, uint32_t agent_count, struct division *division)
{
	*division = (struct division){.epoch = 1,
	                              .agent_count = agent_count,
	                              .scenario_count = plan->scenario_count,
	                              .target_count = plan->target_count};
	division->shares = calloc((size_t)agent_count * plan->scenario_count + 1, sizeof(*division->shares));
	division->connections = calloc((size_t)agent_count * plan->target_count + 1, sizeof(*division->connections));
	return division->shares && division->connections ? 0 : -ENOMEM;
}

int division_make(const struct plan *plan, const struct member *members, uint32_t agent_count, struct failure *failure,
                  struct division *ret_division)
{
	struct division division cleanup(division_deinit) = {0};
	int r;

	for (uint32_t i = 0; i < agent_count; i++)
		if (members[i].weight == 0 || members[i].weight > SHARE_WEIGHT_MAX)
			return failure_set(failure, -EINVAL, "agent %u has the weight %u; it must be from 1 to %d",
			                   i + 1, members[i].weight, SHARE_WEIGHT_MAX);
	r = division_check_placement(plan, members, agent_count, failure);
	if (r < 0)
		return r;
	r = division_init(plan, agent_count, &division);
	if (r == 0) {
		r = divide_connections(plan, members, &division, failure);
		if (r == -EINVAL)
			return r;
	}
	for (uint32_t i = 0; r == 0 && i < plan->scenario_count; i++)
		r = divide_scenario(plan, members, &division, i);
	if (r < 0)
		return failure_set(failure, r, "the plan can't be divided among %u agents of these weights: %s",
		                   agent_count, strerror(-r));
	*ret_division = division;
	division = (struct division){0};
	return 0;
}

int division_copy(const struct division *from, uint32_t agent_count, struct division *ret_division)
{
	struct division copy = *from;
	size_t shares = (size_t)from->agent_count * from->scenario_count;
	size_t connections = (size_t)from->agent_count * from->target_count;
	int r;

	copy.agent_count = agent_count > from->agent_count ? agent_count : from->agent_count;
	copy.shares = calloc((size_t)copy.agent_count * copy.scenario_count + 1, sizeof(*copy.shares));
	copy.connections = calloc((size_t)copy.agent_count * copy.target_count + 1, sizeof(*copy.connections));
	r = copy.shares && copy.connections ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < shares; i++)
		r = share_copy(&copy.shares[i], &from->shares[i]);
	if (r < 0) {
		division_deinit(&copy);
		return r;
	}
	if (connections > 0)
		memcpy(copy.connections, from->connections, connections * sizeof(*copy.connections));
	*ret_division = copy;
	return 0;
}

void division_deinit(struct division *division)
{
	for (size_t i = 0; division->shares && i < (size_t)division->agent_count * division->scenario_count; i++)
		share_deinit(&division->shares[i]);
	free(division->shares);
	free(division->connections);
	*division = (struct division){0};
}

/* ---- what an agent has ---- */

const struct share *division_of(const struct division *division, uint32_t agent)
{
	return &division->shares[(size_t)agent * division->scenario_count];
}

const uint32_t *division_connections(const struct division *division, uint32_t agent)
{
	return &division->connections[(size_t)agent * division->target_count];
}

_Bool division_has_any(const struct division *division, uint32_t agent)
{
	const struct share *shares = division_of(division, agent);

	for (uint32_t i = 0; i < division->scenario_count; i++)
		if (shares[i].count > 0)
			return 1;
	return 0;
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
