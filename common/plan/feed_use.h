/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a unique feed a plan takes. Pure.
 *
 * Each scenario that reads the feed draws one row an iteration. Scenarios draw one behind the other, in the plan's
 * order: draw n of a scenario is row offset + n. The rows behind all planned draws are spare: an arrival that has moved
 * to another agent draws one of them (see wire_move), because its own row may have been drawn by the agent before. */
#pragma once

#include "common/plan/plan.h"

/* Where the draws of a scenario begin: behind those that earlier scenarios plan. UINT64_MAX if one of those has no
 * planned number. */
uint64_t feed_use_offset(const struct plan *plan, uint32_t scenario, uint32_t feed);
/* The draws that all scenarios plan. UINT64_MAX if one has no planned number: then no row is spare. */
uint64_t feed_use_draws(const struct plan *plan, uint32_t feed);
/* How many rows are spare (the slack). */
uint64_t feed_use_spares(const struct plan *plan, uint32_t feed);
/* The row of spare n (from 0; one count over all scenarios of the run), or UINT64_MAX if the feed has no such row. */
uint64_t feed_use_spare_row(const struct plan *plan, uint32_t feed, uint64_t n);
/* True if the scenario reads a unique feed: what is moved of it needs spare rows. */
_Bool feed_use_any_unique(const struct plan *plan, uint32_t scenario);
