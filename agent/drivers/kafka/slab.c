/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that stay where they are. A chunk lies at a multiple of its size, so that a payload's address tells it. Huge
 * pages were tried and cost more than they save: the kernel moves memory about to get them. */
#include "agent/drivers/kafka/slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_SIZE = 256 * 1024,
	CHUNK_HEAD = 64, /* a cache line */
};

struct chunk {
	struct slab *slab;
	struct chunk *next; /* of all */
	struct chunk *next_empty;
	uint32_t used;   /* bytes, the head among them */
	uint32_t filled; /* likewise: as far as it was ever used */
	uint32_t held;   /* payloads */
};

_Static_assert(sizeof(struct chunk) <= CHUNK_HEAD, "the head holds the chunk's own");
_Static_assert(CHUNK_HEAD + SLAB_ITEM_MAX <= CHUNK_SIZE, "the largest payload fits");

struct slab {
	const uint8_t *source;
	size_t size;
	size_t at; /* in the source */
	struct chunk *current;
	struct chunk *empty;
	struct chunk *all;
	size_t count;
};

struct slab *slab_new(const uint8_t *source, size_t size)
{
	struct slab *slab = calloc(1, sizeof(*slab));

	if (!slab)
		return NULL;
	assert(size > 0);
	slab->source = source;
	slab->size = size;
	return slab;
}

struct slab *slab_free(struct slab *slab)
{
	if (!slab)
		return NULL;
	while (slab->all) {
		struct chunk *chunk = slab->all;

		slab->all = chunk->next;
		free(chunk);
	}
	free(slab);
	return NULL;
}

/* As far as it is used. Bit by bit: a whole chunk would hold up the loop. */
static __attribute__((noinline)) void fill(struct slab *slab, struct chunk *chunk)
{
	uint8_t *data = (uint8_t *)chunk + chunk->filled;
	size_t size = chunk->used - chunk->filled;

	while (size > 0) {
		size_t part = slab->size - slab->at < size ? slab->size - slab->at : size;

		memcpy(data, slab->source + slab->at, part);
		slab->at = (slab->at + part) % slab->size;
		data += part;
		size -= part;
	}
	chunk->filled = chunk->used;
}

static struct chunk *make_chunk(struct slab *slab)
{
	struct chunk *chunk = aligned_alloc(CHUNK_SIZE, CHUNK_SIZE);

	if (!chunk)
		return NULL;
	*chunk = (struct chunk){.slab = slab, .next = slab->all, .filled = CHUNK_HEAD};
	slab->all = chunk;
	slab->count++;
	return chunk;
}

/* The current one is full. */
static __attribute__((noinline)) struct chunk *next_chunk(struct slab *slab)
{
	struct chunk *chunk = slab->current;

	if (!chunk || chunk->held > 0) {
		chunk = slab->empty;
		if (chunk)
			slab->empty = chunk->next_empty;
		else
			chunk = make_chunk(slab);
	}
	if (!chunk)
		return NULL;
	chunk->used = CHUNK_HEAD;
	slab->current = chunk;
	return chunk;
}

void *slab_take(struct slab *slab, size_t size)
{
	struct chunk *chunk = slab->current;
	void *item;

	assert(size > 0 && size <= SLAB_ITEM_MAX);
	if (!chunk || size > CHUNK_SIZE - chunk->used) {
		chunk = next_chunk(slab);
		if (!chunk)
			return NULL;
	}
	item = (uint8_t *)chunk + chunk->used;
	chunk->used += (uint32_t)size;
	chunk->held++;
	if (chunk->used > chunk->filled)
		fill(slab, chunk);
	__builtin_prefetch((uint8_t *)chunk + chunk->used, 1); /* the next one's head */
	return item;
}

static struct chunk *chunk_of(const void *item)
{
	return (struct chunk *)((uintptr_t)item & ~(uintptr_t)(CHUNK_SIZE - 1));
}

void slab_give(const void *item)
{
	struct chunk *chunk = chunk_of(item);

	assert(chunk->held > 0);
	if (--chunk->held > 0 || chunk == chunk->slab->current)
		return;
	chunk->next_empty = chunk->slab->empty;
	chunk->slab->empty = chunk;
}

void slab_untake(const void *item, size_t size)
{
	struct chunk *chunk = chunk_of(item);

	assert(chunk == chunk->slab->current && (const uint8_t *)chunk + chunk->used == (const uint8_t *)item + size);
	chunk->used -= (uint32_t)size;
	chunk->held--;
}

size_t slab_memory(const struct slab *slab)
{
	return sizeof(*slab) + slab->count * CHUNK_SIZE;
}
