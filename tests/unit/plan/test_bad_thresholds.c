/* SPDX-License-Identifier: Apache-2.0 */
/* Bad plans: thresholds. */
#include "tests/unit/plan/bad_plan.h"

static const struct bad_plan bad_thresholds[] = {
        {"an unknown metric", THRESHOLDS("http_req_duraton: ['p(95)<5']"),
         "10:3: threshold \"http_req_duraton\": unknown metric \"http_req_duraton\" (did you mean "
         "\"http_req_duration\"?)\n"},
        {"a metric that no step yields", THRESHOLDS("sql_queries: ['count>0']"),
         "10:3: threshold \"sql_queries\": no step of the plan yields sql_queries\n"},
        {"no metric", THRESHOLDS("'{scenario:s}': ['p(95)<5']"),
         "10:3: threshold \"{scenario:s}\": no metric stands before the \"{\"\n"},
        {"checks without a check", THRESHOLDS_ON("[ http: { target: api, get: / } ]", "checks: ['rate>0.5']"),
         "10:3: threshold \"checks\": no step of the plan yields checks\n"},
        {"an unknown part", THRESHOLDS("'http_reqs{scenaro:s}': ['count>0']"),
         "10:3: threshold \"http_reqs{scenaro:s}\": unknown part of a selector \"scenaro\" (did you mean "
         "\"scenario\"?)\n"},
        {"an unknown scenario", THRESHOLDS("'http_reqs{scenario:ss}': ['count>0']"),
         "10:3: threshold \"http_reqs{scenario:ss}\": the plan has no scenario \"ss\" (did you mean \"s\"?)\n"},
        {"an unknown step", THRESHOLDS("'http_reqs{step:http-2}': ['count>0']"),
         "10:3: threshold \"http_reqs{step:http-2}\": there is no step \"http-2\" (did you mean \"http-1\"?)\n"},
        {"a step that yields no such thing",
         THRESHOLDS_ON("[ http: { target: api, get: / }, think: 1s ]", "'http_reqs{step:think-2}': ['count>0']"),
         "10:3: threshold \"http_reqs{step:think-2}\": no step that it selects yields http_reqs\n"},
        {"a step of iterations", THRESHOLDS("'iterations{step:http-1}': ['count>0']"),
         "10:3: threshold \"iterations{step:http-1}\": iterations is counted for scenarios, not for steps\n"},
        {"a scenario of what the whole run has",
         THRESHOLDS_ON("[ produce: { target: stream, topic: t, size: 100 } ]",
                       "'kafka_broker_rtt{scenario:s,label:1}': ['max<5']"),
         "10:3: threshold \"kafka_broker_rtt{scenario:s,label:1}\": kafka_broker_rtt is counted for the whole run, not "
         "for scenarios\n"},
        {"brokers where nothing is produced", THRESHOLDS("'kafka_broker_rtt': ['max<5']"),
         "10:3: threshold \"kafka_broker_rtt\": no step of the plan yields kafka_broker_rtt\n"},
        {"messages that nobody verifies",
         THRESHOLDS_ON("[ produce: { target: stream, topic: t, size: 100 } ]", "kafka_messages_lost: ['count==0']"),
         "10:3: threshold \"kafka_messages_lost\": no step of the plan yields kafka_messages_lost\n"},
        {"a group of messages that are verified",
         THRESHOLDS_ON("[ produce: { target: stream, topic: t, size: 100, verify: during, group: a } ]",
                       "'kafka_messages_lost{group:a}': ['count==0']"),
         "10:3: threshold \"kafka_messages_lost{group:a}\": kafka_messages_lost is counted for steps, not for "
         "groups\n"},
        {"an abort for what is known at the end",
         THRESHOLDS_ON("[ produce: { target: stream, topic: t, size: 100, verify: after } ]",
                       "kafka_messages_lost: [ { threshold: 'count==0', abortOnFail: true } ]"),
         "10:26: threshold \"kafka_messages_lost\": what became of messages is known when the run is over: it has no "
         "\"abortOnFail\"\n"},
        {"a window of what is known at the end",
         THRESHOLDS_ON("[ produce: { target: stream, topic: t, size: 100, verify: after } ]",
                       "kafka_messages_duplicated: [ { threshold: 'count==0', window: 5s } ]"),
         "10:32: threshold \"kafka_messages_duplicated\": what became of messages is known when the run is over: it "
         "has "
         "no \"window\"\n"},
        {"a group where there is none",
         THRESHOLDS_ON("[ http: { target: api, get: / } ]", "'http_reqs{group:a}': ['count>0']"),
         "10:3: threshold \"http_reqs{group:a}\": no step that it selects has a group\n"},
        {"a label where there is none", THRESHOLDS("'http_reqs{label:a}': ['count>0']"),
         "10:3: threshold \"http_reqs{label:a}\": http_reqs has no labels\n"},
        {"an unknown check", THRESHOLDS("'checks{label:status is 200}': ['rate>0.5']"),
         "10:3: threshold \"checks{label:status is 200}\": no check is called \"status is 200\"\n"},
        {"an unknown reason", THRESHOLDS("'dropped_iterations{label:tired}': ['count==0']"),
         "10:3: threshold \"dropped_iterations{label:tired}\": iterations are not dropped for \"tired\"\n"},
        {"an open selector", THRESHOLDS("'http_reqs{scenario:s': ['count>0']"),
         "10:3: threshold \"http_reqs{scenario:s\": the selector's closing \"}\" is missing\n"},
        {"text behind the selector", THRESHOLDS("'http_reqs{scenario:s} x': ['count>0']"),
         "10:3: threshold \"http_reqs{scenario:s} x\": text stands behind the selector's \"}\"\n"},
        {"an empty selector", THRESHOLDS("'http_reqs{}': ['count>0']"),
         "10:3: threshold \"http_reqs{}\": the selector's {} holds nothing\n"},
        {"a part twice", THRESHOLDS("'http_reqs{step:a,step:b}': ['count>0']"),
         "10:3: threshold \"http_reqs{step:a,step:b}\": \"step\" stands twice in the selector\n"},
        {"a part without a value", THRESHOLDS("'http_reqs{step:}': ['count>0']"),
         "10:3: threshold \"http_reqs{step:}\": a part of the selector has no value\n"},
        {"a part without a colon", THRESHOLDS("'http_reqs{step}': ['count>0']"),
         "10:3: threshold \"http_reqs{step}\": \"step\" has no ':' with a value behind it\n"},
        {"a figure that doesn't fit", THRESHOLDS("http_reqs: ['p(95)<5']"),
         "10:15: threshold \"http_reqs\": \"p(95)<5\": \"p(95)\" is nothing that a counter has (it has count, rate)\n"},
        {"a figure that a rate has not", THRESHOLDS("http_req_failed: ['count<5']"),
         "10:21: threshold \"http_req_failed\": \"count<5\": \"count\" is nothing that a rate has (it has rate)\n"},
        {"an unknown figure", THRESHOLDS("http_req_duration: ['mx<5']"),
         "10:23: threshold \"http_req_duration\": \"mx<5\": unknown figure \"mx\" (did you mean \"max\"?)\n"},
        {"no comparison", THRESHOLDS("http_req_duration: ['p(95)']"),
         "10:23: threshold \"http_req_duration\": \"p(95)\": it has no comparison: one of < <= > >= == !=\n"},
        {"one equals sign", THRESHOLDS("http_reqs: ['count=5']"),
         "10:15: threshold \"http_reqs\": \"count=5\": \"=\" is no comparison (did you mean \"==\"?)\n"},
        {"a limit in words", THRESHOLDS("http_reqs: ['count<many']"),
         "10:15: threshold \"http_reqs\": \"count<many\": \"many\" is no number to compare with\n"},
        {"a unit", THRESHOLDS("http_req_duration: ['p(95)<50ms']"),
         "10:23: threshold \"http_req_duration\": \"p(95)<50ms\": \"ms\" stands behind the limit (latencies are in ms, "
         "without a unit)\n"},
        {"per cent", THRESHOLDS("http_req_failed: ['rate<5%']"),
         "10:21: threshold \"http_req_failed\": \"rate<5%\": \"5%\" must be a share from 0 to 1 (5% is 0.05)\n"},
        {"a rate above one", THRESHOLDS("http_req_failed: ['rate<5']"),
         "10:21: threshold \"http_req_failed\": \"rate<5\": a rate lies between 0 and 1, and the limit is 5\n"},
        {"a percentile beyond all", THRESHOLDS("http_req_duration: ['p(101)<5']"),
         "10:23: threshold \"http_req_duration\": \"p(101)<5\": \"p(101)\" is not between p(0) and p(100)\n"},
        {"a percentile without a number", THRESHOLDS("http_req_duration: ['p()<5']"),
         "10:23: threshold \"http_req_duration\": \"p()<5\": \"p()\" is no percentile like p(95) or p(99.9)\n"},
        {"nothing", THRESHOLDS("http_reqs: ['']"),
         "10:15: threshold \"http_reqs\": \"\": nothing stands before the comparison (like p(95) or rate)\n"},
        {"an empty list", THRESHOLDS("http_reqs: []"), "10:14: threshold \"http_reqs\" has no expression\n"},
        {"no value", THRESHOLDS("http_reqs: "), "10:13: an expression in threshold \"http_reqs\" has no value\n"},
        {"a misspelt key", THRESHOLDS("http_reqs: [ { threshold: 'count>0', abortOnFial: true } ]"),
         "10:40: unknown key \"abortOnFial\" in threshold \"http_reqs\" (did you mean \"abortOnFail\"?)\n"},
        {"no threshold", THRESHOLDS("http_reqs: [ { abortOnFail: true } ]"),
         "10:3: threshold \"http_reqs\" needs a key \"threshold\"\n"},
        {"a window of half a second", THRESHOLDS("http_reqs: [ { threshold: 'rate>0', window: 500ms } ]"),
         "10:47: \"window\" in threshold \"http_reqs\" must be whole seconds, as figures come\n"},
        {"a window without a unit", THRESHOLDS("http_reqs: [ { threshold: 'rate>0', window: 30 } ]"),
         "10:47: \"window\" in threshold \"http_reqs\": \"30\" has no unit (did you mean \"30s\"?)\n"},
        {"a scenario that is warm-up",
         TARGETS KEYS_AND_STEPS(
                 "executor: constant-vus, duration: 1s, isWarmup: true",
                 "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx } } ]") "thresholds:\n"
                                                                                               "  "
                                                                                               "'http_reqs{scenario:s}'"
                                                                                               ": ['count>0']\n",
         "10:3: threshold \"http_reqs{scenario:s}\": thresholds leave out what isWarmup\n"},
        {"a selector where no scenario could be read",
         "scenarios: []\n"
         "thresholds: { 'vus{step:a}': ['value>0'] }\n",
         "1:12: \"scenarios\" in the plan must be a mapping, not a list\n"},
        {"thresholds as a list", TARGETS SCENARIO "thresholds: [a]\n",
         "9:13: \"thresholds\" in the plan must be a mapping, not a list\n"},
};

static void test_plan_refuses_thresholds_that_cannot_be_judged(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_thresholds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_refuses_thresholds_that_cannot_be_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
