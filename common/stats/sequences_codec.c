/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of sequence numbers as bytes: sequences.h says which. What is written depends on the numbers alone, not on how
 * the set came to have them. */
#include <errno.h>
#include <string.h>

#include "common/stats/sequences.h"

enum {
	CHUNK_BITS = 16,
	CHUNK_SIZE = 1 << CHUNK_BITS,
	BITMAP_BYTES = CHUNK_SIZE / 8,
	/* What follows a chunk's distance. */
	FORM_WHOLE = 0,
	FORM_BITMAP = 1,
	FORM_RUNS = 1, /* added to how many */
	RUNS_MAX = CHUNK_SIZE / 2,
};

static size_t varint_size(uint64_t value)
{
	return (70 - (size_t)__builtin_clzll(value | 1)) / 7;
}

/* The runs of one chunk, each at most as long as the chunk. */
struct walk {
	const struct sequences *set;
	uint64_t base, at;
	uint32_t first, last; /* of the run, in the chunk */
	uint32_t gap;         /* before it */
};

static struct walk walk_begin(const struct sequences *set, uint64_t base)
{
	return (struct walk){.set = set, .base = base, .at = base};
}

static _Bool walk_next(struct walk *walk)
{
	uint64_t from, count;

	if (!sequences_next(walk->set, walk->at, &from, &count) || from >= walk->base + CHUNK_SIZE)
		return 0;
	walk->gap = (uint32_t)(from - walk->at);
	walk->first = (uint32_t)(from - walk->base);
	walk->last = walk->first + (uint32_t)count - 1;
	walk->at = from + count;
	return 1;
}

static uint64_t run_head(const struct walk *walk)
{
	return 2 * (uint64_t)walk->gap + (walk->last > walk->first);
}

static void encode_runs(const struct sequences *set, uint64_t base, uint32_t runs, struct buffer *buffer)
{
	struct walk walk = walk_begin(set, base);

	buffer_append_varint(buffer, runs + FORM_RUNS);
	while (walk_next(&walk)) {
		buffer_append_varint(buffer, run_head(&walk));
		if (walk.last > walk.first)
			buffer_append_varint(buffer, walk.last - walk.first - 1);
	}
}

static void encode_bitmap(const struct sequences *set, uint64_t base, uint32_t first, uint32_t last,
                          struct buffer *buffer)
{
	struct walk walk = walk_begin(set, base);
	uint8_t bits[BITMAP_BYTES];

	memset(bits, 0, sizeof(bits));
	while (walk_next(&walk))
		for (uint32_t i = walk.first; i <= walk.last; i++)
			bits[i / 8] |= (uint8_t)(1U << (i % 8));
	buffer_append_varint(buffer, FORM_BITMAP);
	buffer_append_varint(buffer, first / 8);
	buffer_append_varint(buffer, last / 8 - first / 8);
	buffer_append(buffer, bits + first / 8, last / 8 - first / 8 + 1);
}

static void encode_chunk(const struct sequences *set, uint64_t base, struct buffer *buffer)
{
	struct walk walk = walk_begin(set, base);
	uint32_t runs = 0, first = 0, last = 0;
	size_t size = 0;

	while (walk_next(&walk)) {
		first = runs++ ? first : walk.first;
		last = walk.last;
		size += varint_size(run_head(&walk));
		size += walk.last > walk.first ? varint_size(walk.last - walk.first - 1) : 0;
	}
	if (runs == 1 && first == 0 && last == CHUNK_SIZE - 1)
		buffer_append_varint(buffer, FORM_WHOLE);
	else if (size <= last / 8 - first / 8 + 3)
		encode_runs(set, base, runs, buffer);
	else
		encode_bitmap(set, base, first, last, buffer);
}

void sequences_encode(const struct sequences *set, struct buffer *buffer)
{
	uint64_t from = 0, next = 0, count;

	while (sequences_next(set, from, &from, &count)) {
		uint64_t index = from >> CHUNK_BITS;

		buffer_append_varint(buffer, index - next + 1);
		encode_chunk(set, index << CHUNK_BITS, buffer);
		next = index + 1;
		from = next << CHUNK_BITS;
	}
	buffer_append_varint(buffer, 0);
}

static int decode_runs(struct sequences *set, uint64_t base, uint64_t runs, struct reader *reader)
{
	uint64_t at = 0;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < runs; i++) {
		uint64_t head = reader_varint(reader), more = head & 1 ? reader_varint(reader) + 1 : 0;

		/* Runs never touch: one set has one form. */
		if (reader->failed || head >= 2 * CHUNK_SIZE || more >= CHUNK_SIZE || (i > 0 && head < 2) ||
		    at + head / 2 + more >= CHUNK_SIZE)
			return -EBADMSG;
		r = sequences_add_run(set, base + at + head / 2, more + 1, NULL);
		at += head / 2 + more + 1;
	}
	return r;
}

/* Whole runs of bits at once: [from, ...) of 64 bits. */
static int add_word(struct sequences *set, uint64_t from, uint64_t bits)
{
	int r = 0;

	while (r == 0 && bits) {
		unsigned first = (unsigned)__builtin_ctzll(bits);
		uint64_t rest = ~(bits >> first);
		unsigned count = rest ? (unsigned)__builtin_ctzll(rest) : 64;

		r = sequences_add_run(set, from + first, count, NULL);
		bits = first + count >= 64 ? 0 : bits & UINT64_MAX << (first + count);
	}
	return r;
}

static int decode_bitmap(struct sequences *set, uint64_t base, struct reader *reader)
{
	uint64_t first = reader_varint(reader), more = reader_varint(reader);
	const uint8_t *bits;
	int r = 0;

	if (reader->failed || first >= BITMAP_BYTES || more >= BITMAP_BYTES - first)
		return -EBADMSG;
	bits = reader_bytes(reader, more + 1);
	if (!bits || !bits[0] || !bits[more])
		return -EBADMSG;
	for (uint64_t i = 0; r == 0 && i <= more; i += 8) {
		uint64_t word = 0;

		for (uint64_t j = i; j < i + 8 && j <= more; j++)
			word |= (uint64_t)bits[j] << (8 * (j - i));
		r = add_word(set, base + 8 * (first + i), word);
	}
	return r;
}

static int decode_chunk(struct sequences *set, uint64_t base, struct reader *reader)
{
	uint64_t form = reader_varint(reader);

	if (reader->failed)
		return -EBADMSG;
	if (form == FORM_WHOLE)
		return sequences_add_run(set, base, CHUNK_SIZE, NULL);
	if (form == FORM_BITMAP)
		return decode_bitmap(set, base, reader);
	return form <= RUNS_MAX + FORM_RUNS ? decode_runs(set, base, form - FORM_RUNS, reader) : -EBADMSG;
}

int sequences_decode_add(struct sequences *set, struct reader *reader)
{
	uint64_t next = 0;
	int r = 0;

	while (r == 0) {
		uint64_t distance = reader_varint(reader);

		if (reader->failed || distance > (SEQUENCES_MAX >> CHUNK_BITS) - next)
			return -EBADMSG;
		if (distance == 0)
			return 0;
		next += distance;
		r = decode_chunk(set, (next - 1) << CHUNK_BITS, reader);
	}
	return r;
}
