/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that stay where they are until they are given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/kafka/slab.h"
#include "common/base/random.h"

enum { SOURCE_SIZE = 1000, ITEMS = 3000, STEPS = 100000 };

static uint8_t source[SOURCE_SIZE];

static struct slab *make(void)
{
	struct slab *slab;

	for (size_t i = 0; i < SOURCE_SIZE; i++)
		source[i] = (uint8_t)(i * 7);
	slab = slab_new(source, SOURCE_SIZE);
	assert_non_null(slab);
	return slab;
}

struct item {
	uint8_t *data;
	size_t size;
	uint8_t mark;
};

static void check(const struct item *item)
{
	size_t head = item->size < 8 ? item->size : 8;

	for (size_t i = 0; i < head; i++)
		assert_int_equal(item->data[i], item->mark);
}

/* Random sizes, given back in random order: no two share a byte of their heads, or of their ends. */
static void test_slab_items_never_overlap(void **state)
{
	static struct item items[ITEMS];
	struct slab *slab = make();
	struct random random;
	size_t count = 0;

	(void)state;
	random_seed(&random, 1);
	for (int step = 0; step < STEPS; step++) {
		size_t at = random_below(&random, ITEMS);

		if (at < count) {
			check(&items[at]);
			slab_give(items[at].data);
			items[at] = items[--count];
			continue;
		}
		if (count == ITEMS)
			continue;
		items[count].size = random_below(&random, 100) ? 1 + random_below(&random, 3000) : SLAB_ITEM_MAX;
		items[count].mark = (uint8_t)random_next(&random);
		items[count].data = slab_take(slab, items[count].size);
		assert_non_null(items[count].data);
		memset(items[count].data, items[count].mark, items[count].size);
		count++;
	}
	for (size_t i = 0; i < count; i++)
		check(&items[i]);
	slab_free(slab);
}

static void test_slab_takes_again_what_was_given_back(void **state)
{
	struct slab *slab = make();
	size_t memory;

	(void)state;
	slab_give(slab_take(slab, 1024));
	memory = slab_memory(slab);
	/* At most 200 of them at a time: a chunk that is full when its payloads are still held gets a second one. */
	for (int i = 0; i < 10000; i++) {
		void *held[200];

		for (size_t j = 0; j < 200; j++)
			held[j] = slab_take(slab, 1024);
		for (size_t j = 0; j < 200; j++)
			slab_give(held[j]);
	}
	assert_in_range(slab_memory(slab), memory, 2 * memory);
	slab_free(slab);
}

static void test_slab_untaken_bytes_are_the_next_ones(void **state)
{
	struct slab *slab = make();
	uint8_t *first = slab_take(slab, 10), *second = slab_take(slab, 100);
	size_t memory = slab_memory(slab);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		slab_untake(second, 100);
		assert_ptr_equal(slab_take(slab, 100), second);
	}
	assert_int_equal(slab_memory(slab), memory);
	assert_true(first + 10 == second);
	slab_free(slab);
}

static void test_slab_items_hold_the_source(void **state)
{
	struct slab *slab = make();
	const uint8_t *item = slab_take(slab, 5000);

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(item[i], source[i % SOURCE_SIZE]);
	slab_free(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_slab_items_hold_the_source),
	        cmocka_unit_test(test_slab_items_never_overlap),
	        cmocka_unit_test(test_slab_takes_again_what_was_given_back),
	        cmocka_unit_test(test_slab_untaken_bytes_are_the_next_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
