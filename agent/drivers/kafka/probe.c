/* SPDX-License-Identifier: Apache-2.0 */
/* The probe: a bare connect, then one metadata request by a client of its own. */
#include "agent/drivers/kafka/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kit/reach.h"
#include "agent/drivers/kit/step_map.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"

/* "SSL://host:port" or "[::1]:port" or "host": cuts `broker` up in place. */
static void split_broker(char *broker, const char **ret_host, const char **ret_port)
{
	char *scheme_end = strstr(broker, "://");
	char *host = scheme_end ? scheme_end + 3 : broker;
	char *bracket = *host == '[' ? strchr(host, ']') : NULL;
	char *colon = strrchr(bracket ? bracket : host, ':');

	*ret_port = colon ? colon + 1 : "9092";
	if (colon)
		*colon = '\0';
	if (bracket) {
		*bracket = '\0';
		host++;
	}
	*ret_host = host;
}

static void reach_any(const char *brokers, int timeout_ms, struct target_facts *ret_facts)
{
	cleanup(cleanup_free) char *list = strdup(brokers);
	char *rest = list;
	char *broker;

	while (list && (broker = strsep(&rest, ", "))) {
		const char *host, *port;

		if (!*broker)
			continue;
		split_broker(broker, &host, &port);
		ret_facts->problem[0] = '\0';
		reach_probe(host, port, timeout_ms, ret_facts);
		if (!ret_facts->problem[0])
			return;
	}
}

static const rd_kafka_metadata_topic_t *find_topic(const rd_kafka_metadata_t *metadata, const char *name)
{
	for (int i = 0; i < metadata->topic_cnt; i++)
		if (strcmp(metadata->topics[i].topic, name) == 0)
			return &metadata->topics[i];
	return NULL;
}

/* True if an earlier step has the same topic. */
static _Bool named_before(const struct step_map *map, uint32_t end, const char *topic)
{
	for (uint32_t i = 0; i < end; i++)
		if (strcmp(template_source(map->steps[i]->produce.topic), topic) == 0)
			return 1;
	return 0;
}

static void describe_topic(const rd_kafka_metadata_t *metadata, const char *name, struct buffer *text)
{
	const rd_kafka_metadata_topic_t *topic = find_topic(metadata, name);

	if (topic && topic->partition_cnt > 0)
		buffer_append_format(text, "; %s %d partitions x %d", name, topic->partition_cnt,
		                     topic->partitions[0].replica_cnt);
	else
		buffer_append_format(text, "; no %s", name);
}

/* "3 brokers; stock-data 12 partitions x 3; no signals": what the plan's own topics are. Those that don't fit are left
 * out. */
static void describe(const struct driver_config *config, const rd_kafka_metadata_t *metadata,
                     struct target_facts *ret_facts)
{
	cleanup_buffer struct buffer text = {0};
	struct step_map map = {0};

	buffer_append_format(&text, "%d broker%s", metadata->broker_cnt, metadata->broker_cnt == 1 ? "" : "s");
	if (step_map_init(&map, config->plan, config->target, STEP_PRODUCE) < 0)
		return;
	for (uint32_t i = 0; i < map.count; i++) {
		const struct template *topic = map.steps[i]->produce.topic;
		size_t before = text.size;

		if (!template_is_constant(topic) || named_before(&map, i, template_source(topic)))
			continue;
		describe_topic(metadata, template_source(topic), &text);
		if (text.size >= sizeof(ret_facts->topology))
			text.size = before;
	}
	step_map_deinit(&map);
	snprintf(ret_facts->topology, sizeof(ret_facts->topology), "%s", buffer_text(&text) ? buffer_text(&text) : "");
}

/* All topics are asked for: asking for one that is missing would make it. */
static void ask_metadata(const struct driver_config *config, int timeout_ms, struct target_facts *ret_facts)
{
	const struct rd_kafka_metadata *metadata = NULL;
	struct failure failure = {0};
	char problem[200] = ""; /* librdkafka 2.0.2 writes to it without asking whether it is there */
	rd_kafka_resp_err_t error;
	rd_kafka_conf_t *conf;
	rd_kafka_t *client;

	if (producer_conf(config, PRODUCE_ACKS_TARGET, &failure, &conf) < 0) {
		snprintf(ret_facts->problem, sizeof(ret_facts->problem), "no metadata: %.200s", failure.text);
		return;
	}
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof(problem));
	if (!client) {
		snprintf(ret_facts->problem, sizeof(ret_facts->problem), "no metadata: %s", problem);
		rd_kafka_conf_destroy(conf);
		return;
	}
	error = rd_kafka_metadata(client, 1, NULL, &metadata, timeout_ms);
	if (error)
		snprintf(ret_facts->problem, sizeof(ret_facts->problem), "no metadata: %s", rd_kafka_err2str(error));
	else
		describe(config, metadata, ret_facts);
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	rd_kafka_destroy(client);
}

void kafka_probe(const struct driver_config *config, int timeout_ms, struct target_facts *ret_facts)
{
	reach_any(config->target->kafka.brokers, timeout_ms, ret_facts);
	if (!ret_facts->problem[0])
		ask_metadata(config, timeout_ms, ret_facts);
}
