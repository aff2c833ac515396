/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka driver.
 *
 * A lane is a producer of the plan, and a librdkafka client of its own; where steps ask for different acks, a client
 * for each of them, since acks belong to a client's topic. Submit renders topic, key and payload and hands the message
 * over: the operation is in flight until its delivery report (see producer.c).
 *
 * Generated payloads are not made for each message: each is a piece, at a random place, of one block of random bytes,
 * which nobody copies because it outlives every message. */
#include "agent/drivers/kafka/kafka.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/probe.h"
#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kit/step_map.h"

/* Places in the block at which a payload may begin. */
enum { BLOCK_PLACES = 64 * 1024 };

enum { ACKS_KINDS = 4 }; /* PRODUCE_ACKS_TARGET, -1, 0, 1 */

struct driver {
	struct driver_config config;
	struct step_map map;
	struct producer **producers; /* by place of the lane, times ACKS_KINDS, plus acks */
	uint32_t *place_of_lane;     /* by lane: its place among those of the driver */
	uint32_t lane_count;
	uint32_t lane_end; /* the highest lane's number + 1 */
	uint8_t *block;
	struct buffer topic;
	struct buffer key;
	struct buffer payload;
};

static uint32_t acks_index(int acks)
{
	return (uint32_t)(acks - PRODUCE_ACKS_TARGET);
}

static struct producer *producer_of(const struct driver *driver, const struct operation *operation)
{
	assert(operation->lane < driver->lane_end);
	return driver->producers[driver->place_of_lane[operation->lane] * ACKS_KINDS +
	                         acks_index(operation->step->produce.acks)];
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

/* A size from the step's range and a piece of the block. */
static void generate(const struct driver *driver, const struct operation *operation, struct message *message)
{
	const struct range *size = &operation->step->produce.size;
	struct random *random = operation->scope->random;

	message->payload_size = size->low == size->high ? size->low : random_between(random, size->low, size->high);
	message->payload = driver->block + (random_next(random) & (BLOCK_PLACES - 1));
	message->payload_lasts = 1;
}

static int kafka_submit(struct driver *driver, struct operation *operation)
{
	const struct produce_step *step = &operation->step->produce;
	struct message message;
	const char *missing = "";
	int r = render_all(driver, operation, &missing);

	if (r == -ENOKEY) {
		operation_fail(operation, ERROR_DATA, "TEMPLATE", "{{%s}} is not set", missing);
		return SUBMIT_FAILED;
	}
	if (r < 0)
		return r;
	message = (struct message){
	        .topic = driver->topic.data,
	        .topic_size = driver->topic.size,
	        .key = step->key ? (driver->key.data ? (const void *)driver->key.data : "") : NULL,
	        .key_size = driver->key.size,
	        .payload = driver->payload.data,
	        .payload_size = driver->payload.size,
	};
	if (!step->payload)
		generate(driver, operation, &message);
	return producer_send(producer_of(driver, operation), &message, operation);
}

static uint64_t kafka_in_flight(const struct driver *driver)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < driver->lane_count * ACKS_KINDS; i++)
		sum += driver->producers[i] ? producer_in_flight(driver->producers[i]) : 0;
	return sum;
}

static void kafka_abandon(struct driver *driver)
{
	for (uint32_t i = 0; i < driver->lane_count * ACKS_KINDS; i++)
		if (driver->producers[i])
			producer_abandon(driver->producers[i]);
}

/* The driver. */

static struct driver *kafka_close(struct driver *driver)
{
	if (!driver)
		return NULL;
	for (uint32_t i = 0; driver->producers && i < driver->lane_count * ACKS_KINDS; i++)
		producer_free(driver->producers[i]);
	free(driver->producers);
	free(driver->place_of_lane);
	free(driver->block);
	step_map_deinit(&driver->map);
	buffer_deinit(&driver->topic);
	buffer_deinit(&driver->key);
	buffer_deinit(&driver->payload);
	free(driver);
	return NULL;
}

static int make_block(struct driver *driver)
{
	struct random random;
	uint64_t most = 0;
	size_t size;

	for (uint32_t i = 0; i < driver->map.count; i++) {
		const struct produce_step *step = &driver->map.steps[i]->produce;

		if (!step->payload && step->size.high > most)
			most = step->size.high;
	}
	if (__builtin_add_overflow(most, BLOCK_PLACES, &size))
		return -ENOMEM;
	driver->block = malloc(size);
	if (!driver->block)
		return -ENOMEM;
	random_seed(&random, driver->config.worker + 1);
	random_fill(&random, driver->block, size);
	return 0;
}

/* Gives the lane a place, without producers. */
static int number_lane(struct driver *driver, uint32_t lane)
{
	size_t count = (size_t)(driver->lane_count + 1) * ACKS_KINDS;
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
	memset(&producers[driver->lane_count * ACKS_KINDS], 0, ACKS_KINDS * sizeof(*producers));
	driver->lane_end = end;
	places[lane] = driver->lane_count++;
	return 0;
}

static int kafka_add_lane(struct driver *driver, uint32_t lane, struct failure *failure)
{
	struct producer **producers;
	int r = number_lane(driver, lane);

	if (r < 0)
		return failure_set(failure, r, "no memory");
	producers = &driver->producers[driver->place_of_lane[lane] * ACKS_KINDS];
	for (uint32_t i = 0; r == 0 && i < driver->map.count; i++) {
		int acks = driver->map.steps[i]->produce.acks;
		struct producer **producer = &producers[acks_index(acks)];

		if (!*producer)
			r = producer_new(&driver->config, acks, failure, producer);
	}
	return r;
}

static int add_lanes(struct driver *driver, struct failure *failure)
{
	int r = driver->config.lane_count > 0 ? 0 : kafka_add_lane(driver, 0, failure);

	for (uint32_t i = 0; r == 0 && i < driver->config.lane_count; i++)
		r = kafka_add_lane(driver, driver->config.lanes[i], failure);
	return r;
}

static int kafka_open(const struct driver_config *config, struct failure *failure, struct driver **ret_driver)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return failure_set(failure, -ENOMEM, "no memory");
	driver->config = *config;
	r = step_map_init(&driver->map, config->plan, config->target);
	if (r == 0)
		r = make_block(driver);
	if (r < 0)
		failure_set(failure, r, "no memory");
	if (r == 0)
		r = add_lanes(driver, failure);
	if (r < 0) {
		kafka_close(driver);
		return r;
	}
	*ret_driver = driver;
	return 0;
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
        .submit = kafka_submit,
        .in_flight = kafka_in_flight,
        .abandon = kafka_abandon,
        .probe = kafka_probe,
        .close = kafka_close,
};
