/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of summary.json's `metrics`: what every row has, then what its kind adds. */
#include "coordinator/report/json_rows.h"

#include <errno.h>
#include <math.h>

#include "coordinator/report/json_parts.h"
#include "coordinator/report/stats.h"
#include "coordinator/report/words.h"

static void put_counter(json_t **object, const struct report_row *row)
{
	json_put(object, "peak_per_s", json_number(row->peak_per_s, 6));
	json_put(object, "peak_second", json_whole(row->peak_second));
}

static void put_rate(json_t **object, const struct report_row *row)
{
	double total = (double)row->cell.rate.total;

	json_put(object, "hits", json_whole(row->cell.rate.hits));
	json_put(object, "value", json_number(total > 0 ? (double)row->cell.rate.hits / total : NAN, 9));
}

static void put_gauge(json_t **object, const struct report_row *row)
{
	const struct gauge *gauge = &row->cell.gauge;
	_Bool any = gauge->count > 0;

	json_put(object, "value", json_number(any ? gauge->last : NAN, 6));
	json_put(object, "min", json_number(any ? gauge->min : NAN, 6));
	json_put(object, "avg", json_number(any ? gauge->sum / (double)gauge->count : NAN, 6));
	json_put(object, "max", json_number(any ? gauge->max : NAN, 6));
}

static json_t *make_few_samples(const struct report_row *row)
{
	json_t *list = json_array();

	for (size_t i = 0; i < stats_percentile_count; i++) {
		const struct stats_percentile *percentile = &stats_percentiles[i];

		if (stats_count(row) > 0 && histogram_few_samples(stats_count(row), percentile->percentile) &&
		    json_array_append_new(list, json_string(percentile->name)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *make_buckets(const struct report_row *row, const struct bucket_edges *edges)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i <= edges->count; i++) {
		json_t *bucket = json_object();

		json_put(&bucket, "to_ms",
		         i < edges->count ? json_number((double)edges->us[i] / 1000, 3) : json_null());
		json_put(&bucket, "count", json_whole(row->cell.latency.buckets[i]));
		if (json_array_append_new(list, bucket) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void put_latency(json_t **object, const struct report_row *row, const struct bucket_edges *edges)
{
	const struct histogram *histogram = row->cell.latency.histogram;

	json_put_text(object, "load", words_load(row->load));
	json_put(object, "min", json_number(stats_min_ms(row), 3));
	json_put(object, "mean", json_number(stats_mean_ms(row), 3));
	json_put(object, "stddev", json_number(stats_stddev_ms(row), 3));
	for (size_t i = 0; i < stats_percentile_count; i++)
		json_put(object, stats_percentiles[i].name,
		         json_number(report_percentile_ms(row, stats_percentiles[i].percentile), 3));
	json_put(object, "max", json_number(stats_max_ms(row), 3));
	json_put(object, "saturated", json_whole(histogram ? histogram_saturated(histogram) : 0));
	json_put(object, "few_samples", make_few_samples(row));
	json_put(object, "buckets", make_buckets(row, edges));
}

static json_t *make_row(const struct report *report, const struct report_row *row)
{
	static const char *const kinds[] = {[METRIC_COUNTER] = "counter",
	                                    [METRIC_RATE] = "rate",
	                                    [METRIC_GAUGE] = "gauge",
	                                    [METRIC_LATENCY] = "latency"};
	const struct metric *metric = &metrics[row->metric];
	json_t *object = json_object();

	json_put_text(&object, "metric", metric->name);
	json_put_text(&object, "scenario", row->scenario);
	json_put_text(&object, "step", row->step);
	json_put_text(&object, "group", row->group);
	json_put_text(&object, "label", row->label);
	json_put_text(&object, "kind", kinds[metric->kind]);
	json_put_text(&object, "unit", metric->unit);
	json_put(&object, "count", json_whole(stats_count(row)));
	json_put(&object, "rate_per_s", metric->kind == METRIC_GAUGE ? json_null() : json_number(row->rate_per_s, 6));
	json_put(&object, "warmup_count", json_whole(row->warmup_count));
	if (metric->kind == METRIC_COUNTER)
		put_counter(&object, row);
	else if (metric->kind == METRIC_RATE)
		put_rate(&object, row);
	else if (metric->kind == METRIC_GAUGE)
		put_gauge(&object, row);
	else
		put_latency(&object, row, &report->edges);
	if (row->metric == METRIC_KAFKA_END_TO_END_LATENCY)
		json_put(&object, "clock_bound_ms", json_number(report->clock_bound_ms, 6));
	return object;
}

int json_append_rows(struct buffer *buffer, const struct report *report)
{
	buffer_append_text(buffer, ",\n\"metrics\":[");
	for (uint32_t i = 0; i < report->row_count; i++) {
		int r;

		buffer_append_text(buffer, i ? ",\n" : "\n");
		r = json_append(buffer, make_row(report, &report->rows[i]));
		if (r < 0)
			return r;
	}
	return buffer_append_text(buffer, "]");
}
