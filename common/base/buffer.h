/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes, with the integers and varints that our own formats are made of. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"

/* Zero-initialised is empty and valid. A failed append leaves the content as it was and sets
 * `failed`, so that a long sequence of appends is checked once at its end. */
struct buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	int failed; /* 0 or -ENOMEM */
};

void buffer_deinit(struct buffer *buffer);
/* Keeps the memory. Clears `failed`. */
void buffer_clear(struct buffer *buffer);
/* Makes room for `more` further bytes. */
int buffer_reserve(struct buffer *buffer, size_t more);
int buffer_append(struct buffer *buffer, const void *data, size_t size);
int buffer_append_text(struct buffer *buffer, const char *text);
int buffer_append_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buffer_append_byte(struct buffer *buffer, uint8_t byte);
/* LEB128, least significant group first, at most 10 bytes. */
int buffer_append_varint(struct buffer *buffer, uint64_t value);
/* Little-endian, fixed width. */
int buffer_append_u32(struct buffer *buffer, uint32_t value);
int buffer_append_u64(struct buffer *buffer, uint64_t value);
/* A varint length, then the bytes; NULL is written as empty. */
int buffer_append_string(struct buffer *buffer, const char *text);
/* The content as a NUL-terminated text (the NUL is not part of size); NULL without memory. */
const char *buffer_text(struct buffer *buffer);

/* Reads from bytes that it doesn't own; a read past the end returns 0 and sets `failed` to
 * -EBADMSG, checked once at the end of a sequence. */
struct reader {
	const uint8_t *data;
	size_t size;
	size_t at;
	int failed;
};

uint8_t reader_byte(struct reader *reader);
/* Refuses an encoding that buffer_append_varint() does not write (longer than needed, over 64 bits). */
uint64_t reader_varint(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* `size` bytes in place, or NULL (and failed). */
const uint8_t *reader_bytes(struct reader *reader, size_t size);
/* A varint length and the bytes in place; sets *ret_size. NULL and failed past the end. */
const char *reader_string(struct reader *reader, size_t *ret_size);

#define cleanup_buffer cleanup(buffer_deinit)
