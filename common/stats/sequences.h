/* SPDX-License-Identifier: Apache-2.0 */
/* A set of sequence numbers, dense in parts: what was acknowledged of a producer's messages, or seen again. Pure.
 *
 * Numbers lie in chunks of 65,536. A chunk is whole (no memory), a list of runs, or a bitmap: at most one bit a number
 * in any pattern, and next to nothing where numbers follow each other. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"

struct sequences_chunk;

/* A value; zero is empty. */
struct sequences {
	struct sequences_chunk *chunks; /* ascending */
	size_t count;
	size_t capacity;
	size_t newest;  /* the chunk that was added to last */
	uint64_t total; /* numbers in it */
};

/* No producer sends that many; a larger number from a peer is refused. */
#define SEQUENCES_MAX (UINT64_C(1) << 40)

void sequences_deinit(struct sequences *set);
void sequences_clear(struct sequences *set);
/* 1: added; 0: was in it already; -ENOMEM; -ERANGE at or past SEQUENCES_MAX. O(1) in ascending order. */
int sequences_add(struct sequences *set, uint64_t number);
/* Adds [from, from + count): ret_added (may be NULL) gets how many were not in it. 0, -ENOMEM or -ERANGE. */
int sequences_add_run(struct sequences *set, uint64_t from, uint64_t count, uint64_t *ret_added);
_Bool sequences_has(const struct sequences *set, uint64_t number);
/* The smallest run that starts at or after `from`: [*ret_from, *ret_from + *ret_count), cut at the chunk's end. False:
 * there is none. */
_Bool sequences_next(const struct sequences *set, uint64_t from, uint64_t *ret_from, uint64_t *ret_count);

/* How many numbers of `set` are not in `minus`, and the first `max` of them in ascending order. */
uint64_t sequences_missing(const struct sequences *set, const struct sequences *minus, uint64_t *ret_first, size_t max,
                           size_t *ret_count);

/* As bytes: varint chunks; for each varint distance to the chunk before, then 0 (whole), varint n and n pairs of
 * varints (gap, length - 1), or 65,537 and the 8,192 bytes of the bitmap. What fails is kept in the buffer. */
void sequences_encode(const struct sequences *set, struct buffer *buffer);
/* Adds what was encoded: ret_repeated gets how many were in the set already. 0, -ENOMEM, or -EBADMSG (the bytes are
 * wrong; the set may have got a part of them: decode into an empty one first where that matters). */
int sequences_decode_add(struct sequences *set, struct reader *reader, uint64_t *ret_repeated);

/* Bytes of memory that it holds. */
size_t sequences_memory(const struct sequences *set);
