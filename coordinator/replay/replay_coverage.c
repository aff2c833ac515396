/* SPDX-License-Identifier: Apache-2.0 */
/* The account of iterations and agent-seconds.
 *
 * `planned` is computed from the plan and the shares alone. What nobody tells of is unknown: arrivals by replay_open.h;
 * of counted iterations those that are missing in all; of closed loops only what a lost agent had in progress in its
 * last report, for nobody knows how many iterations its virtual users would have made.
 *
 * What ran besides the plan is taken out of the account of the rest, from the successes first: so that planned =
 * started + dropped + unknown and started = succeeded + failed + interrupted hold of what was planned, and no failure
 * and no drop is hidden behind an overlap. */
#include "coordinator/replay/replay_coverage.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/plan/schedule.h"

DEFINE_CLEANUP(struct schedule *, schedule_free)

/* One scenario, being accounted for. */
struct account {
	const struct facts *facts;
	const struct span *span;
	uint32_t index;
	const struct scenario *scenario;
	struct schedule *schedule;
	struct open_account *open;
	struct tally tally; /* what all agents tell */
	uint64_t unknown;
	uint64_t overlap;
};

void coverage_deinit(struct coverage *coverage)
{
	free(coverage->unknowns);
	free(coverage->agents);
	free(coverage->gaps);
	*coverage = (struct coverage){0};
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static _Bool was_cut(const struct account *account)
{
	return account->span->cut_ns != UINT64_MAX;
}

/* Where the plan does not say how many: what was told, and what was in progress. */
static uint64_t account_told(struct account *account)
{
	const struct tally *tally = &account->tally;

	for (uint32_t i = 0; i < account->facts->agent_count; i++) {
		const struct facts_agent *agent = &account->facts->agents[i];
		const struct wire_scenario *told = agent->scenarios ? &agent->scenarios[account->index] : NULL;
		uint64_t running = told && !agent->done ? lesser(told->running, told->tally.started) : 0;

		account->unknown += running;
		account->open->agents[i].unknown += running;
	}
	return tally->started + tally_dropped(tally) + account->unknown;
}

static uint64_t account_counted(struct account *account)
{
	uint64_t planned = scenario_planned(account->scenario);
	uint64_t told = account->tally.started + tally_dropped(&account->tally);

	account->unknown = planned > told ? planned - told : 0;
	account->overlap = told > planned ? told - planned : 0;
	return planned;
}

static int account_open(struct account *account, uint64_t *ret_planned)
{
	int r = open_account_add(account->facts, account->span, account->index, account->schedule, account->open);

	if (r < 0)
		return r;
	for (size_t i = 0; i < account->facts->agent_count; i++) {
		account->unknown += account->open->agents[i].unknown;
		account->overlap += account->open->agents[i].overlap;
	}
	/* The whole plan, where it doesn't hang on when each agent stopped. */
	*ret_planned = was_cut(account) ? account->open->planned : scenario_planned(account->scenario);
	return 0;
}

static int account_for(struct account *account)
{
	uint64_t planned;
	int r = 0;

	for (uint32_t i = 0; i < account->facts->agent_count; i++) {
		struct tally told = open_told(account->facts, i, account->index);

		tally_add(&account->tally, &told);
	}
	if (executor_is_open(account->scenario->executor))
		r = account_open(account, &planned);
	else if (executor_is_counted(account->scenario->executor) && !was_cut(account))
		planned = account_counted(account);
	else
		planned = account_told(account);
	if (r == 0)
		account->tally.planned = planned;
	return r;
}

/* Moves up to *left out of a count. */
static void take_out(uint64_t *count, uint64_t *left)
{
	uint64_t part = lesser(*count, *left);

	*count -= part;
	*left -= part;
}

static void leave_overlap_out(struct tally *tally, uint64_t overlap)
{
	uint64_t left = overlap;

	take_out(&tally->succeeded, &left);
	take_out(&tally->failed, &left);
	take_out(&tally->interrupted, &left);
	tally->started -= lesser(tally->started, overlap - left);
	for (int i = 0; i < DROP_REASON_COUNT; i++)
		take_out(&tally->dropped[i], &left);
}

static void add_account(struct account *account, struct coverage *coverage)
{
	struct tally *tally = &account->tally;
	_Bool holds = tally_holds(tally, 0);

	leave_overlap_out(tally, account->overlap);
	coverage->balanced &= holds && tally->planned == tally->started + tally_dropped(tally) + account->unknown;
	tally_add(&coverage->tally, tally);
	coverage->unknown += account->unknown;
	coverage->unknowns[account->index] = account->unknown;
	coverage->overlap += account->overlap;
	for (size_t i = 0; i < account->facts->agent_count; i++) {
		struct astray *astray = &account->open->agents[i];

		coverage->agents[i].unknown += astray->unknown;
		coverage->agents[i].overlap += astray->overlap;
		*astray = (struct astray){0};
	}
	account->open->planned = 0;
}

/* It was to begin after the run was ended: what agents did of it that hadn't heard of that was nobody's plan. */
static void add_unplanned(const struct facts *facts, uint32_t index, struct coverage *coverage)
{
	for (uint32_t i = 0; i < facts->agent_count; i++) {
		struct tally told = open_told(facts, i, index);
		uint64_t count = told.started + tally_dropped(&told);

		coverage->overlap += count;
		coverage->agents[i].overlap += count;
	}
}

static int add_scenario(const struct facts *facts, const struct span *span, uint32_t index, struct open_account *open,
                        struct coverage *coverage)
{
	struct schedule *schedule cleanup(schedule_freep) = NULL;
	struct account account = {
	        .facts = facts, .span = span, .index = index, .scenario = &facts->plan->scenarios[index], .open = open};
	int r;

	if (!span->scenarios[index].ran) {
		add_unplanned(facts, index, coverage);
		return 0;
	}
	r = schedule_new(account.scenario, &schedule);
	if (r < 0)
		return r;
	account.schedule = schedule;
	r = account_for(&account);
	if (r == 0)
		add_account(&account, coverage);
	return r;
}

static void add_seconds(const struct facts *facts, const struct span *span, struct coverage *coverage)
{
	for (size_t i = 0; i < facts->agent_count; i++) {
		const struct facts_agent *agent = &facts->agents[i];

		coverage->due += due_seconds(&span->dues[i]);
		coverage->held += due_held(&span->dues[i], agent);
		coverage->took_part += agent->snapshots > 0;
		coverage->operations += agent->operations;
		coverage->iterations += agent->iterations;
		coverage->mismatch |= agent->mismatch;
		/* One that came to a run and was gone before it was given anything is missed by nobody. */
		coverage->all_done &= agent->done || (span->dues[i].count == 0 && agent->iterations == 0);
	}
}

int coverage_make(const struct facts *facts, const struct span *span, struct coverage *ret_coverage)
{
	struct coverage coverage cleanup(coverage_deinit) = {.balanced = 1, .all_done = 1};
	struct astray *scratch cleanup(cleanup_free) = calloc(facts->agent_count + 1, sizeof(*scratch));
	struct open_account open = {.agents = scratch};
	int r = 0;

	coverage.agents = calloc(facts->agent_count + 1, sizeof(*coverage.agents));
	coverage.unknowns = calloc((size_t)facts->plan->scenario_count + 1, sizeof(*coverage.unknowns));
	if (!scratch || !coverage.agents || !coverage.unknowns)
		return -ENOMEM;
	add_seconds(facts, span, &coverage);
	for (uint32_t i = 0; r == 0 && i < facts->plan->scenario_count; i++)
		r = add_scenario(facts, span, i, &open, &coverage);
	coverage.gaps = open.gaps;
	coverage.gap_count = open.gap_count;
	if (r < 0)
		return r;
	*ret_coverage = coverage;
	coverage = (struct coverage){0};
	return 0;
}
