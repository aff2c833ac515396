/* SPDX-License-Identifier: Apache-2.0 */
/* A set of sequence numbers.
 *
 * Messages are acknowledged nearly in order, so a chunk begins as a list of runs (two of them within itself), and
 * adding looks at the newest run first. When runs would take more than a bitmap, the chunk becomes one; when it has all
 * its numbers, it is whole and holds nothing. A chunk never goes back. */
#include "common/stats/sequences.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_BITS = 16,
	CHUNK_SIZE = 1 << CHUNK_BITS,
	WORDS = CHUNK_SIZE / 64,
	RUNS_MAX = 2 * WORDS, /* of 4 bytes: as many bytes as a bitmap */
	RUNS_WITHIN = 2,
};

struct run {
	uint16_t first;
	uint16_t last;
};

struct sequences_chunk {
	uint32_t index;
	uint32_t total;
	uint16_t run_count;
	uint16_t run_capacity; /* 0: at most RUNS_WITHIN, in the chunk itself */
	_Bool is_bitmap;
	union {
		struct run within[RUNS_WITHIN];
		struct run *runs; /* ascending, never touching */
		uint64_t *bits;
	};
};

static _Bool is_whole(const struct sequences_chunk *chunk)
{
	return chunk->total == CHUNK_SIZE;
}

static const struct run *runs_of(const struct sequences_chunk *chunk)
{
	return chunk->run_capacity ? chunk->runs : chunk->within;
}

static void release(struct sequences_chunk *chunk)
{
	if (chunk->is_bitmap)
		free(chunk->bits);
	else if (chunk->run_capacity)
		free(chunk->runs);
	chunk->is_bitmap = 0;
	chunk->run_count = chunk->run_capacity = 0;
}

void sequences_clear(struct sequences *set)
{
	for (size_t i = 0; i < set->count; i++)
		release(&set->chunks[i]);
	set->count = set->newest = 0;
	set->total = 0;
}

void sequences_deinit(struct sequences *set)
{
	sequences_clear(set);
	free(set->chunks);
	*set = (struct sequences){0};
}

/* Chunks. */

/* The place of the first chunk with an index >= `index`. */
static uint32_t find_place(const struct sequences *set, uint64_t index)
{
	uint32_t low = 0, high = set->count;

	if (set->newest < set->count && set->chunks[set->newest].index == index)
		return set->newest;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (set->chunks[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Most sets hold one chunk or few: room grows from one. */
static int reserve_chunk(struct sequences *set)
{
	uint32_t capacity = set->capacity ? 2 * set->capacity : 1;
	struct sequences_chunk *chunks;

	if (set->count < set->capacity)
		return 0;
	chunks = realloc(set->chunks, capacity * sizeof(*chunks));
	if (!chunks)
		return -ENOMEM;
	set->chunks = chunks;
	set->capacity = capacity;
	return 0;
}

/* The chunk, made with the run in it if it isn't there (*ret_made); NULL without memory. */
static struct sequences_chunk *find_or_make(struct sequences *set, uint32_t index, struct run run, _Bool *ret_made)
{
	uint32_t place = find_place(set, index);
	struct sequences_chunk *chunk;

	*ret_made = place == set->count || set->chunks[place].index != index;
	if (*ret_made && reserve_chunk(set) < 0)
		return NULL;
	chunk = &set->chunks[place];
	if (*ret_made) {
		memmove(chunk + 1, chunk, (set->count - place) * sizeof(*chunk));
		*chunk = (struct sequences_chunk){.index = index, .run_count = 1, .within = {run}};
		chunk->total = (uint32_t)run.last - run.first + 1;
		set->count++;
	}
	set->newest = place;
	return chunk;
}

/* Runs. */

/* The place of the first run that ends at or after `number`. */
static uint32_t find_run(const struct sequences_chunk *chunk, uint32_t number)
{
	const struct run *runs = runs_of(chunk);
	uint32_t low = 0, high = chunk->run_count;

	if (high > 0 && runs[high - 1].last < number)
		return high;
	if (high > 0 && runs[high - 1].first <= number)
		return high - 1;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (runs[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The bits of `word` that lie in [first, last]. */
static uint64_t mask_of(uint32_t word, uint32_t first, uint32_t last)
{
	uint64_t mask = UINT64_MAX;

	if (word == first / 64)
		mask &= UINT64_MAX << (first % 64);
	if (word == last / 64)
		mask &= UINT64_MAX >> (63 - last % 64);
	return mask;
}

/* Returns how many were not set. */
static uint32_t set_bits(uint64_t *bits, uint32_t first, uint32_t last)
{
	uint32_t added = 0;

	for (uint32_t word = first / 64; word <= last / 64; word++) {
		uint64_t mask = mask_of(word, first, last);

		added += (uint32_t)__builtin_popcountll(mask & ~bits[word]);
		bits[word] |= mask;
	}
	return added;
}

static int become_bitmap(struct sequences_chunk *chunk)
{
	const struct run *runs = runs_of(chunk);
	uint64_t *bits = calloc(WORDS, sizeof(*bits));

	if (!bits)
		return -ENOMEM;
	for (uint32_t i = 0; i < chunk->run_count; i++)
		set_bits(bits, runs[i].first, runs[i].last);
	release(chunk);
	chunk->bits = bits;
	chunk->is_bitmap = 1;
	return 0;
}

static int reserve_run(struct sequences_chunk *chunk)
{
	uint32_t room = chunk->run_capacity ? chunk->run_capacity : RUNS_WITHIN;
	struct run *runs;

	if (chunk->run_count < room)
		return 0;
	runs = realloc(chunk->run_capacity ? chunk->runs : NULL, 2 * room * sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	if (!chunk->run_capacity)
		memcpy(runs, chunk->within, sizeof(chunk->within));
	chunk->runs = runs;
	chunk->run_capacity = (uint16_t)(2 * room);
	return 0;
}

/* Puts `run` in at `place`, for the `eaten` runs from there on, which it touches. */
static int put_run(struct sequences_chunk *chunk, uint32_t place, uint32_t eaten, struct run run)
{
	int r = eaten ? 0 : reserve_run(chunk);
	struct run *runs;

	if (r < 0)
		return r;
	runs = chunk->run_capacity ? chunk->runs : chunk->within;
	if (eaten != 1)
		memmove(&runs[place + 1], &runs[place + eaten], (chunk->run_count - place - eaten) * sizeof(*runs));
	runs[place] = run;
	chunk->run_count = (uint16_t)(chunk->run_count + 1 - eaten);
	return 0;
}

static int add_to_runs(struct sequences_chunk *chunk, struct run run, uint32_t *ret_added)
{
	uint32_t place = find_run(chunk, run.first ? run.first - 1U : 0), end = place, had = 0;
	const struct run *runs = runs_of(chunk);
	int r;

	for (; end < chunk->run_count && runs[end].first <= run.last + 1; end++) {
		had += (uint32_t)runs[end].last - runs[end].first + 1;
		run.first = runs[end].first < run.first ? runs[end].first : run.first;
		run.last = runs[end].last > run.last ? runs[end].last : run.last;
	}
	r = put_run(chunk, place, end - place, run);
	if (r == 0)
		*ret_added = (uint32_t)run.last - run.first + 1 - had;
	return r;
}

static int add_to_chunk(struct sequences_chunk *chunk, struct run run, uint32_t *ret_added)
{
	int r = 0;

	*ret_added = 0;
	if (is_whole(chunk))
		return 0;
	if (!chunk->is_bitmap && chunk->run_count >= RUNS_MAX)
		r = become_bitmap(chunk);
	if (r < 0)
		return r;
	if (chunk->is_bitmap)
		*ret_added = set_bits(chunk->bits, run.first, run.last);
	else
		r = add_to_runs(chunk, run, ret_added);
	chunk->total += *ret_added;
	if (is_whole(chunk))
		release(chunk);
	return r;
}

/* Adds numbers of one chunk. */
static int add_part(struct sequences *set, uint32_t index, struct run run, uint32_t *ret_added)
{
	_Bool made;
	struct sequences_chunk *chunk = find_or_make(set, index, run, &made);
	int r = 0;

	if (!chunk)
		return -ENOMEM;
	if (made)
		*ret_added = chunk->total;
	else
		r = add_to_chunk(chunk, run, ret_added);
	if (r == 0)
		set->total += *ret_added;
	return r;
}

int sequences_add_run(struct sequences *set, uint64_t from, uint64_t count, uint64_t *ret_added)
{
	uint64_t added = 0;

	if (from >= SEQUENCES_MAX || count > SEQUENCES_MAX - from)
		return -ERANGE;
	while (count > 0) {
		uint32_t first = (uint32_t)(from % CHUNK_SIZE), in_chunk;
		uint64_t part = CHUNK_SIZE - first < count ? CHUNK_SIZE - first : count;
		struct run run = {(uint16_t)first, (uint16_t)(first + part - 1)};
		int r = add_part(set, (uint32_t)(from >> CHUNK_BITS), run, &in_chunk);

		if (r < 0)
			return r;
		added += in_chunk;
		from += part;
		count -= part;
	}
	if (ret_added)
		*ret_added = added;
	return 0;
}

int sequences_add(struct sequences *set, uint64_t number)
{
	struct run run = {(uint16_t)(number % CHUNK_SIZE), (uint16_t)(number % CHUNK_SIZE)};
	uint32_t added;
	int r;

	if (number >= SEQUENCES_MAX)
		return -ERANGE;
	r = add_part(set, (uint32_t)(number >> CHUNK_BITS), run, &added);
	return r < 0 ? r : (int)added;
}

/* Reading. */

/* The first place at or after `from` whose bit, turned over by `flip`, is set; CHUNK_SIZE if there is none. */
static uint32_t scan(const uint64_t *bits, uint32_t from, uint64_t flip)
{
	for (uint32_t word = from / 64; word < WORDS; word++) {
		uint64_t left = (bits[word] ^ flip) & mask_of(word, from, CHUNK_SIZE - 1);

		if (left)
			return word * 64 + (uint32_t)__builtin_ctzll(left);
	}
	return CHUNK_SIZE;
}

/* The first number of the chunk at or after `from`, or CHUNK_SIZE. */
static uint32_t next_present(const struct sequences_chunk *chunk, uint32_t from)
{
	uint32_t place, first;

	if (is_whole(chunk))
		return from;
	if (chunk->is_bitmap)
		return scan(chunk->bits, from, 0);
	place = find_run(chunk, from);
	if (place == chunk->run_count)
		return CHUNK_SIZE;
	first = runs_of(chunk)[place].first;
	return first > from ? first : from;
}

/* The first at or after `from` (up to CHUNK_SIZE, which is not in it either) that is not in the chunk. */
static uint32_t next_absent(const struct sequences_chunk *chunk, uint32_t from)
{
	const struct run *run;
	uint32_t place;

	if (is_whole(chunk) || from == CHUNK_SIZE)
		return CHUNK_SIZE;
	if (chunk->is_bitmap)
		return scan(chunk->bits, from, UINT64_MAX);
	place = find_run(chunk, from);
	run = &runs_of(chunk)[place];
	return place < chunk->run_count && run->first <= from ? run->last + 1U : from;
}

_Bool sequences_next(const struct sequences *set, uint64_t from, uint64_t *ret_from, uint64_t *ret_count)
{
	for (uint32_t i = find_place(set, from >> CHUNK_BITS); i < set->count; i++) {
		const struct sequences_chunk *chunk = &set->chunks[i];
		uint32_t first = next_present(chunk, chunk->index == from >> CHUNK_BITS ? from % CHUNK_SIZE : 0);

		if (first == CHUNK_SIZE)
			continue;
		*ret_from = ((uint64_t)chunk->index << CHUNK_BITS) + first;
		*ret_count = next_absent(chunk, first) - first;
		return 1;
	}
	return 0;
}

_Bool sequences_next_absent(const struct sequences *set, uint64_t from, uint64_t until, uint64_t *ret_from,
                            uint64_t *ret_count)
{
	while (from < until) {
		uint64_t index = from >> CHUNK_BITS, base = index << CHUNK_BITS, end = base + CHUNK_SIZE;
		uint32_t place = find_place(set, index), first = (uint32_t)(from - base);
		_Bool here = place < set->count && set->chunks[place].index == index;

		if (here)
			first = next_absent(&set->chunks[place], first);
		if (first < CHUNK_SIZE && base + first < until) {
			if (here)
				end = base + next_present(&set->chunks[place], first);
			*ret_from = base + first;
			*ret_count = (end < until ? end : until) - *ret_from;
			return 1;
		}
		from = end;
	}
	return 0;
}

_Bool sequences_has(const struct sequences *set, uint64_t number)
{
	uint32_t place = find_place(set, number >> CHUNK_BITS);

	return place < set->count && set->chunks[place].index == number >> CHUNK_BITS &&
	       next_present(&set->chunks[place], number % CHUNK_SIZE) == number % CHUNK_SIZE;
}

/* How many of [first, last] are in the chunk. */
static uint32_t count_in_chunk(const struct sequences_chunk *chunk, uint32_t first, uint32_t last)
{
	const struct run *runs = runs_of(chunk);
	uint32_t count = 0;

	if (is_whole(chunk))
		return last - first + 1;
	if (chunk->is_bitmap) {
		for (uint32_t word = first / 64; word <= last / 64; word++)
			count += (uint32_t)__builtin_popcountll(chunk->bits[word] & mask_of(word, first, last));
		return count;
	}
	for (uint32_t i = find_run(chunk, first); i < chunk->run_count && runs[i].first <= last; i++) {
		uint32_t from = runs[i].first > first ? runs[i].first : first;

		count += (runs[i].last < last ? runs[i].last : last) - from + 1;
	}
	return count;
}

uint64_t sequences_count(const struct sequences *set, uint64_t from, uint64_t count)
{
	uint64_t end = from + count, found = 0;

	if (count == 0)
		return 0;
	for (uint32_t i = find_place(set, from >> CHUNK_BITS); i < set->count; i++) {
		const struct sequences_chunk *chunk = &set->chunks[i];
		uint64_t base = (uint64_t)chunk->index << CHUNK_BITS;

		if (base >= end)
			break;
		found += count_in_chunk(chunk, from > base ? (uint32_t)(from - base) : 0,
		                        end - base < CHUNK_SIZE ? (uint32_t)(end - base) - 1 : CHUNK_SIZE - 1);
	}
	return found;
}

static uint32_t last_in_chunk(const struct sequences_chunk *chunk)
{
	uint32_t word = WORDS - 1;

	if (is_whole(chunk))
		return CHUNK_SIZE - 1;
	if (!chunk->is_bitmap)
		return runs_of(chunk)[chunk->run_count - 1].last;
	while (!chunk->bits[word])
		word--;
	return word * 64 + 63 - (uint32_t)__builtin_clzll(chunk->bits[word]);
}

uint64_t sequences_last(const struct sequences *set)
{
	const struct sequences_chunk *chunk = &set->chunks[set->count - 1];

	return ((uint64_t)chunk->index << CHUNK_BITS) + last_in_chunk(chunk);
}

size_t sequences_memory(const struct sequences *set)
{
	size_t size = set->capacity * sizeof(*set->chunks);

	for (size_t i = 0; i < set->count; i++)
		size += set->chunks[i].run_capacity * sizeof(struct run) +
		        (set->chunks[i].is_bitmap ? WORDS * sizeof(uint64_t) : 0);
	return size;
}
