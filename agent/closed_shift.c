/* SPDX-License-Identifier: Apache-2.0 */
/* Closed loops whose share changes.
 *
 * VUs whose index moves away end as at a span's end; those that come start within their span. Counted iterations don't
 * move with them: what a lost agent did of them is not known. Those that one had left when it went of its own accord
 * are granted as extras, which the VUs that came with them share. */
#include <errno.h>
#include <stdlib.h>

#include "agent/closed_loop.h"
#include "agent/engine.h"

/* Makes VUs for what comes; without iterations to run those of counted loops are not needed. */
int closed_foresee(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns)
{
	uint64_t *is_there;
	int r;

	(void)at_ns;
	if (runner->closed.counts && portion->extra_count == 0)
		return 0;
	is_there = calloc(scenario_max_vus(runner->scenario) / 64 + 1, sizeof(*is_there));
	if (!is_there)
		return -ENOMEM;
	for (size_t i = 0; i < runner->vu_count; i++)
		is_there[runner->vus[i]->index / 64] |= UINT64_C(1) << runner->vus[i]->index % 64;
	r = closed_make_vus(runner, &portion->indices, is_there, 1);
	free(is_there);
	return r;
}

static uint64_t since_origin(const struct runner *runner, uint64_t at_ns)
{
	return at_ns > runner->origin_ns ? at_ns - runner->origin_ns : 0;
}

static _Bool is_resting(const struct vu *vu)
{
	return !vu->active && !vu->timer.slot;
}

/* The VU is ours from at_ns on. */
static int come(struct vu *vu, uint64_t at_ns)
{
	struct runner *runner = vu->runner;
	uint64_t start_ns, end_ns;

	vu->gone = 0;
	if (runner->state != RUNNER_RUNNING)
		return 0;
	if (is_resting(vu))
		return closed_wake(vu, since_origin(runner, at_ns));
	/* It was gone for so short that its last iteration still runs: goes on. */
	if (!schedule_vu_span(runner->schedule, (uint32_t)vu->index, since_origin(runner, at_ns), &start_ns, &end_ns) ||
	    start_ns > since_origin(runner, at_ns))
		return 0;
	vu->span_end_ns = runner->origin_ns + end_ns;
	loop_timer_stop(runner->engine->loop, &vu->curfew);
	return closed_set_curfew(vu);
}

/* The VU is another agent's from at_ns on. */
static int go(struct vu *vu, uint64_t at_ns, uint64_t now_ns)
{
	struct runner *runner = vu->runner;
	_Bool sleeps = vu->timer.slot && !vu->busy;

	vu->gone = 1;
	if (vu->span_end_ns > at_ns)
		vu->span_end_ns = at_ns;
	if (vu->active)
		return sleeps ? closed_leave(vu, now_ns) : closed_set_curfew(vu);
	if (!sleeps) {
		vu_close(vu);
		return 0;
	}
	loop_timer_stop(runner->engine->loop, &vu->timer);
	return closed_rest(vu, now_ns);
}

/* Puts VUs to work on extras that came with this change. */
static int start_extras(struct runner *runner, uint64_t at_ns)
{
	int r = 0;

	if (runner->portion->extra_count == 0 || runner->state == RUNNER_WAITING)
		return 0;
	if (at_ns >= closed_schedule_end(runner))
		return closed_drop_extras(runner);
	if (runner->state == RUNNER_FINISHED)
		r = runner_revive(runner);
	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		if (is_resting(runner->vus[i]))
			r = closed_wake(runner->vus[i], since_origin(runner, at_ns));
	}
	return r;
}

int closed_shift(struct runner *runner, uint64_t at_ns, uint64_t now_ns)
{
	const struct share *share = &runner->portion->indices;
	int r = closed_move_draws(runner);

	for (size_t i = 0; r == 0 && i < runner->vu_count; i++) {
		struct vu *vu = runner->vus[i];
		_Bool ours = share_owns(share, vu->index);

		if (ours && vu->gone)
			r = come(vu, at_ns);
		else if (!ours && !vu->gone)
			r = go(vu, at_ns, now_ns);
	}
	if (r == 0 && runner->portion->extra_count > 0)
		r = closed_take_extras(runner);
	return r < 0 ? r : start_extras(runner, at_ns);
}
