/* SPDX-License-Identifier: Apache-2.0 */
/* The consumers of a driver. */
#include "agent/drivers/kafka/consumers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/consumer.h"
#include "agent/drivers/kafka/consumer_client.h"
#include "agent/drivers/kit/step_map.h"
#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/stats/stamp.h"

/* Of a VU. */
struct driver_session {
	struct driver_session *next, *previous; /* of the driver's */
	uint64_t vu;                            /* from 1 */
	uint32_t index;                         /* of the VU in its scenario, of so many */
	uint32_t count;
	struct consumer *items[]; /* by the step's number; NULL: not made yet */
};

struct consumers {
	const struct driver_config *config;
	struct step_map map;
	struct stamp_sight sight;
	struct driver_session *sessions;
	uint32_t made;
	struct consumer_client **leaving; /* being closed */
	size_t leaving_count, leaving_capacity;
	struct buffer group_id;
};

DEFINE_CLEANUP(struct consumers *, consumers_free)

/* What of the plan's messages carry stamps, on whatever target: two of them may be one cluster. */
static int see_stamps(struct stamp_sight *sight, const struct driver_config *config)
{
	for (uint32_t i = 0; i < config->plan->scenario_count; i++) {
		const struct scenario *scenario = &config->plan->scenarios[i];

		for (uint32_t j = 0; j < scenario->step_count; j++) {
			const struct step *step = &scenario->steps[j];

			if (step->kind != STEP_PRODUCE)
				continue;
			sight->heads |= step->produce.stamp == STAMP_HEAD;
			sight->headers |= step->produce.stamp == STAMP_HEADERS;
		}
	}
	return sight->heads || sight->headers ? stamp_tag(config->run_id, sight->tag) : 0;
}

int consumers_new(const struct driver_config *config, struct consumers **ret_consumers)
{
	cleanup(consumers_freep) struct consumers *consumers = calloc(1, sizeof(*consumers));
	int r;

	if (!consumers)
		return -ENOMEM;
	consumers->config = config;
	r = step_map_init(&consumers->map, config->plan, config->target, STEP_CONSUME);
	if (r == 0 && consumers->map.count > 0)
		r = see_stamps(&consumers->sight, config);
	if (r < 0)
		return r;
	*ret_consumers = steal(consumers);
	return 0;
}

struct consumers *consumers_free(struct consumers *consumers)
{
	if (!consumers)
		return NULL;
	assert(!consumers->sessions);
	for (size_t i = 0; i < consumers->leaving_count; i++)
		consumer_client_free(consumers->leaving[i]);
	free(consumers->leaving);
	step_map_deinit(&consumers->map);
	buffer_deinit(&consumers->group_id);
	free(consumers);
	return NULL;
}

/* Sessions. */

/* The VU's scenario, and its index in it. PLAN_NONE: there is no such VU. */
static uint32_t scenario_of(const struct plan *plan, uint64_t vu, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		uint64_t base = plan_vu_base(plan, i);

		if (vu > base && vu - base <= scenario_max_vus(&plan->scenarios[i])) {
			*ret_index = (uint32_t)(vu - base - 1);
			return i;
		}
	}
	return PLAN_NONE;
}

static _Bool consumes(const struct consumers *consumers, const struct scenario *scenario)
{
	for (uint32_t i = 0; i < consumers->map.count; i++)
		if (consumers->map.steps[i] >= scenario->steps &&
		    consumers->map.steps[i] < scenario->steps + scenario->step_count)
			return 1;
	return 0;
}

int consumers_session_open(struct consumers *consumers, uint64_t vu, struct driver_session **ret_session)
{
	const struct plan *plan = consumers->config->plan;
	uint32_t index = 0, scenario = scenario_of(plan, vu, &index);
	struct driver_session *session;

	if (scenario == PLAN_NONE || !consumes(consumers, &plan->scenarios[scenario])) {
		*ret_session = NULL;
		return 0;
	}
	session = calloc(1, sizeof(*session) + consumers->map.count * sizeof(struct consumer *));
	if (!session)
		return -ENOMEM;
	session->vu = vu;
	session->index = index;
	session->count = scenario_max_vus(&plan->scenarios[scenario]);
	session->next = consumers->sessions;
	if (session->next)
		session->next->previous = session;
	consumers->sessions = session;
	*ret_session = session;
	return 0;
}

/* Those that are closed by now needn't be kept. */
static void forget_closed(struct consumers *consumers)
{
	size_t left = 0;

	for (size_t i = 0; i < consumers->leaving_count; i++) {
		struct consumer_client *client = consumers->leaving[i];

		if (consumer_client_state(client) == CLIENT_CLOSED)
			consumer_client_free(client);
		else
			consumers->leaving[left++] = client;
	}
	consumers->leaving_count = left;
}

static void leave(struct consumers *consumers, struct consumer *consumer)
{
	struct consumer_client *client = consumer_close(consumer);

	forget_closed(consumers);
	if (array_reserve(&consumers->leaving, &consumers->leaving_capacity, consumers->leaving_count,
	                  sizeof(struct consumer_client *)) < 0)
		consumer_client_free(client); /* here and now */
	else
		consumers->leaving[consumers->leaving_count++] = client;
}

void consumers_session_close(struct consumers *consumers, struct driver_session *session)
{
	if (!session)
		return;
	for (uint32_t i = 0; i < consumers->map.count; i++)
		if (session->items[i])
			leave(consumers, session->items[i]);
	if (session->next)
		session->next->previous = session->previous;
	if (session->previous)
		session->previous->next = session->next;
	else
		consumers->sessions = session->next;
	free(session);
}

/* Operations. */

/* The group's name, or one of its own for a consumer without a group. */
static int name_group(struct consumers *consumers, const struct operation *operation, const char **ret_missing)
{
	const struct template *group_id = operation->step->consume.group_id;

	buffer_clear(&consumers->group_id);
	if (group_id)
		return template_render(group_id, operation->scope, &consumers->group_id, ret_missing);
	return buffer_append_format(&consumers->group_id, "stampede-%s-%llu", consumers->config->run_id,
	                            (unsigned long long)operation->session->vu);
}

static int refuse(struct operation *operation, int error, const struct failure *failure)
{
	if (error == -ENOMEM)
		return error;
	operation_fail(operation, ERROR_CLIENT, "_INVALID_ARG", "%s", failure->text);
	return SUBMIT_FAILED;
}

/* Makes the VU's consumer: 0, SUBMIT_FAILED or -ENOMEM. */
static int make_consumer(struct consumers *consumers, struct operation *operation, struct consumer **ret_consumer)
{
	struct consumer_config config = {
	        .driver = consumers->config,
	        .step = &operation->step->consume,
	        .sight = &consumers->sight,
	        .index = operation->session->index,
	        .count = operation->session->count,
	        .watches = consumers->config->gauge && consumers->made < BROKER_VIEW_CLIENTS,
	};
	struct failure failure = {0};
	const char *missing = "";
	int r = name_group(consumers, operation, &missing);

	if (r == -ENOKEY) {
		operation_fail(operation, ERROR_DATA, "TEMPLATE", "{{%s}} is not set", missing);
		return SUBMIT_FAILED;
	}
	config.group_id = buffer_text(&consumers->group_id);
	if (r < 0 || !config.group_id)
		return -ENOMEM;
	r = consumer_new(&config, &failure, ret_consumer);
	if (r < 0)
		return refuse(operation, r, &failure);
	consumers->made++;
	return 0;
}

int consumers_submit(struct consumers *consumers, struct operation *operation)
{
	struct consumer **consumer = &operation->session->items[step_map_find(&consumers->map, operation->step)];
	int r = *consumer ? 0 : make_consumer(consumers, operation, consumer);

	if (r == 0)
		r = consumer_poll(*consumer, operation);
	return r;
}

void consumers_cancel(struct consumers *consumers, struct operation *operation)
{
	struct consumer *consumer = operation->session->items[step_map_find(&consumers->map, operation->step)];

	if (consumer_operation(consumer) == operation)
		consumer_cancel(consumer);
}

uint64_t consumers_in_flight(const struct consumers *consumers)
{
	uint64_t count = 0;

	for (const struct driver_session *session = consumers->sessions; session; session = session->next)
		for (uint32_t i = 0; i < consumers->map.count; i++)
			count += session->items[i] && consumer_operation(session->items[i]);
	return count;
}

void consumers_abandon(struct consumers *consumers)
{
	for (struct driver_session *session = consumers->sessions; session; session = session->next)
		for (uint32_t i = 0; i < consumers->map.count; i++)
			if (session->items[i])
				consumer_cancel(session->items[i]);
}
