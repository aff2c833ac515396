/* SPDX-License-Identifier: Apache-2.0 */
/* The histogram's inside, for the files that make it up alone. */
#pragma once

#include <stdint.h>

#include "common/stats/histogram.h"

enum {
	SUB_BUCKETS = 2048, /* of the first doubling: the least power of two of at least 2 * 10^3 */
	SUB_BUCKETS_HALF = SUB_BUCKETS / 2,
	INDEX_COUNT = 23552, /* HdrHistogram's countsArrayLength for 1 us to 1 h with 3 digits */

	BLOCK_SIZE = 32, /* counters, 128 bytes */
	BLOCK_COUNT = INDEX_COUNT / BLOCK_SIZE,
	FEW_MAX = 16, /* different buckets before there are blocks */
};

struct histogram {
	uint64_t count;
	uint64_t saturated;
	uint64_t sum_us; /* UINT64_MAX if it doesn't fit */
	uint64_t min_us; /* UINT64_MAX while empty */
	uint64_t max_us; /* 0 while empty */

	/* At first, buckets in ascending order. No count above UINT32_MAX. */
	uint32_t few_used;
	uint16_t few_index[FEW_MAX];
	uint32_t few_count[FEW_MAX];

	/* Then blocks: directory[index / BLOCK_SIZE] is the number of the block from 1, or 0. */
	uint16_t *directory;
	uint32_t *counters; /* the low halves of the counts, block by block */
	uint32_t *carries;  /* the high halves; NULL while all are 0 */
	uint32_t blocks_used;
	uint32_t blocks_room;
};

/* HdrHistogram's countsArrayIndex(). */
static inline uint32_t histogram_index(uint64_t value_us)
{
	uint32_t shift = 53 - (uint32_t)__builtin_clzll(value_us | (SUB_BUCKETS - 1));

	return (shift << 10) + (uint32_t)(value_us >> shift);
}

/* The lowest value of a bucket, and how many values it has. */
static inline uint64_t histogram_low_us(uint32_t index, uint64_t *ret_width_us)
{
	uint32_t shift = index < SUB_BUCKETS ? 0 : index / SUB_BUCKETS_HALF - 1;

	*ret_width_us = UINT64_C(1) << shift;
	return (uint64_t)(index - shift * SUB_BUCKETS_HALF) << shift;
}

static inline uint64_t histogram_within_us(uint64_t value_us)
{
	return value_us < HISTOGRAM_HIGHEST_US ? value_us : HISTOGRAM_HIGHEST_US;
}

/* Makes sure that histogram_raise() of this bucket by this count needs no memory. 0 or -ENOMEM. */
int histogram_prepare(struct histogram *histogram, uint32_t index, uint64_t count);
/* Adds to a prepared bucket. */
void histogram_raise(struct histogram *histogram, uint32_t index, uint64_t count);
/* What is known of values apart from their buckets. */
struct histogram_totals {
	uint64_t count;
	uint64_t saturated;
	uint64_t sum_us;
	uint64_t min_us;
	uint64_t max_us;
};
/* Adds them; that the count fits has been checked. */
void histogram_add_totals(struct histogram *histogram, const struct histogram_totals *totals);

/* Walks the non-empty buckets in ascending order. Begin with {.histogram = h}. */
struct histogram_cursor {
	const struct histogram *histogram;
	uint32_t next;
	uint32_t index;
	uint64_t count;
};
_Bool histogram_cursor_next(struct histogram_cursor *cursor);

/* histogram_decode_add() that also refuses what does not hold exactly *expected values (NULL: any). */
int histogram_decode_expecting(struct histogram *into, const uint8_t *data, size_t size, const uint64_t *expected);
