/* SPDX-License-Identifier: Apache-2.0 */
/* session.h: what an agent says and does, and when. Time is a number here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/session.h"
#include "common/base/clock.h"
#include "common/base/hash.h"

#define T0 (1000 * NS_PER_S)
#define MS NS_PER_MS
#define ORPHAN_NS (600 * NS_PER_S)

static const char run_a[] = "aaaaaaaa-0000-4000-8000-000000000000";
static const char run_b[] = "bbbbbbbb-0000-4000-8000-000000000000";

struct setting {
	struct session *session;
	struct message_hello hello;
	uint64_t now_ns;
	struct effect effects[64];
	uint32_t count;
};

static void collect(struct setting *setting)
{
	setting->count = 0;
	while (session_effect(setting->session, &setting->effects[setting->count]))
		assert_true(++setting->count < 64);
}

static struct setting *set_up(_Bool once)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	setting->hello.name = (char *)"one";
	setting->now_ns = T0 - 10 * NS_PER_S;
	assert_int_equal(session_new(&(struct session_config){.hello = &setting->hello,
	                                                      .once = once,
	                                                      .orphan_after_ns = ORPHAN_NS,
	                                                      .spool_bytes = 100000,
	                                                      .now_ns = setting->now_ns},
	                             &setting->session),
	                 0);
	return setting;
}

static void tear_down(struct setting *setting)
{
	session_free(setting->session);
	free(setting);
}

/* Hands the message over as if it had been decoded: the session takes memory out of it. */
static void tell(struct setting *setting, struct message message, const char *run_id)
{
	strcpy(message.run_id, run_id);
	assert_int_equal(session_message(setting->session, &message, setting->now_ns), 0);
	if (message.type == MESSAGE_ASSIGN)
		message_deinit(&message);
	collect(setting);
}

static void pass(struct setting *setting, uint64_t ns)
{
	setting->now_ns += ns;
	assert_int_equal(session_tick(setting->session, setting->now_ns), 0);
	collect(setting);
}

static void expect(const struct setting *setting, uint32_t index, enum effect_type type)
{
	assert_true(index < setting->count);
	assert_int_equal(setting->effects[index].type, type);
}

static const struct message *expect_message(const struct setting *setting, uint32_t index, enum message_type type)
{
	expect(setting, index, EFFECT_SEND);
	assert_int_equal(setting->effects[index].message.type, type);
	return &setting->effects[index].message;
}

static void welcome(struct setting *setting, uint64_t durable_seq)
{
	tell(setting,
	     (struct message){.type = MESSAGE_WELCOME,
	                      .welcome = {.protocol = PROTOCOL_VERSION, .durable_seq = durable_seq}},
	     run_a);
}

static struct message assignment(uint32_t index, uint32_t count)
{
	return (struct message){.type = MESSAGE_ASSIGN,
	                        .epoch = 1,
	                        .assign = {.plan = strdup("p"),
	                                   .plan_size = 1,
	                                   .agent_name = strdup("one"),
	                                   .agent_index = index,
	                                   .agent_count = count}};
}

static void start_run(struct setting *setting, uint32_t index, uint32_t count)
{
	welcome(setting, 0);
	tell(setting, assignment(index, count), run_a);
	expect(setting, 0, EFFECT_OPEN);
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	expect_message(setting, 0, MESSAGE_READY);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0}}, run_a);
	expect(setting, 0, EFFECT_START);
	assert_int_equal(setting->effects[0].at_ns, T0);
	setting->now_ns = T0;
	tell(setting, (struct message){.type = MESSAGE_ACK}, run_a);
}

static void snapshot(struct setting *setting, uint64_t seq, _Bool last)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	snapshot->message.seq = seq;
	snapshot->message.second = seq - 1;
	snapshot->message.last = last;
	snapshot->memory = 1000;
	assert_int_equal(session_snapshot(setting->session, snapshot, setting->now_ns), 0);
	collect(setting);
}

static void acknowledge(struct setting *setting, uint64_t seq)
{
	tell(setting, (struct message){.type = MESSAGE_ACK, .ack = {.seq = seq}}, run_a);
}

static void test_session_says_hello_each_second_until_welcomed(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(session_next_ns(setting->session) <= setting->now_ns);
		pass(setting, 0);
		assert_int_equal(setting->count, 1);
		assert_string_equal(expect_message(setting, 0, MESSAGE_HELLO)->hello.name, "one");
		assert_string_equal(setting->effects[0].message.run_id, "");
		pass(setting, 999 * MS);
		assert_int_equal(setting->count, 0);
		setting->now_ns += MS;
	}
	welcome(setting, 0);
	pass(setting, 1999 * MS);
	assert_int_equal(setting->count, 0);
	pass(setting, MS);
	expect_message(setting, 0, MESSAGE_HELLO);
	tear_down(setting);
}

static void test_session_greets_anew_after_silence(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + NS_PER_S;
	snapshot(setting, 1, 0);
	pass(setting, 4 * NS_PER_S);
	assert_string_equal(expect_message(setting, 0, MESSAGE_HELLO)->run_id, run_a);
	assert_int_equal(setting->effects[0].message.hello.last_seq, 1);
	tear_down(setting);
}

static void test_session_opens_once_however_often_it_is_assigned(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	assert_int_equal(setting->count, 1);
	expect(setting, 0, EFFECT_OPEN);
	assert_int_equal(session_state(setting->session), SESSION_OPENING);
	tell(setting, assignment(0, 1), run_a);
	assert_int_equal(setting->count, 0);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0}}, run_a);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_says_ready_again_until_it_is_started(void **state)
{
	struct setting *setting = set_up(0);
	struct wire_target target = {.name = (char *)"t"};

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	assert_int_equal(session_opened(setting->session, &target, 1, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(expect_message(setting, 0, MESSAGE_READY)->ready.target_count, 1);
	assert_int_equal(setting->effects[0].message.epoch, 1);
	pass(setting, 3 * NS_PER_S);
	expect_message(setting, 0, MESSAGE_READY);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0}}, run_a);
	expect(setting, 0, EFFECT_START);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0 + 1}}, run_a);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_fetches_files_one_after_the_other(void **state)
{
	struct setting *setting = set_up(0);
	struct message message = assignment(0, 1);
	char digest[SHA256_HEX_SIZE];

	(void)state;
	hash_sha256_hex("abcd", 4, digest);
	message.assign.files = calloc(2, sizeof(*message.assign.files));
	message.assign.file_count = 2;
	for (int i = 0; i < 2; i++)
		message.assign.files[i] =
		        (struct wire_file){.name = strdup(i == 0 ? "x" : "y"), .size = 4, .sha256 = strdup(digest)};
	welcome(setting, 0);
	tell(setting, message, run_a);
	assert_string_equal(expect_message(setting, 0, MESSAGE_FETCH)->fetch.name, "x");
	/* The answer got lost. */
	pass(setting, 3 * NS_PER_S);
	assert_int_equal(expect_message(setting, 0, MESSAGE_FETCH)->fetch.offset, 0);
	tell(setting,
	     (struct message){.type = MESSAGE_CHUNK,
	                      .chunk = {.name = (char *)"x", .data = (uint8_t *)(char *)"abc", .size = 3}},
	     run_a);
	assert_int_equal(expect_message(setting, 0, MESSAGE_FETCH)->fetch.offset, 3);
	tell(setting,
	     (struct message){.type = MESSAGE_CHUNK,
	                      .chunk = {.name = (char *)"x", .offset = 3, .data = (uint8_t *)(char *)"d", .size = 1}},
	     run_a);
	assert_string_equal(expect_message(setting, 0, MESSAGE_FETCH)->fetch.name, "y");
	tell(setting,
	     (struct message){.type = MESSAGE_CHUNK,
	                      .chunk = {.name = (char *)"y", .data = (uint8_t *)(char *)"abcX", .size = 4}},
	     run_a);
	assert_non_null(strstr(expect_message(setting, 0, MESSAGE_FAILED)->failed.text, "digest"));
	expect(setting, 1, EFFECT_CLOSE);
	assert_int_equal(session_state(setting->session), SESSION_FREE);
	tear_down(setting);
}

static void test_session_sends_snapshots_in_its_turn_of_half_a_second(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 1, 4);
	setting->now_ns = T0 + NS_PER_S + MS;
	snapshot(setting, 1, 0);
	assert_int_equal(setting->count, 0);
	assert_int_equal(session_next_ns(setting->session), T0 + NS_PER_S + 125 * MS);
	pass(setting, 124 * MS);
	assert_int_equal(expect_message(setting, 0, MESSAGE_SNAPSHOT)->snapshot.seq, 1);
	pass(setting, 0);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_keeps_a_window_and_goes_on_by_acknowledgements(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 30 * NS_PER_S;
	for (uint64_t seq = 1; seq <= 12; seq++) {
		snapshot(setting, seq, 0);
		assert_int_equal(setting->count, seq <= 8);
	}
	acknowledge(setting, 3);
	assert_int_equal(setting->count, 3);
	assert_int_equal(expect_message(setting, 0, MESSAGE_SNAPSHOT)->snapshot.seq, 9);
	assert_int_equal(expect_message(setting, 2, MESSAGE_SNAPSHOT)->snapshot.seq, 11);
	acknowledge(setting, 3);
	assert_int_equal(setting->count, 0);
	acknowledge(setting, 99); /* of what it never sent: nothing is sent twice or skipped */
	assert_int_equal(setting->count, 0);
	snapshot(setting, 13, 0);
	assert_int_equal(expect_message(setting, 0, MESSAGE_SNAPSHOT)->snapshot.seq, 13);
	tear_down(setting);
}

static void test_session_sends_again_what_has_no_acknowledgement(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + NS_PER_S;
	snapshot(setting, 1, 0);
	setting->now_ns += NS_PER_S;
	snapshot(setting, 2, 0);
	acknowledge(setting, 1);
	pass(setting, 2999 * MS);
	assert_int_equal(setting->count, 0);
	pass(setting, MS);
	assert_int_equal(expect_message(setting, 0, MESSAGE_SNAPSHOT)->snapshot.seq, 2);
	tear_down(setting);
}

static void test_session_resends_from_what_the_welcome_names(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 10 * NS_PER_S;
	for (uint64_t seq = 1; seq <= 5; seq++)
		snapshot(setting, seq, 0);
	welcome(setting, 2);
	assert_int_equal(setting->count, 3);
	assert_int_equal(expect_message(setting, 0, MESSAGE_SNAPSHOT)->snapshot.seq, 3);
	assert_int_equal(expect_message(setting, 2, MESSAGE_SNAPSHOT)->snapshot.seq, 5);
	tear_down(setting);
}

static void finish_run(struct setting *setting, uint64_t seq)
{
	snapshot(setting, seq, 1);
	expect_message(setting, setting->count - 1, MESSAGE_SNAPSHOT);
	assert_int_equal(session_finished(setting->session, 5, NULL, 0, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(expect_message(setting, 0, MESSAGE_DONE)->done.last_seq, seq);
	assert_int_equal(setting->effects[0].message.done.end_ns, 5);
}

static void test_session_is_over_after_the_last_acknowledgement(void **state)
{
	(void)state;
	for (int once = 0; once < 2; once++) {
		struct setting *setting = set_up(once);

		start_run(setting, 3, 4);
		finish_run(setting, 1);
		pass(setting, 3 * NS_PER_S);
		expect_message(setting, setting->count - 1, MESSAGE_DONE);
		acknowledge(setting, 1);
		expect(setting, 0, EFFECT_CLOSE);
		assert_int_equal(session_state(setting->session), once ? SESSION_OVER : SESSION_FREE);
		assert_false(session_deserted(setting->session));
		tear_down(setting);
	}
}

static void test_session_tells_done_when_the_window_lets_the_last_one_go(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 20 * NS_PER_S;
	for (uint64_t seq = 1; seq <= 9; seq++)
		snapshot(setting, seq, seq == 9);
	assert_int_equal(session_finished(setting->session, 5, NULL, 0, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(setting->count, 0);
	acknowledge(setting, 8);
	assert_int_equal(expect_message(setting, 0, MESSAGE_SNAPSHOT)->snapshot.seq, 9);
	expect_message(setting, 1, MESSAGE_DONE);
	tear_down(setting);
}

static void test_session_runs_another_run_but_not_the_same_again(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	finish_run(setting, 1);
	acknowledge(setting, 1);
	tell(setting, assignment(0, 1), run_a);
	assert_string_equal(expect_message(setting, 0, MESSAGE_FAILED)->run_id, run_a);
	tell(setting, assignment(0, 1), run_b);
	expect(setting, 0, EFFECT_OPEN);
	assert_string_equal(session_run_id(setting->session), run_b);
	tear_down(setting);
}

static void test_session_answers_another_run_with_its_own_state(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	tell(setting, (struct message){.type = MESSAGE_STOP}, run_b);
	assert_int_equal(session_state(setting->session), SESSION_RUNNING);
	assert_string_equal(expect_message(setting, 0, MESSAGE_HELLO)->run_id, run_a);
	tell(setting, (struct message){.type = MESSAGE_STOP}, run_b);
	assert_int_equal(setting->count, 0); /* not more than once a second */
	tear_down(setting);
}

static void test_session_leaves_a_run_that_has_not_started_for_another_coordinator(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	pass(setting, 6 * NS_PER_S);
	assert_string_equal(expect_message(setting, 0, MESSAGE_HELLO)->run_id, run_a);
	tell(setting, (struct message){.type = MESSAGE_WELCOME}, run_b);
	expect(setting, 0, EFFECT_CLOSE);
	assert_string_equal(expect_message(setting, 1, MESSAGE_HELLO)->run_id, "");
	tell(setting, (struct message){.type = MESSAGE_WELCOME}, run_b);
	tell(setting, assignment(0, 1), run_b);
	expect(setting, 0, EFFECT_OPEN);
	assert_string_equal(session_run_id(setting->session), run_b);
	tear_down(setting);
}

static void test_session_is_not_turned_away_by_a_stop_of_its_last_run(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	finish_run(setting, 1);
	acknowledge(setting, 1);
	tell(setting, (struct message){.type = MESSAGE_STOP}, run_a);
	assert_int_equal(setting->count, 0);
	pass(setting, 5 * NS_PER_S);
	expect_message(setting, 0, MESSAGE_HELLO);
	/* Now it is an answer to that hello. */
	tell(setting, (struct message){.type = MESSAGE_STOP}, run_a);
	expect(setting, 0, EFFECT_NOTE);
	tear_down(setting);
}

static void test_session_passes_on_begin_and_stop(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	tell(setting, (struct message){.type = MESSAGE_BEGIN, .begin = {.scenario = 2, .at_ns = 77}}, run_a);
	expect(setting, 0, EFFECT_BEGIN);
	assert_int_equal(setting->effects[0].scenario, 2);
	assert_int_equal(setting->effects[0].at_ns, 77);
	tell(setting, (struct message){.type = MESSAGE_STOP, .stop = {.at_ns = 5, .grace_ns = 6}}, run_a);
	expect(setting, 0, EFFECT_STOP);
	assert_int_equal(setting->effects[0].at_ns, 5);
	assert_int_equal(setting->effects[0].grace_ns, 6);
	tear_down(setting);
}

static void test_session_forgets_a_run_that_is_stopped_before_it_starts(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	tell(setting, (struct message){.type = MESSAGE_STOP}, run_a);
	expect(setting, 0, EFFECT_CLOSE);
	assert_int_equal(session_state(setting->session), SESSION_FREE);
	/* What the opener still says is of no interest. */
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_turned_away_knocks_later_or_leaves(void **state)
{
	(void)state;
	for (int once = 0; once < 2; once++) {
		struct setting *setting = set_up(once);

		pass(setting, 0);
		expect_message(setting, 0, MESSAGE_HELLO);
		tell(setting, (struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)"full"}}, run_b);
		expect(setting, 0, EFFECT_NOTE);
		assert_int_equal(session_state(setting->session), once ? SESSION_OVER : SESSION_FREE);
		assert_int_equal(session_deserted(setting->session), once);
		pass(setting, 9 * NS_PER_S);
		assert_int_equal(setting->count, 0);
		tear_down(setting);
	}
}

static void test_session_ends_a_run_without_a_coordinator(void **state)
{
	struct setting *setting = set_up(1);
	uint64_t until;

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + ORPHAN_NS - NS_PER_S;
	pass(setting, 0);
	for (uint32_t i = 0; i < setting->count; i++)
		assert_int_not_equal(setting->effects[i].type, EFFECT_STOP);
	pass(setting, NS_PER_S);
	expect(setting, 0, EFFECT_STOP);
	assert_int_equal(setting->effects[0].at_ns, 0);
	until = setting->now_ns + ORPHAN_NS;
	snapshot(setting, 1, 1);
	assert_int_equal(session_finished(setting->session, 5, NULL, 0, setting->now_ns), 0);
	collect(setting);
	/* It holds what it has for as long again, then gives up. */
	while (session_state(setting->session) == SESSION_FINISHED) {
		assert_true(session_next_ns(setting->session) <= until);
		setting->now_ns = session_next_ns(setting->session);
		pass(setting, 0);
	}
	assert_int_equal(session_state(setting->session), SESSION_OVER);
	assert_true(session_deserted(setting->session));
	tear_down(setting);
}

static void test_session_told_to_end_sends_what_it_holds_first(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	assert_int_equal(session_terminate(setting->session, setting->now_ns), 0);
	collect(setting);
	expect(setting, 0, EFFECT_STOP);
	finish_run(setting, 1);
	acknowledge(setting, 1);
	assert_int_equal(session_state(setting->session), SESSION_OVER);
	assert_false(session_deserted(setting->session));
	tear_down(setting);
}

static void test_session_told_to_end_does_not_wait_for_ever(void **state)
{
	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		struct setting *setting = set_up(0);

		start_run(setting, 0, 1);
		assert_int_equal(session_terminate(setting->session, setting->now_ns), 0);
		collect(setting);
		if (twice)
			assert_int_equal(session_terminate(setting->session, setting->now_ns), 0);
		else
			pass(setting, 5 * NS_PER_S);
		assert_int_equal(session_state(setting->session), SESSION_OVER);
		assert_true(session_deserted(setting->session));
		tear_down(setting);
	}
}

static void test_session_says_so_when_it_cannot_hold_more(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	for (uint64_t seq = 1; seq <= 100; seq++)
		snapshot(setting, seq, 0);
	assert_int_equal(session_state(setting->session), SESSION_RUNNING);
	snapshot(setting, 101, 0);
	expect_message(setting, 0, MESSAGE_FAILED);
	expect(setting, 1, EFFECT_CLOSE);
	tear_down(setting);
}

static void test_session_has_always_something_due_or_to_wait_for(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	/* However long nobody answers, ticks come and no two at the same time do nothing. */
	for (int i = 0; i < 10000; i++) {
		uint64_t next_ns = session_next_ns(setting->session);

		assert_true(next_ns > setting->now_ns || i == 0);
		setting->now_ns = next_ns;
		pass(setting, 0);
	}
	tear_down(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_session_says_hello_each_second_until_welcomed),
	        cmocka_unit_test(test_session_greets_anew_after_silence),
	        cmocka_unit_test(test_session_opens_once_however_often_it_is_assigned),
	        cmocka_unit_test(test_session_says_ready_again_until_it_is_started),
	        cmocka_unit_test(test_session_fetches_files_one_after_the_other),
	        cmocka_unit_test(test_session_sends_snapshots_in_its_turn_of_half_a_second),
	        cmocka_unit_test(test_session_keeps_a_window_and_goes_on_by_acknowledgements),
	        cmocka_unit_test(test_session_sends_again_what_has_no_acknowledgement),
	        cmocka_unit_test(test_session_resends_from_what_the_welcome_names),
	        cmocka_unit_test(test_session_is_over_after_the_last_acknowledgement),
	        cmocka_unit_test(test_session_tells_done_when_the_window_lets_the_last_one_go),
	        cmocka_unit_test(test_session_runs_another_run_but_not_the_same_again),
	        cmocka_unit_test(test_session_answers_another_run_with_its_own_state),
	        cmocka_unit_test(test_session_leaves_a_run_that_has_not_started_for_another_coordinator),
	        cmocka_unit_test(test_session_is_not_turned_away_by_a_stop_of_its_last_run),
	        cmocka_unit_test(test_session_passes_on_begin_and_stop),
	        cmocka_unit_test(test_session_forgets_a_run_that_is_stopped_before_it_starts),
	        cmocka_unit_test(test_session_turned_away_knocks_later_or_leaves),
	        cmocka_unit_test(test_session_ends_a_run_without_a_coordinator),
	        cmocka_unit_test(test_session_told_to_end_sends_what_it_holds_first),
	        cmocka_unit_test(test_session_told_to_end_does_not_wait_for_ever),
	        cmocka_unit_test(test_session_says_so_when_it_cannot_hold_more),
	        cmocka_unit_test(test_session_has_always_something_due_or_to_wait_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
