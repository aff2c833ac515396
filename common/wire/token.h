/* SPDX-License-Identifier: Apache-2.0 */
/* Reads msgpack token by token, in place, never past the end and without allocating. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum token_kind {
	TOKEN_NIL,
	TOKEN_BOOL,     /* number: 0 or 1 */
	TOKEN_NUMBER,   /* number: a whole one >= 0, in whichever form it was written */
	TOKEN_NEGATIVE, /* a whole number < 0; its value isn't kept, no field has one */
	TOKEN_FLOAT,    /* nor this one's */
	TOKEN_TEXT,     /* data, size */
	TOKEN_BYTES,    /* data, size */
	TOKEN_LIST,     /* size: how many objects follow */
	TOKEN_MAP,      /* size: how many pairs of objects follow */
	TOKEN_EXTENSION,
};

struct token {
	enum token_kind kind;
	uint64_t number;
	const uint8_t *data; /* into the bytes that are read */
	uint32_t size;
};

struct token_reader {
	const uint8_t *at;
	const uint8_t *end;
};

/* The next token: of a container only its head, so that its first element is next. A container's declared size is held
 * against the bytes that are left (an object takes at least one). 0 or -EBADMSG. */
int token_next(struct token_reader *reader, struct token *ret_token);
/* Passes over one object with all that is in it. -EBADMSG also for nesting deeper than LIMIT_MESSAGE_DEPTH. */
int token_skip(struct token_reader *reader);
/* True if the token is this text. */
_Bool token_is(const struct token *token, const char *text);
/* Moves `reader`, which stands before a map, to the value of `key`. 0, -ENOKEY, or -EBADMSG (no map, or broken). */
int token_find(struct token_reader *reader, const char *key);
