/* SPDX-License-Identifier: Apache-2.0 */
/* The gauges of a report as people look at them: what is greatest first, and nothing that was 0 all the time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/report/digest.h"

static _Bool is_shown(const struct report_row *row)
{
	return metrics[row->metric].kind == METRIC_GAUGE && row->metric != METRIC_VUS && !row->scenario[0] &&
	       row->cell.gauge.count > 0;
}

static _Bool is_flat(const struct report_row *row)
{
	return row->cell.gauge.min == 0 && row->cell.gauge.max == 0;
}

static int compare_labels(const void *a, const void *b)
{
	const struct report_row *one = *(const struct report_row *const *)a;
	const struct report_row *other = *(const struct report_row *const *)b;

	if (one->cell.gauge.max != other->cell.gauge.max)
		return one->cell.gauge.max > other->cell.gauge.max ? -1 : 1;
	return strcmp(one->label, other->label);
}

uint32_t digest_gauge_labels(const struct digest *digest, uint32_t from)
{
	uint32_t count = 0;

	while (from + count < digest->gauge_count &&
	       digest->gauges[from + count]->metric == digest->gauges[from]->metric)
		count++;
	return count;
}

int digest_gather_gauges(struct digest *digest, const struct report *report)
{
	digest->gauge_count = 0;
	digest->gauges = calloc((size_t)report->row_count + 1, sizeof(*digest->gauges));
	if (!digest->gauges)
		return -ENOMEM;
	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		const struct report_row *before =
		        digest->gauge_count > 0 ? digest->gauges[digest->gauge_count - 1] : NULL;

		if (is_shown(row) && !(before && before->metric == row->metric && !before->label[0] && is_flat(before)))
			digest->gauges[digest->gauge_count++] = row;
	}
	for (uint32_t from = 0; from < digest->gauge_count;) {
		uint32_t count = digest_gauge_labels(digest, from);
		uint32_t first = digest->gauges[from]->label[0] == '\0'; /* it stays before its labels */

		qsort(digest->gauges + from + first, count - first, sizeof(*digest->gauges), compare_labels);
		from += count;
	}
	return 0;
}
