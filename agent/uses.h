/* SPDX-License-Identifier: Apache-2.0 */
/* Which feeds a scenario's templates read. Pure. */
#pragma once

#include "common/plan/plan.h"

/* True if a step of the scenario, or a header of its target, reads a column of the feed. */
_Bool uses_feed(const struct plan *plan, uint32_t scenario, const struct feed *feed);
/* Where the scenario's draws from a unique feed begin: after the iterations that earlier scenarios with this feed plan.
 * UINT64_MAX if one of those has no planned number. */
uint64_t uses_feed_offset(const struct plan *plan, uint32_t scenario, const struct feed *feed);
