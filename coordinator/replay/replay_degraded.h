/* SPDX-License-Identifier: Apache-2.0 */
/* The degraded seconds of a run: in which the load was below the plan, or nobody can say. */
#pragma once

#include "coordinator/replay/replay_coverage.h"
#include "coordinator/report/report.h"

/* Marks the seconds of the report's timeline and says why. A second is degraded if an agent owed a snapshot of it and
 * none is held, did not run what was due to it yet, or stood still. 0 or -ENOMEM. */
int degraded_mark(const struct facts *facts, const struct span *span, const struct coverage *coverage,
                  struct report *report);
