/* SPDX-License-Identifier: Apache-2.0 */
/* The line a second that a run shows on a terminal. */
#include "coordinator/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/stats/cell.h"
#include "coordinator/outcomes.h"

enum {
	SECONDS_KEPT = 16,
	SHOWN_BACK_S = 2,
	COLUMNS = 80, /* where the terminal doesn't say */
	LINE_SIZE = 256,
};

/* What is shown of one second. */
struct progress_second {
	uint64_t second;
	uint64_t operations;
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

/* NULL: so old that a newer one has taken its place. */
static struct progress_second *second_of(struct progress *progress, uint64_t second)
{
	struct progress_second *slot = &progress->seconds[second % SECONDS_KEPT];

	if (second < slot->second)
		return NULL;
	if (slot->second != second) {
		slot->second = second;
		slot->operations = 0;
		histogram_reset(slot->response_us);
	}
	return slot;
}

static int take_delta(struct progress *progress, const struct journal_delta *delta)
{
	enum metric_id id = progress->series[delta->series_id];
	_Bool counts_operations = outcomes_counts_operations(id);
	struct progress_second *slot;
	struct cell cell;
	int r;

	if (!counts_operations && !metrics[id].response_time)
		return 0;
	r = cell_init(&cell, metrics[id].kind);
	if (r < 0)
		return r;
	r = cell_decode_merge(&cell, metrics[id].merge, delta->data, delta->size);
	slot = second_of(progress, delta->second);
	if (r == 0 && counts_operations)
		progress->failed += cell.rate.hits;
	if (r == 0 && slot && counts_operations)
		slot->operations += cell.rate.total;
	else if (r == 0 && slot)
		r = histogram_add(slot->response_us, cell.latency.histogram);
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

static int columns_of(FILE *file)
{
	struct winsize size;

	return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

void progress_draw(struct progress *progress, uint64_t since_t0_ns, uint32_t agents_there, uint32_t agents)
{
	uint64_t now_s = since_t0_ns / NS_PER_S;
	char elapsed[32], planned[32] = "", rate[32], failed[32], line[LINE_SIZE];
	const struct progress_second *slot;
	/* a line that fills the last column would wrap on some terminals */
	int room = columns_of(progress->config.file) - 1;
	int failed_at, length;

	if (now_s < SHOWN_BACK_S)
		return;
	slot = second_of(progress, now_s - SHOWN_BACK_S);
	if (!slot)
		return;
	if (progress->config.planned_ns)
		units_format_duration(progress->config.planned_ns, planned, sizeof(planned));
	failed_at = snprintf(line, sizeof(line), "%s%s%s  agents %u/%u  %s op/s  p95 %.1f ms  ",
	                     units_format_duration(now_s * NS_PER_S, elapsed, sizeof(elapsed)), planned[0] ? "/" : "",
	                     planned, agents_there, agents, units_format_count(slot->operations, rate, sizeof(rate)),
	                     (double)histogram_percentile_us(slot->response_us, 95) / 1000.0);
	length = failed_at + snprintf(line + failed_at, sizeof(line) - (size_t)failed_at, "failed %s",
	                              units_format_count(progress->failed, failed, sizeof(failed)));
	room = length < room ? length : room;
	failed_at = failed_at < room ? failed_at : room;
	if (progress->config.colour && progress->failed)
		fprintf(progress->config.file, "\r\033[K%.*s\033[31m%.*s\033[0m", failed_at, line, room - failed_at,
		        line + failed_at);
	else
		fprintf(progress->config.file, "\r\033[K%.*s", room, line);
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
