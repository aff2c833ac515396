/* SPDX-License-Identifier: Apache-2.0 */
/* What a link keeps of each peer: the parts of a message that is not whole yet, and frames that it hasn't taken yet.
 * All of it is bounded, for each peer and for all together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/wire/codec.h"

/* One frame in a peer's queue. */
struct queued {
	struct queued *next;
	size_t size;
	uint8_t data[];
};

struct peer {
	struct incarnation id;
	struct assembler *assembler;
	struct queued *first, *last;
	size_t queued_bytes;
	uint64_t used; /* when it was last heard of, in calls of peers_take() */
};

/* Zero is empty. Peers are sorted by id. */
struct peers {
	struct peer **items;
	size_t count, capacity;
	uint64_t uses;
	size_t held_bytes;   /* of all assemblers */
	size_t queued_bytes; /* of all queues */
};

void peers_deinit(struct peers *peers);
/* NULL if there is none. */
struct peer *peers_find(const struct peers *peers, const struct incarnation *id);
/* The peer, added if it is new. Past LIMIT_AGENTS the one that wasn't heard of for the longest time makes room. NULL
 * without memory. */
struct peer *peers_get(struct peers *peers, const struct incarnation *id);
void peers_remove(struct peers *peers, const struct incarnation *id);

/* assembler_take() of a peer's frame. When all assemblers together hold more than LIMIT_ASSEMBLED_BYTES, what was begun
 * the longest time ago is dropped. */
int peers_take(struct peers *peers, struct peer *peer, const uint8_t *frame, size_t size, const uint8_t **ret_data,
               size_t *ret_size);
/* Releases what peers_take() gave. */
void peers_release(struct peers *peers, struct peer *peer);

/* Puts a frame at the end of the peer's queue (copied). 0 or -ENOMEM. */
int peers_queue(struct peers *peers, struct peer *peer, const uint8_t *data, size_t size);
/* Takes the first frame off the queue. */
void peers_dequeue(struct peers *peers, struct peer *peer);
void peers_drop_queue(struct peers *peers, struct peer *peer);
/* True if a message of `size` bytes may be queued: never more than LIMIT_WHOLE_BYTES a peer beside a message that it
 * starts with, and LIMIT_ASSEMBLED_BYTES for all. */
_Bool peers_has_room(const struct peers *peers, const struct peer *peer, size_t size);
