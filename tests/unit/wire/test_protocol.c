/* SPDX-License-Identifier: Apache-2.0 */
/* docs/protocol.md agrees with the code: every message's fields with their types and bounds, and the test vectors.
 * With --print it writes what should stand there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/stats/cell.h"
#include "common/wire/codec.h"
#include "common/wire/fields.h"
#include "tests/unit/wire/samples.h"

enum { HEX_COLUMNS = 64, TEXT_SIZE = 64 };

static const char *const cell_names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_RATE] = "rate", [METRIC_GAUGE] = "gauge", [METRIC_LATENCY] = "latency"};

/* The sections of what messages are made of. */
static const struct {
	const char *section;
	enum message_type type;
	const char *field;
} parts[] = {
        {"pair", MESSAGE_HELLO, "tags"},         {"file", MESSAGE_ASSIGN, "files"},
        {"target", MESSAGE_READY, "targets"},    {"series", MESSAGE_SNAPSHOT, "series"},
        {"cell", MESSAGE_SNAPSHOT, "cells"},     {"scenario", MESSAGE_SNAPSHOT, "scenarios"},
        {"health", MESSAGE_SNAPSHOT, "health"},  {"move", MESSAGE_ASSIGN, "moves"},
        {"extra", MESSAGE_ASSIGN, "extras"},     {"offset", MESSAGE_SEEN, "starts"},
        {"verifier", MESSAGE_DUTY, "verifiers"},
};

static const struct field *find_field(const struct record *record, const char *name)
{
	for (uint32_t i = 0; i < record->count; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	}
	fail_msg("no field %s", name);
	return NULL;
}

/* "list of `pair`", "`health`". */
static void format_record_type(const struct field *field, char *text)
{
	const char *name = "share";

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (find_field(&message_records[parts[i].type], parts[i].field)->of == field->of)
			name = parts[i].section;
	}
	if (field->of->form == RECORD_TUPLE && strcmp(field->name, "classes") == 0)
		name = "class";
	if (field->of->form == RECORD_BARE && field->of->fields[0].type == FIELD_NUMBER) {
		snprintf(text, TEXT_SIZE, "list of numbers");
		return;
	}
	snprintf(text, TEXT_SIZE, field->type == FIELD_RECORD ? "`%s`" : "list of `%s`", name);
}

static void format_type(const struct field *field, char *text)
{
	static const char *const words[] = {
	        [FIELD_NUMBER] = "number",    [FIELD_BOOL] = "boolean",      [FIELD_TEXT] = "text",
	        [FIELD_KEPT_TEXT] = "text",   [FIELD_FIXED_TEXT] = "text",   [FIELD_BYTES] = "bytes",
	        [FIELD_KEPT_BYTES] = "bytes", [FIELD_FIXED_BYTES] = "bytes", [FIELD_METRIC] = "metric",
	};

	if (field->of)
		format_record_type(field, text);
	else
		snprintf(text, TEXT_SIZE, "%s", words[field->type]);
}

static void format_bounds(const struct field *field, char *text)
{
	const unsigned long long low = field->min, high = field->max;
	const char *unit = field->type == FIELD_NUMBER || field->type == FIELD_RECORDS ? "" : " bytes";

	text[0] = '\0';
	if (field->type == FIELD_BOOL || field->type == FIELD_RECORD || field->type == FIELD_METRIC)
		return;
	if (field->max == UINT64_MAX)
		snprintf(text, TEXT_SIZE, field->min ? "from %llu" : "any", low);
	else if (field->min == field->max)
		snprintf(text, TEXT_SIZE, "%llu%s", high, unit);
	else
		snprintf(text, TEXT_SIZE, "%llu to %llu%s", low, high, unit);
}

/* How a field's row in the docs starts. */
static void format_row(const struct field *field, char *row, size_t size)
{
	char type[TEXT_SIZE], bounds[TEXT_SIZE];

	format_type(field, type);
	format_bounds(field, bounds);
	snprintf(row, size, "| `%s` | %s | %s |", field->name, type, bounds);
}

static void format_hex(const struct buffer *bytes, struct buffer *text)
{
	char hex[3];

	for (size_t i = 0; i < bytes->size; i++) {
		text_format_hex(bytes->data + i, 1, hex);
		buffer_append_text(text, hex);
		if ((i + 1) % (HEX_COLUMNS / 2) == 0 && i + 1 < bytes->size)
			buffer_append_byte(text, '\n');
	}
	buffer_append_byte(text, '\n');
}

static void encode_vector(enum message_type type, struct buffer *hex)
{
	struct buffer bytes = {0};
	struct message message;

	sample_message(type, &message);
	assert_int_equal(codec_encode(&message, &bytes), 0);
	format_hex(&bytes, hex);
	buffer_deinit(&bytes);
}

static void encode_cell(enum metric_kind kind, struct buffer *hex)
{
	struct buffer bytes = {0};

	sample_cell(kind, &bytes);
	format_hex(&bytes, hex);
	buffer_deinit(&bytes);
}

static void encode_part(struct buffer *hex)
{
	const struct part part = {.id = 7, .index = 1, .count = 3, .data = (const uint8_t *)"abc", .size = 3};
	struct buffer bytes = {0};

	assert_int_equal(codec_write(PART_TYPE, &part_record, &part, &bytes), 0);
	format_hex(&bytes, hex);
	buffer_deinit(&bytes);
}

/* The text of the docs, with its NUL. */
static char *read_docs(void)
{
	struct buffer buffer = {0};
	struct failure failure = {0};
	const char *path = getenv("PROTOCOL_MD");

	assert_non_null(path);
	if (file_read(path, 1024 * 1024, &buffer, &failure) < 0)
		fail_msg("%s", failure.text);
	assert_non_null(buffer_text(&buffer));
	return (char *)buffer.data;
}

/* From "### `name`" to the next heading of that level or above, cut out in place. */
static char *section_of(char *docs, const char *name)
{
	char heading[TEXT_SIZE];
	char *start, *end;

	snprintf(heading, sizeof(heading), "\n### `%s`\n", name);
	start = strstr(docs, heading);
	if (!start)
		fail_msg("docs/protocol.md has no section \"%s\"", name);
	start = strdup(start + strlen(heading));
	end = strstr(start, "\n##");
	if (end)
		end[1] = '\0';
	return start;
}

/* The section's rows are those of the fields: all of them, in order, and no other. */
static void check_rows(char *docs, const char *section, const struct field *fields, uint32_t count)
{
	cleanup(cleanup_free) char *text = section_of(docs, section);
	const char *at = text;
	char row[256];

	for (uint32_t i = 0; i < count; i++) {
		format_row(&fields[i], row, sizeof(row));
		at = strstr(at, "\n| `");
		if (!at || strncmp(at + 1, row, strlen(row)) != 0)
			fail_msg("section \"%s\" should have: %s, and has: %.60s", section, row,
			         at ? at + 1 : "no more");
		at++;
	}
	if (strstr(at, "\n| `"))
		fail_msg("section \"%s\" has more rows than there are fields: %.60s", section, strstr(at, "\n| `") + 1);
}

static void check_vector(char *docs, const char *name, const struct buffer *hex)
{
	char heading[TEXT_SIZE];
	char *start;

	snprintf(heading, sizeof(heading), "\n```hex %s\n", name);
	start = strstr(docs, heading);
	if (!start)
		fail_msg("docs/protocol.md has no vector \"%s\"", name);
	start += strlen(heading);
	if (strncmp(start, (const char *)hex->data, hex->size) != 0 || strncmp(start + hex->size, "```\n", 4) != 0)
		fail_msg("the vector \"%s\" should be:\n%.*s", name, (int)hex->size, (const char *)hex->data);
}

static void test_protocol_docs_list_every_field_of_every_message(void **state)
{
	cleanup(cleanup_free) char *docs = read_docs();

	(void)state;
	check_rows(docs, "envelope", message_records[MESSAGE_ACK].fields, ENVELOPE_FIELDS);
	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++)
		check_rows(docs, message_type_names[type], message_records[type].fields + ENVELOPE_FIELDS,
		           message_records[type].count - ENVELOPE_FIELDS);
	check_rows(docs, "part", part_record.fields, part_record.count);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct record *record = find_field(&message_records[parts[i].type], parts[i].field)->of;

		check_rows(docs, parts[i].section, record->fields, record->count);
	}
}

static void test_protocol_docs_describe_shares(void **state)
{
	cleanup(cleanup_free) char *docs = read_docs();
	const struct record *share = find_field(&message_records[MESSAGE_ASSIGN], "shares")->of;
	const struct record *class = share->fields[0].of;

	(void)state;
	check_rows(docs, "share", class->fields, class->count);
}

static void test_protocol_docs_have_the_vectors_of_the_code(void **state)
{
	cleanup(cleanup_free) char *docs = read_docs();
	struct buffer hex = {0};

	(void)state;
	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++) {
		buffer_clear(&hex);
		encode_vector(type, &hex);
		check_vector(docs, message_type_names[type], &hex);
	}
	for (enum metric_kind kind = METRIC_COUNTER; kind <= METRIC_LATENCY; kind++) {
		buffer_clear(&hex);
		encode_cell(kind, &hex);
		check_vector(docs, cell_names[kind], &hex);
	}
	buffer_clear(&hex);
	encode_part(&hex);
	check_vector(docs, PART_TYPE, &hex);
	buffer_deinit(&hex);
}

static void test_protocol_docs_name_the_limits(void **state)
{
	cleanup(cleanup_free) char *docs = read_docs();
	const struct {
		const char *what;
		long long value;
	} cases[] = {
	        {"protocol version", PROTOCOL_VERSION}, {"frame", LIMIT_MESSAGE_BYTES},   {"part", LIMIT_PART_BYTES},
	        {"whole message", LIMIT_WHOLE_BYTES},   {"nesting", LIMIT_MESSAGE_DEPTH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char row[TEXT_SIZE];

		snprintf(row, sizeof(row), "\n| %s | %lld |", cases[i].what, cases[i].value);
		if (!strstr(docs, row))
			fail_msg("docs/protocol.md should have the row \"%s\"", row + 1);
	}
}

static void print_rows(const char *section, const struct field *fields, uint32_t count)
{
	char row[256];

	printf("### `%s`\n", section);
	for (uint32_t i = 0; i < count; i++) {
		format_row(&fields[i], row, sizeof(row));
		printf("%s\n", row);
	}
}

static void print_vector(const char *name, const struct buffer *hex)
{
	printf("```hex %s\n%.*s```\n", name, (int)hex->size, (const char *)hex->data);
}

static int print_all(void)
{
	struct buffer hex = {0};

	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++) {
		print_rows(message_type_names[type], message_records[type].fields + ENVELOPE_FIELDS,
		           message_records[type].count - ENVELOPE_FIELDS);
		buffer_clear(&hex);
		encode_vector(type, &hex);
		print_vector(message_type_names[type], &hex);
	}
	for (enum metric_kind kind = METRIC_COUNTER; kind <= METRIC_LATENCY; kind++) {
		buffer_clear(&hex);
		encode_cell(kind, &hex);
		print_vector(cell_names[kind], &hex);
	}
	buffer_clear(&hex);
	encode_part(&hex);
	print_vector(PART_TYPE, &hex);
	buffer_deinit(&hex);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_protocol_docs_list_every_field_of_every_message),
	        cmocka_unit_test(test_protocol_docs_describe_shares),
	        cmocka_unit_test(test_protocol_docs_have_the_vectors_of_the_code),
	        cmocka_unit_test(test_protocol_docs_name_the_limits),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print_all();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
