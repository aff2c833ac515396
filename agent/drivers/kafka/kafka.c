/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka driver.
 *
 * A lane is a producer of the plan, and a librdkafka client of its own; where steps ask for different acks or
 * transactions, a client for each kind of them, since both belong to a client. Submit renders topic, key and payload
 * and hands the message over: the operation is in flight until its delivery report (see producer.c). What is generated
 * comes from source.c.
 */
#include "agent/drivers/kafka/kafka.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/consumers.h"
#include "agent/drivers/kafka/duty.h"
#include "agent/drivers/kafka/probe.h"
#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kafka/slab.h"
#include "agent/drivers/kafka/source.h"
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
	struct sources sources;
	struct sent_log *log; /* NULL: nothing is verified */
	uint32_t clients;     /* made so far */
	struct buffer topic;
	struct buffer key;
	struct buffer payload;
	struct buffer header;
	struct buffer stamped; /* a stamp, and the payload behind it */
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

static int render(const struct template *template, const struct operation *operation, struct buffer *buffer,
                  const char **ret_missing)
{
	buffer_clear(buffer);
	return template ? template_render(template, operation->scope, buffer, ret_missing) : 0;
}

static int render_all(struct driver *driver, const struct operation *operation, const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	int r = render(step->topic, operation, &driver->topic, ret_missing);

	if (r == 0)
		r = render(step->key, operation, &driver->key, ret_missing);
	if (r == 0)
		r = render(step->payload, operation, &driver->payload, ret_missing);
	return r;
}

static int render_headers(struct driver *driver, const struct operation *operation, struct message *message,
                          const char **ret_missing)
{
	const struct template_pairs *pairs = &operation->step->produce.headers;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < pairs->count; i++) {
		const char *name = pairs->items[i].name;
		size_t size = strlen(name);

		r = render(pairs->items[i].value, operation, &driver->header, ret_missing);
		if (r == 0 && rd_kafka_header_add(message->headers, name, (ssize_t)size,
		                                  driver->header.data ? (const void *)driver->header.data : "",
		                                  (ssize_t)driver->header.size))
			r = -ENOMEM;
		message->headers_size += size + driver->header.size;
	}
	return r;
}

static int add_stamp_header(struct driver *driver, const struct operation *operation, struct message *message)
{
	static const char name[] = PRODUCE_STAMP_HEADER;
	uint8_t stamp[STAMP_SIZE];

	stream_stamp(message->stream, driver->config.clock, operation->intended_ns, stamp);
	message->headers_size += sizeof(name) - 1 + STAMP_SIZE;
	return rd_kafka_header_add(message->headers, name, sizeof(name) - 1, stamp, STAMP_SIZE) ? -ENOMEM : 0;
}

static __attribute__((noinline)) int make_headers(struct driver *driver, const struct operation *operation,
                                                  struct message *message, const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	int r;

	message->headers = rd_kafka_headers_new(step->headers.count + 1);
	if (!message->headers)
		return -ENOMEM;
	r = render_headers(driver, operation, message, ret_missing);
	if (r == 0 && step->stamp == STAMP_HEADERS)
		r = add_stamp_header(driver, operation, message);
	if (r < 0)
		rd_kafka_headers_destroy(message->headers);
	return r;
}

/* A payload that is copied: the stamp, and `size` bytes. */
static int put_stamp_before(struct driver *driver, const struct operation *operation, const void *payload, size_t size,
                            struct message *message)
{
	uint8_t stamp[STAMP_SIZE];

	stream_stamp(message->stream, driver->config.clock, operation->intended_ns, stamp);
	buffer_clear(&driver->stamped);
	buffer_append(&driver->stamped, stamp, STAMP_SIZE);
	buffer_append(&driver->stamped, payload, size);
	message->payload = driver->stamped.data;
	message->payload_size = STAMP_SIZE + size;
	message->payload_lasts = 0;
	return driver->stamped.failed;
}

/* A generated payload that begins with a stamp. */
static int generate_stamped(struct driver *driver, const struct operation *operation, uint32_t number,
                            struct message *message)
{
	struct random *random = operation->scope->random;
	size_t size = sources_size(&driver->sources, number, random);
	void *payload;

	if (size > SLAB_ITEM_MAX)
		return put_stamp_before(driver, operation,
		                        sources_payload(&driver->sources, number, size - STAMP_SIZE, random),
		                        size - STAMP_SIZE, message);
	payload = slab_take(sources_slab(&driver->sources, number), size);
	if (!payload)
		return -ENOMEM;
	stream_stamp(message->stream, driver->config.clock, operation->intended_ns, payload);
	message->payload = payload;
	message->payload_size = size;
	message->payload_lasts = message->payload_in_slab = 1;
	return 0;
}

/* The payload of a step whose messages aren't plain. */
static int make_payload(struct driver *driver, const struct operation *operation, uint32_t number,
                        struct message *message)
{
	const struct produce_step *step = &operation->step->produce;
	struct random *random = operation->scope->random;

	if (step->stamp != STAMP_NONE)
		message->stream = producer_stream(producer_of(driver, operation), number);
	if (step->payload && step->stamp == STAMP_HEAD)
		return put_stamp_before(driver, operation, driver->payload.data, driver->payload.size, message);
	if (step->payload)
		return 0;
	if (step->stamp == STAMP_HEAD)
		return generate_stamped(driver, operation, number, message);
	message->payload_size = sources_size(&driver->sources, number, random);
	message->payload = sources_payload(&driver->sources, number, message->payload_size, random);
	message->payload_lasts = 1;
	return 0;
}

/* Where all is plain: a size from the step's range and a piece of the small block. */
static inline void generate(const struct driver *driver, const struct operation *operation, struct message *message)
{
	const struct range *size = &operation->step->produce.size;
	struct random *random = operation->scope->random;

	message->payload_size = size->low == size->high ? size->low : random_between(random, size->low, size->high);
	message->payload = driver->sources.small + (random_next(random) & (SOURCE_PLACES - 1));
	message->payload_lasts = 1;
}

/* All of the message but its topic, key and payload as rendered. */
static __attribute__((noinline)) int complete(struct driver *driver, const struct operation *operation,
                                              struct message *message, const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	uint32_t number = step_map_find(&driver->map, operation->step);
	int r = 0;

	if (step->keys.count > 0)
		r = sources_key(&driver->sources, number, operation->scope->random, &driver->key);
	if (step->keys.count > 0) {
		message->key = driver->key.data;
		message->key_size = driver->key.size;
	}
	if (r == 0)
		r = make_payload(driver, operation, number, message);
	if (r == 0 && (step->headers.count > 0 || step->stamp == STAMP_HEADERS)) {
		r = make_headers(driver, operation, message, ret_missing);
		if (r < 0 && message->payload_in_slab)
			slab_untake(message->payload, message->payload_size);
	}
	return r;
}

static int send_stamped(struct producer *producer, const struct message *message, struct operation *operation)
{
	int r = producer_send(producer, message, operation);

	if (r != SUBMIT_ACCEPTED && message->payload_in_slab)
		slab_untake(message->payload, message->payload_size);
	return r;
}

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
	r = render_all(driver, operation, &missing);
	if (r == 0) {
		message.topic = driver->topic.data;
		message.topic_size = driver->topic.size;
		message.payload = driver->payload.data;
		message.payload_size = driver->payload.size;
		if (step->key) {
			message.key = driver->key.data ? (const void *)driver->key.data : "";
			message.key_size = driver->key.size;
		}
		if (!driver->sources.plain)
			r = complete(driver, operation, &message, &missing);
		else if (!step->payload)
			generate(driver, operation, &message);
	}
	if (r == -ENOKEY) {
		operation_fail(operation, ERROR_DATA, "TEMPLATE", "{{%s}} is not set", missing);
		return SUBMIT_FAILED;
	}
	if (r < 0)
		return r;
	return message.stream ? send_stamped(producer, &message, operation)
	                      : producer_send(producer, &message, operation);
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
	sources_deinit(&driver->sources);
	step_map_deinit(&driver->map);
	buffer_deinit(&driver->topic);
	buffer_deinit(&driver->key);
	buffer_deinit(&driver->payload);
	buffer_deinit(&driver->header);
	buffer_deinit(&driver->stamped);
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
		r = sources_init(&driver->sources, &driver->map, config->target, (uint64_t)config->worker + 1);
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
