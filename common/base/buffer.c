/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes: the writing side. */
#include "common/base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAPACITY = 64,
	VARINT_MAX_BYTES = 10,
};

void buffer_deinit(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->failed = 0;
}

static int fail(struct buffer *buffer)
{
	buffer->failed = -ENOMEM;
	return -ENOMEM;
}

int buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t wanted = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	uint8_t *data;

	if (buffer->failed)
		return buffer->failed;
	if (more <= buffer->capacity - buffer->size)
		return 0;
	if (more > SIZE_MAX / 2 - buffer->size)
		return fail(buffer);
	while (wanted < buffer->size + more)
		wanted *= 2;
	data = realloc(buffer->data, wanted);
	if (!data)
		return fail(buffer);
	buffer->data = data;
	buffer->capacity = wanted;
	return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	int r = buffer_reserve(buffer, size);

	if (r < 0)
		return r;
	if (size > 0)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}

static int append_format(struct buffer *buffer, const char *format, va_list arguments)
        __attribute__((format(printf, 2, 0)));

static int append_format(struct buffer *buffer, const char *format, va_list arguments)
{
	va_list again;
	size_t room = buffer->capacity - buffer->size;
	int length;
	int r;

	va_copy(again, arguments);
	length = vsnprintf(room ? (char *)buffer->data + buffer->size : NULL, room, format, again);
	va_end(again);
	if (length < 0)
		return fail(buffer);
	if ((size_t)length >= room) {
		r = buffer_reserve(buffer, (size_t)length + 1);
		if (r < 0)
			return r;
		vsnprintf((char *)buffer->data + buffer->size, (size_t)length + 1, format, arguments);
	}
	buffer->size += (size_t)length;
	return 0;
}

int buffer_append_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int r;

	if (buffer->failed)
		return buffer->failed;
	va_start(arguments, format);
	r = append_format(buffer, format, arguments);
	va_end(arguments);
	return r;
}

int buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
	return buffer_append(buffer, &byte, 1);
}

int buffer_append_varint(struct buffer *buffer, uint64_t value)
{
	uint8_t *at;
	int r = buffer_reserve(buffer, VARINT_MAX_BYTES);

	if (r < 0)
		return r;
	at = buffer->data + buffer->size;
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	buffer->size = (size_t)(at - buffer->data);
	return 0;
}

static int append_little_endian(struct buffer *buffer, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	return buffer_append(buffer, bytes, size);
}

int buffer_append_u32(struct buffer *buffer, uint32_t value)
{
	return append_little_endian(buffer, value, 4);
}

int buffer_append_u64(struct buffer *buffer, uint64_t value)
{
	return append_little_endian(buffer, value, 8);
}

int buffer_append_string(struct buffer *buffer, const char *text)
{
	size_t size = text ? strlen(text) : 0;
	/* Room for both parts first, so that a failure leaves neither. */
	int r = buffer_reserve(buffer, size + VARINT_MAX_BYTES);

	if (r < 0)
		return r;
	buffer_append_varint(buffer, size);
	return buffer_append(buffer, text, size);
}

const char *buffer_text(struct buffer *buffer)
{
	if (buffer_reserve(buffer, 1) < 0)
		return NULL;
	buffer->data[buffer->size] = '\0';
	return (const char *)buffer->data;
}
