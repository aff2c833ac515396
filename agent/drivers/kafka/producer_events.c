/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer hears of its client: deliveries, errors, statistics.
 *
 * librdkafka has threads of its own, which write to an eventfd when the client's queue of events becomes non-empty; the
 * loop then empties the queue at once, since a delivery's time is taken here. Operations in flight are linked through
 * their driver_words: 0 is the next one, 1 the previous one. Until it is completed, completed_ns of one whose message
 * carries a stamp is the message's number, twice, plus 1 if its payload is a slab's.
 *
 * librdkafka says once that all brokers are down and never that one is up again; only a delivery tells. A client that
 * has never delivered therefore throws its queue away DOWN_PATIENCE_NS after that, and every DOWN_LOOK_NS from then on:
 * else operations on a target that refuses connections would wait for message.timeout.ms. Once something was delivered,
 * brokers that go away are librdkafka's to wait for, as an application would.
 *
 * librdkafka's statistics (once a second) tell how the brokers look from here, and, where a target compresses, what the
 * messages had and what the brokers were sent: it can leave a batch uncompressed without a word. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/kafka_error.h"
#include "agent/drivers/kafka/producer_state.h"
#include "agent/drivers/kafka/slab.h"
#include "agent/drivers/kafka/stream.h"
#include "common/base/clock.h"
#include "common/plan/kafka_properties.h"

#define DOWN_PATIENCE_NS (2 * NS_PER_S)
#define DOWN_LOOK_NS NS_PER_S

/* Messages' bytes from which on it is told how far they were compressed, and the share above which they were not. */
#define VOLUME_TELLING UINT64_C(1000000)
#define VOLUME_PLAIN 0.98

enum { AHEAD = 16, CACHE_LINE = 64 };

/* Operations in flight. */

static struct operation *word(const struct operation *operation, int which)
{
	return (struct operation *)operation->driver_words[which];
}

static void land(struct producer *producer, struct operation *operation)
{
	struct operation *next = word(operation, WORD_NEXT);
	struct operation *previous = word(operation, WORD_PREVIOUS);

	if (next)
		next->driver_words[WORD_PREVIOUS] = (uintptr_t)previous;
	if (previous)
		previous->driver_words[WORD_NEXT] = (uintptr_t)next;
	else
		producer->flying = next;
	producer->in_flight--;
}

void producer_finish(struct producer *producer, struct operation *operation, uint64_t now_ns)
{
	land(producer, operation);
	operation->completed_ns = now_ns;
	producer->config->complete(producer->config->context, operation);
}

/* What became of a message that carries a stamp; `message` is NULL if librdkafka didn't say. */
void producer_account(struct producer *producer, const rd_kafka_message_t *message, struct operation *operation)
{
	const struct stream *stream = &producer->streams[step_map_find(producer->own.map, operation->step)];
	/* One that was never given to a partition is in none: any will do. */
	uint32_t partition = message && message->partition >= 0 ? (uint32_t)message->partition : 0;
	uint64_t sequence = operation->completed_ns >> 1;
	int r = 0;

	if (operation->step->produce.stamp == STAMP_NONE)
		return;
	if (message && operation->completed_ns & 1)
		slab_give(message->payload);
	if (!stream->sent)
		return;
	if (!message || message->err)
		r = sent_log_add(stream->sent, partition, SENT_FAILED, sequence);
	else if (producer->transaction.plan)
		r = transaction_hold(&producer->transaction, stream->sent, partition, sequence);
	else
		r = sent_log_add(stream->sent, partition, SENT_ACKED, sequence);
	if (r < 0)
		producer->error = r;
}

/* Events. */

/* A message that was not delivered while no broker was in reach, or thrown away with its client or transaction, failed
 * for that reason, whatever took it out of the queue. */
static void tell_error(const struct producer *producer, const rd_kafka_message_t *message, struct operation *operation)
{
	_Bool purged =
	        message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
	_Bool given_up =
	        message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE;

	if (purged && producer_is_fatal(producer))
		kafka_error_tell(operation, producer->fatal);
	else if (purged && producer->transaction.spoiled)
		kafka_error_tell(operation, producer->transaction.spoiled);
	else if (given_up && producer->down)
		kafka_error_tell_why(operation, producer->trouble, producer->why);
	else
		kafka_error_tell_broker(operation, message->err, rd_kafka_message_broker_id(message));
}

/* The client will send nothing any more, by its own words: another one goes on in its place, under another name. */
void producer_give_up(struct producer *producer, rd_kafka_resp_err_t error, const char *words)
{
	const struct driver_config *config = producer->config;
	char text[256];

	if (producer_is_fatal(producer))
		return;
	snprintf(text, sizeof(text), "%s", words);
	producer->fatal = rd_kafka_fatal_error(producer->handle.client, text, sizeof(text));
	if (!producer_is_fatal(producer))
		producer->fatal = error;
	log_write(config->log, LOG_WARNING, "target %s: a producer is made anew: %s: %s", config->target->name,
	          rd_kafka_err2name(producer->fatal), text);
	if (config->tell) /* without the words, in which numbers differ each time */
		config->tell(config->context, producer->own.step, kafka_error_class(producer->fatal),
		             rd_kafka_err2name(producer->fatal), rd_kafka_err2str(producer->fatal));
	transaction_lose(&producer->transaction);
	rd_kafka_purge(producer->handle.client,
	               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* A failure may be the first that is heard of a fatal error. */
static void look_for_fatal(struct producer *producer)
{
	rd_kafka_resp_err_t error = rd_kafka_fatal_error(producer->handle.client, NULL, 0);

	if (error)
		producer_give_up(producer, error, "");
}

static void take_delivery(struct producer *producer, const rd_kafka_message_t *message, uint64_t now_ns)
{
	struct operation *operation = message->_private;

	if (producer->abandoned)
		return;
	if (message->err) {
		if (rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
			operation->sent_bytes = 0; /* as a rule it never left */
		tell_error(producer, message, operation);
		look_for_fatal(producer);
		if (producer->transaction.plan)
			transaction_spoil(&producer->transaction, message->err);
	} else {
		producer->delivered = 1;
		producer->down = 0;
	}
	if (producer->streams)
		producer_account(producer, message, operation);
	producer_finish(producer, operation, now_ns);
}

/* Operations that were sent long ago aren't in the cache any more: they are asked for some messages ahead. */
static void take_deliveries(struct producer *producer, rd_kafka_event_t *event)
{
	uint64_t now_ns = clock_now_ns();
	const rd_kafka_message_t *messages[AHEAD];
	size_t count;

	while ((count = rd_kafka_event_message_array(event, messages, AHEAD)) > 0) {
		for (size_t i = 0; i < count; i++) {
			__builtin_prefetch(messages[i]->_private, 1);
			__builtin_prefetch((char *)messages[i]->_private + CACHE_LINE, 1);
		}
		for (size_t i = 0; i < count; i++)
			take_delivery(producer, messages[i], now_ns);
	}
}

void producer_transaction_lost(void *context, rd_kafka_resp_err_t error, const char *text)
{
	struct producer *producer = context;

	producer_give_up(producer, error, text);
	producer_revive_if_ready(producer);
}

/* librdkafka first says what is wrong with a broker and then, if it was the last one, that all are down. */
static void take_error(struct producer *producer, rd_kafka_resp_err_t error, const char *words)
{
	if (error == RD_KAFKA_RESP_ERR__FATAL) {
		producer_give_up(producer, error, words);
		return;
	}
	if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		producer->trouble = error;
		kafka_error_words(words, producer->why, sizeof(producer->why));
		return;
	}
	producer->down = 1;
	if (producer->trouble == RD_KAFKA_RESP_ERR_NO_ERROR)
		producer->trouble = error;
	if (!producer->delivered && !producer->down_timer.slot)
		loop_timer_start(producer->config->loop, &producer->down_timer, clock_now_ns() + DOWN_PATIENCE_NS);
}

void producer_look_whether_down(struct loop_timer *timer, uint64_t now_ns)
{
	struct producer *producer = timer->context;

	if (producer->delivered)
		return;
	if (producer->in_flight > 0)
		rd_kafka_purge(producer->handle.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
	loop_timer_start(producer->config->loop, timer, now_ns + DOWN_LOOK_NS);
}

/* A whole number of the statistics' outermost object, whose names occur nowhere else. */
static uint64_t statistic(const char *json, const char *name)
{
	const char *at = strstr(json, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void take_volume(struct producer *producer, const char *json)
{
	struct producer_volume *volume = &producer->volume;

	volume->sent = statistic(json, "\"tx_bytes\":");
	volume->messages = statistic(json, "\"txmsg_bytes\":");
	if (producer->warned || volume->messages < VOLUME_TELLING ||
	    (double)volume->sent < VOLUME_PLAIN * (double)volume->messages)
		return;
	producer->warned = 1;
	log_write(producer->config->log, LOG_WARNING,
	          "target %s compresses, but %llu bytes of messages were sent as %llu", producer->config->target->name,
	          (unsigned long long)volume->messages, (unsigned long long)volume->sent);
}

static void take_statistics(struct producer *producer, const char *json)
{
	broker_view_tell(producer->config, json);
	if (kafka_compresses(&producer->config->target->kafka.properties))
		take_volume(producer, json);
}

void producer_take_event(struct producer *producer, rd_kafka_event_t *event)
{
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
		take_deliveries(producer, event);
	else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
		take_error(producer, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
	else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_STATS)
		take_statistics(producer, rd_kafka_event_stats(event));
	rd_kafka_event_destroy(event);
}

void producer_events_ready(void *context, int fd, uint32_t events)
{
	struct producer *producer = context;
	rd_kafka_event_t *event;
	uint64_t count;

	(void)events;
	/* First, so that what comes from now on writes again. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		return;
	while ((event = rd_kafka_queue_poll(producer->handle.queue, 0)))
		producer_take_event(producer, event);
	producer_revive_if_ready(producer);
}
