/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from leaf series.
 *
 * Rows form a tree for each metric: whole run, scenario, step, group. A label's rows form one beside it. A leaf series
 * feeds one row (and, if it has a label, the row of all labels at its level). When a second is over, what rows have of
 * it goes one level up at a time, from the groups to the whole run, and is then folded into each row's total: so each
 * level sees whole seconds, which peaks, gauges, the timeline and availability need. */
#include "coordinator/replay/replay_rows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "coordinator/run/outcomes.h"
#include "coordinator/replay/replay_rows_internal.h"

DEFINE_CLEANUP(struct rows *, rows_free)

static struct cell *cell_free(struct cell *cell)
{
	if (cell)
		cell_deinit(cell);
	free(cell);
	return NULL;
}

static void row_free(struct row *row)
{
	if (!row->given)
		cell_deinit(&row->total);
	cell_free(row->now);
	if (row->line)
		line_deinit(row->line);
	free(row->line);
	free(row);
}

struct rows *rows_free(struct rows *rows)
{
	if (!rows)
		return NULL;
	for (size_t i = 0; i < rows->count; i++)
		row_free(rows->all[i]);
	free(rows->all);
	for (size_t i = 0; i < KINDS; i++) {
		for (size_t k = 0; k < rows->pools[i].count; k++)
			cell_free(rows->pools[i].cells[k]);
		free(rows->pools[i].cells);
	}
	for (size_t i = 0; i < LEVELS; i++)
		free(rows->touched[i].rows);
	free(rows->warm.rows);
	free(rows->feedings);
	names_free(rows->texts);
	names_free(rows->keys);
	names_free(rows->groups);
	free(rows->group_counts);
	free(rows);
	return NULL;
}

static unsigned level_of(const struct row_key *key)
{
	return key->group != ALL ? 3 : key->step != ALL ? 2 : key->scenario != ALL ? 1 : 0;
}

/* ---- making rows ---- */

static int link_up(struct rows *rows, struct row *row)
{
	struct row_key key = row->key;

	switch (level_of(&key)) {
	case 3:
		key.group = ALL;
		break;
	case 2:
		key.step = ALL;
		break;
	case 1:
		key.scenario = ALL;
		break;
	default:
		return 0;
	}
	return row_get(rows, key, &row->up);
}

static int link_all(struct rows *rows, struct row *row)
{
	struct row_key plain = row->key;
	struct row_key availability = row->key;
	int r = link_up(rows, row);

	plain.label = ALL;
	availability.metric = METRIC_AVAILABILITY;
	if (r == 0 && row->key.label != ALL)
		return row_get(rows, plain, &row->plain);
	if (r == 0 && outcomes_counts_operations(row->key.metric))
		r = row_get(rows, availability, &row->availability);
	return r;
}

/* A line for the whole run and for each scenario. */
static int add_line(struct rows *rows, struct row *row)
{
	struct report_line *line;

	if (level_of(&row->key) > 1 || row->key.label != ALL || metric_is_of_ledger(row->key.metric))
		return 0;
	row->line = calloc(1, sizeof(*row->line));
	line = report_alloc(rows->report, 1, sizeof(*line));
	if (!row->line || !line)
		return -ENOMEM;
	return line_init(row->line, line, row->key.metric, rows->scenario_names[row->key.scenario], &rows->empty);
}

int row_get(struct rows *rows, struct row_key key, struct row **ret_row)
{
	uint32_t id = names_find(rows->keys, &key, sizeof(key));
	struct row *row;
	int r;

	if (id != NAMES_NONE) {
		*ret_row = rows->all[id];
		return 0;
	}
	r = array_reserve(&rows->all, &rows->capacity, rows->count, sizeof(*rows->all));
	if (r < 0)
		return r;
	row = calloc(1, sizeof(*row));
	if (!row)
		return -ENOMEM;
	row->key = key;
	r = cell_init(&row->total, row_kind(row));
	if (r == 0)
		r = names_intern(rows->keys, &key, sizeof(key), &id, NULL);
	if (r < 0) {
		row_free(row);
		return r;
	}
	rows->all[rows->count++] = row;
	r = add_line(rows, row);
	if (r == 0)
		r = link_all(rows, row);
	*ret_row = row;
	return r;
}

static int copy_scenario_names(struct rows *rows)
{
	uint32_t count = rows->plan->scenario_count;

	rows->scenario_names = report_alloc(rows->report, (size_t)count + 1, sizeof(*rows->scenario_names));
	if (!rows->scenario_names)
		return -ENOMEM;
	rows->scenario_names[ALL] = "";
	for (uint32_t i = 0; i < count; i++) {
		rows->scenario_names[i + 1] = report_copy(rows->report, rows->plan->scenarios[i].name);
		if (!rows->scenario_names[i + 1])
			return -ENOMEM;
	}
	return 0;
}

int rows_new(const struct plan *plan, struct report *report, struct rows **ret_rows)
{
	struct rows *rows cleanup(rows_freep) = calloc(1, sizeof(*rows));
	uint32_t id;
	int r;

	if (!rows)
		return -ENOMEM;
	rows->plan = plan;
	rows->report = report;
	rows->texts = names_new();
	rows->keys = names_new();
	rows->groups = names_new();
	rows->group_counts = calloc((size_t)plan->scenario_count * LIMIT_PLAN_STEPS + 1, sizeof(*rows->group_counts));
	if (!rows->texts || !rows->keys || !rows->groups || !rows->group_counts)
		return -ENOMEM;
	r = names_intern(rows->texts, "", 0, &id, NULL);
	if (r == 0)
		r = lines_empty_make(report, &rows->empty);
	if (r == 0)
		r = copy_scenario_names(rows);
	if (r == 0)
		r = rows_add_planned(rows);
	if (r == 0)
		*ret_rows = steal(rows);
	return r;
}

/* ---- feeding ---- */

static uint32_t find_step(const struct scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->step_count; i++)
		if (strcmp(scenario->steps[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

/* Agents fold what is past maxGroups, each by itself: together they can have more. */
static int find_group(struct rows *rows, const char *text, struct row_key *key)
{
	uint32_t *count = &rows->group_counts[(size_t)(key->scenario - 1) * LIMIT_PLAN_STEPS + key->step - 1];
	uint32_t place[] = {key->scenario, key->step, 0};
	int r = names_intern(rows->texts, text, strlen(text), &place[2], NULL);

	if (r < 0)
		return r;
	if (text[0] && strcmp(text, OTHER_GROUP) != 0 && names_find(rows->groups, place, sizeof(place)) == NAMES_NONE) {
		if (*count >= rows->plan->max_groups)
			return names_intern(rows->texts, OTHER_GROUP, strlen(OTHER_GROUP), &key->group, NULL);
		r = names_intern(rows->groups, place, sizeof(place), &(uint32_t){0}, NULL);
		*count += r == 0;
	}
	key->group = place[2];
	return r;
}

static int key_of(struct rows *rows, const struct series *series, struct row_key *ret_key)
{
	struct row_key key = {.metric = series->metric};
	uint32_t scenario = plan_find_scenario(rows->plan, series->scenario), step;
	int r;

	if (scenario == PLAN_NONE && !metrics[series->metric].of_run)
		return -EBADMSG;
	if (scenario != PLAN_NONE)
		key.scenario = scenario + 1;
	if (key.scenario != ALL && series->step[0]) {
		step = find_step(&rows->plan->scenarios[scenario], series->step);
		if (step == PLAN_NONE)
			return -EBADMSG;
		key.step = step + 1;
		r = find_group(rows, series->group, &key);
		if (r < 0)
			return r;
	}
	r = names_intern(rows->texts, series->label, strlen(series->label), &key.label, NULL);
	if (r == 0)
		*ret_key = key;
	return r;
}

static int feeding_of(struct rows *rows, uint32_t id, const struct series *series, struct feeding **ret_feeding)
{
	struct feeding *feeding;
	struct row_key key;
	int r = 0;

	while (r == 0 && rows->feeding_count <= id) {
		r = array_reserve(&rows->feedings, &rows->feeding_capacity, rows->feeding_count,
		                  sizeof(*rows->feedings));
		if (r == 0)
			rows->feedings[rows->feeding_count++] = (struct feeding){0};
	}
	if (r < 0)
		return r;
	feeding = &rows->feedings[id];
	if (!feeding->row) {
		r = key_of(rows, series, &key);
		if (r == 0)
			r = row_get(rows, key, &feeding->row);
		if (r < 0)
			return r;
		assert(feeding->row);
		feeding->plain = feeding->row->plain;
	}
	*ret_feeding = feeding;
	return 0;
}

static int touch(struct touched *touched, struct row *row)
{
	int r = array_reserve(&touched->rows, &touched->capacity, touched->count, sizeof(*touched->rows));

	if (r == 0)
		touched->rows[touched->count++] = row;
	return r;
}

/* The row's cell of this second. NULL without memory. */
static struct cell *now_of(struct rows *rows, struct row *row)
{
	struct pool *pool = &rows->pools[row_kind(row)];

	if (row->now)
		return row->now;
	if (touch(&rows->touched[level_of(&row->key)], row) < 0)
		return NULL;
	if (pool->count > 0) {
		row->now = pool->cells[--pool->count];
		return row->now;
	}
	row->now = malloc(sizeof(*row->now));
	if (row->now && cell_init(row->now, row_kind(row)) < 0) {
		free(row->now);
		row->now = NULL;
	}
	return row->now;
}

static int add_now(struct rows *rows, struct row *row, const struct cell *cell, enum metric_merge merge)
{
	struct cell *now = now_of(rows, row);

	return now ? cell_merge(now, cell, merge) : -ENOMEM;
}

/* How many values a cell has, or a counter's amount. */
uint64_t row_amount(const struct cell *cell)
{
	switch (cell->kind) {
	case METRIC_COUNTER:
		return cell->counter;
	case METRIC_RATE:
		return cell->rate.total;
	case METRIC_GAUGE:
		return cell->gauge.count;
	case METRIC_LATENCY:
		return histogram_count(cell->latency.histogram);
	}
	return 0;
}

/* Warm-up is only counted, and drawn. */
static int add_warm(struct rows *rows, struct row *row, const struct cell *cell)
{
	int r = 0;

	for (; r == 0 && row; row = row->up) {
		row->warmup_count += row_amount(cell);
		if (!row->line)
			continue;
		if (!row->line->has_warm)
			r = touch(&rows->warm, row);
		if (r == 0)
			r = line_warm(row->line, cell, row_merge(row));
	}
	return r;
}

/* True if labels are joined in another way than the values of one. */
static _Bool waits_for_labels(const struct row *row)
{
	return metric_merge_labels(row->key.metric) != row_merge(row);
}

int rows_add(struct rows *rows, uint32_t id, const struct series *series, const struct cell *cell)
{
	struct feeding *feeding;
	int r = feeding_of(rows, id, series, &feeding);

	if (r < 0)
		return r;
	if (series->warmup) {
		r = add_warm(rows, feeding->row, cell);
		return r == 0 && feeding->plain ? add_warm(rows, feeding->plain, cell) : r;
	}
	r = add_now(rows, feeding->row, cell, row_merge(feeding->row));
	if (r == 0 && feeding->plain && !waits_for_labels(feeding->row))
		r = add_now(rows, feeding->plain, cell, row_merge(feeding->plain));
	return r;
}

/* ---- a second's end ---- */

/* The greatest of the labels, once each label has all of its second: that may come in parts, of several agents. */
static int gather_labels(struct rows *rows)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		size_t count = rows->touched[level].count;

		for (size_t i = 0; i < count; i++) {
			struct row *row = rows->touched[level].rows[i];
			int r = 0;

			if (row->plain && waits_for_labels(row))
				r = add_now(rows, row->plain, row->now, metric_merge_labels(row->key.metric));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int carry_up(struct rows *rows)
{
	for (unsigned level = LEVELS - 1; level > 0; level--) {
		const struct touched *touched = &rows->touched[level];

		for (size_t i = 0; i < touched->count; i++) {
			struct row *row = touched->rows[i];
			int r = add_now(rows, row->up, row->now, row_merge(row));

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Availability is derived at each level for itself, so it is added after all has gone up. */
static int gather_failures(struct rows *rows)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		size_t count = rows->touched[level].count;

		for (size_t i = 0; i < count; i++) {
			const struct row *row = rows->touched[level].rows[i];
			int r = row->availability
			                ? add_now(rows, row->availability, row->now, row_merge(row->availability))
			                : 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int fold(struct rows *rows, struct row *row, uint64_t second)
{
	struct cell derived;
	const struct cell *now = row->now;
	int r;

	if (row->key.metric == METRIC_AVAILABILITY) {
		derived = outcomes_availability(now);
		now = &derived;
	}
	if (now->kind == METRIC_COUNTER && now->counter > row->peak) {
		row->peak = now->counter;
		row->peak_second = second;
	}
	r = cell_add_later(&row->total, now);
	if (r == 0 && row->line)
		r = line_draw(row->line, rows->report, &rows->empty, second, now, row_merge(row));
	return r;
}

static int put_back(struct rows *rows, struct row *row)
{
	struct pool *pool = &rows->pools[row_kind(row)];
	int r = array_reserve(&pool->cells, &pool->capacity, pool->count, sizeof(*pool->cells));

	if (r < 0)
		return r;
	cell_reset(row->now);
	pool->cells[pool->count++] = row->now;
	row->now = NULL;
	return 0;
}

static int fold_all(struct rows *rows, uint64_t second)
{
	int r = 0;

	for (unsigned level = 0; level < LEVELS; level++) {
		struct touched *touched = &rows->touched[level];

		for (size_t i = 0; r == 0 && i < touched->count; i++) {
			r = fold(rows, touched->rows[i], second);
			if (r == 0)
				r = put_back(rows, touched->rows[i]);
		}
		touched->count = 0;
	}
	return r;
}

int rows_end_second(struct rows *rows, uint64_t second)
{
	int r = gather_labels(rows);

	if (r == 0)
		r = carry_up(rows);
	if (r == 0)
		r = gather_failures(rows);
	if (r == 0)
		r = fold_all(rows, second);
	/* Those with warm-up values alone are still to be drawn. */
	for (size_t i = 0; r == 0 && i < rows->warm.count; i++) {
		struct row *row = rows->warm.rows[i];

		if (row->line->has_warm)
			r = line_draw(row->line, rows->report, &rows->empty, second, NULL, row_merge(row));
	}
	rows->warm.count = 0;
	return r;
}

int rows_count(struct rows *rows, enum metric_id metric, uint32_t scenario, uint32_t step, uint64_t count)
{
	struct row_key key = {.metric = metric, .scenario = scenario + 1, .step = step + 1};
	struct row *row = NULL;
	int r = row_get(rows, key, &row);

	for (; r == 0 && row; row = row->up)
		row->total.counter += count;
	return r;
}

uint64_t rows_total(const struct rows *rows, enum metric_id metric)
{
	struct row_key key = {.metric = metric};
	uint32_t id = names_find(rows->keys, &key, sizeof(key));

	return id == NAMES_NONE ? 0 : row_amount(&rows->all[id]->total) + rows->all[id]->warmup_count;
}
