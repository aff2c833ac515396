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

/* Adds one series' values of one second (leaf series; warm-up ones are passed over). Seconds above the watermark may come in any
 * order; one at or below it amends what was already folded. */
int verdict_add(struct verdict *verdict, uint64_t second, const struct series *series, const struct cell *cell);

/* All seconds up to and including `watermark` are as complete as they get: folds them in order. Evaluation points are each
 * second's end. Returns the index of the first threshold with abortOnFail that fails now (its delayAbortEval being over), or -1. A threshold
 * without data does not abort. *ret_observed is its value. */
int verdict_advance(struct verdict *verdict, uint64_t watermark, double *ret_observed);

/* What threshold `index` stands at: cumulative, or the window ending at the watermark. `measured_ns` is the span that counters' rates divide by
 * (for the final verdict; 0: up to the watermark). For a windowed threshold at the end: the worst window of the whole run decides, so that
 * the final verdict does not depend on when the run ended. NAN in *ret_observed: no data. */
struct verdict_result {
	double observed;
	_Bool no_data;
	_Bool pass;
	_Bool few_samples;
};
struct verdict_result verdict_result(const struct verdict *verdict, uint32_t index, uint64_t measured_ns);
