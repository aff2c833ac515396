/* SPDX-License-Identifier: Apache-2.0 */
/* One scenario on one worker: what both kinds of executors have in common. */
#include "agent/runner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/engine.h"
#include "common/base/array.h"
#include "common/base/clock.h"

static _Bool counts_iterations(const struct runner *runner)
{
	return runner->ops == &closed_loop_ops && runner->closed.counts;
}

_Bool runner_is_warmup(const struct runner *runner, uint64_t intended_ns)
{
	return runner->scenario->is_warmup || intended_ns < runner->engine->t0_ns + runner->engine->plan->warmup_ns;
}

int runner_drop(struct runner *runner, enum drop_reason reason, uint64_t count, uint64_t intended_ns)
{
	struct recorder *recorder;

	if (count == 0)
		return 0;
	recorder = engine_recorder(runner->engine, clock_now_ns());
	runner->tally.dropped[reason] += count;
	return recorder_dropped(recorder, runner->index, runner_is_warmup(runner, intended_ns), reason, count);
}

int runner_add_vu(struct runner *runner, uint64_t index, struct vu **ret_vu)
{
	struct vu *vu;
	int r;

	if (array_reserve(&runner->vus, &runner->vu_capacity, runner->vu_count, sizeof(*runner->vus)) < 0)
		return -ENOMEM;
	r = vu_new(runner, index, &vu);
	if (r < 0)
		return r;
	vu->place = runner->vu_count;
	runner->vus[runner->vu_count++] = vu;
	*ret_vu = vu;
	return 0;
}

void runner_remove_vu(struct runner *runner, struct vu *vu)
{
	struct vu *last = runner->vus[--runner->vu_count];

	assert(!vu->busy && !vu->flight);
	runner->vus[vu->place] = last;
	last->place = vu->place;
	vu_free(vu);
}

static void finish(struct runner *runner, uint64_t now_ns)
{
	struct loop *loop = runner->engine->loop;

	loop_timer_stop(loop, &runner->end_timer);
	loop_timer_stop(loop, &runner->grace_timer);
	runner->state = RUNNER_FINISHED;
	runner->finished_ns = now_ns;
	if (now_ns < runner->end_ns)
		runner->end_ns = now_ns;
	runner->vus_alive = 0;
}

void runner_check(struct runner *runner, uint64_t now_ns)
{
	_Bool may_finish =
	        runner->state == RUNNER_ENDING || (runner->state == RUNNER_RUNNING && counts_iterations(runner));

	if (may_finish && runner->running == 0 && runner->ops->is_over(runner))
		finish(runner, now_ns);
}

static int give_up(struct runner *runner, uint64_t now_ns)
{
	int r;

	for (size_t i = 0; i < runner->vu_count; i++) {
		if (runner->vus[i]->busy)
			flow_interrupt(runner->vus[i]);
	}
	r = runner->ops->give_up(runner);
	runner_check(runner, now_ns);
	return r;
}

static void grace_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct runner *runner = timer->context;

	engine_fail(runner->engine, give_up(runner, now_ns));
}

static int end(struct runner *runner, uint64_t now_ns, uint64_t grace_ns, _Bool stopped)
{
	uint64_t deadline_ns = now_ns + grace_ns;
	int r;

	if (runner->state == RUNNER_RUNNING)
		runner->state = RUNNER_ENDING;
	r = runner->ops->end(runner, now_ns, stopped);
	if (r < 0 || runner->state == RUNNER_FINISHED)
		return r;
	if (!runner->grace_timer.slot || runner->grace_timer.deadline_ns > deadline_ns) {
		r = loop_timer_start(runner->engine->loop, &runner->grace_timer, deadline_ns);
		if (r < 0)
			return r;
	}
	runner_check(runner, now_ns);
	return 0;
}

static void end_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct runner *runner = timer->context;

	engine_fail(runner->engine, end(runner, now_ns, runner->scenario->graceful_stop_ns, 0));
}

int runner_stop(struct runner *runner, uint64_t grace_ns, uint64_t now_ns)
{
	switch (runner->state) {
	case RUNNER_WAITING:
		runner->state = RUNNER_FINISHED;
		return 0;
	case RUNNER_RUNNING:
	case RUNNER_ENDING:
		loop_timer_stop(runner->engine->loop, &runner->end_timer);
		if (runner->end_ns > runner->engine->stop_ns)
			runner->end_ns = runner->engine->stop_ns;
		return end(runner, now_ns, grace_ns, 1);
	case RUNNER_FINISHED:
		break;
	}
	return 0;
}

int runner_begin(struct runner *runner, uint64_t origin_ns)
{
	int r;

	assert(runner->state == RUNNER_WAITING);
	runner->state = RUNNER_RUNNING;
	runner->origin_ns = origin_ns;
	runner->end_ns = origin_ns + schedule_end_ns(runner->schedule);
	r = loop_timer_start(runner->engine->loop, &runner->end_timer, runner->end_ns);
	if (r < 0)
		return r;
	r = runner->ops->begin(runner);
	if (r < 0)
		return r;
	runner->ops->bound(runner, runner->engine->stop_ns);
	runner_check(runner, origin_ns);
	return 0;
}

/* Whether a change of its share can change what it does. */
static _Bool may_change(const struct runner *runner)
{
	switch (runner->state) {
	case RUNNER_WAITING:
	case RUNNER_RUNNING:
		return 1;
	case RUNNER_ENDING:
		return 0;
	case RUNNER_FINISHED:
		return counts_iterations(runner) && runner->engine->stop_ns == CLOCK_NEVER;
	}
	return 0;
}

int runner_foresee(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns)
{
	return may_change(runner) ? runner->ops->foresee(runner, portion, at_ns) : 0;
}

int runner_shift(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns, uint64_t now_ns)
{
	runner->portion = portion;
	return may_change(runner) ? runner->ops->shift(runner, at_ns, now_ns) : 0;
}

int runner_revive(struct runner *runner)
{
	runner->state = RUNNER_RUNNING;
	runner->end_ns = runner->origin_ns + schedule_end_ns(runner->schedule);
	return loop_timer_start(runner->engine->loop, &runner->end_timer, runner->end_ns);
}

int runner_outcome(struct runner *runner, struct vu *vu, int outcome, uint64_t now_ns)
{
	assert(outcome != FLOW_REFUSED);
	return outcome == FLOW_ENDED ? runner->ops->vu_free(runner, vu, now_ns) : outcome;
}

int runner_ready(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	if (vu->busy)
		return runner_outcome(runner, vu, flow_resume(vu, now_ns), now_ns);
	if (runner->state == RUNNER_FINISHED)
		return 0;
	return runner->ops->vu_free(runner, vu, now_ns);
}

int runner_init(struct runner *runner, struct engine *engine, uint32_t scenario)
{
	int r;

	*runner = (struct runner){
	        .engine = engine,
	        .scenario = &engine->plan->scenarios[scenario],
	        .portion = &engine->config.portion->scenarios[scenario],
	        .index = scenario,
	        .lane_base = portion_lane_base(engine->plan, scenario),
	        .end_timer = {.fire = end_fired, .context = runner},
	        .grace_timer = {.fire = grace_fired, .context = runner},
	};
	runner->ops = executor_is_open(runner->scenario->executor) ? &open_loop_ops : &closed_loop_ops;
	r = flow_init(&runner->flow, engine, scenario);
	if (r < 0)
		return r;
	r = schedule_new(runner->scenario, &runner->schedule);
	return r < 0 ? r : runner->ops->prepare(runner);
}

void runner_deinit(struct runner *runner)
{
	if (!runner->ops)
		return;
	loop_timer_stop(runner->engine->loop, &runner->end_timer);
	loop_timer_stop(runner->engine->loop, &runner->grace_timer);
	for (size_t i = 0; i < runner->vu_count; i++)
		vu_free(runner->vus[i]);
	free(runner->vus);
	runner->ops->release(runner);
	schedule_free(runner->schedule);
	flow_deinit(&runner->flow);
	runner->ops = NULL;
}
