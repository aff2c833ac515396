/* SPDX-License-Identifier: Apache-2.0 */
/* Outages: seconds in which nothing of a scenario succeeded although it went on. */
#pragma once

#include "common/plan/plan.h"
#include "coordinator/report/report.h"

/* Notes, for each scenario of open load, the longest stretches of two seconds or more in which no operation succeeded,
 * while iterations ended, operations failed or arrivals were dropped, and how long each took. Its timeline must be
 * there. What makes few operations a second is left out: it is silent by chance. 0 or -ENOMEM. */
int replay_note_outages(const struct plan *plan, struct report *report);
