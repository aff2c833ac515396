/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's properties on a client's configuration, with the secrets in them. */
#pragma once

#include "agent/drivers/driver.h"

struct rd_kafka_conf_s;

/* Sets a property as it is. -EINVAL with librdkafka's words. */
int property_set(struct rd_kafka_conf_s *conf, const char *name, const char *value, struct failure *failure);
/* True for librdkafka's warning that a property is one of the other kind of clients, producers or consumers: a target's
 * are for both. */
_Bool property_is_others(const char *facility, const char *text);
/* Sets all of the target's properties, with their secrets filled in (config: target and secret). No secret's value gets
 * into the failure. -EINVAL, or -ENOKEY: there is no such secret on this agent. */
int properties_set(struct rd_kafka_conf_s *conf, const struct driver_config *config, struct failure *failure);
