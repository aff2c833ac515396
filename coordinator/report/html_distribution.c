/* SPDX-License-Identifier: Apache-2.0 */
/* How response times are distributed, for report.html: a percentile curve a step, and exact counts of buckets. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "coordinator/report/html_data.h"
#include "coordinator/report/json_parts.h"
#include "coordinator/report/stats.h"

/* The curve's x is the number of nines: 1 is 90 %, 2 is 99 %. */
enum { POINTS_A_NINE = 12, NINES = 5 };

static double percentile_at(int point)
{
	return 100 - 100 * pow(10, -(double)point / POINTS_A_NINE);
}

/* Up to the point above which fewer than one value lies. */
static int append_curve(struct buffer *buffer, const struct report_row *row)
{
	uint64_t count = stats_count(row);

	buffer_append_byte(buffer, '[');
	for (int point = 0; point <= NINES * POINTS_A_NINE; point++) {
		if ((double)count * pow(10, -(double)point / POINTS_A_NINE) < 1)
			break;
		if (point > 0)
			buffer_append_byte(buffer, ',');
		json_append_double(buffer, report_percentile_ms(row, percentile_at(point)), 3);
	}
	return buffer_append_byte(buffer, ']');
}

static int append_step(struct buffer *buffer, const struct digest_entry *step, uint32_t index, uint32_t edge_count)
{
	const struct latency *latency = &step->response->cell.latency;

	buffer_append_format(buffer, "{\"step\":%" PRIu32 ",\"curve\":", index);
	append_curve(buffer, step->response);
	buffer_append_text(buffer, ",\"buckets\":[");
	for (uint32_t i = 0; i <= edge_count; i++)
		buffer_append_format(buffer, "%s%" PRIu64, i ? "," : "", latency->buckets[i]);
	return buffer_append_text(buffer, "]}");
}

int html_append_distribution(struct buffer *buffer, const struct report *report, const struct digest *digest)
{
	const char *between = "";

	buffer_append_format(buffer, ",\n\"distribution\":{\"pointsANine\":%d,\"edgesMs\":[", POINTS_A_NINE);
	for (uint32_t i = 0; i < report->edges.count; i++) {
		buffer_append_text(buffer, i ? "," : "");
		json_append_double(buffer, (double)report->edges.us[i] / 1000, 3);
	}
	buffer_append_text(buffer, "],\"steps\":[");
	for (uint32_t i = 0; i < digest->step_count; i++) {
		const struct digest_entry *step = &digest->steps[i];

		if (!step->response || stats_count(step->response) == 0)
			continue;
		buffer_append_text(buffer, between);
		append_step(buffer, step, i, report->edges.count);
		between = ",\n";
	}
	return buffer_append_text(buffer, "]}");
}
