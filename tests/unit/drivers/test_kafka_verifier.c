/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier of the Kafka driver, against librdkafka's mock cluster; with STAMPEDE_TEST_BROKERS in the environment
 * against those, which then must be real: what only a real broker has (transactions, deleted records) is tested there
 * alone. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "agent/drivers/kafka/kafka.h"
#include "agent/drivers/kafka/message_stamp.h"
#include "common/base/clock.h"
#include "common/stats/ledger.h"

#define RUN_ID "0f8fad5b-d9cb-469f-a165-70867728950e"
enum { PARTITIONS = 2, PATIENCE_MS = 20000 };

static rd_kafka_t *host; /* of the mock cluster, and producer of what is verified */
static rd_kafka_mock_cluster_t *cluster;
static const char *brokers;
static char topic[64]; /* of the test */

/* ---- a cluster, and what is in its topics ---- */

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *name, const char *value)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	char problem[512];

	rd_kafka_conf_set_log_cb(conf, NULL);
	if (brokers)
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
	if (name)
		assert_int_equal(rd_kafka_conf_set(conf, name, value, problem, sizeof(problem)), 0);
	rd_kafka_conf_set(conf, "linger.ms", "0", NULL, 0);
	client = rd_kafka_new(type, conf, problem, sizeof(problem));
	assert_non_null(client);
	return client;
}

static int start_cluster(void **state)
{
	(void)state;
	brokers = getenv("STAMPEDE_TEST_BROKERS");
	host = open_client(RD_KAFKA_PRODUCER, NULL, NULL);
	if (!brokers) {
		cluster = rd_kafka_mock_cluster_new(host, 1);
		brokers = rd_kafka_mock_cluster_bootstraps(cluster);
		rd_kafka_brokers_add(host, brokers);
	}
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	if (cluster)
		rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

static rd_kafka_event_t *await_event(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);

	assert_non_null(event);
	assert_int_equal(rd_kafka_event_error(event), 0);
	return event;
}

static void make_topic(void)
{
	rd_kafka_NewTopic_t *new_topic;
	rd_kafka_queue_t *queue;

	if (cluster) {
		assert_int_equal(rd_kafka_mock_topic_create(cluster, topic, PARTITIONS, 1), 0);
		return;
	}
	new_topic = rd_kafka_NewTopic_new(topic, PARTITIONS, 1, NULL, 0);
	queue = rd_kafka_queue_new(host);
	rd_kafka_CreateTopics(host, &new_topic, 1, NULL, queue);
	rd_kafka_event_destroy(await_event(queue));
	rd_kafka_queue_destroy(queue);
	rd_kafka_NewTopic_destroy(new_topic);
}

static void write_stamp(uint64_t stream, uint64_t sequence, uint8_t bytes[STAMP_SIZE])
{
	struct stamper stamper;
	uint8_t tag[8];

	assert_int_equal(stamp_tag(RUN_ID, tag), 0);
	stamper_init(&stamper, tag, stream);
	stamp_write(&stamper, sequence, 0, bytes);
}

/* The header's value where `in_header`; else the payload's. */
static void produce(rd_kafka_t *producer, int partition, const void *bytes, size_t size, _Bool in_header)
{
	rd_kafka_headers_t *headers = in_header ? rd_kafka_headers_new(1) : NULL;

	if (in_header)
		rd_kafka_header_add(headers, PRODUCE_STAMP_HEADER, -1, bytes, (ssize_t)size);
	assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
	                                   RD_KAFKA_V_VALUE((void *)(in_header ? "own" : bytes), in_header ? 3 : size),
	                                   RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
	                                   RD_KAFKA_V_END),
	                 0);
}

/* Messages first, first + 1 ... of stream 7. */
static void produce_stamped(rd_kafka_t *producer, int partition, uint64_t first, uint64_t count, _Bool in_header)
{
	for (uint64_t i = first; i < first + count; i++) {
		uint8_t bytes[STAMP_SIZE];

		write_stamp(7, i, bytes);
		produce(producer, partition, bytes, sizeof(bytes), in_header);
	}
	assert_int_equal(rd_kafka_flush(producer, PATIENCE_MS), 0);
}

/* ---- a verifier on its thread, and a ledger that takes what it reports ---- */

struct bench {
	struct duty duty;
	struct target target;
	struct driver_config config;
	struct verify_work work;
	struct verify_offset positions[PARTITIONS];
	pthread_t thread;
	int result;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	_Bool holds; /* reports wait until cancelled */
	_Bool cancelled;
	_Bool over;
	uint32_t reports;
	uint32_t starts;
	struct ledger *ledger;
};

static void feed(struct bench *bench, const struct verify_report *report)
{
	struct reader reader = {.data = report->seen, .size = report->seen_size};

	for (size_t i = 0; i < report->start_count; i++)
		assert_int_equal(
		        ledger_start(bench->ledger, topic, report->starts[i].partition, report->starts[i].offset), 0);
	for (size_t i = 0; i < report->end_count; i++)
		assert_int_equal(ledger_end(bench->ledger, topic, report->ends[i].partition, report->ends[i].offset),
		                 0);
	while (reader.at < reader.size) {
		struct seen_delta delta;

		assert_int_equal(seen_delta_decode(&reader, &delta), 0);
		assert_int_equal(ledger_add_seen(bench->ledger, &delta), 0);
		seen_delta_deinit(&delta);
	}
	bench->starts += (uint32_t)report->start_count;
}

static int take_report(void *context, const struct verify_report *report)
{
	struct bench *bench = context;
	int r = 0;

	pthread_mutex_lock(&bench->mutex);
	if (!bench->holds || bench->reports == 0)
		feed(bench, report);
	bench->reports++;
	pthread_cond_broadcast(&bench->changed);
	while (bench->holds && bench->reports > 1 && !bench->cancelled)
		pthread_cond_wait(&bench->changed, &bench->mutex);
	if (bench->cancelled)
		r = -ECANCELED;
	pthread_mutex_unlock(&bench->mutex);
	return r;
}

static void *work(void *context)
{
	struct bench *bench = context;

	bench->result = kafka_driver.verify(&bench->config, &bench->work);
	pthread_mutex_lock(&bench->mutex);
	bench->over = 1;
	pthread_cond_broadcast(&bench->changed);
	pthread_mutex_unlock(&bench->mutex);
	return NULL;
}

static int set_up(void **state)
{
	static uint32_t number;
	static struct bench bench;
	static struct pair quick = {.name = (char *)"fetch.wait.max.ms", .value = (char *)"10"};

	snprintf(topic, sizeof(topic), "verified-%u-%u", (unsigned)getpid(), ++number);
	bench = (struct bench){
	        .target = {.name = (char *)"t",
	                   .kind = TARGET_KAFKA,
	                   .kafka = {.brokers = (char *)brokers, .properties = {.items = &quick, .count = 1}}},
	        .duty = {.name = (char *)"verify", .kind = DUTY_VERIFIER, .verify = {.topic = topic, .during = 1}},
	        .config = {.target = &bench.target, .run_id = RUN_ID},
	        .work = {.duty = &bench.duty,
	                 .positions = bench.positions,
	                 .report = take_report,
	                 .context = &bench,
	                 .cancel_fd = eventfd(0, EFD_CLOEXEC),
	                 .closing_fd = eventfd(0, EFD_CLOEXEC)},
	        .ledger = ledger_new(),
	};
	pthread_mutex_init(&bench.mutex, NULL);
	pthread_cond_init(&bench.changed, NULL);
	*state = &bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	ledger_free(bench->ledger);
	pthread_cond_destroy(&bench->changed);
	pthread_mutex_destroy(&bench->mutex);
	close(bench->work.cancel_fd);
	close(bench->work.closing_fd);
	return 0;
}

static _Bool has_reported(const struct bench *bench, uint64_t count)
{
	return bench->reports >= count;
}

static _Bool has_starts(const struct bench *bench, uint64_t count)
{
	return bench->starts >= count;
}

static _Bool has_seen(const struct bench *bench, uint64_t count)
{
	struct ledger_counts counts;

	ledger_count(bench->ledger, topic, &counts);
	return counts.seen >= count;
}

static void await(struct bench *bench, _Bool (*holds)(const struct bench *bench, uint64_t count), uint64_t count)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&bench->mutex);
	while (!holds(bench, count)) {
		assert_false(bench->over);
		assert_int_equal(pthread_cond_timedwait(&bench->changed, &bench->mutex, &deadline), 0);
	}
	pthread_mutex_unlock(&bench->mutex);
}

/* Starts it and waits until it knows where its partitions begin. */
static void begin(struct bench *bench)
{
	assert_int_equal(pthread_create(&bench->thread, NULL, work, bench), 0);
	if (!bench->work.resumes)
		await(bench, has_reported, 1);
}

static void ring(int fd)
{
	assert_int_equal(write(fd, &(uint64_t){1}, sizeof(uint64_t)), sizeof(uint64_t));
}

/* Says that all load is over, and waits until all is read. */
static struct ledger_counts finish(struct bench *bench)
{
	struct ledger_counts counts;

	ring(bench->work.closing_fd);
	pthread_join(bench->thread, NULL);
	assert_int_equal(bench->result, 0);
	assert_string_equal(bench->work.problem, "");
	ledger_count(bench->ledger, topic, &counts);
	return counts;
}

/* ---- tests ---- */

static void test_verifier_sees_what_was_produced_beside_it(void **state)
{
	struct ledger_counts counts;

	make_topic();
	produce_stamped(host, 0, 0, 10, 0); /* before: another run's, or nobody's */
	begin(*state);
	produce_stamped(host, 0, 10, 500, 0);
	produce_stamped(host, 1, 510, 500, 1);
	await(*state, has_seen, 1000);
	produce_stamped(host, 0, 1010, 5, 0);
	counts = finish(*state);
	assert_int_equal(counts.seen, 1005);
	assert_int_equal(counts.duplicated + counts.reordered + counts.foreign + counts.damaged, 0);
	assert_true(counts.partitions == PARTITIONS && counts.partitions_unread == 0);
	assert_int_equal(ledger_find_partition(((struct bench *)*state)->ledger, topic, 0)->start, 10);
}

static void test_verifier_counts_what_is_not_its_run_s(void **state)
{
	struct ledger_counts counts;
	uint8_t bytes[STAMP_SIZE];

	make_topic();
	begin(*state);
	produce(host, 0, "somebody's", 10, 0);
	produce(host, 0, "somebody's", 10, 1);
	produce(host, 0, NULL, 0, 0);
	write_stamp(7, 1, bytes);
	bytes[25] ^= 1;
	produce(host, 1, bytes, sizeof(bytes), 0);
	produce_stamped(host, 1, 3, 1, 0);
	produce_stamped(host, 1, 2, 1, 0);
	produce_stamped(host, 1, 3, 1, 1);
	counts = finish(*state);
	assert_int_equal(counts.foreign, 3);
	assert_int_equal(counts.damaged, 1);
	assert_int_equal(counts.seen, 2);
	assert_int_equal(counts.duplicated, 1);
	assert_int_equal(counts.reordered, 1);
}

static void test_verifier_that_waits_for_the_end_reads_nothing_before_it(void **state)
{
	struct bench *bench = *state;
	struct ledger_counts counts;

	bench->duty.verify.during = 0;
	make_topic();
	begin(bench);
	produce_stamped(host, 0, 0, 300, 0);
	assert_int_equal(bench->reports, 1);
	counts = finish(bench);
	assert_int_equal(counts.seen, 300);
	assert_int_equal(counts.partitions_unread, 0);
}

static void test_verifier_of_nothing_is_over_at_once(void **state)
{
	struct ledger_counts counts;

	make_topic();
	begin(*state);
	counts = finish(*state);
	assert_true(counts.seen == 0 && counts.partitions == PARTITIONS && counts.partitions_unread == 0);
}

static void test_verifier_reads_a_topic_from_its_beginning_that_appears_later(void **state)
{
	struct ledger_counts counts;

	begin(*state);
	assert_int_equal(((struct bench *)*state)->starts, 0);
	make_topic();
	produce_stamped(host, 1, 0, 20, 0);
	await(*state, has_starts, PARTITIONS);
	counts = finish(*state);
	assert_true(counts.seen == 20 && counts.partitions == PARTITIONS && counts.partitions_unread == 0);
}

static void test_verifier_of_a_topic_that_never_is_has_nothing_to_read(void **state)
{
	begin(*state);
	assert_int_equal(finish(*state).partitions, 0);
}

static void test_verifier_goes_on_where_another_one_was(void **state)
{
	struct bench *bench = *state;
	struct ledger_counts counts;

	make_topic();
	produce_stamped(host, 0, 0, 100, 0);
	produce_stamped(host, 1, 100, 100, 0);
	assert_int_equal(ledger_start(bench->ledger, topic, 0, 40), 0);
	bench->work.resumes = 1;
	bench->work.position_count = 1;
	bench->positions[0] = (struct verify_offset){.partition = 0, .offset = 40};
	begin(bench);
	counts = finish(bench);
	/* The other partition is one that it didn't know. */
	assert_int_equal(bench->starts, 1);
	assert_int_equal(counts.seen, 60 + 100);
	assert_int_equal(counts.partitions_unread, 0);
}

static void test_verifier_refuses_a_partition_that_is_none(void **state)
{
	struct bench *bench = *state;

	bench->work.resumes = 1;
	bench->work.position_count = 1;
	bench->positions[0] = (struct verify_offset){.partition = UINT32_MAX, .offset = 40};
	assert_int_equal(kafka_driver.verify(&bench->config, &bench->work), 0);
	assert_string_equal(bench->work.problem, "it is to go on in no partition");
}

static void test_verifier_gives_up_when_it_is_cancelled(void **state)
{
	struct bench *bench = *state;

	make_topic();
	begin(bench);
	ring(bench->work.cancel_fd);
	pthread_join(bench->thread, NULL);
	assert_int_equal(bench->result, -ECANCELED);
}

static void test_verifier_gives_up_while_its_report_waits(void **state)
{
	struct bench *bench = *state;

	bench->holds = 1;
	make_topic();
	begin(bench);
	produce_stamped(host, 0, 0, 100, 0);
	await(bench, has_reported, 2);
	pthread_mutex_lock(&bench->mutex);
	bench->cancelled = 1;
	pthread_cond_broadcast(&bench->changed);
	pthread_mutex_unlock(&bench->mutex);
	pthread_join(bench->thread, NULL);
	assert_int_equal(bench->result, -ECANCELED);
}

static void test_verifier_says_why_it_could_not_begin(void **state)
{
	static struct pair pair = {.name = (char *)"ssl.ca.location", .value = (char *)"/none"};
	static struct pair protocol = {.name = (char *)"security.protocol", .value = (char *)"ssl"};
	struct pair items[] = {pair, protocol};
	struct bench *bench = *state;

	bench->target.kafka.properties = (struct pairs){.items = items, .count = 2};
	assert_int_equal(kafka_driver.verify(&bench->config, &bench->work), 0);
	assert_non_null(strstr(bench->work.problem, "ssl.ca.location"));
}

/* ---- on a real broker ---- */

static rd_kafka_t *open_transactional(void)
{
	char id[80];
	rd_kafka_t *producer;

	snprintf(id, sizeof(id), "tx-%s", topic);
	producer = open_client(RD_KAFKA_PRODUCER, "transactional.id", id);
	assert_null(rd_kafka_init_transactions(producer, PATIENCE_MS));
	return producer;
}

static void test_verifier_passes_ends_of_transactions_and_aborted_messages(void **state)
{
	struct ledger_counts counts;
	rd_kafka_t *producer;

	make_topic();
	begin(*state);
	producer = open_transactional();
	for (int i = 0; i < 4; i++) {
		assert_null(rd_kafka_begin_transaction(producer));
		produce_stamped(producer, 0, (uint64_t)i * 10, 10, 0);
		if (i % 2 == 0)
			assert_null(rd_kafka_commit_transaction(producer, PATIENCE_MS));
		else
			assert_null(rd_kafka_abort_transaction(producer, PATIENCE_MS));
	}
	counts = finish(*state);
	assert_int_equal(counts.seen, 20);
	assert_int_equal(counts.partitions_unread, 0);
	/* A marker each; the last one may be written after the producer's word. */
	assert_in_range(ledger_find_partition(((struct bench *)*state)->ledger, topic, 0)->end, 43, 44);
	rd_kafka_destroy(producer);
}

/* The end lies behind the last stable offset: it must wait. */
static void test_verifier_waits_for_transactions_that_are_open(void **state)
{
	struct bench *bench = *state;
	rd_kafka_t *producer;

	make_topic();
	begin(bench);
	producer = open_transactional();
	assert_null(rd_kafka_begin_transaction(producer));
	produce_stamped(producer, 1, 0, 10, 0);
	ring(bench->work.closing_fd);
	await(bench, has_reported, 2);
	assert_null(rd_kafka_commit_transaction(producer, PATIENCE_MS));
	assert_int_equal(finish(bench).seen, 10);
	rd_kafka_destroy(producer);
}

static void delete_before(int partition, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(host);
	rd_kafka_DeleteRecords_t *request;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
	request = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(host, &request, 1, NULL, queue);
	rd_kafka_event_destroy(await_event(queue));
	rd_kafka_DeleteRecords_destroy(request);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_queue_destroy(queue);
}

static void test_verifier_passes_over_records_that_were_deleted_behind_its_back(void **state)
{
	struct bench *bench = *state;
	struct ledger_counts counts;

	bench->duty.verify.during = 0;
	make_topic();
	begin(bench);
	produce_stamped(host, 0, 0, 100, 0);
	produce_stamped(host, 1, 100, 100, 0);
	delete_before(0, 30);
	delete_before(1, 100); /* all */
	counts = finish(bench);
	assert_int_equal(counts.seen, 70);
	assert_int_equal(counts.partitions_unread, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest anywhere[] = {
        TEST(test_verifier_sees_what_was_produced_beside_it),
        TEST(test_verifier_counts_what_is_not_its_run_s),
        TEST(test_verifier_that_waits_for_the_end_reads_nothing_before_it),
        TEST(test_verifier_of_nothing_is_over_at_once),
        TEST(test_verifier_goes_on_where_another_one_was),
        TEST(test_verifier_refuses_a_partition_that_is_none),
        TEST(test_verifier_gives_up_when_it_is_cancelled),
        TEST(test_verifier_gives_up_while_its_report_waits),
        TEST(test_verifier_says_why_it_could_not_begin),
};

/* What the mock cluster cannot do. */
static const struct CMUnitTest on_brokers[] = {
        TEST(test_verifier_reads_a_topic_from_its_beginning_that_appears_later),
        TEST(test_verifier_of_a_topic_that_never_is_has_nothing_to_read),
        TEST(test_verifier_passes_ends_of_transactions_and_aborted_messages),
        TEST(test_verifier_waits_for_transactions_that_are_open),
        TEST(test_verifier_passes_over_records_that_were_deleted_behind_its_back),
};

int main(void)
{
	int failed = cmocka_run_group_tests(anywhere, start_cluster, stop_cluster);

	if (getenv("STAMPEDE_TEST_BROKERS"))
		return failed + cmocka_run_group_tests(on_brokers, start_cluster, stop_cluster);
	return failed;
}
