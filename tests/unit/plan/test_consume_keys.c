/* SPDX-License-Identifier: Apache-2.0 */
/* What a consume step may say: what comes of its keys, and each mistake with its place. */
#include "tests/unit/plan/bad_plan.h"

#include <stdlib.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"

#define CONSUME(keys) TARGETS STEPS("[ consume: { target: stream, " keys " } ]")
#define WHERE "step \"consume-1\" of scenario \"s\""

static struct plan *parse(const char *text)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	char errors[8192];

	if (plan_parse(text, strlen(text), NULL, 0, &failures, &plan) < 0) {
		format_errors(&failures, errors, sizeof(errors));
		fail_msg("%s--- plan\n%s", errors, text);
	}
	failures_deinit(&failures);
	return plan;
}

static void test_consume_step_has_defaults(void **state)
{
	struct plan *plan = parse(CONSUME("topic: t, groupId: g"));
	const struct consume_step *step = &plan->scenarios[0].steps[0].consume;

	(void)state;
	assert_int_equal(plan->scenarios[0].steps[0].kind, STEP_CONSUME);
	assert_string_equal(plan->scenarios[0].steps[0].name, "consume-1");
	assert_int_equal(step->topics.count, 1);
	assert_string_equal(step->topics.items[0], "t");
	assert_string_equal(template_source(step->group_id), "g");
	assert_int_equal(step->partition_count, 0);
	assert_int_equal(step->from, CONSUME_FROM_END);
	assert_int_equal(step->isolation, CONSUME_COMMITTED);
	assert_int_equal(step->commit, CONSUME_COMMIT_AUTO);
	assert_int_equal(step->max_poll_records, 500);
	assert_int_equal(step->poll_timeout_ns, NS_PER_S);
	assert_int_equal(step->processing_ns.high, 0);
	assert_false(step->group_by_key);
	plan_free(plan);
}

static void test_consume_step_takes_all_of_its_keys(void **state)
{
	struct plan *plan =
	        parse(CONSUME("topics: [ a, '^b-[0-9]+$' ], groupId: 'g-{{vu}}-{{agent}}', from: beginning, isolation: "
	                      "uncommitted, commit: poll, maxPollRecords: 7, pollTimeout: 20ms, processing: 1ms..5ms, "
	                      "groupByKey: true"));
	const struct consume_step *step = &plan->scenarios[0].steps[0].consume;

	(void)state;
	assert_int_equal(step->topics.count, 2);
	assert_string_equal(step->topics.items[1], "^b-[0-9]+$");
	assert_int_equal(step->from, CONSUME_FROM_BEGINNING);
	assert_int_equal(step->isolation, CONSUME_UNCOMMITTED);
	assert_int_equal(step->commit, CONSUME_COMMIT_POLL);
	assert_int_equal(step->max_poll_records, 7);
	assert_int_equal(step->poll_timeout_ns, 20 * NS_PER_MS);
	assert_int_equal(step->processing_ns.low, NS_PER_MS);
	assert_int_equal(step->processing_ns.high, 5 * NS_PER_MS);
	assert_true(step->group_by_key);
	plan_free(plan);
}

static void test_consume_step_without_a_group_commits_nothing(void **state)
{
	struct plan *plan = parse(CONSUME("topic: t, partitions: [ 3, 0, 2147483647 ]"));
	const struct consume_step *step = &plan->scenarios[0].steps[0].consume;

	(void)state;
	assert_null(step->group_id);
	assert_int_equal(step->partition_count, 3);
	assert_int_equal(step->partitions[0], 3);
	assert_int_equal(step->partitions[2], 2147483647);
	assert_int_equal(step->commit, CONSUME_COMMIT_NONE);
	plan_free(plan);
}

static void test_consume_step_is_written_as_it_was_read(void **state)
{
	static const char *const keys[] = {
	        CONSUME("topic: t, groupId: g"),
	        CONSUME("topics: [ a, '^b.*' ], groupId: 'g{{vu}}', from: beginning, isolation: uncommitted, commit: "
	                "none, maxPollRecords: 1, pollTimeout: 50us, processing: 3ms, groupByKey: true, weight: 3, "
	                "name: reader"),
	        CONSUME("topic: t, partitions: all, group: x"),
	        CONSUME("topics: [ t, u ], partitions: [ 5, 1 ], commit: none"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct buffer first = {0}, second = {0};
		struct plan *plan = parse(keys[i]), *again;

		assert_int_equal(plan_write(plan, &first), 0);
		again = parse(buffer_text(&first));
		assert_int_equal(plan_write(again, &second), 0);
		assert_string_equal(buffer_text(&first), buffer_text(&second));
		assert_int_equal(again->scenarios[0].steps[0].consume.topics.count,
		                 plan->scenarios[0].steps[0].consume.topics.count);
		assert_int_equal(again->scenarios[0].steps[0].consume.partition_count,
		                 plan->scenarios[0].steps[0].consume.partition_count);
		plan_free(plan);
		plan_free(again);
		buffer_deinit(&first);
		buffer_deinit(&second);
	}
}

static const struct bad_plan bad_steps[] = {
        {"nothing", TARGETS STEPS("[ consume: {} ]"),
         "8:14: " WHERE " needs a key \"target\"\n8:14: " WHERE " needs a key \"topic\" or \"topics\"\n8:14: " WHERE
         " needs a key \"groupId\" or \"partitions\"\n"},
        {"another kind of target", TARGETS STEPS("[ consume: { target: api, topic: t, groupId: g } ]"),
         "8:33: target \"api\" of " WHERE
         " is of kind http, and it needs one of kind kafka (did you mean \"stream\"?)\n"},
        {"both keys of topics", CONSUME("topic: t, topics: [ u ], groupId: g"),
         "8:59: \"topics\" in " WHERE ": it has \"topic\" already\n"},
        {"a group and partitions", CONSUME("topic: t, groupId: g, partitions: all"),
         "8:75: \"partitions\" in " WHERE ": it has \"groupId\" already\n"},
        {"a template for a topic", CONSUME("topic: 't-{{vu}}', groupId: g"),
         "8:48: \"topic\" in " WHERE ": \"t-{{vu}}\" holds {{...}}, and a consumer's topics are fixed\n"},
        {"a blank in a topic", CONSUME("topic: 'my topic', groupId: g"),
         "8:48: \"topic\" in " WHERE
         ": \"my topic\" may hold letters, digits, \".\", \"_\" and \"-\" (a pattern begins with \"^\")\n"},
        {"an empty topic", CONSUME("topics: [ '' ], groupId: g"),
         "8:51: \"topics\" in " WHERE ": \"\" must have from 1 to 249 characters\n"},
        {"no topics", CONSUME("topics: [], groupId: g"),
         "8:49: \"topics\" in " WHERE " has 0 entries; it needs from 1 to 1000\n"},
        {"a topic twice", CONSUME("topics: [ t, t ], groupId: g"), "8:54: \"topics\" in " WHERE " names \"t\" twice\n"},
        {"a broken pattern", CONSUME("topic: '^t(', groupId: g"),
         "8:48: \"topic\" in " WHERE ": \"^t(\" is no pattern: Unmatched ( or \\(\n"},
        {"a pattern without a group", CONSUME("topic: '^t', partitions: all"),
         "8:48: \"topic\" in " WHERE ": only a group reads by pattern (\"^t\" has no \"groupId\")\n"},
        {"an empty group", CONSUME("topic: t, groupId: ''"), "8:60: \"groupId\" in " WHERE " is empty\n"},
        {"a group that changes", CONSUME("topic: t, groupId: 'g-{{iteration}}'"),
         "8:60: \"groupId\" in " WHERE
         ": {{iteration}} changes, and a consumer's group is fixed ({{vu}}, {{agent}}, variables and what setups set "
         "may stand there)\n"},
        {"partitions as a number", CONSUME("topic: t, partitions: 3"),
         "8:63: \"partitions\" in " WHERE " must be all, or a list like [0, 1, 2]\n"},
        {"no partitions", CONSUME("topic: t, partitions: []"),
         "8:63: \"partitions\" in " WHERE " has 0 entries; it needs from 1 to 10000\n"},
        {"a partition twice", CONSUME("topic: t, partitions: [ 1, 2, 1 ]"),
         "8:71: \"partitions\" in " WHERE " names 1 twice\n"},
        {"a partition that none is", CONSUME("topic: t, partitions: [ 1, -1 ]"),
         "8:68: \"partitions\" in " WHERE ": \"-1\" is no number of a partition, as 0 or 7\n"},
        {"a partition that is too high", CONSUME("topic: t, partitions: [ 2147483648 ]"),
         "8:65: \"partitions\" in " WHERE ": \"2147483648\" is no number of a partition, as 0 or 7\n"},
        {"a commit without a group", CONSUME("topic: t, partitions: all, commit: poll"),
         "8:76: \"commit\" in " WHERE ": without a \"groupId\" nothing is committed\n"},
        {"another beginning", CONSUME("topic: t, groupId: g, from: begin"),
         "8:69: \"from\" in " WHERE ": \"begin\" is not one of end, beginning\n"},
        {"a poll of nothing", CONSUME("topic: t, groupId: g, maxPollRecords: 0"),
         "8:79: \"maxPollRecords\" in " WHERE ": \"0\" must be more than 0\n"},
        {"two groups of figures", CONSUME("topic: t, groupId: g, group: x, groupByKey: true"),
         "8:70: \"group\" in " WHERE ": \"groupByKey\" gives the group already\n"},
};

static void test_consume_step_says_what_is_wrong_and_where(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_consume_step_has_defaults),
	        cmocka_unit_test(test_consume_step_takes_all_of_its_keys),
	        cmocka_unit_test(test_consume_step_without_a_group_commits_nothing),
	        cmocka_unit_test(test_consume_step_is_written_as_it_was_read),
	        cmocka_unit_test(test_consume_step_says_what_is_wrong_and_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
