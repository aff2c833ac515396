/* SPDX-License-Identifier: Apache-2.0 */
/* The division that a run goes by, and what earlier ones left behind: moves of arrivals, iterations granted. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/plan/feed_use.h"

_Bool run_owns_any(const struct run *run, uint32_t agent)
{
	return agent < run->division.agent_count && division_has_any(&run->division, agent);
}

uint64_t run_entitled(const struct run *run, uint32_t agent, uint32_t scenario)
{
	uint64_t iterations = 0;

	if (agent < run->counted_agents)
		iterations = run->counted[(size_t)agent * run->config.plan->scenario_count + scenario];
	for (size_t i = 0; i < run->extra_count; i++)
		if (run->extras[i].agent == agent && run->extras[i].extra.scenario == scenario)
			iterations += run->extras[i].extra.iterations;
	return iterations;
}

/* The iterations that each agent was to run by the first division. */
static int keep_counted(struct run *run)
{
	const struct plan *plan = run->config.plan;
	uint32_t agents = run->division.agent_count;

	run->counted = calloc((size_t)agents * plan->scenario_count + 1, sizeof(*run->counted));
	if (!run->counted)
		return -ENOMEM;
	run->counted_agents = agents;
	for (uint32_t i = 0; i < agents; i++)
		for (uint32_t j = 0; j < plan->scenario_count; j++) {
			struct portion portion;
			int r;

			if (!executor_is_counted(plan->scenarios[j].executor))
				continue;
			r = division_portion(&plan->scenarios[j], &division_of(&run->division, i)[j], &portion);
			if (r < 0)
				return r;
			run->counted[(size_t)i * plan->scenario_count + j] = portion.iterations;
		}
	return 0;
}

static int keep_moves(struct run *run, struct journal_record *record)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < record->division.move_count; i++) {
		struct wire_move *move = &record->division.moves[i];
		uint64_t rows = 0;

		r = array_reserve(&run->moves, &run->move_capacity, run->move_count, sizeof(*run->moves));
		if (r == 0)
			r = division_move_rows(run->config.plan, move, &rows);
		if (r < 0)
			return r;
		if (move->first_spare + rows > run->next_spare)
			run->next_spare = move->first_spare + rows;
		run->moves[run->move_count++] = *move;
		*move = (struct wire_move){0};
	}
	return r;
}

static int keep_extras(struct run *run, const struct journal_record *record)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < record->division.extra_count; i++) {
		const struct journal_extra *extra = &record->division.extras[i];
		uint64_t end = extra->extra.first_spare + extra->extra.iterations;

		r = array_reserve(&run->extras, &run->extra_capacity, run->extra_count, sizeof(*run->extras));
		if (r < 0)
			return r;
		if (feed_use_any_unique(run->config.plan, extra->extra.scenario) && end > run->next_spare)
			run->next_spare = end;
		run->extras[run->extra_count++] = *extra;
	}
	return r;
}

int run_keep_division(struct run *run, struct journal_record *record)
{
	_Bool first = run->division.epoch == 0;
	int r;

	division_deinit(&run->division);
	run->division = (struct division){.epoch = record->division.epoch,
	                                  .from_ns = record->division.from_ns,
	                                  .shares = record->division.shares,
	                                  .connections = record->division.connections,
	                                  .agent_count = record->division.agent_count,
	                                  .scenario_count = record->division.scenario_count,
	                                  .target_count = record->division.target_count};
	record->division.shares = NULL;
	record->division.connections = NULL;
	record->division.agent_count = 0;
	r = first ? keep_counted(run) : 0;
	if (r == 0)
		r = keep_moves(run, record);
	return r == 0 ? keep_extras(run, record) : r;
}

int run_journal_division(struct run *run, struct division *next, struct wire_move *moves, uint32_t move_count,
                         struct journal_extra *extras, uint32_t extra_count)
{
	struct journal_record record = {.type = JOURNAL_DIVISION,
	                                .division = {.epoch = next->epoch,
	                                             .from_ns = next->from_ns,
	                                             .agent_count = next->agent_count,
	                                             .scenario_count = next->scenario_count,
	                                             .shares = next->shares,
	                                             .target_count = next->target_count,
	                                             .connections = next->connections,
	                                             .moves = moves,
	                                             .move_count = move_count,
	                                             .extras = extras,
	                                             .extra_count = extra_count}};
	int r = run_journal(run, &record);

	if (r < 0)
		return r;
	*next = (struct division){0};
	return run_keep_division(run, &record);
}
