/* SPDX-License-Identifier: Apache-2.0 */
/* portion.h: what each worker runs of an agent's share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/portion.h"
#include "tests/unit/agent/rig.h"

enum { WORKERS_MAX = 8 };

#define TARGETS                                                                                                        \
	"targets: { k: { kafka: { brokers: \"localhost:9092\" } },\n"                                                  \
	"  db: { postgres: { uri: \"postgresql://localhost/x\", connections: 5 } } }\n"

struct setting {
	struct plan *plan;
	struct portion portions[WORKERS_MAX];
	uint32_t workers;
};

/* The portions of agent `agent` of `agents`, all of one weight. */
static struct setting *divide(const char *yaml, uint32_t agent, uint32_t agents, uint32_t workers)
{
	struct setting *setting = calloc(1, sizeof(*setting));
	/* Agents have one of five connections each, the first ones two. */
	const uint32_t connections[] = {0, 5 / agents + (agent < 5 % agents)};
	struct share *shares;
	uint32_t weights[8];

	for (uint32_t i = 0; i < agents; i++)
		weights[i] = 1;
	setting->plan = rig_plan(yaml, NULL, 0);
	setting->workers = workers;
	shares = calloc(setting->plan->scenario_count, sizeof(*shares));
	for (uint32_t i = 0; i < setting->plan->scenario_count; i++) {
		struct share all, of[8];

		assert_int_equal(share_all(&all), 0);
		assert_int_equal(share_divide(&all, weights, agents, of), 0);
		share_deinit(&all);
		for (uint32_t j = 0; j < agents; j++) {
			if (j == agent)
				shares[i] = of[j];
			else
				share_deinit(&of[j]);
		}
	}
	assert_int_equal(portion_divide(&(struct portion_config){.plan = setting->plan,
	                                                         .shares = shares,
	                                                         .connections = connections,
	                                                         .workers = workers},
	                                setting->portions),
	                 0);
	for (uint32_t i = 0; i < setting->plan->scenario_count; i++)
		share_deinit(&shares[i]);
	free(shares);
	return setting;
}

static void release(struct setting *setting)
{
	for (uint32_t i = 0; i < setting->workers; i++)
		portion_deinit(&setting->portions[i]);
	plan_free(setting->plan);
	free(setting);
}

static void test_portion_gives_each_index_to_one_worker_of_one_agent(void **state)
{
	static const char *const yaml =
	        "name: t\n" TARGETS "scenarios:\n"
	        "  a: { executor: constant-arrival-rate, rate: 100, duration: 1s, steps: [ { null: { } } ] }\n"
	        "  p: { executor: constant-arrival-rate, rate: 100, duration: 1s, producers: 7,\n"
	        "       steps: [ { produce: { target: k, topic: t, size: 1 } } ] }\n";
	uint8_t arrivals[2][1000] = {{0}};
	uint8_t vus[2][1000] = {{0}};

	(void)state;
	for (uint32_t agent = 0; agent < 3; agent++) {
		struct setting *setting = divide(yaml, agent, 3, 2);

		for (uint32_t worker = 0; worker < 2; worker++) {
			for (uint32_t scenario = 0; scenario < 2; scenario++) {
				const struct scenario_portion *of = &setting->portions[worker].scenarios[scenario];

				for (uint32_t i = 0; i < 1000; i++) {
					arrivals[scenario][i] += share_owns(&of->indices, i);
					vus[scenario][i] += share_owns(&of->indices, i);
				}
			}
		}
		release(setting);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		for (uint32_t scenario = 0; scenario < 2; scenario++) {
			assert_int_equal(arrivals[scenario][i], 1);
			assert_int_equal(vus[scenario][i], 1);
		}
	}
}

static void test_portion_numbers_lanes_over_the_whole_plan(void **state)
{
	struct setting *setting = divide("name: t\n" TARGETS "scenarios:\n"
	                                 "  a: { executor: constant-vus, vus: 6, duration: 1s, producers: 2,\n"
	                                 "       steps: [ { produce: { target: k, topic: t, size: 1 } } ] }\n"
	                                 "  b: { executor: constant-vus, vus: 6, duration: 1s,\n"
	                                 "       steps: [ { produce: { target: k, topic: t, size: 1 } } ] }\n"
	                                 "  c: { executor: constant-vus, vus: 6, duration: 1s, producers: 3,\n"
	                                 "       steps: [ { produce: { target: k, topic: t, size: 1 } } ] }\n",
	                                 0, 1, 2);
	const struct target_portion *first = &setting->portions[0].targets[0];
	const struct target_portion *second = &setting->portions[1].targets[0];

	(void)state;
	assert_int_equal(portion_lane_base(setting->plan, 0), 1);
	assert_int_equal(portion_lane_base(setting->plan, 2), 3);
	/* 0 for b; producer 0 of a is lane 1; producers 0 and 2 of c are lanes 3 and 5. */
	assert_int_equal(first->lane_count, 4);
	assert_memory_equal(first->lanes, ((uint32_t[]){0, 1, 3, 5}), 4 * sizeof(uint32_t));
	assert_int_equal(second->lane_count, 3);
	assert_memory_equal(second->lanes, ((uint32_t[]){0, 2, 4}), 3 * sizeof(uint32_t));
	release(setting);
}

static void test_portion_deals_out_connections_exactly(void **state)
{
	static const char *const yaml =
	        "name: t\n" TARGETS "scenarios: { a: { executor: constant-vus, vus: 20, duration: 1s,\n"
	        "  steps: [ { sql: { target: db, query: \"SELECT 1\" } } ] } }\n";
	uint32_t sum = 0;

	(void)state;
	for (uint32_t agent = 0; agent < 3; agent++) {
		struct setting *setting = divide(yaml, agent, 3, 4);

		for (uint32_t worker = 0; worker < 4; worker++) {
			const struct portion *portion = &setting->portions[worker];
			_Bool has_vus = share_count(&portion->scenarios[0].indices, 20) > 0;

			sum += portion->targets[1].connections;
			/* No worker has VUs and no connection, nor the other way round. */
			assert_int_equal(portion->targets[1].connections > 0, has_vus);
			assert_int_equal(portion->targets[1].used, has_vus);
			assert_false(portion->targets[0].used);
		}
		release(setting);
	}
	assert_int_equal(sum, 5);
}

static void test_portion_uses_no_more_workers_than_vus(void **state)
{
	struct setting *setting = divide(
	        "name: t\nscenarios: { a: { executor: constant-arrival-rate, rate: 10, duration: 1s, maxVUs: 2,\n"
	        "  steps: [ { null: { } } ] } }\n",
	        0, 1, 4);

	(void)state;
	for (uint32_t worker = 0; worker < 4; worker++) {
		const struct scenario_portion *of = &setting->portions[worker].scenarios[0];

		assert_int_equal(share_count(&of->indices, 2), worker < 2);
		assert_int_equal(share_count(&of->indices, 10), worker < 2 ? 5 : 0);
	}
	release(setting);
}

/* What `before` has changes to this share. */
static void change(struct setting *setting, const struct share *share, const struct wire_extra *extra,
                   struct portion *ret_portions)
{
	const uint32_t connections[] = {0, 5};

	assert_int_equal(portion_divide(&(struct portion_config){.plan = setting->plan,
	                                                         .shares = share,
	                                                         .connections = connections,
	                                                         .extras = extra,
	                                                         .extra_count = extra ? 1 : 0,
	                                                         .workers = setting->workers,
	                                                         .before = setting->portions},
	                                ret_portions),
	                 0);
}

static void test_portion_gives_what_comes_to_those_with_least(void **state)
{
	/* Agent 0 of 3 has VU 0 alone, on its first worker. */
	struct setting *setting = divide("name: t\nscenarios: { a: { executor: constant-vus, vus: 3, duration: 1s,\n"
	                                 "  steps: [ { null: { } } ] } }\n",
	                                 0, 3, 3);
	struct portion after[3];
	struct share share = {.classes = (struct share_class[]){{3, 0}, {3, 1}}, .count = 2};

	(void)state;
	assert_true(share_owns(&setting->portions[0].scenarios[0].indices, 0));
	change(setting, &share, NULL, after);
	assert_true(share_owns(&after[0].scenarios[0].indices, 0));
	assert_true(share_owns(&after[1].scenarios[0].indices, 1));
	assert_int_equal(share_count(&after[2].scenarios[0].indices, 3), 0);
	for (int i = 0; i < 3; i++)
		portion_deinit(&after[i]);
	release(setting);
}

static void test_portion_deals_granted_iterations_to_the_vus_that_came(void **state)
{
	static const char *const yaml =
	        "name: t\nscenarios: { a: { executor: per-vu-iterations, vus: 8, iterations: 9,\n"
	        "  steps: [ { null: { } } ] } }\n";
	const struct wire_extra extra = {.scenario = 0, .iterations = 10, .first_spare = 100};
	struct share share = {.classes = (struct share_class[]){{2, 0}, {8, 1}, {8, 3}, {8, 5}}, .count = 4};
	struct setting *setting = divide(yaml, 0, 2, 2);
	struct portion after[2];
	uint64_t next = 100;

	(void)state;
	change(setting, &share, &extra, after);
	/* Three VUs came, two of them to the second worker: 4, 3 and 3 iterations. */
	for (int i = 0; i < 2; i++) {
		const struct scenario_portion *of = &after[i].scenarios[0];

		assert_int_equal(share_count(&of->indices, 8), i == 0 ? 3 : 4);
		assert_int_equal(of->extra_count, 1);
		assert_int_equal(of->extras[0].iterations, i == 0 ? 4 : 6);
		assert_int_equal(of->extras[0].first_spare, next);
		next += of->extras[0].iterations;
		portion_deinit(&after[i]);
	}
	release(setting);
}

static void test_portion_gives_vus_of_unique_rows_to_workers_that_have_some(void **state)
{
	static const char *const yaml =
	        "name: t\ndata: { row: { csv: rows.csv, column: id, pick: unique } }\n"
	        "targets: { k: { kafka: { brokers: \"localhost:9092\" } } }\n"
	        "scenarios: { a: { executor: constant-vus, vus: 3, duration: 1s,\n"
	        "  steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{row}}\" } } ] } }\n";
	const struct plan_file file = {.name = "row", .data = "id\n1\n", .size = 5};
	struct setting *setting = divide("name: t\nscenarios: { a: { executor: constant-vus, vus: 3, duration: 1s,\n"
	                                 "  steps: [ { null: { } } ] } }\n",
	                                 0, 3, 3);
	struct share share = {.classes = (struct share_class[]){{3, 0}, {3, 1}}, .count = 2};
	struct portion after[3];

	(void)state;
	plan_free(setting->plan);
	setting->plan = rig_plan(yaml, &file, 1);
	change(setting, &share, NULL, after);
	assert_int_equal(share_count(&after[0].scenarios[0].indices, 3), 2);
	for (int i = 0; i < 3; i++)
		portion_deinit(&after[i]);
	release(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_portion_gives_each_index_to_one_worker_of_one_agent),
	        cmocka_unit_test(test_portion_numbers_lanes_over_the_whole_plan),
	        cmocka_unit_test(test_portion_deals_out_connections_exactly),
	        cmocka_unit_test(test_portion_uses_no_more_workers_than_vus),
	        cmocka_unit_test(test_portion_gives_what_comes_to_those_with_least),
	        cmocka_unit_test(test_portion_deals_granted_iterations_to_the_vus_that_came),
	        cmocka_unit_test(test_portion_gives_vus_of_unique_rows_to_workers_that_have_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
