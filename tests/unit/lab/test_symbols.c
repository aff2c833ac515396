/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's stock symbols. */
#include "deploy/lab/symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/base/text.h"

enum { PLAN_SYMBOLS = 3000, ALL_SYMBOLS = 100000 };

/* Written anew by: stampede-lab --api -- sh -c 'cp "$STAMPEDE_VAR_SYMBOLS" plans/symbols.csv' */
static void test_symbols_of_the_plans_are_those_of_the_lab(void **state)
{
	struct buffer kept = {0}, made = {0};
	struct symbols *symbols;

	(void)state;
	assert_int_equal(symbols_new(PLAN_SYMBOLS, &symbols), 0);
	assert_int_equal(symbols_write_csv(symbols, &made), 0);
	assert_int_equal(file_read(PLANS "/symbols.csv", 1024 * 1024, &kept, NULL), 0);
	assert_int_equal(kept.size, made.size);
	assert_memory_equal(kept.data, made.data, made.size);
	buffer_deinit(&kept);
	buffer_deinit(&made);
	symbols_free(symbols);
}

/* Nothing of it needs escaping in JSON, CSV or a path, as the writers rely on. */
static void check_symbol(const struct symbol *symbol)
{
	assert_true(strlen(symbol->ticker) > 0);
	assert_int_equal(strspn(symbol->ticker, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."), strlen(symbol->ticker));
	assert_true(strlen(symbol->name) > 0);
	assert_true(text_is_utf8(symbol->name, strlen(symbol->name)));
	assert_null(strpbrk(symbol->name, "\"\\,\n\t"));
	assert_non_null(symbol->market);
	assert_non_null(symbol->industry);
	assert_true(symbol->price_cents > 0);
}

static void test_symbols_differ_from_each_other_and_need_no_escaping(void **state)
{
	struct symbols *symbols;

	(void)state;
	assert_int_equal(symbols_new(ALL_SYMBOLS, &symbols), 0);
	assert_int_equal(symbols_count(symbols), ALL_SYMBOLS);
	for (size_t i = 0; i < ALL_SYMBOLS; i++) {
		const struct symbol *symbol = symbols_at(symbols, i);

		check_symbol(symbol);
		assert_ptr_equal(symbols_find(symbols, symbol->ticker, strlen(symbol->ticker)), symbol);
	}
	symbols_free(symbols);
}

static void test_symbols_of_a_short_list_begin_a_long_one(void **state)
{
	struct symbols *few, *many;

	(void)state;
	assert_int_equal(symbols_new(700, &few), 0);
	assert_int_equal(symbols_new(1500, &many), 0);
	for (size_t i = 0; i < 700; i++)
		assert_string_equal(symbols_at(few, i)->ticker, symbols_at(many, i)->ticker);
	symbols_free(few);
	symbols_free(many);
}

static void test_symbols_hold_korean_ones(void **state)
{
	const struct symbol *samsung;
	struct symbols *symbols;
	size_t korean = 0;

	(void)state;
	assert_int_equal(symbols_new(PLAN_SYMBOLS, &symbols), 0);
	samsung = symbols_find(symbols, "005930", 6);
	assert_non_null(samsung);
	assert_string_equal(samsung->name, "삼성전자");
	for (size_t i = 0; i < PLAN_SYMBOLS; i++)
		korean += strncmp(symbols_at(symbols, i)->market, "KOS", 3) == 0;
	assert_in_range(korean, PLAN_SYMBOLS / 6, PLAN_SYMBOLS / 3);
	assert_null(symbols_find(symbols, "005930x", 7));
	assert_null(symbols_find(symbols, "", 0));
	symbols_free(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_symbols_of_the_plans_are_those_of_the_lab),
	        cmocka_unit_test(test_symbols_differ_from_each_other_and_need_no_escaping),
	        cmocka_unit_test(test_symbols_of_a_short_list_begin_a_long_one),
	        cmocka_unit_test(test_symbols_hold_korean_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
