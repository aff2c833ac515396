/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what agents report: refused, or deltas that are the same after they were sent on, which the ledger
 * counts without losing one, and in memory that follows the bytes. An input is a row of deltas: a byte, odd for a seen
 * one, then the delta's own. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/stats/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	TABLES = 8192,
	BYTES_PER_BYTE = 128, /* a partition of a sent delta takes five bytes, and a row of its table */
};

static void require(_Bool holds)
{
	if (!holds)
		abort();
}

static uint64_t count_messages(const struct seen_delta *delta)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < delta->part_count; i++)
		messages += delta->parts[i].in_order.total + delta->parts[i].late.total + delta->parts[i].repeated;
	return messages;
}

/* The same after it was sent on: once in our own form, it stays. */
static void give_sent(struct ledger *ledger, struct sent_delta *delta)
{
	struct buffer first = {0}, second = {0};
	struct ledger_counts before, after;
	struct sent_delta again;
	struct reader reader;
	uint64_t told = 0;

	for (size_t i = 0; i < delta->part_count; i++)
		told += delta->parts[i].kind == SENT_FAILED ? 0 : delta->parts[i].set.total;
	sent_delta_encode(delta, &first);
	reader = (struct reader){.data = first.data, .size = first.size};
	require(first.failed == 0 && sent_delta_decode(&reader, &again) == 0 && reader.at == reader.size);
	sent_delta_encode(&again, &second);
	require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
	ledger_count(ledger, NULL, &before);
	require(ledger_add_sent(ledger, delta) == 0);
	ledger_count(ledger, NULL, &after);
	require(after.acked + after.aborted - before.acked - before.aborted <= told);
	/* A second time it tells nothing new. */
	require(ledger_add_sent(ledger, &again) == 0);
	ledger_count(ledger, NULL, &before);
	require(before.acked == after.acked && before.aborted == after.aborted && before.unread == after.unread);
	sent_delta_deinit(&again);
	buffer_deinit(&first);
	buffer_deinit(&second);
}

static void give_seen(struct ledger *ledger, struct seen_delta *delta)
{
	struct buffer first = {0}, second = {0};
	struct ledger_counts before, after;
	struct seen_delta again;
	struct reader reader;

	seen_delta_encode(delta, &first);
	reader = (struct reader){.data = first.data, .size = first.size};
	require(first.failed == 0 && seen_delta_decode(&reader, &again) == 0 && reader.at == reader.size);
	seen_delta_encode(&again, &second);
	require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
	require(ledger_start(ledger, delta->topic, delta->partition, delta->offset_from) >= 0);
	ledger_count(ledger, NULL, &before);
	if (ledger_add_seen(ledger, delta) == 0) {
		ledger_count(ledger, NULL, &after);
		require(after.seen + after.duplicated - before.seen - before.duplicated == count_messages(delta));
		require(ledger_add_seen(ledger, &again) == LEDGER_REPEATED);
	}
	seen_delta_deinit(&again);
	buffer_deinit(&first);
	buffer_deinit(&second);
}

/* False: the bytes were refused. */
static _Bool give_delta(struct ledger *ledger, struct reader *reader)
{
	_Bool is_seen = reader_byte(reader) & 1;
	struct sent_delta sent;
	struct seen_delta seen;
	int r = is_seen ? seen_delta_decode(reader, &seen) : sent_delta_decode(reader, &sent);

	require(r == 0 || r == -EBADMSG);
	if (r < 0)
		return 0;
	if (is_seen) {
		give_seen(ledger, &seen);
		seen_delta_deinit(&seen);
	} else {
		give_sent(ledger, &sent);
		sent_delta_deinit(&sent);
	}
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader = {.data = data, .size = size};
	struct ledger *ledger = ledger_new();
	struct ledger_counts counts;

	while (reader.at < reader.size && give_delta(ledger, &reader))
		;
	ledger_count(ledger, NULL, &counts);
	require(counts.aborted_visible <= counts.aborted && counts.unread <= counts.acked);
	require(ledger_memory(ledger) <= TABLES + BYTES_PER_BYTE * size);
	ledger_free(ledger);
	return 0;
}
