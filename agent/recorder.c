/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker counted in one second.
 *
 * A leaf stands for a (step, group, warm-up) and holds a slot for each metric that every operation has. A slot
 * remembers its series' id for good and its cell for the second (`turn`), so that recording costs no hashing and a
 * series that got nothing in a second takes no part in it. Samples with labels and errors are found in the leaf's short
 * list of extras. */
#include "agent/recorder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/driver.h"
#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/stats/error_class.h"

/* A leaf's further series are looked for one after the other; beyond so many the table of series is asked. */
enum { EXTRAS_MAX = 24 };

struct slot {
	struct cell *cell; /* good if turn is the recorder's */
	uint64_t turn;
	uint32_t id;
};

struct extra {
	struct slot slot;
	enum metric_id metric;
	char *label;
};

enum leaf_slot {
	SLOT_COUNT,
	SLOT_FAILED,
	SLOT_DURATION,
	SLOT_RESPONSE,
	SLOT_FAILED_DURATION,
	SLOT_SENT,
	SLOT_RECEIVED,
	LEAF_SLOTS
};

struct leaf {
	struct slot slots[LEAF_SLOTS];
	struct extra *extras;
	size_t extra_count;
	size_t extra_capacity;
};

/* The leaves of one step, by group. */
struct step_leaves {
	struct leaf **items;
	size_t capacity;      /* those past what was used are NULL */
	struct names *errors; /* labels seen: at most LIMIT_ERROR_TEXTS */
};

struct scenario_slots {
	struct slot iterations;
	struct slot duration;
	struct slot lateness;
	struct slot vus;
	struct slot dropped[DROP_REASON_COUNT];
};

struct recorder {
	const struct plan *plan;
	const struct groups *groups;
	struct series_table *series;
	struct cells *cells;
	uint64_t turn; /* from 1: a zeroed slot is of no turn */
	uint32_t step_count;
	struct step_leaves *steps[2];        /* by warm-up, then step number */
	struct scenario_slots *scenarios[2]; /* by warm-up, then scenario */
};

DEFINE_CLEANUP(struct recorder *, recorder_free)

int recorder_new(const struct plan *plan, const struct groups *groups, struct recorder **ret_recorder)
{
	cleanup(recorder_freep) struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return -ENOMEM;
	recorder->plan = plan;
	recorder->groups = groups;
	recorder->turn = 1;
	recorder->step_count = groups_step_number(groups, plan->scenario_count, 0);
	recorder->series = series_table_new();
	recorder->cells = cells_new();
	if (!recorder->series || !recorder->cells)
		return -ENOMEM;
	for (int warmup = 0; warmup < 2; warmup++) {
		recorder->steps[warmup] = calloc(recorder->step_count + 1, sizeof(struct step_leaves));
		recorder->scenarios[warmup] = calloc(plan->scenario_count + 1, sizeof(struct scenario_slots));
		if (!recorder->steps[warmup] || !recorder->scenarios[warmup])
			return -ENOMEM;
	}
	*ret_recorder = steal(recorder);
	return 0;
}

static void leaf_free(struct leaf *leaf)
{
	if (!leaf)
		return;
	for (size_t i = 0; i < leaf->extra_count; i++)
		free(leaf->extras[i].label);
	free(leaf->extras);
	free(leaf);
}

static void step_deinit(struct step_leaves *step)
{
	for (size_t i = 0; i < step->capacity; i++)
		leaf_free(step->items[i]);
	free(step->items);
	names_free(step->errors);
}

struct recorder *recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return NULL;
	for (int warmup = 0; warmup < 2; warmup++) {
		for (uint32_t i = 0; recorder->steps[warmup] && i < recorder->step_count; i++)
			step_deinit(&recorder->steps[warmup][i]);
		free(recorder->steps[warmup]);
		free(recorder->scenarios[warmup]);
	}
	cells_free(recorder->cells);
	series_table_free(recorder->series);
	free(recorder);
	return NULL;
}

/* The slot's cell, made at its first use in this second. `known` says that the slot's id is right. */
static int slot_open(struct recorder *recorder, struct slot *slot, _Bool known, const struct series *series)
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

static int scenario_cell(struct recorder *recorder, struct slot *slot, uint32_t scenario, _Bool warmup,
                         enum metric_id metric, const char *label)
{
	struct series series;

	if (slot->turn == recorder->turn)
		return 0;
	series = series_of_scenario(recorder, scenario, warmup, metric);
	series.label = label;
	return slot_open(recorder, slot, slot->turn != 0, &series);
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

static inline int leaf_cell(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                            enum metric_id metric, struct cell **ret_cell)
{
	if (__builtin_expect(slot->turn != recorder->turn, 0)) {
		struct series series = series_of_place(recorder, place, metric, "");
		int r = slot_open(recorder, slot, slot->turn != 0, &series);

		if (r < 0)
			return r;
	}
	assert(slot->cell);
	*ret_cell = slot->cell;
	return 0;
}

static int leaf_add(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                    enum metric_id metric, uint64_t amount)
{
	struct cell *cell;
	int r = leaf_cell(recorder, slot, place, metric, &cell);

	if (r == 0)
		cell->counter += amount;
	return r;
}

static int leaf_rate(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                     enum metric_id metric, _Bool hit)
{
	struct cell *cell;
	int r = leaf_cell(recorder, slot, place, metric, &cell);

	if (r < 0)
		return r;
	cell->rate.hits += hit;
	cell->rate.total++;
	return 0;
}

static int leaf_latency(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                        enum metric_id metric, uint64_t latency_ns)
{
	struct cell *cell;
	int r = leaf_cell(recorder, slot, place, metric, &cell);

	return r < 0 ? r : cell_record_latency(cell, &recorder->plan->edges, latency_ns / NS_PER_US);
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

static int leaf_extra(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                      enum metric_id metric, const char *label, struct cell **ret_cell)
{
	struct extra spare = {.metric = metric};
	struct extra *extra;
	int r = find_extra(leaf, metric, label, &spare, &extra);

	if (r == 0 && extra->slot.turn != recorder->turn) {
		struct series series = series_of_place(recorder, place, metric, label);

		r = slot_open(recorder, &extra->slot, extra->slot.turn != 0, &series);
	}
	if (r < 0)
		return r;
	assert(extra->slot.cell);
	*ret_cell = extra->slot.cell;
	return 0;
}

static int record_sample(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                         const struct operation_sample *sample)
{
	struct cell *cell;
	int r = leaf_extra(recorder, leaf, place, sample->metric, sample->label ? sample->label : "", &cell);

	if (r < 0)
		return r;
	switch (metrics[sample->metric].kind) {
	case METRIC_COUNTER:
		cell->counter += sample->value;
		return 0;
	case METRIC_RATE:
		cell->rate.hits += sample->value != 0;
		cell->rate.total++;
		return 0;
	case METRIC_LATENCY:
		return cell_record_latency(cell, &recorder->plan->edges, sample->value / NS_PER_US);
	case METRIC_GAUGE:
		cell_set_gauge(cell, (double)sample->value);
		return 0;
	}
	return 0;
}

/* The label, or "class||other" where the step has too many different ones. */
static int bound_errors(struct step_leaves *step, enum error_class class, char label[ERROR_LABEL_SIZE])
{
	if (!step->errors) {
		step->errors = names_new();
		if (!step->errors)
			return -ENOMEM;
	}
	if (names_find(step->errors, label, strlen(label)) != NAMES_NONE)
		return 0;
	if (names_count(step->errors) < LIMIT_ERROR_TEXTS) {
		uint32_t id;

		return names_intern(step->errors, label, strlen(label), &id, NULL);
	}
	error_label_format(class, "", "other", label);
	return 0;
}

static int record_failure(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                          const struct operation *operation)
{
	uint32_t number = groups_step_number(recorder->groups, place->scenario, place->step);
	const struct metric_set *set = &metric_sets[operation->step->kind];
	uint64_t duration_ns = operation->completed_ns - operation->started_ns;
	char label[ERROR_LABEL_SIZE];
	struct cell *cell;
	int r;

	error_label_format(operation->error, operation->error_code, operation->error_text, label);
	r = bound_errors(&recorder->steps[place->warmup][number], operation->error, label);
	if (r < 0)
		return r;
	r = leaf_extra(recorder, leaf, place, METRIC_ERRORS, label, &cell);
	if (r < 0)
		return r;
	cell->counter++;
	if (set->counts_failures) {
		r = leaf_add(recorder, &leaf->slots[SLOT_COUNT], place, set->count, 1);
		if (r < 0)
			return r;
	}
	return leaf_latency(recorder, &leaf->slots[SLOT_FAILED_DURATION], place, set->failed_duration, duration_ns);
}

static int record_success(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                          const struct operation *operation)
{
	const struct metric_set *set = &metric_sets[operation->step->kind];
	int r = leaf_add(recorder, &leaf->slots[SLOT_COUNT], place, set->count, 1);

	if (r < 0)
		return r;
	if (set->duration != METRIC_COUNT) {
		r = leaf_latency(recorder, &leaf->slots[SLOT_DURATION], place, set->duration,
		                 operation->completed_ns - operation->started_ns);
		if (r < 0)
			return r;
	}
	return leaf_latency(recorder, &leaf->slots[SLOT_RESPONSE], place, set->response_time,
	                    operation->completed_ns - operation->intended_ns);
}

static int record_bytes(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                        const struct operation *operation)
{
	int r = 0;

	if (operation->sent_bytes > 0)
		r = leaf_add(recorder, &leaf->slots[SLOT_SENT], place, METRIC_DATA_SENT, operation->sent_bytes);
	if (r == 0 && operation->received_bytes > 0)
		r = leaf_add(recorder, &leaf->slots[SLOT_RECEIVED], place, METRIC_DATA_RECEIVED,
		             operation->received_bytes);
	return r;
}

static int find_leaf(struct recorder *recorder, const struct recorder_place *place, struct leaf **ret_leaf)
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

int recorder_operation(struct recorder *recorder, const struct recorder_place *place, const struct operation *operation)
{
	_Bool failed = operation->error != ERROR_NONE;
	struct leaf *leaf;
	int r = find_leaf(recorder, place, &leaf);

	if (r < 0)
		return r;
	r = leaf_rate(recorder, &leaf->slots[SLOT_FAILED], place, metric_sets[operation->step->kind].failed, failed);
	if (r == 0)
		r = failed ? record_failure(recorder, leaf, place, operation)
		           : record_success(recorder, leaf, place, operation);
	if (r == 0)
		r = record_bytes(recorder, leaf, place, operation);
	for (uint32_t i = 0; r == 0 && i < operation->sample_count; i++)
		r = record_sample(recorder, leaf, place, &operation->samples[i]);
	return r;
}

int recorder_iteration(struct recorder *recorder, uint32_t scenario, _Bool warmup, _Bool succeeded,
                       uint64_t duration_ns)
{
	struct scenario_slots *slots = &recorder->scenarios[warmup][scenario];
	int r = scenario_cell(recorder, &slots->iterations, scenario, warmup, METRIC_ITERATIONS, "");

	if (r < 0)
		return r;
	slots->iterations.cell->counter++;
	if (!succeeded)
		return 0;
	r = scenario_cell(recorder, &slots->duration, scenario, warmup, METRIC_ITERATION_DURATION, "");
	return r < 0 ? r : cell_record_latency(slots->duration.cell, &recorder->plan->edges, duration_ns / NS_PER_US);
}

int recorder_dropped(struct recorder *recorder, uint32_t scenario, _Bool warmup, enum drop_reason reason,
                     uint64_t count)
{
	struct slot *slot = &recorder->scenarios[warmup][scenario].dropped[reason];
	int r = scenario_cell(recorder, slot, scenario, warmup, METRIC_DROPPED_ITERATIONS, drop_reason_names[reason]);

	if (r == 0)
		slot->cell->counter += count;
	return r;
}

int recorder_lateness(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t lateness_ns)
{
	struct slot *slot = &recorder->scenarios[warmup][scenario].lateness;
	int r = scenario_cell(recorder, slot, scenario, warmup, METRIC_SEND_LATENESS, "");

	return r < 0 ? r : cell_record_latency(slot->cell, &recorder->plan->edges, lateness_ns / NS_PER_US);
}

int recorder_error(struct recorder *recorder, uint32_t scenario, _Bool warmup, const char *label)
{
	struct series series = series_of_scenario(recorder, scenario, warmup, METRIC_ERRORS);
	struct slot slot = {0};
	int r;

	series.label = label;
	r = slot_open(recorder, &slot, 0, &series);
	if (r == 0)
		slot.cell->counter++;
	return r;
}

int recorder_vus(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t vus)
{
	struct slot *slot = &recorder->scenarios[warmup][scenario].vus;
	int r = scenario_cell(recorder, slot, scenario, warmup, METRIC_VUS, "");

	if (r == 0)
		cell_set_gauge(slot->cell, (double)vus);
	return r;
}

const struct cells *recorder_cells(const struct recorder *recorder)
{
	return recorder->cells;
}

const struct series_table *recorder_series(const struct recorder *recorder)
{
	return recorder->series;
}

void recorder_clear(struct recorder *recorder)
{
	cells_clear(recorder->cells);
	recorder->turn++;
}
