/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds: what a CSV file says, how it is refused, and which rows are drawn. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/plan/feed.h"

enum { VALUES_MAX = 16 };

static struct feed *make_feed(const struct feed_config *config, const char *text, struct template_names *names)
{
	struct feed *feed = NULL;
	struct failure failure = {0};

	if (feed_new(config, config->csv, text, strlen(text), names, &failure, &feed) < 0)
		fail_msg("%d:%d: %s", failure.line, failure.column, failure.text);
	return feed;
}

/* "value|value\n" for each row. */
static void dump(const struct feed *feed, char *text)
{
	for (uint64_t row = 0; row < feed_rows(feed); row++) {
		struct template_value values[VALUES_MAX] = {0};

		feed_set(feed, row, values);
		for (uint32_t i = 0; i < feed_columns(feed); i++) {
			struct template_value value = values[feed_slot(feed, i)];

			if (i > 0)
				*text++ = '|';
			memcpy(text, value.text, value.size);
			text += value.size;
		}
		*text++ = '\n';
	}
	*text = '\0';
}

static void test_feed_reads_csv(void **state)
{
	static const struct {
		const char *csv, *column, *rows;
	} cases[] = {
	        {"a\n1\n2\n", "a", "1\n2\n"},
	        {"a\n1\n2", "a", "1\n2\n"},
	        {"a\r\n1\r\n2\r\n", "a", "1\n2\n"},
	        {"a\r\n1\r", "a", "1\n"},
	        {"\xef\xbb\xbf"
	         "a,b\n1,2\n",
	         NULL, "1|2\n"},
	        {"a,b\n1,2\n3,4\n", "b", "2\n4\n"},
	        {"a,b\n,\n", NULL, "|\n"},
	        {"a,b\n\"1,5\",\"x\ny\"\n", NULL, "1,5|x\ny\n"},
	        {"a\n\"say \"\"hi\"\"\"\n\"\"\"\"\n\"\"\n", "a", "say \"hi\"\n\"\n\n"},
	        {"\"a\",\"b\"\n1,\"2\"\n", NULL, "1|2\n"},
	        {"a\n\n1\n\n\r\n2\n\n", "a", "1\n2\n"},
	        {" a , b\n1, 2\n", NULL, "1| 2\n"},
	        {"a,first name,b\n1,2,3\n", NULL, "1|3\n"},
	        {"name,銘柄\nx,日本\n", "銘柄", "日本\n"},
	        {"a\nx\ry\n", "a", "x\ry\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct template_names *names = template_names_new();
		struct feed_config config = {.name = "data", .csv = "data.csv", .column = cases[i].column};
		struct feed *feed = make_feed(&config, cases[i].csv, names);
		char text[256];
		size_t size;

		dump(feed, text);
		assert_string_equal(text, cases[i].rows);
		assert_memory_equal(feed_data(feed, &size), cases[i].csv, strlen(cases[i].csv));
		assert_int_equal(size, strlen(cases[i].csv));
		feed_free(feed);
		template_names_free(names);
	}
}

static void test_feed_refuses_with_line_and_column(void **state)
{
	static const struct {
		const char *csv, *column;
		int line, at;
		const char *text;
	} cases[] = {
	        {"", NULL, 1, 1, "the file is empty; it needs a line that names the columns"},
	        {"\n\r\n", NULL, 1, 1, "the file is empty; it needs a line that names the columns"},
	        {"a,b\n", NULL, 2, 1, "no rows below the header"},
	        {"a,b\n\n", "a", 3, 1, "no rows below the header"},
	        {"a,b\n1,2\n3\n", NULL, 3, 1, "this row ends after 1 of 2 fields"},
	        {"a,b\n1,2,3\n", NULL, 2, 5, "this row has more fields than the header, which has 2"},
	        {"a,b\n1,2,\n", NULL, 2, 5, "this row has more fields than the header, which has 2"},
	        {"a\n\"1\n2\n", "a", 2, 1, "this quote is never closed"},
	        {"a,b\n1,\"\n\",\n", NULL, 3, 3, "this row has more fields than the header, which has 2"},
	        {"a,b\n1,\"2\"3\n", NULL, 2, 6, "text after the closing quote of a field"},
	        {"a,b\n1,x\"y\n", NULL, 2, 4,
	         "a quote within a field: put the whole field in quotes and double this one"},
	        {"symbol,price\nx,1\n", "symbl", 1, 1, "no column \"symbl\" (did you mean \"symbol\"?)"},
	        {"symbol,price\nx,1\n", "volume", 1, 1, "no column \"volume\" (the first is \"symbol\")"},
	        {"a,a\n1,2\n", "a", 1, 1, "two columns are called \"a\""},
	        {"a,b,a\n1,2,3\n", NULL, 1, 1, "two columns are called \"a\""},
	        {"x y,\n1,2\n", NULL, 1, 1, "no column has a name that {{data.name}} can say: letters, digits, _ - ."},
	        {"a\nok\n\xff\n", "a", 3, 1, "this field is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct template_names *names = template_names_new();
		struct feed_config config = {.name = "data", .csv = "data.csv", .column = cases[i].column};
		struct failure failure = {0};
		struct feed *feed = NULL;

		assert_int_equal(
		        feed_new(&config, "data.csv", cases[i].csv, strlen(cases[i].csv), names, &failure, &feed),
		        -EINVAL);
		assert_null(feed);
		assert_string_equal(failure.text, cases[i].text);
		assert_string_equal(failure.file, "data.csv");
		assert_int_equal(failure.line, cases[i].line);
		assert_int_equal(failure.column, cases[i].at);
		template_names_free(names);
	}
}

static void test_feed_refuses_a_nul_and_a_field_over_the_limit(void **state)
{
	struct feed_config config = {.name = "data", .csv = "data.csv", .column = "a"};
	struct template_names *names = template_names_new();
	struct failure failure = {0};
	struct feed *feed = NULL;
	size_t size = 2 + LIMIT_FEED_FIELD_BYTES + 1;
	char *text = malloc(size);

	(void)state;
	assert_int_equal(feed_new(&config, "data.csv", "a\nx\0y\n", 6, names, &failure, &feed), -EINVAL);
	assert_int_equal(failure.line, 2);
	memset(text, 'x', size);
	memcpy(text, "a\n", 2);
	assert_int_equal(feed_new(&config, "data.csv", text, size, names, &failure, &feed), -EINVAL);
	assert_int_equal(feed_new(&config, "data.csv", text, size - 1, names, &failure, &feed), 0);
	feed_free(feed);
	free(text);
	template_names_free(names);
}

static void test_feed_names_its_slots(void **state)
{
	struct template_names *names = template_names_new();
	struct feed_config one = {.name = "symbol", .csv = "s.csv", .column = "sym", .pick = FEED_RANDOM};
	struct feed_config all = {.name = "user", .csv = "u.csv", .pick = FEED_UNIQUE};
	struct feed *symbol = make_feed(&one, "id,sym\n1,x\n", names);
	struct feed *user = make_feed(&all, "id,name\n1,x\n", names);

	(void)state;
	assert_int_equal(template_names_count(names), 3);
	assert_int_equal(feed_columns(symbol), 1);
	assert_int_equal(feed_slot(symbol, 0), template_names_find(names, "symbol"));
	assert_int_equal(feed_columns(user), 2);
	assert_int_equal(feed_slot(user, 0), template_names_find(names, "user.id"));
	assert_int_equal(feed_slot(user, 1), template_names_find(names, "user.name"));
	assert_string_equal(feed_name(symbol), "symbol");
	assert_string_equal(feed_csv(symbol), "s.csv");
	assert_string_equal(feed_column(symbol), "sym");
	assert_null(feed_column(user));
	assert_int_equal(feed_pick(user), FEED_UNIQUE);
	feed_free(symbol);
	feed_free(user);
	template_names_free(names);
}

static void test_feed_without_data_knows_its_name_only(void **state)
{
	struct template_names *names = template_names_new();
	struct feed_config one = {.name = "symbol", .csv = "s.csv", .column = "sym", .pick = FEED_ZIPF};
	struct feed_config all = {.name = "user", .csv = "u.csv"};
	struct feed *symbol = NULL, *user = NULL;
	struct random random;
	uint64_t row;
	size_t size;

	(void)state;
	random_seed(&random, 1);
	assert_int_equal(feed_new(&one, "s.csv", NULL, 0, names, NULL, &symbol), 0);
	assert_int_equal(feed_new(&all, "u.csv", NULL, 0, names, NULL, &user), 0);
	assert_int_equal(feed_rows(symbol), 0);
	assert_int_equal(feed_columns(symbol), 1);
	assert_int_equal(feed_columns(user), 0);
	assert_int_equal(feed_draw(symbol, 0, &random, &row), -ENODATA);
	assert_null(feed_data(symbol, &size));
	feed_free(symbol);
	feed_free(user);
	template_names_free(names);
}

static struct feed *numbered_feed(enum feed_pick pick, double exponent, uint32_t rows)
{
	struct feed_config config = {.name = "n", .csv = "n.csv", .column = "n", .pick = pick, .exponent = exponent};
	struct template_names *names = template_names_new();
	struct buffer buffer = {0};
	struct feed *feed;

	buffer_append_text(&buffer, "n\n");
	for (uint32_t i = 0; i < rows; i++)
		buffer_append_format(&buffer, "%u\n", i);
	feed = make_feed(&config, buffer_text(&buffer), names);
	assert_int_equal(feed_rows(feed), rows);
	buffer_deinit(&buffer);
	template_names_free(names);
	return feed;
}

static void test_feed_sequential_goes_round_and_unique_ends(void **state)
{
	struct feed *sequential = numbered_feed(FEED_SEQUENTIAL, 0, 3), *unique = numbered_feed(FEED_UNIQUE, 0, 3);
	uint64_t row;

	(void)state;
	for (uint64_t i = 0; i < 9; i++) {
		assert_int_equal(feed_draw(sequential, i, NULL, &row), 0);
		assert_int_equal(row, i % 3);
		assert_int_equal(feed_draw(unique, i, NULL, &row), i < 3 ? 0 : -ENODATA);
		if (i < 3)
			assert_int_equal(row, i);
	}
	feed_free(sequential);
	feed_free(unique);
}

/* Pearson's chi-squared of `draws` draws against the weights; about rows +- 3 sqrt(2 rows) if they are right. */
static double chi_squared(const struct feed *feed, double exponent, uint32_t rows, uint32_t draws)
{
	double sum = 0, chi = 0;
	uint32_t *seen = calloc(rows, sizeof(*seen));
	struct random random;

	random_seed(&random, 7);
	for (uint32_t i = 0; i < draws; i++) {
		uint64_t row;

		assert_int_equal(feed_draw(feed, i, &random, &row), 0);
		assert_true(row < rows);
		seen[row]++;
	}
	for (uint32_t i = 0; i < rows; i++)
		sum += pow(i + 1, -exponent);
	for (uint32_t i = 0; i < rows; i++) {
		double expected = draws * pow(i + 1, -exponent) / sum;

		chi += (seen[i] - expected) * (seen[i] - expected) / expected;
	}
	free(seen);
	return chi;
}

static void test_feed_random_and_zipf_follow_their_weights(void **state)
{
	static const struct {
		enum feed_pick pick;
		double exponent;
		uint32_t rows;
	} cases[] = {
	        {FEED_RANDOM, 0, 100}, {FEED_ZIPF, 0, 100}, {FEED_ZIPF, 1, 100},  {FEED_ZIPF, 0.5, 1000},
	        {FEED_ZIPF, 2, 20},    {FEED_ZIPF, 1, 3},   {FEED_ZIPF, 1.3, 50}, {FEED_ZIPF, 1, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *feed = numbered_feed(cases[i].pick, cases[i].exponent, cases[i].rows);
		double chi = chi_squared(feed, cases[i].exponent, cases[i].rows, 200000);

		assert_true(chi < cases[i].rows + 4 * sqrt(2.0 * cases[i].rows));
		feed_free(feed);
	}
}

static void test_feed_zipf_of_one_row_or_a_steep_curve_holds(void **state)
{
	static const struct {
		double exponent;
		uint32_t rows;
	} cases[] = {{1, 1}, {50, 1000}, {0, 1}};
	struct random random;

	(void)state;
	random_seed(&random, 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *feed = numbered_feed(FEED_ZIPF, cases[i].exponent, cases[i].rows);
		uint64_t row;

		for (int j = 0; j < 1000; j++) {
			assert_int_equal(feed_draw(feed, 0, &random, &row), 0);
			assert_int_equal(row, 0);
		}
		feed_free(feed);
	}
}

static void test_feed_of_lines_has_no_header_and_takes_any_byte(void **state)
{
	static const char text[] = "{\"a\": 1, \"b\"}\r\n\n\xff,\"\n last";
	const struct feed_config config = {.name = "tick", .csv = "t.txt", .lines = 1, .pick = FEED_RANDOM};
	struct template_names *names = template_names_new();
	struct failure failure = {0};
	struct feed *feed, *bare;
	char dumped[256];

	(void)state;
	feed = make_feed(&config, text, names);
	assert_true(feed_is_lines(feed));
	assert_int_equal(feed_columns(feed), 1);
	assert_int_equal(feed_slot(feed, 0), template_names_find(names, "tick"));
	dump(feed, dumped);
	assert_string_equal(dumped, "{\"a\": 1, \"b\"}\n\xff,\"\n last\n");
	assert_int_equal(feed_new(&config, "t.txt", NULL, 0, names, &failure, &bare), 0);
	assert_int_equal(feed_slot(bare, 0), feed_slot(feed, 0));
	feed_free(bare);
	assert_int_equal(feed_new(&config, "t.txt", "\r\n\n", 3, names, &failure, &bare), -EINVAL);
	assert_string_equal(failure.text, "t.txt has no lines");
	feed_free(feed);
	template_names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_feed_of_lines_has_no_header_and_takes_any_byte),
	        cmocka_unit_test(test_feed_reads_csv),
	        cmocka_unit_test(test_feed_refuses_with_line_and_column),
	        cmocka_unit_test(test_feed_refuses_a_nul_and_a_field_over_the_limit),
	        cmocka_unit_test(test_feed_names_its_slots),
	        cmocka_unit_test(test_feed_without_data_knows_its_name_only),
	        cmocka_unit_test(test_feed_sequential_goes_round_and_unique_ends),
	        cmocka_unit_test(test_feed_random_and_zipf_follow_their_weights),
	        cmocka_unit_test(test_feed_zipf_of_one_row_or_a_steep_curve_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
