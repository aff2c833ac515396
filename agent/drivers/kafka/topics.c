/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of topics. */
#include "agent/drivers/kafka/topics.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

enum { TOPICS_MAX = 10000 }; /* kept open, of each partitioner */

/* NULL where the client's own is to be used. */
static rd_kafka_topic_conf_t *make_conf(rd_kafka_t *client, enum partitioner partitioner)
{
	rd_kafka_topic_conf_t *conf;
	char problem[256];

	if (partitioner == PARTITIONER_TARGET)
		return NULL;
	conf = rd_kafka_default_topic_conf_dup(client);
	rd_kafka_topic_conf_set(conf, "partitioner", partitioner_names[partitioner], problem, sizeof(problem));
	return conf;
}

static rd_kafka_topic_t *open_topic(rd_kafka_t *client, const struct message *message)
{
	char name[512]; /* Kafka's own limit is 249 */

	if (message->topic_size >= sizeof(name) || memchr(message->topic, '\0', message->topic_size))
		return NULL;
	memcpy(name, message->topic, message->topic_size);
	name[message->topic_size] = '\0';
	return rd_kafka_topic_new(client, name, make_conf(client, message->partitioner));
}

rd_kafka_topic_t *topics_add(struct topics *topics, rd_kafka_t *client, const struct message *message, _Bool *ret_owned)
{
	struct topic_table *table = &topics->tables[message->partitioner];
	rd_kafka_topic_t *topic;
	uint32_t count, id;

	if (!table->names)
		table->names = names_new();
	topic = table->names && message->topic_size > 0 ? open_topic(client, message) : NULL;
	if (!topic)
		return NULL;
	count = names_count(table->names);
	if (count >= TOPICS_MAX ||
	    array_reserve(&table->handles, &table->capacity, count, sizeof(*table->handles)) < 0 ||
	    names_intern(table->names, message->topic, message->topic_size, &id, NULL) < 0) {
		*ret_owned = 1;
		return topic;
	}
	table->handles[id] = topic;
	return topic;
}

void topics_deinit(struct topics *topics)
{
	for (int i = 0; i < PARTITIONER_COUNT; i++) {
		struct topic_table *table = &topics->tables[i];

		for (uint32_t id = 0; table->names && id < names_count(table->names); id++)
			rd_kafka_topic_destroy(table->handles[id]);
		free(table->handles);
		names_free(table->names);
	}
}
