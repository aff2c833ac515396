/* SPDX-License-Identifier: Apache-2.0 */
/* Duties of Kafka: those that a plan writes, and those that follow from it. */
#include "tests/unit/plan/bad_plan.h"

#include "common/base/clock.h"

static struct plan *parse(const char *text)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	char errors[4096];

	if (plan_parse(text, strlen(text), NULL, 0, &failures, &plan) < 0) {
		format_errors(&failures, errors, sizeof(errors));
		fail_msg("%s", errors);
	}
	failures_deinit(&failures);
	return plan;
}

static void check_duty(const struct plan *plan, uint32_t number, enum duty_kind kind, enum duty_task task,
                       const char *name)
{
	assert_true(number < plan->duty_count);
	assert_int_equal(plan->duties[number].kind, kind);
	assert_int_equal(plan->duties[number].task, task);
	assert_string_equal(plan->duties[number].name, name);
	assert_true(plan->duties[number].implied);
}

static const char whole[] =
        "setup: [ null: { name: first, values: { part: x } } ]\n"
        "readers:\n"
        "  - lag: { name: others, target: stream, groups: [ a, 'b-{{part}}' ], topics: [ t, u ], every: 5s }\n"
        "targets:\n"
        "  nil: { null: {} }\n"
        "  stream:\n"
        "    kafka:\n"
        "      brokers: b:9092\n"
        "      topics:\n"
        "        t: { partitions: 12, replicationFactor: 3, config: { retention.ms: 60000 }, after: delete }\n"
        "        u:\n"
        "  other: { kafka: { brokers: c:9092, topics: { t: {} } } }\n"
        "scenarios:\n"
        "  p:\n"
        "    executor: constant-vus\n"
        "    duration: 1s\n"
        "    steps:\n"
        "      - produce: { target: stream, topic: t, size: 100, verify: after }\n"
        "      - produce: { target: stream, topic: t, size: 100, verify: during }\n"
        "      - produce: { target: stream, topic: u, size: 100, verify: after }\n"
        "      - produce: { target: other, topic: t, size: 100, verify: after }\n"
        "  c:\n"
        "    executor: constant-vus\n"
        "    duration: 1s\n"
        "    steps:\n"
        "      - consume: { target: stream, topic: t, groupId: g1 }\n"
        "      - consume: { target: stream, topic: t, groupId: 'g2-{{part}}' }\n"
        "      - consume: { target: stream, topic: t, groupId: g1 }\n"
        "thresholds:\n"
        "  kafka_under_replicated_partitions: [ 'max<1' ]\n"
        "  kafka_consumer_lag: [ 'max<9' ]\n"
        "  'kafka_consumer_lag{label:not known yet}': [ 'max<9' ]\n";

static void test_implied_duties_follow_those_of_the_plan(void **state)
{
	struct plan *plan = parse(whole);

	(void)state;
	assert_int_equal(plan->duty_count, 11);
	assert_false(plan->duties[0].implied || plan->duties[1].implied);
	check_duty(plan, 2, DUTY_SETUP, DUTY_TASK_TOPICS, "topics of stream");
	check_duty(plan, 3, DUTY_SETUP, DUTY_TASK_TOPICS, "topics of other");
	check_duty(plan, 4, DUTY_TEARDOWN, DUTY_TASK_TOPICS, "delete topics of stream");
	check_duty(plan, 5, DUTY_READER, DUTY_TASK_LAG, "lag of stream");
	check_duty(plan, 6, DUTY_READER, DUTY_TASK_CLUSTER, "cluster of stream");
	check_duty(plan, 7, DUTY_READER, DUTY_TASK_CLUSTER, "cluster of other");
	check_duty(plan, 8, DUTY_VERIFIER, DUTY_TASK_VERIFY, "verify t");
	check_duty(plan, 9, DUTY_VERIFIER, DUTY_TASK_VERIFY, "verify u");
	check_duty(plan, 10, DUTY_VERIFIER, DUTY_TASK_VERIFY, "verify t of other");
	plan_free(plan);
}

static void test_implied_verifiers_read_beside_the_load_where_a_step_wants_it(void **state)
{
	struct plan *plan = parse(whole);

	(void)state;
	assert_true(plan->duties[8].verify.during && !plan->duties[9].verify.during);
	assert_string_equal(plan->duties[10].verify.topic, "t");
	assert_int_equal(plan->duties[10].target, plan_find_target(plan, "other"));
	plan_free(plan);
}

static void test_implied_lag_is_of_the_groups_that_consume(void **state)
{
	struct plan *plan = parse(whole);
	const struct duty *lag = &plan->duties[5];

	(void)state;
	assert_int_equal(lag->lag.groups.count, 2);
	assert_string_equal(template_source(lag->lag.groups.items[0].value), "g1");
	assert_string_equal(template_source(lag->lag.groups.items[1].value), "g2-{{part}}");
	assert_int_equal(lag->lag.topics.count, 0);
	assert_int_equal(lag->every_ns, NS_PER_S);
	plan_free(plan);
}

static void test_lag_and_topics_are_as_written(void **state)
{
	struct plan *plan = parse(whole);
	const struct kafka_target *kafka = &plan->targets[plan_find_target(plan, "stream")].kafka;
	const struct duty *lag = &plan->duties[1];

	(void)state;
	assert_string_equal(lag->name, "others");
	assert_int_equal(lag->task, DUTY_TASK_LAG);
	assert_int_equal(lag->target, plan_find_target(plan, "stream"));
	assert_int_equal(lag->every_ns, 5 * NS_PER_S);
	assert_string_equal(template_source(lag->lag.groups.items[1].value), "b-{{part}}");
	assert_true(lag->lag.topics.count == 2 && strcmp(lag->lag.topics.items[1], "u") == 0);
	assert_int_equal(kafka->topic_count, 2);
	assert_string_equal(kafka->topics[0].name, "t");
	assert_int_equal(kafka->topics[0].partitions, 12);
	assert_int_equal(kafka->topics[0].replication_factor, 3);
	assert_string_equal(kafka->topics[0].config.items[0].name, "retention.ms");
	assert_string_equal(kafka->topics[0].config.items[0].value, "60000");
	assert_int_equal(kafka->topics[0].after, TOPIC_DELETE);
	assert_true(kafka->topics[1].partitions == 0 && kafka->topics[1].replication_factor == 0);
	assert_int_equal(kafka->topics[1].after, TOPIC_KEEP);
	plan_free(plan);
}

static void test_implied_duties_are_the_same_of_the_plan_as_written_again(void **state)
{
	struct plan *plan = parse(whole), *again;
	struct buffer first = {0}, second = {0};

	(void)state;
	assert_int_equal(plan_write(plan, &first), 0);
	assert_null(strstr(buffer_text(&first), "of stream"));
	again = parse(buffer_text(&first));
	assert_int_equal(plan_write(again, &second), 0);
	assert_string_equal(buffer_text(&first), buffer_text(&second));
	assert_int_equal(again->duty_count, plan->duty_count);
	for (uint32_t i = 0; i < plan->duty_count; i++) {
		assert_string_equal(again->duties[i].name, plan->duties[i].name);
		assert_int_equal(again->duties[i].kind, plan->duties[i].kind);
		assert_int_equal(again->duties[i].target, plan->duties[i].target);
	}
	buffer_deinit(&first);
	buffer_deinit(&second);
	plan_free(plan);
	plan_free(again);
}

static void test_a_plan_without_kafka_s_work_implies_nothing(void **state)
{
	struct plan *plan = parse(TARGETS STEPS("[ produce: { target: stream, topic: t, size: 100 } ]"));

	(void)state;
	assert_int_equal(plan->duty_count, 0);
	plan_free(plan);
}

static void test_a_cluster_reader_of_the_plan_s_own_is_enough(void **state)
{
	struct plan *plan = parse("readers: [ cluster: { target: stream } ]\n" TARGETS SCENARIO
	                          "thresholds: { kafka_offline_partitions: [ 'max<1' ] }\n");

	(void)state;
	assert_int_equal(plan->duty_count, 1);
	assert_false(plan->duties[0].implied);
	assert_string_equal(plan->duties[0].name, "reader-1");
	plan_free(plan);
}

#define TOPICS(topics) "targets: { stream: { kafka: { brokers: b:9092, topics: " topics " } } }\n"
static const struct bad_plan bad_topics[] = {
        {"a list", TOPICS("[ t ]") SCENARIO, "1:56: \"topics\" in target \"stream\" must be a mapping, not a list\n"},
        {"a name that is none", TOPICS("{ 'a b': {} }") SCENARIO,
         "1:58: \"a b\" in target \"stream\" is no name of a topic\n"},
        {"dots", TOPICS("{ ..: {} }") SCENARIO, "1:58: \"..\" in target \"stream\" is no name of a topic\n"},
        {"an unknown key", TOPICS("{ t: { partition: 3 } }") SCENARIO,
         "1:63: unknown key \"partition\" in topic \"t\" (did you mean \"partitions\"?)\n"},
        {"no partitions", TOPICS("{ t: { partitions: 0 } }") SCENARIO,
         "1:75: \"partitions\" in topic \"t\": \"0\" must be more than 0\n"},
        {"a fate that is none", TOPICS("{ t: { after: drop } }") SCENARIO,
         "1:70: \"after\" in topic \"t\": \"drop\" is not one of keep, delete\n"},
};

static void test_plan_refuses_bad_topics(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_topics);
}

static const struct bad_plan bad_readers[] = {
        {"lag without groups", "readers: [ lag: { target: stream } ]\n" TARGETS SCENARIO,
         "1:12: reader \"reader-1\" needs a key \"groups\"\n"},
        {"lag of no group", "readers: [ lag: { target: stream, groups: [] } ]\n" TARGETS SCENARIO,
         "1:43: \"groups\" in reader \"reader-1\" must have 1 to 64 entries\n"},
        {"lag of an iteration's group", "readers: [ lag: { target: stream, groups: [ '{{vu}}' ] } ]\n" TARGETS SCENARIO,
         "1:43: \"groups\" in reader \"reader-1\": {{vu}} and {{iteration}} belong to iterations\n"},
        {"a cluster without a target", "readers: [ cluster: {} ]\n" TARGETS SCENARIO,
         "1:12: reader \"reader-1\" needs a key \"target\"\n"},
        {"a cluster of another kind", "readers: [ cluster: { target: api } ]\n" TARGETS SCENARIO,
         "1:31: target \"api\" of reader \"reader-1\" is of kind http, and it needs one of kind kafka (did you mean "
         "\"stream\"?)\n"},
        {"a topic without a name",
         "readers: [ lag: { target: stream, groups: [ g ], topics: [ '' ] } ]\n" TARGETS SCENARIO,
         "1:60: \"topics\" in reader \"reader-1\" has an empty entry\n"},
        {"a name that an implied one has",
         "readers: [ null: { name: topics of stream, value: 1 } ]\n" TOPICS("{ t: }") SCENARIO,
         "1:12: the plan has a duty of its own named \"topics of stream\"\n"},
        {"a threshold on a lag that nobody reads", TARGETS SCENARIO "thresholds: { kafka_consumer_lag: [ 'max<1' ] }\n",
         "9:15: threshold \"kafka_consumer_lag\": no reader of the plan reads kafka_consumer_lag\n"},
        {"a threshold on the lag of another group",
         "readers: [ lag: { target: stream, groups: [ shop, stock ] } ]\n" TARGETS SCENARIO "thresholds:\n"
         "  'kafka_consumer_lag{label:stok}': [ 'max<1' ]\n"
         "  'kafka_consumer_lag{label:stock/t/0}': [ 'max<1' ]\n"
         "  'kafka_consumer_lag{label:shop}': [ 'max<1' ]\n",
         "11:3: threshold \"kafka_consumer_lag{label:stok}\": no reader reads the lag of a group \"stok\" (did you "
         "mean \"stock\"?)\n"},
        {"a threshold on a label that is none",
         TARGETS SCENARIO "thresholds: { 'kafka_isr_changes{label:a}': [ 'max<1' ] }\n",
         "9:15: threshold \"kafka_isr_changes{label:a}\": kafka_isr_changes has no labels\n"},
        {"a threshold on a cluster without one",
         "targets: { nil: { null: {} } }\n" SCENARIO "thresholds: { kafka_isr_changes: [ 'max<1' ] }\n",
         "5:15: threshold \"kafka_isr_changes\": no reader of the plan reads kafka_isr_changes\n"},
};

static void test_plan_refuses_bad_readers_of_kafka(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_readers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_implied_duties_follow_those_of_the_plan),
	        cmocka_unit_test(test_implied_verifiers_read_beside_the_load_where_a_step_wants_it),
	        cmocka_unit_test(test_implied_lag_is_of_the_groups_that_consume),
	        cmocka_unit_test(test_lag_and_topics_are_as_written),
	        cmocka_unit_test(test_implied_duties_are_the_same_of_the_plan_as_written_again),
	        cmocka_unit_test(test_a_plan_without_kafka_s_work_implies_nothing),
	        cmocka_unit_test(test_a_cluster_reader_of_the_plan_s_own_is_enough),
	        cmocka_unit_test(test_plan_refuses_bad_topics),
	        cmocka_unit_test(test_plan_refuses_bad_readers_of_kafka),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
