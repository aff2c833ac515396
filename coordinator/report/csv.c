/* SPDX-License-Identifier: Apache-2.0 */
/* series.csv (a row a series) and timeline.csv (a row a second and line), by RFC 4180 but for its line ends, which are
 * bare newlines. What does not apply or has no value is an empty field. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/report/digest.h"
#include "coordinator/report/json_parts.h"
#include "coordinator/report/stats.h"
#include "coordinator/report/words.h"
#include "coordinator/report/writers.h"

static const char *const kind_names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_RATE] = "rate", [METRIC_GAUGE] = "gauge", [METRIC_LATENCY] = "latency"};

/* Quoted where it has to be. */
static void put_text(struct buffer *buffer, const char *text)
{
	_Bool quoted = strpbrk(text, "\",\r\n") != NULL;

	if (!quoted) {
		buffer_append_text(buffer, text);
		return;
	}
	buffer_append_byte(buffer, '"');
	for (; *text; text++) {
		if (*text == '"')
			buffer_append_byte(buffer, '"');
		buffer_append_byte(buffer, (uint8_t)*text);
	}
	buffer_append_byte(buffer, '"');
}

static void put_number(struct buffer *buffer, double value, int decimals)
{
	buffer_append_byte(buffer, ',');
	if (isfinite(value))
		json_append_double(buffer, value, decimals);
}

static void put_whole(struct buffer *buffer, uint64_t value)
{
	buffer_append_format(buffer, ",%" PRIu64, value);
}

static void put_empty(struct buffer *buffer, unsigned count)
{
	while (count-- > 0)
		buffer_append_byte(buffer, ',');
}

/* peak_per_s,peak_second,hits,value,load,min,mean,stddev,p50..p99.99,max,saturated */
static void put_kind(struct buffer *buffer, const struct report_row *row)
{
	const struct gauge *gauge = &row->cell.gauge;
	const struct histogram *histogram;
	uint64_t total;

	switch (metrics[row->metric].kind) {
	case METRIC_COUNTER:
		put_number(buffer, row->peak_per_s, 6);
		put_whole(buffer, row->peak_second);
		put_empty(buffer, 8 + (unsigned)stats_percentile_count);
		return;
	case METRIC_RATE:
		total = row->cell.rate.total;
		put_empty(buffer, 2);
		put_whole(buffer, row->cell.rate.hits);
		put_number(buffer, total ? (double)row->cell.rate.hits / (double)total : NAN, 9);
		put_empty(buffer, 6 + (unsigned)stats_percentile_count);
		return;
	case METRIC_GAUGE:
		put_empty(buffer, 3);
		put_number(buffer, gauge->count ? gauge->last : NAN, 6);
		put_empty(buffer, 1);
		put_number(buffer, gauge->count ? gauge->min : NAN, 6);
		put_number(buffer, gauge->count ? gauge->sum / (double)gauge->count : NAN, 6);
		put_empty(buffer, 1 + (unsigned)stats_percentile_count);
		put_number(buffer, gauge->count ? gauge->max : NAN, 6);
		put_empty(buffer, 1);
		return;
	case METRIC_LATENCY:
		break;
	}
	histogram = row->cell.latency.histogram;
	put_empty(buffer, 4);
	buffer_append_format(buffer, ",%s", words_load(row->load));
	put_number(buffer, stats_min_ms(row), 3);
	put_number(buffer, stats_mean_ms(row), 3);
	put_number(buffer, stats_stddev_ms(row), 3);
	for (size_t i = 0; i < stats_percentile_count; i++)
		put_number(buffer, report_percentile_ms(row, stats_percentiles[i].percentile), 3);
	put_number(buffer, stats_max_ms(row), 3);
	put_whole(buffer, histogram ? histogram_saturated(histogram) : 0);
}

/* `status` NULL: the row has none. */
static void put_series(struct buffer *buffer, const struct report_row *row, const char *status)
{
	const struct metric *metric = &metrics[row->metric];
	const char *const names[] = {row->scenario, row->step, row->group, row->label};

	buffer_append_text(buffer, metric->name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buffer_append_byte(buffer, ',');
		put_text(buffer, names[i]);
	}
	buffer_append_format(buffer, ",%s,", kind_names[metric->kind]);
	put_text(buffer, metric->unit);
	put_whole(buffer, stats_count(row));
	put_number(buffer, metric->kind == METRIC_GAUGE ? NAN : row->rate_per_s, 6);
	put_whole(buffer, row->warmup_count);
	put_kind(buffer, row);
	buffer_append_format(buffer, ",%s\n", status ? status : "");
}

/* By row: the status of the group whose response times or failures it has, or NULL. */
static int find_statuses(const struct digest *digest, const struct report *report, const char ***ret_statuses)
{
	const char **statuses = calloc((size_t)report->row_count + 1, sizeof(*statuses));

	if (!statuses)
		return -ENOMEM;
	for (uint32_t i = 0; i < digest->group_count; i++) {
		const struct digest_entry *group = &digest->groups[i];

		if (group->response)
			statuses[group->response - report->rows] = group_status_names[group->status];
		if (group->outcome)
			statuses[group->outcome - report->rows] = group_status_names[group->status];
	}
	*ret_statuses = statuses;
	return 0;
}

int write_series(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	struct digest digest = {0};
	const char **statuses = NULL;
	int r;

	(void)style;
	buffer_append_text(buffer, "metric,scenario,step,group,label,kind,unit,count,rate_per_s,warmup_count,"
	                           "peak_per_s,peak_second,hits,value,load,min,mean,stddev");
	for (size_t i = 0; i < stats_percentile_count; i++)
		buffer_append_format(buffer, ",%s", stats_percentiles[i].name);
	buffer_append_text(buffer, ",max,saturated,status\n");
	r = digest_init(&digest, report);
	if (r == 0)
		r = find_statuses(&digest, report, &statuses);
	for (uint32_t i = 0; r == 0 && i < report->row_count; i++)
		put_series(buffer, &report->rows[i], statuses[i]);
	free(statuses);
	digest_deinit(&digest);
	return r < 0 ? r : buffer->failed;
}

static double at(const float *values, uint32_t second)
{
	return values ? (double)values[second] : NAN;
}

static void put_second(struct buffer *buffer, const struct report *report, const struct report_line *line,
                       uint32_t second)
{
	buffer_append_format(buffer, "%" PRIu32 ",%d,%d,%s,", second, report->warmup[second], report->degraded[second],
	                     metrics[line->metric].name);
	put_text(buffer, line->scenario);
	put_number(buffer, line->count[second], 6);
	put_number(buffer, line->total ? line->total[second] : NAN, 6);
	put_number(buffer, at(line->p50, second), 3);
	put_number(buffer, at(line->p95, second), 3);
	put_number(buffer, at(line->p99, second), 3);
	put_number(buffer, at(line->max, second), 3);
	buffer_append_byte(buffer, '\n');
}

int write_timeline(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	(void)style;
	buffer_append_text(buffer, "second,warmup,degraded,metric,scenario,count,total,p50,p95,p99,max\n");
	for (uint32_t second = 0; second < report->second_count; second++)
		for (uint32_t i = 0; i < report->line_count; i++)
			put_second(buffer, report, &report->lines[i], second);
	return buffer->failed;
}
