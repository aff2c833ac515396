/* SPDX-License-Identifier: Apache-2.0 */
/* How produced messages are accounted for: verify, stamp, transactions. */
#include "tests/unit/plan/bad_plan.h"

#include "common/base/buffer.h"
#include "common/base/clock.h"

static struct plan *parse(const char *text)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	int r = plan_parse(text, strlen(text), NULL, 0, &failures, &plan);
	if (r < 0)
		fail_msg("%d:%d: %s", failures.items[0].line, failures.items[0].column, failures.items[0].text);
	failures_deinit(&failures);
	return plan;
}

/* Of the first step of each scenario. */
static const struct produce_step *produce(const struct plan *plan, uint32_t scenario)
{
	return &plan->scenarios[scenario].steps[0].produce;
}

#define KAFKA "targets: { k: { kafka: { brokers: b } }, l: { kafka: { brokers: c } } }\n"
#define SCENARIO_OF(name, step) "  " name ": { executor: constant-vus, duration: 1s, steps: [ " step " ] }\n"

static const char stamped[] = KAFKA "scenarios:\n"
        /* 0: nobody reads it. */
        SCENARIO_OF("plain", "produce: { target: k, topic: other, size: 1 }")
        /* Verified: at the head of what is generated, beside what is the plan's own. */
        SCENARIO_OF("during", "produce: { target: k, topic: v, size: 40..50, verify: during }")
                SCENARIO_OF("after", "produce: { target: k, topic: v, payload: x, verify: after }")
        /* Read by the plan's own consumers, or perhaps. */
        SCENARIO_OF("read", "produce: { target: k, topic: t, size: 100 }")
                SCENARIO_OF("perhaps", "produce: { target: k, topic: 'o{{vu}}', size: 100 }")
                        SCENARIO_OF("elsewhere", "produce: { target: l, topic: t, size: 1 }")
                                SCENARIO_OF("expression", "produce: { target: l, topic: u, size: 100 }")
        /* 7: as it is said. */
        SCENARIO_OF("none", "produce: { target: k, topic: t, size: 1, stamp: none }")
                SCENARIO_OF("own", "produce: { target: k, topic: other, payload: x, stamp: head }") SCENARIO_OF(
                        "small", "produce: { target: k, topic: t, size: 1, verify: during, stamp: headers }")
                        SCENARIO_OF("reader", "consume: { target: k, topics: [ s, t ], groupId: g }")
                                SCENARIO_OF("finder", "consume: { target: l, topic: '^u.*', groupId: g }");

static void check_stamps(const struct plan *plan)
{
	static const enum stamp_place places[] = {STAMP_NONE, STAMP_HEAD, STAMP_HEADERS, STAMP_HEAD, STAMP_HEAD,
	                                          STAMP_NONE, STAMP_HEAD, STAMP_NONE,    STAMP_HEAD, STAMP_HEADERS};
	static const enum produce_verify verify[sizeof(places) / sizeof(*places)] = {
	        [1] = VERIFY_DURING, [2] = VERIFY_AFTER, [9] = VERIFY_DURING};
	for (uint32_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (produce(plan, i)->stamp != places[i] || produce(plan, i)->verify != verify[i])
			fail_msg("scenario %s: stamp %d, verify %d", plan->scenarios[i].name, produce(plan, i)->stamp,
			         produce(plan, i)->verify);
	}
}

static void test_stamp_is_where_somebody_reads_the_messages(void **state)
{
	struct plan *plan = parse(stamped);
	(void)state;
	check_stamps(plan);
	plan_free(plan);
}

/* On an agent a plan is read again: nothing may depend on what wasn't written. */
static void test_account_keys_written_read_back_the_same(void **state)
{
	static const char transactional[] = KAFKA "scenarios:\n" SCENARIO_OF(
	        "count", "produce: { target: k, topic: t, size: 1, acks: all, transactions: { "
	                 "every: 1_000, abort: 5% } }")
	        SCENARIO_OF("time",
	                    "produce: { target: k, topic: t, size: 1, transactions: { every: 500ms } }, produce: { "
	                    "target: k, topic: u, size: 2, transactions: { every: 0.5s, abort: 0 } }");
	static const char *const texts[] = {stamped, transactional};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct plan *plan = parse(texts[i]), *again;
		struct buffer one = {0}, other = {0};
		assert_int_equal(plan_write(plan, &one), 0);
		again = parse(buffer_text(&one));
		assert_int_equal(plan_write(again, &other), 0);
		assert_string_equal(buffer_text(&one), buffer_text(&other));
		if (texts[i] == stamped) {
			check_stamps(again);
		} else {
			assert_int_equal(produce(again, 0)->transactions.every_messages, 1000);
			assert_true(produce(again, 0)->transactions.abort == 0.05);
			assert_int_equal(produce(again, 1)->transactions.every_ns, 500 * NS_PER_MS);
			assert_true(produce_has_transactions(produce(again, 1)));
		}
		buffer_deinit(&one);
		buffer_deinit(&other);
		plan_free(plan);
		plan_free(again);
	}
}

static const struct bad_plan bad_account[] = {
        {"verify of a topic that varies",
         TARGETS STEPS("[ produce: { target: stream, topic: 't{{vu}}', size: 99, verify: during } ]"),
         "8:77: \"verify\" in step \"produce-1\" of scenario \"s\" needs a topic without {{...}}: verifiers are there "
         "before it is produced to\n"},
        {"verify in other words", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 99, verify: always } ]"),
         "8:69: \"verify\" in step \"produce-1\" of scenario \"s\": \"always\" is not one of during, after\n"},
        {"verify without stamps",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 99, verify: after, stamp: none } ]"),
         "8:83: \"stamp\" in step \"produce-1\" of scenario \"s\": verified messages carry a stamp (head or "
         "headers)\n"},
        {"a payload that a stamp doesn't fit into",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 39..100, verify: after } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\": a stamp takes the first 40 bytes of a payload, and "
         "the least has 39 (\"stamp: headers\" puts it into a header)\n"},
        {"likewise by weight, and asked for",
         TARGETS STEPS("[ produce: { target: stream, topic: t, stamp: head, size: [ { size: 100, weight: 1 }, { size: "
                       "7, weight: 1 } ] } ]"),
         "8:70: \"size\" in step \"produce-1\" of scenario \"s\": a stamp takes the first 40 bytes of a payload, and "
         "the least has 7 (\"stamp: headers\" puts it into a header)\n"},
        {"likewise because the plan reads it",
         TARGETS STEPS("[ produce: { name: p, target: stream, topic: t, size: 20 }, consume: { target: stream, topic: "
                       "t, groupId: g } ]"),
         "8:14: \"size\" in step \"p\" of scenario \"s\", which a consume step of the plan reads: a stamp takes the "
         "first 40 bytes of a payload, and the least has 20 (\"stamp: headers\" puts it into a header)\n"},
        {"transactions without an end",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 9, transactions: { abort: 5% } } ]"),
         "8:74: \"transactions\" of step \"produce-1\" of scenario \"s\" needs a key \"every\"\n"},
        {"transactions every nothing",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 9, transactions: { every: 0 } } ]"),
         "8:83: \"every\" in \"transactions\" of step \"produce-1\" of scenario \"s\": \"0\" is neither a number of "
         "messages from 1 to 1000000000 nor a duration like 500ms\n"},
        {"transactions that abort too often",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 9, transactions: { every: 1s, abort: 101% } } ]"),
         "8:94: \"abort\" in \"transactions\" of step \"produce-1\" of scenario \"s\": \"101%\" is not a share like 5% "
         "or 0.05\n"},
        {"transactions with other acks",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 9, transactions: { every: 9 }, acks: 1 } ]"),
         "8:94: \"acks\" in step \"produce-1\" of scenario \"s\": transactions need all\n"},
        {"transactions on a target that can't have them",
         "targets: { k: { kafka: { brokers: b, properties: { acks: 1 } } } }\n" STEPS(
                 "[ produce: { target: k, topic: t, size: 9, transactions: { every: 9 } } ]"),
         "4:69: \"transactions\" in step \"produce-1\" of scenario \"s\": target \"k\" has \"acks: 1\", which "
         "transactions can't have\n"},
        {"transactions without idempotence",
         "targets: { k: { kafka: { brokers: b, properties: { acks: 1, enable.idempotence: false } } } }\n" STEPS(
                 "[ produce: { target: k, topic: t, size: 9, acks: all, transactions: { every: 9 } } ]"),
         "4:80: \"transactions\" in step \"produce-1\" of scenario \"s\": target \"k\" has \"enable.idempotence: "
         "false\", which transactions can't have\n"},
        {"steps that share producers and not their transactions",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 9, transactions: { every: 9 } },\n"
                       "             produce: { target: stream, topic: t, size: 9 } ]"),
         "9:14: step \"produce-2\" of scenario \"s\": its \"transactions\" are not those of step \"produce-1\", which "
         "shares its producers\n"},
        {"transactional.id",
         "targets: { k: { kafka: { brokers: b, properties: { transactional.id: x } } } }\n" SCENARIO,
         "1:52: property \"transactional.id\" in target \"k\": \"transactions\" of a produce step sets it\n"},
};

static void test_plan_refuses_what_cannot_be_accounted_for(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_account);
}

static void test_plan_steps_are_numbered_over_all_scenarios(void **state)
{
	struct plan *plan = parse("scenarios:\n" SCENARIO_OF("a", "null: {}, null: {}")
	                                  SCENARIO_OF("b", "null: {}, think: 1s, null: {}"));
	uint32_t scenario = 9, step = 9;
	(void)state;
	assert_int_equal(plan_step_count(plan), 5);
	assert_int_equal(plan_step_number(plan, 1, 2), 4);
	for (uint32_t i = 0; i < 5; i++) {
		assert_true(plan_step_find(plan, i, &scenario, &step));
		assert_int_equal(plan_step_number(plan, scenario, step), i);
		assert_int_equal(scenario, i >= 2);
	}
	assert_false(plan_step_find(plan, 5, &scenario, &step));
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_account_keys_written_read_back_the_same),
	        cmocka_unit_test(test_plan_refuses_what_cannot_be_accounted_for),
	        cmocka_unit_test(test_plan_steps_are_numbered_over_all_scenarios),
	        cmocka_unit_test(test_stamp_is_where_somebody_reads_the_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
