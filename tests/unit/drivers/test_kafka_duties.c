/* SPDX-License-Identifier: Apache-2.0 */
/* The duties of the Kafka driver, against librdkafka's mock cluster; with STAMPEDE_TEST_BROKERS in the environment
 * against those, which then must be real: a mock can't make topics, nor tell what a group has committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "agent/drivers/kafka/kafka.h"
#include "common/base/clock.h"

enum { BROKERS = 3, PARTITIONS = 3, PATIENCE_MS = 20000 };

static rd_kafka_t *host; /* of the mock cluster, and producer */
static rd_kafka_mock_cluster_t *cluster;
static const char *brokers;
static char name[64]; /* of the test's topic and group */

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;

	rd_kafka_conf_set_log_cb(conf, NULL);
	if (brokers)
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
	if (group)
		rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
	client = rd_kafka_new(type, conf, NULL, 0);
	assert_non_null(client);
	return client;
}

static int start_cluster(void **state)
{
	(void)state;
	brokers = getenv("STAMPEDE_TEST_BROKERS");
	host = open_client(RD_KAFKA_PRODUCER, NULL);
	if (!brokers) {
		cluster = rd_kafka_mock_cluster_new(host, BROKERS);
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

static void produce(int partition, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(rd_kafka_producev(host, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_PARTITION(partition),
		                                   RD_KAFKA_V_VALUE((char *)"x", 1), RD_KAFKA_V_END),
		                 0);
	assert_int_equal(rd_kafka_flush(host, PATIENCE_MS), 0);
}

static void commit(int partition, int64_t offset)
{
	rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER, name);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, name, partition)->offset = offset;
	assert_int_equal(rd_kafka_commit(consumer, list, 0), 0);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(consumer);
}

/* ---- performing ---- */

struct bench {
	struct target target;
	struct kafka_topic topics[2];
	struct duty duty;
	struct duty_work work;
	struct template_pair group;
	struct template_scope scope;
	struct log *log;
	FILE *echo;
	char *said;
	size_t said_size;
};

static struct bench bench;

static int set_up(void **state)
{
	static uint32_t number;
	struct template_names *names = template_names_new();

	(void)state;
	snprintf(name, sizeof(name), "duties-%u-%u", (unsigned)getpid(), ++number);
	bench = (struct bench){
	        .target = {.name = (char *)"t",
	                   .kind = TARGET_KAFKA,
	                   .kafka = {.brokers = (char *)brokers, .topics = bench.topics, .topic_count = 1}},
	        .topics = {{.name = name, .partitions = PARTITIONS}},
	        .work = {.duty = &bench.duty, .scope = &bench.scope, .cancel_fd = eventfd(0, EFD_CLOEXEC)},
	};
	bench.echo = open_memstream(&bench.said, &bench.said_size);
	assert_int_equal(log_open("test", NULL, bench.echo, LOG_WARNING, &bench.log), 0);
	assert_int_equal(template_compile(name, names, NULL, &bench.group.value), 0);
	template_names_free(names);
	bench.duty.name = (char *)"duty";
	return 0;
}

static void forget_outcome(void)
{
	void *held = bench.work.held;
	int cancel_fd = bench.work.cancel_fd;

	duty_work_deinit(&bench.work);
	bench.work =
	        (struct duty_work){.duty = &bench.duty, .scope = &bench.scope, .cancel_fd = cancel_fd, .held = held};
}

static int tear_down(void **state)
{
	(void)state;
	if (bench.work.held)
		kafka_driver.let_go(bench.work.held);
	close(bench.work.cancel_fd);
	duty_work_deinit(&bench.work);
	template_free(bench.group.value);
	log_close(bench.log);
	fclose(bench.echo);
	free(bench.said);
	return 0;
}

/* Performs the duty, and gives its problem. */
static const char *perform(enum duty_kind kind, enum duty_task task)
{
	const struct driver_config config = {.target = &bench.target, .log = bench.log, .run_id = ""};

	forget_outcome();
	bench.duty.kind = kind;
	bench.duty.task = task;
	assert_int_equal(kafka_driver.perform(&config, &bench.work), 0);
	return bench.work.problem;
}

/* The reading's value; -1: there is none. */
static double reading(enum metric_id metric, const char *label)
{
	double value = -1;

	for (size_t i = 0; i < bench.work.reading_count; i++)
		if (bench.work.readings[i].metric == metric && strcmp(bench.work.readings[i].label, label) == 0)
			value = bench.work.readings[i].value;
	return value;
}

static double lag(const char *group, int partition)
{
	char label[200];

	snprintf(label, sizeof(label), "%s/%s/%d", group, name, partition);
	return reading(METRIC_KAFKA_CONSUMER_LAG, label);
}

static int count_partitions(void)
{
	rd_kafka_t *client = open_client(RD_KAFKA_CONSUMER, NULL);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
	const struct rd_kafka_metadata *metadata;
	int count;

	assert_int_equal(rd_kafka_metadata(client, 0, topic, &metadata, PATIENCE_MS), 0);
	count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(client);
	return count;
}

/* ---- topics ---- */

static void test_topics_are_made_and_deleted_as_the_plan_says(void **state)
{
	static struct pair retention = {.name = (char *)"retention.ms", .value = (char *)"60000"};

	(void)state;
	bench.topics[0].config = (struct pairs){.items = &retention, .count = 1};
	bench.topics[0].after = TOPIC_DELETE;
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	assert_int_equal(count_partitions(), PARTITIONS);
	assert_string_equal(perform(DUTY_TEARDOWN, DUTY_TASK_TOPICS), "");
	while (count_partitions() > 0) /* it is seen within milliseconds */
		;
	/* A second time they are gone already. */
	assert_string_equal(perform(DUTY_TEARDOWN, DUTY_TASK_TOPICS), "");
}

static void test_topics_that_are_there_stay_as_they_are(void **state)
{
	(void)state;
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	fflush(bench.echo);
	assert_string_equal(bench.said, "");
	bench.topics[0].partitions = PARTITIONS + 1;
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	assert_int_equal(count_partitions(), PARTITIONS);
	fflush(bench.echo);
	assert_non_null(strstr(bench.said, "has 3 partitions, and the plan says 4"));
	/* Nor are they deleted that are to be kept. */
	assert_string_equal(perform(DUTY_TEARDOWN, DUTY_TASK_TOPICS), "");
	assert_int_equal(count_partitions(), PARTITIONS);
}

static void test_topics_that_cannot_be_made_fail_the_setup(void **state)
{
	static struct pair nonsense = {.name = (char *)"retention.ms", .value = (char *)"soon"};

	(void)state;
	bench.target.kafka.topic_count = 2;
	bench.topics[1] =
	        (struct kafka_topic){.name = (char *)"duties-never", .config = {.items = &nonsense, .count = 1}};
	perform(DUTY_SETUP, DUTY_TASK_TOPICS);
	assert_memory_equal(bench.work.problem, "topic duties-never: ", 20);
	bench.topics[1] = (struct kafka_topic){.name = (char *)"duties-never", .replication_factor = 100};
	perform(DUTY_SETUP, DUTY_TASK_TOPICS);
	assert_memory_equal(bench.work.problem, "topic duties-never: ", 20);
}

static void test_topics_that_brokers_make_when_asked_for_are_enough(void **state)
{
	(void)state;
	bench.topics[0].partitions = 0;
	bench.topics[0].after = TOPIC_DELETE;
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	assert_string_equal(perform(DUTY_TEARDOWN, DUTY_TASK_TOPICS), "");
	fflush(bench.echo);
	assert_non_null(strstr(bench.said, "target t has no controller: its topics can be neither made nor deleted"));
}

static void test_topics_of_a_cluster_out_of_reach_are_given_up_when_cancelled(void **state)
{
	(void)state;
	bench.target.kafka.brokers = (char *)"127.0.0.1:1";
	assert_int_equal(write(bench.work.cancel_fd, &(uint64_t){1}, sizeof(uint64_t)), sizeof(uint64_t));
	assert_string_not_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
}

/* ---- lag ---- */

/* A busy machine may need more than a second for an answer. */
static void read_lag(void)
{
	for (int i = 0; i < 10 && perform(DUTY_READER, DUTY_TASK_LAG)[0]; i++)
		;
	assert_string_equal(bench.work.problem, "");
}

static void test_lag_is_what_a_group_has_not_committed(void **state)
{
	(void)state;
	bench.duty.lag.groups = (struct template_pairs){.items = &bench.group, .count = 1};
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	produce(0, 100);
	produce(1, 10);
	produce(2, 1);
	/* Nothing is committed: there is no lag to tell. */
	read_lag();
	assert_int_equal(bench.work.reading_count, 0);
	commit(0, 40);
	commit(1, 10);
	read_lag();
	assert_true(lag(name, 0) == 60);
	assert_true(lag(name, 1) == 0);
	assert_true(lag(name, 2) == -1);
	assert_true(reading(METRIC_KAFKA_CONSUMER_LAG, name) == 60);
	/* By the same client. */
	produce(1, 5);
	read_lag();
	assert_true(lag(name, 1) == 5);
	assert_true(reading(METRIC_KAFKA_CONSUMER_LAG, name) == 65);
}

static void test_lag_is_of_the_topics_that_are_named(void **state)
{
	char *wanted[] = {(char *)"another"};

	(void)state;
	bench.duty.lag.groups = (struct template_pairs){.items = &bench.group, .count = 1};
	assert_string_equal(perform(DUTY_SETUP, DUTY_TASK_TOPICS), "");
	produce(0, 1);
	commit(0, 0);
	bench.duty.lag.topics = (struct texts){.items = wanted, .count = 1};
	read_lag();
	assert_int_equal(bench.work.reading_count, 0);
	wanted[0] = name;
	kafka_driver.let_go(bench.work.held);
	bench.work.held = NULL;
	read_lag();
	assert_true(lag(name, 0) == 1);
}

static void test_lag_of_a_group_without_a_name_is_a_problem(void **state)
{
	struct template_names *names = template_names_new();
	uint32_t slot;

	(void)state;
	assert_int_equal(template_names_add(names, "part", &slot), 0);
	template_free(bench.group.value);
	assert_int_equal(template_compile("g-{{part}}", names, NULL, &bench.group.value), 0);
	template_names_free(names);
	bench.duty.lag.groups = (struct template_pairs){.items = &bench.group, .count = 1};
	assert_string_equal(perform(DUTY_READER, DUTY_TASK_LAG), "{{part}} is not set");
}

/* ---- the cluster ---- */

static void check_cluster(double under_replicated, double offline, double isr_changes, double leader_changes)
{
	assert_true(reading(METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS, "") == under_replicated);
	assert_true(reading(METRIC_KAFKA_OFFLINE_PARTITIONS, "") == offline);
	assert_true(reading(METRIC_KAFKA_ISR_CHANGES, "") == isr_changes);
	assert_true(reading(METRIC_KAFKA_LEADER_CHANGES, "") == leader_changes);
}

static void test_cluster_tells_leaders_that_changed_since_the_reading_before(void **state)
{
	(void)state;
	assert_int_equal(rd_kafka_mock_topic_create(cluster, name, PARTITIONS, BROKERS), 0);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_mock_partition_set_leader(cluster, name, i, 1);
	assert_string_equal(perform(DUTY_READER, DUTY_TASK_CLUSTER), "");
	check_cluster(0, 0, 0, 0);
	rd_kafka_mock_partition_set_leader(cluster, name, 0, 2);
	rd_kafka_mock_partition_set_leader(cluster, name, 1, 3);
	assert_string_equal(perform(DUTY_READER, DUTY_TASK_CLUSTER), "");
	check_cluster(0, 0, 0, 2);
	rd_kafka_mock_partition_set_leader(cluster, name, 2, -1);
	assert_string_equal(perform(DUTY_READER, DUTY_TASK_CLUSTER), "");
	check_cluster(0, 1, 0, 1);
	assert_string_equal(perform(DUTY_READER, DUTY_TASK_CLUSTER), "");
	check_cluster(0, 1, 0, 0);
}

static void test_cluster_out_of_reach_is_a_problem_in_words(void **state)
{
	(void)state;
	bench.target.kafka.brokers = (char *)"127.0.0.1:1";
	perform(DUTY_READER, DUTY_TASK_CLUSTER);
	assert_non_null(strstr(bench.work.problem, "the cluster can't be read: "));
	if (!strstr(bench.work.problem, "127.0.0.1:1"))
		fail_msg("%s", bench.work.problem);
	assert_int_equal(bench.work.reading_count, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct CMUnitTest anywhere[] = {
        TEST(test_topics_of_a_cluster_out_of_reach_are_given_up_when_cancelled),
        TEST(test_lag_of_a_group_without_a_name_is_a_problem),
        TEST(test_cluster_out_of_reach_is_a_problem_in_words),
};

/* Of the mock cluster alone: brokers can be told what to do. */
static const struct CMUnitTest on_the_mock[] = {
        TEST(test_topics_that_brokers_make_when_asked_for_are_enough),
        TEST(test_cluster_tells_leaders_that_changed_since_the_reading_before),
};

/* What the mock cluster cannot do. */
static const struct CMUnitTest on_brokers[] = {
        TEST(test_topics_are_made_and_deleted_as_the_plan_says), TEST(test_topics_that_are_there_stay_as_they_are),
        TEST(test_topics_that_cannot_be_made_fail_the_setup),    TEST(test_lag_is_what_a_group_has_not_committed),
        TEST(test_lag_is_of_the_topics_that_are_named),
};

int main(void)
{
	int failed = cmocka_run_group_tests(anywhere, start_cluster, stop_cluster);

	if (getenv("STAMPEDE_TEST_BROKERS"))
		return failed + cmocka_run_group_tests(on_brokers, start_cluster, stop_cluster);
	return failed + cmocka_run_group_tests(on_the_mock, start_cluster, stop_cluster);
}
