/* SPDX-License-Identifier: Apache-2.0 */
/* Generated payloads and keys. */
#include "agent/drivers/kafka/source.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/kafka/slab.h"
#include "common/plan/kafka_properties.h"
#include "common/plan/zipf.h"

/* Places at which a payload may begin in a block that is compressed: a batch has a megabyte. */
enum { PLACES = 8 * 1024 * 1024 };

/* Of each so many bytes one part is random and the rest is the same byte, which costs a compressor some bytes. */
enum { UNIT = 256, UNIT_OVERHEAD = 4, FILLER = '.' };

struct source_block {
	double compressibility;
	size_t next;       /* where the next payload begins */
	struct slab *slab; /* NULL: no step stamps pieces of it */
	uint8_t data[];
};

struct source {
	const struct produce_step *step;
	struct source_block *block; /* NULL: the small one */
	struct zipf *zipf;
	uint32_t weights; /* of all sizes */
};

static void fill(struct random *random, double compressibility, uint8_t *data, size_t size)
{
	double kept = round((1 - compressibility) * UNIT);
	size_t noise;

	if (compressibility > 0)
		kept -= UNIT_OVERHEAD;
	noise = kept > 0 ? (size_t)kept : 0;
	memset(data, FILLER, size);
	for (size_t at = 0; noise > 0 && at < size; at += UNIT)
		random_fill(random, data + at, noise < size - at ? noise : size - at);
}

static int add_block(struct sources *sources, double compressibility, size_t most, struct random *random,
                     struct source_block **ret_block)
{
	struct source_block **blocks = reallocarray(sources->blocks, sources->block_count + 1, sizeof(*blocks));
	struct source_block *block;

	if (!blocks)
		return -ENOMEM;
	sources->blocks = blocks;
	block = malloc(sizeof(*block) + PLACES + most);
	if (!block)
		return -ENOMEM;
	block->compressibility = compressibility;
	block->next = 0;
	block->slab = NULL;
	fill(random, compressibility, block->data, PLACES + most);
	blocks[sources->block_count++] = block;
	*ret_block = block;
	return 0;
}

static int find_block(struct sources *sources, double compressibility, size_t most, struct random *random,
                      struct source_block **ret_block)
{
	for (uint32_t i = 0; i < sources->block_count; i++) {
		*ret_block = sources->blocks[i];
		if ((*ret_block)->compressibility == compressibility)
			return 0;
	}
	return add_block(sources, compressibility, most, random, ret_block);
}

/* For payloads whose heads are stamped. */
static int make_slab(struct sources *sources, const struct source *source)
{
	struct slab **slab = source->block ? &source->block->slab : &sources->small_slab;

	if (source->step->stamp != STAMP_HEAD || source->step->payload || *slab)
		return 0;
	*slab = source->block ? slab_new(source->block->data, PLACES) : slab_new(sources->small, SOURCE_PLACES);
	return *slab ? 0 : -ENOMEM;
}

static int init_source(struct sources *sources, struct source *source, _Bool compressed, size_t most,
                       struct random *random)
{
	const struct produce_step *step = source->step;
	double part = step->compressibility;
	int r = 0;

	for (uint32_t i = 0; i < step->size_count; i++)
		source->weights += step->sizes[i].weight;
	if (!step->payload && (part >= 0 || compressed))
		r = find_block(sources, part >= 0 ? part : 0, most, random, &source->block);
	if (r == 0)
		r = make_slab(sources, source);
	if (r == 0 && step->keys.zipf)
		r = zipf_new(step->keys.count, step->keys.exponent, &source->zipf);
	sources->plain &= !source->block && !source->weights && !step->keys.count && !step->headers.count &&
	                  step->stamp == STAMP_NONE;
	return r;
}

static int make_small_block(struct sources *sources, size_t most, struct random *random)
{
	size_t size = most + SOURCE_PLACES;

	sources->small = malloc(size);
	if (!sources->small)
		return -ENOMEM;
	random_fill(random, sources->small, size);
	return 0;
}

int sources_init(struct sources *sources, const struct step_map *steps, const struct target *target, uint64_t seed)
{
	_Bool compressed = kafka_compresses(&target->kafka.properties);
	struct random random;
	size_t most = 0;
	int r;

	random_seed(&random, seed);
	sources->items = calloc(steps->count + 1, sizeof(*sources->items));
	if (!sources->items)
		return -ENOMEM;
	sources->count = steps->count;
	sources->plain = 1;
	for (uint32_t i = 0; i < steps->count; i++) {
		const struct produce_step *step = &steps->steps[i]->produce;

		sources->items[i].step = step;
		if (!step->payload && step->size.high > most)
			most = step->size.high;
	}
	r = make_small_block(sources, most, &random);
	for (uint32_t i = 0; r == 0 && i < sources->count; i++)
		r = init_source(sources, &sources->items[i], compressed, most, &random);
	return r;
}

void sources_deinit(struct sources *sources)
{
	for (uint32_t i = 0; i < sources->count; i++)
		zipf_free(sources->items[i].zipf);
	for (uint32_t i = 0; i < sources->block_count; i++) {
		slab_free(sources->blocks[i]->slab);
		free(sources->blocks[i]);
	}
	slab_free(sources->small_slab);
	free(sources->items);
	free(sources->blocks);
	free(sources->small);
	*sources = (struct sources){0};
}

static __attribute__((noinline)) const struct range *weighted_size(const struct source *source, struct random *random)
{
	const struct weighted_size *size = source->step->sizes;
	uint64_t at = random_below(random, source->weights);

	while (at >= size->weight) {
		at -= size->weight;
		size++;
	}
	return &size->size;
}

static const void *piece(struct source_block *block, size_t size)
{
	const void *payload = block->data + block->next;

	block->next += size;
	while (block->next >= PLACES)
		block->next -= PLACES;
	return payload;
}

size_t sources_size(const struct sources *sources, uint32_t step, struct random *random)
{
	const struct source *source = &sources->items[step];
	const struct range *size = source->weights ? weighted_size(source, random) : &source->step->size;

	return size->low == size->high ? size->low : random_between(random, size->low, size->high);
}

const void *sources_payload(struct sources *sources, uint32_t step, size_t size, struct random *random)
{
	const struct source *source = &sources->items[step];

	if (source->block)
		return piece(source->block, size);
	return sources->small + (random_next(random) & (SOURCE_PLACES - 1));
}

struct slab *sources_slab(const struct sources *sources, uint32_t step)
{
	const struct source *source = &sources->items[step];

	return source->block ? source->block->slab : sources->small_slab;
}

int sources_key(const struct sources *sources, uint32_t step, struct random *random, struct buffer *key)
{
	const struct source *source = &sources->items[step];
	uint64_t number =
	        source->zipf ? zipf_draw(source->zipf, random) : random_below(random, source->step->keys.count);
	char digits[20];
	size_t at = sizeof(digits);

	number++;
	for (; number > 0; number /= 10)
		digits[--at] = (char)('0' + number % 10);
	buffer_append(key, digits + at, sizeof(digits) - at);
	return key->failed;
}
