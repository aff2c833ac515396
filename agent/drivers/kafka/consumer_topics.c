/* SPDX-License-Identifier: Apache-2.0 */
/* What a consumer reads. */
#include "agent/drivers/kafka/consumer_topics.h"

#define ANSWER_TIMEOUT_MS 5000 /* of one request */

/* A consumer's, of a step. */
struct part {
	rd_kafka_t *handle;
	const struct consume_step *step;
	uint32_t index;
	uint32_t count;
};

static void assign_partition(rd_kafka_topic_partition_list_t *list, const struct part *part, const char *topic,
                             int32_t partition)
{
	rd_kafka_topic_partition_t *added = rd_kafka_topic_partition_list_add(list, topic, partition);

	added->offset = part->step->from == CONSUME_FROM_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
}

/* The topic's number of partitions; 0 with *ret_error if it can't be told. Blocks. */
static int32_t count_partitions(rd_kafka_t *handle, const char *topic, rd_kafka_resp_err_t *ret_error)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_topic_t *of = rd_kafka_topic_new(handle, topic, NULL);
	int32_t count = 0;

	if (!of) {
		*ret_error = rd_kafka_last_error();
		return 0;
	}
	*ret_error = rd_kafka_metadata(handle, 0, of, &metadata, ANSWER_TIMEOUT_MS);
	rd_kafka_topic_destroy(of);
	if (*ret_error)
		return 0;
	if (metadata->topic_cnt == 1) {
		*ret_error = metadata->topics[0].err;
		count = *ret_error ? 0 : metadata->topics[0].partition_cnt;
	}
	rd_kafka_metadata_destroy(metadata);
	if (count == 0 && *ret_error == RD_KAFKA_RESP_ERR_NO_ERROR)
		*ret_error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	return count;
}

/* A topic's partitions with an index of ours modulo the number of consumers. */
static void list_all(const struct part *part, const char *topic, int32_t count, rd_kafka_topic_partition_list_t *list)
{
	for (int32_t at = (int32_t)part->index; at < count; at += (int32_t)part->count)
		assign_partition(list, part, topic, at);
}

/* Likewise, of those that the plan names. */
static rd_kafka_resp_err_t list_named(const struct part *part, const char *topic, int32_t count,
                                      rd_kafka_topic_partition_list_t *list)
{
	const struct consume_step *step = part->step;

	for (uint32_t at = part->index; at < step->partition_count; at += part->count) {
		if (step->partitions[at] >= (uint32_t)count)
			return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
		assign_partition(list, part, topic, (int32_t)step->partitions[at]);
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t list_partitions(const struct part *part, rd_kafka_topic_partition_list_t *list)
{
	const struct consume_step *step = part->step;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (uint32_t i = 0; i < step->topics.count && !error; i++) {
		int32_t count = count_partitions(part->handle, step->topics.items[i], &error);

		if (count > 0 && step->partition_count == 0)
			list_all(part, step->topics.items[i], count, list);
		else if (count > 0)
			error = list_named(part, step->topics.items[i], count, list);
	}
	return error;
}

/* What "beginning" and "end" are now: left to librdkafka they would be looked up only half a second later. */
static rd_kafka_resp_err_t find_offsets(const struct part *part, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (list->cnt > 0)
		error = rd_kafka_offsets_for_times(part->handle, list, ANSWER_TIMEOUT_MS);
	for (int i = 0; i < list->cnt && !error; i++)
		error = list->elems[i].err;
	return error;
}

static rd_kafka_resp_err_t assign(const struct part *part)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t error = list_partitions(part, list);

	if (!error)
		error = find_offsets(part, list);
	if (!error)
		error = rd_kafka_assign(part->handle, list);
	rd_kafka_topic_partition_list_destroy(list);
	return error;
}

static rd_kafka_resp_err_t subscribe(const struct part *part)
{
	const struct texts *topics = &part->step->topics;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)topics->count);
	rd_kafka_resp_err_t error;

	for (uint32_t i = 0; i < topics->count; i++)
		rd_kafka_topic_partition_list_add(list, topics->items[i], RD_KAFKA_PARTITION_UA);
	error = rd_kafka_subscribe(part->handle, list);
	rd_kafka_topic_partition_list_destroy(list);
	return error;
}

rd_kafka_resp_err_t consumer_topics_take(rd_kafka_t *handle, const struct consume_step *step, uint32_t index,
                                         uint32_t count)
{
	const struct part part = {.handle = handle, .step = step, .index = index, .count = count};

	return step->group_id ? subscribe(&part) : assign(&part);
}
