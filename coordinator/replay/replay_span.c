/* SPDX-License-Identifier: Apache-2.0 */
/* When a run's scenarios ran.
 *
 * A scenario with a duration ends by the plan; one with a count of iterations when the last agent said that it was
 * through. A run that was ended early is cut there, and one whose journal just ends is cut where the newest snapshot
 * ends. */
#include "coordinator/replay/replay_span.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/plan/schedule.h"

void span_deinit(struct span *span)
{
	free(span->scenarios);
	for (size_t i = 0; span->dues && i < span->agent_count; i++)
		due_deinit(&span->dues[i]);
	free(span->dues);
	*span = (struct span){0};
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t cut_of(const struct facts *facts)
{
	uint64_t cut = UINT64_MAX;

	if (!facts->started)
		return 0;
	if (facts->stopped)
		cut = facts->stop.stop.at_ns;
	if (!facts_is_over(facts))
		cut = lesser(cut, facts->second_count * NS_PER_S);
	return cut;
}

int span_indices(const struct facts *facts, size_t division, uint32_t agent, uint32_t scenario,
                 struct share *ret_indices)
{
	const struct facts_division *from = &facts->divisions[division];
	const struct scenario *of = &facts->plan->scenarios[scenario];
	const struct share *share;

	*ret_indices = (struct share){0};
	if (agent >= from->agent_count)
		return 0;
	share = &from->shares[(size_t)agent * from->scenario_count + scenario];
	if (of->producers > 0)
		return share_of_producers(share, of->producers, ret_indices);
	return share_copy(ret_indices, share);
}

/* When an agent's part of a scenario ended. For those with a count it says so itself, unless it was lost or left. */
static uint64_t part_end(const struct facts_agent *agent, uint32_t scenario, const struct scenario *of,
                         const struct scenario_span *span)
{
	const struct wire_scenario *account = agent->scenarios ? &agent->scenarios[scenario] : NULL;

	if (!executor_is_counted(of->executor))
		return span->end_ns;
	if (account && account->finished)
		return lesser(account->end_ns, span->end_ns);
	if (agent->lost)
		/* The second in which it was lost is due, also if that was known before T0. */
		return lesser(greater(agent->losses[agent->loss_count - 1].at_ns, 1), span->end_ns);
	return agent->left && agent->done ? lesser(agent->end_ns, span->end_ns) : span->end_ns;
}

/* Adds the seconds in which an agent owned anything of a scenario whose indices are those below `indices`: it owes
 * them from the start of the division on, whenever the scenario itself starts. */
static int add_due(const struct facts *facts, uint32_t agent, uint32_t scenario, uint64_t indices, uint64_t end_ns,
                   struct due *due, _Bool *ret_part)
{
	*ret_part = 0;
	for (size_t i = 0; i < facts->division_count; i++) {
		struct share share cleanup(share_deinit) = {0};
		uint64_t from_ns = facts->divisions[i].from_ns, to_ns = end_ns;
		int r = span_indices(facts, i, agent, scenario, &share);

		if (r == 0 && i + 1 < facts->division_count)
			to_ns = lesser(to_ns, facts->divisions[i + 1].from_ns);
		if (r == 0 && from_ns < to_ns && share_count(&share, indices) > 0) {
			*ret_part = 1;
			r = due_add(due, from_ns / NS_PER_S, (to_ns + NS_PER_S - 1) / NS_PER_S);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds a scenario's seconds to what each agent owed; where the scenario ends by its count, finds its end. */
static int add_dues(const struct facts *facts, uint32_t index, uint64_t indices, struct span *span)
{
	const struct scenario *scenario = &facts->plan->scenarios[index];
	struct scenario_span *own = &span->scenarios[index];
	uint64_t latest = 0;

	for (uint32_t i = 0; i < facts->agent_count; i++) {
		uint64_t end_ns = part_end(&facts->agents[i], index, scenario, own);
		_Bool part;
		int r = add_due(facts, i, index, indices, end_ns, &span->dues[i], &part);

		if (r < 0)
			return r;
		if (part)
			latest = greater(latest, end_ns);
	}
	if (executor_is_counted(scenario->executor))
		own->end_ns = latest;
	return 0;
}

static int add_scenario(const struct facts *facts, uint32_t index, struct span *span)
{
	const struct scenario *scenario = &facts->plan->scenarios[index];
	struct scenario_span *own = &span->scenarios[index];
	struct schedule *schedule;
	uint64_t indices;
	int r;

	if (facts->begun_ns[index] >= span->cut_ns)
		return 0;
	r = schedule_new(scenario, &schedule);
	if (r < 0)
		return r;
	own->ran = 1;
	own->start_ns = facts->begun_ns[index];
	own->end_ns = lesser(own->start_ns + schedule_end_ns(schedule), span->cut_ns);
	indices = executor_is_open(scenario->executor) ? schedule_arrivals(schedule, schedule_end_ns(schedule))
	                                               : scenario_max_vus(scenario);
	schedule_free(schedule);
	r = add_dues(facts, index, indices, span);
	span->schedule_end_ns = greater(span->schedule_end_ns, own->end_ns);
	return r;
}

/* Where the warm-up ends: after the plan's `warmup`, and not before the first scenario starts that is no warm-up. */
static uint64_t warmup_end(const struct facts *facts, const struct span *span)
{
	uint64_t first = span->schedule_end_ns;
	_Bool any = 0;

	for (uint32_t i = 0; i < facts->plan->scenario_count; i++) {
		if (facts->plan->scenarios[i].is_warmup)
			any = 1;
		else if (span->scenarios[i].ran)
			first = lesser(first, span->scenarios[i].start_ns);
	}
	return lesser(greater(facts->plan->warmup_ns, any ? first : 0), span->schedule_end_ns);
}

/* The end of what was in flight at the schedule's end, as far as agents told. */
static uint64_t last_end(const struct facts *facts, const struct span *span)
{
	uint64_t end = span->schedule_end_ns;

	for (size_t i = 0; i < facts->agent_count; i++) {
		const struct facts_agent *agent = &facts->agents[i];

		end = greater(end, agent->end_ns);
		for (uint32_t k = 0; agent->scenarios && k < facts->plan->scenario_count; k++)
			end = greater(end, agent->scenarios[k].end_ns);
	}
	return end;
}

int span_make(const struct facts *facts, struct span *ret_span)
{
	struct span span cleanup(span_deinit) = {.cut_ns = cut_of(facts)};
	int r = 0;

	span.scenarios = calloc((size_t)facts->plan->scenario_count + 1, sizeof(*span.scenarios));
	span.dues = calloc(facts->agent_count + 1, sizeof(*span.dues));
	span.agent_count = facts->agent_count;
	if (!span.scenarios || !span.dues)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < facts->plan->scenario_count; i++)
		r = add_scenario(facts, i, &span);
	if (r < 0)
		return r;
	for (size_t i = 0; i < span.agent_count; i++)
		due_settle(&span.dues[i]);
	span.warmup_end_ns = warmup_end(facts, &span);
	span.measured_ns = span.schedule_end_ns - span.warmup_end_ns;
	span.end_ns = last_end(facts, &span);
	*ret_span = span;
	span = (struct span){0};
	return 0;
}
