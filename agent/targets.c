/* SPDX-License-Identifier: Apache-2.0 */
/* The targets that an engine's scenarios use, with their drivers. */
#include "agent/targets.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/engine.h"
#include "common/base/clock.h"

static void completed(void *context, struct operation *operation)
{
	flow_complete(context, operation);
}

static int saved(void *context, struct operation *operation, uint32_t slot, const char *text, size_t size)
{
	(void)context;
	return flow_save(operation, slot, text, size);
}

static void received(void *context, struct operation *operation, const struct reception *reception)
{
	flow_receive(context, operation, reception);
}

static void gauged(void *context, enum metric_id metric, const char *label, double value)
{
	struct engine *engine = context;

	if (engine->phase == ENGINE_RUNNING || engine->phase == ENGINE_DRAINING)
		engine_fail(engine, recorder_gauge(engine_recorder(engine, clock_now_ns()), metric, label, value));
}

/* Where what a driver tells of a step is counted. */
static _Bool place_of(struct engine *engine, const struct step *step, struct recorder_place *ret_place)
{
	if (engine->phase != ENGINE_RUNNING && engine->phase != ENGINE_DRAINING)
		return 0;
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		const struct runner *runner = &engine->runners[i];
		const struct scenario *scenario = runner->scenario;

		if (step < scenario->steps || step >= scenario->steps + scenario->step_count)
			continue;
		*ret_place = (struct recorder_place){.scenario = i,
		                                     .step = (uint32_t)(step - scenario->steps),
		                                     .group = runner->flow.steps[step - scenario->steps].group,
		                                     .warmup = runner_is_warmup(runner, clock_now_ns())};
		return 1;
	}
	return 0;
}

static void recorded(void *context, const struct step *step, const struct operation_sample *sample)
{
	struct engine *engine = context;
	struct recorder_place place;

	if (place_of(engine, step, &place))
		engine_fail(engine, recorder_sample(engine_recorder(engine, clock_now_ns()), &place, sample));
}

static void told(void *context, const struct step *step, enum error_class class, const char *code, const char *text)
{
	struct engine *engine = context;
	struct recorder_place place;

	if (place_of(engine, step, &place))
		engine_fail(engine,
		            recorder_trouble(engine_recorder(engine, clock_now_ns()), &place, class, code, text));
}

static int open_target(struct engine *engine, struct engine_target *of, const struct target_portion *portion,
                       uint32_t lane_count, struct failure *failure)
{
	enum target_kind kind = of->target ? of->target->kind : TARGET_NULL;

	of->ops = engine->config.drivers[kind];
	if (!of->ops)
		return failure_set(failure, -ENOSYS, "this agent has no driver for %s", target_kind_names[kind]);
	of->config = (struct driver_config){
	        .plan = engine->plan,
	        .target = of->target,
	        .loop = engine->loop,
	        .log = engine->config.log,
	        .agent_name = engine->config.agent_name,
	        .run_id = engine->config.run_id,
	        .worker = engine->config.worker,
	        .workers = engine->config.workers,
	        .agent_index = engine->config.agent_index,
	        .lanes = portion ? portion->lanes : NULL,
	        .lane_count = lane_count,
	        .connections = portion ? portion->connections : 0,
	        .complete = completed,
	        .save = saved,
	        .receive = received,
	        .clock = engine->config.clock,
	        .gauge = gauged,
	        .record = recorded,
	        .tell = told,
	        .secret = secrets_get,
	        .secret_context = engine->secrets,
	        .context = engine,
	};
	return of->ops->open(&of->config, failure, &of->driver);
}

static _Bool has_lane(const struct engine_target *of, uint32_t lane)
{
	for (uint32_t i = 0; i < of->lane_count; i++) {
		if (of->lanes[i] == lane)
			return 1;
	}
	return 0;
}

/* Notes the portion's lanes that the target hasn't. */
static int want_lanes(struct engine *engine, struct engine_target *of, const struct target_portion *portion,
                      struct failure *failure)
{
	uint32_t *lanes = reallocarray(of->lanes, of->lane_count + portion->lane_count, sizeof(*lanes));

	if (!lanes)
		return failure_set(failure, -ENOMEM, "no memory for the drivers");
	of->lanes = lanes;
	for (uint32_t i = 0; i < portion->lane_count; i++) {
		if (has_lane(of, portion->lanes[i]))
			continue;
		of->lanes[of->lane_count++] = portion->lanes[i];
		engine->lanes_wanted++;
	}
	return 0;
}

/* Opens the driver with as many lanes as may be opened in one go. */
static int open_driver(struct engine *engine, struct engine_target *of, const struct target_portion *portion,
                       struct failure *failure)
{
	uint32_t count = engine->phase == ENGINE_IDLE ? portion->lane_count : 1;
	int r = open_target(engine, of, portion, count, failure);

	if (r < 0)
		return r;
	of->lanes_open = count;
	engine->lanes_wanted -= count;
	return 0;
}

int targets_open_lane(struct engine *engine, struct failure *failure)
{
	for (uint32_t i = 0; i < engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->lanes_open == of->lane_count)
			continue;
		engine->lanes_wanted--;
		of->lanes_open++;
		return of->ops->add_lane ? of->ops->add_lane(of->driver, of->lanes[of->lanes_open - 1], failure) : 0;
	}
	return 0;
}

int targets_adopt(struct engine *engine, const struct portion *portion, struct failure *failure)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (!portion->targets[i].used)
			continue;
		r = want_lanes(engine, of, &portion->targets[i], failure);
		if (r == 0 && !of->driver)
			r = open_driver(engine, of, &portion->targets[i], failure);
	}
	while (r == 0 && engine->phase == ENGINE_IDLE && engine->lanes_wanted > 0)
		r = targets_open_lane(engine, failure);
	return r;
}

static _Bool has_step_without_target(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		for (uint32_t j = 0; j < plan->scenarios[i].step_count; j++) {
			const struct step *step = &plan->scenarios[i].steps[j];

			if (step->kind != STEP_THINK && step->target == PLAN_NONE)
				return 1;
		}
	}
	return 0;
}

int targets_open(struct engine *engine, struct failure *failure)
{
	const struct plan *plan = engine->plan;
	int r;

	engine->targets = calloc(plan->target_count + 1, sizeof(*engine->targets));
	if (!engine->targets)
		return failure_set(failure, -ENOMEM, "no memory for the drivers");
	for (uint32_t i = 0; i < plan->target_count; i++)
		engine->targets[i].target = &plan->targets[i];
	r = targets_adopt(engine, engine->config.portion, failure);
	if (r == 0 && has_step_without_target(plan))
		r = open_target(engine, &engine->targets[plan->target_count], NULL, 0, failure);
	return r;
}

void targets_abandon(struct engine *engine)
{
	engine->abandoning = 1;
	for (uint32_t i = 0; engine->targets && i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->in_flight(of->driver) > 0)
			of->ops->abandon(of->driver);
	}
}

void targets_close(struct engine *engine)
{
	for (uint32_t i = 0; engine->targets && i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver)
			of->driver = of->ops->close(of->driver);
		free(of->lanes);
	}
	free(engine->targets);
}

void targets_poll(struct engine *engine, uint64_t now_ns)
{
	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->poll)
			of->ops->poll(of->driver, now_ns);
	}
}

uint64_t targets_in_flight(const struct engine *engine)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		const struct engine_target *of = &engine->targets[i];

		if (of->driver)
			count += of->ops->in_flight(of->driver);
	}
	return count;
}

int targets_account(struct engine *engine, struct buffer *buffer)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->account)
			r = of->ops->account(of->driver, buffer);
	}
	return r;
}

void targets_drain(struct engine *engine)
{
	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->drain)
			of->ops->drain(of->driver);
	}
}

_Bool engine_facts(const struct engine *engine, uint32_t target, struct target_facts *ret_facts)
{
	const struct engine_target *of = &engine->targets[target];

	if (!of->driver || !of->ops->facts)
		return 0;
	*ret_facts = (struct target_facts){0};
	of->ops->facts(of->driver, ret_facts);
	return 1;
}
