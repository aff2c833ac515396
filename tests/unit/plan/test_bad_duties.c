/* SPDX-License-Identifier: Apache-2.0 */
/* Bad plans: setup, teardown and readers, placement, and thresholds on what readers read. */
#include "tests/unit/plan/bad_plan.h"

static const struct bad_plan bad_duties[] = {
        {"setup as a mapping", "setup: { null: {} }\n" TARGETS SCENARIO,
         "1:8: \"setup\" in the plan must be a list, not a mapping\n"},
        {"setup without a value", "setup:\n" TARGETS SCENARIO, "1:7: \"setup\" in the plan has no value\n"},
        {"a setup that is a text", "setup: [ null ]\n" TARGETS SCENARIO,
         "1:10: a setup in the plan must be a mapping, not a text\n"},
        {"two kinds in one item", "teardown: [ { null: {}, name: a } ]\n" TARGETS SCENARIO,
         "1:13: a teardown in the plan must hold one kind with its keys nested in it, not 2 keys\n"},
        {"a kind that is not built", "setup: [ http: { target: api, get: / } ]\n" TARGETS SCENARIO,
         "1:10: setup \"http\" in the plan is not built yet (null is)\n"},
        {"an unknown kind", "readers: [ nul: { value: 1 } ]\n" TARGETS SCENARIO,
         "1:12: unknown reader \"nul\" in the plan (did you mean \"null\"?): null, lag and cluster are built\n"},
        {"think as a setup", "setup: [ think: 1s ]\n" TARGETS SCENARIO,
         "1:10: unknown setup \"think\" in the plan: null is built\n"},
        {"an unknown key", "setup: [ null: { value: { a: b } } ]\n" TARGETS SCENARIO,
         "1:18: unknown key \"value\" in setup \"setup-1\" (did you mean \"values\"?)\n"},
        {"a setup's key in a teardown", "teardown: [ null: { name: t, values: { a: b } } ]\n" TARGETS SCENARIO,
         "1:30: unknown key \"values\" in teardown \"t\"\n"},
        {"a reader without a value", "readers: [ null: {} ]\n" TARGETS SCENARIO,
         "1:12: reader \"reader-1\" needs a key \"value\"\n"},
        {"a reader that never reads", "readers: [ null: { every: 0s, value: 1 } ]\n" TARGETS SCENARIO,
         "1:27: \"every\" in reader \"reader-1\": \"0s\" must be more than 0\n"},
        {"a reader in a hurry", "readers: [ null: { every: 10ms, value: 1 } ]\n" TARGETS SCENARIO,
         "1:27: \"every\" in reader \"reader-1\": \"10ms\" is less than 100ms\n"},
        {"a reader of a text", "readers: [ null: { value: much } ]\n" TARGETS SCENARIO,
         "1:27: \"value\" in reader \"reader-1\": \"much\" is not a number\n"},
        {"a flag that is none", "setup: [ null: { fails: 1 } ]\n" TARGETS SCENARIO,
         "1:25: \"fails\" in setup \"setup-1\": \"1\" is neither true nor false\n"},
        {"a target that does not exist", "setup: [ null: { target: nill } ]\n" TARGETS SCENARIO,
         "1:26: target \"nill\" of setup \"setup-1\" does not exist (did you mean \"nil\"?)\n"},
        {"a target of another kind", "setup: [ null: { target: api } ]\n" TARGETS SCENARIO,
         "1:26: target \"api\" of setup \"setup-1\" is of kind http, and it needs one of kind null (did you mean "
         "\"nil\"?)\n"},
        {"a name that selectors could not take", "setup: [ null: { name: 'a,b' } ]\n" TARGETS SCENARIO,
         "1:24: the name \"a,b\" of a duty holds a ','\n"},
        {"two of one name",
         "setup: [ null: { name: a } ]\n"
         "readers: [ null: { name: a, value: 1 } ]\n" TARGETS SCENARIO,
         "2:12: the plan has two duties named \"a\" (the other at line 1)\n"},
};

static const struct bad_plan bad_values[] = {
        {"a name that nobody sets",
         "setup: [ null: { values: { token: x } } ]\n" TARGETS STEPS("[ null: { group: '{{tokn}}' } ]"),
         "9:32: \"group\" in step \"null-1\" of scenario \"s\": nothing sets {{tokn}} (did you mean \"token\"?)\n"},
        {"a name that is none", "setup: [ null: { values: { 'a b': x } } ]\n" TARGETS SCENARIO,
         "1:28: \"a b\" is not a name: it takes letters, digits, _ - and ., and starts with no digit\n"},
        {"a built-in name", "setup: [ null: { values: { vu: x } } ]\n" TARGETS SCENARIO,
         "1:28: \"vu\" is a built-in name of templates and cannot be set\n"},
        {"a variable's name",
         "variables: { a: 1 }\n"
         "setup: [ null: { values: { a: x } } ]\n" TARGETS SCENARIO,
         "2:28: value \"a\" in setup \"setup-1\" is already set by \"variables\"\n"},
        {"a feed's name",
         "data: { a: { csv: rows.csv, column: id } }\n"
         "setup: [ null: { values: { a: x } } ]\n" TARGETS SCENARIO,
         "2:28: value \"a\" in setup \"setup-1\" is already set by \"data\"\n"},
        {"another setup's name",
         "setup: [ null: { values: { a: x } }, null: { name: b, values: { a: y } } ]\n" TARGETS SCENARIO,
         "1:65: value \"a\" in setup \"b\" is already set by another setup\n"},
        {"a save of that name",
         "setup: [ null: { values: { a: x } } ]\n" TARGETS STEPS(
                 "[ http: { target: api, get: /, save: { a: 'header:A' } } ]"),
         "9:51: save \"a\" in step \"http-1\" of scenario \"s\" is already set by \"setup\"\n"},
        {"a value of a later setup",
         "setup: [ null: { values: { a: '{{b}}' } }, null: { values: { b: x } } ]\n" TARGETS SCENARIO,
         "1:31: \"a\" in setup \"setup-1\" needs {{b}}, which no setup before it sets\n"},
        {"a value of the same setup", "setup: [ null: { values: { a: x, b: '{{a}}' } } ]\n" TARGETS SCENARIO,
         "1:37: \"b\" in setup \"setup-1\" needs {{a}}, which no setup before it sets\n"},
        {"a row of data",
         "data: { id: { csv: rows.csv, column: id } }\n"
         "setup: [ null: { values: { a: '{{id}}' } } ]\n" TARGETS SCENARIO,
         "2:31: \"a\" in setup \"setup-1\" needs {{id}}, which only iterations have\n"},
        {"a saved value",
         "setup: [ null: { values: { a: '{{e}}' } } ]\n" TARGETS STEPS(
                 "[ http: { target: api, get: /, save: { e: 'header:E' } } ]"),
         "1:31: \"a\" in setup \"setup-1\" needs {{e}}, which only iterations have\n"},
        {"a user's number", "setup: [ null: { values: { a: 'x{{vu}}' } } ]\n" TARGETS SCENARIO,
         "1:31: \"a\" in setup \"setup-1\" needs {{vu}} or {{iteration}}, which only iterations have\n"},
        {"a value that is a list", "setup: [ null: { values: { a: [b] } } ]\n" TARGETS SCENARIO,
         "1:31: \"a\" in setup \"setup-1\" must be a single value, not a list\n"},
};

static const struct bad_plan bad_placement[] = {
        {"runOn as a text", TARGETS KEYS("executor: constant-vus, duration: 1s, runOn: eu"),
         "7:53: \"runOn\" in scenario \"s\" must be a mapping, not a text\n"},
        {"a tag that no agent can have", TARGETS KEYS("executor: constant-vus, duration: 1s, runOn: { 'a b': c }"),
         "7:55: the name \"a b\" of a tag holds a blank\n"},
        {"minAgents of zero", TARGETS KEYS("executor: constant-vus, duration: 1s, minAgents: 0"),
         "7:57: \"minAgents\" in scenario \"s\": \"0\" must be more than 0\n"},
        {"minAgents beyond all agents", TARGETS KEYS("executor: constant-vus, duration: 1s, minAgents: 20001"),
         "7:57: \"minAgents\" in scenario \"s\": \"20001\" is more than 20000\n"},
        {"runOn misspelt", TARGETS KEYS("executor: constant-vus, duration: 1s, runsOn: { a: b }"),
         "7:46: unknown key \"runsOn\" in scenario \"s\" (did you mean \"runOn\"?)\n"},
};

#define READERS "readers: [ null: { name: level, value: 1 } ]\n"

static const struct bad_plan bad_reading_thresholds[] = {
        {"no reader", TARGETS SCENARIO "thresholds: { null_reading: 'max<5' }\n",
         "9:15: threshold \"null_reading\": no reader of the plan reads null_reading\n"},
        {"a scenario's reading", READERS TARGETS SCENARIO "thresholds: { 'null_reading{scenario:s}': 'max<5' }\n",
         "10:15: threshold \"null_reading{scenario:s}\": null_reading is read for the whole run, not for scenarios\n"},
        {"another reader", READERS TARGETS SCENARIO "thresholds: { 'null_reading{label:levle}': 'max<5' }\n",
         "10:15: threshold \"null_reading{label:levle}\": no reader is called \"levle\" (did you mean \"level\"?)\n"},
        {"a figure of counters", READERS TARGETS SCENARIO "thresholds: { null_reading: 'count<5' }\n",
         "10:29: threshold \"null_reading\": \"count<5\": \"count\" is nothing that a gauge has (it has value, avg, "
         "min, max)\n"},
};

static void test_plan_refuses_bad_duties(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_duties);
}

static void test_plan_refuses_bad_values_of_setups(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_values);
}

static void test_plan_refuses_bad_placement(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_placement);
}

static void test_plan_refuses_bad_thresholds_on_readings(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_reading_thresholds);
}

static void test_plan_refuses_more_duties_than_the_limit(void **state)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	char text[16384], errors[512];
	size_t used = (size_t)snprintf(text, sizeof(text), "setup: [");

	(void)state;
	for (int i = 0; i < 256; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " null: {},");
	snprintf(text + used, sizeof(text) - used, " ]\nteardown: [ null: {} ]\n" SCENARIO);
	assert_int_equal(plan_parse(text, strlen(text), NULL, 0, &failures, &plan), -EINVAL);
	format_errors(&failures, errors, sizeof(errors));
	assert_string_equal(errors, "2:11: the plan has more than 256 setups, teardowns and readers\n");
	failures_deinit(&failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_refuses_bad_duties),
	        cmocka_unit_test(test_plan_refuses_bad_values_of_setups),
	        cmocka_unit_test(test_plan_refuses_bad_placement),
	        cmocka_unit_test(test_plan_refuses_bad_thresholds_on_readings),
	        cmocka_unit_test(test_plan_refuses_more_duties_than_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
