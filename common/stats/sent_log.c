/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the messages of an agent's streams. A stream is the delta that it will become; its parts stay when
 * their numbers have been handed out, so that a second costs no memory to be asked for. */
#include "common/stats/sent_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

struct sent_stream {
	struct sent_delta delta;
	uint32_t *places; /* by kind and partition: of its part + 1 */
	size_t place_count;
	uint64_t held; /* numbers in all parts */
};

struct sent_log {
	struct sent_stream **streams;
	size_t count;
	size_t capacity;
};

struct sent_log *sent_log_new(void)
{
	return calloc(1, sizeof(struct sent_log));
}

struct sent_log *sent_log_free(struct sent_log *log)
{
	if (!log)
		return NULL;
	for (size_t i = 0; i < log->count; i++) {
		sent_delta_deinit(&log->streams[i]->delta);
		free(log->streams[i]->places);
		free(log->streams[i]);
	}
	free(log->streams);
	free(log);
	return NULL;
}

struct sent_stream *sent_log_open(struct sent_log *log, uint64_t stream, const char *topic)
{
	struct sent_stream *opened;
	size_t size = strlen(topic);

	if (size == 0 || size > LEDGER_TOPIC_MAX ||
	    array_reserve(&log->streams, &log->capacity, log->count, sizeof(struct sent_stream *)) < 0)
		return NULL;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return NULL;
	opened->delta.stream = stream;
	opened->delta.topic = strdup(topic);
	if (!opened->delta.topic) {
		free(opened);
		return NULL;
	}
	log->streams[log->count++] = opened;
	return opened;
}

static int grow_places(struct sent_stream *stream, size_t least)
{
	size_t count = stream->place_count ? stream->place_count : SENT_KIND_COUNT;
	uint32_t *places;

	while (count <= least)
		count *= 2;
	places = realloc(stream->places, count * sizeof(*places));
	if (!places)
		return -ENOMEM;
	memset(places + stream->place_count, 0, (count - stream->place_count) * sizeof(*places));
	stream->places = places;
	stream->place_count = count;
	return 0;
}

static int add_part(struct sent_stream *stream, uint32_t partition, enum sent_kind kind)
{
	struct sent_delta *delta = &stream->delta;
	size_t place = (size_t)partition * SENT_KIND_COUNT + kind;
	int r;

	if (partition >= LEDGER_PARTITIONS_MAX)
		return -ERANGE;
	if (place >= stream->place_count) {
		r = grow_places(stream, place);
		if (r < 0)
			return r;
	}
	r = array_reserve(&delta->parts, &delta->part_capacity, delta->part_count, sizeof(*delta->parts));
	if (r < 0)
		return r;
	delta->parts[delta->part_count++] = (struct sent_part){.partition = partition, .kind = kind};
	stream->places[place] = (uint32_t)delta->part_count;
	return 0;
}

int sent_log_add(struct sent_stream *stream, uint32_t partition, enum sent_kind kind, uint64_t sequence)
{
	size_t place = (size_t)partition * SENT_KIND_COUNT + kind;
	int r;

	if (place >= stream->place_count || !stream->places[place]) {
		r = add_part(stream, partition, kind);
		if (r < 0)
			return r;
	}
	r = sequences_add(&stream->delta.parts[stream->places[place] - 1].set, sequence);
	stream->held += r == 1;
	return r < 0 ? r : !r;
}

static void forget(struct sent_stream *stream)
{
	for (size_t i = 0; i < stream->delta.part_count; i++)
		sequences_clear(&stream->delta.parts[i].set);
	stream->held = 0;
}

int sent_log_take(struct sent_log *log, struct buffer *buffer)
{
	size_t size = buffer->size;
	int taken = 0;

	for (size_t i = 0; i < log->count; i++) {
		if (log->streams[i]->held == 0)
			continue;
		sent_delta_encode(&log->streams[i]->delta, buffer);
		taken++;
	}
	if (buffer->failed) {
		buffer->size = size;
		return buffer->failed;
	}
	for (size_t i = 0; i < log->count; i++)
		if (log->streams[i]->held > 0)
			forget(log->streams[i]);
	return taken;
}

size_t sent_log_memory(const struct sent_log *log)
{
	size_t size = log->capacity * sizeof(*log->streams);

	for (size_t i = 0; i < log->count; i++) {
		const struct sent_stream *stream = log->streams[i];

		size += sizeof(*stream) + stream->place_count * sizeof(*stream->places) +
		        stream->delta.part_capacity * sizeof(*stream->delta.parts);
		for (size_t j = 0; j < stream->delta.part_count; j++)
			size += sequences_memory(&stream->delta.parts[j].set);
	}
	return size;
}
