/* SPDX-License-Identifier: Apache-2.0 */
/* For random shares that an agent has one after the other: its workers own each index of the share once and nothing
 * else, and what the agent keeps stays with its worker. The failing seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/portion.h"
#include "common/base/random.h"

enum { ROUNDS = 100, SCENARIOS = 3, WORKERS_MAX = 5, EPOCHS = 6, INDICES = 400, PRODUCERS = 7 };

static const char yaml[] =
        "name: t\n"
        "targets: { k: { kafka: { brokers: \"localhost:9092\" } },\n"
        "  db: { postgres: { uri: \"postgresql://localhost/x\", connections: 3 } } }\n"
        "scenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 100, duration: 1s, steps: [ { null: { } } ] }\n"
        "  p: { executor: constant-arrival-rate, rate: 100, duration: 1s, producers: 7,\n"
        "       steps: [ { produce: { target: k, topic: t, size: 1 } } ] }\n"
        "  v: { executor: constant-vus, vus: 9, duration: 1s,\n"
        "       steps: [ { sql: { target: db, query: \"SELECT 1\" } } ] }\n";

struct history {
	struct portion portions[WORKERS_MAX];
	int8_t owners[SCENARIOS][INDICES]; /* a worker, or -1 */
};

static struct plan *parse(void)
{
	struct failures failures = {0};
	struct plan *plan = NULL;

	assert_int_equal(plan_parse(yaml, strlen(yaml), NULL, 0, &failures, &plan), 0);
	failures_deinit(&failures);
	return plan;
}

/* Some classes of a modulus that divides 24: those of a run come of each other, too. */
static void draw_share(struct random *random, struct share *ret_share)
{
	static const uint32_t moduli[] = {1, 2, 3, 4, 6, 8, 12, 24};
	struct share all, parts[24];
	uint32_t weights[24], count = moduli[random_below(random, 8)];

	for (uint32_t i = 0; i < count; i++)
		weights[i] = 1;
	*ret_share = (struct share){0};
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, weights, count, parts), 0);
	share_deinit(&all);
	for (uint32_t i = 0; i < count; i++) {
		if (random_below(random, 3) > 0)
			assert_int_equal(share_add(ret_share, &parts[i]), 0);
		share_deinit(&parts[i]);
	}
}

/* In the terms in which the share is assigned: indices, or producers. */
static void list_owners(struct history *now, const struct share *shares, uint32_t workers, uint64_t seed)
{
	for (uint32_t i = 0; i < SCENARIOS; i++) {
		for (uint32_t k = 0; k < INDICES; k++) {
			int count = 0;

			now->owners[i][k] = -1;
			for (uint32_t w = 0; w < workers; w++) {
				const struct scenario_portion *of = &now->portions[w].scenarios[i];

				if (share_owns(&of->owned, k)) {
					now->owners[i][k] = (int8_t)w;
					count++;
				}
				assert_int_equal(share_owns(&of->indices, k),
				                 share_owns(&of->owned, i == 1 ? k % PRODUCERS : k));
			}
			if (count != share_owns(&shares[i], k))
				fail_msg("seed %llu: scenario %u: index %u is owned %d times", (unsigned long long)seed,
				         i, k, count);
		}
	}
}

static void check_kept(const struct history *before, const struct history *now, uint64_t seed)
{
	for (uint32_t i = 0; i < SCENARIOS; i++) {
		for (uint32_t k = 0; k < INDICES; k++) {
			if (before->owners[i][k] >= 0 && now->owners[i][k] >= 0 &&
			    before->owners[i][k] != now->owners[i][k])
				fail_msg("seed %llu: scenario %u: index %u went from worker %d to %d",
				         (unsigned long long)seed, i, k, before->owners[i][k], now->owners[i][k]);
		}
	}
}

static void release(struct history *history, uint32_t workers)
{
	for (uint32_t w = 0; w < workers; w++)
		portion_deinit(&history->portions[w]);
}

static void check_round(const struct plan *plan, uint64_t seed)
{
	static const uint32_t connections[] = {0, 3};
	struct history histories[EPOCHS];
	struct random random;
	uint32_t workers;

	random_seed(&random, seed);
	workers = (uint32_t)random_between(&random, 1, WORKERS_MAX);
	for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
		struct share shares[SCENARIOS];
		const struct portion_config config = {
		        .plan = plan,
		        .shares = shares,
		        .connections = connections,
		        .workers = workers,
		        .before = epoch > 0 ? histories[epoch - 1].portions : NULL,
		};

		for (uint32_t i = 0; i < SCENARIOS; i++)
			draw_share(&random, &shares[i]);
		assert_int_equal(portion_divide(&config, histories[epoch].portions), 0);
		list_owners(&histories[epoch], shares, workers, seed);
		if (epoch > 0)
			check_kept(&histories[epoch - 1], &histories[epoch], seed);
		/* No connection, no statement. */
		for (uint32_t w = 3; w < workers; w++)
			assert_int_equal(histories[epoch].portions[w].scenarios[2].owned.count, 0);
		for (uint32_t i = 0; i < SCENARIOS; i++)
			share_deinit(&shares[i]);
	}
	for (uint32_t epoch = 0; epoch < EPOCHS; epoch++)
		release(&histories[epoch], workers);
}

static void test_workers_own_the_share_and_keep_what_they_have(void **state)
{
	struct plan *plan = parse();

	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		check_round(plan, seed);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_workers_own_the_share_and_keep_what_they_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
