/* SPDX-License-Identifier: Apache-2.0 */
/* The account of every message.
 *
 * Of a stream in a topic it keeps sets: reported (acknowledged or aborted), aborted, and seen. A message's copies lie
 * in one partition, and both of its deltas name it. So partitions need no sets: whichever of report and sight comes
 * second finds the other in its set, and counts the pair for its lane, the stream in the partition. What is
 * acknowledged and unpaired when the partition was read to its end is lost. All counts are sums over lanes.
 *
 * Late within a delta was counted by the verifier; across deltas, what is in order in its own but below the highest
 * sequence that the deltas before had is late too. A late message counts as reordered if it is its first copy. */
#include "common/stats/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/stats/ledger_internal.h"

DEFINE_CLEANUP(struct ledger *, ledger_free)

struct ledger *ledger_new(void)
{
	cleanup(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->topics = names_new();
	ledger->partition_ids = names_new();
	ledger->stream_ids = names_new();
	ledger->lane_ids = names_new();
	if (!ledger->topics || !ledger->partition_ids || !ledger->stream_ids || !ledger->lane_ids)
		return NULL;
	return steal(ledger);
}

struct ledger *ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	for (size_t i = 0; i < ledger->stream_count; i++) {
		sequences_deinit(&ledger->streams[i].told);
		sequences_deinit(&ledger->streams[i].aborted);
		sequences_deinit(&ledger->streams[i].seen);
	}
	free(ledger->streams);
	free(ledger->partitions);
	free(ledger->lanes);
	names_free(ledger->topics);
	names_free(ledger->partition_ids);
	names_free(ledger->stream_ids);
	names_free(ledger->lane_ids);
	free(ledger);
	return NULL;
}

/* The tables: each is found by its key, or made. Room comes first, so that each id has its entry. */

static int intern_topic(struct ledger *ledger, const char *topic, uint32_t *ret_id)
{
	return names_intern(ledger->topics, topic, strlen(topic), ret_id, NULL);
}

static struct ledger_partition *make_partition(struct ledger *ledger, const char *topic, uint32_t partition)
{
	struct partition_key key = {.partition = partition};
	uint32_t id;

	if (intern_topic(ledger, topic, &key.topic) < 0 ||
	    array_reserve(&ledger->partitions, &ledger->partition_capacity, ledger->partition_count,
	                  sizeof(*ledger->partitions)) < 0 ||
	    names_intern(ledger->partition_ids, &key, sizeof(key), &id, NULL) < 0)
		return NULL;
	if (id == ledger->partition_count)
		ledger->partitions[ledger->partition_count++] =
		        (struct ledger_partition){.topic = names_key(ledger->topics, key.topic, NULL),
		                                  .topic_id = key.topic,
		                                  .partition = partition};
	return &ledger->partitions[id];
}

static int make_stream(struct ledger *ledger, uint64_t stream, uint32_t topic, uint32_t *ret_id)
{
	struct stream_key key = {.stream = stream, .topic = topic};
	int r = array_reserve(&ledger->streams, &ledger->stream_capacity, ledger->stream_count,
	                      sizeof(*ledger->streams));

	if (r == 0)
		r = names_intern(ledger->stream_ids, &key, sizeof(key), ret_id, NULL);
	if (r == 0 && *ret_id == ledger->stream_count)
		ledger->streams[ledger->stream_count++] = (struct ledger_stream){0};
	return r;
}

static struct ledger_lane *make_lane(struct ledger *ledger, uint32_t stream, const struct ledger_partition *at)
{
	struct lane_key key = {.stream = stream, .partition = (uint32_t)(at - ledger->partitions)};
	uint32_t id;

	if (array_reserve(&ledger->lanes, &ledger->lane_capacity, ledger->lane_count, sizeof(*ledger->lanes)) < 0 ||
	    names_intern(ledger->lane_ids, &key, sizeof(key), &id, NULL) < 0)
		return NULL;
	if (id == ledger->lane_count)
		ledger->lanes[ledger->lane_count++] = (struct ledger_lane){0};
	return &ledger->lanes[id];
}

const struct ledger_partition *ledger_find_partition(const struct ledger *ledger, const char *topic, uint32_t partition)
{
	struct partition_key key = {.topic = names_find(ledger->topics, topic, strlen(topic)), .partition = partition};
	uint32_t id;

	if (key.topic == NAMES_NONE)
		return NULL;
	id = names_find(ledger->partition_ids, &key, sizeof(key));
	return id == NAMES_NONE ? NULL : &ledger->partitions[id];
}

/* The same to write to. */
static struct ledger_partition *find_partition(struct ledger *ledger, const char *topic, uint32_t partition)
{
	const struct ledger_partition *found = ledger_find_partition(ledger, topic, partition);

	return found ? &ledger->partitions[found - ledger->partitions] : NULL;
}

/* Offsets. */

int ledger_start(struct ledger *ledger, const char *topic, uint32_t partition, uint64_t offset)
{
	struct ledger_partition *at;

	if (partition >= LEDGER_PARTITIONS_MAX || offset > INT64_MAX)
		return -ERANGE;
	at = make_partition(ledger, topic, partition);
	if (!at)
		return -ENOMEM;
	if (at->has_start)
		return LEDGER_REPEATED;
	at->has_start = 1;
	at->start = at->position = offset;
	return 0;
}

int ledger_end(struct ledger *ledger, const char *topic, uint32_t partition, uint64_t offset)
{
	struct ledger_partition *at;

	if (partition >= LEDGER_PARTITIONS_MAX || offset > INT64_MAX)
		return -ERANGE;
	at = make_partition(ledger, topic, partition);
	if (!at)
		return -ENOMEM;
	at->has_end = 1;
	at->end = offset;
	return 0;
}

int ledger_take_over(struct ledger *ledger, const char *topic, uint32_t partition, uint64_t reader,
                     uint64_t *ret_offset)
{
	struct ledger_partition *at = find_partition(ledger, topic, partition);

	if (!at || !at->has_start)
		return LEDGER_UNKNOWN;
	at->reader = reader;
	*ret_offset = at->position;
	return 0;
}

/* Sent. */

/* Adds a run of what was told; what was told before keeps its first fate. */
static int tell(struct ledger_stream *stream, struct ledger_lane *lane, enum sent_kind kind, uint64_t from,
                uint64_t count)
{
	uint64_t end = from + count, added = 0, paired = 0, next = from, fresh, length;
	int r = 0;

	for (; r == 0 && sequences_next_absent(&stream->told, next, end, &fresh, &length); next = fresh + length) {
		added += length;
		paired += sequences_count(&stream->seen, fresh, length);
		if (kind == SENT_ABORTED)
			r = sequences_add_run(&stream->aborted, fresh, length, NULL);
	}
	if (r == 0)
		r = sequences_add_run(&stream->told, from, count, NULL);
	*(kind == SENT_ABORTED ? &lane->aborted : &lane->acked) += added;
	*(kind == SENT_ABORTED ? &lane->aborted_seen : &lane->acked_seen) += paired;
	return r;
}

static int add_sent_part(struct ledger_stream *stream, struct ledger_lane *lane, const struct sent_part *part)
{
	uint64_t from = 0, count;
	int r = 0;

	if (part->kind == SENT_FAILED) {
		lane->failed += part->set.total;
		return 0;
	}
	for (; r == 0 && sequences_next(&part->set, from, &from, &count); from += count)
		r = tell(stream, lane, part->kind, from, count);
	return r;
}

int ledger_add_sent(struct ledger *ledger, const struct sent_delta *delta)
{
	uint32_t topic = 0, stream = 0;
	int r = intern_topic(ledger, delta->topic, &topic);

	if (r == 0)
		r = make_stream(ledger, delta->stream, topic, &stream);
	for (size_t i = 0; r == 0 && i < delta->part_count; i++) {
		struct ledger_partition *at = make_partition(ledger, delta->topic, delta->parts[i].partition);
		struct ledger_lane *lane = at ? make_lane(ledger, stream, at) : NULL;

		r = lane ? add_sent_part(&ledger->streams[stream], lane, &delta->parts[i]) : -ENOMEM;
	}
	return r;
}

/* Seen. */

/* Adds a run of what was seen, which is late below `late_until`. */
static int see(struct ledger_stream *stream, struct ledger_lane *lane, uint64_t from, uint64_t count,
               uint64_t late_until)
{
	uint64_t end = from + count, added = 0, next = from, fresh, length;

	for (; sequences_next_absent(&stream->seen, next, end, &fresh, &length); next = fresh + length) {
		uint64_t told = sequences_count(&stream->told, fresh, length);
		uint64_t aborted = told ? sequences_count(&stream->aborted, fresh, length) : 0;

		added += length;
		lane->acked_seen += told - aborted;
		lane->aborted_seen += aborted;
		if (fresh < late_until)
			lane->reordered += late_until - fresh < length ? late_until - fresh : length;
	}
	lane->seen += added;
	lane->duplicated += count - added;
	return sequences_add_run(&stream->seen, from, count, NULL);
}

static int see_set(struct ledger_stream *stream, struct ledger_lane *lane, const struct sequences *set,
                   uint64_t late_until)
{
	uint64_t from = 0, count;
	int r = 0;

	for (; r == 0 && sequences_next(set, from, &from, &count); from += count)
		r = see(stream, lane, from, count, late_until);
	return r;
}

static int add_seen_part(struct ledger *ledger, const struct ledger_partition *at, const struct seen_part *part)
{
	struct ledger_lane *lane;
	uint32_t stream = 0;
	int r = make_stream(ledger, part->stream, at->topic_id, &stream);

	if (r < 0)
		return r;
	lane = make_lane(ledger, stream, at);
	if (!lane)
		return -ENOMEM;
	/* Those in order first: of copies of one message in both sets the late one is the second. */
	r = see_set(&ledger->streams[stream], lane, &part->in_order, lane->height);
	if (r == 0)
		r = see_set(&ledger->streams[stream], lane, &part->late, SEQUENCES_MAX);
	lane->duplicated += part->repeated;
	if (part->highest >= lane->height)
		lane->height = part->highest + 1;
	return r;
}

int ledger_add_seen(struct ledger *ledger, const struct seen_delta *delta)
{
	struct ledger_partition *at = find_partition(ledger, delta->topic, delta->partition);
	int r = 0;

	if (!at || !at->has_start)
		return LEDGER_UNKNOWN;
	if (delta->reader != at->reader)
		return LEDGER_OTHERS;
	if (delta->offset_from != at->position)
		return delta->offset_from < at->position ? LEDGER_REPEATED : LEDGER_GAP;
	for (size_t i = 0; r == 0 && i < delta->part_count; i++)
		r = add_seen_part(ledger, at, &delta->parts[i]);
	at->foreign += delta->foreign;
	at->damaged += delta->damaged;
	at->position = delta->offset_to;
	return r;
}
