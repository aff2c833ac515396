/* SPDX-License-Identifier: Apache-2.0 */
/* The partitions of a verified topic: which there are, where they begin and end, and how far they are read.
 *
 * Partitions that appear after the first look begin at 0: none of their messages was there before. */
#include <errno.h>

#include "agent/drivers/kafka/verifier_internal.h"
#include "common/base/array.h"

enum { ASK_MS = 1000 };

/* ---- partitions ---- */

static int add_offset(struct offsets *offsets, uint32_t partition, uint64_t offset)
{
	int r = array_reserve(&offsets->items, &offsets->capacity, offsets->count, sizeof(*offsets->items));

	if (r == 0)
		offsets->items[offsets->count++] = (struct verify_offset){partition, offset};
	return r;
}

int verifier_open_partition(struct verifier *verifier, uint32_t number, uint64_t position)
{
	if (number >= LEDGER_PARTITIONS_MAX)
		return -ERANGE;
	while (verifier->partition_count <= number) {
		if (array_reserve(&verifier->partitions, &verifier->partition_capacity, verifier->partition_count,
		                  sizeof(*verifier->partitions)) < 0)
			return -ENOMEM;
		verifier->partitions[verifier->partition_count++] = (struct partition){0};
	}
	verifier->partitions[number] = (struct partition){
	        .seen = seen_log_open(verifier->log, verifier->topic, number, verifier->work->reader, position),
	        .position = position,
	};
	verifier->log_bytes = seen_log_memory(verifier->log);
	return verifier->partitions[number].seen ? 0 : -ENOMEM;
}

static int begin_partition(struct verifier *verifier, uint32_t number, uint64_t start)
{
	int r = verifier_open_partition(verifier, number, start);

	return r < 0 ? r : add_offset(&verifier->starts, number, start);
}

_Bool verifier_is_known(const struct verifier *verifier, uint32_t number)
{
	return number < verifier->partition_count && verifier->partitions[number].seen;
}

void verifier_move(struct verifier *verifier, struct partition *partition, uint64_t position)
{
	if (position <= partition->position)
		return;
	partition->position = position;
	verifier->moved = 1;
}

_Bool verifier_is_read(const struct partition *partition)
{
	return !partition->seen || (partition->has_end && partition->position >= partition->end);
}

size_t verifier_count_unread(const struct verifier *verifier)
{
	size_t count = 0;

	for (size_t i = 0; i < verifier->partition_count; i++)
		count += !verifier_is_read(&verifier->partitions[i]);
	return count;
}

/* ---- asking ---- */

/* How many partitions the topic has; one that isn't there has none. */
static rd_kafka_resp_err_t count_partitions(struct verifier *verifier, uint32_t *ret_count)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = client_topic(&verifier->asker, verifier->topic, ASK_MS, &metadata);

	if (error)
		return error;
	if (metadata->topic_cnt == 1)
		error = metadata->topics[0].err;
	if (!error)
		*ret_count = metadata->topic_cnt == 1 ? (uint32_t)metadata->topics[0].partition_cnt : 0;
	if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
		error = RD_KAFKA_RESP_ERR_NO_ERROR;
		*ret_count = 0;
	}
	rd_kafka_metadata_destroy(metadata);
	return error;
}

/* The ends of those partitions that `wants`, given to `take`; 0, 1 (not all could be asked for) or -ENOMEM. */
static int ask_ends(struct verifier *verifier, uint32_t count,
                    _Bool (*wants)(const struct verifier *verifier, uint32_t number),
                    int (*take)(struct verifier *verifier, uint32_t number, uint64_t end))
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t error;
	int r = 0, left = 0;

	for (uint32_t i = 0; i < count; i++)
		if (wants(verifier, i))
			rd_kafka_topic_partition_list_add(list, verifier->topic, (int32_t)i)->offset =
			        RD_KAFKA_OFFSET_END;
	error = client_offsets(&verifier->asker, list, ASK_MS);
	client_note(&verifier->asker, error);
	for (int i = 0; r == 0 && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *item = &list->elems[i];

		if (error || item->err || item->offset < 0)
			left = 1;
		else
			r = take(verifier, (uint32_t)item->partition, (uint64_t)item->offset);
		client_note(&verifier->asker, error ? RD_KAFKA_RESP_ERR_NO_ERROR : item->err);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return r < 0 ? r : left;
}

static _Bool lacks_start(const struct verifier *verifier, uint32_t number)
{
	return !verifier_is_known(verifier, number);
}

static _Bool lacks_end(const struct verifier *verifier, uint32_t number)
{
	return verifier_is_known(verifier, number) && !verifier->partitions[number].has_end;
}

static int take_end(struct verifier *verifier, uint32_t number, uint64_t end)
{
	verifier->partitions[number].end = end;
	verifier->partitions[number].has_end = 1;
	verifier->moved = 1;
	return add_offset(&verifier->ends, number, end);
}

int verifier_look_first(struct verifier *verifier)
{
	uint32_t count = 0;
	rd_kafka_resp_err_t error = count_partitions(verifier, &count);
	int r;

	client_note(&verifier->asker, error);
	if (error)
		return 1;
	r = ask_ends(verifier, count, lacks_start, begin_partition);
	verifier->started = r == 0;
	return r;
}

int verifier_look(struct verifier *verifier)
{
	uint32_t count = 0;
	rd_kafka_resp_err_t error = count_partitions(verifier, &count);
	int r = 0;

	client_note(&verifier->asker, error);
	for (uint32_t i = 0; !error && r == 0 && i < count; i++)
		if (!verifier_is_known(verifier, i))
			r = begin_partition(verifier, i, 0);
	verifier->complete |= !error && verifier->closing;
	if (r == 0 && verifier->closing)
		r = ask_ends(verifier, (uint32_t)verifier->partition_count, lacks_end, take_end);
	return r < 0 ? r : 0;
}
