/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver: statements over a pool of connections. */
#pragma once

#include "agent/drivers/driver.h"

extern const struct driver_ops postgres_driver;
