/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of thing a series tells of. */
#include "coordinator/run/outcomes.h"

_Bool outcomes_counts_operations(enum metric_id metric)
{
	for (size_t kind = 0; kind < STEP_KIND_COUNT; kind++)
		if (metric_sets[kind].failed == metric && metric != METRIC_COUNT)
			return 1;
	return 0;
}

struct cell outcomes_availability(const struct cell *failed)
{
	struct cell availability = {.kind = METRIC_RATE};
	uint64_t total = failed->rate.total;

	availability.rate.total = total > 0;
	/* hits <= total / 100, without rounding a hundredth of an operation up. */
	availability.rate.hits = total > 0 && failed->rate.hits <= total / 100;
	return availability;
}
