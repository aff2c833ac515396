/* SPDX-License-Identifier: Apache-2.0 */
/* A piecewise linear rate, integrated and inverted exactly.
 *
 * The inverse starts from a root in floating point, which may be off by some ns, and is corrected by the exact area,
 * so the result depends neither on the machine's arithmetic nor on its libm. */
#include "common/plan/rate_curve.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/limits.h"

#define RATE_SCALE 1000000                /* rates are kept in millionths */
#define RATE_MAX 9e12                     /* per time unit: from + to still fits 64 bits */
#define CURVE_END_MAX (UINT64_C(1) << 62) /* ns, 146 years: areas still fit 127 bits */

static uint64_t scale_rate(double rate)
{
	if (!(rate > 0))
		return 0;
	return (uint64_t)llround(fmin(rate, RATE_MAX) * RATE_SCALE);
}

static void curve_add(struct rate_curve *curve, uint64_t from, uint64_t to, uint64_t duration_ns)
{
	if (duration_ns > CURVE_END_MAX - curve->end_ns)
		duration_ns = CURVE_END_MAX - curve->end_ns;
	if (duration_ns == 0)
		return;
	if (curve->segments)
		curve->segments[curve->count] = (struct rate_segment){
		        .start_ns = curve->end_ns,
		        .duration_ns = duration_ns,
		        .from = from,
		        .to = to,
		        .start = curve->total,
		};
	curve->count++;
	curve->total += (rate_area)(from + to) * duration_ns;
	curve->end_ns += duration_ns;
	if (from > curve->peak)
		curve->peak = from;
	if (to > curve->peak)
		curve->peak = to;
}

/* The rate x ns into a line, in whole numbers. */
static uint64_t line_at(uint64_t from, uint64_t to, uint64_t x, uint64_t duration_ns)
{
	if (to >= from)
		return from + (uint64_t)((rate_area)(to - from) * x / duration_ns);
	return from - (uint64_t)((rate_area)(from - to) * x / duration_ns);
}

static uint64_t phase_rate(const struct phase *phase, uint64_t rate)
{
	rate_area product;

	if (phase->rate >= 0)
		return scale_rate(phase->rate);
	product = (rate_area)rate * scale_rate(phase->factor) / RATE_SCALE;
	return product < (rate_area)(RATE_MAX * RATE_SCALE) ? (uint64_t)product : (uint64_t)(RATE_MAX * RATE_SCALE);
}

/* How long the pattern lasts; 0 without one. */
static uint64_t period_of(const struct scenario *scenario)
{
	uint64_t period_ns = 0;

	for (uint32_t i = 0; i < scenario->phase_count; i++)
		period_ns += scenario->pattern[i].duration_ns;
	return period_ns;
}

/* The pattern's phase that at_ns lies in, and how much of it is left. */
static const struct phase *find_phase(const struct scenario *scenario, uint64_t period_ns, uint64_t at_ns,
                                      uint64_t *ret_left_ns)
{
	const struct phase *phase = scenario->pattern;

	at_ns %= period_ns;
	while (at_ns >= phase->duration_ns) {
		at_ns -= phase->duration_ns;
		phase++;
	}
	*ret_left_ns = phase->duration_ns - at_ns;
	return phase;
}

/* A line, cut where the pattern's phases begin. */
static void curve_add_line(struct rate_curve *curve, const struct scenario *scenario, uint64_t from, uint64_t to,
                           uint64_t duration_ns)
{
	uint64_t period_ns = period_of(scenario);

	if (period_ns == 0) {
		curve_add(curve, from, to, duration_ns);
		return;
	}
	for (uint64_t x = 0; x < duration_ns && curve->count < LIMIT_PLAN_PHASES;) {
		uint64_t part_ns;
		const struct phase *phase = find_phase(scenario, period_ns, curve->end_ns, &part_ns);

		if (part_ns > duration_ns - x)
			part_ns = duration_ns - x;
		curve_add(curve, phase_rate(phase, line_at(from, to, x, duration_ns)),
		          phase_rate(phase, line_at(from, to, x + part_ns, duration_ns)), part_ns);
		x += part_ns;
	}
}

/* The mean rate: a burst's arrivals don't come from the curve. */
static uint64_t burst_rate(const struct burst *burst, uint64_t time_unit_ns)
{
	rate_area rate = (rate_area)burst->size * RATE_SCALE * time_unit_ns / burst->every_ns;

	return rate < (rate_area)(RATE_MAX * RATE_SCALE) ? (uint64_t)rate : (uint64_t)(RATE_MAX * RATE_SCALE);
}

/* With segments == NULL it only counts and sums up. */
static void curve_build(struct rate_curve *curve, const struct scenario *scenario, struct rate_segment *segments)
{
	uint64_t time_unit_ns = scenario->time_unit_ns ? scenario->time_unit_ns : NS_PER_S;
	uint64_t rate;

	*curve = (struct rate_curve){
	        .segments = segments,
	        .time_unit_ns = time_unit_ns,
	        .unit = (rate_area)2 * RATE_SCALE * time_unit_ns,
	};
	if (scenario->executor == EXECUTOR_CONSTANT_ARRIVAL_RATE) {
		rate = scenario->burst.size ? burst_rate(&scenario->burst, time_unit_ns) : scale_rate(scenario->rate);
		curve_add_line(curve, scenario, rate, rate, scenario->duration_ns);
		return;
	}
	if (scenario->executor != EXECUTOR_RAMPING_ARRIVAL_RATE)
		return;
	rate = scale_rate(scenario->start_rate);
	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		uint64_t target = scale_rate(scenario->stages[i].target);

		curve_add_line(curve, scenario, rate, target, scenario->stages[i].duration_ns);
		rate = target;
	}
}

void rate_curve_measure(struct rate_curve *curve, const struct scenario *scenario)
{
	curve_build(curve, scenario, NULL);
}

int rate_curve_init(struct rate_curve *curve, const struct scenario *scenario)
{
	struct rate_segment *segments;

	rate_curve_measure(curve, scenario);
	segments = calloc((size_t)curve->count + 1, sizeof(*segments));
	if (!segments)
		return -ENOMEM;
	curve_build(curve, scenario, segments);
	return 0;
}

void rate_curve_deinit(struct rate_curve *curve)
{
	free(curve->segments);
	*curve = (struct rate_curve){0};
}

uint64_t rate_curve_arrivals(const struct rate_curve *curve, rate_area area)
{
	rate_area count = area / curve->unit + (area % curve->unit != 0);

	return count < UINT64_MAX ? (uint64_t)count : UINT64_MAX - 1;
}

/* change * x^2 / duration for x <= duration, rounded down, or up; in two steps, as the product needs 190 bits. */
static rate_area ramp_area(uint64_t change, uint64_t x, uint64_t duration, _Bool round_up)
{
	rate_area slope = (rate_area)change * x;
	rate_area rest = slope % duration * x;

	return slope / duration * x + rest / duration + (round_up && rest % duration != 0);
}

/* The area x ns into a segment, rounded up. */
static rate_area segment_area(const struct rate_segment *segment, uint64_t x)
{
	rate_area area = (rate_area)2 * segment->from * x;

	if (segment->to >= segment->from)
		return area + ramp_area(segment->to - segment->from, x, segment->duration_ns, 1);
	return area - ramp_area(segment->from - segment->to, x, segment->duration_ns, 0);
}

/* The segment that at_ns lies in, or NULL. */
static const struct rate_segment *find_segment(const struct rate_curve *curve, uint64_t at_ns)
{
	uint32_t low = 0, high = curve->count;

	if (at_ns >= curve->end_ns)
		return NULL;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (curve->segments[middle].start_ns <= at_ns)
			low = middle;
		else
			high = middle;
	}
	return &curve->segments[low];
}

rate_area rate_curve_area(const struct rate_curve *curve, uint64_t at_ns)
{
	const struct rate_segment *segment = find_segment(curve, at_ns);

	return segment ? segment->start + segment_area(segment, at_ns - segment->start_ns) : curve->total;
}

static double per_second(const struct rate_curve *curve, double rate)
{
	return curve->time_unit_ns ? rate / RATE_SCALE * ((double)NS_PER_S / (double)curve->time_unit_ns) : 0;
}

double rate_curve_peak_per_s(const struct rate_curve *curve)
{
	return per_second(curve, (double)curve->peak);
}

double rate_curve_rate_per_s(const struct rate_curve *curve, uint64_t at_ns)
{
	const struct rate_segment *segment = find_segment(curve, at_ns);
	double rate, part;

	if (!segment)
		return 0;
	part = (double)(at_ns - segment->start_ns) / (double)segment->duration_ns;
	rate = (double)segment->from + ((double)segment->to - (double)segment->from) * part;
	return per_second(curve, rate);
}

/* Solves 2 from x + (to - from) x^2 / duration = area, in the form that doesn't cancel. */
static uint64_t guess_time(const struct rate_segment *segment, rate_area area)
{
	long double from = (long double)segment->from;
	long double bend = ((long double)segment->to - from) / (long double)segment->duration_ns;
	long double inside = from * from + bend * (long double)area;
	long double below = from + (inside > 0 ? sqrtl(inside) : 0);
	long double x = below > 0 ? (long double)area / below : 0;

	if (x >= (long double)segment->duration_ns)
		return segment->duration_ns - 1;
	return (uint64_t)x;
}

/* The largest x with segment_area(x) <= area, where 0 has it and duration_ns has not: first a bracket around the
 * guess, then halving. Most often the guess is right and two areas are all it takes. */
static uint64_t ramp_time(const struct rate_segment *segment, rate_area area)
{
	uint64_t low = 0, high = segment->duration_ns, guess = guess_time(segment, area), step = 1;

	if (segment_area(segment, guess) <= area) {
		for (low = guess; low + step < high && segment_area(segment, low + step) <= area; step *= 2)
			low += step;
		if (low + step < high)
			high = low + step;
	} else {
		for (high = guess; high > step && segment_area(segment, high - step) > area; step *= 2)
			high -= step;
		if (high > step)
			low = high - step;
	}
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (segment_area(segment, middle) <= area)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static rate_area segment_end(const struct rate_curve *curve, uint32_t i)
{
	return i + 1 < curve->count ? curve->segments[i + 1].start : curve->total;
}

uint64_t rate_curve_time(const struct rate_curve *curve, rate_area area, uint32_t *segment)
{
	const struct rate_segment *found;
	uint32_t i = *segment;

	/* Segments without area, which start where the next one does, are never stopped at. */
	while (area < curve->segments[i].start)
		i--;
	while (area >= segment_end(curve, i))
		i++;
	*segment = i;
	found = &curve->segments[i];
	area -= found->start;
	if (found->from == found->to)
		return found->start_ns + (uint64_t)(area / ((rate_area)2 * found->from));
	return found->start_ns + ramp_time(found, area);
}
