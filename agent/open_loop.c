/* SPDX-License-Identifier: Apache-2.0 */
/* The arrival-rate executors: iterations start when the schedule says, whatever the target does.
 *
 * A free VU takes an arrival at once. VUs are made on demand, up to this worker's part of maxVUs; then an arrival is
 * dropped, or waits its turn (`whenFull: queue`) with its intended time kept. */
#include "agent/runner.h"

#include <errno.h>

#include "agent/engine.h"
#include "common/base/clock.h"

/* Starts in one go; then the loop looks at its descriptors before the next ones. */
enum { STARTS_AT_ONCE = 128 };

static int make_vu(struct runner *runner, struct vu **ret_vu)
{
	struct open_loop *open = &runner->open;
	int r = runner_add_vu(runner, share_cursor_index(&open->next_vu), ret_vu);

	if (r < 0)
		return r;
	share_cursor_advance(&open->next_vu);
	runner->vus_alive++;
	return 0;
}

/* A free VU, or NULL in *ret_vu. */
static int take_vu(struct runner *runner, struct vu **ret_vu)
{
	struct open_loop *open = &runner->open;

	*ret_vu = vu_list_take_last(&open->idle);
	if (*ret_vu || runner->vu_count >= open->vu_limit)
		return 0;
	return make_vu(runner, ret_vu);
}

static int wait_or_drop(struct runner *runner, const struct arrival *arrival)
{
	int r;

	if (runner->scenario->when_full == WHEN_FULL_DROP)
		return runner_drop(runner, DROP_NO_VU, 1, arrival->intended_ns);
	r = backlog_push(&runner->open.backlog, arrival);
	return r == -ENOSPC ? runner_drop(runner, DROP_QUEUE_FULL, 1, arrival->intended_ns) : r;
}

/* Starts the arrival with a free VU: an enum flow_outcome or a negative errno. */
static int start(struct runner *runner, struct vu *vu, const struct arrival *arrival, uint64_t now_ns)
{
	const struct scenario *scenario = runner->scenario;
	const struct flow_start start = {
	        .intended_ns = arrival->intended_ns,
	        .now_ns = now_ns,
	        .draw = arrival->index,
	        .lane = scenario->producers ? runner->lane_base + (uint32_t)(arrival->index % scenario->producers) : 0,
	        .may_refuse = scenario->when_full == WHEN_FULL_DROP,
	};

	return flow_start(vu, &start);
}

static int arrive(struct runner *runner, const struct arrival *arrival, uint64_t now_ns)
{
	struct vu *vu;
	int outcome;
	int r = take_vu(runner, &vu);

	if (r < 0)
		return r;
	if (!vu)
		return wait_or_drop(runner, arrival);
	outcome = start(runner, vu, arrival, now_ns);
	if (outcome < 0)
		return outcome;
	if (outcome != FLOW_GOING)
		vu_list_add(&runner->open.idle, vu);
	if (outcome == FLOW_REFUSED)
		return runner_drop(runner, DROP_QUEUE_FULL, 1, arrival->intended_ns);
	return recorder_lateness(engine_recorder(runner->engine, now_ns), runner->index,
	                         runner_is_warmup(runner, arrival->intended_ns), now_ns - arrival->intended_ns);
}

static int wait_for_next(struct runner *runner, uint64_t wake_ns)
{
	return loop_timer_start(runner->engine->loop, &runner->open.timer, wake_ns);
}

static int start_due(struct runner *runner, uint64_t now_ns)
{
	struct pacer *pacer = runner->open.pacer;
	struct arrival arrival;
	int r = 0;

	for (int i = 0; r == 0 && i < STARTS_AT_ONCE; i++) {
		enum pacer_verdict verdict = pacer_take(pacer, now_ns, &arrival);

		if (verdict == PACER_END) {
			runner_check(runner, now_ns);
			return 0;
		}
		if (verdict == PACER_WAIT)
			return wait_for_next(runner, pacer_wake_ns(pacer, now_ns));
		runner->tally.planned++;
		if (verdict == PACER_LATE)
			r = runner_drop(runner, DROP_LATE, 1, arrival.intended_ns);
		else
			r = arrive(runner, &arrival, now_ns);
		now_ns = clock_now_ns();
	}
	return r < 0 ? r : wait_for_next(runner, now_ns);
}

static void arrivals_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct runner *runner = timer->context;

	engine_fail(runner->engine, start_due(runner, now_ns));
}

static int prepare(struct runner *runner)
{
	struct open_loop *open = &runner->open;
	uint64_t first = share_count(&runner->portion->vus, runner->scenario->pre_allocated_vus);
	int r;

	open->timer = (struct loop_timer){.fire = arrivals_fired, .context = runner};
	open->vu_limit = share_count(&runner->portion->vus, scenario_max_vus(runner->scenario));
	r = share_cursor_init(&open->next_vu, &runner->portion->vus, 0);
	for (uint64_t i = 0; r == 0 && i < first && i < open->vu_limit; i++) {
		struct vu *vu;

		r = make_vu(runner, &vu);
		if (r == 0)
			vu_list_add(&open->idle, vu);
	}
	return r;
}

static int begin(struct runner *runner)
{
	const struct pacer_config config = {
	        .schedule = runner->schedule,
	        .share = &runner->portion->arrivals,
	        .origin_ns = runner->origin_ns,
	        .max_lateness_ns = runner->engine->plan->max_lateness_ns,
	};
	int r = pacer_new(&config, &runner->open.pacer);

	if (r < 0 || pacer_next_ns(runner->open.pacer) == CLOCK_NEVER)
		return r;
	return loop_timer_start(runner->engine->loop, &runner->open.timer, pacer_next_ns(runner->open.pacer));
}

static int vu_free_again(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	struct arrival arrival;
	int outcome;

	if (backlog_pop(&runner->open.backlog, &arrival)) {
		outcome = start(runner, vu, &arrival, now_ns);
		if (outcome == FLOW_ENDED)
			vu_list_add(&runner->engine->ready, vu);
		return outcome < 0 ? outcome : 0;
	}
	vu_list_add(&runner->open.idle, vu);
	runner_check(runner, now_ns);
	return 0;
}

static int no_timer(struct runner *runner, struct vu *vu, uint64_t now_ns)
{
	(void)runner;
	(void)vu;
	(void)now_ns;
	return 0;
}

static void bound(struct runner *runner, uint64_t stop_ns)
{
	pacer_stop(runner->open.pacer, stop_ns);
}

/* What waits for a VU was dropped because every VU was busy. */
static int drop_backlog(struct runner *runner)
{
	struct arrival arrival;
	int r = 0;

	while (r == 0 && backlog_pop(&runner->open.backlog, &arrival))
		r = runner_drop(runner, DROP_NO_VU, 1, arrival.intended_ns);
	return r;
}

static int end(struct runner *runner, uint64_t now_ns, _Bool stopped)
{
	(void)now_ns;
	return stopped ? drop_backlog(runner) : 0;
}

static _Bool is_over(const struct runner *runner)
{
	return pacer_next_ns(runner->open.pacer) == CLOCK_NEVER && runner->open.backlog.count == 0;
}

static void release(struct runner *runner)
{
	struct open_loop *open = &runner->open;

	loop_timer_stop(runner->engine->loop, &open->timer);
	open->pacer = pacer_free(open->pacer);
	backlog_deinit(&open->backlog);
	share_cursor_deinit(&open->next_vu);
}

const struct runner_ops open_loop_ops = {
        .prepare = prepare,
        .begin = begin,
        .vu_free = vu_free_again,
        .vu_timer = no_timer,
        .bound = bound,
        .end = end,
        .give_up = drop_backlog,
        .is_over = is_over,
        .release = release,
};
