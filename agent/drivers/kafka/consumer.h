/* SPDX-License-Identifier: Apache-2.0 */
/* One consumer in the worker's loop: an operation is a poll, which ends when messages are there or its time is over. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"

struct consumer;

/* Where messages carry stamps, by what the plan produces. */
struct stamp_sight {
	uint8_t tag[8]; /* of the run */
	_Bool heads;    /* in payloads */
	_Bool headers;
};

struct consumer_config {
	const struct driver_config *driver;
	const struct consume_step *step;
	const struct stamp_sight *sight;
	const char *group_id; /* copied */
	uint32_t index;       /* of its VU in the scenario, of so many */
	uint32_t count;
	_Bool watches; /* it tells of its brokers each second */
};

/* Begins to make one; what the config points to must outlive it. 0 or a negative errno, said. */
int consumer_new(const struct consumer_config *config, struct failure *failure, struct consumer **ret_consumer);
/* Begins to close it, and hands its client over, which ends on a thread (consumer_client_free()). No poll may be under
 * way. */
struct consumer_client *consumer_close(struct consumer *consumer);

/* Begins a poll; one at a time. It completes in a later turn of the loop. 0 or -ENOMEM. */
int consumer_poll(struct consumer *consumer, struct operation *operation);
/* The poll under way, or NULL. */
struct operation *consumer_operation(const struct consumer *consumer);
/* Gives the poll under way up: it completes. */
void consumer_cancel(struct consumer *consumer);
