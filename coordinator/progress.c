/* SPDX-License-Identifier: Apache-2.0 */
/* The line a second that a run shows on a terminal. */
#include "coordinator/progress.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/stats/cell.h"

enum { SECONDS_KEPT = 16, SHOWN_BACK_S = 2 };

/* What is shown of one second. */
struct progress_second {
	uint64_t second;
	uint64_t operations;
	uint64_t failed;
	struct histogram *response_us;
};

struct progress {
	struct progress_config config;
	enum metric_id *series; /* by the journal's id */
	size_t series_count;
	size_t series_capacity;
	struct progress_second seconds[SECONDS_KEPT];
	uint64_t failed;
	_Bool drawn;
};

int progress_new(const struct progress_config *config, struct progress **ret_progress)
{
	struct progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return -ENOMEM;
	progress->config = *config;
	for (int i = 0; i < SECONDS_KEPT; i++) {
		progress->seconds[i].response_us = histogram_new();
		if (!progress->seconds[i].response_us) {
			progress_free(progress);
			return -ENOMEM;
		}
	}
	*ret_progress = progress;
	return 0;
}

struct progress *progress_free(struct progress *progress)
{
	if (!progress)
		return NULL;
	for (int i = 0; i < SECONDS_KEPT; i++)
		histogram_free(progress->seconds[i].response_us);
	free(progress->series);
	free(progress);
	return NULL;
}

static struct progress_second *second_of(struct progress *progress, uint64_t second)
{
	struct progress_second *slot = &progress->seconds[second % SECONDS_KEPT];

	if (slot->second != second) {
		slot->second = second;
		slot->operations = slot->failed = 0;
		histogram_reset(slot->response_us);
	}
	return slot;
}

/* Is this the rate of failures of some kind of step? Its total counts the kind's operations. */
static _Bool is_failed_rate(enum metric_id metric)
{
	for (int kind = 0; kind < STEP_KIND_COUNT; kind++)
		if (metric_sets[kind].failed == metric)
			return 1;
	return 0;
}

static int take_delta(struct progress *progress, const struct journal_delta *delta)
{
	enum metric_id id = progress->series[delta->series_id];
	_Bool failed_rate = is_failed_rate(id);
	struct progress_second *slot;
	struct cell cell;
	int r;

	if (!failed_rate && !metrics[id].response_time)
		return 0;
	r = cell_init(&cell, metrics[id].kind);
	if (r < 0)
		return r;
	slot = second_of(progress, delta->second);
	r = cell_decode_merge(&cell, metrics[id].merge, delta->data, delta->size);
	if (r == 0 && failed_rate) {
		slot->operations += cell.rate.total;
		slot->failed += cell.rate.hits;
		progress->failed += cell.rate.hits;
	} else if (r == 0) {
		r = histogram_add(slot->response_us, cell.latency.histogram);
	}
	cell_deinit(&cell);
	return r;
}

int progress_record(struct progress *progress, const struct journal_record *record)
{
	int r = 0;

	if (record->type == JOURNAL_SERIES) {
		r = array_reserve(&progress->series, &progress->series_capacity, progress->series_count,
				  sizeof(*progress->series));
		if (r == 0)
			progress->series[progress->series_count++] = record->series.series.metric;
	}
	if (record->type == JOURNAL_DELTAS)
		for (uint32_t i = 0; r == 0 && i < record->deltas.delta_count; i++)
			r = take_delta(progress, &record->deltas.deltas[i]);
	return r;
}

void progress_draw(struct progress *progress, uint64_t since_t0_ns, uint32_t agents_live, uint32_t agents)
{
	uint64_t now_s = since_t0_ns / NS_PER_S;
	char elapsed[32], planned[32] = "", rate[32], failed[32];
	struct progress_second *slot;

	if (now_s < SHOWN_BACK_S)
		return;
	slot = second_of(progress, now_s - SHOWN_BACK_S);
	if (progress->config.planned_ns)
		units_format_duration(progress->config.planned_ns, planned, sizeof(planned));
	fprintf(progress->config.file, "\r\033[K%s%s%s  agents %u/%u  %s op/s  p95 %.1f ms  failed %s",
		units_format_duration(now_s * NS_PER_S, elapsed, sizeof(elapsed)), planned[0] ? "/" : "", planned,
		agents_live, agents, units_format_count(slot->operations, rate, sizeof(rate)),
		(double)histogram_percentile_us(slot->response_us, 95) / 1000.0,
		units_format_count(progress->failed, failed, sizeof(failed)));
	fflush(progress->config.file);
	progress->drawn = 1;
}

void progress_clear(struct progress *progress)
{
	if (!progress || !progress->drawn)
		return;
	fprintf(progress->config.file, "\r\033[K");
	fflush(progress->config.file);
	progress->drawn = 0;
}
