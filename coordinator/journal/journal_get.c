/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a journal's records. */
#include "coordinator/journal/journal_get.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int journal_fail(struct reader *reader, int code)
{
	if (!reader->failed)
		reader->failed = code;
	return reader->failed;
}

int64_t journal_get_signed(struct reader *reader)
{
	uint64_t value = reader_varint(reader);

	return (int64_t)((value >> 1) ^ -(value & 1));
}

uint64_t journal_get_difference(struct reader *reader, uint64_t from)
{
	return from + (uint64_t)journal_get_signed(reader);
}

double journal_get_double(struct reader *reader)
{
	uint64_t bits = reader_u64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

uint32_t journal_get_u32(struct reader *reader)
{
	uint64_t value = reader_varint(reader);

	if (value > UINT32_MAX)
		journal_fail(reader, -EBADMSG);
	return (uint32_t)value;
}

uint32_t journal_get_below(struct reader *reader, uint32_t limit)
{
	uint32_t value = journal_get_u32(reader);

	if (value < limit)
		return value;
	journal_fail(reader, -EBADMSG);
	return 0;
}

_Bool journal_get_bool(struct reader *reader)
{
	uint8_t byte = reader_byte(reader);

	if (byte > 1)
		journal_fail(reader, -EBADMSG);
	return byte;
}

uint32_t journal_get_count(struct reader *reader, size_t item_bytes)
{
	uint32_t count = journal_get_u32(reader);

	if (!reader->failed && count > (reader->size - reader->at) / item_bytes)
		journal_fail(reader, -EBADMSG);
	return reader->failed ? 0 : count;
}

void *journal_get_room(struct reader *reader, size_t count, size_t item_size)
{
	void *items = calloc(count ? count : 1, item_size);

	if (!items)
		journal_fail(reader, -ENOMEM);
	return items;
}

static char *copy_bytes(struct reader *reader, const char *bytes, size_t size)
{
	char *copy = reader->failed ? NULL : malloc(size + 1);

	if (!copy) {
		journal_fail(reader, -ENOMEM);
		return NULL;
	}
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

char *journal_get_text(struct reader *reader)
{
	size_t size = 0;
	const char *text = reader_string(reader, &size);

	if (!reader->failed && memchr(text, '\0', size))
		journal_fail(reader, -EBADMSG);
	return copy_bytes(reader, text, size);
}

char *journal_get_bytes(struct reader *reader, size_t *ret_size)
{
	size_t size = 0;
	const char *bytes = reader_string(reader, &size);
	char *copy = copy_bytes(reader, bytes, size);

	*ret_size = copy ? size : 0;
	return copy;
}

void *journal_get_table(struct reader *reader, uint64_t count, size_t item_size)
{
	if (reader->failed || count > reader->size - reader->at) {
		journal_fail(reader, -EBADMSG);
		return NULL;
	}
	return journal_get_room(reader, count, item_size);
}
