/* SPDX-License-Identifier: Apache-2.0 */
/* The cells of a recorder's second, by leaf and slot. */
#include "agent/recorder_leaves.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/limits.h"

/* A leaf's further series are looked for one after the other; beyond so many the table of series is asked. */
enum { EXTRAS_MAX = 24 };

static void leaf_free(struct leaf *leaf)
{
	if (!leaf)
		return;
	for (size_t i = 0; i < leaf->extra_count; i++)
		free(leaf->extras[i].label);
	free(leaf->extras);
	free(leaf);
}

void recorder_free_leaves(struct step_leaves *step)
{
	for (size_t i = 0; i < step->capacity; i++)
		leaf_free(step->items[i]);
	free(step->items);
	names_free(step->errors);
}

/* The slot's cell, made at its first use in this second. `known` says that the slot's id is right. */
static int open_slot(struct recorder *recorder, struct slot *slot, _Bool known, const struct series *series)
{
	struct cell *cell;
	int r;

	if (!known) {
		r = series_table_intern(recorder->series, series, &slot->id, NULL);
		if (r < 0)
			return r;
	}
	cell = cells_get(recorder->cells, slot->id, metrics[series->metric].kind);
	if (!cell)
		return -ENOMEM;
	slot->cell = cell;
	slot->turn = recorder->turn;
	return 0;
}

static struct series series_of_scenario(const struct recorder *recorder, uint32_t scenario, _Bool warmup,
                                        enum metric_id metric)
{
	return (struct series){
	        .metric = metric,
	        .warmup = warmup,
	        .scenario = recorder->plan->scenarios[scenario].name,
	        .step = "",
	        .group = "",
	        .label = "",
	};
}

int recorder_scenario_cell(struct recorder *recorder, struct slot *slot, uint32_t scenario, _Bool warmup,
                           enum metric_id metric, const char *label)
{
	struct series series;

	if (slot->turn == recorder->turn)
		return 0;
	series = series_of_scenario(recorder, scenario, warmup, metric);
	series.label = label;
	return open_slot(recorder, slot, slot->turn != 0, &series);
}

static struct series series_of_place(const struct recorder *recorder, const struct recorder_place *place,
                                     enum metric_id metric, const char *label)
{
	struct series series = series_of_scenario(recorder, place->scenario, place->warmup, metric);

	series.step = recorder->plan->scenarios[place->scenario].steps[place->step].name;
	series.group = groups_text(recorder->groups, place->scenario, place->step, place->group);
	series.label = label;
	return series;
}

int recorder_open_leaf_slot(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                            enum metric_id metric)
{
	struct series series = series_of_place(recorder, place, metric, "");

	return open_slot(recorder, slot, slot->turn != 0, &series);
}

/* Finds the leaf's extra, or gives `spare` where the list is full. */
static int find_extra(struct leaf *leaf, enum metric_id metric, const char *label, struct extra *spare,
                      struct extra **ret_extra)
{
	struct extra *extra;

	for (size_t i = 0; i < leaf->extra_count; i++) {
		extra = &leaf->extras[i];
		if (extra->metric == metric && strcmp(extra->label, label) == 0) {
			*ret_extra = extra;
			return 0;
		}
	}
	if (leaf->extra_count == EXTRAS_MAX) {
		*ret_extra = spare;
		return 0;
	}
	if (array_reserve(&leaf->extras, &leaf->extra_capacity, leaf->extra_count, sizeof(*leaf->extras)) < 0)
		return -ENOMEM;
	extra = &leaf->extras[leaf->extra_count];
	*extra = (struct extra){.metric = metric, .label = strdup(label)};
	if (!extra->label)
		return -ENOMEM;
	leaf->extra_count++;
	*ret_extra = extra;
	return 0;
}

int recorder_extra_cell(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                        enum metric_id metric, const char *label, struct cell **ret_cell)
{
	struct extra spare = {.metric = metric};
	struct extra *extra;
	int r = find_extra(leaf, metric, label, &spare, &extra);

	if (r == 0 && extra->slot.turn != recorder->turn) {
		struct series series = series_of_place(recorder, place, metric, label);

		r = open_slot(recorder, &extra->slot, extra->slot.turn != 0, &series);
	}
	if (r < 0)
		return r;
	assert(extra->slot.cell);
	*ret_cell = extra->slot.cell;
	return 0;
}

int recorder_bound_error(struct recorder *recorder, const struct recorder_place *place, enum error_class class,
                         char label[ERROR_LABEL_SIZE])
{
	uint32_t number = groups_step_number(recorder->groups, place->scenario, place->step);
	struct step_leaves *step = &recorder->steps[place->warmup][number];
	uint32_t id;

	if (!step->errors) {
		step->errors = names_new();
		if (!step->errors)
			return -ENOMEM;
	}
	if (names_find(step->errors, label, strlen(label)) != NAMES_NONE)
		return 0;
	if (names_count(step->errors) < LIMIT_ERROR_TEXTS)
		return names_intern(step->errors, label, strlen(label), &id, NULL);
	error_label_format(class, "", "other", label);
	return 0;
}

int recorder_find_leaf(struct recorder *recorder, const struct recorder_place *place, struct leaf **ret_leaf)
{
	uint32_t number = groups_step_number(recorder->groups, place->scenario, place->step);
	struct step_leaves *step = &recorder->steps[place->warmup][number];
	size_t before = step->capacity;

	if (place->group >= step->capacity) {
		if (array_reserve(&step->items, &step->capacity, place->group, sizeof(struct leaf *)) < 0)
			return -ENOMEM;
		for (size_t i = before; i < step->capacity; i++)
			step->items[i] = NULL;
	}
	if (!step->items[place->group]) {
		step->items[place->group] = calloc(1, sizeof(struct leaf));
		if (!step->items[place->group])
			return -ENOMEM;
	}
	*ret_leaf = step->items[place->group];
	return 0;
}
