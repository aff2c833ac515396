/* SPDX-License-Identifier: Apache-2.0 */
/* The plans that seeds choose from: each shows another part of the protocol, all are short. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/plan/schedule.h"
#include "tests/sim/sim.h"

struct kind {
	const char *name;
	const char *scenarios; /* and whatever else the plan has */
	_Bool unique;          /* draws from the feed `once` */
};

static const struct kind kinds[] = {
        {"even",
         "scenarios:\n"
         "  even: { executor: constant-arrival-rate, rate: 40, duration: 8s, maxVUs: 40,\n"
         "          steps: [ { \"null\": { latency: 1ms..700ms, failures: 3%, group: \"{{vu}}\" } } ] }\n"
         "thresholds: { 'null_operation_duration{scenario:even}': ['p(95)<600'], iterations: ['count>10'] }\n",
         0},
        {"two",
         "warmup: 2s\n"
         "scenarios:\n"
         "  poisson: { executor: constant-arrival-rate, rate: 30, duration: 7s, arrivals: poisson,\n"
         "             steps: [ { \"null\": { latency: 20ms..900ms } } ] }\n"
         "  ramp: { executor: ramping-arrival-rate, startRate: 5, startTime: 1500ms, gracefulStop: 300ms,\n"
         "          stages: [ { duration: 3s, target: 60 }, { duration: 4s, target: 0 } ],\n"
         "          steps: [ { \"null\": { latency: 1ms..800ms, failures: 10% } } ] }\n",
         0},
        {"users",
         "scenarios:\n"
         "  steady: { executor: constant-vus, vus: 7, duration: 6s, gracefulStop: 500ms,\n"
         "            steps: [ { \"null\": { latency: 100ms..900ms, failures: 5% } } ] }\n"
         "  ramping: { executor: ramping-vus, startVUs: 1, gracefulRampDown: 400ms,\n"
         "             stages: [ { duration: 3s, target: 9 }, { duration: 2s, target: 9 }, { duration: 3s, target: 0 } "
         "],\n"
         "             steps: [ { \"null\": { latency: 50ms..500ms } } ] }\n",
         0},
        {"counted",
         "scenarios:\n"
         "  each: { executor: per-vu-iterations, vus: 7, iterations: 6, rampUp: 1s, maxDuration: 20s,\n"
         "          steps: [ { \"null\": { latency: 100ms..700ms, failures: 5% } } ] }\n"
         "  shared: { executor: shared-iterations, vus: 5, iterations: 53, maxDuration: 20s,\n"
         "            steps: [ { \"null\": { latency: 50ms..600ms } } ] }\n"
         "  cut: { executor: per-vu-iterations, vus: 3, iterations: 50, maxDuration: 2s, gracefulStop: 200ms,\n"
         "         steps: [ { \"null\": { latency: 300ms..900ms } } ] }\n",
         0},
        {"followed",
         "scenarios:\n"
         "  first: { executor: shared-iterations, vus: 4, iterations: 30, maxDuration: 20s,\n"
         "           steps: [ { \"null\": { latency: 50ms..600ms } } ] }\n"
         "  second: { executor: constant-arrival-rate, rate: 20, duration: 4s, startAfter: first,\n"
         "            steps: [ { \"null\": { latency: 1ms..400ms } } ] }\n"
         "  third: { executor: constant-vus, vus: 3, duration: 3s, startAfter: second, startTime: 500ms,\n"
         "           steps: [ { \"null\": { latency: 100ms..300ms } } ] }\n",
         0},
        {"producers",
         "targets: { stream: { kafka: { brokers: \"127.0.0.1:1\" } } }\n"
         "scenarios:\n"
         "  made: { executor: constant-arrival-rate, rate: 50, duration: 7s, producers: 5,\n"
         "          steps: [ { produce: { target: stream, topic: t, size: 100, await: ack } } ] }\n"
         "  loops: { executor: constant-vus, vus: 6, duration: 5s, producers: 3,\n"
         "           steps: [ { produce: { target: stream, topic: t, size: 100, await: ack } } ] }\n",
         0},
        {"verified",
         "targets: { stream: { kafka: { brokers: \"127.0.0.1:1\", properties: { acks: all } } } }\n"
         "scenarios:\n"
         "  during: { executor: constant-arrival-rate, rate: 50, duration: 7s, producers: 5,\n"
         "            steps: [ { produce: { target: stream, topic: t, size: 100, await: ack, verify: during } } ] }\n"
         "  also: { executor: constant-vus, vus: 4, duration: 4s,\n"
         "          steps: [ { produce: { target: stream, topic: t, size: 100, await: ack, verify: during } } ] }\n"
         "  after: { executor: shared-iterations, vus: 5, iterations: 60, maxDuration: 20s,\n"
         "           steps: [ { produce: { target: stream, topic: u, size: 100, await: ack, verify: after } } ] }\n",
         0},
        {"aborted",
         "scenarios:\n"
         "  bad: { executor: constant-arrival-rate, rate: 30, duration: 12s,\n"
         "         steps: [ { \"null\": { latency: 1ms..900ms, failures: 30% } } ] }\n"
         "  loop: { executor: constant-vus, vus: 4, duration: 12s,\n"
         "          steps: [ { \"null\": { latency: 200ms..900ms } } ] }\n"
         "thresholds:\n"
         "  null_operation_failed: [ { threshold: 'rate<0.1', abortOnFail: true, delayAbortEval: 3s, window: 2s } ]\n",
         0},
        {"unique",
         "data: { once: { csv: once.csv, column: once, pick: unique } }\n"
         "scenarios:\n"
         "  draws: { executor: constant-arrival-rate, rate: 25, duration: 7s,\n"
         "           steps: [ { \"null\": { latency: 1ms..500ms, group: \"{{once}}\" } } ] }\n"
         "  more: { executor: shared-iterations, vus: 4, iterations: 25, maxDuration: 20s,\n"
         "          steps: [ { \"null\": { latency: 100ms..500ms, group: \"{{once}}\" } } ] }\n"
         "  last: { executor: ramping-arrival-rate, stages: [ { duration: 6s, target: 20 } ],\n"
         "          steps: [ { \"null\": { latency: 1ms..500ms, group: \"{{once}}\" } } ] }\n",
         1},
        {"duties",
         "setup:\n"
         "  - \"null\": { name: login, latency: 50ms..900ms, values: { token: secret, user: ann } }\n"
         "  - \"null\": { name: fill, latency: 10ms..300ms, values: { rows: \"12\" } }\n"
         "teardown:\n"
         "  - \"null\": { name: clean, latency: 50ms..900ms }\n"
         "  - \"null\": { name: leave, latency: 1ms..100ms }\n"
         "readers:\n"
         "  - \"null\": { name: level, every: 500ms, value: 7 }\n"
         "  - \"null\": { name: depth, every: 1s, value: 3 }\n"
         "scenarios:\n"
         "  rate: { executor: constant-arrival-rate, rate: 20, duration: 6s,\n"
         "          steps: [ { \"null\": { latency: 1ms..500ms, group: \"{{token}}\" } } ] }\n",
         0},
        {"placed",
         "scenarios:\n"
         "  here: { executor: constant-arrival-rate, rate: 20, duration: 6s, runOn: { zone: a },\n"
         "          steps: [ { \"null\": { latency: 1ms..500ms } } ] }\n"
         "  users: { executor: constant-vus, vus: 4, duration: 5s, runOn: { zone: a },\n"
         "           steps: [ { \"null\": { latency: 100ms..500ms } } ] }\n"
         "  all: { executor: per-vu-iterations, vus: 6, iterations: 5, maxDuration: 20s,\n"
         "         steps: [ { \"null\": { latency: 100ms..500ms } } ] }\n",
         0},
        {"long",
         "scenarios:\n"
         "  slow: { executor: constant-arrival-rate, rate: 10, duration: 18s,\n"
         "          steps: [ { \"null\": { latency: 10ms..900ms } } ] }\n"
         "  few: { executor: constant-vus, vus: 2, duration: 15s, steps: [ { \"null\": { latency: 200ms..900ms } } ] "
         "}\n",
         0},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), ROWS = 330 };

/* A plan as an agent has read it. */
struct read_plan {
	char *text;
	size_t size;
	_Bool with_files;
	struct plan *plan;
};

struct sim_plans {
	struct sim_plan **items;
	size_t count, capacity;
	struct read_plan *read;
	size_t read_count, read_capacity;
	char once[ROWS * 8 + 8];
};

struct sim_plans *sim_plans_new(void)
{
	struct sim_plans *plans = calloc(1, sizeof(*plans));
	size_t at = 0;

	sim_must(plans ? 0 : -ENOMEM, "plans");
	at = (size_t)snprintf(plans->once, sizeof(plans->once), "once\n");
	for (int i = 0; i < ROWS; i++)
		at += (size_t)snprintf(plans->once + at, sizeof(plans->once) - at, "u%d\n", i);
	return plans;
}

struct sim_plans *sim_plans_free(struct sim_plans *plans)
{
	if (!plans)
		return NULL;
	for (size_t i = 0; i < plans->count; i++) {
		plan_free(plans->items[i]->plan);
		free(plans->items[i]->yaml);
		free(plans->items[i]->text);
		free(plans->items[i]);
	}
	for (size_t i = 0; i < plans->read_count; i++) {
		plan_free(plans->read[i].plan);
		free(plans->read[i].text);
	}
	free(plans->items);
	free(plans->read);
	free(plans);
	return NULL;
}

uint32_t sim_plans_count(void)
{
	return KINDS;
}

const char *sim_plans_name(uint32_t plan)
{
	return kinds[plan].name;
}

const char *sim_plans_tag(uint32_t process)
{
	return process % 3 == 2 ? "b" : "a";
}

static struct plan *parse(const char *text, size_t size, const struct plan_file *files, uint32_t count)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	int r = plan_parse(text, size, files, count, &failures, &plan);

	for (size_t i = 0; r < 0 && i < failures.count; i++)
		fprintf(stderr, "%d:%d: %s\n", failures.items[i].line, failures.items[i].column,
		        failures.items[i].text);
	failures_deinit(&failures);
	sim_must(r, "plan");
	return plan;
}

static char *compose(const struct chance *chance)
{
	static const char *const losses[] = {[ON_AGENT_LOSS_CONTINUE] = "continue",
	                                     [ON_AGENT_LOSS_FAIL] = "fail",
	                                     [ON_AGENT_LOSS_REDISTRIBUTE] = "redistribute"};
	const struct kind *kind = &kinds[chance->plan];
	char *yaml = NULL;
	int r = asprintf(&yaml, "name: %s\nlostAfter: 3s\nonAgentLoss: %s\n%s%s", kind->name, losses[chance->on_loss],
	                 chance->elastic ? "elastic: true\n" : "", kind->scenarios);

	sim_must(r < 0 ? -ENOMEM : 0, "plan's text");
	return yaml;
}

/* By when all its schedules and what is in flight at their ends are over, startAfter included. */
static uint64_t length_of(const struct plan *plan)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];

		sum += scenario->start_time_ns + scenario->graceful_stop_ns +
		       (scenario->duration_ns ? scenario->duration_ns : scenario->max_duration_ns);
	}
	return sum;
}

const struct sim_plan *sim_plans_get(struct sim_plans *plans, const struct chance *chance)
{
	struct plan_file file = {"once", plans->once, strlen(plans->once)};
	struct sim_plan *made = calloc(1, sizeof(*made));
	struct buffer text = {0};

	sim_must(made ? 0 : -ENOMEM, "plan");
	made->yaml = compose(chance);
	for (size_t i = 0; i < plans->count; i++)
		if (strcmp(plans->items[i]->yaml, made->yaml) == 0) {
			free(made->yaml);
			free(made);
			return plans->items[i];
		}
	made->plan = parse(made->yaml, strlen(made->yaml), &file, kinds[chance->plan].unique);
	made->length_ns = length_of(made->plan);
	sim_must(plan_write(made->plan, &text), "plan's text");
	made->text = strdup(buffer_text(&text));
	sim_must(made->text ? 0 : -ENOMEM, "plan's text");
	made->size = text.size;
	buffer_deinit(&text);
	sim_must(array_reserve(&plans->items, &plans->capacity, plans->count, sizeof(*plans->items)), "plans");
	plans->items[plans->count++] = made;
	return made;
}

const struct plan *sim_plans_parsed(struct sim_plans *plans, const char *text, size_t size,
                                    const struct plan_file *files, uint32_t file_count)
{
	struct read_plan *read;

	for (size_t i = 0; i < plans->read_count; i++)
		if (plans->read[i].size == size && memcmp(plans->read[i].text, text, size) == 0)
			return plans->read[i].plan;
	sim_must(array_reserve(&plans->read, &plans->read_capacity, plans->read_count, sizeof(*plans->read)), "plans");
	read = &plans->read[plans->read_count++];
	*read = (struct read_plan){.text = malloc(size), .size = size, .plan = parse(text, size, files, file_count)};
	sim_must(read->text ? 0 : -ENOMEM, "plan");
	memcpy(read->text, text, size);
	return read->plan;
}
