/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a run against the model that they are written from. What other programs make of them is
 * check_files.py's, check_hlog.py's and check_page.py's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/base/cleanup.h"
#include "coordinator/report/stats.h"
#include "tests/support/sample_report.h"

enum { HTML_LIMIT_BYTES = 5 * 1000 * 1000 };

static void write_format(const struct report *report, enum report_format format, struct buffer *buffer)
{
	assert_int_equal(report_write(report, format, NULL, buffer), 0);
	assert_non_null(buffer_text(buffer));
}

static json_t *load_summary(const struct report *report)
{
	cleanup_buffer struct buffer buffer = {0};
	json_error_t error;
	json_t *summary;

	write_format(report, REPORT_JSON, &buffer);
	summary = json_loads(buffer_text(&buffer), JSON_REJECT_DUPLICATES, &error);
	if (!summary)
		fail_msg("line %d: %s", error.line, error.text);
	return summary;
}

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_non_null(value);
	return json_is_null(value) ? NAN : json_number_value(value);
}

static void assert_latency_row(const json_t *object, const struct report_row *row, const struct bucket_edges *edges)
{
	const json_t *buckets = json_object_get(object, "buckets");
	uint64_t counted = 0;

	assert_int_equal(json_array_size(buckets), edges->count + 1);
	for (size_t i = 0; i < json_array_size(buckets); i++)
		counted += (uint64_t)number(json_array_get(buckets, i), "count");
	assert_int_equal(counted, stats_count(row));
	assert_true(json_is_null(json_object_get(json_array_get(buckets, edges->count), "to_ms")));
	assert_true(number(json_array_get(buckets, 0), "to_ms") == (double)edges->us[0] / 1000);
	if (stats_count(row) == 0) {
		assert_true(isnan(number(object, "p99")));
		return;
	}
	for (size_t i = 0; i < stats_percentile_count; i++)
		assert_true(number(object, stats_percentiles[i].name) ==
		            report_percentile_ms(row, stats_percentiles[i].percentile));
	assert_true(number(object, "max") == stats_max_ms(row));
	assert_true(fabs(number(object, "mean") - stats_mean_ms(row)) < 0.0006);
}

static void test_summary_has_every_row_in_order_with_its_figures(void **state)
{
	struct report *report = sample_report_new(&sample_brief);
	json_t *summary = load_summary(report);
	const json_t *rows = json_object_get(summary, "metrics");

	(void)state;
	assert_int_equal(json_array_size(rows), report->row_count);
	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		const json_t *object = json_array_get(rows, i);

		assert_string_equal(json_string_value(json_object_get(object, "metric")), metrics[row->metric].name);
		assert_string_equal(json_string_value(json_object_get(object, "group")), row->group);
		assert_int_equal((uint64_t)number(object, "count"), stats_count(row));
		if (metrics[row->metric].kind == METRIC_LATENCY)
			assert_latency_row(object, row, &report->edges);
	}
	json_decref(summary);
	report_free(report);
}

static void test_summary_prints_milliseconds_to_the_microsecond(void **state)
{
	struct report *report = report_new();
	cleanup_buffer struct buffer buffer = {0};

	(void)state;
	report->rows = report_alloc(report, 1, sizeof(*report->rows));
	report->row_count = 1;
	report->rows[0] = (struct report_row){METRIC_HTTP_REQ_WAITING, "", "", "", ""};
	assert_int_equal(cell_init(&report->rows[0].cell, METRIC_LATENCY), 0);
	assert_int_equal(cell_record_latency(&report->rows[0].cell, &report->edges, 1234), 0);
	report->rows[0].rate_per_s = 0.1;
	write_format(report, REPORT_JSON, &buffer);
	assert_non_null(strstr(buffer_text(&buffer), "\"p99\":1.234,"));
	assert_non_null(strstr(buffer_text(&buffer), "\"mean\":1.234,"));
	assert_non_null(strstr(buffer_text(&buffer), "\"rate_per_s\":0.1,"));
	report_free(report);
}

static void test_summary_and_page_take_names_that_are_not_utf8(void **state)
{
	struct report *report = sample_report_new(&sample_brief);
	json_t *summary;
	cleanup_buffer struct buffer page = {0};

	(void)state;
	for (uint32_t i = 0; i < report->row_count; i++)
		if (strcmp(report->rows[i].group, "AAPL") == 0)
			report->rows[i].group = "\xc7\xd1</script><!--";
	report->name = report_copy(report, "</title></script>\xff");
	summary = load_summary(report);
	assert_string_equal(json_string_value(json_object_get(json_object_get(summary, "run"), "name")),
	                    "</title></script>\xef\xbf\xbd");
	json_decref(summary);
	write_format(report, REPORT_HTML, &page);
	assert_null(strstr(buffer_text(&page), "</title></script>"));
	assert_null(strstr(buffer_text(&page), "</script><!--"));
	report_free(report);
}

static json_t *load_page_data(const struct report *report, size_t *ret_size)
{
	static const char before[] = "<script type=\"application/json\" id=\"data\">";
	cleanup_buffer struct buffer page = {0};
	json_error_t error;
	char *data, *end;
	json_t *value;

	write_format(report, REPORT_HTML, &page);
	*ret_size = page.size;
	data = strstr(buffer_text(&page), before);
	assert_non_null(data);
	data += strlen(before);
	end = strstr(data, "</script>");
	assert_non_null(end);
	*end = '\0';
	value = json_loads(data, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		fail_msg("line %d: %s", error.line, error.text);
	return value;
}

static double greatest(const json_t *values)
{
	double most = -1;
	size_t i;
	json_t *value;

	json_array_foreach(values, i, value) most = fmax(most, json_number_value(value));
	return most;
}

static double greatest_float(const float *values, uint32_t count)
{
	double most = -1;

	for (uint32_t i = 0; i < count; i++)
		most = fmax(most, (double)values[i]);
	return most;
}

/* Each thinned line is short and has the peaks of the whole one. */
static void assert_times_keep_maxima(const json_t *times, const struct report *report)
{
	size_t found = 0;

	for (size_t i = 0; i < json_array_size(times); i++) {
		const json_t *one = json_array_get(times, i);
		const char *scenario = json_string_value(json_object_get(one, "scenario"));
		enum metric_id metric = metric_find(json_string_value(json_object_get(one, "metric")));

		for (uint32_t j = 0; j < report->line_count; j++) {
			const struct report_line *line = &report->lines[j];
			const json_t *p99 = json_object_get(one, "p99");

			if (line->metric != metric || strcmp(line->scenario, scenario) != 0)
				continue;
			found++;
			assert_true(json_array_size(json_object_get(p99, "high")) <= 600);
			assert_true(fabs(greatest(json_object_get(p99, "high")) -
			                 greatest_float(line->p99, report->second_count)) < 0.001);
		}
	}
	assert_int_equal(found, json_array_size(times));
	assert_true(found >= 3);
}

static void test_page_of_four_hours_is_small_and_keeps_every_peak(void **state)
{
	struct report *report = sample_report_new(&sample_hours);
	size_t size;
	json_t *data = load_page_data(report, &size);
	const json_t *time = json_object_get(data, "time");

	(void)state;
	assert_true(size < HTML_LIMIT_BYTES);
	assert_true(json_array_size(json_object_get(data, "groups")) > 3000);
	assert_times_keep_maxima(json_object_get(time, "times"), report);
	json_decref(data);
	report_free(report);
}

static void test_page_draws_every_second_of_a_short_run(void **state)
{
	struct report *report = sample_report_new(&sample_minutes);
	size_t size;
	json_t *data = load_page_data(report, &size);
	const json_t *time = json_object_get(data, "time");
	const json_t *all = json_array_get(json_object_get(time, "rates"), 0);
	double sum = 0;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(time, "x")), 120);
	for (size_t i = 10; i < 120; i++)
		sum += json_number_value(json_array_get(json_object_get(all, "operations"), i));
	assert_true(sum == number(json_object_get(data, "figures"), "total"));
	json_decref(data);
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_summary_has_every_row_in_order_with_its_figures),
	        cmocka_unit_test(test_summary_prints_milliseconds_to_the_microsecond),
	        cmocka_unit_test(test_summary_and_page_take_names_that_are_not_utf8),
	        cmocka_unit_test(test_page_of_four_hours_is_small_and_keeps_every_peak),
	        cmocka_unit_test(test_page_draws_every_second_of_a_short_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
