/* SPDX-License-Identifier: Apache-2.0 */
/* An engine whose shares change at random while scenarios of every kind run: whatever comes when, each account holds at
 * the end, and no VU is left. The failing seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/unit/agent/fake_driver.h"
#include "tests/unit/agent/rig.h"

enum { ROUNDS = 60, SCENARIOS = 7, CHANGES_MAX = 8 };

#define RUN_NS (25 * NS_PER_MS)

#define STEPS "steps: [ { produce: { target: k, topic: t, size: 1, await: ack } }, { think: 0ms..3ms } ]"

static const char yaml[] =
        "name: t\nmaxLateness: 60s\n"
        "targets: { k: { kafka: { brokers: \"localhost:9092\" } } }\n"
        "scenarios:\n"
        "  drops: { executor: constant-arrival-rate, rate: 5000, duration: 25ms, maxVUs: 12, gracefulStop: 2ms,\n"
        "    " STEPS " }\n"
        "  waits: { executor: constant-arrival-rate, rate: 3000, duration: 25ms, maxVUs: 6, gracefulStop: 2ms,\n"
        "    whenFull: queue, producers: 4, " STEPS " }\n"
        "  users: { executor: constant-vus, vus: 9, duration: 25ms, gracefulStop: 1ms, " STEPS " }\n"
        "  paced: { executor: constant-vus, vus: 9, duration: 25ms, gracefulStop: 1ms, pace: 4ms, " STEPS " }\n"
        "  ramps: { executor: ramping-vus, startVUs: 2, gracefulRampDown: 1ms, gracefulStop: 1ms,\n"
        "    stages: [ { duration: 10ms, target: 8 }, { duration: 10ms, target: 0 }, { duration: 5ms, target: 4 } ],\n"
        "    " STEPS " }\n"
        "  each: { executor: per-vu-iterations, vus: 6, iterations: 3, maxDuration: 25ms, gracefulStop: 1ms, " STEPS
        " }\n"
        "  shared: { executor: shared-iterations, vus: 6, iterations: 30, maxDuration: 25ms, gracefulStop: 1ms,\n"
        "    startAfter: each, " STEPS " }\n";

/* Classes of a modulus, now and then none or all. */
static void draw_share(struct random *random, struct share *ret_share)
{
	uint32_t modulus = (uint32_t)random_between(random, 1, 4);
	struct share all, parts[4];
	uint32_t weights[4] = {1, 1, 1, 1};

	*ret_share = (struct share){0};
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, weights, modulus, parts), 0);
	share_deinit(&all);
	for (uint32_t i = 0; i < modulus; i++) {
		if (random_below(random, 3) > 0)
			assert_int_equal(share_add(ret_share, &parts[i]), 0);
		share_deinit(&parts[i]);
	}
}

static void change(struct random *random, struct rig *rig, uint64_t at_ns)
{
	const struct wire_extra extra = {
	        .scenario = (uint32_t)random_between(random, 5, 6),
	        .epoch = rig->newest->number + 1,
	        .iterations = random_below(random, 20),
	};
	const struct message_assign more = {
	        .extras = (struct wire_extra *)&extra,
	        .extra_count = random_below(random, 2) ? 1 : 0,
	};
	struct share share;

	draw_share(random, &share);
	rig_adopt(rig, &share, &more, at_ns);
	share_deinit(&share);
}

/* One of the things that may happen meanwhile. */
static void happen(struct random *random, struct rig *rig, struct fake_driver *fake)
{
	switch (random_below(random, 8)) {
	case 0:
		fake->holds = !fake->holds;
		break;
	case 1:
		fake->capacity = random_between(random, 1, 30);
		break;
	case 2:
		if (random_below(random, 4) == 0)
			assert_int_equal(engine_stop(rig->engine, random_below(random, 2 * RUN_NS), NS_PER_MS), 0);
		break;
	case 3:
		assert_int_equal(engine_begin(rig->engine, 6, random_below(random, RUN_NS)), 0);
		break;
	default:
		break;
	}
	if (!fake->holds) {
		while (fake->flying_count > 0)
			fake_complete(fake);
	}
}

static void check_round(uint64_t seed)
{
	struct fake_driver *fake = fake_reset();
	struct random random;
	struct share share;
	struct rig *rig;
	uint64_t at_ns = 0;

	random_seed(&random, seed);
	draw_share(&random, &share);
	rig = rig_new_owner(yaml, fake_table, NULL, &share);
	share_deinit(&share);
	if (random_below(&random, 4) == 0)
		change(&random, rig, 0);
	rig_start(rig, clock_now_ns());
	for (uint64_t left = random_below(&random, CHANGES_MAX); left > 0; left--) {
		at_ns += random_below(&random, RUN_NS / 3);
		if (!engine_done(rig->engine))
			change(&random, rig, at_ns);
		for (uint64_t turns = random_below(&random, 30); turns > 0 && !engine_done(rig->engine); turns--) {
			happen(&random, rig, fake);
			rig_turn(rig);
		}
	}
	if (!engine_done(rig->engine))
		assert_int_equal(engine_begin(rig->engine, 6, 0), 0);
	fake->holds = 0;
	while (!engine_done(rig->engine)) {
		rig_turn(rig);
		while (fake->flying_count > 0)
			fake_complete(fake);
	}
	for (uint32_t i = 0; i < SCENARIOS; i++) {
		const struct wire_scenario *of = &rig->scenarios[i];

		if (!tally_holds(&of->tally, 0) || of->running > 0 ||
		    of->tally.planned != of->tally.started + tally_dropped(&of->tally))
			fail_msg("seed %llu: scenario %u's account doesn't hold", (unsigned long long)seed, i);
		rig_check_account(rig, i);
	}
	rig_free(rig);
	assert_int_equal(fake->sessions, 0);
}

static void test_accounts_hold_however_shares_change(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		check_round(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_accounts_hold_however_shares_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
