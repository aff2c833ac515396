/* SPDX-License-Identifier: Apache-2.0 */
/* junit.xml: a testcase a threshold, so that a CI server shows which one failed and what was seen. Coverage and trust
 * are properties. */
#include <inttypes.h>

#include "coordinator/report/words.h"
#include "coordinator/report/writers.h"

static void put_property(struct buffer *buffer, const char *name, const char *value)
{
	buffer_append_text(buffer, "      <property name=\"");
	words_append_escaped(buffer, name);
	buffer_append_text(buffer, "\" value=\"");
	words_append_escaped(buffer, value ? value : "");
	buffer_append_text(buffer, "\"/>\n");
}

static void put_properties(struct buffer *buffer, const struct report *report)
{
	cleanup_buffer struct buffer coverage = {0}, trust = {0};

	words_coverage(report, &coverage);
	words_trust(report, &trust);
	buffer_append_text(buffer, "    <properties>\n");
	put_property(buffer, "run", report->id);
	put_property(buffer, "stampede", report->version);
	put_property(buffer, "plan_sha256", report->plan_sha256);
	put_property(buffer, "coverage", buffer_text(&coverage));
	put_property(buffer, "trust", buffer_text(&trust));
	if (report->ended_by[0])
		put_property(buffer, "ended_by", report->ended_by);
	for (uint32_t i = 0; i < report->tags.count; i++)
		put_property(buffer, report->tags.items[i].name, report->tags.items[i].value);
	buffer_append_text(buffer, "    </properties>\n");
}

static void put_case(struct buffer *buffer, const struct report *report, const struct report_threshold *threshold)
{
	char observed[WORDS_MAX];

	words_observed(threshold, observed);
	buffer_append_text(buffer, "    <testcase classname=\"");
	words_append_escaped(buffer, report->name);
	buffer_append_text(buffer, "\" name=\"");
	words_append_escaped(buffer, threshold->metric);
	buffer_append_text(buffer, ": ");
	words_append_escaped(buffer, threshold->expression);
	buffer_append_format(buffer, "\" time=\"%.3f\">\n", report->duration_s);
	if (!threshold->pass) {
		buffer_append_format(buffer, "      <failure type=\"threshold\" message=\"observed %s\">", observed);
		words_append_escaped(buffer, threshold->metric);
		buffer_append_text(buffer, ": ");
		words_append_escaped(buffer, threshold->expression);
		buffer_append_format(buffer, " does not hold: observed %s", observed);
		if (threshold->aborted)
			buffer_append_format(buffer, "; it ended the run at %.3f s", threshold->aborted_at_s);
		buffer_append_text(buffer, "</failure>\n");
	}
	buffer_append_format(buffer, "      <system-out>observed %s%s</system-out>\n    </testcase>\n", observed,
	                     threshold->few_samples ? " (of few samples)" : "");
}

int write_junit(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	uint32_t failed = 0;

	(void)style;
	for (uint32_t i = 0; i < report->threshold_count; i++)
		failed += !report->thresholds[i].pass;
	buffer_append_text(buffer, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buffer_append_format(buffer, "<testsuites tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"0\">\n",
	                     report->threshold_count, failed);
	buffer_append_text(buffer, "  <testsuite name=\"");
	words_append_escaped(buffer, report->name);
	buffer_append_format(buffer, "\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"0\" skipped=\"0\" ",
	                     report->threshold_count, failed);
	buffer_append_format(buffer, "time=\"%.3f\" timestamp=\"", report->duration_s);
	words_append_escaped(buffer, report->started_at);
	buffer_append_text(buffer, "\">\n");
	put_properties(buffer, report);
	for (uint32_t i = 0; i < report->threshold_count; i++)
		put_case(buffer, report, &report->thresholds[i]);
	return buffer_append_text(buffer, "  </testsuite>\n</testsuites>\n");
}
