/* SPDX-License-Identifier: Apache-2.0 */
/* The histogram's storage.
 *
 * HdrHistogram's layout has 23,552 counters: 184 KiB, of which one series touches a few hundred. So:
 *
 * - A histogram of up to 16 different buckets keeps them in itself, sorted. A fleet has thousands of
 *   series that hold a handful of values a second.
 * - Past that there is a directory of 736 block numbers and blocks of 32 counters that are taken as
 *   values need them. A record finds its counter by three loads.
 * - Counters are 32 bits wide, since a second of one agent fits by far. When one overflows, a second
 *   array holds the upper halves from then on, so that counts are exact to 64 bits.
 *
 * A reset gives the blocks back to the histogram itself: what it holds is what its fullest second took. */
#include "common/stats/histogram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/stats/histogram_internal.h"

enum { FIRST_BLOCKS = 8 };

static_assert(BLOCK_COUNT * BLOCK_SIZE == INDEX_COUNT, "the last block is whole");

struct histogram *histogram_new(void)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	if (histogram)
		histogram->min_us = UINT64_MAX;
	return histogram;
}

struct histogram *histogram_free(struct histogram *histogram)
{
	if (!histogram)
		return NULL;
	free(histogram->directory);
	free(histogram->counters);
	free(histogram->carries);
	free(histogram);
	return NULL;
}

void histogram_reset(struct histogram *histogram)
{
	histogram->count = 0;
	histogram->saturated = 0;
	histogram->sum_us = 0;
	histogram->min_us = UINT64_MAX;
	histogram->max_us = 0;
	histogram->few_used = 0;
	if (histogram->blocks_used > 0)
		memset(histogram->directory, 0, BLOCK_COUNT * sizeof(*histogram->directory));
	histogram->blocks_used = 0;
	free(histogram->carries);
	histogram->carries = NULL;
}

static int grow_array(uint32_t **array, uint32_t blocks)
{
	uint32_t *grown = realloc(*array, (size_t)blocks * BLOCK_SIZE * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*array = grown;
	return 0;
}

static int grow_blocks(struct histogram *histogram)
{
	uint32_t room = histogram->blocks_room ? histogram->blocks_room * 2 : FIRST_BLOCKS;

	if (room > BLOCK_COUNT)
		room = BLOCK_COUNT;
	if (grow_array(&histogram->counters, room) < 0)
		return -ENOMEM;
	if (histogram->carries && grow_array(&histogram->carries, room) < 0)
		return -ENOMEM;
	histogram->blocks_room = room;
	return 0;
}

static int add_block(struct histogram *histogram, uint32_t index)
{
	size_t at = (size_t)histogram->blocks_used * BLOCK_SIZE;

	if (histogram->blocks_used == histogram->blocks_room && grow_blocks(histogram) < 0)
		return -ENOMEM;
	memset(histogram->counters + at, 0, BLOCK_SIZE * sizeof(*histogram->counters));
	if (histogram->carries)
		memset(histogram->carries + at, 0, BLOCK_SIZE * sizeof(*histogram->carries));
	histogram->directory[index / BLOCK_SIZE] = (uint16_t)++histogram->blocks_used;
	return 0;
}

static int add_carries(struct histogram *histogram)
{
	if (histogram->carries)
		return 0;
	histogram->carries = calloc((size_t)histogram->blocks_room * BLOCK_SIZE, sizeof(*histogram->carries));
	return histogram->carries ? 0 : -ENOMEM;
}

/* Where this bucket's counter lies; its block must be there. */
static inline size_t slot_of(const struct histogram *histogram, uint32_t index)
{
	size_t block = histogram->directory[index / BLOCK_SIZE];

	return (block - 1) * BLOCK_SIZE + index % BLOCK_SIZE;
}

static int prepare_block(struct histogram *histogram, uint32_t index, uint64_t count)
{
	if (histogram->directory[index / BLOCK_SIZE] == 0 && add_block(histogram, index) < 0)
		return -ENOMEM;
	if (count > UINT32_MAX - histogram->counters[slot_of(histogram, index)])
		return add_carries(histogram);
	return 0;
}

/* From the sorted few to blocks. Until the last step the few are what counts. */
static int make_blocks(struct histogram *histogram)
{
	uint32_t used = histogram->few_used;

	if (!histogram->directory) {
		histogram->directory = calloc(BLOCK_COUNT, sizeof(*histogram->directory));
		if (!histogram->directory)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < used; i++)
		if (prepare_block(histogram, histogram->few_index[i], histogram->few_count[i]) < 0)
			return -ENOMEM;
	histogram->few_used = 0;
	for (uint32_t i = 0; i < used; i++)
		histogram_raise(histogram, histogram->few_index[i], histogram->few_count[i]);
	return 0;
}

/* The place among the few of this bucket, or where it would go. */
static inline uint32_t find_few(const struct histogram *histogram, uint32_t index)
{
	uint32_t at = 0;

	while (at < histogram->few_used && histogram->few_index[at] < index)
		at++;
	return at;
}

static void insert_few(struct histogram *histogram, uint32_t at, uint32_t index)
{
	uint32_t behind = histogram->few_used - at;

	memmove(&histogram->few_index[at + 1], &histogram->few_index[at], behind * sizeof(histogram->few_index[0]));
	memmove(&histogram->few_count[at + 1], &histogram->few_count[at], behind * sizeof(histogram->few_count[0]));
	histogram->few_index[at] = (uint16_t)index;
	histogram->few_count[at] = 0;
	histogram->few_used++;
}

int histogram_prepare(struct histogram *histogram, uint32_t index, uint64_t count)
{
	uint32_t at;

	if (histogram->directory && histogram->few_used == 0)
		return prepare_block(histogram, index, count);
	at = find_few(histogram, index);
	if (at < histogram->few_used && histogram->few_index[at] == index) {
		if (count <= UINT32_MAX - histogram->few_count[at])
			return 0;
	} else if (histogram->few_used < FEW_MAX && count <= UINT32_MAX) {
		insert_few(histogram, at, index);
		return 0;
	}
	if (make_blocks(histogram) < 0)
		return -ENOMEM;
	return prepare_block(histogram, index, count);
}

void histogram_raise(struct histogram *histogram, uint32_t index, uint64_t count)
{
	uint64_t low;
	size_t slot;

	if (histogram->few_used > 0) {
		histogram->few_count[find_few(histogram, index)] += (uint32_t)count;
		return;
	}
	slot = slot_of(histogram, index);
	low = (count & UINT32_MAX) + histogram->counters[slot];
	histogram->counters[slot] = (uint32_t)low;
	if (histogram->carries)
		histogram->carries[slot] += (uint32_t)(count >> 32) + (uint32_t)(low >> 32);
}

static inline void account(struct histogram *histogram, struct histogram_totals totals)
{
	histogram->count += totals.count;
	histogram->saturated += totals.saturated;
	/* Kept at the most that fits: so the sum, too, is the same in any order. */
	if (__builtin_add_overflow(histogram->sum_us, totals.sum_us, &histogram->sum_us))
		histogram->sum_us = UINT64_MAX;
	if (totals.min_us < histogram->min_us)
		histogram->min_us = totals.min_us;
	if (totals.max_us > histogram->max_us)
		histogram->max_us = totals.max_us;
}

void histogram_add_totals(struct histogram *histogram, const struct histogram_totals *totals)
{
	account(histogram, *totals);
}

/* The usual case: the counter is there and stays within 32 bits. False: nothing was done. */
static inline _Bool raise_warm(struct histogram *histogram, uint32_t index, uint64_t count)
{
	uint32_t *counter;

	if (histogram->few_used > 0) {
		uint32_t at = find_few(histogram, index);

		if (at == histogram->few_used || histogram->few_index[at] != index)
			return 0;
		counter = &histogram->few_count[at];
	} else {
		if (!histogram->directory || histogram->directory[index / BLOCK_SIZE] == 0)
			return 0;
		counter = &histogram->counters[slot_of(histogram, index)];
	}
	if (count > UINT32_MAX - *counter)
		return 0;
	*counter += (uint32_t)count;
	return 1;
}

int histogram_record(struct histogram *histogram, uint64_t value_us, uint64_t count)
{
	uint32_t index = histogram_index(histogram_within_us(value_us));
	uint64_t sum_us;

	if (count == 0)
		return 0;
	if (count > UINT64_MAX - histogram->count)
		return -EOVERFLOW;
	if (!raise_warm(histogram, index, count)) {
		if (histogram_prepare(histogram, index, count) < 0)
			return -ENOMEM;
		histogram_raise(histogram, index, count);
	}
	if (__builtin_mul_overflow(value_us, count, &sum_us))
		sum_us = UINT64_MAX;
	account(histogram, (struct histogram_totals){
	                           .count = count,
	                           .saturated = value_us > HISTOGRAM_HIGHEST_US ? count : 0,
	                           .sum_us = sum_us,
	                           .min_us = value_us,
	                           .max_us = value_us,
	                   });
	return 0;
}

int histogram_add(struct histogram *into, const struct histogram *from)
{
	struct histogram_totals totals = {from->count, from->saturated, from->sum_us, from->min_us, from->max_us};
	struct histogram_cursor cursor = {.histogram = from};

	assert(into != from);
	if (from->count == 0)
		return 0;
	if (from->count > UINT64_MAX - into->count)
		return -EOVERFLOW;
	while (histogram_cursor_next(&cursor))
		if (histogram_prepare(into, cursor.index, cursor.count) < 0)
			return -ENOMEM;
	cursor = (struct histogram_cursor){.histogram = from};
	while (histogram_cursor_next(&cursor))
		histogram_raise(into, cursor.index, cursor.count);
	histogram_add_totals(into, &totals);
	return 0;
}

static _Bool next_few(struct histogram_cursor *cursor)
{
	const struct histogram *histogram = cursor->histogram;

	while (cursor->next < histogram->few_used) {
		uint32_t at = cursor->next++;

		if (histogram->few_count[at] == 0)
			continue; /* prepared, and then there was no memory for another */
		cursor->index = histogram->few_index[at];
		cursor->count = histogram->few_count[at];
		return 1;
	}
	return 0;
}

/* The next bucket of the block that `next` lies in. */
static _Bool next_in_block(struct histogram_cursor *cursor)
{
	const struct histogram *histogram = cursor->histogram;
	size_t base = slot_of(histogram, cursor->next / BLOCK_SIZE * BLOCK_SIZE);
	uint32_t within = cursor->next % BLOCK_SIZE;

	do {
		uint64_t count = histogram->counters[base + within];

		if (histogram->carries)
			count |= (uint64_t)histogram->carries[base + within] << 32;
		cursor->index = cursor->next++;
		cursor->count = count;
		if (count > 0)
			return 1;
	} while (++within < BLOCK_SIZE);
	return 0;
}

_Bool histogram_cursor_next(struct histogram_cursor *cursor)
{
	const struct histogram *histogram = cursor->histogram;

	if (histogram->few_used > 0 || histogram->blocks_used == 0)
		return next_few(cursor);
	while (cursor->next < INDEX_COUNT) {
		if (histogram->directory[cursor->next / BLOCK_SIZE] == 0)
			cursor->next = (cursor->next / BLOCK_SIZE + 1) * BLOCK_SIZE;
		else if (next_in_block(cursor))
			return 1;
	}
	return 0;
}

size_t histogram_memory(const struct histogram *histogram)
{
	size_t array = (size_t)histogram->blocks_room * BLOCK_SIZE * sizeof(uint32_t);

	return sizeof(*histogram) + (histogram->directory ? BLOCK_COUNT * sizeof(*histogram->directory) : 0) + array +
	       (histogram->carries ? array : 0);
}
