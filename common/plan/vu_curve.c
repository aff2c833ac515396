/* SPDX-License-Identifier: Apache-2.0 */
/* The VU curves of the closed executors. VU i is wanted at exactly those ns at which vu_curve_at() is above i. */
#include "common/plan/vu_curve.h"

#include <assert.h>

/* A span of time, [start, end). */
struct span {
	uint64_t start_ns, end_ns;
};

static uint32_t stage_target(const struct stage *stage)
{
	if (!(stage->target > 0))
		return 0;
	return stage->target < LIMIT_VUS ? (uint32_t)(stage->target + 0.5) : LIMIT_VUS;
}

uint64_t vu_curve_end_ns(const struct scenario *scenario)
{
	uint64_t end_ns = 0;

	switch (scenario->executor) {
	case EXECUTOR_CONSTANT_VUS:
		return scenario->duration_ns;
	case EXECUTOR_RAMPING_VUS:
		for (uint32_t i = 0; i < scenario->stage_count; i++)
			end_ns += scenario->stages[i].duration_ns;
		return end_ns;
	case EXECUTOR_PER_VU_ITERATIONS:
	case EXECUTOR_SHARED_ITERATIONS:
		return scenario->max_duration_ns;
	default:
		return 0;
	}
}

uint32_t vu_curve_peak(const struct scenario *scenario)
{
	uint32_t peak = scenario->start_vus;

	if (scenario->executor != EXECUTOR_RAMPING_VUS)
		return scenario->vus;
	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		uint32_t target = stage_target(&scenario->stages[i]);

		if (target > peak)
			peak = target;
	}
	return peak;
}

/* The whole VUs on the line from `from` to `to`, x of duration_ns on: each comes, or goes, when the line gets there. */
static uint32_t line_at(uint32_t from, uint32_t to, uint64_t x, uint64_t duration_ns)
{
	if (to >= from)
		return from + (uint32_t)((unsigned __int128)(to - from) * x / duration_ns);
	return from - (uint32_t)((unsigned __int128)(from - to) * x / duration_ns);
}

static uint32_t ramp_at(const struct scenario *scenario, uint64_t at_ns)
{
	uint32_t vus = scenario->start_vus;

	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		const struct stage *stage = &scenario->stages[i];

		if (at_ns < stage->duration_ns)
			return line_at(vus, stage_target(stage), at_ns, stage->duration_ns);
		at_ns -= stage->duration_ns;
		vus = stage_target(stage);
	}
	return 0;
}

/* VU i starts at i * rampUp / vus, rounded down. */
static uint64_t ramp_up_start(const struct scenario *scenario, uint32_t vu)
{
	return (uint64_t)((unsigned __int128)scenario->ramp_up_ns * vu / scenario->vus);
}

static uint32_t ramp_up_at(const struct scenario *scenario, uint64_t at_ns)
{
	unsigned __int128 started;

	if (scenario->ramp_up_ns == 0 || scenario->vus == 0)
		return scenario->vus;
	started = (((unsigned __int128)at_ns + 1) * scenario->vus + scenario->ramp_up_ns - 1) / scenario->ramp_up_ns;
	return started < scenario->vus ? (uint32_t)started : scenario->vus;
}

uint32_t vu_curve_at(const struct scenario *scenario, uint64_t at_ns)
{
	if (at_ns >= vu_curve_end_ns(scenario))
		return 0;
	switch (scenario->executor) {
	case EXECUTOR_CONSTANT_VUS:
		return scenario->vus;
	case EXECUTOR_RAMPING_VUS:
		return ramp_at(scenario, at_ns);
	default:
		return ramp_up_at(scenario, at_ns);
	}
}

/* The part of a stage, counted from its start, in which line_at() is `level` or above. Empty: start == end. */
static struct span line_span(uint32_t from, uint32_t to, uint64_t duration_ns, uint32_t level)
{
	struct span span = {0, duration_ns};

	if (from >= level && to >= level)
		return span;
	if ((from < level && to < level) || duration_ns == 0)
		return (struct span){0, 0};
	if (from < level) /* it rises: from the first ns at which (to - from) x >= (level - from) duration */
		span.start_ns =
		        (uint64_t)(((unsigned __int128)(level - from) * duration_ns + (to - from) - 1) / (to - from));
	else /* it falls: up to the first ns at which (from - to) x >= (from - level + 1) duration */
		span.end_ns = (uint64_t)(((unsigned __int128)(from - level + 1) * duration_ns + (from - to) - 1) /
		                         (from - to));
	return span;
}

/* Joins the parts of the stages that touch and stops at the first whole that ends after from_ns. */
static _Bool ramp_span(const struct scenario *scenario, uint32_t vu, uint64_t from_ns, struct span *ret_span)
{
	struct span open = {0, 0};
	uint64_t start_ns = 0;
	uint32_t vus = scenario->start_vus;

	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		const struct stage *stage = &scenario->stages[i];
		uint32_t target = stage_target(stage);
		struct span part = line_span(vus, target, stage->duration_ns, vu + 1);

		part.start_ns += start_ns;
		part.end_ns += start_ns;
		start_ns += stage->duration_ns;
		vus = target;
		if (part.start_ns >= part.end_ns)
			continue;
		if (part.start_ns != open.end_ns || open.start_ns == open.end_ns) {
			if (open.end_ns > from_ns)
				break;
			open.start_ns = part.start_ns;
		}
		open.end_ns = part.end_ns;
	}
	*ret_span = open;
	return open.start_ns < open.end_ns && open.end_ns > from_ns;
}

_Bool vu_curve_span(const struct scenario *scenario, uint32_t vu, uint64_t from_ns, uint64_t *ret_start_ns,
                    uint64_t *ret_end_ns)
{
	struct span span = {0, vu_curve_end_ns(scenario)};

	assert(!executor_is_open(scenario->executor));
	if (scenario->executor == EXECUTOR_RAMPING_VUS) {
		if (!ramp_span(scenario, vu, from_ns, &span))
			return 0;
	} else if (vu >= scenario->vus) {
		return 0;
	} else if (scenario->executor != EXECUTOR_CONSTANT_VUS) {
		span.start_ns = ramp_up_start(scenario, vu);
	}
	if (span.start_ns >= span.end_ns || span.end_ns <= from_ns)
		return 0;
	*ret_start_ns = span.start_ns;
	*ret_end_ns = span.end_ns;
	return 1;
}
