// SPDX-License-Identifier: Apache-2.0
// Reads a scenario's steps in order, so that what a step saves is known to the ones after it.
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/plan/consume_keys.h"
#include "common/plan/produce_keys.h"
#include "common/plan/reading.h"

static const struct node *saves_of(const struct node *step)
{
	if (step->kind != NODE_MAPPING || step->count != 2)
		return NULL;
	const struct node *save = node_get(step->items[1], "save");
	return save && save->kind == NODE_MAPPING ? save : NULL;
}

/* Gives the names a slot each without saying what is wrong with them: reading the step will. */
static void collect_names(struct reading *reading, const struct node *save, const char *scenario)
{
	for (size_t i = 0; i + 1 < save->count; i += 2) {
		const char *name = save->items[i]->text;
		uint32_t slot = template_names_find(reading->plan->names, name);
		uint32_t before = template_names_count(reading->plan->names);
		if (slot == UINT32_MAX &&
		    (strlen(name) > LIMIT_NAME_BYTES || template_names_add(reading->plan->names, name, &slot) < 0))
			continue;
		if (slot >= before && !reading_own_slots(reading, SLOT_SAVE))
			return;
		if (reading->owners[slot] == SLOT_SAVE)
			reading->savers[slot] = scenario;
	}
}

void collect_saves(struct reading *reading, const struct node *scenarios)
{
	for (size_t i = 0; scenarios && scenarios->kind == NODE_MAPPING && i + 1 < scenarios->count; i += 2) {
		const struct node *steps = node_get(scenarios->items[i + 1], "steps");
		for (size_t j = 0; steps && steps->kind == NODE_SEQUENCE && j < steps->count; j++) {
			const struct node *save = saves_of(steps->items[j]);
			if (save)
				collect_names(reading, save, scenarios->items[i]->text);
		}
	}
}

/* The kind by its key, or STEP_KIND_COUNT after an error. */
static enum step_kind find_kind(struct reading *reading, const struct node *key)
{
	const char *names[STEP_KIND_COUNT + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	for (int kind = 0; kind < STEP_KIND_COUNT; kind++) {
		if (strcmp(step_kind_names[kind], key->text) == 0)
			return kind;
		names[kind] = step_kind_names[kind];
	}
	reading_suggest(key->text, names, suggestion, sizeof(suggestion));
	if (strcmp(key->text, "wait") == 0)
		reading_error(reading, key->place, "step \"%s\" in %s is not built yet", key->text,
		              reading->where.text);
	else if (strcmp(key->text, "sleep") == 0)
		reading_error(reading, key->place, "unknown step \"sleep\" in %s (did you mean \"think\"?)",
		              reading->where.text);
	else
		reading_error(reading, key->place,
		              "unknown step \"%s\" in %s%s: http, produce, consume, sql, think and null are built",
		              key->text, reading->where.text, suggestion);
	return STEP_KIND_COUNT;
}

/* Headers of the target are filled in for each request: what they use must be set by then. */
static void check_target_headers(struct reading *reading, const struct step *step, const struct target *target)
{
	for (uint32_t i = 0; i < target->http.headers.count; i++) {
		const struct template_pair *header = &target->http.headers.items[i];
		uint32_t slot = reading_unset_slot(reading, header->value);
		if (slot != UINT32_MAX)
			reading_error(reading, step->place,
			              "header \"%s\" of target \"%s\" needs {{%s}}, which no step before %s saves",
			              header->name, target->name, template_names_get(reading->plan->names, slot),
			              reading->where.text);
	}
}

/* What a table cannot say: keys of which one is needed. */
static void check_complete(struct reading *reading, const struct node *mapping, const struct step *step)
{
	if (step->kind == STEP_PRODUCE && !node_get(mapping, "size") && !node_get(mapping, "payload") &&
	    !node_get(mapping, "payloads"))
		reading_error(reading, step->place, "%s needs a key \"size\", \"payload\" or \"payloads\"",
		              reading->where.text);
	if (step->kind != STEP_HTTP || step->http.path || node_get(mapping, "path"))
		return;
	if (node_get(mapping, "method"))
		reading_error(reading, step->place, "%s needs a key \"path\"", reading->where.text);
	else if (!step->http.method)
		reading_error(reading, step->place, "%s needs a key like \"get\" or \"post\" with the path",
		              reading->where.text);
}

/* The method and the path are given by one key (get: /) or by two (method, path), once. */
static void check_method_once(struct reading *reading, const struct node *mapping)
{
	static const char *const keys[] = {"method", "path",  "get",  "post",   "put",
	                                   "delete", "patch", "head", "options"};
	const struct node *first = NULL;
	_Bool first_is_one = 0; /* of two: method or path */
	for (size_t i = 0; i + 1 < mapping->count; i += 2) {
		const struct node *key = mapping->items[i];
		size_t at = 0;
		while (at < sizeof(keys) / sizeof(*keys) && strcmp(keys[at], key->text) != 0)
			at++;
		if (at == sizeof(keys) / sizeof(*keys))
			continue;
		if (first && !(first_is_one && at < 2))
			reading_error(reading, key->place, "\"%s\" in %s: \"%s\" gives the method or path already",
			              key->text, reading->where.text, first->text);
		first = first ? first : key;
		first_is_one = first == key ? at < 2 : first_is_one;
	}
}

static void finish_http(struct reading *reading, const struct node *mapping, struct step *step)
{
	const struct target *target = step->target == PLAN_NONE ? NULL : &reading->plan->targets[step->target];
	check_method_once(reading, mapping);
	if (!step->http.method)
		step->http.method = reading_copy(reading, "GET");
	if (!target || target->kind != TARGET_HTTP)
		return;
	if (step->http.timeout_ns == 0)
		step->http.timeout_ns = target->http.timeout_ns;
	check_target_headers(reading, step, target);
}

/* The highest N of $N outside of '...'. */
static unsigned long highest_parameter(const char *query)
{
	unsigned long highest = 0;
	_Bool quoted = 0;
	for (const char *at = query; *at; at++) {
		quoted ^= *at == '\'';
		if (quoted || *at != '$' || !isdigit((unsigned char)at[1]) ||
		    (at > query && isalnum((unsigned char)at[-1])))
			continue;
		unsigned long number = strtoul(at + 1, NULL, 10);
		highest = number > highest ? number : highest;
	}
	return highest;
}

static void finish_sql(struct reading *reading, const struct node *mapping, struct step *step)
{
	const struct node *query = node_get(mapping, "query"), *params = node_get(mapping, "params");
	struct template *template = NULL;
	if (!query || !step->sql.query)
		return;
	if (query->text[strspn(query->text, " \t\r\n;")] == '\0')
		reading_error(reading, query->place, "\"query\" in %s is empty", reading->where.text);
	size_t given = params && params->kind == NODE_SEQUENCE ? params->count : 0;
	unsigned long wanted = highest_parameter(query->text);
	if (wanted != given && (!params || params->kind == NODE_SEQUENCE))
		reading_error(reading, params ? params->place : query->place,
		              "%s has %zu params, and its query uses %lu ($1 to $%lu)", reading->where.text, given,
		              wanted, wanted);
	if (template_compile(query->text, reading->plan->names, NULL, &template) == 0 &&
	    !template_is_constant(template))
		reading_error(reading, query->place,
		              "\"query\" in %s holds {{...}}: write $1 there and the value under \"params\"",
		              reading->where.text);
	template_free(template);
}

/* What a setup finds out may be a secret, and groups are journaled. */
static void warn_of_shown_values(struct reading *reading, const struct node *mapping, const struct step *step)
{
	const struct node *group = node_get(mapping, "group");
	for (uint32_t slot = 0; group && step->group && slot < reading->slot_count; slot++)
		if (reading->owners[slot] == SLOT_SETUP && template_uses(step->group, slot))
			reading_warn(
			        reading, group->place,
			        "\"group\" in %s shows {{%s}}, which a setup sets, in the report and the run's files",
			        reading->where.text, template_names_get(reading->plan->names, slot));
}

/* Says what only the step as a whole can tell, and fills in what it takes from its target. */
static void finish_step(struct reading *reading, const struct node *mapping, struct step *step)
{
	warn_of_shown_values(reading, mapping, step);
	if (step->kind == STEP_HTTP)
		finish_http(reading, mapping, step);
	else if (step->kind == STEP_PRODUCE)
		finish_produce(reading, mapping, step);
	else if (step->kind == STEP_CONSUME)
		finish_consume(reading, mapping, step);
	else if (step->kind == STEP_SQL)
		finish_sql(reading, mapping, step);
}

/* think: 1s..3s is short for think: { pause: 1s..3s }; null: may hold nothing. */
static void read_keys(struct reading *reading, const struct node *value, struct step *step)
{
	const struct option_map map = {.options = step_options[step->kind]};
	const struct node nothing = {.kind = NODE_MAPPING, .place = value->place};
	if (step->kind == STEP_THINK && value->kind == NODE_SCALAR) {
		for (const struct option *row = map.options; row->key; row++)
			if (strcmp(row->key, "pause") == 0) {
				struct option pause = *row;
				pause.key = "think";
				option_read(reading, &pause, value, step);
			}
		return;
	}
	if (step->kind == STEP_NULL && node_is_empty(value))
		value = &nothing;
	if (!reading_expect(reading, value, NODE_MAPPING, step_kind_names[step->kind]))
		return;
	if (options_read(reading, &map, value, step))
		check_complete(reading, value, step);
	finish_step(reading, value, step);
}

static void name_step(struct reading *reading, struct scenario *scenario, struct step *step)
{
	char name[64];
	snprintf(name, sizeof(name), "%s-%u", step_kind_names[step->kind], scenario->step_count);
	if (!step->name)
		step->name = reading_copy(reading, name);
	for (struct step *other = scenario->steps; step->name && other < step; other++)
		if (other->name && strcmp(other->name, step->name) == 0)
			reading_error(reading, step->place,
			              "scenario \"%s\" has two steps named \"%s\" (the first at line %d)",
			              scenario->name, step->name, other->place.line);
}

static void read_step(struct reading *reading, const struct node *item, struct scenario *scenario)
{
	struct step *step = &scenario->steps[scenario->step_count];
	if (!reading_expect_item(reading, item, NODE_MAPPING, "a step"))
		return;
	if (item->count != 2) {
		reading_error(reading, item->place,
		              "a step in %s must hold one kind with its keys nested in it, not %zu keys",
		              reading->where.text, item->count / 2);
		return;
	}
	const struct node *key = item->items[0], *value = item->items[1], *name = node_get(value, "name");
	enum step_kind kind = find_kind(reading, key);
	if (kind == STEP_KIND_COUNT)
		return;
	scenario->step_count++;
	*step = (struct step){.kind = kind, .place = key->place, .target = PLAN_NONE};
	if (kind == STEP_PRODUCE)
		produce_init(&step->produce);
	const struct where outer = reading->where;
	if (name && name->kind == NODE_SCALAR)
		reading_enter(reading, key->place, "step \"%.128s\" of %.160s", name->text, outer.text);
	else
		reading_enter(reading, key->place, "step \"%s-%u\" of %.160s", key->text, scenario->step_count,
		              outer.text);
	read_keys(reading, value, step);
	reading_leave(reading, &outer);
	name_step(reading, scenario, step);
	if (kind == STEP_CONSUME && executor_is_open(scenario->executor))
		reading_warn(reading, step->place,
		             "step \"%s\" of scenario \"%s\": each virtual user is a consumer, and arrivals take any "
		             "that is "
		             "free (constant-vus keeps their number)",
		             step->name ? step->name : "", scenario->name);
	for (uint32_t i = 0; kind == STEP_HTTP && i < step->http.save_count; i++)
		reading->set[step->http.saves[i].slot] = 1;
}

static void check_weights(struct reading *reading, const struct scenario *scenario)
{
	const struct step *weighted = NULL;
	uint32_t count = 0;
	assert(scenario->steps || scenario->step_count == 0);
	for (uint32_t i = 0; i < scenario->step_count; i++) {
		if (scenario->steps[i].weight == 0)
			continue;
		weighted = &scenario->steps[i];
		count++;
	}
	if (weighted && count == 1)
		reading_warn(reading, weighted->place,
		             "step \"%s\" is the only one in scenario \"%s\" with a weight, so it always runs",
		             weighted->name, scenario->name);
}

void read_steps(struct reading *reading, struct scenario *scenario, const struct node *list)
{
	if (!reading_expect(reading, list, NODE_SEQUENCE, "steps"))
		return;
	if (list->count == 0 || list->count > LIMIT_PLAN_STEPS) {
		reading_error(reading, list->place, "\"steps\" in %s has %zu steps; it needs from 1 to %d",
		              reading->where.text, list->count, LIMIT_PLAN_STEPS);
		return;
	}
	for (uint32_t slot = 0; slot < reading->slot_count; slot++)
		reading->set[slot] = reading->owners[slot] != SLOT_SAVE;
	scenario->steps = reading_array(reading, list->count, sizeof(*scenario->steps));
	for (size_t i = 0; scenario->steps && i < list->count && !reading->failed; i++)
		read_step(reading, list->items[i], scenario);
	check_weights(reading, scenario);
}

enum target_kind step_target_kind(enum step_kind kind)
{
	static const enum target_kind kinds[STEP_KIND_COUNT] = {
	        [STEP_NULL] = TARGET_NULL,     [STEP_HTTP] = TARGET_HTTP,    [STEP_PRODUCE] = TARGET_KAFKA,
	        [STEP_CONSUME] = TARGET_KAFKA, [STEP_SQL] = TARGET_POSTGRES, [STEP_THINK] = TARGET_KIND_COUNT,
	};
	return kinds[kind];
}

_Bool step_yields(const struct step *step, enum metric_id metric)
{
	if (metric == METRIC_CHECKS)
		return step->kind == STEP_HTTP && step->http.status.count > 0;
	if (metric >= METRIC_HTTP_REQS && metric <= METRIC_HTTP_REQ_FAILED_DURATION)
		return step->kind == STEP_HTTP;
	if (metric >= METRIC_KAFKA_MESSAGES_PRODUCED && metric <= METRIC_KAFKA_PRODUCE_FAILED_DURATION)
		return step->kind == STEP_PRODUCE;
	if (metric >= METRIC_KAFKA_TRANSACTIONS_COMMITTED && metric <= METRIC_KAFKA_TRANSACTION_DURATION)
		return step->kind == STEP_PRODUCE &&
		       (step->produce.transactions.every_messages > 0 || step->produce.transactions.every_ns > 0);
	if (metric >= METRIC_KAFKA_MESSAGES_LOST && metric <= METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE)
		return step->kind == STEP_PRODUCE && step->produce.verify != VERIFY_NONE;
	if (metric >= METRIC_KAFKA_MESSAGES_CONSUMED && metric <= METRIC_KAFKA_REBALANCE_DURATION)
		return step->kind == STEP_CONSUME;
	if (metric >= METRIC_KAFKA_BROKER_RTT && metric <= METRIC_KAFKA_THROTTLE_TIME)
		return step->kind == STEP_PRODUCE;
	if (metric >= METRIC_SQL_QUERIES && metric <= METRIC_SQL_QUERY_FAILED_DURATION)
		return step->kind == STEP_SQL;
	if (metric >= METRIC_NULL_OPERATIONS && metric <= METRIC_NULL_OPERATION_FAILED_DURATION)
		return step->kind == STEP_NULL;
	return step->kind != STEP_THINK && !metrics[metric].reading;
}
