/* SPDX-License-Identifier: Apache-2.0 */
/* The charts' lines over time, for report.html.
 *
 * A chart is some hundred pixels wide, and four hours have 14,400 seconds. So the seconds of a long run are put into
 * bins, and of each bin three values remain: the least and the greatest second's, which the page draws as a band, and
 * the median second's, its line. A spike of one second stays as high as it was. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "coordinator/report/digest.h"
#include "coordinator/report/html_data.h"
#include "coordinator/report/json_parts.h"
#include "coordinator/report/stats.h"

/* The lines that are drawn at most; the page says so where there are more, and timeline.csv has them all. */
enum { SCENARIOS_DRAWN = 16, TIMES_DRAWN = 24, DEGRADATIONS_TOLD = 20 };

struct thinning {
	uint32_t seconds;
	uint32_t width; /* of a bin, in seconds; 1: every second is a point */
};

static struct thinning thinning_for(uint32_t seconds)
{
	uint32_t bins = HTML_POINTS / 3;

	return (struct thinning){seconds, seconds <= HTML_POINTS ? 1 : (seconds + bins - 1) / bins};
}

enum part { PART_LEAST, PART_MEDIAN, PART_GREATEST };

static int compare_doubles(const void *a, const void *b)
{
	double one = *(const double *)a;
	double other = *(const double *)b;

	return one < other ? -1 : one > other;
}

/* One part of a bin's values, of which it takes a copy at `scratch`; NAN where there is nothing. */
static double bin_value(const double *values, uint32_t count, enum part part, double *scratch)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			scratch[kept++] = values[i];
	if (kept == 0)
		return NAN;
	qsort(scratch, kept, sizeof(double), compare_doubles);
	return scratch[part == PART_LEAST ? 0 : part == PART_MEDIAN ? kept / 2 : kept - 1];
}

static int append_part(struct buffer *buffer, const struct thinning *thinning, const double *values, enum part part,
                       double *scratch)
{
	for (uint32_t from = 0; from < thinning->seconds; from += thinning->width) {
		uint32_t left = thinning->seconds - from;
		uint32_t count = left < thinning->width ? left : thinning->width;

		buffer_append_byte(buffer, from ? ',' : '[');
		json_append_double(buffer, bin_value(values + from, count, part, scratch), 3);
	}
	return buffer_append_text(buffer, "]");
}

/* [...] a second, or {"low":[...],"mid":[...],"high":[...]} a bin. */
static int append_values(struct buffer *buffer, const struct thinning *thinning, const double *values)
{
	static const char *const names[] = {
	        [PART_LEAST] = "{\"low\":", [PART_MEDIAN] = ",\"mid\":", [PART_GREATEST] = ",\"high\":"};
	cleanup(cleanup_free) double *scratch = NULL;

	if (thinning->width == 1)
		return json_append_doubles(buffer, values, thinning->seconds, 3);
	scratch = calloc(thinning->width, sizeof(double));
	if (!scratch)
		return -ENOMEM;
	for (int part = PART_LEAST; part <= PART_GREATEST; part++) {
		buffer_append_text(buffer, names[part]);
		append_part(buffer, thinning, values, (enum part)part, scratch);
	}
	return buffer_append_text(buffer, "}");
}

/* A bin stands at its middle. */
static int append_seconds(struct buffer *buffer, const struct thinning *thinning)
{
	buffer_append_text(buffer, "\"x\":[");
	for (uint32_t from = 0; from < thinning->seconds; from += thinning->width) {
		buffer_append_text(buffer, from ? "," : "");
		json_append_double(buffer, from + (thinning->width - 1) / 2.0, 1);
	}
	return buffer_append_text(buffer, "]");
}

/* Runs of seconds that are shaded: [[from, to), ...]. */
static int append_ranges(struct buffer *buffer, const char *name, const _Bool *flags, uint32_t count)
{
	const char *between = "";

	buffer_append_format(buffer, ",\n\"%s\":[", name);
	for (uint32_t i = 0; flags && i < count; i++) {
		uint32_t from = i;

		while (i < count && flags[i])
			i++;
		if (i == from)
			continue;
		buffer_append_format(buffer, "%s[%" PRIu32 ",%" PRIu32 "]", between, from, i);
		between = ",";
	}
	return buffer_append_text(buffer, "]");
}

/* From the schedule's end on, what is under way still completes. */
static int append_draining(struct buffer *buffer, const struct report *report)
{
	double end_s = report->warmup_s + report->measured_s;

	buffer_append_text(buffer, ",\n\"draining\":[");
	if (end_s > 0 && end_s < report->second_count) {
		buffer_append_text(buffer, "[");
		json_append_double(buffer, end_s, 3);
		buffer_append_format(buffer, ",%" PRIu32 "]", report->second_count);
	}
	return buffer_append_text(buffer, "]");
}

/* The kind of step whose metric it is in the given place of its set, or STEP_KIND_COUNT. */
static enum step_kind kind_of_failed(enum metric_id metric)
{
	int kind = 0;

	while (kind < STEP_KIND_COUNT && metric_sets[kind].failed != metric)
		kind++;
	return (enum step_kind)kind;
}

/* Operations a second of a scenario ("": of all), and of them the failed ones, over all kinds of steps. */
static void sum_operations(const struct report *report, const char *scenario, double *operations, double *failures)
{
	memset(operations, 0, report->second_count * sizeof(double));
	memset(failures, 0, report->second_count * sizeof(double));
	for (uint32_t i = 0; i < report->line_count; i++) {
		const struct report_line *line = &report->lines[i];

		if (!line->total || strcmp(line->scenario, scenario) != 0 ||
		    kind_of_failed(line->metric) == STEP_KIND_COUNT)
			continue;
		for (uint32_t second = 0; second < report->second_count; second++) {
			operations[second] += line->total[second];
			failures[second] += line->count[second];
		}
	}
}

static const struct report_line *find_line(const struct report *report, enum metric_id metric, const char *scenario)
{
	for (uint32_t i = 0; i < report->line_count; i++)
		if (report->lines[i].metric == metric && strcmp(report->lines[i].scenario, scenario) == 0)
			return &report->lines[i];
	return NULL;
}

static int append_named(struct buffer *buffer, const char *name, const struct thinning *thinning, const double *values)
{
	buffer_append_format(buffer, ",\"%s\":", name);
	return append_values(buffer, thinning, values);
}

/* {"scenario","operations","failures","dropped"?,"vus"?} */
static int append_rates(struct buffer *buffer, const struct report *report, const char *scenario,
                        const struct thinning *thinning)
{
	const struct report_line *dropped = find_line(report, METRIC_DROPPED_ITERATIONS, scenario);
	const struct report_line *vus = find_line(report, METRIC_VUS, scenario);
	cleanup(cleanup_free) double *operations = calloc(report->second_count + 1, sizeof(double));
	cleanup(cleanup_free) double *failures = calloc(report->second_count + 1, sizeof(double));

	if (!operations || !failures)
		return -ENOMEM;
	sum_operations(report, scenario, operations, failures);
	buffer_append_text(buffer, "{\"scenario\":");
	if (json_append(buffer, json_text(scenario)) < 0)
		return -ENOMEM;
	append_named(buffer, "operations", thinning, operations);
	append_named(buffer, "failures", thinning, failures);
	if (dropped)
		append_named(buffer, "dropped", thinning, dropped->count);
	if (vus)
		append_named(buffer, "vus", thinning, vus->count);
	return buffer_append_text(buffer, "}");
}

static int append_times(struct buffer *buffer, const struct report_line *line, const struct thinning *thinning)
{
	const struct {
		const char *name;
		const float *values;
	} floats[] = {{"p50", line->p50}, {"p95", line->p95}, {"p99", line->p99}, {"max", line->max}};
	cleanup(cleanup_free) double *values = calloc(thinning->seconds + 1, sizeof(double));

	if (!values)
		return -ENOMEM;
	buffer_append_format(buffer, "{\"metric\":\"%s\",\"scenario\":", metrics[line->metric].name);
	if (json_append(buffer, json_text(line->scenario)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
		for (uint32_t second = 0; second < thinning->seconds; second++)
			values[second] = (double)floats[i].values[second];
		append_named(buffer, floats[i].name, thinning, values);
	}
	return buffer_append_text(buffer, "}");
}

static int append_all_rates(struct buffer *buffer, const struct report *report, const struct thinning *thinning)
{
	int r;

	buffer_append_text(buffer, ",\n\"rates\":[\n");
	r = append_rates(buffer, report, "", thinning);
	for (uint32_t i = 0; i < report->scenario_count && i < SCENARIOS_DRAWN && r == 0; i++) {
		buffer_append_text(buffer, ",\n");
		r = append_rates(buffer, report, report->scenarios[i].name, thinning);
	}
	buffer_append_text(buffer, "]");
	return r;
}

static _Bool has_values(const float *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			return 1;
	return 0;
}

/* The response times of each scenario and kind of step, in the scenarios' order. */
static int append_all_times(struct buffer *buffer, const struct report *report, const struct thinning *thinning)
{
	uint32_t drawn = 0, left_out = 0;

	buffer_append_text(buffer, ",\n\"times\":[");
	for (uint32_t i = 0; i < report->scenario_count; i++)
		for (int kind = 0; kind < STEP_KIND_COUNT; kind++) {
			enum metric_id metric = digest_response((enum step_kind)kind);
			const struct report_line *line = find_line(report, metric, report->scenarios[i].name);

			if (!line || !line->p50 || !has_values(line->p50, report->second_count))
				continue;
			if (drawn >= TIMES_DRAWN) {
				left_out++;
				continue;
			}
			buffer_append_text(buffer, drawn++ ? ",\n" : "\n");
			if (append_times(buffer, line, thinning) < 0)
				return -ENOMEM;
		}
	return buffer_append_format(buffer, "],\"timesLeftOut\":%" PRIu32, left_out);
}

static _Bool is_ever_above_0(const double *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (values[i] > 0)
			return 1;
	return 0;
}

/* Gauges of the run, of which any was ever more than 0: null where nothing was read. */
static int append_all_gauges(struct buffer *buffer, const struct report *report, const struct thinning *thinning)
{
	const char *between = "\n";

	buffer_append_text(buffer, ",\n\"gauges\":[");
	for (uint32_t i = 0; i < report->line_count; i++) {
		const struct report_line *line = &report->lines[i];
		const struct metric *metric = &metrics[line->metric];

		if (metric->kind != METRIC_GAUGE || line->metric == METRIC_VUS || line->scenario[0] ||
		    !is_ever_above_0(line->count, report->second_count))
			continue;
		buffer_append_format(buffer, "%s{\"metric\":\"%s\",\"unit\":\"%s\",\"labels\":%s", between,
		                     metric->name, metric->unit, metric->label ? "true" : "false");
		append_named(buffer, "values", thinning, line->count);
		buffer_append_text(buffer, "}");
		between = ",\n";
	}
	return buffer_append_text(buffer, "]");
}

/* {class: values} of the classes of errors that came. */
static int append_error_lines(struct buffer *buffer, const struct report *report, const struct thinning *thinning)
{
	const char *between = "\n";

	buffer_append_text(buffer, ",\n\"errors\":{");
	for (int class = 0; class < ERROR_CLASS_COUNT; class ++) {
		if (!report->error_lines[class])
			continue;
		buffer_append_format(buffer, "%s\"%s\":", between, error_class_names[class]);
		append_values(buffer, thinning, report->error_lines[class]);
		between = ",\n";
	}
	return buffer_append_text(buffer, "}");
}

/* [[first, last, why], ...] of the degraded seconds. */
static int append_degradations(struct buffer *buffer, const struct report *report)
{
	buffer_append_text(buffer, ",\n\"why\":[");
	for (uint32_t i = 0; i < report->degradation_count && i < DEGRADATIONS_TOLD; i++) {
		const struct report_degradation *told = &report->degradations[i];

		buffer_append_format(buffer, "%s[%" PRIu32 ",%" PRIu32 ",", i ? "," : "", told->first_s, told->last_s);
		if (json_append(buffer, json_text(told->why)) < 0)
			return -ENOMEM;
		buffer_append_text(buffer, "]");
	}
	return buffer_append_format(
	        buffer, "],\"whyLeftOut\":%" PRIu32,
	        report->degradation_count > DEGRADATIONS_TOLD ? report->degradation_count - DEGRADATIONS_TOLD : 0);
}

int html_append_timeline(struct buffer *buffer, const struct report *report)
{
	struct thinning thinning = thinning_for(report->second_count);
	int r;

	buffer_append_format(buffer, ",\n\"time\":{\"binS\":%" PRIu32 ",", thinning.width);
	append_seconds(buffer, &thinning);
	append_ranges(buffer, "warmup", report->warmup, report->second_count);
	append_ranges(buffer, "degraded", report->degraded, report->second_count);
	append_draining(buffer, report);
	r = append_degradations(buffer, report);
	if (r == 0)
		r = append_all_rates(buffer, report, &thinning);
	if (r == 0)
		r = append_all_times(buffer, report, &thinning);
	if (r == 0)
		r = append_error_lines(buffer, report, &thinning);
	if (r == 0)
		r = append_all_gauges(buffer, report, &thinning);
	buffer_append_text(buffer, "}");
	return r;
}
