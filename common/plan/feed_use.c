/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a unique feed a plan takes. */
#include "common/plan/feed_use.h"

/* What the first `count` scenarios draw. */
static uint64_t draws_of(const struct plan *plan, uint32_t count, uint32_t feed)
{
	uint64_t draws = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t planned;

		if (!plan_scenario_uses_feed(plan, i, feed))
			continue;
		planned = scenario_planned(&plan->scenarios[i]);
		if (__builtin_add_overflow(draws, planned, &draws))
			return UINT64_MAX;
	}
	return draws;
}

uint64_t feed_use_offset(const struct plan *plan, uint32_t scenario, uint32_t feed)
{
	return draws_of(plan, scenario, feed);
}

uint64_t feed_use_draws(const struct plan *plan, uint32_t feed)
{
	return draws_of(plan, plan->scenario_count, feed);
}

uint64_t feed_use_spares(const struct plan *plan, uint32_t feed)
{
	uint64_t draws = feed_use_draws(plan, feed), rows = feed_rows(plan->feeds[feed]);

	return rows > draws ? rows - draws : 0;
}

uint64_t feed_use_spare_row(const struct plan *plan, uint32_t feed, uint64_t n)
{
	return n < feed_use_spares(plan, feed) ? feed_use_draws(plan, feed) + n : UINT64_MAX;
}

_Bool feed_use_any_unique(const struct plan *plan, uint32_t scenario)
{
	for (uint32_t i = 0; i < plan->feed_count; i++)
		if (feed_pick(plan->feeds[i]) == FEED_UNIQUE && plan_scenario_uses_feed(plan, scenario, i))
			return 1;
	return 0;
}
