/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of duties, and the reading of the sections `setup`, `teardown` and `readers`. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"

#define EVERY_NS_MIN (100 * NS_PER_MS) /* more often than that nobody can look at a gauge */

static const char *const section_names[DUTY_KIND_COUNT] = {
        [DUTY_SETUP] = "setup", [DUTY_TEARDOWN] = "teardown", [DUTY_READER] = "readers"}; /* NULL: none */

static void check_duty_name(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)option;
	(void)base;
	reading_name(reading, value->place, "a duty", value->text, STEP_NAME_FORBIDDEN);
}

static enum target_kind task_target_kind(enum duty_task task)
{
	return task == DUTY_TASK_NULL ? TARGET_NULL : TARGET_KAFKA;
}

static void read_duty_target(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct duty *duty = base;

	(void)option;
	duty->target = reading_target(reading, value, task_target_kind(duty->task));
}

static void write_duty_target(struct writing *writing, const struct option *option, const void *base)
{
	const struct duty *duty = base;

	if (duty->target != PLAN_NONE)
		writing_text(writing, option->key, writing->plan->targets[duty->target].name);
}

/* The names must be this setup's own; from here on the setups after it may use them. */
static void check_values(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)option;
	(void)base;
	for (size_t i = 0; i + 1 < value->count; i += 2) {
		const struct node *key = value->items[i];
		uint32_t slot = reading_add_name(reading, key->place, key->text, SLOT_SETUP);

		if (slot == UINT32_MAX)
			continue;
		if (reading->owners[slot] != SLOT_SETUP || reading->set[slot])
			reading_error(reading, key->place, "value \"%s\" in %s is already set by %s", key->text,
			              reading->where.text,
			              reading->owners[slot] == SLOT_SETUP  ? "another setup"
			              : reading->owners[slot] == SLOT_FEED ? "\"data\""
			                                                   : "\"variables\"");
		reading->set[slot] = 1;
	}
}

static void check_every(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct duty *duty = base;

	if (duty->every_ns > 0 && duty->every_ns < EVERY_NS_MIN)
		reading_error(reading, value->place, "\"%s\" in %s: \"%s\" is less than 100ms", option->key,
		              reading->where.text, value->text);
}

static void check_groups(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct duty *duty = base;

	if (duty->lag.groups.count == 0 || duty->lag.groups.count > LIMIT_GROUP_IDS)
		reading_error(reading, value->place, "\"%s\" in %s must have 1 to %d entries", option->key,
		              reading->where.text, LIMIT_GROUP_IDS);
	for (uint32_t i = 0; i < duty->lag.groups.count; i++)
		if (template_needs_vu(duty->lag.groups.items[i].value))
			reading_error(reading, value->place,
			              "\"%s\" in %s: {{vu}} and {{iteration}} belong to iterations", option->key,
			              reading->where.text);
}

#define NAME_ROW                                                                                                       \
	{                                                                                                              \
		.key = "name", .type = OPTION_TEXT, OPTION_MEMBER(duty, name), .check = check_duty_name,               \
		.help = "of the duty in reports; its kind and index without it"                                        \
	}
#define TARGET_ROW                                                                                                     \
	{                                                                                                              \
		.key = "target", .type = OPTION_CUSTOM, .read = read_duty_target, .write = write_duty_target,          \
		.help = "a name under targets"                                                                         \
	}
#define KAFKA_ROW                                                                                                      \
	{                                                                                                              \
		.key = "target", .type = OPTION_CUSTOM, .flags = OPTION_REQUIRED, .read = read_duty_target,            \
		.write = write_duty_target, .help = "a kafka target"                                                   \
	}
#define EVERY_ROW                                                                                                      \
	{                                                                                                              \
		.key = "every", .type = OPTION_DURATION, .flags = OPTION_POSITIVE, OPTION_MEMBER(duty, every_ns),      \
		.max = LIMIT_PLAN_DURATION_NS, .fallback = "1s", .check = check_every, .help = "how often it reads"    \
	}
#define LATENCY_ROW                                                                                                    \
	{                                                                                                              \
		.key = "latency", .type = OPTION_DURATIONS, .flags = OPTION_SHORT,                                     \
		OPTION_MEMBER(duty, null.latency_ns), .fallback = "0", .help = "how long it takes: 5ms, or 1ms..5ms"   \
	}
#define FAILS_ROW                                                                                                      \
	{                                                                                                              \
		.key = "fails", .type = OPTION_BOOL, OPTION_MEMBER(duty, null.fails), .help = "true: it fails"         \
	}

static const struct option null_setup_options[] = {
        NAME_ROW,
        TARGET_ROW,
        LATENCY_ROW,
        FAILS_ROW,
        {.key = "values",
         .type = OPTION_TEMPLATES,
         OPTION_MEMBER(duty, null.values),
         .check = check_values,
         .help = "NAME: text, for {{NAME}} in the whole plan"},
        {0},
};

static const struct option null_teardown_options[] = {NAME_ROW, TARGET_ROW, LATENCY_ROW, FAILS_ROW, {0}};

static const struct option null_reader_options[] = {
        NAME_ROW,
        TARGET_ROW,
        EVERY_ROW,
        {.key = "value",
         .type = OPTION_NUMBER,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(duty, null.reading),
         .help = "what it reads, as null_reading"},
        {0},
};

static const struct option lag_options[] = {
        NAME_ROW,
        KAFKA_ROW,
        {.key = "groups",
         .type = OPTION_TEMPLATE_LIST,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(duty, lag.groups),
         .check = check_groups,
         .help = "consumer groups"},
        {.key = "topics",
         .type = OPTION_TEXTS,
         OPTION_MEMBER(duty, lag.topics),
         .max = LIMIT_TOPICS,
         .help = "of which; without them all that a group has offsets of"},
        EVERY_ROW,
        {0},
};

static const struct option cluster_options[] = {NAME_ROW, KAFKA_ROW, EVERY_ROW, {0}};

const struct option *const duty_options[DUTY_KIND_COUNT][DUTY_TASK_COUNT] = {
        [DUTY_SETUP] = {[DUTY_TASK_NULL] = null_setup_options},
        [DUTY_TEARDOWN] = {[DUTY_TASK_NULL] = null_teardown_options},
        [DUTY_READER] = {[DUTY_TASK_NULL] = null_reader_options,
                         [DUTY_TASK_LAG] = lag_options,
                         [DUTY_TASK_CLUSTER] = cluster_options},
};

/* The mapping of names that an item of `setup` gives, or NULL. */
static const struct node *values_of(const struct node *item)
{
	const struct node *values;

	if (item->kind != NODE_MAPPING || item->count != 2)
		return NULL;
	values = node_get(item->items[1], "values");
	return values && values->kind == NODE_MAPPING ? values : NULL;
}

/* Gives the names a slot each; what is wrong with them will be said when the setup is read. */
void collect_values(struct reading *reading, const struct node *setup)
{
	for (size_t i = 0; setup && setup->kind == NODE_SEQUENCE && i < setup->count; i++) {
		const struct node *values = values_of(setup->items[i]);

		for (size_t j = 0; values && j + 1 < values->count; j += 2) {
			const char *name = values->items[j]->text;
			uint32_t slot;

			if (strlen(name) > LIMIT_NAME_BYTES ||
			    template_names_add(reading->plan->names, name, &slot) < 0)
				continue;
			if (!reading_own_slots(reading, SLOT_SETUP))
				return;
		}
	}
}

/* The steps that may become setups, teardowns and readers. */
static _Bool is_step(const char *key)
{
	return strcmp(key, "http") == 0 || strcmp(key, "produce") == 0 || strcmp(key, "sql") == 0;
}

/* The task by its key, or DUTY_TASK_COUNT after an error. */
static enum duty_task find_task(struct reading *reading, enum duty_kind kind, const struct node *key)
{
	const char *built = kind == DUTY_READER ? "null, lag and cluster are" : "null is";
	const char *names[DUTY_TASK_COUNT + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	size_t count = 0;

	for (int task = 0; task < DUTY_TASK_COUNT; task++) {
		if (!duty_options[kind][task])
			continue;
		if (strcmp(duty_task_names[task], key->text) == 0)
			return (enum duty_task)task;
		names[count++] = duty_task_names[task];
	}
	reading_suggest(key->text, names, suggestion, sizeof(suggestion));
	if (is_step(key->text))
		reading_error(reading, key->place, "%s \"%s\" in the plan is not built yet (%s)", duty_kind_names[kind],
		              key->text, built);
	else
		reading_error(reading, key->place, "unknown %s \"%s\" in the plan%s: %s built", duty_kind_names[kind],
		              key->text, suggestion, built);
	return DUTY_TASK_COUNT;
}

static void name_duty(struct reading *reading, struct duty *duty, uint32_t position)
{
	const struct plan *plan = reading->plan;
	char name[64];

	snprintf(name, sizeof(name), "%s-%u", duty_kind_names[duty->kind], position);
	if (!duty->name)
		duty->name = reading_copy(reading, name);
	for (const struct duty *other = plan->duties; duty->name && other < duty; other++)
		if (other->name && strcmp(other->name, duty->name) == 0)
			reading_error(reading, duty->place,
			              "the plan has two duties named \"%s\" (the other at line %d)", duty->name,
			              other->place.line);
}

static struct where enter_duty(struct reading *reading, const struct duty *duty, const struct node *value,
                               uint32_t position)
{
	const char *kind = duty_kind_names[duty->kind];
	const struct node *name = node_get(value, "name");

	if (name && name->kind == NODE_SCALAR)
		return reading_enter(reading, duty->place, "%s \"%.128s\"", kind, name->text);
	return reading_enter(reading, duty->place, "%s \"%s-%u\"", kind, kind, position);
}

/* A kind with nothing in it has its defaults. */
static void read_keys(struct reading *reading, const struct node *key, const struct node *value, struct duty *duty)
{
	const struct option_map map = {.options = duty_options[duty->kind][duty->task]};
	const struct node nothing = {.kind = NODE_MAPPING, .place = value->place};

	if (node_is_empty(value))
		value = &nothing;
	else if (!reading_expect(reading, value, NODE_MAPPING, key->text))
		return;
	options_read(reading, &map, value, duty);
}

static void read_duty(struct reading *reading, enum duty_kind kind, const struct node *item, uint32_t position)
{
	enum duty_task task;
	struct where outer;
	struct duty *duty;
	char what[32];

	snprintf(what, sizeof(what), "a %s", duty_kind_names[kind]);
	if (!reading_expect_item(reading, item, NODE_MAPPING, what))
		return;
	if (item->count != 2) {
		reading_error(reading, item->place,
		              "%s in the plan must hold one kind with its keys nested in it, not %zu keys", what,
		              item->count / 2);
		return;
	}
	task = find_task(reading, kind, item->items[0]);
	if (task == DUTY_TASK_COUNT)
		return;
	duty = &reading->plan->duties[reading->plan->duty_count++];
	*duty = (struct duty){.kind = kind, .task = task, .place = item->items[0]->place, .target = PLAN_NONE};
	outer = enter_duty(reading, duty, item->items[1], position);
	read_keys(reading, item->items[0], item->items[1], duty);
	reading_leave(reading, &outer);
	name_duty(reading, duty, position);
}

/* Setups come before any iteration: of names they know the plan's variables, and what setups before them have set. */
static void forget_slots(struct reading *reading)
{
	for (uint32_t slot = 0; slot < reading->slot_count; slot++)
		reading->set[slot] = reading->owners[slot] == SLOT_VARIABLE;
}

static void read_duties(struct reading *reading, enum duty_kind kind, const struct node *section)
{
	struct plan *plan = reading->plan;

	if (!section || !reading_expect(reading, section, NODE_SEQUENCE, section_names[kind]))
		return;
	if (section->count > LIMIT_PLAN_DUTIES - plan->duty_count) {
		reading_error(reading, section->place, "the plan has more than %d setups, teardowns and readers",
		              LIMIT_PLAN_DUTIES);
		return;
	}
	if (!plan->duties)
		plan->duties = reading_array(reading, LIMIT_PLAN_DUTIES, sizeof(*plan->duties));
	for (size_t i = 0; plan->duties && i < section->count && !reading->failed; i++)
		read_duty(reading, kind, section->items[i], (uint32_t)i + 1);
}

static void check_value_count(struct reading *reading, const struct node *section)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < reading->slot_count; slot++)
		count += reading->owners[slot] == SLOT_SETUP;
	if (count > LIMIT_VALUES)
		reading_error(reading, section->place, "the setups of the plan set %u values; they may set %d", count,
		              LIMIT_VALUES);
}

void read_setup(struct reading *reading, const struct node *section)
{
	if (!section)
		return;
	reading->in_setup = 1;
	forget_slots(reading);
	read_duties(reading, DUTY_SETUP, section);
	check_value_count(reading, section);
	for (uint32_t slot = 0; slot < reading->slot_count; slot++)
		reading->set[slot] = 1;
	reading->in_setup = 0;
}

void read_teardown(struct reading *reading, const struct node *section)
{
	read_duties(reading, DUTY_TEARDOWN, section);
}

void read_readers(struct reading *reading, const struct node *section)
{
	read_duties(reading, DUTY_READER, section);
}

static void write_section(struct writing *writing, enum duty_kind kind)
{
	const struct plan *plan = writing->plan;
	_Bool begun = 0;

	for (uint32_t i = 0; i < plan->duty_count; i++) {
		const struct duty *duty = &plan->duties[i];

		if (duty->kind != kind || duty->implied)
			continue;
		if (!begun)
			writing_begin(writing, section_names[kind]);
		begun = 1;
		writing_item(writing);
		writing_begin(writing, duty_task_names[duty->task]);
		options_write(writing, &(struct option_map){.options = duty_options[kind][duty->task]}, duty);
		writing_end(writing);
		writing_item_end(writing);
	}
	if (begun)
		writing_end(writing);
}

void write_duties(struct writing *writing)
{
	for (int kind = 0; kind < DUTY_KIND_COUNT; kind++)
		if (section_names[kind])
			write_section(writing, (enum duty_kind)kind);
}
