/* SPDX-License-Identifier: Apache-2.0 */
/* One consumer.
 *
 * librdkafka's threads fetch; its queue writes to an eventfd when it becomes non-empty. Only while a poll is under way
 * is the queue looked at, as an application does it: so rebalances wait for the next poll too, and a consumer that
 * takes too long over its messages is put out of its group.
 *
 * A poll is over with its first messages: all that are there by then, up to maxPollRecords. `processing` keeps it from
 * completing for as long as its messages would have taken.
 *
 * librdkafka says once that all brokers are down and never that one is up again; messages, partitions and statistics
 * tell. What stands in a consumer's way (no broker, a topic that doesn't exist) fails each poll when its time is over:
 * a poll that failed at once would be followed by the next one at once. */
#include "agent/drivers/kafka/consumer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/consumer_client.h"
#include "agent/drivers/kafka/kafka_error.h"
#include "common/base/clock.h"
#include "common/stats/stamp.h"

enum {
	PASS_MAX = 1000,    /* messages taken in one go, before others have their turn */
	REBALANCES_MAX = 6, /* durations kept for the poll that is to tell them */
	WHY_SIZE = 256,
};

struct consumer {
	struct consumer_config config;
	struct consumer_client *client;
	rd_kafka_t *handle;          /* NULL: it isn't ready */
	struct operation *operation; /* the poll under way, or NULL */
	struct loop_timer turn;      /* at once: it begins, or goes on */
	struct loop_timer timer;     /* its time, or its messages' processing */
	uint32_t records;            /* that it got */
	uint64_t processing_ns;      /* that they take */
	_Bool processing;            /* it has its messages */

	_Bool down;                /* no broker is in reach */
	rd_kafka_resp_err_t cause; /* why, or why the last one that wasn't wasn't */
	char why[WHY_SIZE];
	rd_kafka_resp_err_t obstacle; /* what else stands in its way */

	uint64_t waiting_ns; /* since when it has no partitions; 0: it has */
	uint64_t rebalances; /* not told yet */
	uint64_t durations_ns[REBALANCES_MAX];
	uint32_t duration_count;
};

/* The end of a poll. */

static void tell_rebalances(struct consumer *consumer, struct operation *operation)
{
	if (consumer->rebalances > 0)
		operation_sample(operation, METRIC_KAFKA_REBALANCES, consumer->rebalances, NULL);
	for (uint32_t i = 0; i < consumer->duration_count; i++)
		operation_sample(operation, METRIC_KAFKA_REBALANCE_DURATION, consumer->durations_ns[i], NULL);
	consumer->rebalances = 0;
	consumer->duration_count = 0;
}

static void end_poll(struct consumer *consumer, uint64_t now_ns)
{
	const struct driver_config *driver = consumer->config.driver;
	struct operation *operation = consumer->operation;

	loop_timer_stop(driver->loop, &consumer->turn);
	loop_timer_stop(driver->loop, &consumer->timer);
	consumer->operation = NULL;
	consumer->processing = 0;
	tell_rebalances(consumer, operation);
	operation->completed_ns = now_ns;
	driver->complete(driver->context, operation);
}

/* All that it got is processed. Where a commit fails, the next one says as much. */
static void end_processing(struct consumer *consumer, uint64_t now_ns)
{
	if (consumer->config.step->commit == CONSUME_COMMIT_POLL)
		rd_kafka_commit(consumer->handle, NULL, 1);
	end_poll(consumer, now_ns);
}

static void begin_processing(struct consumer *consumer, uint64_t now_ns)
{
	if (consumer->processing_ns == 0) {
		end_processing(consumer, now_ns);
		return;
	}
	consumer->processing = 1;
	if (loop_timer_start(consumer->config.driver->loop, &consumer->timer, now_ns + consumer->processing_ns) < 0)
		end_processing(consumer, now_ns);
}

/* Fails the poll with what stands in its way, if anything does. */
static void tell_obstacle(struct consumer *consumer)
{
	rd_kafka_resp_err_t error = consumer->obstacle;

	if (consumer->down) {
		kafka_error_tell_why(consumer->operation, consumer->cause, consumer->why);
		return;
	}
	if (!error)
		error = consumer_client_trouble(consumer->client);
	if (error)
		kafka_error_tell(consumer->operation, error);
}

static void time_over(struct loop_timer *timer, uint64_t now_ns)
{
	struct consumer *consumer = timer->context;

	if (consumer->processing) {
		end_processing(consumer, now_ns);
	} else if (consumer->records > 0) {
		begin_processing(consumer, now_ns);
	} else {
		tell_obstacle(consumer);
		end_poll(consumer, now_ns);
	}
}

/* What librdkafka tells on the way. */

static void nothing_is_wrong(struct consumer *consumer)
{
	consumer->down = 0;
	consumer->obstacle = RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void revoked(void *context, uint64_t now_ns)
{
	struct consumer *consumer = context;

	consumer->waiting_ns = now_ns;
}

/* A group may have no partition for it. */
static void assigned(void *context, int partitions, uint64_t now_ns)
{
	struct consumer *consumer = context;

	if (partitions > 0)
		nothing_is_wrong(consumer);
	consumer->rebalances++;
	if (consumer->waiting_ns > 0 && consumer->duration_count < REBALANCES_MAX)
		consumer->durations_ns[consumer->duration_count++] = now_ns - consumer->waiting_ns;
	consumer->waiting_ns = 0;
}

/* librdkafka first says what is wrong with a broker and then, if it was the last one, that all are down. */
static void failed(void *context, rd_kafka_resp_err_t error, const char *words)
{
	struct consumer *consumer = context;

	if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		consumer->down = 1;
		if (consumer->cause)
			return;
	}
	consumer->cause = error;
	kafka_error_words(words, consumer->why, sizeof(consumer->why));
}

static void told(void *context, const char *statistics)
{
	struct consumer *consumer = context;

	if (consumer->down && strstr(statistics, "\"state\":\"UP\""))
		nothing_is_wrong(consumer);
	if (consumer->config.watches)
		broker_view_tell(consumer->config.driver, statistics);
}

/* Messages. */

/* Of names and values; finds the stamp among them. */
static size_t read_headers(const struct consumer *consumer, const rd_kafka_headers_t *headers, struct stamp *stamp,
                           _Bool *ret_stamped)
{
	const struct stamp_sight *sight = consumer->config.sight;
	size_t bytes = 0, size;
	const void *value;
	const char *name;

	for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; i++) {
		bytes += strlen(name) + size;
		if (sight->headers && size == STAMP_SIZE && strcmp(name, PRODUCE_STAMP_HEADER) == 0)
			*ret_stamped = stamp_read(value, size, sight->tag, stamp) == 0;
	}
	return bytes;
}

/* Its time is taken when it is there: a thread that was put aside on the way would else have it from before it was
 * sent.
 */
static void receive(struct consumer *consumer, const rd_kafka_message_t *message)
{
	const struct driver_config *driver = consumer->config.driver;
	struct reception reception = {
	        .received_ns = clock_now_ns(),
	        .bytes = message->len + message->key_len,
	        .key = message->key,
	        .key_size = message->key_len,
	};
	struct stamp stamp;
	rd_kafka_headers_t *headers;

	if (consumer->config.sight->heads && message->len >= STAMP_SIZE)
		reception.stamped =
		        stamp_read(message->payload, message->len, consumer->config.sight->tag, &stamp) == 0;
	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		reception.bytes += read_headers(consumer, headers, &stamp, &reception.stamped);
	if (reception.stamped)
		reception.intended_ns = stamp.intended_ns;
	driver->receive(driver->context, consumer->operation, &reception);
}

static void process(struct consumer *consumer)
{
	const struct range *range = &consumer->config.step->processing_ns;

	consumer->records++;
	if (range->high > 0)
		consumer->processing_ns += range->high > range->low ? random_between(consumer->operation->scope->random,
		                                                                     range->low, range->high)
		                                                    : range->low;
}

/* False: the poll has failed with it. */
static _Bool take_error(struct consumer *consumer, const rd_kafka_message_t *message)
{
	enum error_class class = kafka_error_class(message->err);

	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return 1;
	/* Of these librdkafka tells once, and goes on waiting. */
	if (class == ERROR_CLIENT || class == ERROR_AUTH) {
		consumer->obstacle = message->err;
		return 1;
	}
	kafka_error_tell(consumer->operation, message->err);
	return 0;
}

/* False: it was the poll's last. */
static _Bool take_message(struct consumer *consumer, rd_kafka_message_t *message)
{
	_Bool more = 1;

	if (message->err) {
		more = take_error(consumer, message);
	} else {
		receive(consumer, message);
		process(consumer);
	}
	rd_kafka_message_destroy(message);
	return more;
}

static void serve(struct consumer *consumer)
{
	uint32_t taken = 0;
	rd_kafka_message_t *message;

	if (!consumer->operation || consumer->processing || !consumer->handle)
		return;
	while (taken < PASS_MAX && consumer->records < consumer->config.step->max_poll_records &&
	       (message = rd_kafka_consumer_poll(consumer->handle, 0))) {
		taken++;
		if (!take_message(consumer, message)) {
			end_poll(consumer, clock_now_ns());
			return;
		}
	}
	if (consumer->records == 0)
		return;
	nothing_is_wrong(consumer);
	if (taken < PASS_MAX || consumer->records == consumer->config.step->max_poll_records ||
	    loop_timer_start(consumer->config.driver->loop, &consumer->turn, clock_now_ns()) < 0)
		begin_processing(consumer, clock_now_ns());
}

static void turn_came(struct loop_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	serve(timer->context);
}

int consumer_poll(struct consumer *consumer, struct operation *operation)
{
	struct loop *loop = consumer->config.driver->loop;
	int r;

	assert(!consumer->operation);
	r = loop_timer_start(loop, &consumer->timer, operation->started_ns + consumer->config.step->poll_timeout_ns);
	if (r == 0)
		r = loop_timer_start(loop, &consumer->turn, operation->started_ns);
	if (r < 0)
		return r;
	consumer->operation = operation;
	consumer->records = 0;
	consumer->processing_ns = 0;
	return 0;
}

struct operation *consumer_operation(const struct consumer *consumer)
{
	return consumer->operation;
}

void consumer_cancel(struct consumer *consumer)
{
	if (consumer->operation)
		end_poll(consumer, clock_now_ns());
}

/* Opening and closing. */

static void client_ready(void *context, int fd, uint32_t events)
{
	struct consumer *consumer = context;
	uint64_t count;

	(void)events;
	/* First, so that what comes from now on writes again. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		return;
	if (!consumer->handle && consumer_client_state(consumer->client) == CLIENT_READY) {
		consumer->handle = consumer_client_handle(consumer->client);
		consumer->waiting_ns = consumer_client_since_ns(consumer->client);
	}
	serve(consumer);
}

int consumer_new(const struct consumer_config *config, struct failure *failure, struct consumer **ret_consumer)
{
	struct consumer *consumer = calloc(1, sizeof(*consumer));
	const struct consumer_client_config client = {
	        .driver = config->driver,
	        .step = config->step,
	        .group_id = config->group_id,
	        .index = config->index,
	        .count = config->count,
	        .watches = config->watches,
	        .assigned = assigned,
	        .revoked = revoked,
	        .failed = failed,
	        .told = told,
	        .context = consumer,
	};
	int r;

	if (!consumer)
		return failure_set(failure, -ENOMEM, "no memory");
	consumer->config = *config;
	consumer->turn = (struct loop_timer){.fire = turn_came, .context = consumer};
	consumer->timer = (struct loop_timer){.fire = time_over, .context = consumer};
	r = consumer_client_new(&client, failure, &consumer->client);
	if (r < 0) {
		free(consumer);
		return r;
	}
	r = loop_watch(config->driver->loop, consumer_client_fd(consumer->client), EPOLLIN, client_ready, consumer);
	if (r < 0) {
		consumer_client_free(consumer_close(consumer));
		return failure_set(failure, r, "no descriptor for a consumer: %s", strerrordesc_np(-r));
	}
	*ret_consumer = consumer;
	return 0;
}

struct consumer_client *consumer_close(struct consumer *consumer)
{
	struct consumer_client *client = consumer->client;

	assert(!consumer->operation);
	loop_timer_stop(consumer->config.driver->loop, &consumer->turn);
	loop_timer_stop(consumer->config.driver->loop, &consumer->timer);
	loop_unwatch(consumer->config.driver->loop, consumer_client_fd(client));
	consumer_client_close(client);
	free(consumer);
	return client;
}
