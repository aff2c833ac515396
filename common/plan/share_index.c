/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up the indices of a share: one by one, counted, and in ascending order. */
#include "common/plan/share.h"

#include <errno.h>
#include <stdlib.h>

/* One class and the index that it comes to next. */
struct share_step {
	uint64_t index; /* UINT64_MAX: past the last one that 64 bits hold */
	struct share_class class;
};

_Bool share_owns(const struct share *share, uint64_t index)
{
	for (uint32_t i = 0; i < share->count; i++)
		if (index % share->classes[i].modulus == share->classes[i].residue)
			return 1;
	return 0;
}

static uint64_t class_count(const struct share_class *class, uint64_t limit)
{
	return limit > class->residue ? (limit - 1 - class->residue) / class->modulus + 1 : 0;
}

uint64_t share_count(const struct share *share, uint64_t limit)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < share->count; i++)
		count += class_count(&share->classes[i], limit);
	return count;
}

static uint64_t class_next(const struct share_class *class, uint64_t from)
{
	uint64_t next, rest;

	if (from <= class->residue)
		return class->residue;
	rest = (from - class->residue) % class->modulus;
	if (rest == 0)
		return from;
	return __builtin_add_overflow(from, class->modulus - rest, &next) ? UINT64_MAX : next;
}

uint64_t share_next(const struct share *share, uint64_t from)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < share->count; i++) {
		uint64_t candidate = class_next(&share->classes[i], from);

		if (candidate < next)
			next = candidate;
	}
	return next;
}

static uint64_t class_nth(const struct share_class *class, uint64_t n)
{
	uint64_t index;

	if (__builtin_mul_overflow(n, class->modulus, &index) || __builtin_add_overflow(index, class->residue, &index))
		return UINT64_MAX;
	return index;
}

uint64_t share_nth(const struct share *share, uint64_t n)
{
	uint64_t low = 0, high = UINT64_MAX;

	if (share->count == 1)
		return class_nth(&share->classes[0], n);
	/* The n-th of any one class alone is at or past the n-th of all. */
	for (uint32_t i = 0; i < share->count; i++) {
		uint64_t bound = class_nth(&share->classes[i], n);

		if (bound < high)
			high = bound;
	}
	if (high == UINT64_MAX)
		return UINT64_MAX;
	while (low < high) { /* the smallest index with more than n owned ones up to and including it */
		uint64_t middle = low + (high - low) / 2;

		if (share_count(share, middle + 1) > n)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void sift_down(struct share_cursor *cursor, uint32_t at)
{
	struct share_step *heap = cursor->heap, moved = heap[at];

	for (;;) {
		uint64_t child = 2 * (uint64_t)at + 1;

		if (child >= cursor->count)
			break;
		if (child + 1 < cursor->count && heap[child + 1].index < heap[child].index)
			child++;
		if (heap[child].index >= moved.index)
			break;
		heap[at] = heap[child];
		at = (uint32_t)child;
	}
	heap[at] = moved;
}

int share_cursor_init(struct share_cursor *cursor, const struct share *share, uint64_t from)
{
	struct share_step *heap = NULL;

	if (share->count > 0) {
		heap = calloc(share->count, sizeof(*heap));
		if (!heap)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < share->count; i++)
		heap[i].class = share->classes[i];
	*cursor = (struct share_cursor){.heap = heap, .count = share->count};
	share_cursor_seek(cursor, from);
	return 0;
}

void share_cursor_deinit(struct share_cursor *cursor)
{
	free(cursor->heap);
	*cursor = (struct share_cursor){0};
}

uint64_t share_cursor_index(const struct share_cursor *cursor)
{
	return cursor->count > 0 ? cursor->heap[0].index : UINT64_MAX;
}

uint64_t share_cursor_count(const struct share_cursor *cursor, uint64_t limit)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < cursor->count; i++) {
		const struct share_step *step = &cursor->heap[i];

		if (step->index < limit)
			count += (limit - 1 - step->index) / step->class.modulus + 1;
	}
	return count;
}

void share_cursor_advance(struct share_cursor *cursor)
{
	struct share_step *step = cursor->heap;

	if (cursor->count == 0)
		return;
	if (__builtin_add_overflow(step->index, step->class.modulus, &step->index))
		step->index = UINT64_MAX;
	if (cursor->count > 1)
		sift_down(cursor, 0);
}

void share_cursor_seek(struct share_cursor *cursor, uint64_t from)
{
	for (uint32_t i = 0; i < cursor->count; i++)
		cursor->heap[i].index = class_next(&cursor->heap[i].class, from);
	for (uint32_t i = cursor->count / 2; i-- > 0;)
		sift_down(cursor, i);
}
