/* SPDX-License-Identifier: Apache-2.0 */
/* pacer.h: which arrivals are due, late or still to come. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/pacer.h"
#include "common/base/clock.h"

#define ORIGIN (77 * NS_PER_S)

struct setting {
	struct scenario scenario;
	struct schedule *schedule;
	struct share share;
	struct pacer *pacer;
};

static void set_up(struct setting *setting, double rate, uint64_t duration_ns)
{
	*setting = (struct setting){.scenario = {.executor = EXECUTOR_CONSTANT_ARRIVAL_RATE,
	                                         .rate = rate,
	                                         .time_unit_ns = NS_PER_S,
	                                         .duration_ns = duration_ns,
	                                         .start_after = PLAN_NONE}};
	assert_int_equal(schedule_new(&setting->scenario, &setting->schedule), 0);
	assert_int_equal(share_all(&setting->share), 0);
	assert_int_equal(pacer_new(&(struct pacer_config){.schedule = setting->schedule,
	                                                  .share = &setting->share,
	                                                  .origin_ns = ORIGIN,
	                                                  .max_lateness_ns = NS_PER_S},
	                           &setting->pacer),
	                 0);
}

static void tear_down(struct setting *setting)
{
	pacer_free(setting->pacer);
	share_deinit(&setting->share);
	schedule_free(setting->schedule);
}

static void test_pacer_starts_each_arrival_at_its_time(void **state)
{
	struct setting setting;
	struct arrival arrival;

	(void)state;
	set_up(&setting, 10, NS_PER_S);
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t due_ns = ORIGIN + i * NS_PER_S / 10;

		assert_int_equal(pacer_next_ns(setting.pacer), due_ns);
		assert_int_equal(pacer_take(setting.pacer, due_ns - 1, &arrival), PACER_WAIT);
		assert_int_equal(pacer_take(setting.pacer, due_ns, &arrival), PACER_START);
		assert_int_equal(arrival.index, i);
		assert_int_equal(arrival.intended_ns, due_ns);
	}
	assert_int_equal(pacer_take(setting.pacer, UINT64_MAX, &arrival), PACER_END);
	assert_int_equal(pacer_next_ns(setting.pacer), CLOCK_NEVER);
	tear_down(&setting);
}

static void test_pacer_calls_late_what_is_past_the_limit_and_no_more(void **state)
{
	struct setting setting;
	struct arrival arrival;
	uint64_t counts[2] = {0};
	enum pacer_verdict verdict;

	(void)state;
	set_up(&setting, 1000, 5 * NS_PER_S);
	/* Stopped for 3 s: what was due in the first two is dropped, the last second's is started. */
	while ((verdict = pacer_take(setting.pacer, ORIGIN + 3 * NS_PER_S, &arrival)) != PACER_WAIT)
		counts[verdict == PACER_LATE]++;
	assert_int_equal(counts[1], 2000);
	assert_int_equal(counts[0], 1001);
	tear_down(&setting);
}

static void test_pacer_stop_ends_the_schedule(void **state)
{
	struct setting setting;
	struct arrival arrival;

	(void)state;
	set_up(&setting, 10, NS_PER_S);
	pacer_stop(setting.pacer, ORIGIN + 250 * NS_PER_MS);
	pacer_stop(setting.pacer, ORIGIN + 900 * NS_PER_MS); /* a later one changes nothing */
	for (int i = 0; i < 3; i++)
		assert_int_equal(pacer_take(setting.pacer, ORIGIN + NS_PER_S / 2, &arrival), PACER_START);
	assert_int_equal(arrival.index, 2);
	assert_int_equal(pacer_take(setting.pacer, ORIGIN + NS_PER_S / 2, &arrival), PACER_END);
	tear_down(&setting);
}

static void test_pacer_stop_at_an_arrivals_time_leaves_it_out(void **state)
{
	struct setting setting;
	struct arrival arrival;

	(void)state;
	set_up(&setting, 10, NS_PER_S);
	pacer_stop(setting.pacer, ORIGIN);
	assert_int_equal(pacer_take(setting.pacer, ORIGIN + NS_PER_S, &arrival), PACER_END);
	tear_down(&setting);
}

static void test_pacer_gathers_starts_only_at_high_rates(void **state)
{
	static const struct {
		double rate;
		uint64_t wake_ns; /* from the second arrival's wait on */
	} cases[] = {
	        {1000, NS_PER_MS},        {10000, NS_PER_MS / 10},   {20000, NS_PER_MS / 20},
	        {30000, PACER_GATHER_NS}, {200000, PACER_GATHER_NS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setting setting;
		struct arrival arrival;

		set_up(&setting, cases[i].rate, NS_PER_S);
		assert_int_equal(pacer_take(setting.pacer, ORIGIN, &arrival), PACER_START);
		assert_int_equal(pacer_wake_ns(setting.pacer, ORIGIN), ORIGIN + cases[i].wake_ns);
		tear_down(&setting);
	}
}

static void test_backlog_is_first_come_first_served(void **state)
{
	struct backlog backlog = {0};
	struct arrival arrival;
	uint64_t in = 0;
	uint64_t out = 0;

	(void)state;
	assert_false(backlog_pop(&backlog, &arrival));
	/* Grows and shrinks so that the ring wraps at every size. */
	for (int round = 0; round < 400; round++) {
		for (int i = 0; i < 7; i++, in++)
			assert_int_equal(backlog_push(&backlog, &(struct arrival){.index = in, .intended_ns = 2 * in}),
			                 0);
		for (int i = 0; i < 5; i++, out++) {
			assert_true(backlog_pop(&backlog, &arrival));
			assert_int_equal(arrival.index, out);
			assert_int_equal(arrival.intended_ns, 2 * out);
		}
	}
	assert_int_equal(backlog.count, in - out);
	backlog_deinit(&backlog);
}

static void test_backlog_is_bounded(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	for (uint32_t i = 0; i < BACKLOG_MAX; i++)
		assert_int_equal(backlog_push(&backlog, &(struct arrival){.index = i}), 0);
	assert_int_equal(backlog_push(&backlog, &(struct arrival){0}), -ENOSPC);
	assert_int_equal(backlog.count, BACKLOG_MAX);
	backlog_deinit(&backlog);
}

static void test_pace_skips_only_ticks_past_the_limit(void **state)
{
	static const struct {
		uint64_t now;
		uint64_t skipped;
		uint64_t tick;
	} cases[] = {
	        /* tick 100, pace 10, limit 25 */
	        {100, 0, 100}, {125, 0, 100}, {126, 1, 110},   {135, 1, 110},
	        {136, 2, 120}, {90, 0, 100},  {1000, 88, 980},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t tick = 100;

		assert_int_equal(pace_skip_late(&tick, 10, cases[i].now, 25), cases[i].skipped);
		assert_int_equal(tick, cases[i].tick);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_pacer_starts_each_arrival_at_its_time),
	        cmocka_unit_test(test_pacer_calls_late_what_is_past_the_limit_and_no_more),
	        cmocka_unit_test(test_pacer_stop_ends_the_schedule),
	        cmocka_unit_test(test_pacer_stop_at_an_arrivals_time_leaves_it_out),
	        cmocka_unit_test(test_pacer_gathers_starts_only_at_high_rates),
	        cmocka_unit_test(test_backlog_is_first_come_first_served),
	        cmocka_unit_test(test_backlog_is_bounded),
	        cmocka_unit_test(test_pace_skips_only_ticks_past_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
