/* SPDX-License-Identifier: Apache-2.0 */
/* Data feeds: an index of the used fields over the file's own bytes, 8 bytes a field, and the draw of a row. */
#include "common/plan/feed.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/plan/csv.h"
#include "common/plan/zipf.h"

const char *const feed_pick_names[FEED_PICK_COUNT] = {
        [FEED_SEQUENTIAL] = "sequential",
        [FEED_RANDOM] = "random",
        [FEED_ZIPF] = "zipf",
        [FEED_UNIQUE] = "unique",
};

enum { COLUMNS_MAX = 1000 }; /* that set a name each: more are a mistake, not data */

#define AT_UNESCAPED (UINT32_C(1) << 31) /* in field.at: it lies in `unescaped`; files end below 2^31 */

struct field {
	uint32_t at;
	uint32_t size;
};

struct feed {
	char *name, *csv, *column;
	_Bool lines;
	enum feed_pick pick;
	double exponent;
	char *data;
	size_t size;
	struct buffer unescaped; /* values whose quotes were doubled */
	uint32_t *slots;
	uint32_t columns;     /* used ones: the fields of a row */
	struct field *fields; /* row by row */
	uint64_t rows;
	struct zipf *zipf;
};

DEFINE_CLEANUP(struct feed *, feed_free)

/* The header's columns, and which of them are used. */
struct header {
	char **names;
	size_t count, capacity;
	uint32_t *used; /* by column: its place in a row, or UINT32_MAX */
};

static void header_deinit(struct header *header)
{
	for (size_t i = 0; i < header->count; i++)
		free(header->names[i]);
	free(header->names);
	free(header->used);
}

static int no_memory(struct failure *failure)
{
	return failure_set(failure, -ENOMEM, "out of memory");
}

/* The field's value without blanks around it. */
static char *trimmed(const struct csv_field *field)
{
	struct buffer buffer cleanup_buffer = {0};
	const char *start;
	size_t size;

	if (csv_unescape(field, &buffer) < 0 || !buffer_text(&buffer))
		return NULL;
	start = buffer_text(&buffer);
	start += strspn(start, " \t");
	size = strlen(start);
	while (size > 0 && strchr(" \t", start[size - 1]))
		size--;
	return strndup(start, size);
}

static int read_header(struct csv *csv, struct failure *failure, struct header *header)
{
	struct csv_field field = {0};
	int r;

	do {
		r = csv_next(csv, failure, &field);
		if (r < 0)
			return r;
		if (r == 0)
			return failure_set_at(failure, -EINVAL, csv->file, 1, 1,
			                      "the file is empty; it needs a line that names the columns");
		if (array_reserve(&header->names, &header->capacity, header->count, sizeof(*header->names)) < 0)
			return no_memory(failure);
		header->names[header->count] = trimmed(&field);
		if (!header->names[header->count])
			return no_memory(failure);
		header->count++;
	} while (!field.last);
	header->used = malloc(header->count * sizeof(*header->used));
	if (!header->used)
		return no_memory(failure);
	memset(header->used, 0xff, header->count * sizeof(*header->used));
	return 0;
}

static int refuse_column(const struct csv *csv, const struct header *header, const char *column,
                         struct failure *failure)
{
	const char **candidates cleanup(cleanup_free) = calloc(header->count + 1, sizeof(*candidates));
	const char *nearest;

	if (!candidates)
		return no_memory(failure);
	memcpy(candidates, header->names, header->count * sizeof(*candidates));
	nearest = text_nearest(column, candidates);
	if (nearest)
		return failure_set_at(failure, -EINVAL, csv->file, 1, 1, "no column \"%s\" (did you mean \"%s\"?)",
		                      column, nearest);
	return failure_set_at(failure, -EINVAL, csv->file, 1, 1, "no column \"%s\" (the first is \"%s\")", column,
	                      header->names[0]);
}

/* Gives the next place of a row to a column. -ENOMEM, or -EINVAL if the name can't be one of a template. */
static int add_slot(struct feed *feed, struct template_names *names, const char *name)
{
	int r = template_names_add(names, name, &feed->slots[feed->columns]);

	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	feed->columns++;
	return 0;
}

/* The one slot of a feed with a `column`. */
static int add_own_slot(struct feed *feed, struct template_names *names, struct failure *failure)
{
	int r = add_slot(feed, names, feed->name);

	if (r == -EINVAL)
		return failure_set(failure, r, "\"%s\" can't be a name in templates", feed->name);
	return r < 0 ? no_memory(failure) : 0;
}

static int use_one(struct feed *feed, const struct csv *csv, struct header *header, struct template_names *names,
                   struct failure *failure)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < header->count; i++) {
		if (strcmp(header->names[i], feed->column) != 0)
			continue;
		if (found != SIZE_MAX)
			return failure_set_at(failure, -EINVAL, csv->file, 1, 1, "two columns are called \"%s\"",
			                      feed->column);
		found = i;
	}
	if (found == SIZE_MAX)
		return refuse_column(csv, header, feed->column, failure);
	header->used[found] = 0;
	return add_own_slot(feed, names, failure);
}

static _Bool is_slot_used(const struct feed *feed, uint32_t slot, uint32_t places)
{
	for (uint32_t i = 0; i < places; i++)
		if (feed->slots[i] == slot)
			return 1;
	return 0;
}

/* Every column whose name a template can say: name.column. */
static int use_all(struct feed *feed, const struct csv *csv, struct header *header, struct template_names *names,
                   struct failure *failure)
{
	for (size_t i = 0; i < header->count; i++) {
		char *name cleanup(cleanup_free) = NULL;
		uint32_t place = feed->columns;
		int r;

		if (place == COLUMNS_MAX)
			return failure_set_at(failure, -EINVAL, csv->file, 1, 1,
			                      "%zu columns: above %d, name the one to use by \"column\"", header->count,
			                      COLUMNS_MAX);
		if (asprintf(&name, "%s.%s", feed->name, header->names[i]) < 0)
			return no_memory(failure);
		r = *header->names[i] ? add_slot(feed, names, name) : -EINVAL;
		if (r == -ENOMEM)
			return no_memory(failure);
		if (r < 0)
			continue;
		if (is_slot_used(feed, feed->slots[place], place))
			return failure_set_at(failure, -EINVAL, csv->file, 1, 1, "two columns are called \"%s\"",
			                      header->names[i]);
		header->used[i] = place;
	}
	if (feed->columns == 0)
		return failure_set_at(failure, -EINVAL, csv->file, 1, 1,
		                      "no column has a name that {{%s.name}} can say: letters, digits, _ - .",
		                      feed->name);
	return 0;
}

static int add_field(struct feed *feed, struct field *into, const struct csv_field *field)
{
	*into = (struct field){(uint32_t)(field->text - feed->data), (uint32_t)field->size};
	if (!field->doubled)
		return 0;
	into->at = (uint32_t)feed->unescaped.size;
	if (csv_unescape(field, &feed->unescaped) < 0)
		return -ENOMEM;
	into->size = (uint32_t)feed->unescaped.size - into->at;
	into->at |= AT_UNESCAPED;
	return 0;
}

static int refuse_count(const struct csv *csv, const struct csv_field *field, size_t fields, size_t columns,
                        struct failure *failure)
{
	if (fields > columns)
		return failure_set_at(failure, -EINVAL, csv->file, field->line, field->column,
		                      "this row has more fields than the header, which has %zu", columns);
	return failure_set_at(failure, -EINVAL, csv->file, field->line, field->column,
	                      "this row ends after %zu of %zu fields", fields, columns);
}

/* 1 for a row, 0 at the end, negative errno. */
static int read_row(struct feed *feed, struct csv *csv, const struct header *header, struct field *row,
                    struct failure *failure)
{
	struct csv_field field = {0};

	for (size_t i = 0; !field.last; i++) {
		int r = csv_next(csv, failure, &field);

		if (r <= 0)
			return r;
		if (i >= header->count || (field.last && i + 1 < header->count))
			return refuse_count(csv, &field, i + 1, header->count, failure);
		if (header->used[i] != UINT32_MAX && add_field(feed, &row[header->used[i]], &field) < 0)
			return no_memory(failure);
	}
	return 1;
}

static int read_rows(struct feed *feed, struct csv *csv, const struct header *header, struct failure *failure)
{
	size_t capacity = 0, row_size = feed->columns * sizeof(*feed->fields);

	for (;;) {
		int r;

		if (array_reserve(&feed->fields, &capacity, feed->rows, row_size) < 0)
			return no_memory(failure);
		r = read_row(feed, csv, header, &feed->fields[feed->rows * feed->columns], failure);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		if (++feed->rows > LIMIT_FEED_ROWS)
			return failure_set_at(failure, -EINVAL, csv->file, csv->line, 1, "more than %d rows",
			                      LIMIT_FEED_ROWS);
	}
	if (feed->rows == 0)
		return failure_set_at(failure, -EINVAL, csv->file, csv->line, 1, "no rows below the header");
	return 0;
}

static int read_data(struct feed *feed, const char *path, struct template_names *names, struct failure *failure)
{
	struct csv csv = {.file = path, .data = feed->data, .size = feed->size};
	struct header header cleanup(header_deinit) = {0};
	int r = read_header(&csv, failure, &header);

	if (r < 0)
		return r;
	feed->slots =
	        calloc(feed->column || header.count < COLUMNS_MAX ? header.count : COLUMNS_MAX, sizeof(*feed->slots));
	if (!feed->slots)
		return no_memory(failure);
	r = feed->column ? use_one(feed, &csv, &header, names, failure) : use_all(feed, &csv, &header, names, failure);
	return r < 0 ? r : read_rows(feed, &csv, &header, failure);
}

/* A row for each line that isn't empty; any bytes but the line's end. */
static int read_lines(struct feed *feed, const char *path, struct failure *failure)
{
	size_t capacity = 0, at = 0;

	while (at < feed->size) {
		const char *start = feed->data + at, *end = memchr(start, '\n', feed->size - at);
		size_t size = end ? (size_t)(end - start) : feed->size - at;
		struct field field = {(uint32_t)at, (uint32_t)size};

		at += size + 1;
		if (size > 0 && start[size - 1] == '\r')
			field.size--;
		if (field.size == 0)
			continue;
		if (array_reserve(&feed->fields, &capacity, feed->rows, sizeof(*feed->fields)) < 0)
			return no_memory(failure);
		feed->fields[feed->rows++] = field;
		if (feed->rows > LIMIT_FEED_ROWS)
			return failure_set(failure, -EINVAL, "%s: more than %d lines", path, LIMIT_FEED_ROWS);
	}
	return feed->rows > 0 ? 0 : failure_set(failure, -EINVAL, "%s has no lines", path);
}

/* A feed of lines: its one name, and its rows if they are there. */
static int read_plain(struct feed *feed, const char *path, struct template_names *names, struct failure *failure)
{
	int r;

	feed->slots = calloc(1, sizeof(*feed->slots));
	if (!feed->slots)
		return no_memory(failure);
	r = add_own_slot(feed, names, failure);
	return r < 0 || !feed->data ? r : read_lines(feed, path, failure);
}

/* Without rows: only the name of the one column is known. */
static int name_column(struct feed *feed, struct template_names *names, struct failure *failure)
{
	if (!feed->column)
		return 0;
	feed->slots = calloc(1, sizeof(*feed->slots));
	if (!feed->slots)
		return no_memory(failure);
	return add_own_slot(feed, names, failure);
}

static int copy_config(struct feed *feed, const struct feed_config *config)
{
	feed->pick = config->pick;
	feed->exponent = config->exponent;
	feed->lines = config->lines;
	feed->name = strdup(config->name);
	feed->csv = strdup(config->csv);
	feed->column = config->column ? strdup(config->column) : NULL;
	return feed->name && feed->csv && (feed->column || !config->column) ? 0 : -ENOMEM;
}

static int copy_data(struct feed *feed, const void *data, size_t size)
{
	feed->data = malloc(size > 0 ? size : 1);
	if (!feed->data)
		return -ENOMEM;
	if (size > 0)
		memcpy(feed->data, data, size);
	feed->size = size;
	return 0;
}

int feed_new(const struct feed_config *config, const char *path, const void *data, size_t size,
             struct template_names *names, struct failure *failure, struct feed **ret_feed)
{
	struct feed *feed cleanup(feed_freep) = calloc(1, sizeof(*feed));
	int r;

	if (size > LIMIT_FEED_BYTES)
		return failure_set_at(failure, -EINVAL, path, 0, 0, "%zu bytes; a data file may have %d", size,
		                      LIMIT_FEED_BYTES);
	if (!feed || copy_config(feed, config) < 0 || (data && copy_data(feed, data, size) < 0))
		return no_memory(failure);
	if (config->lines)
		r = read_plain(feed, path, names, failure);
	else
		r = data ? read_data(feed, path, names, failure) : name_column(feed, names, failure);
	if (r < 0)
		return r;
	if (feed->pick == FEED_ZIPF && feed->rows > 0 &&
	    zipf_new((uint32_t)feed->rows, feed->exponent, &feed->zipf) < 0)
		return no_memory(failure);
	*ret_feed = steal(feed);
	return 0;
}

struct feed *feed_free(struct feed *feed)
{
	if (feed) {
		free(feed->name);
		free(feed->csv);
		free(feed->column);
		free(feed->data);
		buffer_deinit(&feed->unescaped);
		free(feed->slots);
		free(feed->fields);
		zipf_free(feed->zipf);
		free(feed);
	}
	return NULL;
}

const char *feed_name(const struct feed *feed)
{
	return feed->name;
}

const char *feed_csv(const struct feed *feed)
{
	return feed->csv;
}

const char *feed_column(const struct feed *feed)
{
	return feed->column;
}

_Bool feed_is_lines(const struct feed *feed)
{
	return feed->lines;
}

enum feed_pick feed_pick(const struct feed *feed)
{
	return feed->pick;
}

double feed_exponent(const struct feed *feed)
{
	return feed->exponent;
}

uint64_t feed_rows(const struct feed *feed)
{
	return feed->rows;
}

const void *feed_data(const struct feed *feed, size_t *ret_size)
{
	*ret_size = feed->size;
	return feed->data;
}

uint32_t feed_columns(const struct feed *feed)
{
	return feed->columns;
}

uint32_t feed_slot(const struct feed *feed, uint32_t column)
{
	return feed->slots[column];
}

int feed_draw(const struct feed *feed, uint64_t index, struct random *random, uint64_t *ret_row)
{
	if (feed->rows == 0 || (feed->pick == FEED_UNIQUE && index >= feed->rows))
		return -ENODATA;
	switch (feed->pick) {
	case FEED_SEQUENTIAL:
		*ret_row = index % feed->rows;
		return 0;
	case FEED_RANDOM:
		*ret_row = random_below(random, feed->rows);
		return 0;
	case FEED_ZIPF:
		*ret_row = zipf_draw(feed->zipf, random);
		return 0;
	default:
		*ret_row = index;
		return 0;
	}
}

void feed_set(const struct feed *feed, uint64_t row, struct template_value *values)
{
	const struct field *fields = &feed->fields[row * feed->columns];

	assert(row < feed->rows);
	for (uint32_t i = 0; i < feed->columns; i++) {
		uint32_t at = fields[i].at;
		const char *base = at & AT_UNESCAPED ? (const char *)feed->unescaped.data : feed->data;

		values[feed->slots[i]] = (struct template_value){base + (at & ~AT_UNESCAPED), fields[i].size};
	}
}
