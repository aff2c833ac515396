/* SPDX-License-Identifier: Apache-2.0 */
/* Bad plans: scenarios and their steps. */
#include "tests/unit/plan/bad_plan.h"

static const struct bad_plan bad_executors[] = {
        {"no executor", TARGETS KEYS("duration: 1s"), "7:3: scenario \"s\" needs a key \"executor\"\n"},
        {"misspelt executor and another key", TARGETS KEYS("executr: constant-vus, durtion: 1s"),
         "7:8: unknown key \"executr\" in scenario \"s\" (did you mean \"executor\"?)\n"
         "7:31: unknown key \"durtion\" in scenario \"s\" (did you mean \"duration\"?)\n"},
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
        {"stages that last for ages",
         TARGETS KEYS(
                 "executor: ramping-vus, stages: [ { duration: 3000d, target: 5 }, { duration: 700d, target: 5 } ]"),
         "7:39: \"stages\" in scenario \"s\" last more than 10 years\n"},
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
         "7:46: \"burst\" in scenario \"s\" is not a key of executor constant-vus (it belongs to "
         "constant-arrival-rate)\n"},
        {"a burst of nothing",
         TARGETS KEYS("executor: constant-arrival-rate, duration: 1s, burst: { size: 0, every: 1s }"),
         "7:70: \"size\" in \"burst\" of scenario \"s\": \"0\" must be more than 0\n"},
        {"a burst without a period", TARGETS KEYS("executor: constant-arrival-rate, duration: 1s, burst: { size: 5 }"),
         "7:62: \"burst\" of scenario \"s\" needs a key \"every\"\n"},
        {"a burst beside a rate and more",
         TARGETS KEYS("executor: constant-arrival-rate, duration: 1s, burst: { size: 5, every: 1s },\n"
                      "rate: 5, timeUnit: 2s, arrivals: poisson"),
         "8:7: \"rate\" in scenario \"s\" has no meaning beside \"burst\"\n"
         "8:20: \"timeUnit\" in scenario \"s\" has no meaning beside \"burst\"\n"
         "8:34: \"arrivals\" in scenario \"s\" has no meaning beside \"burst\"\n"},
        {"a phase without a factor",
         TARGETS KEYS("executor: constant-arrival-rate, duration: 1s, rate: 1, pattern: [ { duration: 1s } ]"),
         "7:75: phase 1 of scenario \"s\" needs one of the keys \"factor\" and \"rate\"\n"},
        {"a phase that lasts no time",
         TARGETS KEYS(
                 "executor: constant-arrival-rate, duration: 1s, rate: 1, pattern: [ { duration: 0, factor: 1 } ]"),
         "7:87: \"duration\" in phase 1 of scenario \"s\": \"0\" must be more than 0\n"},
        {"a pattern of nothing",
         TARGETS KEYS(
                 "executor: constant-arrival-rate, duration: 1s, rate: 1, pattern: [ { duration: 1s, factor: 0 } ]"),
         "7:73: scenario \"s\" never starts anything: every rate in it is 0\n"},
        {"factors of no rate",
         TARGETS KEYS("executor: constant-arrival-rate, duration: 1s, pattern: [ { duration: 1s, factor: 1 } ]"),
         "7:3: scenario \"s\" needs a key \"rate\"\n"},
        {"a pattern that repeats too often",
         TARGETS KEYS(
                 "executor: constant-arrival-rate, duration: 1h, rate: 1, pattern: [ { duration: 1ms, factor: 1 } ]"),
         "7:3: \"pattern\" in scenario \"s\" repeats too often: 3.6e+06 phases; it may come to 100000\n"},
        {"a pattern of users",
         TARGETS KEYS("executor: constant-vus, duration: 1h, pattern: [ { duration: 1ms, factor: 1 } ]"),
         "7:46: \"pattern\" in scenario \"s\" is not a key of executor constant-vus (it belongs to "
         "constant-arrival-rate and ramping-arrival-rate)\n"},
        {"rate: max without a producer", TARGETS KEYS("executor: constant-arrival-rate, duration: 1s, rate: max"),
         "7:61: \"rate\" in scenario \"s\": max goes by a producer's queue, and none of its steps is a produce step "
         "(constant-vus goes by answers)\n"},
        {"rate: max beside what makes a schedule",
         TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, duration: 1s, rate: max, timeUnit: 1s",
                                "[ produce: { target: stream, topic: t, size: 1 } ]"),
         "7:76: \"timeUnit\" in scenario \"s\" has no meaning beside \"rate: max\"\n"},
        {"a rate of shared iterations", TARGETS KEYS("executor: shared-iterations, rate: 5"),
         "7:43: \"rate\" in scenario \"s\": \"5\" is not \"max\", all that shared-iterations can have\n"},
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

static const struct bad_plan bad_steps[] = {
        {"no steps", TARGETS "scenarios: { s: { executor: constant-vus, duration: 1s } }\n",
         "6:14: scenario \"s\" needs a key \"steps\"\n"},
        {"empty steps", TARGETS STEPS("[]"), "8:12: \"steps\" in scenario \"s\" has 0 steps; it needs from 1 to 256\n"},
        {"steps as a mapping", TARGETS STEPS("{ null: {} }"),
         "8:12: \"steps\" in scenario \"s\" must be a list, not a mapping\n"},
        {"a step as a text", TARGETS STEPS("[ think ]"),
         "8:14: a step in scenario \"s\" must be a mapping, not a text\n"},
        {"an unknown step", TARGETS STEPS("[ htp: {} ]"),
         "8:14: unknown step \"htp\" in scenario \"s\" (did you mean \"http\"?): http, produce, consume, sql, think "
         "and null are built\n"},
        {"an unknown step far from all", TARGETS STEPS("[ frobnicate: {} ]"),
         "8:14: unknown step \"frobnicate\" in scenario \"s\": http, produce, consume, sql, think and null are "
         "built\n"},
        {"sleep", TARGETS STEPS("[ sleep: 1s ]"),
         "8:14: unknown step \"sleep\" in scenario \"s\" (did you mean \"think\"?)\n"},
        {"wait", TARGETS STEPS("[ wait: {} ]"), "8:14: step \"wait\" in scenario \"s\" is not built yet\n"},
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
         "8:44: \"post\" in step \"http-1\" of scenario \"s\": \"get\" gives the method or path already\n"},
        {"http with a method beside get", TARGETS STEPS("[ http: { target: api, get: /a, method: PUT } ]"),
         "8:44: \"method\" in step \"http-1\" of scenario \"s\": \"get\" gives the method or path already\n"},
        {"http with a path beside get", TARGETS STEPS("[ http: { target: api, path: /b, get: /a } ]"),
         "8:45: \"get\" in step \"http-1\" of scenario \"s\": \"path\" gives the method or path already\n"},
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
         "8:43: unknown key \"verify\" in step \"http-1\" of scenario \"s\"\n"},
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
         "8:14: step \"produce-1\" of scenario \"s\" needs a key \"size\", \"payload\" or \"payloads\"\n"},
        {"produce with two values", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, payload: a } ]"),
         "8:60: \"payload\" in step \"produce-1\" of scenario \"s\": \"size\" gives the value already\n"},
        {"acks that an idempotent producer can't have",
         "targets:\n"
         "  s: { kafka: { brokers: b, properties: { enable.idempotence: true, max.in.flight: 10, retries: 3,\n"
         "    acks: 1, compression.type: zstd, linger.mss: 5 } } }\n" STEPS(
                 "[ produce: { target: s, topic: t, payload: a, acks: 0 } ]"),
         "2:69: property \"max.in.flight\" in target \"s\": enable.idempotence needs at most 5 requests in flight\n"
         "3:5: property \"acks\" in target \"s\": enable.idempotence needs acks: all\n"
         "3:38: property \"linger.mss\" in target \"s\": librdkafka has no such property (did you mean "
         "\"linger.ms\"?)\n"
         "6:64: \"acks\" in step \"produce-1\" of scenario \"s\": target \"s\" has enable.idempotence, which needs "
         "all\n"},
        {"produce with two keys",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, key: a, keys: { uniform: 2 } } ]"),
         "8:68: \"keys\" in step \"produce-1\" of scenario \"s\": \"key\" gives the key already\n"},
        {"keys of no kind", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, keys: { } } ]"),
         "8:66: \"keys\" of step \"produce-1\" of scenario \"s\" needs one of the keys \"uniform\" and \"zipf\"\n"},
        {"an exponent of uniform keys",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, keys: { uniform: 2, exponent: 1 } } ]"),
         "8:90: \"exponent\" in \"keys\" of step \"produce-1\" of scenario \"s\" is only for zipf\n"},
        {"no keys at all", TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, keys: { zipf: 0 } } ]"),
         "8:74: \"zipf\" in \"keys\" of step \"produce-1\" of scenario \"s\": \"0\" must be more than 0\n"},
        {"a partitioner that isn't",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, partitioner: murmur } ]"),
         "8:73: \"partitioner\" in step \"produce-1\" of scenario \"s\": \"murmur\" is not one of random, consistent, "
         "consistent_random, murmur2, murmur2_random, fnv1a, fnv1a_random (did you mean \"murmur2\"?)\n"},
        {"a compressibility above all",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, compressibility: 120% } ]"),
         "8:77: \"compressibility\" in step \"produce-1\" of scenario \"s\": \"120%\" is not a share like 5% or "
         "0.05\n"},
        {"a compressibility of a payload of one's own",
         TARGETS STEPS("[ produce: { target: stream, topic: t, payload: a, compressibility: 0.5 } ]"),
         "8:80: \"compressibility\" in step \"produce-1\" of scenario \"s\" is only for generated values (\"size\")\n"},
        {"a weighted size without a weight",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: [ { size: 1 } ] } ]"),
         "8:59: size 1 of step \"produce-1\" of scenario \"s\" needs a key \"weight\"\n"},
        {"no sizes", TARGETS STEPS("[ produce: { target: stream, topic: t, size: [] } ]"),
         "8:57: \"size\" in step \"produce-1\" of scenario \"s\" has 0 entries; it needs from 1 to 256\n"},
        {"a header without a name",
         TARGETS STEPS("[ produce: { target: stream, topic: t, size: 1, headers: { '': x } } ]"),
         "8:71: \"headers\" in step \"produce-1\" of scenario \"s\": a header's name has from 1 to 128 bytes, not 0\n"},
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

static void test_plan_refuses_bad_scenarios(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_executors);
}

static void test_plan_refuses_bad_steps(void **state)
{
	(void)state;
	CHECK_BAD_PLANS(bad_steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_refuses_bad_scenarios),
	        cmocka_unit_test(test_plan_refuses_bad_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
