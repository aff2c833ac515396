/* SPDX-License-Identifier: Apache-2.0 */
/* The rate of an open scenario over time, and its integral, in whole numbers: no rounding, no drift.
 *
 * A rate is a whole number of millionths of an arrival per time unit. Within a segment it goes linearly from `from`
 * to `to`; x ns into it, the integral is (from x + (to - from) x^2 / 2 duration) / (10^6 timeUnit) arrivals. Areas are
 * that times 2 10^6 timeUnit, so that the area of every whole segment, (from + to) duration, is a whole number.
 * A pattern cuts the lines of the scenario into segments of its phases, rounded to such rates again. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"

typedef unsigned __int128 rate_area;

struct rate_segment {
	uint64_t start_ns;
	uint64_t duration_ns; /* > 0 */
	uint64_t from, to;    /* millionths of an arrival per time unit */
	rate_area start;      /* all of it before this segment */
};

struct rate_curve {
	struct rate_segment *segments;
	uint32_t count;
	uint64_t time_unit_ns;
	rate_area unit;  /* the area of one arrival */
	rate_area total; /* the area up to the end */
	uint64_t peak;   /* as from and to */
	uint64_t end_ns;
};

/* Sums up without keeping segments: unit, total, peak, end and their count. Never fails, needs no deinit. */
void rate_curve_measure(struct rate_curve *curve, const struct scenario *scenario);
/* 0 or -ENOMEM. */
int rate_curve_init(struct rate_curve *curve, const struct scenario *scenario);
void rate_curve_deinit(struct rate_curve *curve);

/* Arrivals that an area holds: those k with k * unit < area; capped below UINT64_MAX. */
uint64_t rate_curve_arrivals(const struct rate_curve *curve, rate_area area);
/* The area up to at_ns, rounded up; the total from the end on. */
rate_area rate_curve_area(const struct rate_curve *curve, uint64_t at_ns);
/* The last ns at which the area is not yet above `area`, which must be below the total. So rate_curve_time(area) < t
 * exactly if area < rate_curve_area(t); and where the rate stays 0 for a while, it is the end of that while.
 * `segment` is where to look first; it is left at the one found. */
uint64_t rate_curve_time(const struct rate_curve *curve, rate_area area, uint32_t *segment);
/* Per second; 0 from the end on. */
double rate_curve_rate_per_s(const struct rate_curve *curve, uint64_t at_ns);
/* The highest rate per second. */
double rate_curve_peak_per_s(const struct rate_curve *curve);
