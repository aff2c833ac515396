/* SPDX-License-Identifier: Apache-2.0 */
/* What a Kafka cluster is, asked before the run. */
#pragma once

#include "agent/drivers/driver.h"

/* The idle round trip to the first broker in reach, and the cluster's metadata: nothing that a broker counts as load.
 * As driver_ops' slot. */
void kafka_probe(const struct driver_config *config, int timeout_ms, struct target_facts *ret_facts);
