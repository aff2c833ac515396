/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h: scenarios from their schedule to the snapshots. Schedules are short, and what is asserted doesn't depend on
 * how punctual the machine is: the plans allow a lateness of a minute. */
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

static void turn_until(struct rig *rig, const struct fake_driver *fake, uint64_t submitted)
{
	while (fake->submitted < submitted)
		rig_turn(rig);
}

static void test_engine_starts_every_arrival_once(void **state)
{
	struct rig *rig =
	        rig_new(HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 150ms,\n"
	                     "  steps: [ { null: { } } ] } }",
	                fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.planned, 150);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 150);
	assert_int_equal(rig->scenarios[0].tally.operations, 150);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATIONS, "a", "null-1"), 150);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATION_RESPONSE_TIME, "a", "null-1"), 150);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATION_DURATION, "a", "null-1"), 150);
	assert_int_equal(rig_count(rig, METRIC_ITERATION_DURATION, "a", NULL), 150);
	assert_int_equal(rig_count(rig, METRIC_SEND_LATENESS, "a", NULL), 150);
	assert_true(rig->scenarios[0].end_ns >= 150 * NS_PER_MS);
	rig_free(rig);
}

static void test_engine_drops_what_no_vu_can_take(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 20ms,\n"
	                           "  maxVUs: 2, gracefulStop: 0, steps: [ { " AWAITED " } ] } }",
	                fake_table);

	(void)state;
	fake->holds = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.planned, 20);
	assert_int_equal(rig->scenarios[0].tally.started, 2);
	assert_int_equal(rig->scenarios[0].tally.dropped[DROP_NO_VU], 18);
	assert_int_equal(rig->scenarios[0].tally.interrupted, 2);
	assert_int_equal(rig_cell(rig, METRIC_DROPPED_ITERATIONS, "a", NULL, NULL, "no_vu")->counter, 18);
	assert_int_equal(fake->cancelled, 2);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_PRODUCE_FAILED, "a", "produce-1"), 0);
	rig_free(rig);
}

static void test_engine_queues_arrivals_with_their_intended_time(void **state)
{
	struct rig *rig = rig_new(
	        HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 20ms, maxVUs: 1,\n"
	             "  whenFull: queue, steps: [ { null: { latency: 5ms } } ] } }",
	        fake_table);
	const struct cell *response;

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.started, 20);
	assert_int_equal(tally_dropped(&rig->scenarios[0].tally), 0);
	/* The last one arrives after 19 ms and is served after 19 others of 5 ms. */
	response = rig_cell(rig, METRIC_NULL_OPERATION_RESPONSE_TIME, "a", "null-1", NULL, NULL);
	assert_true(histogram_max_us(response->latency.histogram) >= 81000);
	/* Only those that found the VU free were the pacer's to start. */
	assert_true(rig_count(rig, METRIC_SEND_LATENESS, "a", NULL) < 20);
	rig_free(rig);
}

static void test_engine_drops_a_queue_that_its_grace_does_not_serve(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 20ms,\n"
	                           "  maxVUs: 1, whenFull: queue, gracefulStop: 10ms, steps: [ { " AWAITED " } ] } }",
	                fake_table);

	(void)state;
	fake->holds = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.interrupted, 1);
	assert_int_equal(rig->scenarios[0].tally.dropped[DROP_NO_VU], 19);
	rig_free(rig);
}

static void test_engine_drops_what_a_full_driver_refuses(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 20ms,\n"
	                           "  gracefulStop: 0, steps: [ { " AWAITED " } ] } }",
	                fake_table);

	(void)state;
	fake->holds = 1;
	fake->capacity = 3;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.started, 3);
	assert_int_equal(rig->scenarios[0].tally.dropped[DROP_QUEUE_FULL], 17);
	rig_free(rig);
}

static void test_engine_parks_closed_loops_while_the_driver_is_full(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA "scenarios: { a: { executor: per-vu-iterations, vus: 10, iterations: 3,\n"
	                                     "  steps: [ { " AWAITED " } ] } }",
	                          fake_table);

	(void)state;
	fake->capacity = 2;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 30);
	assert_true(fake->refused > 0);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_MESSAGES_PRODUCED, "a", "produce-1"), 30);
	rig_free(rig);
}

static void test_engine_interrupts_parked_vus(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA
	                          "scenarios: { a: { executor: constant-vus, vus: 4, duration: 20ms, gracefulStop: 0,\n"
	                          "  steps: [ { " AWAITED " } ] } }",
	                          fake_table);

	(void)state;
	fake->capacity = 1;
	fake->holds = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.interrupted, 4);
	assert_int_equal(fake->cancelled, 1);
	rig_free(rig);
}

static void test_engine_counts_iterations_to_the_last(void **state)
{
	static const struct {
		const char *executor;
		uint64_t iterations;
	} cases[] = {
	        {"executor: per-vu-iterations, vus: 3, iterations: 4", 12},
	        {"executor: per-vu-iterations, vus: 3, iterations: 4, rampUp: 30ms", 12},
	        {"executor: shared-iterations, vus: 3, iterations: 10", 10},
	        {"executor: shared-iterations, vus: 10, iterations: 3", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char yaml[512];
		struct rig *rig;

		snprintf(yaml, sizeof(yaml), HEAD "scenarios: { a: { %s, steps: [ { null: { latency: 1ms } } ] } }",
		         cases[i].executor);
		rig = rig_new(yaml, fake_table);
		rig_run(rig);
		rig_check_account(rig, 0);
		assert_int_equal(rig->scenarios[0].tally.planned, cases[i].iterations);
		assert_int_equal(rig->scenarios[0].tally.succeeded, cases[i].iterations);
		rig_free(rig);
	}
}

static void test_engine_workers_share_iterations_exactly(void **state)
{
	static const char *const yaml =
	        HEAD "scenarios:\n"
	             "  a: { executor: shared-iterations, vus: 3, iterations: 10, steps: [ { null: { } } ] }\n"
	             "  b: { executor: per-vu-iterations, vus: 3, iterations: 5, steps: [ { null: { } } ] }\n"
	             "  c: { executor: constant-arrival-rate, rate: 1000, duration: 31ms, steps: [ { null: { } } ] }\n";
	uint64_t sums[3] = {0};

	(void)state;
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct rig *rig = rig_new_part(yaml, fake_table, NULL, 0, worker, 2);

		rig_run(rig);
		for (uint32_t i = 0; i < 3; i++)
			sums[i] += rig->scenarios[i].tally.succeeded;
		rig_free(rig);
	}
	assert_int_equal(sums[0], 10);
	assert_int_equal(sums[1], 15);
	assert_int_equal(sums[2], 31);
}

static void test_engine_says_what_max_duration_cut_off(void **state)
{
	struct rig *rig =
	        rig_new(HEAD "scenarios:\n"
	                     "  a: { executor: per-vu-iterations, vus: 2, iterations: 1000, maxDuration: 40ms,\n"
	                     "       steps: [ { null: { latency: 5ms } } ] }\n"
	                     "  b: { executor: shared-iterations, vus: 2, iterations: 1000, maxDuration: 40ms,\n"
	                     "       steps: [ { null: { latency: 5ms } } ] }\n",
	                fake_table);

	(void)state;
	rig_run(rig);
	for (uint32_t i = 0; i < 2; i++) {
		const struct tally *tally = &rig->scenarios[i].tally;

		rig_check_account(rig, i);
		assert_int_equal(tally->planned, i == 0 ? 2000 : 1000);
		assert_int_equal(tally->planned, tally->started + tally->dropped[DROP_MAX_DURATION]);
		assert_true(tally->started <= 2 * 9);
	}
	rig_free(rig);
}

static void test_engine_runs_one_weighted_step_an_iteration(void **state)
{
	struct rig *rig =
	        rig_new(HEAD "scenarios: { a: { executor: shared-iterations, vus: 5, iterations: 2000, steps: [\n"
	                     "  { null: { name: first } },\n"
	                     "  { null: { name: often, weight: 3 } },\n"
	                     "  { null: { name: seldom, weight: 1 } } ] } }",
	                fake_table);
	uint64_t often;
	uint64_t seldom;

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	often = rig_count(rig, METRIC_NULL_OPERATIONS, "a", "often");
	seldom = rig_count(rig, METRIC_NULL_OPERATIONS, "a", "seldom");
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATIONS, "a", "first"), 2000);
	assert_int_equal(often + seldom, 2000);
	/* Binomial with p = 3/4 and a fixed seed: within 6 standard deviations. */
	assert_in_range(often, 1384, 1616);
	rig_free(rig);
}

static void test_engine_ends_an_iteration_at_its_first_failure(void **state)
{
	struct rig *rig =
	        rig_new(HEAD "scenarios: { a: { executor: per-vu-iterations, vus: 2, iterations: 5, steps: [\n"
	                     "  { null: { name: good } }, { null: { name: bad, failures: 100% } },\n"
	                     "  { null: { name: never } } ] } }",
	                fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.failed, 10);
	assert_int_equal(rig->scenarios[0].tally.operations, 20);
	assert_int_equal(rig->scenarios[0].tally.failed_operations, 10);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATIONS, "a", "never"), 0);
	assert_int_equal(rig_cell(rig, METRIC_NULL_OPERATION_FAILED, "a", "bad", NULL, NULL)->rate.hits, 10);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATION_RESPONSE_TIME, "a", "bad"), 0);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATION_FAILED_DURATION, "a", "bad"), 10);
	assert_int_equal(rig_count(rig, METRIC_ITERATION_DURATION, "a", NULL), 0);
	assert_int_equal(
	        rig_cell(rig, METRIC_ERRORS, "a", "bad", NULL, "server|NULL|failed by the step's share of failures")
	                ->counter,
	        10);
	rig_free(rig);
}

static void test_engine_goes_on_after_a_submission_that_fails(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA "scenarios: { a: { executor: per-vu-iterations, vus: 2, iterations: 3,\n"
	                                     "  steps: [ { " AWAITED " } ] } }",
	                          fake_table);

	(void)state;
	fake->fails_at_once = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.failed, 6);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_PRODUCE_FAILED, "a", "produce-1"), 6);
	rig_free(rig);
}

static void test_engine_pauses_between_steps(void **state)
{
	struct rig *rig = rig_new(
	        HEAD "scenarios: { a: { executor: per-vu-iterations, vus: 1, iterations: 2, steps: [\n"
	             "  { null: { name: one } }, { think: 10ms..12ms }, { null: { name: two } }, { think: 5ms } ] } }",
	        fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_true(
	        histogram_min_us(rig_cell(rig, METRIC_ITERATION_DURATION, "a", NULL, NULL, NULL)->latency.histogram) >=
	        15000);
	assert_true(rig->scenarios[0].end_ns >= 30 * NS_PER_MS);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATIONS, "a", "two"), 2);
	rig_free(rig);
}

static void test_engine_interrupts_a_pause(void **state)
{
	struct rig *rig = rig_new(
	        HEAD "scenarios: { a: { executor: constant-vus, vus: 2, duration: 20ms, gracefulStop: 0, steps: [\n"
	             "  { null: { } }, { think: 1h } ] } }",
	        fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.interrupted, 2);
	assert_int_equal(rig->scenarios[0].tally.operations, 2);
	rig_free(rig);
}

static void test_engine_keeps_the_pace_of_each_vu(void **state)
{
	struct rig *rig = rig_new(HEAD "scenarios: { a: { executor: constant-vus, vus: 2, duration: 95ms, pace: 10ms,\n"
	                               "  steps: [ { null: { } } ] } }",
	                          fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	/* Ticks at 0, 10, ... 90 ms; a stalled machine may miss the last ones, never make more. */
	assert_true(rig->scenarios[0].tally.started <= 20);
	assert_true(rig->scenarios[0].tally.started >= 2);
	rig_free(rig);
}

static void test_engine_catches_up_on_ticks_that_an_iteration_overran(void **state)
{
	struct rig *rig =
	        rig_new(HEAD "scenarios: { a: { executor: per-vu-iterations, vus: 1, iterations: 5, pace: 1ms,\n"
	                     "  steps: [ { null: { latency: 10ms } } ] } }",
	                fake_table);
	const struct cell *response;

	(void)state;
	rig_run(rig);
	/* The fifth was wanted at 4 ms and ended after 50. */
	response = rig_cell(rig, METRIC_NULL_OPERATION_RESPONSE_TIME, "a", "null-1", NULL, NULL);
	assert_true(histogram_max_us(response->latency.histogram) >= 45900);
	rig_free(rig);
}

/* The last ones complete when all scenarios are over. */
static void test_engine_tells_what_became_of_every_message(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-arrival-rate, rate: 20, duration: 1200ms,\n"
	                           "  steps: [ { produce: { target: k, topic: t, size: 1 } } ] } }",
	                fake_table);

	(void)state;
	fake->holds = 1;
	fake->completes_at_drain = 1;
	rig_start(rig, clock_now_ns());
	while (fake->submitted < 10)
		rig_turn(rig);
	while (fake->flying_count > 0)
		fake_complete(fake);
	while (rig->ledger_bytes == 0 && !engine_done(rig->engine))
		rig_turn(rig);
	assert_int_equal(rig->ledger_bytes, 10);
	rig_finish(rig);
	assert_int_equal(rig->ledger_bytes, 24);
	rig_free(rig);
}

/* Lane 1 is busy: its arrivals wait, though they would be dropped where a queue is full, and lane 2's pass them by. */
static void test_engine_parks_those_whose_lane_is_busy(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA
	                "scenarios: { a: { executor: constant-arrival-rate, rate: 100, duration: 100ms, producers: 2,\n"
	                "  steps: [ { produce: { target: k, topic: t, size: 1 } } ] } }",
	                fake_table);

	(void)state;
	fake->busy[1] = 1;
	rig_start(rig, clock_now_ns());
	while (fake->lanes[2] < 5)
		rig_turn(rig);
	assert_int_equal(fake->lanes[1], 0);
	fake->busy[1] = 0;
	rig_finish(rig);
	assert_int_equal(fake->lanes[1], 5);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_MESSAGES_PRODUCED, "a", "produce-1"), 10);
	rig_check_account(rig, 0);
	rig_free(rig);
}

static void test_engine_counts_what_a_driver_tells_of_a_step(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA "scenarios: {\n"
	                           "  w: { executor: constant-vus, duration: 100ms, steps: [ null: {} ] },\n"
	                           "  a: { executor: constant-vus, duration: 100ms, pace: 10ms,\n"
	                           "    steps: [ { null: {} }, { produce: { target: k, topic: t, size: 1 } } ] } }",
	                fake_table);
	const struct step *step = &rig->plan->scenarios[1].steps[1];
	const struct operation_sample sample = {.metric = METRIC_KAFKA_TRANSACTION_DURATION, .value = 7 * NS_PER_MS};

	(void)state;
	fake->config->record(fake->context, step, &sample); /* before T0 */
	rig_start(rig, clock_now_ns());
	fake->config->record(fake->context, step, &sample);
	fake->config->tell(fake->context, step, ERROR_SERVER, "CODE", "a text");
	rig_finish(rig);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_TRANSACTION_DURATION, "a", "produce-2"), 1);
	assert_int_equal(rig_cell(rig, METRIC_ERRORS, "a", "produce-2", NULL, "server|CODE|a text")->counter, 1);
	rig_free(rig);
}

/* A message that the poll under way got `ago_ns` after it was wanted, by the coordinator's time. */
static void receive(struct fake_driver *fake, int64_t ago_ns, const char *key, _Bool stamped)
{
	uint64_t now_ns = clock_now_ns();
	const struct reception reception = {
	        .received_ns = now_ns,
	        .bytes = 10,
	        .key = key,
	        .key_size = key ? strlen(key) : 0,
	        .stamped = stamped,
	        .intended_ns = driver_clock_since_t0(fake->config->clock, now_ns) - ago_ns,
	};

	fake->config->receive(fake->context, fake->flying[0], &reception);
}

#define CONSUME(warmup, keys)                                                                                          \
	HEAD KAFKA warmup "scenarios: { a: { executor: constant-vus, duration: 200ms,\n"                               \
	                  "  steps: [ consume: { target: k, topic: t, partitions: all, " keys " } ] } }"

static void test_engine_counts_messages_with_how_late_they_came(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(CONSUME("", "groupByKey: true"), fake_table);
	const struct cell *cell;

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	while (fake->flying_count == 0)
		rig_turn(rig);
	/* What is known of the clocks goes into the latencies. */
	atomic_store((_Atomic int64_t *)&fake->config->clock->correction_ns, -3600 * (int64_t)NS_PER_S);
	receive(fake, 7 * (int64_t)NS_PER_MS, "one", 1);
	receive(fake, -1000, "two", 1);
	receive(fake, 0, NULL, 0);
	fake_complete(fake);
	fake->holds = 0;
	rig_finish(rig);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_MESSAGES_CONSUMED, "a", "consume-1", "one", NULL)->counter, 1);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_MESSAGES_CONSUMED, "a", "consume-1", "two", NULL)->counter, 1);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_MESSAGES_CONSUMED, "a", "consume-1", NULL, NULL)->counter, 1);
	assert_int_equal(rig_cell(rig, METRIC_DATA_RECEIVED, "a", "consume-1", "one", NULL)->counter, 10);
	cell = rig_cell(rig, METRIC_KAFKA_END_TO_END_LATENCY, "a", "consume-1", "one", NULL);
	assert_int_equal(histogram_count(cell->latency.histogram), 1);
	assert_int_equal(histogram_max_us(cell->latency.histogram), 7000);
	/* What seems to have come before it was wanted counts as at once, and is told. */
	cell = rig_cell(rig, METRIC_KAFKA_END_TO_END_LATENCY, "a", "consume-1", "two", NULL);
	assert_int_equal(histogram_count(cell->latency.histogram), 1);
	assert_int_equal(histogram_max_us(cell->latency.histogram), 0);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_END_TO_END_NEGATIVE, "a", "consume-1", "two", NULL)->counter, 1);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_END_TO_END_NEGATIVE, "a", "consume-1", "one", NULL)->counter, 0);
	assert_true(rig_count(rig, METRIC_KAFKA_POLLS, "a", "consume-1") >= 1);
	rig_free(rig);
}

static void test_engine_counts_messages_in_the_warm_up_in_which_they_were_wanted(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(CONSUME("warmup: 100ms\n", "pollTimeout: 1s"), fake_table);
	uint64_t t0_ns = clock_now_ns();

	(void)state;
	fake->holds = 1;
	rig_start(rig, t0_ns);
	while (fake->flying_count == 0 || clock_now_ns() < t0_ns + 120 * NS_PER_MS)
		rig_turn(rig);
	/* The poll began in the warm-up. */
	receive(fake, 0, NULL, 1);
	receive(fake, 110 * (int64_t)NS_PER_MS, NULL, 1);
	receive(fake, 0, NULL, 0);
	fake_complete(fake);
	fake->holds = 0;
	rig_finish(rig);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_MESSAGES_CONSUMED, "a", "consume-1"), 1);
	assert_int_equal(rig_warmup_cell(rig, METRIC_KAFKA_MESSAGES_CONSUMED, "a", "consume-1")->counter, 2);
	rig_free(rig);
}

static void test_engine_keeps_the_worst_of_a_seconds_levels(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-vus, duration: 100ms, pace: 10ms,\n"
	                                     "    steps: [ produce: { target: k, topic: t, size: 1 } ] } }",
	                          fake_table);
	const struct cell *cell;

	(void)state;
	fake->config->gauge(fake->context, METRIC_KAFKA_BROKER_RTT, "1", 99); /* before T0 */
	rig_start(rig, clock_now_ns());
	fake->config->gauge(fake->context, METRIC_KAFKA_BROKER_RTT, "1", 7.5);
	fake->config->gauge(fake->context, METRIC_KAFKA_BROKER_RTT, "1", 2);
	fake->config->gauge(fake->context, METRIC_KAFKA_BROKER_RTT, "2", 3);
	rig_finish(rig);
	cell = rig_cell(rig, METRIC_KAFKA_BROKER_RTT, "", NULL, NULL, "1");
	assert_int_equal(cell->gauge.count, 1);
	assert_true(cell->gauge.last == 7.5 && cell->gauge.max == 7.5 && cell->gauge.sum == 7.5);
	assert_true(rig_cell(rig, METRIC_KAFKA_BROKER_RTT, "", NULL, NULL, "2")->gauge.max == 3);
	rig_free(rig);
}

static void test_engine_does_not_wait_for_detached_messages(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(
	        HEAD KAFKA "scenarios: { a: { executor: per-vu-iterations, vus: 2, iterations: 10, producers: 2,\n"
	                   "  steps: [ { produce: { target: k, topic: t, size: 1, group: \"{{vu}}\" } } ] } }",
	        fake_table);

	(void)state;
	fake->holds = 1;
	fake->completes_at_drain = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 20);
	assert_int_equal(rig->scenarios[0].tally.operations, 20);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_MESSAGES_PRODUCED, "a", "produce-1", "1", NULL)->counter, 10);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_MESSAGES_PRODUCED, "a", "produce-1", "2", NULL)->counter, 10);
	/* VU i belongs to producer i, whose lanes count from 1. */
	assert_int_equal(fake->lanes[1], 10);
	assert_int_equal(fake->lanes[2], 10);
	rig_free(rig);
}

static void test_engine_counts_a_detached_failure_as_an_operation_alone(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA "scenarios: { a: { executor: per-vu-iterations, vus: 1, iterations: 4,\n"
	                                     "  steps: [ { produce: { target: k, topic: t, size: 1 } } ] } }",
	                          fake_table);

	(void)state;
	fake->error = ERROR_TIMEOUT;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 4);
	assert_int_equal(rig->scenarios[0].tally.failed_operations, 4);
	assert_int_equal(rig_count(rig, METRIC_KAFKA_MESSAGES_PRODUCED, "a", "produce-1"), 0);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_PRODUCE_FAILED, "a", "produce-1", NULL, NULL)->rate.hits, 4);
	rig_free(rig);
}

static void test_engine_fails_what_is_never_delivered(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(
	        HEAD KAFKA "scenarios: { a: { executor: per-vu-iterations, vus: 1, iterations: 4, gracefulStop: 20ms,\n"
	                   "  steps: [ { produce: { target: k, topic: t, size: 1 } } ] } }",
	        fake_table);

	(void)state;
	fake->holds = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(fake->abandoned, 4);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 4);
	assert_int_equal(rig->scenarios[0].tally.operations, 4);
	assert_int_equal(rig->scenarios[0].tally.failed_operations, 4);
	assert_int_equal(rig_cell(rig, METRIC_KAFKA_PRODUCE_FAILED, "a", "produce-1", NULL, NULL)->rate.hits, 4);
	rig_free(rig);
}

static void test_engine_stopped_while_it_drains_gives_up_sooner(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(
	        HEAD KAFKA "scenarios: { a: { executor: per-vu-iterations, vus: 1, iterations: 4, gracefulStop: 1h,\n"
	                   "  steps: [ { produce: { target: k, topic: t, size: 1 } } ] } }",
	        fake_table);

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	while (rig->engine->phase != ENGINE_DRAINING)
		rig_turn(rig);
	assert_int_equal(engine_stop(rig->engine, 0, 5 * NS_PER_MS), 0);
	rig_finish(rig);
	assert_int_equal(fake->abandoned, 4);
	rig_free(rig);
}

static void test_engine_does_not_wait_for_operations_that_cannot_be_cancelled(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA
	                          "scenarios: { a: { executor: constant-vus, vus: 3, duration: 20ms, gracefulStop: 0,\n"
	                          "  steps: [ { " AWAITED " } ] } }",
	                          fake_table);

	(void)state;
	fake->holds = 1;
	fake->cannot_cancel = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.interrupted, 3);
	assert_int_equal(fake->abandoned, 3);
	rig_free(rig);
}

static void test_engine_stops_at_the_given_time(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(
	        HEAD KAFKA
	        "scenarios:\n"
	        "  a: { executor: constant-arrival-rate, rate: 1000, duration: 1h, maxVUs: 100000, steps: [ { " AWAITED
	        " } ] }\n"
	        "  b: { executor: constant-vus, vus: 3, duration: 1h, steps: [ { null: { latency: 1ms } } ] }\n"
	        "  c: { executor: per-vu-iterations, vus: 3, iterations: 1000000, maxDuration: 1h,\n"
	        "       steps: [ { null: { latency: 1ms } } ] }\n"
	        "  d: { executor: constant-vus, vus: 3, duration: 1h, startAfter: c, steps: [ { null: { } } ] }\n",
	        fake_table);

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	turn_until(rig, fake, 10);
	assert_int_equal(engine_stop(rig->engine, 40 * NS_PER_MS, 5 * NS_PER_MS), 0);
	rig_finish(rig);
	for (uint32_t i = 0; i < 4; i++)
		rig_check_account(rig, i);
	/* Arrivals at 0, 1, ... 39 ms. */
	assert_in_range(rig->scenarios[0].tally.planned, 10, 40);
	assert_int_equal(rig->scenarios[0].tally.interrupted, rig->scenarios[0].tally.started);
	assert_int_equal(rig->scenarios[3].tally.planned, 0);
	assert_int_equal(rig->scenarios[2].tally.dropped[DROP_MAX_DURATION], 0);
	rig_free(rig);
}

static void test_engine_stops_at_once(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-vus, vus: 3, duration: 1h, pace: 1h,\n"
	                           "  steps: [ { " AWAITED " } ] } }",
	                fake_table);

	(void)state;
	rig_start(rig, clock_now_ns());
	turn_until(rig, fake, 3);
	assert_int_equal(engine_stop(rig->engine, 0, 0), 0);
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.started, 3);
	assert_true(rig->scenarios[0].end_ns < NS_PER_S * 600);
	rig_free(rig);
}

static void test_engine_begins_a_follower_when_told(void **state)
{
	struct rig *rig =
	        rig_new(HEAD "scenarios:\n"
	                     "  a: { executor: per-vu-iterations, vus: 1, iterations: 1, steps: [ { null: { } } ] }\n"
	                     "  b: { executor: per-vu-iterations, vus: 1, iterations: 2, startAfter: a, steps: [ { "
	                     "null: { } } ] }\n",
	                fake_table);

	(void)state;
	rig_start(rig, clock_now_ns());
	while (rig->engine->runners[0].state != RUNNER_FINISHED)
		rig_turn(rig);
	assert_false(engine_done(rig->engine));
	assert_int_equal(engine_begin(rig->engine, 1, 30 * NS_PER_MS), 0);
	assert_int_equal(engine_begin(rig->engine, 1, 40 * NS_PER_MS), 0); /* said again: ignored */
	rig_finish(rig);
	assert_int_equal(rig->scenarios[1].tally.succeeded, 2);
	assert_true(rig->scenarios[1].end_ns >= 30 * NS_PER_MS);
	rig_free(rig);
}

static void test_engine_drops_starts_that_it_slept_through(void **state)
{
	struct rig *rig =
	        rig_new("name: t\nmaxLateness: 1s\n"
	                "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 5s, maxVUs: 10000,\n"
	                "  steps: [ { null: { } } ] } }",
	                fake_table);
	uint64_t late;

	(void)state;
	/* As if the agent had been stopped at T0 and continued 5.5 s later. */
	rig_start(rig, clock_now_ns() - 5500 * NS_PER_MS);
	rig_finish(rig);
	rig_check_account(rig, 0);
	late = rig->scenarios[0].tally.dropped[DROP_LATE];
	assert_int_equal(rig->scenarios[0].tally.planned, 5000);
	assert_in_range(late, 4500, 5000);
	assert_int_equal(rig->scenarios[0].tally.started + late, 5000);
	/* Every second has its snapshot, those that were slept through too. */
	assert_true(rig->seconds >= 6);
	rig_free(rig);
}

static void test_engine_drops_ticks_that_it_slept_through(void **state)
{
	struct rig *rig = rig_new("name: t\nmaxLateness: 1s\n"
	                          "scenarios: { a: { executor: constant-vus, vus: 1, duration: 5s, pace: 10ms,\n"
	                          "  steps: [ { null: { } } ] } }",
	                          fake_table);

	(void)state;
	rig_start(rig, clock_now_ns() - 4900 * NS_PER_MS);
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_in_range(rig->scenarios[0].tally.dropped[DROP_LATE], 390, 500);
	rig_free(rig);
}

static void test_engine_makes_up_for_a_stalled_target_with_more_vus(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig =
	        rig_new("name: t\nmaxLateness: 60s\n" KAFKA
	                "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 100ms, maxVUs: 500,\n"
	                "  preAllocatedVUs: 2, steps: [ { " AWAITED " } ] } }",
	                fake_table);

	(void)state;
	assert_int_equal(fake->sessions, 2);
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	turn_until(rig, fake, 100);
	assert_int_equal(fake->sessions, 100);
	while (fake->flying_count > 0)
		fake_complete(fake);
	rig_finish(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 100);
	rig_free(rig);
}

static void test_engine_ramps_vus_up_and_down(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(
	        HEAD KAFKA
	        "scenarios: { a: { executor: ramping-vus, startVUs: 1, gracefulRampDown: 0, stages:\n"
	        "  [ { duration: 20ms, target: 4 }, { duration: 20ms, target: 1 }, { duration: 20ms, target: 3 } ],\n"
	        "  steps: [ { " AWAITED " } ], gracefulStop: 0 } }",
	        fake_table);

	(void)state;
	fake->holds = 1;
	rig_run(rig);
	rig_check_account(rig, 0);
	/* VUs 1..3 come, are interrupted as the curve falls, and two of them come again; those left are interrupted at
	 * the end. On a machine that slept through the peak fewer come. */
	assert_true(rig->scenarios[0].tally.started <= 6);
	assert_int_equal(rig->scenarios[0].tally.started, rig->scenarios[0].tally.interrupted);
	assert_int_equal(fake->cancelled, rig->scenarios[0].tally.interrupted);
	rig_free(rig);
}

static void test_engine_hands_out_unique_rows_once_over_workers(void **state)
{
	static const char *const csv = "id\nr0\nr1\nr2\nr3\nr4\nr5\nr6\nr7\nr8\n";
	static const char *const yaml =
	        HEAD KAFKA "data: { row: { csv: rows.csv, column: id, pick: unique } }\n"
	                   "scenarios:\n"
	                   "  a: { executor: per-vu-iterations, vus: 3, iterations: 2,\n"
	                   "       steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{row}}\" } } ] }\n"
	                   "  b: { executor: shared-iterations, vus: 2, iterations: 3,\n"
	                   "       steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{row}}\" } } ] }\n";
	const struct plan_file file = {.name = "row", .data = csv, .size = strlen(csv)};
	uint32_t seen[9] = {0};

	(void)state;
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct fake_driver *fake = fake_reset();
		struct rig *rig = rig_new_part(yaml, fake_table, &file, 1, worker, 2);

		rig_run(rig);
		for (uint64_t i = 0; i < fake->submitted; i++)
			seen[fake->texts[i][1] - '0']++;
		rig_free(rig);
	}
	for (int i = 0; i < 9; i++)
		assert_int_equal(seen[i], 1);
}

static void test_engine_fails_iterations_when_a_unique_feed_is_used_up(void **state)
{
	static const char *const csv = "id\nr0\nr1\n";
	const struct plan_file file = {.name = "row", .data = csv, .size = strlen(csv)};
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_part(
	        HEAD KAFKA "data: { row: { csv: rows.csv, column: id, pick: unique } }\n"
	                   "scenarios: { a: { executor: constant-vus, vus: 1, duration: 20ms,\n"
	                   "  steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{row}}\" } } ] } }\n",
	        fake_table, &file, 1, 0, 1);
	const struct cell *errors;

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(fake->submitted, 2);
	assert_int_equal(rig->scenarios[0].tally.succeeded, 2);
	errors = rig_cell(rig, METRIC_ERRORS, "a", NULL, NULL,
	                  "data|FEED_EXHAUSTED|feed \"row\" has no unused row left");
	assert_int_equal(errors->counter, rig->scenarios[0].tally.failed);
	rig_free(rig);
}

static void test_engine_draws_an_arrivals_row_on_whatever_vu_takes_it(void **state)
{
	static const char *const csv = "id\nr0\nr1\nr2\n";
	const struct plan_file file = {.name = "row", .data = csv, .size = strlen(csv)};
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new_part(
	        HEAD KAFKA "data: { row: { csv: rows.csv, column: id } }\n"
	                   "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 9ms, maxVUs: 1,\n"
	                   "  steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{row}}\" } } ] } }\n",
	        fake_table, &file, 1, 0, 1);

	(void)state;
	rig_run(rig);
	/* One VU takes them all: a message that isn't awaited leaves it free at once, however many arrivals are due. */
	assert_int_equal(fake->submitted, 9);
	for (int i = 0; i < 9; i++)
		assert_int_equal(fake->texts[i][1], '0' + i % 3);
	rig_free(rig);
}

static void test_engine_random_choices_do_not_hang_on_the_number_of_workers(void **state)
{
	static const char *const yaml = HEAD KAFKA
	        "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 8ms,\n"
	        "  steps: [ { produce: { target: k, topic: t, size: 1, key: \"{{random 1 1000000}}\" } } ] } }";
	char alone[8][32];
	uint32_t at[2] = {0};

	(void)state;
	for (uint32_t part = 0; part < 3; part++) {
		struct fake_driver *fake = fake_reset();
		struct rig *rig = rig_new_part(yaml, fake_table, NULL, 0, part == 0 ? 0 : part - 1, part == 0 ? 1 : 2);

		rig_run(rig);
		for (uint64_t i = 0; i < fake->submitted; i++) {
			if (part == 0)
				memcpy(alone[i], fake->texts[i], sizeof(alone[i]));
			else /* arrivals 0, 2, 4 ... and 1, 3, 5 ... */
				assert_string_equal(fake->texts[i], alone[2 * at[part - 1]++ + part - 1]);
		}
		rig_free(rig);
	}
	assert_int_equal(at[0] + at[1], 8);
}

static void test_engine_marks_warm_up_by_the_intended_time(void **state)
{
	struct rig *rig = rig_new(
	        HEAD "warmup: 10ms\n"
	             "scenarios:\n"
	             "  a: { executor: constant-arrival-rate, rate: 1000, duration: 30ms, steps: [ { null: { } } ] }\n"
	             "  w: { executor: per-vu-iterations, vus: 1, iterations: 2, isWarmup: true, steps: [ { null: { } "
	             "} ] }\n",
	        fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_int_equal(rig_count(rig, METRIC_NULL_OPERATIONS, "a", "null-1"), 20);
	assert_int_equal(rig_warmup_cell(rig, METRIC_NULL_OPERATIONS, "a", "null-1")->counter, 10);
	assert_int_equal(rig_warmup_cell(rig, METRIC_NULL_OPERATIONS, "w", "null-1")->counter, 2);
	rig_free(rig);
}

static void test_engine_folds_groups_past_the_limit(void **state)
{
	struct rig *rig = rig_new(HEAD "maxGroups: 3\n"
	                               "scenarios: { a: { executor: per-vu-iterations, vus: 5, iterations: 2,\n"
	                               "  steps: [ { null: { group: \"g{{vu}}\" } } ] } }",
	                          fake_table);
	uint64_t own = 0;

	(void)state;
	rig_run(rig);
	for (int i = 1; i <= 5; i++) {
		char group[8];

		snprintf(group, sizeof(group), "g%d", i);
		own += rig_cell(rig, METRIC_NULL_OPERATIONS, "a", "null-1", group, NULL)->counter;
	}
	assert_int_equal(own, 6);
	assert_int_equal(rig_cell(rig, METRIC_NULL_OPERATIONS, "a", "null-1", "(other)", NULL)->counter, 4);
	assert_int_equal(rig->health.groups_folded, 4);
	rig_free(rig);
}

static void test_engine_reports_vus(void **state)
{
	struct rig *rig = rig_new(HEAD "scenarios: { a: { executor: constant-vus, vus: 7, duration: 1100ms,\n"
	                               "  steps: [ { null: { latency: 300ms } } ] } }",
	                          fake_table);

	(void)state;
	rig_run(rig);
	rig_check_account(rig, 0);
	assert_true(rig_cell(rig, METRIC_VUS, "a", NULL, NULL, NULL)->gauge.max >= 7);
	assert_true(rig->seconds >= 2);
	rig_free(rig);
}

static void test_engine_freed_in_the_middle_closes_everything(void **state)
{
	struct fake_driver *fake = fake_reset();
	struct rig *rig = rig_new(HEAD KAFKA "scenarios: { a: { executor: constant-vus, vus: 5, duration: 1h,\n"
	                                     "  steps: [ { " AWAITED " } ] } }",
	                          fake_table);

	(void)state;
	fake->holds = 1;
	rig_start(rig, clock_now_ns());
	turn_until(rig, fake, 5);
	rig_free(rig);
	assert_int_equal(fake->abandoned, 5);
	assert_int_equal(fake->sessions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_engine_starts_every_arrival_once),
	        cmocka_unit_test(test_engine_drops_what_no_vu_can_take),
	        cmocka_unit_test(test_engine_queues_arrivals_with_their_intended_time),
	        cmocka_unit_test(test_engine_drops_a_queue_that_its_grace_does_not_serve),
	        cmocka_unit_test(test_engine_drops_what_a_full_driver_refuses),
	        cmocka_unit_test(test_engine_parks_closed_loops_while_the_driver_is_full),
	        cmocka_unit_test(test_engine_interrupts_parked_vus),
	        cmocka_unit_test(test_engine_counts_iterations_to_the_last),
	        cmocka_unit_test(test_engine_workers_share_iterations_exactly),
	        cmocka_unit_test(test_engine_says_what_max_duration_cut_off),
	        cmocka_unit_test(test_engine_runs_one_weighted_step_an_iteration),
	        cmocka_unit_test(test_engine_ends_an_iteration_at_its_first_failure),
	        cmocka_unit_test(test_engine_goes_on_after_a_submission_that_fails),
	        cmocka_unit_test(test_engine_pauses_between_steps),
	        cmocka_unit_test(test_engine_interrupts_a_pause),
	        cmocka_unit_test(test_engine_keeps_the_pace_of_each_vu),
	        cmocka_unit_test(test_engine_catches_up_on_ticks_that_an_iteration_overran),
	        cmocka_unit_test(test_engine_does_not_wait_for_detached_messages),
	        cmocka_unit_test(test_engine_tells_what_became_of_every_message),
	        cmocka_unit_test(test_engine_parks_those_whose_lane_is_busy),
	        cmocka_unit_test(test_engine_counts_what_a_driver_tells_of_a_step),
	        cmocka_unit_test(test_engine_counts_messages_with_how_late_they_came),
	        cmocka_unit_test(test_engine_counts_messages_in_the_warm_up_in_which_they_were_wanted),
	        cmocka_unit_test(test_engine_keeps_the_worst_of_a_seconds_levels),
	        cmocka_unit_test(test_engine_counts_a_detached_failure_as_an_operation_alone),
	        cmocka_unit_test(test_engine_fails_what_is_never_delivered),
	        cmocka_unit_test(test_engine_stopped_while_it_drains_gives_up_sooner),
	        cmocka_unit_test(test_engine_does_not_wait_for_operations_that_cannot_be_cancelled),
	        cmocka_unit_test(test_engine_stops_at_the_given_time),
	        cmocka_unit_test(test_engine_stops_at_once),
	        cmocka_unit_test(test_engine_begins_a_follower_when_told),
	        cmocka_unit_test(test_engine_drops_starts_that_it_slept_through),
	        cmocka_unit_test(test_engine_drops_ticks_that_it_slept_through),
	        cmocka_unit_test(test_engine_makes_up_for_a_stalled_target_with_more_vus),
	        cmocka_unit_test(test_engine_ramps_vus_up_and_down),
	        cmocka_unit_test(test_engine_hands_out_unique_rows_once_over_workers),
	        cmocka_unit_test(test_engine_fails_iterations_when_a_unique_feed_is_used_up),
	        cmocka_unit_test(test_engine_draws_an_arrivals_row_on_whatever_vu_takes_it),
	        cmocka_unit_test(test_engine_random_choices_do_not_hang_on_the_number_of_workers),
	        cmocka_unit_test(test_engine_marks_warm_up_by_the_intended_time),
	        cmocka_unit_test(test_engine_folds_groups_past_the_limit),
	        cmocka_unit_test(test_engine_reports_vus),
	        cmocka_unit_test(test_engine_freed_in_the_middle_closes_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
