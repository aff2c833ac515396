/* SPDX-License-Identifier: Apache-2.0 */
/* What the stock API answers. */
#include "deploy/lab/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define WALL_MS INT64_C(1750000000000) /* 2025-06-15 */

static int make_symbols(void **state)
{
	return symbols_new(200, (struct symbols **)state);
}

static int free_symbols(void **state)
{
	symbols_free(*state);
	return 0;
}

/* The answer as JSON, which it must be. */
static json_t *ask(struct symbols *symbols, struct question question, int *ret_status)
{
	struct answer answer = {0};
	json_t *json;

	question.wall_ms = WALL_MS;
	answer_fill(symbols, &question, &answer);
	assert_int_equal(answer.body.failed, 0);
	json = json_loadb((const char *)answer.body.data, answer.body.size, 0, NULL);
	assert_non_null(json);
	*ret_status = answer.status;
	buffer_deinit(&answer.body);
	return json;
}

struct route_case {
	struct question question;
	int status;
};

#define ORDER(text) .method = "POST", .path = "/api/orders", .body = text, .body_size = sizeof(text) - 1

static const struct route_case cases[] = {
        {{.method = "GET", .path = "/health"}, 200},
        {{.method = "HEAD", .path = "/health"}, 200},
        {{.method = "POST", .path = "/health"}, 405},
        {{.method = "GET", .path = "/"}, 404},
        {{.method = "GET", .path = ""}, 404},
        {{.method = "GET", .path = "/api"}, 404},
        {{.method = "GET", .path = "/api/stocks"}, 200},
        {{.method = "GET", .path = "/api/stocks", .limit = "0"}, 200},
        {{.method = "GET", .path = "/api/stocks", .limit = "5", .offset = "1000"}, 200},
        {{.method = "GET", .path = "/api/stocks", .limit = "x"}, 400},
        {{.method = "GET", .path = "/api/stocks", .offset = "-1"}, 400},
        {{.method = "GET", .path = "/api/stocks/"}, 404},
        {{.method = "GET", .path = "/api/stocks/AAPL"}, 200},
        {{.method = "GET", .path = "/api/stocks/005930"}, 200},
        {{.method = "GET", .path = "/api/stocks/aapl"}, 404},
        {{.method = "GET", .path = "/api/stocks/AAPL/"}, 404},
        {{.method = "GET", .path = "/api/stocks/AAPL/x/history"}, 404},
        {{.method = "DELETE", .path = "/api/stocks/AAPL"}, 405},
        {{.method = "GET", .path = "/api/stocks/AAPL/history"}, 200},
        {{.method = "GET", .path = "/api/stocks/AAPL/history", .days = "365"}, 200},
        {{.method = "GET", .path = "/api/stocks/AAPL/history", .days = "366"}, 400},
        {{.method = "GET", .path = "/api/stocks/AAPL/history", .days = "soon"}, 400},
        {{.method = "GET", .path = "/api/stocks/NOBODY/history"}, 404},
        {{.method = "GET", .path = "/api/stocks//history"}, 404},
        {{.method = "GET", .path = "/api/stocks/history"}, 404},
        {{.method = "GET", .path = "/api/orders"}, 405},
        {{ORDER("{\"symbol\":\"AAPL\",\"side\":\"buy\",\"quantity\":1}")}, 201},
        {{ORDER("{\"symbol\":\"005930\",\"side\":\"sell\",\"quantity\":7,\"note\":1}")}, 201},
        {{ORDER("{\"symbol\":\"NOBODY\",\"side\":\"buy\",\"quantity\":1}")}, 404},
        {{ORDER("{\"symbol\":\"AAPL\",\"side\":\"hold\",\"quantity\":1}")}, 400},
        {{ORDER("{\"symbol\":\"AAPL\",\"side\":\"buy\",\"quantity\":0}")}, 400},
        {{ORDER("{\"symbol\":\"AAPL\",\"side\":\"buy\",\"quantity\":\"1\"}")}, 400},
        {{ORDER("{\"symbol\":\"AAPL\"}")}, 400},
        {{ORDER("[]")}, 400},
        {{ORDER("nonsense")}, 400},
        {{ORDER("")}, 400},
        {{ORDER(""), .body_too_large = 1}, 413},
        {{.method = "GET", .path = "/api/stocks", .fault = FAULT_RATE_LIMITED}, 429},
        {{.method = "GET", .path = "/api/stocks", .fault = FAULT_SERVER}, 500},
        {{.method = "GET", .path = "/api/stocks", .fault = FAULT_AUTH}, 401},
        {{.method = "GET", .path = "/api/stocks", .fault = FAULT_LATE}, 200},
};

static void test_answers_are_json_with_the_right_status(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = 0;
		json_t *json = ask(*state, cases[i].question, &status);

		if (status != cases[i].status)
			fail_msg("%s %s: %d, wanted %d", cases[i].question.method, cases[i].question.path, status,
			         cases[i].status);
		assert_int_equal(json_is_string(json_object_get(json, "error")), status >= 400);
		json_decref(json);
	}
}

static void test_answers_name_the_header_that_a_status_asks_for(void **state)
{
	static const struct route_case wanted[] = {
	        {{.method = "PUT", .path = "/api/orders"}, 405},
	        {{.method = "GET", .path = "/x", .fault = FAULT_RATE_LIMITED}, 429},
	        {{.method = "GET", .path = "/x", .fault = FAULT_AUTH}, 401},
	};
	static const char *const headers[] = {"Allow: POST", "Retry-After: 1", "WWW-Authenticate: Bearer"};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct answer answer = {0};
		char line[64];

		answer_fill(*state, &wanted[i].question, &answer);
		snprintf(line, sizeof(line), "%s: %s", answer.header, answer.header_value);
		assert_string_equal(line, headers[i]);
		buffer_deinit(&answer.body);
	}
}

static void test_answers_quote_a_stock(void **state)
{
	json_int_t volume, ts;
	const char *symbol, *name;
	double price, change;
	int status;
	json_t *json = ask(*state, (struct question){.method = "GET", .path = "/api/stocks/005930"}, &status);

	assert_int_equal(json_unpack(json, "{ss ss sF sF sI sI !}", "symbol", &symbol, "name", &name, "price", &price,
	                             "change", &change, "volume", &volume, "ts", &ts),
	                 0);
	assert_string_equal(symbol, "005930");
	assert_string_equal(name, "삼성전자");
	assert_true(price > 0);
	assert_int_equal(ts, WALL_MS);
	json_decref(json);
}

static void test_answers_list_a_part_of_the_stocks(void **state)
{
	int status;
	json_t *json =
	        ask(*state, (struct question){.method = "GET", .path = "/api/stocks", .limit = "7", .offset = "195"},
	            &status);
	json_t *stocks = json_object_get(json, "stocks");

	assert_int_equal(json_integer_value(json_object_get(json, "total")), 200);
	assert_int_equal(json_array_size(stocks), 5);
	assert_string_equal(json_string_value(json_object_get(json_array_get(stocks, 0), "symbol")),
	                    symbols_at(*state, 195)->ticker);
	json_decref(json);
}

static void test_answers_tell_the_days_before_today(void **state)
{
	int status;
	json_t *json = ask(*state, (struct question){.method = "GET", .path = "/api/stocks/AAPL/history", .days = "3"},
	                   &status);
	json_t *days = json_object_get(json, "days");

	assert_int_equal(json_array_size(days), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(days, 0), "date")), "2025-06-12");
	assert_string_equal(json_string_value(json_object_get(json_array_get(days, 2), "date")), "2025-06-14");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_answers_are_json_with_the_right_status),
	        cmocka_unit_test(test_answers_name_the_header_that_a_status_asks_for),
	        cmocka_unit_test(test_answers_quote_a_stock),
	        cmocka_unit_test(test_answers_list_a_part_of_the_stocks),
	        cmocka_unit_test(test_answers_tell_the_days_before_today),
	};

	return cmocka_run_group_tests(tests, make_symbols, free_symbols);
}
