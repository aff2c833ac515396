/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of clocks an hour apart, each drifting by up to 100 ppm and wandering about that, over a network that delays
 * one way more than the other, queues and loses: the true offset always lies within the bound, now and at T0, and a
 * jump is told if there was one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/link/clock_offset.h"

enum {
	EXCHANGES = 150,
	KNOWN_FROM = 30, /* exchanges */
	JUMP_FROM = 40,  /* exchanges before a jump, at least */
	JUMP_TO = 100,
	FOUND_WITHIN = 30, /* exchanges */
};

#define DRIFT_PPM 100
#define WANDER_PPM 7 /* of one clock: two of them stay within CLOCK_WANDER_PPM of their mean */
#define HOUR_NS (3600 * (double)NS_PER_S)

/* How many pairs: CLOCK_RUNS for more than the usual 1,000. */
static uint64_t runs(void)
{
	const char *text = getenv("CLOCK_RUNS");

	return text ? strtoull(text, NULL, 10) : 1000;
}

/* What the page of proofs shows. */
static void figure(const char *what, double value, const char *unit)
{
	print_message("figure: %s = %.*f%s\n", what, *unit ? 2 : 0, value, unit);
}

/* A clock by true time. */
struct clock {
	double start_ns;
	double rate; /* above 1 */
	double wander, turns_per_ns, phase;
	double jump_at_ns, jump_ns;
};

static void draw_clock(struct random *random, double start_ns, struct clock *ret_clock)
{
	*ret_clock = (struct clock){
	        .start_ns = start_ns,
	        .rate = (random_unit(random) * 2 - 1) * DRIFT_PPM * 1e-6,
	        .wander = random_unit(random) * WANDER_PPM * 1e-6,
	        .turns_per_ns = 2 * M_PI / ((30 + random_unit(random) * 600) * 1e9),
	        .phase = random_unit(random) * 2 * M_PI,
	        .jump_at_ns = INFINITY,
	};
}

static uint64_t clock_at(const struct clock *clock, double true_ns)
{
	double turn = clock->turns_per_ns * true_ns + clock->phase;
	double ns = clock->start_ns + true_ns * (1 + clock->rate) +
	            clock->wander / clock->turns_per_ns * (sin(turn) - sin(clock->phase));

	return (uint64_t)llrint(true_ns < clock->jump_at_ns ? ns : ns + clock->jump_ns);
}

/* Two clocks and what is known of them. */
struct pair {
	struct random random;
	struct clock ours, peer;
	struct clock_offset *offset;
	double now_ns; /* true time */
	double t0_ns;  /* likewise */
	struct answer {
		uint64_t sent_ns, in_ns, out_ns, received_ns;
	} late; /* comes after the next one; sent_ns 0: none does */
	uint64_t answers, worst_ns, t0_worst_ns, sum_ns;
};

static void pair_init(struct pair *pair, uint64_t seed)
{
	*pair = (struct pair){.offset = clock_offset_new()};
	random_seed(&pair->random, seed);
	draw_clock(&pair->random, 2 * HOUR_NS, &pair->ours);
	draw_clock(&pair->random, random_below(&pair->random, 2) ? 3 * HOUR_NS : HOUR_NS, &pair->peer);
}

/* Where the truth must be; returns the bound. */
static uint64_t assert_contained(struct pair *pair, double true_ns, const char *when)
{
	uint64_t ours_ns = clock_at(&pair->ours, true_ns), bound_ns = 0;
	int64_t truth_ns = (int64_t)(clock_at(&pair->peer, true_ns) - ours_ns), estimate_ns = 0;

	assert_int_equal(clock_offset_at(pair->offset, ours_ns, &estimate_ns, &bound_ns), 0);
	if ((uint64_t)llabs(estimate_ns - truth_ns) > bound_ns)
		fail_msg("%s: %lld ns off at %.3f s, the bound is %llu ns", when, (long long)(estimate_ns - truth_ns),
		         true_ns / 1e9, (unsigned long long)bound_ns);
	pair->answers++;
	return bound_ns;
}

static int take(struct pair *pair, const struct answer *answer, double received_ns)
{
	return clock_offset_add(pair->offset, answer->sent_ns, answer->in_ns, answer->out_ns,
	                        clock_at(&pair->ours, received_ns));
}

/* Takes the answer, which may be lost, or overtaken by the next one. Returns what clock_offset_add() said. */
static int deliver(struct pair *pair, const struct answer *answer)
{
	int r = 0, late = 0;

	if (random_below(&pair->random, 20) == 0 && pair->late.sent_ns == 0) {
		pair->late = *answer;
		return 0;
	}
	if (random_below(&pair->random, 10) != 0)
		r = take(pair, answer, pair->now_ns);
	if (pair->late.sent_ns != 0) {
		late = take(pair, &pair->late, pair->now_ns + 1000);
		pair->now_ns += 2000;
		pair->late.sent_ns = 0;
	}
	return r == CLOCK_JUMPED ? r : late;
}

/* One exchange. */
static int step(struct pair *pair)
{
	struct random *random = &pair->random;
	double base_ns = (double)random_between(random, 20 * NS_PER_US, 2 * NS_PER_MS);
	double queue_ns = random_below(random, 4) == 0 ? random_exponential(random) * 20e6 : 0;
	double there = random_below(random, 3) == 0 ? random_unit(random) : (double)random_below(random, 2);
	double held_ns = (double)random_below(random, random_below(random, 10) == 0 ? NS_PER_S : NS_PER_MS);
	double in_ns = pair->now_ns + there * (base_ns + queue_ns), out_ns = in_ns + held_ns;
	struct answer answer = {.sent_ns = clock_at(&pair->ours, pair->now_ns),
	                        .in_ns = clock_at(&pair->peer, in_ns),
	                        .out_ns = clock_at(&pair->peer, out_ns)};

	pair->now_ns = out_ns + (1 - there) * (base_ns + queue_ns);
	return deliver(pair, &answer);
}

static void rest(struct pair *pair)
{
	pair->now_ns += (double)random_below(&pair->random, 2 * NS_PER_S);
	if (random_below(&pair->random, 200) == 0)
		pair->now_ns += 30 * (double)NS_PER_S; /* the link was down */
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What a bound is worth once the clock is known. */
static void note(struct pair *pair, int exchange, uint64_t bound_ns)
{
	if (exchange < KNOWN_FROM)
		return;
	pair->worst_ns = greater(pair->worst_ns, bound_ns);
	pair->sum_ns += bound_ns;
}

static void run_steady(struct pair *pair)
{
	for (int i = 0; i < EXCHANGES; i++) {
		assert_true(step(pair) <= 0);
		if (i == 10)
			pair->t0_ns = pair->now_ns + 1e9;
		if (clock_offset_count(pair->offset) == 0)
			continue;
		note(pair, i, assert_contained(pair, pair->now_ns, "now"));
		rest(pair);
		assert_contained(pair, pair->now_ns, "after a rest");
		if (i > 10)
			pair->t0_worst_ns = greater(pair->t0_worst_ns, assert_contained(pair, pair->t0_ns, "T0"));
	}
	assert_contained(pair, pair->now_ns + 600e9, "ten minutes ahead");
}

static void check_drift(const struct pair *pair)
{
	double truth_ppm = ((1 + pair->peer.rate) / (1 + pair->ours.rate) - 1) * 1e6;
	double wander_ppm = (pair->peer.wander + pair->ours.wander) * 1e6;
	double error_ppm = fabs(clock_offset_drift_ppm(pair->offset) - truth_ppm);

	if (error_ppm > clock_offset_drift_bound_ppm(pair->offset) + wander_ppm + 0.1)
		fail_msg("the drift is %.3f ppm and was told as %.3f, within %.3f", truth_ppm,
		         clock_offset_drift_ppm(pair->offset), clock_offset_drift_bound_ppm(pair->offset));
	assert_true(clock_offset_drift_bound_ppm(pair->offset) < 50);
}

static void test_clock_offset_holds_the_truth_now_and_at_t0(void **state)
{
	uint64_t answers = 0, worst_ns = 0, t0_worst_ns = 0, sum_ns = 0;

	(void)state;
	for (uint64_t seed = 0; seed < runs(); seed++) {
		struct pair pair;

		pair_init(&pair, seed);
		run_steady(&pair);
		check_drift(&pair);
		assert_int_equal(clock_offset_jump_ns(pair.offset, NULL), 0);
		answers += pair.answers;
		sum_ns += pair.sum_ns;
		worst_ns = greater(worst_ns, pair.worst_ns);
		t0_worst_ns = greater(t0_worst_ns, pair.t0_worst_ns);
		clock_offset_free(pair.offset);
	}
	figure("pairs of clocks", (double)runs(), "");
	figure("answers, all of which held the truth", (double)answers, "");
	figure("bound after 30 exchanges, on average",
	       (double)sum_ns / (double)(runs() * (EXCHANGES - KNOWN_FROM)) / 1e6, " ms");
	figure("the same at the worst", (double)worst_ns / 1e6, " ms");
	figure("bound of the offset at T0, at the worst", (double)t0_worst_ns / 1e6, " ms");
}

/* From 5 ms to 10 s, either way. */
static double draw_jump(struct random *random)
{
	double size_ns = 5e6 * pow(2000, random_unit(random));

	return random_below(random, 2) ? size_ns : -size_ns;
}

/* Returns the exchanges from the jump to its being told. */
static int run_with_jump(struct pair *pair, uint64_t seed)
{
	int jump = (int)random_between(&pair->random, JUMP_FROM, JUMP_TO), told = 0;

	for (int i = 0; i < EXCHANGES; i++) {
		int r;

		if (i == jump) {
			pair->peer.jump_at_ns = pair->now_ns + (double)random_below(&pair->random, 2 * NS_PER_MS);
			pair->peer.jump_ns = draw_jump(&pair->random);
		}
		r = step(pair);
		if (r == CLOCK_JUMPED && (i < jump || told))
			fail_msg("seed %llu: a jump was told at exchange %d", (unsigned long long)seed, i);
		if (r == CLOCK_JUMPED)
			told = i;
		if (i == 10)
			pair->t0_ns = pair->now_ns + 1e9;
		if (clock_offset_count(pair->offset) > 0 && (i < jump || told))
			assert_contained(pair, pair->now_ns, i < jump ? "before the jump" : "after the jump");
		if (i > 10)
			assert_contained(pair, pair->t0_ns, told ? "T0 before a jump" : "T0");
		if (told)
			assert_contained(pair, pair->peer.jump_at_ns + (random_unit(&pair->random) * 10 - 5) * 1e9,
			                 "around the jump");
		rest(pair);
	}
	if (!told || told > jump + FOUND_WITHIN)
		fail_msg("seed %llu: a jump of %.3f ms was told after %d exchanges", (unsigned long long)seed,
		         pair->peer.jump_ns / 1e6, told - jump);
	return told - jump;
}

static uint64_t check_size(const struct pair *pair, uint64_t seed)
{
	uint64_t bound_ns;
	double jump_ns = (double)clock_offset_jump_ns(pair->offset, &bound_ns);

	if (fabs(jump_ns - pair->peer.jump_ns) > (double)bound_ns)
		fail_msg("seed %llu: a jump of %.3f ms was told as %.3f, within %.3f", (unsigned long long)seed,
		         pair->peer.jump_ns / 1e6, jump_ns / 1e6, (double)bound_ns / 1e6);
	return bound_ns;
}

static void test_clock_offset_tells_jumps_and_none_without_one(void **state)
{
	uint64_t worst_ns = 0;
	int latest = 0;

	(void)state;
	for (uint64_t seed = 0; seed < runs(); seed++) {
		struct pair pair;
		int exchanges;

		pair_init(&pair, seed);
		exchanges = run_with_jump(&pair, seed);
		latest = exchanges > latest ? exchanges : latest;
		worst_ns = greater(worst_ns, check_size(&pair, seed));
		clock_offset_free(pair.offset);
	}
	figure("jumps, all told, and none without one", (double)runs(), "");
	figure("exchanges until a jump was told, at the worst", latest, "");
	figure("bound of a jump's size, at the worst", (double)worst_ns / 1e6, " ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_clock_offset_holds_the_truth_now_and_at_t0),
	        cmocka_unit_test(test_clock_offset_tells_jumps_and_none_without_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
