/* SPDX-License-Identifier: Apache-2.0 */
/* Agents are lost and come back: who has what from when on, and when the run is over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "theatre.h"

#define PLAN(keys, scenario)                                                                                           \
	"name: p\nlostAfter: 3s\n" keys "\nscenarios:\n  a: { " scenario ", steps: [ { null: {} } ] }\n"
#define OPEN "executor: constant-arrival-rate, rate: 100, duration: 60s"

static const char redistribute[] = PLAN("onAgentLoss: redistribute", OPEN);

enum { ALL = THEATRE_INDICES, A1 = 1 << 1, A2 = 1 << 2, A3 = 1 << 3 };

static uint64_t owned(const struct theatre *stage, uint8_t agent)
{
	return stage->assigned[agent].owned[0];
}

static void child_ends(struct theatre *stage, uint8_t agent)
{
	assert_int_equal(run_child_exited(stage->run, 100U + agent, "its process has ended", stage->now_ns), 0);
}

static uint64_t since_t0(const struct theatre *stage)
{
	return stage->now_ns - run_t0_ns(stage->run);
}

static void test_a_lost_agents_share_goes_to_the_others_at_a_whole_second_ahead(void **state)
{
	struct theatre stage = {0};
	size_t from, division, assign;
	uint64_t lost_ns;

	(void)state;
	theatre_open(&stage, redistribute, 3);
	theatre_start(&stage, 3);
	theatre_second(&stage, A1 | A2 | A3);
	from = stage.count;
	lost_ns = since_t0(&stage);
	child_ends(&stage, 3);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DIVISION, &division), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ASSIGN, &assign), 2);
	assert_true(division < assign);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ASSIGN, 3), 0);
	assert_int_equal(stage.assigned[1].epoch, 2);
	assert_int_equal(stage.assigned[1].from_ns % NS_PER_S, 0);
	assert_in_range(stage.assigned[1].from_ns, lost_ns + NS_PER_S, lost_ns + 2 * NS_PER_S + 2 * NS_PER_MS);
	assert_false(stage.assigned[1].with_plan);
	assert_int_equal(owned(&stage, 1), ALL / 2);
	assert_int_equal(owned(&stage, 2), ALL / 2);
	assert_non_null(strstr(stage.told, "what agent agent-3 had goes to 2 agents from second"));
	theatre_close(&stage);
}

static void test_by_default_a_lost_agent_keeps_its_share(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 3);
	theatre_start(&stage, 3);
	child_ends(&stage, 3);
	theatre_second(&stage, A1 | A2);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 1);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	theatre_close(&stage);
}

static void test_two_losses_in_one_turn_are_one_epoch_and_later_ones_never_go_back(void **state)
{
	struct theatre stage = {0};
	uint64_t first_ns;

	(void)state;
	theatre_open(&stage, redistribute, 4);
	theatre_start(&stage, 4);
	theatre_second(&stage, A1 | A2 | A3);
	child_ends(&stage, 4);
	child_ends(&stage, 3);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.assigned[1].epoch, 2);
	assert_int_equal(owned(&stage, 1), ALL / 2);
	first_ns = stage.assigned[1].from_ns;
	/* the heir that never heard of it */
	child_ends(&stage, 2);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.assigned[1].epoch, 3);
	assert_true(stage.assigned[1].from_ns >= first_ns);
	assert_int_equal(owned(&stage, 1), ALL);
	theatre_close(&stage);
}

static void test_an_agent_that_is_told_nothing_hears_all_when_it_says_hello(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, redistribute, 3);
	theatre_start(&stage, 3);
	stage.epochs[1] = stage.epochs[2] = 1;
	theatre_second(&stage, A1 | A2);
	child_ends(&stage, 3);
	theatre_tick(&stage, NS_PER_MS);
	from = stage.count;
	theatre_hello(&stage, 2);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ASSIGN, 2), 1);
	assert_int_equal(stage.assigned[2].epoch, 2);
	/* and one whose seconds are still of the old epoch is told again */
	stage.seqs[1] = 1;
	for (int i = 0; i < 4; i++)
		theatre_second(&stage, A1 | A2);
	assert_true(theatre_count_to(&stage, from, MESSAGE_ASSIGN, 1) >= 1);
	stage.epochs[1] = stage.epochs[2] = 2;
	theatre_second(&stage, A1 | A2);
	from = stage.count;
	theatre_second(&stage, A1 | A2);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ASSIGN, 1), 0);
	theatre_close(&stage);
}

static void test_the_last_agents_loss_leaves_its_share_with_it(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, redistribute, 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	child_ends(&stage, 1);
	child_ends(&stage, 2);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 1);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_an_agent_that_comes_back_is_told_that_it_has_nothing(void **state)
{
	struct theatre stage = {0};
	size_t from, back, assign;

	(void)state;
	theatre_open(&stage, redistribute, 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	for (int i = 0; i < 4; i++)
		theatre_second(&stage, A1);
	assert_int_equal(owned(&stage, 1), ALL);
	from = stage.count;
	theatre_snapshot(&stage, 2, 2, 0, 0);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_BACK, &back), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ASSIGN, &assign), 1);
	assert_true(back < assign);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_WELCOME, 2), 1);
	assert_int_equal(owned(&stage, 2), 0);
	assert_int_equal(stage.assigned[2].epoch, 2);
	/* it delivers what it did, and is done; the other one goes on */
	stage.epochs[1] = 2;
	theatre_second(&stage, A1 | A2);
	theatre_finish(&stage, 2);
	theatre_second(&stage, A1);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DONE, NULL), 1);
	/* and gets nothing more when the other one is lost: it is gone */
	child_ends(&stage, 1);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 2);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_an_agent_that_comes_back_to_an_elastic_run_gets_a_part_at_once(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("elastic: true\nonAgentLoss: redistribute", OPEN), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	for (int i = 0; i < 4; i++)
		theatre_second(&stage, A1);
	assert_int_equal(owned(&stage, 1), ALL);
	theatre_snapshot(&stage, 2, 2, 0, 0);
	assert_int_equal(stage.assigned[2].epoch, 3);
	assert_in_range(owned(&stage, 2), ALL * 4 / 10, ALL * 6 / 10);
	assert_int_equal(owned(&stage, 1) + owned(&stage, 2), ALL);
	theatre_close(&stage);
}

static void test_agents_that_are_cut_off_at_the_end_are_waited_for(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	for (int i = 0; i < 4; i++)
		theatre_second(&stage, A1);
	theatre_finish(&stage, 1);
	for (int i = 0; i < 20; i++)
		theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_non_null(strstr(stage.told, "waiting up to 30s for 1 agent that may only be cut off"));
	theatre_hello(&stage, 2);
	theatre_finish(&stage, 2);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DONE, NULL), 2);
	theatre_close(&stage);
}

static void test_but_not_for_ever(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 2);
	theatre_start(&stage, 2);
	for (int i = 0; i < 5; i++)
		theatre_second(&stage, A1);
	theatre_finish(&stage, 1);
	for (int i = 0; i < 32; i++)
		theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_nor_for_one_whose_process_has_ended_meanwhile(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 2);
	theatre_start(&stage, 2);
	for (int i = 0; i < 5; i++)
		theatre_second(&stage, A1);
	theatre_finish(&stage, 1);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	child_ends(&stage, 2);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

/* SIGSTOP, say: what agents said meanwhile has still to be read. */
static void test_a_coordinator_that_was_stopped_itself_gives_nobody_up(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, redistribute, 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	theatre_tick(&stage, 20 * NS_PER_S);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 0);
	theatre_second(&stage, A1);
	theatre_second(&stage, A1);
	theatre_second(&stage, A1);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	theatre_close(&stage);
}

static void test_a_loss_at_the_schedules_end_moves_nothing(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage,
	             PLAN("onAgentLoss: redistribute",
	                  "executor: constant-arrival-rate, rate: 100, duration: 5s, gracefulStop: 30s"),
	             2);
	theatre_start(&stage, 2);
	for (int i = 0; i < 5; i++)
		theatre_second(&stage, A1 | A2);
	child_ends(&stage, 2);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 1);
	theatre_close(&stage);
}

static void test_too_few_agents_with_a_tag_end_the_run_with_the_scenario_and_the_tag(void **state)
{
	struct theatre stage = {.zone = {NULL, "eu", "us", "us"}};

	(void)state;
	theatre_open(&stage, PLAN("", OPEN ", runOn: { zone: eu }, minAgents: 2"), 3);
	theatre_come(&stage, 1, 0);
	theatre_come(&stage, 2, 0);
	theatre_come(&stage, 3, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_TOO_FEW_AGENTS);
	assert_string_equal(run_stop_text(stage.run),
	                    "scenario \"a\" needs 2 agents with zone=eu, but 1 of 3 has that");
	theatre_close(&stage);
}

static void test_a_share_goes_to_those_alone_that_have_the_tag(void **state)
{
	struct theatre stage = {.zone = {NULL, "eu", "eu", "us"}};

	(void)state;
	theatre_open(&stage, PLAN("onAgentLoss: redistribute", OPEN ", runOn: { zone: eu }"), 3);
	theatre_start(&stage, 3);
	assert_int_equal(owned(&stage, 3), 0);
	child_ends(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(owned(&stage, 2), ALL);
	assert_int_equal(owned(&stage, 3), 0);
	child_ends(&stage, 2);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.assigned[3].epoch, 2);
	assert_non_null(strstr(stage.told, "no agent is there that may run any of what agent agent-2 had"));
	theatre_close(&stage);
}

static void test_a_snapshot_of_an_epoch_that_there_is_not_is_refused(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, redistribute, 2);
	theatre_start(&stage, 2);
	stage.epochs[1] = 2;
	theatre_snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(roster_get(run_roster(stage.run), 0)->state, AGENT_LOST);
	theatre_close(&stage);
}

static void test_a_snapshot_of_a_second_that_the_plan_can_not_reach_is_refused(void **state)
{
	struct theatre stage = {0};
	struct wire_scenario scenarios[THEATRE_SCENARIOS] = {0};
	struct message message = {.type = MESSAGE_SNAPSHOT, .snapshot = {.seq = 1, .epoch = 1, .scenarios = scenarios}};

	(void)state;
	theatre_open(&stage, redistribute, 2);
	theatre_start(&stage, 2);
	message.snapshot.scenario_count = stage.plan->scenario_count;
	message.snapshot.second = 3600; /* it was stopped for so long */
	assert_int_equal(theatre_say(&stage, 1, &message), 0);
	assert_int_equal(roster_get(run_roster(stage.run), 0)->state, AGENT_RUNNING);
	message.snapshot.seq = 2;
	message.snapshot.second = 4000;
	assert_int_equal(theatre_say(&stage, 1, &message), 0);
	assert_int_equal(roster_get(run_roster(stage.run), 0)->state, AGENT_LOST);
	assert_non_null(strstr(stage.told, "a second that the plan doesn't reach"));
	theatre_close(&stage);
}

static void test_what_is_missing_is_known(void **state)
{
	struct theatre stage = {0};
	struct run_missing missing[2];

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 3);
	theatre_start(&stage, 3);
	theatre_second(&stage, A1 | A2 | A3);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_missing(stage.run, stage.now_ns, missing, 2), 0);
	for (int i = 0; i < 6; i++)
		theatre_second(&stage, A1);
	assert_int_equal(run_missing(stage.run, stage.now_ns, missing, 2), 2);
	assert_int_equal(missing[0].agent, 1);
	assert_string_equal(missing[0].name, "agent-2");
	assert_true(missing[0].lost);
	assert_in_range(missing[0].silent_ns, 7 * NS_PER_S, 8 * NS_PER_S);
	/* some 0.6 s were before T0 */
	assert_in_range(missing[0].lacking_s, 5, 7);
	theatre_close(&stage);
}

static void test_t0_is_told_with_an_offset_that_is_journaled(void **state)
{
	struct theatre stage = {0};
	size_t told, start;

	(void)state;
	theatre_open(&stage, redistribute, 2);
	theatre_start(&stage, 2);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_TOLD, &told), 2);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_START, &start), 2);
	assert_true(told < start);
	/* one that didn't hear of it says that it is ready again */
	theatre_ready(&stage, 2);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_START, NULL), 3);
	theatre_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_lost_agents_share_goes_to_the_others_at_a_whole_second_ahead),
	        cmocka_unit_test(test_by_default_a_lost_agent_keeps_its_share),
	        cmocka_unit_test(test_two_losses_in_one_turn_are_one_epoch_and_later_ones_never_go_back),
	        cmocka_unit_test(test_an_agent_that_is_told_nothing_hears_all_when_it_says_hello),
	        cmocka_unit_test(test_the_last_agents_loss_leaves_its_share_with_it),
	        cmocka_unit_test(test_an_agent_that_comes_back_is_told_that_it_has_nothing),
	        cmocka_unit_test(test_an_agent_that_comes_back_to_an_elastic_run_gets_a_part_at_once),
	        cmocka_unit_test(test_agents_that_are_cut_off_at_the_end_are_waited_for),
	        cmocka_unit_test(test_but_not_for_ever),
	        cmocka_unit_test(test_nor_for_one_whose_process_has_ended_meanwhile),
	        cmocka_unit_test(test_a_coordinator_that_was_stopped_itself_gives_nobody_up),
	        cmocka_unit_test(test_a_loss_at_the_schedules_end_moves_nothing),
	        cmocka_unit_test(test_too_few_agents_with_a_tag_end_the_run_with_the_scenario_and_the_tag),
	        cmocka_unit_test(test_a_share_goes_to_those_alone_that_have_the_tag),
	        cmocka_unit_test(test_a_snapshot_of_an_epoch_that_there_is_not_is_refused),
	        cmocka_unit_test(test_a_snapshot_of_a_second_that_the_plan_can_not_reach_is_refused),
	        cmocka_unit_test(test_what_is_missing_is_known),
	        cmocka_unit_test(test_t0_is_told_with_an_offset_that_is_journaled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
