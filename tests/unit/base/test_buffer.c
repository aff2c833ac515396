/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h: what is appended is read back, and nothing is read past the end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/array.h"
#include "common/base/buffer.h"

static void test_buffer_gives_back_what_was_appended(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	struct reader reader;
	size_t size;

	(void)state;
	assert_int_equal(buffer_append_byte(&buffer, 0xab), 0);
	assert_int_equal(buffer_append_u32(&buffer, 0x01020304), 0);
	assert_int_equal(buffer_append_u64(&buffer, UINT64_C(0x0102030405060708)), 0);
	assert_int_equal(buffer_append_string(&buffer, "tick"), 0);
	assert_int_equal(buffer_append_string(&buffer, NULL), 0);
	assert_int_equal(buffer_append(&buffer, "raw", 3), 0);
	reader = (struct reader){.data = buffer.data, .size = buffer.size};
	assert_int_equal(reader_byte(&reader), 0xab);
	assert_int_equal(reader_u32(&reader), 0x01020304);
	assert_int_equal(reader_u64(&reader), UINT64_C(0x0102030405060708));
	assert_memory_equal(reader_string(&reader, &size), "tick", 4);
	assert_int_equal(size, 4);
	assert_non_null(reader_string(&reader, &size));
	assert_int_equal(size, 0);
	assert_memory_equal(reader_bytes(&reader, 3), "raw", 3);
	assert_int_equal(reader.failed, 0);
	assert_int_equal(reader.at, reader.size);
}

static void test_buffer_writes_little_endian(void **state)
{
	static const uint8_t expected[] = {4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1};
	cleanup_buffer struct buffer buffer = {0};

	(void)state;
	buffer_append_u32(&buffer, 0x01020304);
	buffer_append_u64(&buffer, UINT64_C(0x0102030405060708));
	assert_int_equal(buffer.size, sizeof(expected));
	assert_memory_equal(buffer.data, expected, sizeof(expected));
}

static void test_varints_have_known_bytes_and_come_back(void **state)
{
	static const struct {
		uint64_t value;
		size_t size;
		uint8_t bytes[10];
	} cases[] = {
	        {0, 1, {0}},
	        {1, 1, {1}},
	        {127, 1, {0x7f}},
	        {128, 2, {0x80, 0x01}},
	        {300, 2, {0xac, 0x02}},
	        {16383, 2, {0xff, 0x7f}},
	        {16384, 3, {0x80, 0x80, 0x01}},
	        {UINT32_MAX, 5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
	        {UINT64_C(1) << 63, 10, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
	        {UINT64_MAX, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buffer struct buffer buffer = {0};
		struct reader reader;

		buffer_append_varint(&buffer, cases[i].value);
		assert_int_equal(buffer.size, cases[i].size);
		assert_memory_equal(buffer.data, cases[i].bytes, cases[i].size);
		reader = (struct reader){.data = buffer.data, .size = buffer.size};
		assert_true(reader_varint(&reader) == cases[i].value);
		assert_int_equal(reader.failed, 0);
		assert_int_equal(reader.at, reader.size);
	}
}

static void test_varints_that_no_writer_writes_are_refused(void **state)
{
	static const struct {
		size_t size;
		uint8_t bytes[11];
	} cases[] = {
	        {0, {0}},
	        {1, {0x80}},
	        {2, {0x80, 0x00}},
	        {3, {0xff, 0x80, 0x00}},
	        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
	        {11, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader reader = {.data = cases[i].bytes, .size = cases[i].size};

		assert_int_equal(reader_varint(&reader), 0);
		assert_int_equal(reader.failed, -EBADMSG);
	}
}

static void test_reader_never_reads_past_the_end(void **state)
{
	static const uint8_t bytes[] = {5, 'a', 'b'};
	struct reader reader = {.data = bytes, .size = sizeof(bytes)};
	size_t size = 77;

	(void)state;
	assert_null(reader_string(&reader, &size));
	assert_int_equal(size, 77);
	assert_int_equal(reader.failed, -EBADMSG);
	/* From then on nothing is given, though bytes are left. */
	assert_int_equal(reader_byte(&reader), 0);
	reader = (struct reader){.data = bytes, .size = sizeof(bytes)};
	assert_int_equal(reader_u32(&reader), 0);
	assert_int_equal(reader.failed, -EBADMSG);
	reader = (struct reader){.data = bytes, .size = sizeof(bytes)};
	assert_null(reader_bytes(&reader, SIZE_MAX));
	reader = (struct reader){0};
	assert_non_null(reader_bytes(&reader, 0));
	assert_int_equal(reader.failed, 0);
}

static void test_buffer_formats_texts_longer_than_its_room(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	char expected[301];

	(void)state;
	memset(expected, 'x', 300);
	expected[300] = '\0';
	buffer_append_text(&buffer, "a");
	buffer_append_format(&buffer, "%s", expected);
	buffer_append_format(&buffer, "%d", 42);
	assert_int_equal(buffer.size, 303);
	assert_memory_equal(buffer.data + 1, expected, 300);
	assert_string_equal(buffer_text(&buffer) + 301, "42");
	assert_int_equal(buffer.size, 303);
}

static void test_buffer_without_memory_keeps_its_content_and_says_so(void **state)
{
	cleanup_buffer struct buffer buffer = {0};

	(void)state;
	buffer_append_text(&buffer, "kept");
	assert_int_equal(buffer_reserve(&buffer, SIZE_MAX - 2), -ENOMEM);
	assert_int_equal(buffer_append_text(&buffer, "lost"), -ENOMEM);
	assert_int_equal(buffer_append_format(&buffer, "lost"), -ENOMEM);
	assert_null(buffer_text(&buffer));
	assert_int_equal(buffer.size, 4);
	assert_memory_equal(buffer.data, "kept", 4);
	buffer_clear(&buffer);
	assert_int_equal(buffer_append_text(&buffer, "new"), 0);
	assert_string_equal(buffer_text(&buffer), "new");
}

static void test_array_grows_and_refuses_what_no_memory_holds(void **state)
{
	uint64_t *items = NULL;
	uint64_t *before;
	size_t capacity = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(array_reserve(&items, &capacity, i, sizeof(*items)), 0);
		assert_true(capacity > i);
		items[i] = i;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	before = items;
	assert_int_equal(array_reserve(&items, &capacity, SIZE_MAX / 4, sizeof(*items)), -ENOMEM);
	assert_int_equal(array_reserve(&items, &capacity, SIZE_MAX - 1, sizeof(*items)), -ENOMEM);
	assert_ptr_equal(items, before);
	assert_int_equal(items[999], 999);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_buffer_gives_back_what_was_appended),
	        cmocka_unit_test(test_buffer_writes_little_endian),
	        cmocka_unit_test(test_varints_have_known_bytes_and_come_back),
	        cmocka_unit_test(test_varints_that_no_writer_writes_are_refused),
	        cmocka_unit_test(test_reader_never_reads_past_the_end),
	        cmocka_unit_test(test_buffer_formats_texts_longer_than_its_room),
	        cmocka_unit_test(test_buffer_without_memory_keeps_its_content_and_says_so),
	        cmocka_unit_test(test_array_grows_and_refuses_what_no_memory_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
