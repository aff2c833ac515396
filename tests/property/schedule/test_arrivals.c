/* SPDX-License-Identifier: Apache-2.0 */
/* For random scenarios, weights, workers and losses: the union of all holders' arrivals is, to the ns, the schedule of
 * one agent; counts agree with times; and an arrival's time is where the integral says. The failing seed is printed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/plan/schedule.h"

enum {
	ROUNDS = 400,
	STAGES_MAX = 6,
	PHASES_MAX = 4,
	HOLDERS_MAX = 64,
	ARRIVALS_AIM = 3000, /* of a scenario, about */
};

struct sample {
	struct scenario scenario;
	struct stage stages[STAGES_MAX];
	struct phase phases[PHASES_MAX];
};

/* Rates of any size, and now and then 0. */
static double draw_rate(struct random *random)
{
	double rate;

	if (random_below(random, 5) == 0)
		return 0;
	rate = exp(random_unit(random) * 18 - 4);
	return random_below(random, 2) ? rate : ceil(rate);
}

static uint64_t draw_duration(struct random *random, double rate, uint64_t time_unit_ns)
{
	double longest_s = rate > 0 ? ARRIVALS_AIM / rate * ((double)time_unit_ns / (double)NS_PER_S) : 10;

	if (random_below(random, 6) == 0)
		return 0;
	if (longest_s > 1 && random_below(random, 2)) /* whole seconds, as people write them */
		return (uint64_t)ceil(fmin(longest_s, 1e6)) * NS_PER_S;
	return (uint64_t)(random_unit(random) * fmin(longest_s, 1e7) * (double)NS_PER_S);
}

/* Phases of some parts of the schedule each, or longer than it; factors that are whole millionths. */
static void draw_pattern(struct random *random, struct sample *sample, uint64_t duration_ns)
{
	struct scenario *scenario = &sample->scenario;
	double most = ARRIVALS_AIM * (double)scenario->time_unit_ns / (double)(duration_ns + 1);

	if (random_below(random, 2) || duration_ns == 0)
		return;
	scenario->pattern = sample->phases;
	scenario->phase_count = (uint32_t)random_between(random, 1, PHASES_MAX);
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		sample->phases[i] = (struct phase){
		        .duration_ns = 1 + random_below(random, duration_ns / random_between(random, 1, 20) + 1),
		        .factor = (double)random_below(random, 300) / 100,
		        .rate = random_below(random, 3) ? PHASE_NO_RATE : floor(random_unit(random) * most),
		};
}

/* Instead of a rate. */
static void draw_burst(struct random *random, struct sample *sample)
{
	struct scenario *scenario = &sample->scenario;

	scenario->arrivals = ARRIVALS_EVEN;
	scenario->rate = 0;
	scenario->duration_ns = random_between(random, 1, 100 * NS_PER_S);
	scenario->burst.size = random_between(random, 1, 200);
	scenario->burst.every_ns =
	        scenario->duration_ns / random_between(random, 1, ARRIVALS_AIM / scenario->burst.size) +
	        random_below(random, 2);
	if (scenario->burst.every_ns == 0)
		scenario->burst.every_ns = 1;
}

static void draw_scenario(struct random *random, struct sample *sample)
{
	static const uint64_t units[] = {NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S, 7 * NS_PER_MS};
	struct scenario *scenario = &sample->scenario;
	double rate = draw_rate(random);

	memset(sample, 0, sizeof(*sample));
	scenario->time_unit_ns = units[random_below(random, 4)];
	scenario->seed = random_next(random);
	scenario->arrivals = random_below(random, 3) == 0 ? ARRIVALS_POISSON : ARRIVALS_EVEN;
	if (random_below(random, 3) == 0) {
		scenario->executor = EXECUTOR_CONSTANT_ARRIVAL_RATE;
		scenario->rate = rate;
		scenario->duration_ns = draw_duration(random, rate, scenario->time_unit_ns);
		if (random_below(random, 3) == 0)
			draw_burst(random, sample);
		else
			draw_pattern(random, sample, scenario->duration_ns);
		return;
	}
	scenario->executor = EXECUTOR_RAMPING_ARRIVAL_RATE;
	scenario->start_rate = rate;
	scenario->stages = sample->stages;
	scenario->stage_count = (uint32_t)random_between(random, 1, STAGES_MAX);
	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		double target = draw_rate(random), higher = target > rate ? target : rate;

		sample->stages[i] = (struct stage){draw_duration(random, higher, scenario->time_unit_ns), target};
		scenario->duration_ns += sample->stages[i].duration_ns;
		rate = target;
	}
	draw_pattern(random, sample, scenario->duration_ns);
}

struct times {
	uint64_t *at_ns;
	uint64_t count;
};

/* All arrivals in one walk, in order. */
static struct times walk_alone(const struct schedule *schedule)
{
	struct times times = {.count = schedule_arrivals(schedule, UINT64_MAX)};
	struct arrivals_walk *walk;
	struct share all;
	uint64_t index, at_ns, count = 0, before_ns = 0;

	times.at_ns = calloc(times.count + 1, sizeof(*times.at_ns));
	assert_non_null(times.at_ns);
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(arrivals_walk_new(schedule, &all, &walk), 0);
	while (arrivals_walk_next(walk, &index, &at_ns)) {
		assert_int_equal(index, count);
		assert_true(count < times.count);
		assert_true(at_ns >= before_ns);
		assert_true(at_ns < schedule_end_ns(schedule));
		times.at_ns[count++] = before_ns = at_ns;
	}
	assert_int_equal(count, times.count);
	arrivals_walk_free(walk);
	share_deinit(&all);
	return times;
}

/* Checks one holder's walk against the whole; returns how many arrivals it had. */
static uint64_t check_walk(const struct schedule *schedule, const struct share *share, const struct times *whole)
{
	struct arrivals_walk *walk;
	uint64_t index, at_ns, next = 0, count = 0;

	assert_int_equal(arrivals_walk_new(schedule, share, &walk), 0);
	while (arrivals_walk_next(walk, &index, &at_ns)) {
		assert_int_equal(index, share_next(share, next));
		assert_true(index < whole->count);
		assert_int_equal(at_ns, whole->at_ns[index]);
		next = index + 1;
		count++;
	}
	assert_int_equal(count, share_count(share, whole->count));
	arrivals_walk_free(walk);
	return count;
}

static uint32_t divide(struct random *random, const struct share *whole, uint32_t count, uint32_t weight_max,
                       struct share *shares)
{
	uint32_t weights[HOLDERS_MAX];

	for (uint32_t i = 0; i < count; i++)
		weights[i] = (uint32_t)random_between(random, 1, weight_max);
	assert_int_equal(share_divide(whole, weights, count, shares), 0);
	return count;
}

/* Agents, of which one may be lost to the others, each of them with workers. Fills up to HOLDERS_MAX shares. */
static uint32_t draw_holders(struct random *random, struct share *holders)
{
	struct share all, agents[8], moved[8];
	uint32_t agent_count, count = 0;
	_Bool lost;

	assert_int_equal(share_all(&all), 0);
	agent_count = divide(random, &all, (uint32_t)random_between(random, 1, 7),
	                     random_below(random, 2) ? 1 : (uint32_t)random_between(random, 1, 9), agents);
	lost = agent_count > 1 && random_below(random, 2);
	if (lost) /* the last one; what was its goes to further "workers" of the others */
		count += divide(random, &agents[agent_count - 1], agent_count - 1, 3, moved);
	for (uint32_t i = 0; i < count; i++)
		holders[i] = moved[i];
	for (uint32_t i = 0; i < agent_count - lost; i++)
		count += divide(random, &agents[i], (uint32_t)random_between(random, 1, 8), 1, holders + count);
	for (uint32_t i = 0; i < agent_count; i++)
		share_deinit(&agents[i]);
	share_deinit(&all);
	return count;
}

static void test_union_of_any_division_is_the_schedule_of_one_agent(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct share holders[HOLDERS_MAX];
		struct schedule *schedule;
		struct sample sample;
		struct random random;
		struct times whole;
		uint64_t sum = 0;
		uint32_t count;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		whole = walk_alone(schedule);
		count = draw_holders(&random, holders);
		for (uint32_t i = 0; i < count; i++) {
			sum += check_walk(schedule, &holders[i], &whole);
			share_deinit(&holders[i]);
		}
		if (sum != whole.count)
			fail_msg("seed %llu: the holders have %llu arrivals of %llu", (unsigned long long)seed,
			         (unsigned long long)sum, (unsigned long long)whole.count);
		free(whole.at_ns);
		schedule_free(schedule);
	}
}

static uint64_t count_before(const struct times *times, uint64_t until_ns)
{
	uint64_t count = 0;

	while (count < times->count && times->at_ns[count] < until_ns)
		count++;
	return count;
}

static void test_counts_agree_with_times(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct schedule *schedule;
		struct sample sample;
		struct random random;
		struct times whole;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		whole = walk_alone(schedule);
		assert_int_equal(scenario_planned(&sample.scenario), whole.count);
		for (int i = 0; i < 40 && whole.count > 0; i++) {
			/* at an arrival, a ns beside it, or anywhere */
			uint64_t at_ns = whole.at_ns[random_below(&random, whole.count)] + random_below(&random, 3);

			if (i % 4 == 0)
				at_ns = random_below(&random, schedule_end_ns(schedule) + 2);
			if (schedule_arrivals(schedule, at_ns) != count_before(&whole, at_ns))
				fail_msg("seed %llu: %llu arrivals before %llu ns, counted %llu",
				         (unsigned long long)seed, (unsigned long long)count_before(&whole, at_ns),
				         (unsigned long long)at_ns,
				         (unsigned long long)schedule_arrivals(schedule, at_ns));
		}
		free(whole.at_ns);
		schedule_free(schedule);
	}
}

/* Of a line from its start at start_ns for part_ns, through the pattern. */
static long double line_integral(const struct scenario *scenario, uint64_t start_ns, uint64_t part_ns, long double from,
                                 long double slope)
{
	long double sum = 0;
	uint64_t period_ns = 0, x = 0;
	uint32_t i = 0;

	if (scenario->phase_count == 0)
		return from * part_ns + slope * part_ns * part_ns / 2;
	for (uint32_t k = 0; k < scenario->phase_count; k++)
		period_ns += scenario->pattern[k].duration_ns;
	while (x < part_ns) {
		uint64_t left = (start_ns + x) % period_ns;
		const struct phase *phase;

		for (i = 0; left >= scenario->pattern[i].duration_ns; i++)
			left -= scenario->pattern[i].duration_ns;
		phase = &scenario->pattern[i];
		left = phase->duration_ns - left;
		left = left < part_ns - x ? left : part_ns - x;
		sum += phase->rate >= 0 ? (long double)phase->rate * left
		                        : phase->factor * left * (from + slope * (x + left / 2.0L));
		x += left;
	}
	return sum;
}

/* The integral in floating point, by the definition: within what rounding can do to it. */
static long double integral(const struct scenario *scenario, uint64_t at_ns)
{
	long double unit = (long double)scenario->time_unit_ns, from = scenario->start_rate, sum = 0;
	uint64_t start_ns = 0;

	if (scenario->executor == EXECUTOR_CONSTANT_ARRIVAL_RATE)
		return line_integral(scenario, 0, at_ns, scenario->rate, 0) / unit;
	for (uint32_t i = 0; i < scenario->stage_count; i++) {
		long double to = scenario->stages[i].target, duration = scenario->stages[i].duration_ns;
		uint64_t part = at_ns < scenario->stages[i].duration_ns ? at_ns : scenario->stages[i].duration_ns;

		if (part > 0)
			sum += line_integral(scenario, start_ns, part, from, (to - from) / duration) / unit;
		at_ns -= part;
		start_ns += scenario->stages[i].duration_ns;
		from = to;
	}
	return sum;
}

static void test_even_arrivals_lie_where_the_integral_reaches_their_index(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct schedule *schedule;
		struct sample sample;
		struct random random;
		struct times whole;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		sample.scenario.arrivals = ARRIVALS_EVEN;
		if (sample.scenario.burst.size > 0)
			continue;
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		whole = walk_alone(schedule);
		for (uint64_t k = 0; k < whole.count; k++) {
			/* a rate is rounded to a millionth per time unit, in a pattern before and after its factor */
			long double each = sample.scenario.phase_count > 0 ? 6e-6L : 0.5e-6L;
			long double rounding = 1e-6L + each * whole.at_ns[k] / sample.scenario.time_unit_ns;

			if (integral(&sample.scenario, whole.at_ns[k]) > k + rounding ||
			    integral(&sample.scenario, whole.at_ns[k] + 1) < k - rounding)
				fail_msg("seed %llu: arrival %llu at %llu ns", (unsigned long long)seed,
				         (unsigned long long)k, (unsigned long long)whole.at_ns[k]);
		}
		free(whole.at_ns);
		schedule_free(schedule);
	}
}

static void test_bursts_are_whole_and_at_their_moments(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct schedule *schedule;
		struct sample sample = {0};
		struct random random;
		struct times whole;
		uint64_t bursts;

		random_seed(&random, seed);
		sample.scenario.executor = EXECUTOR_CONSTANT_ARRIVAL_RATE;
		sample.scenario.time_unit_ns = NS_PER_S;
		draw_burst(&random, &sample);
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		whole = walk_alone(schedule);
		bursts = (sample.scenario.duration_ns + sample.scenario.burst.every_ns - 1) /
		         sample.scenario.burst.every_ns;
		assert_int_equal(whole.count, bursts * sample.scenario.burst.size);
		for (uint64_t b = 0; b < bursts; b++)
			for (uint64_t i = 0; i < sample.scenario.burst.size; i++)
				assert_int_equal(whole.at_ns[b * sample.scenario.burst.size + i],
				                 b * sample.scenario.burst.every_ns);
		free(whole.at_ns);
		schedule_free(schedule);
	}
}

static void test_skipping_equals_walking(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct arrivals_walk *walker, *skipper;
		struct share holders[HOLDERS_MAX];
		struct schedule *schedule;
		struct sample sample;
		struct random random;
		uint64_t at_ns = 0, next_ns = 0, index = 0, walked, skipped_ns, skipped_index;
		uint32_t count;
		struct times whole;
		_Bool more = 1;

		random_seed(&random, seed);
		draw_scenario(&random, &sample);
		assert_int_equal(schedule_new(&sample.scenario, &schedule), 0);
		whole = walk_alone(schedule);
		count = draw_holders(&random, holders);
		assert_int_equal(arrivals_walk_new(schedule, &holders[0], &walker), 0);
		assert_int_equal(arrivals_walk_new(schedule, &holders[0], &skipper), 0);
		while (more) {
			at_ns = next_ns + random_below(&random, schedule_end_ns(schedule) / 5 + 2);
			if (random_below(&random, 2)) { /* right at an arrival */
				uint64_t k = schedule_arrivals(schedule, at_ns);

				at_ns = k < whole.count ? whole.at_ns[k] : at_ns;
			}
			walked = 0;
			while ((more = arrivals_walk_next(walker, &index, &next_ns)) && next_ns < at_ns)
				walked++;
			assert_int_equal(arrivals_walk_skip(skipper, at_ns), walked);
			assert_int_equal(arrivals_walk_next(skipper, &skipped_index, &skipped_ns), more);
			if (more) {
				assert_int_equal(skipped_index, index);
				assert_int_equal(skipped_ns, next_ns);
			}
		}
		arrivals_walk_free(walker);
		arrivals_walk_free(skipper);
		free(whole.at_ns);
		for (uint32_t i = 0; i < count; i++)
			share_deinit(&holders[i]);
		schedule_free(schedule);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_union_of_any_division_is_the_schedule_of_one_agent),
	        cmocka_unit_test(test_counts_agree_with_times),
	        cmocka_unit_test(test_even_arrivals_lie_where_the_integral_reaches_their_index),
	        cmocka_unit_test(test_bursts_are_whole_and_at_their_moments),
	        cmocka_unit_test(test_skipping_equals_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
