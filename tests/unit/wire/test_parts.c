/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h: a large message travels in parts and is put together whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "common/base/limits.h"
#include "common/wire/codec.h"
#include "common/wire/fields.h"

enum { FRAMES_MAX = 8 };

/* Keeps copies of the frames that codec_split() gives. */
struct frames {
	struct buffer items[FRAMES_MAX];
	unsigned count;
};

static int keep_frame(void *context, const uint8_t *data, size_t size)
{
	struct frames *frames = context;

	assert_true(size <= LIMIT_MESSAGE_BYTES);
	assert_true(frames->count < FRAMES_MAX);
	return buffer_append(&frames->items[frames->count++], data, size);
}

static void frames_deinit(struct frames *frames)
{
	for (unsigned i = 0; i < FRAMES_MAX; i++)
		buffer_deinit(&frames->items[i]);
}

/* Something of that size which is one msgpack object: bytes. */
static void make_whole(struct buffer *buffer, size_t size, uint8_t seed)
{
	const size_t body = size - 5;
	const uint8_t head[5] = {0xc6, (uint8_t)(body >> 24), (uint8_t)(body >> 16), (uint8_t)(body >> 8),
	                         (uint8_t)body};

	assert_int_equal(buffer_append(buffer, head, sizeof(head)), 0);
	for (size_t i = 0; i < body; i++)
		assert_int_equal(buffer_append_byte(buffer, (uint8_t)(seed + i * 31 + i / 251)), 0);
}

static void split(size_t size, uint64_t id, struct buffer *whole, struct frames *frames)
{
	*whole = (struct buffer){0};
	*frames = (struct frames){0};
	make_whole(whole, size, (uint8_t)id);
	assert_int_equal(codec_split(whole->data, whole->size, id, keep_frame, frames), 0);
}

static int take(struct assembler *assembler, const struct buffer *frame, const uint8_t **ret_data, size_t *ret_size)
{
	return assembler_take(assembler, frame->data, frame->size, ret_data, ret_size);
}

static void test_parts_of_any_size_give_the_message_again(void **state)
{
	static const struct {
		size_t size;
		unsigned frames;
	} cases[] = {
	        {100, 1},
	        {LIMIT_PART_BYTES + 1, 1},
	        {LIMIT_MESSAGE_BYTES, 1},
	        {LIMIT_MESSAGE_BYTES + 1, 2},
	        {2 * LIMIT_PART_BYTES, 2},
	        {2 * LIMIT_PART_BYTES + 1, 3},
	        {5 * LIMIT_PART_BYTES - 1, 5},
	};
	struct assembler *assembler = assembler_new(LIMIT_WHOLE_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *data = NULL;
		struct buffer whole;
		struct frames frames;
		size_t size = 0;

		split(cases[i].size, i, &whole, &frames);
		assert_int_equal(frames.count, cases[i].frames);
		for (unsigned part = 0; part < frames.count; part++)
			assert_int_equal(take(assembler, &frames.items[part], &data, &size), part + 1 == frames.count);
		assert_int_equal(size, whole.size);
		assert_memory_equal(data, whole.data, size);
		frames_deinit(&frames);
		buffer_deinit(&whole);
	}
	assert_true(assembler_held(assembler) > 0);
	assembler_clear(assembler);
	assert_int_equal(assembler_held(assembler), 0);
	assert_null(assembler_free(assembler));
	assert_null(assembler_free(NULL));
}

/* Frames of two messages, of four parts each: "a0" is message a's part 0. What each step returns. */
static void test_parts_out_of_order_are_refused_and_dropped(void **state)
{
	static const struct {
		const char *steps;
		int expected[6];
	} cases[] = {
	        {"a0 a1 a2 a3", {0, 0, 0, 1}},
	        {"a1", {-EBADMSG}},
	        {"a0 a2", {0, -EBADMSG}},
	        {"a0 a0 a1 a2 a3", {0, 0, 0, 0, 1}},
	        {"a0 a1 a1", {0, 0, -EBADMSG}},
	        {"a0 b1", {0, -EBADMSG}},
	        {"a0 a1 b0 b1 b2 b3", {0, 0, 0, 0, 0, 1}},
	        {"a0 b0 a1", {0, 0, -EBADMSG}},
	        {"a0 a2 a1", {0, -EBADMSG, -EBADMSG}},
	        {"a0 a1 a2 a3 a3", {0, 0, 0, 1, -EBADMSG}},
	        {"a0 s0 a1 a2 a3", {0, 1, 0, 0, 1}}, /* a small message in between */
	};
	struct frames frames[3];
	struct buffer wholes[3];

	(void)state;
	split(3 * LIMIT_PART_BYTES + 9, 1, &wholes[0], &frames[0]);
	split(3 * LIMIT_PART_BYTES + 9, 2, &wholes[1], &frames[1]);
	split(100, 3, &wholes[2], &frames[2]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct assembler *assembler = assembler_new(LIMIT_WHOLE_BYTES);

		for (size_t step = 0; step * 3 < strlen(cases[i].steps); step++) {
			const char *name = cases[i].steps + step * 3;
			unsigned which = name[0] == 's' ? 2 : (unsigned)(name[0] - 'a');
			const uint8_t *data;
			size_t size;
			int r = take(assembler, &frames[which].items[name[1] - '0'], &data, &size);

			if (r != cases[i].expected[step])
				fail_msg("\"%s\": step %zu gives %d", cases[i].steps, step, r);
			if (r == 1) {
				assert_int_equal(size, wholes[which].size);
				assert_memory_equal(data, wholes[which].data, size);
			}
		}
		assembler_free(assembler);
	}
	for (int i = 0; i < 3; i++) {
		frames_deinit(&frames[i]);
		buffer_deinit(&wholes[i]);
	}
}

static int take_part(struct assembler *assembler, uint64_t id, uint32_t index, uint32_t count, const uint8_t *data,
                     size_t size)
{
	const struct part part = {.id = id, .index = index, .count = count, .data = data, .size = size};
	struct buffer frame = {0};
	const uint8_t *whole;
	size_t whole_size;
	int r;

	assert_int_equal(codec_write(PART_TYPE, &part_record, &part, &frame), 0);
	r = take(assembler, &frame, &whole, &whole_size);
	buffer_deinit(&frame);
	return r;
}

static void test_parts_take_memory_by_what_came_and_not_by_what_is_announced(void **state)
{
	struct assembler *assembler = assembler_new(1000);
	uint8_t data[400] = {0};

	(void)state;
	assert_int_equal(take_part(assembler, 1, 0, 1000, data, sizeof(data)), 0);
	assert_true(assembler_held(assembler) < 2 * sizeof(data));
	assert_int_equal(take_part(assembler, 1, 1, 1000, data, sizeof(data)), 0);
	assert_int_equal(take_part(assembler, 1, 2, 1000, data, sizeof(data)), -EMSGSIZE);
	assert_int_equal(assembler_held(assembler), 0);
	assert_int_equal(take_part(assembler, 1, 3, 1000, data, sizeof(data)), -EBADMSG);
	assembler_free(assembler);
}

static void test_parts_that_announce_another_number_are_refused(void **state)
{
	struct assembler *assembler = assembler_new(1000);
	const uint8_t data[4] = {0};

	(void)state;
	assert_int_equal(take_part(assembler, 1, 0, 3, data, sizeof(data)), 0);
	assert_int_equal(take_part(assembler, 1, 1, 2, data, sizeof(data)), -EBADMSG);
	assembler_free(assembler);
}

static void test_parts_that_are_malformed_are_refused(void **state)
{
	static const struct {
		const char *frame;
		size_t size;
	} cases[] = {
	        {"", 0},
	        {"\xc1", 1},
	        {"\x81\xa1t\xa4part", 8},
	        {"\x85\xa1t\xa4part\xa2id\x01\xa4part\x00\xa5parts\x01\xa4"
	         "data\xc4\x01x",
	         33}, /* one part is no part */
	        {"\x85\xa1t\xa4part\xa2id\x01\xa4part\x02\xa5parts\x02\xa4"
	         "data\xc4\x01x",
	         33},
	        {"\x85\xa1t\xa4part\xa2id\x01\xa4part\x00\xa5parts\x02\xa4"
	         "data\xc4\x00",
	         32},
	        {"\x85\xa1t\xa4part\xa2id\x01\xa4part\x00\xa5parts\xcd\xff\xff\xa4"
	         "data\xc4\x01x",
	         35},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct assembler *assembler = assembler_new(1000);
		const uint8_t *data;
		size_t size;

		assert_int_equal(
		        assembler_take(assembler, (const uint8_t *)cases[i].frame, cases[i].size, &data, &size),
		        -EBADMSG);
		assembler_free(assembler);
	}
}

static int stop_at_second(void *context, const uint8_t *data, size_t size)
{
	unsigned *count = context;

	(void)data;
	(void)size;
	return ++*count == 2 ? -EPIPE : 0;
}

static void test_parts_splitting_stops_at_the_first_error(void **state)
{
	struct buffer whole = {0};
	unsigned count = 0;

	(void)state;
	make_whole(&whole, 4 * LIMIT_PART_BYTES, 0);
	assert_int_equal(codec_split(whole.data, whole.size, 1, stop_at_second, &count), -EPIPE);
	assert_int_equal(count, 2);
	assert_int_equal(codec_split(whole.data, LIMIT_WHOLE_BYTES + 1, 1, stop_at_second, &count), -EMSGSIZE);
	buffer_deinit(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_parts_of_any_size_give_the_message_again),
	        cmocka_unit_test(test_parts_out_of_order_are_refused_and_dropped),
	        cmocka_unit_test(test_parts_take_memory_by_what_came_and_not_by_what_is_announced),
	        cmocka_unit_test(test_parts_that_announce_another_number_are_refused),
	        cmocka_unit_test(test_parts_that_are_malformed_are_refused),
	        cmocka_unit_test(test_parts_splitting_stops_at_the_first_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
