/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that carry who sent them, against librdkafka's mock cluster: what they carry, and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include <cmocka.h>

#include "agent/drivers/kafka/kafka.h"
#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/stats/ledger_delta.h"
#include "common/stats/stamp.h"
#include "tests/support/mock_kafka.h"
#include "tests/support/rig.h"

enum { BROKERS = 1, PARTITIONS = 3, API_PRODUCE = 0, AGENT = 3, WORKER = 1, WORKERS = 2, SEEN_MAX = 64 };

/* Steps of the plan in all. */
#define STEPS 2

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static const char *brokers;

static int start_cluster(void **state)
{
	(void)state;
	mock_kafka_start(BROKERS, &host, &cluster, &brokers);
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	mock_kafka_stop(host, cluster);
	return 0;
}

/* What a message carries. */
struct seen {
	int outcome; /* of stamp_read() */
	struct stamp stamp;
	uint32_t partition;
	size_t size;
	char body[32]; /* the payload's last bytes */
};

static void look(const rd_kafka_message_t *message, _Bool in_header, struct seen *ret_seen)
{
	const void *bytes = message->payload;
	size_t size = message->len;
	rd_kafka_headers_t *headers;
	uint8_t tag[8];

	assert_int_equal(message->err, 0);
	assert_int_equal(stamp_tag(RIG_RUN_ID, tag), 0);
	if (in_header) {
		assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
		assert_int_equal(rd_kafka_header_get_last(headers, PRODUCE_STAMP_HEADER, &bytes, &size), 0);
	}
	*ret_seen = (struct seen){.outcome = stamp_read(bytes, size, tag, &ret_seen->stamp),
	                          .stamp = ret_seen->stamp,
	                          .partition = (uint32_t)message->partition,
	                          .size = message->len};
	if (message->len > 0 && message->len < sizeof(ret_seen->body))
		memcpy(ret_seen->body, message->payload, message->len);
	else if (message->len >= STAMP_SIZE && message->len < STAMP_SIZE + sizeof(ret_seen->body))
		memcpy(ret_seen->body, (char *)message->payload + STAMP_SIZE, message->len - STAMP_SIZE);
}

/* A topic's messages, as they are read. */
struct topic {
	const char *name;
	_Bool in_header;
	struct seen seen[SEEN_MAX];
	size_t count;
};

/* One consumer reads all of them: to get going takes it half a second. */
static void read_topics(struct topic *topics, size_t count, size_t expected)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
	rd_kafka_t *consumer;

	rd_kafka_conf_set_log_cb(conf, NULL);
	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
	rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
	rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	assert_non_null(consumer);
	for (size_t i = 0; i < count * PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(all, topics[i / PARTITIONS].name, (int)(i % PARTITIONS))->offset =
		        RD_KAFKA_OFFSET_BEGINNING;
	assert_int_equal(rd_kafka_assign(consumer, all), 0);
	for (size_t i = 0; i < expected; i++) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 10000);
		struct topic *topic = topics;

		assert_non_null(message);
		while (strcmp(topic->name, rd_kafka_topic_name(message->rkt)) != 0)
			topic++;
		assert_true(topic->count < SEEN_MAX);
		look(message, topic->in_header, &topic->seen[topic->count++]);
		rd_kafka_message_destroy(message);
	}
	rd_kafka_topic_partition_list_destroy(all);
	rd_kafka_destroy(consumer);
}

static int by_sequence(const void *a, const void *b)
{
	uint64_t x = ((const struct seen *)a)->stamp.sequence, y = ((const struct seen *)b)->stamp.sequence;

	return (x > y) - (x < y);
}

/* The second step of the plan's two produces as said. */
static void open_rig(struct rig *rig, const char *properties, const char *topic, const char *produce)
{
	rig->config.agent_index = AGENT;
	rig->config.worker = WORKER;
	rig->config.workers = WORKERS;
	rig->clock.t0_ns = 5 * NS_PER_S;
	rig->clock.correction_ns = -7;
	rig_open_config(rig, &kafka_driver,
	                "targets: { stream: { kafka: { brokers: \"%s\", properties: { linger.ms: 0%s } } } }\n"
	                "variables: { word: w }\n"
	                "scenarios: { s: { executor: constant-vus, duration: 1s, steps: [ think: 1s,\n"
	                "  produce: { target: stream, topic: %s, %s } ] } }\n",
	                brokers, properties, topic, produce);
}

/* All of stream `client` of the step, each number once. */
static void check_seen(struct seen *seen, size_t count, uint32_t client)
{
	qsort(seen, count, sizeof(*seen), by_sequence);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(seen[i].outcome, 0);
		assert_int_equal(seen[i].stamp.sequence, i);
		assert_int_equal(stamp_agent(seen[i].stamp.stream), AGENT);
		assert_int_equal((uint32_t)seen[i].stamp.stream, (client * WORKERS + WORKER) * STEPS + 1);
		/* The rig's intended times are the clock's. */
		assert_true(seen[i].stamp.intended_ns > 0);
	}
}

static void send_all(struct rig *rig, struct rig_operation *operations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rig_submit(rig, &operations[i], 1, NULL), SUBMIT_ACCEPTED);
	rig_await(rig, count);
}

static void test_stamps_number_the_messages_of_a_stream(void **state)
{
	static const struct {
		const char *topic, *plan;
		_Bool in_header;
		size_t least, most;
		const char *body;
	} cases[] = {
	        {"head", "size: 40..1KiB, stamp: head", 0, 40, 1024, NULL},
	        {"weights", "size: [ { size: 40, weight: 1 }, { size: 100, weight: 1 } ], stamp: head", 0, 40, 100,
	         NULL},
	        {"compressible", "size: 300, compressibility: 60%, stamp: head", 0, 300, 300, NULL},
	        {"large", "size: 70KiB, stamp: head", 0, 71680, 71680, NULL},
	        {"keyed", "size: 100, keys: { uniform: 5 }, headers: { a: b }, stamp: head", 0, 100, 100, NULL},
	        {"own-head", "payload: 'a {{word}}', stamp: head", 0, 43, 43, "a w"},
	        {"own", "payload: 'a {{word}}', stamp: headers", 1, 3, 3, "a w"},
	        {"headers", "size: 20..30, headers: { a: b }, stamp: headers", 1, 20, 30, NULL},
	};
	enum { COUNT = 20, CASES = sizeof(cases) / sizeof(*cases) };
	static struct topic topics[CASES];
	static struct rig_operation operations[CASES][COUNT];

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct rig rig = {0};

		topics[i].name = cases[i].topic;
		topics[i].in_header = cases[i].in_header;
		assert_int_equal(rd_kafka_mock_topic_create(cluster, cases[i].topic, PARTITIONS, BROKERS), 0);
		open_rig(&rig, "", cases[i].topic, cases[i].plan);
		rig_set(&rig, "word", "w");
		send_all(&rig, operations[i], COUNT);
		assert_int_equal(rig.failed, 0);
		rig_close(&rig);
	}
	read_topics(topics, CASES, CASES * COUNT);
	for (size_t i = 0; i < CASES; i++) {
		assert_int_equal(topics[i].count, COUNT);
		check_seen(topics[i].seen, COUNT, 0);
		for (size_t j = 0; j < COUNT; j++) {
			const struct seen *seen = &topics[i].seen[j];

			assert_in_range(seen->size, cases[i].least, cases[i].most);
			assert_int_equal(seen->stamp.intended_ns,
			                 operations[i][j].operation.intended_ns - 5 * NS_PER_S - 7);
			if (cases[i].body)
				assert_string_equal(seen->body, cases[i].body);
		}
	}
}

/* Of one stream, what was told: decoded, and merged over all calls. */
static void take(struct rig *rig, const char *topic, struct sequences sets[SENT_KIND_COUNT],
                 uint32_t partitions[SEEN_MAX])
{
	struct buffer buffer = {0};
	struct reader reader;

	assert_int_equal(rig->ops->account(rig->driver, &buffer), 0);
	reader = (struct reader){.data = buffer.data, .size = buffer.size};
	while (reader.at < reader.size) {
		struct sent_delta delta;

		assert_int_equal(sent_delta_decode(&reader, &delta), 0);
		assert_string_equal(delta.topic, topic);
		assert_int_equal(stamp_agent(delta.stream), AGENT);
		for (size_t i = 0; i < delta.part_count; i++) {
			uint64_t at = 0, count;

			while (sequences_next(&delta.parts[i].set, at, &at, &count)) {
				assert_int_equal(sequences_add_run(&sets[delta.parts[i].kind], at, count, NULL), 0);
				for (uint64_t j = at; partitions && j < at + count; j++)
					partitions[j] = delta.parts[i].partition;
				at += count;
			}
		}
		sent_delta_deinit(&delta);
	}
	buffer_deinit(&buffer);
}

static void clear(struct sequences sets[SENT_KIND_COUNT])
{
	for (int i = 0; i < SENT_KIND_COUNT; i++)
		sequences_deinit(&sets[i]);
}

static void test_verified_messages_are_told_with_their_partitions(void **state)
{
	struct rig_operation operations[SEEN_MAX] = {0};
	struct sequences sets[SENT_KIND_COUNT] = {0};
	uint32_t partitions[SEEN_MAX];
	struct topic topic = {.name = "verified"};
	struct rig rig = {0};

	(void)state;
	assert_int_equal(rd_kafka_mock_topic_create(cluster, "verified", PARTITIONS, BROKERS), 0);
	open_rig(&rig, "", "verified", "size: 100, keys: { uniform: 50 }, verify: during");
	send_all(&rig, operations, SEEN_MAX / 2);
	take(&rig, "verified", sets, partitions);
	assert_int_equal(sets[SENT_ACKED].total, SEEN_MAX / 2);
	take(&rig, "verified", sets, partitions); /* nothing twice */
	assert_int_equal(sets[SENT_ACKED].total, SEEN_MAX / 2);
	for (size_t i = SEEN_MAX / 2; i < SEEN_MAX; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 1, NULL), SUBMIT_ACCEPTED);
	rig_await(&rig, SEEN_MAX);
	take(&rig, "verified", sets, partitions);
	assert_int_equal(sets[SENT_ACKED].total, SEEN_MAX);
	assert_int_equal(sets[SENT_FAILED].total, 0);
	read_topics(&topic, 1, SEEN_MAX);
	check_seen(topic.seen, SEEN_MAX, 0);
	for (size_t i = 0; i < SEEN_MAX; i++)
		assert_int_equal(topic.seen[i].partition, partitions[i]);
	clear(sets);
	rig_close(&rig);
}

/* A broker that refuses, and a run that is given up. */
static void test_messages_that_were_not_acknowledged_are_told_as_failed(void **state)
{
	enum { COUNT = 5, ERRORS = 100 /* more than there are requests */ };
	struct rig_operation operations[2 * COUNT] = {0};
	struct sequences sets[SENT_KIND_COUNT] = {0};
	rd_kafka_resp_err_t errors[ERRORS];
	struct rig rig = {0};

	(void)state;
	for (size_t i = 0; i < ERRORS; i++)
		errors[i] = RD_KAFKA_RESP_ERR_INVALID_RECORD;
	assert_int_equal(rd_kafka_mock_topic_create(cluster, "refused", 1, BROKERS), 0);
	open_rig(&rig, ", batch.num.messages: 1, max.in.flight: 1, retries: 0", "refused", "size: 100, verify: after");
	rd_kafka_mock_push_request_errors_array(cluster, API_PRODUCE, ERRORS, errors);
	send_all(&rig, operations, COUNT);
	rd_kafka_mock_clear_request_errors(cluster, API_PRODUCE);
	take(&rig, "refused", sets, NULL);
	assert_int_equal(sets[SENT_ACKED].total, 0);
	assert_int_equal(sets[SENT_FAILED].total, COUNT);
	rd_kafka_mock_broker_set_rtt(cluster, 1, 60000);
	for (size_t i = COUNT; i < 2 * COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 1, NULL), SUBMIT_ACCEPTED);
	rig.ops->abandon(rig.driver);
	take(&rig, "refused", sets, NULL);
	assert_int_equal(sets[SENT_ACKED].total, 0);
	assert_int_equal(sequences_count(&sets[SENT_FAILED], 0, 2 * COUNT), 2 * COUNT);
	rd_kafka_mock_broker_set_rtt(cluster, 1, 0);
	clear(sets);
	rig_close(&rig);
}

/* What the queue has no room for has no number. */
static void test_refused_messages_use_no_number(void **state)
{
	enum { ROOM = 3, TRIES = 20 };
	struct rig_operation operations[ROOM] = {0}, refused[TRIES] = {0};
	struct sequences sets[SENT_KIND_COUNT] = {0};
	struct rig rig = {0};

	(void)state;
	assert_int_equal(rd_kafka_mock_topic_create(cluster, "full", PARTITIONS, BROKERS), 0);
	open_rig(&rig, ", queue.buffering.max.messages: 3", "full", "size: 100, verify: during");
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < ROOM; i++)
			assert_int_equal(rig_submit(&rig, &operations[i], 1, NULL), SUBMIT_ACCEPTED);
		for (size_t i = 0; i < TRIES; i++)
			assert_int_equal(rig_submit(&rig, &refused[i], 1, NULL), SUBMIT_FULL);
		rig_await(&rig, (uint64_t)(round + 1) * ROOM);
	}
	take(&rig, "full", sets, NULL);
	assert_int_equal(sets[SENT_ACKED].total, 5 * ROOM);
	assert_int_equal(sequences_last(&sets[SENT_ACKED]), 5 * ROOM - 1);
	clear(sets);
	rig_close(&rig);
}

/* Each producer has streams of its own. */
static void test_every_client_has_its_own_streams(void **state)
{
	static const uint32_t lanes[] = {4, 9};
	struct rig_operation operations[2] = {{.operation.lane = 4}, {.operation.lane = 9}};
	struct topic topic = {.name = "lanes"};
	const struct seen *seen = topic.seen;
	struct rig rig = {.config = {.lanes = lanes, .lane_count = 2}};

	(void)state;
	assert_int_equal(rd_kafka_mock_topic_create(cluster, "lanes", PARTITIONS, BROKERS), 0);
	open_rig(&rig, "", "lanes", "size: 100, stamp: head");
	send_all(&rig, operations, 2);
	read_topics(&topic, 1, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen[i].outcome, 0);
		assert_int_equal(seen[i].stamp.sequence, 0);
	}
	assert_true(seen[0].stamp.stream != seen[1].stamp.stream);
	assert_int_equal((uint32_t)seen[0].stamp.stream + (uint32_t)seen[1].stamp.stream,
	                 (0 + WORKER) * STEPS + 1 + (WORKERS + WORKER) * STEPS + 1);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_client_has_its_own_streams),
	        cmocka_unit_test(test_messages_that_were_not_acknowledged_are_told_as_failed),
	        cmocka_unit_test(test_refused_messages_use_no_number),
	        cmocka_unit_test(test_stamps_number_the_messages_of_a_stream),
	        cmocka_unit_test(test_verified_messages_are_told_with_their_partitions),
	};

	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
