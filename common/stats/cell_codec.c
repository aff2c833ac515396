/* SPDX-License-Identifier: Apache-2.0 */
/* A cell as bytes. Its kind is not written: the series' metric tells it.
 *
 *   counter  varint count
 *   rate     varint hits, varint total
 *   gauge    varint seconds with a value; if any: last, min, max, sum as IEEE doubles, little-endian
 *   latency  varint n, then n varints: the buckets' counts without the zeros at their end; then the
 *            histogram. The buckets hold as many values as the histogram does. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/stats/cell.h"
#include "common/stats/histogram_internal.h"

enum { BUCKETS = LIMIT_BUCKET_EDGES + 1 };

static void append_double(struct buffer *buffer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	buffer_append_u64(buffer, bits);
}

static void encode_gauge(const struct gauge *gauge, struct buffer *buffer)
{
	buffer_append_varint(buffer, gauge->count);
	if (gauge->count == 0)
		return;
	append_double(buffer, gauge->last);
	append_double(buffer, gauge->min);
	append_double(buffer, gauge->max);
	append_double(buffer, gauge->sum);
}

static void encode_latency(const struct latency *latency, struct buffer *buffer)
{
	size_t used = BUCKETS;

	while (used > 0 && latency->buckets[used - 1] == 0)
		used--;
	buffer_append_varint(buffer, used);
	for (size_t i = 0; i < used; i++)
		buffer_append_varint(buffer, latency->buckets[i]);
	histogram_encode(latency->histogram, buffer);
}

void cell_encode(const struct cell *cell, struct buffer *buffer)
{
	switch (cell->kind) {
	case METRIC_COUNTER:
		buffer_append_varint(buffer, cell->counter);
		break;
	case METRIC_RATE:
		buffer_append_varint(buffer, cell->rate.hits);
		buffer_append_varint(buffer, cell->rate.total);
		break;
	case METRIC_GAUGE:
		encode_gauge(&cell->gauge, buffer);
		break;
	case METRIC_LATENCY:
		encode_latency(&cell->latency, buffer);
		break;
	}
}

static double read_double(struct reader *reader)
{
	uint64_t bits = reader_u64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static _Bool at_end(const struct reader *reader)
{
	return !reader->failed && reader->at == reader->size;
}

static int decode_counter(struct reader *reader, struct cell *ret_cell)
{
	ret_cell->counter = reader_varint(reader);
	return at_end(reader) ? 0 : -EBADMSG;
}

static int decode_rate(struct reader *reader, struct cell *ret_cell)
{
	ret_cell->rate.hits = reader_varint(reader);
	ret_cell->rate.total = reader_varint(reader);
	return at_end(reader) && ret_cell->rate.hits <= ret_cell->rate.total ? 0 : -EBADMSG;
}

static int decode_gauge(struct reader *reader, struct cell *ret_cell)
{
	struct gauge gauge = {.count = reader_varint(reader)};

	if (gauge.count > 0) {
		gauge.last = read_double(reader);
		gauge.min = read_double(reader);
		gauge.max = read_double(reader);
		gauge.sum = read_double(reader);
	}
	if (!at_end(reader) || !isfinite(gauge.min) || !isfinite(gauge.max) || !isfinite(gauge.sum))
		return -EBADMSG;
	if (!(gauge.min <= gauge.last && gauge.last <= gauge.max))
		return -EBADMSG;
	ret_cell->gauge = gauge;
	return 0;
}

static int decode_merge_latency(struct latency *into, struct reader *reader)
{
	uint64_t used = reader_varint(reader);
	uint64_t buckets[BUCKETS] = {0};
	uint64_t total = 0;
	int r;

	if (reader->failed || used > BUCKETS)
		return -EBADMSG;
	for (size_t i = 0; i < used; i++) {
		buckets[i] = reader_varint(reader);
		if (__builtin_add_overflow(total, buckets[i], &total))
			return -EBADMSG;
	}
	if (reader->failed || (used > 0 && buckets[used - 1] == 0))
		return -EBADMSG;
	r = histogram_decode_expecting(into->histogram, reader->data + reader->at, reader->size - reader->at, &total);
	if (r < 0)
		return r;
	for (size_t i = 0; i < used; i++)
		into->buckets[i] += buckets[i];
	return 0;
}

/* Counts of other cells than latencies may not wrap either. */
static _Bool adds_up(const struct cell *into, const struct cell *from)
{
	if (into->kind == METRIC_COUNTER)
		return from->counter <= UINT64_MAX - into->counter;
	if (into->kind == METRIC_RATE)
		return from->rate.total <= UINT64_MAX - into->rate.total;
	return 1;
}

int cell_decode_merge(struct cell *into, enum metric_merge merge, const uint8_t *data, size_t size)
{
	struct reader reader = {.data = data, .size = size};
	struct cell cell = {.kind = into->kind};
	int r = -EBADMSG;

	switch (into->kind) {
	case METRIC_COUNTER:
		r = decode_counter(&reader, &cell);
		break;
	case METRIC_RATE:
		r = decode_rate(&reader, &cell);
		break;
	case METRIC_GAUGE:
		r = decode_gauge(&reader, &cell);
		break;
	case METRIC_LATENCY:
		return decode_merge_latency(&into->latency, &reader);
	}
	if (r < 0)
		return r;
	return adds_up(into, &cell) ? cell_merge(into, &cell, merge) : -EBADMSG;
}
