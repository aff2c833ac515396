/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as msgpack maps with named fields, behind bounds that are checked before anything is unpacked. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/wire/message.h"

/* Appends the message. -EMSGSIZE above LIMIT_WHOLE_BYTES, -ENOMEM, -EINVAL for what codec_decode() would refuse (a text
 * that is too long, a list with too many entries); the buffer is then as it was. A NULL text is written as "". */
int codec_encode(const struct message *message, struct buffer *buffer);

/* Decodes exactly `size` bytes. Unknown fields are passed over (a newer peer), missing ones are an error.
 * -EBADMSG with the reason (which field, what was expected); nothing is kept then. Never allocates more than a
 * small multiple of `size`. */
int codec_decode(const uint8_t *data, size_t size, struct failure *failure, struct message *ret_message);

/* Walks over msgpack without building anything: -EBADMSG if a declared length exceeds the bytes that are left,
 * nesting exceeds LIMIT_MESSAGE_DEPTH, or the bytes aren't exactly one object. */
int codec_scan(const uint8_t *data, size_t size);

/* An encoded message larger than a frame may be travels in parts: each a frame of its own {"t": "part", "id", "part",
 * "parts", "data"}. Calls `frame` for each frame (one for a small message), in order; stops at its first error (not 0).
 * `frame` must not keep `data`. -EMSGSIZE above LIMIT_WHOLE_BYTES, -ENOMEM. */
typedef int (*codec_frame_fn)(void *context, const uint8_t *data, size_t size);
int codec_split(const uint8_t *data, size_t size, uint64_t id, codec_frame_fn frame, void *context);

/* Puts parts together again, for one peer. */
struct assembler;
struct assembler *assembler_new(size_t max_bytes);
struct assembler *assembler_free(struct assembler *assembler);
/* Takes one frame. 1: a whole message is in *ret_data (it belongs to the assembler, or is the frame itself, and holds
 * until the next call); 0: more parts are awaited; -EBADMSG (a part out of order, too many or too large: what was begun
 * is dropped), -EMSGSIZE, -ENOMEM. A new message's first part drops an unfinished one. */
int assembler_take(struct assembler *assembler, const uint8_t *frame, size_t size, const uint8_t **ret_data,
                   size_t *ret_size);
/* Forgets what was begun and releases its memory. Call it when a whole message has been decoded. */
void assembler_clear(struct assembler *assembler);
/* Bytes of memory that it holds for a message. */
size_t assembler_held(const struct assembler *assembler);
