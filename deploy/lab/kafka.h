/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded Kafka: librdkafka's mock cluster of three brokers on 127.0.0.1. */
#pragma once

#include "common/base/failure.h"
#include "deploy/lab/counters.h"

struct kafka;

/* Starts the brokers and makes the topics stock-data, signals and indicators; others come to be when they are
 * used. */
int kafka_start(struct failure *failure, struct kafka **ret_kafka);
/* "host:port,..." of its brokers; lives as long as it. */
const char *kafka_brokers(const struct kafka *kafka);
/* Asks each partition for its end offset; blocks for some ms. The caller deinits *ret_counters, which holds
 * nothing on failure. */
int kafka_count(struct kafka *kafka, struct failure *failure, struct kafka_counters *ret_counters);
/* Accepts NULL. Returns NULL. */
struct kafka *kafka_stop(struct kafka *kafka);
