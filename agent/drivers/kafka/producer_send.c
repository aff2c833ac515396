/* SPDX-License-Identifier: Apache-2.0 */
/* Hands a producer's messages to its client: each by itself, or gathered until the loop's turn ends (see outlet.h). */
#include <errno.h>

#include "agent/drivers/kafka/kafka_error.h"
#include "agent/drivers/kafka/producer_state.h"
#include "agent/drivers/kafka/stream.h"
#include "common/base/clock.h"

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
		producer_give_up(producer, error, rd_kafka_err2str(error));
		producer_revive_if_ready(producer);
		return SUBMIT_LATER;
	}
	if (error == RD_KAFKA_RESP_ERR__STATE && producer->transaction.plan) {
		transaction_spoil(&producer->transaction, RD_KAFKA_RESP_ERR_NO_ERROR);
		return SUBMIT_LATER;
	}
	kafka_error_tell(operation, error);
	return SUBMIT_FAILED;
}

/* That of a step's outlet needs no looking up. */
static rd_kafka_topic_t *find_topic(struct producer *producer, const struct message *message, _Bool *ret_owned)
{
	struct outlet *outlet = message->topic_lasts ? outlets_get(&producer->outlets, message->step) : NULL;
	rd_kafka_topic_t *topic;

	*ret_owned = 0;
	if (outlet)
		return outlet_topic(outlet);
	topic = topics_find(&producer->handle.topics, producer->handle.client, message, ret_owned);
	if (topic && !*ret_owned && message->topic_lasts)
		outlets_add(&producer->outlets, message->step, topic, 0); /* or not: it is looked up again */
	return topic;
}

static int send_alone(struct producer *producer, const struct message *message, struct operation *operation)
{
	_Bool owned;
	rd_kafka_topic_t *topic = find_topic(producer, message, &owned);
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

void producer_take_refusal(void *context, const rd_kafka_message_t *message)
{
	struct producer *producer = context;
	struct operation *operation = message->_private;

	operation->sent_bytes = 0;
	kafka_error_tell(operation, producer_is_fatal(producer) ? producer->fatal : message->err);
	if (producer->streams)
		producer_account(producer, message, operation);
	producer_finish(producer, operation, clock_now_ns());
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

		if (outlets_flush(&producer->outlets, producer_take_refusal, producer)) {
			producer->gathers = 0;
			*gathering = producer->next;
		} else {
			gathering = &producer->next;
		}
		producer_revive_if_ready(producer);
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
	producer_fly(producer, operation);
	if (message->stream)
		operation->completed_ns = message->stream->next++ << 1 | message->payload_in_slab;
	if (producer->transaction.plan)
		transaction_sent(&producer->transaction, operation->step);
	return SUBMIT_ACCEPTED;
}
