/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions of producers, against librdkafka's mock cluster: when they end and how, what is told of their messages,
 * and how a client goes on that was given up. */
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
#include "tests/support/mock_kafka.h"
#include "tests/support/rig.h"

enum { API_PRODUCE = 0, API_INIT_PRODUCER_ID = 22, API_END_TXN = 26, COUNT_MAX = 64, STREAMS_MAX = 4 };

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static const char *brokers;

static int start_cluster(void **state)
{
	(void)state;
	mock_kafka_start(1, &host, &cluster, &brokers);
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	mock_kafka_stop(host, cluster);
	return 0;
}

/* What a driver told: of streams in the order in which they were first heard of. */
struct setting {
	struct rig rig;
	struct rig_operation operations[COUNT_MAX];
	uint64_t sent;
	uint64_t counts[METRIC_COUNT];
	uint64_t troubles;
	char trouble[64]; /* the newest one's class and code */
	uint64_t streams[STREAMS_MAX];
	size_t stream_count;
	struct sequences sets[STREAMS_MAX][SENT_KIND_COUNT];
};

static struct setting *setting_of(void *context)
{
	return (struct setting *)context;
}

static void record(void *context, const struct step *step, const struct operation_sample *sample)
{
	assert_int_equal(step->kind, STEP_PRODUCE);
	setting_of(context)->counts[sample->metric] +=
	        sample->metric == METRIC_KAFKA_TRANSACTION_DURATION ? 1 : sample->value;
}

static void tell(void *context, const struct step *step, enum error_class class, const char *code, const char *text)
{
	struct setting *setting = setting_of(context);

	assert_int_equal(step->kind, STEP_PRODUCE);
	assert_true(text[0] != '\0');
	setting->troubles++;

	snprintf(setting->trouble, sizeof(setting->trouble), "%s %s", error_class_names[class], code);
}

/* Before T0 opening waits for the first transactions to begin; `t0_ns` 0: it isn't known. */
static struct setting *open_setting_at(uint64_t t0_ns, const char *topic, const char *properties, const char *produce)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	assert_non_null(setting);
	assert_int_equal(rd_kafka_mock_topic_create(cluster, topic, 1, 1), 0);
	setting->rig.clock.t0_ns = t0_ns;
	setting->rig.config.record = record;
	setting->rig.config.tell = tell;
	rig_open_config(&setting->rig, &kafka_driver,
	                "targets: { stream: { kafka: { brokers: \"%s\", properties: { linger.ms: 0%s } } } }\n"
	                "scenarios: { s: { executor: constant-vus, duration: 1s, steps: [\n"
	                "  produce: { target: stream, topic: %s, size: 100, verify: after, %s } ] } }\n",
	                brokers, properties, topic, produce);
	return setting;
}

static struct setting *open_setting(const char *topic, const char *properties, const char *produce)
{
	return open_setting_at(0, topic, properties, produce);
}

static void close_setting(struct setting *setting)
{
	rig_close(&setting->rig);
	for (size_t i = 0; i < STREAMS_MAX; i++)
		for (int kind = 0; kind < SENT_KIND_COUNT; kind++)
			sequences_deinit(&setting->sets[i][kind]);
	free(setting);
}

/* The next message, when the driver takes it. */
static void send_one(struct setting *setting)
{
	struct rig *rig = &setting->rig;
	uint64_t deadline_ns = clock_now_ns() + 20 * NS_PER_S;
	int r;

	assert_true(setting->sent < COUNT_MAX);
	while ((r = rig_submit(rig, &setting->operations[setting->sent], 0, NULL)) == SUBMIT_LATER) {
		assert_true(clock_now_ns() < deadline_ns);
		assert_int_equal(loop_step(rig->loop, clock_now_ns() + NS_PER_MS), 0);
	}
	assert_int_equal(r, SUBMIT_ACCEPTED);
	setting->sent++;
}

static void send_many(struct setting *setting, int count)
{
	while (count-- > 0)
		send_one(setting);
}

static _Bool is_quiet(void *context)
{
	struct setting *setting = context;

	return setting->rig.ops->in_flight(setting->rig.driver) == 0;
}

static void wait_until_quiet(struct setting *setting)
{
	rig_until(&setting->rig, is_quiet, setting);
}

static size_t stream_index(struct setting *setting, uint64_t stream)
{
	size_t i = 0;

	while (i < setting->stream_count && setting->streams[i] != stream)
		i++;
	assert_true(i < STREAMS_MAX);
	setting->streams[i] = stream;
	if (i == setting->stream_count)
		setting->stream_count++;
	return i;
}

static void take(struct setting *setting)
{
	struct buffer buffer = {0};
	struct reader reader;

	assert_int_equal(setting->rig.ops->account(setting->rig.driver, &buffer), 0);
	reader = (struct reader){.data = buffer.data, .size = buffer.size};
	while (reader.at < reader.size) {
		struct sent_delta delta;
		size_t stream;

		assert_int_equal(sent_delta_decode(&reader, &delta), 0);
		stream = stream_index(setting, delta.stream);
		for (size_t i = 0; i < delta.part_count; i++) {
			uint64_t at = 0, count;

			for (; sequences_next(&delta.parts[i].set, at, &at, &count); at += count)
				assert_int_equal(
				        sequences_add_run(&setting->sets[stream][delta.parts[i].kind], at, count, NULL),
				        0);
		}
		sent_delta_deinit(&delta);
	}
	buffer_deinit(&buffer);
}

static uint64_t told(const struct setting *setting, size_t stream, enum sent_kind kind, uint64_t from, uint64_t count)
{
	return sequences_count(&setting->sets[stream][kind], from, count);
}

/* Of one stream in all. */
static void check_told(const struct setting *setting, size_t stream, uint64_t acked, uint64_t aborted, uint64_t failed)
{
	assert_int_equal(setting->sets[stream][SENT_ACKED].total, acked);
	assert_int_equal(setting->sets[stream][SENT_ABORTED].total, aborted);
	assert_int_equal(setting->sets[stream][SENT_FAILED].total, failed);
}

static void check_counts(const struct setting *setting, uint64_t committed, uint64_t aborted)
{
	assert_int_equal(setting->counts[METRIC_KAFKA_TRANSACTIONS_COMMITTED], committed);
	assert_int_equal(setting->counts[METRIC_KAFKA_TRANSACTION_DURATION], committed);
	assert_int_equal(setting->counts[METRIC_KAFKA_TRANSACTIONS_ABORTED], aborted);
}

static void test_transactions_end_after_so_many_messages_and_abort_a_share(void **state)
{
	struct setting *setting = open_setting("counted", "", "transactions: { every: 5, abort: 50% }");

	(void)state;
	send_many(setting, 20);
	wait_until_quiet(setting);
	assert_int_equal(setting->rig.completed, 20);
	assert_int_equal(setting->rig.failed, 0);
	take(setting);
	check_counts(setting, 2, 2);
	check_told(setting, 0, 10, 10, 0);
	assert_int_equal(told(setting, 0, SENT_ABORTED, 0, 5), 5);
	assert_int_equal(told(setting, 0, SENT_ABORTED, 10, 5), 5);
	assert_int_equal(setting->stream_count, 1);
	assert_int_equal(setting->troubles, 0);
	close_setting(setting);
}

/* One message would wait for 99 others. */
static void test_transactions_end_after_so_much_time(void **state)
{
	struct setting *setting = open_setting("timed", "", "transactions: { every: 20ms }");

	(void)state;
	send_many(setting, 1);
	wait_until_quiet(setting);
	take(setting);
	check_counts(setting, 1, 0);
	check_told(setting, 0, 1, 0, 0);
	close_setting(setting);
}

/* And not before: what is acknowledged may still be aborted. */
static void test_transactions_open_at_the_end_are_committed(void **state)
{
	struct setting *setting = open_setting("drained", "", "transactions: { every: 1000, abort: 100% }");

	(void)state;
	send_many(setting, 3);
	rig_await(&setting->rig, 3);
	take(setting);
	assert_int_equal(setting->stream_count, 0);
	assert_int_equal(setting->rig.ops->in_flight(setting->rig.driver), 1);
	setting->rig.ops->drain(setting->rig.driver);
	wait_until_quiet(setting);
	take(setting);
	check_counts(setting, 1, 0);
	check_told(setting, 0, 3, 0, 0);
	close_setting(setting);
}

static void test_transactions_given_up_are_aborted(void **state)
{
	struct setting *setting = open_setting("abandoned", "", "transactions: { every: 1000 }");

	(void)state;
	send_many(setting, 3);
	rig_await(&setting->rig, 3);
	setting->rig.ops->abandon(setting->rig.driver);
	assert_int_equal(setting->rig.ops->in_flight(setting->rig.driver), 0);
	take(setting);
	check_counts(setting, 0, 1);
	check_told(setting, 0, 0, 3, 0);
	close_setting(setting);
}

/* A message that the broker refuses takes its transaction with it. librdkafka can also lose its count by it, and must
 * then be replaced: either way transactions go on. */
static void test_transactions_with_a_failed_message_are_aborted(void **state)
{
	struct setting *setting = open_setting("spoiled", ", retries: 1", "transactions: { every: 3 }");

	(void)state;
	send_many(setting, 1);
	rig_await(&setting->rig, 1);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	send_many(setting, 1);
	wait_until_quiet(setting);
	assert_int_equal(setting->rig.completed, 2);
	assert_int_equal(setting->rig.failed, 1);
	take(setting);
	check_counts(setting, 0, 1);
	check_told(setting, 0, 0, 1, 1);
	assert_int_equal(told(setting, 0, SENT_FAILED, 1, 1), 1);
	assert_string_equal(setting->trouble, "client INVALID_RECORD");
	for (int round = 0; round < 10 && setting->counts[METRIC_KAFKA_TRANSACTIONS_COMMITTED] < 2; round++) {
		send_many(setting, 3);
		wait_until_quiet(setting);
	}
	check_counts(setting, 2, setting->counts[METRIC_KAFKA_TRANSACTIONS_ABORTED]);
	close_setting(setting);
}

/* Another client has taken over its name: it goes on under another one. */
static void test_clients_that_are_fenced_off_are_made_anew(void **state)
{
	struct setting *setting = open_setting("fenced", "", "transactions: { every: 2 }");

	(void)state;
	send_many(setting, 2);
	wait_until_quiet(setting);
	rd_kafka_mock_push_request_errors(cluster, API_END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
	send_many(setting, 2);
	wait_until_quiet(setting);
	assert_int_equal(rig_submit(&setting->rig, &setting->operations[setting->sent], 0, NULL), SUBMIT_LATER);
	send_many(setting, 2);
	wait_until_quiet(setting);
	take(setting);
	check_counts(setting, 2, 0);
	assert_int_equal(setting->stream_count, 2);
	check_told(setting, 0, 2, 0, 2);
	check_told(setting, 1, 2, 0, 0);
	assert_true(setting->streams[0] != setting->streams[1]);
	assert_int_equal(setting->troubles, 1);
	assert_string_equal(setting->trouble, "server _FENCED");
	assert_int_equal(setting->rig.failed, 0);
	close_setting(setting);
}

/* The broker has lost track of an idempotent producer's numbers. */
static void test_idempotent_clients_that_break_are_made_anew(void **state)
{
	struct setting *setting = open_setting("broken", ", enable.idempotence: true", "acks: all");

	(void)state;
	send_many(setting, 1);
	wait_until_quiet(setting);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	send_many(setting, 1);
	wait_until_quiet(setting);
	assert_int_equal(setting->rig.failed, 1);
	send_many(setting, 1);
	wait_until_quiet(setting);
	take(setting);
	assert_int_equal(setting->stream_count, 2);
	check_told(setting, 0, 1, 0, 1);
	check_told(setting, 1, 1, 0, 0);
	assert_int_equal(setting->troubles, 1);
	close_setting(setting);
}

/* Nothing is sent before the client may begin: the coordinator isn't there at first. */
static void test_transactions_wait_for_their_coordinator(void **state)
{
	struct setting *setting;

	(void)state;
	rd_kafka_mock_push_request_errors(cluster, API_INIT_PRODUCER_ID, 2, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
	                                  RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
	setting = open_setting_at(1, "waiting", "", "transactions: { every: 1 }");
	assert_int_equal(rig_submit(&setting->rig, &setting->operations[0], 0, NULL), SUBMIT_LATER);
	send_many(setting, 2);
	wait_until_quiet(setting);
	take(setting);
	check_counts(setting, 2, 0);
	check_told(setting, 0, 2, 0, 0);
	close_setting(setting);
}

/* It is closed while its thread waits for brokers that aren't there. */
static void test_transactions_that_never_began_can_be_closed(void **state)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	(void)state;
	setting->rig.clock.t0_ns = 1;
	setting->rig.config.tell = tell;
	rig_open_config(&setting->rig, &kafka_driver,
	                "targets: { stream: { kafka: { brokers: \"127.0.0.1:1\" } } }\n"
	                "scenarios: { s: { executor: constant-vus, duration: 1s, steps: [\n"
	                "  produce: { target: stream, topic: t, size: 100, transactions: { every: 10 } } ] } }\n");
	assert_int_equal(rig_submit(&setting->rig, &setting->operations[0], 0, NULL), SUBMIT_LATER);
	assert_int_equal(setting->rig.ops->in_flight(setting->rig.driver), 0);
	close_setting(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_clients_that_are_fenced_off_are_made_anew),
	        cmocka_unit_test(test_idempotent_clients_that_break_are_made_anew),
	        cmocka_unit_test(test_transactions_end_after_so_many_messages_and_abort_a_share),
	        cmocka_unit_test(test_transactions_end_after_so_much_time),
	        cmocka_unit_test(test_transactions_given_up_are_aborted),
	        cmocka_unit_test(test_transactions_open_at_the_end_are_committed),
	        cmocka_unit_test(test_transactions_that_never_began_can_be_closed),
	        cmocka_unit_test(test_transactions_wait_for_their_coordinator),
	        cmocka_unit_test(test_transactions_with_a_failed_message_are_aborted),
	};

	return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
