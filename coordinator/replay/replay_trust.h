/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the harness itself got in the way of what it measured (measuring rule 8). */
#pragma once

#include "common/base/clock.h"
#include "coordinator/replay/replay_coverage.h"
#include "coordinator/report/report.h"

#define TRUST_JUMP_LIMIT_NS (10 * NS_PER_MS) /* of a clock's step: no more than a start may be late anyway */

/* Fills report->trust and report->trusted; the rows are in the report. A check without anything to check is left out.
 * 0 or -ENOMEM. */
int trust_make(const struct facts *facts, const struct coverage *coverage, struct report *report);
