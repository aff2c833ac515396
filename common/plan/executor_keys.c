// SPDX-License-Identifier: Apache-2.0
// The keys of a scenario, with the executors that have each, and the reading of the section `scenarios`.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/plan/rate_keys.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"

enum {
	CONSTANT_VUS = 1 << EXECUTOR_CONSTANT_VUS,
	RAMPING_VUS = 1 << EXECUTOR_RAMPING_VUS,
	PER_VU = 1 << EXECUTOR_PER_VU_ITERATIONS,
	SHARED = 1 << EXECUTOR_SHARED_ITERATIONS,
	CONSTANT_RATE = 1 << EXECUTOR_CONSTANT_ARRIVAL_RATE,
	RAMPING_RATE = 1 << EXECUTOR_RAMPING_ARRIVAL_RATE,
	OPEN = CONSTANT_RATE | RAMPING_RATE,
	COUNTED = PER_VU | SHARED,
	CLOSED = CONSTANT_VUS | RAMPING_VUS | COUNTED,
};

static const char *const when_full_names[] = {"drop", "queue", NULL};
static const char *const arrivals_names[] = {"even", "poisson", NULL};

static void write_executor(struct writing *writing, const struct option *option, const void *base)
{
	const struct scenario *scenario = base;
	writing_raw(writing, option->key, "%s", executor_names[scenario->executor]);
}

/* The scenario named may stand further down: resolved when all are read. */
static void read_start_after(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct scenario *scenario = base;
	if (reading_expect(reading, value, NODE_SCALAR, option->key))
		reading->scenarios[scenario - reading->plan->scenarios].start_after = value;
}

static void write_start_after(struct writing *writing, const struct option *option, const void *base)
{
	const struct scenario *scenario = base;
	if (scenario->start_after != PLAN_NONE)
		writing_text(writing, option->key, writing->plan->scenarios[scenario->start_after].name);
}

const struct option stage_options[] = {
        {.key = "duration",
         .type = OPTION_DURATION,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(stage, duration_ns),
         .help = "how long"},
        {.key = "target",
         .type = OPTION_NUMBER,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(stage, target),
         .help = "VUs or rate at its end"},
        {0},
};

static void read_stage(struct reading *reading, const struct node *value, struct scenario *scenario)
{
	struct stage *stage = &scenario->stages[scenario->stage_count++];
	if (!reading_expect_item(reading, value, NODE_MAPPING, "a stage"))
		return;
	const struct where outer = reading_enter(reading, value->place, "stage %u of scenario \"%s\"",
	                                         scenario->stage_count, scenario->name);
	options_read(reading, &(struct option_map){.options = stage_options}, value, stage);
	const struct node *target = node_get(value, "target");
	if (scenario->executor == EXECUTOR_RAMPING_VUS &&
	    (stage->target != floor(stage->target) || stage->target > LIMIT_VUS))
		reading_error(reading, target->place, "\"target\" in %s: \"%s\" is no number of VUs up to %d",
		              reading->where.text, target->text, LIMIT_VUS);
	if (scenario->duration_ns <= LIMIT_PLAN_DURATION_NS)
		scenario->duration_ns += stage->duration_ns;
	reading_leave(reading, &outer);
}

static void read_stages(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct scenario *scenario = base;
	if (!reading_expect(reading, value, NODE_SEQUENCE, option->key))
		return;
	if (value->count == 0 || value->count > LIMIT_PLAN_STAGES) {
		reading_error(reading, value->place, "\"stages\" in %s has %zu stages; it needs from 1 to %d",
		              reading->where.text, value->count, LIMIT_PLAN_STAGES);
		return;
	}
	const size_t errors = reading_errors(reading);
	scenario->stages = reading_array(reading, value->count, sizeof(*scenario->stages));
	for (size_t i = 0; scenario->stages && i < value->count; i++)
		read_stage(reading, value->items[i], scenario);
	if (scenario->duration_ns > LIMIT_PLAN_DURATION_NS)
		reading_error(reading, value->place, "\"stages\" in %s last more than 10 years", reading->where.text);
	else if (scenario->duration_ns == 0 && errors == reading_errors(reading))
		reading_error(reading, value->place, "\"stages\" in %s last no time in all", reading->where.text);
}

static void write_stages(struct writing *writing, const struct option *option, const void *base)
{
	const struct scenario *scenario = base;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		writing_item(writing);
		options_write(writing, &(struct option_map){.options = stage_options}, &scenario->stages[i]);
		writing_item_end(writing);
	}
	writing_end(writing);
}

const struct option scenario_options[] = {
        {.key = "executor",
         .type = OPTION_CUSTOM,
         .flags = OPTION_REQUIRED,
         .write = write_executor,
         .help = "how iterations start"},
        {.key = "startTime",
         .type = OPTION_DURATION,
         OPTION_MEMBER(scenario, start_time_ns),
         .help = "from the run's start, or the end of startAfter"},
        {.key = "startAfter",
         .type = OPTION_CUSTOM,
         .read = read_start_after,
         .write = write_start_after,
         .help = "the scenario whose end it waits for"},
        {.key = "isWarmup",
         .type = OPTION_BOOL,
         OPTION_MEMBER(scenario, is_warmup),
         .help = "left out of totals and thresholds"},
        {.key = "runOn",
         .type = OPTION_PAIRS,
         OPTION_MEMBER(scenario, run_on),
         .check = check_tag_names,
         .max = LIMIT_TAGS,
         .help = "TAG: value, that an agent must have to run it"},
        {.key = "minAgents",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(scenario, min_agents),
         .max = LIMIT_AGENTS,
         .fallback = "1",
         .help = "such agents without which the run doesn't begin"},
        {.key = "gracefulStop",
         .type = OPTION_DURATION,
         OPTION_MEMBER(scenario, graceful_stop_ns),
         .fallback = "30s",
         .help = "how long running iterations may take at the end"},
        {.key = "gracefulRampDown",
         .type = OPTION_DURATION,
         .kinds = RAMPING_VUS,
         OPTION_MEMBER(scenario, graceful_ramp_down_ns),
         .fallback = "30s",
         .help = "the same for VUs that a stage takes away"},
        {.key = "vus",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         .kinds = CONSTANT_VUS | COUNTED,
         OPTION_MEMBER(scenario, vus),
         .max = LIMIT_VUS,
         .fallback = "1",
         .help = "virtual users over the whole fleet"},
        {.key = "startVUs",
         .type = OPTION_COUNT,
         .kinds = RAMPING_VUS,
         OPTION_MEMBER(scenario, start_vus),
         .max = LIMIT_VUS,
         .fallback = "1",
         .help = "VUs at the start"},
        {.key = "duration",
         .type = OPTION_DURATION,
         .flags = OPTION_REQUIRED | OPTION_POSITIVE,
         .kinds = CONSTANT_VUS | CONSTANT_RATE,
         OPTION_MEMBER(scenario, duration_ns),
         .help = "of the schedule"},
        {.key = "iterations",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         .kinds = COUNTED,
         OPTION_MEMBER(scenario, iterations),
         .max = UINT64_C(1000000000000),
         .fallback = "1",
         .help = "of each VU, or shared by all"},
        {.key = "maxDuration",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         .kinds = COUNTED,
         OPTION_MEMBER(scenario, max_duration_ns),
         .fallback = "10m",
         .help = "what has not begun by then is dropped"},
        {.key = "rampUp",
         .type = OPTION_DURATION,
         .kinds = COUNTED,
         OPTION_MEMBER(scenario, ramp_up_ns),
         .help = "VU i of n starts at i * rampUp / n"},
        {.key = "rate",
         .type = OPTION_CUSTOM,
         .kinds = CONSTANT_RATE | SHARED,
         .read = read_rate,
         .write = write_rate,
         .help = "arrivals per timeUnit, over the whole fleet; max: as fast as the queue takes them"},
        {.key = "burst",
         .type = OPTION_CUSTOM,
         .kinds = CONSTANT_RATE,
         .read = read_burst,
         .write = write_burst,
         .help = "{ size, every }: so many arrivals at once, instead of a rate"},
        {.key = "pattern",
         .type = OPTION_CUSTOM,
         .kinds = OPEN,
         .read = read_pattern,
         .write = write_pattern,
         .help = "[{ duration, factor }, ...]: what the rate goes through again and again"},
        {.key = "startRate",
         .type = OPTION_NUMBER,
         .kinds = RAMPING_RATE,
         OPTION_MEMBER(scenario, start_rate),
         .fallback = "0",
         .help = "the rate at the start"},
        {.key = "timeUnit",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         .kinds = OPEN,
         OPTION_MEMBER(scenario, time_unit_ns),
         .fallback = "1s",
         .help = "what rates are per"},
        {.key = "stages",
         .type = OPTION_CUSTOM,
         .flags = OPTION_REQUIRED,
         .kinds = RAMPING_VUS | RAMPING_RATE,
         .read = read_stages,
         .write = write_stages,
         .help = "[{ duration, target }, ...]"},
        {.key = "preAllocatedVUs",
         .type = OPTION_COUNT,
         .kinds = OPEN,
         OPTION_MEMBER(scenario, pre_allocated_vus),
         .max = LIMIT_VUS,
         .help = "VUs made before the start"},
        {.key = "maxVUs",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         .kinds = OPEN,
         OPTION_MEMBER(scenario, max_vus),
         .max = LIMIT_VUS,
         .help = "VUs at most; by default 10 s of the peak rate"},
        {.key = "whenFull",
         .type = OPTION_CHOICE,
         .kinds = OPEN,
         OPTION_MEMBER(scenario, when_full),
         .choices = when_full_names,
         .fallback = "drop",
         .help = "what becomes of an arrival without a free VU"},
        {.key = "arrivals",
         .type = OPTION_CHOICE,
         .kinds = OPEN,
         OPTION_MEMBER(scenario, arrivals),
         .choices = arrivals_names,
         .fallback = "even",
         .help = "evenly spaced, or as a Poisson process"},
        {.key = "producers",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(scenario, producers),
         .max = LIMIT_PRODUCERS,
         .help = "Kafka clients that the scenario is spread over"},
        {.key = "ratePerProducer",
         .type = OPTION_CUSTOM,
         .kinds = OPEN,
         .read = read_rate_per_producer,
         .help = "rates are those of one producer"},
        {.key = "pace",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         .kinds = CLOSED,
         OPTION_MEMBER(scenario, pace_ns),
         .help = "each VU starts an iteration every so often"},
        {.key = "steps", .type = OPTION_CUSTOM, .flags = OPTION_REQUIRED, .help = "what one iteration does"},
        {0},
};

/* EXECUTOR_COUNT after an error. */
static enum executor read_executor(struct reading *reading, const struct node *value)
{
	const char *names[EXECUTOR_COUNT + 1] = {0};
	int executor = EXECUTOR_COUNT;
	memcpy(names, executor_names, sizeof(executor_names));
	const struct option row = {.key = "executor", .type = OPTION_CHOICE, .choices = names};
	if (value)
		option_read(reading, &row, value, &executor);
	return (enum executor)executor;
}

_Bool scenario_has_step(const struct scenario *scenario, enum step_kind kind)
{
	for (uint32_t i = 0; i < scenario->step_count; i++)
		if (scenario->steps[i].kind == kind)
			return 1;
	return 0;
}

static void finish_scenario(struct reading *reading, const struct node *mapping, struct scenario *scenario)
{
	const struct node *producers = node_get(mapping, "producers"), *each = node_get(mapping, "ratePerProducer");
	if (reading->rate_max)
		finish_rate_max(reading, mapping, scenario);
	else if (executor_is_open(scenario->executor))
		finish_open(reading, mapping, scenario);
	if (scenario->executor == EXECUTOR_RAMPING_VUS && scenario->duration_ns > 0 && scenario_max_vus(scenario) == 0)
		reading_error(reading, scenario->place, "%s never starts anything: it has 0 VUs throughout",
		              reading->where.text);
	if (producers && scenario->steps && !scenario_has_step(scenario, STEP_PRODUCE))
		reading_error(reading, producers->place, "\"producers\" in %s: none of its steps is a produce step",
		              reading->where.text);
	if (reading->rate_per_producer && !producers)
		reading_error(reading, each->place, "\"ratePerProducer\" in %s needs the key \"producers\"",
		              reading->where.text);
}

/* Random choices repeat from run to run, and differ between scenarios. */
static uint64_t seed_of(const struct plan *plan, const struct scenario *scenario)
{
	char text[3 * LIMIT_NAME_BYTES], hex[SHA256_HEX_SIZE], half[17] = "";
	snprintf(text, sizeof(text), "%s\n%s", plan->name ? plan->name : "", scenario->name);
	hash_sha256_hex(text, strlen(text), hex);
	memcpy(half, hex, 16);
	return strtoull(half, NULL, 16);
}

static void read_scenario(struct reading *reading, const struct node *mapping, struct scenario *scenario)
{
	const struct node *steps = node_get(mapping, "steps");
	const struct node *executor = node_get(mapping, "executor");
	scenario->executor = read_executor(reading, executor);
	_Bool known = scenario->executor != EXECUTOR_COUNT;
	const struct option_map map = {.options = scenario_options,
	                               .kind = known ? 1u << scenario->executor : 0,
	                               .kind_names = executor_names,
	                               .kind_count = EXECUTOR_COUNT,
	                               .kind_word = "executor"};
	reading->rate_per_producer = 0;
	reading->rate_max = 0;
	if (known)
		reading->misspelt = !options_read(reading, &map, mapping, scenario);
	else if (!options_check_keys(reading, &map, mapping, "executor") && !executor)
		reading_error(reading, reading->where.place, "%s needs a key \"executor\"", reading->where.text);
	if (steps)
		read_steps(reading, scenario, steps);
	if (known)
		finish_scenario(reading, mapping, scenario);
}

void read_scenarios(struct reading *reading, const struct node *section)
{
	struct plan *plan = reading->plan;
	if (!section) /* options_read() has said so */
		return;
	if (!reading_expect(reading, section, NODE_MAPPING, "scenarios"))
		return;
	if (section->count == 0 || section->count / 2 > LIMIT_PLAN_SCENARIOS) {
		reading_error(reading, section->place, "the plan has %zu scenarios; it needs from 1 to %d",
		              section->count / 2, LIMIT_PLAN_SCENARIOS);
		return;
	}
	reading_enter(reading, section->place, "the plan's scenarios");
	plan->scenarios = reading_array(reading, section->count / 2, sizeof(*plan->scenarios));
	reading->scenarios = reading_array(reading, section->count / 2, sizeof(*reading->scenarios));
	for (size_t i = 0; plan->scenarios && reading->scenarios && i + 1 < section->count && !reading->failed;
	     i += 2) {
		const struct node *key = section->items[i], *value = section->items[i + 1];
		struct scenario *scenario = &plan->scenarios[plan->scenario_count++];
		*scenario = (struct scenario){.name = reading_copy(reading, key->text),
		                              .place = key->place,
		                              .executor = EXECUTOR_COUNT,
		                              .start_after = PLAN_NONE};
		if (!scenario->name)
			return;
		scenario->seed = seed_of(plan, scenario);
		if (!reading_name(reading, key->place, "a scenario", key->text, NAME_FORBIDDEN) ||
		    !reading_expect(reading, value, NODE_MAPPING, key->text))
			continue;
		const struct where outer = reading_enter(reading, key->place, "scenario \"%s\"", key->text);
		const size_t errors = reading_errors(reading);
		read_scenario(reading, value, scenario);
		reading->scenarios[plan->scenario_count - 1].sound = reading_errors(reading) == errors;
		reading_leave(reading, &outer);
	}
}
