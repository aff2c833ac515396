/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what compiles, what is refused and how, and what comes out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/plan/template.h"
#include "common/plan/template_parts.h"

enum { SYMBOL, USER_ID, UNSET, SLOT_COUNT };

static struct template_names *make_names(void)
{
	static const char *const all[] = {"symbol", "user.id", "unset"};
	struct template_names *names = template_names_new();

	assert_non_null(names);
	for (uint32_t i = 0; i < SLOT_COUNT; i++) {
		uint32_t slot;

		assert_int_equal(template_names_add(names, all[i], &slot), 0);
		assert_int_equal(slot, i);
	}
	return names;
}

static const char *find_secret(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "API_KEY") == 0 ? "s3cret" : NULL;
}

static const struct template_value values[SLOT_COUNT] = {
        [SYMBOL] = {"7203.T and more", 6},
        [USER_ID] = {"日本", 6},
};

static struct template_scope make_scope(struct random *random)
{
	random_seed(random, 1);
	return (struct template_scope){
	        .vu = 42,
	        .iteration = UINT64_MAX,
	        .agent = "agent-1",
	        .random = random,
	        .values = values,
	        .value_count = SLOT_COUNT,
	        .secret = find_secret,
	};
}

static struct template *compile(const struct template_names *names, const char *text)
{
	struct template *template = NULL;
	struct failure failure = {0};

	if (template_compile(text, names, &failure, &template) < 0)
		fail_msg("\"%s\": %s", text, failure.text);
	return template;
}

/* What the text becomes; freed by the caller. */
static char *render(const char *text)
{
	struct template_names *names = make_names();
	struct template *template = compile(names, text);
	struct buffer buffer = {0};
	struct random random;
	struct template_scope scope = make_scope(&random);
	char *rendered;

	assert_int_equal(template_render(template, &scope, &buffer, NULL), 0);
	rendered = strdup(buffer_text(&buffer));
	buffer_deinit(&buffer);
	template_free(template);
	template_names_free(names);
	return rendered;
}

static void test_template_renders(void **state)
{
	static const struct {
		const char *source, *expected;
	} cases[] = {
	        {"", ""},
	        {"plain", "plain"},
	        {"{{symbol}}", "7203.T"},
	        {"/api/{{symbol}}/x", "/api/7203.T/x"},
	        {"{{symbol}}{{user.id}}", "7203.T日本"},
	        {"{{ symbol }}", "7203.T"},
	        {"{{vu}}-{{iteration}}", "42-18446744073709551615"},
	        {"{{agent}}", "agent-1"},
	        {"{{random 7 7}}", "7"},
	        {"{{random -3 -3}}", "-3"},
	        {"{{random 0 0}}", "0"},
	        {"{{random -9223372036854775808 -9223372036854775808}}", "-9223372036854775808"},
	        {"{{random 9223372036854775807 9223372036854775807}}", "9223372036854775807"},
	        {"Bearer {{secret.API_KEY}}", "Bearer s3cret"},
	        {"{{{{symbol}}", "{{symbol}}"},
	        {"a {{{{ b }} c", "a {{ b }} c"},
	        {"{", "{"},
	        {"}}", "}}"},
	        {"a{b", "a{b"},
	        {"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
	        {"{\"vu\":{{vu}}}", "{\"vu\":42}"},
	        {"{\"m\":{{{vu}}:1}}", "{\"m\":{42:1}}"},
	        {"{{{{{{{{", "{{{{"},
	        {"{{{{{{vu}}}}", "{{42}}"},
	        {"{{{{{vu}}", "{{{vu}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *rendered = render(cases[i].source);

		assert_string_equal(rendered, cases[i].expected);
		free(rendered);
	}
}

static void test_template_refuses_with_the_place_and_the_nearest_name(void **state)
{
	static const struct {
		const char *source;
		int column;
		const char *text;
	} cases[] = {
	        {"{{symbl}}", 3, "nothing sets {{symbl}} (did you mean \"symbol\"?)"},
	        {"ab{{ user.ide }}", 6, "nothing sets {{user.ide}} (did you mean \"user.id\"?)"},
	        {"{{iterations}}", 3, "nothing sets {{iterations}} (did you mean \"iteration\"?)"},
	        {"{{frobnicate}}", 3, "nothing sets {{frobnicate}}"},
	        {"{{symbol}} {{", 12, "{{ without }} (write {{{{ for {{ as text)"},
	        {"{{symbol}", 1, "{{ without }} (write {{{{ for {{ as text)"},
	        {"{{}}", 1, "nothing stands between {{ and }}"},
	        {"x{{  }}", 2, "nothing stands between {{ and }}"},
	        {"{{\"a\":1}}", 3, "\"\"a\":1\" is no name; write {{{{ for {{ as text"},
	        {"{{1st}}", 3, "\"1st\" is no name; write {{{{ for {{ as text"},
	        {"{{ranom 1 2}}", 3, "unknown function \"ranom\" (did you mean \"random\"?)"},
	        {"{{random}}", 3, "{{random}} takes two whole numbers, as in {{random 1 100}}"},
	        {"{{random 1}}", 3, "{{random}} takes two whole numbers, as in {{random 1 100}}"},
	        {"{{random 1 2 3}}", 3, "{{random}} takes two whole numbers, as in {{random 1 100}}"},
	        {"{{random 1 2.5}}", 3, "{{random}} takes two whole numbers, as in {{random 1 100}}"},
	        {"{{random 1 -}}", 3, "{{random}} takes two whole numbers, as in {{random 1 100}}"},
	        {"{{random 0 9223372036854775808}}", 3, "{{random}} takes two whole numbers, as in {{random 1 100}}"},
	        {"{{random 2 1}}", 10, "{{random LOW HIGH}}: the first number is above the second"},
	        {"{{vu 1}}", 6, "a name takes nothing after it"},
	        {"{{symbol upper}}", 10, "a name takes nothing after it"},
	        {"{{now utc}}", 7, "{{now}} takes nothing (Unix time in ms) or \"iso\", as in {{now iso}}"},
	        {"{{secret}}", 3, "a secret needs its name, as in {{secret.API_KEY}}"},
	        {"{{secret.}}", 3,
	         "{{secret.NAME}} needs a name of letters, digits, _ - . that doesn't start with a digit"},
	};
	struct template_names *names = make_names();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct template *template = NULL;
		struct failure failure = {0};

		assert_int_equal(template_compile(cases[i].source, names, &failure, &template), -EINVAL);
		assert_null(template);
		assert_string_equal(failure.text, cases[i].text);
		assert_int_equal(failure.column, cases[i].column);
	}
	template_names_free(names);
}

static void test_template_refuses_a_text_over_the_limit(void **state)
{
	struct template_names *names = make_names();
	char *text = malloc(LIMIT_TEMPLATE_BYTES + 2);
	struct template *template = NULL;
	struct failure failure = {0};

	(void)state;
	memset(text, 'a', LIMIT_TEMPLATE_BYTES + 1);
	text[LIMIT_TEMPLATE_BYTES + 1] = '\0';
	assert_int_equal(template_compile(text, names, &failure, &template), -EINVAL);
	text[LIMIT_TEMPLATE_BYTES] = '\0';
	assert_int_equal(template_compile(text, names, &failure, &template), 0);
	template_free(template);
	free(text);
	template_names_free(names);
}

static void test_template_random_reaches_both_ends_and_nothing_else(void **state)
{
	struct template_names *names = make_names();
	struct template *template = compile(names, "{{random -2 3}}");
	unsigned seen[6] = {0};
	struct random random;
	struct template_scope scope = make_scope(&random);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct buffer buffer = {0};
		long drawn;

		assert_int_equal(template_render(template, &scope, &buffer, NULL), 0);
		drawn = strtol(buffer_text(&buffer), NULL, 10);
		assert_in_range(drawn + 2, 0, 5);
		seen[drawn + 2]++;
		buffer_deinit(&buffer);
	}
	for (int i = 0; i < 6; i++)
		assert_true(seen[i] > 100);
	template_free(template);
	template_names_free(names);
}

static void test_template_random_parts_repeat_by_the_scopes_seed(void **state)
{
	static const char source[] =
	        "{{uuid}} {{random 1 1000000}} {{random -9223372036854775808 9223372036854775807}}";
	char *first = render(source), *second = render(source);

	(void)state;
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void test_template_uuid_is_of_version_4_and_new_each_time(void **state)
{
	char *text = render("{{uuid}} {{uuid}}");

	(void)state;
	assert_int_equal(strlen(text), 36 + 1 + 36);
	for (int i = 0; i < 74; i += 37) {
		assert_int_equal(text[i + 8], '-');
		assert_int_equal(text[i + 13], '-');
		assert_int_equal(text[i + 14], '4');
		assert_int_equal(text[i + 18], '-');
		assert_non_null(strchr("89ab", text[i + 19]));
		assert_int_equal(text[i + 23], '-');
	}
	assert_memory_not_equal(text, text + 37, 36);
	free(text);
}

static void test_template_now_lies_between_two_looks_at_the_clock(void **state)
{
	int64_t before_ms = clock_wall_ns() / 1000000, now_ms, after_ms;
	char *text = render("{{now}}");

	(void)state;
	after_ms = clock_wall_ns() / 1000000;
	now_ms = strtoll(text, NULL, 10);
	assert_true(before_ms <= now_ms && now_ms <= after_ms);
	free(text);
}

static void test_template_now_iso_is_the_c_librarys_date(void **state)
{
	time_t before = (time_t)(clock_wall_ns() / 1000000000), after;
	char *text = render("{{now iso}}"), expected[32];
	_Bool found = 0;

	(void)state;
	after = (time_t)(clock_wall_ns() / 1000000000);
	assert_int_equal(strlen(text), 24);
	for (time_t t = before; t <= after; t++) {
		struct tm tm;

		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.", gmtime_r(&t, &tm));
		found |= strncmp(text, expected, 20) == 0;
	}
	assert_true(found);
	assert_int_equal(text[23], 'Z');
	free(text);
}

static void test_template_iso_dates_are_the_c_librarys_for_centuries(void **state)
{
	(void)state;
	for (uint64_t day = 0; day < 150000; day++) {
		uint64_t ms = day * 86400000 + day * 7919 % 86400000;
		char text[ISO_SIZE + 1] = "", expected[ISO_SIZE + 1];
		time_t seconds = (time_t)(ms / 1000);
		struct tm tm;

		template_format_iso(ms, text);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.", gmtime_r(&seconds, &tm));
		snprintf(expected + 20, sizeof(expected) - 20, "%03uZ", (unsigned)(ms % 1000));
		assert_string_equal(text, expected);
	}
}

static void test_template_says_what_is_missing_and_leaves_the_buffer(void **state)
{
	static const struct {
		const char *source, *missing;
	} cases[] = {{"a{{symbol}}{{unset}}b", "unset"}, {"{{secret.OTHER}}", "OTHER"}};
	struct template_names *names = make_names();
	struct random random;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct template *template = compile(names, cases[i].source);
		struct template_scope scope = make_scope(&random);
		struct buffer buffer = {0};
		const char *missing = NULL;

		assert_int_equal(buffer_append_text(&buffer, "kept"), 0);
		assert_int_equal(template_render(template, &scope, &buffer, &missing), -ENOKEY);
		assert_string_equal(missing, cases[i].missing);
		assert_string_equal(buffer_text(&buffer), "kept");
		scope.value_count = 0;
		scope.secret = NULL;
		assert_int_equal(template_render(template, &scope, &buffer, NULL), -ENOKEY);
		buffer_deinit(&buffer);
		template_free(template);
	}
	template_names_free(names);
}

static void test_template_knows_what_it_uses(void **state)
{
	struct template_names *names = make_names();
	struct template *template = compile(names, "x{{user.id}}"), *constant = compile(names, "x{{{{symbol}}");

	(void)state;
	assert_true(template_uses(template, USER_ID));
	assert_false(template_uses(template, SYMBOL));
	assert_false(template_is_constant(template));
	assert_string_equal(template_source(template), "x{{user.id}}");
	assert_true(template_is_constant(constant));
	assert_false(template_uses(constant, SYMBOL));
	template_free(template);
	template_free(constant);
	template_names_free(names);
}

static void test_template_names_are_checked(void **state)
{
	static const struct {
		const char *name;
		int result;
	} cases[] = {
	        {"a", 0},
	        {"_x", 0},
	        {"user.first-name", 0},
	        {"A9", 0},
	        {"", -EINVAL},
	        {"9a", -EINVAL},
	        {"a b", -EINVAL},
	        {"a}", -EINVAL},
	        {"é", -EINVAL},
	        {"vu", -EEXIST},
	        {"now", -EEXIST},
	        {"uuid", -EEXIST},
	        {"random", -EEXIST},
	        {"iteration", -EEXIST},
	        {"agent", -EEXIST},
	        {"secret", -EEXIST},
	        {"secret.x", -EEXIST},
	        {"secrets", 0},
	};
	struct template_names *names = template_names_new();
	uint32_t slot, again;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(template_names_add(names, cases[i].name, &slot), cases[i].result);
	assert_int_equal(template_names_count(names), 5);
	assert_int_equal(template_names_add(names, "_x", &slot), 0);
	assert_int_equal(template_names_add(names, "_x", &again), 0);
	assert_int_equal(slot, again);
	assert_int_equal(template_names_find(names, "_x"), slot);
	assert_string_equal(template_names_get(names, slot), "_x");
	assert_int_equal(template_names_find(names, "none"), UINT32_MAX);
	template_names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_template_renders),
	        cmocka_unit_test(test_template_refuses_with_the_place_and_the_nearest_name),
	        cmocka_unit_test(test_template_refuses_a_text_over_the_limit),
	        cmocka_unit_test(test_template_random_reaches_both_ends_and_nothing_else),
	        cmocka_unit_test(test_template_random_parts_repeat_by_the_scopes_seed),
	        cmocka_unit_test(test_template_uuid_is_of_version_4_and_new_each_time),
	        cmocka_unit_test(test_template_now_lies_between_two_looks_at_the_clock),
	        cmocka_unit_test(test_template_now_iso_is_the_c_librarys_date),
	        cmocka_unit_test(test_template_iso_dates_are_the_c_librarys_for_centuries),
	        cmocka_unit_test(test_template_says_what_is_missing_and_leaves_the_buffer),
	        cmocka_unit_test(test_template_knows_what_it_uses),
	        cmocka_unit_test(test_template_names_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
