/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: which arrivals and VUs there are, and when. A thin layer over the curves, which hold the arithmetic. */
#include "common/plan/schedule.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/plan/poisson.h"
#include "common/plan/rate_curve.h"
#include "common/plan/vu_curve.h"

struct schedule {
	const struct scenario *scenario;
	struct rate_curve curve; /* open executors */
	uint64_t arrivals;       /* even ones */
};

struct arrivals_walk {
	const struct schedule *schedule;
	struct share_cursor cursor; /* stands on the next owned arrival */
	uint32_t segment;           /* where the newest arrival was */
	struct poisson poisson;
	uint64_t drawn;        /* arrivals that the process has made */
	struct poisson before; /* as it was before the arrivals up to the newest owned one were drawn */
	uint64_t before_drawn;
	_Bool ended;  /* the process has */
	_Bool bursts; /* the schedule is one of bursts */
};

/* Of bursts that begin before until_ns and the end. */
static uint64_t burst_arrivals(const struct scenario *scenario, uint64_t end_ns, uint64_t until_ns)
{
	uint64_t bursts, arrivals;

	if (until_ns > end_ns)
		until_ns = end_ns;
	bursts = until_ns / scenario->burst.every_ns + (until_ns % scenario->burst.every_ns != 0);
	return __builtin_mul_overflow(bursts, scenario->burst.size, &arrivals) ? UINT64_MAX - 1 : arrivals;
}

int schedule_new(const struct scenario *scenario, struct schedule **ret_schedule)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));

	if (!schedule)
		return -ENOMEM;
	schedule->scenario = scenario;
	if (executor_is_open(scenario->executor)) {
		int r = rate_curve_init(&schedule->curve, scenario);

		if (r < 0) {
			free(schedule);
			return r;
		}
		schedule->arrivals = scenario->burst.size
		                             ? burst_arrivals(scenario, schedule->curve.end_ns, UINT64_MAX)
		                             : rate_curve_arrivals(&schedule->curve, schedule->curve.total);
	}
	*ret_schedule = schedule;
	return 0;
}

struct schedule *schedule_free(struct schedule *schedule)
{
	if (schedule) {
		rate_curve_deinit(&schedule->curve);
		free(schedule);
	}
	return NULL;
}

double schedule_rate_per_s(const struct schedule *schedule, uint64_t at_ns)
{
	return rate_curve_rate_per_s(&schedule->curve, at_ns);
}

double schedule_peak_rate_per_s(const struct schedule *schedule)
{
	return rate_curve_peak_per_s(&schedule->curve);
}

/* Arrivals whose area is below `area`. */
static uint64_t count_arrivals(const struct scenario *scenario, const struct rate_curve *curve, rate_area area)
{
	struct poisson poisson;
	uint64_t count = 0;

	if (scenario->arrivals == ARRIVALS_EVEN)
		return rate_curve_arrivals(curve, area);
	poisson_init(&poisson, scenario->seed, curve->unit, area);
	while (poisson_next(&poisson))
		count++;
	return count;
}

uint64_t schedule_arrivals(const struct schedule *schedule, uint64_t until_ns)
{
	const struct rate_curve *curve = &schedule->curve;

	if (!executor_is_open(schedule->scenario->executor))
		return 0;
	if (schedule->scenario->burst.size)
		return burst_arrivals(schedule->scenario, curve->end_ns, until_ns);
	return count_arrivals(schedule->scenario, curve, rate_curve_area(curve, until_ns));
}

int arrivals_walk_new(const struct schedule *schedule, const struct share *share, struct arrivals_walk **ret_walk)
{
	struct arrivals_walk *walk cleanup(cleanup_free) = calloc(1, sizeof(*walk));
	int r;

	if (!walk)
		return -ENOMEM;
	r = share_cursor_init(&walk->cursor, share, 0);
	if (r < 0)
		return r;
	walk->schedule = schedule;
	walk->bursts = schedule->scenario->burst.size > 0;
	if (schedule->scenario->arrivals == ARRIVALS_POISSON && executor_is_open(schedule->scenario->executor))
		poisson_init(&walk->poisson, schedule->scenario->seed, schedule->curve.unit, schedule->curve.total);
	*ret_walk = steal(walk);
	return 0;
}

int arrivals_walk_fork(const struct arrivals_walk *walk, const struct share *share, struct arrivals_walk **ret_walk)
{
	struct arrivals_walk *fork;
	int r = arrivals_walk_new(walk->schedule, share, &fork);

	if (r < 0)
		return r;
	if (walk->before_drawn > 0) {
		fork->poisson = walk->before;
		fork->drawn = walk->before_drawn;
		share_cursor_seek(&fork->cursor, walk->before_drawn);
	}
	*ret_walk = fork;
	return 0;
}

struct arrivals_walk *arrivals_walk_free(struct arrivals_walk *walk)
{
	if (walk) {
		share_cursor_deinit(&walk->cursor);
		free(walk);
	}
	return NULL;
}

/* The area at which the arrival `index`, at or after those before, comes. False past the schedule's end. */
static _Bool walk_area(struct arrivals_walk *walk, uint64_t index, rate_area *ret_area)
{
	const struct schedule *schedule = walk->schedule;

	if (schedule->scenario->arrivals == ARRIVALS_EVEN) {
		if (index >= schedule->arrivals)
			return 0;
		*ret_area = schedule->curve.unit * index;
		return 1;
	}
	if (walk->drawn <= index && !walk->ended) {
		walk->before = walk->poisson;
		walk->before_drawn = walk->drawn;
	}
	while (walk->drawn <= index) {
		walk->ended = !poisson_next(&walk->poisson);
		if (walk->ended)
			return 0;
		walk->drawn++;
	}
	*ret_area = poisson_area(&walk->poisson);
	return 1;
}

/* The next owned arrival, without going past it. */
static _Bool walk_peek(struct arrivals_walk *walk, uint64_t *ret_index, uint64_t *ret_at_ns)
{
	uint64_t index = share_cursor_index(&walk->cursor);
	rate_area area;

	if (index == UINT64_MAX || !walk_area(walk, index, &area))
		return 0;
	*ret_index = index;
	*ret_at_ns = rate_curve_time(&walk->schedule->curve, area, &walk->segment);
	return 1;
}

static __attribute__((noinline)) _Bool walk_burst(struct arrivals_walk *walk, uint64_t *ret_index, uint64_t *ret_at_ns)
{
	const struct burst *burst = &walk->schedule->scenario->burst;
	uint64_t index = share_cursor_index(&walk->cursor);

	if (index >= walk->schedule->arrivals)
		return 0;
	*ret_index = index;
	*ret_at_ns = index / burst->size * burst->every_ns;
	return 1;
}

_Bool arrivals_walk_next(struct arrivals_walk *walk, uint64_t *ret_index, uint64_t *ret_at_ns)
{
	_Bool more = __builtin_expect(walk->bursts, 0) ? walk_burst(walk, ret_index, ret_at_ns)
	                                               : walk_peek(walk, ret_index, ret_at_ns);

	if (!more)
		return 0;
	share_cursor_advance(&walk->cursor);
	return 1;
}

/* Owned indices from where the walk stands to below `limit`. */
static uint64_t skip_to_index(struct arrivals_walk *walk, uint64_t limit)
{
	uint64_t from = share_cursor_index(&walk->cursor), skipped;

	if (from >= limit)
		return 0;
	skipped = share_cursor_count(&walk->cursor, limit);
	share_cursor_seek(&walk->cursor, limit);
	return skipped;
}

uint64_t arrivals_walk_skip(struct arrivals_walk *walk, uint64_t at_ns)
{
	const struct schedule *schedule = walk->schedule;
	uint64_t skipped = 0, index, next_ns;

	if (!executor_is_open(schedule->scenario->executor))
		return 0;
	if (schedule->scenario->arrivals == ARRIVALS_EVEN)
		return skip_to_index(walk, schedule_arrivals(schedule, at_ns));
	while (walk_peek(walk, &index, &next_ns) && next_ns < at_ns) {
		share_cursor_advance(&walk->cursor);
		skipped++;
	}
	return skipped;
}

_Bool schedule_vu_span(const struct schedule *schedule, uint32_t vu, uint64_t from_ns, uint64_t *ret_start_ns,
                       uint64_t *ret_end_ns)
{
	if (executor_is_open(schedule->scenario->executor))
		return 0;
	return vu_curve_span(schedule->scenario, vu, from_ns, ret_start_ns, ret_end_ns);
}

uint32_t schedule_vus(const struct schedule *schedule, uint64_t at_ns)
{
	return executor_is_open(schedule->scenario->executor) ? 0 : vu_curve_at(schedule->scenario, at_ns);
}

uint64_t schedule_end_ns(const struct schedule *schedule)
{
	return executor_is_open(schedule->scenario->executor) ? schedule->curve.end_ns
	                                                      : vu_curve_end_ns(schedule->scenario);
}

uint64_t schedule_shared_iterations(const struct scenario *scenario, const struct share *vus)
{
	uint64_t each, rest;

	if (scenario->vus == 0)
		return 0;
	each = scenario->iterations / scenario->vus;
	rest = scenario->iterations % scenario->vus;
	return each * share_count(vus, scenario->vus) + share_count(vus, rest);
}

uint64_t scenario_planned(const struct scenario *scenario)
{
	struct rate_curve curve;
	uint64_t planned;

	switch (scenario->executor) {
	case EXECUTOR_CONSTANT_ARRIVAL_RATE:
	case EXECUTOR_RAMPING_ARRIVAL_RATE:
		rate_curve_measure(&curve, scenario);
		if (scenario->burst.size)
			return burst_arrivals(scenario, curve.end_ns, UINT64_MAX);
		return count_arrivals(scenario, &curve, curve.total);
	case EXECUTOR_SHARED_ITERATIONS:
		return scenario->iterations;
	case EXECUTOR_PER_VU_ITERATIONS:
		return __builtin_mul_overflow(scenario->iterations, scenario->vus, &planned) ? UINT64_MAX : planned;
	default:
		return UINT64_MAX;
	}
}

uint32_t scenario_max_vus(const struct scenario *scenario)
{
	return executor_is_open(scenario->executor) ? scenario->max_vus : vu_curve_peak(scenario);
}

uint64_t plan_vu_base(const struct plan *plan, uint32_t scenario)
{
	uint64_t base = 0;

	for (uint32_t i = 0; i < scenario; i++)
		base += scenario_max_vus(&plan->scenarios[i]);
	return base;
}
