/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner of CSV. Between two calls `at` stands at the start of a field, or of a record if not in_record. */
#include "common/plan/csv.h"

#include <errno.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

static int refuse(const struct csv *csv, struct failure *failure, const struct csv_field *field, const char *text)
{
	return failure_set_at(failure, -EINVAL, csv->file, field->line, field->column, "%s", text);
}

static _Bool at_line_end(const struct csv *csv)
{
	return csv->at >= csv->size || csv->data[csv->at] == '\n' ||
	       (csv->data[csv->at] == '\r' && (csv->at + 1 == csv->size || csv->data[csv->at + 1] == '\n'));
}

static void next_line(struct csv *csv)
{
	csv->line++;
	csv->line_start = csv->at;
}

/* Past LF, CRLF or the CR that ends the file. */
static void skip_line_end(struct csv *csv)
{
	if (csv->at < csv->size && csv->data[csv->at] == '\r')
		csv->at++;
	if (csv->at < csv->size && csv->data[csv->at] == '\n')
		csv->at++;
	next_line(csv);
}

static void begin(struct csv *csv)
{
	csv->line = 1;
	if (csv->size >= 3 && memcmp(csv->data, "\xef\xbb\xbf", 3) == 0)
		csv->at = csv->line_start = 3;
}

static int scan_plain(struct csv *csv, struct failure *failure, struct csv_field *field)
{
	size_t start = csv->at;

	field->text = csv->data + start;
	for (; !at_line_end(csv) && csv->data[csv->at] != ','; csv->at++) {
		if (csv->data[csv->at] != '"')
			continue;
		field->column += (int)(csv->at - start);
		return refuse(csv, failure, field,
		              "a quote within a field: put the whole field in quotes and double this one");
	}
	field->size = csv->at - start;
	return 0;
}

/* From the opening quote on. */
static int scan_quoted(struct csv *csv, struct failure *failure, struct csv_field *field)
{
	field->text = csv->data + ++csv->at;
	for (;; csv->at++) {
		if (csv->at >= csv->size)
			return refuse(csv, failure, field, "this quote is never closed");
		if (csv->data[csv->at] == '\n') {
			csv->line++;
			csv->line_start = csv->at + 1;
		}
		if (csv->data[csv->at] != '"')
			continue;
		if (csv->at + 1 >= csv->size || csv->data[csv->at + 1] != '"')
			break;
		field->doubled = 1;
		csv->at++;
	}
	field->size = (size_t)(csv->data + csv->at++ - field->text);
	if (at_line_end(csv) || csv->data[csv->at] == ',')
		return 0;
	return failure_set_at(failure, -EINVAL, csv->file, csv->line, (int)(csv->at - csv->line_start) + 1,
	                      "text after the closing quote of a field");
}

static int check_field(const struct csv *csv, struct failure *failure, const struct csv_field *field)
{
	if (field->size > LIMIT_FEED_FIELD_BYTES)
		return failure_set_at(failure, -EINVAL, csv->file, field->line, field->column,
		                      "a field of %zu bytes; it may have %d", field->size, LIMIT_FEED_FIELD_BYTES);
	if (memchr(field->text, '\0', field->size))
		return refuse(csv, failure, field, "a NUL byte: this is no CSV text");
	if (!text_is_utf8(field->text, field->size))
		return refuse(csv, failure, field, "this field is not UTF-8");
	return 0;
}

int csv_next(struct csv *csv, struct failure *failure, struct csv_field *ret_field)
{
	struct csv_field field = {0};
	int r;

	if (csv->line == 0)
		begin(csv);
	while (!csv->in_record && csv->at < csv->size && at_line_end(csv))
		skip_line_end(csv);
	if (!csv->in_record && csv->at >= csv->size)
		return 0;
	field.line = csv->line;
	field.column = (int)(csv->at - csv->line_start) + 1;
	if (csv->at < csv->size && csv->data[csv->at] == '"')
		r = scan_quoted(csv, failure, &field);
	else
		r = scan_plain(csv, failure, &field);
	if (r == 0)
		r = check_field(csv, failure, &field);
	if (r < 0)
		return r;
	field.last = at_line_end(csv);
	csv->in_record = !field.last;
	if (field.last)
		skip_line_end(csv);
	else
		csv->at++; /* the comma */
	*ret_field = field;
	return 1;
}

int csv_unescape(const struct csv_field *field, struct buffer *buffer)
{
	const char *at = field->text, *end = field->text + field->size;

	while (at < end) {
		const char *quote = field->doubled ? memchr(at, '"', (size_t)(end - at)) : NULL;
		const char *stop = quote ? quote + 1 : end;
		int r = buffer_append(buffer, at, (size_t)(stop - at));

		if (r < 0)
			return r;
		at = quote ? quote + 2 : end;
	}
	return 0;
}
