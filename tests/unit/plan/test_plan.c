/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: good plans say what they say, and read back the same after writing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/plan/plan.h"

static const char stock_pipeline[] =
        "name: stock pipeline\n"
        "variables: { brokers: \"localhost:9092\", host: 127.0.0.1, base: \"http://${host}:8000/\" }\n"
        "tags: { build: 17 }\n"
        "warmup: 5s\n"
        "buckets: [50ms, 1s]\n"
        "targets:\n"
        "  stream: { kafka: { brokers: \"${brokers}\", properties: { acks: all, linger.ms: 5 } } }\n"
        "  api: { http: { baseUrl: \"${base}\", timeout: 5s, headers: { X-From: \"{{agent}}\" } } }\n"
        "  db: { postgres: { uri: \"postgresql://localhost/stocks\", connections: 8 } }\n"
        "data:\n"
        "  symbol: { csv: symbols.csv, column: symbol, pick: zipf }\n"
        "scenarios:\n"
        "  ticks:\n"
        "    executor: constant-arrival-rate\n"
        "    rate: 1000\n"
        "    duration: 30m\n"
        "    producers: 10\n"
        "    steps:\n"
        "      - produce: { target: stream, topic: stock-data, key: \"{{symbol}}\", size: 100..10KiB, group: "
        "\"{{symbol}}\" }\n"
        "  users:\n"
        "    executor: ramping-vus\n"
        "    startAfter: ticks\n"
        "    startTime: 1s\n"
        "    stages: [ { duration: 5m, target: 100 }, { duration: 55m, target: 50 } ]\n"
        "    steps:\n"
        "      - http: { name: quote, target: api, get: \"/api/stocks/{{symbol}}\", check: { status: [200, 3xx] },\n"
        "          save: { price: \"json:$.price\", etag: header:Etag } }\n"
        "      - think: 1s..3s\n"
        "      - sql: { target: db, query: \"SELECT avg(close) FROM stock_data WHERE symbol = $1 AND close > $2\",\n"
        "          params: [\"{{symbol}}\", \"{{price}}\"] }\n"
        "      - null: { latency: 5ms, failures: 5%, weight: 3 }\n"
        "      - think: { pause: 2s, weight: 1 }\n"
        "thresholds:\n"
        "  'kafka_produce_response_time{scenario:ticks}': ['p(95)<50', 'p(99.9)<1000']\n"
        "  http_req_failed: ['rate<0.05', { threshold: 'rate<0.3', abortOnFail: true, window: 30s, delayAbortEval: 1m "
        "}]\n"
        "  iterations: count>0\n";

/* Reads a plan that must be good, as an agent does. */
static struct plan *parse(const char *text)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	int r = plan_parse(text, strlen(text), NULL, 0, &failures, &plan);
	for (size_t i = 0; i < failures.count; i++)
		print_error("%d:%d: %s\n", failures.items[i].line, failures.items[i].column, failures.items[i].text);
	assert_int_equal(r, 0);
	assert_int_equal(failures.count, 0);
	failures_deinit(&failures);
	return plan;
}

static void test_plan_targets_are_as_written(void **state)
{
	struct plan *plan = parse(stock_pipeline);
	(void)state;
	assert_string_equal(plan->name, "stock pipeline");
	assert_int_equal(plan->target_count, 3);
	const struct target *stream = &plan->targets[0], *api = &plan->targets[1], *db = &plan->targets[2];
	assert_int_equal(stream->kind, TARGET_KAFKA);
	assert_string_equal(stream->kafka.brokers, "localhost:9092");
	assert_int_equal(stream->kafka.properties.count, 2);
	assert_string_equal(stream->kafka.properties.items[1].name, "linger.ms");
	assert_string_equal(stream->kafka.properties.items[1].value, "5");
	assert_int_equal(api->kind, TARGET_HTTP);
	assert_string_equal(api->http.base_url, "http://127.0.0.1:8000");
	assert_int_equal(api->http.timeout_ns, 5 * NS_PER_S);
	assert_string_equal(template_source(api->http.headers.items[0].value), "{{agent}}");
	assert_int_equal(db->kind, TARGET_POSTGRES);
	assert_int_equal(db->postgres.connections, 8);
	assert_int_equal(plan_find_target(plan, "db"), 2);
	assert_int_equal(plan_find_target(plan, "nobody"), PLAN_NONE);
	plan_free(plan);
}

static void test_plan_scenarios_are_as_written(void **state)
{
	struct plan *plan = parse(stock_pipeline);
	(void)state;
	assert_int_equal(plan->scenario_count, 2);
	const struct scenario *ticks = &plan->scenarios[0], *users = &plan->scenarios[1];
	assert_int_equal(ticks->executor, EXECUTOR_CONSTANT_ARRIVAL_RATE);
	assert_true(ticks->rate == 1000);
	assert_int_equal(ticks->duration_ns, 1800 * NS_PER_S);
	assert_int_equal(ticks->time_unit_ns, NS_PER_S);
	assert_int_equal(ticks->max_vus, 10000);
	assert_int_equal(ticks->producers, 10);
	assert_int_equal(ticks->start_after, PLAN_NONE);
	assert_int_equal(users->executor, EXECUTOR_RAMPING_VUS);
	assert_int_equal(users->start_after, 0);
	assert_int_equal(users->start_time_ns, NS_PER_S);
	assert_int_equal(users->start_vus, 1);
	assert_int_equal(users->stage_count, 2);
	assert_int_equal(users->duration_ns, 3600 * NS_PER_S);
	assert_true(users->stages[1].target == 50);
	assert_int_equal(users->graceful_stop_ns, 30 * NS_PER_S);
	assert_int_equal(users->graceful_ramp_down_ns, 30 * NS_PER_S);
	assert_int_equal(plan_find_scenario(plan, "users"), 1);
	assert_true(plan_scenario_uses_feed(plan, 0, 0));
	assert_true(plan_scenario_uses_feed(plan, 1, 0));
	plan_free(plan);
}

static void test_plan_steps_are_as_written(void **state)
{
	struct plan *plan = parse(stock_pipeline);
	const struct step *produce = plan->scenarios[0].steps, *users = plan->scenarios[1].steps;
	(void)state;
	assert_string_equal(produce->name, "produce-1");
	assert_int_equal(produce->produce.size.low, 100);
	assert_int_equal(produce->produce.size.high, 10240);
	assert_int_equal(produce->produce.acks, PRODUCE_ACKS_TARGET);
	assert_string_equal(template_source(produce->group), "{{symbol}}");
	assert_int_equal(plan->scenarios[1].step_count, 5);
	assert_string_equal(users[0].name, "quote");
	assert_string_equal(users[0].http.method, "GET");
	assert_int_equal(users[0].http.timeout_ns, 5 * NS_PER_S);
	assert_int_equal(users[0].http.status.count, 2);
	assert_int_equal(users[0].http.status.items[1].low, 300);
	assert_int_equal(users[0].http.status.items[1].high, 399);
	assert_string_equal(users[0].http.status.name, "status is 200 or 3xx");
	assert_int_equal(users[0].http.save_count, 2);
	assert_string_equal(users[0].http.saves[0].expression, "json:$.price");
	assert_string_equal(template_names_get(plan->names, users[0].http.saves[0].slot), "price");
	assert_string_equal(users[1].name, "think-2");
	assert_int_equal(users[1].think.pause_ns.high, 3 * NS_PER_S);
	assert_int_equal(users[1].target, PLAN_NONE);
	assert_int_equal(users[2].target, 2);
	assert_int_equal(users[2].sql.params.count, 2);
	assert_int_equal(users[3].null.latency_ns.low, 5 * NS_PER_MS);
	assert_true(users[3].null.failures == 0.05);
	assert_int_equal(users[3].weight, 3);
	assert_int_equal(users[4].weight, 1);
	plan_free(plan);
}

static void test_plan_thresholds_are_as_written(void **state)
{
	struct plan *plan = parse(stock_pipeline);
	(void)state;
	assert_int_equal(plan->threshold_count, 5);
	const struct threshold *first = &plan->thresholds[0], *abort_on = &plan->thresholds[3];
	assert_string_equal(first->source, "kafka_produce_response_time{scenario:ticks}");
	assert_string_equal(first->text, "p(95)<50");
	assert_int_equal(first->selector.metric, METRIC_KAFKA_PRODUCE_RESPONSE_TIME);
	assert_string_equal(first->selector.scenario, "ticks");
	assert_true(first->expression.percentile == 95);
	assert_int_equal(first->line, 34);
	assert_true(abort_on->abort_on_fail);
	assert_int_equal(abort_on->window_ns, 30 * NS_PER_S);
	assert_int_equal(abort_on->delay_abort_eval_ns, 60 * NS_PER_S);
	assert_string_equal(plan->thresholds[4].text, "count>0");
	plan_free(plan);
}

static void test_plan_defaults_are_filled_in(void **state)
{
	struct plan *plan = parse(
	        "targets: { api: { http: { baseUrl: 'http://h' } }, d: { postgres: { uri: 'postgresql://h/d' } } }\n"
	        "scenarios:\n"
	        "  a: { executor: constant-vus, duration: 1s, steps: [ http: { target: api, get: / } ] }\n"
	        "  b: { executor: per-vu-iterations, steps: [ null: ] }\n"
	        "  c: { executor: ramping-arrival-rate, preAllocatedVUs: 70, timeUnit: 1m,\n"
	        "       stages: [ { duration: 1s, target: 60 } ], steps: [ null: {} ] }\n");
	(void)state;
	assert_string_equal(plan->name, "plan");
	assert_int_equal(plan->lost_after_ns, 10 * NS_PER_S);
	assert_int_equal(plan->max_lateness_ns, NS_PER_S);
	assert_int_equal(plan->max_groups, 10000);
	assert_int_equal(plan->on_agent_loss, ON_AGENT_LOSS_CONTINUE);
	assert_int_equal(plan->edges.count, 3);
	assert_int_equal(plan->edges.us[2], 500000);
	assert_int_equal(plan->warmup_ns, 0);
	assert_int_equal(plan->targets[0].http.timeout_ns, 60 * NS_PER_S);
	assert_int_equal(plan->targets[1].postgres.connections, 10);
	assert_int_equal(plan->targets[1].postgres.timeout_ns, 0);
	assert_int_equal(plan->scenarios[0].vus, 1);
	assert_int_equal(plan->scenarios[0].steps[0].http.timeout_ns, 60 * NS_PER_S);
	assert_int_equal(plan->scenarios[1].iterations, 1);
	assert_int_equal(plan->scenarios[1].max_duration_ns, 600 * NS_PER_S);
	assert_int_equal(plan->scenarios[2].max_vus, 70); /* 10 s of the peak rate are 10 */
	assert_int_equal(plan->scenarios[2].when_full, WHEN_FULL_DROP);
	plan_free(plan);
}

static void test_plan_rates_per_producer_are_multiplied_out(void **state)
{
	struct plan *plan =
	        parse("targets: { k: { kafka: { brokers: b } } }\n"
	              "scenarios:\n"
	              "  a: { executor: constant-arrival-rate, rate: 2.5, duration: 1s, producers: 4,\n"
	              "       ratePerProducer: true, steps: [ produce: { target: k, topic: t, size: 1 } ] }\n"
	              "  b: { executor: ramping-arrival-rate, startRate: 1, producers: 3, ratePerProducer: true,\n"
	              "       stages: [ { duration: 1s, target: 7 } ],\n"
	              "       steps: [ produce: { target: k, topic: t, size: 1, acks: 0, await: ack } ] }\n");
	(void)state;
	assert_true(plan->scenarios[0].rate == 10);
	assert_int_equal(plan->scenarios[0].max_vus, 100);
	assert_true(plan->scenarios[1].start_rate == 3);
	assert_true(plan->scenarios[1].stages[0].target == 21);
	assert_int_equal(plan->scenarios[1].steps[0].produce.acks, 0);
	assert_true(plan->scenarios[1].steps[0].produce.await_ack);
	plan_free(plan);
}

static void test_plan_seeds_repeat_and_differ_between_scenarios(void **state)
{
	static const char text[] = "name: n\n"
	                           "scenarios:\n"
	                           "  a: { executor: constant-vus, duration: 1s, steps: [ null: {} ] }\n"
	                           "  b: { executor: constant-vus, duration: 1s, steps: [ null: {} ] }\n";
	struct plan *one = parse(text), *other = parse(text);
	(void)state;
	assert_true(one->scenarios[0].seed == other->scenarios[0].seed);
	assert_true(one->scenarios[0].seed != one->scenarios[1].seed);
	assert_true(one->scenarios[0].seed != 0);
	plan_free(one);
	plan_free(other);
}

static void test_plan_rate_max_is_a_closed_loop_of_producers(void **state)
{
	struct plan *plan = parse("targets: { k: { kafka: { brokers: b } } }\n"
	                          "scenarios:\n"
	                          "  a: { executor: constant-arrival-rate, rate: max, duration: 30s, producers: 3,\n"
	                          "    steps: [ produce: { target: k, topic: t, size: 1 } ] }\n"
	                          "  b: { executor: shared-iterations, rate: max, iterations: 1000000,\n"
	                          "    steps: [ produce: { target: k, topic: t, size: 1 } ] }\n"
	                          "  c: { executor: constant-arrival-rate, rate: max, duration: 30s, maxVUs: 5,\n"
	                          "    steps: [ produce: { target: k, topic: t, size: 1 } ] }\n");
	(void)state;
	assert_int_equal(plan->scenarios[0].executor, EXECUTOR_CONSTANT_VUS);
	assert_int_equal(plan->scenarios[0].vus, 48);
	assert_int_equal(plan->scenarios[0].duration_ns, 30 * NS_PER_S);
	assert_int_equal(plan->scenarios[1].executor, EXECUTOR_SHARED_ITERATIONS);
	assert_int_equal(plan->scenarios[1].vus, 64);
	assert_int_equal(scenario_planned(&plan->scenarios[1]), 1000000);
	assert_int_equal(plan->scenarios[2].vus, 5);
	plan_free(plan);
}

static void test_plan_patterns_and_bursts_count_exactly(void **state)
{
	struct plan *plan =
	        parse("scenarios:\n"
	              "  day: { executor: constant-arrival-rate, rate: 1000, duration: 2h, steps: [ null: {} ],\n"
	              "    pattern: [ { duration: 10m, factor: 2 }, { duration: 20m, factor: 1 },\n"
	              "      { duration: 30m, rate: 100 } ] }\n"
	              "  burst: { executor: constant-arrival-rate, burst: { size: 500, every: 10s },\n"
	              "    duration: 61s, steps: [ null: {} ] }\n"
	              "  ramp: { executor: ramping-arrival-rate, stages: [ { duration: 100s, target: 100 } ],\n"
	              "    pattern: [ { duration: 50s, factor: 2 } , { duration: 50s, factor: 0 } ],\n"
	              "    steps: [ null: {} ] }\n");
	(void)state;
	assert_int_equal(scenario_planned(&plan->scenarios[0]), 2 * (600 * 2000 + 1200 * 1000 + 1800 * 100));
	assert_int_equal(plan->scenarios[0].max_vus, 20000);
	assert_int_equal(scenario_planned(&plan->scenarios[1]), 7 * 500);
	assert_int_equal(plan->scenarios[1].max_vus, 500);
	assert_int_equal(scenario_planned(&plan->scenarios[2]), 2 * 1250);
	plan_free(plan);
}

/* Plans that must read back the same after writing. */
static const char *const written[] = {
        stock_pipeline,
        /* Texts that YAML, ${...} or quoting could change. */
        "name: \"a: b # 'c' \\\"d\\\" \\\\ \\u00e9 \\u2028 %\"\n"
        "variables: { odd: \"\\x7f \\t \\r\\n \\U0001F600 \\uFEFF\", a: '$${x} $$${y} {{vu}}', empty: '', number: 1, "
        "tilde: ~, \"null\": \"null\" }\n"
        "tags: { 'true': 'yes', '1': '2', '<<': x }\n"
        "scenarios: { 'a:b#': { executor: constant-vus, duration: 1500us, steps: [ null: { group: '{{a}}{{{{ $${q}' } "
        "] } }\n",
        "groupStatus: { over: 500ms, variable: { maxOverMean: 2.5 }, timeouts: { slow: 20%, success: 10% } }\n"
        "scenarios: { s: { executor: constant-vus, duration: 1s, steps: [ null: { group: a } ] } }\n",
        /* What goes by no simple rate. */
        "targets: { k: { kafka: { brokers: b } } }\n"
        "scenarios:\n"
        "  a: { executor: constant-arrival-rate, burst: { size: 500, every: 10s }, duration: 1m, steps: [ null: {} ] "
        "}\n"
        "  b: { executor: constant-arrival-rate, rate: 1000, duration: 24h, steps: [ null: {} ], pattern: [\n"
        "    { name: peak, duration: 2h, factor: 2.5 }, { duration: 4h, factor: 1 }, { duration: 6h, rate: 0.1 } ] }\n"
        "  c: { executor: ramping-arrival-rate, startRate: 1, stages: [ { duration: 1m, target: 9 } ],\n"
        "    pattern: [ { duration: 1s, factor: 0 }, { duration: 9s, factor: 0.5 } ], steps: [ null: {} ] }\n"
        "  d: { executor: constant-arrival-rate, duration: 1m, pattern: [ { duration: 1s, rate: 7 } ],\n"
        "    producers: 3, ratePerProducer: true, steps: [ produce: { target: k, topic: t, size: 1 } ] }\n"
        "  e: { executor: constant-arrival-rate, rate: max, duration: 30s, producers: 3,\n"
        "    steps: [ produce: { target: k, topic: t, size: 1 } ] }\n"
        "  f: { executor: shared-iterations, rate: max, iterations: 1000000,\n"
        "    steps: [ produce: { target: k, topic: t, size: 1 } ] }\n"
        "  g: { executor: constant-arrival-rate, duration: 1m, burst: { size: 2, every: 1s },\n"
        "    producers: 3, ratePerProducer: true, steps: [ produce: { target: k, topic: t, size: 1 } ] }\n",
        /* What a produced message is made of. */
        "targets: { k: { kafka: { brokers: b } } }\n"
        "data: { tick: { lines: ticks.txt, pick: sequential } }\n"
        "scenarios:\n"
        "  s: { executor: constant-vus, duration: 1s, steps: [\n"
        "    produce: { target: k, topic: t, size: [ { size: 100, weight: 80 }, { size: 1KiB..10KiB, weight: 20 } ],\n"
        "      compressibility: 60%, keys: { zipf: 3000, exponent: 1.25 }, partitioner: fnv1a, acks: 1,\n"
        "      headers: { trace: '{{uuid}}', a b: '' } },\n"
        "    produce: { target: k, topic: t, size: 1, compressibility: 0, keys: { uniform: 5 }, await: ack },\n"
        "    produce: { target: k, topic: t, payloads: ticks.txt, key: '{{tick}}' },\n"
        "    produce: { target: k, topic: t, payloads: ticks.txt },\n"
        "    produce: { target: k, topic: t, payloads: other.txt } ] }\n",
        /* A plain block text, and every executor with its keys. */
        "targets: { n: { null: {} }, k: { kafka: { brokers: 'b1,b2' } }, d: { postgres: { uri: 'host=h', timeout: 3s } "
        "} }\n"
        "onAgentLoss: fail\n"
        "scenarios:\n"
        "  a: { executor: constant-vus, vus: 3, duration: 1h, pace: 2s, gracefulStop: 0s, isWarmup: true,\n"
        "       steps: [ null: { target: n, latency: 1ms..2.5ms, failures: 0.1 } ] }\n"
        "  b: { executor: ramping-vus, startVUs: 0, stages: [ { duration: 0, target: 5 }, { duration: 1s, target: 1 } "
        "],\n"
        "       gracefulRampDown: 1s, startAfter: c, steps: [ think: 0 ] }\n"
        "  c: { executor: per-vu-iterations, vus: 2, iterations: 3, maxDuration: 1m, rampUp: 10s, steps: [ null: {} ] "
        "}\n"
        "  d: { executor: shared-iterations, vus: 2, iterations: 1_000_000, steps: [ null: {} ] }\n"
        "  e: { executor: constant-arrival-rate, rate: 0.1, timeUnit: 1h, duration: 2h, maxVUs: 3, preAllocatedVUs: "
        "3,\n"
        "       whenFull: queue, arrivals: poisson, steps: [ null: {} ] }\n"
        "  f:\n"
        "    executor: ramping-arrival-rate\n"
        "    startRate: 3.3333333333333335\n"
        "    stages: [ { duration: 1ms, target: 1e-3 } ]\n"
        "    steps:\n"
        "      - produce: { target: k, topic: \"t-{{random 1 5}}\", payload: '', acks: all }\n"
        "      - sql:\n"
        "          target: d\n"
        "          timeout: 1s\n"
        "          query: |\n"
        "            SELECT 'it''s $1'\n"
        "            FROM t\n",
        "targets: { api: { http: { baseUrl: 'https://[::1]:8443/v1//' } } }\n"
        "scenarios:\n"
        "  a:\n"
        "    executor: constant-vus\n"
        "    duration: 1s\n"
        "    steps:\n"
        "      - http: { target: api, post: /, body: \"a\\r\\nb\", headers: { Content-Type: 'text/plain; q=\"1\"' }, "
        "timeout: 1s }\n"
        "      - http: { target: api, method: purge, path: \"{{uuid}}?a=b\", check: { status: [200..204, 404] } }\n"
        "thresholds:\n"
        "  'checks{label:\"status is 200..204 or 404\",step:http-2}': ['rate>0.5']\n"
        "  http_reqs: 'count>0'\n",
        "data: { user: { csv: u.csv, columns: [ id, first-name ], pick: unique }, w: { csv: w.csv, column: w, "
        "exponent: 1.5, pick: zipf } }\n"
        "scenarios: { a: { executor: shared-iterations, steps: [ null: { group: '{{user.id}}{{w}}' } ] } }\n",
        /* Agents that come and go, and duties; a name is used above where it is set. */
        "onAgentLoss: redistribute\n"
        "elastic: true\n"
        "targets: { n: { null: {} }, api: { http: { baseUrl: 'http://h', headers: { A: '{{token}}' } } } }\n"
        "scenarios:\n"
        "  a: { executor: constant-vus, duration: 1s, runOn: { zone: 'a b', '1': '2' }, minAgents: 3,\n"
        "       steps: [ null: { group: '{{token}}{{odd}}' } ] }\n"
        "setup:\n"
        "  - null: { name: log in, target: n, latency: 1ms..2ms, fails: true, values: { token: '{{uuid}} $${x}' } }\n"
        "  - null:\n"
        "  - null: { values: { odd: \"{{token}}{{secret.a}} \\n\\\"\", empty: '' } }\n"
        "teardown: [ null: { latency: 5ms }, null: { name: last, target: n, fails: false } ]\n"
        "readers: [ null: { every: 100ms, value: 42.5 }, null: { name: r, target: n, value: 0 } ]\n"
        "thresholds: { 'null_reading{label:r}': 'max<1', null_reading: 'avg>1' }\n",
};

static void check_equal_text(const char *text)
{
	struct failures failures = {0};
	struct plan *plan = NULL, *again = NULL;
	struct buffer one = {0}, other = {0};
	if (plan_parse(text, strlen(text), NULL, 0, &failures, &plan) < 0)
		fail_msg("%d:%d: %s", failures.items[0].line, failures.items[0].column, failures.items[0].text);
	assert_int_equal(plan_write(plan, &one), 0);
	again = parse(buffer_text(&one));
	assert_int_equal(plan_write(again, &other), 0);
	assert_string_equal(buffer_text(&one), buffer_text(&other));
	assert_string_equal(plan->sha256, again->sha256);
	assert_string_equal(plan->name, again->name);
	for (uint32_t i = 0; i < plan->variables.count; i++)
		assert_string_equal(plan->variables.items[i].value, again->variables.items[i].value);
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		assert_true(plan->scenarios[i].seed == again->scenarios[i].seed);
		assert_true(plan->scenarios[i].rate == again->scenarios[i].rate);
		assert_true(plan->scenarios[i].start_rate == again->scenarios[i].start_rate);
		assert_int_equal(plan->scenarios[i].duration_ns, again->scenarios[i].duration_ns);
		assert_int_equal(plan->scenarios[i].max_vus, again->scenarios[i].max_vus);
		assert_int_equal(plan->scenarios[i].start_after, again->scenarios[i].start_after);
		assert_int_equal(plan->scenarios[i].step_count, again->scenarios[i].step_count);
	}
	buffer_deinit(&one);
	buffer_deinit(&other);
	plan_free(plan);
	plan_free(again);
	failures_deinit(&failures);
}

static void test_plan_written_reads_back_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		check_equal_text(written[i]);
}

static void test_plan_duties_are_as_written(void **state)
{
	struct plan *plan = parse(written[sizeof(written) / sizeof(*written) - 1]);
	const struct duty *duties = plan->duties;
	uint32_t token = template_names_find(plan->names, "token");
	(void)state;
	assert_true(plan->elastic);
	assert_int_equal(plan->on_agent_loss, ON_AGENT_LOSS_REDISTRIBUTE);
	assert_int_equal(plan->scenarios[0].min_agents, 3);
	assert_int_equal(plan->scenarios[0].run_on.count, 2);
	assert_string_equal(plan->scenarios[0].run_on.items[0].name, "zone");
	assert_string_equal(plan->scenarios[0].run_on.items[0].value, "a b");
	assert_true(template_uses(plan->scenarios[0].steps[0].group, token));
	assert_int_equal(plan->duty_count, 7);
	assert_string_equal(duties[0].name, "log in");
	assert_int_equal(duties[0].kind, DUTY_SETUP);
	assert_int_equal(duties[0].task, DUTY_TASK_NULL);
	assert_int_equal(duties[0].target, 0);
	assert_int_equal(duties[0].null.latency_ns.high, 2 * NS_PER_MS);
	assert_true(duties[0].null.fails);
	assert_int_equal(duties[0].null.values.count, 1);
	assert_string_equal(duties[0].null.values.items[0].name, "token");
	assert_string_equal(template_source(duties[0].null.values.items[0].value), "{{uuid}} ${x}");
	assert_string_equal(duties[1].name, "setup-2");
	assert_int_equal(duties[1].target, PLAN_NONE);
	assert_true(template_uses(duties[2].null.values.items[0].value, token));
	assert_int_equal(duties[3].kind, DUTY_TEARDOWN);
	assert_string_equal(duties[3].name, "teardown-1");
	assert_string_equal(duties[4].name, "last");
	assert_int_equal(duties[5].kind, DUTY_READER);
	assert_string_equal(duties[5].name, "reader-1");
	assert_int_equal(duties[5].every_ns, 100 * NS_PER_MS);
	assert_true(duties[5].null.reading == 42.5);
	assert_int_equal(duties[6].every_ns, NS_PER_S);
	plan_free(plan);
}

static void test_plan_texts_survive_writing(void **state)
{
	struct plan *plan = parse(written[1]);
	(void)state;
	assert_string_equal(plan->name, "a: b # 'c' \"d\" \\ \xc3\xa9 \xe2\x80\xa8 %");
	assert_string_equal(plan->variables.items[0].value, "\x7f \t \r\n \xf0\x9f\x98\x80 \xef\xbb\xbf");
	assert_string_equal(plan->variables.items[1].value, "${x} $${y} {{vu}}");
	assert_string_equal(plan->variables.items[2].value, "");
	assert_string_equal(template_source(plan->scenarios[0].steps[0].group), "{{a}}{{{{ ${q}");
	plan_free(plan);
}

static void test_plan_yaml_aliases_stand_for_their_anchor(void **state)
{
	struct plan *plan = parse(
	        "scenarios:\n"
	        "  a: { executor: constant-vus, duration: &d 7s, steps: &s [ null: { latency: 1ms }, think: 1s ] }\n"
	        "  b: { executor: constant-vus, duration: *d, steps: *s }\n");
	(void)state;
	assert_int_equal(plan->scenarios[1].duration_ns, 7 * NS_PER_S);
	assert_int_equal(plan->scenarios[1].step_count, 2);
	assert_int_equal(plan->scenarios[1].steps[0].null.latency_ns.low, NS_PER_MS);
	plan_free(plan);
}

static void test_plan_from_the_wire_never_looks_at_the_environment(void **state)
{
	static const char text[] =
	        "variables: { d: 1s }\n"
	        "scenarios: { a: { executor: constant-vus, duration: '${d}', steps: [ null: {} ] } }\n";
	(void)state;
	assert_int_equal(setenv("STAMPEDE_VAR_D", "2s", 1), 0);
	struct plan *plan = parse(text);
	assert_int_equal(plan->scenarios[0].duration_ns, NS_PER_S);
	unsetenv("STAMPEDE_VAR_D");
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plan_rate_max_is_a_closed_loop_of_producers),
	        cmocka_unit_test(test_plan_patterns_and_bursts_count_exactly),
	        cmocka_unit_test(test_plan_targets_are_as_written),
	        cmocka_unit_test(test_plan_scenarios_are_as_written),
	        cmocka_unit_test(test_plan_steps_are_as_written),
	        cmocka_unit_test(test_plan_thresholds_are_as_written),
	        cmocka_unit_test(test_plan_defaults_are_filled_in),
	        cmocka_unit_test(test_plan_rates_per_producer_are_multiplied_out),
	        cmocka_unit_test(test_plan_seeds_repeat_and_differ_between_scenarios),
	        cmocka_unit_test(test_plan_written_reads_back_the_same),
	        cmocka_unit_test(test_plan_duties_are_as_written),
	        cmocka_unit_test(test_plan_texts_survive_writing),
	        cmocka_unit_test(test_plan_yaml_aliases_stand_for_their_anchor),
	        cmocka_unit_test(test_plan_from_the_wire_never_looks_at_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
