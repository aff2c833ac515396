/* SPDX-License-Identifier: Apache-2.0 */
/* Duties: one agent has each at a time, and what a setup finds out reaches all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "theatre.h"

/* 0 and 1: setups; 2: a teardown; 3 and 4: readers */
static const char plan[] = "name: p\nlostAfter: 3s\nelastic: true\n"
                           "setup:\n"
                           "  - null: { values: { token: abc } }\n"
                           "  - null: { values: { account: '7' } }\n"
                           "teardown:\n"
                           "  - null: { latency: 1ms }\n"
                           "readers:\n"
                           "  - null: { every: 1s, value: 42 }\n"
                           "  - null: { every: 1s, value: 43 }\n"
                           "scenarios:\n"
                           "  a: { executor: constant-vus, vus: 12, duration: 60s, steps: [ { null: {} } ] }\n";

enum { SETUPS = 1 << 0 | 1 << 1, TEARDOWN = 1 << 2, READER_1 = 1 << 3, READER_2 = 1 << 4 };
enum { A1 = 1 << 1, A2 = 1 << 2, A3 = 1 << 3 };

static void answer(struct theatre *stage, uint8_t agent, uint32_t duty, const char *name, const char *problem)
{
	struct message message = {.type = MESSAGE_VALUE, .value = {.duty = duty, .problem = strdup(problem)}};

	if (name) {
		message.value.values = calloc(1, sizeof(*message.value.values));
		assert_non_null(message.value.values);
		message.value.values[0] = (struct text_pair){strdup(name), strdup("x")};
		message.value.value_count = 1;
	}
	assert_int_equal(theatre_say(stage, agent, &message), 0);
}

static void set_up_all(struct theatre *stage, uint32_t agents)
{
	theatre_gather(stage, agents);
	answer(stage, 1, 0, "token", "");
	answer(stage, 1, 1, "account", "");
	theatre_tick(stage, NS_PER_MS);
	assert_int_equal(run_state(stage->run), RUN_RUNNING);
	theatre_tick(stage, NS_PER_MS);
}

static void test_t0_waits_for_the_setup_whose_values_reach_all(void **state)
{
	struct theatre stage = {0};
	size_t record, message;

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_gather(&stage, 2);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	assert_int_equal(stage.duties[1], SETUPS);
	assert_int_equal(stage.duties[2], 0);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DUTY, &record), 2);
	(void)theatre_count(&stage, 0, RUN_SEND, MESSAGE_DUTY, &message);
	assert_true(record < message);
	answer(&stage, 2, 0, "token", ""); /* not its own */
	answer(&stage, 1, 0, "token", "");
	answer(&stage, 1, 0, "token", ""); /* again: it hasn't heard */
	assert_int_equal(stage.duties[1], 1 << 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	answer(&stage, 1, 1, "account", "");
	assert_int_equal(stage.duties[1], 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(stage.values[1], 2);
	assert_int_equal(stage.values[2], 2);
	/* and who comes late */
	theatre_second(&stage, A1 | A2);
	theatre_join(&stage, 3);
	assert_int_equal(stage.values[3], 2);
	theatre_close(&stage);
}

static void test_a_list_of_duties_is_told_again_while_an_answer_is_waited_for(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_gather(&stage, 2);
	from = stage.count;
	for (int i = 0; i < 2; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
		theatre_pong(&stage, 2, 0);
	}
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_DUTY, 1), 2);
	theatre_close(&stage);
}

static void test_a_setup_that_fails_ends_the_run_before_t0(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_gather(&stage, 2);
	answer(&stage, 1, 0, NULL, "no answer");
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_AGENT_FAILED);
	assert_string_equal(run_stop_text(stage.run), "setup-1 failed on agent agent-1: no answer");
	assert_false(run_started(stage.run));
	theatre_close(&stage);
}

static void test_a_setup_that_never_ends_ends_the_run(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 1);
	theatre_gather(&stage, 1);
	for (int i = 0; i < 601; i++) {
		theatre_tick(&stage, NS_PER_S);
		if (run_state(stage.run) != RUN_ASSIGNED)
			break;
		theatre_pong(&stage, 1, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_string_equal(run_stop_text(stage.run), "the setup was not over within 10m");
	theatre_close(&stage);
}

static void test_readers_are_spread_and_move_when_their_agent_is_lost_or_leaves(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 3);
	set_up_all(&stage, 3);
	assert_int_equal(stage.duties[1], READER_1);
	assert_int_equal(stage.duties[2], READER_2);
	assert_int_equal(run_child_exited(stage.run, 102, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.duties[3], READER_2);
	theatre_leave(&stage, 3);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.duties[1], READER_1 | READER_2);
	assert_int_equal(stage.duties[3], 0);
	theatre_close(&stage);
}

static void test_one_that_comes_back_is_told_that_its_reader_is_anothers(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 2);
	set_up_all(&stage, 2);
	for (int i = 0; i < 5; i++)
		theatre_second(&stage, A1);
	assert_int_equal(stage.duties[1], READER_1 | READER_2);
	assert_int_equal(stage.duties[2], READER_2);
	theatre_hello(&stage, 2);
	assert_int_equal(stage.duties[2], 0);
	theatre_close(&stage);
}

static void test_no_agent_may_go_before_the_teardown_is_over(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, plan, 2);
	set_up_all(&stage, 2);
	theatre_second(&stage, A1 | A2);
	from = stage.count;
	theatre_finish(&stage, 1);
	theatre_second(&stage, A2);
	assert_int_equal(stage.duties[1] & TEARDOWN, 0);
	theatre_finish(&stage, 2);
	theatre_tick(&stage, NS_PER_S);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	assert_true((stage.duties[1] | stage.duties[2]) & TEARDOWN);
	for (size_t i = from; i < stage.count; i++)
		if (stage.left[i].type == RUN_SEND && stage.left[i].what == MESSAGE_ACK)
			assert_true(stage.left[i].number < stage.seqs[stage.left[i].agent]);
	from = stage.count;
	answer(&stage, stage.duties[1] & TEARDOWN ? 1 : 2, 2, NULL, "");
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ACK, 1), 1);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ACK, 2), 1);
	theatre_close(&stage);
}

static void test_one_that_leaves_does_not_wait_for_the_teardown(void **state)
{
	struct theatre stage = {0};
	size_t from, at;

	(void)state;
	theatre_open(&stage, plan, 2);
	set_up_all(&stage, 2);
	theatre_second(&stage, A1 | A2);
	theatre_leave(&stage, 2);
	from = stage.count;
	theatre_finish(&stage, 2);
	theatre_second(&stage, A1);
	theatre_tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ACK, 2), 1);
	for (at = from; at < stage.count; at++)
		if (stage.left[at].type == RUN_SEND && stage.left[at].what == MESSAGE_ACK && stage.left[at].agent == 2)
			assert_int_equal(stage.left[at].number, stage.seqs[2]);
	theatre_close(&stage);
}

static void test_a_teardown_moves_when_its_agent_is_gone(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 2);
	set_up_all(&stage, 2);
	theatre_second(&stage, A1 | A2);
	theatre_finish(&stage, 1);
	theatre_finish(&stage, 2);
	theatre_tick(&stage, NS_PER_S);
	assert_true(stage.duties[1] & TEARDOWN);
	assert_int_equal(run_child_exited(stage.run, 101, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_true(stage.duties[2] & TEARDOWN);
	assert_int_equal(run_child_exited(stage.run, 102, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_non_null(strstr(stage.told, "teardown-1: no agent is left that could do it"));
	theatre_close(&stage);
}

static void test_a_teardown_that_fails_is_said_and_ends_nothing(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, plan, 1);
	set_up_all(&stage, 1);
	theatre_finish(&stage, 1);
	theatre_tick(&stage, NS_PER_S);
	answer(&stage, 1, 2, NULL, "no such table");
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_CAUSE_COUNT);
	assert_non_null(strstr(stage.told, "teardown-1 failed on agent agent-1: no such table"));
	theatre_close(&stage);
}

static void test_values_go_over_closed_links_and_loopback_alone(void **state)
{
	struct theatre stage = {0};
	struct failure failure = {0};

	(void)state;
	theatre_open(&stage, plan, 1);
	assert_int_equal(run_check(&(struct run_config){.plan = stage.plan, .closed_or_loopback = 1}, &failure), 0);
	assert_int_equal(run_check(&(struct run_config){.plan = stage.plan}, &failure), -EACCES);
	assert_int_equal(failure.line, 5);
	assert_non_null(strstr(failure.text, "setup \"setup-1\" hands values to all agents"));
	theatre_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_t0_waits_for_the_setup_whose_values_reach_all),
	        cmocka_unit_test(test_a_list_of_duties_is_told_again_while_an_answer_is_waited_for),
	        cmocka_unit_test(test_a_setup_that_fails_ends_the_run_before_t0),
	        cmocka_unit_test(test_a_setup_that_never_ends_ends_the_run),
	        cmocka_unit_test(test_readers_are_spread_and_move_when_their_agent_is_lost_or_leaves),
	        cmocka_unit_test(test_one_that_comes_back_is_told_that_its_reader_is_anothers),
	        cmocka_unit_test(test_no_agent_may_go_before_the_teardown_is_over),
	        cmocka_unit_test(test_one_that_leaves_does_not_wait_for_the_teardown),
	        cmocka_unit_test(test_a_teardown_moves_when_its_agent_is_gone),
	        cmocka_unit_test(test_a_teardown_that_fails_is_said_and_ends_nothing),
	        cmocka_unit_test(test_values_go_over_closed_links_and_loopback_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
