/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_delta.h: reports as bytes, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/ledger_delta.h"

static void test_sent_delta_is_these_bytes(void **state)
{
	static const uint8_t expected[] = {
	        3,                   /* agent */
	        9,                   /* stream's number */
	        1,  't',             /* topic */
	        2,                   /* parts */
	        21,                  /* partition 5, aborted */
	        1,  2,   4, 0, 0,    /* the first chunk: runs: 2 alone */
	        24,                  /* partition 6, acknowledged */
	        2,  2,   1, 8, 0, 0, /* the second chunk: runs: 10 from its beginning */
	};
	struct sent_part parts[] = {{.partition = 5, .kind = SENT_ABORTED}, {.partition = 7}, {.partition = 6}};
	struct sent_delta delta = {
	        .stream = UINT64_C(3) << 32 | 9, .topic = (char *)"t", .parts = parts, .part_count = 3};
	struct reader reader = {.data = expected, .size = sizeof(expected)};
	struct buffer bytes = {0};
	struct sent_delta got;

	(void)state;
	sequences_add(&parts[0].set, 2);
	sequences_add_run(&parts[2].set, 65536, 10, NULL);
	sent_delta_encode(&delta, &bytes);
	assert_int_equal(bytes.size, sizeof(expected));
	assert_memory_equal(bytes.data, expected, sizeof(expected));
	assert_int_equal(sent_delta_decode(&reader, &got), 0);
	assert_int_equal(reader.at, reader.size);
	assert_int_equal(got.stream, delta.stream);
	assert_string_equal(got.topic, "t");
	assert_int_equal(got.part_count, 2);
	assert_int_equal(got.parts[0].partition, 5);
	assert_int_equal(got.parts[0].kind, SENT_ABORTED);
	assert_int_equal(got.parts[1].set.total, 10);
	sent_delta_deinit(&got);
	sequences_deinit(&parts[0].set);
	sequences_deinit(&parts[2].set);
	buffer_deinit(&bytes);
}

static void test_seen_delta_is_these_bytes(void **state)
{
	static const uint8_t expected[] = {
	        1,    't',             /* topic */
	        4,                     /* partition */
	        6,                     /* reader */
	        0xe8, 7,               /* from 1000 */
	        9,                     /* to 1009 */
	        2,    3,               /* foreign, damaged */
	        1,                     /* parts */
	        0,    7,   1,          /* agent, stream's number, repeated */
	        1,    2,   9, 0, 0, 0, /* in order: 4 and 5 */
	        1,    2,   2, 0, 0,    /* late: 1 */
	};
	struct reader reader = {.data = expected, .size = sizeof(expected)};
	struct buffer bytes = {0};
	struct seen_delta got;

	(void)state;
	assert_int_equal(seen_delta_decode(&reader, &got), 0);
	assert_int_equal(reader.at, reader.size);
	assert_int_equal(got.partition, 4);
	assert_int_equal(got.reader, 6);
	assert_int_equal(got.offset_from, 1000);
	assert_int_equal(got.offset_to, 1009);
	assert_int_equal(got.foreign, 2);
	assert_int_equal(got.damaged, 3);
	assert_int_equal(got.parts[0].stream, 7);
	assert_int_equal(got.parts[0].highest, 5);
	assert_int_equal(got.parts[0].repeated, 1);
	assert_true(sequences_has(&got.parts[0].in_order, 4) && sequences_has(&got.parts[0].late, 1));
	seen_delta_encode(&got, &bytes);
	assert_int_equal(bytes.size, sizeof(expected));
	assert_memory_equal(bytes.data, expected, sizeof(expected));
	seen_delta_deinit(&got);
	buffer_deinit(&bytes);
}

struct wrong {
	const char *what;
	uint8_t bytes[40];
	size_t size;
};

static void test_wrong_sent_deltas_are_refused(void **state)
{
	static const struct wrong cases[] = {
	        {"nothing", {0}, 0},
	        {"an agent past 32 bits", {0x80, 0x80, 0x80, 0x80, 0x10, 9, 1, 't', 0}, 9},
	        {"a stream past 32 bits", {3, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 't', 0}, 9},
	        {"no topic", {3, 9, 0, 0}, 4},
	        {"a topic past the end", {3, 9, 5, 't', 0}, 5},
	        {"a zero in a topic", {3, 9, 2, 't', 0, 0}, 6},
	        {"parts that are not there", {3, 9, 1, 't', 0xff, 0xff, 0xff, 0xff, 0x7f}, 9},
	        {"an unknown kind", {3, 9, 1, 't', 1, 3, 1, 2, 4, 0, 0}, 11},
	        {"a partition past all", {3, 9, 1, 't', 1, 0x80, 0x92, 0xf4, 1, 1, 2, 4, 0, 0}, 14},
	        {"an empty part", {3, 9, 1, 't', 1, 4, 0}, 7},
	        {"a set that ends early", {3, 9, 1, 't', 1, 4, 1, 2, 4}, 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader reader = {.data = cases[i].bytes, .size = cases[i].size};
		struct sent_delta got = {.stream = 77};

		if (sent_delta_decode(&reader, &got) != -EBADMSG)
			fail_msg("%s was taken", cases[i].what);
		assert_int_equal(got.stream, 77);
		assert_null(got.topic);
	}
}

static void test_wrong_seen_deltas_are_refused(void **state)
{
	static const struct wrong cases[] = {
	        {"nothing", {0}, 0},
	        {"a partition past all", {1, 't', 0xc0, 0x84, 0x3d, 6, 0, 9, 0, 0, 0}, 11},
	        {"no offsets", {1, 't', 4, 6, 0, 0, 0, 0, 0}, 9},
	        {"offsets past all",
	         {1, 't', 4, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0},
	         17},
	        {"parts that are not there", {1, 't', 4, 6, 0, 9, 0, 0, 0xff, 0xff, 0x7f}, 11},
	        {"a part without messages", {1, 't', 4, 6, 0, 9, 0, 0, 1, 0, 7, 1, 0, 0}, 14},
	        {"a late one above all in order",
	         {1, 't', 4, 6, 0, 9, 0, 0, 1, 0, 7, 0, 1, 2, 2, 0, 0, 1, 2, 4, 0, 0},
	         22},
	        {"more strangers than offsets", {1, 't', 4, 6, 0, 9, 5, 5, 0}, 9},
	        {"more messages than offsets", {1, 't', 4, 6, 0, 9, 0, 0, 1, 0, 7, 9, 1, 2, 2, 0, 0, 0}, 18},
	        {"numbers whose sum is small again",
	         {1, 't', 4, 6, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 0},
	         18},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader reader = {.data = cases[i].bytes, .size = cases[i].size};
		struct seen_delta got = {.partition = 77};

		if (seen_delta_decode(&reader, &got) != -EBADMSG)
			fail_msg("%s was taken", cases[i].what);
		assert_int_equal(got.partition, 77);
		assert_null(got.topic);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sent_delta_is_these_bytes),
	        cmocka_unit_test(test_seen_delta_is_these_bytes),
	        cmocka_unit_test(test_wrong_sent_deltas_are_refused),
	        cmocka_unit_test(test_wrong_seen_deltas_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
