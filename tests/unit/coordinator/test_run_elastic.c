/* SPDX-License-Identifier: Apache-2.0 */
/* Agents come to a run under way, and leave it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "theatre.h"

#define PLAN(keys, scenarios) "name: p\nlostAfter: 3s\n" keys "\nscenarios:\n" scenarios
#define OPEN "  a: { executor: constant-arrival-rate, rate: 100, duration: 60s, steps: [ { null: {} } ] }\n"
#define COUNTED                                                                                                        \
	"  c: { executor: shared-iterations, vus: 12, iterations: 600, maxDuration: 5m, steps: [ { null: {} } ] }\n"
#define USERS "  u: { executor: constant-vus, vus: 12, duration: 60s, steps: [ { null: {} } ] }\n"

enum { ALL = THEATRE_INDICES, A1 = 1 << 1, A2 = 1 << 2, A3 = 1 << 3 };

static uint64_t owned(const struct theatre *stage, uint8_t agent)
{
	return stage->assigned[agent].owned[0];
}

static enum agent_state state_of(const struct theatre *stage, uint32_t index)
{
	return roster_get(run_roster(stage->run), index)->state;
}

static void test_a_stranger_joins_an_elastic_run_with_its_part(void **state)
{
	struct theatre stage = {0};
	size_t from, division, told, assign, start;

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", OPEN), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	from = stage.count;
	theatre_hello(&stage, 3);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_AGENT, NULL), 1);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ASSIGN, 3), 1);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_START, 3), 0);
	assert_true(stage.assigned[3].with_plan);
	assert_int_equal(stage.assigned[3].epoch, 1);
	assert_int_equal(owned(&stage, 3), 0);
	theatre_ready(&stage, 3);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_START, 3), 0); /* its clock isn't known */
	for (int exchange = 0; exchange < 6; exchange++) {
		theatre_tick(&stage, 20 * NS_PER_MS);
		theatre_pong(&stage, 3, 3 * 3600 * NS_PER_S);
	}
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DIVISION, &division), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_TOLD, &told), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_START, &start), 1);
	(void)theatre_count(&stage, from, RUN_SEND, MESSAGE_ASSIGN, &assign);
	assert_true(division < told && told < assign && assign < start);
	/* T0 is past, and in its own clock */
	assert_in_range(stage.left[start].number, run_t0_ns(stage.run) + 3 * 3600 * NS_PER_S - NS_PER_MS,
	                run_t0_ns(stage.run) + 3 * 3600 * NS_PER_S + NS_PER_MS);
	assert_int_equal(stage.assigned[3].epoch, 2);
	assert_in_range(owned(&stage, 3), ALL * 30 / 100, ALL * 36 / 100);
	assert_int_equal(owned(&stage, 1) + owned(&stage, 2) + owned(&stage, 3), ALL);
	assert_int_equal(state_of(&stage, 2), AGENT_RUNNING);
	theatre_close(&stage);
}

static void test_one_that_joins_is_told_what_has_begun(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(
	        &stage,
	        PLAN("elastic: true", OPEN
	             "  b: { executor: constant-vus, vus: 9, duration: 60s, startAfter: c, steps: [ { null: {} } ] }\n"
	             "  c: { executor: constant-vus, vus: 9, duration: 1s, steps: [ { null: {} } ] }\n"),
	        2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	from = stage.count;
	theatre_join(&stage, 3);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_BEGIN, 3), 1);
	theatre_close(&stage);
}

static void test_nobody_joins_a_run_that_is_stopped(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", OPEN), 1);
	theatre_start(&stage, 1);
	theatre_second(&stage, A1);
	assert_int_equal(run_interrupt(stage.run, stage.now_ns), 0);
	theatre_hello(&stage, 2);
	assert_int_equal(theatre_count_to(&stage, 0, MESSAGE_ASSIGN, 2), 0);
	assert_int_equal(theatre_count_to(&stage, 0, MESSAGE_STOP, 2), 1);
	theatre_close(&stage);
}

static void test_one_that_comes_too_late_is_sent_away_and_no_loss(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", OPEN), 1);
	theatre_start(&stage, 1);
	for (int i = 0; i < 61; i++)
		theatre_second(&stage, A1);
	theatre_hello(&stage, 2);
	theatre_finish(&stage, 1);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(theatre_count_to(&stage, 0, MESSAGE_STOP, 2), 1);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DONE, NULL), 2);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 0);
	theatre_close(&stage);
}

static void test_one_that_joins_and_fails_does_not_fail_the_run(void **state)
{
	struct theatre stage = {0};
	char text[] = "no such file";

	(void)state;
	theatre_open(&stage, PLAN("elastic: true\nonAgentLoss: fail", OPEN), 1);
	theatre_start(&stage, 1);
	theatre_hello(&stage, 2);
	assert_int_equal(theatre_say(&stage, 2, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = text}}),
	                 0);
	theatre_second(&stage, A1);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(run_stop_cause(stage.run), STOP_CAUSE_COUNT);
	theatre_close(&stage);
}

static void test_one_that_was_lost_before_it_ran_is_not_waited_for(void **state)
{
	struct theatre stage = {0};
	struct run_missing missing;

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", OPEN), 2);
	theatre_start(&stage, 2);
	theatre_hello(&stage, 3);
	for (int i = 0; i < 11; i++)
		theatre_second(&stage, A1 | A2);
	assert_int_equal(state_of(&stage, 2), AGENT_LOST);
	assert_int_equal(run_missing(stage.run, stage.now_ns, &missing, 1), 0);
	theatre_finish(&stage, 1);
	theatre_finish(&stage, 2);
	theatre_tick(&stage, 200 * NS_PER_MS);
	theatre_tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_one_that_joins_takes_over_what_was_left_behind(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("elastic: true\nonAgentLoss: redistribute", OPEN), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	theatre_hello(&stage, 3);
	for (uint8_t i = 1; i <= 2; i++)
		assert_int_equal(run_child_exited(stage.run, 100U + i, "it has ended", stage.now_ns), 0);
	for (int exchange = 0; exchange < 6; exchange++) {
		theatre_tick(&stage, 20 * NS_PER_MS);
		theatre_pong(&stage, 3, 3 * 3600 * NS_PER_S);
	}
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	theatre_ready(&stage, 3);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(owned(&stage, 3), ALL);
	assert_int_equal(state_of(&stage, 2), AGENT_RUNNING);
	theatre_close(&stage);
}

static void test_a_newcomer_gets_connections_that_nobody_uses_any_more(void **state)
{
	static const char plan[] = "name: p\nlostAfter: 3s\nelastic: true\nonAgentLoss: redistribute\n"
	                           "targets: { db: { postgres: { uri: 'postgresql://h/d', connections: 6 } } }\n"
	                           "scenarios:\n  a: { executor: constant-arrival-rate, rate: 100, duration: 60s, "
	                           "steps: [ { sql: { target: "
	                           "db, query: 'SELECT 1' } } ] }\n";
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_start(&stage, 2);
	assert_int_equal(stage.assigned[1].connections[0], 3);
	assert_int_equal(stage.assigned[2].connections[0], 3);
	theatre_second(&stage, A1 | A2);
	theatre_join(&stage, 3);
	assert_int_equal(state_of(&stage, 2), AGENT_READY); /* nothing can be done without a connection */
	assert_int_equal(run_child_exited(stage.run, 102, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.assigned[3].connections[0], 3);
	assert_in_range(owned(&stage, 3), ALL * 4 / 10, ALL * 6 / 10);
	assert_int_equal(owned(&stage, 1) + owned(&stage, 3), ALL);
	theatre_close(&stage);
}

static void test_one_that_leaves_hands_all_on_and_is_done_while_the_run_goes_on(void **state)
{
	struct theatre stage = {0};
	size_t from, leave, division;

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", OPEN), 3);
	theatre_start(&stage, 3);
	theatre_second(&stage, A1 | A2 | A3);
	from = stage.count;
	theatre_leave(&stage, 2);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_LEAVE, &leave), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DIVISION, &division), 1);
	assert_true(leave < division);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_STOP, 2), 0);
	assert_int_equal(stage.assigned[2].epoch, 2);
	assert_int_equal(owned(&stage, 2), 0);
	assert_int_equal(owned(&stage, 1) + owned(&stage, 3), ALL);
	/* it hasn't heard the answer */
	theatre_leave(&stage, 2);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ASSIGN, 2), 2);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_LEAVE, NULL), 1);
	theatre_second(&stage, A1 | A2 | A3);
	theatre_finish(&stage, 2);
	theatre_second(&stage, A1 | A3);
	assert_int_equal(state_of(&stage, 1), AGENT_DONE);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 1);
	theatre_finish(&stage, 1);
	theatre_finish(&stage, 3);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_one_that_leaves_where_nobody_takes_over_is_stopped_alone(void **state)
{
	struct theatre stage = {0};
	size_t from, at;

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	theatre_second(&stage, A1 | A2);
	from = stage.count;
	theatre_leave(&stage, 2);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 0);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, &at), 1);
	assert_int_equal(stage.left[at].agent, 2);
	assert_int_equal(stage.left[at].number, stage.now_ns - run_t0_ns(stage.run) + 300 * NS_PER_MS);
	assert_int_equal(run_stop_cause(stage.run), STOP_CAUSE_COUNT);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	theatre_close(&stage);
}

static void test_the_last_one_that_leaves_ends_the_run(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", OPEN), 1);
	theatre_start(&stage, 1);
	theatre_second(&stage, A1);
	theatre_leave(&stage, 1);
	assert_int_equal(theatre_count_to(&stage, 0, MESSAGE_STOP, 1), 1);
	theatre_finish(&stage, 1);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_what_one_that_left_had_not_started_is_granted_to_the_others(void **state)
{
	struct theatre stage = {0};
	size_t from, at;

	(void)state;
	theatre_open(&stage, PLAN("elastic: true", COUNTED USERS), 3);
	theatre_start(&stage, 3);
	for (int i = 1; i <= 3; i++)
		stage.epochs[i] = 1;
	/* 200 iterations each; it started 80 of them */
	stage.accounts[3][0].tally = (struct tally){.planned = 200, .started = 80, .interrupted = 80};
	theatre_second(&stage, A1 | A2 | A3);
	from = stage.count;
	theatre_leave(&stage, 3);
	assert_int_equal(stage.assigned[3].epoch, 2);
	assert_int_equal(stage.assigned[3].owned[0], ALL / 3); /* counted: not yet */
	assert_int_equal(stage.assigned[3].owned[1], 0);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, &at), 1);
	assert_int_equal(stage.left[at].agent, 3);
	assert_int_equal(stage.left[at].number, stage.assigned[3].from_ns);
	theatre_finish(&stage, 3);
	theatre_second(&stage, A1 | A2);
	theatre_tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(stage.assigned[1].epoch, 3);
	assert_int_equal(stage.assigned[1].extra_count, 1);
	assert_int_equal(stage.assigned[1].extras[0].epoch, 3);
	assert_int_equal(stage.assigned[1].extras[0].scenario, 0);
	assert_int_equal(stage.assigned[1].extras[0].iterations + stage.assigned[2].extras[0].iterations, 120);
	assert_int_equal(stage.assigned[1].extras[0].iterations, 60);
	assert_int_equal(stage.assigned[1].owned[0] + stage.assigned[2].owned[0], ALL);
	/* granted once */
	theatre_second(&stage, A1 | A2);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DIVISION, NULL), 2);
	theatre_close(&stage);
}

static void test_what_follows_waits_for_the_iterations_that_were_granted(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(
	        &stage,
	        PLAN("elastic: true", COUNTED
	             "  f: { executor: constant-vus, vus: 4, duration: 5s, startAfter: c, steps: [ { null: {} } ] }\n"),
	        2);
	theatre_start(&stage, 2);
	stage.epochs[1] = stage.epochs[2] = 1;
	theatre_second(&stage, A1 | A2);
	theatre_leave(&stage, 2);
	stage.accounts[1][0].finished = 1;
	theatre_second(&stage, A1);
	from = 0;
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_BEGIN, NULL), 0);
	stage.accounts[2][0].tally.started = 299;
	theatre_finish(&stage, 2);
	theatre_second(&stage, A1);
	theatre_second(&stage, A1); /* by epoch 1: it doesn't know of the granted one */
	assert_int_equal(stage.assigned[1].extras[0].iterations, 1);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_BEGIN, NULL), 0);
	stage.epochs[1] = stage.assigned[1].epoch;
	stage.accounts[1][0].finished = 0;
	theatre_second(&stage, A1);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_BEGIN, NULL), 0);
	stage.accounts[1][0].finished = 1;
	theatre_second(&stage, A1);
	theatre_tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_BEGIN, NULL), 1);
	theatre_close(&stage);
}

static void test_lost_iterations_are_not_run_again(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("onAgentLoss: redistribute", COUNTED), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	assert_int_equal(run_child_exited(stage.run, 102, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.assigned[1].epoch, 2);
	assert_int_equal(stage.assigned[1].owned[0], ALL);
	assert_int_equal(stage.assigned[1].extra_count, 0);
	theatre_close(&stage);
}

static void test_one_that_leaves_before_the_run_has_its_agents_is_forgotten(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("", OPEN), 2);
	theatre_hello(&stage, 1);
	theatre_leave(&stage, 1);
	assert_int_equal(roster_count(run_roster(stage.run)), 0);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	theatre_close(&stage);
}

static void test_one_that_leaves_and_is_lost_then_leaves_a_rest_that_is_not_known(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, PLAN("onAgentLoss: redistribute", COUNTED), 2);
	theatre_start(&stage, 2);
	theatre_second(&stage, A1 | A2);
	theatre_leave(&stage, 2);
	assert_int_equal(run_child_exited(stage.run, 102, "it was killed", stage.now_ns), 0);
	theatre_second(&stage, A1);
	assert_int_equal(stage.assigned[1].owned[0], ALL);
	assert_int_equal(stage.assigned[1].extra_count, 0);
	theatre_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_stranger_joins_an_elastic_run_with_its_part),
	        cmocka_unit_test(test_one_that_joins_is_told_what_has_begun),
	        cmocka_unit_test(test_nobody_joins_a_run_that_is_stopped),
	        cmocka_unit_test(test_one_that_comes_too_late_is_sent_away_and_no_loss),
	        cmocka_unit_test(test_one_that_joins_and_fails_does_not_fail_the_run),
	        cmocka_unit_test(test_one_that_was_lost_before_it_ran_is_not_waited_for),
	        cmocka_unit_test(test_one_that_joins_takes_over_what_was_left_behind),
	        cmocka_unit_test(test_a_newcomer_gets_connections_that_nobody_uses_any_more),
	        cmocka_unit_test(test_one_that_leaves_hands_all_on_and_is_done_while_the_run_goes_on),
	        cmocka_unit_test(test_one_that_leaves_where_nobody_takes_over_is_stopped_alone),
	        cmocka_unit_test(test_the_last_one_that_leaves_ends_the_run),
	        cmocka_unit_test(test_what_one_that_left_had_not_started_is_granted_to_the_others),
	        cmocka_unit_test(test_what_follows_waits_for_the_iterations_that_were_granted),
	        cmocka_unit_test(test_lost_iterations_are_not_run_again),
	        cmocka_unit_test(test_one_that_leaves_before_the_run_has_its_agents_is_forgotten),
	        cmocka_unit_test(test_one_that_leaves_and_is_lost_then_leaves_a_rest_that_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
