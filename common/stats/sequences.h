/* SPDX-License-Identifier: Apache-2.0 */
/* A set of sequence numbers, dense in parts: what was acknowledged of a producer's messages, or seen again. Pure.
 *
 * Numbers lie in chunks of 65,536. A chunk is a list of runs or a bitmap up to its highest number, whichever is
 * smaller: at most one bit for each number up to the highest, in any pattern, and nothing where numbers follow each
 * other. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"

struct sequences_chunk;

/* A value; zero is empty. */
struct sequences {
	struct sequences_chunk *chunks; /* ascending, none of them empty */
	uint32_t count;
	uint32_t capacity;
	uint32_t newest; /* the chunk that was added to last */
	uint64_t total;  /* numbers in it */
};

/* No producer sends that many; a larger number from a peer is refused. */
#define SEQUENCES_MAX (UINT64_C(1) << 40)

void sequences_deinit(struct sequences *set);
/* Empties it; keeps the room for as many chunks. */
void sequences_clear(struct sequences *set);
/* 1: added; 0: was in it already; -ENOMEM; -ERANGE at or past SEQUENCES_MAX. O(1) in ascending order. */
int sequences_add(struct sequences *set, uint64_t number);
/* Adds [from, from + count): ret_added (may be NULL) gets how many were not in it. 0, -ENOMEM (a first part of them is
 * in it) or -ERANGE. */
int sequences_add_run(struct sequences *set, uint64_t from, uint64_t count, uint64_t *ret_added);
_Bool sequences_has(const struct sequences *set, uint64_t number);
/* How many of [from, from + count) are in it. */
uint64_t sequences_count(const struct sequences *set, uint64_t from, uint64_t count);
/* The highest number of a set that isn't empty. */
uint64_t sequences_last(const struct sequences *set);
/* The run that starts at `from` or, if `from` isn't in the set, the next one: [*ret_from, *ret_from + *ret_count), cut
 * at its chunk's end. False: there is none. */
_Bool sequences_next(const struct sequences *set, uint64_t from, uint64_t *ret_from, uint64_t *ret_count);
/* The next numbers of [from, until) that are not in the set, cut at a chunk's end. False: all are in it. */
_Bool sequences_next_absent(const struct sequences *set, uint64_t from, uint64_t until, uint64_t *ret_from,
                            uint64_t *ret_count);

/* As bytes: chunks, each a varint of the distance to the chunk before + 1, then a byte: 0 (whole), 1 (a bitmap: varints
 * of its first byte that isn't zero and of how many follow until its last one, then these) or 2 (runs: for each a
 * varint of twice the gap before it and whether it is longer than 1, then if it is a varint of its length - 2; after
 * the last one 0), of a bitmap and runs what is shorter; and a 0 at the end. What fails is kept in the buffer. */
void sequences_encode(const struct sequences *set, struct buffer *buffer);
/* Adds what was encoded. 0, -ENOMEM, or -EBADMSG (the bytes are wrong); on failure the set may have got a part. */
int sequences_decode_add(struct sequences *set, struct reader *reader);

/* Bytes of memory that it holds. */
size_t sequences_memory(const struct sequences *set);
