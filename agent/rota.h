/* SPDX-License-Identifier: Apache-2.0 */
/* Which duty is to be performed next: setup and teardown steps in the plan's order, each once for every time it is
 * given (a setup step that failed holds up those after it); readers every `every` from when they were given, on that
 * grid whatever a reading takes. Pure. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"

struct rota_item {
	_Bool held;
	_Bool over; /* it was performed since it was given */
	_Bool failed;
	uint32_t given;  /* how often */
	uint64_t due_ns; /* a reader's next reading */
};

struct rota {
	const struct plan *plan;
	struct rota_item *items; /* by the plan's duties */
};

/* 0 or -ENOMEM. */
int rota_init(struct rota *rota, const struct plan *plan);
void rota_deinit(struct rota *rota);
/* The duty is ours from now on; nothing changes if it was. */
void rota_give(struct rota *rota, uint32_t duty, uint64_t now_ns);
/* The duty is not ours any more. False if it wasn't. */
_Bool rota_take_away(struct rota *rota, uint32_t duty);
_Bool rota_holds(const struct rota *rota, uint32_t duty);
/* What is to be performed now; PLAN_NONE: nothing before *ret_wake_ns (CLOCK_NEVER). */
uint32_t rota_next(const struct rota *rota, uint64_t now_ns, uint64_t *ret_wake_ns);
/* How often the duty was given: for rota_settle(). */
uint32_t rota_given(const struct rota *rota, uint32_t duty);
/* It was performed, having been given for the given-th time. False: nobody wants what came of it any more. */
_Bool rota_settle(struct rota *rota, uint32_t duty, uint32_t given, _Bool failed, uint64_t now_ns);
