/* SPDX-License-Identifier: Apache-2.0 */
/* A set of sequence numbers.
 *
 * Messages are acknowledged nearly in order, so a chunk begins as a list of runs, and adding looks at the newest run
 * first. When runs would take more than a bitmap, the chunk becomes one; when it has all its numbers, it is whole and
 * holds nothing. A chunk never goes back. */
#include "common/stats/sequences.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

enum {
	CHUNK_BITS = 16,
	CHUNK_SIZE = 1 << CHUNK_BITS,
	WORDS = CHUNK_SIZE / 64,
	RUNS_MAX = 2 * WORDS, /* of 4 bytes: as many bytes as a bitmap */
	RUNS_FIRST = 4,
	BITMAP = CHUNK_SIZE + 1, /* in the encoding, in the place of the number of runs */
};

struct run {
	uint16_t first;
	uint16_t last;
};

struct sequences_chunk {
	uint64_t index;
	uint32_t total;
	uint32_t run_count, run_capacity;
	struct run *runs; /* ascending, never touching; NULL: a bitmap, or whole */
	uint64_t *bits;   /* NULL: runs, or whole */
};

static _Bool is_whole(const struct sequences_chunk *chunk)
{
	return chunk->total == CHUNK_SIZE;
}

static void release(struct sequences_chunk *chunk)
{
	free(chunk->runs);
	free(chunk->bits);
	chunk->runs = NULL;
	chunk->bits = NULL;
	chunk->run_count = chunk->run_capacity = 0;
}

void sequences_clear(struct sequences *set)
{
	for (size_t i = 0; i < set->count; i++)
		release(&set->chunks[i]);
	set->count = 0;
	set->newest = 0;
	set->total = 0;
}

void sequences_deinit(struct sequences *set)
{
	sequences_clear(set);
	free(set->chunks);
	*set = (struct sequences){0};
}

/* The place of the first chunk with an index >= `index`. */
static size_t find_place(const struct sequences *set, uint64_t index)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->chunks[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct sequences_chunk *find(const struct sequences *set, uint64_t index)
{
	size_t place = find_place(set, index);

	return place < set->count && set->chunks[place].index == index ? &set->chunks[place] : NULL;
}

/* The chunk, made if it isn't there; NULL without memory. */
static struct sequences_chunk *find_or_make(struct sequences *set, uint64_t index)
{
	size_t place;

	if (set->newest < set->count && set->chunks[set->newest].index == index)
		return &set->chunks[set->newest];
	place = find_place(set, index);
	if (place == set->count || set->chunks[place].index != index) {
		if (array_reserve(&set->chunks, &set->capacity, set->count, sizeof(*set->chunks)) < 0)
			return NULL;
		memmove(&set->chunks[place + 1], &set->chunks[place], (set->count - place) * sizeof(*set->chunks));
		set->chunks[place] = (struct sequences_chunk){.index = index};
		set->count++;
	}
	set->newest = place;
	return &set->chunks[place];
}

/* Runs. */

/* The place of the first run that ends at or after `number`. */
static uint32_t find_run(const struct sequences_chunk *chunk, uint32_t number)
{
	uint32_t low = 0, high = chunk->run_count;

	if (high > 0 && chunk->runs[high - 1].last < number)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (chunk->runs[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void set_bits(uint64_t *bits, uint32_t first, uint32_t last)
{
	for (uint32_t word = first / 64; word <= last / 64; word++) {
		uint64_t mask = UINT64_MAX;

		if (word == first / 64)
			mask &= UINT64_MAX << (first % 64);
		if (word == last / 64)
			mask &= UINT64_MAX >> (63 - last % 64);
		bits[word] |= mask;
	}
}

static int become_bitmap(struct sequences_chunk *chunk)
{
	uint64_t *bits = calloc(WORDS, sizeof(*bits));

	if (!bits)
		return -ENOMEM;
	for (uint32_t i = 0; i < chunk->run_count; i++)
		set_bits(bits, chunk->runs[i].first, chunk->runs[i].last);
	release(chunk);
	chunk->bits = bits;
	return 0;
}

static int reserve_run(struct sequences_chunk *chunk)
{
	uint32_t capacity = chunk->run_capacity ? 2 * chunk->run_capacity : RUNS_FIRST;
	struct run *runs;

	if (chunk->run_count < chunk->run_capacity)
		return 0;
	runs = realloc(chunk->runs, capacity * sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	chunk->runs = runs;
	chunk->run_capacity = capacity;
	return 0;
}

/* Puts [first, last] in at `place`, in the place of the `eaten` runs from there on, which it touches. */
static int put_run(struct sequences_chunk *chunk, uint32_t place, uint32_t eaten, struct run run)
{
	int r = eaten ? 0 : reserve_run(chunk);

	if (r < 0)
		return r;
	memmove(&chunk->runs[place + 1], &chunk->runs[place + eaten],
	        (chunk->run_count - place - eaten) * sizeof(*chunk->runs));
	chunk->runs[place] = run;
	chunk->run_count = chunk->run_count + 1 - eaten;
	return 0;
}

static int add_to_runs(struct sequences_chunk *chunk, uint32_t first, uint32_t last, uint32_t *ret_added)
{
	uint32_t place = find_run(chunk, first ? first - 1 : 0), end = place, had = 0;
	struct run run = {(uint16_t)first, (uint16_t)last};
	int r;

	for (; end < chunk->run_count && chunk->runs[end].first <= last + 1; end++) {
		const struct run *old = &chunk->runs[end];

		had += (uint32_t)old->last - old->first + 1;
		run.first = old->first < run.first ? old->first : run.first;
		run.last = old->last > run.last ? old->last : run.last;
	}
	r = put_run(chunk, place, end - place, run);
	if (r == 0)
		*ret_added = (uint32_t)run.last - run.first + 1 - had;
	return r;
}

/* Bitmaps. */

static uint32_t count_bits(const uint64_t *bits, uint32_t first, uint32_t last)
{
	uint32_t count = 0;

	for (uint32_t word = first / 64; word <= last / 64; word++) {
		uint64_t mask = bits[word];

		if (word == first / 64)
			mask &= UINT64_MAX << (first % 64);
		if (word == last / 64)
			mask &= UINT64_MAX >> (63 - last % 64);
		count += (uint32_t)__builtin_popcountll(mask);
	}
	return count;
}

static int add_to_chunk(struct sequences_chunk *chunk, uint32_t first, uint32_t last, uint32_t *ret_added)
{
	int r = 0;

	*ret_added = 0;
	if (is_whole(chunk))
		return 0;
	if (!chunk->bits && chunk->run_count >= RUNS_MAX)
		r = become_bitmap(chunk);
	if (r < 0)
		return r;
	if (chunk->bits) {
		*ret_added = last - first + 1 - count_bits(chunk->bits, first, last);
		set_bits(chunk->bits, first, last);
	} else {
		r = add_to_runs(chunk, first, last, ret_added);
	}
	chunk->total += *ret_added;
	if (is_whole(chunk))
		release(chunk);
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
		struct sequences_chunk *chunk = find_or_make(set, from >> CHUNK_BITS);
		int r = chunk ? add_to_chunk(chunk, first, first + (uint32_t)part - 1, &in_chunk) : -ENOMEM;

		if (r < 0)
			return r;
		set->total += in_chunk;
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
	uint64_t added;
	int r = sequences_add_run(set, number, 1, &added);

	return r < 0 ? r : (int)added;
}

/* Reading. */

/* The first run in the chunk that ends at or after `from`, from `from` on at the earliest. */
static _Bool next_in_chunk(const struct sequences_chunk *chunk, uint32_t from, uint32_t *ret_first, uint32_t *ret_last)
{
	if (is_whole(chunk)) {
		*ret_first = from;
		*ret_last = CHUNK_SIZE - 1;
		return 1;
	}
	if (!chunk->bits) {
		uint32_t place = find_run(chunk, from);

		if (place == chunk->run_count)
			return 0;
		*ret_first = chunk->runs[place].first > from ? chunk->runs[place].first : from;
		*ret_last = chunk->runs[place].last;
		return 1;
	}
	for (uint32_t word = from / 64; word < WORDS; word++) {
		uint64_t left = chunk->bits[word] & (word == from / 64 ? UINT64_MAX << (from % 64) : UINT64_MAX);
		uint32_t first, last;

		if (!left)
			continue;
		first = word * 64 + (uint32_t)__builtin_ctzll(left);
		for (last = first; last + 1 < CHUNK_SIZE && chunk->bits[(last + 1) / 64] >> ((last + 1) % 64) & 1;)
			last++;
		*ret_first = first;
		*ret_last = last;
		return 1;
	}
	return 0;
}

_Bool sequences_next(const struct sequences *set, uint64_t from, uint64_t *ret_from, uint64_t *ret_count)
{
	for (size_t i = find_place(set, from >> CHUNK_BITS); i < set->count; i++) {
		const struct sequences_chunk *chunk = &set->chunks[i];
		uint32_t start = chunk->index == from >> CHUNK_BITS ? (uint32_t)(from % CHUNK_SIZE) : 0, first, last;

		if (!next_in_chunk(chunk, start, &first, &last))
			continue;
		*ret_from = (chunk->index << CHUNK_BITS) + first;
		*ret_count = last - first + 1;
		return 1;
	}
	return 0;
}

_Bool sequences_has(const struct sequences *set, uint64_t number)
{
	const struct sequences_chunk *chunk = find(set, number >> CHUNK_BITS);
	uint32_t first, last;

	return chunk && next_in_chunk(chunk, (uint32_t)(number % CHUNK_SIZE), &first, &last) &&
	       first == number % CHUNK_SIZE;
}

static void keep_first(uint64_t *first, size_t max, size_t *count, uint64_t from, uint64_t until)
{
	for (; from < until && *count < max; from++)
		first[(*count)++] = from;
}

uint64_t sequences_missing(const struct sequences *set, const struct sequences *minus, uint64_t *ret_first, size_t max,
                           size_t *ret_count)
{
	uint64_t missing = 0, from = 0, count;

	*ret_count = 0;
	while (sequences_next(set, from, &from, &count)) {
		uint64_t end = from + count, there = from, length = 0;

		while (from < end) {
			_Bool any = sequences_next(minus, from, &there, &length);
			uint64_t until = any && there < end ? there : end;

			missing += until - from;
			keep_first(ret_first, max, ret_count, from, until);
			from = any && there < end ? there + length : end;
		}
		from = from > end ? end : from;
	}
	return missing;
}

size_t sequences_memory(const struct sequences *set)
{
	size_t size = set->capacity * sizeof(*set->chunks);

	for (size_t i = 0; i < set->count; i++)
		size += set->chunks[i].run_capacity * sizeof(struct run) +
		        (set->chunks[i].bits ? WORDS * sizeof(uint64_t) : 0);
	return size;
}

/* As bytes. */

static void encode_runs(const struct sequences_chunk *chunk, struct buffer *buffer)
{
	uint32_t from = 0;

	buffer_append_varint(buffer, chunk->run_count);
	for (uint32_t i = 0; i < chunk->run_count; i++) {
		buffer_append_varint(buffer, chunk->runs[i].first - from);
		buffer_append_varint(buffer, (uint64_t)chunk->runs[i].last - chunk->runs[i].first);
		from = (uint32_t)chunk->runs[i].last + 1;
	}
}

static void encode_bitmap(const struct sequences_chunk *chunk, struct buffer *buffer)
{
	buffer_append_varint(buffer, BITMAP);
	for (uint32_t i = 0; i < WORDS; i++)
		buffer_append_u64(buffer, chunk->bits[i]);
}

void sequences_encode(const struct sequences *set, struct buffer *buffer)
{
	uint64_t next = 0;

	buffer_append_varint(buffer, set->count);
	for (size_t i = 0; i < set->count; i++) {
		const struct sequences_chunk *chunk = &set->chunks[i];

		buffer_append_varint(buffer, chunk->index - next);
		next = chunk->index + 1;
		if (is_whole(chunk))
			buffer_append_varint(buffer, 0);
		else if (chunk->bits)
			encode_bitmap(chunk, buffer);
		else
			encode_runs(chunk, buffer);
	}
}

/* Adds a run of a chunk, and counts those of it that were in the set. */
static int add_counted(struct sequences *set, uint64_t from, uint64_t count, uint64_t *repeated)
{
	uint64_t added;
	int r = sequences_add_run(set, from, count, &added);

	if (r == 0)
		*repeated += count - added;
	return r;
}

static int decode_runs(struct sequences *set, uint64_t base, uint64_t runs, struct reader *reader, uint64_t *repeated)
{
	uint64_t from = 0;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < runs; i++) {
		uint64_t gap = reader_varint(reader), more = reader_varint(reader);

		if (reader->failed || gap >= CHUNK_SIZE || more >= CHUNK_SIZE || from + gap + more >= CHUNK_SIZE)
			return -EBADMSG;
		r = add_counted(set, base + from + gap, more + 1, repeated);
		from += gap + more + 1;
	}
	return r;
}

static int decode_bitmap(struct sequences *set, uint64_t base, struct reader *reader, uint64_t *repeated)
{
	int r = 0;

	for (uint32_t word = 0; r == 0 && word < WORDS; word++) {
		uint64_t bits = reader_u64(reader);

		while (r == 0 && bits) {
			unsigned first = (unsigned)__builtin_ctzll(bits);
			uint64_t rest = ~(bits >> first);
			unsigned count = rest ? (unsigned)__builtin_ctzll(rest) : 64 - first;

			r = add_counted(set, base + word * 64 + first, count, repeated);
			bits = first + count == 64 ? 0 : bits & UINT64_MAX << (first + count);
		}
	}
	return r < 0 ? r : reader->failed;
}

static int decode_chunk(struct sequences *set, uint64_t index, struct reader *reader, uint64_t *repeated)
{
	uint64_t runs = reader_varint(reader), base = index << CHUNK_BITS;

	if (reader->failed || index >= SEQUENCES_MAX >> CHUNK_BITS)
		return -EBADMSG;
	if (runs == 0)
		return add_counted(set, base, CHUNK_SIZE, repeated);
	if (runs == BITMAP)
		return decode_bitmap(set, base, reader, repeated);
	return runs <= RUNS_MAX ? decode_runs(set, base, runs, reader, repeated) : -EBADMSG;
}

int sequences_decode_add(struct sequences *set, struct reader *reader, uint64_t *ret_repeated)
{
	uint64_t chunks = reader_varint(reader), next = 0, repeated = 0;
	int r = reader->failed;

	for (uint64_t i = 0; r == 0 && i < chunks; i++) {
		uint64_t gap = reader_varint(reader);

		if (reader->failed || gap > SEQUENCES_MAX)
			return -EBADMSG;
		r = decode_chunk(set, next + gap, reader, &repeated);
		next += gap + 1;
	}
	if (r == 0)
		*ret_repeated = repeated;
	return r;
}
