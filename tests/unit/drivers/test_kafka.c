/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka driver on a real loop against librdkafka's mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include <cmocka.h>

#include "agent/drivers/kafka/kafka.h"
#include "agent/drivers/kafka/kafka_error.h"
#include "common/base/clock.h"
#include "tests/support/process.h"
#include "tests/support/mock_kafka.h"
#include "tests/support/rig.h"

enum { BROKERS = 3, PARTITIONS = 4, API_PRODUCE = 0 };

#define PLAN_HEAD                                                                                                      \
	"name: test\n"                                                                                                 \
	"targets: { stream: { kafka: { brokers: \"%s\", properties: { linger.ms: 0 } } } }\n"                          \
	"variables: { word: \"w\" }\n"                                                                                 \
	"scenarios:\n"                                                                                                 \
	"  ticks:\n"                                                                                                   \
	"    executor: constant-arrival-rate\n"                                                                        \
	"    rate: 1\n"                                                                                                \
	"    duration: 1s\n"                                                                                           \
	"    steps:\n"

static rd_kafka_t *host; /* the client that the mock cluster lives in */
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

static void make_topic(const char *name)
{
	assert_int_equal(rd_kafka_mock_topic_create(cluster, name, PARTITIONS, BROKERS), 0);
}

/* What a topic holds, read by a consumer. */
struct held {
	uint64_t messages;
	size_t least, most; /* payload */
	char key[64];       /* the last one's */
	char payload[64];
	char headers[64]; /* name=value,... */
	int partition;
};

static void keep_headers(const rd_kafka_message_t *message, struct held *held)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t size, used = 0;

	if (rd_kafka_message_headers(message, &headers))
		return;
	for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++)
		used += (size_t)snprintf(held->headers + used, sizeof(held->headers) - used, "%s=%.*s,", name,
		                         (int)size, (const char *)value);
}

static struct held read_topic(const char *topic, uint64_t expected)
{
	struct held held = {.least = SIZE_MAX};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
	rd_kafka_t *consumer;

	rd_kafka_conf_set_log_cb(conf, NULL);
	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
	rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
	rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	assert_non_null(consumer);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	assert_int_equal(rd_kafka_assign(consumer, all), 0);
	for (int quiet = 0; held.messages < expected || quiet < 3;) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, held.messages < expected ? 5000 : 20);

		if (!message) {
			assert_true(held.messages >= expected);
			quiet++;
			continue;
		}
		assert_int_equal(message->err, 0);
		held.messages++;
		held.least = message->len < held.least ? message->len : held.least;
		held.most = message->len > held.most ? message->len : held.most;
		snprintf(held.key, sizeof(held.key), "%.*s", (int)message->key_len,
		         message->key ? (char *)message->key : "");
		snprintf(held.payload, sizeof(held.payload), "%.*s", (int)message->len, (char *)message->payload);
		held.partition = message->partition;
		keep_headers(message, &held);
		rd_kafka_message_destroy(message);
	}
	rd_kafka_topic_partition_list_destroy(all);
	rd_kafka_destroy(consumer);
	return held;
}

static void test_kafka_messages_arrive_with_topic_key_and_payload(void **state)
{
	struct rig_operation operation = {0};
	struct held held;
	struct rig rig;

	(void)state;
	make_topic("made-x");
	rig_open(&rig, &kafka_driver,
	         PLAN_HEAD "      - produce: { target: stream, topic: \"made-{{word}}\", key: \"k {{word}}\", payload: "
	                   "\"value of {{word}}\" }\n",
	         brokers);
	rig_set(&rig, "word", "x");
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	assert_int_equal(operation.operation.sent_bytes, strlen("k x") + strlen("value of x"));
	rig_close(&rig);
	held = read_topic("made-x", 1);
	assert_int_equal(held.messages, 1);
	assert_string_equal(held.key, "k x");
	assert_string_equal(held.payload, "value of x");
}

static void test_kafka_headers_travel_with_the_message(void **state)
{
	struct rig_operation operation = {0}, unset = {0};
	struct held held;
	struct rig rig;

	(void)state;
	make_topic("headed");
	rig_open(&rig, &kafka_driver,
	         PLAN_HEAD "      - produce: { target: stream, topic: headed, size: 5, keys: { uniform: 1 }, "
	                   "headers: { trace: \"t {{word}}\", empty: \"\" } }\n",
	         brokers);
	rig_set(&rig, "word", NULL);
	assert_int_equal(rig_submit(&rig, &unset, 0, NULL), SUBMIT_FAILED);
	assert_int_equal(unset.operation.error, ERROR_DATA);
	rig_set(&rig, "word", "x");
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	assert_int_equal(operation.operation.sent_bytes, strlen("1") + 5 + strlen("tracet xempty"));
	rig_close(&rig);
	held = read_topic("headed", 1);
	assert_string_equal(held.key, "1");
	assert_string_equal(held.headers, "trace=t x,empty=,");
	assert_int_equal(held.least, 5);
}

/* Where Java's client puts these keys (its murmur2 of them), and where the CRC32 of one would. */
static void test_kafka_keys_go_to_the_partition_that_java_chooses(void **state)
{
	static const struct {
		const char *topic, *keys;
		int partition;
	} cases[] = {
	        {"java-4", "key: \"4\"", 0x5a4b5ca1 % PARTITIONS},
	        {"java-234", "key: \"234\"", (0xe7c009ca & 0x7fffffff) % PARTITIONS},
	        {"java-kafka", "key: kafka", (0xd067cf64 & 0x7fffffff) % PARTITIONS},
	        {"crc-4", "key: \"4\", partitioner: consistent", 0xf3b61b38 % PARTITIONS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig_operation operation = {0};
		struct held held;
		struct rig rig;

		make_topic(cases[i].topic);
		rig_open(&rig, &kafka_driver, PLAN_HEAD "      - produce: { target: stream, topic: %s, size: 5, %s }\n",
		         brokers, cases[i].topic, cases[i].keys);
		rig_do(&rig, &operation, 0, NULL);
		rig_close(&rig);
		held = read_topic(cases[i].topic, 1);
		if (held.partition != cases[i].partition)
			fail_msg("%s: partition %d, not %d", cases[i].keys, held.partition, cases[i].partition);
	}
}

static _Bool volume_is_known(void *context)
{
	const struct rig *rig = context;
	struct target_facts facts = {0};

	kafka_driver.facts(rig->driver, &facts);
	return facts.topology[0] != '\0';
}

/* Sends 1 MB; gives the share of it that the brokers were sent, in per cent, or -1 if nothing tells. */
static double sent_share(const char *topic, const char *properties)
{
	enum { COUNT = 1000 };
	static struct rig_operation operations[COUNT];
	struct target_facts facts = {0};
	double share = -1;
	struct rig rig;

	memset(operations, 0, sizeof(operations));
	make_topic(topic);
	rig_open(&rig, &kafka_driver,
	         "name: test\n"
	         "targets: { stream: { kafka: { brokers: \"%s\", properties: { linger.ms: 50%s } } } }\n"
	         "scenarios: { t: { executor: constant-arrival-rate, rate: 1, duration: 1s, steps: [\n"
	         "  produce: { target: stream, topic: %s, size: 1000, compressibility: 75%% } ] } }\n",
	         brokers, properties, topic);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	rig_await(&rig, COUNT);
	if (properties[0])
		rig_until(&rig, volume_is_known, &rig);
	kafka_driver.facts(rig.driver, &facts);
	sscanf(facts.topology, "messages were sent at %lf %% of their size", &share);
	rig_close(&rig);
	return share;
}

static void test_kafka_tells_how_far_messages_were_really_compressed(void **state)
{
	static const char *const codecs[] = {"gzip", "snappy", "lz4", "zstd"};

	(void)state;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
		char properties[80], topic[32];
		double share;

		snprintf(topic, sizeof(topic), "packed-%s", codecs[i]);
		snprintf(properties, sizeof(properties), ", compression.type: %s, statistics.interval.ms: 300",
		         codecs[i]);
		share = sent_share(topic, properties);
		if (share < 20 || share > 35)
			fail_msg("%s: %.1f %%", codecs[i], share);
	}
	assert_true(sent_share("plain", "") < 0);
}

static void test_kafka_generated_payloads_have_sizes_of_the_range(void **state)
{
	enum { COUNT = 2000 };
	static struct rig_operation operations[COUNT];
	uint64_t sum = 0;
	struct held held;
	struct rig rig;

	(void)state;
	make_topic("sizes");
	rig_open(&rig, &kafka_driver, PLAN_HEAD "      - produce: { target: stream, topic: sizes, size: 100..120 }\n",
	         brokers);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	assert_int_equal(kafka_driver.in_flight(rig.driver), COUNT);
	rig_await(&rig, COUNT);
	assert_int_equal(kafka_driver.in_flight(rig.driver), 0);
	assert_int_equal(rig.failed, 0);
	for (int i = 0; i < COUNT; i++)
		sum += operations[i].operation.sent_bytes;
	/* Uniform: the mean is 110, and 2,000 of them stray from it by 0.14. */
	assert_in_range(sum, COUNT * 109, COUNT * 111);
	rig_close(&rig);
	held = read_topic("sizes", COUNT);
	assert_int_equal(held.messages, COUNT);
	assert_int_equal(held.least, 100);
	assert_int_equal(held.most, 120);
}

static void test_kafka_lanes_and_acks_are_clients_of_their_own(void **state)
{
	static const uint32_t lanes[] = {3, 7};
	static struct rig_operation operations[8];
	struct rig rig = {.config = {.lanes = lanes, .lane_count = 2}};

	(void)state;
	make_topic("lanes");
	rig_open_config(&rig, &kafka_driver,
	                PLAN_HEAD "      - produce: { target: stream, topic: lanes, size: 10 }\n"
	                          "      - produce: { target: stream, topic: lanes, size: 10, acks: 0 }\n"
	                          "      - produce: { target: stream, topic: lanes, size: 10, acks: 1 }\n"
	                          "      - produce: { target: stream, topic: lanes, size: 10, acks: all }\n",
	                brokers);
	for (uint32_t i = 0; i < 8; i++) {
		operations[i].operation.lane = lanes[i % 2];
		assert_int_equal(rig_submit(&rig, &operations[i], i / 2, NULL), SUBMIT_ACCEPTED);
	}
	rig_await(&rig, 8);
	assert_int_equal(rig.failed, 0);
	rig_close(&rig);
	assert_int_equal(read_topic("lanes", 8).messages, 8);
}

static void test_kafka_lane_that_comes_at_run_time_is_a_client_too(void **state)
{
	static const uint32_t first = 4;
	static const uint32_t lanes[] = {4, 9, 2, 4};
	static struct rig_operation operations[4];
	struct rig rig = {.config = {.lanes = &first, .lane_count = 1}};
	struct failure failure = {0};

	(void)state;
	make_topic("later");
	rig_open_config(&rig, &kafka_driver,
	                PLAN_HEAD "      - produce: { target: stream, topic: later, size: 10 }\n"
	                          "      - produce: { target: stream, topic: later, size: 10, acks: 0 }\n",
	                brokers);
	for (int i = 0; i < 4; i++) {
		/* The first one is in flight meanwhile. */
		if (i == 1 || i == 2)
			assert_int_equal(rig.ops->add_lane(rig.driver, lanes[i], &failure), 0);
		operations[i].operation.lane = lanes[i];
		assert_int_equal(rig_submit(&rig, &operations[i], (uint32_t)i % 2, NULL), SUBMIT_ACCEPTED);
	}
	rig_await(&rig, 4);
	assert_int_equal(rig.failed, 0);
	rig_close(&rig);
	assert_int_equal(read_topic("later", 4).messages, 4);
}

static void test_kafka_errors_of_the_broker_are_classified(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	make_topic("errors");
	rig_open(&rig, &kafka_driver, PLAN_HEAD "      - produce: { target: stream, topic: errors, size: 10 }\n",
	         brokers);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_CLIENT);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_AUTH);
	assert_string_equal(operation.words.error_code, "TOPIC_AUTHORIZATION_FAILED");
	assert_non_null(strstr(operation.words.error_text, "(broker "));
	rig_close(&rig);
}

static void test_kafka_error_classes(void **state)
{
	static const struct {
		rd_kafka_resp_err_t error;
		enum error_class class;
	} cases[] = {
	        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ERROR_TIMEOUT},
	        {RD_KAFKA_RESP_ERR__TRANSPORT, ERROR_CONNECTION},
	        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ERROR_CONNECTION},
	        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERROR_AUTH},
	        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERROR_CLIENT},
	        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERROR_CLIENT},
	        {RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, ERROR_RATE_LIMITED},
	        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ERROR_SERVER},
	        {RD_KAFKA_RESP_ERR_UNKNOWN, ERROR_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(kafka_error_class(cases[i].error), cases[i].class);
}

static void test_kafka_error_words_are_without_what_always_differs(void **state)
{
	char why[64], narrow[8];

	(void)state;
	kafka_error_words("b:9092/2: Connect failed: refused (after 0ms in state CONNECT)", why, sizeof(why));
	assert_string_equal(why, "b:9092/2: Connect failed: refused");
	kafka_error_words("b:9092/2: 15 request(s) timed out: disconnect (after 5ms in state UP)", why, sizeof(why));
	assert_string_equal(why, "b:9092/2: request(s) timed out: disconnect");
	kafka_error_words("b:1/2: 1 request(s) timed out: disconnect (average rtt 2.762ms) (after 5ms in state UP)",
	                  why, sizeof(why));
	assert_string_equal(why, "b:1/2: request(s) timed out: disconnect");
	kafka_error_words("7 request(s)", why, sizeof(why));
	assert_string_equal(why, "request(s)");
	kafka_error_words("1/1 brokers are down", why, sizeof(why));
	assert_string_equal(why, "1/1 brokers are down");
	kafka_error_words("refused (after 0ms)", narrow, sizeof(narrow));
	assert_string_equal(narrow, "refused");
	kafka_error_words("b:9092/2: refused", narrow, sizeof(narrow));
	assert_string_equal(narrow, "b:9092/");
}

static void test_kafka_message_that_cannot_be_sent_fails_at_once(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	rig_open(&rig, &kafka_driver,
	         "name: test\n"
	         "targets: { stream: { kafka: { brokers: \"%s\", properties: { message.max.bytes: 2000 } } } }\n"
	         "variables: { word: \"w\" }\n"
	         "scenarios:\n"
	         "  ticks:\n"
	         "    executor: constant-arrival-rate\n"
	         "    rate: 1\n"
	         "    duration: 1s\n"
	         "    steps:\n"
	         "      - produce: { target: stream, topic: errors, payload: \"{{word}}\" }\n"
	         "      - produce: { target: stream, topic: \"{{word}}\", size: 1 }\n",
	         brokers);
	rig_set(&rig, "word", NULL);
	assert_int_equal(rig_submit(&rig, &operation, 0, NULL), SUBMIT_FAILED);
	assert_int_equal(operation.operation.error, ERROR_DATA);
	rig_set(&rig, "word", "");
	assert_int_equal(rig_submit(&rig, &operation, 1, NULL), SUBMIT_FAILED);
	assert_int_equal(operation.operation.error, ERROR_CLIENT);
	char large[3001];

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	rig_set(&rig, "word", large);
	assert_int_equal(rig_submit(&rig, &operation, 0, NULL), SUBMIT_FAILED);
	assert_int_equal(operation.operation.error, ERROR_CLIENT);
	assert_string_equal(operation.words.error_code, "MSG_SIZE_TOO_LARGE");
	assert_int_equal(operation.operation.sent_bytes, 0);
	assert_int_equal(kafka_driver.in_flight(rig.driver), 0);
	rig_close(&rig);
}

static void test_kafka_full_queue_accepts_nothing(void **state)
{
	static struct rig_operation operations[11];
	struct rig rig;

	(void)state;
	rig_open(&rig, &kafka_driver,
	         "name: test\n"
	         "targets: { stream: { kafka: { brokers: \"127.0.0.1:%u\", properties: { queue.buffering.max.messages: "
	         "10 } } } }\n"
	         "scenarios: { t: { executor: constant-arrival-rate, rate: 1, duration: 1s, "
	         "steps: [ produce: { target: stream, topic: full, size: 1 } ] } }\n",
	         port_free());
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	assert_int_equal(rig_submit(&rig, &operations[10], 0, NULL), SUBMIT_FULL);
	kafka_driver.abandon(rig.driver);
	assert_int_equal(kafka_driver.in_flight(rig.driver), 0);
	assert_int_equal(rig.completed, 10);
	assert_int_equal(rig.failed, 10);
	rig_close(&rig);
}

static void test_kafka_brokers_that_refuse_fail_messages_as_connection(void **state)
{
	static struct rig_operation operations[5];
	struct rig rig;

	(void)state;
	rig_open(&rig, &kafka_driver, PLAN_HEAD "      - produce: { target: stream, topic: nowhere, size: 1 }\n",
	         "127.0.0.1:1");
	for (int i = 0; i < 5; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	rig_await(&rig, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(operations[i].operation.error, ERROR_CONNECTION);
		assert_string_equal(operations[i].words.error_code, "_TRANSPORT");
	}
	rig_close(&rig);
}

static void test_kafka_messages_in_flight_are_given_up(void **state)
{
	enum { COUNT = 500 };
	static struct rig_operation operations[COUNT];
	struct rig rig;

	(void)state;
	make_topic("slow");
	rig_open(&rig, &kafka_driver, PLAN_HEAD "      - produce: { target: stream, topic: slow, size: 100 }\n",
	         brokers);
	rig_do(&rig, &operations[0], 0, NULL);
	for (int i = 1; i <= BROKERS; i++)
		rd_kafka_mock_broker_set_rtt(cluster, i, 2000);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_step(rig.loop, clock_now_ns() + 10 * NS_PER_MS), 0);
	kafka_driver.abandon(rig.driver);
	assert_int_equal(kafka_driver.in_flight(rig.driver), 0);
	assert_int_equal(rig.completed, COUNT + 1);
	for (int i = 1; i <= BROKERS; i++)
		rd_kafka_mock_broker_set_rtt(cluster, i, 0);
	rig_close(&rig);
}

static void test_kafka_probe_knows_brokers_and_topics(void **state)
{
	struct target_facts facts = {0};
	struct rig rig;

	(void)state;
	make_topic("probed");
	rig_open(&rig, &kafka_driver,
	         PLAN_HEAD "      - produce: { target: stream, topic: probed, size: 1 }\n"
	                   "      - produce: { target: stream, topic: \"{{word}}\", size: 1 }\n"
	                   "      - produce: { target: stream, topic: probed, size: 2 }\n"
	                   "      - produce: { target: stream, topic: unmade, size: 2 }\n",
	         brokers);
	kafka_driver.probe(&rig.config, 3000, &facts);
	assert_string_equal(facts.problem, "");
	assert_string_equal(facts.topology, "3 brokers; probed 4 partitions x 3; no unmade");
	assert_true(facts.local);
	assert_true(facts.idle_round_trip_ns > 0);
	rig_close(&rig);
}

static void test_kafka_probe_says_why_a_target_is_out_of_reach(void **state)
{
	struct target_facts facts = {0};
	struct rig rig;

	(void)state;
	rig_open(&rig, &kafka_driver, PLAN_HEAD "      - produce: { target: stream, topic: t, size: 1 }\n",
	         "127.0.0.1:1, [::1]:1");
	kafka_driver.probe(&rig.config, 500, &facts);
	assert_non_null(strstr(facts.problem, "cannot connect"));
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kafka_messages_arrive_with_topic_key_and_payload),
	        cmocka_unit_test(test_kafka_headers_travel_with_the_message),
	        cmocka_unit_test(test_kafka_keys_go_to_the_partition_that_java_chooses),
	        cmocka_unit_test(test_kafka_tells_how_far_messages_were_really_compressed),
	        cmocka_unit_test(test_kafka_generated_payloads_have_sizes_of_the_range),
	        cmocka_unit_test(test_kafka_lanes_and_acks_are_clients_of_their_own),
	        cmocka_unit_test(test_kafka_lane_that_comes_at_run_time_is_a_client_too),
	        cmocka_unit_test(test_kafka_errors_of_the_broker_are_classified),
	        cmocka_unit_test(test_kafka_error_classes),
	        cmocka_unit_test(test_kafka_error_words_are_without_what_always_differs),
	        cmocka_unit_test(test_kafka_message_that_cannot_be_sent_fails_at_once),
	        cmocka_unit_test(test_kafka_full_queue_accepts_nothing),
	        cmocka_unit_test(test_kafka_brokers_that_refuse_fail_messages_as_connection),
	        cmocka_unit_test(test_kafka_messages_in_flight_are_given_up),
	        cmocka_unit_test(test_kafka_probe_knows_brokers_and_topics),
	        cmocka_unit_test(test_kafka_probe_says_why_a_target_is_out_of_reach),
	};

	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
