/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted under one series: a counter, a rate, a gauge or a latency. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/limits.h"
#include "common/stats/histogram.h"
#include "common/stats/metrics.h"

/* A second's level. Merged over agents by the metric's rule; over seconds by cell_add_later(). */
struct gauge {
	double last, min, max;
	double sum;     /* of the seconds' values */
	uint64_t count; /* seconds with a value; 0: none */
};

/* A distribution and, apart from it, exact counts between the plan's bucket edges: buckets[i]
 * counts edges[i-1] <= value < edges[i] (in us), the last one all above. */
struct latency {
	struct histogram *histogram;
	uint64_t buckets[LIMIT_BUCKET_EDGES + 1];
};

/* The response-time buckets' edges, in ascending us. */
struct bucket_edges {
	uint32_t count;
	uint64_t us[LIMIT_BUCKET_EDGES];
};

struct cell {
	enum metric_kind kind;
	union {
		uint64_t counter;
		struct {
			uint64_t hits;  /* how often it was true */
			uint64_t total; /* of how many */
		} rate;
		struct gauge gauge;
		struct latency latency;
	};
};

/* An empty cell. A latency's histogram is made at once: 0 or -ENOMEM. */
int cell_init(struct cell *cell, enum metric_kind kind);
void cell_deinit(struct cell *cell);
/* Empties it, keeps the memory. */
void cell_reset(struct cell *cell);
_Bool cell_is_empty(const struct cell *cell);

/* Records one latency; edges->count may be 0. 0 or -ENOMEM. Nothing else may record into a cell's
 * histogram: it and the buckets hold equally many values, and the decoder insists on it. */
int cell_record_latency(struct cell *cell, const struct bucket_edges *edges, uint64_t value_us);

/* Makes `value` this second's level. */
void cell_set_gauge(struct cell *cell, double value);

/* Merges the same second's values of another agent or worker (gauges by `merge`). 0, -ENOMEM, -EINVAL if the
 * kinds differ, -EOVERFLOW of a histogram. */
int cell_merge(struct cell *into, const struct cell *from, enum metric_merge merge);
/* Joins a later second's values (gauges: last, min, max, sum). Returns what cell_merge() does. */
int cell_add_later(struct cell *into, const struct cell *from);

/* The compact form used by snapshots and the journal (docs/protocol.md: "cell"). Canonical. */
void cell_encode(const struct cell *cell, struct buffer *buffer);
/* Decodes exactly `size` bytes, merging into `into`, which must be of the kind that was encoded.
 * -EBADMSG, -ENOMEM; `into` is then as it was. */
int cell_decode_merge(struct cell *into, enum metric_merge merge, const uint8_t *data, size_t size);
