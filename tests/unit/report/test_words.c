/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and texts as people read them. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/report/stats.h"
#include "coordinator/report/words.h"

static void test_milliseconds_have_about_four_digits(void **state)
{
	static const struct {
		double ms;
		const char *text;
	} cases[] = {{0, "0.000"},      {0.001, "0.001"},  {9.9994, "9.999"}, {9.9996, "10.00"},      {99.994, "99.99"},
	             {99.996, "100.0"}, {999.94, "999.9"}, {999.96, "1000"},  {3600000.4, "3600000"}, {NAN, "-"}};
	char text[WORDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(words_ms(cases[i].ms, text), cases[i].text);
}

static void test_rates_have_three_decimals(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {{0, "0.000"},
	             {0.0004, "0.000"},
	             {0.0006, "0.001"},
	             {999.9996, "1,000.000"},
	             {1384.909, "1,384.909"},
	             {1e12, "1,000,000,000,000.000"},
	             {NAN, "-"}};
	char text[WORDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(words_rate(cases[i].rate, text), cases[i].text);
}

static void test_percent_never_rounds_to_all_or_nothing(void **state)
{
	static const struct {
		uint64_t part, total;
		const char *text;
	} cases[] = {{0, 0, "-"},      {0, 5, "0.000"},         {5, 5, "100.000"},
	             {1, 3, "33.333"}, {1, 100000000, "0.001"}, {99999999, 100000000, "99.999"}};
	char text[WORDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(words_percent(cases[i].part, cases[i].total, text), cases[i].text);
}

static void test_seconds_and_durations_read_as_clocks_do(void **state)
{
	char text[WORDS_MAX];

	(void)state;
	assert_string_equal(words_second(0, text), "0:00");
	assert_string_equal(words_second(65, text), "1:05");
	assert_string_equal(words_second(3600, text), "1:00:00");
	assert_string_equal(words_second(86399, text), "23:59:59");
	assert_string_equal(words_duration(0, text), "0s");
	assert_string_equal(words_duration(1.2504, text), "1.25s");
	assert_string_equal(words_duration(120.125, text), "2m");
	assert_string_equal(words_duration(-1, text), "0s");
}

static void test_observed_has_the_unit_of_its_metric(void **state)
{
	static const struct {
		struct report_threshold threshold;
		const char *text;
	} cases[] = {{{.kind = METRIC_LATENCY, .observed = 41.2034}, "41.203 ms"},
	             {{.kind = METRIC_RATE, .observed = 0.0712}, "0.0712"},
	             {{.kind = METRIC_RATE, .observed = 0.0000001}, "1e-07"},
	             {{.kind = METRIC_COUNTER, .observed = 27}, "27"},
	             {{.kind = METRIC_COUNTER, .observed = 27.25}, "27.250"},
	             {{.kind = METRIC_COUNTER, .observed = 1, .no_data = 1}, "no data"},
	             {{.kind = METRIC_LATENCY, .observed = NAN}, "no data"}};
	char text[WORDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(words_observed(&cases[i].threshold, text), cases[i].text);
}

static void test_clean_text_is_utf8_on_one_line(void **state)
{
	static const struct {
		const char *dirty, *clean, *escaped;
	} cases[] = {{"삼성전자", "삼성전자", "삼성전자"},
	             {"a\nb\tc\x7f", "a b c ", "a b c "},
	             {"\xff", "\xef\xbf\xbd", "\xef\xbf\xbd"},
	             {"a\xec\x82", "a\xef\xbf\xbd\xef\xbf\xbd", "a\xef\xbf\xbd\xef\xbf\xbd"},
	             {"<b>&\"'", "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"},
	             {"", "", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buffer struct buffer clean = {0}, escaped = {0};

		assert_int_equal(words_append_clean(&clean, cases[i].dirty), 0);
		assert_int_equal(words_append_escaped(&escaped, cases[i].dirty), 0);
		assert_string_equal(buffer_text(&clean), cases[i].clean);
		assert_string_equal(buffer_text(&escaped), cases[i].escaped);
	}
}

static void test_trend_lists_are_taken_or_refused_with_a_reason(void **state)
{
	static const struct {
		const char *list;
		const char *wrong; /* NULL: it is right */
	} cases[] = {{NULL, NULL},
	             {"avg,min,med,max,p(90),p(95)", NULL},
	             {"p99.9, count", NULL},
	             {"p(0),p(100)", NULL},
	             {"", "\"\""},
	             {"avg,,min", "\"\""},
	             {"averge", "\"averge\""},
	             {"mx", "did you mean \"max\""},
	             {"p(101)", "\"p(101)\""},
	             {"p(95", "\"p(95\""},
	             {"p95)", "\"p95)\""},
	             {"p(-1)", "\"p(-1)\""},
	             {"p(9.9.9)", "\"p(9.9.9)\""},
	             {"p(nan)", "\"p(nan)\""}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = {0};
		int r = report_check_trend(cases[i].list, &failure);

		assert_int_equal(r, cases[i].wrong ? -EINVAL : 0);
		if (cases[i].wrong)
			assert_non_null(strstr(failure.text, cases[i].wrong));
	}
}

static void test_trend_columns_keep_their_order_and_percentiles(void **state)
{
	struct stats_columns columns;

	(void)state;
	assert_int_equal(stats_parse_columns("max,p(99.9),med", NULL, &columns), 0);
	assert_int_equal(columns.count, 3);
	assert_int_equal(columns.items[0].kind, STATS_MAX);
	assert_string_equal(columns.items[1].heading, "p99.9");
	assert_true(columns.items[1].percentile == 99.9);
	assert_string_equal(columns.items[2].heading, "med");
	assert_true(columns.items[2].percentile == 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_milliseconds_have_about_four_digits),
	        cmocka_unit_test(test_rates_have_three_decimals),
	        cmocka_unit_test(test_percent_never_rounds_to_all_or_nothing),
	        cmocka_unit_test(test_seconds_and_durations_read_as_clocks_do),
	        cmocka_unit_test(test_observed_has_the_unit_of_its_metric),
	        cmocka_unit_test(test_clean_text_is_utf8_on_one_line),
	        cmocka_unit_test(test_trend_lists_are_taken_or_refused_with_a_reason),
	        cmocka_unit_test(test_trend_columns_keep_their_order_and_percentiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
