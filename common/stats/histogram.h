/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of whole microseconds with HdrHistogram's bucket layout: 1 us to 1 h, 3 significant
 * digits. Stored sparsely, merged exactly.
 *
 * Layout (HdrHistogram, Gil Tene; lowest discernible value 1, 2048 sub-buckets, so that a bucket is
 * never wider than 1/1000 of its value): values below 2048 have a counter each; above, each doubling
 * of the value has 1024 counters of twice the width. Index and width are those of HdrHistogram's
 * countsArrayIndex() and sizeOfEquivalentValueRange().
 *
 * A latency is recorded in whole microseconds, truncated. Not locked: one thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"

#define HISTOGRAM_HIGHEST_US UINT64_C(3600000000) /* 1 h; above it a value is counted as saturated */

struct histogram;

struct histogram *histogram_new(void); /* NULL without memory */
struct histogram *histogram_free(struct histogram *histogram);
/* Forgets all values; keeps the memory for the next ones. */
void histogram_reset(struct histogram *histogram);

/* Records `count` values. One above HISTOGRAM_HIGHEST_US is kept as HISTOGRAM_HIGHEST_US and counted
 * as saturated; its true value still counts for min, max and sum. 0, -ENOMEM, or -EOVERFLOW if the
 * values would be more than 2^64 - 1 (nothing recorded). */
int histogram_record(struct histogram *histogram, uint64_t value_us, uint64_t count);
/* Adds all of `from`: the result is as if all values had been recorded here. `from` is another one.
 * 0, -ENOMEM or -EOVERFLOW (then `into` is as it was). */
int histogram_add(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram);
uint64_t histogram_saturated(const struct histogram *histogram);
uint64_t histogram_sum_us(const struct histogram *histogram); /* exact; UINT64_MAX if it doesn't fit */
uint64_t histogram_min_us(const struct histogram *histogram); /* exact; 0 when empty */
uint64_t histogram_max_us(const struct histogram *histogram); /* exact; 0 when empty */
double histogram_mean_us(const struct histogram *histogram);  /* sum / count; 0 when empty */
/* HdrHistogram's getStdDeviation(): from the buckets' median equivalent values. */
double histogram_stddev_us(const struct histogram *histogram);
/* The value that at least `percentile` per cent (0..100) of all values do not exceed: the highest
 * value equivalent to the bucket's (HdrHistogram's getValueAtPercentile(); of percentile 0 the
 * lowest), but never above max. 0 when empty. */
uint64_t histogram_percentile_us(const struct histogram *histogram, double percentile);
/* How many values lie in buckets up to and including that of value_us. */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value_us);
/* True if `percentile` of that many values rests on fewer than 10 values above it:
 * count < 10 / (1 - percentile/100). */
_Bool histogram_few_samples(uint64_t count, double percentile);

/* The non-empty buckets in ascending order: lowest and highest equivalent value and count. */
typedef void (*histogram_bucket_fn)(void *context, uint64_t low_us, uint64_t high_us, uint64_t count);
void histogram_each(const struct histogram *histogram, histogram_bucket_fn bucket, void *context);

/* Our own compact form (docs/protocol.md: "histogram"): the same content always gives the same
 * bytes, whatever the order of records and merges. Appends; buffer->failed tells of no memory. */
void histogram_encode(const struct histogram *histogram, struct buffer *buffer);
/* Decodes exactly `size` bytes and ADDS them to `into` (so a snapshot merges without a detour).
 * -EBADMSG on anything that histogram_encode() cannot have written, or that would be more than 2^64 - 1
 * values with those of `into`; -ENOMEM (`into` is then as it was). */
int histogram_decode_add(struct histogram *into, const uint8_t *data, size_t size);
/* HdrHistogram's V2 compressed form, base64 (what an .hlog line holds): buffer is appended to. 0 or
 * -ENOMEM (buffer is then as it was). Saturated values are at HISTOGRAM_HIGHEST_US there. */
int histogram_encode_hlog(const struct histogram *histogram, struct buffer *buffer);
/* Bytes of memory that it holds. */
size_t histogram_memory(const struct histogram *histogram);
