/* SPDX-License-Identifier: Apache-2.0 */
/* The plan divided among agents: nothing is left out, nothing is done twice, and what can't be divided is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/run/division.h"

enum { AGENTS_MAX = 8 };

#define PLAN_OF(keys, target, step)                                                                                    \
	"targets: { t: { " target " } }\nscenarios:\n  s: { " keys ", steps: [ " step " ] }\n"
#define PLAN(keys) PLAN_OF(keys, "null: {}", "null: {}")
#define PRODUCE(keys) PLAN_OF(keys, "kafka: { brokers: 'b:9092' }", "produce: { target: t, topic: x, size: 10 }")

static const struct member equals[AGENTS_MAX] = {{.weight = 1}, {.weight = 1}, {.weight = 1}, {.weight = 1},
                                                 {.weight = 1}, {.weight = 1}, {.weight = 1}, {.weight = 1}};

static struct plan *read_plan(const char *text)
{
	struct failures failures = {0};
	struct plan *plan = NULL;

	if (plan_parse(text, strlen(text), NULL, 0, &failures, &plan) < 0)
		fail_msg("%s\n%s", failures.count ? failures.items[0].text : "?", text);
	failures_deinit(&failures);
	return plan;
}

static void test_the_portions_of_all_agents_come_to_the_whole(void **state)
{
	static const struct {
		const char *keys;
		uint64_t vus, iterations, producers; /* of all agents */
	} plans[] = {
	        {"executor: constant-vus, vus: 10, duration: 1s", 10, UINT64_MAX, 0},
	        {"executor: constant-vus, vus: 1, duration: 1s", 1, UINT64_MAX, 0},
	        {"executor: ramping-vus, startVUs: 3, stages: [ { duration: 1s, target: 7 } ]", 7, UINT64_MAX, 0},
	        {"executor: per-vu-iterations, vus: 5, iterations: 4", 5, 20, 0},
	        {"executor: shared-iterations, vus: 5, iterations: 23", 5, 23, 0},
	        {"executor: constant-arrival-rate, rate: 100, duration: 3s, maxVUs: 9", 9, 300, 0},
	        {"executor: constant-arrival-rate, rate: 100, duration: 3s, maxVUs: 9, producers: 4", 9, 300, 4},
	        {"executor: ramping-arrival-rate, startRate: 10, stages: [ { duration: 2s, target: 30 } ], maxVUs: 8",
	         8, 40, 0},
	};
	static const struct {
		uint32_t count;
		struct member members[AGENTS_MAX];
	} fleets[] = {{1, {{1}}},
	              {1, {{1000}}},
	              {2, {{1}, {1}}},
	              {3, {{1}, {2}, {4}}},
	              {8, {{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}}},
	              {4, {{7}, {3}, {999}, {1}}}};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		char text[512];
		snprintf(text, sizeof(text), plans[i].producers ? PRODUCE("%s") : PLAN("%s"), plans[i].keys);
		struct plan *plan = read_plan(text);

		for (size_t j = 0; j < sizeof(fleets) / sizeof(fleets[0]); j++) {
			struct division division = {0};
			struct failure failure = {0};
			uint64_t vus = 0, iterations = 0, producers = 0;

			assert_int_equal(division_make(plan, fleets[j].members, fleets[j].count, &failure, &division),
			                 0);
			for (uint32_t agent = 0; agent < fleets[j].count; agent++) {
				struct portion portion;

				assert_int_equal(
				        division_portion(&plan->scenarios[0], division_of(&division, agent), &portion),
				        0);
				vus += portion.vus;
				producers += portion.producers;
				if (plans[i].iterations == UINT64_MAX)
					assert_true(portion.iterations == UINT64_MAX);
				iterations += portion.iterations;
			}
			if (vus != plans[i].vus || producers != plans[i].producers ||
			    (plans[i].iterations != UINT64_MAX && iterations != plans[i].iterations))
				fail_msg("%s, fleet %zu: %llu VUs, %llu iterations, %llu producers", plans[i].keys, j,
				         (unsigned long long)vus, (unsigned long long)iterations,
				         (unsigned long long)producers);
			division_deinit(&division);
		}
		plan_free(plan);
	}
}

static void test_portions_follow_the_weights(void **state)
{
	struct plan *plan = read_plan(PLAN("executor: constant-arrival-rate, rate: 100, duration: 6s, maxVUs: 60"));
	struct division division = {0};
	struct failure failure = {0};
	struct portion portion;

	(void)state;
	assert_int_equal(division_make(plan, (struct member[]){{1}, {2}, {3}}, 3, &failure, &division), 0);
	for (uint32_t agent = 0; agent < 3; agent++) {
		assert_int_equal(division_portion(&plan->scenarios[0], division_of(&division, agent), &portion), 0);
		assert_int_equal(portion.iterations, 100 * (agent + 1));
		assert_int_equal(portion.vus, 10 * (agent + 1));
	}
	division_deinit(&division);
	plan_free(plan);
}

static void test_arrivals_follow_their_producers_to_an_agent(void **state)
{
	struct plan *plan =
	        read_plan(PRODUCE("executor: constant-arrival-rate, rate: 100, duration: 3s, maxVUs: 9, producers: 3"));
	struct division division = {0};
	struct failure failure = {0};
	struct portion portion;

	(void)state;
	/* 3 producers, 2 agents: one has 2 of them, and with them two thirds of the arrivals */
	assert_int_equal(division_make(plan, equals, 2, &failure, &division), 0);
	assert_int_equal(division_portion(&plan->scenarios[0], division_of(&division, 0), &portion), 0);
	assert_int_equal(portion.producers, 2);
	assert_int_equal(portion.iterations, 200);
	assert_int_equal(division_portion(&plan->scenarios[0], division_of(&division, 1), &portion), 0);
	assert_int_equal(portion.producers, 1);
	assert_int_equal(portion.iterations, 100);
	division_deinit(&division);
	plan_free(plan);
}

static void test_each_agent_has_a_share_of_each_scenario(void **state)
{
	struct plan *plan =
	        read_plan("targets: { t: { null: {} } }\n"
	                  "scenarios:\n"
	                  "  a: { executor: constant-vus, vus: 4, duration: 1s, steps: [ null: {} ] }\n"
	                  "  b: { executor: per-vu-iterations, vus: 6, iterations: 1, steps: [ null: {} ] }\n");
	struct division division = {0};
	struct failure failure = {0};

	(void)state;
	assert_int_equal(division_make(plan, equals, 2, &failure, &division), 0);
	assert_int_equal(division.agent_count, 2);
	assert_int_equal(division.scenario_count, 2);
	for (uint32_t agent = 0; agent < 2; agent++)
		for (uint32_t scenario = 0; scenario < 2; scenario++) {
			struct portion portion;

			assert_int_equal(division_portion(&plan->scenarios[scenario],
			                                  &division_of(&division, agent)[scenario], &portion),
			                 0);
			assert_int_equal(portion.vus, scenario == 0 ? 2 : 3);
		}
	division_deinit(&division);
	assert_null(division.shares);
	plan_free(plan);
}

/* An arrival needs a VU of its own agent's. */
static void test_agents_without_a_vu_own_no_arrivals(void **state)
{
	static const char text[] =
	        "scenarios:\n"
	        "  s: { executor: constant-arrival-rate, rate: 100, duration: 1s, maxVUs: 2, steps: [ null: {} ] }\n";
	struct plan *plan = read_plan(text);

	(void)state;
	for (uint32_t count = 1; count <= 5; count++) {
		struct division division = {0};
		struct failure failure = {0};
		uint64_t iterations = 0, vus = 0;

		assert_int_equal(
		        division_make(plan, (struct member[]){{1}, {1}, {3}, {1}, {1}}, count, &failure, &division), 0);
		for (uint32_t agent = 0; agent < count; agent++) {
			struct portion portion;

			assert_int_equal(division_portion(&plan->scenarios[0], division_of(&division, agent), &portion),
			                 0);
			assert_int_equal(portion.vus > 0, portion.iterations > 0);
			iterations += portion.iterations;
			vus += portion.vus;
		}
		assert_int_equal(iterations, 100);
		assert_int_equal(vus, 2);
		division_deinit(&division);
	}
	plan_free(plan);
}

static void test_what_cannot_be_divided_is_refused_with_the_place_and_the_reason(void **state)
{
	static const char text[] = "targets:\n"
	                           "  t: { null: {} }\n"
	                           "  db: { postgres: { uri: 'postgresql://h/d', connections: 3 } }\n"
	                           "scenarios:\n"
	                           "  s: { executor: constant-vus, vus: 1, duration: 1s, steps: [ null: {} ] }\n";
	struct plan *plan = read_plan(text);
	struct division division = {0};
	struct failure failure = {0};

	(void)state;
	assert_int_equal(division_check(plan, 3, &failure), 0);
	assert_int_equal(division_check(plan, 4, &failure), -EINVAL);
	assert_int_equal(failure.line, 3);
	assert_string_equal(failure.text, "target \"db\" has 3 connections for 4 agents; give it at least 4");
	failure = (struct failure){0};
	assert_int_equal(division_make(plan, equals, 4, &failure, &division), -EINVAL);
	assert_int_equal(failure.line, 3);
	assert_null(division.shares);
	failure = (struct failure){0};
	assert_int_equal(division_make(plan, (struct member[]){{1}, {0}}, 2, &failure, &division), -EINVAL);
	assert_string_equal(failure.text, "agent 2 has the weight 0; it must be from 1 to 1000");
	assert_null(division.shares);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_portions_of_all_agents_come_to_the_whole),
	        cmocka_unit_test(test_portions_follow_the_weights),
	        cmocka_unit_test(test_arrivals_follow_their_producers_to_an_agent),
	        cmocka_unit_test(test_each_agent_has_a_share_of_each_scenario),
	        cmocka_unit_test(test_agents_without_a_vu_own_no_arrivals),
	        cmocka_unit_test(test_what_cannot_be_divided_is_refused_with_the_place_and_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
