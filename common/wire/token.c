/* SPDX-License-Identifier: Apache-2.0 */
/* The msgpack format (https://github.com/msgpack/msgpack/blob/master/spec.md) as tokens.
 *
 * msgpack-c's unpacker builds a tree of 24-byte objects and trusts declared lengths (five bytes make it ask for
 * gigabytes). What comes from a peer is read here instead: nothing is built, so nothing but the bytes themselves takes
 * memory. */
#include "common/wire/token.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/codec.h"

/* What a head byte announces: `width` bytes of a number or a length after it, then `fixed` bytes of content. */
struct head {
	uint8_t kind;
	uint8_t width;
	uint8_t fixed;
	_Bool is_signed;
	_Bool is_invalid;
};

/* 0xc0 to 0xdf; the others are the short forms. */
/* clang-format off */
static const struct head heads[32] = {
	[0x00] = {.kind = TOKEN_NIL},
	[0x01] = {.is_invalid = 1}, /* "never used" */
	[0x02] = {.kind = TOKEN_BOOL},
	[0x03] = {.kind = TOKEN_BOOL},
	[0x04] = {.kind = TOKEN_BYTES, .width = 1},
	[0x05] = {.kind = TOKEN_BYTES, .width = 2},
	[0x06] = {.kind = TOKEN_BYTES, .width = 4},
	[0x07] = {.kind = TOKEN_EXTENSION, .width = 1},
	[0x08] = {.kind = TOKEN_EXTENSION, .width = 2},
	[0x09] = {.kind = TOKEN_EXTENSION, .width = 4},
	[0x0a] = {.kind = TOKEN_FLOAT, .fixed = 4},
	[0x0b] = {.kind = TOKEN_FLOAT, .fixed = 8},
	[0x0c] = {.kind = TOKEN_NUMBER, .width = 1},
	[0x0d] = {.kind = TOKEN_NUMBER, .width = 2},
	[0x0e] = {.kind = TOKEN_NUMBER, .width = 4},
	[0x0f] = {.kind = TOKEN_NUMBER, .width = 8},
	[0x10] = {.kind = TOKEN_NUMBER, .width = 1, .is_signed = 1},
	[0x11] = {.kind = TOKEN_NUMBER, .width = 2, .is_signed = 1},
	[0x12] = {.kind = TOKEN_NUMBER, .width = 4, .is_signed = 1},
	[0x13] = {.kind = TOKEN_NUMBER, .width = 8, .is_signed = 1},
	[0x14] = {.kind = TOKEN_EXTENSION, .fixed = 1 + 1},
	[0x15] = {.kind = TOKEN_EXTENSION, .fixed = 1 + 2},
	[0x16] = {.kind = TOKEN_EXTENSION, .fixed = 1 + 4},
	[0x17] = {.kind = TOKEN_EXTENSION, .fixed = 1 + 8},
	[0x18] = {.kind = TOKEN_EXTENSION, .fixed = 1 + 16},
	[0x19] = {.kind = TOKEN_TEXT, .width = 1},
	[0x1a] = {.kind = TOKEN_TEXT, .width = 2},
	[0x1b] = {.kind = TOKEN_TEXT, .width = 4},
	[0x1c] = {.kind = TOKEN_LIST, .width = 2},
	[0x1d] = {.kind = TOKEN_LIST, .width = 4},
	[0x1e] = {.kind = TOKEN_MAP, .width = 2},
	[0x1f] = {.kind = TOKEN_MAP, .width = 4},
};
/* clang-format on */

static size_t left(const struct token_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static uint64_t big_endian(const uint8_t *data, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value = value << 8 | data[i];
	return value;
}

static int take_content(struct token_reader *reader, uint64_t size, struct token *token)
{
	if (size > left(reader))
		return -EBADMSG;
	token->data = reader->at;
	token->size = (uint32_t)size;
	reader->at += size;
	return 0;
}

static int take_container(const struct token_reader *reader, uint64_t count, struct token *token)
{
	if (count * (token->kind == TOKEN_MAP ? 2 : 1) > left(reader))
		return -EBADMSG;
	token->size = (uint32_t)count;
	return 0;
}

/* The forms whose value or length is in the head byte itself. */
static int take_short(struct token_reader *reader, uint8_t byte, struct token *token)
{
	if (byte <= 0x7f) {
		token->kind = TOKEN_NUMBER;
		token->number = byte;
		return 0;
	}
	if (byte <= 0x9f) {
		token->kind = byte <= 0x8f ? TOKEN_MAP : TOKEN_LIST;
		return take_container(reader, byte & 0x0f, token);
	}
	if (byte <= 0xbf) {
		token->kind = TOKEN_TEXT;
		return take_content(reader, byte & 0x1f, token);
	}
	token->kind = TOKEN_NEGATIVE; /* 0xe0 and above */
	return 0;
}

static int take_long(struct token_reader *reader, const struct head *head, uint8_t byte, struct token *token)
{
	uint64_t value;

	if (head->is_invalid || head->width > left(reader))
		return -EBADMSG;
	value = big_endian(reader->at, head->width);
	reader->at += head->width;
	token->kind = head->kind;
	switch (token->kind) {
	case TOKEN_NIL:
		return 0;
	case TOKEN_BOOL:
		token->number = byte & 1;
		return 0;
	case TOKEN_NUMBER:
		assert(head->width > 0);
		if (head->is_signed && value >> (8 * head->width - 1))
			token->kind = TOKEN_NEGATIVE;
		token->number = value;
		return 0;
	case TOKEN_LIST:
	case TOKEN_MAP:
		return take_container(reader, value, token);
	case TOKEN_EXTENSION:
		return take_content(reader, head->fixed ? head->fixed : value + 1, token);
	default:
		return take_content(reader, head->fixed ? head->fixed : value, token);
	}
}

int token_next(struct token_reader *reader, struct token *ret_token)
{
	struct token token = {0};
	uint8_t byte;
	int r;

	if (reader->at == reader->end)
		return -EBADMSG;
	byte = *reader->at++;
	if (byte >= 0xc0 && byte <= 0xdf)
		r = take_long(reader, &heads[byte - 0xc0], byte, &token);
	else
		r = take_short(reader, byte, &token);
	if (r < 0)
		return r;
	*ret_token = token;
	return 0;
}

int token_skip(struct token_reader *reader)
{
	uint64_t open[LIMIT_MESSAGE_DEPTH]; /* objects still to come, by depth */
	unsigned depth = 0;
	struct token token;

	do {
		int r = token_next(reader, &token);

		if (r < 0)
			return r;
		if (depth > 0)
			open[depth - 1]--;
		if (token.kind == TOKEN_LIST || token.kind == TOKEN_MAP) {
			if (depth == LIMIT_MESSAGE_DEPTH)
				return -EBADMSG;
			open[depth++] = (uint64_t)token.size * (token.kind == TOKEN_MAP ? 2 : 1);
		}
		while (depth > 0 && open[depth - 1] == 0)
			depth--;
	} while (depth > 0);
	return 0;
}

_Bool token_is(const struct token *token, const char *text)
{
	return token->kind == TOKEN_TEXT && token->size == strlen(text) && memcmp(token->data, text, token->size) == 0;
}

int token_find(struct token_reader *reader, const char *key)
{
	struct token_reader at = *reader;
	struct token map, name;

	if (token_next(&at, &map) < 0 || map.kind != TOKEN_MAP)
		return -EBADMSG;
	for (uint32_t i = 0; i < map.size; i++) {
		if (token_next(&at, &name) < 0)
			return -EBADMSG;
		if (token_is(&name, key)) {
			*reader = at;
			return 0;
		}
		if (name.kind != TOKEN_TEXT || token_skip(&at) < 0)
			return -EBADMSG;
	}
	return -ENOKEY;
}

int codec_scan(const uint8_t *data, size_t size)
{
	struct token_reader reader;
	int r;

	if (size == 0)
		return -EBADMSG; /* there may be no data to point at */
	reader = (struct token_reader){.at = data, .end = data + size};
	r = token_skip(&reader);
	return r < 0 ? r : reader.at == reader.end ? 0 : -EBADMSG;
}
