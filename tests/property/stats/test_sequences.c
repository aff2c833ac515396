/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the pattern of numbers and the order in which they come: the set is the one that a plain array of bits would
 * be, its bytes give it again, and it never takes more than a bit a number and a little. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/stats/sequences.h"

enum { LIMIT = 5 * 65536, ROUNDS = 40 };

static uint8_t model[LIMIT];
static uint8_t other_model[LIMIT];

/* A number in the manner of the round: in order with gaps, strided, blocks at random, singles at random. */
static void draw(struct random *random, int manner, uint64_t limit, uint64_t *at, uint64_t *ret_from,
                 uint64_t *ret_count)
{
	*ret_count = 1;
	switch (manner) {
	case 0:
		*at += 1 + (random_below(random, 50) == 0 ? random_below(random, 5) : 0);
		*ret_from = *at;
		break;
	case 1:
		*at += 2;
		*ret_from = *at;
		break;
	case 2:
		*ret_from = random_below(random, limit);
		*ret_count = random_below(random, 40000);
		break;
	default:
		*ret_from = random_below(random, limit);
	}
	*ret_from %= limit;
	if (*ret_count > limit - *ret_from)
		*ret_count = limit - *ret_from;
}

static uint64_t add_to_model(uint8_t *to, uint64_t from, uint64_t count)
{
	uint64_t added = 0;

	for (uint64_t i = from; i < from + count; i++) {
		added += !to[i];
		to[i] = 1;
	}
	return added;
}

static void fill(struct sequences *set, uint8_t *to, struct random *random)
{
	int manner = (int)random_below(random, 4);
	uint64_t limit = LIMIT >> random_below(random, 10);
	uint64_t draws = manner == 2 ? random_below(random, 30) : random_below(random, 3 * limit / 2), at = 0;

	memset(to, 0, LIMIT);
	for (uint64_t i = 0; i < draws; i++) {
		uint64_t from, count, added = 99;

		draw(random, manner, limit, &at, &from, &count);
		assert_int_equal(sequences_add_run(set, from, count, &added), 0);
		assert_int_equal(added, add_to_model(to, from, count));
	}
}

static void assert_same(const struct sequences *set, const uint8_t *as)
{
	uint64_t total = 0, from = 0, count, at = 0;

	for (uint64_t i = 0; i < LIMIT; i++)
		total += as[i];
	assert_int_equal(set->total, total);
	if (total > 0)
		for (uint64_t i = sequences_last(set); i < LIMIT; i++)
			assert_int_equal(as[i], i == sequences_last(set));
	while (sequences_next(set, from, &from, &count)) {
		for (; at < from; at++)
			assert_false(as[at]);
		for (; at < from + count; at++)
			assert_true(as[at]);
		from += count;
	}
	for (; at < LIMIT; at++)
		assert_false(as[at]);
}

static void test_any_pattern_is_kept_within_a_bit_a_number(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 11);
	for (int round = 0; round < ROUNDS; round++) {
		struct sequences set = {0};

		fill(&set, model, &random);
		assert_same(&set, model);
		for (int i = 0; i < 1000; i++) {
			uint64_t number = random_below(&random, LIMIT);

			assert_int_equal(sequences_has(&set, number), model[number]);
		}
		/* A bit a number up to the highest in steps of 1,024, and a chunk's head for each. */
		if (set.total > 0)
			assert_true(sequences_memory(&set) <= sequences_last(&set) / 8 + 128 + 8 * 24);
		sequences_deinit(&set);
	}
}

static void test_bytes_give_the_same_set_and_are_the_same_again(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 12);
	for (int round = 0; round < ROUNDS; round++) {
		struct sequences set = {0}, other = {0}, again = {0};
		struct buffer bytes = {0}, same = {0};
		struct reader reader;

		fill(&set, model, &random);
		fill(&other, other_model, &random);
		sequences_encode(&set, &bytes);
		assert_true(bytes.size <= LIMIT / 8 + 8 * 8);
		reader = (struct reader){.data = bytes.data, .size = bytes.size};
		assert_int_equal(sequences_decode_add(&again, &reader), 0);
		assert_int_equal(reader.at, bytes.size);
		assert_same(&again, model);
		sequences_encode(&again, &same);
		assert_int_equal(same.size, bytes.size);
		assert_memory_equal(same.data, bytes.data, bytes.size);
		reader.at = 0;
		assert_int_equal(sequences_decode_add(&other, &reader), 0);
		for (uint64_t i = 0; i < LIMIT; i++)
			other_model[i] |= model[i];
		assert_same(&other, other_model);
		buffer_deinit(&bytes);
		buffer_deinit(&same);
		sequences_deinit(&set);
		sequences_deinit(&other);
		sequences_deinit(&again);
	}
}

static void test_what_is_absent_is_found_and_what_is_there_counted(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 13);
	for (int round = 0; round < ROUNDS; round++) {
		struct sequences set = {0};

		fill(&set, model, &random);
		for (int i = 0; i < 100; i++) {
			uint64_t from = random_below(&random, LIMIT), until = random_between(&random, from, LIMIT);
			uint64_t at = from, there = 0, absent, count;

			for (uint64_t j = from; j < until; j++)
				there += model[j];
			assert_int_equal(sequences_count(&set, from, until - from), there);
			for (; sequences_next_absent(&set, at, until, &absent, &count); at = absent + count) {
				assert_true(count > 0 && absent >= at && absent + count <= until);
				for (; at < absent; at++)
					assert_true(model[at]);
				for (; at < absent + count; at++)
					assert_false(model[at]);
			}
			for (; at < until; at++)
				assert_true(model[at]);
		}
		sequences_deinit(&set);
	}
}

static void test_few_numbers_take_few_bytes(void **state)
{
	static const struct {
		uint64_t from, count;
		size_t bytes;
	} cases[] = {{0, 1, 5}, {5, 1, 5}, {5, 60, 6}, {70000, 1, 6}, {0, 65536, 3}, {UINT64_C(1) << 39, 1, 8}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sequences set = {0};
		struct buffer bytes = {0};

		assert_int_equal(sequences_add_run(&set, cases[i].from, cases[i].count, NULL), 0);
		sequences_encode(&set, &bytes);
		assert_true(bytes.size <= cases[i].bytes);
		assert_true(sequences_memory(&set) <= 24);
		buffer_deinit(&bytes);
		sequences_deinit(&set);
	}
}

static void test_wrong_bytes_are_refused_and_never_take_memory(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[16];
		size_t size;
	} cases[] = {
	        {"nothing", {0}, 0},
	        {"no end", {1, 0}, 2},
	        {"a chunk too far", {0x81, 0x80, 0x80, 8, 0, 0}, 6},
	        {"a chunk past all numbers", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0}, 12},
	        {"an unknown form", {1, 3, 0, 0, 0}, 5},
	        {"a run past the chunk", {1, 2, 3, 0xff, 0xff, 3, 0, 0}, 8},
	        {"a run at the chunk's end", {1, 2, 0x80, 0x80, 8, 0, 0}, 7},
	        {"runs that touch", {1, 2, 2, 1, 0, 0, 0}, 7},
	        {"no runs", {1, 2}, 2},
	        {"a run that ends early", {1, 2, 3}, 3},
	        {"runs without an end", {1, 2, 2, 2}, 4},
	        {"a run of more than all numbers",
	         {1, 2, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0},
	         15},
	        {"half a bitmap", {1, 1, 0, 9, 1, 2, 3}, 7},
	        {"a bitmap past the chunk", {1, 1, 0xff, 0x3f, 1, 1, 1, 0}, 8},
	        {"a bitmap that begins with zero", {1, 1, 0, 1, 0, 1, 0}, 7},
	        {"a bitmap that ends with zero", {1, 1, 0, 1, 1, 0, 0}, 7},
	        {"a varint longer than needed", {0x81, 0, 0, 0}, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader reader = {.data = cases[i].bytes, .size = cases[i].size};
		struct sequences set = {0};

		if (sequences_decode_add(&set, &reader) != -EBADMSG)
			fail_msg("%s was taken", cases[i].what);
		assert_true(sequences_memory(&set) < 100000);
		sequences_deinit(&set);
	}
}

static void test_numbers_past_the_limit_are_refused(void **state)
{
	struct sequences set = {0};

	(void)state;
	assert_int_equal(sequences_add(&set, SEQUENCES_MAX), -ERANGE);
	assert_int_equal(sequences_add_run(&set, SEQUENCES_MAX - 1, 2, NULL), -ERANGE);
	assert_int_equal(sequences_add(&set, SEQUENCES_MAX - 1), 1);
	assert_int_equal(sequences_add(&set, SEQUENCES_MAX - 1), 0);
	assert_int_equal(set.total, 1);
	sequences_deinit(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_pattern_is_kept_within_a_bit_a_number),
	        cmocka_unit_test(test_bytes_give_the_same_set_and_are_the_same_again),
	        cmocka_unit_test(test_what_is_absent_is_found_and_what_is_there_counted),
	        cmocka_unit_test(test_few_numbers_take_few_bytes),
	        cmocka_unit_test(test_wrong_bytes_are_refused_and_never_take_memory),
	        cmocka_unit_test(test_numbers_past_the_limit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
