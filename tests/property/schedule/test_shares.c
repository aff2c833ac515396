/* SPDX-License-Identifier: Apache-2.0 */
/* For random weights, divided and divided again: shares are disjoint, their union is the whole, their sizes follow the
 * weights, and every way of looking an index up says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/plan/share.h"

enum { ROUNDS = 300, OWNERS_MAX = 12, INDICES = 600 };

static uint32_t draw_weights(struct random *random, uint32_t *weights)
{
	uint32_t count = (uint32_t)random_between(random, 1, OWNERS_MAX);
	uint32_t max = random_below(random, 3) == 0 ? 1 : (uint32_t)random_between(random, 1, 20);

	for (uint32_t i = 0; i < count; i++)
		weights[i] = (uint32_t)random_between(random, 1, max);
	return count;
}

/* One of some owners' shares of all, or of a share of it. */
static void draw_whole(struct random *random, struct share *ret_whole)
{
	int depth = (int)random_below(random, 4);

	assert_int_equal(share_all(ret_whole), 0);
	for (int i = 0; i < depth; i++) {
		uint32_t weights[OWNERS_MAX], count = draw_weights(random, weights);
		struct share parts[OWNERS_MAX];
		uint32_t kept = (uint32_t)random_below(random, count);

		assert_int_equal(share_divide(ret_whole, weights, count, parts), 0);
		share_deinit(ret_whole);
		for (uint32_t j = 0; j < count; j++)
			if (j == kept)
				*ret_whole = parts[j];
			else
				share_deinit(&parts[j]);
	}
}

static void test_parts_are_disjoint_and_their_union_is_the_whole(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		uint32_t weights[OWNERS_MAX], count;
		struct share whole, parts[OWNERS_MAX];
		struct random random;

		random_seed(&random, seed);
		draw_whole(&random, &whole);
		count = draw_weights(&random, weights);
		assert_int_equal(share_divide(&whole, weights, count, parts), 0);
		for (uint64_t k = 0; k < INDICES; k++) {
			uint32_t owners = 0;

			for (uint32_t i = 0; i < count; i++)
				owners += share_owns(&parts[i], k);
			if (owners != share_owns(&whole, k))
				fail_msg("seed %llu: index %llu has %u owners", (unsigned long long)seed,
				         (unsigned long long)k, owners);
		}
		for (uint32_t i = 0; i < count; i++)
			share_deinit(&parts[i]);
		share_deinit(&whole);
	}
}

/* Smooth weighted round robin by its definition: each slot, every owner earns its weight; the richest pays the sum. */
static uint32_t naive_slot(int64_t *credits, const uint32_t *weights, uint32_t count)
{
	uint32_t best = 0;
	int64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		credits[i] += weights[i];
		sum += weights[i];
		if (credits[i] > credits[best])
			best = i;
	}
	credits[best] -= sum;
	return best;
}

static void test_slots_are_those_of_smooth_weighted_round_robin(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		uint32_t weights[OWNERS_MAX], count;
		struct share all, parts[OWNERS_MAX];
		int64_t credits[OWNERS_MAX] = {0};
		struct random random;

		random_seed(&random, seed);
		count = draw_weights(&random, weights);
		assert_int_equal(share_all(&all), 0);
		assert_int_equal(share_divide(&all, weights, count, parts), 0);
		for (uint64_t k = 0; k < INDICES; k++) {
			uint32_t owner = naive_slot(credits, weights, count);

			if (!share_owns(&parts[owner], k))
				fail_msg("seed %llu: index %llu is not of owner %u", (unsigned long long)seed,
				         (unsigned long long)k, owner);
		}
		for (uint32_t i = 0; i < count; i++)
			share_deinit(&parts[i]);
		share_deinit(&all);
	}
}

static uint64_t product_of_moduli(const struct share *share)
{
	uint64_t product = 1;

	for (uint32_t i = 0; i < share->count; i++) {
		uint64_t a = product, b = share->classes[i].modulus;

		while (b) {
			uint64_t rest = a % b;

			a = b;
			b = rest;
		}
		product = product / a * share->classes[i].modulus;
	}
	return product;
}

static void test_densities_follow_the_weights_exactly(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		uint32_t weights[OWNERS_MAX], count, sum = 0;
		struct share whole, parts[OWNERS_MAX];
		struct random random;
		uint64_t period;

		random_seed(&random, seed);
		draw_whole(&random, &whole);
		count = draw_weights(&random, weights);
		for (uint32_t i = 0; i < count; i++)
			sum += weights[i];
		assert_int_equal(share_divide(&whole, weights, count, parts), 0);
		period = product_of_moduli(&whole) * sum;
		for (uint32_t i = 0; i < count; i++) {
			if (share_count(&parts[i], period) * sum != share_count(&whole, period) * weights[i])
				fail_msg("seed %llu: owner %u has not its part", (unsigned long long)seed, i);
			share_deinit(&parts[i]);
		}
		share_deinit(&whole);
	}
}

/* Over any stretch, equal owners differ by one index at most. */
static void test_equal_owners_of_all_never_differ_by_more_than_one(void **state)
{
	uint32_t weights[OWNERS_MAX];
	struct share all, parts[OWNERS_MAX];

	(void)state;
	assert_int_equal(share_all(&all), 0);
	for (uint32_t i = 0; i < OWNERS_MAX; i++)
		weights[i] = 4;
	for (uint32_t count = 1; count <= OWNERS_MAX; count++) {
		assert_int_equal(share_divide(&all, weights, count, parts), 0);
		for (uint64_t from = 0; from < 40; from++)
			for (uint64_t to = from; to < 80; to++)
				for (uint32_t i = 0; i < count; i++) {
					uint64_t n = share_count(&parts[i], to) - share_count(&parts[i], from);

					assert_in_range(n, (to - from) / count, (to - from) / count + 1);
				}
		for (uint32_t i = 0; i < count; i++)
			share_deinit(&parts[i]);
	}
	share_deinit(&all);
}

static void check_lookups(const struct share *share, uint64_t seed)
{
	struct share_cursor cursor;
	uint64_t owned = 0;

	assert_int_equal(share_cursor_init(&cursor, share, 0), 0);
	for (uint64_t k = 0; k < INDICES; k++) {
		_Bool owns = share_owns(share, k);

		if (share_count(share, k) != owned || (share_next(share, k) == k) != owns ||
		    (owns && share_nth(share, owned) != k) || (share_cursor_index(&cursor) == k) != owns)
			fail_msg("seed %llu: index %llu", (unsigned long long)seed, (unsigned long long)k);
		if (owns) {
			owned++;
			share_cursor_advance(&cursor);
		}
	}
	share_cursor_deinit(&cursor);
}

static void test_lookups_agree(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random random;
		struct share share;

		random_seed(&random, seed);
		draw_whole(&random, &share);
		check_lookups(&share, seed);
		share_deinit(&share);
	}
}

/* Agents lost one after the other, each share to all that are left. */
static void test_repeated_losses_keep_the_union(void **state)
{
	uint32_t weights[OWNERS_MAX];
	struct share all, agents[OWNERS_MAX];

	(void)state;
	for (uint32_t i = 0; i < OWNERS_MAX; i++)
		weights[i] = 1;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, weights, OWNERS_MAX, agents), 0);
	for (uint32_t left = OWNERS_MAX - 1; left > 0; left--) {
		struct share parts[OWNERS_MAX];
		uint64_t sum = 0;

		assert_int_equal(share_divide(&agents[left], weights, left, parts), 0);
		share_deinit(&agents[left]);
		for (uint32_t i = 0; i < left; i++) {
			assert_int_equal(share_add(&agents[i], &parts[i]), 0);
			share_deinit(&parts[i]);
			sum += share_count(&agents[i], 100000);
		}
		assert_int_equal(sum, 100000);
	}
	for (uint64_t k = 0; k < 1000; k++)
		assert_true(share_owns(&agents[0], k));
	assert_int_equal(agents[0].count, 1);
	share_deinit(&agents[0]);
	share_deinit(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_parts_are_disjoint_and_their_union_is_the_whole),
	        cmocka_unit_test(test_slots_are_those_of_smooth_weighted_round_robin),
	        cmocka_unit_test(test_densities_follow_the_weights_exactly),
	        cmocka_unit_test(test_equal_owners_of_all_never_differ_by_more_than_one),
	        cmocka_unit_test(test_lookups_agree),
	        cmocka_unit_test(test_repeated_losses_keep_the_union),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
