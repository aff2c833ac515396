/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h: the report that a journal gives. Agents are on paper, the journal and the merge are real. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/stats/error_class.h"
#include "fleet.h"

#define S NS_PER_S

static const char consume_plan[] = "name: readers\n"
                                   "targets: { stream: { kafka: { brokers: \"h:1\" } } }\n"
                                   "scenarios:\n"
                                   "  readers: { executor: constant-vus, vus: 2, duration: 1s,\n"
                                   "    steps: [ { consume: { target: stream, topic: t, partitions: all } } ] }\n";

static const char open_plan[] = "name: open\n"
                                "scenarios:\n"
                                "  ticks:\n"
                                "    executor: constant-arrival-rate\n"
                                "    rate: 4\n"
                                "    duration: 3s\n"
                                "    steps:\n"
                                "      - null: { name: work, latency: 1ms }\n"
                                "      - null: { name: rest, latency: 1ms }\n";

static const char closed_plan[] = "name: closed\n"
                                  "warmup: 1s\n"
                                  "scenarios:\n"
                                  "  users:\n"
                                  "    executor: constant-vus\n"
                                  "    vus: 2\n"
                                  "    duration: 3s\n"
                                  "    steps:\n"
                                  "      - null: { name: work, latency: 1ms }\n";

static struct fleet *open_fleet(const char *plan, uint32_t agents)
{
	return fleet_open(&(struct fleet_config){.plan = plan, .agents = agents});
}

static struct report *close_fleet(struct fleet *fleet, struct report *report)
{
	fleet_close(fleet);
	return report_free(report);
}

/* One iteration with one operation of step "work". */
static void work(struct fleet *fleet, uint32_t agent, const char *scenario, const char *group, _Bool warmup,
                 _Bool failed, uint64_t us)
{
	fleet_operate(fleet, agent,
	              &(struct fleet_operation){.scenario = scenario,
	                                        .step = "work",
	                                        .group = group,
	                                        .warmup = warmup,
	                                        .failed = failed,
	                                        .duration_us = us,
	                                        .response_us = us + 100});
	fleet_iterate(fleet, agent, scenario, warmup, failed);
}

/* Three seconds of four arrivals over two agents: 12 in all, those of second 1 of agent 0 failing. */
static struct fleet *run_open(void)
{
	struct fleet *fleet = open_fleet(open_plan, 2);

	for (unsigned second = 0; second < 3; second++) {
		for (uint32_t agent = 0; agent < 2; agent++)
			for (unsigned i = 0; i < 2; i++)
				work(fleet, agent, "ticks", i ? "b" : "a", 0, second == 1 && agent == 0,
				     1000 * (second + 1));
		fleet_second(fleet);
	}
	return fleet;
}

static void test_replay_accounts_for_a_whole_run(void **state)
{
	struct fleet *fleet = run_open();
	struct report *report = fleet_finish(fleet, 3 * S);

	(void)state;
	assert_string_equal(report->name, "open");
	assert_string_equal(report->started_at, "2023-11-14T22:13:20.123Z");
	assert_true(report->duration_s == 3 && report->measured_s == 3 && report->warmup_s == 0);
	assert_int_equal(report->tally.planned, 12);
	assert_int_equal(report->tally.started, 12);
	assert_int_equal(report->tally.succeeded, 10);
	assert_int_equal(report->tally.failed, 2);
	assert_int_equal(report->unknown, 0);
	assert_int_equal(report->agents_took_part, 2);
	assert_int_equal(report->agent_seconds_due, 6);
	assert_int_equal(report->agent_seconds_held, 6);
	assert_int_equal(report->agents[0].seconds + report->agents[1].seconds, 6);
	assert_true(report->sum_equals_total);
	assert_true(report->complete);
	assert_true(report->trusted);
	assert_int_equal(report->thresholds_verdict, THRESHOLDS_NONE);
	assert_int_equal(report->exit_code, EXIT_CODE_PASSED);
	assert_string_equal(report->ended_by, "");
	assert_int_equal(report->agent_count, 2);
	assert_string_equal(report->agents[1].name, "agent-2");
	assert_int_equal(report->agents[1].operations, 6);
	assert_int_equal(report->agents[1].lost_at_s, -1);
	assert_int_equal(report->second_count, 3);
	close_fleet(fleet, report);
}

static void check_counter(const struct report *report, enum metric_id metric, const char *step, const char *group,
                          uint64_t count, double peak, uint64_t peak_second)
{
	const struct report_row *row = fleet_row(report, metric, step[0] ? "ticks" : "", step, group, "");

	assert_int_equal(row->cell.counter, count);
	assert_true(row->peak_per_s == peak);
	assert_int_equal(row->peak_second, peak_second);
	assert_true(fabs(row->rate_per_s - (double)count / 3) < 1e-9);
}

static void test_replay_has_rows_for_every_level_each_with_what_is_below(void **state)
{
	struct fleet *fleet = run_open();
	struct report *report;
	const struct report_row *row;

	(void)state;
	/* A fourth second, of what was in flight: one more in group b, faster than all. */
	fleet_operate(fleet, 1, &(struct fleet_operation){"ticks", "work", "b", 0, 0, 10, 10});
	fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	check_counter(report, METRIC_NULL_OPERATIONS, "", "", 13, 4, 0);
	check_counter(report, METRIC_NULL_OPERATIONS, "work", "", 13, 4, 0);
	check_counter(report, METRIC_NULL_OPERATIONS, "work", "a", 6, 2, 0);
	check_counter(report, METRIC_NULL_OPERATIONS, "work", "b", 7, 2, 0);
	check_counter(report, METRIC_NULL_OPERATIONS, "rest", "", 0, 0, 0);
	row = fleet_row(report, METRIC_NULL_OPERATION_FAILED, "ticks", "", "", "");
	assert_int_equal(row->cell.rate.hits, 2);
	assert_int_equal(row->cell.rate.total, 13);
	row = fleet_row(report, METRIC_NULL_OPERATION_DURATION, "", "", "", "");
	assert_int_equal(histogram_count(row->cell.latency.histogram), 11);
	assert_int_equal(histogram_min_us(row->cell.latency.histogram), 10);
	assert_int_equal(histogram_max_us(row->cell.latency.histogram), 3000);
	assert_int_equal(row->load, LOAD_OPEN);
	row = fleet_row(report, METRIC_NULL_OPERATION_FAILED_DURATION, "ticks", "work", "a", "");
	assert_int_equal(histogram_count(row->cell.latency.histogram), 1);
	close_fleet(fleet, report);
}

static void test_replay_sorts_rows_by_the_table_the_plan_and_the_count(void **state)
{
	struct fleet *fleet = run_open();
	struct report *report;
	const struct report_row *all, *row;
	static const char *const groups[] = {"", "b", "a"};

	(void)state;
	fleet_operate(fleet, 1, &(struct fleet_operation){"ticks", "work", "b", 0, 0, 10, 10});
	fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	for (uint32_t i = 1; i < report->row_count; i++)
		assert_true(report->rows[i - 1].metric <= report->rows[i].metric);
	all = fleet_row(report, METRIC_NULL_OPERATIONS, "", "", "", "");
	assert_string_equal(all[1].scenario, "ticks");
	assert_string_equal(all[1].step, "");
	row = fleet_row(report, METRIC_NULL_OPERATIONS, "ticks", "work", "", "");
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(row[i].group, groups[i]);
	assert_string_equal(row[3].step, "rest");
	close_fleet(fleet, report);
}

static void test_replay_gives_rows_of_zero_for_all_that_the_plan_can_produce(void **state)
{
	static const enum metric_id scenario_level[] = {METRIC_ITERATIONS, METRIC_DROPPED_ITERATIONS, METRIC_VUS,
	                                                METRIC_ITERATION_DURATION, METRIC_SEND_LATENESS};
	static const char plan[] = "name: zeros\n"
	                           "targets:\n"
	                           "  api: { http: { baseUrl: \"http://localhost:1\" } }\n"
	                           "scenarios:\n"
	                           "  users:\n"
	                           "    executor: constant-vus\n"
	                           "    vus: 1\n"
	                           "    duration: 1s\n"
	                           "    steps:\n"
	                           "      - http: { name: home, target: api, get: /, check: { status: 200 } }\n"
	                           "      - think: 1s\n";
	struct fleet *fleet = open_fleet(plan, 1);
	struct report *report;
	const struct report_row *row;
	const char *check;

	(void)state;
	fleet_second(fleet);
	check = fleet_plan(fleet)->scenarios[0].steps[0].http.status.name;
	report = fleet_finish(fleet, S);
	for (size_t i = 0; i < sizeof(scenario_level) / sizeof(scenario_level[0]); i++) {
		fleet_row(report, scenario_level[i], "", "", "", "");
		assert_true(cell_is_empty(&fleet_row(report, scenario_level[i], "users", "", "", "")->cell));
		assert_null(report_find(report, scenario_level[i], "users", "home", "", ""));
	}
	for (int metric = METRIC_HTTP_REQS; metric <= METRIC_HTTP_REQ_FAILED_DURATION; metric++)
		assert_true(cell_is_empty(&fleet_row(report, (enum metric_id)metric, "users", "home", "", "")->cell));
	fleet_row(report, METRIC_DATA_SENT, "users", "home", "", "");
	fleet_row(report, METRIC_AVAILABILITY, "", "", "", "");
	row = fleet_row(report, METRIC_CHECKS, "users", "home", "", check);
	assert_int_equal(row->cell.rate.total, 0);
	fleet_row(report, METRIC_CHECKS, "", "", "", check);
	assert_null(report_find(report, METRIC_SQL_QUERIES, "", "", "", ""));
	assert_int_equal(report->scenario_count, 1);
	assert_int_equal(report->scenarios[0].step_count, 1);
	close_fleet(fleet, report);
}

static void test_replay_sums_labels_beside_the_row_of_all_labels(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 1);
	struct series check = {METRIC_CHECKS, 0, "ticks", "work", "g", "status"};
	struct report *report;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		fleet_value(fleet, 0, &check, i > 0);
	check.label = "body";
	fleet_value(fleet, 0, &check, 1);
	check.group = "";
	fleet_value(fleet, 0, &check, 1);
	fleet_drop(fleet, 0, "ticks", DROP_LATE);
	fleet_drop(fleet, 0, "ticks", DROP_NO_VU);
	fleet_drop(fleet, 0, "ticks", DROP_NO_VU);
	for (unsigned second = 0; second < 3; second++)
		fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(fleet_row(report, METRIC_CHECKS, "ticks", "work", "g", "")->cell.rate.total, 5);
	assert_int_equal(fleet_row(report, METRIC_CHECKS, "ticks", "work", "g", "status")->cell.rate.hits, 3);
	assert_int_equal(fleet_row(report, METRIC_CHECKS, "ticks", "work", "", "body")->cell.rate.total, 2);
	assert_int_equal(fleet_row(report, METRIC_CHECKS, "ticks", "work", "", "")->cell.rate.total, 6);
	assert_int_equal(fleet_row(report, METRIC_CHECKS, "", "", "", "")->cell.rate.total, 6);
	assert_int_equal(fleet_row(report, METRIC_CHECKS, "", "", "", "status")->cell.rate.total, 4);
	assert_int_equal(fleet_row(report, METRIC_DROPPED_ITERATIONS, "", "", "", "")->cell.counter, 3);
	assert_int_equal(fleet_row(report, METRIC_DROPPED_ITERATIONS, "ticks", "", "", "no_vu")->cell.counter, 2);
	assert_int_equal(report->tally.dropped[DROP_NO_VU], 2);
	close_fleet(fleet, report);
}

static void test_replay_leaves_warmup_out_of_totals_and_draws_it(void **state)
{
	struct fleet *fleet = open_fleet(closed_plan, 1);
	struct report *report;
	const struct report_row *row;
	const struct report_line *line = NULL;

	(void)state;
	for (unsigned second = 0; second < 3; second++) {
		for (unsigned i = 0; i <= second; i++)
			work(fleet, 0, "users", NULL, second == 0, 0, 5000);
		fleet_second(fleet);
	}
	report = fleet_finish(fleet, 3 * S);
	assert_true(report->warmup_s == 1 && report->measured_s == 2);
	row = fleet_row(report, METRIC_NULL_OPERATIONS, "users", "work", "", "");
	assert_int_equal(row->cell.counter, 5);
	assert_int_equal(row->warmup_count, 1);
	assert_true(row->rate_per_s == 2.5);
	assert_int_equal(fleet_row(report, METRIC_NULL_OPERATION_DURATION, "", "", "", "")->warmup_count, 1);
	assert_true(report->warmup[0] && !report->warmup[1] && !report->warmup[2]);
	for (uint32_t i = 0; i < report->line_count; i++)
		if (report->lines[i].metric == METRIC_NULL_OPERATION_DURATION && !report->lines[i].scenario[0])
			line = &report->lines[i];
	assert_non_null(line);
	assert_true(line->count[0] == 1 && line->count[1] == 2 && line->count[2] == 3);
	assert_true(line->p50[0] == 5.0f && line->max[2] == 5.0f);
	assert_true(report->complete);
	assert_int_equal(row[0].load, LOAD_NONE);
	assert_int_equal(fleet_row(report, METRIC_NULL_OPERATION_DURATION, "", "", "", "")->load, LOAD_CLOSED);
	close_fleet(fleet, report);
}

static void test_replay_ends_the_warmup_where_the_first_measured_scenario_begins(void **state)
{
	static const char plan[] =
	        "name: warm\n"
	        "scenarios:\n"
	        "  warm: { executor: constant-vus, vus: 1, duration: 2s, isWarmup: true, steps: [ { null: { "
	        "name: work, latency: 1ms } } ] }\n"
	        "  main: { executor: constant-vus, vus: 1, duration: 3s, startAfter: warm, steps: [ { "
	        "null: { name: work, latency: 1ms } } ] }\n";
	struct fleet *fleet = open_fleet(plan, 1);
	struct report *report;

	(void)state;
	for (unsigned second = 0; second < 7; second++) {
		if (second < 2)
			work(fleet, 0, "warm", NULL, 1, 0, 10);
		if (second >= 4)
			work(fleet, 0, "main", NULL, 0, 0, 10);
		fleet_second(fleet);
	}
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_BEGIN, .begin = {1, 4 * S}});
	report = fleet_finish(fleet, 7 * S);
	assert_true(report->warmup_s == 4 && report->measured_s == 3 && report->duration_s == 7);
	assert_int_equal(report->agent_seconds_due, 7);
	assert_int_equal(fleet_row(report, METRIC_NULL_OPERATIONS, "", "", "", "")->cell.counter, 3);
	assert_int_equal(fleet_row(report, METRIC_NULL_OPERATIONS, "", "", "", "")->warmup_count, 2);
	assert_true(report->complete);
	close_fleet(fleet, report);
}

static void test_replay_merges_gauges_over_agents_and_scenarios_and_folds_them_over_seconds(void **state)
{
	static const uint64_t levels[2][3] = {{1, 4, 2}, {2, 5, 0}};
	struct fleet *fleet = open_fleet(closed_plan, 2);
	struct series vus = {METRIC_VUS, 0, "users", "", "", ""};
	struct report *report;
	const struct report_row *row;

	(void)state;
	for (unsigned second = 0; second < 3; second++) {
		for (uint32_t agent = 0; agent < 2; agent++)
			fleet_value(fleet, agent, &vus, levels[agent][second]);
		/* Each agent's snapshot in a record of its own: the second is amended. */
		for (uint32_t agent = 0; agent < 2; agent++) {
			fleet_tick(fleet, agent);
			assert_true(fleet_deliver(fleet, agent));
			fleet_flush(fleet);
		}
	}
	report = fleet_finish(fleet, 3 * S);
	row = fleet_row(report, METRIC_VUS, "", "", "", "");
	assert_true(row->cell.gauge.last == 2 && row->cell.gauge.min == 2 && row->cell.gauge.max == 9);
	assert_true(row->cell.gauge.sum == 14 && row->cell.gauge.count == 3);
	close_fleet(fleet, report);
}

static void test_replay_derives_availability_at_each_level(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 2);
	struct report *report;
	const struct report_row *row;

	(void)state;
	/* Second 0: 99 of 100 in the run and the scenario, but 0 of 1 in group "bad". Second 1: nothing. Second 2: 98
	 * of 100. */
	for (unsigned i = 0; i < 100; i++)
		work(fleet, i % 2, "ticks", i == 0 ? "bad" : "good", 0, i == 0, 10);
	fleet_second(fleet);
	fleet_second(fleet);
	for (unsigned i = 0; i < 100; i++)
		work(fleet, i % 2, "ticks", "good", 0, i < 2, 10);
	fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	row = fleet_row(report, METRIC_AVAILABILITY, "", "", "", "");
	assert_int_equal(row->cell.rate.hits, 1);
	assert_int_equal(row->cell.rate.total, 2);
	row = fleet_row(report, METRIC_AVAILABILITY, "ticks", "work", "bad", "");
	assert_int_equal(row->cell.rate.hits, 0);
	assert_int_equal(row->cell.rate.total, 1);
	row = fleet_row(report, METRIC_AVAILABILITY, "ticks", "work", "good", "");
	assert_int_equal(row->cell.rate.hits, 1);
	assert_int_equal(row->cell.rate.total, 2);
	close_fleet(fleet, report);
}

static void fail_with(struct fleet *fleet, const char *step, const char *group, const char *text, unsigned count)
{
	char label[ERROR_LABEL_SIZE];
	struct series series = {METRIC_ERRORS, 0, "ticks", step, group, label};

	error_label_format(ERROR_SERVER, "503", text, label);
	for (unsigned i = 0; i < count; i++)
		fleet_value(fleet, 0, &series, 1);
}

static void test_replay_lists_errors_with_their_first_and_last_second(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 1);
	struct report *report;

	(void)state;
	fleet_second(fleet);
	fail_with(fleet, "work", "a", "overload", 2);
	fail_with(fleet, "work", "b", "rare", 1);
	fleet_second(fleet);
	fail_with(fleet, "work", "a", "overload", 3);
	fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->error_count, 2);
	assert_int_equal(report->errors[0].count, 5);
	assert_int_equal(report->errors[0].first_s, 1);
	assert_int_equal(report->errors[0].last_s, 2);
	assert_int_equal(report->errors[0].class, ERROR_SERVER);
	assert_string_equal(report->errors[0].code, "503");
	assert_string_equal(report->errors[0].text, "overload");
	assert_string_equal(report->errors[0].group, "a");
	assert_string_equal(report->errors[1].text, "rare");
	for (uint32_t i = 0; i < report->row_count; i++)
		assert_int_not_equal(report->rows[i].metric, METRIC_ERRORS);
	close_fleet(fleet, report);
}

static void test_replay_bounds_the_errors_of_a_step(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 1);
	struct report *report;
	uint64_t sum = 0;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 150; i++) { /* one text in 150 groups becomes one entry */
		snprintf(name, sizeof(name), "group %u", i);
		fail_with(fleet, "work", name, "refused", 1);
	}
	for (unsigned i = 0; i < 150; i++) { /* 150 texts become 100 and the rest */
		snprintf(name, sizeof(name), "text %u", i);
		fail_with(fleet, "rest", "", name, i < 100 ? 2 : 1);
	}
	for (unsigned second = 0; second < 3; second++)
		fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->error_count, 1 + 101);
	assert_int_equal(report->errors[0].count, 150);
	assert_string_equal(report->errors[0].group, "");
	for (uint32_t i = 1; i < report->error_count; i++) {
		sum += report->errors[i].count;
		if (strcmp(report->errors[i].text, "other") == 0)
			assert_int_equal(report->errors[i].count, 50);
	}
	assert_int_equal(sum, 250);
	close_fleet(fleet, report);
}

static _Bool skip_first(void *context, uint32_t agent, uint64_t seq)
{
	(void)context;
	return agent == 0 && seq == 1;
}

static void test_replay_finds_what_the_merge_left_out_after_accepting_it(void **state)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = closed_plan, .agents = 2, .skip = skip_first});
	struct report *report;

	(void)state;
	for (unsigned second = 0; second < 3; second++) {
		work(fleet, 0, "users", NULL, second == 0, 0, 10);
		work(fleet, 1, "users", NULL, second == 0, 0, 10);
		fleet_second(fleet);
	}
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->agent_seconds_held, report->agent_seconds_due);
	assert_false(report->sum_equals_total);
	assert_false(report->complete);
	close_fleet(fleet, report);
}

static void test_replay_finds_an_agent_that_contradicts_itself(void **state)
{
	struct fleet *fleet = open_fleet(closed_plan, 2);
	struct report *report;

	(void)state;
	/* The two agents' errors would cancel out in the sum over the fleet. */
	for (unsigned second = 0; second < 3; second++) {
		work(fleet, 0, "users", NULL, 0, 0, 10);
		work(fleet, 1, "users", NULL, 0, 0, 10);
		fleet_second(fleet);
		fleet_account(fleet, 0, 0)->tally.operations++;
		fleet_account(fleet, 1, 0)->tally.operations--;
	}
	fleet_account(fleet, 0, 0)->tally.operations = 4;
	fleet_account(fleet, 1, 0)->tally.operations = 2;
	report = fleet_finish(fleet, 3 * S);
	assert_false(report->sum_equals_total);
	assert_int_equal(report->notes.count, 2);
	assert_string_equal(report->notes.items[0].name, "agents");
	close_fleet(fleet, report);
}

static void test_replay_misses_an_agents_second(void **state)
{
	struct fleet *fleet = open_fleet(closed_plan, 2);
	struct report *report;

	(void)state;
	fleet_second(fleet);
	fleet_skip_seconds(fleet, 1, 1);
	fleet_second(fleet);
	fleet_second(fleet); /* agent 1's third snapshot is of second 3: past what is due */
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->agent_seconds_due, 6);
	assert_int_equal(report->agent_seconds_held, 5);
	assert_false(report->complete);
	assert_false(report->degraded[0]);
	assert_true(report->degraded[1]);
	assert_false(report->degraded[2]);
	close_fleet(fleet, report);
}

static void test_replay_counts_what_a_lost_agent_owed_as_unknown(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 2);
	struct report *report;

	(void)state;
	for (unsigned second = 0; second < 3; second++) {
		for (uint32_t agent = 0; agent < 2; agent++)
			for (unsigned i = 0; i < 2 && (agent == 0 || second == 0); i++)
				work(fleet, agent, "ticks", NULL, 0, 0, 10);
		if (second == 0) { /* and one that agent 1 has begun */
			fleet_account(fleet, 1, 0)->running = 1;
			fleet_account(fleet, 1, 0)->tally.started++;
		}
		fleet_second(fleet);
		if (second == 0)
			fleet_lose(fleet, 1, 2 * S);
	}
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->tally.planned, 12);
	assert_int_equal(report->tally.started, 8);
	assert_int_equal(report->tally.succeeded, 8);
	assert_int_equal(report->unknown, 4);
	assert_int_equal(report->agents[1].lost_at_s, 2);
	assert_int_equal(report->agent_seconds_due, 6);
	assert_int_equal(report->agent_seconds_held, 4);
	assert_true(report->sum_equals_total);
	assert_false(report->complete);
	assert_int_equal(report->exit_code, EXIT_CODE_PASSED); /* onAgentLoss: continue */
	assert_true(report->degraded[1] && report->degraded[2]);
	close_fleet(fleet, report);
}

static void test_replay_forgives_a_lost_agent_that_came_back_and_finished(void **state)
{
	struct fleet *fleet = open_fleet(closed_plan, 2);
	struct report *report;

	(void)state;
	fleet_second(fleet);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_LOST,
	                                              .lost = {.agent = 1, .at_ns = S, .reason = (char *)"silent"}});
	fleet_second(fleet);
	fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_true(report->complete);
	assert_int_equal(report->agents[1].lost_at_s, -1);
	close_fleet(fleet, report);
}

static void test_replay_cuts_the_plan_where_the_run_was_stopped(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 2);
	struct report *report;

	(void)state;
	for (uint32_t agent = 0; agent < 2; agent++)
		for (unsigned i = 0; i < 2; i++)
			work(fleet, agent, "ticks", NULL, 0, 0, 10);
	fleet_second(fleet);
	/* Stopped at 1.3 s; agent 0 (arrivals 0, 2, 4 ...) hears it at once, agent 1 (1, 3, 5 ...) at 1.6 s. */
	work(fleet, 0, "ticks", NULL, 0, 0, 10);
	work(fleet, 1, "ticks", NULL, 0, 0, 10);
	fleet_second(fleet);
	fleet_stop(fleet, STOP_INTERRUPTED, 1300000000);
	fleet_done(fleet, 0, 1300000000);
	fleet_done(fleet, 1, 1600000000);
	report = fleet_finish(fleet, 0);
	assert_int_equal(report->tally.planned, 6);
	assert_int_equal(report->tally.started, 6);
	assert_int_equal(report->agent_seconds_due, 4);
	assert_true(report->measured_s == 1.3);
	assert_true(report->duration_s == 1.6);
	assert_true(report->complete);
	assert_int_equal(report->exit_code, EXIT_CODE_INTERRUPTED);
	assert_string_equal(report->ended_by, "a test wanted it");
	close_fleet(fleet, report);
}

static void test_replay_takes_the_end_of_counted_iterations_from_the_agents(void **state)
{
	static const char plan[] = "name: counted\n"
	                           "scenarios:\n"
	                           "  users:\n"
	                           "    executor: per-vu-iterations\n"
	                           "    vus: 2\n"
	                           "    iterations: 3\n"
	                           "    steps:\n"
	                           "      - null: { name: work, latency: 1ms }\n";
	struct fleet *fleet = open_fleet(plan, 3);
	struct report *report;

	(void)state;
	for (uint32_t agent = 0; agent < 2; agent++) {
		for (unsigned i = 0; i < 3; i++)
			work(fleet, agent, "users", NULL, 0, 0, 10);
		fleet_account(fleet, agent, 0)->finished = 1;
		fleet_account(fleet, agent, 0)->end_ns = (agent + 1) * 1500000000;
	}
	for (unsigned second = 0; second < 2; second++) /* agent 2 has no VU and owes nothing */
		for (uint32_t agent = 0; agent < 2; agent++)
			fleet_tick(fleet, agent);
	fleet_tick(fleet, 1);
	fleet_done(fleet, 0, 1500000000);
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->tally.planned, 6);
	assert_int_equal(report->agent_seconds_due, 2 + 3);
	assert_int_equal(report->agent_seconds_held, 5);
	assert_true(report->measured_s == 3);
	assert_int_equal(report->agents_took_part, 2);
	assert_true(report->complete);
	close_fleet(fleet, report);
}

static void test_replay_reports_what_was_held_when_the_coordinator_died(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 2);
	struct report *report;
	char path[128];
	FILE *file;

	(void)state;
	for (uint32_t agent = 0; agent < 2; agent++)
		for (unsigned i = 0; i < 2; i++)
			work(fleet, agent, "ticks", NULL, 0, 0, 10);
	fleet_second(fleet);
	snprintf(path, sizeof(path), "%s/journal", fleet_folder(fleet));
	file = fopen(path, "a");
	assert_non_null(file);
	assert_int_equal(fwrite("half a record", 1, 13, file), 13);
	fclose(file);
	report = fleet_report(fleet);
	assert_false(report->complete);
	assert_true(report->measured_s == 1);
	assert_int_equal(fleet_row(report, METRIC_ITERATIONS, "", "", "", "")->cell.counter, 4);
	assert_true(report->sum_equals_total);
	assert_int_equal(report->notes.count, 2);
	assert_string_not_equal(report->ended_by, "");
	close_fleet(fleet, report);
}

static const char threshold_plan[] = "name: thresholds\n"
                                     "scenarios:\n"
                                     "  ticks:\n"
                                     "    executor: constant-arrival-rate\n"
                                     "    rate: 4\n"
                                     "    duration: 3s\n"
                                     "    steps:\n"
                                     "      - null: { name: work, latency: 1ms, group: \"{{vu}}\" }\n"
                                     "thresholds:\n"
                                     "  iterations: ['count==12', 'rate>3.9']\n"
                                     "  null_operation_failed: ['rate<0.2', { threshold: 'rate<0.4', window: 2s }]\n"
                                     "  'null_operation_duration{step:work}': ['p(99)<1.9']\n"
                                     "  'null_operation_duration{group:nobody}': ['max<1']\n"
                                     "  'dropped_iterations{label:late}': ['count==0']\n";

static void run_thresholds(struct fleet *fleet)
{
	for (unsigned second = 0; second < 3; second++) {
		for (unsigned i = 0; i < 4; i++)
			work(fleet, i % 2, "ticks", NULL, 0, second == 1 && i < 2, 1000 * (second + 1));
		fleet_second(fleet);
	}
}

static void test_replay_judges_thresholds(void **state)
{
	static const struct {
		_Bool pass, no_data, few;
		double observed;
	} expected[] = {{1, 0, 0, 12},  {1, 0, 0, 4},   {1, 0, 0, 2.0 / 12}, {1, 0, 0, 0.25},
	                {0, 0, 1, 3.0}, {0, 1, 0, NAN}, {1, 0, 0, 0}};
	struct fleet *fleet = open_fleet(threshold_plan, 2);
	struct report *report;

	(void)state;
	run_thresholds(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_int_equal(report->threshold_count, 7);
	for (uint32_t i = 0; i < 7; i++) {
		const struct report_threshold *threshold = &report->thresholds[i];

		if (threshold->pass != expected[i].pass || threshold->no_data != expected[i].no_data ||
		    threshold->few_samples != expected[i].few ||
		    (!expected[i].no_data && fabs(threshold->observed - expected[i].observed) > 0.002))
			fail_msg("%s %s: %g", threshold->metric, threshold->expression, threshold->observed);
	}
	assert_string_equal(report->thresholds[3].expression, "rate<0.4 over 2s");
	assert_string_equal(report->thresholds[3].written, "rate<0.4");
	assert_true(report->thresholds[3].window_s == 2);
	assert_int_equal(report->thresholds_verdict, THRESHOLDS_FAIL);
	assert_int_equal(report->exit_code, EXIT_CODE_THRESHOLDS);
	close_fleet(fleet, report);
}

static void test_replay_fails_a_threshold_that_aborted_the_run(void **state)
{
	struct fleet *fleet = open_fleet(threshold_plan, 2);
	struct report *report;

	(void)state;
	run_thresholds(fleet);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_STOP,
	                                              .stop = {.cause = STOP_THRESHOLD,
	                                                       .at_ns = 2 * S,
	                                                       .text = (char *)"threshold 3",
	                                                       .threshold = 3,
	                                                       .observed = 0.5}});
	report = fleet_finish(fleet, 2 * S);
	assert_true(report->thresholds[3].aborted);
	assert_false(report->thresholds[3].pass);
	assert_true(report->thresholds[3].observed == 0.5);
	assert_true(report->thresholds[3].aborted_at_s == 2);
	assert_false(report->thresholds[2].aborted);
	assert_int_equal(report->exit_code, EXIT_CODE_THRESHOLDS);
	close_fleet(fleet, report);
}

static void test_replay_suspects_a_harness_that_got_in_the_way(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 1);
	struct series lateness = {METRIC_SEND_LATENESS, 0, "ticks", "", "", ""};
	struct wire_health *health = fleet_health(fleet, 0);
	struct report *report;
	unsigned broken = 0;

	(void)state;
	*health = (struct wire_health){.cpu_ns = 33 * S / 10, /* of 4 cores in a second: 82.5 % */
	                               .wall_ns = S,
	                               .throttled_ns = S / 50,
	                               .descriptors = 81,
	                               .descriptor_limit = 100,
	                               .ports = 80,
	                               .port_limit = 100};
	for (unsigned i = 0; i < 12; i++) {
		work(fleet, 0, "ticks", NULL, 0, 0, 100000); /* p99 of the response 100.1 ms: 10 ms is the limit */
		fleet_value(fleet, 0, &lateness, 10500);
	}
	fleet_drop(fleet, 0, "ticks", DROP_QUEUE_FULL);
	for (unsigned second = 0; second < 3; second++)
		fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_false(report->trusted);
	assert_int_equal(report->trust_count, 10);
	for (uint32_t i = 0; i < report->trust_count; i++)
		broken += !report->trust[i].ok;
	assert_int_equal(broken, 5); /* not the ports, at the limit, and not the start skew */
	assert_string_equal(report->trust[0].check, "send lateness p99");
	assert_false(report->trust[0].ok);
	assert_string_equal(report->trust[0].limit, "10 ms");
	close_fleet(fleet, report);
}

/* Two agents whose clocks were known to 30 and 20 us at worst, and messages that took `us`. */
static void check_clocks(uint64_t us, _Bool ok)
{
	struct fleet *fleet = open_fleet(consume_plan, 2);
	struct series latency = {METRIC_KAFKA_END_TO_END_LATENCY, 0, "readers", "consume-1", "", ""};
	const uint64_t bounds_ns[] = {10000, 30000, 5000};
	const struct report_trust *trust = NULL;
	struct report *report;

	for (unsigned i = 0; i < 3; i++)
		fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_STATUS,
		                                              .status = {.agent = 0, .clock_bound_ns = bounds_ns[i]}});
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_STATUS,
	                                              .status = {.agent = 1, .clock_bound_ns = 20000}});
	for (unsigned i = 0; i < 20; i++)
		fleet_value(fleet, 1, &latency, us);
	fleet_second(fleet);
	report = fleet_finish(fleet, S);
	assert_true(fabs(report->clock_bound_ms - 0.05) < 1e-9);
	for (uint32_t i = 0; i < report->trust_count; i++)
		if (strcmp(report->trust[i].check, "clock bound") == 0)
			trust = &report->trust[i];
	assert_non_null(trust);
	assert_string_equal(trust->value, "0.05 ms");
	assert_int_equal(trust->ok, ok);
	close_fleet(fleet, report);
}

static void test_replay_suspects_clocks_that_are_not_known_to_a_tenth_of_what_messages_take(void **state)
{
	(void)state;
	check_clocks(510, 1);
	check_clocks(490, 0);
}

static void test_replay_allows_lateness_of_a_twentieth_of_slow_responses(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 1);
	struct series lateness = {METRIC_SEND_LATENESS, 0, "ticks", "", "", ""};
	struct report *report;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		work(fleet, 0, "ticks", NULL, 0, 0, 1000000);
		fleet_value(fleet, 0, &lateness, 49000);
	}
	for (unsigned second = 0; second < 3; second++)
		fleet_second(fleet);
	report = fleet_finish(fleet, 3 * S);
	assert_true(report->trust[0].ok);
	close_fleet(fleet, report);
}

static void test_replay_reports_a_run_that_never_started(void **state)
{
	struct fleet *fleet = open_fleet(threshold_plan, 2);
	struct report *report;

	(void)state;
	fleet_stop(fleet, STOP_TOO_FEW_AGENTS, 0);
	report = fleet_finish(fleet, 0);
	assert_int_equal(report->exit_code, EXIT_CODE_AGENTS);
	assert_false(report->complete && report->agent_seconds_due > 0);
	assert_true(report->measured_s == 0 && report->duration_s == 0);
	assert_int_equal(report->tally.planned, 0);
	close_fleet(fleet, report);
}

static void test_replay_writes_every_file(void **state)
{
	struct fleet *fleet = run_open();
	struct report *report = fleet_finish(fleet, 3 * S);

	(void)state;
	assert_int_equal(replay_write_files(report, fleet_folder(fleet), NULL), 0);
	for (int format = 0; format < REPORT_FORMAT_COUNT; format++) {
		const char *name = report_file_name((enum report_format)format);
		char path[128];

		if (!name)
			continue;
		snprintf(path, sizeof(path), "%s/%s", fleet_folder(fleet), name);
		assert_int_equal(unlink(path), 0);
	}
	close_fleet(fleet, report);
}

static void test_replay_says_what_is_wrong_with_a_journal(void **state)
{
	struct fleet *fleet = open_fleet(open_plan, 1);
	struct journal_delta delta = {.second = 0, .series_id = 3};
	struct journal_accepted accepted = {.agent = 0, .seq = 1};
	struct failure failure = {0};
	struct report *report = NULL;

	(void)state;
	assert_int_equal(replay_report("/nonexistent", &failure, &report), -ENOENT);
	fleet_journal(
	        fleet,
	        &(struct journal_record){
	                .type = JOURNAL_DELTAS,
	                .deltas = {.accepted = &accepted, .accepted_count = 1, .deltas = &delta, .delta_count = 1}});
	assert_int_equal(replay_report(fleet_folder(fleet), &failure, &report), -EBADMSG);
	assert_non_null(strstr(failure.text, "series"));
	assert_null(report);
	fleet_close(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_replay_accounts_for_a_whole_run),
	        cmocka_unit_test(test_replay_has_rows_for_every_level_each_with_what_is_below),
	        cmocka_unit_test(test_replay_sorts_rows_by_the_table_the_plan_and_the_count),
	        cmocka_unit_test(test_replay_gives_rows_of_zero_for_all_that_the_plan_can_produce),
	        cmocka_unit_test(test_replay_sums_labels_beside_the_row_of_all_labels),
	        cmocka_unit_test(test_replay_leaves_warmup_out_of_totals_and_draws_it),
	        cmocka_unit_test(test_replay_ends_the_warmup_where_the_first_measured_scenario_begins),
	        cmocka_unit_test(test_replay_merges_gauges_over_agents_and_scenarios_and_folds_them_over_seconds),
	        cmocka_unit_test(test_replay_derives_availability_at_each_level),
	        cmocka_unit_test(test_replay_lists_errors_with_their_first_and_last_second),
	        cmocka_unit_test(test_replay_bounds_the_errors_of_a_step),
	        cmocka_unit_test(test_replay_finds_what_the_merge_left_out_after_accepting_it),
	        cmocka_unit_test(test_replay_finds_an_agent_that_contradicts_itself),
	        cmocka_unit_test(test_replay_misses_an_agents_second),
	        cmocka_unit_test(test_replay_counts_what_a_lost_agent_owed_as_unknown),
	        cmocka_unit_test(test_replay_forgives_a_lost_agent_that_came_back_and_finished),
	        cmocka_unit_test(test_replay_cuts_the_plan_where_the_run_was_stopped),
	        cmocka_unit_test(test_replay_takes_the_end_of_counted_iterations_from_the_agents),
	        cmocka_unit_test(test_replay_reports_what_was_held_when_the_coordinator_died),
	        cmocka_unit_test(test_replay_judges_thresholds),
	        cmocka_unit_test(test_replay_fails_a_threshold_that_aborted_the_run),
	        cmocka_unit_test(test_replay_suspects_a_harness_that_got_in_the_way),
	        cmocka_unit_test(test_replay_suspects_clocks_that_are_not_known_to_a_tenth_of_what_messages_take),
	        cmocka_unit_test(test_replay_allows_lateness_of_a_twentieth_of_slow_responses),
	        cmocka_unit_test(test_replay_reports_a_run_that_never_started),
	        cmocka_unit_test(test_replay_writes_every_file),
	        cmocka_unit_test(test_replay_says_what_is_wrong_with_a_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
