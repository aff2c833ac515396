/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and lines into the report: their order, their names, their rates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/replay/replay_rows_internal.h"

static uint64_t rank_of(const struct row *row)
{
	return row_amount(&(row->plain ? row->plain : row)->total);
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

/* Metrics, scenarios and steps in their own order, the greatest groups first, labels by name; what is of all before the
 * rest. */
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

/* Of a latency: its scenario's, or what its scenarios have in common. Those of no scenario come first in the order, so
 * the scenarios' own rows are looked up. */
static enum load load_of(const struct rows *rows, const struct row *row)
{
	enum load load = LOAD_NONE;

	if (row_kind(row) != METRIC_LATENCY)
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
	_Bool has_rate = row_kind(row) != METRIC_GAUGE && measured_s > 0;

	*ret_row = (struct report_row){
	        .metric = row->key.metric,
	        .scenario = rows->scenario_names[row->key.scenario],
	        .step = names->steps[row->key.scenario][row->key.step],
	        .group = names->texts[row->key.group],
	        .label = names->texts[row->key.label],
	        .cell = row->total,
	        .warmup_count = row->warmup_count,
	        .rate_per_s = has_rate ? (double)row_amount(&row->total) / measured_s : 0,
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
