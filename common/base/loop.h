/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop for one thread: epoll with deadlines in ns (epoll_pwait2), timers in a heap. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct loop;

/* What the loop calls when a descriptor is ready; `events` are epoll's bits. */
typedef void (*loop_ready_fn)(void *context, int fd, uint32_t events);
/* What the loop calls when a timer is due. It may start the same timer again. */
struct loop_timer;
typedef void (*loop_timer_fn)(struct loop_timer *timer, uint64_t now_ns);

/* Embedded in its owner, which must stop it before it goes away. Zero-initialise, then set
 * `fire` (and `context` if wanted). */
struct loop_timer {
	loop_timer_fn fire;
	void *context;
	uint64_t deadline_ns;
	size_t slot; /* the loop's own: position in the heap + 1, 0 when stopped */
};

/* Sets the calling thread's timer slack to 1 ns: make the loop on the thread that will run it. */
int loop_new(struct loop **ret_loop);
struct loop *loop_free(struct loop *loop);

/* Watches fd (level-triggered unless events has EPOLLET). A second add of the same fd changes its
 * events and callback. The loop never closes a descriptor. 0 or a negative errno. */
int loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready_fn ready, void *context);
/* Stops watching; events of this fd already fetched but not yet delivered are dropped.
 * Unknown descriptors are ignored. Call it before close(fd). */
void loop_unwatch(struct loop *loop, int fd);

/* Starts or moves a timer. 0 or -ENOMEM. */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* Fires due timers, waits until a descriptor is ready, a timer is due or `until_ns` (monotonic; 0 or
 * a past time only polls), fires the timers that became due and delivers what is ready. If timers
 * were due at once it only polls, so that the caller sees at once what they changed. EINTR is not an
 * error. Not to be called from a callback. Returns 0 or a negative errno. */
int loop_step(struct loop *loop, uint64_t until_ns);
/* Makes a loop_step() in progress (or the next one) return soon; callable from any thread. */
void loop_wake(struct loop *loop);
