/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds judged on merged data: live at the watermark, and at the end over the whole journal. Pure. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/stats/cell.h"
#include "common/stats/series.h"

struct verdict;

/* Watches the plan's thresholds. */
int verdict_new(const struct plan *plan, struct verdict **ret_verdict);
struct verdict *verdict_free(struct verdict *verdict);

/* The span that is judged, ns since T0: [warm-up's end, schedule's end). Windows lie wholly in it (those of rates and
 * latencies may go on past its end, since failures do), and a counter's rate divides by the part of it that has passed.
 * From the plan's `warmup` on and without an end unless set; set it before the first verdict_advance(). */
void verdict_set_span(struct verdict *verdict, uint64_t from_ns, uint64_t until_ns);

/* Adds one series' values of one second (leaf series; warm-up ones are passed over). Seconds above the watermark may
 * come in any order; one at or below it amends what was already folded (but gauges and availability, which stay as they
 * were). 0 or -ENOMEM. */
int verdict_add(struct verdict *verdict, uint64_t second, const struct series *series, const struct cell *cell);

/* All seconds up to and including `watermark` are as complete as they get: folds them in order. Evaluation points are
 * each second's end. Returns the index of the first threshold with abortOnFail that fails now (its delayAbortEval being
 * over), or -1. A threshold without data does not abort, and none does before the first measured value of any series
 * has come. A window that has not filled yet is judged by what it has. *ret_observed is its value. -ENOMEM is a
 * negative number below -1: the verdict is then wrong from here on. */
int verdict_advance(struct verdict *verdict, uint64_t watermark, double *ret_observed);

/* What threshold `index` stands at: cumulative, or the window ending at the watermark. `measured_ns` is the span that
 * counters' rates divide by (for the final verdict; 0: up to the watermark). For a windowed threshold the worst of all
 * full windows decides, so that the verdict does not depend on when the run ended; in a run shorter than its window,
 * all that there is. A selector that no series ever matched is a counter at 0, and no data for every other kind. */
struct verdict_result {
	double observed; /* NAN: no data */
	_Bool no_data;   /* fails */
	_Bool pass;
	_Bool few_samples;
};
struct verdict_result verdict_result(const struct verdict *verdict, uint32_t index, uint64_t measured_ns);
