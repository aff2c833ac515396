/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer knows, and what its parts do for each other: producer.c opens, replaces and ends its client,
 * producer_send.c hands over messages, producer_events.c hears of them. Internal to them. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/handle.h"
#include "agent/drivers/kafka/outlet.h"
#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kafka/transaction.h"

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

/* Operations in flight are linked through their driver_words. */
enum { WORD_NEXT, WORD_PREVIOUS };

/* The operation is in flight from now on. */
static inline void producer_fly(struct producer *producer, struct operation *operation)
{
	operation->driver_words[WORD_NEXT] = (uintptr_t)producer->flying;
	operation->driver_words[WORD_PREVIOUS] = 0;
	if (producer->flying)
		producer->flying->driver_words[WORD_PREVIOUS] = (uintptr_t)operation;
	producer->flying = operation;
	producer->in_flight++;
}

static inline _Bool producer_is_fatal(const struct producer *producer)
{
	return producer->fatal != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* producer_events.c */

/* Completes an operation in flight. */
void producer_finish(struct producer *producer, struct operation *operation, uint64_t now_ns);
/* Of a producer with streams: what became of an operation's message; `message` is NULL if librdkafka didn't say. */
void producer_account(struct producer *producer, const rd_kafka_message_t *message, struct operation *operation);
/* The client will send nothing any more, by its own words: another one goes on in its place, under another name. */
void producer_give_up(struct producer *producer, rd_kafka_resp_err_t error, const char *words);
void producer_take_event(struct producer *producer, rd_kafka_event_t *event);
/* As loop_ready_fn, loop_timer_fn, and transaction_init() wants it. */
void producer_events_ready(void *context, int fd, uint32_t events);
void producer_look_whether_down(struct loop_timer *timer, uint64_t now_ns);
void producer_transaction_lost(void *context, rd_kafka_resp_err_t error, const char *text);

/* producer_send.c */

/* As outlet_refused_fn: a message that librdkafka will never take. */
void producer_take_refusal(void *context, const rd_kafka_message_t *message);

/* producer.c */

/* Replaces a client that was given up when everything was heard of it, and not again and again. */
void producer_revive_if_ready(struct producer *producer);
