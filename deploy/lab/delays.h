/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come later, all from one timer thread, so that waiting costs no thread each. */
#pragma once

#include <stdint.h>

#include "common/base/loop.h"

struct delays;

/* Embedded in its owner, which must live until `fire` is called. Set `fire` and `context`; the rest is the timer
 * thread's. */
struct delay {
	void (*fire)(void *context); /* must not block */
	void *context;
	struct delays *delays;
	struct loop_timer timer;
	struct delay *previous, *next;
};

int delays_new(struct delays **ret_delays);
/* Calls fire() once, on the timer thread at the deadline (monotonic), or at once on this one after
 * delays_expire(). From any thread. */
void delays_add(struct delays *delays, struct delay *delay, uint64_t deadline_ns);
/* Calls every fire() that is due later, now, and ends the timer thread. */
void delays_expire(struct delays *delays);
/* Expires, and frees. Nobody may add any more. Accepts NULL. Returns NULL. */
struct delays *delays_free(struct delays *delays);
