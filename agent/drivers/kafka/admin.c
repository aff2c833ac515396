/* SPDX-License-Identifier: Apache-2.0 */
/* The topics that a target names: made before the run, deleted after it.
 *
 * A setup can be performed again (its agent was lost, or the run resumed), so a topic that is there is none to complain
 * of. A cluster without a controller (librdkafka's mock) can make none, but may do so when it is asked for one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/kafka/duty.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

enum { BROKER_MS = 20000, ANSWER_MS = 40000, METADATA_MS = 2000, LOOK_MS = 100, CONTROLLER_TRIES = 10 };
#define USABLE_PATIENCE_NS (30 * NS_PER_S)

/* An open client, with a queue for its answers. */
struct admin {
	const struct driver_config *config;
	struct duty_work *work;
	struct client client;
	rd_kafka_queue_t *queue;
	rd_kafka_AdminOptions_t *options;
};

static void close_admin(struct admin *admin)
{
	if (admin->options)
		rd_kafka_AdminOptions_destroy(admin->options);
	if (admin->queue)
		rd_kafka_queue_destroy(admin->queue);
	client_close(&admin->client);
}

static _Bool open_admin(struct admin *admin, rd_kafka_admin_op_t operation)
{
	struct failure failure = {0};

	if (client_open(&admin->client, admin->config, NULL, &failure) < 0) {
		duty_work_fail(admin->work, "%s", failure.text);
		return 0;
	}
	admin->queue = rd_kafka_queue_new(admin->client.handle);
	admin->options = rd_kafka_AdminOptions_new(admin->client.handle, operation);
	rd_kafka_AdminOptions_set_request_timeout(admin->options, ANSWER_MS - 1000, NULL, 0);
	rd_kafka_AdminOptions_set_operation_timeout(admin->options, BROKER_MS, NULL, 0);
	return 1;
}

static _Bool has_broker(const struct rd_kafka_metadata *metadata, int32_t id)
{
	for (int i = 0; i < metadata->broker_cnt; i++)
		if (metadata->brokers[i].id == id)
			return 1;
	return 0;
}

/* Whether the cluster can be asked for what topics are; where it doesn't answer the problem is told. */
static _Bool has_controller(struct admin *admin)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
	_Bool found = 0;

	for (int i = 0; error && i < CONTROLLER_TRIES && !duty_is_cancelled(admin->work, 0); i++) {
		int32_t controller = rd_kafka_controllerid(admin->client.handle, METADATA_MS / 2);

		if (controller < 0)
			continue;
		error = rd_kafka_metadata(admin->client.handle, 0, NULL, &metadata, METADATA_MS);
		if (error)
			continue;
		found = has_broker(metadata, controller);
		rd_kafka_metadata_destroy(metadata);
	}
	client_poll(&admin->client);
	if (error)
		duty_fail(admin->work, &admin->client, "no controller", error, NULL);
	else if (!found)
		log_write(admin->config->log, LOG_WARNING,
		          "target %s has no controller: its topics can be neither made nor deleted",
		          admin->config->target->name);
	return found;
}

/* The answer to what was asked, or NULL: then the problem is told. */
static rd_kafka_event_t *await_answer(struct admin *admin, const char *what)
{
	rd_kafka_event_t *event = duty_await_event(admin->work, admin->queue, ANSWER_MS);

	client_poll(&admin->client);
	if (event && !rd_kafka_event_error(event))
		return event;
	duty_fail(admin->work, &admin->client, what, event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT,
	          event ? rd_kafka_event_error_string(event) : NULL);
	if (event)
		rd_kafka_event_destroy(event);
	return NULL;
}

/* ---- making ---- */

static rd_kafka_NewTopic_t *describe_topic(const struct kafka_topic *topic, char *problem, size_t size)
{
	/* -1: the brokers' default. */
	rd_kafka_NewTopic_t *made =
	        rd_kafka_NewTopic_new(topic->name, topic->partitions ? (int)topic->partitions : -1,
	                              topic->replication_factor ? (int)topic->replication_factor : -1, problem, size);

	for (uint32_t i = 0; made && i < topic->config.count; i++)
		rd_kafka_NewTopic_set_config(made, topic->config.items[i].name, topic->config.items[i].value);
	return made;
}

static void tell_results(struct admin *admin, const rd_kafka_topic_result_t **results, size_t count,
                         rd_kafka_resp_err_t harmless)
{
	for (size_t i = 0; i < count; i++) {
		rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
		const char *text = rd_kafka_topic_result_error_string(results[i]);
		char what[300];

		if (!error || error == harmless || admin->work->problem[0])
			continue;
		snprintf(what, sizeof(what), "topic %s", rd_kafka_topic_result_name(results[i]));
		duty_fail(admin->work, &admin->client, what, error, text);
	}
}

static void create(struct admin *admin, rd_kafka_NewTopic_t **topics, size_t count)
{
	rd_kafka_event_t *event;
	const rd_kafka_topic_result_t **results;

	rd_kafka_CreateTopics(admin->client.handle, topics, count, admin->options, admin->queue);
	event = await_answer(admin, "topics can't be made");
	if (!event)
		return;
	results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
	tell_results(admin, results, count, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
	rd_kafka_event_destroy(event);
}

static int create_all(struct admin *admin, const struct kafka_target *kafka)
{
	cleanup(cleanup_free) rd_kafka_NewTopic_t **topics = calloc(kafka->topic_count, sizeof(*topics));
	char problem[256];
	size_t count = 0;

	if (!topics)
		return -ENOMEM;
	for (uint32_t i = 0; i < kafka->topic_count && !admin->work->problem[0]; i++) {
		topics[count] = describe_topic(&kafka->topics[i], problem, sizeof(problem));
		if (topics[count])
			count++;
		else
			duty_work_fail(admin->work, "topic %.100s: %.120s", kafka->topics[i].name, problem);
	}
	if (!admin->work->problem[0] && has_controller(admin))
		create(admin, topics, count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_NewTopic_destroy(topics[i]);
	return 0;
}

/* ---- waiting until they are there ---- */

static _Bool is_usable(const rd_kafka_metadata_topic_t *topic)
{
	for (int i = 0; i < topic->partition_cnt; i++)
		if (topic->partitions[i].leader < 0)
			return 0;
	return !topic->err && topic->partition_cnt > 0;
}

static void compare(const struct admin *admin, const struct kafka_topic *topic, const rd_kafka_metadata_topic_t *found)
{
	if (topic->partitions && (int)topic->partitions != found->partition_cnt)
		log_write(admin->config->log, LOG_WARNING, "topic %s has %d partitions, and the plan says %u",
		          topic->name, found->partition_cnt, topic->partitions);
	if (topic->replication_factor && (int)topic->replication_factor != found->partitions[0].replica_cnt)
		log_write(admin->config->log, LOG_WARNING, "topic %s has %d replicas, and the plan says %u",
		          topic->name, found->partitions[0].replica_cnt, topic->replication_factor);
}

/* False: not yet. */
static _Bool look_at(struct admin *admin, const struct kafka_topic *topic)
{
	const struct rd_kafka_metadata *metadata;
	_Bool usable;

	if (client_topic(&admin->client, topic->name, METADATA_MS, &metadata))
		return 0;
	usable = metadata->topic_cnt == 1 && is_usable(&metadata->topics[0]);
	if (usable)
		compare(admin, topic, &metadata->topics[0]);
	rd_kafka_metadata_destroy(metadata);
	return usable;
}

static void await_topics(struct admin *admin, const struct kafka_target *kafka)
{
	uint64_t deadline_ns = clock_now_ns() + USABLE_PATIENCE_NS;

	for (uint32_t i = 0; i < kafka->topic_count; i++) {
		while (!look_at(admin, &kafka->topics[i])) {
			if (duty_is_cancelled(admin->work, LOOK_MS))
				return;
			if (clock_now_ns() < deadline_ns)
				continue;
			duty_work_fail(admin->work, "topic %.150s isn't there, or has partitions without a leader",
			               kafka->topics[i].name);
			return;
		}
	}
}

int admin_make_topics(const struct driver_config *config, struct duty_work *work)
{
	struct admin admin = {.config = config, .work = work};
	int r = 0;

	if (open_admin(&admin, RD_KAFKA_ADMIN_OP_CREATETOPICS)) {
		r = create_all(&admin, &config->target->kafka);
		if (r == 0 && !work->problem[0])
			await_topics(&admin, &config->target->kafka);
	}
	close_admin(&admin);
	return r;
}

/* ---- deleting ---- */

static void delete_some(struct admin *admin, rd_kafka_DeleteTopic_t **topics, size_t count)
{
	rd_kafka_event_t *event;
	const rd_kafka_topic_result_t **results;

	rd_kafka_DeleteTopics(admin->client.handle, topics, count, admin->options, admin->queue);
	event = await_answer(admin, "topics can't be deleted");
	if (!event)
		return;
	results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
	tell_results(admin, results, count, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	rd_kafka_event_destroy(event);
}

static int delete_all(struct admin *admin, const struct kafka_target *kafka)
{
	cleanup(cleanup_free) rd_kafka_DeleteTopic_t **topics = calloc(kafka->topic_count + 1, sizeof(*topics));
	size_t count = 0;

	if (!topics)
		return -ENOMEM;
	for (uint32_t i = 0; i < kafka->topic_count; i++)
		if (kafka->topics[i].after == TOPIC_DELETE)
			topics[count++] = rd_kafka_DeleteTopic_new(kafka->topics[i].name);
	if (count > 0 && has_controller(admin))
		delete_some(admin, topics, count);
	rd_kafka_DeleteTopic_destroy_array(topics, count);
	return 0;
}

int admin_delete_topics(const struct driver_config *config, struct duty_work *work)
{
	struct admin admin = {.config = config, .work = work};
	int r = 0;

	if (open_admin(&admin, RD_KAFKA_ADMIN_OP_DELETETOPICS))
		r = delete_all(&admin, &config->target->kafka);
	close_admin(&admin);
	return r;
}
