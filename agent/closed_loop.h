/* SPDX-License-Identifier: Apache-2.0 */
/* The executors of VUs, in three parts: closed_loop.c runs the VUs, closed_counts.c knows what they
 * draw, closed_shift.c follows changes of the share. All that return int return 0 or a negative errno. */
#pragma once

#include "agent/runner.h"

/* Counted iterations that a VU may still start on its own account: extras don't count. */
static inline uint64_t closed_own_left(const struct runner *runner, const struct vu *vu)
{
	if (vu->adopted)
		return 0;
	if (runner->closed.shares)
		return runner->closed.iterations;
	return vu->iterations < runner->scenario->iterations ? runner->scenario->iterations - vu->iterations : 0;
}

uint64_t closed_schedule_end(const struct runner *runner);
/* Makes those VUs of the share that aren't there; `is_there` has a bit for each index (NULL: none is). Adopted ones are
 * gone until the share is ours. */
int closed_make_vus(struct runner *runner, const struct share *share, const uint64_t *is_there, _Bool adopted);
/* Sets a resting VU to work from from_ns since the origin on, if it has something to do. */
int closed_wake(struct vu *vu, uint64_t from_ns);
/* When an iteration that runs past its span's end is interrupted, if that isn't the schedule's end. */
int closed_set_curfew(struct vu *vu);
/* An active VU with nothing in flight is not wanted any more, for now or for good. */
int closed_leave(struct vu *vu, uint64_t now_ns);
/* An inactive VU with nothing in flight: waits for its next span, or is done. */
int closed_rest(struct vu *vu, uint64_t now_ns);

int closed_init_draws(struct runner *runner);
/* The share has changed: where no feed is unique, draws follow it. */
int closed_move_draws(struct runner *runner);
/* Takes on the extras of the runner's portion. */
int closed_take_extras(struct runner *runner);
/* An extra iteration starts: its spare row. There must be one left. */
uint64_t closed_take_extra(struct closed_loop *closed);
/* Drop what is planned, or was granted, and will not start any more. */
int closed_drop_rest(struct runner *runner);
int closed_drop_extras(struct runner *runner);

/* As in struct runner_ops. */
int closed_foresee(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns);
int closed_shift(struct runner *runner, uint64_t at_ns, uint64_t now_ns);
