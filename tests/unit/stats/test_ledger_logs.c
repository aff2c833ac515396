/* SPDX-License-Identifier: Apache-2.0 */
/* sent_log.h and seen_log.h: what an agent holds until it reports. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/seen_log.h"
#include "common/stats/sent_log.h"

static void test_sent_log_hands_out_each_message_once(void **state)
{
	struct sent_log *log = sent_log_new();
	struct sent_stream *one = sent_log_open(log, 1, "t"), *two = sent_log_open(log, 2, "t");
	struct buffer bytes = {0};
	struct sent_delta delta;
	struct reader reader;

	(void)state;
	assert_int_equal(sent_log_take(log, &bytes), 0);
	assert_int_equal(sent_log_add(two, 40, SENT_ACKED, 5), 0);
	assert_int_equal(sent_log_add(two, 40, SENT_ACKED, 5), 1);
	assert_int_equal(sent_log_add(two, 0, SENT_FAILED, 6), 0);
	assert_int_equal(sent_log_add(one, LEDGER_PARTITIONS_MAX, SENT_ACKED, 5), -ERANGE);
	assert_int_equal(sent_log_add(one, 0, SENT_ACKED, SEQUENCES_MAX), -ERANGE);
	assert_int_equal(sent_log_take(log, &bytes), 1);
	assert_int_equal(sent_log_take(log, &bytes), 0);
	reader = (struct reader){.data = bytes.data, .size = bytes.size};
	assert_int_equal(sent_delta_decode(&reader, &delta), 0);
	assert_int_equal(reader.at, reader.size);
	assert_int_equal(delta.stream, 2);
	assert_int_equal(delta.part_count, 2);
	assert_int_equal(delta.parts[0].partition, 40);
	assert_true(sequences_has(&delta.parts[0].set, 5));
	assert_int_equal(delta.parts[1].kind, SENT_FAILED);
	sent_delta_deinit(&delta);
	buffer_deinit(&bytes);
	sent_log_free(log);
}

static void test_sent_log_keeps_what_it_could_not_hand_out(void **state)
{
	struct sent_log *log = sent_log_new();
	struct sent_stream *stream = sent_log_open(log, 1, "t");
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(sent_log_add(stream, 0, SENT_ACKED, 5), 0);
	bytes.failed = -ENOMEM;
	assert_int_equal(sent_log_take(log, &bytes), -ENOMEM);
	buffer_clear(&bytes);
	assert_int_equal(sent_log_take(log, &bytes), 1);
	buffer_deinit(&bytes);
	sent_log_free(log);
}

static void take_one(struct seen_log *log, struct seen_delta *ret_delta)
{
	struct buffer bytes = {0};
	struct reader reader;

	assert_int_equal(seen_log_take(log, &bytes), 1);
	reader = (struct reader){.data = bytes.data, .size = bytes.size};
	assert_int_equal(seen_delta_decode(&reader, ret_delta), 0);
	assert_int_equal(reader.at, reader.size);
	buffer_deinit(&bytes);
}

static int see(struct seen_partition *partition, uint64_t offset, uint64_t stream, uint64_t sequence)
{
	return seen_log_add(partition, offset, 0, &(struct stamp){.stream = stream, .sequence = sequence});
}

static void test_seen_log_tells_order_copies_and_strangers(void **state)
{
	struct seen_log *log = seen_log_new();
	struct seen_partition *partition = seen_log_open(log, "t", 3, 9, 50);
	struct seen_delta delta;

	(void)state;
	assert_int_equal(see(partition, 49, 1, 0), 1);
	assert_int_equal(see(partition, 50, 1, 4), 0);
	assert_int_equal(see(partition, 51, 2, 1), 0); /* of another stream: not late */
	assert_int_equal(see(partition, 52, 1, 3), 0); /* late */
	assert_int_equal(see(partition, 53, 1, 3), 0); /* a copy of it */
	assert_int_equal(see(partition, 54, 1, 4), 0); /* a copy of the highest */
	assert_int_equal(see(partition, 54, 1, 5), 1);
	assert_int_equal(seen_log_add(partition, 60, STAMP_FOREIGN, NULL), 0);
	assert_int_equal(seen_log_add(partition, 61, STAMP_OTHER_RUN, NULL), 0);
	assert_int_equal(seen_log_add(partition, 62, STAMP_DAMAGED, NULL), 0);
	assert_int_equal(see(partition, UINT64_MAX, 1, 9), -ERANGE);
	assert_int_equal(see(partition, 63, 1, SEQUENCES_MAX), -ERANGE);
	take_one(log, &delta);
	assert_string_equal(delta.topic, "t");
	assert_int_equal(delta.partition, 3);
	assert_int_equal(delta.reader, 9);
	assert_int_equal(delta.offset_from, 50);
	assert_int_equal(delta.offset_to, 63);
	assert_int_equal(delta.foreign, 2);
	assert_int_equal(delta.damaged, 1);
	assert_int_equal(delta.part_count, 2);
	assert_int_equal(delta.parts[0].in_order.total, 1);
	assert_int_equal(delta.parts[0].late.total, 1);
	assert_int_equal(delta.parts[0].repeated, 2);
	assert_int_equal(delta.parts[1].stream, 2);
	assert_int_equal(delta.parts[1].repeated, 0);
	seen_delta_deinit(&delta);
	seen_log_free(log);
}

static void test_seen_log_goes_on_where_the_delta_before_ended(void **state)
{
	struct seen_log *log = seen_log_new();
	struct seen_partition *partition = seen_log_open(log, "t", 0, 0, 0);
	struct seen_delta delta;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(see(partition, 5, 1, 9), 0);
	take_one(log, &delta);
	seen_delta_deinit(&delta);
	assert_int_equal(seen_log_take(log, &bytes), 0);
	seen_log_pass(partition, 4); /* lower than known */
	assert_int_equal(seen_log_take(log, &bytes), 0);
	/* Only the end of a transaction was there. */
	seen_log_pass(partition, 7);
	take_one(log, &delta);
	assert_int_equal(delta.offset_from, 6);
	assert_int_equal(delta.offset_to, 7);
	assert_int_equal(delta.part_count, 0);
	seen_delta_deinit(&delta);
	buffer_deinit(&bytes);
	seen_log_free(log);
}

static void test_seen_log_forgets_a_partition_that_is_closed(void **state)
{
	struct seen_log *log = seen_log_new();
	struct seen_partition *first = seen_log_open(log, "t", 0, 0, 0), *second = seen_log_open(log, "t", 1, 0, 0);
	struct seen_delta delta;

	(void)state;
	assert_int_equal(see(first, 0, 1, 0), 0);
	assert_int_equal(see(second, 0, 1, 1), 0);
	seen_log_close(log, first);
	seen_log_close(log, NULL);
	take_one(log, &delta);
	assert_int_equal(delta.partition, 1);
	seen_delta_deinit(&delta);
	seen_log_close(log, second);
	assert_null(seen_log_open(log, "", 0, 0, 0));
	assert_null(seen_log_open(log, "t", LEDGER_PARTITIONS_MAX, 0, 0));
	seen_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sent_log_hands_out_each_message_once),
	        cmocka_unit_test(test_sent_log_keeps_what_it_could_not_hand_out),
	        cmocka_unit_test(test_seen_log_tells_order_copies_and_strangers),
	        cmocka_unit_test(test_seen_log_goes_on_where_the_delta_before_ended),
	        cmocka_unit_test(test_seen_log_forgets_a_partition_that_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
