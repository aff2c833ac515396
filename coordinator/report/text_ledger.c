/* SPDX-License-Identifier: Apache-2.0 */
/* The account of messages, and what was read of the targets, in 80 columns. */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "coordinator/report/text_tables.h"
#include "coordinator/report/words.h"

enum {
	TOPIC_COLUMNS = 24, /* with its indent */
	MISSING_SHOWN = 5,  /* of a topic */
	GAUGE_COLUMNS = 36, /* with its indent */
	FIGURE_COLUMNS = 11,
	LABELS_SHOWN = 6, /* of a metric: the greatest ones */
};

static void put_count(struct page *page, enum ink ink, uint64_t count, size_t width)
{
	char text[WORDS_MAX];

	page_right(page, count ? ink : INK_PLAIN, units_format_count(count, text, sizeof(text)), width);
}

/* A name of its own line where it doesn't fit before the figures. */
static void put_name(struct page *page, size_t indent, const char *name, size_t width)
{
	page_blanks(page, indent);
	if (text_width(name) >= width - indent) {
		page_left(page, INK_PLAIN, name, PAGE_COLUMNS - indent);
		page_end_line(page);
		page_blanks(page, width);
		return;
	}
	page_left(page, INK_PLAIN, name, width - indent);
}

static void put_remark(struct page *page, enum ink ink, struct buffer *text)
{
	const char *words = buffer_text(text);

	page_blanks(page, 6);
	page_wrap(page, ink, words ? words : "");
}

static void put_missing(struct page *page, const struct report_ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->missing_count && i < MISSING_SHOWN; i++) {
		cleanup_buffer struct buffer words = {0};

		if (i == 0) {
			page_blanks(page, 6);
			page_wrap(page, INK_RED, "the first that were lost:");
		}
		words_missing(&ledger->missing[i], &words);
		put_remark(page, INK_RED, &words);
	}
	if (ledger->missing_count > MISSING_SHOWN) {
		cleanup_buffer struct buffer words = {0};

		buffer_append_format(&words, "summary.json names the first %" PRIu32, ledger->missing_count);
		put_remark(page, INK_DIM, &words);
	}
}

static void put_topic(struct page *page, const struct report_ledger *ledger)
{
	cleanup_buffer struct buffer name = {0}, words = {0};
	const struct ledger_counts *counts = &ledger->counts;
	const char *text;

	buffer_append_format(&name, "%s %s", ledger->target, ledger->topic);
	text = buffer_text(&name);
	put_name(page, 2, text ? text : "", TOPIC_COLUMNS);
	put_count(page, INK_PLAIN, counts->acked, 13);
	put_count(page, INK_PLAIN, counts->seen, 13);
	put_count(page, INK_RED, counts->lost, 9);
	put_count(page, INK_YELLOW, counts->duplicated, 11);
	put_count(page, INK_YELLOW, counts->reordered, 10);
	page_end_line(page);
	words_ledger(ledger, &words);
	put_remark(page, ledger->problem[0] ? INK_RED : INK_DIM, &words);
	put_missing(page, ledger);
}

void text_ledger(struct page *page, const struct report *report)
{
	if (report->ledger_count == 0)
		return;
	page_heading(page, "LEDGER", "every message, warm-up included");
	page_blanks(page, TOPIC_COLUMNS);
	page_right(page, INK_DIM, "acknowledged", 13);
	page_right(page, INK_DIM, "seen", 13);
	page_right(page, INK_DIM, "lost", 9);
	page_right(page, INK_DIM, "duplicated", 11);
	page_right(page, INK_DIM, "reordered", 10);
	page_end_line(page);
	for (uint32_t i = 0; i < report->ledger_count; i++)
		put_topic(page, &report->ledger[i]);
}

/* Gauges. */

static void put_gauge(struct page *page, size_t indent, const char *name, const struct gauge *gauge)
{
	const double figures[] = {gauge->last, gauge->min, gauge->sum / (double)gauge->count, gauge->max};

	put_name(page, indent, name, GAUGE_COLUMNS);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		char text[WORDS_MAX];

		page_right(page, INK_PLAIN, words_gauge(figures[i], text), FIGURE_COLUMNS);
	}
	page_end_line(page);
}

/* All labels of a metric, below its name; or the one row of a metric without labels. */
static void put_metric(struct page *page, const struct report_row *const *rows, uint32_t count)
{
	const struct metric *metric = &metrics[rows[0]->metric];
	uint32_t shown = count < LABELS_SHOWN + 1 ? count : LABELS_SHOWN + 1;
	cleanup_buffer struct buffer name = {0};
	const char *text;

	buffer_append_format(&name, "%s, %s", metric->name, metric->unit);
	text = buffer_text(&name);
	if (rows[0]->label[0] == '\0') {
		put_gauge(page, 2, text ? text : "", &rows[0]->cell.gauge);
	} else {
		page_blanks(page, 2);
		page_text(page, INK_PLAIN, text ? text : "");
		page_end_line(page);
	}
	for (uint32_t i = rows[0]->label[0] == '\0'; i < shown; i++)
		put_gauge(page, 4, rows[i]->label, &rows[i]->cell.gauge);
	if (count > shown) {
		char more[WORDS_MAX];

		snprintf(more, sizeof(more), "and %" PRIu32 " more, in summary.json", count - shown);
		page_blanks(page, 4);
		page_text(page, INK_DIM, more);
		page_end_line(page);
	}
}

void text_gauges(struct page *page, const struct digest *digest)
{
	if (digest->gauge_count == 0)
		return;
	page_heading(page, "READINGS", "over the seconds; of labels the greatest");
	page_blanks(page, GAUGE_COLUMNS);
	page_right(page, INK_DIM, "last", FIGURE_COLUMNS);
	page_right(page, INK_DIM, "min", FIGURE_COLUMNS);
	page_right(page, INK_DIM, "avg", FIGURE_COLUMNS);
	page_right(page, INK_DIM, "max", FIGURE_COLUMNS);
	page_end_line(page);
	for (uint32_t from = 0; from < digest->gauge_count;) {
		uint32_t count = digest_gauge_labels(digest, from);

		put_metric(page, digest->gauges + from, count);
		from += count;
	}
}
