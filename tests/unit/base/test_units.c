/* SPDX-License-Identifier: Apache-2.0 */
/* units.h: tables of what is read, what is refused and what is written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/units.h"

struct parse_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check_cases(int (*parse)(const char *, uint64_t *), const struct parse_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 4711;
		int result = parse(cases[i].text, &value);

		if (result != cases[i].result || value != (result ? 4711 : cases[i].value))
			fail_msg("\"%s\" gave %d and %llu", cases[i].text, result, (unsigned long long)value);
	}
}

static void test_units_parse_duration(void **state)
{
	static const struct parse_case cases[] = {
	        {"0", 0, 0},
	        {"0s", 0, 0},
	        {"1ns", 0, 1},
	        {"150us", 0, 150 * NS_PER_US},
	        {"250ms", 0, 250 * NS_PER_MS},
	        {"30s", 0, 30 * NS_PER_S},
	        {"0.5s", 0, 500 * NS_PER_MS},
	        {"0.1s", 0, 100 * NS_PER_MS},
	        {"1.000000001s", 0, NS_PER_S + 1},
	        {"1.50s", 0, 1500 * NS_PER_MS},
	        {"90m", 0, 5400 * NS_PER_S},
	        {"1h30m", 0, 5400 * NS_PER_S},
	        {"1m0.5s", 0, 60 * NS_PER_S + 500 * NS_PER_MS},
	        {"1d2h3m4s5ms6us7ns", 0, UINT64_C(93784005006007)},
	        {"007s", 0, 7 * NS_PER_S},
	        {"3660d", 0, UINT64_C(3660) * 86400 * NS_PER_S},
	        {"", -EINVAL, 0},
	        {"s", -EINVAL, 0},
	        {"5", -EINVAL, 0},
	        {"00", -EINVAL, 0},
	        {"1.5", -EINVAL, 0},
	        {"-1s", -EINVAL, 0},
	        {"+1s", -EINVAL, 0},
	        {" 1s", -EINVAL, 0},
	        {"1s ", -EINVAL, 0},
	        {"1 s", -EINVAL, 0},
	        {"1sx", -EINVAL, 0},
	        {"1S", -EINVAL, 0},
	        {"1sec", -EINVAL, 0},
	        {"1.s", -EINVAL, 0},
	        {".5s", -EINVAL, 0},
	        {"1..5s", -EINVAL, 0},
	        {"0x1s", -EINVAL, 0},
	        {"1e3s", -EINVAL, 0},
	        {"1m1h", -EINVAL, 0},
	        {"1s1s", -EINVAL, 0},
	        {"1s5", -EINVAL, 0},
	        {"0.5ns", -EINVAL, 0},
	        {"1.0000000001s", -EINVAL, 0},
	        {"0.0000000000000000001s", -EINVAL, 0},
	        {"3661d", -ERANGE, 0},
	        {"99999999999999999999s", -ERANGE, 0},
	        {"18446744073709551615d", -ERANGE, 0},
	        {"3660d1ns", -ERANGE, 0},
	        {"99999999999999999999x", -EINVAL, 0},
	        {"99999999999999999999d1x", -EINVAL, 0},
	};

	(void)state;
	check_cases(units_parse_duration, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_units_parse_size(void **state)
{
	static const struct parse_case cases[] = {
	        {"0", 0, 0},
	        {"512", 0, 512},
	        {"512B", 0, 512},
	        {"1KB", 0, 1000},
	        {"10KiB", 0, 10240},
	        {"1MB", 0, 1000000},
	        {"1.5MiB", 0, 1572864},
	        {"2GB", 0, UINT64_C(2000000000)},
	        {"2GiB", 0, UINT64_C(2147483648)},
	        {"1TB", 0, UINT64_C(1000000000000)},
	        {"16777215TiB", 0, UINT64_C(16777215) << 40},
	        {"18446744073709551615", 0, UINT64_MAX},
	        {"", -EINVAL, 0},
	        {"B", -EINVAL, 0},
	        {"KiB", -EINVAL, 0},
	        {"1K", -EINVAL, 0},
	        {"1kb", -EINVAL, 0},
	        {"1 KB", -EINVAL, 0},
	        {"1KB ", -EINVAL, 0},
	        {"-1", -EINVAL, 0},
	        {"1.5", -EINVAL, 0},
	        {"0.1KiB", -EINVAL, 0},
	        {"1KB1B", -EINVAL, 0},
	        {"1e3", -EINVAL, 0},
	        {"18446744073709551616", -ERANGE, 0},
	        {"16777216TiB", -ERANGE, 0},
	        {"99999999999999999999KB", -ERANGE, 0},
	        {"99999999999999999999XB", -EINVAL, 0},
	};

	(void)state;
	check_cases(units_parse_size, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_units_parse_count(void **state)
{
	static const struct parse_case cases[] = {
	        {"0", 0, 0},
	        {"007", 0, 7},
	        {"1_000_000", 0, 1000000},
	        {"1_0", 0, 10},
	        {"18446744073709551615", 0, UINT64_MAX},
	        {"", -EINVAL, 0},
	        {"_1", -EINVAL, 0},
	        {"1_", -EINVAL, 0},
	        {"1__0", -EINVAL, 0},
	        {"-1", -EINVAL, 0},
	        {"+1", -EINVAL, 0},
	        {"1.0", -EINVAL, 0},
	        {"1 ", -EINVAL, 0},
	        {"1k", -EINVAL, 0},
	        {"18446744073709551616", -ERANGE, 0},
	        {"99999999999999999999999", -ERANGE, 0},
	        {"99999999999999999999999x", -EINVAL, 0},
	};

	(void)state;
	check_cases(units_parse_count, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_units_parse_share(void **state)
{
	static const struct {
		const char *text;
		int result;
		double value;
	} cases[] = {
	        {"0", 0, 0},          {"1", 0, 1},          {"0.05", 0, 0.05},
	        {"5%", 0, 0.05},      {"0.1%", 0, 0.001},   {"99.9%", 0, 0.999},
	        {"100%", 0, 1},       {"0%", 0, 0},         {"", -EINVAL, 0},
	        {"%", -EINVAL, 0},    {"5%%", -EINVAL, 0},  {"5 %", -EINVAL, 0},
	        {"-5%", -EINVAL, 0},  {".5", -EINVAL, 0},   {"0,5", -EINVAL, 0},
	        {"nan", -EINVAL, 0},  {"1e-3", -EINVAL, 0}, {"1.01", -ERANGE, 0},
	        {"101%", -ERANGE, 0}, {"5", -ERANGE, 0},    {"99999999999999999999%", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double value = -1;

		assert_int_equal(units_parse_share(cases[i].text, &value), cases[i].result);
		assert_true(value == (cases[i].result ? -1 : cases[i].value));
	}
}

static void test_units_format_duration(void **state)
{
	static const struct {
		uint64_t ns;
		const char *expected;
	} cases[] = {
	        {0, "0s"},
	        {1, "1ns"},
	        {999, "999ns"},
	        {1500, "1.5us"},
	        {250 * NS_PER_MS, "250ms"},
	        {1500 * NS_PER_MS, "1.5s"},
	        {NS_PER_S + 1, "1.000000001s"},
	        {10 * NS_PER_S, "10s"},
	        {90 * NS_PER_S, "1m30s"},
	        {1800 * NS_PER_S, "30m"},
	        {5400 * NS_PER_S, "1h30m"},
	        {60 * NS_PER_S + 500 * NS_PER_MS, "1m500ms"},
	        {3600 * NS_PER_S + NS_PER_S, "1h1s"},
	        {86400 * NS_PER_S, "1d"},
	        {UINT64_MAX, "213503d23h34m33.709551615s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];

		assert_ptr_equal(units_format_duration(cases[i].ns, text, sizeof(text)), text);
		assert_string_equal(text, cases[i].expected);
	}
}

static void test_units_duration_written_is_read_as_the_same(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (int i = 0; i < 20000; i++) {
		uint64_t ns = random_next(&random) >> (8 + random_below(&random, 56));
		uint64_t read_ns = 1;
		char text[64];

		assert_int_equal(units_parse_duration(units_format_duration(ns, text, sizeof(text)), &read_ns), 0);
		assert_true(read_ns == ns);
	}
}

static void test_units_format_size_and_count(void **state)
{
	static const struct {
		uint64_t value;
		const char *size;
		const char *count;
	} cases[] = {
	        {0, "0 B", "0"},
	        {999, "999 B", "999"},
	        {1023, "1023 B", "1,023"},
	        {1024, "1 KiB", "1,024"},
	        {1536, "1.5 KiB", "1,536"},
	        {10240, "10 KiB", "10,240"},
	        {1048575, "1 MiB", "1,048,575"},
	        {1572864, "1.5 MiB", "1,572,864"},
	        {123456789, "117.7 MiB", "123,456,789"},
	        {UINT64_MAX, "16 EiB", "18,446,744,073,709,551,615"},
	};
	char little[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];

		assert_string_equal(units_format_size(cases[i].value, text, sizeof(text)), cases[i].size);
		assert_string_equal(units_format_count(cases[i].value, text, sizeof(text)), cases[i].count);
	}
	assert_string_equal(units_format_count(1234567, little, sizeof(little)), "1,2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_units_parse_duration),
	        cmocka_unit_test(test_units_parse_size),
	        cmocka_unit_test(test_units_parse_count),
	        cmocka_unit_test(test_units_parse_share),
	        cmocka_unit_test(test_units_format_duration),
	        cmocka_unit_test(test_units_duration_written_is_read_as_the_same),
	        cmocka_unit_test(test_units_format_size_and_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
