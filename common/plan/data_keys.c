// SPDX-License-Identifier: Apache-2.0
// The keys of an entry of `data`, and the reading of that section with the files it names.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"

static const char *const pick_names[] = {"sequential", "random", "zipf", "unique", NULL};

static void read_csv(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct feed_notes *notes = base;
	if (value->text[0] == '\0')
		reading_error(reading, value->place, "\"csv\" in %s names no file", reading->where.text);
	notes->csv_node = value;
	notes->file_key = option->key;
}

static void read_columns(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct feed_notes *notes = base;
	if (!reading_expect(reading, value, NODE_SEQUENCE, option->key))
		return;
	notes->columns = reading_array(reading, value->count, sizeof(*notes->columns));
	for (size_t i = 0; notes->columns && i < value->count; i++)
		if (reading_expect(reading, value->items[i], NODE_SCALAR, option->key))
			notes->columns[notes->column_count++] = reading_copy(reading, value->items[i]->text);
}

static void read_lines(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct feed_notes *notes = base;
	if (!reading_expect(reading, value, NODE_SCALAR, option->key))
		return;
	if (value->text[0] == '\0')
		reading_error(reading, value->place, "\"%s\" in %s names no file", option->key, reading->where.text);
	if (notes->csv_node) /* said by read_feed() */
		return;
	notes->csv = reading_copy(reading, value->text);
	notes->csv_node = value;
	notes->file_key = option->key;
	notes->lines = 1;
}

const struct option feed_options[] = {
        {.key = "lines",
         .type = OPTION_CUSTOM,
         .read = read_lines,
         .help = "instead of csv: a file of which each line is a row, and {{name}} its text"},
        {.key = "csv",
         .type = OPTION_TEXT,
         OPTION_MEMBER(feed_notes, csv),
         .check = read_csv,
         .help = "the file, from the plan's folder; its first line names the columns"},
        {.key = "column",
         .type = OPTION_TEXT,
         OPTION_MEMBER(feed_notes, column),
         .help = "the one that {{name}} gives; without it {{name.column}} gives each"},
        {.key = "columns",
         .type = OPTION_CUSTOM,
         .read = read_columns,
         .help = "columns that must be there; in a resolved plan all"},
        {.key = "pick",
         .type = OPTION_CHOICE,
         OPTION_MEMBER(feed_notes, pick),
         .choices = pick_names,
         .fallback = "sequential",
         .help = "which row an iteration gets"},
        {.key = "exponent",
         .type = OPTION_NUMBER,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(feed_notes, exponent),
         .max = 20,
         .fallback = "1",
         .help = "of zipf: row i has the weight 1 / i^exponent"},
        {0},
};

static const struct plan_file *find_file(const struct reading *reading, const char *name)
{
	for (uint32_t i = 0; i < reading->file_count; i++)
		if (strcmp(reading->files[i].name, name) == 0)
			return &reading->files[i];
	return NULL;
}

/* The bytes of the feed's file. *ret_data points into `buffer` or to what the caller of plan_parse() gave. */
static int load(struct reading *reading, const struct feed_notes *notes, struct buffer *buffer, const void **ret_data,
                size_t *ret_size)
{
	if (!reading->folder) {
		const struct plan_file *file = find_file(reading, notes->name);
		if (!file) {
			reading_error(reading, notes->place, "the rows of data \"%s\" did not come with the plan",
			              notes->name);
			return -EINVAL;
		}
		*ret_data = file->data ? file->data : "";
		*ret_size = file->size;
		return 0;
	}
	struct failure failure = {0};
	cleanup(cleanup_free) char *path =
	        notes->csv[0] == '/' ? strdup(notes->csv) : file_join(reading->folder, notes->csv);
	if (!path) {
		reading->failed = -ENOMEM;
		return -ENOMEM;
	}
	int r = file_read(path, LIMIT_FEED_BYTES, buffer, &failure);
	if (r < 0) {
		reading_error(reading, notes->csv_node->place, "\"%s\" in %s: %s", notes->file_key, reading->where.text,
		              failure.text);
		return r;
	}
	*ret_data = buffer->data ? buffer->data : (const uint8_t *)"";
	*ret_size = buffer->size;
	return 0;
}

/* Names that the feed sets must be its own. */
static _Bool check_names(struct reading *reading, const struct feed_notes *notes, uint32_t slots_before)
{
	for (uint32_t i = 0; i < feed_columns(notes->feed); i++) {
		uint32_t slot = feed_slot(notes->feed, i);
		if (slot >= slots_before)
			continue;
		reading_error(reading, notes->place, "data \"%s\" sets {{%s}}, which \"%s\" sets already", notes->name,
		              template_names_get(reading->plan->names, slot),
		              reading->owners[slot] == SLOT_FEED ? "data" : "variables");
		return 0;
	}
	return 1;
}

static void check_columns(struct reading *reading, const struct feed_notes *notes)
{
	char name[2 * LIMIT_NAME_BYTES + 2];
	for (uint32_t i = 0; i < notes->column_count && notes->columns[i]; i++) {
		snprintf(name, sizeof(name), "%s.%s", notes->name, notes->columns[i]);
		uint32_t slot = template_names_find(reading->plan->names, name);
		_Bool found = notes->column && strcmp(notes->column, notes->columns[i]) == 0;
		for (uint32_t c = 0; c < feed_columns(notes->feed) && !found; c++)
			found = feed_slot(notes->feed, c) == slot;
		if (!found)
			reading_error(reading, notes->csv_node->place, "\"csv\" in %s: %s has no column \"%s\"",
			              reading->where.text, notes->csv, notes->columns[i]);
	}
}

/* Without rows the columns are known only by name. */
static void name_columns(struct reading *reading, const struct feed_notes *notes)
{
	char name[2 * LIMIT_NAME_BYTES + 2];
	for (uint32_t i = 0; !notes->column && i < notes->column_count && notes->columns[i]; i++) {
		snprintf(name, sizeof(name), "%s.%s", notes->name, notes->columns[i]);
		reading_add_name(reading, notes->place, name, SLOT_FEED);
	}
}

static void make_feed(struct reading *reading, struct feed_notes *notes)
{
	cleanup_buffer struct buffer buffer = {0};
	struct failure failure = {0};
	char text[FAILURE_TEXT_MAX];
	const struct feed_config config = {.name = notes->name,
	                                   .csv = notes->csv,
	                                   .lines = notes->lines,
	                                   .column = notes->column,
	                                   .pick = notes->pick,
	                                   .exponent = notes->exponent};
	const uint32_t slots_before = template_names_count(reading->plan->names);
	const void *data = NULL;
	size_t size = 0;
	notes->broken = 1;
	if (reading->rows && load(reading, notes, &buffer, &data, &size) < 0)
		return;
	int r = feed_new(&config, notes->csv, data, size, reading->plan->names, &failure, &notes->feed);
	if (r == -ENOMEM)
		reading->failed = r;
	if (r < 0) {
		failure_format(&failure, text, sizeof(text));
		reading_error(reading, notes->csv_node->place, "\"%s\" in %s: %s", notes->file_key, reading->where.text,
		              text);
		return;
	}
	reading->plan->feeds[reading->plan->feed_count++] = notes->feed;
	if (!reading_own_slots(reading, SLOT_FEED) || !check_names(reading, notes, slots_before))
		return;
	notes->broken = 0;
	if (!reading->rows)
		name_columns(reading, notes);
	else if (feed_rows(notes->feed) == 0)
		reading_error(reading, notes->csv_node->place, "\"%s\" in %s: %s has no rows", notes->file_key,
		              reading->where.text, notes->csv);
	else
		check_columns(reading, notes);
}

/* One key names the file. */
static void check_file_key(struct reading *reading, const struct node *value, _Bool known)
{
	static const char *const of_columns[] = {"csv", "column", "columns"};
	const struct node *lines = node_get(value, "lines");
	if (!lines && !node_get(value, "csv") && known)
		reading_error(reading, reading->where.place, "%s needs a key \"csv\" or \"lines\"",
		              reading->where.text);
	for (size_t i = 0; lines && i < sizeof(of_columns) / sizeof(*of_columns); i++) {
		const struct node *other = node_get(value, of_columns[i]);
		if (other)
			reading_error(reading, other->place, "\"%s\" in %s: a file of \"lines\" has no columns",
			              of_columns[i], reading->where.text);
	}
}

static void read_feed(struct reading *reading, const struct node *value, struct feed_notes *notes)
{
	const size_t errors = reading_errors(reading);
	const _Bool known = options_read(reading, &(struct option_map){.options = feed_options}, value, notes);
	const struct node *exponent = node_get(value, "exponent");
	check_file_key(reading, value, known);
	if (exponent && notes->pick != FEED_ZIPF)
		reading_error(reading, exponent->place, "\"exponent\" in %s is only for pick: zipf",
		              reading->where.text);
	notes->broken = reading_errors(reading) != errors;
	if (!notes->broken && notes->csv && notes->csv_node)
		make_feed(reading, notes);
}

static const struct feed *find_line_feed(const struct plan *plan, const char *file)
{
	for (uint32_t i = 0; i < plan->feed_count; i++) {
		const struct feed *feed = plan->feeds[i];
		if (feed_is_lines(feed) && feed_pick(feed) == FEED_RANDOM && strcmp(feed_csv(feed), file) == 0)
			return feed;
	}
	return NULL;
}

const char *read_line_feed(struct reading *reading, const char *key, const struct node *file)
{
	struct plan *plan = reading->plan;
	const struct feed *known = find_line_feed(plan, file->text);
	char name[32];
	if (known)
		return feed_name(known);
	if (file->text[0] == '\0') {
		reading_error(reading, file->place, "\"%s\" in %s names no file", key, reading->where.text);
		return NULL;
	}
	struct feed **feeds = realloc(plan->feeds, (plan->feed_count + 1) * sizeof(struct feed *));
	if (!feeds) {
		reading->failed = -ENOMEM;
		return NULL;
	}
	plan->feeds = feeds;
	for (uint32_t i = 1; i == 1 || template_names_find(plan->names, name) != UINT32_MAX; i++)
		snprintf(name, sizeof(name), "payloads-%u", i);
	struct feed_notes notes = {.name = name,
	                           .csv = file->text,
	                           .lines = 1,
	                           .pick = FEED_RANDOM,
	                           .csv_node = file,
	                           .file_key = key,
	                           .place = file->place};
	make_feed(reading, &notes);
	return notes.broken ? NULL : feed_name(notes.feed);
}

void read_feeds(struct reading *reading, const struct node *section)
{
	if (!section || !reading_expect(reading, section, NODE_MAPPING, "data"))
		return;
	reading_enter(reading, section->place, "the plan's data");
	reading->feeds = reading_array(reading, section->count / 2, sizeof(*reading->feeds));
	reading->plan->feeds = reading_array(reading, section->count / 2, sizeof(struct feed *));
	for (size_t i = 0; reading->feeds && reading->plan->feeds && i + 1 < section->count; i += 2) {
		const struct node *key = section->items[i], *value = section->items[i + 1];
		struct feed_notes *notes = &reading->feeds[reading->feed_count++];
		*notes =
		        (struct feed_notes){.name = reading_copy(reading, key->text), .place = key->place, .broken = 1};
		if (!notes->name || !reading_name(reading, key->place, "data", key->text, NAME_FORBIDDEN) ||
		    !reading_expect(reading, value, NODE_MAPPING, key->text))
			continue;
		const struct where outer = reading_enter(reading, key->place, "data \"%s\"", key->text);
		read_feed(reading, value, notes);
		reading_leave(reading, &outer);
	}
}
