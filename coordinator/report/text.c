/* SPDX-License-Identifier: Apache-2.0 */
/* The report in 80 columns, for the terminal: the verdict's figures first, then what explains them. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/units.h"
#include "coordinator/report/digest.h"
#include "coordinator/report/page.h"
#include "coordinator/report/text_tables.h"
#include "coordinator/report/words.h"
#include "coordinator/report/writers.h"

enum { LABEL_COLUMNS = 11 }; /* "succeeded  " */

static void append_title(struct page *page, const struct report *report)
{
	cleanup_buffer struct buffer title = {0};
	char text[WORDS_MAX];
	const char *line;

	page_wrap(page, INK_BOLD, report->name[0] ? report->name : report->id);
	buffer_append_format(&title, "%s, %s", report->started_at, words_duration(report->duration_s, text));
	if (report->warmup_s > 0)
		buffer_append_format(&title, " (%s of it warm-up)", words_duration(report->warmup_s, text));
	buffer_append_format(&title, ", %" PRIu32 " agent%s", report->agents_took_part,
	                     report->agents_took_part == 1 ? "" : "s");
	line = buffer_text(&title);
	page_wrap(page, INK_DIM, line ? line : "");
	if (report->ended_by[0]) {
		page_text(page, INK_YELLOW, "ended early: ");
		page_wrap(page, INK_YELLOW, report->ended_by);
	}
}

static void append_figure(struct page *page, enum ink ink, const char *name, const char *value, const char *remark)
{
	page_blanks(page, 2);
	page_left(page, INK_PLAIN, name, LABEL_COLUMNS);
	page_right(page, ink, value, 16);
	if (remark[0]) {
		page_blanks(page, 2);
		page_text(page, INK_DIM, remark);
	}
	page_end_line(page);
}

static void append_share(struct page *page, enum ink ink, const char *name, uint64_t part, uint64_t total)
{
	char count[WORDS_MAX], percent[WORDS_MAX], remark[WORDS_MAX + 8];

	snprintf(remark, sizeof(remark), "%7s %%", words_percent(part, total, percent));
	append_figure(page, ink, name, units_format_count(part, count, sizeof(count)), total ? remark : "");
}

static void append_figures(struct page *page, const struct figures *figures)
{
	char text[WORDS_MAX], second[WORDS_MAX], remark[WORDS_MAX + 16];

	page_end_line(page);
	append_figure(page, INK_BOLD, "total", units_format_count(figures->total, text, sizeof(text)), "operations");
	append_share(page, INK_BOLD, "succeeded", figures->succeeded, figures->total);
	append_share(page, figures->failed ? INK_RED : INK_BOLD, "failed", figures->failed, figures->total);
	append_figure(page, INK_BOLD, "mean", words_rate(figures->mean_per_s, text), "per second");
	if (isnan(figures->peak_per_s))
		return;
	snprintf(remark, sizeof(remark), "per second, at %s", words_second(figures->peak_second, second));
	append_figure(page, INK_BOLD, "peak", words_rate(figures->peak_per_s, text), remark);
}

static void append_threshold(struct page *page, const struct report_threshold *threshold)
{
	char observed[WORDS_MAX], remark[WORDS_MAX];

	page_blanks(page, 4);
	page_text(page, threshold->pass ? INK_GREEN : INK_RED, threshold->pass ? "✓ " : "✗ ");
	page_left(page, threshold->pass ? INK_PLAIN : INK_RED, threshold->expression, 36);
	page_right(page, INK_BOLD, words_observed(threshold, observed), 16);
	page_text(page, INK_YELLOW, threshold->few_samples ? "*" : "");
	if (threshold->aborted) {
		snprintf(remark, sizeof(remark), " ended the run at %.0f s", threshold->aborted_at_s);
		page_text(page, INK_RED, remark);
	}
	page_end_line(page);
}

static void append_thresholds(struct page *page, const struct report *report)
{
	const char *metric = "";
	uint32_t passed = 0;
	char remark[WORDS_MAX];

	if (report->threshold_count == 0)
		return;
	for (uint32_t i = 0; i < report->threshold_count; i++)
		passed += report->thresholds[i].pass;
	snprintf(remark, sizeof(remark), "%" PRIu32 " of %" PRIu32 " pass", passed, report->threshold_count);
	page_heading(page, "THRESHOLDS", remark);
	for (uint32_t i = 0; i < report->threshold_count; i++) {
		const struct report_threshold *threshold = &report->thresholds[i];

		if (strcmp(metric, threshold->metric) != 0) {
			metric = threshold->metric;
			page_blanks(page, 2);
			page_left(page, INK_PLAIN, metric, PAGE_COLUMNS - 2);
			page_end_line(page);
		}
		append_threshold(page, threshold);
	}
}

/* A name and one sentence, which may go on below itself. */
static void append_sentence(struct page *page, enum ink ink, const char *name, const char *text)
{
	page_left(page, INK_BOLD, name, LABEL_COLUMNS);
	page_wrap(page, ink, text ? text : "");
}

static void append_lines(struct page *page, const struct report *report)
{
	cleanup_buffer struct buffer drops = {0}, coverage = {0}, trust = {0};

	words_drops(report, &drops);
	words_coverage(report, &coverage);
	words_trust(report, &trust);
	page_end_line(page);
	append_sentence(page, tally_dropped(&report->tally) ? INK_YELLOW : INK_PLAIN, "dropped", buffer_text(&drops));
	append_sentence(page, report->complete ? INK_PLAIN : INK_RED, "coverage", buffer_text(&coverage));
	append_sentence(page, report->trusted ? INK_PLAIN : INK_RED, "trust", buffer_text(&trust));
	for (uint32_t i = 0; i < report->notes.count; i++)
		append_sentence(page, INK_DIM, "note", report->notes.items[i].value);
}

static void append_foot(struct page *page, const struct report *report, const char *folder)
{
	char hash[20] = "";

	snprintf(hash, sizeof(hash), "%.12s", report->plan_sha256);
	page_end_line(page);
	if (folder) {
		page_left(page, INK_BOLD, "report", LABEL_COLUMNS);
		page_text(page, INK_PLAIN, folder);
		page_text(page, INK_PLAIN, "/report.html");
		page_end_line(page);
	}
	page_left(page, INK_DIM, "stampede", LABEL_COLUMNS);
	page_text(page, INK_DIM, report->version);
	page_text(page, INK_DIM, ", plan ");
	page_text(page, INK_DIM, hash);
	page_end_line(page);
}

int write_text(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	cleanup(digest_deinit) struct digest digest = {0};
	struct page page = {.buffer = buffer, .colour = style->colour};
	struct stats_columns columns;
	int r = digest_init(&digest, report);

	if (r < 0)
		return r;
	r = stats_parse_columns(style->trend, NULL, &columns);
	if (r == -EINVAL) /* the caller checked it; a report is worth more than a complaint */
		r = stats_parse_columns(NULL, NULL, &columns);
	if (r < 0)
		return r;
	append_title(&page, report);
	append_figures(&page, &digest.figures);
	append_thresholds(&page, report);
	text_operations(&page, report, &digest);
	text_times(&page, report, &digest, &columns);
	text_checks(&page, report);
	text_ledger(&page, report);
	text_gauges(&page, &digest);
	text_worst_groups(&page, &digest);
	text_errors(&page, &digest);
	append_lines(&page, report);
	append_foot(&page, report, style->run_folder);
	return buffer->failed;
}
