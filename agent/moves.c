/* SPDX-License-Identifier: Apache-2.0 */
/* Which arrivals draw spare rows. */
#include "agent/moves.h"

#include <stdlib.h>

#include "common/base/array.h"

struct moves_item {
	const struct wire_move *move;
	uint64_t from_index; /* from which on it holds here: never before the move's own */
};

void moves_deinit(struct moves *moves)
{
	free(moves->items);
	*moves = (struct moves){0};
}

int moves_add(struct moves *moves, uint32_t scenario, const struct wire_move *list, uint32_t count,
              uint64_t first_index)
{
	for (; moves->seen < count; moves->seen++) {
		const struct wire_move *move = &list[moves->seen];
		int r;

		if (move->scenario != scenario)
			continue;
		r = array_reserve(&moves->items, &moves->capacity, moves->count, sizeof(*moves->items));
		if (r < 0)
			return r;
		moves->items[moves->count++] = (struct moves_item){
		        .move = move,
		        .from_index = move->from_index > first_index ? move->from_index : first_index,
		};
	}
	return 0;
}

_Bool moves_spare(const struct moves *moves, uint64_t index, uint64_t *ret_spare)
{
	for (size_t i = moves->count; i > 0; i--) {
		const struct moves_item *item = &moves->items[i - 1];
		const struct wire_move *move = item->move;

		if (index < item->from_index || !share_owns(&move->share, index))
			continue;
		*ret_spare = move->first_spare + share_count(&move->share, index) -
		             share_count(&move->share, move->from_index);
		return 1;
	}
	return 0;
}
