/* SPDX-License-Identifier: Apache-2.0 */
/* stamp.h: what each message carries. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/sequences.h"
#include "common/stats/stamp.h"

#define RUN "0123abcd-4567-4e8f-9012-3456789abcde"

static const uint8_t tag[8] = {0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x4e, 0x8f};

static void test_stamp_is_these_bytes(void **state)
{
	/* The CRC as Python's zlib.crc32() has it. */
	static const uint8_t expected[STAMP_SIZE] = {
	        'S',  'T',  'P',  1,    0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x4e, 0x8f, 0x02, 0x00,
	        0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x15, 0xcd, 0x5b, 0x07, 0x00, 0x00, 0x00, 0x00,
	        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd5, 0xc9, 0x8b, 0xf8,
	};
	uint8_t bytes[STAMP_SIZE], got[8];
	struct stamper stamper;

	(void)state;
	assert_int_equal(stamp_tag(RUN, got), 0);
	assert_memory_equal(got, tag, sizeof(tag));
	stamper_init(&stamper, tag, stamp_stream(7, 2));
	stamp_write(&stamper, 123456789, -1, bytes);
	assert_memory_equal(bytes, expected, STAMP_SIZE);
}

static void test_stamp_gives_back_what_was_written(void **state)
{
	static const struct stamp cases[] = {
	        {.stream = 0},
	        {.stream = UINT64_MAX, .sequence = SEQUENCES_MAX - 1, .intended_ns = INT64_MAX},
	        {.stream = 1, .sequence = 2, .intended_ns = INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* One byte off, as it may lie in a message. */
		uint8_t bytes[STAMP_SIZE + 10];
		struct stamper stamper;
		struct stamp got;

		stamper_init(&stamper, tag, cases[i].stream);
		stamp_write(&stamper, cases[i].sequence, cases[i].intended_ns, bytes + 1);
		assert_int_equal(stamp_read(bytes + 1, sizeof(bytes) - 1, tag, &got), 0);
		assert_memory_equal(&got, &cases[i], sizeof(got));
	}
	assert_int_equal(stamp_agent(stamp_stream(0xfedcba98, 5)), 0xfedcba98);
}

static void test_stamp_with_any_bit_turned_is_damaged_or_not_ours(void **state)
{
	uint8_t bytes[STAMP_SIZE];
	struct stamp got = {.stream = 77};
	struct stamper stamper;

	(void)state;
	stamper_init(&stamper, tag, 5);
	stamp_write(&stamper, 6, 7, bytes);
	for (size_t bit = 0; bit < 8 * (size_t)STAMP_SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		assert_int_equal(stamp_read(bytes, sizeof(bytes), tag, &got), bit < 24 ? STAMP_FOREIGN : STAMP_DAMAGED);
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	assert_int_equal(got.stream, 77);
}

static void test_stamp_of_another_run_is_told_from_a_foreign_message(void **state)
{
	static const uint8_t other[8] = {9};
	uint8_t bytes[STAMP_SIZE];
	struct stamper stamper;
	struct stamp got;

	(void)state;
	stamper_init(&stamper, other, 5);
	stamp_write(&stamper, 6, 7, bytes);
	assert_int_equal(stamp_read(bytes, sizeof(bytes), tag, &got), STAMP_OTHER_RUN);
	assert_int_equal(stamp_read(bytes, sizeof(bytes) - 1, other, &got), STAMP_FOREIGN);
	assert_int_equal(
	        stamp_read((const uint8_t *)"{\"symbol\": \"AAPL\", \"close\": 189.25, \"volume\": 1}", 48, tag, &got),
	        STAMP_FOREIGN);
	assert_int_equal(stamp_read(NULL, 0, tag, &got), STAMP_FOREIGN);
}

static void test_stamp_with_a_number_that_nobody_sends_is_damaged(void **state)
{
	uint8_t bytes[STAMP_SIZE];
	struct stamper stamper;
	struct stamp got;

	(void)state;
	stamper_init(&stamper, tag, 5);
	stamp_write(&stamper, SEQUENCES_MAX, 7, bytes);
	assert_int_equal(stamp_read(bytes, sizeof(bytes), tag, &got), STAMP_DAMAGED);
}

static void test_tag_is_made_of_a_uuid_alone(void **state)
{
	static const char *const wrong[] = {
	        "",
	        "0123abcd",
	        "0123abcd-4567-4e8f",
	        "0123abcd-4567-4e8",
	        "0123abcd+4567-4e8f-9012-3456789abcde",
	        "0123abcg-4567-4e8f-9012-3456789abcde",
	        "0123abcd4567-4e8f-9012-3456789abcde-",
	};
	uint8_t got[8] = {1};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(stamp_tag(wrong[i], got), -EINVAL);
	assert_int_equal(got[0], 1);
	assert_int_equal(stamp_tag("0123ABCD-4567-4E8F-9012-3456789abcde", got), 0);
	assert_memory_equal(got, tag, sizeof(tag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_stamp_is_these_bytes),
	        cmocka_unit_test(test_stamp_gives_back_what_was_written),
	        cmocka_unit_test(test_stamp_with_any_bit_turned_is_damaged_or_not_ours),
	        cmocka_unit_test(test_stamp_of_another_run_is_told_from_a_foreign_message),
	        cmocka_unit_test(test_stamp_with_a_number_that_nobody_sends_is_damaged),
	        cmocka_unit_test(test_tag_is_made_of_a_uuid_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
