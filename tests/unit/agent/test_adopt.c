/* SPDX-License-Identifier: Apache-2.0 */
/* engine_adopt(): what a worker runs changes while it runs. As in test_engine.c, nothing depends on how punctual the
 * machine is: the plans allow a lateness of a minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/unit/agent/fake_driver.h"
#include "tests/unit/agent/rig.h"

#define HEAD "name: t\nmaxLateness: 60s\n"
#define KAFKA "targets: { k: { kafka: { brokers: \"localhost:9092\" } } }\n"
#define AWAITED "produce: { target: k, topic: t, size: 1, await: ack }"
/* Says the row it drew. */
#define SAYS_ROW "produce: { target: k, topic: t, size: 1, key: \"{{row}}\" }"

#define AT (25 * NS_PER_MS) /* when 50 arrivals were due at 2000 a second */

static const struct share nothing;
static const struct share everything = {.classes = &(struct share_class){1, 0}, .count = 1};
static const struct share even = {.classes = &(struct share_class){2, 0}, .count = 1};
static const struct share odd = {.classes = &(struct share_class){2, 1}, .count = 1};

static char rows[16 * 1024];

/* Rows 0, 1, 2 ... */
static struct plan_file rows_file(uint32_t count)
{
	size_t size = (size_t)snprintf(rows, sizeof(rows), "id\n");

	for (uint32_t i = 0; i < count; i++)
		size += (size_t)snprintf(rows + size, sizeof(rows) - size, "%u\n", i);
	return (struct plan_file){.name = "row", .data = rows, .size = size};
}

static void turn_until_ns(struct rig *rig, uint64_t at_ns)
{
	while (clock_now_ns() < at_ns)
		rig_turn(rig);
}

/* How often each row was drawn. */
static void count_rows(const struct fake_driver *fake, uint32_t *counts, uint32_t size)
{
	memset(counts, 0, size * sizeof(*counts));
	for (uint64_t i = 0; i < fake->submitted; i++) {
		unsigned long row = strtoul(fake->texts[i], NULL, 10);

		assert_true(row < size);
		counts[row]++;
	}
}

#define HUNDRED_ROWS                                                                                                   \
	HEAD KAFKA "data: { row: { csv: rows.csv, column: id } }\n"                                                    \
	           "scenarios: { a: { executor: constant-arrival-rate, rate: 2000, duration: 50ms,\n"                  \
	           "  steps: [ { " SAYS_ROW " } ] } }"

static void check_arrivals(const struct share *before, const struct share *after)
{
	const struct plan_file file = rows_file(100);
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(HUNDRED_ROWS, fake_table, &file, before);
	uint32_t counts[100];
	uint32_t sum = 0;

	rig_start(rig, clock_now_ns());
	rig_adopt(rig, after, NULL, AT);
	rig_finish(rig);
	rig_check_account(rig, 0);
	count_rows(fake, counts, 100);
	/* Arrival k is due after k / 2 ms. */
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(counts[i], share_owns(i < 50 ? before : after, i));
		sum += counts[i];
	}
	assert_int_equal(rig->scenarios[0].tally.planned, sum);
	rig_free(rig);
}

static void test_adopt_takes_over_arrivals_from_the_given_time_on(void **state)
{
	(void)state;
	check_arrivals(&even, &everything);
	check_arrivals(&even, &odd);
	check_arrivals(&nothing, &odd);
}

static void test_adopt_hands_arrivals_back_at_the_given_time(void **state)
{
	(void)state;
	check_arrivals(&everything, &odd);
	check_arrivals(&everything, &nothing);
}

static void test_adopt_before_the_start_replaces_the_share(void **state)
{
	const struct plan_file file = rows_file(100);
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(HUNDRED_ROWS, fake_table, &file, &even);
	uint32_t counts[100];

	(void)state;
	rig_adopt(rig, &odd, NULL, 0);
	rig_run(rig);
	count_rows(fake, counts, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(counts[i], i % 2);
	rig_free(rig);
}

static void test_adopt_changes_twice_before_the_first_change_holds(void **state)
{
	const struct plan_file file = rows_file(100);
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(HUNDRED_ROWS, fake_table, &file, &even);
	uint32_t counts[100];

	(void)state;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &odd, NULL, 15 * NS_PER_MS);
	rig_adopt(rig, &everything, NULL, 30 * NS_PER_MS);
	rig_finish(rig);
	count_rows(fake, counts, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(counts[i], i < 30 ? i % 2 == 0 : i < 60 ? i % 2 == 1 : 1);
	rig_free(rig);
}

static void test_adopt_sends_off_the_vus_of_arrivals_that_are_gone(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(HEAD KAFKA
	                                "scenarios: { a: { executor: constant-arrival-rate, rate: 2000, duration: 1h,\n"
	                                "  maxVUs: 40, steps: [ { " AWAITED " } ] } }",
	                                fake_table, NULL, &everything);
	uint64_t t0_ns = clock_now_ns();

	(void)state;
	fake->holds = 1;
	rig_start(rig, t0_ns);
	rig_adopt(rig, &even, NULL, AT);
	turn_until_ns(rig, t0_ns + 2 * AT);
	/* All are busy: those that are gone stay until they are free. */
	assert_int_equal(rig->engine->runners[0].open.vu_limit, 20);
	assert_int_equal(fake->sessions, 40);
	assert_int_equal(rig->engine->runners[0].vus_alive, 20);
	fake->holds = 0;
	while (fake->flying_count > 0)
		fake_complete(fake);
	while (fake->sessions > 20)
		rig_turn(rig);
	for (size_t i = 0; i < rig->engine->runners[0].vu_count; i++)
		assert_true(share_owns(&even, rig->engine->runners[0].vus[i]->index));
	rig_free(rig);
	assert_int_equal(fake->sessions, 0);
}

static void test_adopt_makes_the_vus_of_arrivals_that_came(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(
	        HEAD KAFKA "scenarios: { a: { executor: constant-arrival-rate, rate: 2000, duration: 50ms,\n"
	                   "  maxVUs: 20, gracefulStop: 0, steps: [ { " AWAITED " } ] } }",
	        fake_table, NULL, &even);
	_Bool seen[20] = {0};

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &everything, NULL, AT);
	while (rig->engine->runners[0].vu_count < 20)
		rig_turn(rig);
	for (size_t i = 0; i < 20; i++) {
		uint64_t index = rig->engine->runners[0].vus[i]->index;

		assert_true(index < 20);
		assert_false(seen[index]);
		seen[index] = 1;
	}
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.planned, 75);
	assert_int_equal(rig->scenarios[0].tally.started, 20);
	rig_free(rig);
}

static void test_adopt_serves_what_waits_before_its_vus_leave(void **state)
{
	struct rig *rig =
	        rig_new_owner(HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 2000, duration: 1s,\n"
	                           "  maxVUs: 2, whenFull: queue, steps: [ { null: { latency: 2ms } } ] } }",
	                      fake_table, NULL, &everything);
	uint64_t t0_ns = clock_now_ns();
	const struct tally *tally = &rig->engine->runners[0].tally;

	(void)state;
	rig_start(rig, t0_ns);
	rig_adopt(rig, &nothing, NULL, AT);
	while (tally->succeeded < 50)
		rig_turn(rig);
	assert_int_equal(tally->planned, 50);
	assert_int_equal(rig->engine->runners[0].vu_count, 0);
	rig_free(rig);
}

static void test_adopt_starts_vus_that_came(void **state)
{
	static const char *const executors[] = {
	        "executor: constant-vus, vus: 10, duration: 1h",
	        "executor: ramping-vus, startVUs: 10, stages: [ { duration: 1h, target: 10 } ]",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake_driver *fake = fake_reset();
		char yaml[512];
		struct rig *rig;

		snprintf(yaml, sizeof(yaml), HEAD KAFKA "scenarios: { a: { %s, gracefulStop: 0, steps: [ { %s } ] } }",
		         executors[i], AWAITED);
		rig = rig_new_owner(yaml, fake_table, NULL, &even);
		fake->holds = 1;
		rig_start(rig, clock_now_ns());
		rig_adopt(rig, &everything, NULL, AT);
		while (fake->submitted < 5)
			rig_turn(rig);
		assert_true(clock_now_ns() < rig->engine->t0_ns + AT || rig->engine->shifted == 1);
		while (fake->submitted < 10)
			rig_turn(rig);
		for (uint32_t j = 5; j < 10; j++)
			assert_true(fake->flying[j]->intended_ns >= rig->engine->t0_ns + AT);
		assert_int_equal(rig->engine->runners[0].vus_alive, 10);
		assert_int_equal(engine_stop(rig->engine, 0, 0), 0);
		rig_finish(rig);
		rig_check_account(rig, 0);
		assert_int_equal(rig->scenarios[0].tally.started, 10);
		rig_free(rig);
	}
}

static void test_adopt_lets_vus_that_go_end_their_iteration(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(HEAD KAFKA "scenarios: { a: { executor: constant-vus, vus: 10, duration: 1h,\n"
	                                           "  steps: [ { " AWAITED " } ] } }",
	                                fake_table, NULL, &everything);

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &even, NULL, AT);
	turn_until_ns(rig, rig->engine->t0_ns + 2 * AT);
	assert_int_equal(fake->flying_count, 10);
	assert_int_equal(fake->cancelled, 0);
	for (int i = 0; i < 10; i++)
		fake_complete(fake);
	while (fake->submitted < 15)
		rig_turn(rig);
	rig_turn(rig);
	/* Only those of even indices have begun another one. */
	assert_int_equal(fake->submitted, 15);
	assert_int_equal(rig->engine->runners[0].vus_alive, 5);
	assert_int_equal(fake->sessions, 5);
	rig_free(rig);
}

static void test_adopt_interrupts_vus_that_go_after_their_grace(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(HEAD KAFKA "scenarios: { a: { executor: constant-vus, vus: 4, duration: 1h,\n"
	                                           "  gracefulStop: 20ms, steps: [ { " AWAITED " } ] } }",
	                                fake_table, NULL, &everything);

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &odd, NULL, AT);
	while (fake->cancelled < 2)
		rig_turn(rig);
	assert_true(clock_now_ns() >= rig->engine->t0_ns + AT + 20 * NS_PER_MS);
	assert_int_equal(rig->engine->runners[0].tally.interrupted, 2);
	rig_free(rig);
}

static void test_adopt_takes_vus_that_sleep_at_once(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new_owner(HEAD KAFKA "scenarios:\n"
	                                 "  paced: { executor: constant-vus, vus: 4, duration: 1h, pace: 1h,\n"
	                                 "    steps: [ { " AWAITED " } ] }\n"
	                                 "  later: { executor: ramping-vus, startVUs: 0, stages: [ { duration: 1h, "
	                                 "target: 4 } ], steps: [ { " AWAITED " } ] }\n",
	                      fake_table, NULL, &everything);

	(void)state;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &even, NULL, AT);
	turn_until_ns(rig, rig->engine->t0_ns + 2 * AT);
	assert_int_equal(rig->engine->runners[0].closed.left, 2);
	assert_int_equal(rig->engine->runners[1].closed.left, 2);
	assert_int_equal(fake->sessions, 4);
	rig_free(rig);
}

static void test_adopt_gives_vus_back_that_had_gone(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(
	        HEAD KAFKA "scenarios: { a: { executor: constant-vus, vus: 6, duration: 75ms, gracefulStop: 0,\n"
	                   "  pace: 1ms, steps: [ { " AWAITED " } ] } }",
	        fake_table, NULL, &everything);

	(void)state;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &even, NULL, AT);
	rig_adopt(rig, &everything, NULL, 2 * AT);
	turn_until_ns(rig, rig->engine->t0_ns + AT + AT / 2);
	while (rig->engine->shifted < 2)
		rig_turn(rig);
	assert_int_equal(rig->engine->runners[0].vu_count, 6);
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_true(fake->submitted > 0);
	rig_free(rig);
}

static void check_extras(const char *executor, const struct share *share, uint64_t own, _Bool late)
{
	const struct plan_file file = rows_file(30);
	struct fake_driver *fake = fake_reset();
	struct wire_extra extra = {.scenario = 0, .epoch = 2, .iterations = 7, .first_spare = 3};
	struct message_assign more = {.extras = &extra, .extra_count = 1};
	char yaml[700];
	uint32_t counts[30];
	struct rig *rig;

	/* The second scenario keeps the run alive. */
	snprintf(yaml, sizeof(yaml),
	         HEAD KAFKA
	         "data: { row: { csv: rows.csv, column: id, pick: unique } }\n"
	         "scenarios:\n"
	         "  a: { %s, steps: [ { %s } ] }\n"
	         "  b: { executor: constant-vus, vus: 2, duration: 1h, pace: 5ms, steps: [ { null: { } } ] }\n",
	         executor, SAYS_ROW);
	rig = rig_new_owner(yaml, fake_table, &file, share);
	rig_start(rig, clock_now_ns());
	while (late && rig->engine->runners[0].state != RUNNER_FINISHED)
		rig_turn(rig);
	rig_adopt(rig, &everything, &more, AT);
	while (rig->engine->runners[0].tally.succeeded < own + 7 || rig->engine->runners[0].state != RUNNER_FINISHED)
		rig_turn(rig);
	assert_int_equal(engine_stop(rig->engine, 0, 0), 0);
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.planned, own + 7);
	assert_int_equal(rig->scenarios[0].tally.succeeded, own + 7);
	count_rows(fake, counts, 30);
	/* Both plan 12 iterations: spare row n is row 12 + n. */
	for (uint32_t i = 0; i < 30; i++)
		assert_true(counts[i] == (i >= 15 && i < 22) || (i < 12 && counts[i] == 1));
	rig_free(rig);
}

static void test_adopt_runs_granted_iterations_on_spare_rows(void **state)
{
	static const char *const per_vu = "executor: per-vu-iterations, vus: 4, iterations: 3";
	static const char *const shared = "executor: shared-iterations, vus: 4, iterations: 12";

	(void)state;
	check_extras(per_vu, &even, 6, 0);
	check_extras(per_vu, &even, 6, 1);
	check_extras(per_vu, &everything, 12, 1);
	check_extras(shared, &even, 6, 0);
	check_extras(shared, &even, 6, 1);
	check_extras(shared, &nothing, 0, 0);
}

static void test_adopt_runs_no_iterations_of_a_lost_agent_again(void **state)
{
	static const char *const executors[] = {
	        "executor: per-vu-iterations, vus: 4, iterations: 3, pace: 20ms",
	        "executor: shared-iterations, vus: 4, iterations: 12, pace: 20ms",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char yaml[512];
		struct rig *rig;

		snprintf(yaml, sizeof(yaml), HEAD "scenarios: { a: { %s, steps: [ { null: { } } ] } }", executors[i]);
		rig = rig_new_owner(yaml, fake_table, NULL, &even);
		rig_start(rig, clock_now_ns());
		rig_adopt(rig, &everything, NULL, 10 * NS_PER_MS);
		rig_finish(rig);
		rig_check_account(rig, 0);
		assert_int_equal(rig->scenarios[0].tally.planned, 6);
		rig_free(rig);
	}
}

static void test_adopt_drops_granted_iterations_past_max_duration(void **state)
{
	struct wire_extra extra = {.scenario = 0, .epoch = 2, .iterations = 7};
	struct message_assign more = {.extras = &extra, .extra_count = 1};
	struct rig *rig = rig_new_owner(
	        HEAD "scenarios:\n"
	             "  a: { executor: per-vu-iterations, vus: 2, iterations: 1, maxDuration: 20ms,\n"
	             "       steps: [ { null: { } } ] }\n"
	             "  b: { executor: constant-vus, vus: 2, duration: 80ms, pace: 80ms, steps: [ { null: { } } ] }\n",
	        fake_table, NULL, &even);

	(void)state;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &everything, &more, AT);
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.planned, 8);
	assert_int_equal(rig->scenarios[0].tally.dropped[DROP_MAX_DURATION], 7);
	rig_free(rig);
}

static void test_adopt_draws_spare_rows_for_arrivals_that_moved(void **state)
{
	const struct plan_file file = rows_file(170);
	struct fake_driver *fake = fake_reset();
	/* From arrival 50 on, the odd ones are ours: the spares begin at 4. */
	struct wire_move move = {.scenario = 0, .from_index = 50, .first_spare = 4, .share = odd};
	struct message_assign more = {.moves = &move, .move_count = 1};
	struct rig *rig = rig_new_owner(
	        HEAD KAFKA "data: { row: { csv: rows.csv, column: id, pick: unique } }\n"
	                   "scenarios: { a: { executor: constant-arrival-rate, rate: 2000, duration: 50ms,\n"
	                   "  steps: [ { " SAYS_ROW " } ] } }",
	        fake_table, &file, &even);
	uint32_t counts[170];

	(void)state;
	rig_start(rig, clock_now_ns());
	/* It hears of it late: from 30 ms on. Arrival 61 is the sixth that has moved. */
	rig_adopt(rig, &everything, &more, 30 * NS_PER_MS);
	rig_finish(rig);
	rig_check_account(rig, 0);
	count_rows(fake, counts, 170);
	for (uint32_t i = 0; i < 170; i++) {
		_Bool own = i < 100 && i % 2 == 0;
		_Bool spare = i >= 100 + 4 + 5 && i < 100 + 4 + 25;

		assert_int_equal(counts[i], own || spare);
	}
	rig_free(rig);
}

static void test_adopt_opens_lanes_and_drivers_at_run_time(void **state)
{
	static const char *const yaml = HEAD KAFKA
	        "scenarios: { a: { executor: constant-arrival-rate, rate: 2000, duration: 50ms, producers: 4,\n"
	        "  steps: [ { produce: { target: k, topic: t, size: 1 } } ] } }";
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(yaml, fake_table, NULL, &nothing);

	(void)state;
	assert_int_equal(fake->opened, 0);
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &even, NULL, 10 * NS_PER_MS);
	assert_int_equal(fake->opened, 1);
	assert_int_equal(fake->lanes_added_count, 0);
	rig_adopt(rig, &everything, NULL, AT);
	assert_int_equal(fake->opened, 1);
	rig_finish(rig);
	/* Lanes count from 1: first those of producers 0 and 2, then the others. */
	assert_int_equal(fake->lanes_added_count, 3);
	assert_memory_equal(fake->lanes_added, ((uint32_t[]){3, 2, 4}), 3 * sizeof(uint32_t));
	assert_int_equal(fake->lanes[1] + fake->lanes[3], 40);
	assert_int_equal(fake->lanes[2] + fake->lanes[4], 25);
	rig_free(rig);
}

static void test_adopt_changes_a_follower_before_it_begins(void **state)
{
	const struct plan_file file = rows_file(100);
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(
	        HEAD KAFKA
	        "data: { row: { csv: rows.csv, column: id } }\n"
	        "scenarios:\n"
	        "  a: { executor: constant-vus, vus: 2, duration: 10ms, pace: 20ms, steps: [ { null: { } } ] }\n"
	        "  b: { executor: constant-arrival-rate, rate: 2000, duration: 50ms, startAfter: a,\n"
	        "       steps: [ { " SAYS_ROW " } ] }",
	        fake_table, &file, &nothing);
	uint32_t counts[100];

	(void)state;
	rig_start(rig, clock_now_ns());
	rig_adopt(rig, &even, NULL, 20 * NS_PER_MS);
	rig_adopt(rig, &odd, NULL, 65 * NS_PER_MS);
	turn_until_ns(rig, rig->engine->t0_ns + 25 * NS_PER_MS);
	assert_int_equal(engine_begin(rig->engine, 1, 40 * NS_PER_MS), 0);
	rig_finish(rig);
	rig_check_account(rig, 1);
	count_rows(fake, counts, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(counts[i], i < 50 ? i % 2 == 0 : i % 2 == 1);
	rig_free(rig);
}

static void test_joining_begins_with_the_second_that_is_running(void **state)
{
	struct rig *rig = rig_new_owner(
	        "name: t\nmaxLateness: 1s\n"
	        "scenarios:\n"
	        "  a: { executor: constant-arrival-rate, rate: 1000, duration: 101s, steps: [ { null: { } } ] }\n"
	        "  b: { executor: constant-vus, vus: 4, duration: 101s, steps: [ { null: { latency: 10ms } } ] }\n"
	        "  c: { executor: per-vu-iterations, vus: 4, iterations: 1, steps: [ { null: { } } ] }\n",
	        fake_table, NULL, &nothing);

	(void)state;
	rig_join(rig, clock_now_ns() - 100800 * NS_PER_MS, 100);
	rig_adopt(rig, &even, NULL, 100900 * NS_PER_MS);
	rig_finish(rig);
	rig_check_account(rig, 0);
	rig_check_account(rig, 1);
	assert_int_equal(rig->scenarios[0].tally.planned, 50);
	assert_int_equal(rig->scenarios[0].tally.dropped[DROP_LATE], 0);
	assert_true(rig->scenarios[1].tally.started >= 2);
	assert_int_equal(rig->scenarios[2].tally.planned, 0);
	assert_int_equal(rig->health.start_skew_ns, 0);
	assert_true(rig->health.stalled_ns < 60 * NS_PER_S);
	assert_true(rig->health.wall_ns == rig->seconds * NS_PER_S);
	rig_free(rig);
}

static void test_values_hold_for_every_vu_from_when_they_come(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_owner(
	        HEAD KAFKA "setup: [ { null: { values: { token: x } } } ]\n"
	                   "scenarios: { a: { executor: constant-vus, vus: 2, duration: 1h, pace: 5ms,\n"
	                   "  steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{token}}\" } } ] } }",
	        fake_table, NULL, &everything);
	struct engine_value value = {.slot = template_names_find(rig->plan->names, "token"), .text = "first"};

	(void)state;
	assert_int_equal(engine_set_values(rig->engine, &value, 1), 0);
	rig_start(rig, clock_now_ns());
	while (fake->submitted < 4)
		rig_turn(rig);
	for (int i = 0; i < 4; i++)
		assert_string_equal(fake->texts[i], "first");
	value.text = "second";
	assert_int_equal(engine_set_values(rig->engine, &value, 1), 0);
	while (fake->submitted < 8)
		rig_turn(rig);
	assert_string_equal(fake->texts[7], "second");
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_adopt_takes_over_arrivals_from_the_given_time_on),
	        cmocka_unit_test(test_adopt_hands_arrivals_back_at_the_given_time),
	        cmocka_unit_test(test_adopt_before_the_start_replaces_the_share),
	        cmocka_unit_test(test_adopt_changes_twice_before_the_first_change_holds),
	        cmocka_unit_test(test_adopt_sends_off_the_vus_of_arrivals_that_are_gone),
	        cmocka_unit_test(test_adopt_makes_the_vus_of_arrivals_that_came),
	        cmocka_unit_test(test_adopt_serves_what_waits_before_its_vus_leave),
	        cmocka_unit_test(test_adopt_starts_vus_that_came),
	        cmocka_unit_test(test_adopt_lets_vus_that_go_end_their_iteration),
	        cmocka_unit_test(test_adopt_interrupts_vus_that_go_after_their_grace),
	        cmocka_unit_test(test_adopt_takes_vus_that_sleep_at_once),
	        cmocka_unit_test(test_adopt_gives_vus_back_that_had_gone),
	        cmocka_unit_test(test_adopt_runs_granted_iterations_on_spare_rows),
	        cmocka_unit_test(test_adopt_runs_no_iterations_of_a_lost_agent_again),
	        cmocka_unit_test(test_adopt_drops_granted_iterations_past_max_duration),
	        cmocka_unit_test(test_adopt_draws_spare_rows_for_arrivals_that_moved),
	        cmocka_unit_test(test_adopt_opens_lanes_and_drivers_at_run_time),
	        cmocka_unit_test(test_adopt_changes_a_follower_before_it_begins),
	        cmocka_unit_test(test_joining_begins_with_the_second_that_is_running),
	        cmocka_unit_test(test_values_hold_for_every_vu_from_when_they_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
