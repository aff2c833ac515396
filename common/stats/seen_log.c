/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent's verifiers saw. A partition is the delta that it will become; what it knows of a stream is forgotten
 * with it. So what is late is told within a delta alone, and the ledger compares with what the deltas before had. */
#include "common/stats/seen_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/names.h"

struct seen_partition {
	struct seen_delta delta;
	struct names *streams; /* a stream's id is the place of its part */
	size_t place;          /* in the log */
	size_t newest;         /* the part of the last message */
};

struct seen_log {
	struct seen_partition **partitions;
	size_t count;
	size_t capacity;
};

struct seen_log *seen_log_new(void)
{
	return calloc(1, sizeof(struct seen_log));
}

static struct seen_partition *free_partition(struct seen_partition *partition)
{
	if (!partition)
		return NULL;
	seen_delta_deinit(&partition->delta);
	names_free(partition->streams);
	free(partition);
	return NULL;
}

DEFINE_CLEANUP(struct seen_partition *, free_partition)

struct seen_log *seen_log_free(struct seen_log *log)
{
	if (!log)
		return NULL;
	for (size_t i = 0; i < log->count; i++)
		free_partition(log->partitions[i]);
	free(log->partitions);
	free(log);
	return NULL;
}

struct seen_partition *seen_log_open(struct seen_log *log, const char *topic, uint32_t partition, uint64_t reader,
                                     uint64_t offset)
{
	cleanup(free_partitionp) struct seen_partition *opened = calloc(1, sizeof(*opened));
	size_t size = strlen(topic);

	if (!opened || size == 0 || size > LEDGER_TOPIC_MAX || partition >= LEDGER_PARTITIONS_MAX || offset > INT64_MAX)
		return NULL;
	opened->delta = (struct seen_delta){
	        .partition = partition, .reader = reader, .offset_from = offset, .offset_to = offset};
	opened->delta.topic = strdup(topic);
	opened->streams = names_new();
	opened->place = log->count;
	if (!opened->delta.topic || !opened->streams ||
	    array_reserve(&log->partitions, &log->capacity, log->count, sizeof(struct seen_partition *)) < 0)
		return NULL;
	log->partitions[log->count++] = opened;
	return steal(opened);
}

void seen_log_close(struct seen_log *log, struct seen_partition *partition)
{
	if (!partition)
		return;
	log->count--;
	log->partitions[partition->place] = log->partitions[log->count];
	log->partitions[partition->place]->place = partition->place;
	free_partition(partition);
}

/* The part of a stream, or NULL without memory. A new one is empty. */
static struct seen_part *find_part(struct seen_partition *partition, uint64_t stream)
{
	struct seen_delta *delta = &partition->delta;
	uint32_t id;

	if (partition->newest < delta->part_count && delta->parts[partition->newest].stream == stream)
		return &delta->parts[partition->newest];
	/* Room first, so that each id has a part. */
	if (array_reserve(&delta->parts, &delta->part_capacity, delta->part_count, sizeof(*delta->parts)) < 0 ||
	    names_intern(partition->streams, &stream, sizeof(stream), &id, NULL) < 0)
		return NULL;
	if (id == delta->part_count)
		delta->parts[delta->part_count++] = (struct seen_part){.stream = stream};
	partition->newest = id;
	return &delta->parts[id];
}

static int add_message(struct seen_partition *partition, const struct stamp *stamp)
{
	struct seen_part *part;
	_Bool late;
	int r;

	if (stamp->sequence >= SEQUENCES_MAX)
		return -ERANGE;
	part = find_part(partition, stamp->stream);
	if (!part)
		return -ENOMEM;
	/* A copy of one in order lies with the late ones; the ledger tells them apart. */
	late = part->in_order.total > 0 && stamp->sequence < part->highest;
	r = sequences_add(late ? &part->late : &part->in_order, stamp->sequence);
	if (r < 0)
		return r;
	if (r == 0)
		part->repeated++;
	if (!late)
		part->highest = stamp->sequence;
	return 0;
}

int seen_log_add(struct seen_partition *partition, uint64_t offset, int outcome, const struct stamp *stamp)
{
	struct seen_delta *delta = &partition->delta;
	int r = 0;

	if (offset < delta->offset_to)
		return 1;
	if (offset >= INT64_MAX)
		return -ERANGE;
	if (outcome == 0)
		r = add_message(partition, stamp);
	else if (outcome == STAMP_DAMAGED)
		delta->damaged++;
	else
		delta->foreign++;
	if (r == 0)
		delta->offset_to = offset + 1;
	return r;
}

void seen_log_pass(struct seen_partition *partition, uint64_t offset)
{
	if (offset > partition->delta.offset_to && offset <= INT64_MAX)
		partition->delta.offset_to = offset;
}

static void forget(struct seen_partition *partition)
{
	struct seen_delta *delta = &partition->delta;

	for (size_t i = 0; i < delta->part_count; i++) {
		sequences_deinit(&delta->parts[i].in_order);
		sequences_deinit(&delta->parts[i].late);
	}
	names_clear(partition->streams);
	delta->part_count = 0;
	delta->foreign = delta->damaged = 0;
	delta->offset_from = delta->offset_to;
}

int seen_log_take(struct seen_log *log, struct buffer *buffer)
{
	size_t size = buffer->size;
	int taken = 0;

	for (size_t i = 0; i < log->count; i++) {
		const struct seen_delta *delta = &log->partitions[i]->delta;

		if (delta->offset_to == delta->offset_from)
			continue;
		seen_delta_encode(delta, buffer);
		taken++;
	}
	if (buffer->failed) {
		buffer->size = size;
		return buffer->failed;
	}
	for (size_t i = 0; i < log->count; i++)
		forget(log->partitions[i]);
	return taken;
}

size_t seen_log_memory(const struct seen_log *log)
{
	size_t size = log->capacity * sizeof(*log->partitions);

	for (size_t i = 0; i < log->count; i++) {
		const struct seen_delta *delta = &log->partitions[i]->delta;

		size += sizeof(struct seen_partition) + delta->part_capacity * sizeof(*delta->parts);
		for (size_t j = 0; j < delta->part_count; j++)
			size += sequences_memory(&delta->parts[j].in_order) + sequences_memory(&delta->parts[j].late);
	}
	return size;
}
