/* SPDX-License-Identifier: Apache-2.0 */
/* One scenario on one worker: when its iterations start, its VUs, and its account of iterations.
 *
 * waiting -> running (its schedule has begun) -> ending (nothing new starts, what is in progress has its grace) ->
 * finished. Two kinds: the arrival-rate executors (open_loop.c) and those of VUs (closed_loop.c). */
#pragma once

#include <stdint.h>

#include "agent/flow.h"
#include "agent/pacer.h"
#include "agent/portion.h"
#include "agent/vu.h"
#include "common/plan/schedule.h"
#include "common/stats/tally.h"

struct engine;
struct runner;

enum runner_state { RUNNER_WAITING, RUNNER_RUNNING, RUNNER_ENDING, RUNNER_FINISHED };

/* All return 0 or a negative errno, which is fatal. */
struct runner_ops {
	/* Before T0: makes VUs. */
	int (*prepare)(struct runner *runner);
	/* The origin is set: starts timers. */
	int (*begin)(struct runner *runner);
	/* A VU has ended its iteration, or an interrupted operation of its has completed. Never after the runner has
	 * finished. */
	int (*vu_free)(struct runner *runner, struct vu *vu, uint64_t now_ns);
	/* The timer of a VU that isn't busy. */
	int (*vu_timer)(struct runner *runner, struct vu *vu, uint64_t now_ns);
	/* From at_ns on it will have this portion: makes what that needs, and looks ahead. */
	int (*foresee)(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns);
	/* at_ns has come, and runner->portion is what it has now. */
	int (*shift)(struct runner *runner, uint64_t at_ns, uint64_t now_ns);
	/* Nothing that is intended at or after stop_ns may start. */
	void (*bound)(struct runner *runner, uint64_t stop_ns);
	/* The schedule is over. With `stopped` what waits for a VU does not start any more. */
	int (*end)(struct runner *runner, uint64_t now_ns, _Bool stopped);
	/* The grace is over and busy VUs were interrupted: drops what still waits. */
	int (*give_up)(struct runner *runner);
	/* True if nothing of it is left to start. */
	_Bool (*is_over)(const struct runner *runner);
	void (*release)(struct runner *runner);
};

extern const struct runner_ops open_loop_ops;
extern const struct runner_ops closed_loop_ops;

struct open_loop {
	struct pacer *pacer;
	struct backlog backlog;
	struct loop_timer timer; /* the next arrival */
	struct vu_list idle; /* the last one that became free is taken first: its connections are warm, its memory is in
	                        the cache */
	uint64_t vu_limit;
	struct share_cursor next_vu;
	uint64_t *taken; /* bits by VU index: they are there already; NULL: those before next_vu */
};

struct closed_loop {
	uint64_t left;       /* VUs that will run again or still run */
	_Bool counts;        /* it ends after a number of iterations: */
	_Bool shares;        /* of all VUs together; else of each */
	uint64_t iterations; /* if it shares them: those that this worker has left */
	struct share_cursor draws;
	struct portion_extra *extras; /* iterations granted in mid-run, those left; each draws a spare row */
	size_t extra_count;
	size_t extra_capacity;
	uint64_t extra_left; /* their sum */
	_Bool all_help;      /* every VU may run them, not only those that came with them */
};

struct runner {
	const struct runner_ops *ops;
	struct engine *engine;
	const struct scenario *scenario;
	const struct scenario_portion *portion;
	uint32_t index;
	uint32_t lane_base;
	struct flow flow;
	struct schedule *schedule;
	enum runner_state state;
	uint64_t origin_ns; /* of its schedule, on the clock */
	uint64_t end_ns;    /* of its schedule or of what a stop left of it; on the clock */
	uint64_t finished_ns;
	struct loop_timer end_timer;
	struct loop_timer grace_timer;
	struct tally tally;
	uint64_t running;   /* iterations in progress */
	uint64_t vus_alive; /* open loops: made and not gone; closed: within their span */
	struct vu **vus;    /* all that were made */
	size_t vu_count;
	size_t vu_capacity;
	union {
		struct open_loop open;
		struct closed_loop closed;
	};
};

/* Makes the flow, the schedule and the VUs. 0 or a negative errno; deinit releases a half-built one too. */
int runner_init(struct runner *runner, struct engine *engine, uint32_t scenario);
/* Nothing may be in flight. */
void runner_deinit(struct runner *runner);
/* The schedule starts at origin_ns on the clock (which may be past). */
int runner_begin(struct runner *runner, uint64_t origin_ns);
/* From at_ns on the clock it has this portion; and: now it has it. For one that will start nothing any more both do
 * nothing. */
int runner_foresee(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns);
int runner_shift(struct runner *runner, const struct scenario_portion *portion, uint64_t at_ns, uint64_t now_ns);
/* A finished one that counts its iterations has more of them: goes on until its schedule's end. */
int runner_revive(struct runner *runner);
/* The engine's stop has come: ends it, with at most grace_ns for what is in progress. A later stop can only bring the
 * end nearer. */
int runner_stop(struct runner *runner, uint64_t grace_ns, uint64_t now_ns);
/* The VU is ready: its operation has completed, or its iteration is over. */
int runner_ready(struct runner *runner, struct vu *vu, uint64_t now_ns);
/* Takes on what flow_resume() gave. */
int runner_outcome(struct runner *runner, struct vu *vu, int outcome, uint64_t now_ns);
/* Finishes it if nothing is left. */
void runner_check(struct runner *runner, uint64_t now_ns);
/* Makes a VU and keeps it. */
int runner_add_vu(struct runner *runner, uint64_t index, struct vu **ret_vu);
/* Frees a VU that is neither busy nor in flight. */
void runner_remove_vu(struct runner *runner, struct vu *vu);
/* Counts iterations that were planned and not started. */
int runner_drop(struct runner *runner, enum drop_reason reason, uint64_t count, uint64_t intended_ns);
/* True if an iteration intended then is warm-up. */
_Bool runner_is_warmup(const struct runner *runner, uint64_t intended_ns);
