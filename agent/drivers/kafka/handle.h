/* SPDX-License-Identifier: Apache-2.0 */
/* A librdkafka client in a loop, with all that ends with it; and the ends of clients, which take their time. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/topics.h"
#include "agent/drivers/kafka/transactor.h"
#include "common/base/failure.h"
#include "common/base/loop.h"

struct handle {
	rd_kafka_t *client;
	rd_kafka_queue_t *queue; /* of its events */
	int event_fd;            /* is written to when the queue gets something */
	struct topics topics;
	struct transactor *transactor; /* NULL: no transactions */
};

/* Makes a client and watches its events: `ready` is called on the loop's thread and must read `fd`. The configuration
 * is the client's from then on, whatever comes of it. 0, or a negative errno with librdkafka's words. */
int handle_open(struct handle *handle, rd_kafka_conf_t *conf, struct loop *loop, loop_ready_fn ready, void *context,
                struct failure *failure);
/* Blocks until librdkafka's threads are gone. Nothing may be in flight. Of one that was never opened too, if it is
 * zeroed. */
void handle_close(struct handle *handle, struct loop *loop);

/* Clients that are on their way out. Zero-initialised is empty. */
struct graves {
	struct grave *first;
};

/* Closes a handle on a thread of its own, and leaves it zeroed; where there is no thread to be had, at once. */
void graves_add(struct graves *graves, struct handle *handle, struct loop *loop);
/* Waits for all. */
void graves_deinit(struct graves *graves);
