/* SPDX-License-Identifier: Apache-2.0 */
/* The line a second that a run shows on a terminal. */
#include "coordinator/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/stats/cell.h"
#include "coordinator/run/outcomes.h"

enum {
	SECONDS_KEPT = 16,
	SHOWN_BACK_S = 2,
	COLUMNS = 80, /* where the terminal doesn't say */
	LINE_SIZE = 512,
};

/* Agents answer once a second. */
#define SILENT_NS (3 * NS_PER_S)

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

static _Bool is_silent(const struct run_missing *missing)
{
	return missing->silent_ns >= SILENT_NS;
}

static uint32_t count_silent(const struct progress_agents *agents)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < agents->missing_count; i++)
		count += is_silent(&agents->missing[i]);
	return count;
}

/* " local-2 12 s", or that there is one more if it doesn't fit into `room`; false then. */
static _Bool name_missing(const struct run_missing *missing, _Bool first, _Bool last, int room, char *text, int *at)
{
	static const char more[] = ", ...";
	char name[160];
	uint64_t seconds = is_silent(missing) ? missing->silent_ns / NS_PER_S : missing->lacking_s;
	int length = snprintf(name, sizeof(name), "%s %.128s %llu s", first ? "" : ",", missing->name,
	                      (unsigned long long)seconds);

	if (*at + length + (last ? 0 : (int)strlen(more)) > room) {
		*at += snprintf(text + *at, (size_t)(LINE_SIZE - *at), "%s", first ? " ..." : more);
		return 0;
	}
	*at += snprintf(text + *at, (size_t)(LINE_SIZE - *at), "%s", name);
	return 1;
}

/* "2 of 5 agents silent: local-2 12 s, local-4 3 s", in about `room` columns. */
static void say_missing(const struct progress_agents *agents, int room, char text[LINE_SIZE])
{
	uint32_t silent = count_silent(agents);
	uint32_t count = silent ? silent : agents->missing_count;
	uint32_t named = 0;
	int at = snprintf(text, LINE_SIZE, "%u of %u agents %s:", count, agents->all, silent ? "silent" : "behind");

	room = room < LINE_SIZE - 1 ? room : LINE_SIZE - 1;
	for (uint32_t i = 0; i < agents->missing_count; i++) {
		if (silent && !is_silent(&agents->missing[i]))
			continue;
		if (!name_missing(&agents->missing[i], named == 0, named + 1 == count, room, text, &at))
			return;
		named++;
	}
}

/* The line up to the failures, in about `room` columns; a percentile gives way to those that are missing. */
static int say_second(const struct progress *progress, const struct progress_second *slot, uint64_t now_s,
                      const struct progress_agents *agents, int room, char line[LINE_SIZE])
{
	char elapsed[32], planned[32] = "", rate[32], missing[LINE_SIZE];
	int at;

	if (progress->config.planned_ns)
		units_format_duration(progress->config.planned_ns, planned, sizeof(planned));
	units_format_count(slot->operations, rate, sizeof(rate));
	at = snprintf(line, LINE_SIZE, "%s%s%s  ", units_format_duration(now_s * NS_PER_S, elapsed, sizeof(elapsed)),
	              planned[0] ? "/" : "", planned);
	if (agents->verifying)
		return at + snprintf(line + at, (size_t)(LINE_SIZE - at), "agents %u/%u  verifying  ", agents->there,
		                     agents->all);
	if (agents->missing_count == 0)
		return at + snprintf(line + at, (size_t)(LINE_SIZE - at), "agents %u/%u  %s op/s  p95 %.1f ms  ",
		                     agents->there, agents->all, rate,
		                     (double)histogram_percentile_us(slot->response_us, 95) / 1000.0);
	say_missing(agents, room - at - (int)strlen(rate) - (int)strlen("   op/s  "), missing);
	return at + snprintf(line + at, (size_t)(LINE_SIZE - at), "%.*s  %s op/s  ", LINE_SIZE / 2, missing, rate);
}

void progress_draw(struct progress *progress, uint64_t since_t0_ns, const struct progress_agents *agents)
{
	uint64_t now_s = since_t0_ns / NS_PER_S;
	char failed[64], line[LINE_SIZE];
	const struct progress_second *slot;
	/* a line that fills the last column would wrap on some terminals */
	int room = columns_of(progress->config.file) - 1;
	int failed_at, length;

	if (now_s < SHOWN_BACK_S)
		return;
	slot = second_of(progress, now_s - SHOWN_BACK_S);
	if (!slot)
		return;
	length = snprintf(failed, sizeof(failed), "failed ");
	units_format_count(progress->failed, failed + length, sizeof(failed) - (size_t)length);
	failed_at = say_second(progress, slot, now_s, agents, room - (int)strlen(failed), line);
	length = failed_at + snprintf(line + failed_at, sizeof(line) - (size_t)failed_at, "%s", failed);
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
