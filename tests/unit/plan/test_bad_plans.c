/* SPDX-License-Identifier: Apache-2.0 */
/* Bad plans: what is wrong, where, and what was probably meant, word for word. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/plan.h"

struct bad {
	const char *what;
	const char *plan;
	const char *errors; /* one a line, in the file's order */
};

/* Lines 1 to 5 of most plans here, and the scenario behind them. */
#define TARGETS                                                                                                        \
	"targets:\n"                                                                                                   \
	"  api: { http: { baseUrl: 'http://h:80' } }\n"                                                                \
	"  stream: { kafka: { brokers: b:9092 } }\n"                                                                   \
	"  db: { postgres: { uri: 'postgresql://h/d' } }\n"                                                            \
	"  nil: { null: {} }\n"
#define KEYS_AND_STEPS(keys, steps) "scenarios:\n  s: { " keys ",\n    steps: " steps " }\n"
#define KEYS(keys) KEYS_AND_STEPS(keys, "[ null: {} ]")
#define STEPS(steps) KEYS_AND_STEPS("executor: constant-vus, duration: 1s", steps)
#define SCENARIO STEPS("[ null: {} ]")

static const struct bad bad_document[] = {
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
         "6:6: the plan has more than 100000 values once its aliases are expanded\n"},
        {"deep nesting", "name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
         "1:38: the plan is nested deeper than 32 levels\n"},
        {"deep nesting by an alias",
         "a: &a [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]\n"
         "b: [[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]\n",
         "2:23: the plan is nested deeper than 32 levels\n"},
};

static const struct bad bad_top[] = {
        {"no scenarios", "name: a\n", "1:1: the plan needs a key \"scenarios\"\n"},
        {"empty scenarios", "scenarios: {}\n", "1:12: the plan has 0 scenarios; it needs from 1 to 256\n"},
        {"scenarios as a list", "scenarios: [a]\n", "1:12: \"scenarios\" in the plan must be a mapping, not a list\n"},
        {"an unknown key", "nam: a\n" TARGETS SCENARIO,
         "1:1: unknown key \"nam\" in the plan (did you mean \"name\"?)\n"},
        {"a key that is not built", "elastic: true\n" TARGETS SCENARIO,
         "1:1: \"elastic\" in the plan is not built yet\n"},
        {"redistribute", "onAgentLoss: redistribute\n" TARGETS SCENARIO,
         "1:14: \"onAgentLoss\" in the plan: \"redistribute\" is not built yet (continue and fail are)\n"},
        {"another onAgentLoss", "onAgentLoss: fial\n" TARGETS SCENARIO,
         "1:14: \"onAgentLoss\" in the plan: \"fial\" is not one of continue, fail (did you mean \"fail\"?)\n"},
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

static const struct bad bad_variables[] = {
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

static const struct bad bad_targets[] = {
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

static const struct bad bad_executors[] = {
        {"no executor", TARGETS KEYS("duration: 1s"), "7:3: scenario \"s\" needs a key \"executor\"\n"},
        {"an unknown executor", TARGETS KEYS("executor: constant-vu, duration: 1s"),
         "7:18: \"executor\" in scenario \"s\": \"constant-vu\" is not one of constant-vus, ramping-vus, "
         "per-vu-iterations, shared-iterations, constant-arrival-rate, ramping-arrival-rate (did you mean "
         "\"constant-vus\"?)\n"},
        {"an executor without hope", TARGETS KEYS("executor: zzz, duration: 1s"),
         "7:18: \"executor\" in scenario \"s\": \"zzz\" is not one of constant-vus, ramping-vus, per-vu-iterations, "
         "shared-iterations, constant-arrival-rate, ramping-arrival-rate\n"},
        {"a misspelt key", TARGETS KEYS("executor: constant-arrival-rate, rat: 5, duration: 1s"),
         "7:41: unknown key \"rat\" in scenario \"s\" (did you mean \"rate\"?)\n"},
        {"a key of another executor", TARGETS KEYS("executor: constant-vus, duration: 1s, iterations: 5"),
         "7:46: \"iterations\" in scenario \"s\" is not a key of executor constant-vus (it belongs to "
         "per-vu-iterations and shared-iterations)\n"},
        {"a key of one other executor", TARGETS KEYS("executor: constant-vus, duration: 1s, startVUs: 5"),
         "7:46: \"startVUs\" in scenario \"s\" is not a key of executor constant-vus (it belongs to ramping-vus)\n"},
        {"a duration of ramping-vus",
         TARGETS KEYS("executor: ramping-vus, duration: 1s, stages: [ { duration: 1s, target: 1 } ]"),
         "7:31: \"duration\" in scenario \"s\" is not a key of executor ramping-vus (it belongs to constant-vus and "
         "constant-arrival-rate)\n"},
        {"a duration without a unit", TARGETS KEYS("executor: constant-vus, duration: 30"),
         "7:42: \"duration\" in scenario \"s\": \"30\" has no unit (did you mean \"30s\"?)\n"},
        {"a duration in words", TARGETS KEYS("executor: constant-vus, duration: 30sec"),
         "7:42: \"duration\" in scenario \"s\": \"30sec\" is not a duration like 500ms, 30s or 1h30m\n"},
        {"a negative duration", TARGETS KEYS("executor: constant-vus, duration: -1s"),
         "7:42: \"duration\" in scenario \"s\": \"-1s\" is negative\n"},
        {"a duration of zero", TARGETS KEYS("executor: constant-vus, duration: 0s"),
         "7:42: \"duration\" in scenario \"s\": \"0s\" must be more than 0\n"},
        {"a duration of ages", TARGETS KEYS("executor: constant-vus, duration: 5000d"),
         "7:42: \"duration\" in scenario \"s\": \"5000d\" is too long\n"},
        {"a duration as a list", TARGETS KEYS("executor: constant-vus, duration: [1s]"),
         "7:42: \"duration\" in scenario \"s\" must be a single value, not a list\n"},
        {"a rate of zero", TARGETS KEYS("executor: constant-arrival-rate, rate: 0, duration: 1s"),
         "7:47: \"rate\" in scenario \"s\": \"0\" must be more than 0\n"},
        {"a negative rate", TARGETS KEYS("executor: constant-arrival-rate, rate: -5, duration: 1s"),
         "7:47: \"rate\" in scenario \"s\": \"-5\" is negative\n"},
        {"a rate in words", TARGETS KEYS("executor: constant-arrival-rate, rate: fast, duration: 1s"),
         "7:47: \"rate\" in scenario \"s\": \"fast\" is not a number\n"},
        {"a rate with a unit", TARGETS KEYS("executor: constant-arrival-rate, rate: 5/s, duration: 1s"),
         "7:47: \"rate\" in scenario \"s\": \"5/s\" is not a number\n"},
        {"a rate that is no number", TARGETS KEYS("executor: constant-arrival-rate, rate: nan, duration: 1s"),
         "7:47: \"rate\" in scenario \"s\": \"nan\" is not a number\n"},
        {"a hexadecimal rate", TARGETS KEYS("executor: constant-arrival-rate, rate: 0x10, duration: 1s"),
         "7:47: \"rate\" in scenario \"s\": \"0x10\" is not a number\n"},
        {"a rate beyond all",
         TARGETS KEYS("executor: constant-arrival-rate, rate: 1000000, timeUnit: 1ms, duration: 1s"),
         "7:3: scenario \"s\" has a rate of 1e+09 a second; it may have 1e+08\n"},
        {"no rate", TARGETS KEYS("executor: constant-arrival-rate, duration: 1s"),
         "7:3: scenario \"s\" needs a key \"rate\"\n"},
        {"vus of zero", TARGETS KEYS("executor: constant-vus, vus: 0, duration: 1s"),
         "7:37: \"vus\" in scenario \"s\": \"0\" must be more than 0\n"},
        {"half a VU", TARGETS KEYS("executor: constant-vus, vus: 1.5, duration: 1s"),
         "7:37: \"vus\" in scenario \"s\": \"1.5\" is not a whole number\n"},
        {"too many VUs", TARGETS KEYS("executor: constant-vus, vus: 1000001, duration: 1s"),
         "7:37: \"vus\" in scenario \"s\": \"1000001\" is more than 1000000\n"},
        {"negative VUs", TARGETS KEYS("executor: constant-vus, vus: -1, duration: 1s"),
         "7:37: \"vus\" in scenario \"s\": \"-1\" is not a whole number\n"},
        {"no stages", TARGETS KEYS("executor: ramping-vus"), "7:3: scenario \"s\" needs a key \"stages\"\n"},
        {"empty stages", TARGETS KEYS("executor: ramping-vus, stages: []"),
         "7:39: \"stages\" in scenario \"s\" has 0 stages; it needs from 1 to 4096\n"},
        {"a stage without a target", TARGETS KEYS("executor: ramping-vus, stages: [ { duration: 1s } ]"),
         "7:41: stage 1 of scenario \"s\" needs a key \"target\"\n"},
        {"a stage with a misspelt key", TARGETS KEYS("executor: ramping-vus, stages: [ { duraton: 1s, target: 1 } ]"),
         "7:43: unknown key \"duraton\" in stage 1 of scenario \"s\" (did you mean \"duration\"?)\n"},
        {"a stage of half a VU", TARGETS KEYS("executor: ramping-vus, stages: [ { duration: 1s, target: 1.5 } ]"),
         "7:65: \"target\" in stage 1 of scenario \"s\": \"1.5\" is no number of VUs up to 1000000\n"},
        {"a stage as a text", TARGETS KEYS("executor: ramping-vus, stages: [ 1s ]"),
         "7:41: a stage in scenario \"s\" must be a mapping, not a text\n"},
        {"stages that last no time", TARGETS KEYS("executor: ramping-vus, stages: [ { duration: 0, target: 5 } ]"),
         "7:39: \"stages\" in scenario \"s\" last no time in all\n"},
        {"stages without a VU",
         TARGETS KEYS("executor: ramping-vus, startVUs: 0, stages: [ { duration: 1s, target: 0 } ]"),
         "7:3: scenario \"s\" never starts anything: it has 0 VUs throughout\n"},
        {"stages without a rate",
         TARGETS KEYS("executor: ramping-arrival-rate, stages: [ { duration: 1s, target: 0 } ]"),
         "7:48: scenario \"s\" never starts anything: every rate in it is 0\n"},
        {"more preAllocatedVUs than maxVUs",
         TARGETS KEYS("executor: constant-arrival-rate, rate: 1, duration: 1s, preAllocatedVUs: 5, maxVUs: 4"),
         "7:92: \"maxVUs\" in scenario \"s\" is 4, less than its 5 preAllocatedVUs\n"},
        {"whenFull", TARGETS KEYS("executor: constant-arrival-rate, rate: 1, duration: 1s, whenFull: qeue"),
         "7:74: \"whenFull\" in scenario \"s\": \"qeue\" is not one of drop, queue (did you mean \"queue\"?)\n"},
        {"arrivals", TARGETS KEYS("executor: constant-arrival-rate, rate: 1, duration: 1s, arrivals: random"),
         "7:74: \"arrivals\" in scenario \"s\": \"random\" is not one of even, poisson\n"},
        {"pace of an open load", TARGETS KEYS("executor: constant-arrival-rate, rate: 1, duration: 1s, pace: 1s"),
         "7:64: \"pace\" in scenario \"s\" is not a key of executor constant-arrival-rate (it belongs to constant-vus, "
         "ramping-vus, per-vu-iterations and shared-iterations)\n"},
        {"producers without a produce step", TARGETS KEYS("executor: constant-vus, duration: 1s, producers: 3"),
         "7:57: \"producers\" in scenario \"s\": none of its steps is a produce step\n"},
        {"ratePerProducer without producers",
         TARGETS KEYS("executor: constant-arrival-rate, rate: 1, duration: 1s, ratePerProducer: true"),
         "7:81: \"ratePerProducer\" in scenario \"s\" needs the key \"producers\"\n"},
        {"a flag in words", TARGETS KEYS("executor: constant-vus, duration: 1s, isWarmup: yes"),
         "7:56: \"isWarmup\" in scenario \"s\": \"yes\" is neither true nor false\n"},
        {"exec as in k6", TARGETS KEYS("executor: constant-vus, duration: 1s, exec: f"),
         "7:46: unknown key \"exec\" in scenario \"s\" (did you mean \"steps\"?)\n"},
        {"a burst", TARGETS KEYS("executor: constant-vus, duration: 1s, burst: 5"),
         "7:46: \"burst\" in scenario \"s\" is not built yet\n"},
        {"a scenario's name with a bar",
         TARGETS "scenarios:\n"
                 "  'a|b': { executor: constant-vus, duration: 1s,\n"
                 "    steps: [ null: {} ] }\n",
         "7:3: the name \"a|b\" of a scenario holds a '|'\n"},
        {"a scenario's name with a blank",
         TARGETS "scenarios:\n"
                 "  a b: { executor: constant-vus, duration: 1s,\n"
                 "    steps: [ null: {} ] }\n",
         "7:3: the name \"a b\" of a scenario holds a blank\n"},
        {"an empty scenario's name",
         TARGETS "scenarios:\n"
                 "  '': { executor: constant-vus, duration: 1s,\n"
                 "    steps: [ null: {} ] }\n",
         "7:3: the name of a scenario is empty\n"},
        {"a long scenario's name",
         TARGETS "scenarios:\n"
                 "  "
                 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
                 "nnnnnnnnnnnnnnnnnnnnnnnnnnnn: { executor: constant-vus, duration: 1s,\n"
                 "    steps: [ null: {} ] }\n",
         "7:3: the name of a scenario has 129 bytes; a name may have 128\n"},
        {"a scenario as a text", TARGETS "scenarios: { s: x }\n",
         "6:17: \"s\" in the plan's scenarios must be a mapping, not a text\n"},
        {"a scenario of nothing", TARGETS "scenarios: { s: }\n", "6:17: \"s\" in the plan's scenarios has no value\n"},
        {"startAfter nobody", TARGETS KEYS("executor: constant-vus, duration: 1s, startAfter: t"),
         "7:58: \"startAfter\" in scenario \"s\": there is no scenario \"t\"\n"},
        {"startAfter itself", TARGETS KEYS("executor: constant-vus, duration: 1s, startAfter: s"),
         "7:58: \"startAfter\" in scenario \"s\" goes in a circle: s -> s\n"},
        {"startAfter in a circle",
         TARGETS "scenarios:\n"
                 "  aa: { executor: constant-vus, duration: 1s, startAfter: bb, steps: [ null: {} ] }\n"
                 "  bb: { executor: constant-vus, duration: 1s, startAfter: cc, steps: [ null: {} ] }\n"
                 "  cc: { executor: constant-vus, duration: 1s, startAfter: bb, steps: [ null: {} ] }\n"
                 "  dd: { executor: constant-vus, duration: 1s, startAfter: aaa, steps: [ null: {} ] }\n",
         "8:59: \"startAfter\" in scenario \"bb\" goes in a circle: bb -> cc -> bb\n"
         "10:59: \"startAfter\" in scenario \"dd\": there is no scenario \"aaa\" (did you mean \"aa\"?)\n"},
};

static const struct bad bad_steps[] = {
        {"no steps", TARGETS "scenarios: { s: { executor: constant-vus, duration: 1s } }\n",
         "6:14: scenario \"s\" needs a key \"steps\"\n"},
        {"empty steps", TARGETS STEPS("[]"), "8:12: \"steps\" in scenario \"s\" has 0 steps; it needs from 1 to 256\n"},
        {"steps as a mapping", TARGETS STEPS("{ null: {} }"),
         "8:12: \"steps\" in scenario \"s\" must be a list, not a mapping\n"},
        {"a step as a text", TARGETS STEPS("[ think ]"),
         "8:14: a step in scenario \"s\" must be a mapping, not a text\n"},
        {"an unknown step", TARGETS STEPS("[ htp: {} ]"),
         "8:14: unknown step \"htp\" in scenario \"s\" (did you mean \"http\"?): http, produce, sql, think and null "
         "are built\n"},
        {"an unknown step far from all", TARGETS STEPS("[ frobnicate: {} ]"),
         "8:14: unknown step \"frobnicate\" in scenario \"s\": http, produce, sql, think and null are built\n"},
        {"sleep", TARGETS STEPS("[ sleep: 1s ]"),
         "8:14: unknown step \"sleep\" in scenario \"s\" (did you mean \"think\"?)\n"},
        {"consume", TARGETS STEPS("[ consume: {} ]"), "8:14: step \"consume\" in scenario \"s\" is not built yet\n"},
        {"two kinds in a step", TARGETS STEPS("[ { http: { target: api, get: / }, think: 1s } ]"),
         "8:14: a step in scenario \"s\" must hold one kind with its keys nested in it, not 2 keys\n"},
        {"keys beside the kind", TARGETS STEPS("[ { http: , target: api, get: / } ]"),
         "8:14: a step in scenario \"s\" must hold one kind with its keys nested in it, not 3 keys\n"},
        {"a step of nothing", TARGETS STEPS("[ http:  ]"),
         "8:21: \"http\" in step \"http-1\" of scenario \"s\" has no value\n"},
        {"http without a target", TARGETS STEPS("[ http: { get: / } ]"),
         "8:14: step \"http-1\" of scenario \"s\" needs a key \"target\"\n"},
        {"http without a path", TARGETS STEPS("[ http: { target: api } ]"),
         "8:14: step \"http-1\" of scenario \"s\" needs a key like \"get\" or \"post\" with the path\n"},
        {"http with a method alone", TARGETS STEPS("[ http: { target: api, method: GET } ]"),
         "8:14: step \"http-1\" of scenario \"s\" needs a key \"path\"\n"},
        {"http with two methods", TARGETS STEPS("[ http: { target: api, get: /a, post: /b } ]"),
         "8:50: \"post\" in step \"http-1\" of scenario \"s\": its method and path are given already\n"},
        {"http with a bad method", TARGETS STEPS("[ http: { target: api, method: 'GET /', path: / } ]"),
         "8:43: \"method\" in step \"http-1\" of scenario \"s\": \"GET /\" is no HTTP method\n"},
        {"http with a relative path", TARGETS STEPS("[ http: { target: api, get: stocks } ]"),
         "8:40: \"get\" in step \"http-1\" of scenario \"s\": \"stocks\" does not begin with \"/\"\n"},
        {"http with a blank in its path", TARGETS STEPS("[ http: { target: api, get: '/a b' } ]"),
         "8:40: \"get\" in step \"http-1\" of scenario \"s\": \"/a b\" holds a blank (write %20)\n"},
        {"http with a fragment", TARGETS STEPS("[ http: { target: api, get: '/a#b' } ]"),
         "8:40: \"get\" in step \"http-1\" of scenario \"s\": \"/a#b\" holds a fragment (#...), which is never sent\n"},
        {"an unknown target", TARGETS STEPS("[ http: { target: ap, get: / } ]"),
         "8:30: target \"ap\" of step \"http-1\" of scenario \"s\" does not exist (did you mean \"api\"?)\n"},
        {"an unknown target far from all", TARGETS STEPS("[ http: { target: frobnicate, get: / } ]"),
         "8:30: target \"frobnicate\" of step \"http-1\" of scenario \"s\" does not exist (did you mean \"api\"?)\n"},
        {"a target of the wrong kind", TARGETS STEPS("[ http: { target: db, get: / } ]"),
         "8:30: target \"db\" of step \"http-1\" of scenario \"s\" is of kind postgres, and it needs one of kind http "
         "(did you mean \"api\"?)\n"},
        {"a target of the wrong kind, with two right ones",
         TARGETS "  other: { kafka: { brokers: b } }\n" STEPS("[ produce: { target: api, topic: t, size: 1 } ]"),
         "9:33: target \"api\" of step \"produce-1\" of scenario \"s\" is of kind http, and it needs one of kind "
         "kafka\n"},
        {"a misspelt key", TARGETS STEPS("[ http: { target: api, gett: / } ]"),
         "8:35: unknown key \"gett\" in step \"http-1\" of scenario \"s\" (did you mean \"get\"?)\n"},
        {"verify", TARGETS STEPS("[ http: { target: api, get: /, verify: true } ]"),
         "8:43: \"verify\" in step \"http-1\" of scenario \"s\" is not built yet\n"},
        {"a body as a mapping", TARGETS STEPS("[ http: { target: api, post: /, body: { a: b } } ]"),
         "8:50: \"body\" in step \"http-1\" of scenario \"s\" must be a single value, not a mapping\n"},
        {"a check of nothing", TARGETS STEPS("[ http: { target: api, get: /, check: {} } ]"),
         "8:50: \"check\" of step \"http-1\" of scenario \"s\" needs a key \"status\"\n"},
        {"a check of an unknown thing", TARGETS STEPS("[ http: { target: api, get: /, check: { statuss: 200 } } ]"),
         "8:52: unknown key \"statuss\" in \"check\" of step \"http-1\" of scenario \"s\" (did you mean "
         "\"status\"?)\n"},
        {"a check as a number", TARGETS STEPS("[ http: { target: api, get: /, check: 200 } ]"),
         "8:50: \"check\" in step \"http-1\" of scenario \"s\" must be a mapping, not a text\n"},
        {"a status beyond all", TARGETS STEPS("[ http: { target: api, get: /, check: { status: 700 } } ]"),
         "8:60: \"status\" in \"check\" of step \"http-1\" of scenario \"s\": \"700\" is no status like 200, 2xx or "
         "200..299\n"},
        {"a status in words", TARGETS STEPS("[ http: { target: api, get: /, check: { status: ok } } ]"),
         "8:60: \"status\" in \"check\" of step \"http-1\" of scenario \"s\": \"ok\" is no status like 200, 2xx or "
         "200..299\n"},
        {"a status range upside down", TARGETS STEPS("[ http: { target: api, get: /, check: { status: 299..200 } } ]"),
         "8:60: \"status\" in \"check\" of step \"http-1\" of scenario \"s\": \"299..200\" is no status like 200, 2xx "
         "or 200..299\n"},
        {"a bad status in a list", TARGETS STEPS("[ http: { target: api, get: /, check: { status: [200, 20] } } ]"),
         "8:66: \"status\" in \"check\" of step \"http-1\" of scenario \"s\": \"20\" is no status like 200, 2xx or "
         "200..299\n"},
        {"a save of nothing known", TARGETS STEPS("[ http: { target: api, get: /, save: { a: 'xml:/a' } } ]"),
         "8:54: save \"a\" in step \"http-1\" of scenario \"s\": \"xml:/a\" is neither json:$.path nor header:Name\n"},
        {"a save of a bad path", TARGETS STEPS("[ http: { target: api, get: /, save: { a: 'json:price' } } ]"),
         "8:54: save \"a\" in step \"http-1\" of scenario \"s\": \"json:price\" must begin with $\n"},
        {"a save of a bad index", TARGETS STEPS("[ http: { target: api, get: /, save: { a: 'json:$.a[x]' } } ]"),
         "8:54: save \"a\" in step \"http-1\" of scenario \"s\": \"json:$.a[x]\" has a [ without a number and ] behind "
         "it\n"},
        {"a save of an empty name", TARGETS STEPS("[ http: { target: api, get: /, save: { a: 'json:$.a..b' } } ]"),
         "8:54: save \"a\" in step \"http-1\" of scenario \"s\": \"json:$.a..b\" has a '.' without a name behind it\n"},
        {"a save of a header without a name",
         TARGETS STEPS("[ http: { target: api, get: /, save: { a: 'header:' } } ]"),
         "8:54: save \"a\" in step \"http-1\" of scenario \"s\": \"header:\" names no header\n"},
        {"a save over a variable",
         "variables: { a: b }\n" TARGETS STEPS("[ http: { target: api, get: /, save: { a: 'json:$' } } ]"),
         "9:51: save \"a\" in step \"http-1\" of scenario \"s\" is already set by \"variables\"\n"},
        {"a save under a built-in name", TARGETS STEPS("[ http: { target: api, get: /, save: { vu: 'json:$' } } ]"),
         "8:51: \"vu\" is a built-in name of templates and cannot be set\n"},
        {"a name that nothing sets", TARGETS STEPS("[ http: { target: api, get: '/a/{{prcie}}' } ]"),
         "8:46: \"get\" in step \"http-1\" of scenario \"s\": nothing sets {{prcie}}\n"},
        {"a name that a later step saves",
         TARGETS STEPS(
                 "[ http: { target: api, get: '/{{a}}' }, http: { target: api, get: /, save: { a: 'json:$' } } ]"),
         "8:40: \"get\" in step \"http-1\" of scenario \"s\" needs {{a}}, which no step before it saves (scenario "
         "\"s\" does)\n"},
        {"a name that the step itself saves",
         TARGETS STEPS("[ http: { target: api, get: '/{{a}}', save: { a: 'json:$' } } ]"),
         "8:40: \"get\" in step \"http-1\" of scenario \"s\" needs {{a}}, which no step before it saves (scenario "
         "\"s\" does)\n"},
        {"a name that another scenario saves",
         TARGETS "scenarios:\n"
                 "  a: { executor: constant-vus, duration: 1s, steps: [ http: { target: api, get: /, save: { x: "
                 "'json:$' } } ] }\n"
                 "  b: { executor: constant-vus, duration: 1s, steps: [ http: { target: api, get: '/{{x}}' } ] }\n",
         "8:81: \"get\" in step \"http-1\" of scenario \"b\" needs {{x}}, which no step before it saves (scenario "
         "\"a\" does)\n"},
        {"a target's header that no step saves in time",
         "targets: { a: { http: { baseUrl: 'http://h', headers: { X: '{{t}}' } } } }\n" STEPS(
                 "[ http: { target: a, get: /, save: { t: 'json:$.t' } }, http: { target: a, get: / } ]"),
         "4:14: header \"X\" of target \"a\" needs {{t}}, which no step before step \"http-1\" of scenario \"s\" "
         "saves\n"},
        {"produce without a topic", TARGETS STEPS("[ produce: { target: stream, size: 1 } ]"),
         "8:14: step \"produce-1\" of scenario \"s\" needs a key \"topic\"\n"},
        {"produce without a value", TARGETS STEPS("[ produce: { target: stream, topic: t } ]"),
         "8:14: step \"produce-1\" of scenario \"s\" needs a key \"size\" or \"payload\"\n"},
        {"produce with two values", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, payload: a } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\": \"payload\" gives the value already\n"},
        {"a size upside down", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 10..5 } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\": \"10..5\" begins above its end\n"},
        {"a size of zero", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 0 } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\": \"0\" must be more than 0\n"},
        {"a size in words", TARGETS STEPS("[ produce: { target: stream, topic: t, size: big } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\": \"big\" is not a size like 512, 10KiB or 1MB\n"},
        {"a size beyond all", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1GiB } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\": \"1GiB\" is more than 104857600 bytes\n"},
        {"acks", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, acks: 2 } ]"),
         "8:66: \"acks\" in step \"produce-1\" of scenario \"s\": \"2\" is not one of all, 1, 0\n"},
        {"await", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, await: akc } ]"),
         "8:67: \"await\" in step \"produce-1\" of scenario \"s\": \"akc\" is not \"ack\"\n"},
        {"messageSize", TARGETS STEPS("[ produce: { target: stream, topic: t, messageSize: 1 } ]"),
         "8:51: unknown key \"messageSize\" in step \"produce-1\" of scenario \"s\" (did you mean \"size\"?)\n"},
        {"sql without a query", TARGETS STEPS("[ sql: { target: db } ]"),
         "8:14: step \"sql-1\" of scenario \"s\" needs a key \"query\"\n"},
        {"an empty query", TARGETS STEPS("[ sql: { target: db, query: ' ;' } ]"),
         "8:40: \"query\" in step \"sql-1\" of scenario \"s\" is empty\n"},
        {"too few params", TARGETS STEPS("[ sql: { target: db, query: 'SELECT $1, $2', params: [ a ] } ]"),
         "8:65: step \"sql-1\" of scenario \"s\" has 1 params, and its query uses 2 ($1 to $2)\n"},
        {"params that the query doesn't use", TARGETS STEPS("[ sql: { target: db, query: SELECT 1, params: [ a ] } ]"),
         "8:58: step \"sql-1\" of scenario \"s\" has 1 params, and its query uses 0 ($1 to $0)\n"},
        {"a template in a query", TARGETS STEPS("[ sql: { target: db, query: \"SELECT '{{vu}}'\" } ]"),
         "8:40: \"query\" in step \"sql-1\" of scenario \"s\" holds {{...}}: write $1 there and the value under "
         "\"params\"\n"},
        {"params as a mapping", TARGETS STEPS("[ sql: { target: db, query: 'SELECT $1', params: { a: b } } ]"),
         "8:61: \"params\" in step \"sql-1\" of scenario \"s\" must be a list, not a mapping\n"},
        {"a think without a unit", TARGETS STEPS("[ think: 5 ]"),
         "8:21: \"think\" in step \"think-1\" of scenario \"s\": \"5\" has no unit (did you mean \"5s\"?)\n"},
        {"a think half without a unit", TARGETS STEPS("[ think: 1..3s ]"),
         "8:21: \"think\" in step \"think-1\" of scenario \"s\": \"1\" has no unit (did you mean \"1s\"?)\n"},
        {"a think upside down", TARGETS STEPS("[ think: 3s..1s ]"),
         "8:21: \"think\" in step \"think-1\" of scenario \"s\": \"3s..1s\" begins above its end\n"},
        {"a think with a group", TARGETS STEPS("[ think: { pause: 1s, group: a } ]"),
         "8:41: \"group\" in step \"think-1\" of scenario \"s\": a think step measures nothing and has no group\n"},
        {"a think without a pause", TARGETS STEPS("[ think: { name: a } ]"),
         "8:14: step \"a\" of scenario \"s\" needs a key \"pause\"\n"},
        {"failures beyond all", TARGETS STEPS("[ null: { failures: 200% } ]"),
         "8:32: \"failures\" in step \"null-1\" of scenario \"s\": \"200%\" is not a share like 5% or 0.05\n"},
        {"null on a target of another kind", TARGETS STEPS("[ null: { target: api } ]"),
         "8:30: target \"api\" of step \"null-1\" of scenario \"s\" is of kind http, and it needs one of kind null "
         "(did you mean \"nil\"?)\n"},
        {"a weight of zero", TARGETS STEPS("[ null: { weight: 0 } ]"),
         "8:30: \"weight\" in step \"null-1\" of scenario \"s\": \"0\" must be more than 0\n"},
        {"two steps of one name", TARGETS STEPS("[ null: { name: a }, null: { name: a } ]"),
         "8:33: scenario \"s\" has two steps named \"a\" (the first at line 8)\n"},
        {"a name that a default takes", TARGETS STEPS("[ null: { name: null-2 }, null: {} ]"),
         "8:38: scenario \"s\" has two steps named \"null-2\" (the first at line 8)\n"},
        {"a step's name with a comma", TARGETS STEPS("[ null: { name: 'a,b' } ]"),
         "8:28: the name \"a,b\" of a step holds a ','\n"},
        {"a group that nothing sets", TARGETS STEPS("[ null: { group: '{{symbol}}' } ]"),
         "8:32: \"group\" in step \"null-1\" of scenario \"s\": nothing sets {{symbol}}\n"},
};

static const struct bad bad_thresholds[] = {
        {"an unknown metric",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_duraton: ['p(95)<5']\n",
         "10:3: threshold \"http_req_duraton\": unknown metric \"http_req_duraton\" (did you mean "
         "\"http_req_duration\"?)\n"},
        {"a metric that no step yields",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  sql_queries: ['count>0']\n",
         "10:3: threshold \"sql_queries\": no step of the plan yields sql_queries\n"},
        {"no metric",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  '{scenario:s}': ['p(95)<5']\n",
         "10:3: threshold \"{scenario:s}\": no metric stands before the \"{\"\n"},
        {"checks without a check",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: / } ]") "thresholds:\n"
                                                                     "  checks: ['rate>0.5']\n",
         "10:3: threshold \"checks\": no step of the plan yields checks\n"},
        {"an unknown part",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{scenaro:s}': ['count>0']\n",
         "10:3: threshold \"http_reqs{scenaro:s}\": unknown part of a selector \"scenaro\" (did you "
         "mean \"scenario\"?)\n"},
        {"an unknown scenario",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{scenario:ss}': ['count>0']\n",
         "10:3: threshold \"http_reqs{scenario:ss}\": the plan has no scenario \"ss\" (did you mean "
         "\"s\"?)\n"},
        {"an unknown step",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{step:http-2}': ['count>0']\n",
         "10:3: threshold \"http_reqs{step:http-2}\": there is no step \"http-2\" (did you mean "
         "\"http-1\"?)\n"},
        {"a step that yields no such thing",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: / }, think: 1s ]") "thresholds:\n"
                                                                                "  'http_reqs{step:think-2}': "
                                                                                "['count>0']\n",
         "10:3: threshold \"http_reqs{step:think-2}\": no step that it selects yields http_reqs\n"},
        {"a step of iterations",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'iterations{step:http-1}': ['count>0']\n",
         "10:3: threshold \"iterations{step:http-1}\": iterations is counted for scenarios, not for "
         "steps\n"},
        {"a group where there is none",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: / } ]") "thresholds:\n"
                                                                     "  'http_reqs{group:a}': ['count>0']\n",
         "10:3: threshold \"http_reqs{group:a}\": no step that it selects has a group\n"},
        {"a label where there is none",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{label:a}': ['count>0']\n",
         "10:3: threshold \"http_reqs{label:a}\": http_reqs has no labels\n"},
        {"an unknown check",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'checks{label:status is 200}': ['rate>0.5']\n",
         "10:3: threshold \"checks{label:status is 200}\": no check is called \"status is 200\"\n"},
        {"an unknown reason",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'dropped_iterations{label:tired}': ['count==0']\n",
         "10:3: threshold \"dropped_iterations{label:tired}\": iterations are not dropped for "
         "\"tired\"\n"},
        {"an open selector",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{scenario:s': ['count>0']\n",
         "10:3: threshold \"http_reqs{scenario:s\": the selector's closing \"}\" is missing\n"},
        {"text behind the selector",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{scenario:s} x': ['count>0']\n",
         "10:3: threshold \"http_reqs{scenario:s} x\": text stands behind the selector's \"}\"\n"},
        {"an empty selector",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{}': ['count>0']\n",
         "10:3: threshold \"http_reqs{}\": the selector's {} holds nothing\n"},
        {"a part twice",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{step:a,step:b}': ['count>0']\n",
         "10:3: threshold \"http_reqs{step:a,step:b}\": \"step\" stands twice in the selector\n"},
        {"a part without a value",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{step:}': ['count>0']\n",
         "10:3: threshold \"http_reqs{step:}\": a part of the selector has no value\n"},
        {"a part without a colon",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{step}': ['count>0']\n",
         "10:3: threshold \"http_reqs{step}\": \"step\" has no ':' with a value behind it\n"},
        {"a figure that doesn't fit",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: ['p(95)<5']\n",
         "10:15: threshold \"http_reqs\": \"p(95)<5\": \"p(95)\" is nothing that a counter has (it has "
         "count, rate)\n"},
        {"a figure that a rate has not",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_failed: ['count<5']\n",
         "10:21: threshold \"http_req_failed\": \"count<5\": \"count\" is nothing that a rate has (it "
         "has rate)\n"},
        {"an unknown figure",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_duration: ['mx<5']\n",
         "10:23: threshold \"http_req_duration\": \"mx<5\": unknown figure \"mx\" (did you mean "
         "\"max\"?)\n"},
        {"no comparison",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_duration: ['p(95)']\n",
         "10:23: threshold \"http_req_duration\": \"p(95)\": it has no comparison: one of < <= > >= == "
         "!=\n"},
        {"one equals sign",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: ['count=5']\n",
         "10:15: threshold \"http_reqs\": \"count=5\": \"=\" is no comparison (did you mean "
         "\"==\"?)\n"},
        {"a limit in words",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: ['count<many']\n",
         "10:15: threshold \"http_reqs\": \"count<many\": \"many\" is no number to compare with\n"},
        {"a unit",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_duration: ['p(95)<50ms']\n",
         "10:23: threshold \"http_req_duration\": \"p(95)<50ms\": \"ms\" stands behind the limit "
         "(latencies are in ms, without a unit)\n"},
        {"per cent",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_failed: ['rate<5%']\n",
         "10:21: threshold \"http_req_failed\": \"rate<5%\": \"5%\" must be a share from 0 to 1 (5% is "
         "0.05)\n"},
        {"a rate above one",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_failed: ['rate<5']\n",
         "10:21: threshold \"http_req_failed\": \"rate<5\": a rate lies between 0 and 1, and the limit "
         "is 5\n"},
        {"a percentile beyond all",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_duration: ['p(101)<5']\n",
         "10:23: threshold \"http_req_duration\": \"p(101)<5\": \"p(101)\" is not between p(0) and "
         "p(100)\n"},
        {"a percentile without a number",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_req_duration: ['p()<5']\n",
         "10:23: threshold \"http_req_duration\": \"p()<5\": \"p()\" is no percentile like p(95) or "
         "p(99.9)\n"},
        {"nothing",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: ['']\n",
         "10:15: threshold \"http_reqs\": \"\": nothing stands before the comparison (like p(95) or "
         "rate)\n"},
        {"an empty list",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: []\n",
         "10:14: threshold \"http_reqs\" has no expression\n"},
        {"no value",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: \n",
         "10:13: an expression in threshold \"http_reqs\" has no value\n"},
        {"a misspelt key",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: [ { threshold: 'count>0', abortOnFial: true } "
                                         "]\n",
         "10:40: unknown key \"abortOnFial\" in threshold \"http_reqs\" (did you mean "
         "\"abortOnFail\"?)\n"},
        {"no threshold",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: [ { abortOnFail: true } ]\n",
         "10:3: threshold \"http_reqs\" needs a key \"threshold\"\n"},
        {"a window of half a second",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: [ { threshold: 'rate>0', window: 500ms } ]\n",
         "10:47: \"window\" in threshold \"http_reqs\" must be whole seconds, as figures come\n"},
        {"a window without a unit",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  http_reqs: [ { threshold: 'rate>0', window: 30 } ]\n",
         "10:47: \"window\" in threshold \"http_reqs\": \"30\" has no unit (did you mean \"30s\"?)\n"},
        {"a scenario that is warm-up",
         TARGETS KEYS_AND_STEPS("executor: constant-vus, duration: 1s, isWarmup: true",
                                "[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx "
                                "} } ]") "thresholds:\n"
                                         "  'http_reqs{scenario:s}': ['count>0']\n",
         "10:3: threshold \"http_reqs{scenario:s}\": thresholds leave out what isWarmup\n"},
        {"thresholds as a list", TARGETS SCENARIO "thresholds: [a]\n",
         "9:13: \"thresholds\" in the plan must be a mapping, not a list\n"},
};

static const struct bad bad_many[] = {
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

/* All errors of a list, one a line, without the file. */
static void format_all(const struct failures *failures, char *buffer, size_t size)
{
	size_t used = 0;
	buffer[0] = '\0';
	for (size_t i = 0; i < failures->count && used < size; i++) {
		const struct failure *failure = &failures->items[i];
		int n = snprintf(buffer + used, size - used, "%d:%d: %s\n", failure->line, failure->column,
		                 failure->text);
		used += n > 0 ? (size_t)n : 0;
	}
}

static void check_rows(const struct bad *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct failures failures = {0};
		struct plan *plan = NULL;
		char errors[8192];
		int r = plan_parse(rows[i].plan, strlen(rows[i].plan), NULL, 0, &failures, &plan);
		format_all(&failures, errors, sizeof(errors));
		if (r != -EINVAL || strcmp(errors, rows[i].errors) != 0)
			fail_msg("%s: %d\n--- expected\n%s--- found\n%s--- plan\n%s", rows[i].what, r, rows[i].errors,
			         errors, rows[i].plan);
		assert_null(plan);
		failures_deinit(&failures);
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

static void test_plan_refuses_what_is_no_bounded_yaml(void **state)
{
	(void)state;
	CHECK_ROWS(bad_document);
}

static void test_plan_refuses_bad_keys_at_the_top(void **state)
{
	(void)state;
	CHECK_ROWS(bad_top);
}

static void test_plan_refuses_variables_that_cannot_be_replaced(void **state)
{
	(void)state;
	CHECK_ROWS(bad_variables);
}

static void test_plan_refuses_bad_targets(void **state)
{
	(void)state;
	CHECK_ROWS(bad_targets);
}

static void test_plan_refuses_bad_scenarios(void **state)
{
	(void)state;
	CHECK_ROWS(bad_executors);
}

static void test_plan_refuses_bad_steps(void **state)
{
	(void)state;
	CHECK_ROWS(bad_steps);
}

static void test_plan_refuses_thresholds_that_cannot_be_judged(void **state)
{
	(void)state;
	CHECK_ROWS(bad_thresholds);
}

static void test_plan_reports_every_error_not_the_first_alone(void **state)
{
	(void)state;
	CHECK_ROWS(bad_many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_refuses_what_is_no_bounded_yaml),
	        cmocka_unit_test(test_plan_refuses_bad_keys_at_the_top),
	        cmocka_unit_test(test_plan_refuses_variables_that_cannot_be_replaced),
	        cmocka_unit_test(test_plan_refuses_bad_targets),
	        cmocka_unit_test(test_plan_refuses_bad_scenarios),
	        cmocka_unit_test(test_plan_refuses_bad_steps),
	        cmocka_unit_test(test_plan_refuses_thresholds_that_cannot_be_judged),
	        cmocka_unit_test(test_plan_reports_every_error_not_the_first_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
