/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h: whatever a message holds, it arrives; whatever arrives, it is survived, within bounded memory. */
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
#include "tests/property/wire/random_message.h"

/* The linker puts these before the C library's (--wrap), to see what decoding asks for. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
static _Thread_local size_t asked_bytes;

void *__wrap_malloc(size_t size)
{
	asked_bytes += size;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	asked_bytes += count * size;
	return __real_calloc(count, size);
}

/* Per byte of the message: its texts once, and of the lists' entries a share (16 bytes for the one of an empty list) or
 * a cell (24 for 3) is the largest. */
enum { BYTES_PER_BYTE = 17, BYTES_ALWAYS = 4096 };

static int decode_bounded(const uint8_t *data, size_t size, struct message *ret_message)
{
	size_t before = asked_bytes;
	struct failure failure = {0};
	int r = codec_decode(data, size, &failure, ret_message);

	assert_true(asked_bytes - before <= BYTES_PER_BYTE * size + BYTES_ALWAYS);
	assert_true(r == 0 || (r == -EBADMSG && failure.text[0]));
	return r;
}

static void make(struct random *random, struct pool *pool, struct message *message, struct buffer *buffer)
{
	enum message_type type = (enum message_type)random_between(random, 1, MESSAGE_TYPE_COUNT - 1);

	random_message(random, type, pool, message);
	assert_int_equal(codec_encode(message, buffer), 0);
}

static void test_any_message_survives_encoding_and_decoding(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 11);
	for (int i = 0; i < 1500; i++) {
		struct message message, decoded;
		struct buffer buffer = {0};
		struct pool pool = {0};

		make(&random, &pool, &message, &buffer);
		assert_int_equal(codec_scan(buffer.data, buffer.size), 0);
		assert_int_equal(decode_bounded(buffer.data, buffer.size, &decoded), 0);
		assert_true(message_equal(&message, &decoded));
		message_deinit(&decoded);
		buffer_deinit(&buffer);
		pool_deinit(&pool);
	}
}

/* One frame of a part with `size` bytes of `whole` from `at` on. */
static int take_piece(struct assembler *assembler, const struct part *part, const uint8_t **ret_data, size_t *ret_size,
                      struct buffer *frame)
{
	buffer_clear(frame);
	assert_int_equal(codec_write(PART_TYPE, &part_record, part, frame), 0);
	assert_true(frame->size <= LIMIT_MESSAGE_BYTES);
	return assembler_take(assembler, frame->data, frame->size, ret_data, ret_size);
}

/* A size for the next part of `rest` bytes that leaves each of the `left` later ones from 1 byte to as many as it may
 * have. */
static size_t random_piece(struct random *random, size_t rest, size_t left)
{
	size_t low = rest > left * LIMIT_PART_BYTES ? rest - left * LIMIT_PART_BYTES : 1;
	size_t high = rest - left < LIMIT_PART_BYTES ? rest - left : LIMIT_PART_BYTES;

	return left == 0 ? rest : random_between(random, low ? low : 1, high);
}

static void assemble_split_anyhow(struct random *random, struct assembler *assembler, const struct buffer *whole)
{
	uint64_t least = whole->size / LIMIT_PART_BYTES + 2;
	struct part part = {.id = random_next(random), .count = (uint32_t)random_between(random, least, least + 38)};
	const uint8_t *data = NULL;
	struct buffer frame = {0};
	size_t size = 0, at = 0;

	for (; part.index < part.count; part.index++) {
		size_t left = part.count - part.index - 1;

		part.data = whole->data + at;
		part.size = random_piece(random, whole->size - at, left);
		at += part.size;
		assert_int_equal(take_piece(assembler, &part, &data, &size, &frame), left == 0);
	}
	assert_int_equal(size, whole->size);
	assert_memory_equal(data, whole->data, size);
	buffer_deinit(&frame);
}

static void test_any_split_in_parts_gives_the_message_again(void **state)
{
	struct assembler *assembler = assembler_new(LIMIT_WHOLE_BYTES);
	struct random random;

	(void)state;
	random_seed(&random, 12);
	for (int i = 0; i < 300; i++) {
		struct message message;
		struct buffer buffer = {0};
		struct pool pool = {0};

		make(&random, &pool, &message, &buffer);
		assemble_split_anyhow(&random, assembler, &buffer);
		buffer_deinit(&buffer);
		pool_deinit(&pool);
	}
	assembler_free(assembler);
}

/* As large as the bytes, so that a sanitizer sees the first one read past the end. */
static uint8_t *copy_of(const struct buffer *buffer, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, buffer->data, size);
	return copy;
}

static void test_a_truncated_message_is_always_refused(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 13);
	for (int i = 0; i < 150; i++) {
		struct message message;
		struct buffer buffer = {0};
		struct pool pool = {0};

		make(&random, &pool, &message, &buffer);
		for (int k = 0; k < 20; k++) {
			size_t size = random_below(&random, buffer.size);
			uint8_t *copy = copy_of(&buffer, size);

			assert_int_equal(decode_bounded(copy, size, &message), -EBADMSG);
			free(copy);
		}
		buffer_deinit(&buffer);
		pool_deinit(&pool);
	}
}

/* What is accepted is valid: it can be sent on and is then the same. */
static void check_accepted(struct message *message)
{
	struct buffer again = {0};
	struct message decoded;

	assert_int_equal(codec_encode(message, &again), 0);
	assert_int_equal(codec_decode(again.data, again.size, NULL, &decoded), 0);
	assert_true(message_equal(message, &decoded));
	message_deinit(&decoded);
	message_deinit(message);
	buffer_deinit(&again);
}

static void corrupt(struct random *random, uint8_t *data, size_t size)
{
	static const uint8_t heads[] = {0xc1, 0xc6, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
	                                0x9f, 0x8f, 0xff, 0x00, 0x7f, 0xcf, 0xd3};
	uint64_t changes = random_between(random, 1, 4);

	while (changes-- > 0) {
		uint8_t *byte = &data[random_below(random, random_below(random, 2) ? size : (size < 200 ? size : 200))];

		if (random_below(random, 2))
			*byte ^= (uint8_t)(1u << random_below(random, 8));
		else
			*byte = heads[random_below(random, sizeof(heads))];
	}
}

static void test_a_corrupted_message_is_refused_or_still_valid(void **state)
{
	unsigned accepted = 0, refused = 0;
	struct random random;

	(void)state;
	random_seed(&random, 14);
	for (int i = 0; i < 200; i++) {
		struct message message;
		struct buffer buffer = {0};
		struct pool pool = {0};

		make(&random, &pool, &message, &buffer);
		for (int k = 0; k < 50 && k * buffer.size < 500000; k++) {
			uint8_t *copy = copy_of(&buffer, buffer.size);

			corrupt(&random, copy, buffer.size);
			if (decode_bounded(copy, buffer.size, &message) == 0) {
				check_accepted(&message);
				accepted++;
			} else {
				refused++;
			}
			free(copy);
		}
		buffer_deinit(&buffer);
		pool_deinit(&pool);
	}
	assert_true(accepted > 500); /* else the changes are too coarse to say anything */
	assert_true(refused > 500);
}

/* {"t": type, name: [0, 0, 0, ...]} of exactly `size` bytes. */
static void make_zeros(uint8_t *data, size_t size, const char *type, const char *name)
{
	struct buffer head = {0};
	uint32_t count;

	buffer_append_text(&head, "\x82\xa1t");
	buffer_append_byte(&head, (uint8_t)(0xa0 + strlen(type)));
	buffer_append_text(&head, type);
	buffer_append_byte(&head, (uint8_t)(0xa0 + strlen(name)));
	buffer_append_text(&head, name);
	buffer_append_byte(&head, 0xdd);
	count = (uint32_t)(size - head.size - sizeof(count));
	for (int shift = 24; shift >= 0; shift -= 8)
		buffer_append_byte(&head, (uint8_t)(count >> shift));
	memset(data, 0, size);
	memcpy(data, head.data, head.size);
	buffer_deinit(&head);
}

/* Lists that announce as many entries as the bytes could just hold, if an entry took a byte. */
static void test_a_list_of_nothing_takes_no_more_memory_than_it_is_worth(void **state)
{
	static const struct {
		enum message_type type;
		const char *name;
	} cases[] = {
	        {MESSAGE_HELLO, "tags"},         {MESSAGE_ASSIGN, "shares"},      {MESSAGE_ASSIGN, "files"},
	        {MESSAGE_READY, "targets"},      {MESSAGE_SNAPSHOT, "series"},    {MESSAGE_SNAPSHOT, "cells"},
	        {MESSAGE_SNAPSHOT, "scenarios"}, {MESSAGE_ASSIGN, "connections"}, {MESSAGE_ASSIGN, "moves"},
	        {MESSAGE_ASSIGN, "extras"},      {MESSAGE_START, "values"},       {MESSAGE_DUTY, "duties"},
	};
	const size_t size = 1900000; /* below LIMIT_SERIES */
	uint8_t *data = malloc(size);
	struct message message;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_zeros(data, size, message_type_names[cases[i].type], cases[i].name);
		assert_int_equal(codec_scan(data, size), 0);
		assert_int_equal(decode_bounded(data, size, &message), -EBADMSG);
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_message_survives_encoding_and_decoding),
	        cmocka_unit_test(test_any_split_in_parts_gives_the_message_again),
	        cmocka_unit_test(test_a_truncated_message_is_always_refused),
	        cmocka_unit_test(test_a_corrupted_message_is_refused_or_still_valid),
	        cmocka_unit_test(test_a_list_of_nothing_takes_no_more_memory_than_it_is_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
