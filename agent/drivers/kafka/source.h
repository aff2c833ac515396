/* SPDX-License-Identifier: Apache-2.0 */
/* What the messages of a step are made of, beyond templates: generated payloads and keys.
 *
 * A payload is not made for its message: it is a piece of a block of bytes, which nobody copies because it outlives
 * every message. Where nothing compresses, pieces begin at random places of one small block, which stays in the cache.
 * Where something does (the step says a compressibility, or the target a compression), that would mislead: the same
 * bytes come again and again within a batch. There the pieces follow each other through a block that is much larger
 * than any batch, and of each 256 bytes in it as many are random as the compressibility leaves. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/kit/step_map.h"
#include "common/base/buffer.h"
#include "common/base/random.h"

struct slab;
struct source;
struct source_block;

/* Places in the small block at which a payload may begin. */
enum { SOURCE_PLACES = 64 * 1024 };

/* Zero-initialised is empty. */
struct sources {
	struct source *items; /* by the step's number */
	uint32_t count;
	struct source_block **blocks;
	uint32_t block_count;
	uint8_t *small;
	struct slab *small_slab; /* NULL: no step stamps pieces of the small block */
	_Bool plain; /* every step has one size and the small block, or a template, and neither generated keys
	                nor headers nor a stamp */
};

/* `steps` must outlive it. 0 or -ENOMEM. */
int sources_init(struct sources *sources, const struct step_map *steps, const struct target *target, uint64_t seed);
void sources_deinit(struct sources *sources);
/* The size of the next payload of a step that generates them. */
size_t sources_size(const struct sources *sources, uint32_t step, struct random *random);
/* The next payload of such a step: holds as long as the sources. */
const void *sources_payload(struct sources *sources, uint32_t step, size_t size, struct random *random);
/* Of a step that stamps its payloads at the head: where they are taken from (see slab.h), up to SLAB_ITEM_MAX bytes. */
struct slab *sources_slab(const struct sources *sources, uint32_t step);
/* Appends the next key of a step that generates them. 0 or -ENOMEM. */
int sources_key(const struct sources *sources, uint32_t step, struct random *random, struct buffer *key);
