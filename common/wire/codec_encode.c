/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to msgpack, by their tables of fields. */
#include "common/wire/codec.h"

#include <assert.h>
#include <errno.h>
#include <msgpack.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/fields.h"

struct encoder {
	msgpack_packer packer;
	struct buffer *buffer;
	size_t start;
	int error; /* of the buffer; what comes after it is not written */
};

static int write_bytes(void *context, const char *data, size_t size)
{
	struct encoder *encoder = context;

	if (!encoder->error && size > LIMIT_WHOLE_BYTES - (encoder->buffer->size - encoder->start))
		encoder->error = -EMSGSIZE;
	if (!encoder->error)
		encoder->error = buffer_append(encoder->buffer, data, size);
	return encoder->error;
}

static void encode_text(struct encoder *encoder, const char *text, size_t size)
{
	msgpack_pack_str_with_body(&encoder->packer, text, size);
}

static int encode_bounded_text(struct encoder *encoder, const struct field *field, const char *text)
{
	size_t size = text ? strlen(text) : 0;

	if (!field_allows(field, size))
		return -EINVAL;
	encode_text(encoder, text ? text : "", size);
	return 0;
}

static int encode_number(struct encoder *encoder, const struct field *field, const void *member)
{
	uint64_t value = field->size == sizeof(uint32_t) ? *(const uint32_t *)member : *(const uint64_t *)member;

	if (!field_allows(field, value))
		return -EINVAL;
	msgpack_pack_uint64(&encoder->packer, value);
	return 0;
}

static int encode_bytes(struct encoder *encoder, const struct field *field, const void *data, uint64_t size)
{
	if (!field_allows(field, size))
		return -EINVAL;
	msgpack_pack_bin_with_body(&encoder->packer, size ? data : "", size);
	return 0;
}

static int encode_metric(struct encoder *encoder, const enum metric_id *metric)
{
	const char *name = wire_metric_name(*metric);

	if (!name)
		return -EINVAL;
	encode_text(encoder, name, strlen(name));
	return 0;
}

static int encode_record(struct encoder *encoder, const char *type, const struct record *record, const void *from);

static int encode_records(struct encoder *encoder, const struct field *field, const uint8_t *records, uint64_t count)
{
	int r = 0;

	if (!field_allows(field, count))
		return -EINVAL;
	msgpack_pack_array(&encoder->packer, count);
	for (uint64_t i = 0; i < count && r == 0 && !encoder->error; i++)
		r = encode_record(encoder, NULL, field->of, records + i * field->of->size);
	return r;
}

static int encode_field(struct encoder *encoder, const struct field *field, const void *from)
{
	const void *member = field_member_const(field, from);

	switch (field->type) {
	case FIELD_NUMBER:
		return encode_number(encoder, field, member);
	case FIELD_BOOL:
		return *(const _Bool *)member ? msgpack_pack_true(&encoder->packer)
		                              : msgpack_pack_false(&encoder->packer);
	case FIELD_TEXT:
	case FIELD_KEPT_TEXT:
		return encode_bounded_text(encoder, field, *(const char *const *)member);
	case FIELD_FIXED_TEXT:
		return encode_bounded_text(encoder, field, member);
	case FIELD_BYTES:
	case FIELD_KEPT_BYTES:
		return encode_bytes(encoder, field, *(const void *const *)member, field_count(field, from));
	case FIELD_FIXED_BYTES:
		return encode_bytes(encoder, field, member, field->max);
	case FIELD_METRIC:
		return encode_metric(encoder, member);
	case FIELD_RECORD:
		return encode_record(encoder, NULL, field->of, member);
	case FIELD_RECORDS:
		return encode_records(encoder, field, *(const uint8_t *const *)member, field_count(field, from));
	}
	return -EINVAL;
}

/* `type` leads a map that is a message. */
static int encode_record(struct encoder *encoder, const char *type, const struct record *record, const void *from)
{
	int r = 0;

	if (record->problem && record->problem(from))
		return -EINVAL;
	if (record->form == RECORD_MAP)
		msgpack_pack_map(&encoder->packer, record->count + (type ? 1 : 0));
	else if (record->form == RECORD_TUPLE)
		msgpack_pack_array(&encoder->packer, record->count);
	if (type) {
		encode_text(encoder, "t", 1);
		encode_text(encoder, type, strlen(type));
	}
	for (uint32_t i = 0; i < record->count && r == 0; i++) {
		if (record->form == RECORD_MAP)
			encode_text(encoder, record->fields[i].name, strlen(record->fields[i].name));
		r = encode_field(encoder, &record->fields[i], from);
	}
	return r < 0 ? r : encoder->error;
}

int codec_write(const char *type, const struct record *record, const void *from, struct buffer *buffer)
{
	struct encoder encoder = {.buffer = buffer, .start = buffer->size};
	int r;

	if (buffer->failed)
		return buffer->failed;
	msgpack_packer_init(&encoder.packer, &encoder, write_bytes);
	r = encode_record(&encoder, type, record, from);
	if (encoder.error)
		r = encoder.error;
	if (r < 0) {
		buffer->size = encoder.start;
		buffer->failed = 0;
	}
	return r;
}

int codec_encode(const struct message *message, struct buffer *buffer)
{
	assert(message->type > 0 && message->type < MESSAGE_TYPE_COUNT);
	return codec_write(message_type_names[message->type], &message_records[message->type], message, buffer);
}
