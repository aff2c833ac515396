/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h: what a report says of a run whose agents died, came back, joined, left or stood still. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "fleet.h"

#define S NS_PER_S

enum { AGENTS = 3, RATE = 6 };

/* Each of three agents has two arrivals a second. */
static const char plan[] = "name: epochs\n"
                           "onAgentLoss: redistribute\n"
                           "data:\n"
                           "  symbol: { csv: symbols.csv, column: symbol, pick: unique }\n"
                           "scenarios:\n"
                           "  ticks:\n"
                           "    executor: constant-arrival-rate\n"
                           "    rate: 6\n"
                           "    duration: 4s\n"
                           "    steps:\n"
                           "      - null: { name: work, latency: 1ms, group: \"{{symbol}}\" }\n"
                           "teardown:\n"
                           "  - null: { latency: 1ms }\n"
                           "readers:\n"
                           "  - null: { name: lag, value: 42 }\n"
                           "  - null: { value: 1 }\n";

static const char counted_plan[] = "name: counted\n"
                                   "data:\n"
                                   "  symbol: { csv: symbols.csv, column: symbol, pick: unique }\n"
                                   "scenarios:\n"
                                   "  ticks:\n"
                                   "    executor: shared-iterations\n"
                                   "    vus: 2\n"
                                   "    iterations: 8\n"
                                   "    maxDuration: 4s\n"
                                   "    steps:\n"
                                   "      - null: { name: work, latency: 1ms, group: \"{{symbol}}\" }\n";

static const char closed_plan[] = "name: closed\n"
                                  "scenarios:\n"
                                  "  ticks:\n"
                                  "    executor: constant-vus\n"
                                  "    vus: 2\n"
                                  "    duration: 2s\n"
                                  "    steps:\n"
                                  "      - null: { name: work, latency: 1ms, group: \"{{vu}}\" }\n";

static struct fleet *open_fleet(uint32_t agents)
{
	return fleet_open(&(struct fleet_config){.plan = plan, .agents = agents});
}

static struct report *close_fleet(struct fleet *fleet, struct report *report)
{
	fleet_close(fleet);
	return report_free(report);
}

static void iterate(struct fleet *fleet, uint32_t agent, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fleet_iterate(fleet, agent, "ticks", 0, 0);
}

/* All agents but one run so many arrivals each, and a second is over. */
static void run_second(struct fleet *fleet, unsigned each, uint32_t without)
{
	for (uint32_t i = 0; i < AGENTS; i++)
		if (i != without)
			iterate(fleet, i, each);
	fleet_second(fleet);
}

/* Epoch 2: agent 2's third of all goes to the others, half each. */
static void take_over(struct fleet *fleet, uint64_t from_s)
{
	static const uint32_t equal[AGENTS] = {1, 1, 1};
	struct share all = {0}, thirds[AGENTS] = {0}, halves[2] = {0};
	struct wire_move moves[2];

	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, equal, AGENTS, thirds), 0);
	assert_int_equal(share_divide(&thirds[2], equal, 2, halves), 0);
	share_deinit(&thirds[2]);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(share_add(&thirds[i], &halves[i]), 0);
		moves[i] = (struct wire_move){0, RATE * from_s, 0, halves[i]};
	}
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_DIVISION,
	                                              .division = {.epoch = 2,
	                                                           .from_ns = from_s * S,
	                                                           .agent_count = AGENTS,
	                                                           .scenario_count = 1,
	                                                           .shares = thirds,
	                                                           .moves = moves,
	                                                           .move_count = 2}});
	for (uint32_t i = 0; i < 2; i++) {
		share_deinit(&thirds[i]);
		share_deinit(&halves[i]);
	}
	share_deinit(&all);
}

static void hear(struct fleet *fleet, uint32_t agents)
{
	for (uint32_t i = 0; i < agents; i++)
		fleet_set_epoch(fleet, i, 2);
}

static _Bool has_note(const struct report *report, const char *text)
{
	for (uint32_t i = 0; i < report->notes.count; i++)
		if (strcmp(report->notes.items[i].value, text) == 0)
			return 1;
	return 0;
}

static void check_note(const struct report *report, const char *text)
{
	if (has_note(report, text))
		return;
	for (uint32_t i = 0; i < report->notes.count; i++)
		print_message("%s\n", report->notes.items[i].value);
	fail_msg("no note \"%s\"", text);
}

static void check_text_has(const struct report *report, enum report_format format, const char *wanted)
{
	struct buffer text = {0};

	assert_int_equal(report_write(report, format, NULL, &text), 0);
	if (!strstr(buffer_text(&text), wanted))
		fail_msg("no \"%s\" in %s", wanted, buffer_text(&text));
	buffer_deinit(&text);
}

static void check_balance(const struct report *report)
{
	const struct tally *tally = &report->tally;

	assert_int_equal(tally->planned, 4 * RATE);
	assert_int_equal(tally->planned, tally->started + tally_dropped(tally) + report->unknown);
	assert_int_equal(tally->started, tally->succeeded + tally->failed + tally->interrupted);
}

/* Agent 2 dies in second 1; the others have all from second 2 on. */
static struct report *lose_one(struct fleet *fleet)
{
	run_second(fleet, 2, UINT32_MAX);
	fleet_lose(fleet, 2, 3 * S / 2);
	take_over(fleet, 2);
	run_second(fleet, 2, 2);
	hear(fleet, 2);
	run_second(fleet, 3, 2);
	run_second(fleet, 3, 2);
	return fleet_finish(fleet, 4 * S);
}

static void test_replay_bounds_a_loss_by_its_takeover(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report = lose_one(fleet);

	(void)state;
	check_balance(report);
	assert_int_equal(report->unknown, 2); /* second 1's */
	assert_int_equal(report->overlap, 0);
	assert_int_equal(report->agent_seconds_due, 4 + 4 + 2);
	assert_int_equal(report->agent_seconds_held, 4 + 4 + 1);
	assert_int_equal(report->agents[2].lost_at_s, 1);
	assert_int_equal(report->agents[2].unknown, 2);
	assert_false(report->complete);
	assert_int_equal(report->exit_code, EXIT_CODE_PASSED);
	close_fleet(fleet, report);
}

static void test_replay_names_degraded_seconds_with_their_reason(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report = lose_one(fleet);

	(void)state;
	assert_true(!report->degraded[0] && report->degraded[1] && !report->degraded[2] && !report->degraded[3]);
	assert_int_equal(report->degradation_count, 1);
	assert_string_equal(report->degradations[0].why, "agent-3 lost (it went silent)");
	check_note(report, "degraded: second 1: agent-3 lost (it went silent)");
	check_note(report, "in the degraded seconds (1 of 4) the load was below the plan or is not known; rates divide "
	                   "by all seconds");
	check_note(report,
	           "agent agent-3 was lost after 1 s: it went silent; 2 iterations of it are unknown: it may have "
	           "run them or not; others had its share from second 2 on");
	check_text_has(report, REPORT_TEXT, "degraded: second 1: agent-3 lost (it went silent)");
	check_text_has(report, REPORT_MARKDOWN, "degraded: second 1: agent-3 lost (it went silent)");
	check_text_has(report, REPORT_JSON, "\"degraded\":[{\"first_s\":1,\"last_s\":1,\"why\":\"agent-3 lost");
	check_text_has(report, REPORT_HTML, "\"why\":[[1,1,\"agent-3 lost (it went silent)\"]]");
	close_fleet(fleet, report);
}

static void test_replay_counts_the_rows_that_a_loss_retires(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report = lose_one(fleet);

	(void)state;
	assert_int_equal(report->retired_count, 1);
	assert_string_equal(report->retired[0].feed, "symbol");
	assert_int_equal(report->retired[0].rows, 2 + 4); /* second 1 unknown, a third of two seconds moved */
	check_note(report, "feed symbol: 6 rows retired");
	check_text_has(report, REPORT_JSON, "\"rows_retired\":{\"symbol\":6}");
	close_fleet(fleet, report);
}

static void test_replay_counts_the_rows_of_an_agent_whose_share_nobody_takes(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	run_second(fleet, 2, UINT32_MAX);
	fleet_lose(fleet, 2, 3 * S / 2);
	for (unsigned i = 0; i < 3; i++)
		run_second(fleet, 2, 2);
	report = fleet_finish(fleet, 4 * S);
	check_balance(report);
	assert_int_equal(report->unknown, 6);
	assert_int_equal(report->retired_count, 1);
	assert_int_equal(report->retired[0].rows, 6);
	close_fleet(fleet, report);
}

static void test_replay_counts_the_rows_of_iterations_left_to_others(void **state)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = counted_plan, .agents = 2});
	struct share shares[2] = {0};
	struct journal_extra extra = {.agent = 0, .extra = {.epoch = 2, .iterations = 3, .first_spare = 0}};
	struct report *report;

	(void)state;
	assert_int_equal(share_all(&shares[0]), 0);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_DIVISION,
	                                              .division = {.epoch = 2,
	                                                           .from_ns = S,
	                                                           .agent_count = 2,
	                                                           .scenario_count = 1,
	                                                           .shares = shares,
	                                                           .extras = &extra,
	                                                           .extra_count = 1}});
	share_deinit(&shares[0]);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(report->unknown, 8); /* nobody has run any */
	assert_int_equal(report->retired[0].rows, 3 + 8);
	close_fleet(fleet, report);
}

static void test_replay_bounds_nothing_of_a_closed_load_that_is_lost(void **state)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = closed_plan, .agents = 2});
	struct report *report;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		iterate(fleet, i, 3);
	fleet_second(fleet);
	fleet_lose(fleet, 1, 3 * S / 2);
	fleet_second(fleet);
	report = fleet_finish(fleet, 2 * S);
	check_note(report,
	           "agent agent-2 was lost after 1 s: it went silent; what its users of closed loads did since its "
	           "last report is not known");
	close_fleet(fleet, report);
}

static void test_replay_names_a_loss_that_was_known_after_the_end(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	run_second(fleet, 2, UINT32_MAX);
	fleet_lose(fleet, 2, 11 * S);
	for (unsigned i = 0; i < 3; i++)
		run_second(fleet, 2, 2);
	report = fleet_finish(fleet, 4 * S);
	check_note(report, "degraded: seconds 1-3: agent-3 lost (it went silent)");
	close_fleet(fleet, report);
}

static void test_replay_misses_a_counted_part_that_was_lost_before_t0(void **state)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = counted_plan, .agents = 2});
	struct report *report;

	(void)state;
	fleet_lose(fleet, 1, 0);
	iterate(fleet, 0, 4);
	fleet_second(fleet);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(report->unknown, 4);
	check_note(report, "degraded: second 0: agent-2 lost (it went silent)");
	close_fleet(fleet, report);
}

static void test_replay_tells_agents_of_one_fate_together(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	run_second(fleet, 2, UINT32_MAX);
	for (uint32_t i = 0; i < AGENTS; i++)
		fleet_lose(fleet, i, 2 * S);
	report = fleet_finish(fleet, 4 * S);
	check_note(report, "degraded: seconds 1-3: agent-1, agent-2, agent-3 lost (it went silent)");
	check_balance(report);
	assert_int_equal(report->unknown, 3 * RATE);
	close_fleet(fleet, report);
}

/* Agent 2 is cut off in second 1, goes on by its old share, and is heard again in second 3. */
static struct report *cut_off(struct fleet *fleet)
{
	run_second(fleet, 2, UINT32_MAX);
	fleet_journal(fleet,
	              &(struct journal_record){
	                      .type = JOURNAL_LOST,
	                      .lost = {.agent = 2, .at_ns = S, .silent = 1, .reason = (char *)"nothing heard of it"}});
	take_over(fleet, 2);
	run_second(fleet, 2, UINT32_MAX);
	hear(fleet, 2);
	for (uint32_t i = 0; i < AGENTS; i++)
		iterate(fleet, i, i == 2 ? 2 : 3);
	fleet_second(fleet);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_BACK, .back = {2, 3 * S}});
	fleet_set_epoch(fleet, 2, 2);
	run_second(fleet, 3, 2);
	return fleet_finish(fleet, 4 * S);
}

static void test_replay_keeps_what_a_returning_agent_did_as_overlap(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report = cut_off(fleet);

	(void)state;
	check_balance(report);
	assert_int_equal(report->unknown, 0);
	assert_int_equal(report->overlap, 2);
	assert_int_equal(report->agents[2].overlap, 2);
	assert_int_equal(report->agents[2].lost_at_s, -1);
	assert_int_equal(fleet_row(report, METRIC_ITERATIONS, "", "", "", "")->cell.counter, 4 * RATE + 2);
	assert_int_equal(report->degradation_count, 0);
	assert_true(report->complete); /* but it is said */
	check_note(report, "agent agent-3 was lost after 1 s: nothing heard of it; it was back at 3 s; others had its "
	                   "share from second 2 on; 2 iterations are overlap");
	check_text_has(report, REPORT_TEXT, "; overlap 2");
	check_text_has(report, REPORT_MARKDOWN, "overlap 2 (besides those planned)");
	check_text_has(report, REPORT_JUNIT, "overlap 2 (besides those planned)");
	check_text_has(report, REPORT_JSON, "\"unknown\":0,\"overlap\":2,");
	close_fleet(fleet, report);
}

static void test_replay_hides_no_failure_and_no_drop_behind_an_overlap(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		fleet_iterate(fleet, 0, "ticks", 0, 1);
	fleet_drop(fleet, 0, "ticks", DROP_NO_VU); /* two more than its share: overlap */
	run_second(fleet, 2, 0);
	for (unsigned i = 0; i < 3; i++)
		run_second(fleet, 2, UINT32_MAX);
	report = fleet_finish(fleet, 4 * S);
	check_balance(report);
	assert_int_equal(report->overlap, 2);
	assert_int_equal(report->tally.failed, 3);
	assert_int_equal(tally_dropped(&report->tally), 1);
	close_fleet(fleet, report);
}

static void test_replay_says_who_had_not_heard_of_an_epoch(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	run_second(fleet, 2, UINT32_MAX);
	run_second(fleet, 2, UINT32_MAX);
	take_over(fleet, 2);
	fleet_set_epoch(fleet, 2, 2);
	fleet_set_epoch(fleet, 0, 2);
	iterate(fleet, 0, 3);
	iterate(fleet, 1, 2); /* one less than is due to it by now */
	fleet_second(fleet);
	hear(fleet, 2);
	run_second(fleet, 3, 2);
	report = fleet_finish(fleet, 4 * S);
	check_balance(report);
	assert_int_equal(report->unknown, 1);
	assert_true(report->degraded[2] && !report->degraded[3]);
	check_note(report, "degraded: second 2: agent-2 had not heard of its new share");
	close_fleet(fleet, report);
}

static void test_replay_finds_the_seconds_in_which_an_agent_stood_still(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	run_second(fleet, 2, UINT32_MAX);
	run_second(fleet, 2, 1);
	fleet_second(fleet); /* nobody: the others have their reasons */
	for (unsigned i = 0; i < 4; i++)
		fleet_drop(fleet, 1, "ticks", DROP_LATE);
	iterate(fleet, 0, 4);
	iterate(fleet, 2, 4);
	iterate(fleet, 1, 2);
	fleet_health(fleet, 1)->stalled_ns = 2 * S;
	fleet_second(fleet);
	report = fleet_finish(fleet, 4 * S);
	check_balance(report);
	assert_true(!report->degraded[0] && report->degraded[1] && report->degraded[2] && report->degraded[3]);
	check_note(report, "degraded: seconds 1-3: agent-2 stood still (4 iterations dropped as late)");
	assert_true(report->complete);
	close_fleet(fleet, report);
}

static void test_replay_lets_agents_join_and_leave(void **state)
{
	static const uint32_t equal[2] = {1, 1};
	struct fleet *fleet = open_fleet(1);
	struct share all = {0}, shares[2] = {0};
	struct report *report;
	struct journal_record joiner = {.type = JOURNAL_AGENT,
	                                .agent.hello = {.version = (char *)"",
	                                                .name = (char *)"late",
	                                                .host = (char *)"far",
	                                                .cpu = (char *)"",
	                                                .kernel = (char *)""}};
	struct wire_scenario change = {.tally = {.planned = 3, .started = 3, .succeeded = 3}};
	struct journal_accepted accepted = {.agent = 1, .seq = 1, .second = 3, .epoch = 2, .iterations = 3};

	(void)state;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, equal, 2, shares), 0);
	for (unsigned i = 0; i < 3; i++) {
		iterate(fleet, 0, RATE);
		fleet_second(fleet);
	}
	fleet_journal(fleet, &joiner);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_DIVISION,
	                                              .division = {.epoch = 2,
	                                                           .from_ns = 3 * S,
	                                                           .agent_count = 2,
	                                                           .scenario_count = 1,
	                                                           .shares = shares}});
	fleet_set_epoch(fleet, 0, 2);
	iterate(fleet, 0, RATE / 2);
	fleet_second(fleet);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_DELTAS,
	                                              .deltas = {.accepted = &accepted,
	                                                         .accepted_count = 1,
	                                                         .scenario_count = 1,
	                                                         .changes = &change}});
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_LEAVE, .leave = {0, 7 * S / 2}});
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_DONE, .done = {1, 1, 4 * S}});
	report = fleet_finish(fleet, 4 * S);
	check_balance(report);
	assert_int_equal(report->unknown, 0);
	assert_int_equal(report->agent_seconds_due, 5);
	assert_int_equal(report->agent_seconds_held, 5);
	assert_int_equal(report->agents[0].joined_at_s, -1);
	assert_int_equal(report->agents[1].joined_at_s, 3);
	assert_int_equal(report->agents[0].left_at_s, 4);
	check_note(report, "agent late joined at second 3");
	check_note(report, "agent agent-1 left at second 4");
	share_deinit(&all);
	share_deinit(&shares[0]);
	share_deinit(&shares[1]);
	close_fleet(fleet, report);
}

static const struct report_trust *trust_of(const struct report *report, const char *check)
{
	for (uint32_t i = 0; i < report->trust_count; i++)
		if (strcmp(report->trust[i].check, check) == 0)
			return &report->trust[i];
	fail_msg("no check \"%s\"", check);
	return NULL;
}

static void check_trust(const struct report *report, const char *check, const char *value, _Bool ok)
{
	const struct report_trust *trust = trust_of(report, check);

	assert_string_equal(trust->value, value);
	assert_int_equal(trust->ok, ok);
}

static void test_replay_suspects_jumps_stalls_and_stolen_time(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report;

	(void)state;
	*fleet_health(fleet, 0) = (struct wire_health){.wall_ns = S, .steal_ns = 4 * S / 100}; /* of 4 cores */
	*fleet_health(fleet, 1) = (struct wire_health){.wall_ns = S, .steal_ns = 5 * S / 100, .stalled_ns = 12 * S};
	for (unsigned i = 0; i < 4; i++)
		run_second(fleet, 2, UINT32_MAX);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_CLOCK, .clock = {2, 2 * S, 20 * NS_PER_MS}});
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_CLOCK, .clock = {2, 3 * S, -3 * (int64_t)S}});
	report = fleet_finish(fleet, 4 * S);
	assert_false(report->trusted);
	assert_true(report->complete);
	check_trust(report, "stolen from the host", "1.25 % (agent-2)", 0);
	check_trust(report, "longest stall", "12s (agent-2)", 0);
	check_trust(report, "clock jump", "3s (agent-3)", 0);
	check_trust(report, "start skew", "0 ms (agent-1)", 1);
	check_note(report, "agent agent-3: its clock jumped by -3.000 s at second 3, and at other times");
	check_note(report, "agent agent-2 stood still for 12s: it or its host was stopped");
	close_fleet(fleet, report);
}

static void test_replay_bounds_the_start_skew_by_its_own_error(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct report *report;
	struct wire_scenario none = {0};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		iterate(fleet, 0, RATE);
		fleet_second(fleet);
	}
	report = fleet_finish(fleet, 4 * S);
	assert_true(trust_of(report, "start skew")->ok);
	report_free(report);
	fleet_journal(fleet, &(struct journal_record){.type = JOURNAL_STATUS,
	                                              .status = {.scenarios = &none,
	                                                         .scenario_count = 1,
	                                                         .clock_bound_ns = S,
	                                                         .start_skew_ns = 15 * NS_PER_MS,
	                                                         .start_bound_ns = 4 * NS_PER_MS,
	                                                         .drift_ppm = -12.5,
	                                                         .drift_bound_ppm = 0.25}});
	report = fleet_report(fleet);
	check_trust(report, "start skew", "15 ms (agent-1)", 0);
	check_text_has(report, REPORT_JSON, "\"start_bound_us\":4000.0,\"drift_ppm\":-12.5,\"drift_bound_ppm\":0.25,");
	close_fleet(fleet, report);
}

static void test_replay_has_rows_of_what_readers_read(void **state)
{
	struct series lag = {METRIC_NULL_READING, 0, "", "", "", "lag"};
	struct fleet *fleet = open_fleet(2);
	struct report *report;
	const struct report_row *row;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		fleet_value(fleet, i / 2, &lag, 40 + i); /* the duty moves */
		iterate(fleet, 0, 3);
		iterate(fleet, 1, 3);
		fleet_second(fleet);
	}
	report = fleet_finish(fleet, 4 * S);
	row = fleet_row(report, METRIC_NULL_READING, "", "", "", "lag");
	assert_true(row->cell.gauge.last == 43 && row->cell.gauge.min == 40 && row->cell.gauge.count == 4);
	row = fleet_row(report, METRIC_NULL_READING, "", "", "", "");
	assert_true(row->cell.gauge.last == 43 && row->cell.gauge.max == 43);
	assert_true(cell_is_empty(&fleet_row(report, METRIC_NULL_READING, "", "", "", "reader-2")->cell));
	assert_true(report->sum_equals_total && report->complete);
	close_fleet(fleet, report);
}

static void test_replay_takes_the_greatest_of_labels_for_the_level_of_all(void **state)
{
	static const uint64_t levels[4][2] = {{40, 5}, {0, 0}, {8, 30}, {10, 20}};
	struct series one = {METRIC_NULL_READING, 0, "", "", "", "lag"};
	struct series other = {METRIC_NULL_READING, 0, "", "", "", "reader-2"};
	struct fleet *fleet = open_fleet(1);
	const struct report_line *line = NULL;
	struct report *report;
	const struct gauge *all;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		if (i != 1) { /* nothing was read then */
			fleet_value(fleet, 0, &one, levels[i][0]);
			fleet_value(fleet, 0, &other, levels[i][1]);
		}
		iterate(fleet, 0, RATE);
		fleet_second(fleet);
	}
	report = fleet_finish(fleet, 4 * S);
	all = &fleet_row(report, METRIC_NULL_READING, "", "", "", "")->cell.gauge;
	assert_true(all->last == 20 && all->min == 20 && all->max == 40 && all->sum == 90 && all->count == 3);
	assert_true(fleet_row(report, METRIC_NULL_READING, "", "", "", "lag")->cell.gauge.min == 8);
	for (uint32_t i = 0; i < report->line_count; i++)
		if (report->lines[i].metric == METRIC_NULL_READING)
			line = &report->lines[i];
	assert_non_null(line);
	assert_true(line->count[0] == 40 && isnan(line->count[1]) && line->count[2] == 30);
	close_fleet(fleet, report);
}

static void test_replay_tells_of_a_duty_that_failed(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct report *report;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		iterate(fleet, 0, RATE);
		fleet_second(fleet);
	}
	fleet_journal(fleet,
	              &(struct journal_record){.type = JOURNAL_DUTY,
	                                       .duty = {.agent = UINT32_MAX, .problem = (char *)"no such table"}});
	report = fleet_finish(fleet, 4 * S);
	check_note(report, "teardown teardown-1 failed: no such table");
	close_fleet(fleet, report);
}

static size_t columns_of(const char *line, size_t length)
{
	size_t columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += (line[i] & 0xc0) != 0x80;
	return columns;
}

static void test_replay_text_of_a_degraded_run_keeps_to_its_columns(void **state)
{
	struct fleet *fleet = open_fleet(AGENTS);
	struct report *report = lose_one(fleet);
	struct buffer text = {0};
	const char *line, *end;

	(void)state;
	assert_int_equal(report_write(report, REPORT_TEXT, NULL, &text), 0);
	for (line = buffer_text(&text); (end = strchr(line, '\n')); line = end + 1)
		assert_in_range(columns_of(line, (size_t)(end - line)), 0, 80);
	buffer_deinit(&text);
	close_fleet(fleet, report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_replay_bounds_a_loss_by_its_takeover),
	        cmocka_unit_test(test_replay_names_degraded_seconds_with_their_reason),
	        cmocka_unit_test(test_replay_counts_the_rows_that_a_loss_retires),
	        cmocka_unit_test(test_replay_counts_the_rows_of_an_agent_whose_share_nobody_takes),
	        cmocka_unit_test(test_replay_counts_the_rows_of_iterations_left_to_others),
	        cmocka_unit_test(test_replay_bounds_nothing_of_a_closed_load_that_is_lost),
	        cmocka_unit_test(test_replay_names_a_loss_that_was_known_after_the_end),
	        cmocka_unit_test(test_replay_misses_a_counted_part_that_was_lost_before_t0),
	        cmocka_unit_test(test_replay_tells_agents_of_one_fate_together),
	        cmocka_unit_test(test_replay_keeps_what_a_returning_agent_did_as_overlap),
	        cmocka_unit_test(test_replay_hides_no_failure_and_no_drop_behind_an_overlap),
	        cmocka_unit_test(test_replay_says_who_had_not_heard_of_an_epoch),
	        cmocka_unit_test(test_replay_finds_the_seconds_in_which_an_agent_stood_still),
	        cmocka_unit_test(test_replay_lets_agents_join_and_leave),
	        cmocka_unit_test(test_replay_suspects_jumps_stalls_and_stolen_time),
	        cmocka_unit_test(test_replay_bounds_the_start_skew_by_its_own_error),
	        cmocka_unit_test(test_replay_has_rows_of_what_readers_read),
	        cmocka_unit_test(test_replay_takes_the_greatest_of_labels_for_the_level_of_all),
	        cmocka_unit_test(test_replay_tells_of_a_duty_that_failed),
	        cmocka_unit_test(test_replay_text_of_a_degraded_run_keeps_to_its_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
