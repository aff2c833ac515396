/* SPDX-License-Identifier: Apache-2.0 */
/* The topics that a client has sent to: a handle for each name and partitioner. */
#pragma once

#include <stddef.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/producer.h"
#include "common/base/names.h"

struct topic_table {
	struct names *names;        /* NULL: none yet */
	rd_kafka_topic_t **handles; /* by the names' ids */
	size_t capacity;
};

/* Zero-initialised is empty. */
struct topics {
	struct topic_table tables[PARTITIONER_COUNT];
};

/* What topics_find() does where the topic isn't there yet. */
rd_kafka_topic_t *topics_add(struct topics *topics, rd_kafka_t *client, const struct message *message,
                             _Bool *ret_owned);

/* The handle of the message's topic, opened if it is new, and whether it is the caller's to destroy (a template that
 * makes thousands of topics pays for opening one with each message). NULL: it cannot be a topic's name, or there is no
 * memory. */
static inline rd_kafka_topic_t *topics_find(struct topics *topics, rd_kafka_t *client, const struct message *message,
                                            _Bool *ret_owned)
{
	const struct topic_table *table = &topics->tables[message->partitioner];
	uint32_t id = table->names ? names_find(table->names, message->topic, message->topic_size) : NAMES_NONE;

	*ret_owned = 0;
	return id != NAMES_NONE ? table->handles[id] : topics_add(topics, client, message, ret_owned);
}

/* Before its client is destroyed. */
void topics_deinit(struct topics *topics);
