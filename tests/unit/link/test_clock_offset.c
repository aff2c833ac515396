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

static void test_clock_offset_bound_grows_with_age_by_the_drift_seen(void **state)
{
	const struct peer_clock peer = {.offset_ns = -5, .ppm = 80};
	const struct path path = {50 * NS_PER_US, 10 * NS_PER_US, 50 * NS_PER_US};
	struct clock_offset *offset = clock_offset_new();
	uint64_t now_ns = NS_PER_S, early_ns, late_ns;
	int64_t estimate_ns;

	(void)state;
	assert_int_equal(exchange(offset, &peer, now_ns, &path), 0);
	assert_true(clock_offset_drift_ppm(offset) == 0);
	for (int i = 0; i < 200; i++, now_ns += NS_PER_S)
		assert_int_equal(exchange(offset, &peer, now_ns, &path), 0);
	assert_true(fabs(clock_offset_drift_ppm(offset) - 80) < 2);
	assert_int_equal(clock_offset_get(offset, now_ns, &estimate_ns, &early_ns), 0);
	assert_int_equal(clock_offset_get(offset, now_ns + 100 * NS_PER_S, &estimate_ns, &late_ns), 0);
	assert_in_range(late_ns - early_ns, 79 * 100 * NS_PER_US, 82 * 100 * NS_PER_US);
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
	        cmocka_unit_test(test_clock_offset_bound_grows_with_age_by_the_drift_seen),
	        cmocka_unit_test(test_clock_offset_ignores_impossible_exchanges),
	        cmocka_unit_test(test_clock_offset_survives_a_peer_that_says_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
