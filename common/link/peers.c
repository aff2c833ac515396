/* SPDX-License-Identifier: Apache-2.0 */
/* Peers by their routing id. */
#include "common/link/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/limits.h"

/* Where the id is, or where it would be inserted. */
static size_t find_slot(const struct peers *peers, const struct incarnation *id)
{
	size_t low = 0, high = peers->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(peers->items[middle]->id.bytes, id->bytes, INCARNATION_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static _Bool is_at(const struct peers *peers, size_t slot, const struct incarnation *id)
{
	return slot < peers->count && incarnation_equal(&peers->items[slot]->id, id);
}

struct peer *peers_find(const struct peers *peers, const struct incarnation *id)
{
	size_t slot = find_slot(peers, id);

	return is_at(peers, slot, id) ? peers->items[slot] : NULL;
}

void peers_drop_queue(struct peers *peers, struct peer *peer)
{
	while (peer->first)
		peers_dequeue(peers, peer);
}

static void remove_at(struct peers *peers, size_t slot)
{
	struct peer *peer = peers->items[slot];

	peers_drop_queue(peers, peer);
	peers->held_bytes -= assembler_held(peer->assembler);
	assembler_free(peer->assembler);
	free(peer);
	peers->count--;
	memmove(&peers->items[slot], &peers->items[slot + 1], (peers->count - slot) * sizeof(*peers->items));
}

void peers_remove(struct peers *peers, const struct incarnation *id)
{
	size_t slot = find_slot(peers, id);

	if (is_at(peers, slot, id))
		remove_at(peers, slot);
}

void peers_deinit(struct peers *peers)
{
	while (peers->count > 0)
		remove_at(peers, peers->count - 1);
	free(peers->items);
	*peers = (struct peers){0};
}

/* The slot of the peer that was used the longest time ago; only those that hold parts if `holding`. */
static size_t find_oldest(const struct peers *peers, _Bool holding, const struct peer *except)
{
	size_t oldest = SIZE_MAX;

	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = peers->items[i];

		if (peer == except || (holding && assembler_held(peer->assembler) == 0))
			continue;
		if (oldest == SIZE_MAX || peer->used < peers->items[oldest]->used)
			oldest = i;
	}
	return oldest;
}

static struct peer *peer_new(const struct incarnation *id)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer)
		peer->assembler = assembler_new(LIMIT_WHOLE_BYTES);
	if (!peer || !peer->assembler) {
		free(peer);
		return NULL;
	}
	peer->id = *id;
	return peer;
}

struct peer *peers_get(struct peers *peers, const struct incarnation *id)
{
	struct peer *peer = peers_find(peers, id);
	size_t slot;

	if (peer)
		return peer;
	if (peers->count >= LIMIT_AGENTS)
		remove_at(peers, find_oldest(peers, 0, NULL));
	if (array_reserve(&peers->items, &peers->capacity, peers->count + 1, sizeof(struct peer *)) < 0)
		return NULL;
	peer = peer_new(id);
	if (!peer)
		return NULL;
	peer->used = ++peers->uses;
	slot = find_slot(peers, id);
	memmove(&peers->items[slot + 1], &peers->items[slot], (peers->count - slot) * sizeof(struct peer *));
	peers->items[slot] = peer;
	peers->count++;
	return peer;
}

static void drop_parts(struct peers *peers, struct peer *peer)
{
	peers->held_bytes -= assembler_held(peer->assembler);
	assembler_clear(peer->assembler);
}

int peers_take(struct peers *peers, struct peer *peer, const uint8_t *frame, size_t size, const uint8_t **ret_data,
               size_t *ret_size)
{
	size_t before = assembler_held(peer->assembler);
	int r = assembler_take(peer->assembler, frame, size, ret_data, ret_size);

	peer->used = ++peers->uses;
	peers->held_bytes += assembler_held(peer->assembler) - before;
	while (peers->held_bytes > LIMIT_ASSEMBLED_BYTES) {
		size_t oldest = find_oldest(peers, 1, peer);

		if (oldest == SIZE_MAX)
			break;
		drop_parts(peers, peers->items[oldest]);
	}
	return r;
}

void peers_release(struct peers *peers, struct peer *peer)
{
	drop_parts(peers, peer);
}

_Bool peers_has_room(const struct peers *peers, const struct peer *peer, size_t size)
{
	if (peer && peer->first && peer->queued_bytes + size > LIMIT_WHOLE_BYTES)
		return 0;
	return peers->queued_bytes + size <= LIMIT_ASSEMBLED_BYTES;
}

int peers_queue(struct peers *peers, struct peer *peer, const uint8_t *data, size_t size)
{
	struct queued *frame = malloc(sizeof(*frame) + size);

	if (!frame)
		return -ENOMEM;
	frame->next = NULL;
	frame->size = size;
	memcpy(frame->data, data, size);
	if (peer->last)
		peer->last->next = frame;
	else
		peer->first = frame;
	peer->last = frame;
	peer->queued_bytes += size;
	peers->queued_bytes += size;
	return 0;
}

void peers_dequeue(struct peers *peers, struct peer *peer)
{
	struct queued *frame = peer->first;

	peer->first = frame->next;
	if (!peer->first)
		peer->last = NULL;
	peer->queued_bytes -= frame->size;
	peers->queued_bytes -= frame->size;
	free(frame);
}
