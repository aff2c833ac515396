/* SPDX-License-Identifier: Apache-2.0 */
/* From one epoch to the next: what those who are gone or leave had goes to heirs. */
#include "coordinator/run/division_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/plan/feed_use.h"
#include "common/plan/schedule.h"

static _Bool gives_up(const struct scenario *scenario, const struct member *member)
{
	return member->stand == MEMBER_GONE ||
	       (member->stand == MEMBER_LEAVES && !executor_is_counted(scenario->executor));
}

/* All that is to be dealt out of a scenario. */
static int gather(const struct plan *plan, const struct member *members, const struct division *division,
                  uint32_t scenario, struct share *whole)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < division->agent_count; i++)
		if (gives_up(&plan->scenarios[scenario], &members[i]))
			r = share_add(whole, &division_of(division, i)[scenario]);
	return r;
}

/* The parts become their heirs'; what they came from is taken away. */
static int hand_over(const struct plan *plan, const struct member *members, struct division *division,
                     uint32_t scenario, const struct share *parts)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < division->agent_count; i++) {
		if (gives_up(&plan->scenarios[scenario], &members[i]))
			share_deinit(division_at(division, i, scenario));
		else if (parts[i].count > 0)
			r = share_add(division_at(division, i, scenario), &parts[i]);
	}
	return r;
}

static int move_scenario(const struct plan *plan, const struct member *members, struct division *division,
                         uint32_t scenario)
{
	struct share whole cleanup(share_deinit) = {0};
	uint32_t *weights cleanup(cleanup_free) = calloc(division->agent_count + 1, sizeof(*weights));
	struct share *parts cleanup(cleanup_free) = calloc(division->agent_count + 1, sizeof(*parts));
	int r = weights && parts ? gather(plan, members, division, scenario, &whole) : -ENOMEM;

	if (r < 0 || whole.count == 0)
		return r;
	for (uint32_t i = 0; i < division->agent_count; i++)
		if (members[i].stand == MEMBER_HEIR && division_is_able(plan, division, &members[i], i, scenario))
			weights[i] = members[i].weight;
	r = division_deal(plan, division, scenario, &whole, weights, parts);
	if (r == 1) {
		r = hand_over(plan, members, division, scenario, parts);
		r = r < 0 ? r : 1;
	}
	for (uint32_t i = 0; i < division->agent_count; i++)
		share_deinit(&parts[i]);
	return r;
}

int division_move(const struct plan *plan, const struct member *members, struct division *division)
{
	int moved = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		int r = move_scenario(plan, members, division, i);

		if (r < 0)
			return r;
		moved |= r;
	}
	return moved;
}

/* ---- rows of unique feeds ---- */

/* What has come to other agents, in arrivals. */
static int moved_arrivals(const struct plan *plan, const struct division *before, const struct division *after,
                          uint32_t scenario, struct share *moved)
{
	struct share indices cleanup(share_deinit) = {0};
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < after->agent_count; i++) {
		struct share gained cleanup(share_deinit) = {0};
		const struct share nothing = {0};
		const struct share *had = i < before->agent_count ? &division_of(before, i)[scenario] : &nothing;

		r = share_subtract(&division_of(after, i)[scenario], had, &gained);
		if (r == 0)
			r = share_add(&indices, &gained);
	}
	if (r == 0)
		r = plan->scenarios[scenario].producers
		            ? share_of_producers(&indices, plan->scenarios[scenario].producers, moved)
		            : share_copy(moved, &indices);
	return r;
}

static int all_arrivals(const struct scenario *scenario, uint64_t until_ns, uint64_t *ret_count)
{
	struct schedule *schedule;
	int r = schedule_new(scenario, &schedule);

	if (r < 0)
		return r;
	*ret_count = schedule_arrivals(schedule, until_ns < CLOCK_NEVER ? until_ns : schedule_end_ns(schedule));
	schedule_free(schedule);
	return 0;
}

int division_move_rows(const struct plan *plan, const struct wire_move *move, uint64_t *ret_rows)
{
	uint64_t all, rest;
	int r = all_arrivals(&plan->scenarios[move->scenario], CLOCK_NEVER, &all);

	if (r < 0)
		return r;
	rest = share_count(&move->share, all);
	*ret_rows = rest - share_count(&move->share, move->from_index < all ? move->from_index : all);
	return 0;
}

static int spare_move(const struct plan *plan, const struct division *before, const struct division *after,
                      uint32_t scenario, uint64_t begun_ns, struct wire_move *ret_move)
{
	struct wire_move move = {.scenario = scenario};
	int r = moved_arrivals(plan, before, after, scenario, &move.share);

	/* One that hasn't begun moves all of its arrivals. */
	if (r == 0 && begun_ns < after->from_ns)
		r = all_arrivals(&plan->scenarios[scenario], after->from_ns - begun_ns, &move.from_index);
	if (r < 0) {
		share_deinit(&move.share);
		return r;
	}
	*ret_move = move;
	return 0;
}

int division_spare_moves(const struct plan *plan, const struct division *before, const struct division *after,
                         const uint64_t *begun_ns, uint64_t *next_spare, struct wire_move **ret_moves,
                         uint32_t *ret_count)
{
	struct wire_move *moves = calloc((size_t)plan->scenario_count + 1, sizeof(*moves));
	uint64_t spare = *next_spare, rows;
	uint32_t count = 0;
	int r = moves ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < plan->scenario_count; i++) {
		if (!executor_is_open(plan->scenarios[i].executor) || !feed_use_any_unique(plan, i))
			continue;
		r = spare_move(plan, before, after, i, begun_ns[i], &moves[count]);
		if (r == 0)
			r = division_move_rows(plan, &moves[count], &rows);
		if (r == 0 && rows > 0) {
			moves[count++].first_spare = spare;
			spare += rows;
		} else {
			share_deinit(&moves[count].share);
		}
	}
	if (r < 0) {
		division_free_moves(moves, count);
		return r;
	}
	*next_spare = spare;
	*ret_moves = moves;
	*ret_count = count;
	return 0;
}

void division_free_moves(struct wire_move *moves, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		share_deinit(&moves[i].share);
	free(moves);
}
