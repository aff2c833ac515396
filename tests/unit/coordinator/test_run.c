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

#include "common/base/clock.h"
#include "coordinator/run.h"

enum { EFFECTS_MAX = 4096, AGENTS = 3 };

/* What left the state machine: a journal record's or a message's type. */
struct left {
	enum run_effect_type type;
	int what;
	uint32_t agent;  /* first byte of the incarnation */
	uint64_t number; /* ack: seq; state: state; begin: at_ns; stop: cause of a record */
};

struct theatre {
	struct plan *plan;
	struct run *run;
	struct left left[EFFECTS_MAX];
	size_t count;
	uint64_t now_ns;
	char told[1024];
	int journal_error;
};

static int take(void *context, const struct run_effect *effect)
{
	struct theatre *stage = context;
	struct left *left = &stage->left[stage->count++];

	assert_true(stage->count < EFFECTS_MAX);
	left->type = effect->type;
	if (effect->type == RUN_TELL) {
		snprintf(stage->told, sizeof(stage->told), "%s", effect->text);
	} else if (effect->type == RUN_SEND) {
		left->what = (int)effect->message->type;
		left->agent = effect->message->incarnation.bytes[0];
		left->number = effect->message->type == MESSAGE_ACK     ? effect->message->ack.seq
		               : effect->message->type == MESSAGE_BEGIN ? effect->message->begin.at_ns
		               : effect->message->type == MESSAGE_START ? effect->message->start.t0_agent_ns
		                                                        : 0;
	} else {
		left->what = (int)effect->record->type;
		left->number = effect->record->type == JOURNAL_STATE  ? (uint64_t)effect->record->state.state
		               : effect->record->type == JOURNAL_STOP ? (uint64_t)effect->record->stop.cause
		                                                      : 0;
		return stage->journal_error;
	}
	return 0;
}

/* How many such effects there were from `from` on; the last one's place is *ret_at. */
static size_t count_left(const struct theatre *stage, size_t from, enum run_effect_type type, int what, size_t *ret_at)
{
	size_t count = 0;

	if (ret_at)
		*ret_at = 0;
	for (size_t i = from; i < stage->count; i++)
		if (stage->left[i].type == type && stage->left[i].what == what) {
			count++;
			if (ret_at)
				*ret_at = i;
		}
	return count;
}

static void set_up(struct theatre *stage, const char *yaml, uint32_t agents)
{
	struct failures failures = {0};

	*stage = (struct theatre){.now_ns = 1000 * NS_PER_S};
	assert_int_equal(plan_parse(yaml, strlen(yaml), NULL, 0, &failures, &stage->plan), 0);
	failures_deinit(&failures);
	assert_int_equal(run_new(&(struct run_config){.plan = stage->plan,
	                                              .plan_text = yaml,
	                                              .plan_size = strlen(yaml),
	                                              .run_id = "11111111-2222-4333-8444-555555555555",
	                                              .version = "1",
	                                              .expect_agents = agents,
	                                              .wait_ns = 10 * NS_PER_S,
	                                              .now_ns = stage->now_ns,
	                                              .effect = take,
	                                              .context = stage},
	                         &stage->run),
	                 0);
}

static void tear_down(struct theatre *stage)
{
	run_free(stage->run);
	plan_free(stage->plan);
}

static int say(struct theatre *stage, uint8_t agent, struct message *message)
{
	message->incarnation = (struct incarnation){{agent}};
	snprintf(message->run_id, sizeof(message->run_id), "11111111-2222-4333-8444-555555555555");
	int r = run_message(stage->run, message, stage->now_ns);

	if (message->type == MESSAGE_HELLO)
		message_deinit(message);
	return r;
}

static void hello(struct theatre *stage, uint8_t agent)
{
	char name[16];

	snprintf(name, sizeof(name), "agent-%u", agent);
	struct message message = {.type = MESSAGE_HELLO,
	                          .hello = {.protocol = PROTOCOL_VERSION,
	                                    .version = strdup("1"),
	                                    .name = strdup(name),
	                                    .host = strdup("host"),
	                                    .cpu = strdup(""),
	                                    .kernel = strdup(""),
	                                    .cores = 1,
	                                    .workers = 1,
	                                    .weight = 1,
	                                    .pid = 100 + agent}};

	assert_int_equal(say(stage, agent, &message), 0);
}

static void tick(struct theatre *stage, uint64_t later_ns)
{
	stage->now_ns += later_ns;
	assert_int_equal(run_tick(stage->run, stage->now_ns), 0);
}

/* An agent whose clock is offset_ns ahead answers the newest ping, which was sent 1 ms ago. */
static void pong(struct theatre *stage, uint8_t number, uint64_t offset_ns)
{
	const struct roster_agent *agent = roster_get(
	        run_roster(stage->run), roster_find(run_roster(stage->run), &(struct incarnation){{number}}));
	struct message message = {.type = MESSAGE_PONG,
	                          .pong = {.id = agent->pings,
	                                   .sent_ns = agent->ping_sent_ns[agent->pings % ROSTER_PINGS],
	                                   .agent_in_ns = stage->now_ns + NS_PER_MS / 2 + offset_ns,
	                                   .agent_out_ns = stage->now_ns + NS_PER_MS / 2 + offset_ns}};

	stage->now_ns += NS_PER_MS;
	assert_int_equal(say(stage, number, &message), 0);
}

static void ready(struct theatre *stage, uint8_t agent)
{
	assert_int_equal(say(stage, agent, &(struct message){.type = MESSAGE_READY}), 0);
}

static void snapshot(struct theatre *stage, uint8_t agent, uint64_t seq, _Bool finished, _Bool last)
{
	struct wire_scenario scenarios[4] = {0};

	for (int i = 0; i < 4; i++)
		scenarios[i].finished = finished;
	assert_int_equal(say(stage, agent,
	                     &(struct message){.type = MESSAGE_SNAPSHOT,
	                                       .snapshot = {.seq = seq,
	                                                    .second = seq - 1,
	                                                    .scenarios = scenarios,
	                                                    .scenario_count = stage->plan->scenario_count,
	                                                    .last = last}}),
	                 0);
}

static void done(struct theatre *stage, uint8_t agent, uint64_t last_seq)
{
	assert_int_equal(
	        say(stage, agent, &(struct message){.type = MESSAGE_DONE, .done = {.last_seq = last_seq, .end_ns = 1}}),
	        0);
}

/* Brings `agents` agents to T0. */
static void start(struct theatre *stage, uint32_t agents)
{
	for (uint8_t i = 1; i <= agents; i++)
		hello(stage, i);
	for (int exchange = 0; exchange < 6; exchange++) {
		tick(stage, 20 * NS_PER_MS);
		for (uint8_t i = 1; i <= agents; i++)
			pong(stage, i, i * 3600 * NS_PER_S);
	}
	for (uint8_t i = 1; i <= agents; i++)
		ready(stage, i);
	tick(stage, NS_PER_MS);
	assert_int_equal(run_state(stage->run), RUN_RUNNING);
}

static const char one_scenario[] =
        "name: one\nlostAfter: 5s\nscenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 10, duration: 10s, steps: [ { null: {} } ] }\n";

static void test_the_plan_is_divided_when_all_expected_agents_came(void **state)
{
	struct theatre stage;
	size_t division, assign;

	(void)state;
	set_up(&stage, one_scenario, AGENTS);
	hello(&stage, 1);
	hello(&stage, 2);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	hello(&stage, 3);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	assert_int_equal(count_left(&stage, 0, RUN_SEND, MESSAGE_ASSIGN, &assign), 3);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_DIVISION, &division), 1);
	assert_true(division < assign);
	tear_down(&stage);
}

static void test_too_few_agents_end_the_run_and_those_that_came_are_named(void **state)
{
	struct theatre stage;

	(void)state;
	set_up(&stage, one_scenario, AGENTS);
	hello(&stage, 7);
	for (int i = 0; i < 10; i++) {
		tick(&stage, NS_PER_S);
		if (i < 9)
			pong(&stage, 7, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_TOO_FEW_AGENTS);
	assert_non_null(strstr(run_stop_text(stage.run), "1 of 3 agents"));
	assert_non_null(strstr(run_stop_text(stage.run), "agent-7"));
	assert_false(run_started(stage.run));
	tear_down(&stage);
}

static void test_an_agent_that_went_away_before_the_run_leaves_its_place_to_another(void **state)
{
	struct theatre stage;

	(void)state;
	set_up(&stage, one_scenario, 2);
	hello(&stage, 1);
	for (int i = 0; i < 6; i++)
		tick(&stage, NS_PER_S);
	assert_int_equal(roster_count(run_roster(stage.run)), 0);
	assert_non_null(strstr(stage.told, "agent-1 went away"));
	hello(&stage, 2);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	hello(&stage, 3);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	/* the report knows of those alone that the run has */
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_AGENT, NULL), 2);
	assert_string_equal(roster_get(run_roster(stage.run), 0)->name, "agent-2");
	tear_down(&stage);
}

static void test_a_local_agent_that_ends_before_it_came_ends_the_wait_and_is_explained(void **state)
{
	struct theatre stage;

	(void)state;
	set_up(&stage, one_scenario, 2);
	hello(&stage, 1);
	assert_int_equal(run_child_exited(stage.run, 999, "it ended with code 1; see local-2.log", stage.now_ns), 0);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_TOO_FEW_AGENTS);
	assert_non_null(strstr(run_stop_text(stage.run), "1 of 2 agents"));
	assert_non_null(strstr(run_stop_text(stage.run), "see local-2.log"));
	tear_down(&stage);
}

static void test_t0_waits_for_every_agent_and_its_clock(void **state)
{
	struct theatre stage;
	size_t at, journaled;

	(void)state;
	set_up(&stage, one_scenario, 2);
	hello(&stage, 1);
	hello(&stage, 2);
	tick(&stage, NS_PER_MS);
	ready(&stage, 1);
	ready(&stage, 2);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED); /* no clock is known yet */
	for (int exchange = 0; exchange < 6; exchange++) {
		tick(&stage, 20 * NS_PER_MS);
		pong(&stage, 1, 3600 * NS_PER_S);
		pong(&stage, 2, 0);
	}
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_START, &journaled), 1);
	assert_int_equal(count_left(&stage, 0, RUN_SEND, MESSAGE_START, &at), 2);
	assert_true(journaled < at);
	/* agent 2's clock is ours; agent 1's is an hour ahead, within the bound of a round trip of 1 ms */
	assert_in_range(stage.left[at].number, run_t0_ns(stage.run) - NS_PER_MS, run_t0_ns(stage.run) + NS_PER_MS);
	for (size_t i = 0; i < at; i++)
		if (stage.left[i].type == RUN_SEND && stage.left[i].what == MESSAGE_START)
			assert_in_range(stage.left[i].number, run_t0_ns(stage.run) + 3600 * NS_PER_S - NS_PER_MS,
			                run_t0_ns(stage.run) + 3600 * NS_PER_S + NS_PER_MS);
	tear_down(&stage);
}

static void test_an_acknowledgement_leaves_only_after_its_record(void **state)
{
	struct theatre stage;
	size_t from, record, ack;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	from = stage.count;
	snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, NULL), 0);
	tick(&stage, NS_PER_S);
	assert_int_equal(count_left(&stage, from, RUN_JOURNAL, JOURNAL_DELTAS, &record), 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 1);
	assert_true(record < ack);
	assert_int_equal(stage.left[ack].number, 1);
	tear_down(&stage);
}

static void test_a_snapshot_is_never_acknowledged_when_the_journal_fails(void **state)
{
	struct theatre stage;
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	from = stage.count;
	snapshot(&stage, 1, 1, 0, 0);
	stage.journal_error = -28;
	stage.now_ns += NS_PER_S;
	assert_int_equal(run_tick(stage.run, stage.now_ns), -28);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, NULL), 0);
	tear_down(&stage);
}

static void test_repeated_snapshots_are_acknowledged_again_and_gaps_are_not(void **state)
{
	struct theatre stage;
	size_t from, ack;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	snapshot(&stage, 1, 1, 0, 0);
	tick(&stage, NS_PER_S);
	from = stage.count;
	snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 1);
	assert_int_equal(stage.left[ack].number, 1);
	from = stage.count;
	snapshot(&stage, 1, 3, 0, 0);
	tick(&stage, NS_PER_S);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, NULL), 0);
	assert_int_equal(count_left(&stage, from, RUN_JOURNAL, JOURNAL_DELTAS, NULL), 0);
	tear_down(&stage);
}

static void test_the_last_snapshot_is_acknowledged_with_the_journaled_done(void **state)
{
	struct theatre stage;
	size_t from, ack, record;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	snapshot(&stage, 1, 1, 0, 0);
	snapshot(&stage, 1, 2, 1, 1);
	from = stage.count;
	tick(&stage, NS_PER_S);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 1);
	assert_int_equal(stage.left[ack].number, 1);
	done(&stage, 1, 2);
	tick(&stage, NS_PER_S);
	assert_int_equal(count_left(&stage, from, RUN_JOURNAL, JOURNAL_DONE, &record), 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ACK, &ack), 2);
	assert_int_equal(stage.left[ack].number, 2);
	assert_true(record < ack);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	tear_down(&stage);
}

static void test_a_known_agent_that_says_hello_is_told_all_it_must_know(void **state)
{
	struct theatre stage;
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	from = stage.count;
	hello(&stage, 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_WELCOME, NULL), 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_ASSIGN, NULL), 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_START, NULL), 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 0);
	assert_int_equal(run_interrupt(stage.run, stage.now_ns), 0);
	from = stage.count;
	hello(&stage, 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 1);
	tear_down(&stage);
}

static void test_a_stranger_is_turned_away_once_the_run_has_its_agents(void **state)
{
	struct theatre stage;
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	from = stage.count;
	hello(&stage, 9);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 1);
	assert_int_equal(count_left(&stage, from, RUN_JOURNAL, JOURNAL_AGENT, NULL), 0);
	assert_non_null(strstr(stage.told, "agent-9"));
	tear_down(&stage);
}

static void test_an_agent_that_is_busy_with_another_run_is_not_counted_on(void **state)
{
	struct theatre stage;
	struct message message = {
	        .type = MESSAGE_HELLO,
	        .run_id = "99999999-2222-4333-8444-555555555555",
	        .incarnation = {{5}},
	        .hello = {.protocol = PROTOCOL_VERSION, .name = (char *)"taken", .host = (char *)"host"}};
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 1);
	from = stage.count;
	for (int i = 0; i < 3; i++)
		assert_int_equal(run_message(stage.run, &message, stage.now_ns), 0);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_GATHERING);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_WELCOME, NULL), 3);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 0);
	assert_int_equal(count_left(&stage, from, RUN_TELL, 0, NULL), 1);
	assert_non_null(strstr(stage.told, "taken"));
	hello(&stage, 1);
	tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	tear_down(&stage);
}

static void test_a_silent_agent_is_lost_after_lost_after_and_comes_back_when_heard(void **state)
{
	struct theatre stage;
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 2);
	start(&stage, 2);
	from = stage.count;
	for (int i = 0; i < 6; i++) {
		tick(&stage, NS_PER_S);
		pong(&stage, 1, 0);
	}
	assert_int_equal(count_left(&stage, from, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 1);
	hello(&stage, 2);
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 0);
	for (int i = 0; i < 6; i++) {
		tick(&stage, NS_PER_S);
		pong(&stage, 1, 0);
	}
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 1);
	pong(&stage, 2, 0); /* any word will do: it may not know that it was missed */
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 0);
	tear_down(&stage);
}

static void test_an_agent_that_failed_is_turned_away_and_stays_lost(void **state)
{
	struct theatre stage;
	char text[] = "out of descriptors";
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 2);
	start(&stage, 2);
	assert_int_equal(say(&stage, 2, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = text}}), 0);
	for (int i = 0; i < 6; i++) { /* longer than lostAfter: now it is silent, too */
		tick(&stage, NS_PER_S);
		pong(&stage, 1, 0);
	}
	from = stage.count;
	hello(&stage, 2);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 1);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_START, NULL), 0);
	pong(&stage, 2, 0);
	assert_int_equal(roster_count_in(run_roster(stage.run), AGENT_LOST), 1);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	tear_down(&stage);
}

static void test_an_abandoned_run_stops_its_agents_without_the_journal(void **state)
{
	struct theatre stage;
	size_t from;

	(void)state;
	set_up(&stage, one_scenario, 2);
	start(&stage, 2);
	stage.journal_error = -ENOSPC;
	from = stage.count;
	run_abandon(stage.run, stage.now_ns);
	assert_int_equal(count_left(&stage, from, RUN_SEND, MESSAGE_STOP, NULL), 2);
	assert_int_equal(stage.count - from, 2);
	tear_down(&stage);
}

static void test_a_lost_agent_ends_the_run_under_fail(void **state)
{
	static const char plan[] = "name: one\nonAgentLoss: fail\nscenarios:\n"
	                           "  a: { executor: constant-vus, vus: 4, duration: 60s, steps: [ { null: {} } ] }\n";
	struct theatre stage;
	size_t at;

	(void)state;
	set_up(&stage, plan, 2);
	start(&stage, 2);
	assert_int_equal(run_child_exited(stage.run, 102, "its process has ended", stage.now_ns), 0);
	assert_int_equal(run_stop_cause(stage.run), STOP_AGENTS_LOST);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_STOP, &at), 1);
	assert_int_equal(stage.left[at].number, STOP_AGENTS_LOST);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	tear_down(&stage);
}

static void test_an_agent_that_cannot_run_its_share_ends_the_run_before_t0(void **state)
{
	struct theatre stage;
	char text[] = "target web is not allowed here";

	(void)state;
	set_up(&stage, one_scenario, 1);
	hello(&stage, 1);
	tick(&stage, NS_PER_MS);
	assert_int_equal(say(&stage, 1, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = text}}), 0);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(run_stop_cause(stage.run), STOP_AGENT_FAILED);
	assert_non_null(strstr(run_stop_text(stage.run), text));
	tear_down(&stage);
}

static void test_an_interrupt_stops_agents_and_waits_for_what_they_hold(void **state)
{
	struct theatre stage;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	tick(&stage, 3 * NS_PER_S);
	snapshot(&stage, 1, 1, 0, 0);
	assert_int_equal(run_interrupt(stage.run, stage.now_ns), 0);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	snapshot(&stage, 1, 2, 1, 1);
	done(&stage, 1, 2);
	tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_DONE, NULL), 1);
	tear_down(&stage);
}

static void test_a_pong_counts_once_and_only_for_a_ping_that_was_sent(void **state)
{
	struct theatre stage;
	struct roster_agent *agent;

	(void)state;
	set_up(&stage, one_scenario, 2);
	hello(&stage, 1);
	tick(&stage, NS_PER_MS);
	agent = roster_get(run_roster(stage.run), 0);
	pong(&stage, 1, 0);
	pong(&stage, 1, 0);
	assert_int_equal(clock_offset_count(agent->clock), 1);
	assert_int_equal(say(&stage, 1, &(struct message){.type = MESSAGE_PONG, .pong = {.id = 999}}), 0);
	assert_int_equal(clock_offset_count(agent->clock), 1);
	tear_down(&stage);
}

static void test_an_agent_that_never_finishes_is_given_up(void **state)
{
	struct theatre stage;

	(void)state;
	set_up(&stage, one_scenario, 1);
	start(&stage, 1);
	for (int i = 0; i < 80 && run_state(stage.run) < RUN_REPORTING; i++) {
		tick(&stage, NS_PER_S);
		pong(&stage, 1, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_LOST, NULL), 1);
	tear_down(&stage);
}

static void test_a_scenario_that_starts_after_another_begins_at_a_whole_second_ahead(void **state)
{
	static const char plan[] =
	        "name: two\nscenarios:\n"
	        "  a: { executor: shared-iterations, vus: 2, iterations: 4, steps: [ { null: {} } ] }\n"
	        "  b: { executor: constant-vus, vus: 2, duration: 5s, startAfter: a, steps: [ { null: {} } ] }\n";
	struct theatre stage;
	size_t at, record;

	(void)state;
	set_up(&stage, plan, 2);
	start(&stage, 2);
	tick(&stage, 2 * NS_PER_S);
	snapshot(&stage, 1, 1, 1, 0);
	tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(count_left(&stage, 0, RUN_SEND, MESSAGE_BEGIN, NULL), 0); /* agent 2 hasn't finished a */
	snapshot(&stage, 2, 1, 1, 0);
	tick(&stage, 200 * NS_PER_MS);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_BEGIN, &record), 1);
	assert_int_equal(count_left(&stage, 0, RUN_SEND, MESSAGE_BEGIN, &at), 2);
	assert_true(record < at);
	assert_int_equal(stage.left[at].number % NS_PER_S, 0);
	assert_in_range(stage.left[at].number, stage.now_ns - run_t0_ns(stage.run) + NS_PER_S,
	                stage.now_ns - run_t0_ns(stage.run) + 2 * NS_PER_S);
	tear_down(&stage);
}

static void test_what_follows_a_fixed_duration_begins_at_its_end(void **state)
{
	static const char plan[] =
	        "name: three\nscenarios:\n"
	        "  a: { executor: constant-vus, vus: 2, duration: 2500ms, steps: [ { null: {} } ] }\n"
	        "  c: { executor: constant-vus, vus: 2, duration: 1s, startAfter: b, startTime: 200ms, steps: [ { "
	        "null: {} } ] }\n"
	        "  b: { executor: constant-vus, vus: 2, duration: 5s, startAfter: a, steps: [ { null: {} } ] }\n";
	struct theatre stage;
	size_t at;

	(void)state;
	set_up(&stage, plan, 2);
	start(&stage, 2);
	tick(&stage, 100 * NS_PER_MS);
	assert_int_equal(count_left(&stage, 0, RUN_SEND, MESSAGE_BEGIN, &at), 2);
	assert_int_equal(stage.left[at].number, 2500 * NS_PER_MS);
	tick(&stage, 100 * NS_PER_MS);
	assert_int_equal(count_left(&stage, at + 1, RUN_SEND, MESSAGE_BEGIN, &at), 2);
	assert_int_equal(stage.left[at].number, 7700 * NS_PER_MS);
	assert_int_equal(count_left(&stage, 0, RUN_JOURNAL, JOURNAL_BEGIN, NULL), 2);
	tear_down(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_plan_is_divided_when_all_expected_agents_came),
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
	        cmocka_unit_test(test_an_agent_that_never_finishes_is_given_up),
	        cmocka_unit_test(test_a_scenario_that_starts_after_another_begins_at_a_whole_second_ahead),
	        cmocka_unit_test(test_what_follows_a_fixed_duration_begins_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
