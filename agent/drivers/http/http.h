/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP driver: requests of virtual users over connections of their own. */
#pragma once

#include "agent/drivers/driver.h"

extern const struct driver_ops http_driver;
