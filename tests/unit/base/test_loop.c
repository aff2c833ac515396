/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h: descriptors and timers. Nothing here depends on how soon a wait returns, only on its order. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/loop.h"
#include "common/base/random.h"

struct seen {
	struct loop *loop;
	int count;
	int last_fd;
	uint32_t last_events;
	int other_fd; /* -1: none */
	int replacement_fd;
};

static void count_ready(void *context, int fd, uint32_t events)
{
	struct seen *seen = context;

	seen->count++;
	seen->last_fd = fd;
	seen->last_events = events;
}

static struct loop *new_loop(void)
{
	struct loop *loop;

	assert_int_equal(loop_new(&loop), 0);
	return loop;
}

static void make_pipe(int ret_ends[2], _Bool with_data)
{
	assert_int_equal(pipe(ret_ends), 0);
	if (with_data)
		assert_int_equal(write(ret_ends[1], "x", 1), 1);
}

static void close_pipe(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

static void test_loop_delivers_what_is_ready_until_unwatched(void **state)
{
	struct loop *loop = new_loop();
	struct seen seen = {0};
	int ends[2];

	(void)state;
	make_pipe(ends, 0);
	assert_int_equal(loop_watch(loop, ends[0], EPOLLIN, count_ready, &seen), 0);
	assert_int_equal(loop_step(loop, 0), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.last_fd, ends[0]);
	assert_int_equal(seen.last_events, EPOLLIN);
	/* Level-triggered: still there. */
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	assert_int_equal(seen.count, 2);
	loop_unwatch(loop, ends[0]);
	loop_unwatch(loop, ends[0]);
	loop_unwatch(loop, 100000);
	loop_unwatch(loop, -1);
	assert_int_equal(loop_step(loop, 0), 0);
	assert_int_equal(seen.count, 2);
	close_pipe(ends);
	assert_null(loop_free(loop));
}

static void test_loop_second_watch_changes_events_and_callback(void **state)
{
	struct loop *loop = new_loop();
	struct seen first = {0};
	struct seen second = {0};
	int ends[2];

	(void)state;
	make_pipe(ends, 0);
	assert_int_equal(loop_watch(loop, ends[1], EPOLLIN, count_ready, &first), 0);
	assert_int_equal(loop_watch(loop, ends[1], EPOLLOUT, count_ready, &second), 0);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	assert_int_equal(first.count, 0);
	assert_int_equal(second.count, 1);
	assert_int_equal(second.last_events, EPOLLOUT);
	close_pipe(ends);
	loop_free(loop);
}

static void unwatch_other(void *context, int fd, uint32_t events)
{
	struct seen *seen = context;

	count_ready(context, fd, events);
	loop_unwatch(seen->loop, seen->other_fd == fd ? seen->replacement_fd : seen->other_fd);
}

static void test_loop_drops_events_of_what_a_callback_unwatched(void **state)
{
	struct loop *loop = new_loop();
	struct seen seen = {.loop = loop};
	int a[2], b[2];

	(void)state;
	make_pipe(a, 1);
	make_pipe(b, 1);
	seen.other_fd = a[0];
	seen.replacement_fd = b[0];
	loop_watch(loop, a[0], EPOLLIN, unwatch_other, &seen);
	loop_watch(loop, b[0], EPOLLIN, unwatch_other, &seen);
	/* Both are ready at once; whichever comes first silences the other. */
	assert_int_equal(loop_step(loop, 0), 0);
	assert_int_equal(seen.count, 1);
	close_pipe(a);
	close_pipe(b);
	loop_free(loop);
}

/* Closes the other descriptor and has its number made that of a pipe which has nothing to read. */
static void replace_other(void *context, int fd, uint32_t events)
{
	struct seen *seen = context;
	int other = seen->other_fd;

	(void)events;
	seen->count++;
	if (other < 0)
		return;
	if (other == fd)
		other = seen->last_fd;
	seen->other_fd = -1;
	loop_unwatch(seen->loop, other);
	assert_int_equal(dup2(seen->replacement_fd, other), other);
	assert_int_equal(loop_watch(seen->loop, other, EPOLLIN, count_ready, seen), 0);
}

static void test_loop_reused_number_gets_no_event_of_its_predecessor(void **state)
{
	struct loop *loop = new_loop();
	int a[2], b[2], quiet[2];
	struct seen seen = {.loop = loop};

	(void)state;
	make_pipe(a, 1);
	make_pipe(b, 1);
	make_pipe(quiet, 0);
	seen.other_fd = a[0];
	seen.last_fd = b[0];
	seen.replacement_fd = quiet[0];
	loop_watch(loop, a[0], EPOLLIN, replace_other, &seen);
	loop_watch(loop, b[0], EPOLLIN, replace_other, &seen);
	assert_int_equal(loop_step(loop, 0), 0);
	assert_int_equal(seen.count, 1);
	close_pipe(a);
	close_pipe(b);
	close_pipe(quiet);
	loop_free(loop);
}

static void test_loop_number_closed_without_unwatch_can_be_watched_again(void **state)
{
	struct loop *loop = new_loop();
	struct seen before = {0};
	struct seen after = {0};
	int a[2], b[2];

	(void)state;
	make_pipe(a, 0);
	make_pipe(b, 1);
	loop_watch(loop, a[0], EPOLLIN, count_ready, &before);
	assert_int_equal(dup2(b[0], a[0]), a[0]);
	assert_int_equal(loop_watch(loop, a[0], EPOLLIN, count_ready, &after), 0);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	assert_int_equal(before.count, 0);
	assert_int_equal(after.count, 1);
	close_pipe(a);
	close_pipe(b);
	loop_free(loop);
}

static void test_loop_refuses_what_is_no_descriptor(void **state)
{
	struct loop *loop = new_loop();
	struct seen seen = {0};

	(void)state;
	assert_int_equal(loop_watch(loop, -1, EPOLLIN, count_ready, &seen), -EBADF);
	assert_int_equal(loop_watch(loop, 5000, EPOLLIN, count_ready, &seen), -EBADF);
	loop_unwatch(loop, 5000);
	loop_free(loop);
}

struct test_timer {
	struct loop_timer timer;
	struct loop *loop;
	int count;
	int *order;
	int fired_as;
	struct loop_timer *stops;
	uint64_t restart_ns; /* 0: not */
};

static void fire(struct loop_timer *timer, uint64_t now_ns)
{
	struct test_timer *test = (struct test_timer *)timer;

	assert_true(now_ns >= timer->deadline_ns);
	test->count++;
	if (test->order)
		test->fired_as = (*test->order)++;
	if (test->stops)
		loop_timer_stop(test->loop, test->stops);
	if (test->restart_ns)
		loop_timer_start(test->loop, timer, test->restart_ns);
}

static void test_loop_timers_fire_in_the_order_of_their_deadlines(void **state)
{
	enum { COUNT = 500 };
	static struct test_timer timers[COUNT];
	struct loop *loop = new_loop();
	uint64_t now_ns = clock_now_ns();
	struct random random;
	int order = 0;

	(void)state;
	memset(timers, 0, sizeof(timers));
	random_seed(&random, 7);
	for (int i = 0; i < COUNT; i++) {
		timers[i] = (struct test_timer){.timer.fire = fire, .loop = loop, .order = &order};
		loop_timer_start(loop, &timers[i].timer, now_ns - random_below(&random, 1000));
	}
	for (int i = 0; i < COUNT; i += 3)
		loop_timer_start(loop, &timers[i].timer, now_ns - random_below(&random, 1000));
	for (int i = 0; i < COUNT; i += 7)
		loop_timer_stop(loop, &timers[i].timer);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(timers[i].count, i % 7 == 0 ? 0 : 1);
		assert_int_equal(timers[i].timer.slot, 0);
		for (int j = 0; j < COUNT; j++)
			if (timers[i].count && timers[j].count &&
			    timers[i].timer.deadline_ns < timers[j].timer.deadline_ns)
				assert_true(timers[i].fired_as < timers[j].fired_as);
	}
	loop_free(loop);
}

static void test_loop_waits_for_a_timer_and_never_fires_it_early(void **state)
{
	struct loop *loop = new_loop();
	struct test_timer test = {.timer.fire = fire};

	(void)state;
	for (uint64_t wait_ns = 1; wait_ns < 10 * NS_PER_MS; wait_ns *= 7) {
		int before = test.count;

		loop_timer_start(loop, &test.timer, clock_now_ns() + wait_ns);
		while (test.count == before)
			assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
		assert_int_equal(test.count, before + 1);
	}
	loop_free(loop);
}

static void test_loop_timer_may_stop_another_that_is_due(void **state)
{
	struct loop *loop = new_loop();
	struct test_timer second = {.timer.fire = fire};
	struct test_timer first = {.timer.fire = fire, .loop = loop, .stops = &second.timer};

	(void)state;
	loop_timer_start(loop, &second.timer, 2);
	loop_timer_start(loop, &first.timer, 1);
	assert_int_equal(loop_step(loop, 0), 0);
	assert_int_equal(first.count, 1);
	assert_int_equal(second.count, 0);
	assert_int_equal(second.timer.slot, 0);
	loop_free(loop);
}

static void test_loop_timer_restarted_in_the_past_starves_nobody(void **state)
{
	struct loop *loop = new_loop();
	struct test_timer again = {.timer.fire = fire, .loop = loop, .restart_ns = 1};
	struct test_timer other = {.timer.fire = fire};
	struct seen seen = {0};
	int ends[2];

	(void)state;
	make_pipe(ends, 1);
	loop_watch(loop, ends[0], EPOLLIN, count_ready, &seen);
	loop_timer_start(loop, &again.timer, 1);
	loop_timer_start(loop, &other.timer, 2);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	assert_int_equal(other.count, 1);
	assert_int_equal(seen.count, 1);
	assert_in_range(again.count, 1, 2); /* before the wait and after it */
	loop_timer_stop(loop, &again.timer);
	close_pipe(ends);
	loop_free(loop);
}

static void test_loop_step_returns_at_until(void **state)
{
	struct loop *loop = new_loop();
	uint64_t until_ns = clock_now_ns() + 2 * NS_PER_MS;

	(void)state;
	while (clock_now_ns() < until_ns)
		assert_int_equal(loop_step(loop, until_ns), 0);
	assert_int_equal(loop_step(loop, 0), 0);
	loop_free(loop);
}

static void *wake(void *loop)
{
	loop_wake(loop);
	return NULL;
}

static void test_loop_is_woken_by_another_thread(void **state)
{
	struct loop *loop = new_loop();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wake, loop), 0);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	pthread_join(thread, NULL);
	/* Also if the wake came before the step; several are one. */
	loop_wake(loop);
	loop_wake(loop);
	assert_int_equal(loop_step(loop, CLOCK_NEVER), 0);
	loop_free(loop);
}

static void test_loop_freed_with_timers_leaves_them_stopped(void **state)
{
	struct loop *loop = new_loop();
	struct test_timer test = {.timer.fire = fire};

	(void)state;
	loop_timer_start(loop, &test.timer, CLOCK_NEVER);
	loop_free(loop);
	assert_int_equal(test.timer.slot, 0);
	assert_null(loop_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_loop_delivers_what_is_ready_until_unwatched),
	        cmocka_unit_test(test_loop_second_watch_changes_events_and_callback),
	        cmocka_unit_test(test_loop_drops_events_of_what_a_callback_unwatched),
	        cmocka_unit_test(test_loop_reused_number_gets_no_event_of_its_predecessor),
	        cmocka_unit_test(test_loop_number_closed_without_unwatch_can_be_watched_again),
	        cmocka_unit_test(test_loop_refuses_what_is_no_descriptor),
	        cmocka_unit_test(test_loop_timers_fire_in_the_order_of_their_deadlines),
	        cmocka_unit_test(test_loop_waits_for_a_timer_and_never_fires_it_early),
	        cmocka_unit_test(test_loop_timer_may_stop_another_that_is_due),
	        cmocka_unit_test(test_loop_timer_restarted_in_the_past_starves_nobody),
	        cmocka_unit_test(test_loop_step_returns_at_until),
	        cmocka_unit_test(test_loop_is_woken_by_another_thread),
	        cmocka_unit_test(test_loop_freed_with_timers_leaves_them_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
