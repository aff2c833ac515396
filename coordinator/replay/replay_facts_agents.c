/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal says of each agent: that it came, what of it is held, how it stood, how it went.
 *
 * Who coordinated leaves no trace: a resume, or the numbers of local processes, are passed over. So a run that was
 * resumed and one that was not give one report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "coordinator/journal/account_change.h"
#include "coordinator/run/merge.h"
#include "coordinator/replay/replay_facts_internal.h"

void facts_agent_deinit(struct facts_agent *agent)
{
	struct journal_record record = {.type = JOURNAL_AGENT, .agent = {.hello = agent->hello}};

	journal_record_deinit(&record);
	free(agent->scenarios);
	free(agent->held);
	free(agent->stalls);
	for (size_t i = 0; i < agent->loss_count; i++)
		free(agent->losses[i].reason);
	free(agent->losses);
}

static int take_agent(const struct reading *reading, struct journal_record *record)
{
	struct facts *facts = reading->facts;
	int r = array_reserve(&facts->agents, &facts->agent_capacity, facts->agent_count, sizeof(*facts->agents));

	if (r < 0)
		return r;
	facts->agents[facts->agent_count++] =
	        (struct facts_agent){.hello = facts_take_over(record).agent.hello, .idle_from = UINT64_MAX};
	return 0;
}

static int hold_second(struct facts_agent *agent, uint64_t second, uint32_t epoch)
{
	struct held_range *newest = agent->held_count > 0 ? &agent->held[agent->held_count - 1] : NULL;
	int r;

	if (newest && second <= newest->last)
		return 0;
	if (newest && second == newest->last + 1 && epoch == newest->epoch) {
		newest->last++;
		return 0;
	}
	r = array_reserve(&agent->held, &agent->held_capacity, agent->held_count, sizeof(*agent->held));
	if (r == 0)
		agent->held[agent->held_count++] = (struct held_range){second, second, epoch};
	return r;
}

static int add_stall(struct facts_agent *agent, uint64_t second, uint64_t dropped)
{
	struct facts_stall *newest = agent->stall_count > 0 ? &agent->stalls[agent->stall_count - 1] : NULL;
	uint64_t first = agent->idle_from < second ? agent->idle_from : second;
	int r;

	if (newest && first <= newest->last + 1) {
		newest->last = second;
		newest->dropped += dropped;
		return 0;
	}
	r = array_reserve(&agent->stalls, &agent->stall_capacity, agent->stall_count, sizeof(*agent->stalls));
	if (r == 0)
		agent->stalls[agent->stall_count++] = (struct facts_stall){first, second, second, dropped};
	return r;
}

/* What an agent did not start because it stood still is dropped in the second in which it goes on. */
static int find_stall(const struct plan *plan, const struct wire_scenario *changes, uint64_t second,
                      struct facts_agent *agent)
{
	uint64_t started = 0, late = 0;
	int r = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		started += changes[i].tally.started;
		late += changes[i].tally.dropped[DROP_LATE];
	}
	if (late > 0)
		r = add_stall(agent, second, late);
	if (started > 0 || late > 0)
		agent->idle_from = UINT64_MAX;
	else if (agent->idle_from == UINT64_MAX)
		agent->idle_from = second;
	return r;
}

static int keep_account(const struct plan *plan, const struct wire_scenario *changes, struct facts_agent *agent)
{
	if (!agent->scenarios)
		agent->scenarios = calloc((size_t)plan->scenario_count + 1, sizeof(*agent->scenarios));
	if (!agent->scenarios)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		account_apply(&agent->scenarios[i], &changes[i]);
	return 0;
}

int facts_take_accepted(const struct reading *reading, const struct journal_accepted *accepted,
                        const struct wire_scenario *changes)
{
	struct facts *facts = reading->facts;
	struct facts_agent *agent;
	int r;

	if (accepted->agent >= facts->agent_count || accepted->second >= MERGE_SECONDS_MAX)
		return facts_contradiction(reading, "a snapshot is of no agent or second of the run");
	agent = &facts->agents[accepted->agent];
	agent->snapshots++;
	agent->operations = accepted->operations;
	agent->iterations = accepted->iterations;
	agent->mismatch |= accepted->mismatch;
	if (accepted->second >= facts->second_count)
		facts->second_count = accepted->second + 1;
	r = changes ? keep_account(facts->plan, changes, agent) : 0;
	if (r == 0 && changes)
		r = find_stall(facts->plan, changes, accepted->second, agent);
	return r < 0 ? r : hold_second(agent, accepted->second, accepted->epoch);
}

static void keep_bound(struct facts_agent *agent, uint64_t bound_ns)
{
	if (bound_ns > agent->worst_bound_ns)
		agent->worst_bound_ns = bound_ns;
}

/* Its account is left alone: that of the accepted snapshots is never older. */
static void take_status(const struct journal_record *record, struct facts_agent *agent)
{
	agent->has_status = 1;
	agent->health = record->status.health;
	agent->clock_offset_ns = record->status.clock_offset_ns;
	agent->clock_bound_ns = record->status.clock_bound_ns;
	keep_bound(agent, agent->clock_bound_ns);
	agent->start_skew_ns = record->status.start_skew_ns;
	agent->start_bound_ns = record->status.start_bound_ns;
	agent->drift_ppm = record->status.drift_ppm;
	agent->drift_bound_ppm = record->status.drift_bound_ppm;
}

static int take_lost(struct journal_record *record, struct facts_agent *agent)
{
	int r = array_reserve(&agent->losses, &agent->loss_capacity, agent->loss_count, sizeof(*agent->losses));

	if (r < 0)
		return r;
	agent->lost = 1;
	agent->losses[agent->loss_count++] =
	        (struct facts_loss){.at_ns = record->lost.at_ns, .back_ns = UINT64_MAX, .reason = record->lost.reason};
	record->lost.reason = NULL;
	return 0;
}

static void take_back(const struct journal_record *record, struct facts_agent *agent)
{
	if (agent->lost)
		agent->losses[agent->loss_count - 1].back_ns = record->back.at_ns;
	agent->lost = 0;
}

/* One that was given up and came back has been lost for a while only: its snapshots tell whether anything is missing.
 */
static void take_done(const struct journal_record *record, struct facts_agent *agent)
{
	if (agent->lost)
		agent->losses[agent->loss_count - 1].back_ns = record->done.end_ns;
	agent->lost = 0;
	agent->done = 1;
	agent->end_ns = record->done.end_ns;
}

static void take_leave(const struct journal_record *record, struct facts_agent *agent)
{
	if (!agent->left)
		agent->left_at_ns = record->leave.at_ns;
	agent->left = 1;
}

static void take_clock(const struct journal_record *record, struct facts_agent *agent)
{
	if (agent->jumps++ > 0 && llabs(record->clock.by_ns) <= llabs(agent->jump_ns))
		return;
	agent->jump_ns = record->clock.by_ns;
	agent->jump_at_ns = record->clock.at_ns;
}

/* The number of the agent that a record is about; UINT32_MAX: it is about none. */
static uint32_t agent_of(const struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_STATUS:
		return record->status.agent;
	case JOURNAL_TOLD:
		return record->told.agent;
	case JOURNAL_LOST:
		return record->lost.agent;
	case JOURNAL_BACK:
		return record->back.agent;
	case JOURNAL_LEAVE:
		return record->leave.agent;
	case JOURNAL_DONE:
		return record->done.agent;
	case JOURNAL_CLOCK:
		return record->clock.agent;
	default:
		return UINT32_MAX;
	}
}

int facts_take_of_agent(const struct reading *reading, struct journal_record *record)
{
	uint32_t index = agent_of(record);
	struct facts_agent *agent;

	if (record->type == JOURNAL_AGENT)
		return take_agent(reading, record);
	if (index == UINT32_MAX)
		return 0;
	if (index >= reading->facts->agent_count)
		return facts_contradiction(reading, "it tells of an agent that never came");
	agent = &reading->facts->agents[index];
	switch (record->type) {
	case JOURNAL_STATUS:
		take_status(record, agent);
		return 0;
	case JOURNAL_TOLD:
		keep_bound(agent, record->told.bound_ns);
		return 0;
	case JOURNAL_LOST:
		return take_lost(record, agent);
	case JOURNAL_BACK:
		take_back(record, agent);
		return 0;
	case JOURNAL_LEAVE:
		take_leave(record, agent);
		return 0;
	case JOURNAL_DONE:
		take_done(record, agent);
		return 0;
	default:
		take_clock(record, agent);
		return 0;
	}
}
