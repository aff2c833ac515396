/* SPDX-License-Identifier: Apache-2.0 */
/* The run's state machine, driven by hand: what leaves, in which order, and what it takes to go on. */
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

enum { AGENTS = 3 };

static const char one_scenario[] =
        "name: one\nlostAfter: 5s\nscenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 10, duration: 10s, steps: [ { null: {} } ] }\n";

static void test_the_plan_is_divided_when_all_expected_agents_came(void **state)
{
	struct theatre stage = {0};
	size_t division, assign;

	(void)state;
	theatre_open(&stage, one_scenario, AGENTS);
	theatre_come(&stage, 1, 0);
	theatre_come(&stage, 2, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	theatre_come(&stage, 3, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_ASSIGN, &assign), 3);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DIVISION, &division), 1);
	assert_true(division < assign);
	theatre_close(&stage);
}

static void test_an_agent_that_says_hello_and_answers_nothing_takes_no_place(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	for (uint8_t i = 1; i <= 5; i++)
		theatre_hello(&stage, i);
	theatre_come(&stage, 6, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	for (uint64_t passed = 0; passed < 6; passed++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_hello(&stage, 1); /* again and again: no answer to what it is asked */
		theatre_pong(&stage, 6, 0);
	}
	assert_int_equal(roster_count(run_roster(stage.run)), 2);
	theatre_come(&stage, 7, 0);
	theatre_hello(&stage, 8);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_AGENT, NULL), 2);
	assert_string_equal(roster_get(run_roster(stage.run), 0)->name, "agent-6");
	assert_string_equal(roster_get(run_roster(stage.run), 1)->name, "agent-7");
	theatre_hello(&stage, 8);
	assert_non_null(strstr(stage.told, "agent agent-8 (host) is turned away"));
	theatre_close(&stage);
}

static void say_hello_as_number(struct theatre *stage, uint32_t number)
{
	struct message message = {
	        .type = MESSAGE_HELLO,
	        .incarnation = {{THEATRE_AGENTS, (uint8_t)number, (uint8_t)(number >> 8)}},
	        .hello = {.protocol = PROTOCOL_VERSION, .name = strdup("flood"), .host = strdup("host")}};

	assert_int_equal(run_message(stage->run, &message, stage->now_ns), 0);
	message_deinit(&message);
}

static void test_a_flood_of_hellos_is_bounded_in_what_is_kept_told_and_answered(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	for (uint32_t i = 0; i < 1500; i++) {
		say_hello_as_number(&stage, i);
		stage.count = 0;
	}
	assert_int_equal(roster_count(run_roster(stage.run)), 1000);
	for (uint32_t i = 0; i < 1000; i++)
		roster_get(run_roster(stage.run), i)->next_ping_ns = CLOCK_NEVER; /* too many for this stage */
	theatre_tick(&stage, 6 * NS_PER_S);
	assert_int_equal(roster_count(run_roster(stage.run)), 0);
	assert_in_range(theatre_count(&stage, 0, RUN_TELL, 0, NULL), 1, 30);
	theatre_come(&stage, 1, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	for (uint32_t i = 0; i < 2000; i++) {
		stage.count = 0;
		say_hello_as_number(&stage, i);
	}
	stage.count = 0;
	for (uint32_t i = 0; i < 2000; i++)
		say_hello_as_number(&stage, i);
	assert_int_equal(stage.count, 0);
	theatre_close(&stage);
}

static void test_too_few_agents_end_the_run_and_those_that_came_are_named(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, AGENTS);
	theatre_hello(&stage, 7);
	for (int i = 0; i < 10; i++) {
		theatre_tick(&stage, NS_PER_S);
		if (i < 9)
			theatre_pong(&stage, 7, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_TOO_FEW_AGENTS);
	assert_non_null(strstr(run_stop_text(stage.run), "1 of 3 agents"));
	assert_non_null(strstr(run_stop_text(stage.run), "agent-7"));
	assert_false(run_started(stage.run));
	theatre_close(&stage);
}

static void test_an_agent_that_went_away_before_the_run_leaves_its_place_to_another(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_hello(&stage, 1);
	for (int i = 0; i < 6; i++)
		theatre_tick(&stage, NS_PER_S);
	assert_int_equal(roster_count(run_roster(stage.run)), 0);
	assert_non_null(strstr(stage.told, "agent-1 went away"));
	theatre_come(&stage, 2, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	theatre_come(&stage, 3, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	/* the report knows of those alone that the run has */
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_AGENT, NULL), 2);
	assert_string_equal(roster_get(run_roster(stage.run), 0)->name, "agent-2");
	theatre_close(&stage);
}

static void test_a_local_agent_that_ends_before_it_came_ends_the_wait_and_is_explained(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_hello(&stage, 1);
	assert_int_equal(run_child_exited(stage.run, 999, "it ended with code 1; see local-2.log", stage.now_ns), 0);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_TOO_FEW_AGENTS);
	assert_non_null(strstr(run_stop_text(stage.run), "1 of 2 agents"));
	assert_non_null(strstr(run_stop_text(stage.run), "see local-2.log"));
	theatre_close(&stage);
}

static void test_t0_waits_for_every_agent_and_its_clock(void **state)
{
	struct theatre stage = {0};
	size_t at, journaled;

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_come(&stage, 1, 3600 * NS_PER_S);
	theatre_come(&stage, 2, 0);
	theatre_tick(&stage, NS_PER_MS);
	theatre_ready(&stage, 1);
	theatre_ready(&stage, 2);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED); /* no clock is known yet */
	for (int exchange = 0; exchange < 6; exchange++) {
		theatre_tick(&stage, 20 * NS_PER_MS);
		theatre_pong(&stage, 1, 3600 * NS_PER_S);
		theatre_pong(&stage, 2, 0);
	}
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_START, &journaled), 1);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_START, &at), 2);
	assert_true(journaled < at);
	/* agent 2's clock is ours; agent 1's is an hour ahead, within the bound of a round trip of 1 ms */
	assert_in_range(stage.left[at].number, run_t0_ns(stage.run) - NS_PER_MS, run_t0_ns(stage.run) + NS_PER_MS);
	for (size_t i = 0; i < at; i++)
		if (stage.left[i].type == RUN_SEND && stage.left[i].what == MESSAGE_START)
			assert_in_range(stage.left[i].number, run_t0_ns(stage.run) + 3600 * NS_PER_S - NS_PER_MS,
			                run_t0_ns(stage.run) + 3600 * NS_PER_S + NS_PER_MS);
	theatre_close(&stage);
}

static void test_an_acknowledgement_leaves_only_after_its_record(void **state)
{
	struct theatre stage = {0};
	size_t from, record, ack;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	from = stage.count;
	theatre_snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, NULL), 0);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DELTAS, &record), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 1);
	assert_true(record < ack);
	assert_int_equal(stage.left[ack].number, 1);
	theatre_close(&stage);
}

static void test_a_snapshot_is_never_acknowledged_when_the_journal_fails(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	from = stage.count;
	theatre_snapshot(&stage, 1, 1, 0, 0);
	stage.journal_error = -28;
	stage.now_ns += NS_PER_S;
	assert_int_equal(run_tick(stage.run, stage.now_ns), -28);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, NULL), 0);
	theatre_close(&stage);
}

static void test_repeated_snapshots_are_acknowledged_again_and_gaps_are_not(void **state)
{
	struct theatre stage = {0};
	size_t from, ack;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	theatre_snapshot(&stage, 1, 1, 0, 0);
	theatre_tick(&stage, NS_PER_S);
	from = stage.count;
	theatre_snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 1);
	assert_int_equal(stage.left[ack].number, 1);
	from = stage.count;
	theatre_snapshot(&stage, 1, 3, 0, 0);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, NULL), 0);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DELTAS, NULL), 0);
	theatre_close(&stage);
}

static void test_the_last_snapshot_is_acknowledged_with_the_journaled_done(void **state)
{
	struct theatre stage = {0};
	size_t from, ack, record;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	theatre_snapshot(&stage, 1, 1, 0, 0);
	theatre_snapshot(&stage, 1, 2, 1, 1);
	from = stage.count;
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 1);
	assert_int_equal(stage.left[ack].number, 1);
	theatre_done(&stage, 1, 2);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DONE, &record), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 2);
	assert_int_equal(stage.left[ack].number, 2);
	assert_true(record < ack);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_a_known_agent_that_says_hello_is_told_all_it_must_know(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	from = stage.count;
	theatre_hello(&stage, 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_WELCOME, NULL), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_ASSIGN, NULL), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_START, NULL), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 0);
	assert_int_equal(run_interrupt(stage.run, stage.now_ns), 0);
	from = stage.count;
	theatre_hello(&stage, 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 1);
	theatre_close(&stage);
}

static void test_a_stranger_is_turned_away_once_the_run_has_its_agents(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	from = stage.count;
	theatre_hello(&stage, 9);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_AGENT, NULL), 0);
	assert_non_null(strstr(stage.told, "agent-9"));
	theatre_close(&stage);
}

static void test_an_agent_that_is_busy_with_another_run_is_not_counted_on(void **state)
{
	struct theatre stage = {0};
	struct message message = {
	        .type = MESSAGE_HELLO,
	        .run_id = "99999999-2222-4333-8444-555555555555",
	        .incarnation = {{5}},
	        .hello = {.protocol = PROTOCOL_VERSION, .name = (char *)"taken", .host = (char *)"host"}};
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	from = stage.count;
	for (int i = 0; i < 3; i++)
		assert_int_equal(run_message(stage.run, &message, stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_WELCOME, NULL), 3);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 0);
	assert_int_equal(theatre_count(&stage, from, RUN_TELL, 0, NULL), 1);
	assert_non_null(strstr(stage.told, "taken"));
	theatre_come(&stage, 1, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	theatre_close(&stage);
}

static void test_a_silent_agent_is_lost_after_lost_after_and_comes_back_when_heard(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_start(&stage, 2);
	from = stage.count;
	for (int i = 0; i < 6; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 1);
	theatre_hello(&stage, 2);
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 0);
	for (int i = 0; i < 6; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 1);
	theatre_pong(&stage, 2, 0); /* any word will do: it may not know that it was missed */
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 0);
	theatre_close(&stage);
}

static void test_an_agent_that_failed_is_turned_away_and_stays_lost(void **state)
{
	struct theatre stage = {0};
	char text[] = "out of descriptors";
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_start(&stage, 2);
	assert_int_equal(theatre_say(&stage, 2, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = text}}),
	                 0);
	for (int i = 0; i < 6; i++) { /* longer than lostAfter: now it is silent, too */
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	from = stage.count;
	theatre_hello(&stage, 2);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_START, NULL), 0);
	theatre_pong(&stage, 2, 0);
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 1);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	theatre_close(&stage);
}

static void test_an_abandoned_run_stops_its_agents_without_the_journal(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_start(&stage, 2);
	stage.journal_error = -ENOSPC;
	from = stage.count;
	run_abandon(stage.run, stage.now_ns);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 2);
	assert_int_equal(stage.count - from, 2);
	theatre_close(&stage);
}

static void test_a_lost_agent_ends_the_run_under_fail(void **state)
{
	static const char plan[] = "name: one\nonAgentLoss: fail\nscenarios:\n"
	                           "  a: { executor: constant-vus, vus: 4, duration: 60s, steps: [ { null: {} } ] }\n";
	struct theatre stage = {0};
	size_t at;

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_start(&stage, 2);
	assert_int_equal(run_child_exited(stage.run, 102, "its process has ended", stage.now_ns), 0);
	assert_int_equal(run_stop_cause(stage.run), STOP_AGENTS_LOST);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_STOP, &at), 1);
	assert_int_equal(stage.left[at].number, STOP_AGENTS_LOST);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	theatre_close(&stage);
}

static void test_an_agent_that_cannot_run_its_share_ends_the_run_before_t0(void **state)
{
	struct theatre stage = {0};
	char text[] = "target web is not allowed here";

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_hello(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(theatre_say(&stage, 1, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = text}}),
	                 0);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_AGENT_FAILED);
	assert_non_null(strstr(run_stop_text(stage.run), text));
	theatre_close(&stage);
}

static void test_an_interrupt_stops_agents_and_waits_for_what_they_hold(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	theatre_tick(&stage, 3 * NS_PER_S);
	theatre_snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(run_interrupt(stage.run, stage.now_ns), 0);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	theatre_snapshot(&stage, 1, 2, 1, 1);
	theatre_done(&stage, 1, 2);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DONE, NULL), 1);
	theatre_close(&stage);
}

static void test_a_pong_counts_once_and_only_for_a_ping_that_was_sent(void **state)
{
	struct theatre stage = {0};
	struct roster_agent *agent;

	(void)state;
	theatre_open(&stage, one_scenario, 2);
	theatre_hello(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	agent = roster_get(run_roster(stage.run), 0);
	theatre_pong(&stage, 1, 0);
	theatre_pong(&stage, 1, 0);
	assert_int_equal(clock_offset_count(agent->clock), 1);
	assert_int_equal(theatre_say(&stage, 1, &(struct message){.type = MESSAGE_PONG, .pong = {.id = 999}}), 0);
	assert_int_equal(clock_offset_count(agent->clock), 1);
	theatre_close(&stage);
}

/* T0 as the newest ping to agent 1 says it; 0: it said none. */
static uint64_t pinged_t0(const struct theatre *stage)
{
	for (size_t i = stage->count; i > 0; i--)
		if (stage->left[i - 1].type == RUN_SEND && stage->left[i - 1].what == MESSAGE_PING)
			return stage->left[i - 1].number;
	fail_msg("nobody was pinged");
	return 0;
}

static void test_pings_tell_t0_by_what_is_known_of_the_clock_now(void **state)
{
	struct theatre stage = {0};
	uint64_t offset_ns = 3600 * NS_PER_S, told_ns;
	size_t at;

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_come(&stage, 1, offset_ns);
	assert_int_equal(pinged_t0(&stage), 0);
	theatre_gather(&stage, 1);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_START, &at), 1);
	told_ns = stage.left[at].number;
	/* From then on the agent's clock gains 100 ppm. */
	for (int i = 0; i < 20; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, offset_ns += NS_PER_S / 10000);
		theatre_snapshot(&stage, 1, stage.seqs[1] + 1, 0, 0);
	}
	theatre_tick(&stage, NS_PER_S);
	assert_in_range(pinged_t0(&stage) - told_ns, 2 * NS_PER_MS - NS_PER_MS / 2, 2 * NS_PER_MS + NS_PER_MS / 2);
	/* An exchange that contradicts the others, as long as it does, changes nothing. */
	told_ns = pinged_t0(&stage);
	theatre_pong(&stage, 1, offset_ns + 40 * NS_PER_MS);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(pinged_t0(&stage), told_ns);
	/* The clock has jumped. */
	for (int i = 0; i < 5; i++) {
		theatre_pong(&stage, 1, offset_ns + 40 * NS_PER_MS);
		theatre_snapshot(&stage, 1, stage.seqs[1] + 1, 0, 0);
		theatre_tick(&stage, NS_PER_S);
	}
	assert_in_range(pinged_t0(&stage) - told_ns, 39 * NS_PER_MS, 41 * NS_PER_MS);
	theatre_close(&stage);
}

static void test_an_agent_that_never_finishes_is_given_up(void **state)
{
	struct theatre stage = {0};

	(void)state;
	theatre_open(&stage, one_scenario, 1);
	theatre_start(&stage, 1);
	for (int i = 0; i < 80 && run_state(stage.run) < RUN_REPORTING; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	theatre_close(&stage);
}

static void test_a_scenario_that_starts_after_another_begins_at_a_whole_second_ahead(void **state)
{
	static const char plan[] =
	        "name: two\nscenarios:\n"
	        "  a: { executor: shared-iterations, vus: 2, iterations: 4, steps: [ { null: {} } ] }\n"
	        "  b: { executor: constant-vus, vus: 2, duration: 5s, startAfter: a, steps: [ { null: {} } ] }\n";
	struct theatre stage = {0};
	size_t at, record;

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_start(&stage, 2);
	theatre_tick(&stage, 2 * NS_PER_S);
	theatre_snapshot(&stage, 1, 1, 1, 0);
	theatre_tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_BEGIN, NULL), 0); /* agent 2 hasn't finished a */
	theatre_snapshot(&stage, 2, 1, 1, 0);
	theatre_tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_BEGIN, &record), 1);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_BEGIN, &at), 2);
	assert_true(record < at);
	assert_int_equal(stage.left[at].number % NS_PER_S, 0);
	assert_in_range(stage.left[at].number, stage.now_ns - run_t0_ns(stage.run) + NS_PER_S,
	                stage.now_ns - run_t0_ns(stage.run) + 2 * NS_PER_S);
	theatre_close(&stage);
}

static void test_what_follows_a_fixed_duration_begins_at_its_end(void **state)
{
	static const char plan[] =
	        "name: three\nscenarios:\n"
	        "  a: { executor: constant-vus, vus: 2, duration: 2500ms, steps: [ { null: {} } ] }\n"
	        "  c: { executor: constant-vus, vus: 2, duration: 1s, startAfter: b, startTime: 200ms, steps: [ { "
	        "null: {} } ] }\n"
	        "  b: { executor: constant-vus, vus: 2, duration: 5s, startAfter: a, steps: [ { null: {} } ] }\n";
	struct theatre stage = {0};
	size_t at;

	(void)state;
	theatre_open(&stage, plan, 2);
	theatre_start(&stage, 2);
	theatre_tick(&stage, 100 * NS_PER_MS);
	assert_int_equal(theatre_count(&stage, 0, RUN_SEND, MESSAGE_BEGIN, &at), 2);
	assert_int_equal(stage.left[at].number, 2500 * NS_PER_MS);
	theatre_tick(&stage, 100 * NS_PER_MS);
	assert_int_equal(theatre_count(&stage, at + 1, RUN_SEND, MESSAGE_BEGIN, &at), 2);
	assert_int_equal(stage.left[at].number, 7700 * NS_PER_MS);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_BEGIN, NULL), 2);
	theatre_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_plan_is_divided_when_all_expected_agents_came),
	        cmocka_unit_test(test_an_agent_that_says_hello_and_answers_nothing_takes_no_place),
	        cmocka_unit_test(test_a_flood_of_hellos_is_bounded_in_what_is_kept_told_and_answered),
	        cmocka_unit_test(test_too_few_agents_end_the_run_and_those_that_came_are_named),
	        cmocka_unit_test(test_t0_waits_for_every_agent_and_its_clock),
	        cmocka_unit_test(test_an_acknowledgement_leaves_only_after_its_record),
	        cmocka_unit_test(test_a_snapshot_is_never_acknowledged_when_the_journal_fails),
	        cmocka_unit_test(test_repeated_snapshots_are_acknowledged_again_and_gaps_are_not),
	        cmocka_unit_test(test_the_last_snapshot_is_acknowledged_with_the_journaled_done),
	        cmocka_unit_test(test_a_known_agent_that_says_hello_is_told_all_it_must_know),
	        cmocka_unit_test(test_a_stranger_is_turned_away_once_the_run_has_its_agents),
	        cmocka_unit_test(test_an_agent_that_is_busy_with_another_run_is_not_counted_on),
	        cmocka_unit_test(test_a_silent_agent_is_lost_after_lost_after_and_comes_back_when_heard),
	        cmocka_unit_test(test_an_agent_that_went_away_before_the_run_leaves_its_place_to_another),
	        cmocka_unit_test(test_a_local_agent_that_ends_before_it_came_ends_the_wait_and_is_explained),
	        cmocka_unit_test(test_an_agent_that_failed_is_turned_away_and_stays_lost),
	        cmocka_unit_test(test_an_abandoned_run_stops_its_agents_without_the_journal),
	        cmocka_unit_test(test_a_lost_agent_ends_the_run_under_fail),
	        cmocka_unit_test(test_an_agent_that_cannot_run_its_share_ends_the_run_before_t0),
	        cmocka_unit_test(test_an_interrupt_stops_agents_and_waits_for_what_they_hold),
	        cmocka_unit_test(test_a_pong_counts_once_and_only_for_a_ping_that_was_sent),
	        cmocka_unit_test(test_pings_tell_t0_by_what_is_known_of_the_clock_now),
	        cmocka_unit_test(test_an_agent_that_never_finishes_is_given_up),
	        cmocka_unit_test(test_a_scenario_that_starts_after_another_begins_at_a_whole_second_ahead),
	        cmocka_unit_test(test_what_follows_a_fixed_duration_begins_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
