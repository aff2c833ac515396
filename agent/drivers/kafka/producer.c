/* SPDX-License-Identifier: Apache-2.0 */
/* One producer.
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
 * A client that librdkafka gives up (a fatal error: it was fenced off, or its idempotence broke) is replaced when the
 * last of its messages is heard of. The next one has another number, so its streams are others; the old one ends on a
 * thread of its own (see handle.h).
 *
 * librdkafka's statistics (once a second) tell how the brokers look from here, and, where a target compresses, what the
 * messages had and what the brokers were sent: it can leave a batch uncompressed without a word. */
#include "agent/drivers/kafka/producer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/handle.h"
#include "agent/drivers/kafka/kafka_error.h"
#include "agent/drivers/kafka/outlet.h"
#include "agent/drivers/kafka/property.h"
#include "agent/drivers/kafka/slab.h"
#include "agent/drivers/kafka/stream.h"
#include "agent/drivers/kafka/topics.h"
#include "agent/drivers/kafka/transaction.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/plan/kafka_properties.h"

#define DOWN_PATIENCE_NS (2 * NS_PER_S)
#define DOWN_LOOK_NS NS_PER_S
#define ABANDON_PATIENCE_NS (5 * NS_PER_S)
/* Between two clients, where the second one takes the place of the first. */
#define REVIVAL_PAUSE_NS (500 * NS_PER_MS)

enum { ABANDON_POLL_MS = 20 };

/* Messages' bytes from which on it is told how far they were compressed, and the share above which they were not. */
#define VOLUME_TELLING UINT64_C(1000000)
#define VOLUME_PLAIN 0.98

enum { WORD_NEXT, WORD_PREVIOUS };
enum { AHEAD = 16, CACHE_LINE = 64 };

struct producer {
	const struct driver_config *config;
	struct producer_config own;
	struct handle handle;
	struct graves graves;   /* of clients before it */
	struct stream *streams; /* by step; NULL: none carries a stamp */
	struct transaction transaction;
	int error;
	struct operation *flying; /* the newest one */
	uint64_t in_flight;
	uint64_t in_flight_max;      /* what librdkafka's queue takes; 0: no limit */
	struct outlets outlets;      /* by the steps' numbers */
	struct producer *next;       /* in the list of those that gather */
	_Bool gathers;               /* it is in it */
	_Bool delivered;             /* ever */
	_Bool abandoned;             /* deliveries that come after it belong to nobody */
	_Bool down;                  /* no broker is in reach */
	rd_kafka_resp_err_t trouble; /* why */
	char why[200];               /* what librdkafka says of it */
	rd_kafka_resp_err_t fatal;   /* why the client is of no more use; 0: it is */
	uint64_t opened_ns;
	struct loop_timer down_timer;
	struct loop_timer revival_timer;
	struct producer_volume volume; /* of a target that compresses */
	_Bool warned;
};

DEFINE_CLEANUP(struct producer *, producer_free)

/* Operations in flight. */

static struct operation *word(const struct operation *operation, int which)
{
	return (struct operation *)operation->driver_words[which];
}

static void fly(struct producer *producer, struct operation *operation)
{
	operation->driver_words[WORD_NEXT] = (uintptr_t)producer->flying;
	operation->driver_words[WORD_PREVIOUS] = 0;
	if (producer->flying)
		producer->flying->driver_words[WORD_PREVIOUS] = (uintptr_t)operation;
	producer->flying = operation;
	producer->in_flight++;
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

static void finish(struct producer *producer, struct operation *operation, uint64_t now_ns)
{
	land(producer, operation);
	operation->completed_ns = now_ns;
	producer->config->complete(producer->config->context, operation);
}

static _Bool is_fatal(const struct producer *producer)
{
	return producer->fatal != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What became of a message that carries a stamp; `message` is NULL if librdkafka didn't say. */
static void account(struct producer *producer, const rd_kafka_message_t *message, struct operation *operation)
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

/* A message that was not delivered while no broker was in reach failed for that reason, whatever took it out of the
 * queue. */
static void tell_error(const struct producer *producer, const rd_kafka_message_t *message, struct operation *operation)
{
	_Bool given_up =
	        message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE;

	if (given_up && is_fatal(producer))
		kafka_error_tell(operation, producer->fatal);
	else if (given_up && producer->down)
		kafka_error_tell_why(operation, producer->trouble, producer->why);
	else
		kafka_error_tell_broker(operation, message->err, rd_kafka_message_broker_id(message));
}

static void revive_if_ready(struct producer *producer);

/* The client will send nothing any more, by its own words: another one goes on in its place, under another name. */
static void give_up_client(struct producer *producer, rd_kafka_resp_err_t error, const char *words)
{
	const struct driver_config *config = producer->config;
	char text[256];

	if (is_fatal(producer))
		return;
	snprintf(text, sizeof(text), "%s", words);
	producer->fatal = rd_kafka_fatal_error(producer->handle.client, text, sizeof(text));
	if (!is_fatal(producer))
		producer->fatal = error;
	log_write(config->log, LOG_WARNING, "target %s: a producer is made anew: %s: %s", config->target->name,
	          rd_kafka_err2name(producer->fatal), text);
	if (config->tell)
		config->tell(config->context, producer->own.step, kafka_error_class(producer->fatal),
		             rd_kafka_err2name(producer->fatal), text);
	transaction_lose(&producer->transaction);
	rd_kafka_purge(producer->handle.client,
	               RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* A failure may be the first that is heard of a fatal error. */
static void look_for_fatal(struct producer *producer)
{
	rd_kafka_resp_err_t error = rd_kafka_fatal_error(producer->handle.client, NULL, 0);

	if (error)
		give_up_client(producer, error, "");
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
			transaction_spoil(&producer->transaction);
	} else {
		producer->delivered = 1;
		producer->down = 0;
	}
	if (producer->streams)
		account(producer, message, operation);
	finish(producer, operation, now_ns);
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

static void transaction_lost(void *context, rd_kafka_resp_err_t error, const char *text)
{
	struct producer *producer = context;

	give_up_client(producer, error, text);
	revive_if_ready(producer);
}

/* librdkafka first says what is wrong with a broker and then, if it was the last one, that all are down. */
static void take_error(struct producer *producer, rd_kafka_resp_err_t error, const char *words)
{
	if (error == RD_KAFKA_RESP_ERR__FATAL) {
		give_up_client(producer, error, words);
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

static void look_whether_down(struct loop_timer *timer, uint64_t now_ns)
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

static void take_event(struct producer *producer, rd_kafka_event_t *event)
{
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
		take_deliveries(producer, event);
	else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
		take_error(producer, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
	else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_STATS)
		take_statistics(producer, rd_kafka_event_stats(event));
	rd_kafka_event_destroy(event);
}

static void events_ready(void *context, int fd, uint32_t events)
{
	struct producer *producer = context;
	rd_kafka_event_t *event;
	uint64_t count;

	(void)events;
	/* First, so that what comes from now on writes again. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		return;
	while ((event = rd_kafka_queue_poll(producer->handle.queue, 0)))
		take_event(producer, event);
	revive_if_ready(producer);
}

/* Opening and closing. */

struct producer *producer_free(struct producer *producer)
{
	if (!producer)
		return NULL;
	assert(producer->in_flight == 0);
	loop_timer_stop(producer->config->loop, &producer->down_timer);
	loop_timer_stop(producer->config->loop, &producer->revival_timer);
	transaction_deinit(&producer->transaction);
	outlets_deinit(&producer->outlets);
	handle_close(&producer->handle, producer->config->loop);
	graves_deinit(&producer->graves);
	free(producer->streams);
	free(producer);
	return NULL;
}

/* Another client, other streams. */
static int make_streams(struct producer *producer, uint32_t client, struct failure *failure)
{
	struct stream *streams;

	if (!producer->own.map || !streams_needed(producer->own.map))
		return 0;
	streams = streams_new(producer->config, producer->own.map, client, producer->own.log, failure);
	if (!streams)
		return -EINVAL;
	free(producer->streams);
	producer->streams = streams;
	return 0;
}

/* Of a client whose messages go in transactions. */
static int set_transactional(const struct producer *producer, uint32_t client, rd_kafka_conf_t *conf,
                             uint64_t *ret_longest_ns, struct failure *failure)
{
	const struct driver_config *config = producer->config;
	char id[128], text[32] = "";
	size_t size = sizeof(text);

	snprintf(id, sizeof(id), "stampede-%s-%u-%s-%u", config->run_id, config->agent_index, config->target->name,
	         client);
	if (rd_kafka_conf_get(conf, "transaction.timeout.ms", text, &size) != RD_KAFKA_CONF_OK)
		return failure_set(failure, -EINVAL, "transaction.timeout.ms is not known");
	*ret_longest_ns = strtoull(text, NULL, 10) * NS_PER_MS / 2;
	return property_set(conf, "transactional.id", id, failure);
}

static uint64_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
	char text[32] = "";
	size_t size = sizeof(text);
	uint64_t number = 0;

	if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK || units_parse_count(text, &number) < 0)
		return 0;
	return number;
}

static int open_handle(struct producer *producer, uint32_t client, struct failure *failure)
{
	struct failure problem = {0};
	uint64_t longest_ns = 0;
	rd_kafka_conf_t *conf;
	int r = producer_conf(producer->config, producer->own.acks, failure, &conf);

	if (r < 0)
		return r;
	if (producer->transaction.plan) {
		r = set_transactional(producer, client, conf, &longest_ns, failure);
		if (r < 0) {
			rd_kafka_conf_destroy(conf);
			return r;
		}
	}
	producer->in_flight_max = number_of(conf, "queue.buffering.max.messages");
	r = handle_open(&producer->handle, conf, producer->config->loop, events_ready, producer, &problem);
	if (r < 0)
		return failure_set(failure, r, "target %s: %s", producer->config->target->name, problem.text);
	if (!producer->transaction.plan)
		return 0;
	r = transaction_start(&producer->transaction, producer->handle.client, longest_ns);
	if (r < 0) {
		handle_close(&producer->handle, producer->config->loop);
		return failure_set(failure, r, "no thread for transactions: %s", strerrordesc_np(-r));
	}
	producer->handle.transactor = producer->transaction.transactor;
	return 0;
}

static int open_client(struct producer *producer, struct failure *failure)
{
	const struct driver_config *config = producer->config;
	uint32_t client = (*producer->own.clients)++ * (config->workers ? config->workers : 1) + config->worker;
	int r;

	producer->opened_ns = clock_now_ns();
	r = make_streams(producer, client, failure);
	return r < 0 ? r : open_handle(producer, client, failure);
}

static void revive(struct loop_timer *timer, uint64_t now_ns)
{
	struct producer *producer = timer->context;
	struct failure failure = {0};

	(void)now_ns;
	outlets_deinit(&producer->outlets);
	graves_add(&producer->graves, &producer->handle, producer->config->loop);
	producer->delivered = producer->down = 0;
	if (open_client(producer, &failure) == 0) {
		producer->fatal = RD_KAFKA_RESP_ERR_NO_ERROR;
		return;
	}
	log_write(producer->config->log, LOG_WARNING, "%s, trying again", failure.text);
	if (loop_timer_start(producer->config->loop, timer, clock_now_ns() + REVIVAL_PAUSE_NS) < 0)
		producer->error = -ENOMEM;
}

/* When everything was heard of the client that was given up, and not again and again. */
static void revive_if_ready(struct producer *producer)
{
	if (!is_fatal(producer) || producer->in_flight > 0 || producer->abandoned || producer->revival_timer.slot)
		return;
	if (loop_timer_start(producer->config->loop, &producer->revival_timer, producer->opened_ns + REVIVAL_PAUSE_NS) <
	    0)
		producer->error = -ENOMEM;
}

int producer_new(const struct producer_config *config, struct failure *failure, struct producer **ret_producer)
{
	cleanup(producer_freep) struct producer *producer = calloc(1, sizeof(*producer));
	int r;

	if (!producer)
		return failure_set(failure, -ENOMEM, "no memory");
	producer->config = config->driver;
	producer->own = *config;
	producer->handle.event_fd = -1;
	producer->down_timer = (struct loop_timer){.fire = look_whether_down, .context = producer};
	producer->revival_timer = (struct loop_timer){.fire = revive, .context = producer};
	if (config->step && produce_has_transactions(&config->step->produce))
		transaction_init(&producer->transaction, config->driver, config->step, transaction_lost, producer);
	r = open_client(producer, failure);
	if (r < 0)
		return r;
	*ret_producer = steal(producer);
	return 0;
}

void producer_wait(struct producer *producer, uint64_t until_ns)
{
	if (producer->handle.transactor && producer->transaction.state == TRANSACTION_STARTING)
		transactor_wait(producer->handle.transactor, until_ns);
}

_Bool producer_takes(const struct producer *producer)
{
	return !is_fatal(producer) && transaction_takes(&producer->transaction);
}

/* Messages. */

static rd_kafka_resp_err_t produce(rd_kafka_topic_t *topic, const struct message *message, struct operation *operation)
{
	int flags = message->payload_lasts ? 0 : RD_KAFKA_MSG_F_COPY;

	if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, flags, (void *)message->payload, message->payload_size,
	                     message->key, message->key_size, operation) == 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	return rd_kafka_last_error();
}

/* The headers are librdkafka's once it has taken the message. */
static __attribute__((noinline)) rd_kafka_resp_err_t produce_with_headers(struct producer *producer,
                                                                          rd_kafka_topic_t *topic,
                                                                          const struct message *message,
                                                                          struct operation *operation)
{
	int flags = message->payload_lasts ? 0 : RD_KAFKA_MSG_F_COPY;

	return rd_kafka_producev(producer->handle.client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(flags),
	                         RD_KAFKA_V_VALUE((void *)message->payload, message->payload_size),
	                         RD_KAFKA_V_KEY(message->key, message->key_size), RD_KAFKA_V_HEADERS(message->headers),
	                         RD_KAFKA_V_OPAQUE(operation), RD_KAFKA_V_END);
}

static int refuse_topic(const struct message *message, struct operation *operation)
{
	if (message->headers)
		rd_kafka_headers_destroy(message->headers);
	operation->sent_bytes = 0;
	operation_fail(operation, ERROR_CLIENT, "INVALID_TOPIC_EXCEPTION", "not a topic's name");
	return SUBMIT_FAILED;
}

static __attribute__((noinline)) int refuse(struct producer *producer, struct operation *operation,
                                            rd_kafka_resp_err_t error)
{
	operation->sent_bytes = 0;
	/* What broke the client or its transaction is told when it is heard of. */
	if (error == RD_KAFKA_RESP_ERR__FATAL) {
		give_up_client(producer, error, rd_kafka_err2str(error));
		revive_if_ready(producer);
		return SUBMIT_LATER;
	}
	if (error == RD_KAFKA_RESP_ERR__STATE && producer->transaction.plan) {
		transaction_spoil(&producer->transaction);
		return SUBMIT_LATER;
	}
	kafka_error_tell(operation, error);
	return SUBMIT_FAILED;
}

static int send_alone(struct producer *producer, const struct message *message, struct operation *operation)
{
	_Bool owned;
	rd_kafka_topic_t *topic = topics_find(&producer->handle.topics, producer->handle.client, message, &owned);
	rd_kafka_resp_err_t error;

	if (!topic)
		return refuse_topic(message, operation);
	if (producer->gathers)
		outlets_hurry(&producer->outlets); /* what was submitted before goes before */
	error = message->headers ? produce_with_headers(producer, topic, message, operation)
	                         : produce(topic, message, operation);
	if (owned)
		rd_kafka_topic_destroy(topic);
	if (error && message->headers)
		rd_kafka_headers_destroy(message->headers);
	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return SUBMIT_FULL;
	return error ? refuse(producer, operation, error) : SUBMIT_ACCEPTED;
}

/* Gathering. */

static void take_refusal(void *context, const rd_kafka_message_t *message)
{
	struct producer *producer = context;
	struct operation *operation = message->_private;

	operation->sent_bytes = 0;
	kafka_error_tell(operation, is_fatal(producer) ? producer->fatal : message->err);
	if (producer->streams)
		account(producer, message, operation);
	finish(producer, operation, clock_now_ns());
}

/* The step's first message: 0, or as submit. */
static __attribute__((noinline)) int add_outlet(struct producer *producer, const struct message *message,
                                                struct operation *operation)
{
	_Bool owned = 0;
	rd_kafka_topic_t *topic = topics_find(&producer->handle.topics, producer->handle.client, message, &owned);

	return topic ? outlets_add(&producer->outlets, message->step, topic, owned) : refuse_topic(message, operation);
}

static int gather(struct producer *producer, const struct message *message, struct operation *operation)
{
	int r = outlets_get(&producer->outlets, message->step) ? 0 : add_outlet(producer, message, operation);

	if (r != 0)
		return r;
	if (producer->in_flight_max > 0 && producer->in_flight >= producer->in_flight_max)
		return SUBMIT_FULL;
	if (!outlet_add(outlets_get(&producer->outlets, message->step), message, operation))
		return SUBMIT_FULL;
	if (!producer->gathers) {
		producer->gathers = 1;
		producer->next = *producer->own.gathering;
		*producer->own.gathering = producer;
	}
	return SUBMIT_ACCEPTED;
}

static _Bool may_gather(const struct producer *producer, const struct message *message)
{
	return message->may_gather && message->topic_lasts && message->payload_lasts && !message->headers &&
	       message->key_size <= OUTLET_KEY_MAX && !producer->transaction.plan;
}

void producers_flush(struct producer **gathering)
{
	while (*gathering) {
		struct producer *producer = *gathering;

		if (outlets_flush(&producer->outlets, take_refusal, producer)) {
			producer->gathers = 0;
			*gathering = producer->next;
		} else {
			gathering = &producer->next;
		}
		revive_if_ready(producer);
	}
}

int producer_send(struct producer *producer, const struct message *message, struct operation *operation)
{
	int outcome;

	operation->sent_bytes = message->key_size + message->payload_size + message->headers_size;
	outcome = may_gather(producer, message) ? gather(producer, message, operation)
	                                        : send_alone(producer, message, operation);
	if (outcome != SUBMIT_ACCEPTED)
		return outcome;
	fly(producer, operation);
	if (message->stream)
		operation->completed_ns = message->stream->next++ << 1 | message->payload_in_slab;
	if (producer->transaction.plan)
		transaction_sent(&producer->transaction, operation->step);
	return SUBMIT_ACCEPTED;
}

struct stream *producer_stream(struct producer *producer, uint32_t step)
{
	return &producer->streams[step];
}

int producer_error(const struct producer *producer)
{
	return producer->error ? producer->error : producer->transaction.error;
}

uint64_t producer_in_flight(const struct producer *producer)
{
	return producer->in_flight + transaction_pending(&producer->transaction);
}

void producer_drain(struct producer *producer)
{
	transaction_drain(&producer->transaction);
}

struct producer_volume producer_volume(const struct producer *producer)
{
	return producer->volume;
}

static void wait_for_the_end(struct producer *producer)
{
	uint64_t deadline_ns = clock_now_ns() + ABANDON_PATIENCE_NS;

	while (producer_in_flight(producer) > 0 && clock_now_ns() < deadline_ns) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(producer->handle.queue, ABANDON_POLL_MS);

		if (event)
			take_event(producer, event);
		if (producer->handle.transactor)
			transactor_poll(producer->handle.transactor);
	}
}

void producer_abandon(struct producer *producer)
{
	if (producer_in_flight(producer) == 0)
		return;
	transaction_abandon(&producer->transaction);
	outlets_drop(&producer->outlets, RD_KAFKA_RESP_ERR__PURGE_QUEUE, take_refusal, producer);
	rd_kafka_purge(producer->handle.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	wait_for_the_end(producer);
	if (producer->in_flight > 0)
		log_write(producer->config->log, LOG_WARNING, "librdkafka holds on to %llu messages, ignoring",
		          (unsigned long long)producer->in_flight);
	producer->abandoned = producer->in_flight > 0;
	while (producer->flying) {
		kafka_error_tell(producer->flying, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
		if (producer->streams)
			account(producer, NULL, producer->flying);
		finish(producer, producer->flying, clock_now_ns());
	}
	transaction_lose(&producer->transaction);
}
