/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram as bytes, for snapshots and the journal.
 *
 *   varint  buckets   how many are not empty; 0 ends it
 *   varint  min_us, max_us - min_us, sum_us, saturated
 *   then for each bucket, in ascending order:
 *   varint  gap       indices skipped since the bucket before (the first: its index)
 *   varint  count     from 1
 *
 * The bytes are a function of the content alone. The decoder takes exactly what the encoder can have
 * written: it checks that the least and the greatest value lie in the first and the last bucket, that
 * saturated values are where they must be, and that the sum lies between the least and the most that
 * values in these buckets can add up to. So a corrupt message cannot bring a histogram that says
 * different things about itself. */
#include <errno.h>

#include "common/stats/histogram.h"
#include "common/stats/histogram_internal.h"

typedef unsigned __int128 wide;

enum {
	HEAD_NUMBERS = 5,
	VARINT_MAX_BYTES = 10,
};

/* One byte is what most gaps and counts are. */
static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static inline uint64_t take_varint(struct reader *reader)
{
	if (reader->at < reader->size && reader->data[reader->at] < 0x80 && !reader->failed)
		return reader->data[reader->at++];
	return reader_varint(reader);
}

static uint64_t count_buckets(const struct histogram *histogram)
{
	struct histogram_cursor cursor = {.histogram = histogram};
	uint64_t buckets = 0;

	while (histogram_cursor_next(&cursor))
		buckets++;
	return buckets;
}

void histogram_encode(const struct histogram *histogram, struct buffer *buffer)
{
	struct histogram_cursor cursor = {.histogram = histogram};
	uint64_t buckets = count_buckets(histogram);
	uint32_t expected = 0;
	uint8_t *at;

	if (buffer_reserve(buffer, (HEAD_NUMBERS + 2 * buckets) * VARINT_MAX_BYTES) < 0)
		return;
	at = put_varint(buffer->data + buffer->size, buckets);
	if (buckets > 0) {
		at = put_varint(at, histogram->min_us);
		at = put_varint(at, histogram->max_us - histogram->min_us);
		at = put_varint(at, histogram->sum_us);
		at = put_varint(at, histogram->saturated);
	}
	while (histogram_cursor_next(&cursor)) {
		at = put_varint(at, cursor.index - expected);
		at = put_varint(at, cursor.count);
		expected = cursor.index + 1;
	}
	buffer->size = (size_t)(at - buffer->data);
}

struct coded {
	uint64_t buckets;
	struct histogram_totals totals;
	struct reader reader; /* at the first bucket */
};

/* Walks the buckets of a coded histogram. */
struct coded_cursor {
	struct reader reader;
	uint64_t left;
	uint64_t next;
	uint32_t index;
	uint64_t count;
};

static struct coded_cursor begin(const struct coded *coded)
{
	return (struct coded_cursor){.reader = coded->reader, .left = coded->buckets};
}

/* False at the end and on what no bucket can be (then reader.failed). */
static inline _Bool next_bucket(struct coded_cursor *cursor)
{
	uint64_t gap;

	if (cursor->left == 0)
		return 0;
	gap = take_varint(&cursor->reader);
	cursor->count = take_varint(&cursor->reader);
	if (cursor->reader.failed || gap >= INDEX_COUNT || cursor->next + gap >= INDEX_COUNT || cursor->count == 0) {
		cursor->reader.failed = -EBADMSG;
		return 0;
	}
	cursor->index = (uint32_t)(cursor->next + gap);
	cursor->next = (uint64_t)cursor->index + 1;
	cursor->left--;
	return 1;
}

static int read_head(struct coded *coded)
{
	struct reader *reader = &coded->reader;
	struct histogram_totals *totals = &coded->totals;
	uint64_t range_us;

	coded->buckets = reader_varint(reader);
	if (coded->buckets == 0 || coded->buckets > INDEX_COUNT)
		return -EBADMSG;
	totals->min_us = reader_varint(reader);
	range_us = reader_varint(reader);
	totals->sum_us = reader_varint(reader);
	totals->saturated = reader_varint(reader);
	if (reader->failed || __builtin_add_overflow(totals->min_us, range_us, &totals->max_us))
		return -EBADMSG;
	return 0;
}

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The least and the most that values in the buckets seen so far can add up to. */
struct bounds {
	wide low, high;
};

/* Values between low_us and high_us, none below the least value of all or above the greatest. */
static void widen(struct bounds *bounds, const struct histogram_totals *totals, uint64_t low_us, uint64_t high_us,
                  uint64_t count)
{
	bounds->low += (wide)most(low_us, totals->min_us) * count;
	bounds->high += (wide)least(high_us, totals->max_us) * count;
}

static void widen_by_bucket(struct bounds *bounds, const struct histogram_totals *totals,
                            const struct coded_cursor *bucket)
{
	uint64_t width_us;
	uint64_t low_us = histogram_low_us(bucket->index, &width_us);
	uint64_t high_us = histogram_within_us(low_us + width_us - 1);
	uint64_t saturated = bucket->index == histogram_index(HISTOGRAM_HIGHEST_US) ? totals->saturated : 0;

	if (bucket->count > saturated)
		widen(bounds, totals, low_us, high_us, bucket->count - saturated);
	if (saturated > 0)
		widen(bounds, totals, HISTOGRAM_HIGHEST_US + 1, UINT64_MAX, saturated);
}

/* One of the values is the least and one the greatest: what that takes off the bounds. */
static _Bool sum_fits(struct bounds bounds, const struct histogram_totals *totals)
{
	uint64_t width_us;
	uint64_t low_us = histogram_low_us(histogram_index(histogram_within_us(totals->max_us)), &width_us);
	uint64_t high_us;

	if (totals->saturated > 0)
		low_us = HISTOGRAM_HIGHEST_US + 1;
	bounds.low += totals->max_us - most(low_us, totals->min_us);
	low_us = histogram_low_us(histogram_index(histogram_within_us(totals->min_us)), &width_us);
	high_us = totals->saturated == totals->count ? UINT64_MAX : histogram_within_us(low_us + width_us - 1);
	bounds.high -= least(high_us, totals->max_us) - totals->min_us;
	if (bounds.low > UINT64_MAX)
		return totals->sum_us == UINT64_MAX;
	return totals->sum_us >= bounds.low && totals->sum_us <= bounds.high;
}

static _Bool saturated_fits(const struct histogram_totals *totals, uint64_t in_top)
{
	return totals->saturated <= in_top && (totals->saturated > 0) == (totals->max_us > HISTOGRAM_HIGHEST_US) &&
	       (totals->saturated == totals->count) == (totals->min_us > HISTOGRAM_HIGHEST_US);
}

/* Reads and checks all of it without keeping a bucket. */
static int check(struct coded *coded)
{
	struct histogram_totals *totals = &coded->totals;
	uint32_t top = histogram_index(HISTOGRAM_HIGHEST_US);
	uint32_t first = histogram_index(histogram_within_us(totals->min_us));
	uint32_t last = histogram_index(histogram_within_us(totals->max_us));
	struct coded_cursor cursor = begin(coded);
	struct bounds bounds = {0};
	uint64_t in_top = 0;

	while (next_bucket(&cursor)) {
		if (totals->count == 0 && cursor.index != first)
			return -EBADMSG;
		if (__builtin_add_overflow(totals->count, cursor.count, &totals->count))
			return -EBADMSG;
		in_top = cursor.index == top ? cursor.count : 0;
		if (cursor.index == top && cursor.count < totals->saturated)
			return -EBADMSG;
		widen_by_bucket(&bounds, totals, &cursor);
	}
	if (cursor.reader.failed || cursor.reader.at != cursor.reader.size || cursor.index != last)
		return -EBADMSG;
	return saturated_fits(totals, in_top) && sum_fits(bounds, totals) ? 0 : -EBADMSG;
}

static int add_coded(struct histogram *into, const struct coded *coded)
{
	struct coded_cursor cursor = begin(coded);

	while (next_bucket(&cursor))
		if (histogram_prepare(into, cursor.index, cursor.count) < 0)
			return -ENOMEM;
	cursor = begin(coded);
	while (next_bucket(&cursor))
		histogram_raise(into, cursor.index, cursor.count);
	histogram_add_totals(into, &coded->totals);
	return 0;
}

int histogram_decode_expecting(struct histogram *into, const uint8_t *data, size_t size, const uint64_t *expected)
{
	struct coded coded = {.reader = {.data = data, .size = size}};

	if (size == 1 && data[0] == 0)
		return expected && *expected != 0 ? -EBADMSG : 0;
	if (read_head(&coded) < 0 || check(&coded) < 0)
		return -EBADMSG;
	if (expected && *expected != coded.totals.count)
		return -EBADMSG;
	if (coded.totals.count > UINT64_MAX - into->count)
		return -EBADMSG;
	return add_coded(into, &coded);
}

int histogram_decode_add(struct histogram *into, const uint8_t *data, size_t size)
{
	return histogram_decode_expecting(into, data, size, NULL);
}
