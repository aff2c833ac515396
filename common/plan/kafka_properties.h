/* SPDX-License-Identifier: Apache-2.0 */
/* Tries Kafka properties on librdkafka itself, so that a wrong one is refused with the plan. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/plan/plan.h"
#include "common/plan/template.h"

enum { KAFKA_PROBLEM_SIZE = 600 };

/* 0 if librdkafka can use this list of brokers. */
int kafka_brokers_check(const char *brokers, char *ret_problem, size_t size);
/* 0 if a producer takes the property and a plan may set it. -EINVAL with the reason, in librdkafka's words where
 * they are good, and the nearest name for an unknown one. Loads no plugin and touches no file. Of {{...}} a value may
 * hold {{secret.NAME}} alone, and only where librdkafka keeps it out of its logs. */
int kafka_property_check(const char *name, const char *value, char *ret_problem, size_t size);
/* True if the value holds {{...}}, to be filled in where it is used. */
_Bool kafka_property_has_braces(const char *value);
/* Appends the value with its secrets filled in, from `secret` as in template_scope. 0, -ENOMEM, -EINVAL (not a value
 * that kafka_property_check() takes) or -ENOKEY: ret_missing is the name of the secret that there is none of. */
int kafka_property_fill(const char *value, const char *(*secret)(void *context, const char *name), void *context,
                        struct buffer *buffer, char ret_missing[LIMIT_NAME_BYTES + 1]);
/* message.max.bytes, as the properties say or by librdkafka's default. */
uint64_t kafka_message_max_bytes(const struct pairs *properties);
/* True if they ask for idempotence. */
_Bool kafka_is_idempotent(const struct pairs *properties);
/* What of an idempotent producer the property contradicts (so that librdkafka would refuse to make one), or NULL. */
const char *kafka_idempotence_problem(const char *name, const char *value);
/* True if they ask for a compression. */
_Bool kafka_compresses(const struct pairs *properties);
