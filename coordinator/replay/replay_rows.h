/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a report, summed up from leaf series a second at a time, in memory that grows with the rows and not with
 * the run (but for the timeline, which is the report's). */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/stats/series.h"
#include "coordinator/report/report.h"

struct rows;

#define OTHER_GROUP "(other)" /* what is past maxGroups of a step */

/* Keeps both pointers. report->second_count is set: the timeline's arrays are made by it. Every row that the plan's
 * steps can produce is there from the start. 0 or -ENOMEM. */
int rows_new(const struct plan *plan, struct report *report, struct rows **ret_rows);
struct rows *rows_free(struct rows *rows);

/* Adds one series' values of the second that is going on. `id` is the series' number in the journal. 0, -ENOMEM, or
 * -EBADMSG (its scenario or step isn't the plan's). */
int rows_add(struct rows *rows, uint32_t id, const struct series *series, const struct cell *cell);
/* Every series of `second` has been added. Seconds come in ascending order. */
int rows_end_second(struct rows *rows, uint64_t second);

/* Adds what belongs to no second to a counter of a step (both by their place in the plan) and to those above. 0 or
 * -ENOMEM. */
int rows_count(struct rows *rows, enum metric_id metric, uint32_t scenario, uint32_t step, uint64_t count);
/* All values of a metric in the whole run, warm-up included: what the agents' own counts must equal. */
uint64_t rows_total(const struct rows *rows, enum metric_id metric);
/* Moves rows and lines into the report, in their order. Nothing can be added afterwards. */
int rows_give(struct rows *rows, double measured_s);
