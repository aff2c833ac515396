/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers of the Kafka driver on a real loop against librdkafka's mock cluster; of groups, which it keeps waiting for
 * seconds, the whole runs tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "agent/drivers/kafka/kafka.h"
#include "common/base/clock.h"
#include "common/stats/stamp.h"
#include "tests/support/rig.h"

enum { BROKERS = 1, PARTITIONS = 4 };

/* A scenario of so many consumers, with the keys of its step, and perhaps another scenario. */
#define PLAN                                                                                                           \
	"name: test\n"                                                                                                 \
	"targets: { stream: { kafka: { brokers: \"%s\", properties: { fetch.wait.max.ms: 10,\n"                        \
	"  topic.metadata.refresh.interval.ms: 500 } } } }\n"                                                          \
	"scenarios:\n"                                                                                                 \
	"  readers:\n"                                                                                                 \
	"    executor: constant-vus\n"                                                                                 \
	"    vus: %d\n"                                                                                                \
	"    duration: 1s\n"                                                                                           \
	"    steps: [ { consume: { target: stream, %s } } ]\n%s"

static rd_kafka_t *host; /* the producer that the mock cluster lives in */
static rd_kafka_mock_cluster_t *cluster;
static char brokers[256];

static int start_cluster(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	(void)state;
	rd_kafka_conf_set_log_cb(conf, NULL);
	rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", NULL, 0);
	rd_kafka_conf_set(conf, "linger.ms", "0", NULL, 0);
	host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	assert_non_null(host);
	cluster = rd_kafka_handle_mock_cluster(host);
	assert_non_null(cluster);
	snprintf(brokers, sizeof(brokers), "%s", rd_kafka_mock_cluster_bootstraps(cluster));
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	rd_kafka_destroy(host);
	return 0;
}

/* And lets the producer know of it, which would else look for it a second later. */
static void make_topic(const char *name)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *topic;

	assert_int_equal(rd_kafka_mock_topic_create(cluster, name, PARTITIONS, BROKERS), 0);
	topic = rd_kafka_topic_new(host, name, NULL);
	assert_int_equal(rd_kafka_metadata(host, 0, topic, &metadata, 10000), 0);
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(topic);
}

static void put(const char *topic, int partition, const void *value, size_t size, const void *header)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

	if (header)
		rd_kafka_header_add(headers, "stampede", -1, header, STAMP_SIZE);
	assert_int_equal(rd_kafka_producev(host, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
	                                   RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("key", 3),
	                                   RD_KAFKA_V_VALUE((void *)value, size), RD_KAFKA_V_HEADERS(headers),
	                                   RD_KAFKA_V_END),
	                 0);
}

static void flush(void)
{
	assert_int_equal(rd_kafka_flush(host, 10000), 0);
}

static void fill(const char *topic, int partition, int count)
{
	for (int i = 0; i < count; i++)
		put(topic, partition, "0123456789", 10, NULL);
	flush();
}

/* What came. */
static struct {
	uint64_t messages;
	uint64_t bytes;
	uint64_t stamped;
	int64_t intended_ns; /* of the newest stamped one */
	uint64_t received_ns;
	const struct operation *operation;
} got;

static void receive(void *context, struct operation *operation, const struct reception *reception)
{
	(void)context;
	got.messages++;
	got.bytes += reception->bytes;
	got.stamped += reception->stamped;
	if (reception->stamped)
		got.intended_ns = reception->intended_ns;
	got.received_ns = reception->received_ns;
	got.operation = operation;
	assert_int_equal(reception->key_size, 3);
	assert_memory_equal(reception->key, "key", 3);
}

static void open_rig(struct rig *rig, int vus, const char *keys, const char *more)
{
	memset(&got, 0, sizeof(got));
	*rig = (struct rig){.config = {.receive = receive}};
	rig_open_config(rig, &kafka_driver, PLAN, brokers, vus, keys, more);
}

static void close_session(struct rig *rig, struct driver_session *session)
{
	rig->ops->session_close(rig->driver, session);
}

/* Polls until so many messages have come. */
static void poll_until(struct rig *rig, struct driver_session *session, uint64_t messages)
{
	uint64_t deadline_ns = clock_now_ns() + 20 * NS_PER_S;
	struct rig_operation operation = {0};

	while (got.messages < messages) {
		assert_true(clock_now_ns() < deadline_ns);
		rig_do(rig, &operation, 0, session);
		if (operation.operation.error)
			fail_msg("%s: %s", operation.words.error_code, operation.words.error_text);
	}
	assert_int_equal(got.messages, messages);
}

static void test_consumer_reads_what_is_there_and_waits_for_more(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;

	(void)state;
	make_topic("plain");
	for (int i = 0; i < PARTITIONS; i++)
		fill("plain", i, 25);
	open_rig(&rig, 1, "topic: plain, partitions: all, from: beginning, pollTimeout: 100ms", "");
	session = rig_session(&rig, 1);
	poll_until(&rig, session, 100);
	assert_int_equal(got.bytes, 100 * (3 + 10));
	assert_int_equal(got.stamped, 0);
	/* Nothing more: a success all the same, after its time. */
	rig_do(&rig, &operation, 0, session);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	assert_true(operation.operation.completed_ns - operation.operation.started_ns >= 100 * NS_PER_MS);
	fill("plain", 1, 1);
	poll_until(&rig, session, 101);
	close_session(&rig, session);
	rig_close(&rig);
}

static void test_consumer_takes_no_more_than_max_poll_records(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;
	uint64_t before = 0;

	(void)state;
	make_topic("many");
	fill("many", 0, 50);
	open_rig(&rig, 1, "topic: many, partitions: [ 0 ], from: beginning, maxPollRecords: 7", "");
	session = rig_session(&rig, 1);
	while (got.messages < 50) {
		rig_do(&rig, &operation, 0, session);
		assert_in_range(got.messages - before, 0, 7);
		before = got.messages;
		if (before > 0)
			assert_ptr_equal(got.operation, &operation.operation);
	}
	close_session(&rig, session);
	rig_close(&rig);
}

static void test_consumers_share_partitions_out(void **state)
{
	static const int counts[PARTITIONS] = {1, 10, 100, 1000};
	struct driver_session *one, *other;
	struct rig rig;

	(void)state;
	make_topic("shared");
	for (int i = 0; i < PARTITIONS; i++)
		fill("shared", i, counts[i]);
	open_rig(&rig, 2, "topic: shared, partitions: all, from: beginning", "");
	one = rig_session(&rig, 1);
	poll_until(&rig, one, 101);
	got.messages = 0;
	other = rig_session(&rig, 2);
	poll_until(&rig, other, 1010);
	close_session(&rig, one);
	close_session(&rig, other);
	rig_close(&rig);
	open_rig(&rig, 2, "topic: shared, partitions: [ 3, 1, 2 ], from: beginning", "");
	one = rig_session(&rig, 1);
	poll_until(&rig, one, 1100);
	close_session(&rig, one);
	rig_close(&rig);
}

static void test_consumer_finds_stamps_in_payloads_and_headers(void **state)
{
	static const char producers[] =
	        "  head: { executor: constant-vus, duration: 1s,\n"
	        "    steps: [ { produce: { target: stream, topic: stamped, size: 100 } } ] }\n"
	        "  headers: { executor: constant-vus, duration: 1s,\n"
	        "    steps: [ { produce: { target: stream, topic: stamped, payload: x } } ] }\n";
	struct stamper stamper;
	struct driver_session *session;
	struct rig rig;
	uint8_t tag[8], bytes[100] = {0};

	(void)state;
	make_topic("stamped");
	assert_int_equal(stamp_tag(RIG_RUN_ID, tag), 0);
	stamper_init(&stamper, tag, 7);
	open_rig(&rig, 1, "topic: stamped, partitions: all, from: beginning", producers);
	session = rig_session(&rig, 1);
	stamp_write(&stamper, 1, -5, bytes);
	put("stamped", 0, bytes, sizeof(bytes), NULL);
	flush();
	poll_until(&rig, session, 1);
	assert_int_equal(got.stamped, 1);
	assert_int_equal(got.intended_ns, -5);
	stamp_write(&stamper, 2, 123456789, bytes);
	put("stamped", 1, "y", 1, bytes);
	flush();
	poll_until(&rig, session, 2);
	assert_int_equal(got.stamped, 2);
	assert_int_equal(got.intended_ns, 123456789);
	assert_int_equal(got.bytes, 3 + 100 + 3 + 1 + 8 + STAMP_SIZE);
	/* Neither foreign ones nor what was damaged. */
	bytes[30] ^= 1;
	put("stamped", 2, bytes, sizeof(bytes), NULL);
	put("stamped", 2, "short", 5, NULL);
	flush();
	poll_until(&rig, session, 4);
	assert_int_equal(got.stamped, 2);
	close_session(&rig, session);
	rig_close(&rig);
}

static void test_processing_keeps_a_poll_from_completing(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;

	(void)state;
	make_topic("slow");
	fill("slow", 0, 8);
	open_rig(&rig, 1, "topic: slow, partitions: [ 0 ], from: beginning, processing: 5ms..9ms", "");
	session = rig_session(&rig, 1);
	for (uint64_t before = 0; got.messages < 8; before = got.messages) {
		rig_do(&rig, &operation, 0, session);
		if (got.messages > before)
			assert_true(operation.operation.completed_ns - got.received_ns >=
			            (got.messages - before) * 5 * NS_PER_MS);
	}
	close_session(&rig, session);
	rig_close(&rig);
}

/* Polls until one fails. */
static void poll_until_failure(struct rig *rig, struct driver_session *session, struct rig_operation *operation)
{
	uint64_t deadline_ns = clock_now_ns() + 20 * NS_PER_S;

	do {
		assert_true(clock_now_ns() < deadline_ns);
		rig_do(rig, operation, 0, session);
	} while (operation->operation.error == ERROR_NONE);
}

static void test_polls_fail_while_a_topic_does_not_exist(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;

	(void)state;
	make_topic("later");
	rd_kafka_mock_topic_set_error(cluster, "later", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	open_rig(&rig, 1, "topic: later, partitions: all, from: beginning, pollTimeout: 50ms", "");
	session = rig_session(&rig, 1);
	poll_until_failure(&rig, session, &operation);
	assert_int_equal(operation.operation.error, ERROR_CLIENT);
	assert_string_equal(operation.words.error_code, "UNKNOWN_TOPIC_OR_PART");
	assert_true(operation.operation.completed_ns - operation.operation.started_ns >= 50 * NS_PER_MS);
	rd_kafka_mock_topic_set_error(cluster, "later", RD_KAFKA_RESP_ERR_NO_ERROR);
	fill("later", 0, 3);
	while (got.messages < 3)
		rig_do(&rig, &operation, 0, session);
	rig_do(&rig, &operation, 0, session);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	close_session(&rig, session);
	rig_close(&rig);
}

static void test_polls_fail_while_no_broker_is_in_reach(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig = {.config = {.receive = receive}};

	(void)state;
	rig_open_config(&rig, &kafka_driver, PLAN, "127.0.0.1:1", 1, "topic: t, groupId: g, pollTimeout: 50ms", "");
	session = rig_session(&rig, 1);
	poll_until_failure(&rig, session, &operation);
	assert_int_equal(operation.operation.error, ERROR_CONNECTION);
	assert_true(operation.operation.completed_ns - operation.operation.started_ns >= 50 * NS_PER_MS);
	close_session(&rig, session);
	rig_close(&rig);
}

static void test_poll_is_given_up_at_once(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;

	(void)state;
	make_topic("idle");
	open_rig(&rig, 1, "topic: idle, partitions: all, pollTimeout: 1m", "");
	session = rig_session(&rig, 1);
	assert_int_equal(rig_submit(&rig, &operation, 0, session), SUBMIT_ACCEPTED);
	assert_int_equal(rig.ops->in_flight(rig.driver), 1);
	rig.ops->cancel(rig.driver, &operation.operation);
	assert_true(operation.done);
	assert_int_equal(rig.ops->in_flight(rig.driver), 0);
	assert_int_equal(rig_submit(&rig, &operation, 0, session), SUBMIT_ACCEPTED);
	rig.ops->abandon(rig.driver);
	assert_true(operation.done);
	close_session(&rig, session);
	rig_close(&rig);
}

static void test_virtual_users_that_consume_nothing_have_no_session(void **state)
{
	struct rig rig;

	(void)state;
	make_topic("none");
	open_rig(&rig, 3, "topic: none, groupId: none",
	         "  others: { executor: constant-vus, vus: 2, duration: 1s, steps: [ think: 1s ] }\n");
	assert_null(rig_session(&rig, 4));
	assert_null(rig_session(&rig, 5));
	close_session(&rig, NULL);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_consumer_reads_what_is_there_and_waits_for_more),
	        cmocka_unit_test(test_consumer_takes_no_more_than_max_poll_records),
	        cmocka_unit_test(test_consumers_share_partitions_out),
	        cmocka_unit_test(test_consumer_finds_stamps_in_payloads_and_headers),
	        cmocka_unit_test(test_processing_keeps_a_poll_from_completing),
	        cmocka_unit_test(test_polls_fail_while_a_topic_does_not_exist),
	        cmocka_unit_test(test_polls_fail_while_no_broker_is_in_reach),
	        cmocka_unit_test(test_poll_is_given_up_at_once),
	        cmocka_unit_test(test_virtual_users_that_consume_nothing_have_no_session),
	};

	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
