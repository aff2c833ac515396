/* SPDX-License-Identifier: Apache-2.0 */
/* Messages larger than a frame: taken apart, and put together again.
 *
 * The parts of a message come in order, as ZeroMQ keeps a peer's order. Memory grows with the bytes that came, never by
 * what a part announces. */
#include "common/wire/codec.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/limits.h"
#include "common/wire/fields.h"
#include "common/wire/token.h"

struct assembler {
	struct buffer whole;
	size_t max_bytes;
	uint64_t id;
	uint32_t next; /* part; 0: nothing was begun */
	uint32_t count;
};

int codec_split(const uint8_t *data, size_t size, uint64_t id, codec_frame_fn frame, void *context)
{
	struct part part = {.id = id, .count = (uint32_t)((size + LIMIT_PART_BYTES - 1) / LIMIT_PART_BYTES)};
	struct buffer buffer = {0};
	int r = 0;

	if (size <= LIMIT_MESSAGE_BYTES)
		return frame(context, data, size);
	if (size > LIMIT_WHOLE_BYTES)
		return -EMSGSIZE;
	for (size_t at = 0; at < size && r == 0; at += LIMIT_PART_BYTES, part.index++) {
		part.data = data + at;
		part.size = size - at < LIMIT_PART_BYTES ? size - at : LIMIT_PART_BYTES;
		buffer_clear(&buffer);
		r = codec_write(PART_TYPE, &part_record, &part, &buffer);
		if (r == 0)
			r = frame(context, buffer.data, buffer.size);
	}
	buffer_deinit(&buffer);
	return r;
}

struct assembler *assembler_new(size_t max_bytes)
{
	struct assembler *assembler = calloc(1, sizeof(*assembler));

	if (assembler)
		assembler->max_bytes = max_bytes;
	return assembler;
}

void assembler_clear(struct assembler *assembler)
{
	buffer_deinit(&assembler->whole);
	assembler->next = 0;
}

struct assembler *assembler_free(struct assembler *assembler)
{
	if (assembler)
		assembler_clear(assembler);
	free(assembler);
	return NULL;
}

size_t assembler_held(const struct assembler *assembler)
{
	return assembler->whole.capacity;
}

static _Bool is_part(const uint8_t *frame, size_t size)
{
	struct token_reader reader = {.at = frame, .end = frame + size};
	struct token type;

	return token_find(&reader, "t") == 0 && token_next(&reader, &type) == 0 && token_is(&type, PART_TYPE);
}

static int take_part(struct assembler *assembler, const struct part *part)
{
	int r;

	if (part->index == 0) {
		assembler_clear(assembler);
		assembler->id = part->id;
		assembler->count = part->count;
	} else if (assembler->next != part->index || assembler->id != part->id || assembler->count != part->count) {
		return -EBADMSG;
	}
	if (part->size > assembler->max_bytes - assembler->whole.size)
		return -EMSGSIZE;
	r = buffer_append(&assembler->whole, part->data, part->size);
	if (r < 0)
		return r;
	assembler->next = part->index + 1;
	return assembler->next == assembler->count;
}

int assembler_take(struct assembler *assembler, const uint8_t *frame, size_t size, const uint8_t **ret_data,
                   size_t *ret_size)
{
	struct part part = {0};
	int r;

	if (assembler->next > 0 && assembler->next == assembler->count)
		assembler_clear(assembler); /* the message of the call before */
	if (codec_scan(frame, size) < 0)
		return -EBADMSG;
	if (!is_part(frame, size)) {
		*ret_data = frame;
		*ret_size = size;
		return 1;
	}
	r = codec_read(frame, size, PART_TYPE, &part_record, NULL, NULL, &part);
	if (r == 0)
		r = take_part(assembler, &part);
	if (r < 0)
		assembler_clear(assembler);
	if (r == 1) {
		*ret_data = assembler->whole.data;
		*ret_size = assembler->whole.size;
	}
	return r;
}
