/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest loop that consumes from assigned partitions: librdkafka's own limit. Arguments: brokers, topic,
 * partitions, messages, then properties as NAME=VALUE. Prints the messages taken and the seconds that took, from the
 * assignment to the last one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "common/base/clock.h"
#include "common/base/units.h"

enum { POLL_MS = 100, PATIENCE_MS = 30000, PARTITIONS_MAX = 1000 };

/* NAME=VALUE; the text is cut in two. */
static int set_property(rd_kafka_conf_t *conf, char *text)
{
	char *value = strchr(text, '=');
	char problem[256] = "no value";

	if (value) {
		*value++ = '\0';
		if (rd_kafka_conf_set(conf, text, value, problem, sizeof(problem)) == RD_KAFKA_CONF_OK)
			return 0;
	}
	fprintf(stderr, "%s: %s\n", text, problem);
	return -1;
}

static rd_kafka_t *make_client(const char *brokers, char **properties, int count)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char problem[256] = "";
	rd_kafka_t *client;

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, problem, sizeof(problem)) != RD_KAFKA_CONF_OK ||
	    rd_kafka_conf_set(conf, "group.id", "bare", problem, sizeof(problem)) != RD_KAFKA_CONF_OK ||
	    rd_kafka_conf_set(conf, "enable.auto.commit", "false", problem, sizeof(problem)) != RD_KAFKA_CONF_OK)
		return NULL;
	for (int i = 0; i < count; i++) {
		if (set_property(conf, properties[i]) < 0)
			return NULL;
	}
	client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, problem, sizeof(problem));
	if (!client)
		fprintf(stderr, "%s\n", problem);
	else
		rd_kafka_poll_set_consumer(client);
	return client;
}

static rd_kafka_resp_err_t assign(rd_kafka_t *client, const char *topic, uint64_t partitions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)partitions);
	rd_kafka_resp_err_t error;

	for (int32_t i = 0; i < (int32_t)partitions; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	error = rd_kafka_assign(client, list);
	rd_kafka_topic_partition_list_destroy(list);
	return error;
}

/* How many came, until nothing comes any more. */
static uint64_t take_all(rd_kafka_t *client, uint64_t count)
{
	uint64_t taken = 0;

	for (int silent_ms = 0; taken < count && silent_ms < PATIENCE_MS;) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);

		if (!message) {
			silent_ms += POLL_MS;
			continue;
		}
		silent_ms = 0;
		taken += !message->err;
		rd_kafka_message_destroy(message);
	}
	return taken;
}

int main(int argc, char **argv)
{
	uint64_t partitions, count, start_ns, taken = 0;
	rd_kafka_resp_err_t error;
	rd_kafka_t *client;

	if (argc < 5 || units_parse_count(argv[3], &partitions) < 0 || units_parse_count(argv[4], &count) < 0 ||
	    partitions > PARTITIONS_MAX) {
		fprintf(stderr, "usage: bare_consumer BROKERS TOPIC PARTITIONS MESSAGES [NAME=VALUE...]\n");
		return 1;
	}
	client = make_client(argv[1], argv + 5, argc - 5);
	if (!client)
		return 1;
	start_ns = clock_now_ns();
	error = assign(client, argv[2], partitions);
	if (!error)
		taken = take_all(client, count);
	printf("%llu %.6f\n", (unsigned long long)taken, (double)(clock_now_ns() - start_ns) / NS_PER_S);
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
	if (taken == count)
		return 0;
	fprintf(stderr, "%s\n", error ? rd_kafka_err2str(error) : "not all came");
	return 1;
}
