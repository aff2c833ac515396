/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings to consecutive ids.
 *
 * Open addressing with linear probing over a power of two of slots, at most half full; a slot holds
 * id + 1. The keys lie in blocks that never move, so a key stays where it is. */
#include "common/base/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/hash.h"

enum {
	FIRST_SLOTS = 16,
	BLOCK_BYTES = 4096, /* of the first block; each further one is twice as large, up to */
	BLOCK_BYTES_MAX = 1024 * 1024,
};

struct block {
	struct block *next;
	size_t used;
	size_t size;
	char bytes[];
};

struct entry {
	const char *key;
	size_t size;
	uint64_t hash;
};

struct names {
	struct entry *entries;
	size_t count;
	size_t capacity;
	uint32_t *slots;
	size_t slot_count;
	struct block *blocks; /* the first one */
	struct block *filling;
};

DEFINE_CLEANUP(struct names *, names_free)

struct names *names_new(void)
{
	cleanup(names_freep) struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->slots = calloc(FIRST_SLOTS, sizeof(*names->slots));
	if (!names->slots)
		return NULL;
	names->slot_count = FIRST_SLOTS;
	return steal(names);
}

struct names *names_free(struct names *names)
{
	if (!names)
		return NULL;
	while (names->blocks) {
		struct block *next = names->blocks->next;

		free(names->blocks);
		names->blocks = next;
	}
	free(names->entries);
	free(names->slots);
	free(names);
	return NULL;
}

/* The slot that holds this key, or the empty one where it would go. */
static size_t find_slot(const struct names *names, const void *key, size_t size, uint64_t hash)
{
	size_t mask = names->slot_count - 1;
	size_t slot = hash & mask;

	while (names->slots[slot] != 0) {
		const struct entry *entry = &names->entries[names->slots[slot] - 1];

		if (entry->hash == hash && entry->size == size && (size == 0 || memcmp(entry->key, key, size) == 0))
			break;
		slot = (slot + 1) & mask;
	}
	return slot;
}

static int grow_slots(struct names *names)
{
	size_t count = names->slot_count * 2;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t id = 0; id < names->count; id++) {
		size_t slot = names->entries[id].hash & (count - 1);

		while (slots[slot] != 0)
			slot = (slot + 1) & (count - 1);
		slots[slot] = (uint32_t)id + 1;
	}
	free(names->slots);
	names->slots = slots;
	names->slot_count = count;
	return 0;
}

static struct block *add_block(struct names *names, size_t least)
{
	size_t size = names->filling ? names->filling->size * 2 : BLOCK_BYTES;
	struct block *block;

	if (size > BLOCK_BYTES_MAX)
		size = BLOCK_BYTES_MAX;
	if (size < least)
		size = least;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	*block = (struct block){.size = size};
	if (names->filling) {
		block->next = names->filling->next;
		names->filling->next = block;
	} else {
		names->blocks = block;
	}
	return block;
}

/* `size` bytes that never move. After a clear the kept blocks are filled again in their order. */
static char *take_bytes(struct names *names, size_t size)
{
	struct block *block = names->filling;
	char *bytes;

	while (block && size > block->size - block->used && block->next)
		block = block->next;
	if (!block || size > block->size - block->used)
		block = add_block(names, size);
	if (!block)
		return NULL;
	names->filling = block;
	bytes = block->bytes + block->used;
	block->used += size;
	return bytes;
}

static int add(struct names *names, const void *key, size_t size, uint64_t hash)
{
	char *copy;
	int r;

	if (names->count >= NAMES_NONE - 1 || size == SIZE_MAX)
		return -ENOMEM;
	r = array_reserve(&names->entries, &names->capacity, names->count, sizeof(*names->entries));
	if (r < 0)
		return r;
	if (names->count * 2 >= names->slot_count) {
		r = grow_slots(names);
		if (r < 0)
			return r;
	}
	copy = take_bytes(names, size + 1);
	if (!copy)
		return -ENOMEM;
	if (size > 0)
		memcpy(copy, key, size);
	copy[size] = '\0';
	names->slots[find_slot(names, key, size, hash)] = (uint32_t)names->count + 1;
	names->entries[names->count++] = (struct entry){.key = copy, .size = size, .hash = hash};
	return 0;
}

int names_intern(struct names *names, const void *key, size_t size, uint32_t *ret_id, _Bool *ret_added)
{
	uint64_t hash = hash_bytes(key, size);
	uint32_t found = names->slots[find_slot(names, key, size, hash)];
	int r;

	if (found == 0) {
		r = add(names, key, size, hash);
		if (r < 0)
			return r;
	}
	*ret_id = found ? found - 1 : (uint32_t)names->count - 1;
	if (ret_added)
		*ret_added = found == 0;
	return 0;
}

uint32_t names_find(const struct names *names, const void *key, size_t size)
{
	uint32_t found = names->slots[find_slot(names, key, size, hash_bytes(key, size))];

	return found ? found - 1 : NAMES_NONE;
}

uint32_t names_count(const struct names *names)
{
	return (uint32_t)names->count;
}

const char *names_key(const struct names *names, uint32_t id, size_t *ret_size)
{
	if (ret_size)
		*ret_size = names->entries[id].size;
	return names->entries[id].key;
}

void names_clear(struct names *names)
{
	memset(names->slots, 0, names->slot_count * sizeof(*names->slots));
	names->count = 0;
	for (struct block *block = names->blocks; block; block = block->next)
		block->used = 0;
	names->filling = names->blocks;
}
