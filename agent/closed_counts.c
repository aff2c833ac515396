/* SPDX-License-Identifier: Apache-2.0 */
/* What the iterations of a closed loop draw, and those that will not start any more. */
#include <errno.h>

#include "agent/closed_loop.h"
#include "agent/engine.h"
#include "common/base/array.h"

uint64_t closed_take_extra(struct closed_loop *closed)
{
	struct portion_extra *extra = closed->extras;

	while (extra->iterations == 0)
		extra++;
	extra->iterations--;
	closed->extra_left--;
	return extra->first_spare++;
}

int closed_init_draws(struct runner *runner)
{
	const struct scenario *scenario = runner->scenario;
	struct share share = {0};
	int r;

	if (!runner->closed.shares)
		return share_cursor_init(&runner->closed.draws, &runner->portion->indices, 0);
	/* Iteration k is VU k mod vus', as schedule_shared_iterations() deals them. */
	r = share_of_producers(&runner->portion->indices, scenario->vus, &share);
	if (r == 0)
		r = share_cursor_init(&runner->closed.draws, &share, 0);
	share_deinit(&share);
	return r;
}

int closed_move_draws(struct runner *runner)
{
	const struct share *share = &runner->portion->indices;
	uint64_t from = share_cursor_index(&runner->closed.draws);
	struct share_cursor cursor;
	int r;

	if (runner->closed.counts || runner->flow.draws_unique || share->count == 0)
		return 0;
	r = share_cursor_init(&cursor, share, from == UINT64_MAX ? 0 : from);
	if (r < 0)
		return r;
	share_cursor_deinit(&runner->closed.draws);
	runner->closed.draws = cursor;
	return 0;
}

int closed_take_extras(struct runner *runner)
{
	const struct scenario_portion *portion = runner->portion;
	struct closed_loop *closed = &runner->closed;

	for (uint32_t i = 0; i < portion->extra_count; i++) {
		if (array_reserve(&closed->extras, &closed->extra_capacity, closed->extra_count,
		                  sizeof(*closed->extras)) < 0)
			return -ENOMEM;
		closed->extras[closed->extra_count++] = portion->extras[i];
		closed->extra_left += portion->extras[i].iterations;
	}
	closed->all_help = 1;
	for (size_t i = 0; i < runner->vu_count; i++)
		closed->all_help &= !runner->vus[i]->adopted || runner->vus[i]->gone;
	return 0;
}

static int drop(struct runner *runner, uint64_t count)
{
	runner->tally.planned += count;
	return runner_drop(runner, DROP_MAX_DURATION, count, runner->end_ns);
}

int closed_drop_extras(struct runner *runner)
{
	uint64_t count = runner->closed.extra_left;

	runner->closed.extra_left = 0;
	runner->closed.extra_count = 0;
	return drop(runner, count);
}

int closed_drop_rest(struct runner *runner)
{
	const struct closed_loop *closed = &runner->closed;
	uint64_t count = closed->shares ? closed->iterations : 0;
	int r;

	for (size_t i = 0; closed->counts && !closed->shares && i < runner->vu_count; i++) {
		if (!runner->vus[i]->gone)
			count += closed_own_left(runner, runner->vus[i]);
	}
	r = drop(runner, count);
	return r < 0 ? r : closed_drop_extras(runner);
}
