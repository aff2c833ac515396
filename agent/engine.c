/* SPDX-License-Identifier: Apache-2.0 */
/* All that one worker runs: the passes of its loop, and its end. */
#include "agent/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* A driver that is full tells of room by completing something; if it has nothing in flight, by this. The longer one is
 * for drivers that have several queues. */
enum { PARKED_RETRY_MS = 1, PARKED_LOOK_MS = 10 };

enum { READY_AT_ONCE = 64 };
enum { FLIGHT_ALIGNMENT = 128, SLAB_FLIGHTS = 256 };

struct flight_slab {
	struct flight_slab *next;
	struct {
		_Alignas(FLIGHT_ALIGNMENT) struct flight flight;
	} flights[SLAB_FLIGHTS];
};

DEFINE_CLEANUP(struct engine *, engine_free)

void engine_fail(struct engine *engine, int error)
{
	if (error < 0 && engine->error == 0)
		engine->error = error;
}

/* A slab of flights: apart from what libraries allocate meanwhile, whose own messages then lie side by side. */
static int make_flights(struct engine *engine)
{
	struct flight_slab *slab = aligned_alloc(FLIGHT_ALIGNMENT, sizeof(*slab));

	if (!slab)
		return -ENOMEM;
	slab->next = engine->flight_slabs;
	engine->flight_slabs = slab;
	for (int i = SLAB_FLIGHTS - 1; i >= 0; i--) {
		slab->flights[i].flight.operation.words = NULL;
		engine_flight_release(engine, &slab->flights[i].flight);
	}
	return 0;
}

/* Words stay with their flight from one operation to the next. */
static void forget(struct operation_words *words)
{
	words->sample_count = 0;
	words->error_code[0] = '\0';
	words->error_text[0] = '\0';
}

struct flight *engine_flight(struct engine *engine)
{
	struct flight *flight;
	struct operation *operation;

	if (__builtin_expect(!engine->flights, 0) && make_flights(engine) < 0)
		return NULL;
	flight = engine->flights;
	engine->flights = flight->next;
	operation = &flight->operation;
	operation->error = ERROR_NONE;
	operation->sent_bytes = 0;
	operation->received_bytes = 0;
	if (operation->words)
		forget(operation->words);
	for (int i = 0; i < OPERATION_DRIVER_WORDS; i++)
		operation->driver_words[i] = 0;
	return flight;
}

void engine_flight_release(struct engine *engine, struct flight *flight)
{
	flight->next = engine->flights;
	engine->flights = flight;
}

/* Making and unmaking. */

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
static void adopt_fired(struct loop_timer *timer, uint64_t now_ns);
static void drain_fired(struct loop_timer *timer, uint64_t now_ns);

static int init(struct engine *engine)
{
	int r = loop_new(&engine->loop);

	if (r < 0)
		return r;
	r = groups_new(engine->plan, &engine->groups);
	if (r < 0)
		return r;
	r = seconds_init(engine);
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
	if (!engine->config.clock)
		engine->config.clock = &engine->clock;
	engine->stop_ns = CLOCK_NEVER;
	engine->stop_timer = (struct loop_timer){.fire = stop_fired, .context = engine};
	engine->adopt_timer = (struct loop_timer){.fire = adopt_fired, .context = engine};
	engine->drain_timer = (struct loop_timer){.fire = drain_fired, .context = engine};
	r = init(engine);
	if (r < 0)
		return failure_set(failure, r, "cannot make a worker: %s", strerrordesc_np(-r));
	r = targets_open(engine, failure);
	if (r < 0)
		return r;
	r = init_runners(engine);
	if (r < 0)
		return failure_set(failure, r, "cannot make the virtual users: %s", strerrordesc_np(-r));
	*ret_engine = steal(engine);
	return 0;
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	targets_abandon(engine);
	for (uint32_t i = 0; engine->runners && i < engine->runner_count; i++)
		runner_deinit(&engine->runners[i]);
	free(engine->runners);
	targets_close(engine);
	while (engine->flight_slabs) {
		struct flight_slab *slab = engine->flight_slabs;

		engine->flight_slabs = slab->next;
		for (int i = 0; i < SLAB_FLIGHTS; i++)
			free(slab->flights[i].flight.operation.words);
		free(slab);
	}
	buffer_deinit(&engine->scratch);
	free(engine->adoptions);
	free(engine->values);
	seconds_deinit(engine);
	secrets_free(engine->secrets);
	groups_free(engine->groups);
	loop_free(engine->loop);
	free(engine);
	return NULL;
}

/* Running. */

int engine_start(struct engine *engine, uint64_t t0_ns, uint64_t first_second)
{
	int r;

	assert(engine->phase == ENGINE_IDLE);
	engine->phase = ENGINE_RUNNING;
	engine->t0_ns = t0_ns;
	engine->clock.t0_ns = t0_ns;
	r = seconds_start(engine, first_second);
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

/* Before T0: as if it had been made with this portion. */
static int replace_portion(struct engine *engine, const struct portion *portion)
{
	int r = 0;

	engine->config.portion = portion;
	for (uint32_t i = 0; r == 0 && i < engine->runner_count; i++) {
		runner_deinit(&engine->runners[i]);
		r = runner_init(&engine->runners[i], engine, i);
	}
	return r;
}

static int foresee(struct engine *engine, const struct adoption *adoption)
{
	int r = array_reserve(&engine->adoptions, &engine->adoption_capacity, engine->adoption_count,
	                      sizeof(*engine->adoptions));

	for (uint32_t i = 0; r == 0 && i < engine->runner_count; i++)
		r = runner_foresee(&engine->runners[i], &adoption->portion->scenarios[i], adoption->at_ns);
	if (r < 0)
		return r;
	engine->adoptions[engine->adoption_count++] = *adoption;
	return loop_timer_start(engine->loop, &engine->adopt_timer, engine->adoptions[engine->shifted].at_ns);
}

int engine_adopt(struct engine *engine, const struct portion *portion, uint64_t effective_ns, struct failure *failure)
{
	int r;

	if (engine->phase >= ENGINE_DRAINING)
		return 0;
	r = targets_adopt(engine, portion, failure);
	if (r < 0)
		return r;
	if (engine->phase == ENGINE_IDLE)
		r = replace_portion(engine, portion);
	else
		r = foresee(engine, &(struct adoption){.portion = portion, .at_ns = engine->t0_ns + effective_ns});
	return r < 0 ? failure_set(failure, r, "cannot take over: %s", strerrordesc_np(-r)) : 0;
}

static int open_lane(struct engine *engine)
{
	struct failure failure = {0};
	int r = targets_open_lane(engine, &failure);

	if (r < 0)
		log_write(engine->config.log, LOG_ERROR, "worker %u: %s", engine->config.worker, failure.text);
	return r;
}

void engine_shift(struct engine *engine, uint64_t now_ns)
{
	while (engine->lanes_wanted > 0 && engine->error == 0)
		engine_fail(engine, open_lane(engine));
	while (engine->shifted < engine->adoption_count && engine->adoptions[engine->shifted].at_ns <= now_ns) {
		const struct adoption adoption = engine->adoptions[engine->shifted++];

		for (uint32_t i = 0; i < engine->runner_count; i++)
			engine_fail(engine, runner_shift(&engine->runners[i], &adoption.portion->scenarios[i],
			                                 adoption.at_ns, now_ns));
	}
	if (engine->shifted < engine->adoption_count)
		engine_fail(engine, loop_timer_start(engine->loop, &engine->adopt_timer,
		                                     engine->adoptions[engine->shifted].at_ns));
	else
		loop_timer_stop(engine->loop, &engine->adopt_timer);
}

static void adopt_fired(struct loop_timer *timer, uint64_t now_ns)
{
	engine_shift(timer->context, now_ns);
}

static int keep_value(struct engine *engine, const struct engine_value *value)
{
	size_t i;

	for (i = 0; i < engine->value_count && engine->values[i].slot != value->slot; i++)
		;
	if (array_reserve(&engine->values, &engine->value_capacity, i, sizeof(*engine->values)) < 0)
		return -ENOMEM;
	engine->values[i] = *value;
	if (i == engine->value_count)
		engine->value_count++;
	return 0;
}

int engine_set_values(struct engine *engine, const struct engine_value *values, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = keep_value(engine, &values[i]);
	for (uint32_t i = 0; r == 0 && i < engine->runner_count; i++) {
		for (size_t j = 0; j < engine->runners[i].vu_count; j++)
			vu_set_values(engine->runners[i].vus[j], values, count);
	}
	return r;
}

static void stop_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct engine *engine = timer->context;

	for (uint32_t i = 0; i < engine->runner_count; i++)
		engine_fail(engine, runner_stop(&engine->runners[i], engine->stop_grace_ns, now_ns));
}

static int shorten_drain(struct engine *engine, uint64_t deadline_ns)
{
	if (!engine->drain_timer.slot || engine->drain_timer.deadline_ns <= deadline_ns)
		return 0;
	return loop_timer_start(engine->loop, &engine->drain_timer, deadline_ns);
}

int engine_stop(struct engine *engine, uint64_t at_ns, uint64_t grace_ns)
{
	uint64_t now_ns = clock_now_ns();
	/* Heard too late, what has been started by now was planned. */
	uint64_t stop_ns = engine->t0_ns + at_ns > now_ns ? engine->t0_ns + at_ns : now_ns;
	_Bool first = engine->stop_ns == CLOCK_NEVER;

	if (engine->phase == ENGINE_DRAINING)
		return shorten_drain(engine, stop_ns + grace_ns);
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

/* Those that are ready now, and of those that become ready by that at least as many as make the turn worth its cost. */
static int run_ready(struct engine *engine)
{
	uint32_t left = engine->ready.count > READY_AT_ONCE ? engine->ready.count : READY_AT_ONCE;

	engine->fresh_ns = 0;
	for (; left > 0; left--) {
		struct vu *vu = vu_list_take(&engine->ready);
		uint64_t now_ns = engine->fresh_ns;
		int r;

		if (!vu)
			break;
		engine->fresh_ns = 0;
		r = runner_ready(vu->runner, vu, now_ns > 0 ? now_ns : clock_now_ns());
		if (r < 0)
			return r;
	}
	return 0;
}

/* How many may find their lane busy before the others wait for the next turn. */
enum { PARKED_PATIENCE = 256 };

/* Tries again, first come first served, until the target has no room; where only a lane is busy others pass by. Who is
 * refused keeps its place. */
static int retry_parked(struct engine_target *of)
{
	struct vu_list refused = {0};
	struct vu *vu;
	int r = 0;

	for (uint32_t left = of->parked.count; r == 0 && left > 0 && refused.count < PARKED_PATIENCE; left--) {
		vu = vu_list_take(&of->parked);
		of->full = 0;
		r = runner_ready(vu->runner, vu, clock_now_ns());
		if (vu->list != &of->parked)
			continue;
		vu_list_remove(vu);
		vu_list_add(&refused, vu);
		if (of->full)
			break;
	}
	while ((vu = vu_list_take_last(&refused)))
		vu_list_add_first(&of->parked, vu);
	return r;
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
	targets_drain(engine);
	return loop_timer_start(engine->loop, &engine->drain_timer, clock_now_ns() + drain_grace_ns(engine));
}

static void drain_fired(struct loop_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	targets_abandon(timer->context);
}

static void finish(struct engine *engine)
{
	loop_timer_stop(engine->loop, &engine->stop_timer);
	loop_timer_stop(engine->loop, &engine->adopt_timer);
	loop_timer_stop(engine->loop, &engine->drain_timer);
	engine->phase = ENGINE_DONE;
	seconds_finish(engine);
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
	if (targets_in_flight(engine) == engine->lingering)
		targets_abandon(engine);
	if (targets_in_flight(engine) == 0)
		finish(engine);
	return 0;
}

int engine_turn(struct engine *engine)
{
	uint64_t until_ns = CLOCK_NEVER;
	_Bool parked = 0;
	int r;

	r = run_ready(engine);
	if (r == 0)
		r = retry_all(engine, &parked);
	targets_poll(engine, clock_now_ns());
	if (r == 0)
		r = look_for_end(engine);
	if (r == 0 && engine->lanes_wanted > 0)
		r = open_lane(engine);
	if (r == 0 && engine->error < 0)
		r = engine->error;
	if (r < 0 || engine->phase == ENGINE_DONE)
		return r;
	if (engine->ready.count > 0 || engine->lanes_wanted > 0)
		until_ns = 0;
	else if (parked)
		until_ns =
		        clock_now_ns() + (targets_in_flight(engine) > 0 ? PARKED_LOOK_MS : PARKED_RETRY_MS) * NS_PER_MS;
	r = loop_step(engine->loop, until_ns);
	return r < 0 ? r : engine->error;
}

_Bool engine_done(const struct engine *engine)
{
	return engine->phase == ENGINE_DONE;
}
