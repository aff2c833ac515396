/* SPDX-License-Identifier: Apache-2.0 */
/* Shares: dividing indices among owners, and looking them up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/share.h"

enum { OWNERS_MAX = 8 };

static struct share share_of(uint64_t modulus, uint64_t residue)
{
	struct share share = {0};

	assert_int_equal(share_all(&share), 0);
	share.classes[0] = (struct share_class){modulus, residue};
	return share;
}

static void free_shares(struct share *shares, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		share_deinit(&shares[i]);
}

/* Who owns 0, 1, 2, ... as letters; '-' for nobody, '*' for more than one. */
static const char *owners_text(const struct share *shares, uint32_t count, uint32_t limit, char *text)
{
	for (uint32_t k = 0; k < limit; k++) {
		text[k] = '-';
		for (uint32_t i = 0; i < count; i++)
			if (share_owns(&shares[i], k))
				text[k] = text[k] == '-' ? (char)('a' + i) : '*';
	}
	text[limit] = '\0';
	return text;
}

static void test_share_divide_interleaves_by_smooth_weighted_round_robin(void **state)
{
	static const struct {
		uint32_t count;
		uint32_t weights[OWNERS_MAX];
		const char *owners;
	} cases[] = {
	        {1, {1}, "aaaaaa"},
	        {1, {7}, "aaaaaa"},
	        {3, {1, 1, 1}, "abcabcabc"},
	        {3, {4, 4, 4}, "abcabcabc"},
	        {2, {2, 1}, "abaaba"},
	        {2, {1, 2}, "babbab"},
	        {3, {2, 1, 1}, "abcaabca"},
	        {3, {1, 1, 2}, "cabccabc"},
	        {3, {5, 1, 1}, "aabacaaaabacaa"},
	        {2, {3, 2}, "ababaababa"},
	        {4, {2, 2, 1, 1}, "abcdababcdab"},
	        {2, {1000, 500}, "abaaba"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct share all, shares[OWNERS_MAX];

		assert_int_equal(share_all(&all), 0);
		assert_int_equal(share_divide(&all, cases[i].weights, cases[i].count, shares), 0);
		assert_string_equal(owners_text(shares, cases[i].count, (uint32_t)strlen(cases[i].owners), text),
		                    cases[i].owners);
		free_shares(shares, cases[i].count);
		share_deinit(&all);
	}
}

static void test_share_divide_gives_equal_owners_one_class_each(void **state)
{
	uint32_t weights[100];
	struct share all, shares[100];

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		weights[i] = 8;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, weights, 100, shares), 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(shares[i].count, 1);
		assert_int_equal(shares[i].classes[0].modulus, 100);
		assert_int_equal(shares[i].classes[0].residue, i);
	}
	free_shares(shares, 100);
	share_deinit(&all);
}

static void test_share_divide_splits_a_class_among_workers(void **state)
{
	struct share agent = share_of(3, 1), workers[2];

	(void)state;
	assert_int_equal(share_divide(&agent, (const uint32_t[]){1, 1}, 2, workers), 0);
	assert_int_equal(workers[0].count, 1);
	assert_int_equal(workers[0].classes[0].modulus, 6);
	assert_int_equal(workers[0].classes[0].residue, 1);
	assert_int_equal(workers[1].classes[0].modulus, 6);
	assert_int_equal(workers[1].classes[0].residue, 4);
	free_shares(workers, 2);
	share_deinit(&agent);
}

static void test_share_divide_deals_equal_classes_out_whole(void **state)
{
	struct share all, agents[2], workers[2];

	(void)state;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, (const uint32_t[]){2, 1}, 2, agents), 0);
	assert_int_equal(agents[0].count, 2);
	assert_int_equal(share_divide(&agents[0], (const uint32_t[]){1, 1}, 2, workers), 0);
	assert_int_equal(workers[0].count, 1);
	assert_int_equal(workers[0].classes[0].modulus, 3);
	assert_int_equal(workers[1].count, 1);
	assert_int_equal(workers[1].classes[0].modulus, 3);
	free_shares(workers, 2);
	free_shares(agents, 2);
	share_deinit(&all);
}

static void test_share_divide_lets_each_split_begin_with_another_owner(void **state)
{
	struct share_class classes[] = {{2, 0}, {4, 1}};
	struct share whole = {.classes = classes, .count = 2}, shares[2];
	char text[64];

	(void)state;
	assert_int_equal(share_divide(&whole, (const uint32_t[]){1, 1}, 2, shares), 0);
	assert_string_equal(owners_text(shares, 2, 16, text), "abb-aab-abb-aab-");
	free_shares(shares, 2);
}

static void test_share_divide_refuses_bad_weights(void **state)
{
	struct share all, shares[2];

	(void)state;
	assert_int_equal(share_all(&all), 0);
	assert_int_equal(share_divide(&all, (const uint32_t[]){1, 0}, 2, shares), -EINVAL);
	assert_int_equal(share_divide(&all, (const uint32_t[]){1, SHARE_WEIGHT_MAX + 1}, 2, shares), -EINVAL);
	assert_int_equal(share_divide(&all, NULL, 0, shares), -EINVAL);
	share_deinit(&all);
}

static void test_share_divide_of_nothing_is_nothing(void **state)
{
	struct share none = {0}, shares[2];

	(void)state;
	assert_int_equal(share_divide(&none, (const uint32_t[]){1, 2}, 2, shares), 0);
	assert_int_equal(shares[0].count, 0);
	assert_int_equal(shares[1].count, 0);
	free_shares(shares, 2);
}

static void test_share_divide_gives_a_class_of_huge_modulus_whole(void **state)
{
	struct share whole = share_of(SHARE_MODULUS_MAX / 2 + 1, 5), shares[2];

	(void)state;
	assert_int_equal(share_divide(&whole, (const uint32_t[]){1, 1}, 2, shares), 0);
	assert_int_equal(shares[0].count + shares[1].count, 1);
	assert_true(share_owns(&shares[0], 5));
	free_shares(shares, 2);
	share_deinit(&whole);
}

static void test_share_of_producers_follows_the_producers(void **state)
{
	static const struct {
		uint64_t modulus, residue;
		uint32_t producers;
		const char *owners; /* of the first arrivals: 'a' if owned */
		uint32_t classes;
	} cases[] = {
	        {1, 0, 4, "aaaaaaaa", 1}, {2, 1, 4, "-a-a-a-a", 1},
	        {3, 0, 4, "a--aa--a", 2}, {3, 2, 10, "--a--a--a---a--a--a-", 3},
	        {3, 2, 2, "------", 0},   {1, 0, 1, "aaa", 1},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct share producers = share_of(cases[i].modulus, cases[i].residue), share;

		assert_int_equal(share_of_producers(&producers, cases[i].producers, &share), 0);
		assert_string_equal(owners_text(&share, 1, (uint32_t)strlen(cases[i].owners), text), cases[i].owners);
		assert_int_equal(share.count, cases[i].classes);
		share_deinit(&share);
		share_deinit(&producers);
	}
}

static void test_share_lookups_agree_with_owns(void **state)
{
	struct share_class classes[] = {{3, 1}, {6, 2}, {12, 5}, {12, 11}};
	struct share share = {.classes = classes, .count = 4};
	uint64_t owned = 0, next = 0;

	(void)state;
	for (uint64_t k = 0; k < 100; k++) {
		assert_int_equal(share_count(&share, k), owned);
		if (!share_owns(&share, k))
			continue;
		for (; next <= k; next++)
			assert_int_equal(share_next(&share, next), k);
		assert_int_equal(share_nth(&share, owned), k);
		owned++;
	}
}

static void test_share_lookups_end_at_the_last_index(void **state)
{
	struct share none = {0}, share = share_of(UINT64_C(1) << 63, 7);

	(void)state;
	assert_int_equal(share_next(&none, 0), UINT64_MAX);
	assert_int_equal(share_nth(&none, 0), UINT64_MAX);
	assert_int_equal(share_count(&none, UINT64_MAX), 0);
	assert_int_equal(share_nth(&share, 1), (UINT64_C(1) << 63) + 7);
	assert_int_equal(share_nth(&share, 2), UINT64_MAX);
	assert_int_equal(share_next(&share, (UINT64_C(1) << 63) + 8), UINT64_MAX);
	share_deinit(&share);
}

static void test_share_cursor_walks_counts_and_seeks(void **state)
{
	struct share_class classes[] = {{4, 3}, {6, 2}, {12, 0}};
	struct share share = {.classes = classes, .count = 3};
	struct share_cursor cursor;
	uint64_t index = share_next(&share, 5);

	(void)state;
	assert_int_equal(share_cursor_init(&cursor, &share, 5), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(share_cursor_index(&cursor), index);
		for (uint64_t limit = index; limit < index + 30; limit++)
			assert_int_equal(share_cursor_count(&cursor, limit),
			                 share_count(&share, limit) - share_count(&share, index));
		assert_int_equal(share_cursor_count(&cursor, 1000),
		                 index < 1000 ? share_count(&share, 1000) - share_count(&share, index) : 0);
		share_cursor_advance(&cursor);
		index = share_next(&share, index + 1);
	}
	share_cursor_seek(&cursor, 1);
	assert_int_equal(share_cursor_index(&cursor), share_next(&share, 1));
	share_cursor_deinit(&cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_share_divide_interleaves_by_smooth_weighted_round_robin),
	        cmocka_unit_test(test_share_divide_gives_equal_owners_one_class_each),
	        cmocka_unit_test(test_share_divide_splits_a_class_among_workers),
	        cmocka_unit_test(test_share_divide_deals_equal_classes_out_whole),
	        cmocka_unit_test(test_share_divide_lets_each_split_begin_with_another_owner),
	        cmocka_unit_test(test_share_divide_refuses_bad_weights),
	        cmocka_unit_test(test_share_divide_of_nothing_is_nothing),
	        cmocka_unit_test(test_share_divide_gives_a_class_of_huge_modulus_whole),
	        cmocka_unit_test(test_share_of_producers_follows_the_producers),
	        cmocka_unit_test(test_share_lookups_agree_with_owns),
	        cmocka_unit_test(test_share_lookups_end_at_the_last_index),
	        cmocka_unit_test(test_share_cursor_walks_counts_and_seeks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
