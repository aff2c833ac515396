/* SPDX-License-Identifier: Apache-2.0 */
/* Which seconds an agent owed, and which of those are held. */
#pragma once

#include "coordinator/replay/replay_facts.h"

struct second_range {
	uint64_t first, past; /* [first, past) */
};

/* Seconds as ranges: disjoint and ascending once they are settled. Zero is none. */
struct due {
	struct second_range *ranges;
	size_t count, capacity;
};

void due_deinit(struct due *due);
/* Takes [first, past) in as well, in any order. 0 or -ENOMEM. */
int due_add(struct due *due, uint64_t first, uint64_t past);
/* Puts what was added in order. */
void due_settle(struct due *due);
/* How many seconds are due. */
uint64_t due_seconds(const struct due *due);
/* How many of them are held of the agent. */
uint64_t due_held(const struct due *due, const struct facts_agent *agent);
/* The first run of due seconds at or after `from` that are not held. False if there is none. */
_Bool due_missing(const struct due *due, const struct facts_agent *agent, uint64_t from,
                  struct second_range *ret_missing);
