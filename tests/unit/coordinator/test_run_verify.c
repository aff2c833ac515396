/* SPDX-License-Identifier: Apache-2.0 */
/* Verifiers: what they see is journaled before it is acknowledged, and whoever takes over goes on where that ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/ledger_delta.h"
#include "theatre.h"

static const char plain_plan[] = "name: p\nlostAfter: 3s\nelastic: true\n"
                                 "scenarios:\n"
                                 "  a: { executor: constant-vus, vus: 12, duration: 60s, steps: [ { null: {} } ] }\n";
static const char plan_with_duties[] =
        "name: p\nlostAfter: 3s\nelastic: true\n"
        "setup:\n"
        "  - null: { latency: 1ms }\n"
        "teardown:\n"
        "  - null: { latency: 1ms }\n"
        "scenarios:\n"
        "  a: { executor: constant-vus, vus: 12, duration: 60s, steps: [ { null: {} } ] }\n";

enum { TEARDOWN = 1 << 1 };
enum { A1 = 1 << 1, A2 = 1 << 2, A3 = 1 << 3 };

/* What a verifier says; `offset` is where its partition 0 was read to, from the one before. */
struct word {
	uint64_t reader, seq;
	uint64_t from, to;
	_Bool starts, ends, over;
	const char *topic, *problem;
};

static void report(struct theatre *stage, uint8_t agent, uint32_t verifier, struct word word)
{
	struct wire_offset starts[] = {{1, 7}, {0, word.from}}, ends[] = {{0, word.to}, {1, 7}};
	struct seen_delta delta = {.topic = (char *)(word.topic ? word.topic
	                                             : verifier ? "t1"
	                                                        : "t0"),
	                           .reader = word.reader,
	                           .offset_from = word.from,
	                           .offset_to = word.to};
	struct buffer seen = {0};

	if (word.to > word.from)
		seen_delta_encode(&delta, &seen);
	assert_int_equal(
	        theatre_say(stage, agent,
	                    &(struct message){.type = MESSAGE_SEEN,
	                                      .seen = {.duty = stage->plan->duty_count - stage->verifiers + verifier,
	                                               .reader = word.reader,
	                                               .seq = word.seq,
	                                               .starts = starts,
	                                               .start_count = word.starts ? 2 : 0,
	                                               .ends = ends,
	                                               .end_count = word.ends ? 2 : 0,
	                                               .seen = seen.data,
	                                               .seen_size = seen.size,
	                                               .over = word.over,
	                                               .problem = (char *)(word.problem ? word.problem : "")}}),
	        0);
	buffer_deinit(&seen);
}

static void begin(struct theatre *stage, uint8_t agent, uint32_t verifier)
{
	report(stage, agent, verifier, (struct word){.reader = 1, .seq = 1, .from = 100, .to = 100, .starts = 1});
}

/* Agent 1 has the only verifier, which has begun. */
static void start(struct theatre *stage, const char *plan, uint32_t agents)
{
	stage->verifiers = 1;
	theatre_open(stage, plan, agents);
	theatre_gather(stage, agents);
	begin(stage, 1, 0);
	theatre_tick(stage, NS_PER_MS);
	assert_int_equal(run_state(stage->run), RUN_RUNNING);
}

static void finish_all(struct theatre *stage, uint8_t agents)
{
	for (uint8_t i = 1; i <= agents; i++)
		theatre_finish(stage, i);
	theatre_tick(stage, 200 * NS_PER_MS);
}

static size_t count_acks(const struct theatre *stage, size_t from, uint8_t agent)
{
	return theatre_count_to(stage, from, MESSAGE_SEEN_ACK, agent);
}

static size_t count_seen(const struct theatre *stage)
{
	return theatre_count(stage, 0, RUN_JOURNAL, JOURNAL_SEEN, NULL);
}

static void test_t0_waits_until_each_verifier_has_told_its_starts(void **state)
{
	struct theatre stage = {.verifiers = 2};
	size_t record, message;

	(void)state;
	theatre_open(&stage, plain_plan, 2);
	theatre_gather(&stage, 2);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	assert_int_equal(theatre_count(&stage, 0, RUN_JOURNAL, JOURNAL_DUTY, &record), 2);
	(void)theatre_count(&stage, 0, RUN_SEND, MESSAGE_DUTY, &message);
	assert_true(record < message);
	assert_int_equal(stage.verifying[1][0].reader, 1);
	assert_int_equal(stage.verifying[2][1].reader, 1);
	assert_int_equal(stage.verifying[1][1].reader, 0);
	assert_false(stage.verifying[1][0].resumes);
	begin(&stage, 1, 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_ASSIGNED);
	begin(&stage, 2, 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	theatre_close(&stage);
}

static void test_a_setup_comes_before_the_verifiers(void **state)
{
	struct theatre stage = {.verifiers = 1};
	struct message message = {.type = MESSAGE_VALUE, .value = {.duty = 0, .problem = strdup("")}};

	(void)state;
	theatre_open(&stage, plan_with_duties, 1);
	theatre_gather(&stage, 1);
	assert_int_equal(stage.duties[1], 1);
	assert_int_equal(stage.verifying[1][0].reader, 0);
	assert_int_equal(theatre_say(&stage, 1, &message), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.duties[1], 0);
	assert_int_equal(stage.verifying[1][0].reader, 1);
	theatre_close(&stage);
}

static void test_a_report_is_journaled_before_it_is_acknowledged_and_only_once(void **state)
{
	struct theatre stage = {0};
	size_t from, record, ack;

	(void)state;
	start(&stage, plain_plan, 1);
	from = stage.count;
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 150});
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_SEEN, &record), 1);
	assert_int_equal(theatre_count(&stage, from, RUN_SEND, MESSAGE_SEEN_ACK, &ack), 1);
	assert_true(record < ack);
	assert_int_equal(stage.left[ack].number, 2);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 150}); /* it hasn't heard */
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 1, .from = 100, .to = 100, .starts = 1});
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_SEEN, NULL), 1);
	assert_int_equal(count_acks(&stage, from, 1), 3);
	theatre_close(&stage);
}

static void test_who_takes_over_goes_on_at_the_journaled_positions(void **state)
{
	struct theatre stage = {0};
	const struct verifying *other = &stage.verifying[2][0];
	size_t from;

	(void)state;
	start(&stage, plain_plan, 2);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 150});
	theatre_second(&stage, A1 | A2);
	assert_int_equal(run_child_exited(stage.run, 101, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(other->reader, 2);
	assert_true(other->resumes);
	assert_int_equal(other->position_count, 2);
	assert_int_equal(other->positions[0].offset, 150);
	assert_int_equal(other->positions[1].partition, 1);
	assert_int_equal(other->positions[1].offset, 7);
	/* What the one before read past that, it has read in vain. */
	from = stage.count;
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 3, .from = 150, .to = 180});
	assert_int_equal(count_acks(&stage, from, 1), 0);
	report(&stage, 2, 0, (struct word){.reader = 2, .seq = 1, .from = 150, .to = 190});
	assert_int_equal(count_acks(&stage, from, 2), 1);
	theatre_close(&stage);
}

static void test_one_that_leaves_hands_its_verifier_over(void **state)
{
	struct theatre stage = {0};

	(void)state;
	start(&stage, plain_plan, 2);
	theatre_second(&stage, A1 | A2);
	theatre_leave(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.verifying[1][0].reader, 0);
	assert_int_equal(stage.verifying[2][0].reader, 2);
	theatre_close(&stage);
}

static void test_one_that_leaves_alone_verifies_to_the_end(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	start(&stage, plain_plan, 1);
	theatre_second(&stage, A1);
	theatre_leave(&stage, 1);
	from = stage.count;
	finish_all(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_true(stage.closing[1]);
	for (size_t i = from; i < stage.count; i++)
		if (stage.left[i].type == RUN_SEND && stage.left[i].what == MESSAGE_ACK)
			assert_true(stage.left[i].number < stage.seqs[1]);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 110, .ends = 1, .over = 1});
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_reports_that_do_not_go_on_where_the_one_before_ended_are_read_again(void **state)
{
	static const struct word cases[] = {
	        {.reader = 1, .seq = 2, .from = 101, .to = 150},                       /* a gap */
	        {.reader = 1, .seq = 2, .from = 99, .to = 150},                        /* again */
	        {.reader = 1, .seq = 3, .from = 100, .to = 150},                       /* one is missing */
	        {.reader = 1, .seq = 2, .from = 100, .to = 150, .topic = "other"},     /* another topic's */
	        {.reader = 1, .seq = 2, .from = 100, .to = 150, .starts = 1},          /* starts again */
	        {.reader = 1, .seq = 2, .from = 100, .to = 150, .ends = 1, .over = 1}, /* load is under way */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct theatre *stage = calloc(1, sizeof(*stage));

		assert_non_null(stage);
		start(stage, plain_plan, 1);
		report(stage, 1, 0, cases[i]);
		assert_int_equal(count_seen(stage), 1);
		assert_int_equal(count_acks(stage, 0, 1), 1);
		assert_int_equal(stage->verifying[1][0].reader, 2);
		assert_int_equal(stage->verifying[1][0].positions[0].offset, 100);
		assert_non_null(strstr(stage->told, "doesn't go on where the one before ended"));
		theatre_close(stage);
		free(stage);
	}
}

static void test_verification_ends_between_the_load_and_the_teardown(void **state)
{
	struct theatre stage = {.verifiers = 1};
	struct message setup = {.type = MESSAGE_VALUE, .value = {.duty = 0, .problem = strdup("")}};
	struct message teardown = {.type = MESSAGE_VALUE, .value = {.duty = 1, .problem = strdup("")}};
	size_t from;

	(void)state;
	theatre_open(&stage, plan_with_duties, 2);
	theatre_gather(&stage, 2);
	assert_int_equal(theatre_say(&stage, 1, &setup), 0);
	theatre_tick(&stage, NS_PER_MS);
	begin(&stage, 1, 0);
	theatre_tick(&stage, NS_PER_MS);
	theatre_second(&stage, A1 | A2);
	from = stage.count;
	theatre_finish(&stage, 1);
	theatre_second(&stage, A2);
	assert_false(stage.closing[1]);
	theatre_finish(&stage, 2);
	theatre_tick(&stage, NS_PER_S);
	assert_true(stage.closing[1]);
	assert_int_equal((stage.duties[1] | stage.duties[2]) & TEARDOWN, 0);
	assert_non_null(strstr(stage.told, "verifying what was produced to 1 topic\n"));
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 130, .ends = 1});
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 3, .from = 130, .to = 140, .over = 1});
	theatre_tick(&stage, NS_PER_MS);
	assert_true(stage.duties[1] & TEARDOWN);
	assert_int_equal(stage.verifying[1][0].reader, 0);
	assert_int_equal(theatre_say(&stage, 1, &teardown), 0);
	for (size_t i = from; i < stage.count; i++)
		if (stage.left[i].type == RUN_SEND && stage.left[i].what == MESSAGE_ACK)
			assert_true(stage.left[i].number < stage.seqs[stage.left[i].agent]);
	from = stage.count;
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ACK, 1), 1);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_ACK, 2), 1);
	theatre_close(&stage);
}

static void test_closing_is_told_again_each_second(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	start(&stage, plain_plan, 2);
	theatre_second(&stage, A1 | A2);
	finish_all(&stage, 2);
	from = stage.count;
	for (int i = 0; i < 2; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
		theatre_pong(&stage, 2, 0);
	}
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_DUTY, 1), 2);
	assert_int_equal(theatre_count_to(&stage, from, MESSAGE_DUTY, 2), 0);
	theatre_close(&stage);
}

static void test_a_done_agent_takes_over_from_one_that_is_gone_at_the_end(void **state)
{
	struct theatre stage = {0};

	(void)state;
	start(&stage, plain_plan, 2);
	theatre_second(&stage, A1 | A2);
	finish_all(&stage, 2);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 130, .ends = 1});
	assert_int_equal(run_child_exited(stage.run, 101, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(stage.verifying[2][0].reader, 2);
	assert_int_equal(stage.verifying[2][0].positions[0].offset, 130);
	assert_true(stage.closing[2]);
	assert_int_equal(run_child_exited(stage.run, 102, "it has ended", stage.now_ns), 0);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_non_null(strstr(stage.told, "verify t0: no agent is left that could do it"));
	theatre_close(&stage);
}

static void test_a_verifier_that_gets_no_further_is_over(void **state)
{
	struct theatre stage = {0};
	int seconds = 0;

	(void)state;
	start(&stage, plain_plan, 1);
	theatre_second(&stage, A1);
	finish_all(&stage, 1);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 130, .ends = 1});
	for (; seconds < 200 && run_state(stage.run) == RUN_DRAINING; seconds++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
		if (seconds == 100)
			report(&stage, 1, 0, (struct word){.reader = 1, .seq = 3, .from = 130, .to = 140});
		/* It lives, but gets no further. */
		if (seconds == 150)
			report(&stage, 1, 0, (struct word){.reader = 1, .seq = 4, .from = 140, .to = 140});
		if (seconds == 190)
			assert_int_equal(run_state(stage.run), RUN_DRAINING);
	}
	assert_int_equal(seconds, 200);
	for (; seconds < 240 && run_state(stage.run) == RUN_DRAINING; seconds++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_in_range(seconds, 220, 223);
	assert_non_null(strstr(stage.told, "verify t0: it got no further for 2m"));
	theatre_close(&stage);
}

static void test_a_verifier_that_fails_before_t0_ends_the_run(void **state)
{
	struct theatre stage = {.verifiers = 1};

	(void)state;
	theatre_open(&stage, plain_plan, 1);
	theatre_gather(&stage, 1);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 1, .over = 1, .problem = "not authorized"});
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_string_equal(run_stop_text(stage.run), "verify t0 failed on agent agent-1: not authorized");
	theatre_close(&stage);
}

static void test_a_verifier_that_never_begins_ends_the_run(void **state)
{
	struct theatre stage = {.verifiers = 1};
	size_t from;
	int seconds = 0;

	(void)state;
	theatre_open(&stage, plain_plan, 1);
	theatre_gather(&stage, 1);
	from = stage.count;
	for (; seconds < 130 && run_state(stage.run) == RUN_ASSIGNED; seconds++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_string_equal(run_stop_text(stage.run), "verify t0 did not begin within 2m");
	assert_true(theatre_count_to(&stage, from, MESSAGE_DUTY, 1) >= 100); /* told again and again */
	theatre_close(&stage);
}

static void test_a_verifier_that_fails_under_way_is_said_and_ends_nothing(void **state)
{
	struct theatre stage = {0};

	(void)state;
	start(&stage, plain_plan, 1);
	report(&stage, 1, 0,
	       (struct word){.reader = 1, .seq = 2, .from = 100, .to = 130, .over = 1, .problem = "topic is gone"});
	assert_int_equal(count_acks(&stage, 0, 1), 2);
	theatre_second(&stage, A1);
	assert_int_equal(run_state(stage.run), RUN_RUNNING);
	assert_int_equal(stage.verifying[1][0].reader, 0);
	assert_non_null(strstr(stage.told, "verify t0 failed on agent agent-1: topic is gone"));
	finish_all(&stage, 1);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

static void test_an_interrupted_run_is_verified_and_a_second_interrupt_ends_it(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	start(&stage, plain_plan, 1);
	theatre_second(&stage, A1);
	assert_int_equal(run_interrupt(stage.run, stage.now_ns), 0);
	finish_all(&stage, 1);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	assert_true(stage.closing[1]);
	from = stage.count;
	assert_int_equal(run_end_now(stage.run, stage.now_ns), 0);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	assert_non_null(strstr(stage.told, "verify t0: the run was ended before everything was read"));
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DUTY, NULL), 1);
	theatre_close(&stage);
}

static void test_a_cut_off_agent_that_returns_late_is_verified_too(void **state)
{
	struct theatre stage = {0};

	(void)state;
	start(&stage, plain_plan, 2);
	theatre_second(&stage, A1 | A2);
	for (int i = 0; i < 5; i++)
		theatre_second(&stage, A1);
	finish_all(&stage, 1);
	for (int i = 0; i < 31; i++) {
		theatre_tick(&stage, NS_PER_S);
		theatre_pong(&stage, 1, 0);
	}
	assert_true(stage.closing[1]);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 130, .ends = 1});
	theatre_hello(&stage, 2);
	theatre_tick(&stage, NS_PER_MS);
	assert_false(stage.closing[1] && stage.verifying[1][0].reader == 1);
	assert_int_equal(stage.verifying[1][0].reader + stage.verifying[2][0].reader, 2);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	theatre_close(&stage);
}

static void test_snapshots_of_a_lost_agent_come_too_late_once_the_ends_are_taken(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	start(&stage, plain_plan, 2);
	theatre_second(&stage, A1 | A2);
	assert_int_equal(
	        theatre_say(&stage, 2, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = (char *)"no"}}), 0);
	finish_all(&stage, 1);
	assert_true(stage.closing[1]);
	from = stage.count;
	theatre_snapshot(&stage, 2, 2, 0, 0);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_DELTAS, NULL), 0);
	theatre_close(&stage);
}

static void test_after_a_resume_the_same_reader_goes_on(void **state)
{
	struct theatre stage = {0};
	size_t from;

	(void)state;
	start(&stage, plain_plan, 2);
	theatre_second(&stage, A1 | A2);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 150});
	theatre_resume(&stage);
	from = stage.count;
	theatre_hello(&stage, 1);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(stage.verifying[1][0].reader, 1);
	assert_int_equal(stage.verifying[1][0].positions[0].offset, 150);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 150}); /* it hasn't heard */
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_SEEN, NULL), 0);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 3, .from = 150, .to = 160});
	assert_int_equal(theatre_count(&stage, from, RUN_JOURNAL, JOURNAL_SEEN, NULL), 1);
	assert_int_equal(count_acks(&stage, from, 1), 2);
	theatre_close(&stage);
}

static void test_a_resume_goes_on_with_the_verification(void **state)
{
	struct theatre stage = {0};

	(void)state;
	start(&stage, plain_plan, 1);
	theatre_second(&stage, A1);
	finish_all(&stage, 1);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 2, .from = 100, .to = 130, .ends = 1});
	theatre_resume(&stage);
	theatre_hello(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	theatre_tick(&stage, NS_PER_S);
	assert_int_equal(run_state(stage.run), RUN_DRAINING);
	assert_true(stage.closing[1]);
	assert_int_equal(stage.verifying[1][0].reader, 1);
	report(&stage, 1, 0, (struct word){.reader = 1, .seq = 3, .from = 130, .to = 140, .over = 1});
	theatre_resume(&stage);
	theatre_hello(&stage, 1);
	theatre_tick(&stage, NS_PER_MS);
	assert_int_equal(run_state(stage.run), RUN_REPORTING);
	theatre_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_t0_waits_until_each_verifier_has_told_its_starts),
	        cmocka_unit_test(test_a_setup_comes_before_the_verifiers),
	        cmocka_unit_test(test_a_report_is_journaled_before_it_is_acknowledged_and_only_once),
	        cmocka_unit_test(test_who_takes_over_goes_on_at_the_journaled_positions),
	        cmocka_unit_test(test_one_that_leaves_hands_its_verifier_over),
	        cmocka_unit_test(test_one_that_leaves_alone_verifies_to_the_end),
	        cmocka_unit_test(test_reports_that_do_not_go_on_where_the_one_before_ended_are_read_again),
	        cmocka_unit_test(test_verification_ends_between_the_load_and_the_teardown),
	        cmocka_unit_test(test_closing_is_told_again_each_second),
	        cmocka_unit_test(test_a_done_agent_takes_over_from_one_that_is_gone_at_the_end),
	        cmocka_unit_test(test_a_verifier_that_gets_no_further_is_over),
	        cmocka_unit_test(test_a_verifier_that_fails_before_t0_ends_the_run),
	        cmocka_unit_test(test_a_verifier_that_never_begins_ends_the_run),
	        cmocka_unit_test(test_a_verifier_that_fails_under_way_is_said_and_ends_nothing),
	        cmocka_unit_test(test_an_interrupted_run_is_verified_and_a_second_interrupt_ends_it),
	        cmocka_unit_test(test_a_cut_off_agent_that_returns_late_is_verified_too),
	        cmocka_unit_test(test_snapshots_of_a_lost_agent_come_too_late_once_the_ends_are_taken),
	        cmocka_unit_test(test_after_a_resume_the_same_reader_goes_on),
	        cmocka_unit_test(test_a_resume_goes_on_with_the_verification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
