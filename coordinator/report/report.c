/* SPDX-License-Identifier: Apache-2.0 */
/* The report model's memory, and looking things up in it. */
#include "coordinator/report/report.h"

#include <errno.h>
#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "coordinator/report/writers.h"

enum { ARENA_BLOCK_BYTES = 64 * 1024 }; /* a report has thousands of short texts and a few long arrays */

/* A chain of blocks, newest first; what is larger than a block has one of its own. */
struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) uint8_t bytes[];
};

struct report_arena {
	struct arena_block *blocks;
};

static struct arena_block *arena_add_block(struct report_arena *arena, size_t size)
{
	struct arena_block *block = malloc(sizeof(*block) + size);

	if (!block)
		return NULL;
	*block = (struct arena_block){.next = arena->blocks, .size = size};
	arena->blocks = block;
	return block;
}

static void *arena_take(struct report_arena *arena, size_t size, size_t alignment)
{
	struct arena_block *block = arena->blocks;
	size_t at = block ? (block->used + alignment - 1) / alignment * alignment : 0;

	if (!block || at > block->size || size > block->size - at) {
		block = arena_add_block(arena, size > ARENA_BLOCK_BYTES / 4 ? size : ARENA_BLOCK_BYTES);
		at = 0;
	}
	if (!block)
		return NULL;
	block->used = at + size;
	return block->bytes + at;
}

void *report_alloc(struct report *report, size_t count, size_t item_size)
{
	size_t size;
	void *items;

	if (__builtin_mul_overflow(count, item_size, &size) || size > SIZE_MAX / 2)
		return NULL;
	items = arena_take(report->arena, size, alignof(max_align_t));
	return items ? memset(items, 0, size) : NULL;
}

char *report_copy(struct report *report, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 1;
	char *copy = arena_take(report->arena, size, 1);

	return copy ? memcpy(copy, text ? text : "", size) : NULL;
}

char *report_format_text(struct report *report, const char *format, ...)
{
	cleanup(cleanup_free) char *text = NULL;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL;
		return NULL;
	}
	return report_copy(report, text);
}

/* The list grows by doubling at powers of two; what it leaves behind is small and goes with the arena. */
int report_add_text(struct report *report, struct report_texts *texts, const char *name, const char *value)
{
	struct report_text_pair pair = {report_copy(report, name), report_copy(report, value)};
	uint32_t count = texts->count;

	if (!pair.name || !pair.value)
		return -ENOMEM;
	if ((count & (count - 1)) == 0) {
		struct report_text_pair *items = report_alloc(report, count ? 2 * (size_t)count : 1, sizeof(*items));

		if (!items)
			return -ENOMEM;
		if (count > 0)
			memcpy(items, texts->items, count * sizeof(*items));
		texts->items = items;
	}
	texts->items[texts->count++] = pair;
	return 0;
}

static _Bool set_empty_texts(struct report *report)
{
	char **texts[] = {&report->id,          &report->name,    &report->started_at,
	                  &report->plan_sha256, &report->version, &report->ended_by};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = report_copy(report, "");
		if (!*texts[i])
			return 0;
	}
	return 1;
}

struct report *report_new(void)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->clock_bound_ms = NAN;
	report->arena = calloc(1, sizeof(*report->arena));
	if (!report->arena || !set_empty_texts(report))
		return report_free(report);
	return report;
}

struct report *report_free(struct report *report)
{
	if (!report)
		return NULL;
	for (uint32_t i = 0; i < report->row_count; i++)
		cell_deinit(&report->rows[i].cell);
	while (report->arena && report->arena->blocks) {
		struct arena_block *block = report->arena->blocks;

		report->arena->blocks = block->next;
		free(block);
	}
	free(report->arena);
	free(report);
	return NULL;
}

/* The first row of a metric, or row_count: rows are in the order of the table of metrics. */
static uint32_t first_row(const struct report *report, enum metric_id metric)
{
	uint32_t low = 0;
	uint32_t high = report->row_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (report->rows[middle].metric < metric)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct report_row *report_find(const struct report *report, enum metric_id metric, const char *scenario,
                                     const char *step, const char *group, const char *label)
{
	for (uint32_t i = first_row(report, metric); i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];

		if (row->metric != metric)
			break;
		if (strcmp(row->group, group) == 0 && strcmp(row->step, step) == 0 &&
		    strcmp(row->scenario, scenario) == 0 && strcmp(row->label, label) == 0)
			return row;
	}
	return NULL;
}

double report_percentile_ms(const struct report_row *row, double percentile)
{
	const struct histogram *histogram = row->cell.latency.histogram;

	if (!histogram || histogram_count(histogram) == 0)
		return NAN;
	return (double)histogram_percentile_us(histogram, percentile) / 1000.0;
}

/* By report_format. */
static const struct {
	const char *file_name;
	int (*write)(const struct report *report, const struct report_style *style, struct buffer *buffer);
} formats[REPORT_FORMAT_COUNT] = {
        [REPORT_TEXT] = {NULL, write_text},
        [REPORT_JSON] = {"summary.json", write_json},
        [REPORT_MARKDOWN] = {"report.md", write_markdown},
        [REPORT_HTML] = {"report.html", write_html},
        [REPORT_SERIES] = {"series.csv", write_series},
        [REPORT_TIMELINE] = {"timeline.csv", write_timeline},
        [REPORT_JUNIT] = {"junit.xml", write_junit},
        [REPORT_HLOG] = {"latency.hlog", write_hlog},
};

int report_write(const struct report *report, enum report_format format, const struct report_style *style,
                 struct buffer *buffer)
{
	static const struct report_style plain;
	int r = formats[format].write(report, style ? style : &plain, buffer);

	return r < 0 ? r : buffer->failed;
}

const char *report_file_name(enum report_format format)
{
	return formats[format].file_name;
}
