/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded Kafka, by a real client. */
#include "deploy/lab/kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

enum { MESSAGES = 500, PATIENCE_MS = 20000 };

static rd_kafka_t *make_producer(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];
	rd_kafka_t *producer;

	assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof(error)), RD_KAFKA_CONF_OK);
	producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	assert_non_null(producer);
	return producer;
}

static void produce(rd_kafka_t *producer, const char *topic, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(&i, sizeof(i)),
		                                   RD_KAFKA_V_VALUE((void *)topic, strlen(topic)),
		                                   RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
		                 RD_KAFKA_RESP_ERR_NO_ERROR);
}

static uint64_t messages_of(const struct kafka_counters *counters, const char *topic)
{
	for (size_t i = 0; i < counters->count; i++)
		if (strcmp(counters->topics[i].name, topic) == 0)
			return counters->topics[i].messages;
	fail_msg("no topic %s", topic);
	return 0;
}

static int brokers_of(const char *brokers)
{
	int count = 1;

	for (; *brokers; brokers++)
		count += *brokers == ',';
	return count;
}

static void test_kafka_counts_the_messages_of_every_topic(void **state)
{
	struct kafka_counters counters;
	rd_kafka_t *producer;
	struct kafka *kafka;

	(void)state;
	assert_int_equal(kafka_start(NULL, &kafka), 0);
	assert_int_equal(brokers_of(kafka_brokers(kafka)), 3);
	assert_int_equal(strncmp(kafka_brokers(kafka), "127.0.0.1:", 10), 0);
	producer = make_producer(kafka_brokers(kafka));
	produce(producer, "stock-data", MESSAGES);
	produce(producer, "of-its-own-accord", 3);
	assert_int_equal(rd_kafka_flush(producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_int_equal(kafka_count(kafka, NULL, &counters), 0);
	assert_int_equal(messages_of(&counters, "stock-data"), MESSAGES);
	assert_int_equal(messages_of(&counters, "of-its-own-accord"), 3);
	assert_int_equal(messages_of(&counters, "signals"), 0);
	assert_int_equal(messages_of(&counters, "indicators"), 0);
	assert_int_equal(counters.messages, MESSAGES + 3);
	kafka_counters_deinit(&counters);
	rd_kafka_destroy(producer);
	assert_null(kafka_stop(kafka));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kafka_counts_the_messages_of_every_topic)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
