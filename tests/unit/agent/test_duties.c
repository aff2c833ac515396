/* SPDX-License-Identifier: Apache-2.0 */
/* duties.h: readers on their thread, what they keep between readings, and what is said of those that fail. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/duties.h"
#include "common/base/clock.h"

enum { FIRST, SECOND, COUNT };

static struct duty duties[COUNT] = {
        [FIRST] = {.kind = DUTY_READER, .task = DUTY_TASK_LAG, .name = (char *)"first", .every_ns = NS_PER_MS},
        [SECOND] = {.kind = DUTY_READER, .task = DUTY_TASK_LAG, .name = (char *)"second", .every_ns = NS_PER_MS},
};
static struct target target = {.name = (char *)"t", .kind = TARGET_KAFKA};
static struct plan plan = {.duties = duties, .duty_count = COUNT, .targets = &target, .target_count = 1};

/* What the driver keeps: how often its duty was performed. */
struct kept {
	const struct duty *duty;
	uint32_t readings;
};

static struct {
	uint32_t opened;
	uint32_t released;
	uint32_t readings[COUNT];
	uint32_t fails_from, fails_to; /* readings of FIRST that fail */
} seen;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of what is seen */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int fake_perform(const struct driver_config *config, struct duty_work *work)
{
	uint32_t number = (uint32_t)(work->duty - duties);
	struct kept *kept = work->held;

	(void)config;
	pthread_mutex_lock(&mutex);
	if (!kept) {
		kept = calloc(1, sizeof(*kept));
		assert_non_null(kept);
		kept->duty = work->duty;
		work->held = kept;
		seen.opened++;
	}
	assert_ptr_equal(kept->duty, work->duty);
	kept->readings++;
	if (number == FIRST && kept->readings >= seen.fails_from && kept->readings < seen.fails_to)
		duty_work_fail(work, "no answer");
	seen.readings[number]++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	return duty_work_reading(work, METRIC_KAFKA_CONSUMER_LAG, "g", kept->readings);
}

static void fake_let_go(void *held)
{
	free(held);
	pthread_mutex_lock(&mutex);
	seen.released++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static const struct driver_ops fake = {.kind = TARGET_KAFKA, .perform = fake_perform, .let_go = fake_let_go};
static const struct driver_ops *const table[TARGET_KIND_COUNT] = {[TARGET_KAFKA] = &fake};

static struct log *duties_log;
static FILE *echo;
static char *echoed;
static size_t echoed_size;
static int doorbell;

static int set_up(void **state)
{
	const struct duties_config config = {.plan = &plan,
	                                     .drivers = table,
	                                     .agent_name = "agent",
	                                     .run_id = "",
	                                     .log = duties_log,
	                                     .doorbell = doorbell};

	memset(&seen, 0, sizeof(seen));
	plan.names = template_names_new();
	return duties_new(&config, (struct duties **)state);
}

static int tear_down(void **state)
{
	*state = duties_free(*state);
	plan.names = template_names_free(plan.names);
	return 0;
}

/* Waits until the number is so great, and gives it. */
static uint32_t until(const uint32_t *number, uint32_t least)
{
	struct timespec deadline;
	uint32_t now;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 20;
	pthread_mutex_lock(&mutex);
	while (*number < least)
		assert_int_equal(pthread_cond_timedwait(&changed, &mutex, &deadline), 0);
	now = *number;
	pthread_mutex_unlock(&mutex);
	return now;
}

static void test_duties_let_a_reader_keep_what_it_needs_until_it_is_taken_away(void **state)
{
	uint32_t both[] = {FIRST, SECOND};

	duties_set(*state, both, 2);
	until(&seen.readings[FIRST], 3);
	until(&seen.readings[SECOND], 3);
	assert_int_equal(until(&seen.opened, 2), 2);
	assert_int_equal(until(&seen.released, 0), 0);
	duties_set(*state, both, 1);
	until(&seen.released, 1);
	until(&seen.readings[FIRST], until(&seen.readings[FIRST], 0) + 2);
	assert_int_equal(until(&seen.released, 1), 1);
	*state = duties_free(*state);
	assert_int_equal(seen.released, 2);
	assert_int_equal(seen.opened, 2);
}

static int take(void *context, const struct duty_reading *reading)
{
	*(double *)context = reading->value;
	return 0;
}

static uint32_t count(const char *text, const char *word)
{
	uint32_t found = 0;

	for (text = strstr(text, word); text; text = strstr(text + 1, word))
		found++;
	return found;
}

static void test_duties_say_once_that_a_reader_cannot_read_and_go_on(void **state)
{
	uint32_t first = FIRST;
	double newest = 0;

	seen.fails_from = 2;
	seen.fails_to = 5;
	duties_set(*state, &first, 1);
	until(&seen.readings[FIRST], 8);
	assert_int_equal(duties_take_readings(*state, take, &newest), 0);
	assert_true(newest >= 7);
	*state = duties_free(*state);
	assert_int_equal(seen.opened, 1);
	fflush(echo);
	assert_int_equal(count(echoed, "first: no answer"), 1);
	assert_int_equal(count(echoed, "first: it can read again"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_duties_let_a_reader_keep_what_it_needs_until_it_is_taken_away,
	                                        set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_duties_say_once_that_a_reader_cannot_read_and_go_on, set_up,
	                                        tear_down),
	};

	echo = open_memstream(&echoed, &echoed_size);
	doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!echo || doorbell < 0 || log_open("test", NULL, echo, LOG_INFO, &duties_log) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
