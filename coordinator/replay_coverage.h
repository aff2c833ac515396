/* SPDX-License-Identifier: Apache-2.0 */
/* How much of what the plan wanted is accounted for (measuring rules 4 and 7). */
#pragma once

#include "coordinator/replay_span.h"

struct coverage {
	struct tally tally;  /* of all scenarios; planned is by the plan, not by what agents say */
	uint64_t unknown;    /* iterations of agents that were lost or never finished */
	uint64_t held, due;  /* agent-seconds */
	uint32_t took_part;  /* agents of which a snapshot is held */
	uint64_t operations; /* the sum of the agents' own cumulative counts */
	uint64_t iterations;
	_Bool mismatch; /* some agent's deltas did not add up to its counts */
	_Bool balanced; /* planned = started + dropped, started = succeeded + failed + interrupted, in every scenario */
	_Bool all_done;
};

/* 0 or -ENOMEM. */
int coverage_make(const struct facts *facts, const struct span *span, struct coverage *ret_coverage);
