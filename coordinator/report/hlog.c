/* SPDX-License-Identifier: Apache-2.0 */
/* latency.hlog: HdrHistogram's log format 1.3, one histogram of the whole measured span a tag, values in us.
 *
 * HdrHistogram's readers split a line at blanks and commas and know no quotes, so in a tag's names these, '|' and '%'
 * are written as %XX. */
#include <inttypes.h>
#include <string.h>

#include "coordinator/report/stats.h"
#include "coordinator/report/writers.h"

static void put_name(struct buffer *buffer, const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c <= ' ' || c == 0x7f || strchr(",|%", *name))
			buffer_append_format(buffer, "%%%02X", c);
		else
			buffer_append_byte(buffer, c);
	}
}

static int put_histogram(struct buffer *buffer, const struct report *report, const struct report_row *row)
{
	const struct histogram *histogram = row->cell.latency.histogram;
	int r;

	buffer_append_format(buffer, "Tag=%s|", metrics[row->metric].name);
	put_name(buffer, row->scenario);
	buffer_append_byte(buffer, '|');
	put_name(buffer, row->step);
	buffer_append_format(buffer, ",%.3f,%.3f,%" PRIu64 ".000,", report->warmup_s, report->measured_s,
	                     histogram_max_us(histogram));
	r = histogram_encode_hlog(histogram, buffer);
	return r < 0 ? r : buffer_append_byte(buffer, '\n');
}

int write_hlog(const struct report *report, const struct report_style *style, struct buffer *buffer)
{
	int64_t started_ms = report->t0_unix_ns / 1000000; /* as HdrHistogram's readers take it */
	double started_s = (double)started_ms / 1000;

	(void)style;
	buffer_append_text(buffer, "#[Histogram log format version 1.3]\n");
	buffer_append_format(buffer, "#[StartTime: %.3f (seconds since epoch), %s]\n", started_s, report->started_at);
	buffer_append_format(buffer, "#[BaseTime: %.3f (seconds since epoch)]\n", started_s);
	buffer_append_text(buffer, "#[Values and Interval_Max are microseconds; tags are <metric>|<scenario>|<step>]\n"
	                           "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
	                           "\"Interval_Compressed_Histogram\"\n");
	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		int r;

		if (metrics[row->metric].kind != METRIC_LATENCY || row->group[0] || row->label[0] ||
		    stats_count(row) == 0)
			continue;
		r = put_histogram(buffer, report, row);
		if (r < 0)
			return r;
	}
	return buffer->failed;
}
