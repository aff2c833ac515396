/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the rows, for the files that make it up alone. */
#pragma once

#include "common/base/names.h"
#include "coordinator/replay/replay_lines.h"
#include "coordinator/replay/replay_rows.h"

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
	struct names *texts;    /* groups and labels; 0 is "" */
	struct names *keys;     /* row_key -> index in all */
	struct names *groups;   /* {scenario, step, group} that have rows of their own */
	uint32_t *group_counts; /* of each step, LIMIT_PLAN_STEPS a scenario */
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

static inline enum metric_kind row_kind(const struct row *row)
{
	return metrics[row->key.metric].kind;
}

static inline enum metric_merge row_merge(const struct row *row)
{
	return metrics[row->key.metric].merge;
}

/* How many values a cell has, or a counter's amount. */
uint64_t row_amount(const struct cell *cell);
/* The row of this key, made with all that it hangs on if it is new. 0 or -ENOMEM. */
int row_get(struct rows *rows, struct row_key key, struct row **ret_row);
/* Makes every row that the plan's steps can produce (replay_rows_planned.c). 0 or -ENOMEM. */
int rows_add_planned(struct rows *rows);
