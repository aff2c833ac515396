/* SPDX-License-Identifier: Apache-2.0 */
/* cells.h: a second's cells, and the next second's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/stats/cells.h"

static void test_cells_are_listed_in_the_order_of_first_touch(void **state)
{
	static const uint32_t ids[] = {7, 3, 100000, 0};
	struct cells *cells = cells_new();

	(void)state;
	for (int round = 0; round < 3; round++)
		for (uint32_t i = 0; i < 4; i++)
			cells_get(cells, ids[i], METRIC_COUNTER)->counter += ids[i];
	assert_int_equal(cells_count(cells), 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(cells_id(cells, i), ids[i]);
		assert_int_equal(cells_at(cells, i)->counter, 3 * ids[i]);
	}
	assert_null(cells_free(cells));
	assert_null(cells_free(NULL));
}

static void test_cells_are_empty_after_a_clear_and_stay_where_they_are(void **state)
{
	static const struct bucket_edges no_edges = {0};
	struct cells *cells = cells_new();
	struct cell *latency = cells_get(cells, 1, METRIC_LATENCY);
	struct cell *rate = cells_get(cells, 2, METRIC_RATE);

	(void)state;
	assert_int_equal(cell_record_latency(latency, &no_edges, 5), 0);
	rate->rate.total = 1;
	for (uint32_t id = 10; id < 1000; id++)
		assert_non_null(cells_get(cells, id, METRIC_LATENCY));
	cells_clear(cells);
	assert_int_equal(cells_count(cells), 0);
	assert_ptr_equal(cells_get(cells, 2, METRIC_RATE), rate);
	assert_ptr_equal(cells_get(cells, 1, METRIC_LATENCY), latency);
	assert_true(cell_is_empty(rate));
	assert_true(cell_is_empty(latency));
	assert_int_equal(cells_count(cells), 2);
	assert_int_equal(cells_id(cells, 0), 2);
	cells_free(cells);
}

static void test_cells_refuse_another_kind_and_ids_above_the_limit(void **state)
{
	struct cells *cells = cells_new();

	(void)state;
	assert_non_null(cells_get(cells, 4, METRIC_COUNTER));
	assert_null(cells_get(cells, 4, METRIC_RATE));
	cells_clear(cells);
	assert_null(cells_get(cells, 4, METRIC_LATENCY));
	assert_null(cells_get(cells, LIMIT_SERIES, METRIC_COUNTER));
	assert_null(cells_get(cells, UINT32_MAX, METRIC_COUNTER));
	assert_int_equal(cells_count(cells), 0);
	assert_non_null(cells_get(cells, LIMIT_SERIES - 1, METRIC_COUNTER));
	cells_free(cells);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cells_are_listed_in_the_order_of_first_touch),
	        cmocka_unit_test(test_cells_are_empty_after_a_clear_and_stay_where_they_are),
	        cmocka_unit_test(test_cells_refuse_another_kind_and_ids_above_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
