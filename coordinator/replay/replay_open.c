/* SPDX-License-Identifier: Apache-2.0 */
/* The arrivals of one open-loop scenario.
 *
 * Time is cut where anything changes: where an epoch takes effect, where what is held of an agent begins or ends or is
 * of another epoch, where an agent ends. Within such an interval an arrival is due to the agent that owns it by the
 * division in force, and was run by each agent that owned it by the epoch of its own snapshots. What is due to an
 * agent of which nothing is held is unknown. Among the others most run by what is due; those that do not (they heard
 * late of an epoch, or were cut off and came back) are held against each other: what is due to one of them and was
 * run by none is unknown, what was run by one of them and is due to none, or was run twice, is overlap.
 *
 * Last, each agent's own count of iterations is held against the arrivals that it ran by this. If it tells of fewer,
 * the rest is unknown (in progress, or in its queue, when it was lost); if of more, it went on for a moment after the
 * last second that is held, or these are overlap.
 *
 * So planned + overlap = told + unknown by construction, whatever the journal says. */
#include "coordinator/replay/replay_open.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* An agent in one scenario. */
struct runner {
	uint64_t first_ns, past_ns; /* what is held of it */
	uint64_t until_ns;
	uint64_t ran;   /* arrivals by its own epochs */
	uint64_t after; /* arrivals due to it after past_ns: among `unknown` */
};

struct reckoning {
	const struct facts *facts;
	const struct schedule *schedule;
	uint64_t start_ns; /* of the scenario */
	uint64_t end_ns;
	uint32_t scenario;
	struct runner *runners; /* by agent */
	struct share *shares;   /* [division * agents + agent]: arrivals */
	uint64_t *edges;        /* ns since T0, ascending */
	size_t edge_count, edge_capacity;
	struct open_account *account;
	/* The interval: arrivals [from, to). */
	uint64_t from, to;
	struct second_range seconds;
};

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t open_until_ns(const struct facts *facts, const struct span *span, uint32_t agent)
{
	const struct facts_agent *of = &facts->agents[agent];

	if (span->cut_ns == UINT64_MAX)
		return UINT64_MAX;
	return of->done && of->end_ns > span->cut_ns ? of->end_ns : span->cut_ns;
}

struct tally open_told(const struct facts *facts, uint32_t agent, uint32_t scenario)
{
	const struct facts_agent *of = &facts->agents[agent];
	struct tally tally = {0};
	uint64_t running;

	if (!of->scenarios)
		return tally;
	tally = of->scenarios[scenario].tally;
	running = of->done ? 0 : of->scenarios[scenario].running;
	tally.started -= lesser(running, tally.started);
	return tally;
}

static void reckoning_deinit(struct reckoning *reckoning)
{
	size_t count = reckoning->facts->division_count * reckoning->facts->agent_count;

	for (size_t i = 0; reckoning->shares && i < count; i++)
		share_deinit(&reckoning->shares[i]);
	free(reckoning->shares);
	free(reckoning->runners);
	free(reckoning->edges);
}

/* ---- intervals ---- */

static int add_edge(struct reckoning *reckoning, uint64_t at_ns)
{
	int r;

	if (at_ns < reckoning->start_ns || at_ns > reckoning->end_ns)
		return 0;
	r = array_reserve(&reckoning->edges, &reckoning->edge_capacity, reckoning->edge_count,
	                  sizeof(*reckoning->edges));
	if (r == 0)
		reckoning->edges[reckoning->edge_count++] = at_ns;
	return r;
}

static uint64_t start_of(const struct held_range *range)
{
	return range->first * NS_PER_S;
}

static uint64_t end_of(const struct held_range *range)
{
	return (range->last + 1) * NS_PER_S;
}

/* Seconds left out between two that are held were slept through: the later snapshot tells of them as well. */
static int add_runner(struct reckoning *reckoning, const struct span *span, uint32_t index)
{
	const struct facts_agent *agent = &reckoning->facts->agents[index];
	struct runner *runner = &reckoning->runners[index];
	int r = 0;

	runner->until_ns = open_until_ns(reckoning->facts, span, index);
	if (agent->held_count > 0) {
		runner->first_ns = start_of(&agent->held[0]);
		runner->past_ns = end_of(&agent->held[agent->held_count - 1]);
		if (agent->done)
			runner->past_ns = lesser(runner->past_ns, agent->end_ns);
	}
	for (size_t i = 0; r == 0 && i < agent->held_count; i++)
		r = add_edge(reckoning, start_of(&agent->held[i]));
	if (r == 0)
		r = add_edge(reckoning, runner->past_ns);
	return r < 0 ? r : add_edge(reckoning, runner->until_ns);
}

static int compare_edges(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static int find_edges(struct reckoning *reckoning, const struct span *span)
{
	const struct facts *facts = reckoning->facts;
	int r = add_edge(reckoning, reckoning->start_ns);

	if (r == 0)
		r = add_edge(reckoning, reckoning->end_ns);
	for (size_t i = 0; r == 0 && i < facts->division_count; i++)
		r = add_edge(reckoning, facts->divisions[i].from_ns);
	for (uint32_t i = 0; r == 0 && i < facts->agent_count; i++)
		r = add_runner(reckoning, span, i);
	if (r == 0 && reckoning->edges)
		qsort(reckoning->edges, reckoning->edge_count, sizeof(*reckoning->edges), compare_edges);
	return r;
}

static int find_shares(struct reckoning *reckoning)
{
	const struct facts *facts = reckoning->facts;
	int r = 0;

	reckoning->shares = calloc(facts->division_count * facts->agent_count + 1, sizeof(*reckoning->shares));
	if (!reckoning->shares)
		return -ENOMEM;
	for (size_t i = 0; i < facts->division_count; i++)
		for (uint32_t k = 0; r == 0 && k < facts->agent_count; k++)
			r = span_indices(facts, i, k, reckoning->scenario,
			                 &reckoning->shares[i * facts->agent_count + k]);
	return r;
}

/* ---- one interval ---- */

static const struct share *share_of(const struct reckoning *reckoning, size_t division, uint32_t agent)
{
	return &reckoning->shares[division * reckoning->facts->agent_count + agent];
}

static uint64_t count_in(const struct reckoning *reckoning, const struct share *share)
{
	return share_count(share, reckoning->to) - share_count(share, reckoning->from);
}

static _Bool is_held(const struct runner *runner, uint64_t at_ns)
{
	return at_ns >= runner->first_ns && at_ns < runner->past_ns;
}

/* The division by which an agent ran at a time of which something is held. */
static size_t ran_by(const struct reckoning *reckoning, uint32_t index, uint64_t at_ns)
{
	const struct facts_agent *agent = &reckoning->facts->agents[index];
	size_t i = 0;

	while (i + 1 < agent->held_count && start_of(&agent->held[i + 1]) <= at_ns)
		i++;
	return facts_division_of(reckoning->facts, agent->held[i].epoch);
}

/* Agents that are held in an interval and did not run by what was due. */
struct strays {
	struct stray {
		uint32_t agent;
		const struct share *due; /* NULL: nothing any more */
		const struct share *ran;
	} * items;
	size_t count, capacity;
};

static void strays_deinit(struct strays *strays)
{
	free(strays->items);
}

static int strays_add(struct strays *strays, const struct stray *stray)
{
	int r = array_reserve(&strays->items, &strays->capacity, strays->count, sizeof(*strays->items));

	if (r == 0)
		strays->items[strays->count++] = *stray;
	return r;
}

static int add_gap(const struct reckoning *reckoning, uint32_t agent)
{
	struct open_account *account = reckoning->account;
	int r = array_reserve(&account->gaps, &account->gap_capacity, account->gap_count, sizeof(*account->gaps));

	if (r == 0)
		account->gaps[account->gap_count++] = (struct open_gap){agent, reckoning->seconds};
	return r;
}

/* All that is due to them, less what one of them ran. What one ran again, or what was due to none, is its overlap.
 * 0, -ENOMEM or -EOVERFLOW. */
static int match(const struct reckoning *reckoning, const struct strays *strays, struct astray *found,
                 struct share *ret_rest)
{
	struct share rest cleanup(share_deinit) = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < strays->count; i++)
		if (strays->items[i].due)
			r = share_add(&rest, strays->items[i].due);
	for (size_t i = 0; r == 0 && i < strays->count; i++) {
		struct share hit cleanup(share_deinit) = {0}, left = {0};

		r = share_intersect(strays->items[i].ran, &rest, &hit);
		if (r == 0)
			r = share_subtract(&rest, &hit, &left);
		if (r < 0)
			return r;
		found[i].overlap = count_in(reckoning, strays->items[i].ran) - count_in(reckoning, &hit);
		share_deinit(&rest);
		rest = left;
	}
	if (r == 0) {
		*ret_rest = rest;
		rest = (struct share){0};
	}
	return r;
}

/* How much of a stray's due share nobody ran. */
static int missed_by(const struct reckoning *reckoning, const struct stray *stray, const struct share *rest,
                     uint64_t *ret_missed)
{
	struct share missed cleanup(share_deinit) = {0};
	int r;

	if (!stray->due)
		return 0;
	r = share_intersect(stray->due, rest, &missed);
	if (r == 0)
		*ret_missed = count_in(reckoning, &missed);
	return r;
}

/* Shares that are too finely split to be held against each other, each for itself: never less than it is. */
static void take_apart(const struct reckoning *reckoning, const struct strays *strays, struct astray *found)
{
	for (size_t i = 0; i < strays->count; i++) {
		const struct stray *stray = &strays->items[i];

		found[i].unknown = stray->due ? count_in(reckoning, stray->due) : 0;
		found[i].overlap = count_in(reckoning, stray->ran);
	}
}

static int account_strays(struct reckoning *reckoning, const struct strays *strays)
{
	struct astray *found cleanup(cleanup_free) = calloc(strays->count + 1, sizeof(*found));
	struct share rest cleanup(share_deinit) = {0};
	int r = found ? match(reckoning, strays, found, &rest) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < strays->count; i++)
		r = missed_by(reckoning, &strays->items[i], &rest, &found[i].unknown);
	if (r == -EOVERFLOW) {
		take_apart(reckoning, strays, found);
		r = 0;
	}
	for (size_t i = 0; r == 0 && i < strays->count; i++) {
		struct astray *astray = &reckoning->account->agents[strays->items[i].agent];

		astray->unknown += found[i].unknown;
		astray->overlap += found[i].overlap;
		if (found[i].unknown > 0)
			r = add_gap(reckoning, strays->items[i].agent);
	}
	return r;
}

/* Of one agent in one interval, whose division in force is `division`. */
static int account_agent(struct reckoning *reckoning, uint32_t index, uint64_t at_ns, size_t division,
                         struct strays *strays)
{
	struct runner *runner = &reckoning->runners[index];
	const struct share *due = at_ns < runner->until_ns ? share_of(reckoning, division, index) : NULL;
	uint64_t due_count = due ? count_in(reckoning, due) : 0;
	const struct share *ran;

	reckoning->account->planned += due_count;
	if (!is_held(runner, at_ns)) {
		reckoning->account->agents[index].unknown += due_count;
		if (at_ns >= runner->past_ns)
			runner->after += due_count;
		return 0;
	}
	ran = share_of(reckoning, ran_by(reckoning, index, at_ns), index);
	runner->ran += count_in(reckoning, ran);
	if (ran == due || (due_count == 0 && count_in(reckoning, ran) == 0))
		return 0;
	return strays_add(strays, &(struct stray){index, due, ran});
}

static int account_interval(struct reckoning *reckoning, uint64_t at_ns)
{
	struct strays strays cleanup(strays_deinit) = {0};
	size_t division = facts_division_at(reckoning->facts, at_ns);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < reckoning->facts->agent_count; i++)
		r = account_agent(reckoning, i, at_ns, division, &strays);
	return r == 0 && strays.count > 0 ? account_strays(reckoning, &strays) : r;
}

static uint64_t arrivals_before(const struct reckoning *reckoning, uint64_t at_ns)
{
	return schedule_arrivals(reckoning->schedule, at_ns - reckoning->start_ns);
}

static int account_intervals(struct reckoning *reckoning)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i + 1 < reckoning->edge_count; i++) {
		uint64_t from_ns = reckoning->edges[i], to_ns = reckoning->edges[i + 1];

		if (from_ns == to_ns)
			continue;
		reckoning->from = reckoning->to;
		reckoning->to = arrivals_before(reckoning, to_ns);
		reckoning->seconds = (struct second_range){from_ns / NS_PER_S, (to_ns + NS_PER_S - 1) / NS_PER_S};
		if (reckoning->from < reckoning->to)
			r = account_interval(reckoning, from_ns);
	}
	return r;
}

/* ---- each agent's own count ---- */

static void compare_told(struct reckoning *reckoning, uint32_t index)
{
	struct tally told = open_told(reckoning->facts, index, reckoning->scenario);
	const struct runner *runner = &reckoning->runners[index];
	struct astray *astray = &reckoning->account->agents[index];
	uint64_t count = told.started + tally_dropped(&told), known;

	if (count <= runner->ran) {
		/* What it does not tell of did not overlap either. */
		uint64_t untold = astray->overlap > count ? astray->overlap - count : 0;

		astray->overlap -= untold;
		astray->unknown += runner->ran - count - untold;
		return;
	}
	known = lesser(count - runner->ran, runner->after);
	astray->unknown -= known;
	astray->overlap += count - runner->ran - known;
}

int open_account_add(const struct facts *facts, const struct span *span, uint32_t scenario,
                     const struct schedule *schedule, struct open_account *account)
{
	struct reckoning reckoning cleanup(reckoning_deinit) = {.facts = facts,
	                                                        .schedule = schedule,
	                                                        .scenario = scenario,
	                                                        .start_ns = span->scenarios[scenario].start_ns,
	                                                        .account = account};
	int r;

	reckoning.end_ns = reckoning.start_ns + schedule_end_ns(schedule);
	reckoning.runners = calloc(facts->agent_count + 1, sizeof(*reckoning.runners));
	if (!reckoning.runners)
		return -ENOMEM;
	r = find_shares(&reckoning);
	if (r == 0)
		r = find_edges(&reckoning, span);
	if (r == 0 && facts->division_count > 0)
		r = account_intervals(&reckoning);
	for (uint32_t i = 0; r == 0 && i < facts->agent_count; i++)
		compare_told(&reckoning, i);
	return r;
}
