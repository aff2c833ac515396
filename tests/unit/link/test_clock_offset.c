/* SPDX-License-Identifier: Apache-2.0 */
/* clock_offset.h: the true offset lies within the bound, whatever the network does, and the bound is worth something.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/link/clock_offset.h"

/* A peer whose clock reads `offset` more than ours at our time 0 and gains `ppm`. */
struct peer_clock {
	int64_t offset_ns;
	double ppm;
};

static int64_t true_offset(const struct peer_clock *peer, uint64_t at_ns)
{
	return peer->offset_ns + (int64_t)llrint(peer->ppm * 1e-6 * (double)at_ns);
}

static uint64_t peer_time(const struct peer_clock *peer, uint64_t at_ns)
{
	return at_ns + (uint64_t)true_offset(peer, at_ns);
}

/* What happens to one exchange on the way; all on our clock. */
struct path {
	uint64_t there_ns, held_ns, back_ns;
};

static int exchange(struct clock_offset *offset, const struct peer_clock *peer, uint64_t sent_ns,
                    const struct path *path)
{
	uint64_t in_ns = sent_ns + path->there_ns, out_ns = in_ns + path->held_ns;

	return clock_offset_add(offset, sent_ns, peer_time(peer, in_ns), peer_time(peer, out_ns),
	                        out_ns + path->back_ns);
}

static void assert_within(const struct clock_offset *offset, const struct peer_clock *peer, uint64_t now_ns)
{
	int64_t estimate_ns = 0, error_ns;
	uint64_t bound_ns = 0;

	assert_int_equal(clock_offset_get(offset, now_ns, &estimate_ns, &bound_ns), 0);
	error_ns = estimate_ns - true_offset(peer, now_ns);
	if ((uint64_t)llabs(error_ns) > bound_ns)
		fail_msg("%lld ns off at %.3f s, the bound is %llu ns", (long long)error_ns, (double)now_ns / 1e9,
		         (unsigned long long)bound_ns);
}

/* Delays that are all on one way more often than not, with queues now and then. */
static void draw_path(struct random *random, struct path *ret_path)
{
	uint64_t base_ns = random_between(random, 20 * NS_PER_US, 2 * NS_PER_MS);
	uint64_t queue_ns = random_below(random, 4) == 0 ? (uint64_t)(random_exponential(random) * 20e6) : 0;
	double there = random_below(random, 3) == 0 ? random_unit(random) : (double)random_below(random, 2);

	ret_path->there_ns = (uint64_t)(there * (double)(base_ns + queue_ns));
	ret_path->back_ns = base_ns + queue_ns - ret_path->there_ns;
	ret_path->held_ns =
	        random_below(random, 10) == 0 ? random_below(random, NS_PER_S) : random_below(random, NS_PER_MS);
}

static void run_once(uint64_t seed)
{
	struct clock_offset *offset = clock_offset_new();
	struct random random;
	struct peer_clock peer;
	uint64_t now_ns;

	random_seed(&random, seed);
	peer.ppm = (random_unit(&random) * 2 - 1) * 100;
	peer.offset_ns =
	        random_below(&random, 2) ? 3600 * (int64_t)NS_PER_S : -(int64_t)random_below(&random, 3600 * NS_PER_S);
	now_ns = 7200 * NS_PER_S + random_below(&random, NS_PER_S);
	for (int i = 0; i < 120; i++) {
		struct path path;

		draw_path(&random, &path);
		assert_int_equal(exchange(offset, &peer, now_ns, &path), 0);
		now_ns += path.there_ns + path.held_ns + path.back_ns;
		assert_within(offset, &peer, now_ns);
		now_ns += random_below(&random, 2 * NS_PER_S);
		assert_within(offset, &peer, now_ns);
	}
	assert_within(offset, &peer, now_ns + 60 * NS_PER_S); /* nothing heard for a minute */
	clock_offset_free(offset);
}

static void test_clock_offset_truth_lies_within_the_bound_in_a_thousand_runs(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++)
		run_once(seed);
}

static void test_clock_offset_bound_is_half_the_least_round_trip_soon_after(void **state)
{
	const struct peer_clock peer = {.offset_ns = 3600 * (int64_t)NS_PER_S, .ppm = 10};
	const struct path slow = {40 * NS_PER_MS, NS_PER_MS, 2 * NS_PER_MS},
	                  fast = {60 * NS_PER_US, 5 * NS_PER_MS, 140 * NS_PER_US};
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns = 100 * NS_PER_S, bound_ns;
	int64_t estimate_ns;

	(void)state;
	assert_int_equal(clock_offset_get(offset, now_ns, &estimate_ns, &bound_ns), -ENODATA);
	for (int i = 0; i < 10; i++, now_ns += NS_PER_S)
		assert_int_equal(exchange(offset, &peer, now_ns, i == 5 ? &fast : &slow), 0);
	assert_int_equal(clock_offset_count(offset), 10);
	assert_int_equal(clock_offset_get(offset, 105 * NS_PER_S + 6 * NS_PER_MS, &estimate_ns, &bound_ns), 0);
	/* (60 + 140) / 2 us, and what at most 500 ppm make of 6 ms. */
	assert_in_range(bound_ns, 100 * NS_PER_US, 104 * NS_PER_US);
	clock_offset_free(offset);
}

static void test_clock_offset_bound_grows_with_age_by_what_the_drift_may_change(void **state)
{
	const struct peer_clock peer = {.offset_ns = -5, .ppm = 80};
	const struct path path = {50 * NS_PER_US, 10 * NS_PER_US, 50 * NS_PER_US};
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns = NS_PER_S, early_ns, late_ns;
	int64_t estimate_ns;

	(void)state;
	assert_int_equal(exchange(offset, &peer, now_ns, &path), 0);
	assert_true(clock_offset_drift_ppm(offset) == 0);
	assert_true(clock_offset_drift_bound_ppm(offset) == CLOCK_DRIFT_PPM_MAX);
	for (int i = 0; i < 200; i++, now_ns += NS_PER_S)
		assert_int_equal(exchange(offset, &peer, now_ns, &path), 0);
	assert_true(fabs(clock_offset_drift_ppm(offset) - 80) < clock_offset_drift_bound_ppm(offset));
	assert_true(clock_offset_drift_bound_ppm(offset) < 1);
	assert_int_equal(clock_offset_get(offset, now_ns, &estimate_ns, &early_ns), 0);
	assert_int_equal(clock_offset_get(offset, now_ns + 100 * NS_PER_S, &estimate_ns, &late_ns), 0);
	/* Twice the wander and what is left of the drift's error; the drift itself is taken out. */
	assert_in_range(late_ns - early_ns, 30 * 100 * NS_PER_US, 33 * 100 * NS_PER_US);
	assert_in_range((uint64_t)llabs(estimate_ns - true_offset(&peer, now_ns + 100 * NS_PER_S)), 0, 40 * NS_PER_US);
	clock_offset_free(offset);
}

static const struct path quick = {100 * NS_PER_US, 10 * NS_PER_US, 100 * NS_PER_US};

/* One exchange a second; returns the time of the next. */
static uint64_t exchange_often(struct clock_offset *offset, const struct peer_clock *peer, uint64_t from_ns, int count)
{
	for (int i = 0; i < count; i++, from_ns += NS_PER_S) {
		assert_int_equal(exchange(offset, peer, from_ns, &quick), 0);
		assert_within(offset, peer, from_ns + NS_PER_MS);
	}
	return from_ns;
}

static void test_clock_offset_of_the_past_counts_exchanges_on_both_sides(void **state)
{
	const struct peer_clock peer = {.offset_ns = 3600 * (int64_t)NS_PER_S, .ppm = -100};
	struct clock_offset *offset = clock_offset_new();
	uint64_t t0_ns = 110 * NS_PER_S + NS_PER_S / 2, before_ns, after_ns;
	int64_t estimate_ns;

	(void)state;
	exchange_often(offset, &peer, 100 * NS_PER_S, 11);
	assert_int_equal(clock_offset_at(offset, t0_ns, &estimate_ns, &before_ns), 0);
	assert_within(offset, &peer, t0_ns);
	exchange_often(offset, &peer, 111 * NS_PER_S, 60);
	assert_int_equal(clock_offset_at(offset, t0_ns, &estimate_ns, &after_ns), 0);
	assert_within(offset, &peer, t0_ns);
	assert_true(after_ns < before_ns);
	assert_in_range(after_ns, 90 * NS_PER_US, 160 * NS_PER_US);
	clock_offset_free(offset);
}

static void test_clock_offset_under_suspicion_holds_either_truth(void **state)
{
	const struct peer_clock peer = {.offset_ns = 77}, jumped = {.offset_ns = 77 + 20 * (int64_t)NS_PER_MS};
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns;

	(void)state;
	now_ns = exchange_often(offset, &peer, 100 * NS_PER_S, 20);
	assert_int_equal(exchange(offset, &jumped, now_ns, &quick), 0);
	assert_within(offset, &peer, now_ns + NS_PER_MS);
	assert_within(offset, &jumped, now_ns + NS_PER_MS);
	clock_offset_free(offset);
}

static void test_clock_offset_takes_one_odd_exchange_for_no_jump(void **state)
{
	const struct peer_clock peer = {.ppm = 30}, odd = {.offset_ns = NS_PER_S};
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns, bound_ns;
	int64_t estimate_ns;

	(void)state;
	now_ns = exchange_often(offset, &peer, 100 * NS_PER_S, 20);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(exchange(offset, &odd, now_ns, &quick), 0);
		now_ns = exchange_often(offset, &peer, now_ns + NS_PER_S, 3);
	}
	assert_int_equal(clock_offset_jump_ns(offset, NULL), 0);
	assert_int_equal(clock_offset_get(offset, now_ns, &estimate_ns, &bound_ns), 0);
	assert_in_range(bound_ns, 90 * NS_PER_US, 200 * NS_PER_US);
	clock_offset_free(offset);
}

static void test_clock_offset_jump_is_told_once_and_parts_the_times(void **state)
{
	struct peer_clock peer = {.offset_ns = -3600 * (int64_t)NS_PER_S, .ppm = 30}, before;
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns, jump_ns, bound_ns;
	int64_t estimate_ns;

	(void)state;
	jump_ns = exchange_often(offset, &peer, 4000 * NS_PER_S, 20);
	before = peer;
	peer.offset_ns += 5 * (int64_t)NS_PER_MS;
	assert_int_equal(exchange(offset, &peer, jump_ns, &quick), 0);
	assert_int_equal(exchange(offset, &peer, jump_ns + NS_PER_S, &quick), 0);
	assert_int_equal(exchange(offset, &peer, jump_ns + 2 * NS_PER_S, &quick), CLOCK_JUMPED);
	assert_in_range((uint64_t)llabs(clock_offset_jump_ns(offset, &bound_ns) - 5 * (int64_t)NS_PER_MS), 0, bound_ns);
	assert_true(bound_ns < NS_PER_MS);
	now_ns = exchange_often(offset, &peer, jump_ns + 3 * NS_PER_S, 20);
	assert_within(offset, &before, jump_ns - 2 * NS_PER_S);
	/* Another jump: of the time before the first one nothing is known any more. */
	peer.offset_ns -= (int64_t)NS_PER_S;
	assert_int_equal(exchange(offset, &peer, now_ns, &quick), 0);
	assert_int_equal(exchange(offset, &peer, now_ns + NS_PER_S, &quick), 0);
	assert_int_equal(exchange(offset, &peer, now_ns + 2 * NS_PER_S, &quick), CLOCK_JUMPED);
	assert_true(clock_offset_jump_ns(offset, NULL) < -990 * (int64_t)NS_PER_MS);
	assert_int_equal(clock_offset_at(offset, jump_ns - 2 * NS_PER_S, &estimate_ns, &bound_ns), -ENODATA);
	clock_offset_free(offset);
}

/* The kernel slews the peer's clock: nothing has jumped, and soon the truth is within the bound again. */
static void test_clock_offset_takes_a_new_rate_for_no_jump(void **state)
{
	struct peer_clock peer = {.ppm = 10};
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns;

	(void)state;
	now_ns = exchange_often(offset, &peer, 100 * NS_PER_S, 120);
	peer.offset_ns += (int64_t)(now_ns / 1000000 * 10) - (int64_t)(now_ns / 1000000 * 300);
	peer.ppm = 300;
	for (int i = 0; i < 10; i++, now_ns += NS_PER_S)
		assert_int_equal(exchange(offset, &peer, now_ns, &quick), 0);
	assert_int_equal(clock_offset_jump_ns(offset, NULL), 0);
	now_ns = exchange_often(offset, &peer, now_ns, 100);
	assert_true(fabs(clock_offset_drift_ppm(offset) - 300) < 5);
	clock_offset_free(offset);
}

static void test_clock_offset_ignores_impossible_exchanges(void **state)
{
	static const struct {
		uint64_t sent, in, out, received;
		int expected;
	} cases[] = {
	        {1000, 5000, 5000, 999, -EINVAL},
	        {1000, 5001, 5000, 2000, -EINVAL},
	        {1000, 5000, 9000, 2000, -EINVAL},
	        {0, 0, UINT64_MAX, 1, -EINVAL},
	        {1000, 5000, 5000, 1000, 0},
	        {1000, 0, 0, 2000, 0},
	        {1000, UINT64_MAX, UINT64_MAX, 2000, 0},
	        {0, UINT64_C(1) << 63, UINT64_C(1) << 63, 1000, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clock_offset *offset = clock_offset_new();

		assert_int_equal(clock_offset_add(offset, cases[i].sent, cases[i].in, cases[i].out, cases[i].received),
		                 cases[i].expected);
		assert_int_equal(clock_offset_count(offset), cases[i].expected == 0);
		assert_null(clock_offset_free(offset));
	}
	assert_null(clock_offset_free(NULL));
}

/* A peer that lies may not bring us into undefined behaviour (the sanitizers watch). */
static void test_clock_offset_survives_a_peer_that_says_anything(void **state)
{
	struct clock_offset *offset = clock_offset_new();
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (int i = 0; i < 20000; i++) {
		uint64_t sent_ns = random_next(&random) >> random_below(&random, 64);
		uint64_t in_ns = random_next(&random) >> random_below(&random, 64);
		uint64_t bound_ns;
		int64_t estimate_ns;

		clock_offset_add(offset, sent_ns, in_ns, in_ns + random_below(&random, 1000),
		                 sent_ns + random_below(&random, 1000000));
		clock_offset_get(offset, random_next(&random), &estimate_ns, &bound_ns);
	}
	clock_offset_free(offset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_clock_offset_truth_lies_within_the_bound_in_a_thousand_runs),
	        cmocka_unit_test(test_clock_offset_bound_is_half_the_least_round_trip_soon_after),
	        cmocka_unit_test(test_clock_offset_bound_grows_with_age_by_what_the_drift_may_change),
	        cmocka_unit_test(test_clock_offset_of_the_past_counts_exchanges_on_both_sides),
	        cmocka_unit_test(test_clock_offset_under_suspicion_holds_either_truth),
	        cmocka_unit_test(test_clock_offset_takes_one_odd_exchange_for_no_jump),
	        cmocka_unit_test(test_clock_offset_jump_is_told_once_and_parts_the_times),
	        cmocka_unit_test(test_clock_offset_takes_a_new_rate_for_no_jump),
	        cmocka_unit_test(test_clock_offset_ignores_impossible_exchanges),
	        cmocka_unit_test(test_clock_offset_survives_a_peer_that_says_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
