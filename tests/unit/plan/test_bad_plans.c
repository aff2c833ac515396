/* SPDX-License-Identifier: Apache-2.0 */
/* Bad plans: the YAML, the top level, variables and targets. */
#include "tests/unit/plan/bad_plan.h"

static const struct bad_plan bad_document[] = {
        {"a text that is no YAML",
         "name: [a\n"
         "b: c\n",
         "2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence from line 1\n"},
        {"a tab",
         "name: a\n"
         "\tb: c\n",
         "2:1: not YAML: found a tab character that violates indentation while scanning a plain scalar from line 1 (a "
         "tab; YAML indents with blanks)\n"},
        {"nothing", "", "1:1: the plan is empty\n"},
        {"only a comment", "# nothing\n", "1:1: the plan is empty\n"},
        {"a tilde", "~\n", "1:1: the plan is empty\n"},
        {"a list", "- a\n", "1:1: a plan must be a mapping, not a list\n"},
        {"a text", "hello\n", "1:1: a plan must be a mapping, not a text\n"},
        {"two documents",
         TARGETS SCENARIO "---\n"
                          "name: b\n",
         "9:1: a second YAML document begins here; a plan is one\n"},
        {"a duplicate key",
         "name: a\n"
         "name: b\n" TARGETS SCENARIO,
         "2:1: duplicate key \"name\" (first at line 1)\n"},
        {"a duplicate scenario",
         TARGETS "scenarios:\n"
                 "  s: { executor: constant-vus, duration: 1s, steps: [ null: {} ] }\n"
                 "  s: { executor: constant-vus, duration: 1s, steps: [ null: {} ] }\n",
         "8:3: duplicate key \"s\" (first at line 7)\n"},
        {"a duplicate key that an alias brings", TARGETS KEYS("executor: constant-vus, &k duration: 1s, *k : 2s"),
         "7:49: duplicate key \"duration\" (first at line 7)\n"},
        {"a list as a key",
         "? [a]\n"
         ": b\n",
         "1:3: a key must be a text, not a list\n"},
        {"a merge key",
         "scenarios:\n"
         "  a: &a { executor: constant-vus, duration: 1s, steps: [ null: {} ] }\n"
         "  b: { <<: *a, duration: 2s }\n",
         "3:8: unknown key \"<<\": mappings are not merged; write the keys out, or let an alias stand for the whole "
         "value\n"},
        {"an alias without an anchor", "name: *x\n", "1:7: alias \"*x\" has no anchor \"&x\" before it\n"},
        {"an alias that refers to itself",
         "scenarios: &a\n"
         "  s: *a\n",
         "2:6: alias \"*a\" refers to itself\n"},
        {"a NUL byte", "name: \"a\\0b\"\n", "1:7: a text must not hold a NUL byte\n"},
        {"a bad escape", "name: \"a\\q\"\n",
         "1:9: not YAML: found unknown escape character while parsing a quoted scalar from line 1\n"},
        {"an unclosed quote",
         "name: \"a\n"
         "b\n",
         "3:1: not YAML: found unexpected end of stream while scanning a quoted scalar from line 1\n"},
        {"aliases that explode",
         "tags:\n"
         "  a: &a [x,x,x,x,x,x,x,x,x,x]\n"
         "  b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
         "  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "  d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
         "  e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
         "6:31: the aliases up to here stand for more than 100000 values\n"},
        {"deep nesting", "name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
         "1:38: the plan is nested deeper than 32 levels\n"},
        {"deep nesting by an alias",
         "a: &a [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]\n"
         "b: [[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]\n",
         "2:23: the plan is nested deeper than 32 levels\n"},
};

static const struct bad_plan bad_top[] = {
        {"no scenarios", "name: a\n", "1:1: the plan needs a key \"scenarios\"\n"},
        {"empty scenarios", "scenarios: {}\n", "1:12: the plan has 0 scenarios; it needs from 1 to 256\n"},
        {"scenarios as a list", "scenarios: [a]\n", "1:12: \"scenarios\" in the plan must be a mapping, not a list\n"},
        {"an unknown key", "nam: a\n" TARGETS SCENARIO,
         "1:1: unknown key \"nam\" in the plan (did you mean \"name\"?)\n"},
        {"an elastic that is no flag", "elastic: yes\n" TARGETS SCENARIO,
         "1:10: \"elastic\" in the plan: \"yes\" is neither true nor false\n"},
        {"an elastic that is misspelt", "elasticc: true\n" TARGETS SCENARIO,
         "1:1: unknown key \"elasticc\" in the plan (did you mean \"elastic\"?)\n"},
        {"another onAgentLoss", "onAgentLoss: fial\n" TARGETS SCENARIO,
         "1:14: \"onAgentLoss\" in the plan: \"fial\" is not one of continue, fail, redistribute (did you mean "
         "\"fail\"?)\n"},
        {"redistribute misspelt", "onAgentLoss: redistrbute\n" TARGETS SCENARIO,
         "1:14: \"onAgentLoss\" in the plan: \"redistrbute\" is not one of continue, fail, redistribute (did you mean "
         "\"redistribute\"?)\n"},
        {"a warmup without a unit", "warmup: 30\n" TARGETS SCENARIO,
         "1:9: \"warmup\" in the plan: \"30\" has no unit (did you mean \"30s\"?)\n"},
        {"a warmup longer than the run", "warmup: 2s\n" TARGETS SCENARIO,
         "1:9: \"warmup\" in the plan: 2s leaves nothing of the 1s that the scenarios last\n"},
        {"lostAfter of zero", "lostAfter: 0s\n" TARGETS SCENARIO,
         "1:12: \"lostAfter\" in the plan: \"0s\" must be more than 0\n"},
        {"maxGroups too many", "maxGroups: 100001\n" TARGETS SCENARIO,
         "1:12: \"maxGroups\" in the plan: \"100001\" is more than 100000\n"},
        {"maxGroups as a text", "maxGroups: many\n" TARGETS SCENARIO,
         "1:12: \"maxGroups\" in the plan: \"many\" is not a whole number\n"},
        {"a group's status that isn't", "groupStatus: { varible: { slow: 5% } }\n" SCENARIO,
         "1:16: unknown key \"varible\" in \"groupStatus\" (did you mean \"variable\"?)\n"},
        {"a share of slow ones above all", "groupStatus: { timeouts: { slow: 2 } }\n" SCENARIO,
         "1:34: \"slow\" in \"timeouts\" of \"groupStatus\": \"2\" is not a share like 5% or 0.05\n"},
        {"maxGroups of zero", "maxGroups: 0\n" TARGETS SCENARIO,
         "1:12: \"maxGroups\" in the plan: \"0\" must be more than 0\n"},
        {"buckets that fall", "buckets: [300ms, 100ms]\n" TARGETS SCENARIO,
         "1:18: \"buckets\" in the plan: \"100ms\" is not above the edge before\n"},
        {"buckets without units", "buckets: [100, 300]\n" TARGETS SCENARIO,
         "1:11: \"buckets\" in the plan: \"100\" has no unit (did you mean \"100ms\"?)\n"},
        {"a bucket below a microsecond", "buckets: [100ns]\n" TARGETS SCENARIO,
         "1:11: \"buckets\" in the plan: \"100ns\" is no whole microsecond\n"},
        {"a bucket alone", "buckets: 100ms\n" TARGETS SCENARIO,
         "1:10: \"buckets\" in the plan must be a list, not a text\n"},
        {"too many buckets",
         "buckets: [1ms, 2ms, 3ms, 4ms, 5ms, 6ms, 7ms, 8ms, 9ms, 10ms, 11ms, 12ms, 13ms, 14ms, 15ms, 16ms]\n" TARGETS
                 SCENARIO,
         "1:10: \"buckets\" in the plan has 16 edges; it may have 15\n"},
        {"a name without a value", "name:\n" TARGETS SCENARIO, "1:6: \"name\" in the plan has no value\n"},
        {"a name as a list", "name: [a]\n" TARGETS SCENARIO,
         "1:7: \"name\" in the plan must be a single value, not a list\n"},
        {"an empty name", "name: ''\n" TARGETS SCENARIO, "1:7: the name of the plan is empty\n"},
        {"a resolvedFrom that is no digest", "resolvedFrom: abc\n" TARGETS SCENARIO,
         "1:15: \"resolvedFrom\" in the plan is not a SHA-256 in lower-case hex\n"},
        {"tags as a list", "tags: [a]\n" TARGETS SCENARIO, "1:7: \"tags\" in the plan must be a mapping, not a list\n"},
        {"a tag without a value", "tags: { a: }\n" TARGETS SCENARIO, "1:12: \"a\" in the plan has no value\n"},
};

static const struct bad_plan bad_variables[] = {
        {"one that is never set",
         "variables: { duration: 1s }\n" KEYS("executor: constant-vus, duration: '${duratoin}'"),
         "3:43: variable \"duratoin\" is never set (did you mean \"duration\"?): set it by -e duratoin=..., the "
         "environment or \"variables\"\n"},
        {"one that is never set, with nothing near", TARGETS STEPS("[ null: { latency: '${x}' } ]"),
         "8:32: variable \"x\" is never set: set it by -e x=..., the environment or \"variables\"\n"},
        {"one that refers to itself", "variables: { a: '${b}', b: '${a}' }\n" TARGETS SCENARIO,
         "1:29: variable \"a\" refers to itself\n"},
        {"an open brace", "name: '${x'\n" TARGETS SCENARIO,
         "1:8: \"${\" begins no ${NAME} here (write \"$${\" for the two characters themselves)\n"},
        {"no name", "name: 'a ${} b'\n" TARGETS SCENARIO,
         "1:10: \"${\" begins no ${NAME} here (write \"$${\" for the two characters themselves)\n"},
        {"a blank in the name", "name: '${a b}'\n" TARGETS SCENARIO,
         "1:8: \"${\" begins no ${NAME} here (write \"$${\" for the two characters themselves)\n"},
        {"a variable with a list", "variables: { a: [b] }\n" TARGETS SCENARIO,
         "1:17: \"a\" in the plan's variables must be a single value, not a list\n"},
        {"variables as a list", "variables: [a]\n" TARGETS SCENARIO,
         "1:12: \"variables\" in the plan must be a mapping, not a list\n"},
        {"a built-in name", "variables: { vu: 1 }\n" TARGETS SCENARIO,
         "1:14: \"vu\" is a built-in name of templates and cannot be set\n"},
        {"a name with a blank", "variables: { 'a b': 1 }\n" TARGETS SCENARIO,
         "1:14: \"a b\" is not a name: it takes letters, digits, _ - and ., and starts with no digit\n"},
        {"in the middle of a text",
         "variables: { a: b }\n"
         "name: xx ${A}\n" TARGETS SCENARIO,
         "2:10: variable \"A\" is never set (did you mean \"a\"?): set it by -e A=..., the environment or "
         "\"variables\"\n"},
        {"a wrong value from a variable", "variables: { d: 30 }\n" KEYS("executor: constant-vus, duration: '${d}'"),
         "3:42: \"duration\" in scenario \"s\": \"30\" has no unit (did you mean \"30s\"?)\n"},
};

static const struct bad_plan bad_targets[] = {
        {"an unknown kind", "targets: { api: { htp: {} } }\n" SCENARIO,
         "1:19: unknown kind \"htp\" of target \"api\" (did you mean \"http\"?): null, kafka, http and postgres are "
         "built\n"},
        {"two kinds", "targets: { api: { http: {}, kafka: {} } }\n" SCENARIO,
         "1:17: target \"api\" must hold one kind: null, kafka, http or postgres\n"},
        {"no kind", "targets: { api: {} }\n" SCENARIO,
         "1:17: target \"api\" must hold one kind: null, kafka, http or postgres\n"},
        {"a target as a text", "targets: { api: http }\n" SCENARIO,
         "1:17: \"api\" in the plan's targets must be a mapping, not a text\n"},
        {"targets as a list", "targets: [api]\n" SCENARIO,
         "1:10: \"targets\" in the plan must be a mapping, not a list\n"},
        {"a name with a blank", "targets: { 'a b': { null: {} } }\n" SCENARIO,
         "1:12: the name \"a b\" of a target holds a blank\n"},
        {"http without baseUrl", "targets: { api: { http: {} } }\n" SCENARIO,
         "1:12: target \"api\" needs a key \"baseUrl\"\n"},
        {"http with nothing", "targets: { api: { http: } }\n" SCENARIO,
         "1:25: \"http\" in target \"api\" has no value\n"},
        {"http with a key of another", "targets: { api: { http: { baseUrl: 'http://h', url: x } } }\n" SCENARIO,
         "1:48: unknown key \"url\" in target \"api\" (did you mean \"baseUrl\"?)\n"},
        {"http with url", "targets: { api: { http: { url: 'http://h' } } }\n" SCENARIO,
         "1:27: unknown key \"url\" in target \"api\" (did you mean \"baseUrl\"?)\n"},
        {"a URL without a scheme", "targets: { api: { http: { baseUrl: 'localhost:8000' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"localhost:8000\" does not begin with http:// or https://\n"},
        {"a URL without a host", "targets: { api: { http: { baseUrl: 'http:///x' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http:///x\" has no host\n"},
        {"a URL with a bad port", "targets: { api: { http: { baseUrl: 'http://h:99999/' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http://h:99999/\" has no port from 1 to 65535\n"},
        {"a URL with an empty port", "targets: { api: { http: { baseUrl: 'http://h:' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http://h:\" has no port from 1 to 65535\n"},
        {"a URL with a password", "targets: { api: { http: { baseUrl: 'http://u:p@h/' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http://u:p@h/\" holds a user or password; send them in a header\n"},
        {"a URL with a query", "targets: { api: { http: { baseUrl: 'http://h/?a=b' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http://h/?a=b\" holds a query or fragment; a target's address has "
         "none\n"},
        {"a URL with a blank", "targets: { api: { http: { baseUrl: 'http://h /' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http://h /\" holds a blank or control character\n"},
        {"a URL with a template", "targets: { api: { http: { baseUrl: 'http://{{vu}}/' } } }\n" SCENARIO,
         "1:36: \"baseUrl\" in target \"api\": \"http://{{vu}}/\" holds {{...}}; a target's address is fixed (use "
         "${NAME})\n"},
        {"a timeout without a unit", "targets: { api: { http: { baseUrl: 'http://h', timeout: 5 } } }\n" SCENARIO,
         "1:57: \"timeout\" in target \"api\": \"5\" has no unit (did you mean \"5s\"?)\n"},
        {"a header with a blank",
         "targets: { api: { http: { baseUrl: 'http://h', headers: { 'X Y': a } } } }\n" SCENARIO,
         "1:59: \"X Y\" in target \"api\" is no name of an HTTP header\n"},
        {"a header template that nothing sets",
         "targets: { api: { http: { baseUrl: 'http://h', headers: { X: '{{nobody}}' } } } }\n" SCENARIO,
         "1:65: \"X\" in target \"api\": nothing sets {{nobody}}\n"},
        {"kafka without brokers", "targets: { k: { kafka: {} } }\n" SCENARIO,
         "1:12: target \"k\" needs a key \"brokers\"\n"},
        {"kafka with bootstrap.servers", "targets: { k: { kafka: { bootstrap.servers: b } } }\n" SCENARIO,
         "1:26: unknown key \"bootstrap.servers\" in target \"k\" (did you mean \"brokers\"?)\n"},
        {"empty brokers", "targets: { k: { kafka: { brokers: ' ,' } } }\n" SCENARIO,
         "1:35: \"brokers\" in target \"k\" names no broker\n"},
        {"an unknown property", "targets: { k: { kafka: { brokers: b, properties: { lingr.ms: 5 } } } }\n" SCENARIO,
         "1:52: property \"lingr.ms\" in target \"k\": librdkafka has no such property (did you mean "
         "\"linger.ms\"?)\n"},
        {"a property's wrong value",
         "targets: { k: { kafka: { brokers: b, properties: { linger.ms: soon } } } }\n" SCENARIO,
         "1:52: property \"linger.ms\" in target \"k\": Invalid value for configuration property "
         "\"queue.buffering.max.ms\"\n"},
        {"a property out of range",
         "targets: { k: { kafka: { brokers: b, properties: { message.max.bytes: 5 } } } }\n" SCENARIO,
         "1:52: property \"message.max.bytes\" in target \"k\": Configuration property \"message.max.bytes\" value 5 "
         "is outside allowed range 1000..1000000000\n"},
        {"a property of programs", "targets: { k: { kafka: { brokers: b, properties: { dr_msg_cb: x } } } }\n" SCENARIO,
         "1:52: property \"dr_msg_cb\" in target \"k\": it is set by programs only, not by text\n"},
        {"a plugin", "targets: { k: { kafka: { brokers: b, properties: { plugin.library.paths: x } } } }\n" SCENARIO,
         "1:52: property \"plugin.library.paths\" in target \"k\": plugins are not loaded\n"},
        {"brokers as a property",
         "targets: { k: { kafka: { brokers: b, properties: { bootstrap.servers: x } } } }\n" SCENARIO,
         "1:52: property \"bootstrap.servers\" in target \"k\": it is the target's own key \"brokers\"\n"},
        {"a property as a list", "targets: { k: { kafka: { brokers: b, properties: { acks: [1] } } } }\n" SCENARIO,
         "1:58: \"acks\" in target \"k\" must be a single value, not a list\n"},
        {"a uri of another kind", "targets: { d: { postgres: { uri: 'http://h' } } }\n" SCENARIO,
         "1:34: \"uri\" in target \"d\": \"http://h\" is neither postgresql://... nor a list like host=... "
         "dbname=...\n"},
        {"no connections", "targets: { d: { postgres: { uri: 'postgresql://h/d', connections: 0 } } }\n" SCENARIO,
         "1:67: \"connections\" in target \"d\": \"0\" must be more than 0\n"},
        {"poolSize", "targets: { d: { postgres: { uri: 'postgresql://h/d', poolSize: 3 } } }\n" SCENARIO,
         "1:54: unknown key \"poolSize\" in target \"d\" (did you mean \"connections\"?)\n"},
        {"null with a key", "targets: { n: { null: { a: b } } }\n" SCENARIO,
         "1:25: unknown key \"a\" in target \"n\"\n"},
};

static const struct bad_plan bad_many[] = {
        {"all are found",
         "nam: a\n" TARGETS "scenarios:\n"
         "  s:\n"
         "    executor: constant-arrival-rate\n"
         "    rat: 5\n"
         "    duration: 30\n"
         "    steps:\n"
         "      - http: { target: ap, gett: / }\n"
         "      - think: 5\n"
         "thresholds:\n"
         "  nothing: ['count>0']\n",
         "1:1: unknown key \"nam\" in the plan (did you mean \"name\"?)\n"
         "10:5: unknown key \"rat\" in scenario \"s\" (did you mean \"rate\"?)\n"
         "11:15: \"duration\" in scenario \"s\": \"30\" has no unit (did you mean \"30s\"?)\n"
         "13:25: target \"ap\" of step \"http-1\" of scenario \"s\" does not exist (did you mean \"api\"?)\n"
         "13:29: unknown key \"gett\" in step \"http-1\" of scenario \"s\" (did you mean \"get\"?)\n"
         "14:16: \"think\" in step \"think-2\" of scenario \"s\": \"5\" has no unit (did you mean \"5s\"?)\n"
         "16:3: threshold \"nothing\": unknown metric \"nothing\"\n"},
};

static void test_plan_refuses_what_is_no_bounded_yaml(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_document);
}

static void test_plan_refuses_bad_keys_at_the_top(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_top);
}

static void test_plan_refuses_variables_that_cannot_be_replaced(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_variables);
}

static void test_plan_refuses_bad_targets(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_targets);
}

static void test_plan_reports_every_error_not_the_first_alone(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_refuses_what_is_no_bounded_yaml),
	        cmocka_unit_test(test_plan_refuses_bad_keys_at_the_top),
	        cmocka_unit_test(test_plan_refuses_variables_that_cannot_be_replaced),
	        cmocka_unit_test(test_plan_refuses_bad_targets),
	        cmocka_unit_test(test_plan_reports_every_error_not_the_first_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
