/* SPDX-License-Identifier: Apache-2.0 */
/* For random schedules, divisions and times at which they change: what the pacers of all agents start is, to the ns,
 * the schedule, whenever each of them hears of a change. The failing seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pacer.h"
#include "common/base/clock.h"

enum {
	ROUNDS = 600,
	AGENTS_MAX = 5,
	EPOCHS_MAX = 5,
	ARRIVALS_AIM = 1500,
};

#define ORIGIN (77 * NS_PER_S)

struct epoch {
	struct share shares[AGENTS_MAX];
	uint64_t from_ns; /* since the origin */
};

struct setting {
	struct scenario scenario;
	struct stage stages[3];
	struct phase phases[2];
	struct schedule *schedule;
	uint64_t duration_ns;
	uint64_t stop_ns; /* since the origin, or CLOCK_NEVER */
	uint32_t agents;
	struct epoch epochs[EPOCHS_MAX];
	uint32_t epoch_count;
	uint64_t *at_ns; /* of the whole schedule */
	uint8_t *starts;
	uint64_t count;
};

static void draw_scenario(struct random *random, struct setting *setting)
{
	struct scenario *scenario = &setting->scenario;
	double rate = (double)random_between(random, 20, 3000);

	setting->duration_ns = (uint64_t)(ARRIVALS_AIM / rate * (double)NS_PER_S) + 1;
	*scenario = (struct scenario){.executor = EXECUTOR_RAMPING_ARRIVAL_RATE,
	                              .start_rate = rate,
	                              .time_unit_ns = NS_PER_S,
	                              .seed = random_next(random),
	                              .arrivals = random_below(random, 3) ? ARRIVALS_EVEN : ARRIVALS_POISSON,
	                              .stages = setting->stages,
	                              .stage_count = 3};
	for (int i = 0; i < 3; i++)
		setting->stages[i] = (struct stage){
		        .duration_ns = setting->duration_ns / 3,
		        .target = random_below(random, 4) ? (double)random_between(random, 1, (uint64_t)rate) : 0,
		};
	setting->duration_ns = setting->duration_ns / 3 * 3;
	if (random_below(random, 4) == 0) { /* bursts instead */
		uint64_t size = random_between(random, 1, 100);

		scenario->executor = EXECUTOR_CONSTANT_ARRIVAL_RATE;
		scenario->arrivals = ARRIVALS_EVEN;
		scenario->duration_ns = setting->duration_ns;
		scenario->burst = (struct burst){size, setting->duration_ns * size / ARRIVALS_AIM};
	} else if (random_below(random, 3) == 0) { /* a pattern over all */
		scenario->pattern = setting->phases;
		scenario->phase_count = 2;
		setting->phases[0] =
		        (struct phase){.duration_ns = setting->duration_ns / 11, .factor = 1.5, .rate = -1};
		setting->phases[1] = (struct phase){.duration_ns = setting->duration_ns / 7,
		                                    .rate = random_below(random, 2) ? 0 : rate / 2};
	}
}

/* Some agents have nothing in an epoch: they are lost, or have not joined yet. */
static void divide(struct random *random, struct setting *setting, struct epoch *epoch)
{
	struct share all, shares[AGENTS_MAX];
	uint32_t weights[AGENTS_MAX], owners[AGENTS_MAX], count = 0;

	for (uint32_t i = 0; i < setting->agents; i++) {
		if (random_below(random, 4) > 0 || (i + 1 == setting->agents && count == 0))
			owners[count++] = i;
	}
	for (uint32_t i = 0; i < count; i++)
		weights[i] = (uint32_t)random_between(random, 1, 4);
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, weights, count, shares), 0);
	share_deinit(&all);
	for (uint32_t i = 0; i < count; i++)
		epoch->shares[owners[i]] = shares[i];
}

static void draw_epochs(struct random *random, struct setting *setting)
{
	setting->agents = (uint32_t)random_between(random, 1, AGENTS_MAX);
	setting->epoch_count = (uint32_t)random_between(random, 1, EPOCHS_MAX);
	for (uint32_t i = 0; i < setting->epoch_count; i++) {
		struct epoch *epoch = &setting->epochs[i];
		uint64_t before_ns = i > 0 ? epoch[-1].from_ns : 0;

		divide(random, setting, epoch);
		/* Now and then at once after the one before, at an arrival's very time, or past the end. */
		if (i > 0 && random_below(random, 4) > 0)
			epoch->from_ns = random_between(random, before_ns, before_ns + setting->duration_ns / 2);
		else
			epoch->from_ns = before_ns;
		if (random_below(random, 4) == 0 && setting->count > 0) {
			uint64_t at_ns = setting->at_ns[random_below(random, setting->count)];

			if (i > 0 && at_ns > before_ns)
				epoch->from_ns = at_ns;
		}
	}
	setting->stop_ns = random_below(random, 3) ? CLOCK_NEVER : random_below(random, setting->duration_ns);
}

static void list_arrivals(struct setting *setting)
{
	struct arrivals_walk *walk;
	struct share all;
	uint64_t index;

	setting->count = schedule_arrivals(setting->schedule, UINT64_MAX);
	setting->at_ns = calloc(setting->count + 1, sizeof(*setting->at_ns));
	setting->starts = calloc(setting->count + 1, 1);
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(arrivals_walk_new(setting->schedule, &all, &walk), 0);
	for (uint64_t i = 0; i < setting->count; i++)
		assert_true(arrivals_walk_next(walk, &index, &setting->at_ns[i]));
	arrivals_walk_free(walk);
	share_deinit(&all);
}

/* Starts what is due; checks each. */
static void take_due(struct setting *setting, uint32_t agent, struct pacer *pacer, uint64_t now_ns)
{
	struct arrival arrival;
	enum pacer_verdict verdict;

	while ((verdict = pacer_take(pacer, now_ns, &arrival)) == PACER_START || verdict == PACER_SHIFT) {
		uint64_t at_ns;
		uint32_t epoch = setting->epoch_count - 1;

		if (verdict == PACER_SHIFT)
			continue;
		at_ns = arrival.intended_ns - ORIGIN;
		assert_true(arrival.index < setting->count);
		assert_int_equal(at_ns, setting->at_ns[arrival.index]);
		assert_true(at_ns < setting->stop_ns);
		while (setting->epochs[epoch].from_ns > at_ns)
			epoch--;
		assert_true(share_owns(&setting->epochs[epoch].shares[agent], arrival.index));
		setting->starts[arrival.index]++;
	}
	assert_true(verdict == (pacer_next_ns(pacer) == CLOCK_NEVER ? PACER_END : PACER_WAIT));
}

/* An agent from its first division to the end; it hears of each change some time before. */
static void run_agent(struct random *random, struct setting *setting, uint32_t agent)
{
	struct pacer *pacer;
	uint64_t now_ns = ORIGIN - 1; /* always before the next change */
	_Bool stopped = 0;

	assert_int_equal(pacer_new(&(struct pacer_config){.schedule = setting->schedule,
	                                                  .share = &setting->epochs[0].shares[agent],
	                                                  .origin_ns = ORIGIN,
	                                                  .max_lateness_ns = UINT64_MAX / 2},
	                           &pacer),
	                 0);
	for (uint32_t i = 1; i < setting->epoch_count; i++) {
		const struct epoch *epoch = &setting->epochs[i];

		if (ORIGIN + epoch->from_ns > now_ns && random_below(random, 3) > 0)
			now_ns = random_between(random, now_ns, ORIGIN + epoch->from_ns - 1);
		take_due(setting, agent, pacer, now_ns);
		if (!stopped && random_below(random, 2) && ORIGIN + setting->stop_ns > now_ns &&
		    setting->stop_ns != CLOCK_NEVER) {
			pacer_stop(pacer, ORIGIN + setting->stop_ns);
			stopped = 1;
		}
		assert_int_equal(pacer_adopt(pacer, &epoch->shares[agent], ORIGIN + epoch->from_ns), 0);
		if (random_below(random, 2))
			take_due(setting, agent, pacer, now_ns);
	}
	if (!stopped && setting->stop_ns != CLOCK_NEVER)
		pacer_stop(pacer, ORIGIN + setting->stop_ns);
	while (pacer_next_ns(pacer) != CLOCK_NEVER) {
		now_ns = pacer_next_ns(pacer) + random_below(random, setting->duration_ns / 20 + 1);
		take_due(setting, agent, pacer, now_ns);
	}
	pacer_free(pacer);
}

static void release(struct setting *setting)
{
	for (uint32_t i = 0; i < setting->epoch_count; i++) {
		for (uint32_t j = 0; j < setting->agents; j++)
			share_deinit(&setting->epochs[i].shares[j]);
	}
	free(setting->at_ns);
	free(setting->starts);
	schedule_free(setting->schedule);
}

static void check_round(uint64_t seed)
{
	struct setting setting = {0};
	struct random random;

	random_seed(&random, seed);
	draw_scenario(&random, &setting);
	assert_int_equal(schedule_new(&setting.scenario, &setting.schedule), 0);
	list_arrivals(&setting);
	draw_epochs(&random, &setting);
	/* A stop that an agent hears of late leaves what it has started by then. */
	if (setting.stop_ns < setting.epochs[setting.epoch_count - 1].from_ns)
		setting.stop_ns = CLOCK_NEVER;
	for (uint32_t i = 0; i < setting.agents; i++)
		run_agent(&random, &setting, i);
	for (uint64_t i = 0; i < setting.count; i++) {
		if (setting.starts[i] != (setting.at_ns[i] < setting.stop_ns))
			fail_msg("seed %llu: arrival %llu was started %u times", (unsigned long long)seed,
			         (unsigned long long)i, setting.starts[i]);
	}
	release(&setting);
}

/* One agent that hears of changes after they hold: it starts nothing twice, and nothing that neither share has. */
static void check_late(uint64_t seed)
{
	struct setting setting = {0};
	struct random random;
	struct pacer *pacer;
	struct arrival arrival;
	uint64_t now_ns = ORIGIN;

	random_seed(&random, seed);
	draw_scenario(&random, &setting);
	assert_int_equal(schedule_new(&setting.scenario, &setting.schedule), 0);
	list_arrivals(&setting);
	draw_epochs(&random, &setting);
	assert_int_equal(pacer_new(&(struct pacer_config){.schedule = setting.schedule,
	                                                  .share = &setting.epochs[0].shares[0],
	                                                  .origin_ns = ORIGIN,
	                                                  .max_lateness_ns = UINT64_MAX / 2},
	                           &pacer),
	                 0);
	for (uint32_t i = 1; i <= setting.epoch_count; i++) {
		enum pacer_verdict verdict;

		now_ns = i == setting.epoch_count ? CLOCK_NEVER - 1
		                                  : now_ns + random_below(&random, setting.duration_ns / 2);
		while ((verdict = pacer_take(pacer, now_ns, &arrival)) == PACER_START || verdict == PACER_SHIFT) {
			if (verdict == PACER_START && setting.starts[arrival.index]++ > 0)
				fail_msg("seed %llu: arrival %llu was started twice", (unsigned long long)seed,
				         (unsigned long long)arrival.index);
		}
		if (i < setting.epoch_count)
			assert_int_equal(
			        pacer_adopt(pacer, &setting.epochs[i].shares[0], ORIGIN + setting.epochs[i].from_ns),
			        0);
	}
	for (uint64_t i = 0; i < setting.count; i++) {
		_Bool owned = 0;

		for (uint32_t j = 0; j < setting.epoch_count; j++)
			owned |= share_owns(&setting.epochs[j].shares[0], i);
		assert_true(owned || setting.starts[i] == 0);
	}
	pacer_free(pacer);
	release(&setting);
}

static void test_a_change_that_is_heard_of_late_starts_nothing_twice(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		check_late(seed);
}

static void test_starts_of_old_and_new_owners_are_the_schedule(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		check_round(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_change_that_is_heard_of_late_starts_nothing_twice),
	        cmocka_unit_test(test_starts_of_old_and_new_owners_are_the_schedule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
