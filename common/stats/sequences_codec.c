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
	BITMAP_HEAD = 3, /* bytes of its two numbers, about */
	RUN_BYTES_MAX = 6,
	/* What follows a chunk's distance. */
	FORM_WHOLE = 0,
	FORM_BITMAP = 1,
	FORM_RUNS = 2,
};

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

static uint8_t *put_varint(uint8_t *at, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put_run(uint8_t *at, const struct walk *walk)
{
	uint32_t more = walk->last - walk->first;

	at = put_varint(at, 2 * walk->gap + (more > 0));
	return more > 0 ? put_varint(at, more - 1) : at;
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
	uint8_t runs[BITMAP_BYTES + BITMAP_HEAD + RUN_BYTES_MAX + 1];
	uint8_t *at = runs;
	uint32_t first = CHUNK_SIZE;

	while (walk_next(&walk)) {
		first = first < CHUNK_SIZE ? first : walk.first;
		/* What takes more than any bitmap is written no further. */
		if (at <= runs + BITMAP_BYTES + BITMAP_HEAD)
			at = put_run(at, &walk);
	}
	if (walk.first == 0 && walk.last == CHUNK_SIZE - 1) {
		buffer_append_varint(buffer, FORM_WHOLE);
	} else if ((size_t)(at - runs) <= walk.last / 8 - first / 8 + BITMAP_HEAD) {
		*at++ = 0;
		buffer_append_varint(buffer, FORM_RUNS);
		buffer_append(buffer, runs, (size_t)(at - runs));
	} else {
		encode_bitmap(set, base, first, walk.last, buffer);
	}
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

/* Runs never touch: so one set has one form, and a 0 after the first is the end. */
static int decode_runs(struct sequences *set, uint64_t base, struct reader *reader)
{
	uint64_t head = reader_varint(reader), at = 0;
	int r = 0;

	do {
		uint64_t longer = head & 1 ? reader_varint(reader) : 0, more = longer + (head & 1);

		if (reader->failed || head >= 2 * CHUNK_SIZE || longer >= CHUNK_SIZE ||
		    at + head / 2 + more >= CHUNK_SIZE)
			return -EBADMSG;
		r = sequences_add_run(set, base + at + head / 2, more + 1, NULL);
		at += head / 2 + more + 1;
		head = r == 0 ? reader_varint(reader) : 0;
	} while (head > 1);
	if (r == 0 && head == 1)
		return -EBADMSG;
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
	return form == FORM_RUNS ? decode_runs(set, base, reader) : -EBADMSG;
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
