/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of one thread.
 *
 * Descriptors: a table indexed by fd. Every watch has a generation, which travels in epoll's data
 * beside the fd; an event whose generation is no longer the table's is dropped. So a callback may
 * unwatch (and close) any descriptor whose event is already fetched, and a number that the kernel
 * gives out again never receives what was meant for its predecessor.
 *
 * Timers: a binary heap of pointers into their owners. Those that are due are first moved to a list
 * and then fired, so that a timer which starts itself again in the past neither keeps the loop from
 * its descriptors nor overtakes the others that are due. */
#include "common/base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

enum { EVENTS_PER_WAIT = 256 };

/* In loop_timer.slot: the timer is in the list of due ones, not in the heap. */
#define SLOT_DUE ((size_t)1 << (sizeof(size_t) * CHAR_BIT - 1))

struct watch {
	loop_ready_fn ready; /* NULL: not watched */
	void *context;
	uint32_t events;
	uint32_t generation;
};

struct loop {
	int epoll_fd;
	int wake_fd;
	_Bool stepping;
	_Bool no_pwait2; /* the kernel has no epoll_pwait2 */
	uint32_t generation;
	struct watch *watches; /* by fd */
	size_t watch_capacity;
	struct loop_timer **heap;
	size_t heap_count;
	size_t heap_capacity;
	struct loop_timer **due;
	size_t due_count;
	size_t due_capacity;
	struct epoll_event events[EVENTS_PER_WAIT];
};

DEFINE_CLEANUP(struct loop *, loop_free)

static void drain_wake(void *context, int fd, uint32_t events)
{
	uint64_t value;

	(void)context;
	(void)events;
	while (read(fd, &value, sizeof(value)) < 0 && errno == EINTR)
		;
}

int loop_new(struct loop **ret_loop)
{
	cleanup(loop_freep) struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->wake_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return -errno;
	r = loop_watch(loop, loop->wake_fd, EPOLLIN, drain_wake, NULL);
	if (r < 0)
		return r;
	/* The default of 50 us would be added to every deadline. */
	if (prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL) < 0)
		return -errno;
	*ret_loop = steal(loop);
	return 0;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	assert(!loop->stepping);
	for (size_t i = 0; i < loop->heap_count; i++)
		loop->heap[i]->slot = 0;
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->watches);
	free(loop->heap);
	free(loop->due);
	free(loop);
	return NULL;
}

/* New room in the table must be zeroed: array_reserve() leaves it as it comes. */
static int reserve_watch(struct loop *loop, int fd)
{
	size_t before = loop->watch_capacity;
	int r = array_reserve(&loop->watches, &loop->watch_capacity, (size_t)fd, sizeof(*loop->watches));

	if (r < 0)
		return r;
	for (size_t i = before; i < loop->watch_capacity; i++)
		loop->watches[i] = (struct watch){0};
	return 0;
}

static int control(const struct loop *loop, int operation, int fd, uint32_t events, uint32_t generation)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd};

	return epoll_ctl(loop->epoll_fd, operation, fd, &event) < 0 ? -errno : 0;
}

int loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready_fn ready, void *context)
{
	uint32_t generation;
	struct watch *watch;
	int r;

	assert(ready);
	if (fd < 0)
		return -EBADF;
	r = reserve_watch(loop, fd);
	if (r < 0)
		return r;
	watch = &loop->watches[fd];
	generation = watch->ready ? watch->generation : ++loop->generation;
	r = control(loop, watch->ready ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events, generation);
	if (r == -ENOENT) {
		/* Closed without unwatching, and the number is another descriptor's now. */
		generation = ++loop->generation;
		r = control(loop, EPOLL_CTL_ADD, fd, events, generation);
	} else if (r == -EEXIST) {
		/* Unwatched after its close, while a duplicate kept the kernel's watch alive. */
		r = control(loop, EPOLL_CTL_MOD, fd, events, generation);
	}
	if (r < 0)
		return r;
	*watch = (struct watch){.ready = ready, .context = context, .events = events, .generation = generation};
	return 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->watch_capacity || !loop->watches[fd].ready)
		return;
	/* Fails if it was closed already, and then there is nothing left to stop. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	loop->watches[fd] = (struct watch){0};
}

static void place(struct loop *loop, size_t at, struct loop_timer *timer)
{
	loop->heap[at] = timer;
	timer->slot = at + 1;
}

static void sift_up(struct loop *loop, size_t at, struct loop_timer *timer)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (loop->heap[parent]->deadline_ns <= timer->deadline_ns)
			break;
		place(loop, at, loop->heap[parent]);
		at = parent;
	}
	place(loop, at, timer);
}

static void sift_down(struct loop *loop, size_t at, struct loop_timer *timer)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= loop->heap_count)
			break;
		if (child + 1 < loop->heap_count && loop->heap[child + 1]->deadline_ns < loop->heap[child]->deadline_ns)
			child++;
		if (timer->deadline_ns <= loop->heap[child]->deadline_ns)
			break;
		place(loop, at, loop->heap[child]);
		at = child;
	}
	place(loop, at, timer);
}

static void take_from_heap(struct loop *loop, size_t at)
{
	struct loop_timer *last = loop->heap[--loop->heap_count];

	if (at == loop->heap_count)
		return;
	if (at > 0 && last->deadline_ns < loop->heap[(at - 1) / 2]->deadline_ns)
		sift_up(loop, at, last);
	else
		sift_down(loop, at, last);
}

int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns)
{
	int r;

	assert(timer->fire);
	/* A restart needs no room and cannot fail: it goes where it was. The list of due timers has room
	 * for all of the heap, so that firing needs no memory. */
	if (timer->slot == 0 || (timer->slot & SLOT_DUE)) {
		r = array_reserve(&loop->heap, &loop->heap_capacity, loop->heap_count, sizeof(struct loop_timer *));
		if (r < 0)
			return r;
		r = array_reserve(&loop->due, &loop->due_capacity, loop->heap_count, sizeof(struct loop_timer *));
		if (r < 0)
			return r;
	}
	loop_timer_stop(loop, timer);
	timer->deadline_ns = deadline_ns;
	loop->heap_count++;
	sift_up(loop, loop->heap_count - 1, timer);
	return 0;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	size_t slot = timer->slot;

	timer->slot = 0;
	if (slot == 0)
		return;
	if (slot & SLOT_DUE)
		loop->due[slot & ~SLOT_DUE] = NULL;
	else
		take_from_heap(loop, slot - 1);
}

/* Returns whether any has fired. */
static _Bool fire_due(struct loop *loop)
{
	uint64_t now_ns;

	if (loop->heap_count == 0)
		return 0;
	now_ns = clock_now_ns();
	loop->due_count = 0;
	while (loop->heap_count > 0 && loop->heap[0]->deadline_ns <= now_ns) {
		struct loop_timer *timer = loop->heap[0];

		take_from_heap(loop, 0);
		loop->due[loop->due_count] = timer;
		timer->slot = SLOT_DUE | loop->due_count++;
	}
	for (size_t i = 0; i < loop->due_count; i++) {
		struct loop_timer *timer = loop->due[i];

		if (!timer)
			continue;
		timer->slot = 0;
		timer->fire(timer, clock_now_ns());
	}
	return loop->due_count > 0;
}

/* The time to wait: 0 polls, CLOCK_NEVER waits for ever. */
static uint64_t wait_ns(const struct loop *loop, uint64_t until_ns)
{
	uint64_t now_ns;

	if (loop->heap_count > 0 && loop->heap[0]->deadline_ns < until_ns)
		until_ns = loop->heap[0]->deadline_ns;
	if (until_ns == 0 || until_ns == CLOCK_NEVER)
		return until_ns;
	now_ns = clock_now_ns();
	return until_ns > now_ns ? until_ns - now_ns : 0;
}

static int wait_events(struct loop *loop, uint64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S), .tv_nsec = (long)(timeout_ns % NS_PER_S)};
	uint64_t timeout_ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS > 0);
	int count;

	if (!loop->no_pwait2) {
		count = epoll_pwait2(loop->epoll_fd, loop->events, EVENTS_PER_WAIT,
		                     timeout_ns == CLOCK_NEVER ? NULL : &timeout, NULL);
		if (count >= 0 || errno != ENOSYS)
			return count;
		loop->no_pwait2 = 1;
	}
	if (timeout_ns == CLOCK_NEVER)
		return epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_WAIT, -1);
	/* Rounded up: a deadline may be late, never early. */
	return epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_WAIT,
	                  timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX);
}

static void deliver(struct loop *loop, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;
	uint32_t generation = (uint32_t)(event->data.u64 >> 32);
	struct watch watch = loop->watches[fd];
	uint32_t events = event->events & (watch.events | EPOLLERR | EPOLLHUP);

	if (watch.ready && watch.generation == generation && events)
		watch.ready(watch.context, fd, events);
}

int loop_step(struct loop *loop, uint64_t until_ns)
{
	_Bool fired;
	int count;

	assert(!loop->stepping);
	loop->stepping = 1;
	fired = fire_due(loop);
	count = wait_events(loop, fired ? 0 : wait_ns(loop, until_ns));
	if (count < 0 && errno != EINTR) {
		loop->stepping = 0;
		return -errno;
	}
	/* Deadlines before descriptors: what waits in a socket's buffer has its time already. */
	fire_due(loop);
	for (int i = 0; i < count; i++)
		deliver(loop, &loop->events[i]);
	loop->stepping = 0;
	return 0;
}

void loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so it is awake already. */
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
