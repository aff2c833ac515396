/* SPDX-License-Identifier: Apache-2.0 */
/* The executors of VUs: each VU runs one iteration after the other while its schedule wants it.
 *
 * A VU is active within its span [start, end); between spans (a curve that falls and rises again) it sleeps without
 * sessions. Past its span's end a running iteration has a grace (gracefulRampDown, or gracefulStop at the schedule's
 * end) and is then interrupted. */
#include "agent/closed_loop.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/engine.h"
#include "common/base/clock.h"

uint64_t closed_schedule_end(const struct runner *runner)
{
	return runner->origin_ns + schedule_end_ns(runner->schedule);
}

/* Whether a VU may start one more. Where the plan doesn't count them, a VU without data may not: it would only fail as
 * fast as it can. */
static _Bool has_iteration(const struct runner *runner, const struct vu *vu)
{
	const struct closed_loop *closed = &runner->closed;

	if (!closed->counts)
		return !vu->out_of_data;
	if (vu->gone)
		return 0;
	return closed_own_left(runner, vu) > 0 || (closed->extra_left > 0 && (vu->adopted || closed->all_help));
}

static _Bool may_start(const struct runner *runner, const struct vu *vu, uint64_t now_ns)
{
	return runner->state == RUNNER_RUNNING && now_ns < vu->span_end_ns && now_ns < runner->engine->stop_ns &&
	       has_iteration(runner, vu);
}

/* Sleeps until its first span that ends after from_ns (since the origin), or until then. False: there is none. */
static int wait_for_span(struct vu *vu, uint64_t from_ns, _Bool *ret_any)
{
	struct runner *runner = vu->runner;
	uint64_t start_ns;
	uint64_t end_ns;

	*ret_any = schedule_vu_span(runner->schedule, (uint32_t)vu->index, from_ns, &start_ns, &end_ns);
	if (!*ret_any)
		return 0;
	vu->span_end_ns = runner->origin_ns + end_ns;
	return loop_timer_start(runner->engine->loop, &vu->timer,
	                        runner->origin_ns + (start_ns > from_ns ? start_ns : from_ns));
}

int closed_rest(struct vu *vu, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	_Bool again = 0;
	int r = 0;

	vu_close(vu);
	if (runner->state == RUNNER_RUNNING && now_ns >= vu->span_end_ns && !vu->gone)
		r = wait_for_span(vu, vu->span_end_ns - runner->origin_ns, &again);
	if (r < 0 || again)
		return r;
	runner->closed.left--;
	runner_check(runner, now_ns);
	return 0;
}

int closed_leave(struct vu *vu, uint64_t now_ns)
{
	struct loop *loop = vu->runner->engine->loop;

	vu->active = 0;
	vu->runner->vus_alive--;
	loop_timer_stop(loop, &vu->timer);
	loop_timer_stop(loop, &vu->curfew);
	return closed_rest(vu, now_ns);
}

static uint64_t next_draw(struct runner *runner, const struct vu *vu)
{
	uint64_t draw;

	if (runner->closed.counts && !runner->closed.shares)
		return vu->index * runner->scenario->iterations + vu->iterations;
	draw = share_cursor_index(&runner->closed.draws);
	share_cursor_advance(&runner->closed.draws);
	return draw;
}

/* What the iteration draws; a counted one is charged to the VU's own, or to the extras. */
static void draw(struct vu *vu, struct flow_start *start)
{
	struct runner *runner = vu->runner;
	struct closed_loop *closed = &runner->closed;

	if (closed->counts && closed_own_left(runner, vu) == 0) {
		start->is_spare = 1;
		start->spare = start->draw = closed_take_extra(closed);
		return;
	}
	start->draw = next_draw(runner, vu);
	closed->iterations -= closed->shares;
}

static int start(struct vu *vu, uint64_t intended_ns, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	const struct scenario *scenario = runner->scenario;
	struct flow_start start = {
	        .intended_ns = intended_ns,
	        .now_ns = now_ns,
	        .lane = scenario->producers ? runner->lane_base + (uint32_t)(vu->index % scenario->producers) : 0,
	};
	int outcome;

	runner->tally.planned++;
	draw(vu, &start);
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
		return closed_leave(vu, now_ns);
	if (pace_ns == 0)
		return start(vu, vu->intended_ns, now_ns);
	vu->tick_ns += pace_ns;
	return vu->tick_ns > now_ns ? sleep_until_tick(vu) : start(vu, vu->tick_ns, now_ns);
}

/* When an iteration that runs past its span's end is interrupted, if that isn't the schedule's end. */
int closed_set_curfew(struct vu *vu)
{
	struct runner *runner = vu->runner;
	const struct scenario *scenario = runner->scenario;
	uint64_t grace_ns = scenario->executor == EXECUTOR_RAMPING_VUS ? scenario->graceful_ramp_down_ns
	                                                               : scenario->graceful_stop_ns;

	if (vu->span_end_ns >= closed_schedule_end(runner))
		return 0;
	return loop_timer_start(runner->engine->loop, &vu->curfew, vu->span_end_ns + grace_ns);
}

static int enter(struct vu *vu, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	int r;

	vu->active = 1;
	runner->vus_alive++;
	vu->tick_ns = vu->timer.deadline_ns;
	r = vu_open(vu);
	if (r == 0)
		r = closed_set_curfew(vu);
	if (r < 0)
		return r;
	if (!may_start(runner, vu, now_ns))
		return closed_leave(vu, now_ns);
	return runner->scenario->pace_ns > 0 ? start_tick(vu, now_ns) : start(vu, now_ns, now_ns);
}

static int vu_timer(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	if (!vu->active)
		return enter(vu, now_ns);
	return may_start(runner, vu, now_ns) ? start_tick(vu, now_ns) : closed_leave(vu, now_ns);
}

static int vu_free_again(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	(void)runner;
	return vu->active ? next(vu, now_ns) : closed_rest(vu, now_ns);
}

/* Makes those VUs of the share that aren't there; `is_there` has a bit for each index. */
int closed_make_vus(struct runner *runner, const struct share *share, const uint64_t *is_there, _Bool adopted)
{
	uint64_t limit = scenario_max_vus(runner->scenario);
	struct share_cursor cursor;
	int r = share_cursor_init(&cursor, share, 0);

	if (r < 0)
		return r;
	for (; r == 0 && share_cursor_index(&cursor) < limit; share_cursor_advance(&cursor)) {
		uint64_t index = share_cursor_index(&cursor);
		struct vu *vu;

		if (is_there && (is_there[index / 64] >> index % 64 & 1))
			continue;
		r = runner_add_vu(runner, index, &vu);
		if (r == 0)
			vu->gone = vu->adopted = adopted;
	}
	share_cursor_deinit(&cursor);
	return r;
}

static int prepare(struct runner *runner)
{
	const struct share *share = &runner->portion->indices;
	enum executor executor = runner->scenario->executor;
	int r;

	runner->closed.shares = executor == EXECUTOR_SHARED_ITERATIONS;
	runner->closed.counts = runner->closed.shares || executor == EXECUTOR_PER_VU_ITERATIONS;
	r = closed_init_draws(runner);
	if (r < 0)
		return r;
	if (runner->closed.shares)
		runner->closed.iterations = schedule_shared_iterations(runner->scenario, share);
	return closed_make_vus(runner, share, NULL, 0);
}

/* A resting VU, from from_ns since the origin on. */
int closed_wake(struct vu *vu, uint64_t from_ns)
{
	struct runner *runner = vu->runner;
	_Bool any = 0;
	int r = 0;

	if (has_iteration(runner, vu))
		r = wait_for_span(vu, from_ns, &any);
	runner->closed.left += any;
	return r;
}

static int begin(struct runner *runner)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		if (!runner->vus[i]->gone)
			r = closed_wake(runner->vus[i], 0);
	}
	return r;
}

static void bound(struct runner *runner, uint64_t stop_ns)
{
	(void)runner;
	(void)stop_ns;
}

static int end(struct runner *runner, uint64_t now_ns, _Bool stopped)
{
	int r = stopped ? 0 : closed_drop_rest(runner);

	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		struct vu *vu = runner->vus[i];

		/* Those that sleep; the others come by when their operation completes. */
		if (vu->busy || !vu->timer.slot)
			continue;
		loop_timer_stop(runner->engine->loop, &vu->timer);
		r = vu->active ? closed_leave(vu, now_ns) : closed_rest(vu, now_ns);
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
	free(runner->closed.extras);
}

const struct runner_ops closed_loop_ops = {
        .prepare = prepare,
        .begin = begin,
        .vu_free = vu_free_again,
        .vu_timer = vu_timer,
        .foresee = closed_foresee,
        .shift = closed_shift,
        .bound = bound,
        .end = end,
        .give_up = give_up,
        .is_over = is_over,
        .release = release,
};
