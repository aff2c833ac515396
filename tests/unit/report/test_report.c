/* SPDX-License-Identifier: Apache-2.0 */
/* The report model: its memory, and looking things up. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/report/digest.h"
#include "coordinator/report/report.h"
#include "tests/support/sample_report.h"

static void test_arena_gives_zeroed_memory_aligned_for_anything(void **state)
{
	struct report *report = report_new();

	(void)state;
	for (size_t size = 1; size < 200000; size = size * 3 + 1) {
		uint8_t *bytes = report_alloc(report, size, 1);

		assert_non_null(report_copy(report, "shifts what follows"));
		assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(bytes[i], 0);
		memset(bytes, 0xff, size);
	}
	assert_null(report_alloc(report, SIZE_MAX / 2, 3));
	report_free(report);
}

static void test_arena_keeps_every_text_as_it_was(void **state)
{
	struct report *report = report_new();
	const char *texts[5000];

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		texts[i] = report_format_text(report, "text %zu 텍스트", i);
	for (size_t i = 0; i < 5000; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "text %zu 텍스트", i);
		assert_string_equal(texts[i], expected);
	}
	assert_string_equal(report_copy(report, NULL), "");
	report_free(report);
}

static void test_pairs_are_kept_in_order_at_any_count(void **state)
{
	struct report *report = report_new();

	(void)state;
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(report_add_text(report, &report->notes, name, "value"), 0);
	}
	assert_int_equal(report->notes.count, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(strtol(report->notes.items[i].name, NULL, 10), i);
	report_free(report);
}

static void test_a_new_report_can_be_written_in_every_format(void **state)
{
	struct report *report = report_new();

	(void)state;
	for (int format = 0; format < REPORT_FORMAT_COUNT; format++) {
		cleanup_buffer struct buffer buffer = {0};

		assert_int_equal(report_write(report, format, NULL, &buffer), 0);
		assert_true(buffer.size > 0);
	}
	assert_null(report_free(report));
	assert_null(report_free(NULL));
}

static void test_find_gives_each_row_by_its_own_texts(void **state)
{
	struct report *report = sample_report_new(&sample_brief);

	(void)state;
	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];

		assert_ptr_equal(report_find(report, row->metric, row->scenario, row->step, row->group, row->label),
		                 row);
	}
	assert_null(report_find(report, METRIC_HTTP_REQS, "ticks", "", "", ""));
	assert_null(report_find(report, METRIC_NULL_OPERATIONS, "", "", "", ""));
	report_free(report);
}

static void test_percentile_of_nothing_is_not_a_number(void **state)
{
	struct report_row row = {.metric = METRIC_HTTP_REQ_DURATION, .cell.kind = METRIC_LATENCY};

	(void)state;
	assert_true(isnan(report_percentile_ms(&row, 50)));
}

static void test_digest_steps_and_groups_add_up_to_the_figures(void **state)
{
	struct report *report = sample_report_new(&sample_minutes);
	cleanup(digest_deinit) struct digest digest;
	uint64_t steps = 0, groups = 0, failed = 0, errors = 0;

	(void)state;
	assert_int_equal(digest_init(&digest, report), 0);
	for (uint32_t i = 0; i < digest.step_count; i++) {
		steps += digest.steps[i].count;
		failed += digest.steps[i].failed;
	}
	for (uint32_t i = 0; i < digest.group_count; i++)
		groups += digest.groups[i].count;
	for (uint32_t i = 0; i < digest.error_count; i++)
		errors += digest.errors[i].count;
	assert_int_equal(digest.step_count, 6);
	assert_int_equal(steps, digest.figures.total);
	assert_int_equal(groups, digest.figures.total);
	assert_int_equal(failed, digest.figures.failed);
	assert_int_equal(errors, digest.figures.failed);
	assert_int_equal(digest.figures.succeeded + digest.figures.failed, digest.figures.total);
	assert_true(digest.figures.peak_second >= sample_minutes.warmup_s);
	report_free(report);
}

static void test_digest_takes_the_peak_from_measured_seconds_alone(void **state)
{
	struct report *report = sample_report_new(&sample_brief);

	(void)state;
	for (uint32_t i = 0; i < report->line_count; i++) {
		struct report_line *line = &report->lines[i];

		if (line->metric != METRIC_KAFKA_PRODUCE_FAILED || line->scenario[0])
			continue;
		line->total[1] = 1e6; /* warm-up */
		line->total[7] = 1e5;
	}
	for (int i = 0; i < 2; i++) {
		cleanup(digest_deinit) struct digest digest;

		report->warmup[1] = i == 0;
		assert_int_equal(digest_init(&digest, report), 0);
		assert_int_equal(digest.figures.peak_second, i == 0 ? 7 : 1);
	}
	report_free(report);
}

static void test_digest_ranks_groups_by_failures_then_p95(void **state)
{
	struct report *report = sample_report_new(&sample_minutes);
	cleanup(digest_deinit) struct digest digest;

	(void)state;
	assert_int_equal(digest_init(&digest, report), 0);
	assert_true(digest.group_count > 100);
	for (uint32_t i = 1; i < digest.group_count; i++) {
		const struct digest_entry *before = digest.worst[i - 1], *after = digest.worst[i];

		assert_true(before->failed >= after->failed);
		if (before->failed == after->failed && !isnan(before->p95_ms) && !isnan(after->p95_ms))
			assert_true(before->p95_ms >= after->p95_ms);
	}
	report_free(report);
}

static void test_digest_names_a_step_of_the_plan_that_never_ran(void **state)
{
	const char *steps[] = {"quiet"};
	enum step_kind kinds[] = {STEP_SQL};
	struct report_scenario scenario = {
	        .name = "idle", .executor = "constant-vus", .steps = steps, .step_kinds = kinds, .step_count = 1};
	struct report *report = report_new();
	cleanup(digest_deinit) struct digest digest;

	(void)state;
	report->scenarios = &scenario;
	report->scenario_count = 1;
	assert_int_equal(digest_init(&digest, report), 0);
	assert_int_equal(digest.step_count, 1);
	assert_string_equal(digest.steps[0].step, "quiet");
	assert_int_equal(digest.steps[0].count, 0);
	report_free(report);
}

static void test_digest_judges_groups_by_the_report_s_limits(void **state)
{
	struct report *report = sample_report_new(&sample_minutes);
	uint32_t by_status[GROUP_STATUS_COUNT] = {0};
	struct digest digest = {0};

	(void)state;
	assert_int_equal(digest_init(&digest, report), 0);
	for (uint32_t i = 0; i < digest.group_count; i++)
		by_status[digest.groups[i].status]++;
	assert_true(by_status[GROUP_NORMAL] < digest.group_count);
	digest_deinit(&digest);
	report->group_status =
	        (struct group_status_limits){.slow_ns = 1, .levels = {[GROUP_TIMEOUTS] = {.slow = 0.99}}};
	assert_int_equal(digest_init(&digest, report), 0);
	for (uint32_t i = 0; i < digest.group_count; i++) {
		const struct digest_entry *group = &digest.groups[i];

		assert_true(group->slow <= group->count);
		assert_int_equal(group->status,
		                 (double)group->slow >= 0.99 * (double)group->count ? GROUP_TIMEOUTS : GROUP_NORMAL);
	}
	digest_deinit(&digest);
	report_free(report);
}

static void test_digest_sums_up_errors_of_all_groups(void **state)
{
	char code[] = "503", first[] = "busy", second[] = "gone";
	struct report_error errors[] = {{"users", "get", "a", ERROR_SERVER, code, first, 3, 10, 12},
	                                {"users", "get", "b", ERROR_SERVER, code, first, 4, 5, 11},
	                                {"users", "get", "c", ERROR_SERVER, code, second, 5, 20, 30},
	                                {"users", "put", "", ERROR_CLIENT, code, second, 1, 1, 1}};
	struct report *report = report_new();
	cleanup(digest_deinit) struct digest digest;

	(void)state;
	report->errors = errors;
	report->error_count = 4;
	assert_int_equal(digest_init(&digest, report), 0);
	assert_int_equal(digest.error_count, 2);
	assert_int_equal(digest.errors[0].count, 12);
	assert_string_equal(digest.errors[0].text, "gone");
	assert_int_equal(digest.errors[0].first_s, 5);
	assert_int_equal(digest.errors[0].last_s, 30);
	assert_int_equal(digest.errors[1].class, ERROR_CLIENT);
	assert_int_equal(digest.detail_count, 3);
	assert_int_equal(digest.details[0].count, 7);
	assert_int_equal(digest.details[0].groups, 2);
	assert_string_equal(digest.details[0].step, "get");
	assert_int_equal(digest.details[2].groups, 0);
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_arena_gives_zeroed_memory_aligned_for_anything),
	        cmocka_unit_test(test_arena_keeps_every_text_as_it_was),
	        cmocka_unit_test(test_pairs_are_kept_in_order_at_any_count),
	        cmocka_unit_test(test_a_new_report_can_be_written_in_every_format),
	        cmocka_unit_test(test_find_gives_each_row_by_its_own_texts),
	        cmocka_unit_test(test_percentile_of_nothing_is_not_a_number),
	        cmocka_unit_test(test_digest_steps_and_groups_add_up_to_the_figures),
	        cmocka_unit_test(test_digest_takes_the_peak_from_measured_seconds_alone),
	        cmocka_unit_test(test_digest_ranks_groups_by_failures_then_p95),
	        cmocka_unit_test(test_digest_judges_groups_by_the_report_s_limits),
	        cmocka_unit_test(test_digest_sums_up_errors_of_all_groups),
	        cmocka_unit_test(test_digest_names_a_step_of_the_plan_that_never_ran),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
