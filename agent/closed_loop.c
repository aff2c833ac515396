/* SPDX-License-Identifier: Apache-2.0 */
/* The executors of VUs: each VU runs one iteration after the other while its schedule wants it.
 *
 * A VU is active within its span [start, end); between spans (a curve that falls and rises again) it sleeps without
 * sessions. Past its span's end a running iteration has a grace (gracefulRampDown, or gracefulStop at the schedule's
 * end) and is then interrupted. */
#include "agent/runner.h"

#include <errno.h>

#include "agent/engine.h"
#include "common/base/clock.h"

static uint64_t schedule_end(const struct runner *runner)
{
	return runner->origin_ns + schedule_end_ns(runner->schedule);
}

/* Iterations that a VU may still start on its own account. Where the plan doesn't count them, a VU without data has
 * none: it would only fail as fast as it can. */
static uint64_t iterations_left(const struct runner *runner, const struct vu *vu)
{
	switch (runner->scenario->executor) {
	case EXECUTOR_PER_VU_ITERATIONS:
		return runner->scenario->iterations - vu->iterations;
	case EXECUTOR_SHARED_ITERATIONS:
		return runner->closed.iterations;
	default:
		return vu->out_of_data ? 0 : UINT64_MAX;
	}
}

static _Bool may_start(const struct runner *runner, const struct vu *vu, uint64_t now_ns)
{
	return runner->state == RUNNER_RUNNING && now_ns < vu->span_end_ns && now_ns < runner->engine->stop_ns &&
	       iterations_left(runner, vu) > 0;
}

/* Sleeps until its first span that ends after from_ns (since the origin). False: there is none. */
static int wait_for_span(struct vu *vu, uint64_t from_ns, _Bool *ret_any)
{
	struct runner *runner = vu->runner;
	uint64_t start_ns;
	uint64_t end_ns;

	*ret_any = schedule_vu_span(runner->schedule, (uint32_t)vu->index, from_ns, &start_ns, &end_ns);
	if (!*ret_any)
		return 0;
	vu->span_end_ns = runner->origin_ns + end_ns;
	return loop_timer_start(runner->engine->loop, &vu->timer, runner->origin_ns + start_ns);
}

/* An inactive VU with nothing in flight: waits for its next span, or is done. */
static int rest(struct vu *vu, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	_Bool again = 0;
	int r = 0;

	vu_close(vu);
	if (runner->state == RUNNER_RUNNING && now_ns >= vu->span_end_ns)
		r = wait_for_span(vu, vu->span_end_ns - runner->origin_ns, &again);
	if (r < 0 || again)
		return r;
	runner->closed.left--;
	runner_check(runner, now_ns);
	return 0;
}

static int leave(struct vu *vu, uint64_t now_ns)
{
	struct loop *loop = vu->runner->engine->loop;

	vu->active = 0;
	vu->runner->vus_alive--;
	loop_timer_stop(loop, &vu->timer);
	loop_timer_stop(loop, &vu->curfew);
	return rest(vu, now_ns);
}

static uint64_t next_draw(struct runner *runner, const struct vu *vu)
{
	uint64_t draw;

	if (runner->scenario->executor == EXECUTOR_PER_VU_ITERATIONS)
		return vu->index * runner->scenario->iterations + vu->iterations;
	draw = share_cursor_index(&runner->closed.draws);
	share_cursor_advance(&runner->closed.draws);
	return draw;
}

static int start(struct vu *vu, uint64_t intended_ns, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	const struct scenario *scenario = runner->scenario;
	const struct flow_start start = {
	        .intended_ns = intended_ns,
	        .now_ns = now_ns,
	        .draw = next_draw(runner, vu),
	        .lane = scenario->producers ? runner->lane_base + (uint32_t)(vu->index % scenario->producers) : 0,
	};
	int outcome;

	runner->tally.planned++;
	if (scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		runner->closed.iterations--;
	outcome = flow_start(vu, &start);
	/* Not at once: a scenario whose iterations take no time must let the loop turn. */
	if (outcome == FLOW_ENDED)
		vu_list_add(&runner->engine->ready, vu);
	return outcome < 0 ? outcome : 0;
}

/* Starts what its pace wanted at vu->tick_ns, after the VU has slept until then. */
static int start_tick(struct vu *vu, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	uint64_t first_ns = vu->tick_ns;
	uint64_t late =
	        pace_skip_late(&vu->tick_ns, runner->scenario->pace_ns, now_ns, runner->engine->plan->max_lateness_ns);
	int r;

	runner->tally.planned += late;
	r = runner_drop(runner, DROP_LATE, late, first_ns);
	if (r < 0)
		return r;
	r = recorder_lateness(engine_recorder(runner->engine, now_ns), runner->index,
	                      runner_is_warmup(runner, vu->tick_ns), now_ns - vu->tick_ns);
	return r < 0 ? r : start(vu, vu->tick_ns, now_ns);
}

static int sleep_until_tick(struct vu *vu)
{
	uint64_t until_ns = vu->tick_ns < vu->span_end_ns ? vu->tick_ns : vu->span_end_ns;

	return loop_timer_start(vu->runner->engine->loop, &vu->timer, until_ns);
}

/* An iteration has ended within the span. */
static int next(struct vu *vu, uint64_t now_ns)
{
	uint64_t pace_ns = vu->runner->scenario->pace_ns;

	if (!may_start(vu->runner, vu, now_ns))
		return leave(vu, now_ns);
	if (pace_ns == 0)
		return start(vu, vu->intended_ns, now_ns);
	vu->tick_ns += pace_ns;
	return vu->tick_ns > now_ns ? sleep_until_tick(vu) : start(vu, vu->tick_ns, now_ns);
}

static int enter(struct vu *vu, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	int r;

	vu->active = 1;
	runner->vus_alive++;
	vu->tick_ns = vu->timer.deadline_ns;
	r = vu_open(vu);
	if (r == 0 && vu->span_end_ns < schedule_end(runner))
		r = loop_timer_start(runner->engine->loop, &vu->curfew,
		                     vu->span_end_ns + runner->scenario->graceful_ramp_down_ns);
	if (r < 0)
		return r;
	if (!may_start(runner, vu, now_ns))
		return leave(vu, now_ns);
	return runner->scenario->pace_ns > 0 ? start_tick(vu, now_ns) : start(vu, now_ns, now_ns);
}

static int vu_timer(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	if (!vu->active)
		return enter(vu, now_ns);
	return may_start(runner, vu, now_ns) ? start_tick(vu, now_ns) : leave(vu, now_ns);
}

static int vu_free_again(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	(void)runner;
	return vu->active ? next(vu, now_ns) : rest(vu, now_ns);
}

static int init_draws(struct runner *runner)
{
	const struct scenario *scenario = runner->scenario;
	struct share share = {0};
	int r;

	if (scenario->executor != EXECUTOR_SHARED_ITERATIONS)
		return share_cursor_init(&runner->closed.draws, &runner->portion->vus, 0);
	/* Iteration k is VU k mod vus', as schedule_shared_iterations() deals them. */
	r = share_of_producers(&runner->portion->vus, scenario->vus, &share);
	if (r == 0)
		r = share_cursor_init(&runner->closed.draws, &share, 0);
	share_deinit(&share);
	return r;
}

static int prepare(struct runner *runner)
{
	uint64_t limit = scenario_max_vus(runner->scenario);
	struct share_cursor cursor;
	int r = init_draws(runner);

	if (r < 0)
		return r;
	if (runner->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		runner->closed.iterations = schedule_shared_iterations(runner->scenario, &runner->portion->vus);
	r = share_cursor_init(&cursor, &runner->portion->vus, 0);
	if (r < 0)
		return r;
	while (r == 0 && share_cursor_index(&cursor) < limit) {
		struct vu *vu;

		r = runner_add_vu(runner, share_cursor_index(&cursor), &vu);
		share_cursor_advance(&cursor);
	}
	share_cursor_deinit(&cursor);
	return r;
}

static int begin(struct runner *runner)
{
	for (size_t i = 0; i < runner->vu_count; i++) {
		_Bool any;
		int r = wait_for_span(runner->vus[i], 0, &any);

		if (r < 0)
			return r;
		runner->closed.left += any;
	}
	return 0;
}

static void bound(struct runner *runner, uint64_t stop_ns)
{
	(void)runner;
	(void)stop_ns;
}

static int drop_rest(struct runner *runner)
{
	uint64_t count = 0;

	if (runner->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		count = runner->closed.iterations;
	if (runner->scenario->executor == EXECUTOR_PER_VU_ITERATIONS) {
		for (size_t i = 0; i < runner->vu_count; i++)
			count += iterations_left(runner, runner->vus[i]);
	}
	runner->tally.planned += count;
	return runner_drop(runner, DROP_MAX_DURATION, count, runner->end_ns);
}

static int end(struct runner *runner, uint64_t now_ns, _Bool stopped)
{
	int r = stopped ? 0 : drop_rest(runner);

	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		struct vu *vu = runner->vus[i];

		/* Those that sleep; the others come by when their operation completes. */
		if (vu->busy || !vu->timer.slot)
			continue;
		loop_timer_stop(runner->engine->loop, &vu->timer);
		r = vu->active ? leave(vu, now_ns) : rest(vu, now_ns);
	}
	return r;
}

static int give_up(struct runner *runner)
{
	runner->closed.left = 0;
	return 0;
}

static _Bool is_over(const struct runner *runner)
{
	return runner->closed.left == 0;
}

static void release(struct runner *runner)
{
	share_cursor_deinit(&runner->closed.draws);
}

const struct runner_ops closed_loop_ops = {
        .prepare = prepare,
        .begin = begin,
        .vu_free = vu_free_again,
        .vu_timer = vu_timer,
        .bound = bound,
        .end = end,
        .give_up = give_up,
        .is_over = is_over,
        .release = release,
};
