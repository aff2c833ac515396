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
 * librdkafka's statistics (once a second) tell how the brokers look from here, and, where a target compresses, what the
 * messages had and what the brokers were sent: it can leave a batch uncompressed without a word. */
#include "agent/drivers/kafka/producer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/broker_view.h"
#include "agent/drivers/kafka/kafka_error.h"
#include "agent/drivers/kafka/property.h"
#include "agent/drivers/kafka/slab.h"
#include "agent/drivers/kafka/stream.h"
#include "agent/drivers/kafka/topics.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/plan/kafka_properties.h"

#define DOWN_PATIENCE_NS (2 * NS_PER_S)
#define DOWN_LOOK_NS NS_PER_S
#define ABANDON_PATIENCE_NS (5 * NS_PER_S)

/* Messages' bytes from which on it is told how far they were compressed, and the share above which they were not. */
#define VOLUME_TELLING UINT64_C(1000000)
#define VOLUME_PLAIN 0.98

enum { WORD_NEXT, WORD_PREVIOUS };

struct producer {
	const struct driver_config *config;
	struct step_map *map;
	struct stream *streams; /* by step; NULL: none carries a stamp */
	int error;
	rd_kafka_t *client;
	rd_kafka_queue_t *queue;
	int event_fd;
	struct topics topics;
	struct operation *flying; /* the newest one */
	uint64_t in_flight;
	_Bool delivered;             /* ever */
	_Bool abandoned;             /* deliveries that come after it belong to nobody */
	_Bool down;                  /* no broker is in reach */
	rd_kafka_resp_err_t trouble; /* why */
	char why[200];               /* what librdkafka says of it */
	struct loop_timer down_timer;
	struct producer_volume volume; /* of a target that compresses */
	_Bool warned;
};

DEFINE_CLEANUP(struct producer *, producer_free)

/* Configuration. */

/* What we set before the plan's properties. */
static const struct {
	const char *name, *value;
} defaults[] = {
        {"client.id", "stampede"},
        {"socket.nagle.disable", "true"}, /* a message's time is measured */
        {"message.timeout.ms", "30000"},  /* librdkafka's 300 s would outlast most runs */
        {"max.in.flight.requests.per.connection",
         "5"},                                /* as Java's client; a million by default, which a retry would reorder */
        {"reconnect.backoff.max.ms", "1000"}, /* a broker that is back is used again soon */
        {"log.connection.close", "false"},    /* brokers close idle connections */
        /* How long a topic may take to be made; librdkafka's 30 s are a message's whole time. */
        {"topic.metadata.propagation.max.ms", "5000"},
        {"partitioner", "murmur2_random"}, /* as Java's client, which other producers of a topic are as a rule */
};

/* From syslog's levels; what librdkafka calls an error is a target's, not ours. */
static enum log_level level_of(int level)
{
	if (level <= 4)
		return LOG_WARNING;
	return level <= 6 ? LOG_INFO : LOG_DEBUG;
}

static void take_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	log_write(rd_kafka_opaque(client), level_of(level), "librdkafka: %s: %s", facility, text);
}

static _Bool wants_statistics(const struct driver_config *config)
{
	return config->gauge || kafka_compresses(&config->target->kafka.properties);
}

static int set_all(rd_kafka_conf_t *conf, const struct driver_config *config, int acks, struct failure *failure)
{
	static const char *const acks_texts[] = {"-1", "0", "1"};
	const struct kafka_target *target = &config->target->kafka;
	int r = property_set(conf, "bootstrap.servers", target->brokers, failure);

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults) && r == 0; i++)
		r = property_set(conf, defaults[i].name, defaults[i].value, failure);
	if (r == 0 && wants_statistics(config))
		r = property_set(conf, "statistics.interval.ms", "1000", failure);
	if (r == 0)
		r = properties_set(conf, config, failure);
	if (r == 0 && acks != PRODUCE_ACKS_TARGET)
		r = property_set(conf, "acks", acks_texts[acks + 1], failure);
	return r;
}

int producer_conf(const struct driver_config *config, int acks, struct failure *failure, rd_kafka_conf_t **ret_conf)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int r;

	if (!conf)
		return failure_set(failure, -ENOMEM, "no memory");
	rd_kafka_conf_set_log_cb(conf, take_log);
	rd_kafka_conf_set_opaque(conf, config->log);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR |
	                                       (wants_statistics(config) ? RD_KAFKA_EVENT_STATS : 0));
	r = set_all(conf, config, acks, failure);
	if (r < 0) {
		rd_kafka_conf_destroy(conf);
		return r;
	}
	*ret_conf = conf;
	return 0;
}

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

/* What became of a message that carries a stamp. */
static void account(struct producer *producer, const rd_kafka_message_t *message, struct operation *operation)
{
	const struct stream *stream = &producer->streams[step_map_find(producer->map, operation->step)];
	/* One that was never given to a partition is in none: any will do. */
	uint32_t partition = message && message->partition >= 0 ? (uint32_t)message->partition : 0;
	enum sent_kind kind = message && !message->err ? SENT_ACKED : SENT_FAILED;
	int r = 0;

	if (operation->step->produce.stamp == STAMP_NONE)
		return;
	if (message && operation->completed_ns & 1)
		slab_give(message->payload);
	if (stream->sent)
		r = sent_log_add(stream->sent, partition, kind, operation->completed_ns >> 1);
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

	if (given_up && producer->down)
		kafka_error_tell_why(operation, producer->trouble, producer->why);
	else
		kafka_error_tell_broker(operation, message->err, rd_kafka_message_broker_id(message));
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
	} else {
		producer->delivered = 1;
		producer->down = 0;
	}
	if (producer->streams)
		account(producer, message, operation);
	finish(producer, operation, now_ns);
}

static void take_deliveries(struct producer *producer, rd_kafka_event_t *event)
{
	uint64_t now_ns = clock_now_ns();
	const rd_kafka_message_t *message;

	while ((message = rd_kafka_event_message_next(event)))
		take_delivery(producer, message, now_ns);
}

/* librdkafka first says what is wrong with a broker and then, if it was the last one, that all are down. */
static void take_error(struct producer *producer, rd_kafka_resp_err_t error, const char *words)
{
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
		rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
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
	while ((event = rd_kafka_queue_poll(producer->queue, 0)))
		take_event(producer, event);
}

/* Opening and closing. */

struct producer *producer_free(struct producer *producer)
{
	if (!producer)
		return NULL;
	assert(producer->in_flight == 0);
	topics_deinit(&producer->topics);
	loop_timer_stop(producer->config->loop, &producer->down_timer);
	if (producer->event_fd >= 0)
		loop_unwatch(producer->config->loop, producer->event_fd);
	if (producer->queue) {
		rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(producer->queue);
	}
	if (producer->client)
		rd_kafka_destroy(producer->client);
	if (producer->event_fd >= 0)
		close(producer->event_fd);
	free(producer->streams);
	free(producer);
	return NULL;
}

static int watch_events(struct producer *producer)
{
	static const uint64_t one = 1;

	producer->queue = rd_kafka_queue_get_main(producer->client);
	producer->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (producer->event_fd < 0)
		return -errno;
	rd_kafka_queue_io_event_enable(producer->queue, producer->event_fd, &one, sizeof(one));
	/* What came since the client was made has not been written for. */
	if (write(producer->event_fd, &one, sizeof(one)) < 0)
		return -errno;
	return loop_watch(producer->config->loop, producer->event_fd, EPOLLIN, events_ready, producer);
}

static int make_streams(struct producer *producer, const struct producer_config *config, struct failure *failure)
{
	if (!config->map || !streams_needed(config->map))
		return 0;
	producer->map = config->map;
	producer->streams = streams_new(config->driver, config->map, config->client, config->log, failure);
	return producer->streams ? 0 : -EINVAL;
}

int producer_new(const struct producer_config *config, struct failure *failure, struct producer **ret_producer)
{
	cleanup(producer_freep) struct producer *producer = calloc(1, sizeof(*producer));
	char problem[512] = "";
	rd_kafka_conf_t *conf = NULL;
	int r;

	if (!producer)
		return failure_set(failure, -ENOMEM, "no memory");
	producer->config = config->driver;
	producer->event_fd = -1;
	producer->down_timer = (struct loop_timer){.fire = look_whether_down, .context = producer};
	r = make_streams(producer, config, failure);
	if (r == 0)
		r = producer_conf(config->driver, config->acks, failure, &conf);
	if (r < 0)
		return r;
	producer->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof(problem));
	if (!producer->client) {
		rd_kafka_conf_destroy(conf);
		return failure_set(failure, -EINVAL, "target %s: %s", config->driver->target->name, problem);
	}
	r = watch_events(producer);
	if (r < 0)
		return failure_set(failure, r, "target %s: no descriptor: %s", config->driver->target->name,
		                   strerror(-r));
	*ret_producer = steal(producer);
	return 0;
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

	return rd_kafka_producev(producer->client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(flags),
	                         RD_KAFKA_V_VALUE((void *)message->payload, message->payload_size),
	                         RD_KAFKA_V_KEY(message->key, message->key_size), RD_KAFKA_V_HEADERS(message->headers),
	                         RD_KAFKA_V_OPAQUE(operation), RD_KAFKA_V_END);
}

static int refuse_topic(const struct message *message, struct operation *operation)
{
	if (message->headers)
		rd_kafka_headers_destroy(message->headers);
	operation_fail(operation, ERROR_CLIENT, "INVALID_TOPIC_EXCEPTION", "not a topic's name");
	return SUBMIT_FAILED;
}

int producer_send(struct producer *producer, const struct message *message, struct operation *operation)
{
	_Bool owned;
	rd_kafka_topic_t *topic = topics_find(&producer->topics, producer->client, message, &owned);
	rd_kafka_resp_err_t error;

	if (!topic)
		return refuse_topic(message, operation);
	operation->sent_bytes = message->key_size + message->payload_size + message->headers_size;
	error = message->headers ? produce_with_headers(producer, topic, message, operation)
	                         : produce(topic, message, operation);
	if (owned)
		rd_kafka_topic_destroy(topic);
	if (error && message->headers)
		rd_kafka_headers_destroy(message->headers);
	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return SUBMIT_FULL;
	if (error) {
		operation->sent_bytes = 0;
		kafka_error_tell(operation, error);
		return SUBMIT_FAILED;
	}
	fly(producer, operation);
	if (message->stream)
		operation->completed_ns = message->stream->next++ << 1 | message->payload_in_slab;
	return SUBMIT_ACCEPTED;
}

struct stream *producer_stream(struct producer *producer, uint32_t step)
{
	return &producer->streams[step];
}

int producer_error(const struct producer *producer)
{
	return producer->error;
}

uint64_t producer_in_flight(const struct producer *producer)
{
	return producer->in_flight;
}

struct producer_volume producer_volume(const struct producer *producer)
{
	return producer->volume;
}

void producer_abandon(struct producer *producer)
{
	uint64_t deadline_ns = clock_now_ns() + ABANDON_PATIENCE_NS;

	if (producer->in_flight == 0)
		return;
	rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (producer->in_flight > 0 && clock_now_ns() < deadline_ns) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(producer->queue, 100);

		if (event)
			take_event(producer, event);
	}
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
}
