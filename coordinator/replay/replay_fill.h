/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a report that come from what is known of a run rather than from its values. Each 0 or -ENOMEM. */
#pragma once

#include "coordinator/replay/replay.h"
#include "coordinator/replay/replay_coverage.h"
#include "coordinator/replay/replay_errors.h"
#include "coordinator/report/report.h"
#include "coordinator/run/verdict.h"

/* The run, its span, its environment and the names for tables. Sets second_count and warmup, makes room for
 * degraded. */
int fill_run(const struct facts *facts, const struct span *span, struct report *report);
int fill_thresholds(const struct facts *facts, const struct span *span, const struct verdict *verdict,
                    struct report *report);
/* The account, its verdict and the exit code; trust and thresholds are in the report. */
int fill_verdict(const struct facts *facts, const struct coverage *coverage, _Bool sum_equals_total,
                 struct report *report);
/* The rows of unique feeds that nobody is given any more. */
int fill_retired(const struct facts *facts, const struct coverage *coverage, struct report *report);
/* What a reader must know beside the figures; all else is in the report. */
int fill_notes(const struct facts *facts, const struct span *span, const struct errors *errors, struct report *report);
