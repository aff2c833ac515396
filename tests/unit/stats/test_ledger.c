/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h: what follows from what was reported and seen. Whole worlds are in tests/property/stats/test_ledger.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/ledger.h"
#include "common/stats/seen_log.h"
#include "common/stats/sent_log.h"

enum { STREAM = 7 };

/* Reports `list` (sequences, ending with -1) of the stream in partition 0. */
static void tell(struct ledger *ledger, enum sent_kind kind, const int *list)
{
	struct sent_part part = {.kind = kind};
	struct sent_delta delta = {.stream = STREAM, .topic = (char *)"t", .parts = &part, .part_count = 1};

	for (; *list >= 0; list++)
		assert_int_equal(sequences_add(&part.set, (uint64_t)*list), 1);
	assert_int_equal(ledger_add_sent(ledger, &delta), 0);
	sequences_deinit(&part.set);
}

/* Shows `list` from the offset on, as one delta of a verifier. */
static int show(struct ledger *ledger, uint64_t reader, uint64_t offset, const int *list)
{
	struct seen_log *log = seen_log_new();
	struct seen_partition *partition = seen_log_open(log, "t", 0, reader, offset);
	struct buffer bytes = {0};
	struct seen_delta delta;
	struct reader from;
	int r;

	for (; *list >= 0; list++)
		assert_int_equal(seen_log_add(partition, offset++, 0,
		                              &(struct stamp){.stream = STREAM, .sequence = (uint64_t)*list}),
		                 0);
	assert_int_equal(seen_log_take(log, &bytes), 1);
	from = (struct reader){.data = bytes.data, .size = bytes.size};
	assert_int_equal(seen_delta_decode(&from, &delta), 0);
	r = ledger_add_seen(ledger, &delta);
	seen_delta_deinit(&delta);
	buffer_deinit(&bytes);
	seen_log_free(log);
	return r;
}

#define LIST(...)                                                                                                      \
	(const int[])                                                                                                  \
	{                                                                                                              \
		__VA_ARGS__, -1                                                                                        \
	}

static struct ledger *begin(void)
{
	struct ledger *ledger = ledger_new();

	assert_int_equal(ledger_start(ledger, "t", 0, 100), 0);
	return ledger;
}

static struct ledger_counts count(const struct ledger *ledger)
{
	struct ledger_counts counts;

	ledger_count(ledger, NULL, &counts);
	return counts;
}

static void test_ledger_counts_each_fate_once_whichever_report_comes_first(void **state)
{
	(void)state;
	for (int seen_first = 0; seen_first < 2; seen_first++) {
		struct ledger *ledger = begin();
		struct ledger_counts got;

		if (seen_first)
			assert_int_equal(show(ledger, 0, 100, LIST(0, 2, 1, 2, 4, 6, 5, 8)), 0);
		tell(ledger, SENT_ACKED, LIST(0, 1, 2, 3));
		tell(ledger, SENT_ABORTED, LIST(4, 9));
		tell(ledger, SENT_FAILED, LIST(5, 7));
		if (!seen_first)
			assert_int_equal(show(ledger, 0, 100, LIST(0, 2, 1, 2, 4, 6, 5, 8)), 0);
		assert_int_equal(ledger_end(ledger, "t", 0, 108), 0);
		got = count(ledger);
		assert_int_equal(got.acked, 4);
		assert_int_equal(got.aborted, 2);
		assert_int_equal(got.failed, 2);
		assert_int_equal(got.seen, 7);
		assert_int_equal(got.lost, 1);
		assert_int_equal(got.duplicated, 1);
		assert_int_equal(got.reordered, 2); /* 1 and 5 */
		assert_int_equal(got.aborted_visible, 1);
		assert_int_equal(got.unacked_visible, 3); /* 5, 6 and 8 */
		ledger_free(ledger);
	}
}

static void test_ledger_calls_nothing_lost_before_a_partition_is_read_to_its_end(void **state)
{
	struct ledger *ledger = begin();

	(void)state;
	tell(ledger, SENT_ACKED, LIST(0, 1, 2));
	assert_int_equal(count(ledger).unread, 3);
	assert_int_equal(ledger_end(ledger, "t", 0, 103), 0);
	assert_int_equal(show(ledger, 0, 100, LIST(0, 0)), 0);
	assert_int_equal(count(ledger).unread, 2);
	assert_int_equal(count(ledger).lost, 0);
	assert_int_equal(count(ledger).partitions_unread, 1);
	assert_false(ledger_is_read(ledger_find_partition(ledger, "t", 0)));
	assert_int_equal(show(ledger, 0, 102, LIST(0)), 0);
	assert_int_equal(count(ledger).unread, 0);
	assert_int_equal(count(ledger).lost, 2);
	assert_int_equal(count(ledger).partitions_unread, 0);
	assert_true(ledger_is_read(ledger_find_partition(ledger, "t", 0)));
	ledger_free(ledger);
}

static void test_ledger_takes_each_offset_once(void **state)
{
	struct ledger *ledger = begin();
	uint64_t offset = 0;

	(void)state;
	assert_int_equal(show(ledger, 0, 99, LIST(0)), LEDGER_REPEATED);
	assert_int_equal(show(ledger, 0, 101, LIST(0)), LEDGER_GAP);
	assert_int_equal(show(ledger, 0, 100, LIST(0, 1, 2)), 0);
	assert_int_equal(show(ledger, 0, 100, LIST(0, 1, 2)), LEDGER_REPEATED);
	assert_int_equal(show(ledger, 0, 102, LIST(2, 3)), LEDGER_REPEATED);
	assert_int_equal(show(ledger, 0, 104, LIST(4)), LEDGER_GAP);
	assert_int_equal(count(ledger).seen, 3);
	assert_int_equal(count(ledger).duplicated, 0);
	/* Another reader goes on; what the first one has beyond is left to it. */
	assert_int_equal(ledger_take_over(ledger, "t", 0, 5, &offset), 0);
	assert_int_equal(offset, 103);
	assert_int_equal(show(ledger, 0, 103, LIST(3, 4)), LEDGER_OTHERS);
	assert_int_equal(show(ledger, 5, 103, LIST(3)), 0);
	assert_int_equal(show(ledger, 5, 104, LIST(4)), 0);
	assert_int_equal(count(ledger).seen, 5);
	ledger_free(ledger);
}

static void test_ledger_knows_no_partition_without_a_start(void **state)
{
	struct ledger *ledger = ledger_new();
	uint64_t offset = 55;

	(void)state;
	assert_int_equal(show(ledger, 0, 0, LIST(0)), LEDGER_UNKNOWN);
	tell(ledger, SENT_ACKED, LIST(0));
	assert_int_equal(ledger_end(ledger, "t", 0, 0), 0);
	assert_int_equal(show(ledger, 0, 0, LIST(0)), LEDGER_UNKNOWN);
	assert_int_equal(ledger_take_over(ledger, "t", 0, 1, &offset), LEDGER_UNKNOWN);
	assert_int_equal(offset, 55);
	/* An end alone is nothing that was read to it. */
	assert_int_equal(count(ledger).unread, 1);
	assert_int_equal(ledger_start(ledger, "t", 0, 3), 0);
	assert_int_equal(ledger_start(ledger, "t", 0, 4), LEDGER_REPEATED);
	assert_int_equal(ledger_find_partition(ledger, "t", 0)->position, 3);
	assert_int_equal(ledger_start(ledger, "t", LEDGER_PARTITIONS_MAX, 4), -ERANGE);
	assert_int_equal(ledger_end(ledger, "t", 0, UINT64_MAX), -ERANGE);
	ledger_free(ledger);
}

static void test_ledger_tells_what_is_late_across_deltas_and_readers(void **state)
{
	struct ledger *ledger = begin();
	uint64_t offset;

	(void)state;
	assert_int_equal(show(ledger, 0, 100, LIST(0, 5, 3)), 0);
	assert_int_equal(count(ledger).reordered, 1);
	assert_int_equal(ledger_take_over(ledger, "t", 0, 1, &offset), 0);
	/* 1 and 4 come after 5; 2 does and after 4 too; 3 is a copy. */
	assert_int_equal(show(ledger, 1, 103, LIST(1, 4, 2, 3, 6)), 0);
	assert_int_equal(count(ledger).reordered, 4);
	assert_int_equal(count(ledger).duplicated, 1);
	ledger_free(ledger);
}

static void test_ledger_keeps_a_message_s_first_fate(void **state)
{
	struct ledger *ledger = begin();
	struct ledger_missing missing[4];
	struct sent_part part = {.kind = SENT_ACKED};
	struct sent_delta delta = {.stream = STREAM, .topic = (char *)"t", .parts = &part, .part_count = 1};
	size_t found = 0;

	(void)state;
	tell(ledger, SENT_ABORTED, LIST(0, 1));
	tell(ledger, SENT_ACKED, LIST(1, 2));
	tell(ledger, SENT_ACKED, LIST(1, 2));
	assert_int_equal(ledger_end(ledger, "t", 0, 100), 0);
	assert_int_equal(count(ledger).acked, 1);
	assert_int_equal(count(ledger).aborted, 2);
	assert_int_equal(count(ledger).lost, 1);
	/* What is named is what was counted, and once. */
	assert_int_equal(sequences_add_run(&part.set, 1, 2, NULL), 0);
	assert_int_equal(ledger_find(ledger, &delta, 33, missing, 4, &found), 1);
	assert_int_equal(ledger_find(ledger, &delta, 34, missing, 4, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(missing[0].stream, STREAM);
	assert_int_equal(missing[0].sequence, 2);
	assert_int_equal(missing[0].when, 33);
	assert_int_equal(missing[0].partition, 0);
	assert_string_equal(missing[0].topic, "t");
	sequences_deinit(&part.set);
	ledger_free(ledger);
}

static void test_ledger_takes_a_copy_in_another_topic_for_another_message(void **state)
{
	struct ledger *ledger = begin();
	struct seen_part part = {.stream = STREAM};
	struct seen_delta delta = {.topic = (char *)"copy", .offset_to = 1, .parts = &part, .part_count = 1};
	struct ledger_counts counts;

	(void)state;
	assert_int_equal(ledger_start(ledger, "copy", 0, 0), 0);
	tell(ledger, SENT_ACKED, LIST(0));
	assert_int_equal(show(ledger, 0, 100, LIST(0)), 0);
	assert_int_equal(sequences_add(&part.in_order, 0), 1);
	assert_int_equal(ledger_add_seen(ledger, &delta), 0);
	ledger_count(ledger, "copy", &counts);
	assert_int_equal(counts.unacked_visible, 1);
	assert_int_equal(counts.partitions, 1);
	ledger_count(ledger, "t", &counts);
	assert_int_equal(counts.seen, 1);
	assert_int_equal(counts.duplicated, 0);
	ledger_count(ledger, "never heard of", &counts);
	assert_int_equal(counts.partitions, 0);
	sequences_deinit(&part.in_order);
	ledger_free(ledger);
}

/* Shows `count` pairs of stream and sequence in the partition from its beginning. */
static void show_streams(struct ledger *ledger, uint32_t partition, const uint64_t (*list)[2], size_t count)
{
	struct seen_log *log = seen_log_new();
	struct seen_partition *opened = seen_log_open(log, "t", partition, 0, 0);
	struct buffer bytes = {0};
	struct seen_delta delta;
	struct reader from;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		        seen_log_add(opened, i, 0, &(struct stamp){.stream = list[i][0], .sequence = list[i][1]}), 0);
	assert_int_equal(seen_log_take(log, &bytes), 1);
	from = (struct reader){.data = bytes.data, .size = bytes.size};
	assert_int_equal(seen_delta_decode(&from, &delta), 0);
	assert_int_equal(ledger_start(ledger, "t", partition, 0), 0);
	assert_int_equal(ledger_add_seen(ledger, &delta), 0);
	seen_delta_deinit(&delta);
	buffer_deinit(&bytes);
	seen_log_free(log);
}

static void tell_stream(struct ledger *ledger, uint64_t stream, uint32_t partition, uint64_t from, uint64_t count)
{
	struct sent_part part = {.partition = partition, .kind = SENT_ACKED};
	struct sent_delta delta = {.stream = stream, .topic = (char *)"t", .parts = &part, .part_count = 1};

	assert_int_equal(sequences_add_run(&part.set, from, count, NULL), 0);
	assert_int_equal(ledger_add_sent(ledger, &delta), 0);
	sequences_deinit(&part.set);
}

static _Bool is_odd(void *context, uint64_t stream, const char *topic)
{
	(void)context;
	assert_string_equal(topic, "t");
	return stream % 2;
}

static void test_ledger_counts_streams_apart_that_share_partitions(void **state)
{
	static const uint64_t first[][2] = {{1, 0}, {2, 0}, {1, 2}, {2, 0}, {1, 1}, {3, 0}, {1, 2}};
	static const uint64_t second[][2] = {{2, 1}, {2, 1}, {2, 1}};
	struct ledger *ledger = ledger_new();
	struct ledger_counts got, all;

	(void)state;
	tell_stream(ledger, 1, 0, 0, 4);
	tell_stream(ledger, 1, 1, 4, 2);
	tell_stream(ledger, 2, 0, 0, 1);
	tell_stream(ledger, 2, 1, 1, 1);
	show_streams(ledger, 0, first, 7);
	show_streams(ledger, 1, second, 3);
	assert_int_equal(ledger_end(ledger, "t", 0, 7), 0);
	assert_int_equal(ledger_end(ledger, "t", 1, 4), 0);
	ledger_count_streams(ledger, is_odd, NULL, &got);
	assert_int_equal(got.acked, 6);
	assert_int_equal(got.seen, 4);
	assert_int_equal(got.lost, 1);
	assert_int_equal(got.unread, 2);
	assert_int_equal(got.duplicated, 1);
	assert_int_equal(got.reordered, 1);
	assert_int_equal(got.unacked_visible, 1);
	assert_int_equal(got.partitions, 0);
	ledger_count(ledger, "t", &all);
	assert_int_equal(all.acked, 8);
	assert_int_equal(all.duplicated, 4);
	assert_int_equal(all.unread, 2);
	assert_int_equal(all.partitions_unread, 1);
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ledger_counts_each_fate_once_whichever_report_comes_first),
	        cmocka_unit_test(test_ledger_calls_nothing_lost_before_a_partition_is_read_to_its_end),
	        cmocka_unit_test(test_ledger_takes_each_offset_once),
	        cmocka_unit_test(test_ledger_knows_no_partition_without_a_start),
	        cmocka_unit_test(test_ledger_tells_what_is_late_across_deltas_and_readers),
	        cmocka_unit_test(test_ledger_keeps_a_message_s_first_fate),
	        cmocka_unit_test(test_ledger_takes_a_copy_in_another_topic_for_another_message),
	        cmocka_unit_test(test_ledger_counts_streams_apart_that_share_partitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
