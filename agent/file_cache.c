/* SPDX-License-Identifier: Apache-2.0 */
/* Data files by their digest: a list, the one that was put in last at its end. */
#include "agent/file_cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/hash.h"

struct cached {
	char sha256[SHA256_HEX_SIZE];
	struct buffer content;
};

struct file_cache {
	struct cached *items;
	size_t count;
	size_t capacity;
	size_t bytes;
	size_t max_bytes;
};

struct file_cache *file_cache_new(size_t max_bytes)
{
	struct file_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		cache->max_bytes = max_bytes;
	return cache;
}

/* The content becomes the caller's. */
static struct buffer remove_at(struct file_cache *cache, size_t index)
{
	struct buffer content = cache->items[index].content;

	cache->bytes -= content.capacity;
	cache->count--;
	memmove(&cache->items[index], &cache->items[index + 1], (cache->count - index) * sizeof(*cache->items));
	return content;
}

static void drop_oldest(struct file_cache *cache)
{
	struct buffer content = remove_at(cache, 0);

	buffer_deinit(&content);
}

struct file_cache *file_cache_free(struct file_cache *cache)
{
	if (!cache)
		return NULL;
	while (cache->count > 0)
		drop_oldest(cache);
	free(cache->items);
	free(cache);
	return NULL;
}

_Bool file_cache_take(struct file_cache *cache, const char *sha256, struct buffer *ret_content)
{
	for (size_t i = 0; i < cache->count; i++) {
		if (strcmp(cache->items[i].sha256, sha256) == 0) {
			*ret_content = remove_at(cache, i);
			return 1;
		}
	}
	return 0;
}

void file_cache_put(struct file_cache *cache, const char *sha256, struct buffer *content)
{
	struct buffer old = {0};
	struct cached *item;

	if (content->size == 0 || content->capacity > cache->max_bytes || strlen(sha256) + 1 != SHA256_HEX_SIZE) {
		buffer_deinit(content);
		return;
	}
	if (file_cache_take(cache, sha256, &old))
		buffer_deinit(&old);
	if (array_reserve(&cache->items, &cache->capacity, cache->count, sizeof(*cache->items)) < 0) {
		buffer_deinit(content);
		return;
	}
	while (cache->bytes + content->capacity > cache->max_bytes)
		drop_oldest(cache);
	item = &cache->items[cache->count++];
	memcpy(item->sha256, sha256, SHA256_HEX_SIZE);
	item->content = *content;
	cache->bytes += content->capacity;
	*content = (struct buffer){0};
}
