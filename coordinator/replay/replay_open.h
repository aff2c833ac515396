/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the arrivals of one open-loop scenario: which nobody accounts for, and which were there twice. */
#pragma once

#include "common/plan/schedule.h"
#include "coordinator/replay/replay_span.h"

/* What is not as the plan wanted it, in iterations. */
struct astray {
	uint64_t unknown; /* due, and nobody tells of it */
	uint64_t overlap; /* told of, and not due, or due to another one who tells of it as well */
};

/* Arrivals that nobody had at the time: an agent that heard late of an epoch did not start them. */
struct open_gap {
	uint32_t agent; /* whose they were */
	struct second_range seconds;
};

struct open_account {
	uint64_t planned;      /* arrivals due to all agents up to their ends */
	struct astray *agents; /* by agent */
	struct open_gap *gaps; /* of all scenarios that were accounted for so far */
	size_t gap_count, gap_capacity;
};

/* Until when an agent's share of the plan was to start iterations: where a run is ended early, each agent stops when it
 * hears of it. UINT64_MAX: up to the schedule's end. */
uint64_t open_until_ns(const struct facts *facts, const struct span *span, uint32_t agent);
/* What an agent tells of a scenario: iterations started (those in progress when it was lost left out) and dropped. */
struct tally open_told(const struct facts *facts, uint32_t agent, uint32_t scenario);

/* Adds a scenario's arrivals to the account, whose `agents` has room for all. 0 or -ENOMEM. */
int open_account_add(const struct facts *facts, const struct span *span, uint32_t scenario,
                     const struct schedule *schedule, struct open_account *account);
