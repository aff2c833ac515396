/* SPDX-License-Identifier: Apache-2.0 */
/* What `stampede check` says besides shares: placement, duties, data, thresholds. Prints to stdout. */
#pragma once

#include "common/plan/plan.h"
#include "coordinator/run/division.h"

/* Which agents may run a scenario; nothing if any may. */
void check_print_placement(const struct scenario *scenario);
/* What becomes of an agent's share when it is lost, and who may join. */
void check_print_agent_loss(const struct plan *plan);
void check_print_duties(const struct plan *plan);
/* Feeds; of unique ones the slack, and what the loss of one of the division's agents takes. 0 or -ENOMEM. */
int check_print_feeds(const struct plan *plan, const struct division *division);
void check_print_thresholds(const struct plan *plan);
