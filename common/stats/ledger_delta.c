/* SPDX-License-Identifier: Apache-2.0 */
/* What agents report to the ledger, as bytes. */
#include "common/stats/ledger_delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

#define OFFSET_MAX ((uint64_t)INT64_MAX)

static void encode_stream(uint64_t stream, struct buffer *buffer)
{
	buffer_append_varint(buffer, stream >> 32);
	buffer_append_varint(buffer, stream & UINT32_MAX);
}

static uint64_t decode_stream(struct reader *reader)
{
	uint64_t agent = reader_varint(reader), number = reader_varint(reader);

	if ((agent > UINT32_MAX || number > UINT32_MAX) && !reader->failed)
		reader->failed = -EBADMSG;
	return agent << 32 | (number & UINT32_MAX);
}

static int decode_topic(struct reader *reader, char **ret_topic)
{
	size_t size = 0;
	const char *text = reader_string(reader, &size);

	if (!text || size == 0 || size > LEDGER_TOPIC_MAX || memchr(text, '\0', size))
		return -EBADMSG;
	*ret_topic = strndup(text, size);
	return *ret_topic ? 0 : -ENOMEM;
}

/* Sent. */

void sent_delta_deinit(struct sent_delta *delta)
{
	for (size_t i = 0; i < delta->part_count; i++)
		sequences_deinit(&delta->parts[i].set);
	free(delta->parts);
	free(delta->topic);
	*delta = (struct sent_delta){0};
}

void sent_delta_encode(const struct sent_delta *delta, struct buffer *buffer)
{
	size_t count = 0;

	for (size_t i = 0; i < delta->part_count; i++)
		count += delta->parts[i].set.total > 0;
	encode_stream(delta->stream, buffer);
	buffer_append_string(buffer, delta->topic);
	buffer_append_varint(buffer, count);
	for (size_t i = 0; i < delta->part_count; i++) {
		const struct sent_part *part = &delta->parts[i];

		if (part->set.total == 0)
			continue;
		buffer_append_varint(buffer, 4 * (uint64_t)part->partition + part->kind);
		sequences_encode(&part->set, buffer);
	}
}

static int decode_sent_part(struct reader *reader, struct sent_delta *delta)
{
	uint64_t head = reader_varint(reader);
	struct sent_part *part;
	int r;

	if (reader->failed || head % 4 >= SENT_KIND_COUNT || head / 4 >= LEDGER_PARTITIONS_MAX)
		return -EBADMSG;
	r = array_reserve(&delta->parts, &delta->part_capacity, delta->part_count, sizeof(*delta->parts));
	if (r < 0)
		return r;
	part = &delta->parts[delta->part_count++];
	*part = (struct sent_part){.partition = (uint32_t)(head / 4), .kind = (enum sent_kind)(head % 4)};
	r = sequences_decode_add(&part->set, reader);
	return r == 0 && part->set.total == 0 ? -EBADMSG : r;
}

int sent_delta_decode(struct reader *reader, struct sent_delta *ret_delta)
{
	struct sent_delta delta = {.stream = decode_stream(reader)};
	int r = decode_topic(reader, &delta.topic);
	uint64_t parts = r == 0 ? reader_varint(reader) : 0;

	if (r == 0 && reader->failed)
		r = -EBADMSG;
	for (uint64_t i = 0; r == 0 && i < parts; i++)
		r = decode_sent_part(reader, &delta);
	if (r == 0)
		*ret_delta = delta;
	else
		sent_delta_deinit(&delta);
	return r;
}

/* Seen. */

static void deinit_seen_part(struct seen_part *part)
{
	sequences_deinit(&part->in_order);
	sequences_deinit(&part->late);
}

void seen_delta_deinit(struct seen_delta *delta)
{
	for (size_t i = 0; i < delta->part_count; i++)
		deinit_seen_part(&delta->parts[i]);
	free(delta->parts);
	free(delta->topic);
	*delta = (struct seen_delta){0};
}

void seen_delta_encode(const struct seen_delta *delta, struct buffer *buffer)
{
	size_t count = 0;

	for (size_t i = 0; i < delta->part_count; i++)
		count += delta->parts[i].in_order.total > 0;
	buffer_append_string(buffer, delta->topic);
	buffer_append_varint(buffer, delta->partition);
	buffer_append_varint(buffer, delta->reader);
	buffer_append_varint(buffer, delta->offset_from);
	buffer_append_varint(buffer, delta->offset_to - delta->offset_from);
	buffer_append_varint(buffer, delta->foreign);
	buffer_append_varint(buffer, delta->damaged);
	buffer_append_varint(buffer, count);
	for (size_t i = 0; i < delta->part_count; i++) {
		if (delta->parts[i].in_order.total == 0)
			continue;
		encode_stream(delta->parts[i].stream, buffer);
		buffer_append_varint(buffer, delta->parts[i].repeated);
		sequences_encode(&delta->parts[i].in_order, buffer);
		sequences_encode(&delta->parts[i].late, buffer);
	}
}

static int decode_seen_part(struct reader *reader, struct seen_delta *delta)
{
	uint64_t stream = decode_stream(reader), repeated = reader_varint(reader);
	struct seen_part *part;
	int r;

	if (reader->failed)
		return -EBADMSG;
	r = array_reserve(&delta->parts, &delta->part_capacity, delta->part_count, sizeof(*delta->parts));
	if (r < 0)
		return r;
	part = &delta->parts[delta->part_count++];
	*part = (struct seen_part){.stream = stream, .repeated = repeated};
	r = sequences_decode_add(&part->in_order, reader);
	if (r == 0)
		r = sequences_decode_add(&part->late, reader);
	if (r < 0)
		return r;
	if (part->in_order.total == 0)
		return -EBADMSG;
	/* Each late one comes after a higher one in order. */
	part->highest = sequences_last(&part->in_order);
	return part->late.total == 0 || sequences_last(&part->late) < part->highest ? 0 : -EBADMSG;
}

static int decode_seen_head(struct reader *reader, struct seen_delta *delta)
{
	uint64_t partition = reader_varint(reader), length;

	delta->reader = reader_varint(reader);
	delta->offset_from = reader_varint(reader);
	length = reader_varint(reader);
	delta->foreign = reader_varint(reader);
	delta->damaged = reader_varint(reader);
	if (reader->failed || partition >= LEDGER_PARTITIONS_MAX || delta->offset_from > OFFSET_MAX || length == 0 ||
	    length > OFFSET_MAX - delta->offset_from)
		return -EBADMSG;
	delta->partition = (uint32_t)partition;
	delta->offset_to = delta->offset_from + length;
	return 0;
}

/* Takes `count` off what is left of the offsets. */
static _Bool spend(uint64_t *left, uint64_t count)
{
	if (count > *left)
		return 0;
	*left -= count;
	return 1;
}

static _Bool has_room(const struct seen_delta *delta)
{
	uint64_t left = delta->offset_to - delta->offset_from;
	_Bool holds = spend(&left, delta->foreign) && spend(&left, delta->damaged);

	for (size_t i = 0; holds && i < delta->part_count; i++)
		holds = spend(&left, delta->parts[i].in_order.total) && spend(&left, delta->parts[i].late.total) &&
		        spend(&left, delta->parts[i].repeated);
	return holds;
}

int seen_delta_decode(struct reader *reader, struct seen_delta *ret_delta)
{
	struct seen_delta delta = {0};
	int r = decode_topic(reader, &delta.topic);
	uint64_t parts;

	if (r == 0)
		r = decode_seen_head(reader, &delta);
	parts = r == 0 ? reader_varint(reader) : 0;
	if (r == 0 && reader->failed)
		r = -EBADMSG;
	for (uint64_t i = 0; r == 0 && i < parts; i++)
		r = decode_seen_part(reader, &delta);
	if (r == 0 && !has_room(&delta))
		r = -EBADMSG;
	if (r == 0)
		*ret_delta = delta;
	else
		seen_delta_deinit(&delta);
	return r;
}
