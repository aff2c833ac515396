/* SPDX-License-Identifier: Apache-2.0 */
/* What a consumer reads: its topics by a group, or its part of their partitions. */
#pragma once

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "common/plan/plan.h"

/* Subscribes the consumer, number `index` of `count`, to the step's topics, or assigns it its part of their partitions,
 * from where the step says. Without a group it blocks until the brokers have told what is there, up to some seconds;
 * what isn't there is an error, and nothing is assigned. */
rd_kafka_resp_err_t consumer_topics_take(rd_kafka_t *handle, const struct consume_step *step, uint32_t index,
                                         uint32_t count);
