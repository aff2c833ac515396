/* SPDX-License-Identifier: Apache-2.0 */
/* Prices that move. */
#include "deploy/lab/quotes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS_PER_DAY INT64_C(86400000)

static const struct symbol dear = {.ticker = "TEST", .price_cents = 10000};
static const struct symbol cheap = {.ticker = "PENNY", .price_cents = 1};

static void test_quotes_stay_near_the_list_price(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 200 * MS_PER_DAY; ms += MS_PER_DAY / 7) {
		struct quote quote;

		quote_at(&dear, ms, &quote);
		assert_true(quote.price >= 84 && quote.price <= 116);
		assert_true(fabs(quote.change - (quote.price - 100)) < 0.011);
		quote_at(&cheap, ms, &quote);
		assert_true(quote.price >= 0.01);
	}
}

static void test_quotes_of_one_time_agree_and_prices_move(void **state)
{
	struct quote now, again, later;

	(void)state;
	quote_at(&dear, 12345678, &now);
	quote_at(&dear, 12345678, &again);
	quote_at(&dear, 12345678 + 3 * MS_PER_DAY, &later);
	assert_true(now.price == again.price && now.volume == again.volume);
	assert_true(now.price != later.price);
}

static void test_quotes_of_a_day_lie_between_its_low_and_high(void **state)
{
	const struct symbol *symbols[] = {&dear, &cheap};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (int64_t day = 0; day < 500; day++) {
			struct day_quote quote;

			quote_of_day(symbols[i], day, &quote);
			assert_true(quote.low <= quote.open && quote.open <= quote.high);
			assert_true(quote.low <= quote.close && quote.close <= quote.high);
			assert_true(quote.low > 0 && quote.volume > 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_quotes_stay_near_the_list_price),
	        cmocka_unit_test(test_quotes_of_one_time_agree_and_prices_move),
	        cmocka_unit_test(test_quotes_of_a_day_lie_between_its_low_and_high),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
