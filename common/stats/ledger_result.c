/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the account of every message. */
#include <string.h>

#include "common/stats/ledger_internal.h"

_Bool ledger_is_read(const struct ledger_partition *partition)
{
	return partition->has_start && partition->has_end && partition->position >= partition->end;
}

static void count_lane(const struct ledger_lane *lane, _Bool is_read, struct ledger_counts *counts)
{
	/* Never negative, even if a producer's message lies in another partition than it reported. */
	uint64_t missing = lane->acked > lane->acked_seen ? lane->acked - lane->acked_seen : 0;
	uint64_t paired = lane->acked_seen + lane->aborted_seen;

	counts->acked += lane->acked;
	counts->aborted += lane->aborted;
	counts->failed += lane->failed;
	counts->seen += lane->seen;
	*(is_read ? &counts->lost : &counts->unread) += missing;
	counts->duplicated += lane->duplicated;
	counts->reordered += lane->reordered;
	counts->aborted_visible += lane->aborted_seen;
	counts->unacked_visible += lane->seen > paired ? lane->seen - paired : 0;
}

void ledger_count_streams(const struct ledger *ledger, ledger_match *match, void *context,
                          struct ledger_counts *ret_counts)
{
	*ret_counts = (struct ledger_counts){0};
	for (uint32_t i = 0; i < ledger->lane_count; i++) {
		const struct ledger_partition *at;
		struct stream_key stream;
		struct lane_key lane;

		memcpy(&lane, names_key(ledger->lane_ids, i, NULL), sizeof(lane));
		memcpy(&stream, names_key(ledger->stream_ids, lane.stream, NULL), sizeof(stream));
		at = &ledger->partitions[lane.partition];
		if (match(context, stream.stream, at->topic))
			count_lane(&ledger->lanes[i], ledger_is_read(at), ret_counts);
	}
}

static _Bool is_of_topic(void *context, uint64_t stream, const char *topic)
{
	const char *wanted = context;

	(void)stream;
	return !wanted || strcmp(wanted, topic) == 0;
}

void ledger_count(const struct ledger *ledger, const char *topic, struct ledger_counts *ret_counts)
{
	ledger_count_streams(ledger, is_of_topic, (void *)topic, ret_counts);
	for (size_t i = 0; i < ledger->partition_count; i++) {
		const struct ledger_partition *at = &ledger->partitions[i];

		if (topic && strcmp(topic, at->topic) != 0)
			continue;
		ret_counts->foreign += at->foreign;
		ret_counts->damaged += at->damaged;
		ret_counts->partitions++;
		ret_counts->partitions_unread += !ledger_is_read(at);
	}
}

const struct ledger_partition *ledger_partitions(const struct ledger *ledger, size_t *ret_count)
{
	*ret_count = ledger->partition_count;
	return ledger->partitions;
}

/* True if it is among those that were found, in a delta that was repeated. */
static _Bool is_named(const struct ledger_missing *missing, size_t count, const struct ledger_missing *item)
{
	for (size_t i = 0; i < count; i++)
		if (missing[i].stream == item->stream && missing[i].sequence == item->sequence &&
		    missing[i].topic == item->topic)
			return 1;
	return 0;
}

/* The next number of the set from `from` on that is not in `seen`. */
static _Bool next_missing(const struct sequences *set, const struct sequences *seen, uint64_t from,
                          uint64_t *ret_missing)
{
	uint64_t count, absent;

	while (sequences_next(set, from, &from, &count)) {
		if (sequences_next_absent(seen, from, from + count, ret_missing, &absent))
			return 1;
		from += count;
	}
	return 0;
}

size_t ledger_find(const struct ledger *ledger, const struct sent_delta *delta, uint64_t when,
                   struct ledger_missing *missing, size_t max, size_t *count)
{
	struct stream_key key = {.stream = delta->stream};
	size_t before = *count;
	const struct ledger_stream *stream;
	uint32_t id;

	key.topic = names_find(ledger->topics, delta->topic, strlen(delta->topic));
	id = names_find(ledger->stream_ids, &key, sizeof(key));
	if (id == NAMES_NONE)
		return 0;
	stream = &ledger->streams[id];
	for (size_t i = 0; i < delta->part_count; i++) {
		const struct sent_part *part = &delta->parts[i];
		const struct ledger_partition *at = ledger_find_partition(ledger, delta->topic, part->partition);
		uint64_t sequence;

		if (part->kind != SENT_ACKED || !at || !ledger_is_read(at))
			continue;
		for (uint64_t from = 0; *count < max && next_missing(&part->set, &stream->seen, from, &sequence);
		     from = sequence + 1) {
			struct ledger_missing item = {.stream = delta->stream,
			                              .sequence = sequence,
			                              .topic = at->topic,
			                              .partition = part->partition,
			                              .when = when};

			if (!sequences_has(&stream->aborted, sequence) && !is_named(missing, *count, &item))
				missing[(*count)++] = item;
		}
	}
	return *count - before;
}

size_t ledger_memory(const struct ledger *ledger)
{
	size_t size = ledger->partition_capacity * sizeof(*ledger->partitions) +
	              ledger->stream_capacity * sizeof(*ledger->streams) +
	              ledger->lane_capacity * sizeof(*ledger->lanes);

	for (size_t i = 0; i < ledger->stream_count; i++)
		size += sequences_memory(&ledger->streams[i].told) + sequences_memory(&ledger->streams[i].aborted) +
		        sequences_memory(&ledger->streams[i].seen);
	return size;
}
