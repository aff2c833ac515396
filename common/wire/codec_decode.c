/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from msgpack, by their tables of fields.
 *
 * The bytes have been scanned when this starts, so lengths hold; a list is allocated only if the bytes that are left
 * can hold that many of its records. Texts and bytes that are kept go to one allocation of the message's own size: each
 * takes no more there, with its NUL, than it took on the wire with its head. */
#include "common/wire/codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/fields.h"
#include "common/wire/token.h"

enum { NO_INDEX = UINT32_MAX, SHOWN_BYTES = 64, PLACE_SIZE = 256 };

/* Where the decoder stands: "snapshot", "series[3]", "metric". */
struct level {
	const char *name;
	uint32_t index;
};

struct decoder {
	struct token_reader reader;
	uint8_t *kept; /* where the next kept text goes; NULL: in place */
	struct failure *failure;
	struct level levels[2 * LIMIT_MESSAGE_DEPTH];
	unsigned depth;
};

static void enter(struct decoder *decoder, const char *name)
{
	decoder->levels[decoder->depth++] = (struct level){.name = name, .index = NO_INDEX};
}

static void leave(struct decoder *decoder)
{
	decoder->depth--;
}

static void format_place(const struct decoder *decoder, char *place, size_t size)
{
	size_t at = 0;

	place[0] = '\0';
	for (unsigned i = 0; i < decoder->depth && at < size; i++) {
		const struct level *level = &decoder->levels[i];
		const char *dot = i == 0 ? "" : i == 1 ? ": " : ".";

		at += (size_t)snprintf(place + at, size - at, "%s%s", dot, level->name);
		if (level->index != NO_INDEX && at < size)
			at += (size_t)snprintf(place + at, size - at, "[%u]", level->index);
	}
}

__attribute__((format(printf, 2, 3))) static int refuse(struct decoder *decoder, const char *format, ...)
{
	char place[PLACE_SIZE], text[PLACE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	format_place(decoder, place, sizeof(place));
	return failure_set(decoder->failure, -EBADMSG, "%s: %s", place, text);
}

/* A peer's text, fit for an error message. */
static const char *shown(const struct token *token, char text[SHOWN_BYTES + 1])
{
	size_t size = token->size < SHOWN_BYTES ? token->size : SHOWN_BYTES;

	for (size_t i = 0; i < size; i++)
		text[i] = isprint(token->data[i]) ? (char)token->data[i] : '?';
	text[size] = '\0';
	return text;
}

static int expect(struct decoder *decoder, enum token_kind kind, const char *what, struct token *ret_token)
{
	struct token token = {0};

	if (token_next(&decoder->reader, &token) < 0)
		return refuse(decoder, "the message ends early");
	if (token.kind != kind)
		return refuse(decoder, "expected %s", what);
	*ret_token = token;
	return 0;
}

static int check_size(struct decoder *decoder, const struct field *field, uint64_t size, const char *unit)
{
	if (field_allows(field, size))
		return 0;
	if (field->min == field->max)
		return refuse(decoder, "%llu %s where %llu are due", (unsigned long long)size, unit,
		              (unsigned long long)field->min);
	return refuse(decoder, "%llu %s, from %llu to %llu are allowed", (unsigned long long)size, unit,
	              (unsigned long long)field->min, (unsigned long long)field->max);
}

static int decode_number(struct decoder *decoder, const struct field *field, void *member)
{
	struct token token = {0};
	int r = expect(decoder, TOKEN_NUMBER, "a whole number", &token);

	if (r < 0)
		return r;
	if (!field_allows(field, token.number))
		return refuse(decoder, "%llu is not from %llu to %llu", (unsigned long long)token.number,
		              (unsigned long long)field->min, (unsigned long long)field->max);
	if (field->size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)token.number;
	else
		*(uint64_t *)member = token.number;
	return 0;
}

static int decode_bool(struct decoder *decoder, _Bool *member)
{
	struct token token = {0};
	int r = expect(decoder, TOKEN_BOOL, "true or false", &token);

	if (r == 0)
		*member = token.number;
	return r;
}

static int expect_text(struct decoder *decoder, const struct field *field, struct token *ret_token)
{
	int r = expect(decoder, TOKEN_TEXT, "a text", ret_token);

	if (r == 0)
		r = check_size(decoder, field, ret_token->size, "bytes");
	if (r == 0 && memchr(ret_token->data, '\0', ret_token->size))
		r = refuse(decoder, "a text with a NUL in it");
	return r;
}

static int expect_bytes(struct decoder *decoder, const struct field *field, struct token *ret_token)
{
	int r = expect(decoder, TOKEN_BYTES, "bytes", ret_token);

	return r < 0 ? r : check_size(decoder, field, ret_token->size, "bytes");
}

static void copy_with_nul(void *to, const struct token *token)
{
	if (token->size > 0)
		memcpy(to, token->data, token->size);
	((char *)to)[token->size] = '\0';
}

static int own(const struct token *token, char **member)
{
	char *copy = malloc((size_t)token->size + 1);

	if (!copy)
		return -ENOMEM;
	copy_with_nul(copy, token);
	*member = copy;
	return 0;
}

static const uint8_t *keep(struct decoder *decoder, const struct token *token)
{
	uint8_t *kept = decoder->kept;

	if (!kept)
		return token->data;
	copy_with_nul(kept, token);
	decoder->kept += (size_t)token->size + 1;
	return kept;
}

static int decode_text(struct decoder *decoder, const struct field *field, void *member)
{
	struct token token = {0};
	int r = expect_text(decoder, field, &token);

	if (r < 0)
		return r;
	if (field->type == FIELD_TEXT)
		return own(&token, member);
	if (field->type == FIELD_KEPT_TEXT)
		*(const uint8_t **)member = keep(decoder, &token);
	else
		copy_with_nul(member, &token);
	return 0;
}

static int decode_bytes(struct decoder *decoder, const struct field *field, void *into)
{
	void *member = field_member(field, into);
	struct token token = {0};
	int r = expect_bytes(decoder, field, &token);

	if (r < 0)
		return r;
	if (field->type == FIELD_FIXED_BYTES) {
		memcpy(member, token.data, token.size);
		return 0;
	}
	if (field->type == FIELD_BYTES)
		r = own(&token, member);
	else
		*(const uint8_t **)member = keep(decoder, &token);
	if (r == 0)
		*(size_t *)(void *)((uint8_t *)into + field->count_offset) = token.size;
	return r;
}

static int decode_metric(struct decoder *decoder, enum metric_id *member)
{
	char text[SHOWN_BYTES + 1];
	struct token token = {0};
	enum metric_id metric;
	int r = expect(decoder, TOKEN_TEXT, "a metric's name", &token);

	if (r < 0)
		return r;
	metric = wire_metric_find(token.data, token.size);
	if (metric == METRIC_COUNT)
		return refuse(decoder, "unknown metric \"%s\"", shown(&token, text));
	*member = metric;
	return 0;
}

static int decode_record(struct decoder *decoder, const struct record *record, void *into);

/* The fewest bytes that a record can take: a byte for each head, name and value. */
static size_t least_size(const struct record *record)
{
	size_t size = record->form == RECORD_BARE ? 0 : 1;

	for (uint32_t i = 0; i < record->count; i++)
		size += 1 + (record->form == RECORD_MAP ? 1 + strlen(record->fields[i].name) : 0);
	return size;
}

static int decode_records(struct decoder *decoder, const struct field *field, void *into)
{
	struct level *level = &decoder->levels[decoder->depth - 1];
	const struct record *record = field->of;
	struct token token = {0};
	uint8_t *records = NULL;
	int r = expect(decoder, TOKEN_LIST, "a list", &token);

	if (r == 0)
		r = check_size(decoder, field, token.size, "entries");
	if (r < 0)
		return r;
	if (token.size > (size_t)(decoder->reader.end - decoder->reader.at) / least_size(record))
		return refuse(decoder, "%u entries in too few bytes", token.size);
	if (token.size > 0)
		records = calloc(token.size, record->size);
	if (token.size > 0 && !records)
		return -ENOMEM;
	*(void **)field_member(field, into) = records;
	*(uint32_t *)(void *)((uint8_t *)into + field->count_offset) = token.size;
	for (uint32_t i = 0; i < token.size && r == 0; i++) {
		level->index = i;
		r = decode_record(decoder, record, records + i * record->size);
	}
	level->index = r < 0 ? level->index : NO_INDEX;
	return r;
}

static int decode_value(struct decoder *decoder, const struct field *field, void *into)
{
	void *member = field_member(field, into);

	switch (field->type) {
	case FIELD_NUMBER:
		return decode_number(decoder, field, member);
	case FIELD_BOOL:
		return decode_bool(decoder, member);
	case FIELD_TEXT:
	case FIELD_KEPT_TEXT:
	case FIELD_FIXED_TEXT:
		return decode_text(decoder, field, member);
	case FIELD_BYTES:
	case FIELD_KEPT_BYTES:
	case FIELD_FIXED_BYTES:
		return decode_bytes(decoder, field, into);
	case FIELD_METRIC:
		return decode_metric(decoder, member);
	case FIELD_RECORD:
		return decode_record(decoder, field->of, member);
	case FIELD_RECORDS:
		return decode_records(decoder, field, into);
	}
	return -EBADMSG;
}

/* Names come in our order from a peer of our kind: look at the next one first. */
static const struct field *find_field(const struct record *record, const struct token *name, uint32_t next)
{
	for (uint32_t i = 0; i < record->count; i++) {
		const struct field *field = &record->fields[(next + i) % record->count];

		if (token_is(name, field->name))
			return field;
	}
	return NULL;
}

static int decode_named(struct decoder *decoder, const struct record *record, uint32_t *seen, uint32_t *next,
                        void *into)
{
	const struct field *field;
	struct token name;
	uint32_t index;
	int r = expect(decoder, TOKEN_TEXT, "a field's name", &name);

	if (r < 0)
		return r;
	field = find_field(record, &name, *next);
	if (!field)
		return token_skip(&decoder->reader) < 0 ? refuse(decoder, "a broken field") : 0;
	index = (uint32_t)(field - record->fields);
	enter(decoder, field->name);
	if (*seen & UINT32_C(1) << index)
		return refuse(decoder, "given twice");
	*seen |= UINT32_C(1) << index;
	*next = index + 1;
	r = decode_value(decoder, field, into);
	if (r == 0)
		leave(decoder);
	return r;
}

static int decode_map(struct decoder *decoder, const struct record *record, void *into)
{
	uint32_t seen = 0, next = 0;
	struct token map = {0};
	int r = expect(decoder, TOKEN_MAP, "a map", &map);

	for (uint32_t i = 0; r == 0 && i < map.size; i++)
		r = decode_named(decoder, record, &seen, &next, into);
	for (uint32_t i = 0; r == 0 && i < record->count; i++) {
		if (!(seen & UINT32_C(1) << i)) {
			enter(decoder, record->fields[i].name);
			r = refuse(decoder, "missing");
		}
	}
	return r;
}

static int decode_tuple(struct decoder *decoder, const struct record *record, void *into)
{
	struct token list = {0};
	int r = expect(decoder, TOKEN_LIST, "a list", &list);

	for (uint32_t i = 0; r == 0 && i < record->count; i++) {
		enter(decoder, record->fields[i].name);
		r = i < list.size ? decode_value(decoder, &record->fields[i], into) : refuse(decoder, "missing");
		if (r == 0)
			leave(decoder);
	}
	for (uint32_t i = record->count; r == 0 && i < list.size; i++)
		r = token_skip(&decoder->reader);
	return r;
}

static int decode_bare(struct decoder *decoder, const struct field *field, void *into)
{
	int r;

	enter(decoder, field->name);
	r = decode_value(decoder, field, into);
	if (r == 0)
		leave(decoder);
	return r;
}

static int decode_record(struct decoder *decoder, const struct record *record, void *into)
{
	const char *problem;
	int r;

	if (record->form == RECORD_MAP)
		r = decode_map(decoder, record, into);
	else if (record->form == RECORD_TUPLE)
		r = decode_tuple(decoder, record, into);
	else
		r = decode_bare(decoder, &record->fields[0], into);
	if (r < 0)
		return r;
	problem = record->problem ? record->problem(into) : NULL;
	if (problem)
		return refuse(decoder, "%s", problem);
	if (record->decoded)
		record->decoded(into);
	return 0;
}

int codec_read(const uint8_t *data, size_t size, const char *type, const struct record *record, uint8_t *kept,
               struct failure *failure, void *into)
{
	struct decoder decoder = {.reader = {.at = data, .end = data + size}, .kept = kept, .failure = failure};

	enter(&decoder, type);
	return decode_record(&decoder, record, into);
}

static enum message_type find_type(const struct token *name)
{
	for (unsigned i = 1; i < MESSAGE_TYPE_COUNT; i++) {
		if (token_is(name, message_type_names[i]))
			return i;
	}
	return 0;
}

static int read_type(const uint8_t *data, size_t size, struct failure *failure, enum message_type *ret_type)
{
	struct token_reader reader;
	char text[SHOWN_BYTES + 1];
	enum message_type type;
	struct token token = {0};

	if (size > LIMIT_WHOLE_BYTES)
		return failure_set(failure, -EBADMSG, "a message of %zu bytes, %d are allowed", size,
		                   LIMIT_WHOLE_BYTES);
	if (codec_scan(data, size) < 0)
		return failure_set(failure, -EBADMSG, "%zu bytes that are not one msgpack object", size);
	reader = (struct token_reader){.at = data, .end = data + size};
	if (token_find(&reader, "t") < 0 || token_next(&reader, &token) < 0 || token.kind != TOKEN_TEXT)
		return failure_set(failure, -EBADMSG, "a message without its type in \"t\"");
	type = find_type(&token);
	if (!type)
		return failure_set(failure, -EBADMSG, "unknown message \"%s\"", shown(&token, text));
	*ret_type = type;
	return 0;
}

int codec_decode(const uint8_t *data, size_t size, struct failure *failure, struct message *ret_message)
{
	struct message message = {0};
	uint8_t *kept = NULL;
	int r = read_type(data, size, failure, &message.type);

	if (r < 0)
		return r;
	if (message.type == MESSAGE_SNAPSHOT) {
		kept = message.snapshot.owned = malloc(size);
		if (!kept)
			return failure_set(failure, -ENOMEM, "no memory for a message of %zu bytes", size);
	}
	r = codec_read(data, size, message_type_names[message.type], &message_records[message.type], kept, failure,
	               &message);
	if (r == -ENOMEM)
		failure_set(failure, r, "no memory for a message of %zu bytes", size);
	if (r < 0) {
		message_deinit(&message);
		return r;
	}
	*ret_message = message;
	return 0;
}
