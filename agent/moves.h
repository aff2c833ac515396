/* SPDX-License-Identifier: Apache-2.0 */
/* Which arrivals of a scenario draw spare rows of its unique feeds, because epochs have moved them to other agents (see
 * wire_move). Pure. Zero is none. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/wire/message.h"

struct moves {
	struct moves_item *items;
	size_t count;
	size_t capacity;
	uint32_t seen; /* of the agent's list */
};

void moves_deinit(struct moves *moves);
/* Takes in what is new of the agent's list of all moves so far, which must outlive it. They hold for arrivals from
 * `first_index` on: earlier ones are still run by the epoch before. 0 or -ENOMEM. */
int moves_add(struct moves *moves, uint32_t scenario, const struct wire_move *list, uint32_t count,
              uint64_t first_index);
/* The number of the spare row that the arrival draws; false if it draws its own. */
_Bool moves_spare(const struct moves *moves, uint64_t index, uint64_t *ret_spare);
