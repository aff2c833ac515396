/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of one row: what each statistic's name means, the same in every format. */
#pragma once

#include <stddef.h>

#include "coordinator/report/report.h"

/* The percentiles that every file lists. */
struct stats_percentile {
	const char *name; /* "p99.9" */
	double percentile;
};

extern const struct stats_percentile stats_percentiles[];
extern const size_t stats_percentile_count;

/* How many values: a counter's amount, a rate's total, a gauge's seconds, a latency's values. */
uint64_t stats_count(const struct report_row *row);
/* Of a latency, in ms; NAN without values. */
double stats_min_ms(const struct report_row *row);
double stats_mean_ms(const struct report_row *row);
double stats_stddev_ms(const struct report_row *row);
double stats_max_ms(const struct report_row *row);

/* One column of a table of times. */
enum stats_kind { STATS_AVG, STATS_MIN, STATS_MAX, STATS_PERCENTILE, STATS_COUNT };

struct stats_column {
	enum stats_kind kind;
	double percentile; /* STATS_PERCENTILE: 0..100 */
	char heading[16];  /* "avg", "med", "p99.9" */
};

enum { STATS_COLUMNS_MAX = 32 };

struct stats_columns {
	struct stats_column items[STATS_COLUMNS_MAX];
	size_t count;
};

/* "avg,min,med,max,p(95),count": k6's names; "p95" is taken as well. NULL: avg, min, med, p95, p99, max.
 * 0 or -EINVAL with what is wrong in it. */
int stats_parse_columns(const char *list, struct failure *failure, struct stats_columns *ret_columns);
/* The column's figure of a latency row (which may be NULL: NAN), in ms but for the count; *ret_few_samples says that
 * it is a percentile of few samples. */
double stats_column_value(const struct stats_column *column, const struct report_row *row, _Bool *ret_few_samples);
