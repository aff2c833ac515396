/* SPDX-License-Identifier: Apache-2.0 */
/* However shares moved, and whoever died, left, came late, was cut off or heard late: the report's account of
 * iterations is what arrival by arrival is true of what was told, and it adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "coordinator/replay/replay.h"
#include "paper_run.h"

enum { CASES = 600 };

static struct report *report_of(const struct paper_run *run, _Bool resumed)
{
	char folder[] = "/tmp/test-epochs-XXXXXX", path[64];
	struct failure failure = {0};
	struct report *report = NULL;

	assert_non_null(mkdtemp(folder));
	paper_run_write(run, folder, resumed);
	if (replay_report(folder, &failure, &report) < 0)
		fail_msg("%s", failure.text);
	snprintf(path, sizeof(path), "%s/journal", folder);
	unlink(path);
	rmdir(folder);
	return report;
}

static void check_account(uint64_t seed, const struct paper_truth *truth, const struct report *report)
{
	const struct tally *tally = &report->tally;

	if (tally->planned != truth->planned || report->unknown != truth->unknown || report->overlap != truth->overlap)
		fail_msg("seed %llu: planned %llu unknown %llu overlap %llu, not %llu %llu %llu",
		         (unsigned long long)seed, (unsigned long long)tally->planned,
		         (unsigned long long)report->unknown, (unsigned long long)report->overlap,
		         (unsigned long long)truth->planned, (unsigned long long)truth->unknown,
		         (unsigned long long)truth->overlap);
	assert_int_equal(tally->planned, tally->started + tally_dropped(tally) + report->unknown);
	assert_int_equal(tally->started, tally->succeeded + tally->failed + tally->interrupted);
	assert_int_equal(tally->started + tally_dropped(tally) + report->overlap, truth->told);
}

static void check_parts(const struct report *report)
{
	uint64_t unknown = 0, overlap = 0;

	for (uint32_t i = 0; i < report->agent_count; i++) {
		unknown += report->agents[i].unknown;
		overlap += report->agents[i].overlap;
	}
	assert_int_equal(unknown, report->unknown);
	assert_int_equal(overlap, report->overlap);
}

static void check_seconds(uint64_t seed, const struct paper_truth *truth, const struct report *report)
{
	_Bool told[PAPER_SECONDS_MAX] = {0};

	assert_int_equal(report->agent_seconds_due, truth->due);
	assert_int_equal(report->agent_seconds_held, truth->held);
	for (uint32_t i = 0; i < report->degradation_count; i++)
		for (uint32_t s = report->degradations[i].first_s; s <= report->degradations[i].last_s; s++)
			told[s] = 1;
	for (uint32_t s = 0; s < report->second_count; s++) {
		if (truth->missing[s] && !report->degraded[s])
			fail_msg("seed %llu: second %u is not degraded", (unsigned long long)seed, s);
		if (report->degraded[s] && !truth->missing[s] && !truth->disputed[s])
			fail_msg("seed %llu: second %u is degraded", (unsigned long long)seed, s);
		assert_int_equal(told[s], report->degraded[s]);
	}
}

static void check_verdict(const struct paper_run *run, const struct paper_truth *truth, const struct report *report)
{
	_Bool all_told = 1;

	for (uint32_t i = 0; i < run->agent_count; i++)
		all_told &= run->agents[i].fate != PAPER_DIED && run->agents[i].fate != PAPER_CUT_OFF;
	if (report->complete)
		assert_true(truth->unknown == 0 && truth->held == truth->due);
	else
		assert_false(all_told && truth->unknown == 0 && truth->held == truth->due);
}

static void test_account_is_true_arrival_by_arrival_however_shares_moved(void **state)
{
	unsigned unknown = 0, overlap = 0, complete = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= CASES; seed++) {
		struct paper_run run;
		struct paper_truth truth;
		struct report *report;
		struct random random;

		random_seed(&random, seed);
		paper_run_make(&run, &random);
		truth = paper_run_truth(&run);
		report = report_of(&run, 0);
		check_account(seed, &truth, report);
		check_parts(report);
		check_seconds(seed, &truth, report);
		check_verdict(&run, &truth, report);
		unknown += truth.unknown > 0;
		overlap += truth.overlap > 0;
		complete += report->complete;
		report_free(report);
		paper_run_deinit(&run);
	}
	/* The cases are worth something. */
	assert_in_range(unknown, CASES / 4, CASES);
	assert_in_range(overlap, CASES / 10, CASES);
	assert_in_range(complete, CASES / 50, CASES);
}

static void test_resumes_leave_no_trace_in_a_report(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= CASES / 10; seed++) {
		struct buffer texts[2] = {{0}, {0}};
		struct paper_run run;
		struct random random;

		random_seed(&random, seed);
		paper_run_make(&run, &random);
		for (int resumed = 0; resumed < 2; resumed++) {
			struct report *report = report_of(&run, resumed != 0);

			assert_int_equal(report_write(report, REPORT_JSON, NULL, &texts[resumed]), 0);
			report_free(report);
		}
		assert_string_equal(buffer_text(&texts[0]), buffer_text(&texts[1]));
		buffer_deinit(&texts[0]);
		buffer_deinit(&texts[1]);
		paper_run_deinit(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_account_is_true_arrival_by_arrival_however_shares_moved),
	        cmocka_unit_test(test_resumes_leave_no_trace_in_a_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
