/* SPDX-License-Identifier: Apache-2.0 */
/* Which starts are due.
 *
 * The pacer always knows the next arrival. When the share that holds has nothing more before the next share's time, it
 * looks into that one at once; so between two calls `next` is right whatever is to come, and taking costs one look at
 * `state`. */
#include "agent/pacer.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* How long a look at the schedule's rate holds. */
#define RATE_HOLDS_NS (10 * NS_PER_MS)

/* Indices by which the share's part of the whole is told. */
#define SAMPLE_INDICES (UINT64_C(1) << 20)

/* A share that holds from a time on. */
struct holding {
	struct holding *next;
	struct arrivals_walk *walk;
	double part;    /* of all arrivals that are the share's */
	uint64_t at_ns; /* on the clock */
};

enum next_state {
	NEXT_NONE,
	NEXT_IS,    /* `next` is the next one */
	NEXT_SHIFT, /* and the first of another share, which was not said yet */
};

struct pacer {
	const struct schedule *schedule;
	struct holding *holding; /* what `next` is taken from, and then those to come */
	uint64_t origin_ns;
	uint64_t rate_until_ns; /* until then `busy` holds */
	_Bool busy;
	uint64_t max_lateness_ns;
	uint64_t stop_ns;
	uint64_t bound_ns; /* the holding's arrivals are intended before: the stop, or the next share's time */
	struct arrival next;
	uint64_t taken_ns; /* when the last one that was taken was intended */
	enum next_state state;
};

DEFINE_CLEANUP(struct pacer *, pacer_free)

static struct holding *holding_free(struct holding *holding)
{
	if (holding)
		arrivals_walk_free(holding->walk);
	free(holding);
	return NULL;
}

DEFINE_CLEANUP(struct holding *, holding_free)

/* After `before`, if that isn't NULL. */
static int holding_new(const struct schedule *schedule, const struct share *share, const struct holding *before,
                       struct holding **ret_holding)
{
	cleanup(holding_freep) struct holding *holding = calloc(1, sizeof(*holding));
	int r;

	if (!holding)
		return -ENOMEM;
	r = before ? arrivals_walk_fork(before->walk, share, &holding->walk)
	           : arrivals_walk_new(schedule, share, &holding->walk);
	if (r < 0)
		return r;
	holding->part = (double)share_count(share, SAMPLE_INDICES) / (double)SAMPLE_INDICES;
	*ret_holding = steal(holding);
	return 0;
}

static void set_bound(struct pacer *pacer)
{
	const struct holding *then = pacer->holding->next;

	pacer->bound_ns = then && then->at_ns < pacer->stop_ns ? then->at_ns : pacer->stop_ns;
}

static inline _Bool find_next(struct pacer *pacer)
{
	uint64_t at_ns;

	if (!arrivals_walk_next(pacer->holding->walk, &pacer->next.index, &at_ns))
		return 0;
	pacer->next.intended_ns = pacer->origin_ns + at_ns;
	return pacer->next.intended_ns < pacer->bound_ns;
}

/* The share that holds has nothing more: looks into those to come. */
static __attribute__((cold)) void shift(struct pacer *pacer)
{
	pacer->state = NEXT_NONE;
	while (pacer->state == NEXT_NONE && pacer->holding->next) {
		struct holding *over = pacer->holding;

		pacer->holding = over->next;
		holding_free(over);
		set_bound(pacer);
		if (find_next(pacer))
			pacer->state = NEXT_SHIFT;
	}
	pacer->rate_until_ns = 0;
}

static inline void advance(struct pacer *pacer)
{
	pacer->state = NEXT_IS;
	if (__builtin_expect(!find_next(pacer), 0))
		shift(pacer);
}

int pacer_new(const struct pacer_config *config, struct pacer **ret_pacer)
{
	cleanup(pacer_freep) struct pacer *pacer = calloc(1, sizeof(*pacer));
	int r;

	if (!pacer)
		return -ENOMEM;
	r = holding_new(config->schedule, config->share, NULL, &pacer->holding);
	if (r < 0)
		return r;
	pacer->schedule = config->schedule;
	pacer->origin_ns = config->origin_ns;
	pacer->max_lateness_ns = config->max_lateness_ns;
	pacer->stop_ns = CLOCK_NEVER;
	pacer->bound_ns = CLOCK_NEVER;
	advance(pacer);
	*ret_pacer = steal(pacer);
	return 0;
}

struct pacer *pacer_free(struct pacer *pacer)
{
	if (!pacer)
		return NULL;
	while (pacer->holding) {
		struct holding *holding = pacer->holding;

		pacer->holding = holding->next;
		holding_free(holding);
	}
	free(pacer);
	return NULL;
}

/* There is no next arrival, or one that something must be said before. */
static enum pacer_verdict say_shift(struct pacer *pacer, uint64_t now_ns)
{
	if (pacer->state == NEXT_NONE)
		return PACER_END;
	if (pacer->next.intended_ns > now_ns)
		return PACER_WAIT;
	pacer->state = NEXT_IS;
	return PACER_SHIFT;
}

enum pacer_verdict pacer_take(struct pacer *pacer, uint64_t now_ns, struct arrival *ret_arrival)
{
	if (__builtin_expect(pacer->state != NEXT_IS, 0))
		return say_shift(pacer, now_ns);
	if (pacer->next.intended_ns > now_ns)
		return PACER_WAIT;
	*ret_arrival = pacer->next;
	pacer->taken_ns = ret_arrival->intended_ns;
	advance(pacer);
	if (now_ns - ret_arrival->intended_ns > pacer->max_lateness_ns)
		return PACER_LATE;
	return PACER_START;
}

uint64_t pacer_next_ns(const struct pacer *pacer)
{
	return pacer->state == NEXT_NONE ? CLOCK_NEVER : pacer->next.intended_ns;
}

uint64_t pacer_wake_ns(struct pacer *pacer, uint64_t now_ns)
{
	uint64_t next_ns = pacer_next_ns(pacer);

	if (next_ns >= now_ns + PACER_GATHER_NS)
		return next_ns;
	if (now_ns >= pacer->rate_until_ns) {
		double rate_per_s =
		        schedule_rate_per_s(pacer->schedule, now_ns - pacer->origin_ns) * pacer->holding->part;

		pacer->busy = rate_per_s > PACER_BUSY_PER_S;
		pacer->rate_until_ns = now_ns + RATE_HOLDS_NS;
	}
	return pacer->busy ? now_ns + PACER_GATHER_NS : next_ns;
}

/* The bound has come nearer. */
static void apply_bound(struct pacer *pacer)
{
	set_bound(pacer);
	if (pacer->state == NEXT_NONE || pacer->next.intended_ns >= pacer->bound_ns)
		shift(pacer);
}

int pacer_adopt(struct pacer *pacer, const struct share *share, uint64_t at_ns)
{
	struct holding *last = pacer->holding;
	struct holding *holding;
	int r;

	while (last->next)
		last = last->next;
	if (at_ns <= pacer->taken_ns)
		at_ns = pacer->taken_ns + 1;
	if (at_ns < last->at_ns)
		at_ns = last->at_ns;
	r = holding_new(pacer->schedule, share, last, &holding);
	if (r < 0)
		return r;
	holding->at_ns = at_ns;
	if (at_ns > pacer->origin_ns)
		arrivals_walk_skip(holding->walk, at_ns - pacer->origin_ns);
	last->next = holding;
	apply_bound(pacer);
	return 0;
}

void pacer_stop(struct pacer *pacer, uint64_t at_ns)
{
	if (at_ns >= pacer->stop_ns)
		return;
	pacer->stop_ns = at_ns;
	apply_bound(pacer);
}

void backlog_deinit(struct backlog *backlog)
{
	free(backlog->items);
	*backlog = (struct backlog){0};
}

/* Doubles the ring and lays it out from its start. */
static int grow(struct backlog *backlog)
{
	size_t capacity = backlog->capacity ? 2 * backlog->capacity : 64;
	struct arrival *items = malloc(capacity * sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < backlog->count; i++)
		items[i] = backlog->items[(backlog->first + i) & (backlog->capacity - 1)];
	free(backlog->items);
	backlog->items = items;
	backlog->capacity = capacity;
	backlog->first = 0;
	return 0;
}

int backlog_push(struct backlog *backlog, const struct arrival *arrival)
{
	if (backlog->count >= BACKLOG_MAX)
		return -ENOSPC;
	if (backlog->count == backlog->capacity && grow(backlog) < 0)
		return -ENOMEM;
	backlog->items[(backlog->first + backlog->count++) & (backlog->capacity - 1)] = *arrival;
	return 0;
}

_Bool backlog_pop(struct backlog *backlog, struct arrival *ret_arrival)
{
	if (backlog->count == 0)
		return 0;
	*ret_arrival = backlog->items[backlog->first];
	backlog->first = (backlog->first + 1) & (backlog->capacity - 1);
	backlog->count--;
	return 1;
}

uint64_t pace_skip_late(uint64_t *tick_ns, uint64_t pace_ns, uint64_t now_ns, uint64_t max_lateness_ns)
{
	uint64_t skipped;

	if (now_ns <= *tick_ns || now_ns - *tick_ns <= max_lateness_ns)
		return 0;
	/* The first tick that is at most maxLateness old. */
	skipped = (now_ns - max_lateness_ns - *tick_ns + pace_ns - 1) / pace_ns;
	*tick_ns += skipped * pace_ns;
	return skipped;
}
