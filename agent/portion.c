/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker runs of the agent's share. */
#include "agent/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"

/* Owner `index` of `count` of a total that is dealt out evenly, the first ones getting the rest. */
static uint32_t part_of(uint32_t total, uint32_t index, uint32_t count)
{
	return total / count + (index < total % count);
}

uint32_t portion_lane_base(const struct plan *plan, uint32_t scenario)
{
	uint32_t base = 1;

	for (uint32_t i = 0; i < scenario; i++)
		base += plan->scenarios[i].producers;
	return base;
}

void portion_deinit(struct portion *portion)
{
	for (uint32_t i = 0; portion->scenarios && i < portion->scenario_count; i++) {
		share_deinit(&portion->scenarios[i].vus);
		share_deinit(&portion->scenarios[i].arrivals);
	}
	for (uint32_t i = 0; portion->targets && i < portion->target_count; i++)
		free(portion->targets[i].lanes);
	free(portion->scenarios);
	free(portion->targets);
	*portion = (struct portion){0};
}

static int portion_init(struct portion *portion, const struct plan *plan)
{
	*portion = (struct portion){.scenario_count = plan->scenario_count, .target_count = plan->target_count};
	portion->scenarios = calloc(plan->scenario_count + 1, sizeof(*portion->scenarios));
	portion->targets = calloc(plan->target_count + 1, sizeof(*portion->targets));
	return portion->scenarios && portion->targets ? 0 : -ENOMEM;
}

static _Bool uses_target(const struct scenario *scenario, uint32_t target)
{
	for (uint32_t i = 0; i < scenario->step_count; i++) {
		if (scenario->steps[i].target == target)
			return 1;
	}
	return 0;
}

/* On how many workers connections of this target are spread. */
static uint32_t workers_of_target(const struct portion_config *config, uint32_t target)
{
	const struct target *of = &config->plan->targets[target];
	uint32_t ours;

	if (of->kind != TARGET_POSTGRES)
		return config->workers;
	ours = part_of(of->postgres.connections, config->agent_index, config->agent_count);
	return ours < config->workers ? ours : config->workers;
}

static uint32_t workers_of_scenario(const struct portion_config *config, uint32_t index)
{
	const struct scenario *scenario = &config->plan->scenarios[index];
	uint64_t limit = scenario->producers > 0 ? scenario->producers : scenario_max_vus(scenario);
	uint64_t vus = share_count(&config->shares[index], limit);
	uint32_t workers = config->workers;

	for (uint32_t i = 0; i < config->plan->target_count; i++) {
		uint32_t of_target = workers_of_target(config, i);

		if (of_target < workers && uses_target(scenario, i))
			workers = of_target;
	}
	if (vus < workers)
		workers = (uint32_t)vus;
	return workers > 0 ? workers : 1;
}

static int set_scenario(struct scenario_portion *portion, const struct scenario *scenario, struct share *share)
{
	int r;

	if (scenario->producers == 0) {
		r = share_copy(&portion->arrivals, share);
		portion->vus = *share;
		*share = (struct share){0};
		return r;
	}
	r = share_of_producers(share, scenario->producers, &portion->arrivals);
	if (r == 0)
		r = share_copy(&portion->vus, &portion->arrivals);
	return r;
}

static int divide_scenario(const struct portion_config *config, uint32_t index, struct portion *portions)
{
	uint32_t workers = workers_of_scenario(config, index);
	cleanup(cleanup_free) uint32_t *weights = malloc(workers * sizeof(*weights));
	cleanup(cleanup_free) struct share *shares = calloc(workers, sizeof(*shares));
	int r;

	if (!weights || !shares)
		return -ENOMEM;
	for (uint32_t i = 0; i < workers; i++)
		weights[i] = 1;
	r = share_divide(&config->shares[index], weights, workers, shares);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < workers; i++) {
		if (r == 0)
			r = set_scenario(&portions[i].scenarios[index], &config->plan->scenarios[index], &shares[i]);
		share_deinit(&shares[i]);
	}
	return r;
}

/* The lanes that one worker has of one target, counted, and written where `lanes` isn't NULL. */
static uint32_t list_lanes(const struct plan *plan, const struct portion *portion, uint32_t target, uint32_t *lanes)
{
	uint32_t count = 0;
	_Bool shared = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++)
		shared |= plan->scenarios[i].producers == 0 && uses_target(&plan->scenarios[i], target) &&
		          portion->scenarios[i].vus.count > 0;
	if (shared) {
		if (lanes)
			lanes[count] = 0;
		count++;
	}
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];

		for (uint32_t j = 0; uses_target(scenario, target) && j < scenario->producers; j++) {
			if (!share_owns(&portion->scenarios[i].arrivals, j))
				continue;
			if (lanes)
				lanes[count] = portion_lane_base(plan, i) + j;
			count++;
		}
	}
	return count;
}

static int set_target(const struct portion_config *config, uint32_t worker, uint32_t target, struct portion *portion)
{
	struct target_portion *of = &portion->targets[target];
	uint32_t workers = workers_of_target(config, target);

	if (config->plan->targets[target].kind == TARGET_POSTGRES && worker < workers)
		of->connections = part_of(part_of(config->plan->targets[target].postgres.connections,
		                                  config->agent_index, config->agent_count),
		                          worker, workers);
	of->lane_count = list_lanes(config->plan, portion, target, NULL);
	if (of->lane_count == 0)
		return 0;
	of->used = 1;
	of->lanes = malloc(of->lane_count * sizeof(*of->lanes));
	if (!of->lanes)
		return -ENOMEM;
	list_lanes(config->plan, portion, target, of->lanes);
	return 0;
}

static int divide(const struct portion_config *config, struct portion *portions)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < config->workers; i++)
		r = portion_init(&portions[i], config->plan);
	for (uint32_t i = 0; r == 0 && i < config->plan->scenario_count; i++)
		r = divide_scenario(config, i, portions);
	for (uint32_t i = 0; i < config->workers; i++) {
		for (uint32_t j = 0; r == 0 && j < config->plan->target_count; j++)
			r = set_target(config, i, j, &portions[i]);
	}
	return r;
}

int portion_divide(const struct portion_config *config, struct portion *ret_portions)
{
	int r;

	memset(ret_portions, 0, config->workers * sizeof(*ret_portions));
	r = divide(config, ret_portions);
	if (r < 0) {
		for (uint32_t i = 0; i < config->workers; i++)
			portion_deinit(&ret_portions[i]);
	}
	return r;
}
