/* SPDX-License-Identifier: Apache-2.0 */
/* How far consumer groups are behind: what they have committed, against the ends of their partitions.
 *
 * Each reading asks the groups' coordinators for all that they have committed, then the leaders for the ends of all
 * partitions at once: what happens between the two makes a lag greater, never smaller. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/kafka/duty.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"

enum { ANSWER_MS = 5000, ENDS_MS = 2000, LABEL_SIZE = 768 };

struct lag {
	struct held held;
	rd_kafka_queue_t *queue;
	uintptr_t readings; /* so far */
};

/* One reading. */
struct look {
	struct lag *lag;
	struct duty_work *work;
	char **groups;                               /* their names */
	rd_kafka_topic_partition_list_t **committed; /* by group; NULL: not known */
	uint32_t group_count;
	rd_kafka_topic_partition_list_t *ends;
};

/* ---- groups ---- */

static int render_groups(struct look *look)
{
	const struct template_pairs *groups = &look->work->duty->lag.groups;
	int r = 0;

	look->groups = calloc(groups->count + 1, sizeof(*look->groups));
	look->committed = calloc(groups->count + 1, sizeof(*look->committed));
	if (!look->groups || !look->committed)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < groups->count; i++) {
		cleanup_buffer struct buffer name = {0};
		const char *missing = "";

		r = template_render(groups->items[i].value, look->work->scope, &name, &missing);
		if (r == -ENOKEY)
			duty_work_fail(look->work, "{{%s}} is not set", missing);
		if (r < 0)
			return r == -ENOKEY ? 0 : r;
		look->groups[i] = strdup(buffer_text(&name) ? buffer_text(&name) : "");
		r = look->groups[i] ? 0 : -ENOMEM;
		look->group_count += r == 0;
	}
	return r;
}

static void ask_group(struct look *look, const char *group, uint32_t number)
{
	rd_kafka_t *handle = look->lag->held.client.handle;
	rd_kafka_ListConsumerGroupOffsets_t *request = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
	rd_kafka_AdminOptions_t *options =
	        rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);

	rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS - 500, NULL, 0);
	rd_kafka_AdminOptions_set_opaque(options, (void *)(look->lag->readings * LIMIT_GROUP_IDS + number));
	rd_kafka_ListConsumerGroupOffsets(handle, &request, 1, options, look->lag->queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ListConsumerGroupOffsets_destroy(request);
}

static _Bool is_wanted(const struct look *look, const char *topic)
{
	const struct texts *topics = &look->work->duty->lag.topics;

	for (uint32_t i = 0; i < topics->count; i++)
		if (strcmp(topics->items[i], topic) == 0)
			return 1;
	return topics->count == 0;
}

static void take_committed(struct look *look, uint32_t group, const rd_kafka_topic_partition_list_t *list)
{
	look->committed[group] = rd_kafka_topic_partition_list_new(list->cnt);
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *item = &list->elems[i];

		if (item->err || item->offset < 0 || !is_wanted(look, item->topic))
			continue;
		rd_kafka_topic_partition_list_add(look->committed[group], item->topic, item->partition)->offset =
		        item->offset;
		if (!rd_kafka_topic_partition_list_find(look->ends, item->topic, item->partition))
			rd_kafka_topic_partition_list_add(look->ends, item->topic, item->partition)->offset =
			        RD_KAFKA_OFFSET_END;
	}
}

static void fail_group(struct look *look, uint32_t group, rd_kafka_resp_err_t error, const char *text)
{
	char what[300];

	snprintf(what, sizeof(what), "group %.200s", look->groups[group]);
	if (!look->work->problem[0])
		duty_fail(look->work, &look->lag->held.client, what, error, text);
}

static void take_group(struct look *look, rd_kafka_event_t *event)
{
	uint32_t group = (uint32_t)((uintptr_t)rd_kafka_event_opaque(event) % LIMIT_GROUP_IDS);
	const rd_kafka_group_result_t **results;
	const rd_kafka_error_t *error;
	size_t count;

	if (rd_kafka_event_error(event)) {
		fail_group(look, group, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
		return;
	}
	results = rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event),
	                                                          &count);
	error = count > 0 ? rd_kafka_group_result_error(results[0]) : NULL;
	if (error)
		fail_group(look, group, rd_kafka_error_code(error), rd_kafka_error_string(error));
	else if (count > 0)
		take_committed(look, group, rd_kafka_group_result_partitions(results[0]));
}

/* True if it answers a question of this reading, not one that was given up. */
static _Bool is_of_now(const struct look *look, rd_kafka_event_t *event)
{
	return (uintptr_t)rd_kafka_event_opaque(event) / LIMIT_GROUP_IDS == look->lag->readings;
}

static void ask_groups(struct look *look)
{
	uint32_t answered = 0;

	look->lag->readings++;
	for (uint32_t i = 0; i < look->group_count; i++)
		ask_group(look, look->groups[i], i);
	while (answered < look->group_count) {
		rd_kafka_event_t *event = duty_await_event(look->work, look->lag->queue, ANSWER_MS);

		if (!event)
			return;
		if (is_of_now(look, event)) {
			take_group(look, event);
			answered++;
		}
		rd_kafka_event_destroy(event);
	}
}

/* ---- lags ---- */

static int tell_group(struct look *look, uint32_t group)
{
	const rd_kafka_topic_partition_list_t *list = look->committed[group];
	char label[LABEL_SIZE];
	_Bool whole = 1;
	double sum = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *item = &list->elems[i];
		const rd_kafka_topic_partition_t *end =
		        rd_kafka_topic_partition_list_find(look->ends, item->topic, item->partition);
		double lag;

		if (!end || end->err || end->offset < 0) {
			whole = 0;
			continue;
		}
		lag = end->offset > item->offset ? (double)(end->offset - item->offset) : 0;
		sum += lag;
		snprintf(label, sizeof(label), "%s/%s/%d", look->groups[group], item->topic, (int)item->partition);
		r = duty_work_reading(look->work, METRIC_KAFKA_CONSUMER_LAG, label, lag);
	}
	if (r < 0 || !whole || list->cnt == 0)
		return r;
	return duty_work_reading(look->work, METRIC_KAFKA_CONSUMER_LAG, look->groups[group], sum);
}

static int tell_all(struct look *look)
{
	struct client *client = &look->lag->held.client;
	rd_kafka_resp_err_t error = client_offsets(client, look->ends, ENDS_MS);
	int r = 0;

	for (int i = 0; !error && i < look->ends->cnt; i++)
		if (look->ends->elems[i].err && !look->work->problem[0])
			duty_fail(look->work, client, look->ends->elems[i].topic, look->ends->elems[i].err, NULL);
	if (error && !look->work->problem[0])
		duty_fail(look->work, client, "the ends of partitions", error, NULL);
	for (uint32_t i = 0; !error && r == 0 && i < look->group_count; i++)
		if (look->committed[i])
			r = tell_group(look, i);
	return r;
}

/* ---- the reader ---- */

static void release(struct held *held)
{
	struct lag *lag = (struct lag *)held;

	if (lag->queue)
		rd_kafka_queue_destroy(lag->queue);
	client_close(&held->client);
	free(lag);
}

static struct lag *open_lag(const struct driver_config *config, struct duty_work *work)
{
	/* Of a client without a group librdkafka 2.0.2 crashes where a group's coordinator has moved or is not ready.
	 * It never joins this one. */
	static const struct client_property all[] = {
	        {"isolation.level", "read_uncommitted"}, {"group.id", "stampede-duty"}, {NULL, NULL}};
	struct lag *lag = calloc(1, sizeof(*lag));
	struct failure failure = {0};

	if (!lag)
		return NULL;
	lag->held.release = release;
	if (client_open(&lag->held.client, config, all, &failure) < 0) {
		duty_work_fail(work, "%s", failure.text);
		release(&lag->held);
		return NULL;
	}
	lag->queue = rd_kafka_queue_new(lag->held.client.handle);
	return lag;
}

static void close_look(struct look *look)
{
	for (uint32_t i = 0; i < look->group_count; i++) {
		free(look->groups[i]);
		if (look->committed[i])
			rd_kafka_topic_partition_list_destroy(look->committed[i]);
	}
	rd_kafka_topic_partition_list_destroy(look->ends);
	free(look->groups);
	free(look->committed);
}

int lag_read(const struct driver_config *config, struct duty_work *work)
{
	struct look look = {.work = work};
	int r;

	if (!work->held)
		work->held = open_lag(config, work);
	if (!work->held)
		return work->problem[0] ? 0 : -ENOMEM;
	look.lag = work->held;
	look.ends = rd_kafka_topic_partition_list_new(16);
	r = render_groups(&look);
	if (r == 0 && !work->problem[0]) {
		ask_groups(&look);
		client_poll(&look.lag->held.client);
		r = tell_all(&look);
	}
	close_look(&look);
	return r;
}
