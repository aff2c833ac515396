/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for one topic that wait for the end of the loop's turn: librdkafka takes them by one call then, with one
 * look at its clocks and one lock of the topic for all of them, which is a tenth of what it takes to send each by
 * itself.
 *
 * What has been added is as good as sent: where librdkafka's queue is full it stays here until there is room. */
#pragma once

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/driver.h"
#include "agent/drivers/kafka/producer.h"

enum { OUTLET_KEY_MAX = 4096 };

struct outlet;

/* `topic` is the outlet's from then on if it is `owned`. NULL without memory. */
struct outlet *outlet_new(rd_kafka_topic_t *topic, _Bool owned);
/* Before its client is destroyed. Accepts NULL. */
struct outlet *outlet_free(struct outlet *outlet);

rd_kafka_topic_t *outlet_topic(const struct outlet *outlet);

/* A message whose payload lasts, without headers. Its key has at most OUTLET_KEY_MAX bytes and is copied. False: there
 * is no room even after a try to hand over what is here. */
_Bool outlet_add(struct outlet *outlet, const struct message *message, struct operation *operation);
/* True if it has something to be flushed. */
_Bool outlet_holds(const struct outlet *outlet);

/* Of the message, payload, err, and _private (the operation) are set. */
typedef void (*outlet_refused_fn)(void *context, const rd_kafka_message_t *message);

/* Hands over what is here; `refused` gets what librdkafka will never take. */
void outlet_flush(struct outlet *outlet, outlet_refused_fn refused, void *context);
/* Refuses all that is here. */
void outlet_drop(struct outlet *outlet, rd_kafka_resp_err_t error, outlet_refused_fn refused, void *context);

/* A client's, by step: those of the same topic have the same one. Zero-initialised is empty. */
struct outlets {
	struct outlet **items;
	uint32_t end; /* the highest step + 1 */
};

void outlets_deinit(struct outlets *outlets);
/* NULL: there is none yet. */
static inline struct outlet *outlets_get(const struct outlets *outlets, uint32_t step)
{
	return step < outlets->end ? outlets->items[step] : NULL;
}
/* For a step that has none; an owned topic is taken in any case. 0 or -ENOMEM. */
int outlets_add(struct outlets *outlets, uint32_t step, rd_kafka_topic_t *topic, _Bool owned);
/* Hands over what is there; what is refused is told at the next flush. */
void outlets_hurry(struct outlets *outlets);
/* outlet_flush() of all: true if nothing is left. */
_Bool outlets_flush(struct outlets *outlets, outlet_refused_fn refused, void *context);
void outlets_drop(struct outlets *outlets, rd_kafka_resp_err_t error, outlet_refused_fn refused, void *context);
