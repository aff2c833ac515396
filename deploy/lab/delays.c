/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come later. Other threads put delays on a list and wake the timer thread's loop, which alone
 * touches its timers. Every delay is in exactly one list from add to fire: `arrived` or `waiting`. */
#include "deploy/lab/delays.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"

struct list {
	struct delay *first;
};

struct delays {
	struct loop *loop;
	pthread_t thread;
	_Bool started;
	pthread_mutex_t lock; /* of the two below */
	struct list arrived;
	_Bool expired;
	struct list waiting; /* the timer thread's */
};

static void push(struct list *list, struct delay *delay)
{
	delay->previous = NULL;
	delay->next = list->first;
	if (delay->next)
		delay->next->previous = delay;
	list->first = delay;
}

static void take(struct list *list, struct delay *delay)
{
	if (delay->previous)
		delay->previous->next = delay->next;
	else
		list->first = delay->next;
	if (delay->next)
		delay->next->previous = delay->previous;
}

static void due(struct loop_timer *timer, uint64_t now_ns)
{
	struct delay *delay = timer->context;

	(void)now_ns;
	take(&delay->delays->waiting, delay);
	delay->fire(delay->context);
}

static void wait_for_it(struct delays *delays, struct delay *delay)
{
	push(&delays->waiting, delay);
	if (loop_timer_start(delays->loop, &delay->timer, delay->timer.deadline_ns) < 0) {
		/* Without memory for its timer it is early rather than never. */
		take(&delays->waiting, delay);
		delay->fire(delay->context);
	}
}

/* Takes over what has arrived. Returns false once all has expired. */
static _Bool receive(struct delays *delays)
{
	struct delay *arrived;
	_Bool expired;

	pthread_mutex_lock(&delays->lock);
	arrived = delays->arrived.first;
	delays->arrived.first = NULL;
	expired = delays->expired;
	pthread_mutex_unlock(&delays->lock);
	while (arrived) {
		struct delay *delay = arrived;

		arrived = delay->next;
		wait_for_it(delays, delay);
	}
	return !expired;
}

static void *run(void *context)
{
	struct delays *delays = context;

	while (receive(delays) && loop_step(delays->loop, CLOCK_NEVER) == 0)
		;
	while (delays->waiting.first) {
		struct delay *delay = delays->waiting.first;

		loop_timer_stop(delays->loop, &delay->timer);
		take(&delays->waiting, delay);
		delay->fire(delay->context);
	}
	return NULL;
}

/* The loop is made here, before the thread, which inherits the timer slack that it sets. */
int delays_new(struct delays **ret_delays)
{
	struct delays *delays = calloc(1, sizeof(*delays));
	int r;

	if (!delays)
		return -ENOMEM;
	pthread_mutex_init(&delays->lock, NULL);
	r = loop_new(&delays->loop);
	if (r == 0)
		r = -pthread_create(&delays->thread, NULL, run, delays);
	delays->started = r == 0;
	if (r < 0)
		delays_free(delays);
	else
		*ret_delays = delays;
	return r;
}

void delays_add(struct delays *delays, struct delay *delay, uint64_t deadline_ns)
{
	_Bool expired, first;

	delay->delays = delays;
	delay->timer = (struct loop_timer){.fire = due, .context = delay, .deadline_ns = deadline_ns};
	pthread_mutex_lock(&delays->lock);
	expired = delays->expired;
	first = !delays->arrived.first;
	if (!expired)
		push(&delays->arrived, delay);
	pthread_mutex_unlock(&delays->lock);
	if (expired)
		delay->fire(delay->context);
	else if (first)
		loop_wake(delays->loop);
}

void delays_expire(struct delays *delays)
{
	pthread_mutex_lock(&delays->lock);
	delays->expired = 1;
	pthread_mutex_unlock(&delays->lock);
	if (!delays->started)
		return;
	loop_wake(delays->loop);
	pthread_join(delays->thread, NULL);
	delays->started = 0;
}

struct delays *delays_free(struct delays *delays)
{
	if (!delays)
		return NULL;
	delays_expire(delays);
	loop_free(delays->loop);
	pthread_mutex_destroy(&delays->lock);
	free(delays);
	return NULL;
}
