/* SPDX-License-Identifier: Apache-2.0 */
/* The account of iterations and agent-seconds.
 *
 * `planned` is computed from the plan and the shares alone. An agent that did not finish leaves iterations whose fate
 * nobody knows: what its share planned up to the end, less what it reported; those it had in progress when it last
 * reported are among them, and not among the started. */
#include "coordinator/replay_coverage.h"

#include <errno.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/plan/schedule.h"

DEFINE_CLEANUP(struct schedule *, schedule_free)

/* One scenario, being accounted for. */
struct account {
	const struct facts *facts;
	const struct span *span;
	uint32_t index;
	const struct scenario *scenario;
	const struct scenario_span *own;
	struct schedule *schedule;
	struct tally tally;
	uint64_t unknown;
};

static _Bool was_cut(const struct account *account)
{
	return account->span->cut_ns != UINT64_MAX;
}

static _Bool counts_iterations(const struct scenario *scenario)
{
	return scenario->executor == EXECUTOR_PER_VU_ITERATIONS || scenario->executor == EXECUTOR_SHARED_ITERATIONS;
}

/* Until when an agent's share was to start iterations: where a run is ended early, each agent stops when it hears of
 * it. */
static uint64_t until_ns(const struct account *account, uint32_t agent)
{
	if (!was_cut(account))
		return UINT64_MAX;
	if (account->facts->agents[agent].done)
		return account->facts->agents[agent].end_ns;
	return account->span->cut_ns;
}

/* Arrivals before a time since T0. */
static uint64_t arrivals_before(const struct account *account, uint64_t at_ns)
{
	uint64_t end_ns = schedule_end_ns(account->schedule);

	if (at_ns <= account->own->start_ns)
		return 0;
	at_ns -= account->own->start_ns;
	return schedule_arrivals(account->schedule, at_ns < end_ns ? at_ns : end_ns);
}

/* The arrivals of an agent's share, over all divisions, that lie before its end. */
static int planned_arrivals(const struct account *account, uint32_t agent, uint64_t *ret_planned)
{
	const struct facts *facts = account->facts;
	uint64_t until = until_ns(account, agent), planned = 0;

	for (size_t i = 0; i < facts->division_count; i++) {
		struct share share cleanup(share_deinit) = {0};
		uint64_t from = facts->divisions[i].from_ns, to = until;
		int r = span_indices(facts, i, agent, account->index, &share);

		if (r < 0)
			return r;
		if (i + 1 < facts->division_count && facts->divisions[i + 1].from_ns < to)
			to = facts->divisions[i + 1].from_ns;
		if (from < to)
			planned += share_count(&share, arrivals_before(account, to)) -
			           share_count(&share, arrivals_before(account, from));
	}
	*ret_planned = planned;
	return 0;
}

static int planned_count(const struct account *account, uint32_t agent, uint64_t *ret_planned)
{
	struct share share cleanup(share_deinit) = {0};
	int r;

	*ret_planned = 0;
	if (account->facts->division_count == 0)
		return 0;
	r = span_indices(account->facts, account->facts->division_count - 1, agent, account->index, &share);
	if (r < 0)
		return r;
	if (account->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		*ret_planned = schedule_shared_iterations(account->scenario, &share);
	else
		*ret_planned = share_count(&share, account->scenario->vus) * account->scenario->iterations;
	return 0;
}

/* What an agent's share planned; where only the agent can tell (closed loops, and a count that was cut short): what it
 * told. */
static int planned_by(const struct account *account, uint32_t agent, uint64_t told, uint64_t *ret_planned)
{
	if (executor_is_open(account->scenario->executor))
		return planned_arrivals(account, agent, ret_planned);
	if (counts_iterations(account->scenario) && !was_cut(account))
		return planned_count(account, agent, ret_planned);
	*ret_planned = told;
	return 0;
}

static int add_agent(struct account *account, uint32_t index, uint64_t *planned)
{
	const struct facts_agent *agent = &account->facts->agents[index];
	const struct wire_scenario *told = agent->scenarios ? &agent->scenarios[account->index] : NULL;
	struct tally tally = told ? told->tally : (struct tally){0};
	uint64_t running = told && !agent->done ? told->running : 0;
	uint64_t share;
	int r = planned_by(account, index, tally.started + tally_dropped(&tally), &share);

	if (r < 0)
		return r;
	running = running < tally.started ? running : tally.started;
	tally.started -= running;
	*planned += share;
	tally_add(&account->tally, &tally);
	if (!agent->done && share > tally.started + tally_dropped(&tally))
		account->unknown += share - tally.started - tally_dropped(&tally);
	return 0;
}

/* The whole scenario's plan, where it doesn't hang on when each agent stopped. */
static uint64_t planned_whole(const struct account *account, uint64_t by_agents)
{
	uint64_t planned = scenario_planned(account->scenario);

	if (!account->own->ran || was_cut(account) || planned == UINT64_MAX)
		return by_agents;
	return planned;
}

static int account_for(struct account *account)
{
	uint64_t planned = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < account->facts->agent_count; i++)
		r = add_agent(account, i, &planned);
	account->tally.planned = planned_whole(account, planned);
	return r;
}

static int add_scenario(const struct facts *facts, const struct span *span, uint32_t index, struct coverage *coverage)
{
	struct schedule *schedule cleanup(schedule_freep) = NULL;
	struct account account = {.facts = facts,
	                          .span = span,
	                          .index = index,
	                          .scenario = &facts->plan->scenarios[index],
	                          .own = &span->scenarios[index]};
	const struct tally *tally = &account.tally;
	int r;

	if (!account.own->ran)
		return 0;
	r = schedule_new(account.scenario, &schedule);
	if (r < 0)
		return r;
	account.schedule = schedule;
	r = account_for(&account);
	if (r < 0)
		return r;
	tally_add(&coverage->tally, tally);
	coverage->unknown += account.unknown;
	coverage->balanced &= tally->planned == tally->started + tally_dropped(tally) && tally_holds(tally, 0);
	return 0;
}

static void add_seconds(const struct facts *facts, const struct span *span, struct coverage *coverage)
{
	for (size_t i = 0; i < facts->agent_count; i++) {
		const struct facts_agent *agent = &facts->agents[i];

		coverage->due += span->due_s[i];
		coverage->held += facts_seconds_below(agent, span->due_s[i]);
		coverage->took_part += agent->snapshots > 0;
		coverage->operations += agent->operations;
		coverage->iterations += agent->iterations;
		coverage->mismatch |= agent->mismatch;
		coverage->all_done &= agent->done;
	}
}

int coverage_make(const struct facts *facts, const struct span *span, struct coverage *ret_coverage)
{
	struct coverage coverage = {.balanced = 1, .all_done = 1};
	int r = 0;

	add_seconds(facts, span, &coverage);
	for (uint32_t i = 0; r == 0 && i < facts->plan->scenario_count; i++)
		r = add_scenario(facts, span, i, &coverage);
	if (r == 0)
		*ret_coverage = coverage;
	return r;
}
