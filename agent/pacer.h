/* SPDX-License-Identifier: Apache-2.0 */
/* Which starts are due: the arithmetic of a worker's arrivals and of a VU's pace. Pure: time comes in as an argument.
 *
 * An arrival found later than maxLateness is late because the worker itself was stopped or slow: nothing else stands
 * between the pacer and the clock. A stalled target never makes arrivals late; it makes VUs busy. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/plan/schedule.h"

/* An arrival of an open loop. */
struct arrival {
	uint64_t index;       /* global */
	uint64_t intended_ns; /* on the clock */
};

#define PACER_BUSY_PER_S 25000 /* arrivals of this worker's share */
#define PACER_GATHER_NS UINT64_C(200000)

enum pacer_verdict {
	PACER_START, /* *ret_arrival is due */
	PACER_LATE,  /* *ret_arrival is past maxLateness: drop it */
	PACER_WAIT,  /* nothing is due before pacer_next_ns() */
	PACER_SHIFT, /* the next one is due, and the first of a share that pacer_adopt() gave: said once, before it */
	PACER_END,   /* the schedule, or what a stop left of it, is over */
};

struct pacer;

struct pacer_config {
	const struct schedule *schedule; /* kept: must outlive the pacer */
	const struct share *share;       /* of arrivals; read by pacer_new() only */
	uint64_t origin_ns;              /* the scenario's start on the clock */
	uint64_t max_lateness_ns;
};

/* 0 or -ENOMEM. */
int pacer_new(const struct pacer_config *config, struct pacer **ret_pacer);
struct pacer *pacer_free(struct pacer *pacer);
/* Takes the next arrival if it is due. Every arrival of the share comes out once, in order, as START or LATE. */
enum pacer_verdict pacer_take(struct pacer *pacer, uint64_t now_ns, struct arrival *ret_arrival);
/* When the next arrival is due, on the clock; CLOCK_NEVER after the last. */
uint64_t pacer_next_ns(const struct pacer *pacer);
/* When to look for due arrivals again, on the clock; CLOCK_NEVER after the last. That is when the next one is due, but
 * where they come faster than PACER_BUSY_PER_S not before PACER_GATHER_NS from now: a sleep and its wake-up cost tens
 * of times what a start costs, and below the gathering time a kernel's timers are not punctual anyway. The intended
 * times stay as they are. */
uint64_t pacer_wake_ns(struct pacer *pacer, uint64_t now_ns);
/* Arrivals intended at or after `at_ns` (on the clock; not before what earlier calls said) are those of this share,
 * those before it stay as they are. Where it is heard of late it holds from behind the last one that was taken. 0 or
 * -ENOMEM. */
int pacer_adopt(struct pacer *pacer, const struct share *share, uint64_t at_ns);
/* Nothing is intended at or after `at_ns` any more, on the clock. */
void pacer_stop(struct pacer *pacer, uint64_t at_ns);

/* Arrivals that wait for a VU (`whenFull: queue`), first come, first served. Zero is empty. */
struct backlog {
	struct arrival *items; /* a ring */
	size_t capacity;       /* 0 or a power of two */
	size_t first;
	size_t count;
};

/* At 16 bytes each they take at most 16 MiB a worker and scenario; by then the target is minutes behind. */
enum { BACKLOG_MAX = 1 << 20 };

void backlog_deinit(struct backlog *backlog);
/* 0, -ENOSPC (BACKLOG_MAX wait already) or -ENOMEM. */
int backlog_push(struct backlog *backlog, const struct arrival *arrival);
/* False if it is empty. */
_Bool backlog_pop(struct backlog *backlog, struct arrival *ret_arrival);

/* `pace`: a VU starts an iteration at every tick. Of a VU that slept until its tick, those past maxLateness are
 * skipped, because only the worker itself can have made them late: moves *tick_ns on and returns how many were skipped.
 * (Where an iteration overran its ticks none is skipped: that the target was slow must show in the response times.) */
uint64_t pace_skip_late(uint64_t *tick_ns, uint64_t pace_ns, uint64_t now_ns, uint64_t max_lateness_ns);
