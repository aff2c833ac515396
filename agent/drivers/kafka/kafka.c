/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka driver.
 *
 * A lane is a producer of the plan, and a librdkafka client of its own; where steps ask for different acks or
 * transactions, a client for each kind of them, since both belong to a client. Submit makes the message (composer.c)
 * and hands it over: the operation is in flight until its delivery report (producer.c). */
#include "agent/drivers/kafka/kafka.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/composer.h"
#include "agent/drivers/kafka/consumers.h"
#include "agent/drivers/kafka/duty.h"
#include "agent/drivers/kafka/probe.h"
#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kafka/stream.h"
#include "agent/drivers/kafka/verifier.h"
#include "agent/drivers/kit/step_map.h"
#include "common/base/clock.h"

enum { ACKS_KINDS = 4 }; /* PRODUCE_ACKS_TARGET, -1, 0, 1 */

/* How long opening waits, before T0, for what brokers must do first. */
#define OPEN_PATIENCE_NS (3 * NS_PER_S)

struct driver {
	struct driver_config config;
	struct driver_config unwatched; /* of clients that don't tell of their brokers: there are enough that do */
	struct step_map map;
	const struct step **transactional; /* one of each kind of transactions */
	uint32_t kind_count;               /* of clients: by acks, and behind these by transactions */
	struct producer **producers;       /* by place of the lane, times kind_count, plus kind */
	uint32_t *place_of_lane;           /* by lane: its place among those of the driver */
	uint32_t lane_count;
	uint32_t lane_end;          /* the highest lane's number + 1 */
	struct producer *gathering; /* the producers that have messages for the end of the turn */
	struct consumers *consumers;
	struct composer composer;
	struct sent_log *log; /* NULL: nothing is verified */
	uint32_t clients;     /* made so far */
};

static uint32_t acks_index(int acks)
{
	return (uint32_t)(acks - PRODUCE_ACKS_TARGET);
}

static _Bool same_transactions(const struct transactions *a, const struct transactions *b)
{
	return a->every_messages == b->every_messages && a->every_ns == b->every_ns && a->abort == b->abort;
}

/* That send messages of this step. */
static uint32_t kind_of(const struct driver *driver, const struct produce_step *step)
{
	uint32_t kind = ACKS_KINDS;

	if (!produce_has_transactions(step))
		return acks_index(step->acks);
	while (kind < driver->kind_count &&
	       !same_transactions(&driver->transactional[kind - ACKS_KINDS]->produce.transactions, &step->transactions))
		kind++;
	return kind;
}

static struct producer *producer_of(const struct driver *driver, const struct operation *operation)
{
	assert(operation->lane < driver->lane_end);
	return driver->producers[driver->place_of_lane[operation->lane] * driver->kind_count +
	                         kind_of(driver, &operation->step->produce)];
}

/* Operations. */

static int submit_message(struct driver *driver, struct operation *operation)
{
	const struct produce_step *step = &operation->step->produce;
	struct message message = {
	        .partitioner = step->partitioner,
	        .topic_lasts = template_is_constant(step->topic),
	        .may_gather = !step->await_ack,
	        .step = step_map_find(&driver->map, operation->step),
	};
	struct producer *producer = producer_of(driver, operation);
	const char *missing = "";
	int r;

	if (!producer_takes(producer))
		return SUBMIT_LATER;
	if (step->stamp != STAMP_NONE)
		message.stream = producer_stream(producer, message.step);
	r = composer_make(&driver->composer, operation, &message, &missing);
	if (r == -ENOKEY) {
		operation_fail(operation, ERROR_DATA, "TEMPLATE", "{{%s}} is not set", missing);
		r = SUBMIT_FAILED;
	} else if (r == 0) {
		r = producer_send(producer, &message, operation);
	}
	if (r != SUBMIT_ACCEPTED)
		composer_take_back(&message);
	return r;
}

static int kafka_submit(struct driver *driver, struct operation *operation)
{
	return operation->step->kind == STEP_CONSUME ? consumers_submit(driver->consumers, operation)
	                                             : submit_message(driver, operation);
}

static void kafka_poll(struct driver *driver, uint64_t now_ns)
{
	(void)now_ns;
	producers_flush(&driver->gathering);
}

/* Messages on their way are librdkafka's. */
static void kafka_cancel(struct driver *driver, struct operation *operation)
{
	if (operation->step->kind == STEP_CONSUME)
		consumers_cancel(driver->consumers, operation);
}

static int kafka_session_open(struct driver *driver, uint64_t vu, struct driver_session **ret_session)
{
	return consumers_session_open(driver->consumers, vu, ret_session);
}

static void kafka_session_close(struct driver *driver, struct driver_session *session)
{
	consumers_session_close(driver->consumers, session);
}

static uint64_t kafka_in_flight(const struct driver *driver)
{
	uint64_t sum = consumers_in_flight(driver->consumers);

	for (uint32_t i = 0; i < driver->lane_count * driver->kind_count; i++)
		sum += driver->producers[i] ? producer_in_flight(driver->producers[i]) : 0;
	return sum;
}

static void kafka_drain(struct driver *driver)
{
	for (uint32_t i = 0; i < driver->lane_count * driver->kind_count; i++)
		if (driver->producers[i])
			producer_drain(driver->producers[i]);
}

static int kafka_account(struct driver *driver, struct buffer *buffer)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < driver->lane_count * driver->kind_count; i++)
		r = driver->producers[i] ? producer_error(driver->producers[i]) : 0;
	if (r == 0 && driver->log)
		r = sent_log_take(driver->log, buffer);
	return r < 0 ? r : 0;
}

static void kafka_abandon(struct driver *driver)
{
	consumers_abandon(driver->consumers);
	for (uint32_t i = 0; i < driver->lane_count * driver->kind_count; i++)
		if (driver->producers[i])
			producer_abandon(driver->producers[i]);
}

/* The driver. */

static struct driver *kafka_close(struct driver *driver)
{
	if (!driver)
		return NULL;
	consumers_free(driver->consumers);
	for (uint32_t i = 0; driver->producers && i < driver->lane_count * driver->kind_count; i++)
		producer_free(driver->producers[i]);
	free(driver->producers);
	free(driver->place_of_lane);
	free(driver->transactional);
	sent_log_free(driver->log);
	composer_deinit(&driver->composer);
	step_map_deinit(&driver->map);
	free(driver);
	return NULL;
}

/* Gives the lane a place, without producers. */
static int number_lane(struct driver *driver, uint32_t lane)
{
	size_t count = (size_t)(driver->lane_count + 1) * driver->kind_count;
	struct producer **producers = reallocarray(driver->producers, count, sizeof(*producers));
	uint32_t end = lane >= driver->lane_end ? lane + 1 : driver->lane_end;
	uint32_t *places;

	if (!producers)
		return -ENOMEM;
	driver->producers = producers;
	places = reallocarray(driver->place_of_lane, end, sizeof(*places));
	if (!places)
		return -ENOMEM;
	driver->place_of_lane = places;
	memset(places + driver->lane_end, 0, (end - driver->lane_end) * sizeof(*places));
	memset(&producers[driver->lane_count * driver->kind_count], 0, driver->kind_count * sizeof(*producers));
	driver->lane_end = end;
	places[lane] = driver->lane_count++;
	return 0;
}

static int kafka_add_lane(struct driver *driver, uint32_t lane, struct failure *failure)
{
	struct producer_config config = {.driver = &driver->config,
	                                 .map = &driver->map,
	                                 .log = driver->log,
	                                 .clients = &driver->clients,
	                                 .gathering = &driver->gathering};
	struct producer **producers;
	int r = number_lane(driver, lane);

	if (r < 0)
		return failure_set(failure, r, "no memory");
	producers = &driver->producers[driver->place_of_lane[lane] * driver->kind_count];
	if (driver->place_of_lane[lane] >= BROKER_VIEW_CLIENTS)
		config.driver = &driver->unwatched;
	for (uint32_t i = 0; r == 0 && i < driver->map.count; i++) {
		struct producer **producer = &producers[kind_of(driver, &driver->map.steps[i]->produce)];

		config.step = driver->map.steps[i];
		config.acks = config.step->produce.acks;
		if (!*producer)
			r = producer_new(&config, failure, producer);
	}
	return r;
}

/* Which kinds of clients there are. */
static int find_kinds(struct driver *driver)
{
	driver->kind_count = ACKS_KINDS;
	driver->transactional = calloc(driver->map.count + 1, sizeof(*driver->transactional));
	if (!driver->transactional)
		return -ENOMEM;
	for (uint32_t i = 0; i < driver->map.count; i++) {
		if (kind_of(driver, &driver->map.steps[i]->produce) == driver->kind_count)
			driver->transactional[driver->kind_count++ - ACKS_KINDS] = driver->map.steps[i];
	}
	return 0;
}

static int add_lanes(struct driver *driver, struct failure *failure)
{
	int r = driver->config.lane_count > 0 ? 0 : kafka_add_lane(driver, 0, failure);

	for (uint32_t i = 0; r == 0 && i < driver->config.lane_count; i++)
		r = kafka_add_lane(driver, driver->config.lanes[i], failure);
	return r;
}

/* A cluster's first transactional clients wait for seconds, which should be none of the run's. */
static void wait_for_transactions(struct driver *driver)
{
	uint64_t until_ns = clock_now_ns() + OPEN_PATIENCE_NS;

	for (uint32_t i = 0; i < driver->lane_count * driver->kind_count; i++) {
		if (driver->producers[i])
			producer_wait(driver->producers[i], until_ns);
	}
}

static int kafka_open(const struct driver_config *config, struct failure *failure, struct driver **ret_driver)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return failure_set(failure, -ENOMEM, "no memory");
	driver->config = driver->unwatched = *config;
	driver->unwatched.gauge = NULL;
	r = step_map_init(&driver->map, config->plan, config->target, STEP_PRODUCE);
	if (r == 0)
		r = consumers_new(&driver->config, &driver->consumers);
	if (r == 0)
		r = composer_init(&driver->composer, &driver->config, &driver->map);
	if (r == 0)
		r = find_kinds(driver);
	if (r == 0 && streams_verified(&driver->map)) {
		driver->log = sent_log_new();
		r = driver->log ? 0 : -ENOMEM;
	}
	if (r < 0)
		failure_set(failure, r, "no memory");
	if (r == 0)
		r = add_lanes(driver, failure);
	if (r < 0) {
		kafka_close(driver);
		return r;
	}
	if (driver->kind_count > ACKS_KINDS && config->clock->t0_ns == 0)
		wait_for_transactions(driver);
	*ret_driver = driver;
	return 0;
}

/* How far the messages were compressed, of a target that compresses. */
static void kafka_facts(const struct driver *driver, struct target_facts *ret_facts)
{
	struct producer_volume sum = {0};

	for (uint32_t i = 0; i < driver->lane_count * driver->kind_count; i++) {
		struct producer_volume volume = {0};

		if (driver->producers[i])
			volume = producer_volume(driver->producers[i]);
		sum.messages += volume.messages;
		sum.sent += volume.sent;
	}
	if (sum.messages > 0)
		snprintf(ret_facts->topology, sizeof(ret_facts->topology),
		         "messages were sent at %.3g %% of their size", 100 * (double)sum.sent / (double)sum.messages);
}

static void kafka_library_version(char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s", rd_kafka_version_str());
}

const struct driver_ops kafka_driver = {
        .kind = TARGET_KAFKA,
        .library = "librdkafka",
        .library_version = kafka_library_version,
        .open = kafka_open,
        .add_lane = kafka_add_lane,
        .session_open = kafka_session_open,
        .session_close = kafka_session_close,
        .submit = kafka_submit,
        .poll = kafka_poll,
        .cancel = kafka_cancel,
        .drain = kafka_drain,
        .account = kafka_account,
        .in_flight = kafka_in_flight,
        .abandon = kafka_abandon,
        .probe = kafka_probe,
        .facts = kafka_facts,
        .perform = kafka_perform,
        .let_go = kafka_let_go,
        .verify = kafka_verify,
        .close = kafka_close,
};
