/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h: what a threshold sees, when it aborts, and what it says in the end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "coordinator/run/verdict.h"

#define S NS_PER_S

/* A plan that has thresholds and nothing else, made by hand: verdicts look at no more. */
struct bench {
	struct plan plan;
	struct threshold thresholds[8];
	struct verdict *verdict;
};

static void add_threshold(struct bench *bench, const char *selector, const char *expression)
{
	struct threshold *threshold = &bench->thresholds[bench->plan.threshold_count++];

	assert_int_equal(selector_parse(selector, NULL, &threshold->selector), 0);
	assert_int_equal(
	        expression_parse(expression, metrics[threshold->selector.metric].kind, NULL, &threshold->expression),
	        0);
}

static struct threshold *last_threshold(struct bench *bench)
{
	return &bench->thresholds[bench->plan.threshold_count - 1];
}

static void start(struct bench *bench)
{
	bench->plan.thresholds = bench->thresholds;
	assert_int_equal(verdict_new(&bench->plan, &bench->verdict), 0);
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct bench));
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	verdict_free(bench->verdict);
	for (uint32_t i = 0; i < bench->plan.threshold_count; i++)
		selector_deinit(&bench->thresholds[i].selector);
	free(bench);
	return 0;
}

static void add_series(struct bench *bench, uint64_t second, const struct series *series, const struct cell *cell)
{
	assert_int_equal(verdict_add(bench->verdict, second, series, cell), 0);
}

static void add_rate(struct bench *bench, uint64_t second, const char *scenario, uint64_t hits, uint64_t total)
{
	struct series series = {METRIC_HTTP_REQ_FAILED, 0, scenario, "get", "g", ""};

	add_series(bench, second, &series, &(struct cell){.kind = METRIC_RATE, .rate = {hits, total}});
}

static void add_counter(struct bench *bench, uint64_t second, uint64_t count)
{
	struct series series = {METRIC_ITERATIONS, 0, "users", "", "", ""};

	add_series(bench, second, &series, &(struct cell){.kind = METRIC_COUNTER, .counter = count});
}

static void add_gauge(struct bench *bench, uint64_t second, double value)
{
	struct series series = {METRIC_VUS, 0, "users", "", "", ""};

	add_series(bench, second, &series,
	           &(struct cell){.kind = METRIC_GAUGE, .gauge = {value, value, value, value, 1}});
}

static void add_latencies(struct bench *bench, uint64_t second, uint64_t from_us, uint64_t count)
{
	static const struct bucket_edges edges;
	struct series series = {METRIC_HTTP_REQ_RESPONSE_TIME, 0, "users", "get", "", ""};
	struct cell cell;

	cell_init(&cell, METRIC_LATENCY);
	for (uint64_t i = 0; i < count; i++)
		cell_record_latency(&cell, &edges, from_us + i);
	add_series(bench, second, &series, &cell);
	cell_deinit(&cell);
}

static int advance(struct bench *bench, uint64_t watermark)
{
	double observed;

	return verdict_advance(bench->verdict, watermark, &observed);
}

static void check(struct bench *bench, uint32_t index, double observed, _Bool pass)
{
	struct verdict_result result = verdict_result(bench->verdict, index, 10 * S);

	if (fabs(result.observed - observed) > 1e-9 || result.pass != pass || result.no_data)
		fail_msg("threshold %u: %g, pass %d, no data %d", index, result.observed, result.pass, result.no_data);
}

static void check_no_data(struct bench *bench, uint32_t index)
{
	struct verdict_result result = verdict_result(bench->verdict, index, 10 * S);

	assert_true(result.no_data && !result.pass && isnan(result.observed));
}

static void add_reading(struct bench *bench, uint64_t second, const char *label, double value)
{
	struct series series = {METRIC_NULL_READING, 0, "", "", "", label};

	add_series(bench, second, &series,
	           &(struct cell){.kind = METRIC_GAUGE, .gauge = {value, value, value, value, 1}});
}

static void test_verdict_knows_every_aggregate(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "iterations", "count==30");
	add_threshold(bench, "iterations", "rate>=3");
	add_threshold(bench, "http_req_failed", "rate<=0.1");
	add_threshold(bench, "vus", "value>1");
	add_threshold(bench, "vus", "avg<3");
	add_threshold(bench, "vus", "min!=1");
	add_threshold(bench, "vus", "max<5");
	start(bench);
	for (uint64_t second = 0; second < 3; second++) {
		add_counter(bench, second, 10);
		add_rate(bench, second, "users", 1, 10);
	}
	add_gauge(bench, 0, 1);
	add_gauge(bench, 1, 5);
	add_gauge(bench, 2, 3);
	assert_int_equal(advance(bench, 2), -1);
	check(bench, 0, 30, 1);
	check(bench, 1, 3, 1);
	check(bench, 2, 0.1, 1);
	check(bench, 3, 3, 1);
	check(bench, 4, 3, 0);
	check(bench, 5, 1, 0);
	check(bench, 6, 5, 0);
}

static void test_verdict_knows_every_aggregate_of_a_latency(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "http_req_response_time", "avg<1.0495");
	add_threshold(bench, "http_req_response_time", "avg<=1.0495");
	add_threshold(bench, "http_req_response_time", "min==1");
	add_threshold(bench, "http_req_response_time", "med<1.049");
	add_threshold(bench, "http_req_response_time", "max<1.1");
	add_threshold(bench, "http_req_response_time", "p(90)<1.1");
	add_threshold(bench, "http_req_response_time", "p(99)<1.1");
	start(bench);
	add_latencies(bench, 0, 1000, 100);
	advance(bench, 0);
	check(bench, 0, 1.0495, 0);
	check(bench, 1, 1.0495, 1);
	check(bench, 2, 1, 1);
	check(bench, 3, 1.049, 0);
	check(bench, 4, 1.099, 1);
	check(bench, 5, 1.089, 1);
	check(bench, 6, 1.098, 1);
	assert_false(verdict_result(bench->verdict, 4, 0).few_samples);
	assert_false(verdict_result(bench->verdict, 5, 0).few_samples);
	assert_true(verdict_result(bench->verdict, 6, 0).few_samples);
}

static void test_verdict_takes_a_counter_at_zero_as_data_and_nothing_else(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "dropped_iterations{label:late}", "count==0");
	add_threshold(bench, "dropped_iterations", "rate<1");
	add_threshold(bench, "http_req_failed", "rate<1");
	add_threshold(bench, "http_req_response_time", "max<1");
	add_threshold(bench, "vus", "value<1");
	add_threshold(bench, "availability", "rate>0");
	start(bench);
	add_counter(bench, 0, 3);
	assert_int_equal(advance(bench, 5), -1);
	check(bench, 0, 0, 1);
	check(bench, 1, 0, 1);
	for (uint32_t i = 2; i < 6; i++)
		check_no_data(bench, i);
}

static void test_verdict_selects_by_every_part(void **state)
{
	static const struct {
		const char *selector;
		double observed;
	} cases[] = {
	        {"http_req_failed", 0.3},
	        {"http_req_failed{scenario:users}", 0.1},
	        {"http_req_failed{scenario:admins}", 0.5},
	        {"http_req_failed{step:get}", 0.3},
	        {"http_req_failed{scenario:users,step:get,group:g}", 0.1},
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		add_threshold(bench, cases[i].selector, "rate<1");
	add_threshold(bench, "http_req_failed{step:post}", "rate<1");
	add_threshold(bench, "http_req_failed{group:h}", "rate<1");
	start(bench);
	add_rate(bench, 0, "users", 1, 10);
	add_rate(bench, 0, "admins", 5, 10);
	advance(bench, 0);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(bench, i, cases[i].observed, 1);
	check_no_data(bench, 5);
	check_no_data(bench, 6);
}

static void test_verdict_takes_the_greatest_of_labels_for_the_level_of_all(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "null_reading", "avg<100");
	add_threshold(bench, "null_reading", "min<100");
	add_threshold(bench, "null_reading{label:b}", "avg<100");
	start(bench);
	for (uint64_t second = 0; second < 2; second++) {
		add_reading(bench, second, "a", 40);
		add_reading(bench, second, "b", second ? 60 : 10);
	}
	verdict_advance(bench->verdict, 1, &(double){0});
	assert_true(verdict_result(bench->verdict, 0, 2 * S).observed == 50);
	assert_true(verdict_result(bench->verdict, 1, 2 * S).observed == 40);
	assert_true(verdict_result(bench->verdict, 2, 2 * S).observed == 35);
}

static void test_verdict_passes_warmup_over(void **state)
{
	struct series series = {METRIC_ITERATIONS, 1, "users", "", "", ""};
	struct bench *bench = *state;

	bench->plan.warmup_ns = 2 * S;
	add_threshold(bench, "iterations", "count<5");
	add_threshold(bench, "iterations", "rate==2");
	start(bench);
	add_series(bench, 0, &series, &(struct cell){.kind = METRIC_COUNTER, .counter = 100});
	add_counter(bench, 2, 2);
	add_counter(bench, 3, 2);
	advance(bench, 3);
	check(bench, 0, 4, 1);
	/* Up to the watermark, a rate divides by what has passed since the warm-up. */
	assert_true(verdict_result(bench->verdict, 1, 0).observed == 2);
}

static void test_verdict_derives_availability_by_the_second(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "availability{scenario:users}", "rate>=0.6");
	start(bench);
	add_rate(bench, 0, "users", 1, 50);
	add_rate(bench, 0, "users", 0, 50); /* another step, the same second: 99 of 100 */
	add_rate(bench, 1, "users", 2, 100);
	add_rate(bench, 1, "admins", 0, 1000);
	add_rate(bench, 4, "users", 0, 1);
	advance(bench, 4);
	check(bench, 0, 2.0 / 3, 1);
}

static void test_verdict_does_not_hang_on_the_order_of_arrival(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "vus", "value<10");
	add_threshold(bench, "vus", "max<10");
	add_threshold(bench, "iterations", "count==6");
	start(bench);
	add_gauge(bench, 2, 3);
	add_gauge(bench, 0, 1);
	add_gauge(bench, 1, 4);
	add_gauge(bench, 1, 4); /* another agent */
	add_gauge(bench, 0, 1);
	add_counter(bench, 2, 3);
	add_counter(bench, 0, 2);
	advance(bench, 1);
	add_counter(bench, 1, 1); /* late: below the watermark */
	advance(bench, 2);
	check(bench, 0, 3, 1);
	check(bench, 1, 8, 1);
	check(bench, 2, 6, 1);
}

static void test_verdict_aborts_where_a_threshold_first_fails(void **state)
{
	struct bench *bench = *state;
	double observed = 0;

	add_threshold(bench, "http_req_failed", "rate<0.01"); /* fails, but may not abort */
	add_threshold(bench, "http_req_failed", "rate<0.2");
	last_threshold(bench)->abort_on_fail = 1;
	start(bench);
	add_rate(bench, 0, "users", 1, 10);
	add_rate(bench, 1, "users", 4, 10);
	add_rate(bench, 2, "users", 10, 10);
	assert_int_equal(verdict_advance(bench->verdict, 0, &observed), -1);
	assert_int_equal(verdict_advance(bench->verdict, 2, &observed), 1);
	assert_true(observed == 0.25); /* after second 1, not 2 */
}

static void test_verdict_waits_for_the_delay_before_it_aborts(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "http_req_failed", "rate<0.2");
	last_threshold(bench)->abort_on_fail = 1;
	last_threshold(bench)->delay_abort_eval_ns = 3 * S;
	start(bench);
	for (uint64_t second = 0; second < 3; second++)
		add_rate(bench, second, "users", 10, 10);
	assert_int_equal(advance(bench, 1), -1);
	assert_int_equal(advance(bench, 2), 0);
}

static void test_verdict_does_not_abort_without_data(void **state)
{
	struct bench *bench = *state;

	bench->plan.warmup_ns = S;
	add_threshold(bench, "http_req_failed", "rate<0.2");
	last_threshold(bench)->abort_on_fail = 1;
	add_threshold(bench, "iterations", "count>0");
	last_threshold(bench)->abort_on_fail = 1;
	start(bench);
	add_gauge(bench, 0, 1); /* VUs exist before anything is measured */
	assert_int_equal(advance(bench, 3), -1);
	add_rate(bench, 4, "users", 0, 1);
	assert_int_equal(advance(bench, 4), 1);
}

static void test_verdict_windows_forget_what_lies_behind_them(void **state)
{
	struct bench *bench = *state;
	double observed = 0;

	add_threshold(bench, "http_req_failed", "rate<0.3");
	last_threshold(bench)->window_ns = 2 * S;
	last_threshold(bench)->abort_on_fail = 1;
	start(bench);
	for (uint64_t second = 0; second < 100; second++)
		add_rate(bench, second, "users", 0, 10);
	assert_int_equal(verdict_advance(bench->verdict, 99, &observed), -1);
	add_rate(bench, 100, "users", 5, 10);
	assert_int_equal(verdict_advance(bench->verdict, 100, &observed), -1);
	add_rate(bench, 101, "users", 1, 10);
	assert_int_equal(verdict_advance(bench->verdict, 101, &observed), 0);
	assert_true(observed == 0.3);
	add_rate(bench, 102, "users", 0, 10);
	add_rate(bench, 103, "users", 0, 10);
	assert_int_equal(verdict_advance(bench->verdict, 103, &observed), -1);
}

static void test_verdict_says_the_worst_window_in_the_end(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "http_req_failed", "rate<0.3");
	last_threshold(bench)->window_ns = 2 * S;
	add_threshold(bench, "http_req_response_time", "p(50)<1");
	last_threshold(bench)->window_ns = 2 * S;
	add_threshold(bench, "iterations", "count>5");
	last_threshold(bench)->window_ns = 2 * S;
	add_threshold(bench, "vus", "min>=2");
	last_threshold(bench)->window_ns = 2 * S;
	start(bench);
	/* The first second is bad, but no window of two. */
	add_rate(bench, 0, "users", 5, 10);
	add_rate(bench, 1, "users", 0, 10);
	add_rate(bench, 2, "users", 3, 10);
	add_rate(bench, 3, "users", 0, 10);
	add_latencies(bench, 0, 100, 10);
	add_latencies(bench, 1, 900, 10);
	add_latencies(bench, 2, 950, 10);
	add_latencies(bench, 3, 100, 30);
	for (uint64_t second = 0; second < 4; second++) {
		add_counter(bench, second, second == 2 ? 1 : 4);
		add_gauge(bench, second, (double)second + 2);
	}
	advance(bench, 3);
	check(bench, 0, 0.25, 1);
	check(bench, 1, 0.909, 1);
	check(bench, 2, 5, 0);
	check(bench, 3, 2, 1);
}

static void test_verdict_judges_windows_within_the_span(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "iterations", "count>=8");
	last_threshold(bench)->window_ns = 2 * S;
	add_threshold(bench, "http_req_failed", "rate<0.5");
	last_threshold(bench)->window_ns = 2 * S;
	start(bench);
	verdict_set_span(bench->verdict, 2 * S, 6 * S);
	/* Nothing before second 2 (a warm-up); after second 5 what was in flight, all of which fails. */
	for (uint64_t second = 2; second < 6; second++) {
		add_counter(bench, second, 4);
		add_rate(bench, second, "users", 0, 4);
	}
	add_counter(bench, 7, 1);
	add_rate(bench, 7, "users", 1, 1);
	advance(bench, 9);
	check(bench, 0, 8, 1);
	check(bench, 1, 1, 0);
}

static void test_verdict_takes_all_there_is_where_the_run_is_shorter_than_the_window(void **state)
{
	struct bench *bench = *state;

	add_threshold(bench, "http_req_failed", "rate<0.3");
	last_threshold(bench)->window_ns = 30 * S;
	add_threshold(bench, "iterations", "rate>1");
	last_threshold(bench)->window_ns = 30 * S;
	start(bench);
	add_rate(bench, 0, "users", 5, 10);
	add_rate(bench, 1, "users", 0, 10);
	add_counter(bench, 1, 20);
	advance(bench, 1);
	check(bench, 0, 0.25, 1);
	check(bench, 1, 2, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_verdict_knows_every_aggregate),
	        TEST(test_verdict_knows_every_aggregate_of_a_latency),
	        TEST(test_verdict_takes_a_counter_at_zero_as_data_and_nothing_else),
	        TEST(test_verdict_selects_by_every_part),
	        TEST(test_verdict_takes_the_greatest_of_labels_for_the_level_of_all),
	        TEST(test_verdict_passes_warmup_over),
	        TEST(test_verdict_derives_availability_by_the_second),
	        TEST(test_verdict_does_not_hang_on_the_order_of_arrival),
	        TEST(test_verdict_aborts_where_a_threshold_first_fails),
	        TEST(test_verdict_waits_for_the_delay_before_it_aborts),
	        TEST(test_verdict_does_not_abort_without_data),
	        TEST(test_verdict_windows_forget_what_lies_behind_them),
	        TEST(test_verdict_says_the_worst_window_in_the_end),
	        TEST(test_verdict_judges_windows_within_the_span),
	        TEST(test_verdict_takes_all_there_is_where_the_run_is_shorter_than_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
