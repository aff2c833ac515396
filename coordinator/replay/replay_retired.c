/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of unique feeds that nobody is given any more.
 *
 * An arrival that moves to another agent draws a spare row, for the agent before may have drawn its own. So each move
 * retires as many rows of each unique feed of its scenario as it moves arrivals, and iterations that are granted to
 * others retire the rows of those who left them. What is unknown retires its rows as well: the agent may have drawn
 * them or not, and nobody else will. */
#include <errno.h>

#include "coordinator/replay/replay_fill.h"

/* The rows that one move retires of each unique feed of its scenario. */
static uint64_t moved(const struct plan *plan, const struct wire_move *move)
{
	uint64_t planned = scenario_planned(&plan->scenarios[move->scenario]);

	if (planned == UINT64_MAX || move->from_index >= planned)
		return 0;
	return share_count(&move->share, planned) - share_count(&move->share, move->from_index);
}

static uint64_t handed_on(const struct plan *plan, const struct facts_division *division, uint32_t feed)
{
	uint64_t rows = 0;

	for (uint32_t i = 0; i < division->move_count; i++)
		if (plan_scenario_uses_feed(plan, division->moves[i].scenario, feed))
			rows += moved(plan, &division->moves[i]);
	for (uint32_t i = 0; i < division->extra_count; i++)
		if (plan_scenario_uses_feed(plan, division->extras[i].extra.scenario, feed))
			rows += division->extras[i].extra.iterations;
	return rows;
}

static uint64_t retired_of(const struct facts *facts, const struct coverage *coverage, uint32_t feed)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < facts->division_count; i++)
		rows += handed_on(facts->plan, &facts->divisions[i], feed);
	for (uint32_t i = 0; i < facts->plan->scenario_count; i++)
		if (plan_scenario_uses_feed(facts->plan, i, feed))
			rows += coverage->unknowns[i];
	return rows;
}

int fill_retired(const struct facts *facts, const struct coverage *coverage, struct report *report)
{
	report->retired = report_alloc(report, facts->plan->feed_count, sizeof(*report->retired));
	if (!report->retired)
		return -ENOMEM;
	for (uint32_t i = 0; i < facts->plan->feed_count; i++) {
		const struct feed *feed = facts->plan->feeds[i];
		struct report_retired *retired = &report->retired[report->retired_count];

		if (feed_pick(feed) != FEED_UNIQUE)
			continue;
		*retired =
		        (struct report_retired){report_copy(report, feed_name(feed)), retired_of(facts, coverage, i)};
		if (!retired->feed)
			return -ENOMEM;
		report->retired_count += retired->rows > 0;
	}
	return 0;
}
