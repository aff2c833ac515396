/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker runs of the agent's share. */
#include "agent/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/plan/feed_use.h"

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

_Bool portion_is_empty(const struct portion *portion)
{
	for (uint32_t i = 0; i < portion->scenario_count; i++) {
		if (portion->scenarios[i].owned.count > 0)
			return 0;
	}
	return 1;
}

void portion_deinit(struct portion *portion)
{
	for (uint32_t i = 0; portion->scenarios && i < portion->scenario_count; i++) {
		share_deinit(&portion->scenarios[i].owned);
		share_deinit(&portion->scenarios[i].indices);
		free(portion->scenarios[i].extras);
	}
	for (uint32_t i = 0; portion->targets && i < portion->target_count; i++)
		free(portion->targets[i].lanes);
	free(portion->scenarios);
	free(portion->targets);
	*portion = (struct portion){0};
}

static int portion_init(struct portion *portion, const struct portion_config *config)
{
	const struct plan *plan = config->plan;

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

static uint32_t connections_of(const struct portion_config *config, uint32_t target)
{
	return config->connections ? config->connections[target] : 0;
}

/* On how many workers connections of this target are spread. */
static uint32_t workers_of_target(const struct portion_config *config, uint32_t target)
{
	uint32_t connections = connections_of(config, target);

	if (config->plan->targets[target].kind != TARGET_POSTGRES)
		return config->workers;
	return connections < config->workers ? connections : config->workers;
}

/* The workers that can run the scenario are the first ones. */
static uint32_t workers_of_scenario(const struct portion_config *config, uint32_t index)
{
	uint32_t workers = config->workers;

	for (uint32_t i = 0; i < config->plan->target_count; i++) {
		uint32_t of_target = workers_of_target(config, i);

		if (of_target < workers && uses_target(&config->plan->scenarios[index], i))
			workers = of_target;
	}
	return workers > 0 ? workers : 1;
}

/* Below which index of a share something is run by a VU. */
static uint64_t limit_of(const struct scenario *scenario)
{
	return scenario->producers > 0 ? scenario->producers : scenario_max_vus(scenario);
}

struct candidate {
	uint32_t worker;
	uint64_t load;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->load != y->load)
		return x->load < y->load ? -1 : 1;
	return (x->worker > y->worker) - (x->worker < y->worker);
}

/* VU executors draw the rows of a unique feed by what their worker had at first: one without that has none for them. */
static _Bool needs_draws(const struct portion_config *config, uint32_t index)
{
	return config->before && !executor_is_open(config->plan->scenarios[index].executor) &&
	       feed_use_any_unique(config->plan, index);
}

/* The workers that may be given something of the scenario, those with least first: their number. */
static uint32_t list_candidates(const struct portion_config *config, uint32_t index, const struct portion *portions,
                                struct candidate *candidates)
{
	const struct scenario *scenario = &config->plan->scenarios[index];
	uint32_t workers = workers_of_scenario(config, index);
	uint32_t idle = 0;

	for (uint32_t i = 0; i < workers; i++) {
		uint64_t load = share_count(&portions[i].scenarios[index].owned, limit_of(scenario));

		candidates[i] = (struct candidate){.worker = i, .load = load};
		idle += load == 0;
	}
	qsort(candidates, workers, sizeof(*candidates), compare_candidates);
	if (idle > 0 && idle < workers && needs_draws(config, index)) {
		memmove(candidates, candidates + idle, (workers - idle) * sizeof(*candidates));
		workers -= idle;
	}
	return workers;
}

/* Deals `added` out to the candidates, at most one for each VU. What has no VU goes to one that has most of them. */
static int deal(const struct portion_config *config, uint32_t index, const struct share *added,
                struct portion *portions)
{
	cleanup(cleanup_free) struct candidate *candidates = calloc(config->workers, sizeof(*candidates));
	cleanup(cleanup_free) uint32_t *weights = calloc(config->workers, sizeof(*weights));
	cleanup(cleanup_free) struct share *parts = calloc(config->workers, sizeof(*parts));
	uint64_t vus = share_count(added, limit_of(&config->plan->scenarios[index]));
	struct candidate *first = candidates;
	uint32_t count;
	int r;

	if (!candidates || !weights || !parts)
		return -ENOMEM;
	count = list_candidates(config, index, portions, candidates);
	if (vus == 0)
		first += count - 1;
	if (vus < count)
		count = vus > 0 ? (uint32_t)vus : 1;
	for (uint32_t i = 0; i < count; i++)
		weights[i] = 1;
	r = share_divide(added, weights, count, parts);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count; i++) {
		if (r == 0)
			r = share_add(&portions[first[i].worker].scenarios[index].owned, &parts[i]);
		share_deinit(&parts[i]);
	}
	return r;
}

/* Leaves each worker what it had and the agent still has; *rest is what the agent has beyond that. */
static int keep(const struct portion_config *config, uint32_t index, struct portion *portions, struct share *rest)
{
	int r = share_copy(rest, &config->shares[index]);

	for (uint32_t i = 0; r == 0 && config->before && i < config->workers; i++) {
		const struct share *had = &config->before[i].scenarios[index].owned;
		struct share beyond = {0};

		r = share_intersect(had, &config->shares[index], &portions[i].scenarios[index].owned);
		if (r == 0)
			r = share_subtract(rest, had, &beyond);
		if (r == 0) {
			share_deinit(rest);
			*rest = beyond;
		}
	}
	return r;
}

static int divide_scenario(const struct portion_config *config, uint32_t index, struct portion *portions)
{
	uint32_t producers = config->plan->scenarios[index].producers;
	struct share added = {0};
	int r = keep(config, index, portions, &added);

	if (r == 0 && added.count > 0)
		r = deal(config, index, &added, portions);
	share_deinit(&added);
	for (uint32_t i = 0; r == 0 && i < config->workers; i++) {
		struct scenario_portion *of = &portions[i].scenarios[index];

		of->moves = config->moves;
		of->move_count = config->move_count;
		r = producers ? share_of_producers(&of->owned, producers, &of->indices)
		              : share_copy(&of->indices, &of->owned);
	}
	return r;
}

/* Extras. */

/* VUs of the scenario that a worker gets with this change. */
static int count_added(const struct portion_config *config, uint32_t scenario, uint32_t worker,
                       const struct portion *portions, uint64_t *ret_count)
{
	static const struct share nothing;
	const struct share *had = config->before ? &config->before[worker].scenarios[scenario].indices : &nothing;
	struct share added = {0};
	int r = share_subtract(&portions[worker].scenarios[scenario].indices, had, &added);

	if (r == 0)
		*ret_count = share_count(&added, config->plan->scenarios[scenario].vus);
	share_deinit(&added);
	return r;
}

static int add_extra(struct scenario_portion *of, const struct portion_extra *extra)
{
	struct portion_extra *extras = reallocarray(of->extras, of->extra_count + 1, sizeof(*extras));

	if (!extras)
		return -ENOMEM;
	of->extras = extras;
	of->extras[of->extra_count++] = *extra;
	return 0;
}

/* Deals granted iterations out to the VUs that came with them, in turn; to all of the scenario's VUs if none came. */
static int divide_extra(const struct portion_config *config, const struct wire_extra *extra, struct portion *portions)
{
	cleanup(cleanup_free) uint64_t *vus = calloc(config->workers, sizeof(*vus));
	uint64_t spare = extra->first_spare, sum = 0, rest;
	int r = vus ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < config->workers; i++) {
		r = count_added(config, extra->scenario, i, portions, &vus[i]);
		sum += vus[i];
	}
	if (r < 0)
		return r;
	for (uint32_t i = 0; sum == 0 && i < config->workers; i++)
		vus[i] = share_count(&portions[i].scenarios[extra->scenario].indices,
		                     config->plan->scenarios[extra->scenario].vus);
	for (uint32_t i = 0; sum == 0 && i < config->workers; i++)
		sum += vus[i];
	rest = sum > 0 ? extra->iterations % sum : 0;
	for (uint32_t i = 0; r == 0 && sum > 0 && i < config->workers; i++) {
		uint64_t more = rest < vus[i] ? rest : vus[i];
		struct portion_extra part = {extra->iterations / sum * vus[i] + more, spare};

		rest -= more;
		spare += part.iterations;
		if (part.iterations > 0)
			r = add_extra(&portions[i].scenarios[extra->scenario], &part);
	}
	return r;
}

/* Targets. */

/* The lanes that one worker has of one target, counted, and written where `lanes` isn't NULL. */
static uint32_t list_lanes(const struct plan *plan, const struct portion *portion, uint32_t target, uint32_t *lanes)
{
	uint32_t count = 0;
	_Bool shared = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++)
		shared |= plan->scenarios[i].producers == 0 && uses_target(&plan->scenarios[i], target) &&
		          portion->scenarios[i].owned.count > 0;
	if (shared) {
		if (lanes)
			lanes[count] = 0;
		count++;
	}
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];

		for (uint32_t j = 0; uses_target(scenario, target) && j < scenario->producers; j++) {
			if (!share_owns(&portion->scenarios[i].owned, j))
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
		of->connections = part_of(connections_of(config, target), worker, workers);
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
		r = portion_init(&portions[i], config);
	for (uint32_t i = 0; r == 0 && i < config->plan->scenario_count; i++)
		r = divide_scenario(config, i, portions);
	for (uint32_t i = 0; r == 0 && i < config->extra_count; i++)
		r = divide_extra(config, &config->extras[i], portions);
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
