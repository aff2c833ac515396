/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory an agent may come to need. Pure. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/plan/share.h"

/* The most that an agent with these shares (one a scenario, as division_of() gives them) should take, in bytes: every
 * VU made, every group seen. What answers and librdkafka's queues hold for a slow target comes on top. 0 or -ENOMEM. */
int footprint_bytes(const struct plan *plan, const struct share *shares, uint32_t agent_count, uint64_t *ret_bytes);
