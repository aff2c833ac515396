/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: exact times and counts of arrivals, and the spans of VUs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/plan/schedule.h"

#define S NS_PER_S

static struct scenario constant_rate(double rate, uint64_t duration_ns)
{
	return (struct scenario){
	        .executor = EXECUTOR_CONSTANT_ARRIVAL_RATE,
	        .rate = rate,
	        .time_unit_ns = S,
	        .duration_ns = duration_ns,
	        .seed = 1,
	};
}

static struct scenario ramping_rate(double start_rate, struct stage *stages, uint32_t count)
{
	return (struct scenario){
	        .executor = EXECUTOR_RAMPING_ARRIVAL_RATE,
	        .start_rate = start_rate,
	        .time_unit_ns = S,
	        .stages = stages,
	        .stage_count = count,
	        .seed = 1,
	};
}

static struct scenario ramping_vus(uint32_t start_vus, struct stage *stages, uint32_t count)
{
	return (struct scenario){
	        .executor = EXECUTOR_RAMPING_VUS, .start_vus = start_vus, .stages = stages, .stage_count = count};
}

/* The times of all arrivals up to `max`; returns how many there are. */
static uint64_t walk_all(const struct scenario *scenario, uint64_t *times, uint64_t max)
{
	struct schedule *schedule;
	struct arrivals_walk *walk;
	struct share all;
	uint64_t count = 0, index, at_ns;

	assert_int_equal(schedule_new(scenario, &schedule), 0);
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(arrivals_walk_new(schedule, &all, &walk), 0);
	while (arrivals_walk_next(walk, &index, &at_ns)) {
		assert_int_equal(index, count);
		if (count < max)
			times[count] = at_ns;
		count++;
	}
	assert_false(arrivals_walk_next(walk, &index, &at_ns));
	arrivals_walk_free(walk);
	share_deinit(&all);
	schedule_free(schedule);
	return count;
}

static void test_schedule_constant_rate_counts_are_exact(void **state)
{
	static const struct {
		double rate;
		uint64_t time_unit_ns, duration_ns, arrivals;
	} cases[] = {
	        {500, S, 20 * S, 10000},
	        {1000, S, 1800 * S, 1800000},
	        {278, S, 3600 * S, 1000800},
	        {5000, S, 3600 * S, 18000000},
	        {1, S, S, 1},
	        {1, S, S + 1, 2},
	        {1, S, 1, 1},
	        {0.5, S, 20 * S, 10},
	        {0.1, S, 10 * S, 1},
	        {0.3, S, 10 * S, 3},
	        {1.0 / 3, S, 3600 * S, 1200},
	        {100, 60 * S, 60 * S, 100},
	        {100, 3600 * S, 1800 * S, 50},
	        {7, S, 3 * S + S / 2, 25},
	        {0, S, 10 * S, 0},
	        {1000000, S, 3600 * S, UINT64_C(3600000000)},
	        {10, S, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario scenario = constant_rate(cases[i].rate, cases[i].duration_ns);
		struct schedule *schedule;

		scenario.time_unit_ns = cases[i].time_unit_ns;
		assert_int_equal(scenario_planned(&scenario), cases[i].arrivals);
		assert_int_equal(schedule_new(&scenario, &schedule), 0);
		assert_int_equal(schedule_arrivals(schedule, UINT64_MAX), cases[i].arrivals);
		assert_int_equal(schedule_arrivals(schedule, 0), 0);
		assert_int_equal(schedule_end_ns(schedule), cases[i].duration_ns);
		schedule_free(schedule);
	}
}

static void test_schedule_constant_rate_times_are_exact(void **state)
{
	struct scenario whole = constant_rate(500, 20 * S), third = constant_rate(3, 2 * S);
	uint64_t times[10000];

	(void)state;
	assert_int_equal(walk_all(&whole, times, 10000), 10000);
	for (uint64_t k = 0; k < 10000; k++)
		assert_int_equal(times[k], k * 2 * NS_PER_MS);
	assert_int_equal(walk_all(&third, times, 6), 6);
	for (uint64_t k = 0; k < 6; k++)
		assert_int_equal(times[k], k * S / 3);
}

static void test_schedule_ramp_times_follow_the_integral(void **state)
{
	struct stage stages[] = {{10 * S, 100}};
	struct scenario scenario = ramping_rate(0, stages, 1);
	uint64_t times[500];

	(void)state;
	/* k = 5 t^2, t in seconds */
	assert_int_equal(walk_all(&scenario, times, 500), 500);
	for (uint64_t k = 0; k < 500; k++) {
		unsigned __int128 t = times[k], square = (unsigned __int128)k * S * S / 5;

		assert_true(t * t <= square);
		assert_true((t + 1) * (t + 1) > square);
	}
	assert_int_equal(times[0], 0);
	assert_int_equal(times[5], S);
	assert_int_equal(times[20], 2 * S);
	assert_int_equal(times[405], 9 * S);
}

static void test_schedule_falling_ramp_mirrors_the_rising_one(void **state)
{
	struct stage up[] = {{10 * S, 100}}, down[] = {{0, 100}, {10 * S, 0}};
	struct scenario rising = ramping_rate(0, up, 1), falling = ramping_rate(0, down, 2);
	uint64_t rise[500], fall[500];

	(void)state;
	assert_int_equal(walk_all(&rising, rise, 500), 500);
	assert_int_equal(walk_all(&falling, fall, 500), 500);
	assert_int_equal(fall[0], 0);
	for (uint64_t k = 1; k < 500; k++) {
		uint64_t mirrored = 10 * S - rise[500 - k];

		/* one is rounded down, the mirror of the other up */
		assert_true(fall[k] == mirrored || fall[k] + 1 == mirrored);
	}
}

static void test_schedule_counts_ramps_exactly(void **state)
{
	static const struct {
		double start_rate;
		uint64_t time_unit_ns;
		struct stage stages[4];
		uint32_t count;
		uint64_t arrivals;
	} cases[] = {
	        {0, S, {{10 * S, 100}}, 1, 500},
	        {100, S, {{10 * S, 0}}, 1, 500},
	        {0, S, {{10 * S, 100}, {10 * S, 100}, {10 * S, 0}}, 3, 2000},
	        {50, S, {{10 * S, 50}}, 1, 500},
	        {0, S, {{0, 50}, {10 * S, 50}}, 2, 500},
	        {10, S, {{S, 10}, {0, 0}, {S, 0}, {S, 10}}, 4, 15},
	        {0, S, {{S, 0}, {S, 1}}, 2, 1},
	        {0, S, {{S, 0}}, 1, 0},
	        {0, 60 * S, {{60 * S, 120}}, 1, 60},
	        {0, S, {{S, 1}}, 1, 1},
	        {0, S, {{0, 100}}, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage stages[4];
		struct scenario scenario = ramping_rate(cases[i].start_rate, stages, cases[i].count);

		memcpy(stages, cases[i].stages, sizeof(stages));
		scenario.time_unit_ns = cases[i].time_unit_ns;
		assert_int_equal(scenario_planned(&scenario), cases[i].arrivals);
		assert_int_equal(walk_all(&scenario, NULL, 0), cases[i].arrivals);
	}
}

static void test_schedule_starts_nothing_while_the_rate_is_zero(void **state)
{
	struct stage stages[] = {{10 * S, 0}, {10 * S, 0}, {0, 10}, {S, 10}};
	struct scenario scenario = ramping_rate(10, stages, 4), late;
	struct stage wait[] = {{10 * S, 0}, {0, 10}, {S, 10}};
	uint64_t times[60];

	(void)state;
	/* 50 on the way down; the one that the integral reaches as the rate comes to 0 waits until it rises again. */
	assert_int_equal(walk_all(&scenario, times, 60), 60);
	assert_true(times[49] < 10 * S);
	assert_int_equal(times[50], 20 * S);
	late = ramping_rate(0, wait, 3);
	assert_int_equal(walk_all(&late, times, 60), 10);
	assert_int_equal(times[0], 10 * S);
}

static void test_schedule_ramp_never_exceeds_target(void **state)
{
	struct stage stages[] = {{10 * S, 1000}, {10 * S, 1000}, {5 * S, 200}};
	struct scenario scenario = ramping_rate(0, stages, 3);
	struct schedule *schedule;

	(void)state;
	assert_int_equal(schedule_new(&scenario, &schedule), 0);
	for (uint64_t at_ns = 0; at_ns < 25 * S; at_ns += 10 * NS_PER_MS) {
		uint64_t arrivals = schedule_arrivals(schedule, at_ns + S) - schedule_arrivals(schedule, at_ns);

		assert_true(arrivals <= 1000);
		assert_true(schedule_rate_per_s(schedule, at_ns) <= 1000);
	}
	assert_true(schedule_peak_rate_per_s(schedule) == 1000);
	assert_true(fabs(schedule_rate_per_s(schedule, 5 * S) - 500) < 1e-9);
	assert_true(fabs(schedule_rate_per_s(schedule, 22 * S + S / 2) - 600) < 1e-9);
	assert_true(schedule_rate_per_s(schedule, 25 * S) == 0);
	schedule_free(schedule);
}

static void test_schedule_stays_exact_over_years_and_at_high_rates(void **state)
{
	struct stage stages[] = {{UINT64_C(10) * 365 * 86400 * S, 1e6}};
	struct scenario scenario = ramping_rate(0, stages, 1);
	struct schedule *schedule;
	struct arrivals_walk *walk;
	struct share share = {0};
	uint64_t index, at_ns, total;

	(void)state;
	assert_int_equal(schedule_new(&scenario, &schedule), 0);
	total = schedule_arrivals(schedule, UINT64_MAX);
	assert_int_equal(total, UINT64_C(5) * 365 * 86400 * 1000000);
	assert_int_equal(share_all(&share), 0);
	assert_int_equal(arrivals_walk_new(schedule, &share, &walk), 0);
	assert_int_equal(arrivals_walk_skip(walk, stages[0].duration_ns / 2), total / 4);
	assert_true(arrivals_walk_next(walk, &index, &at_ns));
	assert_int_equal(index, total / 4);
	assert_int_equal(at_ns, stages[0].duration_ns / 2);
	arrivals_walk_free(walk);
	share_deinit(&share);
	schedule_free(schedule);
}

static void test_schedule_poisson_has_exponential_gaps_and_repeats(void **state)
{
	enum { COUNT = 20000 };
	static uint64_t times[2 * COUNT], again[2 * COUNT];
	struct scenario scenario = constant_rate(1000, COUNT / 1000 * S);
	uint64_t count, longer = 0;
	double sum = 0, squares = 0;

	(void)state;
	scenario.arrivals = ARRIVALS_POISSON;
	count = walk_all(&scenario, times, 2 * COUNT);
	assert_in_range(count, COUNT - 4 * 141, COUNT + 4 * 141);
	assert_int_equal(scenario_planned(&scenario), count);
	assert_int_equal(walk_all(&scenario, again, 2 * COUNT), count);
	assert_memory_equal(times, again, count * sizeof(*times));
	for (uint64_t k = 0; k < count; k++) {
		double gap_ms = (double)(times[k] - (k ? times[k - 1] : 0)) / (double)NS_PER_MS;

		sum += gap_ms;
		squares += gap_ms * gap_ms;
		longer += gap_ms > 1;
	}
	assert_true(fabs(sum / (double)count - 1) < 0.03);                   /* mean 1 */
	assert_true(fabs(squares / (double)count - 2) < 0.15);               /* second moment 2 */
	assert_true(fabs((double)longer / (double)count - exp(-1)) < 0.015); /* P(gap > 1) */
	scenario.seed = 2;
	walk_all(&scenario, again, 2 * COUNT);
	assert_memory_not_equal(times, again, 1000);
}

static void test_schedule_walk_skips_what_is_owned_and_past(void **state)
{
	struct scenario scenario = constant_rate(1000, 10 * S);
	struct share share, all, parts[3];
	struct schedule *schedule;
	struct arrivals_walk *walk;
	uint64_t index, at_ns;

	(void)state;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, (const uint32_t[]){1, 1, 1}, 3, parts), 0);
	assert_int_equal(share_copy(&share, &parts[1]), 0);
	assert_int_equal(schedule_new(&scenario, &schedule), 0);
	assert_int_equal(arrivals_walk_new(schedule, &share, &walk), 0);
	assert_true(arrivals_walk_next(walk, &index, &at_ns));
	assert_int_equal(index, 1);
	assert_int_equal(arrivals_walk_skip(walk, 10 * NS_PER_MS), 2); /* 4 and 7 */
	assert_int_equal(arrivals_walk_skip(walk, 5 * NS_PER_MS), 0);
	assert_true(arrivals_walk_next(walk, &index, &at_ns));
	assert_int_equal(index, 10);
	assert_int_equal(at_ns, 10 * NS_PER_MS);
	assert_int_equal(arrivals_walk_skip(walk, 20 * S), 3333 - 4);
	assert_false(arrivals_walk_next(walk, &index, &at_ns));
	arrivals_walk_free(walk);
	schedule_free(schedule);
	for (int i = 0; i < 3; i++)
		share_deinit(&parts[i]);
	share_deinit(&share);
	share_deinit(&all);
}

static void test_schedule_vu_spans(void **state)
{
	static const struct {
		uint32_t start_vus;
		struct stage stages[4];
		uint32_t count, vu;
		uint64_t from_ns, start_ns, end_ns; /* end 0: no span */
	} cases[] = {
	        /* 1 -> 10 in 10 s: VU i when the line crosses i + 1 */
	        {1, {{10 * S, 10}}, 1, 0, 0, 0, 10 * S},
	        {1, {{10 * S, 10}}, 1, 1, 0, UINT64_C(1111111112), 10 * S},
	        {1, {{10 * S, 10}}, 1, 8, 0, UINT64_C(8888888889), 10 * S},
	        {1, {{10 * S, 10}}, 1, 9, 0, 0, 0},
	        /* 0 -> 10, hold, -> 0 */
	        {0, {{10 * S, 10}, {10 * S, 10}, {10 * S, 0}}, 3, 0, 0, S, 30 * S},
	        {0, {{10 * S, 10}, {10 * S, 10}, {10 * S, 0}}, 3, 4, 0, 5 * S, 26 * S},
	        {0, {{10 * S, 10}, {10 * S, 10}, {10 * S, 0}}, 3, 9, 0, 10 * S, 21 * S},
	        {0, {{10 * S, 10}, {10 * S, 10}, {10 * S, 0}}, 3, 10, 0, 0, 0},
	        {0, {{10 * S, 10}, {10 * S, 10}, {10 * S, 0}}, 3, 4, 25 * S, 5 * S, 26 * S},
	        {0, {{10 * S, 10}, {10 * S, 10}, {10 * S, 0}}, 3, 4, 26 * S, 0, 0},
	        /* jumps */
	        {0, {{0, 5}, {10 * S, 5}, {0, 2}, {10 * S, 2}}, 4, 1, 0, 0, 20 * S},
	        {0, {{0, 5}, {10 * S, 5}, {0, 2}, {10 * S, 2}}, 4, 4, 0, 0, 10 * S},
	        {3, {{10 * S, 3}}, 1, 2, 0, 0, 10 * S},
	        /* away and back */
	        {2, {{10 * S, 0}, {10 * S, 2}}, 2, 0, 0, 0, 10 * S},
	        {2, {{10 * S, 0}, {10 * S, 2}}, 2, 0, 10 * S, 15 * S, 20 * S},
	        {2, {{10 * S, 0}, {10 * S, 2}}, 2, 1, 0, 0, 5 * S},
	        {2, {{10 * S, 0}, {10 * S, 2}}, 2, 1, 5 * S, 0, 0},
	        /* the peak is held until the line is a whole VU below it */
	        {1, {{S, 4}, {S, 0}}, 2, 3, 0, S, S + S / 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage stages[4];
		struct scenario scenario = ramping_vus(cases[i].start_vus, stages, cases[i].count);
		struct schedule *schedule;
		uint64_t start_ns = 0, end_ns = 0;

		memcpy(stages, cases[i].stages, sizeof(stages));
		assert_int_equal(schedule_new(&scenario, &schedule), 0);
		assert_int_equal(schedule_vu_span(schedule, cases[i].vu, cases[i].from_ns, &start_ns, &end_ns),
		                 cases[i].end_ns != 0);
		assert_int_equal(start_ns, cases[i].start_ns);
		assert_int_equal(end_ns, cases[i].end_ns);
		schedule_free(schedule);
	}
}

static void test_schedule_constant_vus_run_from_start_to_end(void **state)
{
	struct scenario scenario = {.executor = EXECUTOR_CONSTANT_VUS, .vus = 3, .duration_ns = 10 * S};
	struct schedule *schedule;
	uint64_t start_ns, end_ns;

	(void)state;
	assert_int_equal(schedule_new(&scenario, &schedule), 0);
	assert_true(schedule_vu_span(schedule, 2, 0, &start_ns, &end_ns));
	assert_int_equal(start_ns, 0);
	assert_int_equal(end_ns, 10 * S);
	assert_false(schedule_vu_span(schedule, 3, 0, &start_ns, &end_ns));
	assert_false(schedule_vu_span(schedule, 0, 10 * S, &start_ns, &end_ns));
	assert_int_equal(schedule_vus(schedule, 10 * S - 1), 3);
	assert_int_equal(schedule_vus(schedule, 10 * S), 0);
	assert_int_equal(schedule_arrivals(schedule, UINT64_MAX), 0);
	schedule_free(schedule);
}

static void test_schedule_iteration_executors_ramp_up(void **state)
{
	struct scenario scenario = {
	        .executor = EXECUTOR_PER_VU_ITERATIONS, .vus = 4, .max_duration_ns = 60 * S, .ramp_up_ns = 10 * S};
	struct schedule *schedule;
	uint64_t start_ns, end_ns;

	(void)state;
	assert_int_equal(schedule_new(&scenario, &schedule), 0);
	for (uint32_t vu = 0; vu < 4; vu++) {
		assert_true(schedule_vu_span(schedule, vu, 0, &start_ns, &end_ns));
		assert_int_equal(start_ns, vu * 10 * S / 4);
		assert_int_equal(end_ns, 60 * S);
		assert_int_equal(schedule_vus(schedule, start_ns), vu + 1);
	}
	assert_int_equal(schedule_vus(schedule, 2 * S), 1);
	assert_int_equal(schedule_vus(schedule, 59 * S), 4);
	assert_int_equal(schedule_end_ns(schedule), 60 * S);
	schedule_free(schedule);
}

static void test_schedule_shared_iterations_add_up(void **state)
{
	static const struct {
		uint32_t vus;
		uint64_t iterations;
		uint64_t expected[3]; /* of agents of weight 2, 1, 1 */
	} cases[] = {
	        {10, 100, {40 + 10, 30, 20}}, /* VUs 0 3 4 7 8 | 1 5 9 | 2 6 */
	        {1, 7, {7, 0, 0}},
	        {4, 7, {4 - 1, 2, 2}}, /* 2 2 2 1 */
	        {0, 7, {0, 0, 0}},
	        {4, 0, {0, 0, 0}},
	};
	struct share all, parts[3];

	(void)state;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, (const uint32_t[]){2, 1, 1}, 3, parts), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario scenario = {
		        .executor = EXECUTOR_SHARED_ITERATIONS, .vus = cases[i].vus, .iterations = cases[i].iterations};

		for (int j = 0; j < 3; j++)
			assert_int_equal(schedule_shared_iterations(&scenario, &parts[j]), cases[i].expected[j]);
	}
	for (int j = 0; j < 3; j++)
		share_deinit(&parts[j]);
	share_deinit(&all);
}

static void test_scenario_figures(void **state)
{
	struct stage stages[] = {{S, 100}, {S, 20}};
	struct scenario scenarios[] = {
	        {.executor = EXECUTOR_CONSTANT_VUS, .vus = 5, .duration_ns = S},
	        {.executor = EXECUTOR_RAMPING_VUS, .start_vus = 3, .stages = stages, .stage_count = 2},
	        {.executor = EXECUTOR_PER_VU_ITERATIONS, .vus = 4, .iterations = 10, .max_duration_ns = S},
	        {.executor = EXECUTOR_SHARED_ITERATIONS, .vus = 4, .iterations = 10, .max_duration_ns = S},
	        {.executor = EXECUTOR_CONSTANT_ARRIVAL_RATE,
	         .rate = 10,
	         .time_unit_ns = S,
	         .duration_ns = S,
	         .max_vus = 100},
	};
	static const uint64_t planned[] = {UINT64_MAX, UINT64_MAX, 40, 10, 10};
	static const uint32_t max_vus[] = {5, 100, 4, 4, 100}, bases[] = {0, 5, 105, 109, 113};
	struct plan plan = {.scenarios = scenarios, .scenario_count = 5};

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(scenario_planned(&scenarios[i]), planned[i]);
		assert_int_equal(scenario_max_vus(&scenarios[i]), max_vus[i]);
		assert_int_equal(plan_vu_base(&plan, i), bases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_schedule_constant_rate_counts_are_exact),
	        cmocka_unit_test(test_schedule_constant_rate_times_are_exact),
	        cmocka_unit_test(test_schedule_ramp_times_follow_the_integral),
	        cmocka_unit_test(test_schedule_falling_ramp_mirrors_the_rising_one),
	        cmocka_unit_test(test_schedule_counts_ramps_exactly),
	        cmocka_unit_test(test_schedule_starts_nothing_while_the_rate_is_zero),
	        cmocka_unit_test(test_schedule_ramp_never_exceeds_target),
	        cmocka_unit_test(test_schedule_stays_exact_over_years_and_at_high_rates),
	        cmocka_unit_test(test_schedule_poisson_has_exponential_gaps_and_repeats),
	        cmocka_unit_test(test_schedule_walk_skips_what_is_owned_and_past),
	        cmocka_unit_test(test_schedule_vu_spans),
	        cmocka_unit_test(test_schedule_constant_vus_run_from_start_to_end),
	        cmocka_unit_test(test_schedule_iteration_executors_ramp_up),
	        cmocka_unit_test(test_schedule_shared_iterations_add_up),
	        cmocka_unit_test(test_scenario_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
