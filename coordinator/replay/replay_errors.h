/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of a run: how often each came, first and last. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/stats/series.h"
#include "coordinator/report/report.h"

struct errors;

/* Keeps the report, whose timeline of errors is drawn as they come. NULL without memory. */
struct errors *errors_new(struct report *report);
struct errors *errors_free(struct errors *errors);
/* Adds what series `id` (of METRIC_ERRORS, its texts valid as long as `errors`) counted in a second. Those of a warm-up
 * are only counted. 0 or -ENOMEM. */
int errors_add(struct errors *errors, uint32_t id, const struct series *series, uint64_t second, uint64_t count);
/* Errors that came in a warm-up. */
uint64_t errors_in_warmup(const struct errors *errors);
/* Puts them into the report: in the order of the plan, the most frequent first. A step with more than LIMIT_ERROR_TEXTS
 * entries gives up telling groups apart, and then keeps the most frequent ones; the rest is added up as "other", by
 * class. 0 or -ENOMEM. */
int errors_give(struct errors *errors, const struct plan *plan, struct report *report);
