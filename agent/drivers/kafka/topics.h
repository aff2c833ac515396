/* SPDX-License-Identifier: Apache-2.0 */
/* The topics that a client has sent to: a handle for each name and partitioner. */
#pragma once

#include <stddef.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/producer.h"

struct names;

struct topic_table {
	struct names *names;        /* NULL: none yet */
	rd_kafka_topic_t **handles; /* by the names' ids */
	size_t capacity;
};

/* Zero-initialised is empty. */
struct topics {
	struct topic_table tables[PARTITIONER_COUNT];
};

/* The handle of the message's topic, opened if it is new, and whether it is the caller's to destroy (a template that
 * makes thousands of topics pays for opening one with each message). NULL: it cannot be a topic's name, or there is no
 * memory. */
rd_kafka_topic_t *topics_find(struct topics *topics, rd_kafka_t *client, const struct message *message,
                              _Bool *ret_owned);
/* Before its client is destroyed. */
void topics_deinit(struct topics *topics);
