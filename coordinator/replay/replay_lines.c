/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline of one row. */
#include "coordinator/replay/replay_lines.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int lines_empty_make(struct report *report, struct lines_empty *ret_empty)
{
	struct lines_empty empty;

	empty.zeros = report_alloc(report, report->second_count, sizeof(*empty.zeros));
	empty.unread = report_alloc(report, report->second_count, sizeof(*empty.unread));
	empty.nothing = report_alloc(report, report->second_count, sizeof(*empty.nothing));
	if (!empty.zeros || !empty.unread || !empty.nothing)
		return -ENOMEM;
	for (uint32_t i = 0; i < report->second_count; i++)
		empty.unread[i] = empty.nothing[i] = NAN;
	*ret_empty = empty;
	return 0;
}

int line_init(struct line *line, struct report_line *report_line, enum metric_id metric, const char *scenario,
              const struct lines_empty *empty)
{
	enum metric_kind kind = metrics[metric].kind;
	int r = cell_init(&line->warm, kind);

	if (r < 0)
		return r;
	line->report = report_line;
	*report_line = (struct report_line){.metric = metric, .scenario = scenario, .count = empty->zeros};
	if (metrics[metric].of_run)
		report_line->count = empty->unread;
	if (kind == METRIC_RATE)
		report_line->total = empty->zeros;
	if (kind == METRIC_LATENCY)
		report_line->p50 = report_line->p95 = report_line->p99 = report_line->max = empty->nothing;
	return 0;
}

void line_deinit(struct line *line)
{
	cell_deinit(&line->warm);
}

int line_warm(struct line *line, const struct cell *cell, enum metric_merge merge)
{
	line->has_warm = 1;
	return cell_merge(&line->warm, cell, merge);
}

static double *own_doubles(struct report *report, const double *from)
{
	double *own = report_alloc(report, report->second_count, sizeof(*own));

	return own ? memcpy(own, from, report->second_count * sizeof(*own)) : NULL;
}

static float *own_floats(struct report *report, const float *from)
{
	float *own = report_alloc(report, report->second_count, sizeof(*own));

	return own ? memcpy(own, from, report->second_count * sizeof(*own)) : NULL;
}

/* Arrays of its own, at the first value. */
static int unshare(struct report_line *line, struct report *report, const struct lines_empty *empty)
{
	if (line->count != empty->zeros && line->count != empty->unread)
		return 0;
	line->count = own_doubles(report, line->count);
	if (line->total)
		line->total = own_doubles(report, empty->zeros);
	if (line->p50) {
		line->p50 = own_floats(report, empty->nothing);
		line->p95 = own_floats(report, empty->nothing);
		line->p99 = own_floats(report, empty->nothing);
		line->max = own_floats(report, empty->nothing);
	}
	if (!line->count || (metrics[line->metric].kind == METRIC_RATE && !line->total))
		return -ENOMEM;
	if (metrics[line->metric].kind == METRIC_LATENCY && (!line->p50 || !line->p95 || !line->p99 || !line->max))
		return -ENOMEM;
	return 0;
}

static float in_ms(uint64_t us)
{
	return (float)((double)us / 1000);
}

static void put(struct report_line *line, uint64_t second, const struct cell *cell)
{
	const struct histogram *histogram;

	switch (cell->kind) {
	case METRIC_COUNTER:
		line->count[second] = (double)cell->counter;
		break;
	case METRIC_RATE:
		line->count[second] = (double)cell->rate.hits;
		line->total[second] = (double)cell->rate.total;
		break;
	case METRIC_GAUGE:
		line->count[second] = cell->gauge.last;
		break;
	case METRIC_LATENCY:
		histogram = cell->latency.histogram;
		line->count[second] = (double)histogram_count(histogram);
		line->p50[second] = in_ms(histogram_percentile_us(histogram, 50));
		line->p95[second] = in_ms(histogram_percentile_us(histogram, 95));
		line->p99[second] = in_ms(histogram_percentile_us(histogram, 99));
		line->max[second] = in_ms(histogram_max_us(histogram));
		break;
	}
}

int line_draw(struct line *line, struct report *report, const struct lines_empty *empty, uint64_t second,
              const struct cell *now, enum metric_merge merge)
{
	const struct cell *cell = now;
	int r = 0;

	if (line->has_warm) {
		if (now)
			r = cell_merge(&line->warm, now, merge);
		cell = &line->warm;
	}
	if (r == 0 && cell && !cell_is_empty(cell)) {
		r = unshare(line->report, report, empty);
		if (r == 0)
			put(line->report, second, cell);
	}
	if (line->has_warm)
		cell_reset(&line->warm);
	line->has_warm = 0;
	return r;
}
