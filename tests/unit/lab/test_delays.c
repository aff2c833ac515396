/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come later. */
#include "deploy/lab/delays.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { CALLS = 200, ADDERS = 4 };

struct log {
	pthread_mutex_t lock;
	sem_t calls;
	int order[ADDERS * CALLS];
	int count;
};

struct call {
	struct delay delay;
	struct log *log;
	int number;
	uint64_t deadline_ns;
	_Bool early;
	_Bool here; /* called on the thread that runs the test */
	pthread_t caller;
};

static void note(void *context)
{
	struct call *call = context;

	call->early = clock_now_ns() < call->deadline_ns;
	call->here = pthread_equal(pthread_self(), call->caller) != 0;
	pthread_mutex_lock(&call->log->lock);
	call->log->order[call->log->count++] = call->number;
	pthread_mutex_unlock(&call->log->lock);
	sem_post(&call->log->calls);
}

static void init(struct call *call, struct log *log, int number, uint64_t deadline_ns)
{
	*call = (struct call){.delay = {.fire = note, .context = call},
	                      .log = log,
	                      .number = number,
	                      .deadline_ns = deadline_ns,
	                      .caller = pthread_self()};
}

static void log_init(struct log *log)
{
	*log = (struct log){.lock = PTHREAD_MUTEX_INITIALIZER};
	sem_init(&log->calls, 0, 0);
}

static void await(struct log *log, int count)
{
	for (int i = 0; i < count; i++)
		sem_wait(&log->calls);
}

static void test_delays_fire_in_the_order_of_their_deadlines_and_never_early(void **state)
{
	uint64_t start_ns = clock_now_ns() + 50 * NS_PER_MS;
	struct call calls[CALLS];
	struct delays *delays;
	struct log log;

	(void)state;
	log_init(&log);
	assert_int_equal(delays_new(&delays), 0);
	for (int i = CALLS - 1; i >= 0; i--) {
		init(&calls[i], &log, i, start_ns + (uint64_t)i * 10 * NS_PER_US);
		delays_add(delays, &calls[i].delay, calls[i].deadline_ns);
	}
	await(&log, CALLS);
	for (int i = 0; i < CALLS; i++) {
		assert_false(calls[i].early);
		assert_false(calls[i].here);
		assert_int_equal(log.order[i], i);
	}
	delays_free(delays);
}

static void test_delays_fire_now_when_they_expire(void **state)
{
	struct call waiting, late;
	struct delays *delays;
	struct log log;

	(void)state;
	log_init(&log);
	assert_int_equal(delays_new(&delays), 0);
	init(&waiting, &log, 1, clock_now_ns() + 3600 * NS_PER_S);
	delays_add(delays, &waiting.delay, waiting.deadline_ns);
	delays_expire(delays);
	assert_int_equal(log.count, 1);
	assert_true(waiting.early);
	init(&late, &log, 2, clock_now_ns() + 3600 * NS_PER_S);
	delays_add(delays, &late.delay, late.deadline_ns);
	assert_int_equal(log.count, 2);
	assert_true(late.here);
	delays_expire(delays);
	assert_null(delays_free(delays));
	assert_int_equal(log.count, 2);
}

struct adder {
	pthread_t thread;
	struct delays *delays;
	struct call calls[CALLS];
};

static void *add_many(void *context)
{
	struct adder *adder = context;

	for (int i = 0; i < CALLS; i++)
		delays_add(adder->delays, &adder->calls[i].delay, adder->calls[i].deadline_ns);
	return NULL;
}

static void test_delays_of_many_threads_fire_once_each(void **state)
{
	static struct adder adders[ADDERS];
	static _Bool seen[ADDERS * CALLS];
	struct delays *delays;
	static struct log log;

	(void)state;
	log_init(&log);
	assert_int_equal(delays_new(&delays), 0);
	for (int i = 0; i < ADDERS; i++) {
		adders[i].delays = delays;
		for (int j = 0; j < CALLS; j++)
			init(&adders[i].calls[j], &log, i * CALLS + j, clock_now_ns() + (uint64_t)(j % 7) * NS_PER_MS);
		assert_int_equal(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]), 0);
	}
	/* Some are added, some wait and some have fired when it expires. */
	await(&log, CALLS);
	delays_expire(delays);
	for (int i = 0; i < ADDERS; i++)
		pthread_join(adders[i].thread, NULL);
	assert_int_equal(log.count, ADDERS * CALLS);
	for (int i = 0; i < log.count; i++) {
		assert_false(seen[log.order[i]]);
		seen[log.order[i]] = 1;
	}
	delays_free(delays);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_delays_fire_in_the_order_of_their_deadlines_and_never_early),
	        cmocka_unit_test(test_delays_fire_now_when_they_expire),
	        cmocka_unit_test(test_delays_of_many_threads_fire_once_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
