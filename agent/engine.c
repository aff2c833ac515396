/* SPDX-License-Identifier: Apache-2.0 */
/* All that one worker runs: the passes of its loop, its seconds, and its end. */
#include "agent/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"

enum {
	PULSE_MS = 100,      /* how often the loop's punctuality is looked at */
	PARKED_RETRY_MS = 1, /* a driver that is full tells of room by completing something; if it has nothing in
	                        flight, by this */
};

DEFINE_CLEANUP(struct engine *, engine_free)

void engine_fail(struct engine *engine, int error)
{
	if (error < 0 && engine->error == 0)
		engine->error = error;
}

struct flight *engine_flight(struct engine *engine)
{
	struct flight *flight = engine->flights;
	struct operation *operation;

	if (flight)
		engine->flights = flight->next;
	else
		flight = malloc(sizeof(*flight));
	if (!flight)
		return NULL;
	flight->interrupted = 0;
	operation = &flight->operation;
	operation->completed_ns = 0;
	operation->error = ERROR_NONE;
	operation->error_code[0] = '\0';
	operation->error_text[0] = '\0';
	operation->sent_bytes = 0;
	operation->received_bytes = 0;
	operation->sample_count = 0;
	for (int i = 0; i < OPERATION_DRIVER_WORDS; i++)
		operation->driver_words[i] = 0;
	return flight;
}

void engine_flight_release(struct engine *engine, struct flight *flight)
{
	flight->next = engine->flights;
	engine->flights = flight;
}

/* Seconds. */

static uint64_t since_start(const struct engine *engine, uint64_t at_ns)
{
	return at_ns > engine->t0_ns ? at_ns - engine->t0_ns : 0;
}

static void describe_scenario(const struct engine *engine, const struct runner *runner,
                              struct wire_scenario *ret_scenario)
{
	*ret_scenario = (struct wire_scenario){
	        .tally = runner->tally,
	        .running = runner->running,
	        .finished = runner->state == RUNNER_FINISHED,
	        .end_ns = runner->state == RUNNER_FINISHED ? since_start(engine, runner->finished_ns) : 0,
	};
}

static void record_vus(struct engine *engine, struct second *second, const struct runner *runner)
{
	uint64_t second_ns = engine->t0_ns + second->number * NS_PER_S;

	if (runner->state == RUNNER_RUNNING || runner->state == RUNNER_ENDING)
		engine_fail(engine, recorder_vus(second->recorder, runner->index, runner_is_warmup(runner, second_ns),
		                                 runner->vus_alive));
}

/* Fills in all but what was recorded. */
static void close_second(struct engine *engine, struct second *second)
{
	second->schedule_end_ns = 0;
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		const struct runner *runner = &engine->runners[i];
		uint64_t end_ns = since_start(engine, runner->end_ns);

		record_vus(engine, second, runner);
		describe_scenario(engine, runner, &second->scenarios[i]);
		if (runner->state >= RUNNER_ENDING && end_ns > second->schedule_end_ns)
			second->schedule_end_ns = end_ns;
	}
	second->start_skew_ns = engine->start_skew_ns;
	second->stalled_ns = engine->stalled_ns;
	second->groups_folded = groups_folded(engine->groups);
	second->cpu_at_start_ns = engine->cpu_at_start_ns;
}

static void rotate(struct engine *engine, uint64_t at_ns)
{
	struct second *full = engine->second;
	struct second *fresh;
	uint64_t next = since_start(engine, at_ns) / NS_PER_S;

	engine->boundary_ns = engine->t0_ns + (next + 1) * NS_PER_S;
	close_second(engine, full);
	full->next = next;
	full->last = 0;
	fresh = engine->config.hand_over(engine->config.context, full);
	if (!fresh)
		return;
	fresh->number = next;
	engine->second = fresh;
}

struct recorder *engine_recorder(struct engine *engine, uint64_t at_ns)
{
	if (__builtin_expect(at_ns >= engine->boundary_ns, 0))
		rotate(engine, at_ns);
	return engine->second->recorder;
}

static void second_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;

	engine_recorder(engine, now_ns);
	engine_fail(engine, loop_timer_start(engine->loop, timer, engine->boundary_ns));
}

static void started(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;

	engine->start_skew_ns = now_ns - engine->t0_ns;
	engine->cpu_at_start_ns = clock_process_cpu_ns();
}

static void pulse_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;
	uint64_t late_ns = now_ns - timer->deadline_ns;

	if (late_ns > engine->stalled_ns)
		engine->stalled_ns = late_ns;
	engine_fail(engine, loop_timer_start(engine->loop, timer, now_ns + PULSE_MS * NS_PER_MS));
}

/* Making and unmaking. */

static void completed(void *context, struct operation *operation)
{
	flow_complete(context, operation);
}

static int saved(void *context, struct operation *operation, uint32_t slot, const char *text, size_t size)
{
	(void)context;
	return flow_save(operation, slot, text, size);
}

static int open_target(struct engine *engine, struct engine_target *of, const struct target_portion *portion,
                       struct failure *failure)
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
	        .lanes = portion ? portion->lanes : NULL,
	        .lane_count = portion ? portion->lane_count : 0,
	        .connections = portion ? portion->connections : 0,
	        .complete = completed,
	        .save = saved,
	        .context = engine,
	};
	return of->ops->open(&of->config, failure, &of->driver);
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

static int open_targets(struct engine *engine, struct failure *failure)
{
	const struct plan *plan = engine->plan;
	int r = 0;

	engine->targets = calloc(plan->target_count + 1, sizeof(*engine->targets));
	if (!engine->targets)
		return failure_set(failure, -ENOMEM, "no memory for the drivers");
	for (uint32_t i = 0; r == 0 && i < plan->target_count; i++) {
		const struct target_portion *portion = &engine->config.portion->targets[i];

		engine->targets[i].target = &plan->targets[i];
		if (portion->used)
			r = open_target(engine, &engine->targets[i], portion, failure);
	}
	if (r == 0 && has_step_without_target(plan))
		r = open_target(engine, &engine->targets[plan->target_count], NULL, failure);
	return r;
}

static int init_runners(struct engine *engine)
{
	engine->runner_count = engine->plan->scenario_count;
	engine->runners = calloc(engine->runner_count + 1, sizeof(*engine->runners));
	if (!engine->runners)
		return -ENOMEM;
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		int r = runner_init(&engine->runners[i], engine, i);

		if (r < 0)
			return r;
	}
	return 0;
}

static void stop_fired(struct loop_timer *timer, uint64_t now_ns);
static void drain_fired(struct loop_timer *timer, uint64_t now_ns);

static int init(struct engine *engine)
{
	int r = loop_new(&engine->loop);

	if (r < 0)
		return r;
	r = groups_new(engine->plan, &engine->groups);
	if (r < 0)
		return r;
	r = second_new(engine->plan, engine->groups, &engine->second);
	if (r < 0)
		return r;
	engine->secrets = secrets_new(engine->config.secrets_folder);
	return engine->secrets ? 0 : -ENOMEM;
}

int engine_new(const struct engine_config *config, struct failure *failure, struct engine **ret_engine)
{
	cleanup(engine_freep) struct engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return failure_set(failure, -ENOMEM, "no memory for a worker");
	engine->config = *config;
	engine->plan = config->plan;
	engine->stop_ns = CLOCK_NEVER;
	engine->boundary_ns = CLOCK_NEVER;
	engine->second_timer = (struct loop_timer){.fire = second_fired, .context = engine};
	engine->start_timer = (struct loop_timer){.fire = started, .context = engine};
	engine->pulse_timer = (struct loop_timer){.fire = pulse_fired, .context = engine};
	engine->stop_timer = (struct loop_timer){.fire = stop_fired, .context = engine};
	engine->drain_timer = (struct loop_timer){.fire = drain_fired, .context = engine};
	r = init(engine);
	if (r < 0)
		return failure_set(failure, r, "cannot make a worker: %s", strerrordesc_np(-r));
	r = open_targets(engine, failure);
	if (r < 0)
		return r;
	r = init_runners(engine);
	if (r < 0)
		return failure_set(failure, r, "cannot make the virtual users: %s", strerrordesc_np(-r));
	*ret_engine = steal(engine);
	return 0;
}

static void abandon(struct engine *engine)
{
	engine->abandoning = 1;
	for (uint32_t i = 0; engine->targets && i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->in_flight(of->driver) > 0)
			of->ops->abandon(of->driver);
	}
}

static void close_targets(struct engine *engine)
{
	for (uint32_t i = 0; engine->targets && i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver)
			of->driver = of->ops->close(of->driver);
	}
	free(engine->targets);
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	abandon(engine);
	for (uint32_t i = 0; engine->runners && i < engine->runner_count; i++)
		runner_deinit(&engine->runners[i]);
	free(engine->runners);
	close_targets(engine);
	while (engine->flights) {
		struct flight *flight = engine->flights;

		engine->flights = flight->next;
		free(flight);
	}
	buffer_deinit(&engine->scratch);
	second_free(engine->second);
	secrets_free(engine->secrets);
	groups_free(engine->groups);
	loop_free(engine->loop);
	free(engine);
	return NULL;
}

/* Running. */

int engine_start(struct engine *engine, uint64_t t0_ns)
{
	struct loop *loop = engine->loop;
	int r;

	assert(engine->phase == ENGINE_IDLE);
	engine->phase = ENGINE_RUNNING;
	engine->t0_ns = t0_ns;
	engine->boundary_ns = t0_ns + NS_PER_S;
	r = loop_timer_start(loop, &engine->start_timer, t0_ns);
	if (r == 0)
		r = loop_timer_start(loop, &engine->second_timer, engine->boundary_ns);
	if (r == 0)
		r = loop_timer_start(loop, &engine->pulse_timer, t0_ns);
	for (uint32_t i = 0; r == 0 && i < engine->runner_count; i++) {
		struct runner *runner = &engine->runners[i];

		if (runner->scenario->start_after == PLAN_NONE)
			r = runner_begin(runner, t0_ns + runner->scenario->start_time_ns);
	}
	return r;
}

int engine_begin(struct engine *engine, uint32_t scenario, uint64_t at_ns)
{
	struct runner *runner;

	if (scenario >= engine->runner_count || engine->phase != ENGINE_RUNNING)
		return 0;
	runner = &engine->runners[scenario];
	return runner->state == RUNNER_WAITING ? runner_begin(runner, engine->t0_ns + at_ns) : 0;
}

static void stop_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;

	for (uint32_t i = 0; i < engine->runner_count; i++)
		engine_fail(engine, runner_stop(&engine->runners[i], engine->stop_grace_ns, now_ns));
}

int engine_stop(struct engine *engine, uint64_t at_ns, uint64_t grace_ns)
{
	uint64_t now_ns = clock_now_ns();
	/* Heard too late, what has been started by now was planned. */
	uint64_t stop_ns = engine->t0_ns + at_ns > now_ns ? engine->t0_ns + at_ns : now_ns;
	_Bool first = engine->stop_ns == CLOCK_NEVER;

	if (engine->phase != ENGINE_RUNNING)
		return 0;
	if (stop_ns < engine->stop_ns)
		engine->stop_ns = stop_ns;
	if (first || grace_ns < engine->stop_grace_ns)
		engine->stop_grace_ns = grace_ns;
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		if (engine->runners[i].state == RUNNER_RUNNING)
			engine->runners[i].ops->bound(&engine->runners[i], engine->stop_ns);
	}
	return loop_timer_start(engine->loop, &engine->stop_timer, engine->stop_ns);
}

static void poll_drivers(struct engine *engine, uint64_t now_ns)
{
	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->poll)
			of->ops->poll(of->driver, now_ns);
	}
}

/* Those that are ready now; what becomes ready by that comes in the next turn. */
static int run_ready(struct engine *engine)
{
	for (uint32_t left = engine->ready.count; left > 0; left--) {
		struct vu *vu = vu_list_take(&engine->ready);
		int r;

		if (!vu)
			break;
		r = runner_ready(vu->runner, vu, clock_now_ns());
		if (r < 0)
			return r;
	}
	return 0;
}

/* Tries again, first come first served, until the target has no room. */
static int retry_parked(struct engine_target *of)
{
	for (uint32_t left = of->parked.count; left > 0; left--) {
		struct vu *vu = vu_list_take(&of->parked);
		int r = runner_ready(vu->runner, vu, clock_now_ns());

		if (r < 0)
			return r;
		if (vu->list == &of->parked) {
			vu_list_remove(vu);
			vu_list_add_first(&of->parked, vu);
			break;
		}
	}
	return 0;
}

static int retry_all(struct engine *engine, _Bool *ret_parked)
{
	*ret_parked = 0;
	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		int r = retry_parked(&engine->targets[i]);

		if (r < 0)
			return r;
		*ret_parked |= engine->targets[i].parked.count > 0;
	}
	return 0;
}

static uint64_t in_flight(const struct engine *engine)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		const struct engine_target *of = &engine->targets[i];

		if (of->driver)
			count += of->ops->in_flight(of->driver);
	}
	return count;
}

static _Bool all_finished(const struct engine *engine)
{
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		if (engine->runners[i].state != RUNNER_FINISHED)
			return 0;
	}
	return 1;
}

/* How long deliveries are awaited after the last iteration. */
static uint64_t drain_grace_ns(const struct engine *engine)
{
	uint64_t grace_ns = 0;

	if (engine->stop_ns <= clock_now_ns())
		return engine->stop_grace_ns;
	for (uint32_t i = 0; i < engine->runner_count; i++) {
		if (engine->runners[i].scenario->graceful_stop_ns > grace_ns)
			grace_ns = engine->runners[i].scenario->graceful_stop_ns;
	}
	return grace_ns;
}

static int start_drain(struct engine *engine)
{
	engine->phase = ENGINE_DRAINING;
	for (uint32_t i = 0; i <= engine->plan->target_count; i++) {
		struct engine_target *of = &engine->targets[i];

		if (of->driver && of->ops->drain)
			of->ops->drain(of->driver);
	}
	return loop_timer_start(engine->loop, &engine->drain_timer, clock_now_ns() + drain_grace_ns(engine));
}

static void drain_fired(struct loop_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	abandon(timer->context);
}

static void finish(struct engine *engine)
{
	struct second *last;

	engine_recorder(engine, clock_now_ns());
	last = engine->second;
	close_second(engine, last);
	last->next = last->number + 1;
	last->last = 1;
	engine->second = NULL;
	engine->boundary_ns = CLOCK_NEVER;
	loop_timer_stop(engine->loop, &engine->second_timer);
	loop_timer_stop(engine->loop, &engine->pulse_timer);
	loop_timer_stop(engine->loop, &engine->stop_timer);
	loop_timer_stop(engine->loop, &engine->drain_timer);
	engine->phase = ENGINE_DONE;
	engine->config.hand_over(engine->config.context, last);
}

/* Goes on to the next phase if it is time. */
static int look_for_end(struct engine *engine)
{
	if (engine->phase == ENGINE_RUNNING && all_finished(engine)) {
		int r = start_drain(engine);

		if (r < 0)
			return r;
	}
	if (engine->phase != ENGINE_DRAINING)
		return 0;
	/* What is left belongs to interrupted iterations: nobody waits for it. */
	if (in_flight(engine) == engine->lingering)
		abandon(engine);
	if (in_flight(engine) == 0)
		finish(engine);
	return 0;
}

int engine_turn(struct engine *engine)
{
	uint64_t until_ns = CLOCK_NEVER;
	_Bool parked = 0;
	int r;

	poll_drivers(engine, clock_now_ns());
	r = run_ready(engine);
	if (r == 0)
		r = retry_all(engine, &parked);
	if (r == 0)
		r = look_for_end(engine);
	if (r == 0 && engine->error < 0)
		r = engine->error;
	if (r < 0 || engine->phase == ENGINE_DONE)
		return r;
	if (engine->ready.count > 0)
		until_ns = 0;
	else if (parked)
		until_ns = clock_now_ns() + PARKED_RETRY_MS * NS_PER_MS;
	r = loop_step(engine->loop, until_ns);
	return r < 0 ? r : engine->error;
}

_Bool engine_done(const struct engine *engine)
{
	return engine->phase == ENGINE_DONE;
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
