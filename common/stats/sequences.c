/* SPDX-License-Identifier: Apache-2.0 */
/* A set of sequence numbers.
 *
 * Messages are acknowledged nearly in order, so a chunk begins as a list of runs (two of them within itself), and
 * adding looks at the newest run first. When runs would take more than a bitmap up to the highest number, the chunk
 * becomes one; when there is one run left of either, it goes back into the chunk, and one that is whole holds nothing.
 * So what several partitions acknowledged in turn costs nothing once all of them have. */
#include "common/stats/sequences.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_BITS = 16,
	CHUNK_SIZE = 1 << CHUNK_BITS,
	WORD_STEP = 16, /* by which a bitmap grows */
	RUNS_WITHIN = 2,
};

struct run {
	uint16_t first;
	uint16_t last;
};

struct sequences_chunk {
	uint32_t index;
	uint32_t total;
	uint16_t words; /* of the bitmap, up to the last number; 0: runs, or whole */
	union {
		uint16_t run_count;
		uint16_t first; /* number in the bitmap */
	};
	union {
		uint16_t run_capacity; /* 0: at most RUNS_WITHIN, in the chunk itself */
		uint16_t last;
	};
	union {
		struct run within[RUNS_WITHIN];
		struct run *runs; /* ascending, never touching */
		uint64_t *bits;
	};
};

static const struct run *runs_of(const struct sequences_chunk *chunk)
{
	return chunk->run_capacity ? chunk->runs : chunk->within;
}

/* Leaves no runs. */
static void release(struct sequences_chunk *chunk)
{
	if (chunk->words)
		free(chunk->bits);
	else if (chunk->run_capacity)
		free(chunk->runs);
	chunk->words = chunk->run_count = chunk->run_capacity = 0;
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

static uint32_t words_for(uint32_t last)
{
	return (last / 64 / WORD_STEP + 1) * WORD_STEP;
}

static int become_bitmap(struct sequences_chunk *chunk, uint32_t last)
{
	const struct run *runs = runs_of(chunk);
	struct run first = runs[0], final = runs[chunk->run_count - 1];
	uint32_t words = words_for(final.last > last ? final.last : last);
	uint64_t *bits = calloc(words, sizeof(*bits));

	if (!bits)
		return -ENOMEM;
	for (uint32_t i = 0; i < chunk->run_count; i++)
		set_bits(bits, runs[i].first, runs[i].last);
	release(chunk);
	chunk->bits = bits;
	chunk->words = (uint16_t)words;
	chunk->first = first.first;
	chunk->last = final.last;
	return 0;
}

/* 1: a bitmap would take less. */
static int reserve_run(struct sequences_chunk *chunk, struct run run)
{
	uint32_t room = chunk->run_capacity ? chunk->run_capacity : RUNS_WITHIN, last;
	struct run *runs;

	if (chunk->run_count < room)
		return 0;
	last = runs_of(chunk)[chunk->run_count - 1].last;
	if (2 * room * sizeof(*runs) > words_for(run.last > last ? run.last : last) * sizeof(*chunk->bits))
		return 1;
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
	int r = eaten ? 0 : reserve_run(chunk, run);
	struct run *runs;

	if (r != 0)
		return r;
	runs = chunk->run_capacity ? chunk->runs : chunk->within;
	if (eaten != 1)
		memmove(&runs[place + 1], &runs[place + eaten], (chunk->run_count - place - eaten) * sizeof(*runs));
	runs[place] = run;
	chunk->run_count = (uint16_t)(chunk->run_count + 1 - eaten);
	return 0;
}

/* 0, -ENOMEM, or 1: it takes a bitmap. */
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

static int add_to_bitmap(struct sequences_chunk *chunk, struct run run, uint32_t *ret_added)
{
	uint32_t words = words_for(run.last);

	if (words > chunk->words) {
		uint64_t *bits = realloc(chunk->bits, words * sizeof(*bits));

		if (!bits)
			return -ENOMEM;
		memset(bits + chunk->words, 0, (words - chunk->words) * sizeof(*bits));
		chunk->bits = bits;
		chunk->words = (uint16_t)words;
	}
	*ret_added = set_bits(chunk->bits, run.first, run.last);
	chunk->first = run.first < chunk->first ? run.first : chunk->first;
	chunk->last = run.last > chunk->last ? run.last : chunk->last;
	return 0;
}

/* One run needs no memory, and none if it is whole. */
static void shrink(struct sequences_chunk *chunk)
{
	struct run run;

	if (chunk->words && chunk->total == (uint32_t)chunk->last - chunk->first + 1)
		run = (struct run){chunk->first, chunk->last};
	else if (!chunk->words && chunk->run_capacity && chunk->run_count == 1)
		run = chunk->runs[0];
	else
		return;
	release(chunk);
	chunk->run_count = 1;
	chunk->within[0] = run;
}

static int add_to_chunk(struct sequences_chunk *chunk, struct run run, uint32_t *ret_added)
{
	int r = chunk->words ? 1 : add_to_runs(chunk, run, ret_added);

	if (r > 0) {
		r = chunk->words ? 0 : become_bitmap(chunk, run.last);
		if (r == 0)
			r = add_to_bitmap(chunk, run, ret_added);
	}
	if (r == 0) {
		chunk->total += *ret_added;
		shrink(chunk);
	}
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

/* The first place at or after `from` whose bit, turned over by `flip`, is set; or the bitmap's end. */
static uint32_t scan(const struct sequences_chunk *chunk, uint32_t from, uint64_t flip)
{
	for (uint32_t word = from / 64; word < chunk->words; word++) {
		uint64_t left = (chunk->bits[word] ^ flip) & mask_of(word, from, CHUNK_SIZE - 1);

		if (left)
			return word * 64 + (uint32_t)__builtin_ctzll(left);
	}
	return chunk->words * 64U;
}

/* The first number of the chunk at or after `from`, or CHUNK_SIZE. */
static uint32_t next_present(const struct sequences_chunk *chunk, uint32_t from)
{
	uint32_t place, first;

	if (chunk->words)
		return from > chunk->last ? CHUNK_SIZE : scan(chunk, from, 0);
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

	if (chunk->words)
		return from > chunk->last ? from : scan(chunk, from, UINT64_MAX);
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

static uint32_t count_in_bitmap(const struct sequences_chunk *chunk, uint32_t first, uint32_t last)
{
	uint32_t count = 0;

	last = last < chunk->last ? last : chunk->last;
	for (uint32_t word = first / 64; first <= last && word <= last / 64; word++)
		count += (uint32_t)__builtin_popcountll(chunk->bits[word] & mask_of(word, first, last));
	return count;
}

/* How many of [first, last] are in the chunk. */
static uint32_t count_in_chunk(const struct sequences_chunk *chunk, uint32_t first, uint32_t last)
{
	const struct run *runs = runs_of(chunk);
	uint32_t count = 0;

	if (chunk->words)
		return count_in_bitmap(chunk, first, last);
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

uint64_t sequences_last(const struct sequences *set)
{
	const struct sequences_chunk *chunk = &set->chunks[set->count - 1];

	return ((uint64_t)chunk->index << CHUNK_BITS) +
	       (chunk->words ? chunk->last : runs_of(chunk)[chunk->run_count - 1].last);
}

size_t sequences_memory(const struct sequences *set)
{
	size_t size = set->capacity * sizeof(*set->chunks);

	for (size_t i = 0; i < set->count; i++)
		size += set->chunks[i].words ? set->chunks[i].words * sizeof(uint64_t)
		                             : set->chunks[i].run_capacity * sizeof(struct run);
	return size;
}
