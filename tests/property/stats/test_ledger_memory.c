/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever becomes of the messages, the ledger takes two bits for each, and agents nothing once they have reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/stats/ledger.h"
#include "common/stats/seen_log.h"
#include "common/stats/sent_log.h"

enum {
	FEW = 300000,
	MANY = 10000000,
	PARTITIONS = 3,
	BATCH = 50000, /* messages in a delta */
	TABLE_BYTES = 2560,
	CHUNK_BYTES = 3 * 48, /* at most, of three sets' heads of a chunk, with room as they grow by doubling */
};

/* What becomes of message `i`: one of its bits is set for each. */
enum { REPORTED = 1, ABORTED = 2, SEEN = 4 };

typedef unsigned (*fate_fn)(struct random *random, uint64_t i);

static unsigned all_is_well(struct random *random, uint64_t i)
{
	(void)random;
	(void)i;
	return REPORTED | SEEN;
}

static unsigned every_second_is_lost(struct random *random, uint64_t i)
{
	(void)random;
	return REPORTED | (i % 2 ? SEEN : 0);
}

static unsigned reported_or_seen_in_turn(struct random *random, uint64_t i)
{
	(void)random;
	return i % 2 ? SEEN : REPORTED;
}

static unsigned any(struct random *random, uint64_t i)
{
	(void)i;
	return random_next(random) >> 32 & (REPORTED | SEEN);
}

static unsigned few_of_both(struct random *random, uint64_t i)
{
	(void)i;
	return (random_below(random, 20) ? 0 : REPORTED) | (random_below(random, 20) ? 0 : SEEN);
}

static unsigned as_many_runs_as_a_list_holds(struct random *random, uint64_t i)
{
	(void)random;
	return (i % 31 ? 0 : REPORTED) | (i % 33 ? 0 : SEEN);
}

static unsigned any_of_them_aborted_by_itself(struct random *random, uint64_t i)
{
	(void)i;
	return REPORTED | (random_next(random) >> 32 & (ABORTED | SEEN));
}

static unsigned aborted_transactions(struct random *random, uint64_t i)
{
	return (random_next(random) >> 32 & SEEN) | REPORTED | (i / 50 % 10 ? 0 : ABORTED);
}

static unsigned anything_at_all(struct random *random, uint64_t i)
{
	(void)i;
	return random_next(random) >> 32 & (REPORTED | ABORTED | SEEN);
}

struct agent {
	struct sent_log *sent;
	struct sent_stream *stream;
	struct seen_log *seen;
	struct seen_partition *partitions[PARTITIONS];
	uint64_t offsets[PARTITIONS];
};

static void begin(struct agent *agent, struct ledger *ledger)
{
	*agent = (struct agent){.sent = sent_log_new(), .seen = seen_log_new()};
	agent->stream = sent_log_open(agent->sent, 7, "t");
	for (uint32_t i = 0; i < PARTITIONS; i++) {
		agent->partitions[i] = seen_log_open(agent->seen, "t", i, 0, 0);
		assert_int_equal(ledger_start(ledger, "t", i, 0), 0);
	}
}

static void hand_over(struct agent *agent, struct ledger *ledger)
{
	struct buffer sent = {0}, seen = {0};
	struct reader reader;

	assert_true(sent_log_take(agent->sent, &sent) >= 0);
	assert_true(seen_log_take(agent->seen, &seen) >= 0);
	for (reader = (struct reader){.data = sent.data, .size = sent.size}; reader.at < reader.size;) {
		struct sent_delta delta;

		assert_int_equal(sent_delta_decode(&reader, &delta), 0);
		assert_int_equal(ledger_add_sent(ledger, &delta), 0);
		sent_delta_deinit(&delta);
	}
	for (reader = (struct reader){.data = seen.data, .size = seen.size}; reader.at < reader.size;) {
		struct seen_delta delta;

		assert_int_equal(seen_delta_decode(&reader, &delta), 0);
		assert_int_equal(ledger_add_seen(ledger, &delta), 0);
		seen_delta_deinit(&delta);
	}
	buffer_deinit(&sent);
	buffer_deinit(&seen);
	/* The room for a second's chunks stays. */
	assert_true(sent_log_memory(agent->sent) < 4096);
	assert_true(seen_log_memory(agent->seen) < 4096);
}

static void record(struct agent *agent, uint64_t sequence, unsigned fate)
{
	uint32_t partition = (uint32_t)(sequence * 2654435761 >> 16) % PARTITIONS;
	struct stamp stamp = {.stream = 7, .sequence = sequence};

	if (fate & REPORTED)
		assert_int_equal(
		        sent_log_add(agent->stream, partition, fate & ABORTED ? SENT_ABORTED : SENT_ACKED, sequence),
		        0);
	if (fate & SEEN)
		assert_int_equal(seen_log_add(agent->partitions[partition], agent->offsets[partition]++, 0, &stamp), 0);
}

static void assert_bits(fate_fn fate, uint64_t messages, double bits)
{
	struct ledger *ledger = ledger_new();
	struct random random;
	struct agent agent;
	uint64_t wanted[2] = {0};
	struct ledger_counts got;

	begin(&agent, ledger);
	random_seed(&random, 5);
	for (uint64_t i = 0; i < messages; i++) {
		unsigned drawn = fate(&random, i);

		wanted[0] += drawn & REPORTED && !(drawn & ABORTED);
		wanted[1] += (drawn & SEEN) > 0;
		record(&agent, i, drawn);
		if (i % BATCH == BATCH - 1)
			hand_over(&agent, ledger);
	}
	hand_over(&agent, ledger);
	ledger_count(ledger, NULL, &got);
	assert_int_equal(got.acked, wanted[0]);
	assert_int_equal(got.seen, wanted[1]);
	/* Up to the highest sequence in steps of 1,024; the heads of chunks; and the tables of few streams. */
	assert_true((double)ledger_memory(ledger) <=
	            bits * (double)(messages + 1024) / 8 + (double)(messages / 65536 + 1) * CHUNK_BYTES + TABLE_BYTES);
	sent_log_free(agent.sent);
	seen_log_free(agent.seen);
	ledger_free(ledger);
}

static void test_any_pattern_takes_two_bits_a_message(void **state)
{
	(void)state;
	assert_bits(all_is_well, FEW, 0);
	assert_bits(every_second_is_lost, FEW, 1.3);
	assert_bits(reported_or_seen_in_turn, FEW, 2);
	assert_bits(any, FEW, 2);
	assert_bits(few_of_both, FEW, 2);
	assert_bits(as_many_runs_as_a_list_holds, FEW, 2);
}

static void test_aborted_transactions_take_no_more_where_all_was_reported(void **state)
{
	(void)state;
	assert_bits(any_of_them_aborted_by_itself, FEW, 2);
	assert_bits(aborted_transactions, FEW, 2);
	assert_bits(anything_at_all, FEW, 3);
}

static void test_many_small_streams_take_no_more(void **state)
{
	(void)state;
	for (uint64_t messages = 1; messages < 5000; messages = messages * 3 / 2 + 1) {
		assert_bits(any, messages, 2);
		assert_bits(few_of_both, messages, 2);
	}
}

static void test_ten_million_messages_take_two_bits_each(void **state)
{
	(void)state;
	assert_bits(any, MANY, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_pattern_takes_two_bits_a_message),
	        cmocka_unit_test(test_aborted_transactions_take_no_more_where_all_was_reported),
	        cmocka_unit_test(test_many_small_streams_take_no_more),
	        cmocka_unit_test(test_ten_million_messages_take_two_bits_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
