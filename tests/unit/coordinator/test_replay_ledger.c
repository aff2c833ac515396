/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h: what a report says of the messages that agents sent and verifiers saw. What counts as what is
 * tests/unit/stats/test_ledger.c's. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/stats/seen_log.h"
#include "fleet.h"

#define S NS_PER_S
#define NOBODY UINT32_MAX

enum { RATE = 2, STEPS = 4, A = 0, B = 1, C = 2, END = -1 };

static const char plan[] = "name: accounts\n"
                           "targets:\n"
                           "  one: { kafka: { brokers: \"127.0.0.1:1\" } }\n"
                           "  two: { kafka: { brokers: \"127.0.0.1:2\" } }\n"
                           "scenarios:\n"
                           "  ticks:\n"
                           "    executor: constant-arrival-rate\n"
                           "    rate: 2\n"
                           "    duration: 4s\n"
                           "    steps:\n"
                           "      - produce: { name: a, target: one, topic: t, size: 100, verify: during }\n"
                           "      - produce: { name: b, target: one, topic: t, size: 100, verify: during }\n"
                           "      - produce: { name: c, target: two, topic: t, size: 100, verify: after }\n"
                           "      - produce: { name: d, target: two, topic: t, size: 100 }\n"
                           "thresholds:\n"
                           "  kafka_messages_lost: ['count==0', 'count<100']\n"
                           "  'kafka_messages_lost{step:c}': ['count==0', 'rate<1']\n"
                           "  kafka_messages_duplicated: ['count>0']\n";

enum { LOST_NONE, LOST_FEW, LOST_C, LOST_C_RATE, COPIES };

static struct fleet *open_fleet(uint32_t agents)
{
	return fleet_open(&(struct fleet_config){.plan = plan, .agents = agents});
}

static struct report *close_fleet(struct fleet *fleet, struct report *report)
{
	fleet_close(fleet);
	return report_free(report);
}

/* Each second's arrivals, of which each agent has its part. */
static void run_seconds(struct fleet *fleet, uint32_t agents, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		for (uint32_t agent = 0; agent < agents; agent++)
			for (unsigned k = 0; k < RATE / agents; k++)
				fleet_iterate(fleet, agent, "ticks", 0, 0);
		fleet_second(fleet);
	}
}

static uint64_t stream(uint32_t agent, uint32_t client, uint32_t step)
{
	return stamp_stream(agent, client * STEPS + step);
}

/* The agent's client tells of a run of messages that a step sent. */
static void tell(struct fleet *fleet, uint64_t of, enum sent_kind kind, uint32_t partition, uint64_t from,
                 uint64_t count)
{
	struct sent_part part = {.partition = partition, .kind = kind};
	struct sent_delta delta = {.stream = of, .topic = (char *)"t", .parts = &part, .part_count = 1};

	assert_int_equal(sequences_add_run(&part.set, from, count, NULL), 0);
	sent_delta_encode(&delta, fleet_ledger(fleet, stamp_agent(of)));
	sequences_deinit(&part.set);
}

/* A verifier's report in the making, as reader `reader` of the topic `t` of a target. */
struct story {
	struct fleet *fleet;
	const char *target;
	uint64_t reader, seq;
	struct wire_offset starts[4], ends[4];
	uint32_t start_count, end_count;
	struct seen_log *log;
	struct seen_partition *partitions[4];
	uint64_t at[4];
};

static uint32_t duty_of(const struct story *story)
{
	const struct plan *of = fleet_plan(story->fleet);

	for (uint32_t i = 0; i < of->duty_count; i++)
		if (of->duties[i].kind == DUTY_VERIFIER &&
		    strcmp(of->targets[of->duties[i].target].name, story->target) == 0)
			return i;
	fail_msg("no verifier of %s", story->target);
	return 0;
}

static void give(struct story *story, uint32_t agent, const char *problem)
{
	fleet_journal(
	        story->fleet,
	        &(struct journal_record){.type = JOURNAL_DUTY,
	                                 .duty = {.duty = duty_of(story), .agent = agent, .problem = (char *)problem}});
}

static void begin(struct story *story, struct fleet *fleet, const char *target)
{
	*story = (struct story){.fleet = fleet, .target = target, .reader = 1, .log = seen_log_new()};
	give(story, 0, "");
}

static void start(struct story *story, uint32_t partition, uint64_t offset)
{
	story->starts[story->start_count++] = (struct wire_offset){partition, offset};
	story->partitions[partition] = seen_log_open(story->log, "t", partition, story->reader, offset);
	story->at[partition] = offset;
}

static void end(struct story *story, uint32_t partition)
{
	story->ends[story->end_count++] = (struct wire_offset){partition, story->at[partition]};
}

/* The next messages of a partition: sequences of one stream, ended by END. */
static void see(struct story *story, uint32_t partition, uint64_t of, const int *list)
{
	for (; *list != END; list++)
		assert_int_equal(seen_log_add(story->partitions[partition], story->at[partition]++, 0,
		                              &(struct stamp){.stream = of, .sequence = (uint64_t)*list}),
		                 0);
}

#define LIST(...)                                                                                                      \
	(const int[])                                                                                                  \
	{                                                                                                              \
		__VA_ARGS__, END                                                                                       \
	}

/* What was gathered since the last one is journaled; of the last one also how it ends. */
static void report_end(struct story *story, _Bool over, const char *problem)
{
	struct buffer seen = {0};

	assert_true(seen_log_take(story->log, &seen) >= 0);
	fleet_journal(story->fleet, &(struct journal_record){.type = JOURNAL_SEEN,
	                                                     .seen = {.duty = duty_of(story),
	                                                              .reader = story->reader,
	                                                              .seq = ++story->seq,
	                                                              .starts = story->starts,
	                                                              .start_count = story->start_count,
	                                                              .ends = story->ends,
	                                                              .end_count = story->end_count,
	                                                              .seen = seen.data,
	                                                              .seen_size = seen.size,
	                                                              .over = over,
	                                                              .problem = (char *)problem}});
	story->start_count = story->end_count = 0;
	buffer_deinit(&seen);
}

static void report_seen(struct story *story, _Bool over)
{
	report_end(story, over, "");
}

static void finish(struct story *story)
{
	report_seen(story, 1);
	give(story, NOBODY, "");
	seen_log_free(story->log);
}

/* Another one goes on where the reports end. */
static void take_over(struct story *story)
{
	story->reader++;
	story->seq = 0;
	seen_log_free(story->log);
	story->log = seen_log_new();
	for (uint32_t i = 0; i < 4; i++)
		if (story->partitions[i])
			story->partitions[i] = seen_log_open(story->log, "t", i, story->reader, story->at[i]);
	give(story, 0, "");
}

/* A verifier that has seen nothing, nor was anything there. */
static void verify_nothing(struct fleet *fleet, const char *target)
{
	struct story story;

	begin(&story, fleet, target);
	start(&story, 0, 0);
	end(&story, 0);
	finish(&story);
}

static void check_row(const struct report *report, enum metric_id metric, const char *scenario, const char *step,
                      uint64_t count)
{
	assert_int_equal(fleet_row(report, metric, scenario, step, "", "")->cell.counter, count);
}

static const struct report_ledger *account(const struct report *report, const char *target)
{
	for (uint32_t i = 0; i < report->ledger_count; i++)
		if (strcmp(report->ledger[i].target, target) == 0)
			return &report->ledger[i];
	fail_msg("no account of %s", target);
	return NULL;
}

static void test_replay_accounts_for_messages_by_topic_step_and_run(void **state)
{
	struct fleet *fleet = open_fleet(2);
	struct story one, two;
	const struct ledger_counts *counts;
	struct report *report;

	(void)state;
	begin(&one, fleet, "one");
	start(&one, 0, 50);
	start(&one, 1, 0);
	report_seen(&one, 0);
	tell(fleet, stream(0, 0, A), SENT_ACKED, 0, 0, 4);
	tell(fleet, stream(1, 3, B), SENT_ACKED, 1, 0, 3);
	run_seconds(fleet, 2, 1);
	see(&one, 0, stream(0, 0, A), LIST(0, 2, 1, 1)); /* one late, one copy; 3 is lost */
	see(&one, 1, stream(1, 3, B), LIST(0, 1, 2, 9)); /* 9 nobody reported */
	report_seen(&one, 0);
	tell(fleet, stream(0, 0, A), SENT_ABORTED, 1, 4, 2);
	run_seconds(fleet, 2, 3);
	see(&one, 1, stream(0, 0, A), LIST(5));
	end(&one, 0);
	end(&one, 1);
	finish(&one);
	begin(&two, fleet, "two");
	start(&two, 0, 7);
	end(&two, 0);
	finish(&two);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(report->ledger_count, 2);
	assert_string_equal(account(report, "one")->topic, "t");
	assert_string_equal(account(report, "one")->problem, "");
	counts = &account(report, "one")->counts;
	assert_int_equal(counts->acked, 7);
	assert_int_equal(counts->seen, 8);
	assert_int_equal(counts->lost, 1);
	assert_int_equal(counts->partitions, 2);
	assert_int_equal(account(report, "two")->counts.acked, 0);
	check_row(report, METRIC_KAFKA_MESSAGES_LOST, "ticks", "a", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_LOST, "ticks", "b", 0);
	check_row(report, METRIC_KAFKA_MESSAGES_LOST, "ticks", "c", 0);
	check_row(report, METRIC_KAFKA_MESSAGES_LOST, "ticks", "", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_LOST, "", "", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_DUPLICATED, "", "", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_REORDERED, "ticks", "a", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_ABORTED_VISIBLE, "ticks", "a", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE, "ticks", "b", 1);
	check_row(report, METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE, "ticks", "", 1);
	assert_null(report_find(report, METRIC_KAFKA_MESSAGES_LOST, "ticks", "d", "", ""));
	assert_true(report->complete);
	assert_false(report->thresholds[LOST_NONE].pass);
	assert_true(report->thresholds[LOST_NONE].observed == 1);
	assert_true(report->thresholds[LOST_FEW].pass && report->thresholds[LOST_C].pass);
	assert_true(report->thresholds[LOST_C_RATE].pass && report->thresholds[LOST_C_RATE].observed == 0);
	assert_true(report->thresholds[COPIES].pass && report->thresholds[COPIES].observed == 1);
	assert_int_equal(report->exit_code, EXIT_CODE_THRESHOLDS);
	close_fleet(fleet, report);
}

static void test_replay_names_the_first_lost_messages_by_when_they_were_acknowledged(void **state)
{
	struct fleet *fleet = open_fleet(2);
	const struct report_ledger *lost;
	struct story one;
	struct report *report;

	(void)state;
	verify_nothing(fleet, "two");
	begin(&one, fleet, "one");
	start(&one, 0, 0);
	report_seen(&one, 0);
	run_seconds(fleet, 2, 1);
	tell(fleet, stream(1, 2, B), SENT_ACKED, 0, 100, 30);
	tell(fleet, stream(0, 0, A), SENT_ACKED, 0, 10, 1);
	/* The second agent's report of this second comes late, after the next one's of the first. */
	fleet_iterate(fleet, 0, "ticks", 0, 0);
	fleet_iterate(fleet, 1, "ticks", 0, 0);
	fleet_tick(fleet, 0);
	fleet_tick(fleet, 1);
	assert_true(fleet_deliver(fleet, 0));
	tell(fleet, stream(0, 0, A), SENT_ACKED, 0, 0, 5);
	fleet_iterate(fleet, 0, "ticks", 0, 0);
	fleet_tick(fleet, 0);
	assert_true(fleet_deliver(fleet, 0));
	fleet_flush(fleet);
	fleet_iterate(fleet, 1, "ticks", 0, 0);
	fleet_tick(fleet, 1);
	while (fleet_deliver(fleet, 1))
		;
	run_seconds(fleet, 2, 1);
	end(&one, 0);
	finish(&one);
	report = fleet_finish(fleet, 4 * S);
	lost = account(report, "one");
	assert_int_equal(lost->counts.lost, 36);
	assert_int_equal(lost->missing_count, 20);
	assert_string_equal(lost->missing[0].agent, "agent-1");
	assert_int_equal(lost->missing[0].producer, 1);
	assert_int_equal(lost->missing[0].sequence, 10);
	assert_int_equal(lost->missing[0].second, 1);
	for (uint32_t i = 1; i < 20; i++) {
		assert_string_equal(lost->missing[i].agent, "agent-2");
		assert_int_equal(lost->missing[i].producer, 3);
		assert_int_equal(lost->missing[i].sequence, 99 + i);
		assert_int_equal(lost->missing[i].second, 1);
		assert_int_equal(lost->missing[i].partition, 0);
	}
	assert_int_equal(account(report, "two")->missing_count, 0);
	close_fleet(fleet, report);
}

static void test_replay_calls_no_threshold_good_while_a_partition_is_unread(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct story one;
	struct report *report;

	(void)state;
	verify_nothing(fleet, "two");
	begin(&one, fleet, "one");
	start(&one, 0, 0);
	tell(fleet, stream(0, 0, A), SENT_ACKED, 0, 0, 4);
	tell(fleet, stream(0, 0, A), SENT_ACKED, 1, 4, 10); /* where nobody looked */
	run_seconds(fleet, 1, 4);
	see(&one, 0, stream(0, 0, A), LIST(0, 1, 2));
	end(&one, 0);
	finish(&one);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(account(report, "one")->counts.lost, 1);
	assert_int_equal(account(report, "one")->counts.unread, 10);
	assert_int_equal(account(report, "one")->counts.partitions_unread, 1);
	assert_true(account(report, "one")->problem[0]);
	assert_string_equal(account(report, "two")->problem, "");
	assert_false(report->complete);
	/* It fails by what is known; the other would hold, and the third is of another topic. */
	assert_true(report->thresholds[LOST_NONE].observed == 1 && !report->thresholds[LOST_NONE].no_data);
	assert_false(report->thresholds[LOST_NONE].pass);
	assert_true(report->thresholds[LOST_FEW].no_data && !report->thresholds[LOST_FEW].pass);
	assert_true(isnan(report->thresholds[LOST_FEW].observed));
	assert_true(report->thresholds[LOST_C].pass);
	close_fleet(fleet, report);
}

static void test_replay_says_why_a_topic_was_not_verified(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct story one, two;
	struct report *report;

	(void)state;
	begin(&one, fleet, "one");
	start(&one, 0, 0);
	report_seen(&one, 0);
	run_seconds(fleet, 1, 4);
	give(&one, NOBODY, "nothing came for 90 s");
	seen_log_free(one.log);
	begin(&two, fleet, "two");
	start(&two, 0, 0);
	report_end(&two, 1, "its own words");
	report = fleet_report(fleet);
	assert_string_equal(account(report, "two")->problem, "verifying failed: its own words");
	report_free(report);
	give(&two, 0, ""); /* another tries, and the run ends */
	seen_log_free(two.log);
	report = fleet_finish(fleet, 4 * S);
	assert_string_equal(account(report, "one")->problem, "verifying failed: nothing came for 90 s");
	assert_string_equal(account(report, "two")->problem, "the run ended before this was verified");
	assert_false(report->complete);
	assert_true(report->thresholds[LOST_NONE].no_data && report->thresholds[LOST_C].no_data);
	assert_int_equal(report->notes.count, 0);
	close_fleet(fleet, report);
}

static void test_replay_counts_what_verifiers_saw_once_whoever_read_it(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct story one;
	struct report *report;

	(void)state;
	verify_nothing(fleet, "two");
	begin(&one, fleet, "one");
	start(&one, 0, 10);
	tell(fleet, stream(0, 0, A), SENT_ACKED, 0, 0, 6);
	see(&one, 0, stream(0, 0, A), LIST(0, 1, 4));
	report_seen(&one, 0);
	run_seconds(fleet, 1, 2);
	take_over(&one);
	start(&one, 1, 0); /* a partition that came later */
	see(&one, 0, stream(0, 0, A), LIST(2, 3, 5));
	report_seen(&one, 0);
	take_over(&one);
	run_seconds(fleet, 1, 2);
	end(&one, 0);
	end(&one, 1);
	finish(&one);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(account(report, "one")->counts.seen, 6);
	assert_int_equal(account(report, "one")->counts.lost, 0);
	assert_int_equal(account(report, "one")->counts.duplicated, 0);
	assert_int_equal(account(report, "one")->counts.reordered, 2);
	assert_string_equal(account(report, "one")->problem, "");
	assert_true(report->thresholds[LOST_NONE].pass);
	close_fleet(fleet, report);
}

static void test_replay_says_whose_messages_a_lost_agent_left_unreported(void **state)
{
	struct fleet *fleet = open_fleet(2);
	struct story one;
	struct report *report;
	_Bool said = 0;

	(void)state;
	verify_nothing(fleet, "two");
	begin(&one, fleet, "one");
	start(&one, 0, 0);
	run_seconds(fleet, 2, 2);
	fleet_lose(fleet, 1, 3 * S);
	see(&one, 0, stream(0, 0, A), LIST(7));
	see(&one, 0, stream(1, 0, A), LIST(0, 1, 2));
	see(&one, 0, stream(1, 0, 3), LIST(0)); /* not verified */
	end(&one, 0);
	finish(&one);
	fleet_iterate(fleet, 0, "ticks", 0, 0);
	fleet_second(fleet);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(account(report, "one")->counts.unacked_visible, 4);
	for (uint32_t i = 0; i < report->notes.count; i++)
		if (strcmp(report->notes.items[i].name, "ledger") == 0) {
			assert_non_null(strstr(report->notes.items[i].value, "3 messages of agent agent-2 were seen"));
			assert_false(said);
			said = 1;
		}
	assert_true(said);
	close_fleet(fleet, report);
}

static void test_replay_passes_over_messages_that_the_plan_does_not_verify(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct report *report;

	(void)state;
	verify_nothing(fleet, "one");
	verify_nothing(fleet, "two");
	tell(fleet, stream(0, 0, 3), SENT_ACKED, 0, 0, 6);
	run_seconds(fleet, 1, 4);
	report = fleet_finish(fleet, 4 * S);
	assert_int_equal(account(report, "two")->counts.acked, 0);
	assert_true(report->complete);
	close_fleet(fleet, report);
}

static void test_replay_leaves_what_others_sent_to_a_topic_out_of_its_account(void **state)
{
	struct fleet *fleet = open_fleet(1);
	const struct ledger_counts *counts;
	struct report *report;
	struct story one;

	(void)state;
	begin(&one, fleet, "one");
	start(&one, 0, 0);
	see(&one, 0, stream(0, 0, A), LIST(0, 1, 2));
	see(&one, 0, stream(0, 0, C), LIST(0, 2, 1, 1)); /* of another target */
	see(&one, 0, stream(0, 0, 3), LIST(0));          /* not verified */
	end(&one, 0);
	finish(&one);
	verify_nothing(fleet, "two");
	tell(fleet, stream(0, 0, A), SENT_ACKED, 0, 0, 3);
	run_seconds(fleet, 1, 4);
	report = fleet_finish(fleet, 4 * S);
	counts = &account(report, "one")->counts;
	assert_int_equal(counts->seen, 3);
	assert_int_equal(counts->lost + counts->duplicated + counts->reordered + counts->unacked_visible, 0);
	assert_int_equal(counts->foreign, 5);
	assert_int_equal(counts->partitions, 1);
	close_fleet(fleet, report);
}

static void test_replay_refuses_what_does_not_follow_what_was_seen(void **state)
{
	struct fleet *fleet = open_fleet(1);
	struct failure failure = {0};
	struct report *report = NULL;
	struct buffer lost = {0}; /* a report */
	struct story one;

	(void)state;
	begin(&one, fleet, "one");
	start(&one, 0, 0);
	report_seen(&one, 0);
	one.at[0] = 5;
	seen_log_pass(one.partitions[0], 5);
	assert_true(seen_log_take(one.log, &lost) >= 0);
	see(&one, 0, stream(0, 0, A), LIST(2, 3, 5));
	report_seen(&one, 0);
	assert_int_equal(replay_report(fleet_folder(fleet), &failure, &report), -EBADMSG);
	assert_non_null(strstr(failure.text, "doesn't follow what was seen before"));
	buffer_deinit(&lost);
	seen_log_free(one.log);
	close_fleet(fleet, report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_replay_accounts_for_messages_by_topic_step_and_run),
	        cmocka_unit_test(test_replay_names_the_first_lost_messages_by_when_they_were_acknowledged),
	        cmocka_unit_test(test_replay_calls_no_threshold_good_while_a_partition_is_unread),
	        cmocka_unit_test(test_replay_says_why_a_topic_was_not_verified),
	        cmocka_unit_test(test_replay_counts_what_verifiers_saw_once_whoever_read_it),
	        cmocka_unit_test(test_replay_says_whose_messages_a_lost_agent_left_unreported),
	        cmocka_unit_test(test_replay_passes_over_messages_that_the_plan_does_not_verify),
	        cmocka_unit_test(test_replay_leaves_what_others_sent_to_a_topic_out_of_its_account),
	        cmocka_unit_test(test_replay_refuses_what_does_not_follow_what_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
