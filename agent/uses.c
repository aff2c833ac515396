/* SPDX-License-Identifier: Apache-2.0 */
/* Which feeds a scenario's templates read. */
#include "agent/uses.h"

static _Bool reads(const struct template *template, uint32_t slot)
{
	return template && template_uses(template, slot);
}

static _Bool pairs_read(const struct template_pairs *pairs, uint32_t slot)
{
	for (uint32_t i = 0; i < pairs->count; i++) {
		if (reads(pairs->items[i].value, slot))
			return 1;
	}
	return 0;
}

static _Bool http_reads(const struct plan *plan, const struct step *step, uint32_t slot)
{
	return reads(step->http.path, slot) || reads(step->http.body, slot) || pairs_read(&step->http.headers, slot) ||
	       pairs_read(&plan->targets[step->target].http.headers, slot);
}

static _Bool step_reads(const struct plan *plan, const struct step *step, uint32_t slot)
{
	if (reads(step->group, slot))
		return 1;
	switch (step->kind) {
	case STEP_HTTP:
		return http_reads(plan, step, slot);
	case STEP_PRODUCE:
		return reads(step->produce.topic, slot) || reads(step->produce.key, slot) ||
		       reads(step->produce.payload, slot);
	case STEP_SQL:
		return pairs_read(&step->sql.params, slot);
	default:
		return 0;
	}
}

_Bool uses_feed(const struct plan *plan, uint32_t scenario, const struct feed *feed)
{
	const struct scenario *of = &plan->scenarios[scenario];

	for (uint32_t i = 0; i < of->step_count; i++) {
		for (uint32_t j = 0; j < feed_columns(feed); j++) {
			if (step_reads(plan, &of->steps[i], feed_slot(feed, j)))
				return 1;
		}
	}
	return 0;
}

uint64_t uses_feed_offset(const struct plan *plan, uint32_t scenario, const struct feed *feed)
{
	uint64_t offset = 0;

	for (uint32_t i = 0; i < scenario; i++) {
		uint64_t planned;

		if (!uses_feed(plan, i, feed))
			continue;
		planned = scenario_planned(&plan->scenarios[i]);
		if (__builtin_add_overflow(offset, planned, &offset))
			return UINT64_MAX;
	}
	return offset;
}
