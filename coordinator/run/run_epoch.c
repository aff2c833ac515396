/* SPDX-License-Identifier: Apache-2.0 */
/* Another division, from a future second on.
 *
 * Who came, went or got ready since the last division marks the run as unsettled. Then, at the next turn, one new
 * division is made for all of them: what lost and leaving agents have goes to heirs (where the plan wants that), those
 * who join or are back get their part, and the iterations that an agent which left had not started are granted to those
 * who took its VUs over. It is journaled, and only then told. An agent that misses it misses nothing: the newest
 * assignment says all that it has, and nobody does what it didn't hear of twice, as each index is in one share alone.
 */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/plan/feed_use.h"

#define EPOCH_LEAD_NS NS_PER_S /* a division takes effect at a whole second at least this far ahead */

/* What is being made. */
struct change {
	struct member *members;
	struct division next;
	struct wire_move *moves;
	uint32_t move_count;
	struct journal_extra *extras;
	size_t extra_count, extra_capacity;
	uint64_t next_spare;
};

static void change_deinit(struct change *change)
{
	free(change->members);
	division_deinit(&change->next);
	division_free_moves(change->moves, change->move_count);
	free(change->extras);
}

/* ---- who is who ---- */

_Bool run_hands_on(const struct run *run)
{
	return run->config.plan->elastic || run->config.plan->on_agent_loss == ON_AGENT_LOSS_REDISTRIBUTE;
}

/* True if it waits for a part: it joins, or came back with nothing. */
static _Bool is_candidate(const struct run *run, const struct roster_agent *agent, uint32_t index)
{
	if (!run->config.plan->elastic || agent->leaving || agent->done_told)
		return 0;
	if (agent->state == AGENT_READY)
		return run_clock_is_known(agent);
	return agent->state == AGENT_RUNNING && agent->returned && !run_owns_any(run, index);
}

static enum member_stand stand_of(const struct run *run, const struct roster_agent *agent, uint32_t index)
{
	switch (agent->state) {
	case AGENT_LOST:
		return run->config.plan->on_agent_loss == ON_AGENT_LOSS_REDISTRIBUTE ? MEMBER_GONE : MEMBER_STAYS;
	case AGENT_DONE:
		return agent->leaving && run_hands_on(run) ? MEMBER_GONE : MEMBER_STAYS;
	case AGENT_RUNNING:
		if (agent->leaving)
			return run_hands_on(run) ? MEMBER_LEAVES : MEMBER_STAYS;
		/* One that is at its end takes nothing up, nor does one whose share was taken over. */
		return agent->done_told || agent->final_seq || !run_owns_any(run, index) ? MEMBER_STAYS : MEMBER_HEIR;
	default:
		return MEMBER_STAYS;
	}
}

struct member run_member(const struct roster_agent *agent)
{
	return (struct member){
	        .weight = agent->hello.weight, .tags = agent->hello.tags, .tag_count = agent->hello.tag_count};
}

/* ---- another division ---- */

static int find_members(struct run *run, struct change *change)
{
	uint32_t count = roster_count(run->roster);
	int r = division_copy(&run->division, count, &change->next);

	if (r < 0)
		return r;
	change->members = calloc(count + 1, sizeof(*change->members));
	if (!change->members)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		change->members[i] = run_member(agent);
		change->members[i].stand = stand_of(run, agent, i);
	}
	return 0;
}

/* Those who run take up what is left behind, then newcomers get their part; what had no heir may have one then. */
static int divide_anew(struct run *run, struct change *change)
{
	const struct plan *plan = run->config.plan;
	_Bool newcomers = 0;
	int moved = division_move(plan, change->members, &change->next), r = moved;

	for (uint32_t i = 0; r >= 0 && i < roster_count(run->roster); i++) {
		if (!is_candidate(run, roster_get(run->roster, i), i))
			continue;
		newcomers = 1;
		change->members[i].stand = MEMBER_HEIR;
		r = division_admit(plan, change->members, i, &change->next);
		moved |= r;
	}
	if (r >= 0 && newcomers) {
		r = division_move(plan, change->members, &change->next);
		moved |= r;
	}
	return r < 0 ? r : moved;
}

/* ---- iterations that were not started ---- */

/* What an agent that left had not started, by its own last account. */
static uint64_t rest_of(const struct run *run, uint32_t agent, uint32_t scenario)
{
	const struct wire_scenario *account = merge_scenarios(intake_merge(run->intake), agent);
	uint64_t entitled = run_entitled(run, agent, scenario), used = 0;

	if (account)
		used = account[scenario].tally.started + tally_dropped(&account[scenario].tally);
	return entitled > used ? entitled - used : 0;
}

/* The iterations to be granted: of those who are done and have handed their VUs on just now. */
static uint64_t rest_of_all(struct run *run, const struct change *change, uint32_t scenario)
{
	uint64_t rest = 0;

	for (uint32_t i = 0; i < run->division.agent_count; i++)
		if (roster_get(run->roster, i)->state == AGENT_DONE &&
		    division_of(&run->division, i)[scenario].count > 0 &&
		    division_of(&change->next, i)[scenario].count == 0)
			rest += rest_of(run, i, scenario);
	return rest;
}

/* How many more VUs an agent has. */
static int gained_vus(struct run *run, const struct change *change, uint32_t agent, uint32_t scenario,
                      uint64_t *ret_gained)
{
	const struct scenario *of = &run->config.plan->scenarios[scenario];
	struct portion before = {0}, after;
	int r = division_portion(of, &division_of(&change->next, agent)[scenario], &after);

	if (r == 0 && agent < run->division.agent_count)
		r = division_portion(of, &division_of(&run->division, agent)[scenario], &before);
	if (r == 0)
		*ret_gained = after.vus > before.vus ? after.vus - before.vus : 0;
	return r;
}

static int grant(struct run *run, struct change *change, uint32_t agent, uint32_t scenario, uint64_t iterations)
{
	int r = array_reserve(&change->extras, &change->extra_capacity, change->extra_count, sizeof(*change->extras));

	if (r < 0 || iterations == 0)
		return r;
	change->extras[change->extra_count++] = (struct journal_extra){.agent = agent,
	                                                               .extra = {.scenario = scenario,
	                                                                         .epoch = change->next.epoch,
	                                                                         .iterations = iterations,
	                                                                         .first_spare = change->next_spare}};
	if (feed_use_any_unique(run->config.plan, scenario))
		change->next_spare += iterations;
	return 0;
}

/* Deals `rest` to those who have gained VUs, by their number. */
static int grant_rest(struct run *run, struct change *change, uint32_t scenario, uint64_t rest)
{
	uint32_t count = change->next.agent_count;
	uint64_t *gained cleanup(cleanup_free) = calloc(count + 1, sizeof(*gained)), sum = 0, passed = 0;
	int r = gained ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		r = gained_vus(run, change, i, scenario, &gained[i]);
		sum += gained[i];
	}
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		uint64_t from, to;

		if (gained[i] == 0)
			continue;
		from = (uint64_t)((unsigned __int128)rest * passed / sum);
		passed += gained[i];
		to = (uint64_t)((unsigned __int128)rest * passed / sum);
		r = grant(run, change, i, scenario, to - from);
	}
	return r;
}

static int grant_rests(struct run *run, struct change *change)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < run->config.plan->scenario_count; i++) {
		uint64_t rest = 0;

		if (executor_is_counted(run->config.plan->scenarios[i].executor))
			rest = rest_of_all(run, change, i);
		if (rest > 0)
			r = grant_rest(run, change, i, rest);
	}
	return r;
}

/* ---- what is said of it ---- */

static uint32_t gainers(const struct change *change)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < change->next.agent_count; i++)
		count += change->members[i].stand == MEMBER_HEIR && division_has_any(&change->next, i);
	return count;
}

/* Words on those whose share has gone to others, or couldn't. */
static void tell_change(struct run *run, const struct change *change)
{
	uint32_t heirs = gainers(change);

	for (uint32_t i = 0; i < run->division.agent_count; i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (change->members[i].stand < MEMBER_LEAVES || !run_owns_any(run, i))
			continue;
		if (!division_has_any(&change->next, i))
			run_tell(run, 0, "what agent %s had goes to %u agent%s from second %llu on", agent->name, heirs,
			         heirs == 1 ? "" : "s", (unsigned long long)(change->next.from_ns / NS_PER_S));
		else if (change->members[i].stand == MEMBER_GONE && !agent->kept_told) {
			agent->kept_told = 1;
			run_tell(run, 1, "no agent is there that may run %s of what agent %s had",
			         heirs ? "all" : "any", agent->name);
		}
	}
}

/* ---- settling ---- */

static uint64_t from_ns(const struct run *run, uint64_t now_ns)
{
	uint64_t from = (run_since_t0_ns(run, now_ns) + EPOCH_LEAD_NS + NS_PER_S - 1) / NS_PER_S * NS_PER_S;

	return from > run->division.from_ns ? from : run->division.from_ns;
}

static int announce(struct run *run, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state == AGENT_RUNNING)
			run_send_assign(run, i);
		else if (agent->state == AGENT_READY && run_owns_any(run, i))
			r = run_admit(run, i, now_ns);
	}
	return r;
}

static int make_epoch(struct run *run, struct change *change, uint64_t now_ns)
{
	int r = division_spare_moves(run->config.plan, &run->division, &change->next, run->begun_ns,
	                             &change->next_spare, &change->moves, &change->move_count);

	if (r == 0)
		r = grant_rests(run, change);
	if (r < 0)
		return r;
	tell_change(run, change);
	r = run_journal_division(run, &change->next, change->moves, change->move_count, change->extras,
	                         (uint32_t)change->extra_count);
	return r == 0 ? announce(run, now_ns) : r;
}

/* After a resume agents show by what they send that they go on: until all that run have, too few would be heirs. One
 * that leaves can't wait for that. */
static _Bool heirs_are_unknown(const struct run *run, uint64_t now_ns)
{
	_Bool unknown = 0;

	if (now_ns >= run->patient_until_ns)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state != AGENT_RUNNING || agent->done_told)
			continue;
		if (agent->leaving)
			return 0;
		unknown |= agent->final_seq > 0;
	}
	return unknown;
}

int run_settle(struct run *run, uint64_t now_ns)
{
	struct change change cleanup(change_deinit) = {.next_spare = run->next_spare};
	int r;

	if (!run->unsettled || run->state != RUN_RUNNING || run->stop_cause != STOP_CAUSE_COUNT ||
	    heirs_are_unknown(run, now_ns))
		return 0;
	run->unsettled = 0;
	if (from_ns(run, now_ns) >= run_schedule_end_ns(run))
		return 0;
	r = find_members(run, &change);
	if (r == 0)
		r = divide_anew(run, &change);
	change.next.epoch = run->division.epoch + 1;
	change.next.from_ns = from_ns(run, now_ns);
	if (r == 1)
		r = make_epoch(run, &change, now_ns);
	else if (r == 0)
		tell_change(run, &change);
	if (r == -EOVERFLOW) {
		run_tell(run, 1, "shares have become too many pieces to be moved; they stay as they are");
		return 0;
	}
	return r;
}
