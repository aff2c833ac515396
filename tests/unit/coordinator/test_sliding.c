/* SPDX-License-Identifier: Apache-2.0 */
/* sliding.h: against a sum over the window's seconds made anew each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "coordinator/run/sliding.h"

enum { SECONDS = 60 };

static const struct bucket_edges edges = {1, {1000}};

/* What a second has, by its kind. Some have nothing. */
static void fill(struct random *random, struct cell *cell)
{
	if (random_below(random, 4) == 0)
		return;
	switch (cell->kind) {
	case METRIC_COUNTER:
		cell->counter = random_below(random, 100);
		break;
	case METRIC_RATE:
		cell->rate.total = 1 + random_below(random, 100);
		cell->rate.hits = random_below(random, cell->rate.total);
		break;
	case METRIC_GAUGE:
		cell_set_gauge(cell, (double)random_below(random, 100));
		break;
	case METRIC_LATENCY:
		for (uint64_t i = random_below(random, 40); i > 0; i--)
			cell_record_latency(cell, &edges, random_below(random, 5000));
		break;
	}
}

static void check_window(const struct cell *cells, uint64_t second, uint64_t window, struct sliding *sliding)
{
	struct buffer expected = {0}, got = {0};
	const struct cell *sum = sliding_sum(sliding);
	struct cell by_hand;

	assert_non_null(sum);
	assert_int_equal(cell_init(&by_hand, sum->kind), 0);
	for (uint64_t at = second + 1 > window ? second + 1 - window : 0; at <= second; at++)
		if (!cell_is_empty(&cells[at]))
			assert_int_equal(cell_add_later(&by_hand, &cells[at]), 0);
	cell_encode(&by_hand, &expected);
	cell_encode(sum, &got);
	assert_int_equal(got.size, expected.size);
	assert_memory_equal(got.data, expected.data, got.size);
	cell_deinit(&by_hand);
	buffer_deinit(&expected);
	buffer_deinit(&got);
}

/* Now and then a second of the past gets more. */
static void amend(struct random *random, struct cell *cells, uint64_t second, struct sliding *sliding)
{
	struct cell more;
	uint64_t past = second - random_below(random, second < 12 ? second + 1 : 12);

	assert_int_equal(cell_init(&more, cells->kind), 0);
	fill(random, &more);
	if (cells->kind != METRIC_GAUGE && !cell_is_empty(&more)) {
		assert_int_equal(cell_add_later(&cells[past], &more), 0);
		assert_int_equal(sliding_amend(sliding, past, &more), 0);
	}
	cell_deinit(&more);
}

static void check_kind(enum metric_kind kind, uint64_t window, _Bool amends)
{
	struct cell cells[SECONDS];
	struct sliding *sliding;
	struct random random;

	random_seed(&random, window);
	assert_int_equal(sliding_new(kind, window, &sliding), 0);
	for (uint64_t second = 0; second < SECONDS; second++) {
		assert_int_equal(cell_init(&cells[second], kind), 0);
		fill(&random, &cells[second]);
		assert_int_equal(sliding_next(sliding, cell_is_empty(&cells[second]) ? NULL : &cells[second]), 0);
		if (amends && random_below(&random, 3) == 0)
			amend(&random, cells, second, sliding);
		check_window(cells, second, window, sliding);
	}
	for (uint64_t second = 0; second < SECONDS; second++)
		cell_deinit(&cells[second]);
	sliding_free(sliding);
}

static void test_sliding_sum_is_that_of_the_windows_seconds(void **state)
{
	static const uint64_t windows[] = {1, 2, 3, 7, 30, SECONDS - 1, SECONDS, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		for (int kind = METRIC_COUNTER; kind <= METRIC_LATENCY; kind++)
			check_kind((enum metric_kind)kind, windows[i], 0);
}

static void test_sliding_sum_takes_what_comes_late(void **state)
{
	static const uint64_t windows[] = {1, 2, 5, 11, 40};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		for (int kind = METRIC_COUNTER; kind <= METRIC_LATENCY; kind++)
			check_kind((enum metric_kind)kind, windows[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sliding_sum_is_that_of_the_windows_seconds),
	        cmocka_unit_test(test_sliding_sum_takes_what_comes_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
