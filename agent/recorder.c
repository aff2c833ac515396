/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker counted in one second. */
#include "agent/recorder_leaves.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/drivers/driver.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

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

struct recorder *recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return NULL;
	for (int warmup = 0; warmup < 2; warmup++) {
		for (uint32_t i = 0; recorder->steps[warmup] && i < recorder->step_count; i++)
			recorder_free_leaves(&recorder->steps[warmup][i]);
		free(recorder->steps[warmup]);
		free(recorder->scenarios[warmup]);
	}
	cells_free(recorder->cells);
	series_table_free(recorder->series);
	free(recorder);
	return NULL;
}

static int leaf_add(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                    enum metric_id metric, uint64_t amount)
{
	struct cell *cell;
	int r = recorder_leaf_cell(recorder, slot, place, metric, &cell);

	if (r == 0)
		cell->counter += amount;
	return r;
}

static int leaf_rate(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                     enum metric_id metric, _Bool hit)
{
	struct cell *cell;
	int r = recorder_leaf_cell(recorder, slot, place, metric, &cell);

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
	int r = recorder_leaf_cell(recorder, slot, place, metric, &cell);

	return r < 0 ? r : cell_record_latency(cell, &recorder->plan->edges, latency_ns / NS_PER_US);
}

static int record_sample(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                         const struct operation_sample *sample)
{
	struct cell *cell;
	int r = recorder_extra_cell(recorder, leaf, place, sample->metric, sample->label ? sample->label : "", &cell);

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

int recorder_sample(struct recorder *recorder, const struct recorder_place *place,
                    const struct operation_sample *sample)
{
	struct leaf *leaf;
	int r = recorder_find_leaf(recorder, place, &leaf);

	return r < 0 ? r : record_sample(recorder, leaf, place, sample);
}

static int record_error(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                        enum error_class class, const char *code, const char *text)
{
	char label[ERROR_LABEL_SIZE];
	struct cell *cell;
	int r;

	error_label_format(class, code, text, label);
	r = recorder_bound_error(recorder, place, class, label);
	if (r == 0)
		r = recorder_extra_cell(recorder, leaf, place, METRIC_ERRORS, label, &cell);
	if (r == 0)
		cell->counter++;
	return r;
}

int recorder_trouble(struct recorder *recorder, const struct recorder_place *place, enum error_class class,
                     const char *code, const char *text)
{
	struct leaf *leaf;
	int r = recorder_find_leaf(recorder, place, &leaf);

	return r < 0 ? r : record_error(recorder, leaf, place, class, code, text);
}

static int record_failure(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                          const struct operation *operation)
{
	const struct metric_set *set = &metric_sets[operation->step->kind];
	uint64_t duration_ns = operation->completed_ns - operation->started_ns;
	const struct operation_words *words = operation->words;
	int r = record_error(recorder, leaf, place, operation->error, words ? words->error_code : "",
	                     words ? words->error_text : "");

	if (r < 0)
		return r;
	if (set->counts_failures) {
		r = leaf_add(recorder, &leaf->slots[SLOT_COUNT], place, set->count, 1);
		if (r < 0)
			return r;
	}
	if (set->failed_duration == METRIC_COUNT)
		return 0;
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
	if (set->response_time == METRIC_COUNT)
		return 0;
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

int recorder_operation(struct recorder *recorder, const struct recorder_place *place, const struct operation *operation)
{
	_Bool failed = operation->error != ERROR_NONE;
	struct leaf *leaf;
	int r = recorder_find_leaf(recorder, place, &leaf);

	if (r < 0)
		return r;
	r = leaf_rate(recorder, &leaf->slots[SLOT_FAILED], place, metric_sets[operation->step->kind].failed, failed);
	if (r == 0)
		r = failed ? record_failure(recorder, leaf, place, operation)
		           : record_success(recorder, leaf, place, operation);
	if (r == 0)
		r = record_bytes(recorder, leaf, place, operation);
	for (uint32_t i = 0; r == 0 && operation->words && i < operation->words->sample_count; i++)
		r = record_sample(recorder, leaf, place, &operation->words->samples[i]);
	return r;
}

/* What the clocks' errors make negative counts as none. */
static int record_end_to_end(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                             int64_t latency_ns)
{
	int r = 0;

	if (latency_ns < 0)
		r = leaf_add(recorder, &leaf->slots[SLOT_NEGATIVE], place, METRIC_KAFKA_END_TO_END_NEGATIVE, 1);
	if (r < 0)
		return r;
	return leaf_latency(recorder, &leaf->slots[SLOT_END_TO_END], place, METRIC_KAFKA_END_TO_END_LATENCY,
	                    latency_ns > 0 ? (uint64_t)latency_ns : 0);
}

int recorder_message(struct recorder *recorder, const struct recorder_place *place, uint64_t bytes,
                     const int64_t *latency_ns)
{
	struct leaf *leaf;
	int r = recorder_find_leaf(recorder, place, &leaf);

	if (r == 0)
		r = leaf_add(recorder, &leaf->slots[SLOT_CONSUMED], place, METRIC_KAFKA_MESSAGES_CONSUMED, 1);
	if (r == 0)
		r = leaf_add(recorder, &leaf->slots[SLOT_RECEIVED], place, METRIC_DATA_RECEIVED, bytes);
	return r == 0 && latency_ns ? record_end_to_end(recorder, leaf, place, *latency_ns) : r;
}

int recorder_iteration(struct recorder *recorder, uint32_t scenario, _Bool warmup, _Bool succeeded,
                       uint64_t duration_ns)
{
	struct scenario_slots *slots = &recorder->scenarios[warmup][scenario];
	int r = recorder_scenario_cell(recorder, &slots->iterations, scenario, warmup, METRIC_ITERATIONS, "");

	if (r < 0)
		return r;
	slots->iterations.cell->counter++;
	if (!succeeded)
		return 0;
	r = recorder_scenario_cell(recorder, &slots->duration, scenario, warmup, METRIC_ITERATION_DURATION, "");
	return r < 0 ? r : cell_record_latency(slots->duration.cell, &recorder->plan->edges, duration_ns / NS_PER_US);
}

int recorder_dropped(struct recorder *recorder, uint32_t scenario, _Bool warmup, enum drop_reason reason,
                     uint64_t count)
{
	struct slot *slot = &recorder->scenarios[warmup][scenario].dropped[reason];
	int r = recorder_scenario_cell(recorder, slot, scenario, warmup, METRIC_DROPPED_ITERATIONS,
	                               drop_reason_names[reason]);

	if (r == 0)
		slot->cell->counter += count;
	return r;
}

int recorder_lateness(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t lateness_ns)
{
	struct slot *slot = &recorder->scenarios[warmup][scenario].lateness;
	int r = recorder_scenario_cell(recorder, slot, scenario, warmup, METRIC_SEND_LATENESS, "");

	return r < 0 ? r : cell_record_latency(slot->cell, &recorder->plan->edges, lateness_ns / NS_PER_US);
}

int recorder_error(struct recorder *recorder, uint32_t scenario, _Bool warmup, const char *label)
{
	struct slot slot = {0};
	int r = recorder_scenario_cell(recorder, &slot, scenario, warmup, METRIC_ERRORS, label);

	if (r == 0)
		slot.cell->counter++;
	return r;
}

int recorder_vus(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t vus)
{
	struct slot *slot = &recorder->scenarios[warmup][scenario].vus;
	int r = recorder_scenario_cell(recorder, slot, scenario, warmup, METRIC_VUS, "");

	if (r == 0)
		cell_set_gauge(slot->cell, (double)vus);
	return r;
}

int recorder_gauge(struct recorder *recorder, enum metric_id metric, const char *label, double value)
{
	const struct series series = {.metric = metric, .scenario = "", .step = "", .group = "", .label = label};
	struct cell reading = {.kind = METRIC_GAUGE};
	struct cell *cell;
	uint32_t id;
	int r = series_table_intern(recorder->series, &series, &id, NULL);

	if (r < 0)
		return r;
	cell = cells_get(recorder->cells, id, METRIC_GAUGE);
	if (!cell)
		return -ENOMEM;
	cell_set_gauge(&reading, value);
	return cell_merge(cell, &reading, metrics[metric].merge);
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
