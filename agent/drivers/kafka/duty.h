/* SPDX-License-Identifier: Apache-2.0 */
/* The duties of the Kafka driver: topics, and what readers read. */
#pragma once

#include "agent/drivers/driver.h"
#include "agent/drivers/kafka/client.h"

/* What a reader keeps from one reading to the next: the beginning of its own structure. */
struct held {
	void (*release)(struct held *held);
	struct client client;
};

/* As driver_ops' slots. */
int kafka_perform(const struct driver_config *config, struct duty_work *work);
void kafka_let_go(void *held);

/* Makes the target's topics that aren't there, and waits until they can be used; deletes those that are to be. 0 or
 * -ENOMEM; what goes wrong is work->problem. */
int admin_make_topics(const struct driver_config *config, struct duty_work *work);
int admin_delete_topics(const struct driver_config *config, struct duty_work *work);
/* One reading each, of consumer groups' lags and of the cluster's state. */
int lag_read(const struct driver_config *config, struct duty_work *work);
int cluster_read(const struct driver_config *config, struct duty_work *work);

/* Waits so long at most: true if the duty is to be given up. */
_Bool duty_is_cancelled(const struct duty_work *work, int timeout_ms);
/* The next event of a queue: NULL after timeout_ms, or when the duty is cancelled. */
rd_kafka_event_t *duty_await_event(const struct duty_work *work, rd_kafka_queue_t *queue, int timeout_ms);
/* Names what failed, with what was last wrong with the cluster if it is only that no answer came. */
void duty_fail(struct duty_work *work, const struct client *client, const char *what, rd_kafka_resp_err_t error,
               const char *text);
