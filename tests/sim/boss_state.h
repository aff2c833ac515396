/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to boss*.c: the coordinator's process. */
#pragma once

#include <limits.h>

#include "coordinator/run/run.h"
#include "tests/sim/host.h"

enum life { LIFE_UP, LIFE_DOWN /* and to be resumed */, LIFE_OVER };

struct boss {
	struct sim *sim;
	enum life life;
	struct sim_clock clock;
	int64_t wall_offset_ns; /* wall clock - true time */
	unsigned boots;
	struct journal *journal;
	struct run *run;
	char path[PATH_MAX];
	uint64_t frozen_until_ns;
	uint64_t resume_ns;
	_Bool reboot;     /* before that */
	uint64_t down_ns; /* how long it will be down */
	unsigned interrupts;
	uint32_t effects_left; /* before it dies; 0: it doesn't */
	_Bool tear, full;
	uint32_t exits[SIM_AGENTS_MAX]; /* children that have ended and are not told yet */
	uint32_t exit_count;
	uint64_t exits_ns;
	uint32_t resumes;
	/* Of the newest T0 in the journal. */
	uint64_t t0_ns;
	int64_t t0_unix_ns;
	unsigned t0_boots;
};

static inline uint64_t local(const struct boss *boss)
{
	return sim_clock_read(&boss->clock, boss->sim->now_ns);
}

/* ---- boss_effects.c ---- */

/* The sink of the run's effects, which the process may die in. */
int boss_take_effect(void *context, const struct run_effect *effect);
/* It is dead from here on, whatever is still on the stack. */
void boss_go_down(struct boss *boss, const char *how);
