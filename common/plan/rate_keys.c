// SPDX-License-Identifier: Apache-2.0
// The keys that say how fast the iterations of a scenario come: rates, bursts, patterns.
#include "common/plan/rate_keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"

/* Users of `rate: max`: enough that a turn of a worker's loop hands over more than it costs. */
enum { MAX_VUS = 64, MAX_VUS_A_PRODUCER = 16 };

void read_rate(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct scenario *scenario = base;
	const struct option number = {
	        .key = option->key, .type = OPTION_NUMBER, .flags = OPTION_POSITIVE, OPTION_MEMBER(scenario, rate)};
	reading->rate_max = value->kind == NODE_SCALAR && strcmp(value->text, "max") == 0;
	if (reading->rate_max)
		return;
	if (scenario->executor == EXECUTOR_SHARED_ITERATIONS && value->kind == NODE_SCALAR && !node_is_empty(value))
		reading_error(reading, value->place,
		              "\"rate\" in %s: \"%s\" is not \"max\", all that shared-iterations can have",
		              reading->where.text, value->text);
	else
		option_read(reading, &number, value, base);
}

void write_rate(struct writing *writing, const struct option *option, const void *base)
{
	const struct scenario *scenario = base;
	char text[64];
	if (scenario->rate > 0)
		writing_raw(writing, option->key, "%s", writing_format_number(scenario->rate, text, sizeof(text)));
}

void read_rate_per_producer(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct option flag = {.key = option->key, .type = OPTION_BOOL, .size = sizeof(_Bool)};
	(void)base;
	option_read(reading, &flag, value, &reading->rate_per_producer);
}

/* Bursts. */

static const struct option burst_options[] = {
        {.key = "size",
         .type = OPTION_COUNT,
         .flags = OPTION_REQUIRED | OPTION_POSITIVE,
         OPTION_MEMBER(burst, size),
         .max = LIMIT_BURST,
         .help = "arrivals at the same moment, over the whole fleet"},
        {.key = "every",
         .type = OPTION_DURATION,
         .flags = OPTION_REQUIRED | OPTION_POSITIVE,
         OPTION_MEMBER(burst, every_ns),
         .help = "from one to the next; the first is at the start"},
        {0},
};

void read_burst(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct burst burst = {0};
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, value->place, "\"%s\" of %.240s", option->key, outer.text);
	options_read(reading, &(struct option_map){.options = burst_options}, value, &burst);
	reading_leave(reading, &outer);
	if (burst.size > 0 && burst.every_ns > 0)
		((struct scenario *)base)->burst = burst;
}

void write_burst(struct writing *writing, const struct option *option, const void *base)
{
	const struct burst *burst = &((const struct scenario *)base)->burst;
	if (burst->size == 0)
		return;
	writing_begin(writing, option->key);
	options_write(writing, &(struct option_map){.options = burst_options}, burst);
	writing_end(writing);
}

/* Patterns. */

static const struct option phase_options[] = {
        {.key = "name", .type = OPTION_TEXT, OPTION_MEMBER(phase, name), .help = "for people: peak"},
        {.key = "duration",
         .type = OPTION_DURATION,
         .flags = OPTION_REQUIRED | OPTION_POSITIVE,
         OPTION_MEMBER(phase, duration_ns),
         .help = "how long"},
        {.key = "factor",
         .type = OPTION_NUMBER,
         OPTION_MEMBER(phase, factor),
         .max = 1000000,
         .help = "of the scenario's rate"},
        {.key = "rate",
         .type = OPTION_NUMBER,
         OPTION_MEMBER(phase, rate),
         .help = "instead of the scenario's; per timeUnit"},
        {0},
};

static void read_phase(struct reading *reading, const struct node *value, struct scenario *scenario)
{
	struct phase *phase = &scenario->pattern[scenario->phase_count++];
	*phase = (struct phase){.rate = PHASE_NO_RATE};
	if (!reading_expect_item(reading, value, NODE_MAPPING, "a phase"))
		return;
	const struct where outer = reading_enter(reading, value->place, "phase %u of scenario \"%s\"",
	                                         scenario->phase_count, scenario->name);
	const struct node *factor = node_get(value, "factor"), *rate = node_get(value, "rate");
	const size_t errors = reading_errors(reading);
	if (options_read(reading, &(struct option_map){.options = phase_options}, value, phase) && !factor == !rate)
		reading_error(reading, value->place, "%s needs one of the keys \"factor\" and \"rate\"",
		              reading->where.text);
	if (errors != reading_errors(reading))
		phase->factor = 1; /* that it starts nothing would mislead */
	reading_leave(reading, &outer);
}

void read_pattern(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct scenario *scenario = base;
	if (!reading_expect(reading, value, NODE_SEQUENCE, option->key))
		return;
	if (value->count == 0 || value->count > LIMIT_PLAN_STAGES) {
		reading_error(reading, value->place, "\"%s\" in %s has %zu phases; it needs from 1 to %d", option->key,
		              reading->where.text, value->count, LIMIT_PLAN_STAGES);
		return;
	}
	scenario->pattern = reading_array(reading, value->count, sizeof(*scenario->pattern));
	uint64_t period_ns = 0;
	for (size_t i = 0; scenario->pattern && i < value->count; i++) {
		read_phase(reading, value->items[i], scenario);
		if (period_ns <= LIMIT_PLAN_DURATION_NS)
			period_ns += scenario->pattern[i].duration_ns;
	}
	if (period_ns > LIMIT_PLAN_DURATION_NS)
		reading_error(reading, value->place, "\"%s\" in %s lasts more than 10 years", option->key,
		              reading->where.text);
}

static void write_phase(struct writing *writing, const struct phase *phase)
{
	char text[64];
	if (phase->name)
		writing_text(writing, "name", phase->name);
	writing_raw(writing, "duration", "%s", writing_format_duration(phase->duration_ns, text, sizeof(text)));
	if (phase->rate >= 0)
		writing_raw(writing, "rate", "%s", writing_format_number(phase->rate, text, sizeof(text)));
	else
		writing_raw(writing, "factor", "%s", writing_format_number(phase->factor, text, sizeof(text)));
}

void write_pattern(struct writing *writing, const struct option *option, const void *base)
{
	const struct scenario *scenario = base;
	if (scenario->phase_count == 0)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < scenario->phase_count; i++) {
		writing_item(writing);
		write_phase(writing, &scenario->pattern[i]);
		writing_item_end(writing);
	}
	writing_end(writing);
}

void check_phases(struct reading *reading, const struct scenario *scenario)
{
	uint64_t period_ns = 0;
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		period_ns += scenario->pattern[i].duration_ns;
	if (period_ns == 0)
		return;
	const double turns = (double)scenario->duration_ns / (double)period_ns + 1;
	if (turns * scenario->phase_count + scenario->stage_count > LIMIT_PLAN_PHASES)
		reading_error(reading, scenario->place,
		              "\"pattern\" in scenario \"%s\" repeats too often: %g phases; it "
		              "may come to %d",
		              scenario->name, turns * scenario->phase_count, LIMIT_PLAN_PHASES);
}

/* The scenario as a whole. */

/* The highest rate per second, if all of the pattern comes. */
static double peak_rate(const struct scenario *scenario)
{
	double peak = scenario->executor == EXECUTOR_CONSTANT_ARRIVAL_RATE ? scenario->rate : scenario->start_rate;
	double factor = scenario->phase_count > 0 ? 0 : 1, of_phases = 0;
	for (uint32_t i = 0; i < scenario->stage_count; i++)
		peak = fmax(peak, scenario->stages[i].target);
	for (uint32_t i = 0; i < scenario->phase_count; i++) {
		const struct phase *phase = &scenario->pattern[i];
		of_phases = fmax(of_phases, phase->rate);
		factor = fmax(factor, phase->rate < 0 ? phase->factor : 0);
	}
	if (scenario->burst.size > 0)
		return (double)scenario->burst.size * ((double)NS_PER_S / (double)scenario->burst.every_ns);
	peak = fmax(peak * factor, of_phases);
	return scenario->time_unit_ns ? peak * (double)NS_PER_S / (double)scenario->time_unit_ns : 0;
}

static void multiply_rates(struct scenario *scenario, uint32_t producers)
{
	scenario->rate *= producers;
	scenario->start_rate *= producers;
	scenario->burst.size *= producers;
	for (uint32_t i = 0; i < scenario->stage_count; i++)
		scenario->stages[i].target *= producers;
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		if (scenario->pattern[i].rate >= 0)
			scenario->pattern[i].rate *= producers;
}

static void refuse_beside(struct reading *reading, const struct node *mapping, const char *what,
                          const char *const *keys)
{
	for (; *keys; keys++) {
		const struct node *other = node_get(mapping, *keys);
		if (other)
			reading_error(reading, other->place, "\"%s\" in %s has no meaning beside %s", *keys,
			              reading->where.text, what);
	}
}

/* One of the keys that say how fast. */
static void check_rate(struct reading *reading, const struct node *mapping, const struct scenario *scenario)
{
	static const char *const beside_burst[] = {"rate", "pattern", NULL};
	static const char *const no_poisson[] = {"arrivals", NULL}, *const no_unit[] = {"timeUnit", NULL};
	_Bool all = scenario->phase_count > 0; /* phases have a rate */
	if (scenario->executor != EXECUTOR_CONSTANT_ARRIVAL_RATE)
		return;
	if (node_get(mapping, "burst")) {
		refuse_beside(reading, mapping, "\"burst\"", beside_burst);
		if (scenario->time_unit_ns != NS_PER_S)
			refuse_beside(reading, mapping, "\"burst\"", no_unit);
		if (scenario->arrivals != ARRIVALS_EVEN)
			refuse_beside(reading, mapping, "\"burst\"", no_poisson);
		return;
	}
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		all &= scenario->pattern[i].rate >= 0;
	if (!node_get(mapping, "rate") && !all && !reading->misspelt)
		reading_error(reading, reading->where.place, "%s needs a key \"rate\"", reading->where.text);
}

static void check_peak(struct reading *reading, const struct node *mapping, const struct scenario *scenario,
                       double peak)
{
	const struct node *stages = node_get(mapping, "stages"), *pattern = node_get(mapping, "pattern");
	if (peak > LIMIT_RATE_PER_S)
		reading_error(reading, scenario->place, "%s has a rate of %g a second; it may have %g",
		              reading->where.text, peak, (double)LIMIT_RATE_PER_S);
	if (scenario->burst.size > LIMIT_BURST)
		reading_error(reading, node_get(mapping, "burst")->place, "%s has bursts of %llu; they may have %d",
		              reading->where.text, (unsigned long long)scenario->burst.size, LIMIT_BURST);
	if ((stages || (pattern && (scenario->rate > 0 || !node_get(mapping, "rate")))) && scenario->duration_ns > 0 &&
	    peak == 0)
		reading_error(reading, (pattern ? pattern : stages)->place,
		              "%s never starts anything: every rate in it is 0", reading->where.text);
}

void finish_open(struct reading *reading, const struct node *mapping, struct scenario *scenario)
{
	const struct node *max_vus = node_get(mapping, "maxVUs");
	const size_t errors = reading_errors(reading);
	check_rate(reading, mapping, scenario);
	if (reading->rate_per_producer)
		multiply_rates(scenario, scenario->producers);
	const double peak = peak_rate(scenario);
	const double wanted = fmin(fmax(fmax(ceil(10 * peak), (double)scenario->burst.size), 1), LIMIT_VUS);
	if (!max_vus)
		scenario->max_vus =
		        wanted > scenario->pre_allocated_vus ? (uint32_t)wanted : scenario->pre_allocated_vus;
	else if (scenario->max_vus && scenario->pre_allocated_vus > scenario->max_vus)
		reading_error(reading, max_vus->place, "\"maxVUs\" in %s is %u, less than its %u preAllocatedVUs",
		              reading->where.text, scenario->max_vus, scenario->pre_allocated_vus);
	if (reading_errors(reading) == errors)
		check_peak(reading, mapping, scenario, peak);
}

void finish_rate_max(struct reading *reading, const struct node *mapping, struct scenario *scenario)
{
	static const char *const without[] = {"timeUnit", "burst",           "pattern",         "arrivals",
	                                      "whenFull", "preAllocatedVUs", "ratePerProducer", NULL};
	const struct node *rate = node_get(mapping, "rate");
	const uint32_t vus = scenario->producers ? scenario->producers * MAX_VUS_A_PRODUCER : MAX_VUS;
	refuse_beside(reading, mapping, "\"rate: max\"", without);
	if (scenario->steps && !scenario_has_step(scenario, STEP_PRODUCE))
		reading_error(reading, rate->place,
		              "\"rate\" in %s: max goes by a producer's queue, and none of its steps is a produce step "
		              "(constant-vus goes by answers)",
		              reading->where.text);
	if (scenario->executor == EXECUTOR_CONSTANT_ARRIVAL_RATE) {
		scenario->executor = EXECUTOR_CONSTANT_VUS;
		scenario->vus = node_get(mapping, "maxVUs") ? scenario->max_vus : vus;
		scenario->max_vus = 0;
		scenario->time_unit_ns = 0;
	} else if (!node_get(mapping, "vus")) {
		scenario->vus = vus;
	}
	if (scenario->vus > LIMIT_VUS)
		scenario->vus = LIMIT_VUS;
}
