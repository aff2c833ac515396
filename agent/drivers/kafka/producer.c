/* SPDX-License-Identifier: Apache-2.0 */
/* One producer.
 *
 * A client that librdkafka gives up (a fatal error: it was fenced off, or its idempotence broke) is replaced when the
 * last of its messages is heard of. The next one has another number, so its streams are others; the old one ends on a
 * thread of its own (see handle.h). */
#include "agent/drivers/kafka/producer_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/kafka_error.h"
#include "agent/drivers/kafka/property.h"
#include "agent/drivers/kafka/stream.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/units.h"

#define ABANDON_PATIENCE_NS (5 * NS_PER_S)
/* Between two clients, where the second one takes the place of the first. */
#define REVIVAL_PAUSE_NS (500 * NS_PER_MS)

enum { ABANDON_POLL_MS = 20 };

DEFINE_CLEANUP(struct producer *, producer_free)

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
	r = handle_open(&producer->handle, conf, producer->config->loop, producer_events_ready, producer, &problem);
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
void producer_revive_if_ready(struct producer *producer)
{
	if (!producer_is_fatal(producer) || producer->in_flight > 0 || producer->abandoned ||
	    producer->revival_timer.slot)
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
	producer->down_timer = (struct loop_timer){.fire = producer_look_whether_down, .context = producer};
	producer->revival_timer = (struct loop_timer){.fire = revive, .context = producer};
	if (config->step && produce_has_transactions(&config->step->produce))
		transaction_init(&producer->transaction, config->driver, config->step, producer_transaction_lost,
		                 producer);
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
	return !producer_is_fatal(producer) && transaction_takes(&producer->transaction);
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
			producer_take_event(producer, event);
		if (producer->handle.transactor)
			transactor_poll(producer->handle.transactor);
	}
}

void producer_abandon(struct producer *producer)
{
	if (producer_in_flight(producer) == 0)
		return;
	transaction_abandon(&producer->transaction);
	outlets_drop(&producer->outlets, RD_KAFKA_RESP_ERR__PURGE_QUEUE, producer_take_refusal, producer);
	rd_kafka_purge(producer->handle.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	wait_for_the_end(producer);
	if (producer->in_flight > 0)
		log_write(producer->config->log, LOG_WARNING, "librdkafka holds on to %llu messages, ignoring",
		          (unsigned long long)producer->in_flight);
	producer->abandoned = producer->in_flight > 0;
	while (producer->flying) {
		kafka_error_tell(producer->flying, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
		if (producer->streams)
			producer_account(producer, NULL, producer->flying);
		producer_finish(producer, producer->flying, clock_now_ns());
	}
	transaction_lose(&producer->transaction);
}
