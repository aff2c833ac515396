/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that take the step's latency and fail with the step's share of failures.
 *
 * Every operation waits in a `wait` of the driver's pool. Those without a latency stand in one list that a single
 * timer, due at once, completes in the loop's next pass: so a worker that does nothing else still sees its descriptors
 * between two passes. */
#include "agent/drivers/null/null.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/random.h"

/* A deadline that is always past. */
#define AT_ONCE_NS 1

struct wait {
	struct loop_timer timer; /* of an operation with a latency */
	struct driver *driver;
	struct operation *operation;
	struct wait *next; /* in `free`, or towards the newer ones */
	struct wait *previous;
};

struct wait_list {
	struct wait *first;
	struct wait *last;
};

struct driver {
	struct loop *loop;
	void (*complete)(void *context, struct operation *operation);
	void *context;
	struct random random;
	struct wait *free;
	struct wait_list sleeping; /* each with its timer running */
	struct wait_list immediate;
	struct loop_timer kick; /* completes `immediate` */
	uint64_t in_flight;
};

static void list_add(struct wait_list *list, struct wait *wait)
{
	wait->next = NULL;
	wait->previous = list->last;
	if (list->last)
		list->last->next = wait;
	else
		list->first = wait;
	list->last = wait;
}

static void list_remove(struct wait_list *list, struct wait *wait)
{
	if (wait->previous)
		wait->previous->next = wait->next;
	else
		list->first = wait->next;
	if (wait->next)
		wait->next->previous = wait->previous;
	else
		list->last = wait->previous;
}

static void wait_done(struct wait *wait, uint64_t now_ns)
{
	struct driver *driver = wait->driver;
	struct operation *operation = wait->operation;

	operation->completed_ns = now_ns;
	wait->next = driver->free;
	driver->free = wait;
	driver->in_flight--;
	driver->complete(driver->context, operation);
}

static void wait_over(struct loop_timer *timer, uint64_t now_ns)
{
	struct wait *wait = timer->context;

	list_remove(&wait->driver->sleeping, wait);
	wait_done(wait, now_ns);
}

static void kicked(struct loop_timer *timer, uint64_t now_ns)
{
	struct driver *driver = timer->context;

	while (driver->immediate.first) {
		struct wait *wait = driver->immediate.first;

		list_remove(&driver->immediate, wait);
		wait_done(wait, now_ns);
	}
}

static struct wait *wait_new(struct driver *driver)
{
	struct wait *wait = driver->free;

	if (wait) {
		driver->free = wait->next;
		return wait;
	}
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return NULL;
	wait->driver = driver;
	wait->timer.fire = wait_over;
	wait->timer.context = wait;
	return wait;
}

static void null_version(char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s", "1");
}

static int null_open(const struct driver_config *config, struct failure *failure, struct driver **ret_driver)
{
	struct driver *driver = calloc(1, sizeof(*driver));

	if (!driver)
		return failure_set(failure, -ENOMEM, "no memory for the null driver");
	driver->loop = config->loop;
	driver->complete = config->complete;
	driver->context = config->context;
	driver->kick.fire = kicked;
	driver->kick.context = driver;
	random_seed(&driver->random, config->worker);
	*ret_driver = driver;
	return 0;
}

static int start_wait(struct driver *driver, struct wait *wait, uint64_t latency_ns)
{
	int r;

	if (latency_ns > 0) {
		r = loop_timer_start(driver->loop, &wait->timer, wait->operation->started_ns + latency_ns);
		if (r == 0)
			list_add(&driver->sleeping, wait);
		return r;
	}
	if (!driver->immediate.first) {
		r = loop_timer_start(driver->loop, &driver->kick, AT_ONCE_NS);
		if (r < 0)
			return r;
	}
	list_add(&driver->immediate, wait);
	return 0;
}

static int null_submit(struct driver *driver, struct operation *operation)
{
	const struct null_step *step = &operation->step->null;
	struct wait *wait = wait_new(driver);
	uint64_t latency_ns = step->latency_ns.low;
	int r;

	if (!wait)
		return -ENOMEM;
	wait->operation = operation;
	if (step->latency_ns.high > step->latency_ns.low)
		latency_ns = random_between(&driver->random, step->latency_ns.low, step->latency_ns.high);
	if (step->failures > 0 && random_unit(&driver->random) < step->failures)
		operation_fail(operation, ERROR_SERVER, "NULL", "failed by the step's share of failures");
	r = start_wait(driver, wait, latency_ns);
	if (r < 0) {
		wait->next = driver->free;
		driver->free = wait;
		return r;
	}
	operation->driver_words[0] = (uintptr_t)wait;
	driver->in_flight++;
	return SUBMIT_ACCEPTED;
}

static void null_cancel(struct driver *driver, struct operation *operation)
{
	struct wait *wait = (struct wait *)operation->driver_words[0];

	if (wait->timer.slot) {
		loop_timer_stop(driver->loop, &wait->timer);
		list_remove(&driver->sleeping, wait);
	} else {
		list_remove(&driver->immediate, wait);
	}
	wait_done(wait, clock_now_ns());
}

static uint64_t null_in_flight(const struct driver *driver)
{
	return driver->in_flight;
}

static void null_abandon(struct driver *driver)
{
	while (driver->sleeping.first)
		null_cancel(driver, driver->sleeping.first->operation);
	while (driver->immediate.first)
		null_cancel(driver, driver->immediate.first->operation);
}

static struct driver *null_close(struct driver *driver)
{
	if (!driver)
		return NULL;
	loop_timer_stop(driver->loop, &driver->kick);
	while (driver->free) {
		struct wait *wait = driver->free;

		driver->free = wait->next;
		free(wait);
	}
	free(driver);
	return NULL;
}

/* Duties. */

/* Waits; false: it was cancelled. */
static _Bool sleep_unless_cancelled(int cancel_fd, uint64_t latency_ns)
{
	struct pollfd cancel = {.fd = cancel_fd, .events = POLLIN};
	uint64_t now_ns = clock_now_ns(), until_ns = now_ns + latency_ns;

	for (; now_ns < until_ns; now_ns = clock_now_ns()) {
		const struct timespec left = {
		        .tv_sec = (time_t)((until_ns - now_ns) / NS_PER_S),
		        .tv_nsec = (long)((until_ns - now_ns) % NS_PER_S),
		};

		if (ppoll(&cancel, 1, &left, NULL) > 0)
			return 0;
	}
	return 1;
}

static int render_value(struct duty_work *work, const struct template_pair *pair)
{
	struct buffer text = {0};
	const char *missing = "";
	int r = template_render(pair->value, work->scope, &text, &missing);

	if (r == -ENOKEY) {
		duty_work_fail(work, "{{%s}} is not set", missing);
		r = 0;
	} else if (r == 0) {
		r = duty_work_value(work, pair->name, text.data, text.size);
	}
	buffer_deinit(&text);
	return r;
}

static int null_perform(const struct driver_config *config, struct duty_work *work)
{
	const struct duty *duty = work->duty;
	const struct null_duty *null = &duty->null;
	struct random *random = work->scope->random;
	int r = 0;

	(void)config;
	if (duty->kind == DUTY_READER)
		return duty_work_reading(work, METRIC_NULL_READING, duty->name, null->reading);
	if (!sleep_unless_cancelled(work->cancel_fd,
	                            null->latency_ns.high > null->latency_ns.low
	                                    ? random_between(random, null->latency_ns.low, null->latency_ns.high)
	                                    : null->latency_ns.low))
		return 0;
	if (null->fails)
		duty_work_fail(work, "failed as the plan wants it");
	for (uint32_t i = 0; r == 0 && !work->problem[0] && i < null->values.count; i++)
		r = render_value(work, &null->values.items[i]);
	return r;
}

const struct driver_ops null_driver = {
        .kind = TARGET_NULL,
        .library = "null",
        .library_version = null_version,
        .open = null_open,
        .submit = null_submit,
        .cancel = null_cancel,
        .in_flight = null_in_flight,
        .abandon = null_abandon,
        .perform = null_perform,
        .close = null_close,
};
