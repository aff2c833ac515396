/* SPDX-License-Identifier: Apache-2.0 */
/* How far consumer groups are behind: what they have committed, against the ends of their partitions.
 *
 * Each reading asks the groups' coordinators for what they have committed, then the leaders for the ends of all
 * partitions at once: what happens between the two makes a lag greater, never smaller. A group has a client of its own,
 * which is no member of it: librdkafka's other way of asking, by its admin client, ends the process when a coordinator
 * doesn't answer in time (an assertion of 2.0.2's).
 *
 * Which partitions there are is looked up now and then; where they are many, only those that the group had committed
 * are asked for until the next look. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/kafka/duty.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

enum { ASK_MS = 1000, FIRST_TRIES = 10, FEW_PARTITIONS = 1000, LABEL_SIZE = 768 };
#define LOOK_NS (5 * NS_PER_S)

typedef rd_kafka_topic_partition_list_t list;

struct group {
	char *name;
	struct client client;
	list *asked;     /* partitions */
	list *committed; /* of them, by the present reading; NULL: not known */
	_Bool answered;  /* ever */
};

struct lag {
	struct held held; /* its client asks for partitions and their ends */
	struct group *groups;
	uint32_t group_count;
	uint64_t next_look_ns;
};

static list *list_free(list *partitions)
{
	if (partitions)
		rd_kafka_topic_partition_list_destroy(partitions);
	return NULL;
}

/* ---- partitions ---- */

static void add_partitions(list *all, const rd_kafka_metadata_topic_t *topic)
{
	for (int i = 0; i < topic->partition_cnt; i++)
		rd_kafka_topic_partition_list_add(all, topic->topic, topic->partitions[i].id);
}

static rd_kafka_resp_err_t find_named(struct lag *lag, const struct texts *topics, list *all)
{
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (uint32_t i = 0; !error && i < topics->count; i++) {
		const struct rd_kafka_metadata *metadata;

		error = client_topic(&lag->held.client, topics->items[i], ASK_MS, &metadata);
		if (error)
			return error;
		if (metadata->topic_cnt == 1)
			add_partitions(all, &metadata->topics[0]);
		rd_kafka_metadata_destroy(metadata);
	}
	return error;
}

/* All but Kafka's own. */
static rd_kafka_resp_err_t find_any(struct lag *lag, list *all)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(lag->held.client.handle, 1, NULL, &metadata, ASK_MS);

	if (error)
		return error;
	for (int i = 0; i < metadata->topic_cnt; i++)
		if (strncmp(metadata->topics[i].topic, "__", 2) != 0)
			add_partitions(all, &metadata->topics[i]);
	rd_kafka_metadata_destroy(metadata);
	return error;
}

static void look(struct lag *lag, struct duty_work *work)
{
	const struct texts *topics = &work->duty->lag.topics;
	list *all = rd_kafka_topic_partition_list_new(16);
	rd_kafka_resp_err_t error = topics->count > 0 ? find_named(lag, topics, all) : find_any(lag, all);

	if (error) {
		duty_fail(work, &lag->held.client, "the topics' partitions", error, NULL);
	} else {
		lag->next_look_ns = clock_now_ns() + LOOK_NS;
		for (uint32_t i = 0; i < lag->group_count; i++) {
			list_free(lag->groups[i].asked);
			lag->groups[i].asked = rd_kafka_topic_partition_list_copy(all);
		}
	}
	list_free(all);
}

/* ---- what is committed ---- */

static void keep_committed(struct group *group, const list *answer)
{
	group->committed = rd_kafka_topic_partition_list_new(answer->cnt + 1);
	for (int i = 0; i < answer->cnt; i++) {
		const rd_kafka_topic_partition_t *item = &answer->elems[i];

		if (!item->err && item->offset >= 0)
			rd_kafka_topic_partition_list_add(group->committed, item->topic, item->partition)->offset =
			        item->offset;
	}
	if (group->asked->cnt <= FEW_PARTITIONS)
		return;
	list_free(group->asked);
	group->asked = rd_kafka_topic_partition_list_copy(group->committed);
}

/* A new client first finds out who coordinates the group, which takes librdkafka some seconds. */
static rd_kafka_resp_err_t ask(struct group *group, const struct duty_work *work, list *answer)
{
	int tries = group->answered ? 1 : FIRST_TRIES;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;

	if (answer->cnt == 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	for (int i = 0; error == RD_KAFKA_RESP_ERR__TIMED_OUT && i < tries && !duty_is_cancelled(work, 0); i++)
		error = rd_kafka_committed(group->client.handle, answer, ASK_MS);
	client_poll(&group->client);
	return error;
}

static void ask_group(struct group *group, struct duty_work *work)
{
	rd_kafka_resp_err_t error;
	char what[300];
	list *answer;

	group->committed = list_free(group->committed);
	if (!group->asked)
		return;
	answer = rd_kafka_topic_partition_list_copy(group->asked);
	error = ask(group, work, answer);
	if (!error)
		keep_committed(group, answer);
	group->answered |= !error && answer->cnt > 0;
	list_free(answer);
	snprintf(what, sizeof(what), "group %.200s", group->name);
	if (error && !work->problem[0])
		duty_fail(work, &group->client, what, error, NULL);
}

/* ---- lags ---- */

static int tell_group(const struct group *group, list *ends, struct duty_work *work)
{
	char label[LABEL_SIZE];
	_Bool whole = 1;
	double sum = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < group->committed->cnt; i++) {
		const rd_kafka_topic_partition_t *item = &group->committed->elems[i];
		const rd_kafka_topic_partition_t *end =
		        rd_kafka_topic_partition_list_find(ends, item->topic, item->partition);
		double lag;

		if (!end || end->err || end->offset < 0) {
			whole = 0;
			continue;
		}
		lag = end->offset > item->offset ? (double)(end->offset - item->offset) : 0;
		sum += lag;
		snprintf(label, sizeof(label), "%s/%s/%d", group->name, item->topic, (int)item->partition);
		r = duty_work_reading(work, METRIC_KAFKA_CONSUMER_LAG, label, lag);
	}
	if (r < 0 || !whole || group->committed->cnt == 0)
		return r;
	return duty_work_reading(work, METRIC_KAFKA_CONSUMER_LAG, group->name, sum);
}

/* The partitions of which ends are needed, each once. */
static list *gather(const struct lag *lag)
{
	list *ends = rd_kafka_topic_partition_list_new(16);

	for (uint32_t i = 0; i < lag->group_count; i++) {
		const list *committed = lag->groups[i].committed;

		for (int j = 0; committed && j < committed->cnt; j++)
			rd_kafka_topic_partition_list_add(ends, committed->elems[j].topic,
			                                  committed->elems[j].partition)
			        ->offset = RD_KAFKA_OFFSET_END;
		if (i == 0 || !committed)
			continue;
		rd_kafka_topic_partition_list_sort(ends, NULL, NULL);
		for (int j = ends->cnt - 1; j > 0; j--)
			if (ends->elems[j].partition == ends->elems[j - 1].partition &&
			    strcmp(ends->elems[j].topic, ends->elems[j - 1].topic) == 0)
				rd_kafka_topic_partition_list_del_by_idx(ends, j);
	}
	return ends;
}

static int tell_all(struct lag *lag, struct duty_work *work)
{
	struct client *client = &lag->held.client;
	list *ends = gather(lag);
	rd_kafka_resp_err_t error = client_offsets(client, ends, ASK_MS);
	int r = 0;

	client_poll(client);
	for (int i = 0; !error && i < ends->cnt; i++)
		if (ends->elems[i].err && !work->problem[0])
			duty_fail(work, client, ends->elems[i].topic, ends->elems[i].err, NULL);
	if (error && !work->problem[0])
		duty_fail(work, client, "the partitions' ends", error, NULL);
	for (uint32_t i = 0; !error && r == 0 && i < lag->group_count; i++)
		if (lag->groups[i].committed)
			r = tell_group(&lag->groups[i], ends, work);
	list_free(ends);
	return r;
}

/* ---- the reader ---- */

static void release(struct held *held)
{
	struct lag *lag = (struct lag *)held;

	for (uint32_t i = 0; i < lag->group_count; i++) {
		struct group *group = &lag->groups[i];

		client_close(&group->client);
		list_free(group->asked);
		list_free(group->committed);
		free(group->name);
	}
	client_close(&held->client);
	free(lag->groups);
	free(lag);
}

/* 0, or a negative errno; the problem is told unless there is no memory. */
static int open_group(struct group *group, const struct template *template, const struct driver_config *config,
                      struct duty_work *work)
{
	cleanup_buffer struct buffer name = {0};
	const char *missing = "";
	struct failure failure = {0};
	int r = template_render(template, work->scope, &name, &missing);

	if (r == -ENOKEY)
		duty_work_fail(work, "{{%s}} is not set", missing);
	if (r < 0)
		return r;
	group->name = strdup(buffer_text(&name) ? buffer_text(&name) : "");
	if (!group->name)
		return -ENOMEM;
	r = client_open(&group->client, config,
	                (const struct client_property[]){{"group.id", group->name}, {NULL, NULL}}, &failure);
	if (r < 0)
		duty_work_fail(work, "group %.100s: %.140s", group->name, failure.text);
	return r;
}

static int open_clients(struct lag *lag, const struct driver_config *config, struct duty_work *work)
{
	static const struct client_property all[] = {{"isolation.level", "read_uncommitted"}, {NULL, NULL}};
	const struct template_pairs *groups = &work->duty->lag.groups;
	struct failure failure = {0};
	int r = client_open(&lag->held.client, config, all, &failure);

	if (r < 0)
		duty_work_fail(work, "%s", failure.text);
	lag->groups = calloc(groups->count + 1, sizeof(*lag->groups));
	if (!lag->groups)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < groups->count; i++)
		r = open_group(&lag->groups[lag->group_count++], groups->items[i].value, config, work);
	return r;
}

static struct lag *open_lag(const struct driver_config *config, struct duty_work *work)
{
	struct lag *lag = calloc(1, sizeof(*lag));

	if (!lag)
		return NULL;
	lag->held.release = release;
	if (open_clients(lag, config, work) == 0)
		return lag;
	release(&lag->held);
	return NULL;
}

int lag_read(const struct driver_config *config, struct duty_work *work)
{
	struct lag *lag;

	if (!work->held)
		work->held = open_lag(config, work);
	if (!work->held)
		return work->problem[0] ? 0 : -ENOMEM;
	lag = work->held;
	if (clock_now_ns() >= lag->next_look_ns)
		look(lag, work);
	for (uint32_t i = 0; i < lag->group_count && !duty_is_cancelled(work, 0); i++)
		ask_group(&lag->groups[i], work);
	return duty_is_cancelled(work, 0) ? 0 : tell_all(lag, work);
}
