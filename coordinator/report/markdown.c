/* SPDX-License-Identifier: Apache-2.0 */
/* report.md: GitHub-flavoured, for an issue or a pull request. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/units.h"
#include "coordinator/report/digest.h"
#include "coordinator/report/stats.h"
#include "coordinator/report/words.h"
#include "coordinator/report/writers.h"

enum { GROUPS_SHOWN = 20, ERRORS_SHOWN = 30, LABELS_SHOWN = 20 };

/* What Markdown or HTML would take for markup is escaped; a cell has no line ends. */
static void put(struct buffer *buffer, const char *text)
{
	cleanup_buffer struct buffer clean = {0};
	const char *at;

	words_append_clean(&clean, text);
	at = buffer_text(&clean);
	for (; at && *at; at++) {
		if (strchr("\\`*_[]|~#", *at))
			buffer_append_byte(buffer, '\\');
		if (*at == '<')
			buffer_append_text(buffer, "&lt;");
		else if (*at == '&')
			buffer_append_text(buffer, "&amp;");
		else
			buffer_append_byte(buffer, (uint8_t)*at);
	}
}

static void put_cell(struct buffer *buffer, const char *text)
{
	buffer_append_byte(buffer, ' ');
	put(buffer, text);
	buffer_append_text(buffer, " |");
}

static void put_count(struct buffer *buffer, uint64_t count)
{
	char text[WORDS_MAX];

	put_cell(buffer, units_format_count(count, text, sizeof(text)));
}

static void put_ms(struct buffer *buffer, double ms)
{
	char text[WORDS_MAX];

	put_cell(buffer, words_ms(ms, text));
}

/* With an asterisk where it rests on few samples. */
static void put_percentile(struct buffer *buffer, const struct report_row *row, double percentile)
{
	uint64_t count = row ? stats_count(row) : 0;
	char text[WORDS_MAX], cell[WORDS_MAX + 2];

	words_ms(row ? report_percentile_ms(row, percentile) : NAN, text);
	snprintf(cell, sizeof(cell), "%s%s", text, count > 0 && histogram_few_samples(count, percentile) ? "*" : "");
	put_cell(buffer, cell);
}

static void put_head(struct buffer *buffer, const struct report *report)
{
	char text[WORDS_MAX];

	buffer_append_text(buffer, "# ");
	put(buffer, report->name[0] ? report->name : report->id);
	buffer_append_text(buffer, "\n\n");
	put(buffer, report->started_at);
	buffer_append_format(buffer, ", %s", words_duration(report->duration_s, text));
	if (report->warmup_s > 0)
		buffer_append_format(buffer, " (%s of it warm-up)", words_duration(report->warmup_s, text));
	buffer_append_format(buffer, ", %" PRIu32 " agents\n\n", report->agents_took_part);
	if (report->ended_by[0]) {
		buffer_append_text(buffer, "**Ended early:** ");
		put(buffer, report->ended_by);
		buffer_append_text(buffer, "\n\n");
	}
}

static void put_figures(struct buffer *buffer, const struct figures *figures)
{
	char text[WORDS_MAX];

	buffer_append_text(buffer, "| Total | Succeeded | Failed | Success % | Mean per s | Peak per s |\n"
	                           "|---:|---:|---:|---:|---:|---:|\n|");
	put_count(buffer, figures->total);
	put_count(buffer, figures->succeeded);
	put_count(buffer, figures->failed);
	put_cell(buffer, words_percent(figures->succeeded, figures->total, text));
	put_cell(buffer, words_rate(figures->mean_per_s, text));
	put_cell(buffer, words_rate(figures->peak_per_s, text));
	buffer_append_text(buffer, "\n");
}

static void put_thresholds(struct buffer *buffer, const struct report *report)
{
	if (report->threshold_count == 0)
		return;
	buffer_append_text(buffer, "\n## Thresholds\n\n|   | Metric | Expression | Observed |\n|---|---|---|---:|\n");
	for (uint32_t i = 0; i < report->threshold_count; i++) {
		const struct report_threshold *threshold = &report->thresholds[i];
		char observed[WORDS_MAX];

		buffer_append_text(buffer, threshold->pass ? "| ✅ pass |" : "| ❌ **fail** |");
		put_cell(buffer, threshold->metric);
		put_cell(buffer, threshold->expression);
		buffer_append_byte(buffer, ' ');
		put(buffer, words_observed(threshold, observed));
		buffer_append_format(buffer, "%s%s |\n", threshold->few_samples ? " (few samples)" : "",
		                     threshold->aborted ? ", ended the run" : "");
	}
}

static void put_entry(struct buffer *buffer, const struct digest_entry *entry, const char *name)
{
	const struct report_row *response = entry->response;
	char text[WORDS_MAX];

	buffer_append_text(buffer, "|");
	put_cell(buffer, entry->scenario);
	put_cell(buffer, entry->step);
	if (name)
		put_cell(buffer, name);
	put_cell(buffer, words_load(entry->load));
	put_count(buffer, entry->count);
	put_count(buffer, entry->failed);
	put_cell(buffer, words_percent(entry->count - entry->failed, entry->count, text));
	put_cell(buffer, words_rate(entry->per_s, text));
	put_ms(buffer, response ? stats_mean_ms(response) : NAN);
	put_percentile(buffer, response, 50);
	put_percentile(buffer, response, 95);
	put_percentile(buffer, response, 99);
	put_ms(buffer, response ? stats_max_ms(response) : NAN);
	if (name) {
		put_ms(buffer, response ? stats_min_ms(response) : NAN);
		put_cell(buffer, group_status_names[entry->status]);
	}
	buffer_append_text(buffer, "\n");
}

static void put_steps(struct buffer *buffer, const struct digest *digest)
{
	if (digest->step_count == 0)
		return;
	buffer_append_text(
	        buffer,
	        "\n## Steps\n\nTimes are response times in ms, of consumers end-to-end latencies; \\* rests on few "
	        "samples.\n\n"
	        "| Scenario | Step | Load | Count | Failed | Success % | Per s | Mean | p50 | p95 | p99 | Max |\n"
	        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	for (uint32_t i = 0; i < digest->step_count; i++)
		if (!digest->steps[i].is_warmup)
			put_entry(buffer, &digest->steps[i], NULL);
}

static void put_groups(struct buffer *buffer, const struct digest *digest)
{
	if (digest->group_count == 0)
		return;
	buffer_append_format(
	        buffer,
	        "\n## Worst groups\n\nOf %" PRIu32 ", by failures, then p95 of the response time.\n\n"
	        "| Scenario | Step | Group | Load | Count | Failed | Success %% | Per s | Mean | p50 | p95 | "
	        "p99 | Max | Min | Status |\n|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
	        digest->group_count);
	for (uint32_t i = 0; i < digest->group_count && i < GROUPS_SHOWN; i++)
		put_entry(buffer, digest->worst[i], digest->worst[i]->group);
}

static void put_errors(struct buffer *buffer, const struct digest *digest)
{
	if (digest->error_count == 0)
		return;
	buffer_append_text(buffer, "\n## Errors\n\n| Class | Code | Text | Count | First | Last |\n"
	                           "|---|---|---|---:|---:|---:|\n");
	for (uint32_t i = 0; i < digest->error_count && i < ERRORS_SHOWN; i++) {
		const struct digest_error *error = &digest->errors[i];
		char text[WORDS_MAX];

		buffer_append_text(buffer, "|");
		put_cell(buffer, error_class_names[error->class]);
		put_cell(buffer, error->code);
		put_cell(buffer, error->text ? error->text : "");
		put_count(buffer, error->count);
		put_cell(buffer, words_second(error->first_s, text));
		put_cell(buffer, words_second(error->last_s, text));
		buffer_append_text(buffer, "\n");
	}
}

static void put_topic(struct buffer *buffer, const struct report_ledger *ledger)
{
	const struct ledger_counts *counts = &ledger->counts;
	cleanup_buffer struct buffer words = {0};
	const char *text;

	buffer_append_text(buffer, "|");
	put_cell(buffer, ledger->target);
	put_cell(buffer, ledger->topic);
	put_count(buffer, counts->acked);
	put_count(buffer, counts->seen);
	put_count(buffer, counts->lost);
	put_count(buffer, counts->duplicated);
	put_count(buffer, counts->reordered);
	words_ledger(ledger, &words);
	text = buffer_text(&words);
	put_cell(buffer, text ? text : "");
	buffer_append_text(buffer, "\n");
}

static void put_missing(struct buffer *buffer, const struct report_ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->missing_count; i++) {
		cleanup_buffer struct buffer words = {0};
		const char *text;

		words_missing(&ledger->missing[i], &words);
		text = buffer_text(&words);
		buffer_append_text(buffer, i ? "- " : "\nThe first lost of ");
		if (i == 0) {
			put(buffer, ledger->topic);
			buffer_append_text(buffer, ":\n\n- ");
		}
		put(buffer, text ? text : "");
		buffer_append_text(buffer, "\n");
	}
}

static void put_ledger(struct buffer *buffer, const struct report *report)
{
	if (report->ledger_count == 0)
		return;
	buffer_append_text(buffer, "\n## Ledger\n\nEvery message, warm-up included.\n\n"
	                           "| Target | Topic | Acknowledged | Seen | Lost | Duplicated | Reordered | |\n"
	                           "|---|---|---:|---:|---:|---:|---:|---|\n");
	for (uint32_t i = 0; i < report->ledger_count; i++)
		put_topic(buffer, &report->ledger[i]);
	for (uint32_t i = 0; i < report->ledger_count; i++)
		put_missing(buffer, &report->ledger[i]);
}

static void put_gauge(struct buffer *buffer, const struct report_row *row)
{
	const struct gauge *gauge = &row->cell.gauge;
	const double figures[] = {gauge->last, gauge->min, gauge->sum / (double)gauge->count, gauge->max};

	buffer_append_text(buffer, "|");
	put_cell(buffer, metrics[row->metric].name);
	put_cell(buffer, row->label);
	put_cell(buffer, metrics[row->metric].unit);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		char text[WORDS_MAX];

		put_cell(buffer, words_gauge(figures[i], text));
	}
	buffer_append_text(buffer, "\n");
}

/* Of each metric the greatest labels. */
static void put_gauges(struct buffer *buffer, const struct digest *digest)
{
	if (digest->gauge_count == 0)
		return;
	buffer_append_text(buffer, "\n## Readings\n\n| Metric | Label | Unit | Last | Min | Avg | Max |\n"
	                           "|---|---|---|---:|---:|---:|---:|\n");
	for (uint32_t from = 0; from < digest->gauge_count;) {
		uint32_t count = digest_gauge_labels(digest, from);

		for (uint32_t i = 0; i < count && i <= LABELS_SHOWN; i++)
			put_gauge(buffer, digest->gauges[from + i]);
		from += count;
	}
}

static void put_item(struct buffer *buffer, const char *name, struct buffer *text)
{
	const char *clean = buffer_text(text);

	buffer_append_format(buffer, "- **%s** ", name);
	put(buffer, clean ? clean : "");
	buffer_append_text(buffer, "\n");
}

static void put_lines(struct buffer *buffer, const struct report *report)
{
	cleanup_buffer struct buffer drops = {0}, coverage = {0}, trust = {0};

	words_drops(report, &drops);
	words_coverage(report, &coverage);
	words_trust(report, &trust);
	buffer_append_text(buffer, "\n## Can these numbers be relied on?\n\n");
	put_item(buffer, "Dropped:", &drops);
	put_item(buffer, "Coverage:", &coverage);
	put_item(buffer, "Trust:", &trust);
	for (uint32_t i = 0; i < report->notes.count; i++) {
		cleanup_buffer struct buffer note = {0};

		buffer_append_text(&note, report->notes.items[i].value);
		put_item(buffer, "Note:", &note);
	}
}

int write_markdown(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	cleanup(digest_deinit) struct digest digest = {0};
	int r = digest_init(&digest, report);

	(void)style;
	if (r < 0)
		return r;
	put_head(buffer, report);
	put_figures(buffer, &digest.figures);
	put_thresholds(buffer, report);
	put_steps(buffer, &digest);
	put_groups(buffer, &digest);
	put_ledger(buffer, report);
	put_gauges(buffer, &digest);
	put_errors(buffer, &digest);
	put_lines(buffer, report);
	buffer_append_text(buffer, "\nstampede ");
	put(buffer, report->version);
	buffer_append_format(buffer, ", plan `%.12s`\n", report->plan_sha256);
	return buffer->failed;
}
