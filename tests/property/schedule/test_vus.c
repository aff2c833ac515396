/* SPDX-License-Identifier: Apache-2.0 */
/* For random closed scenarios: the spans of VU i cover exactly those ns at which more than i VUs are wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/plan/schedule.h"

enum { ROUNDS = 2000, STAGES_MAX = 6, VUS_MAX = 12 };

struct sample {
	struct scenario scenario;
	struct stage stages[STAGES_MAX];
};

static uint64_t draw_duration(struct random *random)
{
	switch (random_below(random, 4)) {
	case 0:
		return 0;
	case 1: /* short ones, so that every ns can be looked at */
		return random_below(random, 20);
	default:
		return random_below(random, 100);
	}
}

static void draw_scenario(struct random *random, struct sample *sample)
{
	static const enum executor executors[] = {EXECUTOR_CONSTANT_VUS, EXECUTOR_PER_VU_ITERATIONS,
	                                          EXECUTOR_SHARED_ITERATIONS, EXECUTOR_RAMPING_VUS};
	uint64_t pick = random_below(random, 8);

	memset(sample, 0, sizeof(*sample));
	sample->scenario = (struct scenario){
	        .executor = executors[pick < 3 ? pick : 3],
	        .vus = (uint32_t)random_between(random, 1, VUS_MAX),
	        .start_vus = (uint32_t)random_below(random, VUS_MAX),
	        .duration_ns = random_between(random, 1, 200),
	        .max_duration_ns = random_between(random, 1, 200),
	        .ramp_up_ns = draw_duration(random),
	        .stages = sample->stages,
	        .stage_count = (uint32_t)random_between(random, 1, STAGES_MAX),
	};
	for (uint32_t i = 0; i < sample->scenario.stage_count; i++)
		sample->stages[i] = (struct stage){draw_duration(random), (double)random_below(random, VUS_MAX + 1)};
}

static void check_vu(const struct schedule *schedule, uint32_t vu, uint64_t seed)
{
	uint64_t end_ns = schedule_end_ns(schedule), at_ns = 0, span_start, span_end;

	while (schedule_vu_span(schedule, vu, at_ns, &span_start, &span_end)) {
		assert_true(span_start < span_end && span_end <= end_ns && span_start >= at_ns);
		for (; at_ns < span_start; at_ns++)
			if (schedule_vus(schedule, at_ns) > vu)
				fail_msg("seed %llu: VU %u is wanted at %llu", (unsigned long long)seed, vu,
				         (unsigned long long)at_ns);
		for (; at_ns < span_end; at_ns++) {
			uint64_t start_again, end_again;

			if (schedule_vus(schedule, at_ns) <= vu)
				fail_msg("seed %llu: VU %u is not wanted at %llu", (unsigned long long)seed, vu,
				         (unsigned long long)at_ns);
			assert_true(schedule_vu_span(schedule, vu, at_ns, &start_again, &end_again));
			assert_true(start_again == span_start && end_again == span_end);
		}
	}
	for (; at_ns < end_ns + 3; at_ns++)
		if (schedule_vus(schedule, at_ns) > vu)
			fail_msg("seed %llu: VU %u is wanted at %llu", (unsigned long long)seed, vu,
			         (unsigned long long)at_ns);
}

static void test_spans_agree_with_the_number_of_vus(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct schedule *schedule;
		struct sample sample;
		struct random random;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		for (uint32_t vu = 0; vu <= VUS_MAX; vu++)
			check_vu(schedule, vu, seed);
		schedule_free(schedule);
	}
}

static void test_vus_never_exceed_the_scenarios_maximum(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct schedule *schedule;
		struct sample sample;
		struct random random;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		for (uint64_t at_ns = 0; at_ns < schedule_end_ns(schedule); at_ns++)
			assert_true(schedule_vus(schedule, at_ns) <= scenario_max_vus(&sample.scenario));
		schedule_free(schedule);
	}
}

static void test_shared_iterations_add_up_over_any_division(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct scenario scenario = {.executor = EXECUTOR_SHARED_ITERATIONS};
		struct share all, parts[VUS_MAX];
		uint32_t weights[VUS_MAX], count;
		struct random random;
		uint64_t sum = 0;

		random_seed(&random, seed);
		scenario.vus = (uint32_t)random_between(&random, 1, 50);
		scenario.iterations = random_below(&random, 1000);
		count = (uint32_t)random_between(&random, 1, VUS_MAX);
		for (uint32_t i = 0; i < count; i++)
			weights[i] = (uint32_t)random_between(&random, 1, 5);
		assert_int_equal(share_all(&all), 0);
		assert_int_equal(share_divide(&all, weights, count, parts), 0);
		for (uint32_t i = 0; i < count; i++) {
			sum += schedule_shared_iterations(&scenario, &parts[i]);
			share_deinit(&parts[i]);
		}
		assert_int_equal(sum, scenario.iterations);
		share_deinit(&all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_spans_agree_with_the_number_of_vus),
	        cmocka_unit_test(test_vus_never_exceed_the_scenarios_maximum),
	        cmocka_unit_test(test_shared_iterations_add_up_over_any_division),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
