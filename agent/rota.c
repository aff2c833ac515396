/* SPDX-License-Identifier: Apache-2.0 */
/* Which duty is to be performed next. */
#include "agent/rota.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"

int rota_init(struct rota *rota, const struct plan *plan)
{
	*rota = (struct rota){.plan = plan, .items = calloc(plan->duty_count + 1, sizeof(*rota->items))};
	return rota->items ? 0 : -ENOMEM;
}

void rota_deinit(struct rota *rota)
{
	free(rota->items);
	*rota = (struct rota){0};
}

void rota_give(struct rota *rota, uint32_t duty, uint64_t now_ns)
{
	struct rota_item *item = &rota->items[duty];

	if (!item->held)
		*item = (struct rota_item){.held = 1, .given = item->given + 1, .due_ns = now_ns};
}

_Bool rota_take_away(struct rota *rota, uint32_t duty)
{
	_Bool held = rota->items[duty].held;

	rota->items[duty].held = 0;
	return held;
}

_Bool rota_holds(const struct rota *rota, uint32_t duty)
{
	return rota->items[duty].held;
}

static uint32_t find_step(const struct rota *rota)
{
	_Bool failed = 0;

	for (uint32_t i = 0; i < rota->plan->duty_count; i++) {
		const struct rota_item *item = &rota->items[i];
		enum duty_kind kind = rota->plan->duties[i].kind;

		if (!item->held || (kind != DUTY_SETUP && kind != DUTY_TEARDOWN))
			continue;
		if (!item->over && !(kind == DUTY_SETUP && failed))
			return i;
		failed |= item->failed;
	}
	return PLAN_NONE;
}

static uint32_t find_reader(const struct rota *rota)
{
	uint32_t next = PLAN_NONE;

	for (uint32_t i = 0; i < rota->plan->duty_count; i++) {
		if (!rota->items[i].held || rota->plan->duties[i].kind != DUTY_READER)
			continue;
		if (next == PLAN_NONE || rota->items[i].due_ns < rota->items[next].due_ns)
			next = i;
	}
	return next;
}

uint32_t rota_next(const struct rota *rota, uint64_t now_ns, uint64_t *ret_wake_ns)
{
	uint32_t duty = find_step(rota);

	if (duty != PLAN_NONE)
		return duty;
	duty = find_reader(rota);
	if (duty != PLAN_NONE && rota->items[duty].due_ns <= now_ns)
		return duty;
	*ret_wake_ns = duty == PLAN_NONE ? CLOCK_NEVER : rota->items[duty].due_ns;
	return PLAN_NONE;
}

uint32_t rota_given(const struct rota *rota, uint32_t duty)
{
	return rota->items[duty].given;
}

_Bool rota_settle(struct rota *rota, uint32_t duty, uint32_t given, _Bool failed, uint64_t now_ns)
{
	struct rota_item *item = &rota->items[duty];
	uint64_t every_ns = rota->plan->duties[duty].every_ns;

	if (!item->held || item->given != given)
		return 0;
	item->over = 1;
	item->failed = failed;
	if (rota->plan->duties[duty].kind != DUTY_READER)
		return 1;
	item->due_ns += every_ns;
	if (item->due_ns <= now_ns)
		item->due_ns += ((now_ns - item->due_ns) / every_ns + 1) * every_ns;
	return 1;
}
