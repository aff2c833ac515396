/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka driver: messages of producers. */
#pragma once

#include "agent/drivers/driver.h"

extern const struct driver_ops kafka_driver;
