/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of one row, and the list of those that a table of times shows. */
#include "coordinator/report/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

const struct stats_percentile stats_percentiles[] = {{"p50", 50}, {"p90", 90},     {"p95", 95},
                                                     {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}};
const size_t stats_percentile_count = sizeof(stats_percentiles) / sizeof(stats_percentiles[0]);

static const struct histogram *values_of(const struct report_row *row)
{
	const struct histogram *histogram = row ? row->cell.latency.histogram : NULL;

	return histogram && histogram_count(histogram) > 0 ? histogram : NULL;
}

uint64_t stats_count(const struct report_row *row)
{
	switch (metrics[row->metric].kind) {
	case METRIC_COUNTER:
		return row->cell.counter;
	case METRIC_RATE:
		return row->cell.rate.total;
	case METRIC_GAUGE:
		return row->cell.gauge.count;
	case METRIC_LATENCY:
		break;
	}
	return values_of(row) ? histogram_count(row->cell.latency.histogram) : 0;
}

double stats_min_ms(const struct report_row *row)
{
	const struct histogram *histogram = values_of(row);

	return histogram ? (double)histogram_min_us(histogram) / 1000 : NAN;
}

double stats_mean_ms(const struct report_row *row)
{
	const struct histogram *histogram = values_of(row);

	return histogram ? histogram_mean_us(histogram) / 1000 : NAN;
}

double stats_stddev_ms(const struct report_row *row)
{
	const struct histogram *histogram = values_of(row);

	return histogram ? histogram_stddev_us(histogram) / 1000 : NAN;
}

double stats_max_ms(const struct report_row *row)
{
	const struct histogram *histogram = values_of(row);

	return histogram ? (double)histogram_max_us(histogram) / 1000 : NAN;
}

/* "p(99.9)" or "p99.9": digits with one dot at most, 0..100. */
static _Bool parse_percentile(const char *word, struct stats_column *column)
{
	_Bool bracketed = strncmp(word, "p(", 2) == 0;
	const char *digits = word + (bracketed ? 2 : 1);
	size_t length;
	char *end;
	double percentile;

	if (word[0] != 'p')
		return 0;
	length = strspn(digits, "0123456789.");
	if (length == 0 || length > 7 || strcmp(digits + length, bracketed ? ")" : "") != 0)
		return 0;
	percentile = strtod(digits, &end);
	if (end != digits + length || !(percentile >= 0 && percentile <= 100))
		return 0;
	*column = (struct stats_column){.kind = STATS_PERCENTILE, .percentile = percentile};
	snprintf(column->heading, sizeof(column->heading), "p%.*s", (int)length, digits);
	return 1;
}

static _Bool parse_column(const char *word, struct stats_column *column)
{
	static const struct stats_column named[] = {{STATS_AVG, 0, "avg"},
	                                            {STATS_MIN, 0, "min"},
	                                            {STATS_PERCENTILE, 50, "med"},
	                                            {STATS_MAX, 0, "max"},
	                                            {STATS_COUNT, 0, "count"}};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strcmp(word, named[i].heading) == 0) {
			*column = named[i];
			return 1;
		}
	}
	return parse_percentile(word, column);
}

static int refuse(struct failure *failure, const char *word)
{
	static const char *const names[] = {"avg", "min", "med", "max", "count", "p(95)", "p(99)", NULL};
	const char *meant = text_nearest(word, names);

	return failure_set(failure, -EINVAL,
	                   "unknown statistic \"%s\"%s%s%s; there are avg, min, med, max, count and p(N)", word,
	                   meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
}

int stats_parse_columns(const char *list, struct failure *failure, struct stats_columns *ret_columns)
{
	cleanup(cleanup_free) char *copy = strdup(list ? list : "avg,min,med,p95,p99,max");
	struct stats_columns columns = {.count = 0};
	char *rest = copy;
	char *word;

	if (!copy)
		return -ENOMEM;
	while ((word = strsep(&rest, ","))) {
		word += strspn(word, " ");
		word[strcspn(word, " ")] = '\0';
		if (columns.count == STATS_COLUMNS_MAX)
			return failure_set(failure, -EINVAL, "more than %d statistics", STATS_COLUMNS_MAX);
		if (!parse_column(word, &columns.items[columns.count]))
			return refuse(failure, word);
		columns.count++;
	}
	*ret_columns = columns;
	return 0;
}

int report_check_trend(const char *list, struct failure *failure)
{
	struct stats_columns columns;

	return stats_parse_columns(list, failure, &columns);
}

double stats_column_value(const struct stats_column *column, const struct report_row *row, _Bool *ret_few_samples)
{
	*ret_few_samples = 0;
	if (!values_of(row))
		return column->kind == STATS_COUNT ? 0 : NAN;
	switch (column->kind) {
	case STATS_AVG:
		return stats_mean_ms(row);
	case STATS_MIN:
		return stats_min_ms(row);
	case STATS_MAX:
		return stats_max_ms(row);
	case STATS_COUNT:
		return (double)stats_count(row);
	case STATS_PERCENTILE:
		break;
	}
	*ret_few_samples = histogram_few_samples(stats_count(row), column->percentile);
	return report_percentile_ms(row, column->percentile);
}
