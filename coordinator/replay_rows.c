/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from leaf series.
 *
 * Rows form a tree for each metric: whole run, scenario, step, group. A label's rows form one beside it. A leaf series feeds one row (and,
 * if it has a label, the row of all labels at its level). When a second is over, what rows have of it goes one level up at a time,
 * from the groups to the whole run, and is then folded into each row's total: so each level sees whole seconds, which peaks,
 * gauges, the timeline and availability need. */
#include "coordinator/replay_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/names.h"
#include "coordinator/outcomes.h"
#include "coordinator/replay_lines.h"

enum { LEVELS = 4, ALL = 0, KINDS = METRIC_LATENCY + 1 };

/* Scenario and step are indices of the plan + 1, group and label are numbers of texts; ALL is above them. */
struct row_key {
	uint32_t metric, scenario, step, group, label;
};

struct row {
	struct row_key key;
	struct row *up;           /* one level up, of the same label; NULL at the top */
	struct row *plain;        /* of all labels at the same level; NULL: this one is */
	struct row *availability; /* derived from this one; NULL: none is */
	struct cell total;        /* without warm-up */
	struct cell *now;         /* of this second; NULL: nothing yet */
	uint64_t warmup_count;
	uint64_t peak, peak_second;
	struct line *line;
	_Bool given; /* total was moved into the report */
};

/* Pointers to rows that have something of this second. */
struct touched {
	struct row **rows;
	size_t count, capacity;
};

struct pool {
	struct cell **cells;
	size_t count, capacity;
};

/* The rows that a series feeds. */
struct feeding {
	struct row *row;   /* NULL: not looked up yet */
	struct row *plain; /* NULL: `row` is */
};

struct rows {
	const struct plan *plan;
	struct report *report;
	struct names *texts; /* groups and labels; 0 is "" */
	struct names *keys;  /* row_key -> index in all */
	struct row **all;
	size_t count, capacity;
	struct feeding *feedings; /* by series */
	size_t feeding_count, feeding_capacity;
	struct touched touched[LEVELS];
	struct touched warm; /* those whose line has something of a warm-up */
	struct pool pools[KINDS];
	struct lines_empty empty;
	const char **scenario_names;
};

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
	free(rows);
	return NULL;
}

static unsigned level_of(const struct row_key *key)
{
	return key->group != ALL ? 3 : key->step != ALL ? 2 : key->scenario != ALL ? 1 : 0;
}

static enum metric_kind kind_of(const struct row *row)
{
	return metrics[row->key.metric].kind;
}

static enum metric_merge merge_of(const struct row *row)
{
	return metrics[row->key.metric].merge;
}

/* ---- making rows ---- */

static int row_get(struct rows *rows, struct row_key key, struct row **ret_row);

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

	if (level_of(&row->key) > 1 || row->key.label != ALL)
		return 0;
	row->line = calloc(1, sizeof(*row->line));
	line = report_alloc(rows->report, 1, sizeof(*line));
	if (!row->line || !line)
		return -ENOMEM;
	return line_init(row->line, line, row->key.metric, rows->scenario_names[row->key.scenario], &rows->empty);
}

static int row_get(struct rows *rows, struct row_key key, struct row **ret_row)
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
	r = cell_init(&row->total, kind_of(row));
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

static int add_row(struct rows *rows, enum metric_id metric, uint32_t scenario, uint32_t step, uint32_t label)
{
	struct row *row;

	if (metric == METRIC_COUNT)
		return 0;
	return row_get(rows, (struct row_key){metric, scenario, step, ALL, label}, &row);
}

static int add_rows(struct rows *rows, const enum metric_id *list, uint32_t scenario, uint32_t step)
{
	int r = 0;

	for (; r == 0 && *list != METRIC_COUNT; list++)
		r = add_row(rows, *list, scenario, step, ALL);
	return r;
}

/* What steps have beside their metric_set; METRIC_COUNT ends a list. */
static const enum metric_id common_metrics[] = {METRIC_DATA_SENT, METRIC_DATA_RECEIVED, METRIC_COUNT};
static const enum metric_id http_metrics[] = {METRIC_HTTP_REQ_DURATION, METRIC_HTTP_REQ_CONNECTING,
					      METRIC_HTTP_REQ_TLS_HANDSHAKING, METRIC_HTTP_REQ_WAITING, METRIC_COUNT};
static const enum metric_id sql_metrics[] = {METRIC_SQL_ROWS, METRIC_SQL_BYTES, METRIC_COUNT};
static const enum metric_id scenario_metrics[] = {METRIC_ITERATIONS,	      METRIC_DROPPED_ITERATIONS, METRIC_VUS,
						  METRIC_ITERATION_DURATION, METRIC_SEND_LATENESS,	 METRIC_COUNT};

static int add_check_rows(struct rows *rows, const struct step *step, uint32_t scenario, uint32_t index)
{
	uint32_t label;
	int r;

	if (step->kind != STEP_HTTP || step->http.status.count == 0 || !step->http.status.name)
		return 0;
	r = names_intern(rows->texts, step->http.status.name, strlen(step->http.status.name), &label, NULL);
	return r < 0 ? r : add_row(rows, METRIC_CHECKS, scenario, index, label);
}

static int add_step_rows(struct rows *rows, const struct step *step, uint32_t scenario, uint32_t index)
{
	const struct metric_set *set = &metric_sets[step->kind];
	const enum metric_id own[] = {set->count, set->failed, set->duration, set->response_time, set->failed_duration};
	int r = 0;

	if (set->count == METRIC_COUNT)
		return 0;
	for (size_t i = 0; r == 0 && i < sizeof(own) / sizeof(own[0]); i++)
		r = add_row(rows, own[i], scenario, index, ALL);
	if (r == 0)
		r = add_rows(rows, common_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_HTTP)
		r = add_rows(rows, http_metrics, scenario, index);
	if (r == 0 && step->kind == STEP_SQL)
		r = add_rows(rows, sql_metrics, scenario, index);
	return r < 0 ? r : add_check_rows(rows, step, scenario, index);
}

static int add_plan_rows(struct rows *rows)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < rows->plan->scenario_count; i++) {
		const struct scenario *scenario = &rows->plan->scenarios[i];

		r = add_rows(rows, scenario_metrics, i + 1, ALL);
		for (uint32_t k = 0; r == 0 && k < scenario->step_count; k++)
			r = add_step_rows(rows, &scenario->steps[k], i + 1, k + 1);
	}
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
	if (!rows->texts || !rows->keys)
		return -ENOMEM;
	r = names_intern(rows->texts, "", 0, &id, NULL);
	if (r == 0)
		r = lines_empty_make(report, &rows->empty);
	if (r == 0)
		r = copy_scenario_names(rows);
	if (r == 0)
		r = add_plan_rows(rows);
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

static int key_of(struct rows *rows, const struct series *series, struct row_key *ret_key)
{
	struct row_key key = {.metric = series->metric};
	uint32_t scenario = plan_find_scenario(rows->plan, series->scenario), step;
	int r;

	if (scenario == PLAN_NONE)
		return -EBADMSG;
	key.scenario = scenario + 1;
	if (series->step[0]) {
		step = find_step(&rows->plan->scenarios[scenario], series->step);
		if (step == PLAN_NONE)
			return -EBADMSG;
		key.step = step + 1;
		r = names_intern(rows->texts, series->group, strlen(series->group), &key.group, NULL);
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
		r = array_reserve(&rows->feedings, &rows->feeding_capacity, rows->feeding_count, sizeof(*rows->feedings));
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
	struct pool *pool = &rows->pools[kind_of(row)];

	if (row->now)
		return row->now;
	if (touch(&rows->touched[level_of(&row->key)], row) < 0)
		return NULL;
	if (pool->count > 0) {
		row->now = pool->cells[--pool->count];
		return row->now;
	}
	row->now = malloc(sizeof(*row->now));
	if (row->now && cell_init(row->now, kind_of(row)) < 0) {
		free(row->now);
		row->now = NULL;
	}
	return row->now;
}

static int add_now(struct rows *rows, struct row *row, const struct cell *cell)
{
	struct cell *now = now_of(rows, row);

	return now ? cell_merge(now, cell, merge_of(row)) : -ENOMEM;
}

/* How many values a cell has, or a counter's amount. */
static uint64_t amount_of(const struct cell *cell)
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
		row->warmup_count += amount_of(cell);
		if (!row->line)
			continue;
		if (!row->line->has_warm)
			r = touch(&rows->warm, row);
		if (r == 0)
			r = line_warm(row->line, cell, merge_of(row));
	}
	return r;
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
	r = add_now(rows, feeding->row, cell);
	return r == 0 && feeding->plain ? add_now(rows, feeding->plain, cell) : r;
}

/* ---- a second's end ---- */

static int carry_up(struct rows *rows)
{
	for (unsigned level = LEVELS - 1; level > 0; level--) {
		const struct touched *touched = &rows->touched[level];

		for (size_t i = 0; i < touched->count; i++) {
			int r = add_now(rows, touched->rows[i]->up, touched->rows[i]->now);

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
			int r = row->availability ? add_now(rows, row->availability, row->now) : 0;

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
		r = line_draw(row->line, rows->report, &rows->empty, second, now, merge_of(row));
	return r;
}

static int put_back(struct rows *rows, struct row *row)
{
	struct pool *pool = &rows->pools[kind_of(row)];
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
	int r = carry_up(rows);

	if (r == 0)
		r = gather_failures(rows);
	if (r == 0)
		r = fold_all(rows, second);
	/* Those with warm-up values alone are still to be drawn. */
	for (size_t i = 0; r == 0 && i < rows->warm.count; i++) {
		struct row *row = rows->warm.rows[i];

		if (row->line->has_warm)
			r = line_draw(row->line, rows->report, &rows->empty, second, NULL, merge_of(row));
	}
	rows->warm.count = 0;
	return r;
}

uint64_t rows_total(const struct rows *rows, enum metric_id metric)
{
	struct row_key key = {.metric = metric};
	uint32_t id = names_find(rows->keys, &key, sizeof(key));

	return id == NAMES_NONE ? 0 : amount_of(&rows->all[id]->total) + rows->all[id]->warmup_count;
}

/* ---- giving out ---- */


static uint64_t rank_of(const struct row *row)
{
	return amount_of(&(row->plain ? row->plain : row)->total);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_texts(const struct rows *rows, uint32_t a, uint32_t b)
{
	if (a == b)
		return 0;
	if (a == ALL || b == ALL)
		return a == ALL ? -1 : 1;
	return strcmp(names_key(rows->texts, a, NULL), names_key(rows->texts, b, NULL));
}

/* Metrics, scenarios and steps in their own order, the greatest groups first, labels by name; what is of all before the rest. */
static int compare_rows(const void *left, const void *right, void *context)
{
	const struct row *a = *(const struct row *const *)left, *b = *(const struct row *const *)right;
	const struct rows *rows = context;
	int c = compare_numbers(a->key.metric, b->key.metric);

	if (c == 0)
		c = compare_numbers(a->key.scenario, b->key.scenario);
	if (c == 0)
		c = compare_numbers(a->key.step, b->key.step);
	if (c == 0 && a->key.group != b->key.group) {
		if (a->key.group != ALL && b->key.group != ALL)
			c = compare_numbers(rank_of(b), rank_of(a));
		if (c == 0)
			c = compare_texts(rows, a->key.group, b->key.group);
	}
	return c ? c : compare_texts(rows, a->key.label, b->key.label);
}

/* The report's copies of names, made once each. */
struct given_names {
	const char **texts;  /* by number */
	const char ***steps; /* by scenario and step, both + 1 */
};

static int copy_texts(const struct rows *rows, struct given_names *names)
{
	uint32_t count = names_count(rows->texts);

	names->texts = report_alloc(rows->report, count, sizeof(*names->texts));
	if (!names->texts)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		names->texts[i] = report_copy(rows->report, names_key(rows->texts, i, NULL));
		if (!names->texts[i])
			return -ENOMEM;
	}
	return 0;
}

static int copy_steps(const struct rows *rows, struct given_names *names)
{
	names->steps = report_alloc(rows->report, (size_t)rows->plan->scenario_count + 1, sizeof(*names->steps));
	if (!names->steps)
		return -ENOMEM;
	for (uint32_t i = 0; i <= rows->plan->scenario_count; i++) {
		const struct scenario *scenario = i > 0 ? &rows->plan->scenarios[i - 1] : NULL;
		uint32_t count = scenario ? scenario->step_count : 0;

		names->steps[i] = report_alloc(rows->report, (size_t)count + 1, sizeof(*names->steps[i]));
		if (!names->steps[i])
			return -ENOMEM;
		names->steps[i][ALL] = "";
		for (uint32_t k = 0; k < count; k++) {
			names->steps[i][k + 1] = report_copy(rows->report, scenario->steps[k].name);
			if (!names->steps[i][k + 1])
				return -ENOMEM;
		}
	}
	return 0;
}

static enum load scenario_load(const struct rows *rows, uint32_t scenario)
{
	return executor_is_open(rows->plan->scenarios[scenario - 1].executor) ? LOAD_OPEN : LOAD_CLOSED;
}

/* Of a latency: its scenario's, or what its scenarios have in common. Those of no scenario come first in the order, so the
 * scenarios' own rows are looked up. */
static enum load load_of(const struct rows *rows, const struct row *row)
{
	enum load load = LOAD_NONE;

	if (kind_of(row) != METRIC_LATENCY)
		return LOAD_NONE;
	if (row->key.scenario != ALL)
		return scenario_load(rows, row->key.scenario);
	for (uint32_t i = 1; i <= rows->plan->scenario_count; i++) {
		struct row_key key = row->key;

		key.scenario = i;
		if (names_find(rows->keys, &key, sizeof(key)) == NAMES_NONE)
			continue;
		if (load != LOAD_NONE && load != scenario_load(rows, i))
			return LOAD_MIXED;
		load = scenario_load(rows, i);
	}
	return load;
}

static void give_row(const struct rows *rows, const struct given_names *names, struct row *row, double measured_s,
		     struct report_row *ret_row)
{
	_Bool has_rate = kind_of(row) != METRIC_GAUGE && measured_s > 0;

	*ret_row = (struct report_row){
		.metric = row->key.metric,
		.scenario = rows->scenario_names[row->key.scenario],
		.step = names->steps[row->key.scenario][row->key.step],
		.group = names->texts[row->key.group],
		.label = names->texts[row->key.label],
		.cell = row->total,
		.warmup_count = row->warmup_count,
		.rate_per_s = has_rate ? (double)amount_of(&row->total) / measured_s : 0,
		.peak_per_s = (double)row->peak,
		.peak_second = row->peak_second,
		.load = load_of(rows, row),
	};
	row->given = 1;
}

static int give_lines(const struct rows *rows)
{
	struct report *report = rows->report;
	uint32_t count = 0;

	for (size_t i = 0; i < rows->count; i++)
		count += rows->all[i]->line != NULL;
	report->lines = report_alloc(report, count, sizeof(*report->lines));
	if (!report->lines)
		return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++)
		if (rows->all[i]->line)
			report->lines[report->line_count++] = *rows->all[i]->line->report;
	return 0;
}

int rows_give(struct rows *rows, double measured_s)
{
	struct given_names names;
	int r = copy_texts(rows, &names);

	if (r == 0)
		r = copy_steps(rows, &names);
	if (r < 0)
		return r;
	rows->report->rows = report_alloc(rows->report, rows->count, sizeof(*rows->report->rows));
	if (!rows->report->rows)
		return -ENOMEM;
	if (rows->count > 0)
		qsort_r(rows->all, rows->count, sizeof(*rows->all), compare_rows, rows);
	r = give_lines(rows);
	/* The ids in `keys` no longer fit, but only whether a key is there is still asked. */
	for (size_t i = 0; r == 0 && i < rows->count; i++)
		give_row(rows, &names, rows->all[i], measured_s, &rows->report->rows[rows->report->row_count++]);
	return r;
}
