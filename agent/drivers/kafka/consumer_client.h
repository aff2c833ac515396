/* SPDX-License-Identifier: Apache-2.0 */
/* A librdkafka consumer on its way in and out, both of which block: it is made, given its topics and at last closed on
 * threads of its own. In between it is the worker's. */
#pragma once

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/driver.h"

struct consumer_client;

struct consumer_client_config {
	const struct driver_config *driver; /* must outlive the client */
	const struct consume_step *step;    /* likewise */
	const char *group_id;               /* without a group: any name */
	uint32_t index;                     /* of its VU in the scenario, of so many */
	uint32_t count;
	_Bool watches; /* it tells of its brokers each second */
	/* Called by librdkafka, on the thread that polls. */
	void (*assigned)(void *context, int partitions, uint64_t now_ns);
	void (*revoked)(void *context, uint64_t now_ns);
	void (*failed)(void *context, rd_kafka_resp_err_t error, const char *words);
	void (*told)(void *context, const char *statistics);
	void *context;
};

/* Begins to make one. 0, -ENOMEM or another negative errno, or -EINVAL and -ENOKEY with what is wrong with its
 * properties. */
int consumer_client_new(const struct consumer_client_config *config, struct failure *failure,
                        struct consumer_client **ret_client);

/* An eventfd that gets readable when the client is ready, and when there is something to be polled. */
int consumer_client_fd(const struct consumer_client *client);

enum consumer_client_state {
	CLIENT_STARTING,
	CLIENT_READY,  /* may be polled; it is being given its topics, if they are there */
	CLIENT_CLOSED, /* after consumer_client_close(): consumer_client_free() doesn't wait */
};
enum consumer_client_state consumer_client_state(struct consumer_client *client);
/* Why it has no topics yet; RD_KAFKA_RESP_ERR_NO_ERROR: it has them, or nothing is known to be wrong. */
rd_kafka_resp_err_t consumer_client_trouble(struct consumer_client *client);
/* Of a ready one: what is polled on the worker's thread. */
rd_kafka_t *consumer_client_handle(struct consumer_client *client);
/* Of a ready one: when it became so. */
uint64_t consumer_client_since_ns(const struct consumer_client *client);

/* Leaves the group and ends, on a thread; returns at once. Of what it was given nothing is called any more, and its
 * descriptor must not be watched. */
void consumer_client_close(struct consumer_client *client);
/* Waits until it is closed. Accepts NULL. */
struct consumer_client *consumer_client_free(struct consumer_client *client);
