/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that stay where they are until their messages are delivered, each with a beginning of its own.
 *
 * A generated payload needs no copying, as nobody writes to it; one with a stamp at its head differs from all others.
 * So payloads lie one after the other in chunks, whose bytes were filled in when they were made, and only a payload's
 * head is written. A chunk whose payloads are all given back is taken again, the last one first: it may be in the cache
 * still. Of one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SLAB_ITEM_MAX = 64 * 1024 }; /* a payload beyond it is better copied */

struct slab;

/* Chunks are filled with `source`, over and over, of `size` bytes, which must outlive it. NULL without memory. */
struct slab *slab_new(const uint8_t *source, size_t size);
/* Nobody may read from it any more. Accepts NULL. */
struct slab *slab_free(struct slab *slab);
/* From 1 to SLAB_ITEM_MAX bytes, with what the source or an earlier payload left in them. NULL without memory. */
void *slab_take(struct slab *slab, size_t size);
/* Gives one back, to the slab that it is of. */
void slab_give(const void *item);
/* Gives back the one that was taken last, which nobody has read: its bytes are the next one's. */
void slab_untake(const void *item, size_t size);
size_t slab_memory(const struct slab *slab);
