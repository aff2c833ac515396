/* SPDX-License-Identifier: Apache-2.0 */
/* The arrival-rate executors: iterations start when the schedule says, whatever the target does.
 *
 * A free VU takes an arrival at once. VUs are made on demand, up to this worker's part of maxVUs; then an arrival is
 * dropped, or waits its turn (`whenFull: queue`) with its intended time kept.
 *
 * When the share changes, the pacer keeps the arrivals apart to the ns; VUs follow: those whose index went away take no
 * arrival any more but what waits, and leave when they are free. */
#include "agent/runner.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/engine.h"
#include "common/base/clock.h"

/* Starts in one go; then the loop looks at its descriptors before the next ones. */
enum { STARTS_AT_ONCE = 128 };

static _Bool is_taken(const struct open_loop *open, uint64_t index)
{
	return open->taken && (open->taken[index / 64] >> index % 64 & 1);
}

static int make_vu(struct runner *runner, struct vu **ret_vu)
{
	struct open_loop *open = &runner->open;
	int r;

	while (is_taken(open, share_cursor_index(&open->next_vu)))
		share_cursor_advance(&open->next_vu);
	r = runner_add_vu(runner, share_cursor_index(&open->next_vu), ret_vu);
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
	if (*ret_vu || runner->vus_alive >= open->vu_limit)
		return 0;
	return make_vu(runner, ret_vu);
}

static inline int wait_or_drop(struct runner *runner, const struct arrival *arrival)
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

static inline __attribute__((always_inline)) int arrive(struct runner *runner, const struct arrival *arrival,
                                                        uint64_t now_ns)
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

/* Takes on what the pacer gave: PACER_START or PACER_LATE. Inline where every arrival comes by, whatever else calls it.
 */
static inline __attribute__((always_inline)) int take(struct runner *runner, const struct arrival *arrival,
                                                      enum pacer_verdict verdict, uint64_t now_ns)
{
	runner->tally.planned++;
	if (verdict == PACER_LATE)
		return runner_drop(runner, DROP_LATE, 1, arrival->intended_ns);
	return arrive(runner, arrival, now_ns);
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
		if (verdict == PACER_SHIFT)
			engine_shift(runner->engine, now_ns);
		else
			r = take(runner, &arrival, verdict, now_ns);
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
	uint64_t first = share_count(&runner->portion->indices, runner->scenario->pre_allocated_vus);
	int r;

	open->timer = (struct loop_timer){.fire = arrivals_fired, .context = runner};
	open->vu_limit = share_count(&runner->portion->indices, scenario_max_vus(runner->scenario));
	r = share_cursor_init(&open->next_vu, &runner->portion->indices, 0);
	for (uint64_t i = 0; r == 0 && i < first && i < open->vu_limit; i++) {
		struct vu *vu;

		r = make_vu(runner, &vu);
		if (r == 0)
			vu_list_add(&open->idle, vu);
	}
	return r;
}

/* A share that holds from at_ns on the clock. */
static int look_ahead(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns)
{
	uint64_t first = 0;

	if (runner->flow.draws_unique && at_ns > runner->origin_ns)
		first = schedule_arrivals(runner->schedule, at_ns - runner->origin_ns);
	if (runner->flow.draws_unique &&
	    moves_add(&runner->flow.moves, runner->index, portion->moves, portion->move_count, first) < 0)
		return -ENOMEM;
	return pacer_adopt(runner->open.pacer, &portion->indices, at_ns);
}

/* From the first share on, whatever holds by now: that it begins may be heard late. */
static int begin(struct runner *runner)
{
	const struct engine *engine = runner->engine;
	const struct scenario_portion *portion = &engine->config.portion->scenarios[runner->index];
	const struct pacer_config config = {
	        .schedule = runner->schedule,
	        .share = &portion->indices,
	        .origin_ns = runner->origin_ns,
	        .max_lateness_ns = engine->plan->max_lateness_ns,
	};
	int r = pacer_new(&config, &runner->open.pacer);

	if (r == 0 && runner->flow.draws_unique)
		r = moves_add(&runner->flow.moves, runner->index, portion->moves, portion->move_count, 0);
	for (size_t i = 0; r == 0 && i < engine->adoption_count; i++)
		r = look_ahead(runner, &engine->adoptions[i].portion->scenarios[runner->index],
		               engine->adoptions[i].at_ns);
	if (r < 0 || pacer_next_ns(runner->open.pacer) == CLOCK_NEVER)
		return r;
	return wait_for_next(runner, pacer_next_ns(runner->open.pacer));
}

static int foresee(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns)
{
	int r;

	if (runner->state != RUNNER_RUNNING)
		return 0;
	r = look_ahead(runner, portion, at_ns);
	if (r < 0 || pacer_next_ns(runner->open.pacer) == CLOCK_NEVER)
		return r;
	return wait_for_next(runner, pacer_next_ns(runner->open.pacer));
}

/* Those that are due before the share changes. */
static int start_until(struct runner *runner, uint64_t at_ns, uint64_t now_ns)
{
	int r = 0;

	while (r == 0 && pacer_next_ns(runner->open.pacer) < at_ns) {
		struct arrival arrival;
		enum pacer_verdict verdict = pacer_take(runner->open.pacer, now_ns, &arrival);

		if (verdict == PACER_START || verdict == PACER_LATE)
			r = take(runner, &arrival, verdict, now_ns);
	}
	return r;
}

static void retire(struct runner *runner, struct vu *vu)
{
	vu_list_remove(vu);
	runner_remove_vu(runner, vu);
}

/* Notes which of the VUs stay, and sends off those that are free of the others. */
static void sort_out_vus(struct runner *runner)
{
	struct open_loop *open = &runner->open;

	runner->vus_alive = 0;
	for (size_t i = runner->vu_count; i > 0; i--) {
		struct vu *vu = runner->vus[i - 1];

		vu->gone = !share_owns(&runner->portion->indices, vu->index);
		if (!vu->gone) {
			runner->vus_alive++;
			open->taken[vu->index / 64] |= UINT64_C(1) << vu->index % 64;
		} else if (vu->list == &open->idle) {
			retire(runner, vu);
		}
	}
}

static int shift(struct runner *runner, uint64_t at_ns, uint64_t now_ns)
{
	struct open_loop *open = &runner->open;
	const struct share *share = &runner->portion->indices;
	uint64_t limit = scenario_max_vus(runner->scenario);
	struct share_cursor cursor;
	int r = runner->state == RUNNER_RUNNING ? start_until(runner, at_ns, now_ns) : 0;

	if (r == 0)
		r = share_cursor_init(&cursor, share, 0);
	if (r < 0)
		return r;
	share_cursor_deinit(&open->next_vu);
	open->next_vu = cursor;
	open->vu_limit = share_count(share, limit);
	free(open->taken);
	open->taken = calloc(limit / 64 + 1, sizeof(*open->taken));
	if (!open->taken)
		return -ENOMEM;
	sort_out_vus(runner);
	return 0;
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
	if (vu->gone)
		retire(runner, vu);
	else
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
	free(open->taken);
}

const struct runner_ops open_loop_ops = {
        .prepare = prepare,
        .begin = begin,
        .vu_free = vu_free_again,
        .vu_timer = no_timer,
        .foresee = foresee,
        .shift = shift,
        .bound = bound,
        .end = end,
        .give_up = drop_backlog,
        .is_over = is_over,
        .release = release,
};
