// SPDX-License-Identifier: Apache-2.0
// Reads the section `thresholds`, and checks that what each is about can exist.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"
#include "common/stats/tally.h"

enum { SELECTOR_BYTES_MAX = 500 }; /* a YAML key has at most 1024 characters, and quoting may double it */

const struct option threshold_options[] = {
        {.key = "threshold",
         .type = OPTION_TEXT,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(threshold, text),
         .help = "the expression"},
        {.key = "window",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(threshold, window_ns),
         .help = "judged over the last so many seconds, not the whole run"},
        {.key = "abortOnFail",
         .type = OPTION_BOOL,
         OPTION_MEMBER(threshold, abort_on_fail),
         .help = "stop the run when it fails"},
        {.key = "delayAbortEval",
         .type = OPTION_DURATION,
         OPTION_MEMBER(threshold, delay_abort_eval_ns),
         .help = "how long into the run it may not abort"},
        {0},
};

/* Scenarios that the selector may mean: one, or all. */
static _Bool selects(const struct selector *selector, const struct scenario *scenario)
{
	return !selector->scenario || strcmp(selector->scenario, scenario->name) == 0;
}

static void refuse_scenario(struct reading *reading, const struct threshold *threshold, struct place place)
{
	const struct plan *plan = reading->plan;
	const char *names[LIMIT_PLAN_SCENARIOS + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		names[i] = plan->scenarios[i].name;
	reading_suggest(threshold->selector.scenario, names, suggestion, sizeof(suggestion));
	reading_error(reading, place, "threshold \"%s\": the plan has no scenario \"%s\"%s", threshold->source,
	              threshold->selector.scenario, suggestion);
}

static void refuse_step(struct reading *reading, const struct threshold *threshold, struct place place)
{
	const struct plan *plan = reading->plan;
	const char *names[LIMIT_PLAN_STEPS + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	size_t count = 0;
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		for (uint32_t j = 0; j < plan->scenarios[i].step_count && count < LIMIT_PLAN_STEPS; j++)
			if (selects(&threshold->selector, &plan->scenarios[i]))
				names[count++] = plan->scenarios[i].steps[j].name;
	reading_suggest(threshold->selector.step, names, suggestion, sizeof(suggestion));
	reading_error(reading, place, "threshold \"%s\": there is no step \"%s\"%s", threshold->source,
	              threshold->selector.step, suggestion);
}

/* What of the plan the selector meets. */
struct met {
	_Bool scenario, step;             /* the names exist */
	_Bool counted;                    /* in a scenario that isn't warm-up */
	_Bool metric, group, label, open; /* of the steps met: yields the metric, has a group, has such a check */
};

static void meet_step(const struct selector *selector, const struct scenario *scenario, const struct step *step,
                      struct met *met)
{
	if (selector->step && strcmp(selector->step, step->name) != 0)
		return;
	met->step = 1;
	if (!step_yields(step, selector->metric))
		return;
	met->metric = 1;
	met->group |= step->group != NULL || (step->kind == STEP_CONSUME && step->consume.group_by_key);
	met->open |= executor_is_open(scenario->executor) || scenario->pace_ns > 0;
	if (selector->label && selector->metric == METRIC_CHECKS)
		met->label |= strcmp(selector->label, step->http.status.name) == 0;
}

static struct met meet(const struct plan *plan, const struct selector *selector)
{
	struct met met = {0};
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];
		if (!selects(selector, scenario))
			continue;
		met.scenario = 1;
		met.counted |= !scenario->is_warmup;
		for (uint32_t j = 0; j < scenario->step_count; j++)
			if (scenario->steps[j].name)
				meet_step(selector, scenario, &scenario->steps[j], &met);
	}
	return met;
}

static _Bool is_of_iterations(enum metric_id metric)
{
	return metric == METRIC_ITERATIONS || metric == METRIC_DROPPED_ITERATIONS || metric == METRIC_VUS ||
	       metric == METRIC_ITERATION_DURATION;
}

static _Bool is_drop_reason(const char *label)
{
	for (int i = 0; i < DROP_REASON_COUNT; i++)
		if (strcmp(drop_reason_names[i], label) == 0)
			return 1;
	return 0;
}

static void check_label(struct reading *reading, const struct threshold *threshold, const struct met *met,
                        struct place place)
{
	const struct selector *selector = &threshold->selector;
	const struct metric *metric = &metrics[selector->metric];
	if (!selector->label)
		return;
	if (!metric->label)
		reading_error(reading, place, "threshold \"%s\": %s has no labels", threshold->source, metric->name);
	else if (selector->metric == METRIC_CHECKS && !met->label)
		reading_error(reading, place, "threshold \"%s\": no check is called \"%s\"", threshold->source,
		              selector->label);
	else if (selector->metric == METRIC_DROPPED_ITERATIONS && !is_drop_reason(selector->label))
		reading_error(reading, place, "threshold \"%s\": iterations are not dropped for \"%s\"",
		              threshold->source, selector->label);
}

/* GROUP, or GROUP/TOPIC/PARTITION. */
static _Bool is_lag_of(const char *label, const char *group)
{
	size_t length = strlen(group);
	return strncmp(label, group, length) == 0 && (label[length] == '\0' || label[length] == '/');
}

static void check_lag(struct reading *reading, struct place place, const struct threshold *threshold)
{
	enum { GROUPS_MAX = 256 };
	const char *label = threshold->selector.label, *groups[GROUPS_MAX + 1] = {0};
	int count = lag_groups(reading->plan, groups, GROUPS_MAX);
	char suggestion[SUGGESTION_SIZE];
	for (int i = 0; i < count; i++)
		if (is_lag_of(label, groups[i]))
			return;
	if (count > 0)
		reading_error(reading, place, "threshold \"%s\": no reader reads the lag of a group \"%s\"%s",
		              threshold->source, label, reading_suggest(label, groups, suggestion, sizeof(suggestion)));
}

/* What readers read belongs to the run: a reader of the metric's kind must be there, with the selector's label. */
static void check_reading(struct reading *reading, struct place place, const struct threshold *threshold)
{
	const struct plan *plan = reading->plan;
	const struct selector *selector = &threshold->selector;
	const char *names[LIMIT_PLAN_DUTIES + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	_Bool found = 0;
	size_t count = 0;
	for (uint32_t i = 0; i < plan->duty_count; i++) {
		if (plan->duties[i].kind != DUTY_READER || !plan->duties[i].name ||
		    !duty_yields(&plan->duties[i], selector->metric))
			continue;
		names[count++] = plan->duties[i].name;
		found |= selector->label && strcmp(selector->label, plan->duties[i].name) == 0;
	}
	if (selector->scenario || selector->step || selector->group)
		reading_error(reading, place, "threshold \"%s\": %s is read for the whole run, not for scenarios",
		              threshold->source, metrics[selector->metric].name);
	else if (count == 0 && !implies_reading(plan, selector->metric))
		reading_error(reading, place, "threshold \"%s\": no reader of the plan reads %s", threshold->source,
		              metrics[selector->metric].name);
	else if (selector->label && !found && selector->metric == METRIC_NULL_READING)
		reading_error(reading, place, "threshold \"%s\": no reader is called \"%s\"%s", threshold->source,
		              selector->label, reading_suggest(selector->label, names, suggestion, sizeof(suggestion)));
	else if (selector->label && selector->metric == METRIC_KAFKA_CONSUMER_LAG)
		check_lag(reading, place, threshold);
	else if (selector->label && selector->metric != METRIC_NULL_READING)
		reading_error(reading, place, "threshold \"%s\": %s has no labels", threshold->source,
		              metrics[selector->metric].name);
}

/* The rows that the selector is about must be able to exist. */
static void check_threshold(struct reading *reading, struct place place, const struct threshold *threshold)
{
	const struct selector *selector = &threshold->selector;
	const struct metric *metric = &metrics[selector->metric];
	const struct met met = meet(reading->plan, selector);
	if (!met.scenario)
		refuse_scenario(reading, threshold, place);
	else if (!met.counted)
		reading_error(reading, place, "threshold \"%s\": thresholds leave out what isWarmup",
		              threshold->source);
	else if (is_of_iterations(selector->metric) && (selector->step || selector->group))
		reading_error(reading, place, "threshold \"%s\": %s is counted for scenarios, not for steps",
		              threshold->source, metric->name);
	else if (metric->of_run && (selector->scenario || selector->step || selector->group))
		reading_error(reading, place, "threshold \"%s\": %s is counted for the whole run, not for scenarios",
		              threshold->source, metric->name);
	else if (selector->step && !met.step)
		refuse_step(reading, threshold, place);
	else if (!met.metric && !is_of_iterations(selector->metric))
		reading_error(reading, place, "threshold \"%s\": no step%s yields %s", threshold->source,
		              selector->scenario || selector->step ? " that it selects" : " of the plan", metric->name);
	else if (selector->group && metric_is_of_ledger(selector->metric))
		reading_error(reading, place, "threshold \"%s\": %s is counted for steps, not for groups",
		              threshold->source, metric->name);
	else if (selector->group && !met.group)
		reading_error(reading, place, "threshold \"%s\": no step that it selects has a group",
		              threshold->source);
	else
		check_label(reading, threshold, &met, place);
	if (met.metric && !met.open && metric->response_time)
		reading_warn(reading, place, "threshold \"%s\": on a closed load it equals the same of the duration",
		             threshold->source);
}

/* One expression on a selector that is known to be good: a text, or a mapping with more. */
static void read_expression(struct reading *reading, const struct node *key, const struct node *value)
{
	struct threshold *threshold = &reading->plan->thresholds[reading->plan->threshold_count++];
	struct failure failure = {0};
	threshold->line = value->place.line;
	threshold->column = value->place.column;
	threshold->source = reading_copy(reading, key->text);
	if (selector_parse(key->text, &failure, &threshold->selector) < 0)
		reading->failed = failure.code;
	if (value->kind == NODE_MAPPING)
		options_read(reading, &(struct option_map){.options = threshold_options}, value, threshold);
	else if (reading_expect_item(reading, value, NODE_SCALAR, "an expression"))
		threshold->text = reading_copy(reading, value->text);
	if (!threshold->text || !threshold->source || reading->failed)
		return;
	if (expression_parse(threshold->text, metrics[threshold->selector.metric].kind, &failure,
	                     &threshold->expression) < 0)
		reading_error(reading, value->place, "threshold \"%s\": \"%s\": %s", key->text, threshold->text,
		              failure.text);
	if (threshold->window_ns % NS_PER_S != 0)
		reading_error(reading, node_get(value, "window")->place,
		              "\"window\" in %s must be whole seconds, as figures come", reading->where.text);
	if (metric_is_of_ledger(threshold->selector.metric) && (threshold->window_ns || threshold->abort_on_fail))
		reading_error(
		        reading, value->place,
		        "threshold \"%s\": what became of messages is known when the run is over: it has no \"%s\"",
		        key->text, threshold->window_ns ? "window" : "abortOnFail");
}

static _Bool has_control_character(const char *text)
{
	while (*text && (unsigned char)*text >= ' ' && *text != 0x7f)
		text++;
	return *text != '\0';
}

/* False after an error. */
static _Bool check_selector(struct reading *reading, const struct node *key)
{
	struct selector selector;
	struct failure failure = {0};
	if (strlen(key->text) > SELECTOR_BYTES_MAX)
		reading_error(reading, key->place, "a threshold's selector has %zu bytes; it may have %d",
		              strlen(key->text), SELECTOR_BYTES_MAX);
	else if (has_control_character(key->text))
		reading_error(reading, key->place, "a threshold's selector holds a control character");
	else if (selector_parse(key->text, &failure, &selector) == 0) {
		selector_deinit(&selector);
		return 1;
	} else if (failure.code == -ENOMEM)
		reading->failed = -ENOMEM;
	else
		reading_error(reading, key->place, "threshold \"%s\": %s", key->text, failure.text);
	return 0;
}

static _Bool reserve(struct reading *reading, const struct node *section, size_t more)
{
	struct plan *plan = reading->plan;
	if (plan->threshold_count + more > LIMIT_PLAN_THRESHOLDS) {
		reading_error(reading, section->place, "the plan has more than %d thresholds", LIMIT_PLAN_THRESHOLDS);
		return 0;
	}
	struct threshold *thresholds = realloc(plan->thresholds, (plan->threshold_count + more) * sizeof(*thresholds));
	if (!thresholds) {
		reading->failed = -ENOMEM;
		return 0;
	}
	memset(thresholds + plan->threshold_count, 0, more * sizeof(*thresholds));
	plan->thresholds = thresholds;
	return 1;
}

/* The expressions of one selector: a list, or one alone. */
static _Bool read_entry(struct reading *reading, const struct node *section, const struct node *key,
                        const struct node *value)
{
	const _Bool list = value->kind == NODE_SEQUENCE;
	const size_t count = list ? value->count : 1;
	const uint32_t first = reading->plan->threshold_count;
	if (!check_selector(reading, key))
		return 1;
	if (count == 0) {
		reading_error(reading, value->place, "threshold \"%s\" has no expression", key->text);
		return 1;
	}
	if (!reserve(reading, section, count))
		return 0;
	const struct where outer = reading_enter(reading, key->place, "threshold \"%.256s\"", key->text);
	for (size_t i = 0; i < count; i++)
		read_expression(reading, key, list ? value->items[i] : value);
	reading_leave(reading, &outer);
	if (!reading->failed && metrics[reading->plan->thresholds[first].selector.metric].reading)
		check_reading(reading, key->place, &reading->plan->thresholds[first]);
	else if (!reading->failed && reading->plan->scenario_count > 0)
		check_threshold(reading, key->place, &reading->plan->thresholds[first]);
	return 1;
}

void read_thresholds(struct reading *reading, const struct node *section)
{
	if (!section || !reading_expect(reading, section, NODE_MAPPING, "thresholds"))
		return;
	for (size_t i = 0; i + 1 < section->count; i += 2)
		if (!read_entry(reading, section, section->items[i], section->items[i + 1]))
			return;
}
