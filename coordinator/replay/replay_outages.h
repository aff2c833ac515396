/* SPDX-License-Identifier: Apache-2.0 */
/* Outages: seconds in which nothing of a scenario succeeded although it was due. */
#pragma once

#include "coordinator/replay/replay_span.h"
#include "coordinator/report/report.h"

/* Notes, for each scenario of open load, the longest stretches of two seconds or more in which no operation succeeded
 * while arrivals were due in each of them, and how long each took. Timeline and degraded seconds must be there: these
 * are the agents' own. What makes few operations a second is left out: it is silent by chance. 0 or -ENOMEM. */
int replay_note_outages(const struct facts *facts, const struct span *span, struct report *report);
