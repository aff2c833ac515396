/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the report in 80 columns. Widths of a table's columns add up to at most 80. */
#include "coordinator/report/text_tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "coordinator/report/words.h"

enum {
	WORST_GROUPS = 10,
	ERRORS_SHOWN = 15,
	NAME_COLUMNS = 25, /* with its indent */
	TIME_COLUMNS = 8,  /* seven digits and the mark of few samples */
	TIMES_IN_LINE = 6,
};

static void put_count(struct page *page, enum ink ink, uint64_t count, size_t width)
{
	char text[WORDS_MAX];

	page_right(page, ink, units_format_count(count, text, sizeof(text)), width);
}

static void put_scenario(struct page *page, const struct report_scenario *scenario)
{
	char remark[2 * WORDS_MAX];

	snprintf(remark, sizeof(remark), "%.40s%s%s%s", scenario->executor, scenario->load == LOAD_NONE ? "" : ", ",
	         words_load(scenario->load), scenario->is_warmup ? ", warm-up" : "");
	page_blanks(page, 2);
	page_left(page, INK_PLAIN, scenario->name, PAGE_COLUMNS - 4 - text_width(remark));
	page_text(page, INK_DIM, remark);
	page_end_line(page);
}

/* A name of its own line where it doesn't fit before the figures. */
static void put_name(struct page *page, const char *name)
{
	page_blanks(page, 4);
	if (text_width(name) >= NAME_COLUMNS - 4) {
		page_left(page, INK_PLAIN, name, PAGE_COLUMNS - 4);
		page_end_line(page);
		page_blanks(page, NAME_COLUMNS);
		return;
	}
	page_left(page, INK_PLAIN, name, NAME_COLUMNS - 4);
}

/* What a scenario, or a step that consumes, counts beside operations. */
static void put_more(struct page *page, const char *name, const struct report_row *row)
{
	char text[WORDS_MAX];

	put_name(page, name);
	put_count(page, INK_PLAIN, row->cell.counter, 14);
	page_blanks(page, 20);
	page_right(page, INK_PLAIN, words_rate(row->rate_per_s, text), 12);
	page_right(page, INK_PLAIN, units_format_count((uint64_t)llround(row->peak_per_s), text, sizeof(text)), 9);
	page_end_line(page);
}

static void put_operation(struct page *page, const struct digest_entry *entry)
{
	char text[WORDS_MAX];
	uint64_t count = entry->is_warmup ? entry->warmup_count : entry->count;

	put_name(page, entry->step);
	put_count(page, INK_PLAIN, count, 14);
	if (entry->is_warmup) {
		page_text(page, INK_DIM, "  in warm-up");
		page_end_line(page);
		return;
	}
	put_count(page, entry->failed ? INK_RED : INK_PLAIN, entry->failed, 11);
	page_right(page, INK_PLAIN, words_percent(entry->failed, entry->count, text), 9);
	page_right(page, INK_PLAIN, words_rate(entry->per_s, text), 12);
	page_right(page, INK_PLAIN, units_format_count((uint64_t)llround(entry->peak_per_s), text, sizeof(text)), 9);
	page_end_line(page);
	if (entry->messages)
		put_more(page, "(messages)", entry->messages);
}

static void put_iterations(struct page *page, const struct report *report, const struct report_scenario *scenario)
{
	const struct report_row *row = report_find(report, METRIC_ITERATIONS, scenario->name, "", "", "");

	if (row && !scenario->is_warmup)
		put_more(page, "(iterations)", row);
}

void text_operations(struct page *page, const struct report *report, const struct digest *digest)
{
	if (digest->step_count == 0)
		return;
	page_heading(page, "OPERATIONS", "");
	page_blanks(page, NAME_COLUMNS);
	page_right(page, INK_DIM, "count", 14);
	page_right(page, INK_DIM, "failed", 11);
	page_right(page, INK_DIM, "%", 9);
	page_right(page, INK_DIM, "per s", 12);
	page_right(page, INK_DIM, "peak/s", 9);
	page_end_line(page);
	for (uint32_t i = 0; i < report->scenario_count; i++) {
		put_scenario(page, &report->scenarios[i]);
		for (uint32_t j = 0; j < digest->step_count; j++)
			if (strcmp(digest->steps[j].scenario, report->scenarios[i].name) == 0)
				put_operation(page, &digest->steps[j]);
		put_iterations(page, report, &report->scenarios[i]);
	}
}

static void put_few_samples(struct page *page)
{
	page_blanks(page, 2);
	page_text(page, INK_DIM, "* rests on few samples: fewer than 10 values lie above it");
	page_end_line(page);
}

static void put_mark(struct page *page, _Bool few)
{
	if (few)
		page_text(page, INK_YELLOW, "*");
	else
		page_blanks(page, 1);
}

/* One table of times: the columns shown, and whether any mark has been made. */
struct times {
	struct page *page;
	const struct stats_column *columns;
	size_t count;
	_Bool marked;
};

static void put_times(struct times *times, const char *name, const struct report_row *row)
{
	if (!row || stats_count(row) == 0)
		return;
	put_name(times->page, name);
	page_left(times->page, INK_DIM, words_load(row->load), 7);
	for (size_t i = 0; i < times->count; i++) {
		char figure[WORDS_MAX];
		_Bool few;
		double value = stats_column_value(&times->columns[i], row, &few);

		if (times->columns[i].kind == STATS_COUNT)
			snprintf(figure, sizeof(figure), "%.0f", value);
		else
			words_ms(value, figure);
		page_right(times->page, INK_PLAIN, figure, TIME_COLUMNS - 1);
		put_mark(times->page, few);
		times->marked |= few;
	}
	page_end_line(times->page);
}

static void put_step_times(struct times *times, const struct digest_entry *entry)
{
	const struct {
		const char *what;
		const struct report_row *row;
	} rows[] = {{entry->kind == STEP_CONSUME ? "end to end" : "response", entry->response},
	            /* In a closed load the two are the same. */
	            {"service", entry->load == LOAD_CLOSED && entry->response ? NULL : entry->duration},
	            {"failed", entry->failed_duration}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buffer struct buffer name = {0};
		const char *text;

		buffer_append_format(&name, "%s %s", entry->step, rows[i].what);
		text = buffer_text(&name);
		put_times(times, text ? text : "", rows[i].row);
	}
}

static void put_scenario_times(struct times *times, const struct report *report, const struct report_scenario *scenario,
                               const struct digest *digest)
{
	put_scenario(times->page, scenario);
	for (uint32_t i = 0; i < digest->step_count; i++)
		if (strcmp(digest->steps[i].scenario, scenario->name) == 0)
			put_step_times(times, &digest->steps[i]);
	put_times(times, "(iteration)", report_find(report, METRIC_ITERATION_DURATION, scenario->name, "", "", ""));
	put_times(times, "(send lateness)", report_find(report, METRIC_SEND_LATENESS, scenario->name, "", "", ""));
}

static _Bool has_times(const struct report *report)
{
	for (uint32_t i = 0; i < report->row_count; i++)
		if (metrics[report->rows[i].metric].kind == METRIC_LATENCY && report->rows[i].scenario[0] &&
		    stats_count(&report->rows[i]) > 0)
			return 1;
	return 0;
}

void text_times(struct page *page, const struct report *report, const struct digest *digest,
                const struct stats_columns *columns)
{
	_Bool marked = 0;

	if (!has_times(report))
		return;
	for (size_t from = 0; from < columns->count; from += TIMES_IN_LINE) {
		size_t left = columns->count - from;
		struct times times = {page, columns->items + from, left < TIMES_IN_LINE ? left : TIMES_IN_LINE, marked};

		page_heading(page, "TIMES", "in ms; response counts from when the schedule wanted it");
		page_blanks(page, NAME_COLUMNS);
		page_left(page, INK_DIM, "load", 7);
		for (size_t i = 0; i < times.count; i++) {
			page_right(page, INK_DIM, times.columns[i].heading, TIME_COLUMNS - 1);
			page_blanks(page, 1);
		}
		page_end_line(page);
		for (uint32_t i = 0; i < report->scenario_count; i++)
			if (!report->scenarios[i].is_warmup)
				put_scenario_times(&times, report, &report->scenarios[i], digest);
		marked = times.marked;
	}
	if (marked)
		put_few_samples(page);
}

void text_checks(struct page *page, const struct report *report)
{
	_Bool any = 0;

	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		uint64_t hits = row->cell.rate.hits;
		uint64_t total = row->cell.rate.total;
		char text[WORDS_MAX];

		if (row->metric != METRIC_CHECKS || !row->label[0] || !row->step[0] || row->group[0] || total == 0)
			continue;
		if (!any)
			page_heading(page, "CHECKS", "");
		any = 1;
		page_blanks(page, 2);
		page_text(page, hits == total ? INK_GREEN : INK_RED, hits == total ? "✓ " : "✗ ");
		page_left(page, INK_PLAIN, row->label, 30);
		page_left(page, INK_DIM, row->step, 20);
		page_right(page, INK_PLAIN, words_percent(hits, total, text), 8);
		page_text(page, INK_PLAIN, " %");
		if (hits < total) {
			page_text(page, INK_RED, "  failed ");
			page_text(page, INK_RED, units_format_count(total - hits, text, sizeof(text)));
		}
		page_end_line(page);
	}
}

/* True if its percentile is marked. */
static _Bool put_group(struct page *page, const struct digest_entry *group)
{
	const struct report_row *row = group->response;
	_Bool few = row && stats_count(row) > 0 && histogram_few_samples(stats_count(row), 95);
	char text[WORDS_MAX];

	page_blanks(page, 2);
	page_left(page, INK_PLAIN, group->group, 14);
	page_left(page, INK_DIM, group->step, 10);
	put_count(page, INK_PLAIN, group->count, 8);
	page_right(page, group->failed ? INK_RED : INK_PLAIN,
	           words_percent(group->count - group->failed, group->count, text), 8);
	page_right(page, INK_PLAIN, words_ms(row ? stats_min_ms(row) : NAN, text), 7);
	page_right(page, INK_PLAIN, words_ms(row ? stats_mean_ms(row) : NAN, text), 7);
	page_right(page, INK_PLAIN, words_ms(group->p95_ms, text), 7);
	put_mark(page, few);
	page_right(page, INK_PLAIN, words_ms(row ? stats_max_ms(row) : NAN, text), 7);
	page_right(page, group->status == GROUP_NORMAL ? INK_DIM : INK_RED, group_status_names[group->status], 9);
	page_end_line(page);
	return few;
}

void text_worst_groups(struct page *page, const struct digest *digest)
{
	char count[WORDS_MAX], remark[2 * WORDS_MAX];
	_Bool marked = 0;

	if (digest->group_count == 0)
		return;
	snprintf(remark, sizeof(remark), "of %s, by failures, then p95 of the response time in ms",
	         units_format_count(digest->group_count, count, sizeof(count)));
	page_heading(page, "WORST GROUPS", remark);
	page_blanks(page, 2);
	page_left(page, INK_DIM, "group", 14);
	page_left(page, INK_DIM, "step", 10);
	page_right(page, INK_DIM, "count", 8);
	page_right(page, INK_DIM, "ok %", 8);
	page_right(page, INK_DIM, "min", 7);
	page_right(page, INK_DIM, "mean", 7);
	page_right(page, INK_DIM, "p95", 7);
	page_right(page, INK_DIM, "max", 8);
	page_right(page, INK_DIM, "status", 9);
	page_end_line(page);
	for (uint32_t i = 0; i < digest->group_count && i < WORST_GROUPS; i++)
		marked |= put_group(page, digest->worst[i]);
	if (marked)
		put_few_samples(page);
}

static void put_error(struct page *page, const struct digest_error *error)
{
	char first[WORDS_MAX], last[WORDS_MAX], when[2 * WORDS_MAX + 4];
	cleanup_buffer struct buffer what = {0};
	const char *text;

	snprintf(when, sizeof(when), "%s-%s", words_second(error->first_s, first), words_second(error->last_s, last));
	buffer_append_format(&what, "%s%s%s", error->code, error->code[0] ? " " : "", error->text ? error->text : "");
	text = buffer_text(&what);
	page_blanks(page, 2);
	page_left(page, INK_PLAIN, error_class_names[error->class], 13);
	page_left(page, INK_DIM, text ? text : "", 38);
	put_count(page, INK_RED, error->count, 11);
	page_right(page, INK_DIM, error->first_s == error->last_s ? first : when, 16);
	page_end_line(page);
}

void text_errors(struct page *page, const struct digest *digest)
{
	if (digest->error_count == 0)
		return;
	page_heading(page, "ERRORS", "");
	page_blanks(page, 2);
	page_left(page, INK_DIM, "class", 13);
	page_left(page, INK_DIM, "code and text", 38);
	page_right(page, INK_DIM, "count", 11);
	page_right(page, INK_DIM, "when", 16);
	page_end_line(page);
	for (uint32_t i = 0; i < digest->error_count && i < ERRORS_SHOWN; i++)
		put_error(page, &digest->errors[i]);
	if (digest->error_count > ERRORS_SHOWN) {
		char more[WORDS_MAX];

		snprintf(more, sizeof(more), "and %" PRIu32 " more, in summary.json",
		         digest->error_count - ERRORS_SHOWN);
		page_blanks(page, 2);
		page_text(page, INK_DIM, more);
		page_end_line(page);
	}
}
