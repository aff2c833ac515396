/* SPDX-License-Identifier: Apache-2.0 */
/* One librdkafka producer in the worker's loop: messages go in, deliveries complete their operations. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/drivers/kit/step_map.h"

struct producer;
struct sent_log;
struct stream;

/* librdkafka's configuration from the target: our defaults, then the plan's properties with their secrets. `acks` as in
 * the plan's steps. Of the config target, log and secret are read. The result is an rd_kafka_conf_t, whose logs go to
 * the config's. */
struct rd_kafka_conf_s;
int producer_conf(const struct driver_config *config, int acks, struct failure *failure,
                  struct rd_kafka_conf_s **ret_conf);

struct producer_config {
	const struct driver_config *driver; /* must outlive it, as all that is pointed to here */
	int acks;
	const struct step *step;     /* one of those whose messages it sends: their transactions; NULL: none */
	struct step_map *map;        /* the target's produce steps; NULL: none carries a stamp */
	struct sent_log *log;        /* NULL: none is verified */
	uint32_t *clients;           /* that this worker has made for the target so far */
	struct producer **gathering; /* the list of those that have messages for producers_flush() */
};

/* Makes a client, which begins to connect. -EINVAL with librdkafka's words for properties that don't fit together. */
int producer_new(const struct producer_config *config, struct failure *failure, struct producer **ret_producer);
/* Blocks until librdkafka's threads are gone. Nothing may be in flight. Accepts NULL. */
struct producer *producer_free(struct producer *producer);

/* What messages had (keys and values) and what the brokers were sent, as of the last whole second; 0 where the target
 * doesn't compress. */
struct producer_volume {
	uint64_t messages;
	uint64_t sent;
};

struct rd_kafka_headers_s;
struct message {
	const void *topic; /* not terminated */
	size_t topic_size;
	const void *key; /* NULL: none */
	size_t key_size;
	const void *payload;
	size_t payload_size;
	_Bool payload_lasts;   /* it holds until the delivery: need not be copied */
	_Bool payload_in_slab; /* likewise, and is given back then (see slab.h) */
	_Bool topic_lasts;     /* every message of the step has this topic */
	_Bool may_gather;      /* nobody waits for it: it may go with others at the end of the loop's turn */
	uint32_t step;         /* the step's number among those of the driver */
	enum partitioner partitioner;
	struct rd_kafka_headers_s *headers; /* NULL: none. The producer's from then on */
	size_t headers_size;                /* names and values */
	struct stream *stream;              /* NULL: it carries no stamp; else it has that of the stream's next one */
};

/* Blocks until its first transaction has begun, but not past until_ns on the clock. */
void producer_wait(struct producer *producer, uint64_t until_ns);
/* False while no message can be sent: its transaction ends, or its client is replaced. */
_Bool producer_takes(const struct producer *producer);
/* The stream of a step by its number in the map; with a map only. */
struct stream *producer_stream(struct producer *producer, uint32_t step);
/* Of a producer that takes messages: an enum submit_outcome or -ENOMEM. Uses the operation's driver_words, and
 * completed_ns, until it completes. */
int producer_send(struct producer *producer, const struct message *message, struct operation *operation);
/* Hands over what the producers of the list have gathered, and takes out those that have nothing left. */
void producers_flush(struct producer **gathering);
/* -ENOMEM once what became of a message could not be kept. */
int producer_error(const struct producer *producer);
struct producer_volume producer_volume(const struct producer *producer);
/* Messages, and 1 for a transaction that isn't over. */
uint64_t producer_in_flight(const struct producer *producer);
/* No more messages will come: ends the open transaction. */
void producer_drain(struct producer *producer);
/* Throws away what isn't delivered, and completes it: waits up to some seconds for librdkafka to let go. */
void producer_abandon(struct producer *producer);
