/* SPDX-License-Identifier: Apache-2.0 */
/* A librdkafka client for what duties ask a cluster: no producer of the plan, and no member of a group. Of one thread,
 * which may block. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "agent/drivers/driver.h"

struct client_property {
	const char *name, *value;
};

struct client {
	rd_kafka_t *handle;
	struct log *log;
	char trouble[256]; /* what was last wrong with the cluster; "": nothing was */
};

/* The target's properties with their secrets, and over them `own` (ends with a NULL name; may be NULL). The client must
 * stay where it is. 0, -ENOMEM, or a negative errno with its reason in *failure. */
int client_open(struct client *client, const struct driver_config *config, const struct client_property *own,
                struct failure *failure);
/* Blocks until librdkafka's threads are gone. Zero-initialised is closed. */
void client_close(struct client *client);
/* Takes what librdkafka has to say; to be called now and then. */
void client_poll(struct client *client);

/* Keeps an error, if it is one, as what was last wrong; a time-out says less than what was said before. */
void client_note(struct client *client, rd_kafka_resp_err_t error);

/* What the partitions of a topic are: an rd_kafka_metadata, which rd_kafka_metadata_destroy() releases. A topic that
 * isn't there has no partitions, and is not made by the question. Blocks up to timeout_ms. */
rd_kafka_resp_err_t client_topic(struct client *client, const char *topic, int timeout_ms,
                                 const struct rd_kafka_metadata **ret_metadata);
/* Puts into each partition's `offset` what a list says: RD_KAFKA_OFFSET_END or RD_KAFKA_OFFSET_BEGINNING in it are
 * looked up, of all partitions at once. Where that failed `err` is set. Blocks up to timeout_ms. */
rd_kafka_resp_err_t client_offsets(struct client *client, rd_kafka_topic_partition_list_t *partitions, int timeout_ms);
