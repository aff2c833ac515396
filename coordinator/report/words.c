/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times and names of a report as people read them. */
#include "coordinator/report/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/units.h"

char *words_ms(double ms, char text[WORDS_MAX])
{
	int decimals = ms < 9.9995 ? 3 : ms < 99.995 ? 2 : ms < 999.95 ? 1 : 0;

	if (isnan(ms))
		snprintf(text, WORDS_MAX, "-");
	else
		snprintf(text, WORDS_MAX, "%.*f", decimals, ms);
	return text;
}

char *words_rate(double per_s, char text[WORDS_MAX])
{
	double thousandths = round(per_s * 1000);
	char whole[WORDS_MAX / 2];

	if (!(thousandths >= 0 && thousandths < 1e18)) {
		snprintf(text, WORDS_MAX, "-");
		return text;
	}
	units_format_count((uint64_t)thousandths / 1000, whole, sizeof(whole));
	snprintf(text, WORDS_MAX, "%s.%03" PRIu64, whole, (uint64_t)thousandths % 1000);
	return text;
}

char *words_percent(uint64_t part, uint64_t total, char text[WORDS_MAX])
{
	double percent = total ? 100.0 * (double)part / (double)total : NAN;

	if (part > 0 && percent < 0.001)
		percent = 0.001;
	if (part < total && percent > 99.999)
		percent = 99.999;
	if (total)
		snprintf(text, WORDS_MAX, "%.3f", percent);
	else
		snprintf(text, WORDS_MAX, "-");
	return text;
}

char *words_second(uint64_t second, char text[WORDS_MAX])
{
	if (second < 3600)
		snprintf(text, WORDS_MAX, "%" PRIu64 ":%02" PRIu64, second / 60, second % 60);
	else
		snprintf(text, WORDS_MAX, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, second / 3600, second / 60 % 60,
		         second % 60);
	return text;
}

char *words_duration(double seconds, char text[WORDS_MAX])
{
	/* From ten seconds on nobody reads the milliseconds. */
	uint64_t ms = seconds < 0    ? 0
	              : seconds < 10 ? (uint64_t)llround(seconds * 1000)
	                             : (uint64_t)llround(seconds) * 1000;

	return units_format_duration(ms * NS_PER_MS, text, WORDS_MAX);
}

char *words_observed(const struct report_threshold *threshold, char text[WORDS_MAX])
{
	if (threshold->no_data || isnan(threshold->observed))
		snprintf(text, WORDS_MAX, "no data");
	else if (threshold->kind == METRIC_LATENCY)
		snprintf(text, WORDS_MAX, "%.3f ms", threshold->observed);
	else if (threshold->kind == METRIC_RATE)
		snprintf(text, WORDS_MAX, "%.6g", threshold->observed);
	else if (threshold->observed == floor(threshold->observed))
		snprintf(text, WORDS_MAX, "%.0f", threshold->observed);
	else
		snprintf(text, WORDS_MAX, "%.3f", threshold->observed);
	return text;
}

const char *words_load(enum load load)
{
	static const char *const names[] = {
	        [LOAD_NONE] = "", [LOAD_OPEN] = "open", [LOAD_CLOSED] = "closed", [LOAD_MIXED] = "mixed"};

	return names[load];
}

char *words_gauge(double value, char text[WORDS_MAX])
{
	if (value >= 0 && value < 1e18 && value == floor(value))
		return units_format_count((uint64_t)value, text, WORDS_MAX);
	return words_ms(value, text);
}

static int append_count(struct buffer *buffer, const char *before, uint64_t count, const char *after)
{
	char text[WORDS_MAX];

	return buffer_append_format(buffer, "%s%s%s", before, units_format_count(count, text, sizeof(text)), after);
}

int words_coverage(const struct report *report, struct buffer *buffer)
{
	const struct tally *tally = &report->tally;

	buffer_append_text(buffer, report->complete ? "complete: " : "INCOMPLETE: ");
	append_count(buffer, "", report->agent_seconds_held, " of ");
	append_count(buffer, "", report->agent_seconds_due, " agent-seconds from ");
	append_count(buffer, "", report->agents_took_part, " of ");
	append_count(buffer, "", report->agent_count, " agents; planned ");
	append_count(buffer, "", tally->planned, " = started ");
	append_count(buffer, "", tally->started, " + dropped ");
	append_count(buffer, "", tally_dropped(tally), " + unknown ");
	append_count(buffer, "", report->unknown, "; started = succeeded ");
	append_count(buffer, "", tally->succeeded, " + failed ");
	append_count(buffer, "", tally->failed, " + interrupted ");
	append_count(buffer, "", tally->interrupted, "");
	if (report->overlap > 0)
		append_count(buffer, "; overlap ", report->overlap, " (besides those planned)");
	for (uint32_t i = 0; i < report->ledger_count; i++)
		if (report->ledger[i].problem[0])
			buffer_append_format(buffer, "; the messages to %s are NOT all accounted for",
			                     report->ledger[i].topic);
	if (!report->sum_equals_total)
		buffer_append_text(buffer, "; the sum of the seconds does NOT equal the agents' own totals");
	return buffer->failed;
}

int words_trust(const struct report *report, struct buffer *buffer)
{
	uint32_t broken = 0;

	if (report->trusted)
		return buffer_append_format(buffer, "trusted: all %u checks hold", report->trust_count);
	buffer_append_text(buffer, "SUSPECT");
	for (uint32_t i = 0; i < report->trust_count; i++) {
		const struct report_trust *trust = &report->trust[i];

		if (!trust->ok)
			buffer_append_format(buffer, "%s%s %s (limit %s)", broken++ ? "; " : ": ", trust->check,
			                     trust->value, trust->limit);
	}
	return buffer->failed;
}

int words_drops(const struct report *report, struct buffer *buffer)
{
	const char *between = " (";

	if (tally_dropped(&report->tally) == 0)
		return buffer_append_text(buffer, "none");
	append_count(buffer, "", tally_dropped(&report->tally), "");
	for (int i = 0; i < DROP_REASON_COUNT; i++) {
		if (report->tally.dropped[i] == 0)
			continue;
		buffer_append_format(buffer, "%s%s ", between, drop_reason_names[i]);
		append_count(buffer, "", report->tally.dropped[i], "");
		between = ", ";
	}
	return buffer_append_text(buffer, ")");
}

static int append_if(struct buffer *buffer, const char *before, uint64_t count)
{
	return count > 0 ? append_count(buffer, before, count, "") : 0;
}

int words_ledger(const struct report_ledger *ledger, struct buffer *buffer)
{
	const struct ledger_counts *counts = &ledger->counts;
	const char *plural = counts->partitions == 1 ? "" : "s";

	if (counts->partitions == 0) {
		buffer_append_text(buffer, "no partition was read");
	} else if (counts->partitions_unread == 0) {
		append_count(buffer, "", counts->partitions, " partition");
		buffer_append_format(buffer, "%s read to the end", plural);
	} else {
		append_count(buffer, "", counts->partitions_unread, " of ");
		append_count(buffer, "", counts->partitions, " partition");
		buffer_append_format(buffer, "%s NOT read to the end", plural);
		append_if(buffer, ", nothing is known of acknowledged ", counts->unread);
	}
	if (counts->aborted > 0 || counts->aborted_visible > 0) {
		append_count(buffer, "; aborted ", counts->aborted, "");
		append_count(buffer, ", of them visible ", counts->aborted_visible, "");
	}
	append_if(buffer, "; reported as failed ", counts->failed);
	append_if(buffer, "; visible but never acknowledged ", counts->unacked_visible);
	append_if(buffer, "; other messages ", counts->foreign);
	append_if(buffer, "; damaged ", counts->damaged);
	if (ledger->problem[0])
		buffer_append_format(buffer, "; %s", ledger->problem);
	return buffer->failed;
}

int words_missing(const struct report_missing *missing, struct buffer *buffer)
{
	char second[WORDS_MAX];

	buffer_append_text(buffer, missing->agent);
	append_count(buffer, ", producer ", missing->producer, "");
	buffer_append_format(buffer, ", partition %" PRIu32, missing->partition);
	append_count(buffer, ", sequence ", missing->sequence, "");
	return buffer_append_format(buffer, ", acknowledged at %s", words_second(missing->second, second));
}

/* The length of the well-formed character at text, or 0. */
static size_t character_length(const char *text)
{
	size_t left = strnlen(text, 4);

	for (size_t length = 1; length <= left; length++)
		if (text_is_utf8(text, length))
			return length;
	return 0;
}

static int append_with(struct buffer *buffer, const char *text, const char *(*escape)(char c))
{
	while (*text) {
		size_t length = character_length(text);
		const char *escaped = length == 1 && escape ? escape(*text) : NULL;

		if (length == 0)
			buffer_append_text(buffer, "\xef\xbf\xbd");
		else if (length == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f))
			buffer_append_text(buffer, " ");
		else if (escaped)
			buffer_append_text(buffer, escaped);
		else
			buffer_append(buffer, text, length);
		text += length ? length : 1;
	}
	return buffer->failed;
}

int words_append_clean(struct buffer *buffer, const char *text)
{
	return append_with(buffer, text, NULL);
}

static const char *escape_markup(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

int words_append_escaped(struct buffer *buffer, const char *text)
{
	return append_with(buffer, text, escape_markup);
}
