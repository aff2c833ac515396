/* SPDX-License-Identifier: Apache-2.0 */
/* The rate curve against its definition, on curves so small that every ns and every area can be tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/plan/rate_curve.h"

enum { ROUNDS = 300, STAGES = 4, DURATION_MAX = 24, RATE_MAX = 12 };

struct sample {
	struct scenario scenario;
	struct stage stages[STAGES];
};

/* Rates of some millionths, stages of some ns. */
static void draw_scenario(struct random *random, struct sample *sample)
{
	sample->scenario = (struct scenario){
	        .executor = EXECUTOR_RAMPING_ARRIVAL_RATE,
	        .start_rate = (double)random_below(random, RATE_MAX) / 1e6,
	        .time_unit_ns = 1,
	        .stages = sample->stages,
	        .stage_count = STAGES,
	};
	for (int i = 0; i < STAGES; i++)
		sample->stages[i] = (struct stage){random_below(random, DURATION_MAX),
		                                   (double)random_below(random, RATE_MAX) / 1e6};
}

/* 2 from x + (to - from) x^2 / duration over all segments, rounded up. */
static uint64_t area_by_definition(const struct rate_curve *curve, uint64_t at_ns)
{
	uint64_t area = 0;

	for (uint32_t i = 0; i < curve->count && at_ns > 0; i++) {
		const struct rate_segment *segment = &curve->segments[i];
		uint64_t x = at_ns < segment->duration_ns ? at_ns : segment->duration_ns;
		int64_t bend = (int64_t)segment->to - (int64_t)segment->from;
		int64_t scaled = (int64_t)(2 * segment->from * x * segment->duration_ns) + bend * (int64_t)(x * x);

		area += ((uint64_t)scaled + segment->duration_ns - 1) / segment->duration_ns;
		at_ns -= x;
	}
	return area;
}

static void test_rate_curve_area_is_the_integral_rounded_up(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct rate_curve curve;
		struct sample sample;
		struct random random;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(rate_curve_init(&curve, &sample.scenario), 0);
		for (uint64_t at_ns = 0; at_ns <= curve.end_ns + 1; at_ns++)
			assert_int_equal((uint64_t)rate_curve_area(&curve, at_ns), area_by_definition(&curve, at_ns));
		rate_curve_deinit(&curve);
	}
}

static void test_rate_curve_time_is_the_last_ns_not_above_an_area(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct rate_curve curve;
		struct sample sample;
		struct random random;
		uint32_t segment = 0;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(rate_curve_init(&curve, &sample.scenario), 0);
		for (rate_area area = 0; area < curve.total; area++) {
			uint64_t at_ns = rate_curve_time(&curve, area, &segment);

			assert_true(area_by_definition(&curve, at_ns) <= area);
			assert_true(area_by_definition(&curve, at_ns + 1) > area);
		}
		for (rate_area area = curve.total; area-- > 0;) { /* and backwards, by the segment found before */
			uint64_t at_ns = rate_curve_time(&curve, area, &segment);

			assert_true(area_by_definition(&curve, at_ns) <= area);
			assert_true(area_by_definition(&curve, at_ns + 1) > area);
		}
		rate_curve_deinit(&curve);
	}
}

/* Where the root in floating point is at its worst: the last moments of a long fall to 0. */
static void test_rate_curve_time_is_exact_at_the_end_of_a_long_fall(void **state)
{
	struct stage stages[] = {{UINT64_C(1000000007) * 86400, 0}};
	struct scenario scenario = {.executor = EXECUTOR_RAMPING_ARRIVAL_RATE,
	                            .start_rate = 123456.789,
	                            .time_unit_ns = 1000000000,
	                            .stages = stages,
	                            .stage_count = 1};
	struct rate_curve curve;
	uint32_t segment = 0;

	(void)state;
	assert_int_equal(rate_curve_init(&curve, &scenario), 0);
	for (uint64_t k = 1; k < 1000; k++) {
		rate_area area = curve.total - k;
		uint64_t at_ns = rate_curve_time(&curve, area, &segment);

		assert_true(rate_curve_area(&curve, at_ns) <= area);
		assert_true(rate_curve_area(&curve, at_ns + 1) > area);
		area = curve.total - curve.unit / 1000 * k;
		at_ns = rate_curve_time(&curve, area, &segment);
		assert_true(rate_curve_area(&curve, at_ns) <= area);
		assert_true(rate_curve_area(&curve, at_ns + 1) > area);
	}
	rate_curve_deinit(&curve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rate_curve_area_is_the_integral_rounded_up),
	        cmocka_unit_test(test_rate_curve_time_is_the_last_ns_not_above_an_area),
	        cmocka_unit_test(test_rate_curve_time_is_exact_at_the_end_of_a_long_fall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
