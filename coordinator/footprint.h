/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent may come to need: memory, and rows of a unique feed when it is lost. Pure. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/plan/share.h"

/* The most that an agent with these shares (one a scenario, as division_of() gives them) should take, in bytes: every
 * VU made, every group seen. What answers and librdkafka's queues hold for a slow target comes on top. 0 or -ENOMEM. */
int footprint_bytes(const struct plan *plan, const struct share *shares, uint32_t agent_count, uint64_t *ret_bytes);

/* Rows of a unique feed that the loss of an agent concerns at most, which is at the start. */
struct footprint_rows {
	uint64_t retired; /* it may have drawn them, so nobody else does; UINT64_MAX: users draw without a count */
	uint64_t spares;  /* drawn in their place where the others take its share over */
};

/* 0 or -ENOMEM. */
int footprint_rows(const struct plan *plan, const struct share *shares, uint32_t feed, struct footprint_rows *ret_rows);
