/* SPDX-License-Identifier: Apache-2.0 */
/* Data files that an agent has had from coordinators, by their digest, for the runs to come. Those that were used last
 * are kept, in memory and within a bound. Pure. */
#pragma once

#include <stddef.h>

#include "common/base/buffer.h"

struct file_cache;

/* NULL without memory. */
struct file_cache *file_cache_new(size_t max_bytes);
struct file_cache *file_cache_free(struct file_cache *cache);
/* Hands the content over: while a run has it, the cache does not. False if it isn't there. */
_Bool file_cache_take(struct file_cache *cache, const char *sha256, struct buffer *ret_content);
/* Takes the content, which has this digest, over; what makes no sense to keep is released. *content is empty then. */
void file_cache_put(struct file_cache *cache, const char *sha256, struct buffer *content);
