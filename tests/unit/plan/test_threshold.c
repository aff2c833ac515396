/* SPDX-License-Identifier: Apache-2.0 */
/* threshold.h: selectors and expressions, taken apart and judged. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/threshold.h"

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

static void test_selector_takes_its_parts(void **state)
{
	static const struct {
		const char *text;
		enum metric_id metric;
		const char *scenario, *step, *group, *label;
	} cases[] = {
	        {"http_reqs", METRIC_HTTP_REQS, "-", "-", "-", "-"},
	        {"  http_reqs  ", METRIC_HTTP_REQS, "-", "-", "-", "-"},
	        {"http_reqs{scenario:users}", METRIC_HTTP_REQS, "users", "-", "-", "-"},
	        {"http_reqs { scenario : users , step : a b } ", METRIC_HTTP_REQS, "users", "a b", "-", "-"},
	        {"checks{label:status is 200}", METRIC_CHECKS, "-", "-", "-", "status is 200"},
	        {"checks{group:\"a,b}c\",label:\" x \"}", METRIC_CHECKS, "-", "-", "a,b}c", " x "},
	        {"iterations{scenario:a:b}", METRIC_ITERATIONS, "a:b", "-", "-", "-"},
	        {"http_reqs{step:s,scenario:t,label:l,group:g}", METRIC_HTTP_REQS, "t", "s", "g", "l"},
	        {"http_reqs{scenario:x,}", METRIC_HTTP_REQS, "x", "-", "-", "-"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct selector selector;
		assert_int_equal(selector_parse(cases[i].text, NULL, &selector), 0);
		assert_int_equal(selector.metric, cases[i].metric);
		assert_string_equal(or_none(selector.scenario), cases[i].scenario);
		assert_string_equal(or_none(selector.step), cases[i].step);
		assert_string_equal(or_none(selector.group), cases[i].group);
		assert_string_equal(or_none(selector.label), cases[i].label);
		selector_deinit(&selector);
	}
}

static void test_selector_refuses_what_it_cannot_mean(void **state)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
	        {"", "no metric stands before the \"{\""},
	        {"{scenario:a}", "no metric stands before the \"{\""},
	        {"errors", "unknown metric \"errors\""},
	        {"http_req", "unknown metric \"http_req\" (did you mean \"http_reqs\"?)"},
	        {"http_reqs{", "the selector's closing \"}\" is missing"},
	        {"http_reqs{scenario:a", "the selector's closing \"}\" is missing"},
	        {"http_reqs{scenario:\"a}", "a value's closing quote is missing"},
	        {"http_reqs{scenario:\"a\"b}", "the selector's closing \"}\" is missing"},
	        {"http_reqs{scenario:}", "a part of the selector has no value"},
	        {"http_reqs{scenario}", "\"scenario\" has no ':' with a value behind it"},
	        {"http_reqs{scenarios:a}", "unknown part of a selector \"scenarios\" (did you mean \"scenario\"?)"},
	        {"http_reqs{}", "the selector's {} holds nothing"},
	        {"http_reqs{step:a}}", "text stands behind the selector's \"}\""},
	        {"http_reqs{step:a,step:b}", "\"step\" stands twice in the selector"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure = {0};
		struct selector selector = {.metric = METRIC_VUS};
		assert_int_equal(selector_parse(cases[i].text, &failure, &selector), -EINVAL);
		assert_string_equal(failure.text, cases[i].problem);
		assert_int_equal(selector.metric, METRIC_VUS);
	}
}

static void test_expression_takes_figure_comparison_and_limit(void **state)
{
	static const struct {
		const char *text;
		enum metric_kind kind;
		struct expression expression;
	} cases[] = {
	        {"count==0", METRIC_COUNTER, {AGGREGATE_COUNT, 0, COMPARE_EQUAL, 0}},
	        {"rate >= 900.5", METRIC_COUNTER, {AGGREGATE_RATE, 0, COMPARE_GREATER_EQUAL, 900.5}},
	        {"rate<0.05", METRIC_RATE, {AGGREGATE_RATE, 0, COMPARE_LESS, 0.05}},
	        {" rate <= 1 ", METRIC_RATE, {AGGREGATE_RATE, 0, COMPARE_LESS_EQUAL, 1}},
	        {"value>10", METRIC_GAUGE, {AGGREGATE_VALUE, 0, COMPARE_GREATER, 10}},
	        {"avg!=1e3", METRIC_GAUGE, {AGGREGATE_AVG, 0, COMPARE_NOT_EQUAL, 1000}},
	        {"p(95)<50", METRIC_LATENCY, {AGGREGATE_PERCENTILE, 95, COMPARE_LESS, 50}},
	        {"p( 99.9 ) < 1000", METRIC_LATENCY, {AGGREGATE_PERCENTILE, 99.9, COMPARE_LESS, 1000}},
	        {"p(0)<1", METRIC_LATENCY, {AGGREGATE_PERCENTILE, 0, COMPARE_LESS, 1}},
	        {"med<1", METRIC_LATENCY, {AGGREGATE_MED, 0, COMPARE_LESS, 1}},
	        {"max<1.5", METRIC_LATENCY, {AGGREGATE_MAX, 0, COMPARE_LESS, 1.5}},
	        {"min>0", METRIC_LATENCY, {AGGREGATE_MIN, 0, COMPARE_GREATER, 0}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct expression expression;
		assert_int_equal(expression_parse(cases[i].text, cases[i].kind, NULL, &expression), 0);
		assert_int_equal(expression.aggregate, cases[i].expression.aggregate);
		assert_int_equal(expression.comparison, cases[i].expression.comparison);
		assert_true(expression.percentile == cases[i].expression.percentile);
		assert_true(expression.limit == cases[i].expression.limit);
	}
}

/* Which figures a kind of metric has: a row a figure, a column a kind. */
static void test_expression_figures_suit_the_metric(void **state)
{
	static const struct {
		const char *figure;
		_Bool counter, rate, gauge, latency;
	} cases[] = {
	        {"count", 1, 0, 0, 0}, {"rate", 1, 1, 0, 0}, {"value", 0, 0, 1, 0}, {"avg", 0, 0, 1, 1},
	        {"min", 0, 0, 1, 1},   {"med", 0, 0, 0, 1},  {"max", 0, 0, 1, 1},   {"p(50)", 0, 0, 0, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const _Bool fits[] = {cases[i].counter, cases[i].rate, cases[i].gauge, cases[i].latency};
		for (int kind = METRIC_COUNTER; kind <= METRIC_LATENCY; kind++) {
			struct expression expression;
			char text[32];
			snprintf(text, sizeof(text), "%s<1", cases[i].figure);
			assert_int_equal(expression_parse(text, kind, NULL, &expression), fits[kind] ? 0 : -EINVAL);
		}
	}
}

static void test_expression_refuses_with_a_reason(void **state)
{
	static const struct {
		const char *text;
		enum metric_kind kind;
		const char *problem;
	} cases[] = {
	        {"", METRIC_COUNTER, "nothing stands before the comparison (like p(95) or rate)"},
	        {"<5", METRIC_COUNTER, "nothing stands before the comparison (like p(95) or rate)"},
	        {"count", METRIC_COUNTER, "it has no comparison: one of < <= > >= == !="},
	        {"count<", METRIC_COUNTER, "\"\" is no number to compare with"},
	        {"count<inf", METRIC_COUNTER, "\"inf\" is no number to compare with"},
	        {"count=5", METRIC_COUNTER, "\"=\" is no comparison (did you mean \"==\"?)"},
	        {"count===5", METRIC_COUNTER, "\"=5\" is no number to compare with"},
	        {"p95<5", METRIC_LATENCY, "unknown figure \"p95\""},
	        {"p(95<5", METRIC_LATENCY, "\"p(95\" is no percentile like p(95) or p(99.9)"},
	        {"p(-1)<5", METRIC_LATENCY, "\"p(-1)\" is not between p(0) and p(100)"},
	        {"p(nan)<5", METRIC_LATENCY, "\"p(nan)\" is not between p(0) and p(100)"},
	        {"max<5s", METRIC_LATENCY, "\"s\" stands behind the limit (latencies are in ms, without a unit)"},
	        {"rate<5%", METRIC_RATE, "\"5%\" must be a share from 0 to 1 (5% is 0.05)"},
	        {"rate<1.5", METRIC_RATE, "a rate lies between 0 and 1, and the limit is 1.5"},
	        {"avgg<5", METRIC_LATENCY, "unknown figure \"avgg\" (did you mean \"avg\"?)"},
	        {"med<5", METRIC_GAUGE, "\"med\" is nothing that a gauge has (it has value, avg, min, max)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure = {0};
		struct expression expression = {.limit = 7};
		assert_int_equal(expression_parse(cases[i].text, cases[i].kind, &failure, &expression), -EINVAL);
		assert_string_equal(failure.text, cases[i].problem);
		assert_true(expression.limit == 7);
	}
}

static void test_expression_holds_by_its_comparison(void **state)
{
	/* Whether it holds below, at and above the limit. */
	static const struct {
		enum comparison comparison;
		_Bool below, at, above;
	} cases[] = {
	        {COMPARE_LESS, 1, 0, 0},          {COMPARE_LESS_EQUAL, 1, 1, 0}, {COMPARE_GREATER, 0, 0, 1},
	        {COMPARE_GREATER_EQUAL, 0, 1, 1}, {COMPARE_EQUAL, 0, 1, 0},      {COMPARE_NOT_EQUAL, 1, 0, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct expression expression = {.comparison = cases[i].comparison, .limit = 5};
		assert_int_equal(expression_holds(&expression, 4.999), cases[i].below);
		assert_int_equal(expression_holds(&expression, 5), cases[i].at);
		assert_int_equal(expression_holds(&expression, 5.001), cases[i].above);
		assert_false(expression_holds(&expression, NAN));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_selector_takes_its_parts),
	        cmocka_unit_test(test_selector_refuses_what_it_cannot_mean),
	        cmocka_unit_test(test_expression_takes_figure_comparison_and_limit),
	        cmocka_unit_test(test_expression_figures_suit_the_metric),
	        cmocka_unit_test(test_expression_refuses_with_a_reason),
	        cmocka_unit_test(test_expression_holds_by_its_comparison),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
