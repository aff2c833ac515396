/* SPDX-License-Identifier: Apache-2.0 */
/* The executors of VUs: each VU runs one iteration after the other while its schedule wants it.
 *
 * A VU is active within its span [start, end); between spans (a curve that falls and rises again) it sleeps without
 * sessions. Past its span's end a running iteration has a grace (gracefulRampDown, or gracefulStop at the schedule's
 * end) and is then interrupted.
 *
 * VUs whose index moves away in mid-run end as at a span's end; those that come start within their span. Counted
 * iterations don't move with them: what a lost agent did of them is not known. Those that one had left when it went of
 * its own accord are granted as extras, which the VUs that came with them share. */
#include "agent/runner.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/engine.h"
#include "common/base/array.h"
#include "common/base/clock.h"

static uint64_t schedule_end(const struct runner *runner)
{
	return runner->origin_ns + schedule_end_ns(runner->schedule);
}

static uint64_t own_iterations_left(const struct runner *runner, const struct vu *vu)
{
	if (vu->adopted)
		return 0;
	if (runner->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		return runner->closed.iterations;
	return vu->iterations < runner->scenario->iterations ? runner->scenario->iterations - vu->iterations : 0;
}

static uint64_t extras_left(const struct runner *runner, const struct vu *vu)
{
	return vu->adopted || runner->closed.all_help ? runner->closed.extra_left : 0;
}

/* Iterations that a VU may still start. Where the plan doesn't count them, a VU without data has
 * none: it would only fail as fast as it can. */
static uint64_t iterations_left(const struct runner *runner, const struct vu *vu)
{
	switch (runner->scenario->executor) {
	case EXECUTOR_PER_VU_ITERATIONS:
	case EXECUTOR_SHARED_ITERATIONS:
		return vu->gone ? 0 : own_iterations_left(runner, vu) + extras_left(runner, vu);
	default:
		return vu->out_of_data ? 0 : UINT64_MAX;
	}
}

static _Bool may_start(const struct runner *runner, const struct vu *vu, uint64_t now_ns)
{
	return runner->state == RUNNER_RUNNING && now_ns < vu->span_end_ns && now_ns < runner->engine->stop_ns &&
	       iterations_left(runner, vu) > 0;
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

/* An inactive VU with nothing in flight: waits for its next span, or is done. */
static int rest(struct vu *vu, uint64_t now_ns)
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

/* The spare row of an extra iteration. */
static uint64_t take_extra(struct closed_loop *closed)
{
	struct portion_extra *extra = closed->extras;

	while (extra->iterations == 0)
		extra++;
	extra->iterations--;
	closed->extra_left--;
	return extra->first_spare++;
}

/* What the iteration draws; counted ones are charged to the VU's own, or to the extras. */
static void draw(struct vu *vu, struct flow_start *start)
{
	struct runner *runner = vu->runner;

	if (runner_counts_iterations(runner) && own_iterations_left(runner, vu) == 0) {
		start->is_spare = 1;
		start->spare = start->draw = take_extra(&runner->closed);
		return;
	}
	start->draw = next_draw(runner, vu);
	if (runner->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		runner->closed.iterations--;
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
		return leave(vu, now_ns);
	if (pace_ns == 0)
		return start(vu, vu->intended_ns, now_ns);
	vu->tick_ns += pace_ns;
	return vu->tick_ns > now_ns ? sleep_until_tick(vu) : start(vu, vu->tick_ns, now_ns);
}

/* When an iteration that runs past its span's end is interrupted, if that isn't the schedule's end. */
static int set_curfew(struct vu *vu)
{
	struct runner *runner = vu->runner;
	const struct scenario *scenario = runner->scenario;
	uint64_t grace_ns = scenario->executor == EXECUTOR_RAMPING_VUS ? scenario->graceful_ramp_down_ns
	                                                               : scenario->graceful_stop_ns;

	if (vu->span_end_ns >= schedule_end(runner))
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
		r = set_curfew(vu);
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
		return share_cursor_init(&runner->closed.draws, &runner->portion->indices, 0);
	/* Iteration k is VU k mod vus', as schedule_shared_iterations() deals them. */
	r = share_of_producers(&runner->portion->indices, scenario->vus, &share);
	if (r == 0)
		r = share_cursor_init(&runner->closed.draws, &share, 0);
	share_deinit(&share);
	return r;
}

/* Makes those VUs of the share that aren't there; `is_there` has a bit for each index. */
static int make_vus(struct runner *runner, const struct share *share, const uint64_t *is_there, _Bool adopted)
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
	int r = init_draws(runner);

	if (r < 0)
		return r;
	if (runner->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		runner->closed.iterations = schedule_shared_iterations(runner->scenario, share);
	return make_vus(runner, share, NULL, 0);
}

/* A resting VU, from from_ns since the origin on. */
static int wake(struct vu *vu, uint64_t from_ns)
{
	struct runner *runner = vu->runner;
	_Bool any = 0;
	int r = 0;

	if (iterations_left(runner, vu) > 0)
		r = wait_for_span(vu, from_ns, &any);
	runner->closed.left += any;
	return r;
}

static int begin(struct runner *runner)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		if (!runner->vus[i]->gone)
			r = wake(runner->vus[i], 0);
	}
	return r;
}

/* Changes of the share. */

static int foresee(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns)
{
	uint64_t *is_there = calloc(scenario_max_vus(runner->scenario) / 64 + 1, sizeof(*is_there));
	int r;

	(void)at_ns;
	if (!is_there)
		return -ENOMEM;
	for (size_t i = 0; i < runner->vu_count; i++)
		is_there[runner->vus[i]->index / 64] |= UINT64_C(1) << runner->vus[i]->index % 64;
	r = make_vus(runner, &portion->indices, is_there, 1);
	free(is_there);
	return r;
}

static uint64_t since_origin(const struct runner *runner, uint64_t at_ns)
{
	return at_ns > runner->origin_ns ? at_ns - runner->origin_ns : 0;
}

static _Bool is_resting(const struct vu *vu)
{
	return !vu->active && !vu->timer.slot;
}

/* The VU is ours from at_ns on. */
static int come(struct vu *vu, uint64_t at_ns)
{
	struct runner *runner = vu->runner;
	uint64_t start_ns, end_ns;

	vu->gone = 0;
	if (runner->state != RUNNER_RUNNING)
		return 0;
	if (is_resting(vu))
		return wake(vu, since_origin(runner, at_ns));
	/* It was gone for so short that its last iteration still runs: goes on. */
	if (!schedule_vu_span(runner->schedule, (uint32_t)vu->index, since_origin(runner, at_ns), &start_ns, &end_ns) ||
	    start_ns > since_origin(runner, at_ns))
		return 0;
	vu->span_end_ns = runner->origin_ns + end_ns;
	loop_timer_stop(runner->engine->loop, &vu->curfew);
	return set_curfew(vu);
}

/* The VU is another agent's from at_ns on. */
static int go(struct vu *vu, uint64_t at_ns, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	_Bool sleeps = vu->timer.slot && !vu->busy;

	vu->gone = 1;
	if (vu->span_end_ns > at_ns)
		vu->span_end_ns = at_ns;
	if (vu->active)
		return sleeps ? leave(vu, now_ns) : set_curfew(vu);
	if (!sleeps) {
		vu_close(vu);
		return 0;
	}
	loop_timer_stop(runner->engine->loop, &vu->timer);
	return rest(vu, now_ns);
}

/* Where no feed is unique, draws follow the share. */
static int move_draws(struct runner *runner)
{
	const struct share *share = &runner->portion->indices;
	uint64_t from = share_cursor_index(&runner->closed.draws);
	struct share_cursor cursor;
	int r;

	if (runner_counts_iterations(runner) || runner->flow.draws_unique || share->count == 0)
		return 0;
	r = share_cursor_init(&cursor, share, from == UINT64_MAX ? 0 : from);
	if (r < 0)
		return r;
	share_cursor_deinit(&runner->closed.draws);
	runner->closed.draws = cursor;
	return 0;
}

static int take_extras(struct runner *runner)
{
	const struct scenario_portion *portion = runner->portion;
	struct closed_loop *closed = &runner->closed;

	for (uint32_t i = 0; i < portion->extra_count; i++) {
		if (array_reserve(&closed->extras, &closed->extra_capacity, closed->extra_count,
		                  sizeof(*closed->extras)) < 0)
			return -ENOMEM;
		closed->extras[closed->extra_count++] = portion->extras[i];
		closed->extra_left += portion->extras[i].iterations;
	}
	closed->all_help = 1;
	for (size_t i = 0; i < runner->vu_count; i++)
		closed->all_help &= !runner->vus[i]->adopted || runner->vus[i]->gone;
	return 0;
}

/* What is planned and will not start any more. */
static int drop_rest(struct runner *runner)
{
	uint64_t count = 0;

	if (runner->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		count = runner->closed.iterations;
	for (size_t i = 0; runner->scenario->executor == EXECUTOR_PER_VU_ITERATIONS && i < runner->vu_count; i++) {
		if (!runner->vus[i]->gone)
			count += own_iterations_left(runner, runner->vus[i]);
	}
	count += runner->closed.extra_left;
	runner->closed.extra_left = 0;
	runner->closed.extra_count = 0;
	runner->tally.planned += count;
	return runner_drop(runner, DROP_MAX_DURATION, count, runner->end_ns);
}

/* Puts VUs to work on extras that came with this change. */
static int start_extras(struct runner *runner, uint64_t at_ns)
{
	int r = 0;

	if (runner->portion->extra_count == 0 || runner->state == RUNNER_WAITING)
		return 0;
	if (at_ns >= schedule_end(runner))
		return drop_rest(runner);
	if (runner->state == RUNNER_FINISHED)
		r = runner_revive(runner);
	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		if (is_resting(runner->vus[i]))
			r = wake(runner->vus[i], since_origin(runner, at_ns));
	}
	return r;
}

static int shift(struct runner *runner, uint64_t at_ns, uint64_t now_ns)
{
	const struct share *share = &runner->portion->indices;
	int r = move_draws(runner);

	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		struct vu *vu = runner->vus[i];
		_Bool ours = share_owns(share, vu->index);

		if (ours && vu->gone)
			r = come(vu, at_ns);
		else if (!ours && !vu->gone)
			r = go(vu, at_ns, now_ns);
	}
	if (r == 0 && runner->portion->extra_count > 0)
		r = take_extras(runner);
	return r < 0 ? r : start_extras(runner, at_ns);
}

static void bound(struct runner *runner, uint64_t stop_ns)
{
	(void)runner;
	(void)stop_ns;
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
	free(runner->closed.extras);
}

const struct runner_ops closed_loop_ops = {
        .prepare = prepare,
        .begin = begin,
        .vu_free = vu_free_again,
        .vu_timer = vu_timer,
        .foresee = foresee,
        .shift = shift,
        .bound = bound,
        .end = end,
        .give_up = give_up,
        .is_over = is_over,
        .release = release,
};
