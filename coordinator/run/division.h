/* SPDX-License-Identifier: Apache-2.0 */
/* The plan divided among agents: one share for each agent and scenario, and each agent's part of the connections. An
 * epoch is one such division; the next one is made from it by moving shares. Pure.
 *
 * What always holds: of each scenario, the shares of all agents are disjoint and their union is everything. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/plan/share.h"
#include "common/wire/message.h"

enum member_stand {
	MEMBER_STAYS,  /* keeps what it has and gets nothing more */
	MEMBER_HEIR,   /* runs, and may be given more */
	MEMBER_LEAVES, /* what it has goes to heirs, but for counted iterations: how many it will have started is not
	                  known */
	MEMBER_GONE,   /* all that it has goes to heirs */
};

/* What an agent is to a division; by its number in the run. */
struct member {
	uint32_t weight;
	const struct text_pair *tags;
	uint32_t tag_count;
	_Bool anywhere; /* has whatever tags are asked for: where no agents are known yet */
	enum member_stand stand;
};

/* Shares by [agent * scenario_count + scenario]. A scenario with `producers` is divided by producers, and its arrivals
 * or VUs follow their producer; every other one by its own indices, among the agents that then have a VU to run them
 * on. Connections by [agent * target_count + target]; 0 where the target's kind counts none. */
struct division {
	uint32_t epoch;   /* from 1 */
	uint64_t from_ns; /* since T0, a whole second */
	struct share *shares;
	uint32_t *connections;
	uint32_t agent_count;
	uint32_t scenario_count;
	uint32_t target_count;
};

/* True if the agent's tags are those that the scenario asks for. */
_Bool division_may_run(const struct scenario *scenario, const struct member *member);

/* Can so many agents run the plan? -EINVAL with the place and the reason if not (a postgres target with fewer
 * connections than there are agents that will use it). */
int division_check(const struct plan *plan, uint32_t agent_count, struct failure *failure);
/* Are there enough agents for each scenario, by its runOn and minAgents? -EINVAL with the scenario, the tags and the
 * numbers if not. */
int division_check_placement(const struct plan *plan, const struct member *members, uint32_t agent_count,
                             struct failure *failure);

/* The first epoch: divides by the agents' weights, in their order, among those that may run each scenario. 0, -ENOMEM,
 * or -EINVAL with the reason (as the checks above). */
int division_make(const struct plan *plan, const struct member *members, uint32_t agent_count, struct failure *failure,
                  struct division *ret_division);
/* The same division, for more agents: those behind its own have nothing. 0 or -ENOMEM. */
int division_copy(const struct division *from, uint32_t agent_count, struct division *ret_division);
void division_deinit(struct division *division);

/* Gives what MEMBER_GONE and MEMBER_LEAVES own to the heirs that may run it (by tags, and with a connection to each
 * postgres target it uses), by weight, those with the least first. What has no heir stays. Large classes are split
 * among all heirs, small ones go whole, so that shares stay small however often this happens. `members` has an entry
 * for each of the division's agents. 1: something has moved; 0: nothing; -ENOMEM, -EOVERFLOW (the division is then good
 * for nothing but division_deinit()). */
int division_move(const struct plan *plan, const struct member *members, struct division *division);
/* Gives `agent` its part, by weight, of what heirs own, in every scenario that it may run and that isn't counted, and
 * of connections that those hold who are gone. It gets none of a scenario where that would leave it, or the owner,
 * without a VU. Returns as division_move(). */
int division_admit(const struct plan *plan, const struct member *members, uint32_t agent, struct division *division);

/* The moves between two epochs for scenarios that draw from a unique feed (see struct wire_move): one for each in which
 * indices changed their owner. `begun_ns` is by scenario, since T0 (CLOCK_NEVER: not yet); spare rows are taken from
 * *next_spare on. ret_moves and what is in them is the caller's: division_free_moves(). 0, -ENOMEM or -EOVERFLOW. */
int division_spare_moves(const struct plan *plan, const struct division *before, const struct division *after,
                         const uint64_t *begun_ns, uint64_t *next_spare, struct wire_move **ret_moves,
                         uint32_t *ret_count);
void division_free_moves(struct wire_move *moves, uint32_t count);
/* How many spare rows a move of arrivals takes at most. 0 or -ENOMEM. */
int division_move_rows(const struct plan *plan, const struct wire_move *move, uint64_t *ret_rows);

/* An agent's shares, scenario_count of them. */
const struct share *division_of(const struct division *division, uint32_t agent);
/* An agent's connections, target_count of them. */
const uint32_t *division_connections(const struct division *division, uint32_t agent);
/* True if the agent owns anything of any scenario. */
_Bool division_has_any(const struct division *division, uint32_t agent);

/* What one agent's share of a scenario comes to. */
struct portion {
	uint64_t vus;        /* the most VUs it will have */
	uint64_t iterations; /* UINT64_MAX: a closed loop without a count */
	uint64_t producers;  /* 0 if the scenario isn't spread over producers */
};
int division_portion(const struct scenario *scenario, const struct share *share, struct portion *ret_portion);
