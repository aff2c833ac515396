/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of every kind: recording and joining. */
#include "common/stats/cell.h"

#include <errno.h>
#include <string.h>

int cell_init(struct cell *cell, enum metric_kind kind)
{
	memset(cell, 0, sizeof(*cell));
	cell->kind = kind;
	if (kind != METRIC_LATENCY)
		return 0;
	cell->latency.histogram = histogram_new();
	return cell->latency.histogram ? 0 : -ENOMEM;
}

void cell_deinit(struct cell *cell)
{
	if (cell->kind == METRIC_LATENCY)
		histogram_free(cell->latency.histogram);
	memset(cell, 0, sizeof(*cell));
}

void cell_reset(struct cell *cell)
{
	switch (cell->kind) {
	case METRIC_COUNTER:
		cell->counter = 0;
		break;
	case METRIC_RATE:
		cell->rate.hits = 0;
		cell->rate.total = 0;
		break;
	case METRIC_GAUGE:
		cell->gauge = (struct gauge){0};
		break;
	case METRIC_LATENCY:
		histogram_reset(cell->latency.histogram);
		memset(cell->latency.buckets, 0, sizeof(cell->latency.buckets));
		break;
	}
}

_Bool cell_is_empty(const struct cell *cell)
{
	switch (cell->kind) {
	case METRIC_COUNTER:
		return cell->counter == 0;
	case METRIC_RATE:
		return cell->rate.total == 0;
	case METRIC_GAUGE:
		return cell->gauge.count == 0;
	case METRIC_LATENCY:
		return histogram_count(cell->latency.histogram) == 0;
	}
	return 1;
}

int cell_record_latency(struct cell *cell, const struct bucket_edges *edges, uint64_t value_us)
{
	uint32_t bucket = 0;
	int r = histogram_record(cell->latency.histogram, value_us, 1);

	if (r < 0)
		return r;
	while (bucket < edges->count && value_us >= edges->us[bucket])
		bucket++;
	cell->latency.buckets[bucket]++;
	return 0;
}

void cell_set_gauge(struct cell *cell, double value)
{
	cell->gauge = (struct gauge){.last = value, .min = value, .max = value, .sum = value, .count = 1};
}

static double greater(double a, double b)
{
	return a > b ? a : b;
}

static double lesser(double a, double b)
{
	return a < b ? a : b;
}

static void merge_gauge(struct gauge *into, const struct gauge *from, enum metric_merge merge)
{
	if (from->count == 0)
		return;
	if (into->count == 0) {
		*into = *from;
		return;
	}
	if (merge == METRIC_LAST) {
		into->last = greater(into->last, from->last);
		into->min = lesser(into->min, from->min);
		into->max = greater(into->max, from->max);
		into->sum += from->sum;
		into->count += from->count;
		return;
	}
	if (merge == METRIC_SUM) {
		into->last += from->last;
		into->min += from->min;
		into->max += from->max;
		into->sum += from->sum;
	} else {
		into->last = greater(into->last, from->last);
		into->min = greater(into->min, from->min);
		into->max = greater(into->max, from->max);
		into->sum = greater(into->sum, from->sum);
	}
	into->count = into->count > from->count ? into->count : from->count;
}

static void add_later_gauge(struct gauge *into, const struct gauge *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0) {
		*into = *from;
		return;
	}
	into->last = from->last;
	into->min = lesser(into->min, from->min);
	into->max = greater(into->max, from->max);
	into->sum += from->sum;
	into->count += from->count;
}

/* What adds up is the same in one second and over several. */
static int add_up(struct cell *into, const struct cell *from)
{
	int r;

	switch (into->kind) {
	case METRIC_COUNTER:
		into->counter += from->counter;
		return 0;
	case METRIC_RATE:
		into->rate.hits += from->rate.hits;
		into->rate.total += from->rate.total;
		return 0;
	case METRIC_LATENCY:
		r = histogram_add(into->latency.histogram, from->latency.histogram);
		if (r < 0)
			return r;
		for (size_t i = 0; i < LIMIT_BUCKET_EDGES + 1; i++)
			into->latency.buckets[i] += from->latency.buckets[i];
		return 0;
	case METRIC_GAUGE:
		break;
	}
	return -EINVAL;
}

int cell_merge(struct cell *into, const struct cell *from, enum metric_merge merge)
{
	if (into->kind != from->kind)
		return -EINVAL;
	if (into->kind != METRIC_GAUGE)
		return add_up(into, from);
	merge_gauge(&into->gauge, &from->gauge, merge);
	return 0;
}

int cell_add_later(struct cell *into, const struct cell *from)
{
	if (into->kind != from->kind)
		return -EINVAL;
	if (into->kind != METRIC_GAUGE)
		return add_up(into, from);
	add_later_gauge(&into->gauge, &from->gauge);
	return 0;
}
