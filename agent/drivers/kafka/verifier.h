/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what was produced to a topic. */
#pragma once

#include "agent/drivers/driver.h"

/* As driver_ops' slot. */
int kafka_verify(const struct driver_config *config, struct verify_work *work);
