/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that an agent may need: what makes it grow, and by how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/run/division.h"
#include "coordinator/footprint.h"

#define PLAN(keys, step)                                                                                               \
	"targets: { t: { null: {} }, api: { http: { baseUrl: 'http://h' } }, k: { kafka: { brokers: 'b:1' } } }\n"     \
	"scenarios:\n  s: { " keys ", steps: [ " step " ] }\n"
#define NULL_STEP "null: { target: t }"
#define GROUPED "null: { target: t, group: '{{random 1 100000}}' }"

/* The first of `agents` equal agents' bytes. */
static uint64_t bytes_of(const char *text, uint32_t agents)
{
	static const struct member members[] = {{.weight = 1}, {.weight = 1}, {.weight = 1}, {.weight = 1}};
	struct failures failures = {0};
	struct division division = {0};
	struct failure failure = {0};
	struct plan *plan = NULL;
	uint64_t bytes = 0;

	if (plan_parse(text, strlen(text), NULL, 0, &failures, &plan) < 0)
		fail_msg("%s\n%s", failures.count ? failures.items[0].text : "?", text);
	assert_int_equal(division_make(plan, members, agents, &failure, &division), 0);
	assert_int_equal(footprint_bytes(plan, division_of(&division, 0), agents, &bytes), 0);
	division_deinit(&division);
	plan_free(plan);
	failures_deinit(&failures);
	return bytes;
}

static void test_an_idle_agent_takes_some_megabytes(void **state)
{
	uint64_t bytes = bytes_of(PLAN("executor: constant-vus, vus: 1, duration: 1s", NULL_STEP), 1);

	(void)state;
	assert_in_range(bytes, 10 << 20, 20 << 20);
}

static void test_memory_grows_with_what_an_agent_holds(void **state)
{
	static const struct {
		const char *less, *more;
		uint64_t low, high; /* the growth, in bytes */
	} cases[] = {
	        /* 1,000 more VUs of 1 to 3 KiB */
	        {PLAN("executor: constant-vus, vus: 1000, duration: 1s", NULL_STEP),
	         PLAN("executor: constant-vus, vus: 2000, duration: 1s", NULL_STEP), 1000 << 10, 3000 << 10},
	        /* a session with a connection is about 32 KiB more */
	        {PLAN("executor: constant-vus, vus: 1000, duration: 1s", NULL_STEP),
	         PLAN("executor: constant-vus, vus: 1000, duration: 1s", "http: { target: api, get: / }"), 30 << 20,
	         40 << 20},
	        /* 10,000 groups, by default the most, of 5 to 20 KiB */
	        {PLAN("executor: constant-vus, vus: 1, duration: 1s", NULL_STEP),
	         PLAN("executor: constant-vus, vus: 1, duration: 1s", GROUPED), 50 << 20, 200 << 20},
	        /* but no more groups than iterations */
	        {PLAN("executor: constant-arrival-rate, rate: 10, maxVUs: 1, duration: 1s", NULL_STEP),
	         PLAN("executor: constant-arrival-rate, rate: 10, maxVUs: 1, duration: 1s", GROUPED), 9 * 5 << 10,
	         9 * 20 << 10},
	        {PLAN("executor: constant-arrival-rate, rate: 10, duration: 1s, producers: 1",
	              "produce: { target: k, topic: x, size: 9 }"),
	         PLAN("executor: constant-arrival-rate, rate: 10, duration: 1s, producers: 11",
	              "produce: { target: k, topic: x, size: 9 }"),
	         2 << 20, 10 << 20},
	        /* 10 consumers that have fetched all they may */
	        {PLAN("executor: constant-vus, vus: 1, duration: 1s", "consume: { target: k, topic: x, groupId: g }"),
	         PLAN("executor: constant-vus, vus: 11, duration: 1s", "consume: { target: k, topic: x, groupId: g }"),
	         160 << 20, 200 << 20},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t less = bytes_of(cases[i].less, 1), more = bytes_of(cases[i].more, 1);

		if (more < less + cases[i].low || more > less + cases[i].high)
			fail_msg("case %zu: from %llu to %llu", i, (unsigned long long)less, (unsigned long long)more);
	}
}

static void test_agents_share_the_users(void **state)
{
	static const char plan[] = PLAN("executor: constant-vus, vus: 100000, duration: 1s", NULL_STEP);
	uint64_t alone = bytes_of(plan, 1), fourth = bytes_of(plan, 4);

	(void)state;
	assert_true(fourth < alone / 2);
}

#define FEED(top, keys)                                                                                                \
	top "data: { id: { csv: rows.csv, column: id, pick: unique } }\n"                                              \
	    "scenarios:\n"                                                                                             \
	    "  s: { " keys ", steps: [ null: { group: '{{id}}' } ] }\n"                                                \
	    "  other: { executor: shared-iterations, iterations: 1000, steps: [ null: {} ] }\n"

/* Of the first of three equal agents. */
static void check_rows(const char *text, uint64_t retired, uint64_t spares)
{
	static const char csv[] = "id\n1\n2\n3\n4\n5\n6\n7\n8\n9\n";
	static const struct member members[] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};
	const struct plan_file file = {.name = "id", .data = csv, .size = sizeof(csv) - 1};
	struct failures failures = {0};
	struct division division = {0};
	struct footprint_rows rows;
	struct plan *plan = NULL;

	if (plan_parse(text, strlen(text), &file, 1, &failures, &plan) < 0)
		fail_msg("%s\n%s", failures.count ? failures.items[0].text : "?", text);
	assert_int_equal(division_make(plan, members, 3, NULL, &division), 0);
	assert_int_equal(footprint_rows(plan, division_of(&division, 0), 0, &rows), 0);
	assert_int_equal(rows.retired, retired);
	assert_int_equal(rows.spares, spares);
	division_deinit(&division);
	plan_free(plan);
	failures_deinit(&failures);
}

static void test_a_loss_retires_rows_and_takes_spare_ones_where_shares_move(void **state)
{
	(void)state;
	check_rows(FEED("", "executor: constant-arrival-rate, rate: 6, duration: 1s"), 2, 0);
	check_rows(FEED("onAgentLoss: redistribute\n", "executor: constant-arrival-rate, rate: 6, duration: 1s"), 2, 2);
	check_rows(FEED("elastic: true\n", "executor: constant-arrival-rate, rate: 6, duration: 1s"), 2, 2);
	/* What counted iterations a lost agent has begun is unknown: nobody runs them again. */
	check_rows(FEED("onAgentLoss: redistribute\n", "executor: shared-iterations, iterations: 6, vus: 3"), 2, 0);
	check_rows(FEED("onAgentLoss: redistribute\n", "executor: constant-vus, vus: 3, duration: 1s"), UINT64_MAX, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_idle_agent_takes_some_megabytes),
	        cmocka_unit_test(test_memory_grows_with_what_an_agent_holds),
	        cmocka_unit_test(test_agents_share_the_users),
	        cmocka_unit_test(test_a_loss_retires_rows_and_takes_spare_ones_where_shares_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
