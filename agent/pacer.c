/* SPDX-License-Identifier: Apache-2.0 */
/* Which starts are due. */
#include "agent/pacer.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* How long a look at the schedule's rate holds. */
#define RATE_HOLDS_NS (10 * NS_PER_MS)

/* Indices by which the share's part of the whole is told. */
#define SAMPLE_INDICES (UINT64_C(1) << 20)

struct pacer {
	const struct schedule *schedule;
	struct arrivals_walk *walk;
	double part; /* of all arrivals that are the share's */
	uint64_t origin_ns;
	uint64_t rate_until_ns; /* until then `busy` holds */
	_Bool busy;
	uint64_t max_lateness_ns;
	uint64_t stop_ns;
	struct arrival next;
	_Bool has_next;
};

DEFINE_CLEANUP(struct pacer *, pacer_free)

static void advance(struct pacer *pacer)
{
	uint64_t at_ns;

	pacer->has_next = arrivals_walk_next(pacer->walk, &pacer->next.index, &at_ns);
	if (!pacer->has_next)
		return;
	pacer->next.intended_ns = pacer->origin_ns + at_ns;
	pacer->has_next = pacer->next.intended_ns < pacer->stop_ns;
}

int pacer_new(const struct pacer_config *config, struct pacer **ret_pacer)
{
	cleanup(pacer_freep) struct pacer *pacer = calloc(1, sizeof(*pacer));
	int r;

	if (!pacer)
		return -ENOMEM;
	r = arrivals_walk_new(config->schedule, config->share, &pacer->walk);
	if (r < 0)
		return r;
	pacer->schedule = config->schedule;
	pacer->part = (double)share_count(config->share, SAMPLE_INDICES) / (double)SAMPLE_INDICES;
	pacer->origin_ns = config->origin_ns;
	pacer->max_lateness_ns = config->max_lateness_ns;
	pacer->stop_ns = CLOCK_NEVER;
	advance(pacer);
	*ret_pacer = steal(pacer);
	return 0;
}

struct pacer *pacer_free(struct pacer *pacer)
{
	if (!pacer)
		return NULL;
	arrivals_walk_free(pacer->walk);
	free(pacer);
	return NULL;
}

enum pacer_verdict pacer_take(struct pacer *pacer, uint64_t now_ns, struct arrival *ret_arrival)
{
	if (!pacer->has_next)
		return PACER_END;
	if (pacer->next.intended_ns > now_ns)
		return PACER_WAIT;
	*ret_arrival = pacer->next;
	advance(pacer);
	if (now_ns - ret_arrival->intended_ns > pacer->max_lateness_ns)
		return PACER_LATE;
	return PACER_START;
}

uint64_t pacer_next_ns(const struct pacer *pacer)
{
	return pacer->has_next ? pacer->next.intended_ns : CLOCK_NEVER;
}

uint64_t pacer_wake_ns(struct pacer *pacer, uint64_t now_ns)
{
	uint64_t next_ns = pacer_next_ns(pacer);

	if (next_ns >= now_ns + PACER_GATHER_NS)
		return next_ns;
	if (now_ns >= pacer->rate_until_ns) {
		double rate_per_s = schedule_rate_per_s(pacer->schedule, now_ns - pacer->origin_ns) * pacer->part;

		pacer->busy = rate_per_s > PACER_BUSY_PER_S;
		pacer->rate_until_ns = now_ns + RATE_HOLDS_NS;
	}
	return pacer->busy ? now_ns + PACER_GATHER_NS : next_ns;
}

void pacer_stop(struct pacer *pacer, uint64_t at_ns)
{
	if (at_ns >= pacer->stop_ns)
		return;
	pacer->stop_ns = at_ns;
	if (pacer->has_next && pacer->next.intended_ns >= at_ns)
		pacer->has_next = 0;
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
