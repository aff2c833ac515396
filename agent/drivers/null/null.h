/* SPDX-License-Identifier: Apache-2.0 */
/* The driver that does nothing at a given latency: it tests the pipeline and measures the harness's own cost. */
#pragma once

#include "agent/drivers/driver.h"

extern const struct driver_ops null_driver;
