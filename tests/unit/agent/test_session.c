/* SPDX-License-Identifier: Apache-2.0 */
/* session.h: what an agent says and does, and when. Time is a number here. */
#include <errno.h>
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

static void set_up_config(struct setting *setting, const struct session_config *config)
{
	struct session_config whole = *config;

	setting->hello.name = (char *)"one";
	setting->now_ns = T0 - 10 * NS_PER_S;
	whole.hello = &setting->hello;
	whole.orphan_after_ns = ORPHAN_NS;
	whole.cache_bytes = 100000;
	whole.now_ns = setting->now_ns;
	assert_int_equal(session_new(&whole, &setting->session), 0);
}

static struct setting *set_up(_Bool once)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	set_up_config(setting, &(struct session_config){.once = once, .spool = {.memory_bytes = 100000}});
	return setting;
}

static struct setting *set_up_spool(const struct spool_config *spool)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	set_up_config(setting, &(struct session_config){.spool = *spool});
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

/* The first message of this type; NULL if there is none. */
static const struct message *find_message(const struct setting *setting, enum message_type type)
{
	for (uint32_t i = 0; i < setting->count; i++) {
		if (setting->effects[i].type == EFFECT_SEND && setting->effects[i].message.type == type)
			return &setting->effects[i].message;
	}
	return NULL;
}

static const struct effect *find(const struct setting *setting, enum effect_type type)
{
	for (uint32_t i = 0; i < setting->count; i++) {
		if (setting->effects[i].type == type)
			return &setting->effects[i];
	}
	return NULL;
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
	struct message message = {.type = MESSAGE_ASSIGN,
	                          .epoch = 1,
	                          .assign = {.plan = strdup("p"),
	                                     .plan_size = 1,
	                                     .agent_name = strdup("one"),
	                                     .shares = calloc(1, sizeof(struct share)),
	                                     .share_count = 1,
	                                     .agent_index = index,
	                                     .agent_count = count}};

	assert_int_equal(share_all(&message.assign.shares[0]), 0);
	return message;
}

/* A later epoch for an agent that has the plan: one class of `modulus`, or nothing. */
static struct message later(uint32_t epoch, uint64_t from_ns, uint64_t modulus)
{
	struct message message = {.type = MESSAGE_ASSIGN, .epoch = epoch, .assign = {.from_ns = from_ns}};

	message.assign.share_count = 1;
	message.assign.shares = calloc(1, sizeof(struct share));
	if (modulus == 0)
		return message;
	message.assign.shares[0] =
	        (struct share){.classes = calloc(1, sizeof(struct share_class)), .count = 1, .capacity = 1};
	message.assign.shares[0].classes[0].modulus = modulus;
	return message;
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
	assert_non_null(find_message(setting, MESSAGE_READY));
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0}}, run_a);
	expect(setting, 0, EFFECT_START);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0 + 1}}, run_a);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_hands_on_what_its_clock_stands_at_once_it_runs(void **state)
{
	struct setting *setting = set_up(0);
	const struct message ping = {.type = MESSAGE_PING, .ping = {.id = 1, .t0_agent_ns = T0 + 7}};

	(void)state;
	tell(setting, ping, run_a);
	assert_null(find(setting, EFFECT_CLOCK));
	start_run(setting, 0, 1);
	tell(setting, ping, run_b);
	assert_null(find(setting, EFFECT_CLOCK));
	tell(setting, (struct message){.type = MESSAGE_PING, .ping = {.id = 2}}, run_a);
	assert_null(find(setting, EFFECT_CLOCK));
	tell(setting, ping, run_a);
	expect(setting, 0, EFFECT_CLOCK);
	assert_int_equal(setting->effects[0].at_ns, T0 + 7);
	assert_non_null(find_message(setting, MESSAGE_PONG));
	tear_down(setting);
}

static void test_session_fetches_files_one_after_the_other(void **state)
{
	struct setting *setting = set_up(0);
	struct message message = assignment(0, 1);
	char digest[SHA256_HEX_SIZE];

	(void)state;
	message.assign.files = calloc(2, sizeof(*message.assign.files));
	message.assign.file_count = 2;
	for (int i = 0; i < 2; i++) {
		hash_sha256_hex(i == 0 ? "abcd" : "efgh", 4, digest);
		message.assign.files[i] =
		        (struct wire_file){.name = strdup(i == 0 ? "x" : "y"), .size = 4, .sha256 = strdup(digest)};
	}
	welcome(setting, 0);
	tell(setting, message, run_a);
	assert_string_equal(expect_message(setting, 0, MESSAGE_FETCH)->fetch.name, "x");
	/* The answer got lost. */
	pass(setting, 3 * NS_PER_S);
	assert_int_equal(find_message(setting, MESSAGE_FETCH)->fetch.offset, 0);
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

static void test_session_tells_who_pings_for_a_run_that_it_has_ended(void **state)
{
	struct setting *setting = set_up(0);
	struct message ping = {.type = MESSAGE_PING, .ping = {.id = 1}};

	(void)state;
	start_run(setting, 0, 1);
	assert_int_equal(session_failed(setting->session, "a driver broke", setting->now_ns), 0);
	collect(setting);
	assert_string_equal(find_message(setting, MESSAGE_FAILED)->failed.text, "a driver broke");
	tell(setting, ping, run_a);
	assert_string_equal(find_message(setting, MESSAGE_FAILED)->failed.text, "a driver broke");
	assert_non_null(find_message(setting, MESSAGE_PONG));
	tell(setting, ping, run_b);
	assert_null(find_message(setting, MESSAGE_FAILED));
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

/* Told to end. */

static void terminate(struct setting *setting)
{
	assert_int_equal(session_terminate(setting->session, setting->now_ns), 0);
	collect(setting);
}

static void test_session_told_to_end_asks_others_to_take_its_share_and_stops_when_they_have_it(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 2500 * MS;
	terminate(setting);
	assert_int_equal(setting->count, 1);
	assert_int_equal(expect_message(setting, 0, MESSAGE_LEAVE)->leave.end_ns, 7500 * MS);
	pass(setting, NS_PER_S);
	assert_int_equal(find_message(setting, MESSAGE_LEAVE)->leave.end_ns, 7500 * MS);
	assert_null(find(setting, EFFECT_STOP));
	/* Something is left to it. */
	tell(setting, later(2, 5 * NS_PER_S, 1), run_a);
	expect(setting, 0, EFFECT_ASSIGN);
	assert_int_equal(setting->count, 1);
	tell(setting, later(3, 6 * NS_PER_S, 0), run_a);
	expect(setting, 0, EFFECT_ASSIGN);
	assert_int_equal(setting->effects[0].at_ns, 6 * NS_PER_S);
	expect(setting, 1, EFFECT_STOP);
	assert_int_equal(setting->effects[1].at_ns, 6 * NS_PER_S);
	assert_int_equal(setting->effects[1].grace_ns, 5 * NS_PER_S);
	pass(setting, 1100 * MS);
	assert_null(find_message(setting, MESSAGE_LEAVE));
	finish_run(setting, 1);
	acknowledge(setting, 1);
	assert_int_equal(session_state(setting->session), SESSION_OVER);
	assert_false(session_deserted(setting->session));
	tear_down(setting);
}

static void test_session_told_to_end_stops_when_the_coordinator_says_so(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	terminate(setting);
	tell(setting, (struct message){.type = MESSAGE_STOP, .stop = {.at_ns = 300 * MS, .grace_ns = 6}}, run_a);
	assert_int_equal(find(setting, EFFECT_STOP)->at_ns, 300 * MS);
	pass(setting, NS_PER_S);
	assert_null(find_message(setting, MESSAGE_LEAVE));
	tear_down(setting);
}

static void test_session_told_to_end_without_a_share_stops_at_once(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 2500 * MS;
	tell(setting, later(2, 0, 0), run_a);
	assert_int_equal(find(setting, EFFECT_ASSIGN)->at_ns, 3 * NS_PER_S);
	assert_null(find(setting, EFFECT_STOP)); /* it may be given something again */
	terminate(setting);
	assert_non_null(find_message(setting, MESSAGE_LEAVE));
	assert_int_equal(find(setting, EFFECT_STOP)->at_ns, 3 * NS_PER_S);
	tear_down(setting);
}

static void test_session_told_to_end_stops_by_itself_without_an_answer(void **state)
{
	struct setting *setting = set_up(0);
	uint32_t leaves = 0;

	(void)state;
	start_run(setting, 0, 1);
	terminate(setting);
	for (;;) {
		leaves += find_message(setting, MESSAGE_LEAVE) != NULL;
		if (find(setting, EFFECT_STOP))
			break;
		setting->now_ns = session_next_ns(setting->session);
		pass(setting, 0);
	}
	assert_int_equal(leaves, 5);
	assert_int_equal(setting->now_ns, T0 + 5 * NS_PER_S);
	assert_int_equal(find(setting, EFFECT_STOP)->at_ns, 0);
	snapshot(setting, 1, 1);
	assert_int_equal(session_finished(setting->session, 5, NULL, 0, setting->now_ns), 0);
	collect(setting);
	/* It holds what it has for a while. */
	pass(setting, 9 * NS_PER_S);
	assert_int_equal(session_state(setting->session), SESSION_FINISHED);
	acknowledge(setting, 1);
	assert_int_equal(session_state(setting->session), SESSION_OVER);
	assert_false(session_deserted(setting->session));
	tear_down(setting);
}

static void test_session_told_to_end_does_not_wait_for_ever(void **state)
{
	(void)state;
	for (int finished = 0; finished < 2; finished++) {
		struct setting *setting = set_up(0);

		start_run(setting, 0, 1);
		terminate(setting);
		if (finished)
			finish_run(setting, 1);
		while (session_state(setting->session) != SESSION_OVER) {
			setting->now_ns = session_next_ns(setting->session);
			pass(setting, 0);
		}
		assert_true(setting->now_ns <= T0 + 21 * NS_PER_S);
		assert_true(session_deserted(setting->session));
		tear_down(setting);
	}
}

static void test_session_told_to_end_twice_gives_up(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	terminate(setting);
	terminate(setting);
	assert_int_equal(session_state(setting->session), SESSION_OVER);
	assert_true(session_deserted(setting->session));
	tear_down(setting);
}

/* A spool that is full, or whose disk breaks. */

static int broken_read(void *context, uint64_t offset, void *data, size_t size)
{
	(void)context;
	(void)offset;
	(void)data;
	(void)size;
	return -EIO;
}

static int ignoring_write(void *context, uint64_t offset, const void *data, size_t size)
{
	(void)offset;
	(void)data;
	(void)size;
	return *(int *)context;
}

static void ignoring_clear(void *context)
{
	(void)context;
}

static const struct disk_ops broken_ops = {.write = ignoring_write, .read = broken_read, .clear = ignoring_clear};

static void test_session_with_a_full_spool_stops_and_delivers_all_that_it_holds(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 200 * NS_PER_S; /* silent for long: nothing is sent */
	pass(setting, 0);
	assert_non_null(find_message(setting, MESSAGE_HELLO));
	for (uint64_t seq = 1; seq <= 100; seq++) {
		snapshot(setting, seq, 0);
		assert_int_equal(setting->count, 0);
	}
	snapshot(setting, 101, 0);
	assert_non_null(find(setting, EFFECT_NOTE));
	assert_int_equal(find(setting, EFFECT_STOP)->at_ns, 0);
	snapshot(setting, 102, 1);
	assert_int_equal(session_finished(setting->session, 5, NULL, 0, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(setting->count, 0);
	/* The coordinator is back. */
	welcome(setting, 30);
	for (uint64_t seq = 31; seq <= 100; seq++) {
		assert_null(find_message(setting, MESSAGE_DONE));
		assert_null(find_message(setting, MESSAGE_FAILED));
		assert_int_equal(session_state(setting->session), SESSION_FINISHED);
		acknowledge(setting, seq);
	}
	assert_non_null(strstr(find_message(setting, MESSAGE_FAILED)->failed.text,
	                       "full at second 100: what it did since is not counted"));
	expect(setting, 1, EFFECT_CLOSE);
	assert_int_equal(session_state(setting->session), SESSION_FREE);
	/* It got lost, and the coordinator asks. */
	tell(setting, assignment(0, 1), run_a);
	assert_non_null(strstr(find_message(setting, MESSAGE_FAILED)->failed.text, "full at second 100"));
	tear_down(setting);
}

static void test_session_loses_nothing_that_it_holds_by_a_disk_that_cannot_be_written(void **state)
{
	int error = -ENOSPC;
	struct setting *setting = set_up_spool(
	        &(struct spool_config){.memory_bytes = 3000, .disk = {&broken_ops, &error}, .disk_bytes = 1 << 20});

	(void)state;
	start_run(setting, 0, 1);
	for (uint64_t seq = 1; seq <= 3; seq++)
		snapshot(setting, seq, 0);
	setting->now_ns = T0 + 4 * NS_PER_S;
	snapshot(setting, 4, 0);
	assert_non_null(find(setting, EFFECT_STOP));
	assert_int_equal(find_message(setting, MESSAGE_SNAPSHOT)->snapshot.seq, 1);
	acknowledge(setting, 2);
	assert_int_equal(session_state(setting->session), SESSION_RUNNING);
	acknowledge(setting, 3);
	assert_non_null(
	        strstr(find_message(setting, MESSAGE_FAILED)->failed.text, "could not keep second 3 (No space"));
	tear_down(setting);
}

static void test_session_says_what_a_disk_did_not_give_back(void **state)
{
	int error = 0;
	struct setting *setting = set_up_spool(
	        &(struct spool_config){.memory_bytes = 3000, .disk = {&broken_ops, &error}, .disk_bytes = 1 << 20});

	(void)state;
	start_run(setting, 0, 1);
	for (uint64_t seq = 1; seq <= 6; seq++)
		snapshot(setting, seq, 0);
	pass(setting, 3500 * MS);
	assert_int_equal(find_message(setting, MESSAGE_SNAPSHOT)->snapshot.seq, 1);
	tell(setting, (struct message){.type = MESSAGE_PING}, run_a);
	pass(setting, 500 * MS);
	assert_non_null(find(setting, EFFECT_STOP));
	acknowledge(setting, 3);
	assert_non_null(strstr(find_message(setting, MESSAGE_FAILED)->failed.text, "could not keep second 3"));
	tear_down(setting);
}

/* Later epochs. */

static void test_session_gives_the_newest_epoch_its_second_once(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 2500 * MS;
	tell(setting, later(2, 4 * NS_PER_S, 3), run_a);
	assert_int_equal(setting->count, 1);
	expect(setting, 0, EFFECT_ASSIGN);
	assert_int_equal(setting->effects[0].at_ns, 4 * NS_PER_S);
	assert_int_equal(setting->effects[0].epoch, 2);
	assert_int_equal(setting->effects[0].assignment->shares[0].classes[0].modulus, 3);
	/* The one that was opened holds. */
	assert_int_equal(session_epoch(setting->session), 1);
	assert_string_equal(session_assignment(setting->session)->plan, "p");
	setting->now_ns = T0 + 5 * NS_PER_S;
	tell(setting, later(2, 4 * NS_PER_S, 3), run_a);
	assert_int_equal(setting->count, 0);
	tell(setting, later(1, 4 * NS_PER_S, 3), run_a);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_that_hears_late_of_an_epoch_takes_the_next_whole_second(void **state)
{
	static const struct {
		uint64_t now_ns, from_ns, effective_ns;
	} cases[] = {
	        {T0 + 7300 * MS, 4 * NS_PER_S, 8 * NS_PER_S},
	        {T0 + 7950 * MS, 4 * NS_PER_S, 8 * NS_PER_S},
	        {T0 + 7951 * MS, 4 * NS_PER_S, 9 * NS_PER_S},
	        {T0 + 7300 * MS, 8 * NS_PER_S, 8 * NS_PER_S},
	        {T0 + 7951 * MS, 8 * NS_PER_S, 9 * NS_PER_S},
	        {T0 + 7300 * MS, 30 * NS_PER_S, 30 * NS_PER_S},
	        {T0 - 3000 * MS, 0, 0},
	        {T0 - 20 * MS, 0, NS_PER_S},
	        {T0 - 3000 * MS, 2 * NS_PER_S, 2 * NS_PER_S},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setting *setting = set_up(0);

		start_run(setting, 0, 1);
		setting->now_ns = cases[i].now_ns;
		tell(setting, later(2, cases[i].from_ns, 3), run_a);
		assert_int_equal(find(setting, EFFECT_ASSIGN)->at_ns, cases[i].effective_ns);
		tear_down(setting);
	}
}

static void test_session_never_puts_an_epoch_before_an_earlier_one(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 2500 * MS;
	tell(setting, later(2, 9 * NS_PER_S, 3), run_a);
	tell(setting, later(4, 5 * NS_PER_S, 3), run_a);
	assert_int_equal(find(setting, EFFECT_ASSIGN)->at_ns, 9 * NS_PER_S);
	tear_down(setting);
}

static void test_session_keeps_the_newest_epoch_until_it_starts(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	tell(setting, later(2, 0, 3), run_a);
	assert_int_equal(setting->count, 0);
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	tell(setting, later(3, 0, 5), run_a);
	assert_int_equal(setting->count, 0);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0}}, run_a);
	assert_int_equal(setting->count, 2);
	expect(setting, 0, EFFECT_ASSIGN);
	assert_int_equal(setting->effects[0].at_ns, 0);
	assert_int_equal(setting->effects[0].epoch, 3);
	assert_int_equal(setting->effects[0].assignment->shares[0].classes[0].modulus, 5);
	expect(setting, 1, EFFECT_START);
	tear_down(setting);
}

static void test_session_that_joins_late_starts_in_its_past_and_takes_its_share_from_a_second_to_come(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	setting->now_ns = T0 + 12300 * MS;
	welcome(setting, 0);
	tell(setting, assignment(3, 4), run_a);
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	tell(setting, later(2, 12 * NS_PER_S, 3), run_a);
	tell(setting, (struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = T0}}, run_a);
	expect(setting, 0, EFFECT_START);
	assert_int_equal(setting->effects[0].at_ns, T0);
	expect(setting, 1, EFFECT_ASSIGN);
	assert_int_equal(setting->effects[1].at_ns, 13 * NS_PER_S);
	tear_down(setting);
}

static void test_session_without_a_share_stays_and_says_what_it_has_done(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + NS_PER_S;
	tell(setting, later(2, 0, 0), run_a);
	assert_int_equal(setting->count, 1);
	snapshot(setting, 1, 0);
	assert_non_null(find_message(setting, MESSAGE_SNAPSHOT));
	assert_int_equal(session_state(setting->session), SESSION_RUNNING);
	/* Elastic: it is given something again. */
	tell(setting, later(3, 5 * NS_PER_S, 3), run_a);
	assert_int_equal(find(setting, EFFECT_ASSIGN)->at_ns, 5 * NS_PER_S);
	tear_down(setting);
}

static void test_session_that_has_finished_is_not_stirred_by_an_epoch(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	finish_run(setting, 1);
	tell(setting, later(2, 0, 3), run_a);
	assert_int_equal(setting->count, 0);
	acknowledge(setting, 1);
	assert_int_equal(session_state(setting->session), SESSION_FREE);
	tear_down(setting);
}

static void test_session_without_the_plan_does_not_take_an_epoch_without_one(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, later(2, 0, 3), run_a);
	assert_int_equal(session_state(setting->session), SESSION_FREE);
	expect_message(setting, 0, MESSAGE_HELLO);
	tear_down(setting);
}

/* What is known already. */

static void test_session_obeys_one_of_many_welcomes_at_once(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 10 * NS_PER_S;
	for (uint64_t seq = 1; seq <= 5; seq++)
		snapshot(setting, seq, 0);
	welcome(setting, 2);
	assert_int_equal(setting->count, 3);
	welcome(setting, 2);
	assert_int_equal(setting->count, 0);
	setting->now_ns += NS_PER_S; /* another coordinator: what was on its way is gone */
	welcome(setting, 2);
	assert_int_equal(setting->count, 3);
	tear_down(setting);
}

static void test_session_says_at_a_welcome_what_waits_for_an_answer(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	setting->now_ns += NS_PER_S;
	welcome(setting, 0);
	expect_message(setting, 0, MESSAGE_READY);
	tear_down(setting);
}

static void test_session_waits_for_the_acknowledgement_that_its_end_is_journaled(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	setting->now_ns = T0 + 2 * NS_PER_S;
	snapshot(setting, 1, 0);
	finish_run(setting, 2);
	welcome(setting, 2); /* all of it is durable, but that nothing follows may not be */
	expect_message(setting, setting->count - 1, MESSAGE_DONE);
	acknowledge(setting, 1);
	assert_int_equal(session_state(setting->session), SESSION_FINISHED);
	acknowledge(setting, 2);
	assert_int_equal(session_state(setting->session), SESSION_FREE);
	tear_down(setting);
}

/* Values and duties. */

static struct message values_message(enum message_type type, struct text_pair *pairs, uint32_t count)
{
	struct message message = {.type = type};

	if (type == MESSAGE_START)
		message.start = (struct message_start){.t0_agent_ns = T0, .values = pairs, .value_count = count};
	else
		message.value = (struct message_value){.problem = (char *)"", .values = pairs, .value_count = count};
	return message;
}

static void test_session_gives_values_before_the_start_and_when_they_change(void **state)
{
	struct text_pair first[] = {{(char *)"token", (char *)"a"}, {(char *)"user", (char *)"u"}};
	struct text_pair second = {(char *)"token", (char *)"b"};
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	tell(setting, values_message(MESSAGE_START, first, 2), run_a);
	expect(setting, 0, EFFECT_VALUES);
	assert_int_equal(setting->effects[0].count, 2);
	assert_string_equal(setting->effects[0].values[1].value, "u");
	expect(setting, 1, EFFECT_START);
	/* Told again, by a coordinator that isn't sure. */
	tell(setting, values_message(MESSAGE_START, first, 2), run_a);
	assert_int_equal(setting->count, 0);
	tell(setting, values_message(MESSAGE_VALUE, &second, 1), run_a);
	expect(setting, 0, EFFECT_VALUES);
	assert_int_equal(setting->effects[0].count, 2);
	assert_string_equal(setting->effects[0].values[0].value, "b");
	assert_string_equal(setting->effects[0].values[1].value, "u");
	tell(setting, values_message(MESSAGE_VALUE, &second, 1), run_a);
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void give_duties(struct setting *setting, uint32_t *duties, uint32_t count)
{
	tell(setting, (struct message){.type = MESSAGE_DUTY, .duty = {.duties = duties, .duty_count = count}}, run_a);
}

static void test_session_passes_on_duties_that_are_new(void **state)
{
	uint32_t duties[] = {0, 2};
	struct setting *setting = set_up(0);

	(void)state;
	give_duties(setting, duties, 2);
	assert_int_equal(setting->count, 0); /* there is no run */
	start_run(setting, 0, 1);
	give_duties(setting, duties, 2);
	expect(setting, 0, EFFECT_DUTIES);
	assert_int_equal(setting->effects[0].count, 2);
	assert_int_equal(setting->effects[0].duties[1], 2);
	give_duties(setting, duties, 2);
	assert_int_equal(setting->count, 0);
	give_duties(setting, NULL, 0);
	expect(setting, 0, EFFECT_DUTIES);
	assert_int_equal(setting->effects[0].count, 0);
	tear_down(setting);
}

static void test_session_tells_that_a_duty_is_over_until_it_is_heard(void **state)
{
	uint32_t duties[] = {0, 1};
	struct text_pair pair = {(char *)"token", (char *)"a"};
	const struct message_value over = {.duty = 1, .problem = (char *)"", .values = &pair, .value_count = 1};
	const struct message_value other = {.duty = 7, .problem = (char *)""};
	struct setting *setting = set_up(0);

	(void)state;
	welcome(setting, 0);
	tell(setting, assignment(0, 1), run_a);
	assert_int_equal(session_opened(setting->session, NULL, 0, setting->now_ns), 0);
	collect(setting);
	give_duties(setting, duties, 2);
	assert_int_equal(session_duty_over(setting->session, &over, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(expect_message(setting, 0, MESSAGE_VALUE)->value.duty, 1);
	assert_string_equal(setting->effects[0].message.value.values[0].value, "a");
	/* One that was taken away meanwhile. */
	assert_int_equal(session_duty_over(setting->session, &other, setting->now_ns), 0);
	collect(setting);
	assert_int_equal(setting->count, 0);
	assert_true(session_next_ns(setting->session) <= setting->now_ns + 3 * NS_PER_S);
	pass(setting, 3 * NS_PER_S);
	assert_int_equal(find_message(setting, MESSAGE_VALUE)->value.duty, 1);
	give_duties(setting, duties, 1);
	pass(setting, 3 * NS_PER_S);
	assert_null(find_message(setting, MESSAGE_VALUE));
	tear_down(setting);
}

/* Verifiers. */

static void give_verifier(struct setting *setting, uint32_t duty, uint64_t reader, _Bool closing)
{
	struct wire_offset position = {3, 40};
	struct wire_verifier verifier = {
	        .duty = duty, .reader = reader, .resumes = reader > 1, .positions = &position, .position_count = 1};

	tell(setting,
	     (struct message){.type = MESSAGE_DUTY,
	                      .duty = {.verifiers = &verifier, .verifier_count = reader > 0, .closing = closing}},
	     run_a);
}

static void see(struct setting *setting, uint64_t reader, uint64_t seq, _Bool over)
{
	struct wire_offset start = {3, 40};
	const struct message_seen seen = {.duty = 5,
	                                  .reader = reader,
	                                  .seq = seq,
	                                  .starts = &start,
	                                  .start_count = 1,
	                                  .seen = (uint8_t *)(char *)"abc",
	                                  .seen_size = 3,
	                                  .over = over,
	                                  .problem = (char *)""};

	assert_int_equal(session_seen(setting->session, &seen, setting->now_ns), 0);
	collect(setting);
}

static void answer_seen(struct setting *setting, uint64_t reader, uint64_t seq)
{
	tell(setting, (struct message){.type = MESSAGE_SEEN_ACK, .seen_ack = {.duty = 5, .reader = reader, .seq = seq}},
	     run_a);
}

static void test_session_passes_on_verifiers_that_are_new(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	give_verifier(setting, 5, 1, 0);
	assert_int_equal(setting->count, 0); /* there is no run */
	start_run(setting, 0, 1);
	give_verifier(setting, 5, 2, 0);
	expect(setting, 0, EFFECT_VERIFIERS);
	assert_int_equal(setting->effects[0].count, 1);
	assert_true(setting->effects[0].verifiers[0].resumes);
	assert_int_equal(setting->effects[0].verifiers[0].positions[0].offset, 40);
	assert_false(setting->effects[0].closing);
	give_verifier(setting, 5, 2, 0);
	assert_int_equal(setting->count, 0);
	give_verifier(setting, 5, 2, 1);
	expect(setting, 0, EFFECT_VERIFIERS);
	assert_true(setting->effects[0].closing);
	give_verifier(setting, 5, 2, 1);
	assert_int_equal(setting->count, 0);
	give_verifier(setting, 5, 3, 0); /* somebody is back, and what it did is to be read too */
	expect(setting, 0, EFFECT_VERIFIERS);
	assert_int_equal(setting->effects[0].verifiers[0].reader, 3);
	assert_false(setting->effects[0].closing);
	give_verifier(setting, 5, 0, 0);
	expect(setting, 0, EFFECT_VERIFIERS);
	assert_int_equal(setting->effects[0].count, 0);
	tear_down(setting);
}

static void test_session_tells_what_a_verifier_saw_until_it_is_answered(void **state)
{
	struct setting *setting = set_up(0);
	const struct message *message;

	(void)state;
	start_run(setting, 0, 1);
	give_verifier(setting, 5, 1, 0);
	see(setting, 1, 1, 0);
	message = expect_message(setting, 0, MESSAGE_SEEN);
	assert_int_equal(message->seen.seq, 1);
	assert_int_equal(message->seen.starts[0].offset, 40);
	assert_memory_equal(message->seen.seen, "abc", 3);
	assert_true(session_next_ns(setting->session) <= setting->now_ns + NS_PER_S);
	pass(setting, NS_PER_S);
	assert_int_equal(find_message(setting, MESSAGE_SEEN)->seen.seq, 1);
	answer_seen(setting, 1, 7); /* not said yet */
	assert_int_equal(setting->count, 0);
	answer_seen(setting, 1, 1);
	expect(setting, 0, EFFECT_SEEN);
	assert_int_equal(setting->effects[0].seen.seq, 1);
	answer_seen(setting, 1, 1);
	assert_int_equal(setting->count, 0);
	pass(setting, NS_PER_S);
	assert_null(find_message(setting, MESSAGE_SEEN));
	tear_down(setting);
}

static void test_session_forgets_what_a_verifier_saw_that_is_anothers_now(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	give_verifier(setting, 5, 1, 0);
	see(setting, 1, 1, 0);
	give_verifier(setting, 5, 0, 0);
	pass(setting, NS_PER_S);
	assert_null(find_message(setting, MESSAGE_SEEN));
	see(setting, 1, 2, 0);
	assert_int_equal(setting->count, 0);
	give_verifier(setting, 5, 3, 0);
	see(setting, 1, 2, 0); /* of the one before */
	assert_int_equal(setting->count, 0);
	tear_down(setting);
}

static void test_session_says_what_was_seen_when_the_coordinator_is_back(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	give_verifier(setting, 5, 1, 0);
	pass(setting, 5 * NS_PER_S); /* of silence */
	see(setting, 1, 1, 0);
	assert_int_equal(setting->count, 0);
	for (int i = 0; i < 5; i++) {
		pass(setting, NS_PER_S);
		assert_null(find_message(setting, MESSAGE_SEEN));
	}
	welcome(setting, 0);
	assert_int_equal(find_message(setting, MESSAGE_SEEN)->seen.seq, 1);
	tear_down(setting);
}

static void test_session_has_no_verifiers_once_its_run_is_over(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	give_verifier(setting, 5, 1, 0);
	see(setting, 1, 1, 0);
	assert_int_equal(session_failed(setting->session, "a driver broke", setting->now_ns), 0);
	collect(setting);
	answer_seen(setting, 1, 1);
	assert_null(find(setting, EFFECT_SEEN));
	see(setting, 1, 2, 0);
	pass(setting, NS_PER_S);
	assert_null(find_message(setting, MESSAGE_SEEN));
	tear_down(setting);
}

static void test_session_that_leaves_waits_while_it_verifies(void **state)
{
	struct setting *setting = set_up(0);

	(void)state;
	start_run(setting, 0, 1);
	give_verifier(setting, 5, 1, 0);
	assert_int_equal(session_terminate(setting->session, setting->now_ns), 0);
	assert_int_equal(session_finished(setting->session, 1, NULL, 0, setting->now_ns), 0);
	collect(setting);
	for (uint64_t seq = 1; seq < 6; seq++) {
		see(setting, 1, seq, 0);
		pass(setting, 8 * NS_PER_S);
		answer_seen(setting, 1, seq);
		assert_int_equal(session_state(setting->session), SESSION_FINISHED);
	}
	pass(setting, 11 * NS_PER_S);
	assert_int_equal(session_state(setting->session), SESSION_OVER);
	tear_down(setting);
}

/* Data files. */

static void test_session_fetches_no_file_twice_in_its_life(void **state)
{
	struct setting *setting = set_up(0);
	char digest[SHA256_HEX_SIZE];

	(void)state;
	hash_sha256_hex("abcd", 4, digest);
	for (int run = 0; run < 2; run++) {
		struct message message = assignment(0, 1);

		message.assign.files = calloc(2, sizeof(*message.assign.files));
		message.assign.file_count = 2;
		for (int i = 0; i < 2; i++)
			message.assign.files[i] = (struct wire_file){
			        .name = strdup(i == 0 ? "x" : "y"), .size = 4, .sha256 = strdup(digest)};
		welcome(setting, 0);
		tell(setting, message, run == 0 ? run_a : run_b);
		if (run == 0) {
			assert_string_equal(expect_message(setting, 0, MESSAGE_FETCH)->fetch.name, "x");
			tell(setting,
			     (struct message){
			             .type = MESSAGE_CHUNK,
			             .chunk = {.name = (char *)"x", .data = (uint8_t *)(char *)"abcd", .size = 4}},
			     run_a);
		}
		/* The second is the same file, and the second run has both. */
		expect(setting, 0, EFFECT_OPEN);
		for (int i = 0; i < 2; i++)
			assert_memory_equal(session_files(setting->session)[i].data, "abcd", 4);
		tell(setting, (struct message){.type = MESSAGE_STOP}, run == 0 ? run_a : run_b);
		assert_int_equal(session_state(setting->session), SESSION_FREE);
	}
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
	        cmocka_unit_test(test_session_hands_on_what_its_clock_stands_at_once_it_runs),
	        cmocka_unit_test(test_session_fetches_files_one_after_the_other),
	        cmocka_unit_test(test_session_sends_snapshots_in_its_turn_of_half_a_second),
	        cmocka_unit_test(test_session_keeps_a_window_and_goes_on_by_acknowledgements),
	        cmocka_unit_test(test_session_sends_again_what_has_no_acknowledgement),
	        cmocka_unit_test(test_session_resends_from_what_the_welcome_names),
	        cmocka_unit_test(test_session_is_over_after_the_last_acknowledgement),
	        cmocka_unit_test(test_session_tells_done_when_the_window_lets_the_last_one_go),
	        cmocka_unit_test(test_session_tells_who_pings_for_a_run_that_it_has_ended),
	        cmocka_unit_test(test_session_runs_another_run_but_not_the_same_again),
	        cmocka_unit_test(test_session_answers_another_run_with_its_own_state),
	        cmocka_unit_test(test_session_leaves_a_run_that_has_not_started_for_another_coordinator),
	        cmocka_unit_test(test_session_is_not_turned_away_by_a_stop_of_its_last_run),
	        cmocka_unit_test(test_session_passes_on_begin_and_stop),
	        cmocka_unit_test(test_session_forgets_a_run_that_is_stopped_before_it_starts),
	        cmocka_unit_test(test_session_turned_away_knocks_later_or_leaves),
	        cmocka_unit_test(test_session_ends_a_run_without_a_coordinator),
	        cmocka_unit_test(test_session_told_to_end_asks_others_to_take_its_share_and_stops_when_they_have_it),
	        cmocka_unit_test(test_session_told_to_end_stops_when_the_coordinator_says_so),
	        cmocka_unit_test(test_session_told_to_end_without_a_share_stops_at_once),
	        cmocka_unit_test(test_session_told_to_end_stops_by_itself_without_an_answer),
	        cmocka_unit_test(test_session_told_to_end_does_not_wait_for_ever),
	        cmocka_unit_test(test_session_told_to_end_twice_gives_up),
	        cmocka_unit_test(test_session_with_a_full_spool_stops_and_delivers_all_that_it_holds),
	        cmocka_unit_test(test_session_loses_nothing_that_it_holds_by_a_disk_that_cannot_be_written),
	        cmocka_unit_test(test_session_says_what_a_disk_did_not_give_back),
	        cmocka_unit_test(test_session_gives_the_newest_epoch_its_second_once),
	        cmocka_unit_test(test_session_that_hears_late_of_an_epoch_takes_the_next_whole_second),
	        cmocka_unit_test(test_session_never_puts_an_epoch_before_an_earlier_one),
	        cmocka_unit_test(test_session_keeps_the_newest_epoch_until_it_starts),
	        cmocka_unit_test(
	                test_session_that_joins_late_starts_in_its_past_and_takes_its_share_from_a_second_to_come),
	        cmocka_unit_test(test_session_without_a_share_stays_and_says_what_it_has_done),
	        cmocka_unit_test(test_session_that_has_finished_is_not_stirred_by_an_epoch),
	        cmocka_unit_test(test_session_without_the_plan_does_not_take_an_epoch_without_one),
	        cmocka_unit_test(test_session_obeys_one_of_many_welcomes_at_once),
	        cmocka_unit_test(test_session_says_at_a_welcome_what_waits_for_an_answer),
	        cmocka_unit_test(test_session_waits_for_the_acknowledgement_that_its_end_is_journaled),
	        cmocka_unit_test(test_session_gives_values_before_the_start_and_when_they_change),
	        cmocka_unit_test(test_session_passes_on_duties_that_are_new),
	        cmocka_unit_test(test_session_tells_that_a_duty_is_over_until_it_is_heard),
	        cmocka_unit_test(test_session_passes_on_verifiers_that_are_new),
	        cmocka_unit_test(test_session_tells_what_a_verifier_saw_until_it_is_answered),
	        cmocka_unit_test(test_session_forgets_what_a_verifier_saw_that_is_anothers_now),
	        cmocka_unit_test(test_session_says_what_was_seen_when_the_coordinator_is_back),
	        cmocka_unit_test(test_session_has_no_verifiers_once_its_run_is_over),
	        cmocka_unit_test(test_session_that_leaves_waits_while_it_verifies),
	        cmocka_unit_test(test_session_fetches_no_file_twice_in_its_life),
	        cmocka_unit_test(test_session_has_always_something_due_or_to_wait_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
