/* SPDX-License-Identifier: Apache-2.0 */
/* Intersections and differences of shares hold exactly the indices that they should, for shares as a run makes them
 * (divided, moved to others, divided again) and for any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/plan/share.h"

enum { ROUNDS = 400, OWNERS_MAX = 6, INDICES = 1500, EPOCHS_MAX = 5 };

static void check_classes(const struct share *share, uint64_t seed)
{
	for (uint32_t i = 0; i < share->count; i++) {
		const struct share_class *class = &share->classes[i], *last = i > 0 ? class - 1 : NULL;

		if (class->modulus == 0 || class->residue >= class->modulus ||
		    (last && (last->modulus > class->modulus ||
		              (last->modulus == class->modulus && last->residue >= class->residue))))
			fail_msg("seed %llu: class %u is out of order", (unsigned long long)seed, i);
	}
}

static uint32_t times_owned(const struct share *share, uint64_t index)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < share->count; i++)
		times += index % share->classes[i].modulus == share->classes[i].residue;
	return times;
}

static void check_index(const struct share *a, const struct share *b, const struct share *both,
                        const struct share *rest, uint64_t index, uint64_t seed)
{
	_Bool in_a = share_owns(a, index), in_b = share_owns(b, index);

	if (times_owned(both, index) != (in_a && in_b))
		fail_msg("seed %llu: index %llu in common", (unsigned long long)seed, (unsigned long long)index);
	if (times_owned(rest, index) != (in_a && !in_b))
		fail_msg("seed %llu: index %llu in the rest", (unsigned long long)seed, (unsigned long long)index);
}

/* Holds both results against the definition, for the first indices, and for those at which classes begin. */
static void check_sets(const struct share *a, const struct share *b, uint64_t seed)
{
	struct share both = {0}, rest = {0};
	const struct share *all[] = {a, b, &both, &rest};

	assert_int_equal(share_intersect(a, b, &both), 0);
	assert_int_equal(share_subtract(a, b, &rest), 0);
	check_classes(&both, seed);
	check_classes(&rest, seed);
	for (uint64_t k = 0; k < INDICES; k++)
		check_index(a, b, &both, &rest, k, seed);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (uint32_t j = 0; j < all[i]->count; j++)
			for (uint64_t turn = 0; turn < 3; turn++) {
				uint64_t index = all[i]->classes[j].residue + turn * all[i]->classes[j].modulus;

				if (index < SHARE_MODULUS_MAX)
					check_index(a, b, &both, &rest, index, seed);
			}
	assert_int_equal(share_count(&both, SHARE_MODULUS_MAX) + share_count(&rest, SHARE_MODULUS_MAX),
	                 share_count(a, SHARE_MODULUS_MAX));
	share_deinit(&both);
	share_deinit(&rest);
}

static void divide(const struct share *whole, struct random *random, uint32_t count, struct share *parts)
{
	uint32_t weights[OWNERS_MAX], max = random_below(random, 2) == 0 ? 1 : (uint32_t)random_between(random, 1, 9);

	for (uint32_t i = 0; i < count; i++)
		weights[i] = (uint32_t)random_between(random, 1, max);
	assert_int_equal(share_divide(whole, weights, count, parts), 0);
}

/* A run's epochs: one owner's share goes to the others, or everyone gives a part to one that has nothing. */
struct epochs {
	struct share shares[EPOCHS_MAX][OWNERS_MAX];
	uint32_t owners;
};

static void give_away(struct share *shares, uint32_t owners, uint32_t from, struct random *random)
{
	struct share parts[OWNERS_MAX];

	divide(&shares[from], random, owners - 1, parts);
	share_deinit(&shares[from]);
	for (uint32_t i = 0; i < owners - 1; i++) {
		assert_int_equal(share_add(&shares[(from + 1 + i) % owners], &parts[i]), 0);
		share_deinit(&parts[i]);
	}
}

static void collect(struct share *shares, uint32_t owners, uint32_t into, struct random *random)
{
	for (uint32_t i = 0; i < owners; i++) {
		struct share parts[2];

		if (i == into)
			continue;
		divide(&shares[i], random, 2, parts);
		share_deinit(&shares[i]);
		shares[i] = parts[0];
		assert_int_equal(share_add(&shares[into], &parts[1]), 0);
		share_deinit(&parts[1]);
	}
}

static void epochs_init(struct epochs *epochs, struct random *random)
{
	struct share all;

	epochs->owners = (uint32_t)random_between(random, 2, OWNERS_MAX);
	assert_int_equal(share_all(&all), 0);
	divide(&all, random, epochs->owners, epochs->shares[0]);
	share_deinit(&all);
	for (uint32_t i = 1; i < EPOCHS_MAX; i++) {
		uint32_t one = (uint32_t)random_below(random, epochs->owners);

		for (uint32_t j = 0; j < epochs->owners; j++)
			assert_int_equal(share_copy(&epochs->shares[i][j], &epochs->shares[i - 1][j]), 0);
		if (epochs->shares[i][one].count > 0)
			give_away(epochs->shares[i], epochs->owners, one, random);
		else
			collect(epochs->shares[i], epochs->owners, one, random);
	}
}

static void epochs_deinit(struct epochs *epochs)
{
	for (uint32_t i = 0; i < EPOCHS_MAX; i++)
		for (uint32_t j = 0; j < epochs->owners; j++)
			share_deinit(&epochs->shares[i][j]);
}

static void test_sets_of_shares_of_any_two_epochs_are_exact(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct epochs epochs;
		struct random random;

		random_seed(&random, seed);
		epochs_init(&epochs, &random);
		for (int i = 0; i < 6; i++)
			check_sets(
			        &epochs.shares[random_below(&random, EPOCHS_MAX)][random_below(&random, epochs.owners)],
			        &epochs.shares[random_below(&random, EPOCHS_MAX)][random_below(&random, epochs.owners)],
			        seed);
		epochs_deinit(&epochs);
	}
}

/* However often indices go to and fro, the owners of each index are one. */
static void test_each_epoch_owns_every_index_once(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS / 4; seed++) {
		struct epochs epochs;
		struct random random;

		random_seed(&random, seed);
		epochs_init(&epochs, &random);
		for (uint32_t i = 0; i < EPOCHS_MAX; i++)
			for (uint64_t k = 0; k < INDICES; k++) {
				uint32_t owners = 0;

				for (uint32_t j = 0; j < epochs.owners; j++)
					owners += times_owned(&epochs.shares[i][j], k);
				if (owners != 1)
					fail_msg("seed %llu: epoch %u, index %llu", (unsigned long long)seed, i,
					         (unsigned long long)k);
			}
		epochs_deinit(&epochs);
	}
}

/* Disjoint classes of moduli that have little in common. */
static uint32_t draw_classes(struct random *random, struct share_class *classes)
{
	uint64_t first = random_between(random, 2, 60), second = random_between(random, 1, 60 / first);
	uint64_t residue = random_below(random, first);

	classes[0] = (struct share_class){first, residue};
	if (random_below(random, 2) == 0)
		return 1;
	classes[1].modulus = first * second;
	classes[1].residue = (residue + 1) % first + first * random_below(random, second);
	return 2;
}

static void test_sets_of_any_classes_are_exact(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < (uint64_t)8 * ROUNDS; seed++) {
		struct share_class classes_a[2], classes_b[2];
		struct share a = {.classes = classes_a}, b = {.classes = classes_b};
		struct random random;

		random_seed(&random, seed);
		a.count = draw_classes(&random, classes_a);
		b.count = draw_classes(&random, classes_b);
		check_sets(&a, &b, seed);
	}
}

static void test_intersections_beyond_the_largest_modulus_are_single_indices(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < (uint64_t)8 * ROUNDS; seed++) {
		struct share_class class_a, class_b;
		struct share a = {.classes = &class_a, .count = 1}, b = {.classes = &class_b, .count = 1}, both = {0};
		uint64_t index;
		struct random random;

		random_seed(&random, seed);
		index = random_below(&random, SHARE_MODULUS_MAX);
		class_a.modulus = random_between(&random, 1 << 24, SHARE_MODULUS_MAX);
		class_b.modulus = random_between(&random, 1 << 24, SHARE_MODULUS_MAX);
		class_a.residue = index % class_a.modulus;
		class_b.residue = index % class_b.modulus;
		assert_int_equal(share_intersect(&a, &b, &both), 0);
		if (!share_owns(&both, index))
			fail_msg("seed %llu: index %llu", (unsigned long long)seed, (unsigned long long)index);
		for (uint32_t i = 0; i < both.count; i++) {
			assert_true(share_owns(&a, both.classes[i].residue));
			assert_true(share_owns(&b, both.classes[i].residue));
		}
		share_deinit(&both);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sets_of_shares_of_any_two_epochs_are_exact),
	        cmocka_unit_test(test_each_epoch_owns_every_index_once),
	        cmocka_unit_test(test_sets_of_any_classes_are_exact),
	        cmocka_unit_test(test_intersections_beyond_the_largest_modulus_are_single_indices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
