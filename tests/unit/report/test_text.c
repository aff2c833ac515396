/* SPDX-License-Identifier: Apache-2.0 */
/* The report in 80 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"
#include "coordinator/report/page.h"
#include "tests/support/sample_report.h"

static char *write_text_of(const struct report *report, const struct report_style *style)
{
	cleanup_buffer struct buffer buffer = {0};

	assert_int_equal(report_write(report, REPORT_TEXT, style, &buffer), 0);
	return strdup(buffer_text(&buffer));
}

static void assert_lines_fit(const char *text)
{
	cleanup(cleanup_free) char *copy = strdup(text);
	char *rest = copy;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		if (text_width(line) > 80)
			fail_msg("%zu columns: %s", text_width(line), line);
		if (line[0] && line[strlen(line) - 1] == ' ')
			fail_msg("ends in a blank: %s", line);
	}
}

static void assert_in_order(const char *text, const char *const *words)
{
	for (; *words; words++) {
		text = strstr(text, *words);
		if (!text)
			fail_msg("\"%s\" is missing or too early", *words);
	}
}

static void test_text_opens_with_the_figures_and_goes_on_in_order(void **state)
{
	static const char *const words[] = {"stock pipeline", "total ",     "succeeded ",   "failed ",    "mean ",
	                                    "peak ",          "THRESHOLDS", "3 of 6",       "OPERATIONS", "ticks",
	                                    "users",          "analysts",   "TIMES",        "response",   "CHECKS",
	                                    "LEDGER",         "READINGS",   "WORST GROUPS", "ERRORS",     "dropped",
	                                    "coverage",       "trust",      "report.html",  NULL};
	struct report *report = sample_report_new(&sample_minutes);
	struct report_style style = {.run_folder = "runs/x"};
	cleanup(cleanup_free) char *text = write_text_of(report, &style);

	(void)state;
	assert_in_order(text, words);
	report_free(report);
}

static void test_text_fits_80_columns_without_colours_by_default(void **state)
{
	struct report *report = sample_report_new(&sample_minutes);
	cleanup(cleanup_free) char *text = write_text_of(report, NULL);

	(void)state;
	assert_lines_fit(text);
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "report.html"));
	report_free(report);
}

static void test_text_in_colours_is_the_same_text(void **state)
{
	struct report *report = sample_report_new(&sample_brief);
	struct report_style style = {.colour = 1};
	cleanup(cleanup_free) char *plain = write_text_of(report, NULL);
	cleanup(cleanup_free) char *inked = write_text_of(report, &style);
	char *to = inked;

	(void)state;
	assert_non_null(strchr(inked, '\033'));
	for (const char *from = inked; *from;) {
		if (*from == '\033')
			from = strchr(from, 'm') + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	assert_string_equal(inked, plain);
	report_free(report);
}

/* Every name is as long and as wide as a plan allows. */
static void test_text_fits_80_columns_with_the_longest_names(void **state)
{
	static const char wide[] = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오";
	static const char one_word[] =
	        "averyveryveryveryverylongnamewithoutanyblankinitthatgoesonandonfarpasttheeightyco"
	        "lumnsofaterminal";
	struct report *report = sample_report_new(&sample_brief);
	cleanup(cleanup_free) char *text = NULL;

	(void)state;
	report->name = report_copy(report, one_word);
	report->ended_by = report_copy(report, wide);
	for (uint32_t i = 0; i < report->scenario_count; i++)
		report->scenarios[i].name = i % 2 ? one_word : wide;
	for (uint32_t i = 0; i < report->threshold_count; i++) {
		report->thresholds[i].metric = report_copy(report, i % 2 ? one_word : wide);
		report->thresholds[i].expression = report_copy(report, wide);
	}
	for (uint32_t i = 0; i < report->error_count; i++)
		report->errors[i].text = report_copy(report, wide);
	for (uint32_t i = 0; i < report->row_count; i++) {
		struct report_row *row = &report->rows[i];

		if (row->step[0])
			row->step = row->step[0] == 's' ? one_word : wide;
		if (row->group[0])
			row->group = wide;
		if (row->label[0])
			row->label = one_word;
	}
	for (uint32_t i = 0; i < report->ledger_count; i++) {
		report->ledger[i].topic = report_copy(report, i % 2 ? one_word : wide);
		report->ledger[i].problem = report_copy(report, one_word);
		for (uint32_t j = 0; j < report->ledger[i].missing_count; j++)
			report->ledger[i].missing[j].agent = report_copy(report, j % 2 ? one_word : wide);
	}
	report_add_text(report, &report->notes, "note", one_word);
	text = write_text_of(report, NULL);
	assert_lines_fit(text);
	report_free(report);
}

static void test_text_shows_the_statistics_asked_for_however_many(void **state)
{
	static const char *const words[] = {"avg", "p50", "p75", "p90", "p95", "p99", "TIMES", "p99.9", "count", NULL};
	struct report *report = sample_report_new(&sample_brief);
	struct report_style style = {.trend = "avg,p(50),p(75),p(90),p(95),p(99),p(99.9),count"};
	cleanup(cleanup_free) char *text = write_text_of(report, &style);
	const char *times = strstr(text, "TIMES");

	(void)state;
	assert_non_null(times);
	assert_in_order(times, words);
	assert_lines_fit(text);
	report_free(report);
}

static void test_text_of_a_healthy_run_says_so(void **state)
{
	static const struct sample_config healthy = {
	        .seconds = 20, .warmup_s = 2, .groups = 5, .scale = 0.2, .healthy = 1};
	struct report *report = sample_report_new(&healthy);
	cleanup(cleanup_free) char *text = write_text_of(report, NULL);

	(void)state;
	assert_non_null(strstr(text, "6 of 6 pass"));
	assert_non_null(strstr(text, "dropped    none"));
	assert_non_null(strstr(text, "coverage   complete: 60 of 60 agent-seconds from 3 of 3 agents"));
	assert_non_null(strstr(text, "trust      trusted: all 7 checks hold"));
	assert_null(strstr(text, "ERRORS"));
	assert_null(strstr(text, "✗"));
	report_free(report);
}

static void test_text_marks_percentiles_of_few_samples(void **state)
{
	struct report *report = sample_report_new(&sample_brief);
	cleanup(cleanup_free) char *text = write_text_of(report, NULL);
	const char *times = strstr(text, "TIMES");
	const char *groups = strstr(text, "WORST GROUPS");

	(void)state;
	assert_non_null(strstr(times, "* rests on few samples"));
	assert_true(strstr(times, "* rests on few samples") < groups);
	assert_non_null(strstr(groups, "* rests on few samples"));
	report_free(report);
}

static void test_text_accounts_for_messages_and_names_the_first_that_were_lost(void **state)
{
	static const char *const words[] = {"LEDGER  every message, warm-up included",
	                                    "  stream stock-data         1,800,000    1,800,000        0 ",
	                                    "12 partitions read to the end; other messages 2",
	                                    "  stream market-signals-of-the-whole-day\n",
	                                    " 120,301      119,000    1,287          4         3\n",
	                                    "1 of 6 partitions NOT read to the end",
	                                    "aborted 5,000, of them visible 1",
	                                    "the verifier gave up",
	                                    "agent-1, producer 1, partition 0, sequence 5,120, acknowledged at 0:12\n",
	                                    "summary.json names the first 20",
	                                    NULL};
	struct report *report = sample_report_new(&sample_brief);
	cleanup(cleanup_free) char *text = write_text_of(report, NULL), *without = NULL;

	(void)state;
	assert_in_order(text, words);
	report->ledger_count = 0;
	without = write_text_of(report, NULL);
	assert_null(strstr(without, "LEDGER"));
	report_free(report);
}

static void test_text_shows_the_greatest_labels_of_gauges_and_says_how_many_are_left(void **state)
{
	static const char *const words[] = {
	        "READINGS",
	        "\n  kafka_consumer_lag, messages  ",
	        "\n    stock-pipeline  ",
	        "\n    stock-pipeline/stock-data/",
	        "\n    and 3 more, in summary.json\n",
	        "\n  kafka_broker_rtt, ms  ",
	        "\n    kafka-3.seoul.example:9092/3  ",
	        "\n  kafka_throttle_time, ms                     0          0          0          0\n\n",
	        NULL};
	struct report *report = sample_report_new(&sample_minutes);
	cleanup(cleanup_free) char *text = write_text_of(report, NULL);

	(void)state;
	assert_in_order(text, words);
	report_free(report);
}

static void test_page_cuts_texts_and_never_figures(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	struct page page = {.buffer = &buffer};

	(void)state;
	page_left(&page, INK_PLAIN, "삼성전자우선주", 8);
	page_right(&page, INK_PLAIN, "123456", 4);
	page_end_line(&page);
	page_left(&page, INK_PLAIN, "abc", 8);
	page_right(&page, INK_PLAIN, "12", 4);
	page_end_line(&page);
	assert_string_equal(buffer_text(&buffer), "삼성전… 123456\nabc       12\n");
}

static void test_page_wraps_at_blanks_below_its_own_start(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	struct page page = {.buffer = &buffer};

	(void)state;
	page_left(&page, INK_PLAIN, "name", 70);
	page_wrap(&page, INK_PLAIN, "one two three fourteenletters");
	assert_string_equal(buffer_text(&buffer),
	                    "name                                                                  one two\n"
	                    "                                                                      three\n"
	                    "                                                                      fourteenle\n"
	                    "                                                                      tters\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text_opens_with_the_figures_and_goes_on_in_order),
	        cmocka_unit_test(test_text_fits_80_columns_without_colours_by_default),
	        cmocka_unit_test(test_text_in_colours_is_the_same_text),
	        cmocka_unit_test(test_text_fits_80_columns_with_the_longest_names),
	        cmocka_unit_test(test_text_shows_the_statistics_asked_for_however_many),
	        cmocka_unit_test(test_text_of_a_healthy_run_says_so),
	        cmocka_unit_test(test_text_marks_percentiles_of_few_samples),
	        cmocka_unit_test(test_text_accounts_for_messages_and_names_the_first_that_were_lost),
	        cmocka_unit_test(test_text_shows_the_greatest_labels_of_gauges_and_says_how_many_are_left),
	        cmocka_unit_test(test_page_cuts_texts_and_never_figures),
	        cmocka_unit_test(test_page_wraps_at_blanks_below_its_own_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
