/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the steps of an iteration.
 *
 * vu->intended_ns always is when the next step was wanted: the iteration's own intended time at first, then the end of
 * the step before plus its pause. At an iteration's end it therefore is the end of its last step. */
#include "agent/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine.h"
#include "common/base/clock.h"
#include "common/plan/feed_use.h"

static struct engine_target *target_of_step(struct engine *engine, const struct step *step)
{
	if (step->kind == STEP_THINK)
		return NULL;
	return &engine->targets[step->target == PLAN_NONE ? engine->plan->target_count : step->target];
}

static uint32_t add_target(struct flow *flow, struct engine_target *target)
{
	uint32_t i;

	for (i = 0; i < flow->target_count; i++) {
		if (flow->targets[i] == target)
			return i;
	}
	flow->targets[flow->target_count++] = target;
	return i;
}

static int render_group(struct engine *engine, const struct step *step, const struct template_scope *scope)
{
	int r;

	buffer_clear(&engine->scratch);
	r = template_render(step->group, scope, &engine->scratch, NULL);
	if (r == -ENOKEY)
		buffer_clear(&engine->scratch); /* the driver will say so: its templates read the same values */
	return r == -ENOKEY ? 0 : r;
}

static int init_step(struct flow *flow, struct engine *engine, uint32_t scenario, uint32_t index)
{
	const struct step *step = &engine->plan->scenarios[scenario].steps[index];
	const struct template_scope nothing = {0};
	struct flow_step *of = &flow->steps[index];
	int r;

	of->step = step;
	of->target = target_of_step(engine, step);
	of->detached = step->kind == STEP_PRODUCE && !step->produce.await_ack;
	flow->weights += step->weight;
	if (of->target)
		of->session = add_target(flow, of->target);
	of->group_varies = step->group && !template_is_constant(step->group);
	if (!step->group || of->group_varies)
		return 0;
	r = render_group(engine, step, &nothing);
	if (r < 0)
		return r;
	return groups_intern(engine->groups, scenario, index, (const char *)engine->scratch.data, engine->scratch.size,
	                     &of->group);
}

static int init_feeds(struct flow *flow, const struct plan *plan, uint32_t scenario)
{
	flow->feeds = calloc(plan->feed_count + 1, sizeof(*flow->feeds));
	if (!flow->feeds)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->feed_count; i++) {
		struct flow_feed *of = &flow->feeds[flow->feed_count];

		if (!plan_scenario_uses_feed(plan, scenario, i))
			continue;
		flow->feed_count++;
		of->feed = plan->feeds[i];
		of->is_unique = feed_pick(of->feed) == FEED_UNIQUE;
		if (!of->is_unique)
			continue;
		flow->draws_unique = 1;
		of->offset = feed_use_offset(plan, scenario, i);
		of->spares = feed_use_draws(plan, i);
	}
	return 0;
}

int flow_init(struct flow *flow, struct engine *engine, uint32_t scenario)
{
	uint32_t count = engine->plan->scenarios[scenario].step_count;
	int r = 0;

	*flow = (struct flow){.step_count = count};
	flow->steps = calloc(count + 1, sizeof(*flow->steps));
	flow->targets = calloc(count + 1, sizeof(struct engine_target *));
	if (!flow->steps || !flow->targets)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = init_step(flow, engine, scenario, i);
	return r < 0 ? r : init_feeds(flow, engine->plan, scenario);
}

void flow_deinit(struct flow *flow)
{
	free(flow->steps);
	free(flow->targets);
	free(flow->feeds);
	moves_deinit(&flow->moves);
	*flow = (struct flow){0};
}

/* The index of the one weighted step that this iteration runs. */
static uint32_t choose_step(const struct flow *flow, struct random *random)
{
	uint64_t at;

	if (flow->weights == 0)
		return UINT32_MAX;
	at = random_below(random, flow->weights);
	for (uint32_t i = 0; i < flow->step_count; i++) {
		uint32_t weight = flow->steps[i].step->weight;

		if (at < weight)
			return i;
		at -= weight;
	}
	return UINT32_MAX;
}

/* The row of a unique feed; false: it cannot be that large. */
static _Bool unique_row(const struct flow *flow, const struct flow_feed *of, const struct flow_start *start,
                        uint64_t *ret_row)
{
	uint64_t spare = start->spare;

	if (start->is_spare || moves_spare(&flow->moves, start->draw, &spare))
		return !__builtin_add_overflow(of->spares, spare, ret_row);
	return !__builtin_add_overflow(of->offset, start->draw, ret_row);
}

/* 0, -ENODATA (a unique feed has nothing left; *ret_feed says which) or -ENOMEM. */
static int draw_feeds(const struct flow *flow, struct vu *vu, const struct flow_start *start,
                      const struct feed **ret_feed)
{
	for (uint32_t i = 0; i < flow->feed_count; i++) {
		const struct flow_feed *of = &flow->feeds[i];
		uint64_t index = start->draw;
		uint64_t row;
		int r;

		*ret_feed = of->feed;
		if (of->is_unique && !unique_row(flow, of, start, &index))
			return -ENODATA;
		r = feed_draw(of->feed, index, &vu->random, &row);
		if (r < 0)
			return r;
		feed_set(of->feed, row, vu->values);
	}
	return 0;
}

/* Counts the end of the iteration: FLOW_ENDED or a negative errno. */
static int end_iteration(struct vu *vu, _Bool succeeded)
{
	struct runner *runner = vu->runner;
	uint64_t end_ns = vu->intended_ns > vu->iteration_started_ns ? vu->intended_ns : vu->iteration_started_ns;
	struct recorder *recorder = engine_recorder(runner->engine, end_ns);
	int r;

	vu->busy = 0;
	vu->intended_ns = end_ns;
	runner->running--;
	runner->tally.succeeded += succeeded;
	runner->tally.failed += !succeeded;
	r = recorder_iteration(recorder, runner->index, runner_is_warmup(runner, vu->iteration_intended_ns), succeeded,
	                       end_ns - vu->iteration_started_ns);
	return r < 0 ? r : FLOW_ENDED;
}

static int record(struct flight *flight)
{
	struct runner *runner = flight->runner;
	struct operation *operation = &flight->operation;
	struct recorder *recorder;

	/* A driver that stamps with a clock of its own must not make times run backwards. */
	if (operation->completed_ns < operation->started_ns)
		operation->completed_ns = operation->started_ns;
	recorder = engine_recorder(runner->engine, operation->completed_ns);
	runner->tally.operations++;
	runner->tally.failed_operations += operation->error != ERROR_NONE;
	return recorder_operation(recorder, &flight->place, operation);
}

static int find_group(struct vu *vu, const struct flow_step *of, uint32_t *ret_group)
{
	struct engine *engine = vu->runner->engine;
	int r;

	*ret_group = of->group;
	if (!of->group_varies)
		return 0;
	r = render_group(engine, of->step, &vu->scope);
	if (r < 0)
		return r;
	return groups_intern(engine->groups, vu->runner->index, vu->step, (const char *)engine->scratch.data,
	                     engine->scratch.size, ret_group);
}

static int make_flight(struct vu *vu, const struct flow_step *of, uint64_t now_ns, struct flight **ret_flight)
{
	struct runner *runner = vu->runner;
	struct flight *flight;
	uint32_t group;
	int r = find_group(vu, of, &group);

	if (r < 0)
		return r;
	flight = engine_flight(runner->engine);
	if (!flight)
		return -ENOMEM;
	if (!of->detached && !operation_words(&flight->operation)) {
		engine_flight_release(runner->engine, flight);
		return -ENOMEM;
	}
	flight->runner = runner;
	flight->vu = of->detached ? NULL : vu;
	flight->place = (struct recorder_place){
	        .scenario = runner->index,
	        .step = vu->step,
	        .group = group,
	        .warmup = runner_is_warmup(runner, vu->intended_ns),
	};
	flight->operation.step = of->step;
	flight->operation.scope = &vu->scope;
	flight->operation.session = of->detached ? NULL : vu->sessions[of->session];
	flight->operation.lane = vu->lane;
	flight->operation.intended_ns = vu->intended_ns;
	flight->operation.started_ns = now_ns;
	*ret_flight = flight;
	return 0;
}

/* An operation that the driver refused for good: it has failed at once. */
static int fail_at_once(struct vu *vu, struct flight *flight)
{
	int r;

	flight->operation.completed_ns = clock_now_ns();
	r = record(flight);
	vu->intended_ns = flight->operation.completed_ns;
	engine_flight_release(vu->runner->engine, flight);
	return r < 0 ? r : end_iteration(vu, 0);
}

/* What submit_step() says besides an enum flow_outcome: the iteration goes on with the next step at once. */
enum { STEP_PASSED = FLOW_REFUSED + 1 };

static int no_room(struct vu *vu, struct flow_step *of, struct flight *flight, _Bool may_refuse)
{
	engine_flight_release(vu->runner->engine, flight);
	of->target->full = 1;
	if (may_refuse && !vu->submitted)
		return FLOW_REFUSED;
	vu_list_add(&of->target->parked, vu);
	return FLOW_GOING;
}

static int submit_step(struct vu *vu, struct flow_step *of, uint64_t now_ns, _Bool may_refuse)
{
	struct flight *flight;
	int r = make_flight(vu, of, now_ns, &flight);

	if (r < 0)
		return r;
	r = of->target->ops->submit(of->target->driver, &flight->operation);
	if (r == SUBMIT_FULL)
		return no_room(vu, of, flight, may_refuse);
	if (r == SUBMIT_LATER) {
		engine_flight_release(vu->runner->engine, flight);
		vu_list_add(&of->target->parked, vu);
		return FLOW_GOING;
	}
	if (r == SUBMIT_FAILED)
		return fail_at_once(vu, flight);
	if (r < 0) {
		engine_flight_release(vu->runner->engine, flight);
		return r;
	}
	vu->submitted = 1;
	vu->step++;
	if (of->detached) {
		vu->intended_ns = vu->runner->engine->fresh_ns = clock_now_ns();
		return STEP_PASSED;
	}
	vu->flight = flight;
	return FLOW_GOING;
}

static int think(struct vu *vu, const struct step *step)
{
	const struct range *range = &step->think.pause_ns;

	vu->step++;
	vu->intended_ns += range->high > range->low ? random_between(&vu->random, range->low, range->high) : range->low;
	return loop_timer_start(vu->runner->engine->loop, &vu->timer, vu->intended_ns);
}

static int advance(struct vu *vu, uint64_t now_ns, _Bool may_refuse)
{
	struct flow *flow = &vu->runner->flow;

	while (vu->step < flow->step_count) {
		struct flow_step *of = &flow->steps[vu->step];
		int r;

		if (of->step->weight > 0 && vu->step != vu->chosen) {
			vu->step++;
			continue;
		}
		if (of->step->kind == STEP_THINK)
			return think(vu, of->step);
		r = submit_step(vu, of, now_ns, may_refuse);
		if (r != STEP_PASSED)
			return r;
		now_ns = vu->intended_ns;
	}
	return end_iteration(vu, 1);
}

static int fail_without_data(struct vu *vu, const struct feed *feed)
{
	struct runner *runner = vu->runner;
	char label[ERROR_LABEL_SIZE];
	char text[LIMIT_NAME_BYTES + 64];
	int r;

	vu->out_of_data = 1;
	snprintf(text, sizeof(text), "feed \"%s\" has no unused row left", feed_name(feed));
	error_label_format(ERROR_DATA, "FEED_EXHAUSTED", text, label);
	r = recorder_error(engine_recorder(runner->engine, vu->iteration_started_ns), runner->index,
	                   runner_is_warmup(runner, vu->iteration_intended_ns), label);
	return r < 0 ? r : end_iteration(vu, 0);
}

static void take_back(struct vu *vu)
{
	vu->busy = 0;
	vu->iterations--;
	vu->runner->tally.started--;
	vu->runner->running--;
}

int flow_start(struct vu *vu, const struct flow_start *start)
{
	struct runner *runner = vu->runner;
	const struct feed *feed;
	int r;

	if (executor_is_open(runner->scenario->executor))
		vu_seed(vu, start->draw);
	vu->busy = 1;
	vu->failed = 0;
	vu->submitted = 0;
	vu->step = 0;
	vu->chosen = choose_step(&runner->flow, &vu->random);
	vu->lane = start->lane;
	vu->intended_ns = start->intended_ns;
	vu->iteration_intended_ns = start->intended_ns;
	vu->iteration_started_ns = start->now_ns;
	vu->scope.iteration = vu->iterations++;
	runner->tally.started++;
	runner->running++;
	r = draw_feeds(&runner->flow, vu, start, &feed);
	if (r == -ENODATA)
		return fail_without_data(vu, feed);
	if (r == 0)
		r = advance(vu, start->now_ns, start->may_refuse);
	if (r == FLOW_REFUSED)
		take_back(vu);
	return r;
}

int flow_resume(struct vu *vu, uint64_t now_ns)
{
	return vu->failed ? end_iteration(vu, 0) : advance(vu, now_ns, 0);
}

void flow_interrupt(struct vu *vu)
{
	struct runner *runner = vu->runner;
	struct engine *engine = runner->engine;
	struct flight *flight = vu->flight;
	struct engine_target *target;

	vu->busy = 0;
	runner->running--;
	runner->tally.interrupted++;
	loop_timer_stop(engine->loop, &vu->timer);
	vu_list_remove(vu);
	if (!flight) {
		vu_list_add(&engine->ready, vu);
		return;
	}
	vu->interrupted = 1;
	engine->lingering++;
	target = target_of_step(engine, flight->operation.step);
	if (target->ops->cancel)
		target->ops->cancel(target->driver, &flight->operation);
}

void flow_complete(struct engine *engine, struct operation *operation)
{
	struct flight *flight = flight_of(operation);
	struct vu *vu = flight->vu;

	_Bool interrupted = vu && vu->interrupted;

	if (interrupted)
		engine->lingering--;
	else if (!vu || !engine->abandoning)
		engine_fail(engine, record(flight));
	if (vu) {
		vu->flight = NULL;
		vu->interrupted = 0;
		if (!interrupted) {
			vu->failed = operation->error != ERROR_NONE;
			vu->intended_ns = operation->completed_ns;
		}
		vu_list_add(&engine->ready, vu);
	}
	engine_flight_release(engine, flight);
}

int flow_save(struct operation *operation, uint32_t slot, const char *text, size_t size)
{
	struct flight *flight = flight_of(operation);

	return flight->vu && !flight->vu->interrupted ? vu_save(flight->vu, slot, text, size) : 0;
}

/* Whether the message belongs to the warm-up: by when it was wanted, where that is known, as its producer counts it
 * (but for the clocks: what was wanted at T0 may seem to be from before). */
static _Bool is_warmup(const struct flight *flight, const struct reception *reception)
{
	const struct runner *runner = flight->runner;

	if (!reception->stamped)
		return flight->place.warmup;
	return runner->scenario->is_warmup || (runner->engine->plan->warmup_ns > 0 &&
	                                       reception->intended_ns < (int64_t)runner->engine->plan->warmup_ns);
}

void flow_receive(struct engine *engine, struct operation *operation, const struct reception *reception)
{
	const struct flight *flight = flight_of(operation);
	struct recorder_place place = flight->place;
	int64_t latency_ns;
	int r = 0;

	place.warmup = is_warmup(flight, reception);
	if (operation->step->consume.group_by_key)
		r = groups_intern(engine->groups, place.scenario, place.step, reception->key ? reception->key : "",
		                  reception->key_size, &place.group);
	latency_ns = driver_clock_since_t0(engine->config.clock, reception->received_ns) - reception->intended_ns;
	if (r == 0)
		r = recorder_message(engine_recorder(engine, reception->received_ns), &place, reception->bytes,
		                     reception->stamped ? &latency_ns : NULL);
	engine_fail(engine, r);
}
