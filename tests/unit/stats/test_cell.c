/* SPDX-License-Identifier: Apache-2.0 */
/* cell.h: recording, joining over agents and over seconds, and the codec. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/cell.h"

static const struct bucket_edges edges = {.count = 3, .us = {100000, 300000, 500000}};

static struct cell gauge_of(double value)
{
	struct cell cell;

	cell_init(&cell, METRIC_GAUGE);
	cell_set_gauge(&cell, value);
	return cell;
}

static void check_gauge(const struct gauge *gauge, double last, double min, double max, double sum, uint64_t count)
{
	assert_true(gauge->last == last);
	assert_true(gauge->min == min);
	assert_true(gauge->max == max);
	assert_true(gauge->sum == sum);
	assert_int_equal(gauge->count, count);
}

static void test_cell_latencies_fall_between_the_right_edges(void **state)
{
	static const uint64_t values_us[] = {0, 99999, 100000, 299999, 300000, 499999, 500000, 7200000000};
	static const uint64_t expected[] = {2, 2, 2, 2};
	static const struct bucket_edges no_edges = {0};
	struct cell cell;

	(void)state;
	assert_int_equal(cell_init(&cell, METRIC_LATENCY), 0);
	assert_true(cell_is_empty(&cell));
	for (size_t i = 0; i < sizeof(values_us) / sizeof(values_us[0]); i++)
		assert_int_equal(cell_record_latency(&cell, &edges, values_us[i]), 0);
	assert_memory_equal(cell.latency.buckets, expected, sizeof(expected));
	assert_int_equal(histogram_count(cell.latency.histogram), 8);
	assert_int_equal(histogram_saturated(cell.latency.histogram), 1);
	cell_reset(&cell);
	assert_true(cell_is_empty(&cell));
	cell_record_latency(&cell, &no_edges, 1 << 30);
	assert_int_equal(cell.latency.buckets[0], 1);
	cell_deinit(&cell);
}

static void test_cell_gauges_merge_by_their_rule(void **state)
{
	static const struct {
		enum metric_merge merge;
		double value;
	} cases[] = {{METRIC_SUM, 10}, {METRIC_MAX, 7}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cell into, seven = gauge_of(7), three = gauge_of(3), none;
		double value = cases[i].value;

		cell_init(&into, METRIC_GAUGE);
		cell_init(&none, METRIC_GAUGE);
		assert_int_equal(cell_merge(&into, &seven, cases[i].merge), 0);
		assert_int_equal(cell_merge(&into, &three, cases[i].merge), 0);
		assert_int_equal(cell_merge(&into, &none, cases[i].merge), 0);
		check_gauge(&into.gauge, value, value, value, value, 1);
	}
}

static void test_cell_readings_of_one_second_merge_in_any_order(void **state)
{
	(void)state;
	for (int turned = 0; turned < 2; turned++) {
		struct cell into, seven = gauge_of(7), three = gauge_of(3);

		cell_init(&into, METRIC_GAUGE);
		assert_int_equal(cell_merge(&into, turned ? &three : &seven, METRIC_LAST), 0);
		assert_int_equal(cell_merge(&into, turned ? &seven : &three, METRIC_LAST), 0);
		check_gauge(&into.gauge, 7, 3, 7, 10, 2);
	}
}

static void test_cell_gauges_join_over_seconds(void **state)
{
	struct cell into, seven = gauge_of(7), three = gauge_of(3), five = gauge_of(5), none;

	(void)state;
	cell_init(&into, METRIC_GAUGE);
	cell_init(&none, METRIC_GAUGE);
	cell_add_later(&into, &seven);
	cell_add_later(&into, &three);
	cell_add_later(&into, &none);
	cell_add_later(&into, &five);
	check_gauge(&into.gauge, 5, 3, 7, 15, 3);
}

static void test_cell_counters_rates_and_latencies_add_up(void **state)
{
	struct cell counter = {.kind = METRIC_COUNTER, .counter = 2};
	struct cell rate = {.kind = METRIC_RATE, .rate = {.hits = 1, .total = 3}};
	struct cell sum = {.kind = METRIC_COUNTER};
	struct cell rates = {.kind = METRIC_RATE};
	struct cell a, b;

	(void)state;
	cell_init(&a, METRIC_LATENCY);
	cell_init(&b, METRIC_LATENCY);
	cell_record_latency(&b, &edges, 5);
	cell_record_latency(&b, &edges, 200000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cell_merge(&sum, &counter, METRIC_SUM), 0);
		assert_int_equal(cell_merge(&rates, &rate, METRIC_SUM), 0);
	}
	assert_int_equal(cell_merge(&a, &b, METRIC_SUM), 0);
	assert_int_equal(cell_add_later(&a, &b), 0);
	assert_int_equal(sum.counter, 4);
	assert_int_equal(rates.rate.hits, 2);
	assert_int_equal(rates.rate.total, 6);
	assert_int_equal(histogram_count(a.latency.histogram), 4);
	assert_int_equal(a.latency.buckets[1], 2);
	assert_int_equal(cell_merge(&a, &sum, METRIC_SUM), -EINVAL);
	assert_int_equal(cell_add_later(&sum, &rates), -EINVAL);
	cell_deinit(&a);
	cell_deinit(&b);
}

static void check_round_trip(const struct cell *cell)
{
	cleanup_buffer struct buffer first = {0};
	cleanup_buffer struct buffer second = {0};
	struct cell decoded;

	cell_encode(cell, &first);
	assert_int_equal(first.failed, 0);
	cell_init(&decoded, cell->kind);
	assert_int_equal(cell_decode_merge(&decoded, METRIC_SUM, first.data, first.size), 0);
	assert_int_equal(cell_is_empty(&decoded), cell_is_empty(cell));
	cell_encode(&decoded, &second);
	assert_int_equal(first.size, second.size);
	assert_memory_equal(first.data, second.data, first.size);
	/* No prefix of it is a cell, and nothing may follow it. */
	for (size_t size = 0; size < first.size; size++) {
		cell_reset(&decoded);
		assert_int_equal(cell_decode_merge(&decoded, METRIC_SUM, first.data, size), -EBADMSG);
		assert_true(cell_is_empty(&decoded));
	}
	buffer_append_byte(&first, 0);
	assert_int_equal(cell_decode_merge(&decoded, METRIC_SUM, first.data, first.size), -EBADMSG);
	assert_true(cell_is_empty(&decoded));
	cell_deinit(&decoded);
}

static void test_cell_encoding_comes_back_as_the_same_bytes(void **state)
{
	struct cell cell = {.kind = METRIC_COUNTER};

	(void)state;
	check_round_trip(&cell);
	cell.counter = UINT64_MAX;
	check_round_trip(&cell);
	cell = (struct cell){.kind = METRIC_RATE};
	check_round_trip(&cell);
	cell.rate.hits = 300;
	cell.rate.total = 301;
	check_round_trip(&cell);
	cell_init(&cell, METRIC_GAUGE);
	check_round_trip(&cell);
	cell_set_gauge(&cell, -12.5);
	check_round_trip(&cell);
	cell_init(&cell, METRIC_LATENCY);
	check_round_trip(&cell);
	for (uint64_t i = 0; i < 100; i++)
		cell_record_latency(&cell, &edges, i * i * i);
	check_round_trip(&cell);
	cell_deinit(&cell);
}

static void test_cell_decoding_merges_by_the_rule(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	struct cell into = gauge_of(4), from = gauge_of(3);

	(void)state;
	cell_encode(&from, &buffer);
	assert_int_equal(cell_decode_merge(&into, METRIC_MAX, buffer.data, buffer.size), 0);
	check_gauge(&into.gauge, 4, 4, 4, 4, 1);
	assert_int_equal(cell_decode_merge(&into, METRIC_SUM, buffer.data, buffer.size), 0);
	check_gauge(&into.gauge, 7, 7, 7, 7, 1);
	assert_int_equal(cell_decode_merge(&into, METRIC_LAST, buffer.data, buffer.size), 0);
	check_gauge(&into.gauge, 7, 3, 7, 10, 2);
}

static void test_cell_bad_bytes_are_refused_and_change_nothing(void **state)
{
	static const struct {
		enum metric_kind kind;
		size_t size;
		uint8_t bytes[16];
	} cases[] = {
	        {METRIC_COUNTER, 0, {0}},
	        {METRIC_COUNTER, 2, {0x80, 0}},
	        {METRIC_COUNTER, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}}, /* wraps 1 + it */
	        {METRIC_RATE, 2, {2, 1}}, /* more hits than all */
	        {METRIC_RATE, 11, {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
	        {METRIC_GAUGE, 2, {0, 0}},
	        {METRIC_LATENCY, 2, {17, 0}},                     /* more buckets than there are */
	        {METRIC_LATENCY, 3, {1, 0, 0}},                   /* a zero at the end */
	        {METRIC_LATENCY, 3, {1, 1, 0}},                   /* a value that the histogram doesn't have */
	        {METRIC_LATENCY, 9, {1, 2, 1, 5, 0, 5, 0, 5, 1}}, /* two values; the histogram has one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buffer struct buffer before = {0};
		cleanup_buffer struct buffer after = {0};
		struct cell cell;

		cell_init(&cell, cases[i].kind);
		if (cell.kind == METRIC_COUNTER)
			cell.counter = 1;
		else if (cell.kind == METRIC_RATE)
			cell.rate.total = 1;
		cell_encode(&cell, &before);
		assert_int_equal(cell_decode_merge(&cell, METRIC_SUM, cases[i].bytes, cases[i].size), -EBADMSG);
		cell_encode(&cell, &after);
		assert_int_equal(before.size, after.size);
		assert_memory_equal(before.data, after.data, before.size);
		cell_deinit(&cell);
	}
}

static void test_cell_gauges_of_no_number_are_refused(void **state)
{
	static const double cases[][4] = {
	        {1, 2, 3, 6},   {4, 2, 3, 6},        {NAN, 1, 1, 1},       {1, NAN, 1, 1},      {1, 1, NAN, 1},
	        {1, 1, 1, NAN}, {1, 1, INFINITY, 1}, {1, -INFINITY, 1, 1}, {1, 1, 1, INFINITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buffer struct buffer buffer = {0};
		struct cell cell;

		cell_init(&cell, METRIC_GAUGE);
		cell.gauge = (struct gauge){
		        .last = cases[i][0], .min = cases[i][1], .max = cases[i][2], .sum = cases[i][3], .count = 2};
		cell_encode(&cell, &buffer);
		cell_reset(&cell);
		assert_int_equal(cell_decode_merge(&cell, METRIC_SUM, buffer.data, buffer.size), -EBADMSG);
		assert_true(cell_is_empty(&cell));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cell_latencies_fall_between_the_right_edges),
	        cmocka_unit_test(test_cell_gauges_merge_by_their_rule),
	        cmocka_unit_test(test_cell_readings_of_one_second_merge_in_any_order),
	        cmocka_unit_test(test_cell_gauges_join_over_seconds),
	        cmocka_unit_test(test_cell_counters_rates_and_latencies_add_up),
	        cmocka_unit_test(test_cell_encoding_comes_back_as_the_same_bytes),
	        cmocka_unit_test(test_cell_decoding_merges_by_the_rule),
	        cmocka_unit_test(test_cell_bad_bytes_are_refused_and_change_nothing),
	        cmocka_unit_test(test_cell_gauges_of_no_number_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
