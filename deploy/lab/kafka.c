/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded Kafka. The client that owns the mock cluster is also the one that asks it for its offsets. */
#include "deploy/lab/kafka.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

#include "common/base/cleanup.h"

enum {
	REPLICAS = 3,
	ASK_TIMEOUT_MS = 10000, /* for one answer of the cluster, which is in this very process */
};

struct topic {
	const char *name;
	int partitions; /* the mock cluster keeps the last 5 MB of each */
};

static const struct topic topics[] = {{"stock-data", 6}, {"signals", 3}, {"indicators", 3}};

static const char *const properties[][2] = {
        {"client.id", "stampede-lab"},
        {"test.mock.num.brokers", "3"},
        {"log_level", "0"}, /* clients that come and go are not worth a word */
};

struct kafka {
	rd_kafka_t *client;
	rd_kafka_mock_cluster_t *cluster; /* the client's */
};

DEFINE_CLEANUP(struct kafka *, kafka_stop)

struct kafka *kafka_stop(struct kafka *kafka)
{
	if (!kafka)
		return NULL;
	if (kafka->client)
		rd_kafka_destroy(kafka->client);
	free(kafka);
	return NULL;
}

static int make_client(struct failure *failure, rd_kafka_t **ret_client)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], error, sizeof(error)) !=
		    RD_KAFKA_CONF_OK) {
			rd_kafka_conf_destroy(conf);
			return failure_set(failure, -EINVAL, "librdkafka: %s", error);
		}
	*ret_client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (!*ret_client) {
		rd_kafka_conf_destroy(conf);
		return failure_set(failure, -EIO, "librdkafka: %s", error);
	}
	return 0;
}

int kafka_start(struct failure *failure, struct kafka **ret_kafka)
{
	cleanup(kafka_stopp) struct kafka *kafka = calloc(1, sizeof(*kafka));
	int r;

	if (!kafka)
		return failure_set(failure, -ENOMEM, "no memory");
	r = make_client(failure, &kafka->client);
	if (r < 0)
		return r;
	kafka->cluster = rd_kafka_handle_mock_cluster(kafka->client);
	if (!kafka->cluster)
		return failure_set(failure, -ENOTSUP, "this librdkafka has no mock cluster");
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		rd_kafka_resp_err_t error =
		        rd_kafka_mock_topic_create(kafka->cluster, topics[i].name, topics[i].partitions, REPLICAS);

		if (error)
			return failure_set(failure, -EIO, "cannot make topic %s: %s", topics[i].name,
			                   rd_kafka_err2str(error));
	}
	*ret_kafka = steal(kafka);
	return 0;
}

const char *kafka_brokers(const struct kafka *kafka)
{
	return rd_kafka_mock_cluster_bootstraps(kafka->cluster);
}

static int count_topic(struct kafka *kafka, const rd_kafka_metadata_topic_t *topic, struct failure *failure,
                       struct kafka_counters *counters)
{
	uint64_t messages = 0;

	for (int i = 0; i < topic->partition_cnt; i++) {
		int64_t low = 0, high = 0;
		rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
		        kafka->client, topic->topic, topic->partitions[i].id, &low, &high, ASK_TIMEOUT_MS);

		if (error)
			return failure_set(failure, -EIO, "cannot read the end of %s/%d: %s", topic->topic,
			                   (int)topic->partitions[i].id, rd_kafka_err2str(error));
		messages += (uint64_t)high;
	}
	if (kafka_counters_add(counters, topic->topic, messages) < 0)
		return failure_set(failure, -ENOMEM, "no memory");
	return 0;
}

int kafka_count(struct kafka *kafka, struct failure *failure, struct kafka_counters *ret_counters)
{
	const struct rd_kafka_metadata *metadata = NULL;
	struct kafka_counters counters = {0};
	rd_kafka_resp_err_t error = rd_kafka_metadata(kafka->client, 1, NULL, &metadata, ASK_TIMEOUT_MS);
	int r = 0;

	if (error)
		return failure_set(failure, -EIO, "cannot list the topics: %s", rd_kafka_err2str(error));
	for (int i = 0; r == 0 && i < metadata->topic_cnt; i++)
		r = count_topic(kafka, &metadata->topics[i], failure, &counters);
	rd_kafka_metadata_destroy(metadata);
	if (r < 0)
		kafka_counters_deinit(&counters);
	else
		*ret_counters = counters;
	return r;
}
