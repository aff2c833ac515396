/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of buffer.h: never past the end, whatever the bytes say. */
#include "common/base/buffer.h"

#include <errno.h>

static const uint8_t *fail(struct reader *reader)
{
	/* The first reason stays: whoever decodes may have set one of its own (no memory). */
	if (!reader->failed)
		reader->failed = -EBADMSG;
	return NULL;
}

const uint8_t *reader_bytes(struct reader *reader, size_t size)
{
	const uint8_t *bytes;

	if (reader->failed || size > reader->size - reader->at)
		return fail(reader);
	if (size == 0 && !reader->data)
		return (const uint8_t *)"";
	bytes = reader->data + reader->at;
	reader->at += size;
	return bytes;
}

uint8_t reader_byte(struct reader *reader)
{
	const uint8_t *byte = reader_bytes(reader, 1);

	return byte ? *byte : 0;
}

/* One value has one form: a last group of zero (but for the value 0 itself) and bits past the 64th
 * are refused, so that what was decoded encodes to the same bytes again. */
uint64_t reader_varint(struct reader *reader)
{
	uint64_t value = 0;
	unsigned int shift = 0;

	while (!reader->failed && reader->at < reader->size) {
		uint8_t byte = reader->data[reader->at++];

		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
		shift += 7;
	}
	fail(reader);
	return 0;
}

static uint64_t little_endian(struct reader *reader, size_t size)
{
	const uint8_t *bytes = reader_bytes(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; bytes && i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint32_t reader_u32(struct reader *reader)
{
	return (uint32_t)little_endian(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
	return little_endian(reader, 8);
}

const char *reader_string(struct reader *reader, size_t *ret_size)
{
	uint64_t size = reader_varint(reader);
	const uint8_t *bytes = reader_bytes(reader, size);

	if (bytes)
		*ret_size = size;
	return (const char *)bytes;
}
