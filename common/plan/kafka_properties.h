/* SPDX-License-Identifier: Apache-2.0 */
/* Tries Kafka properties on librdkafka itself, so that a wrong one is refused with the plan. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/plan/plan.h"

enum { KAFKA_PROBLEM_SIZE = 600 };

/* 0 if librdkafka can use this list of brokers. */
int kafka_brokers_check(const char *brokers, char *ret_problem, size_t size);
/* 0 if a producer takes the property and a plan may set it. -EINVAL with the reason, in librdkafka's words where
 * they are good, and the nearest name for an unknown one. Loads no plugin and touches no file. */
int kafka_property_check(const char *name, const char *value, char *ret_problem, size_t size);
/* message.max.bytes, as the properties say or by librdkafka's default. */
uint64_t kafka_message_max_bytes(const struct pairs *properties);
/* True if they ask for idempotence. */
_Bool kafka_is_idempotent(const struct pairs *properties);
/* What of an idempotent producer the property contradicts (so that librdkafka would refuse to make one), or NULL. */
const char *kafka_idempotence_problem(const char *name, const char *value);
/* True if they ask for a compression. */
_Bool kafka_compresses(const struct pairs *properties);
