/* SPDX-License-Identifier: Apache-2.0 */
/* How much of what the plan wanted is accounted for (measuring rules 4 and 7). */
#pragma once

#include "coordinator/replay/replay_open.h"

struct coverage {
	struct tally tally; /* of all scenarios; planned is by the plan, not by what agents say; without the overlap */
	uint64_t unknown; /* iterations that nobody tells of: of agents that were lost, never finished or heard late */
	uint64_t overlap; /* iterations that ran besides those planned */
	uint64_t *unknowns;    /* by scenario: its part of unknown */
	struct astray *agents; /* by agent: its part of unknown and overlap, as far as it is one's */
	struct open_gap *gaps; /* seconds in which an agent did not run what was due to it yet */
	size_t gap_count;
	uint64_t held, due;  /* agent-seconds */
	uint32_t took_part;  /* agents of which a snapshot is held */
	uint64_t operations; /* the sum of the agents' own cumulative counts */
	uint64_t iterations;
	_Bool mismatch; /* some agent's deltas did not add up to its counts */
	_Bool balanced; /* planned = started + dropped + unknown, started = succeeded + failed + interrupted, in every
	                   scenario */
	_Bool all_done; /* every agent that had anything to do */
};

void coverage_deinit(struct coverage *coverage);
/* 0 or -ENOMEM. */
int coverage_make(const struct facts *facts, const struct span *span, struct coverage *ret_coverage);
