/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into JSON documents. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/http/json_path.h"

static int extract(const char *path_text, const char *text, struct buffer *buffer)
{
	struct failure failure = {0};
	struct json_path *path = NULL;
	struct json_document *document = json_document_parse(text, strlen(text));
	int r;

	assert_int_equal(json_path_compile(path_text, &failure, &path), 0);
	assert_non_null(document);
	r = json_path_extract(path, document, buffer);
	json_document_free(document);
	json_path_free(path);
	return r;
}

static void test_json_path_finds_values(void **state)
{
	static const struct {
		const char *path, *document, *found;
	} cases[] = {
	        {"$", "7", "7"},
	        {"$", "{\"a\": [1, 2]}", "{\"a\":[1,2]}"},
	        {"$.price", "{\"price\": 12.34}", "12.34"},
	        {"$.price", "{\"price\": 0.1}", "0.1"},
	        {"$.price", "{\"price\": 0.30000000000000004}", "0.30000000000000004"},
	        {"$.id", "{\"id\": 9007199254740993}", "9007199254740993"},
	        {"$.a.b[0]", "{\"a\": {\"b\": [\"x\\n\\u682a\", 2]}}", "x\n\xe6\xa0\xaa"},
	        {"$[1][0].c", "[0, [{\"c\": true}]]", "true"},
	        {"$[-1]", "[1, 2, 3]", "3"},
	        {"$['a b']", "{\"a b\": null}", "null"},
	        {"$[\"x.y\"].z", "{\"x.y\": {\"z\": \"\"}}", ""},
	        {"$.a", "{\"a\": false}", "false"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer buffer = {0};

		assert_int_equal(extract(cases[i].path, cases[i].document, &buffer), 0);
		assert_string_equal(buffer_text(&buffer), cases[i].found);
		buffer_deinit(&buffer);
	}
}

static void test_json_path_says_what_is_not_there(void **state)
{
	static const struct {
		const char *path, *document;
	} cases[] = {
	        {"$.a", "{}"},   {"$.a", "[1]"},   {"$[0]", "{}"},
	        {"$[3]", "[1]"}, {"$[-2]", "[1]"}, {"$.a.b", "{\"a\": 1}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer buffer = {0};

		assert_int_equal(extract(cases[i].path, cases[i].document, &buffer), -ENOENT);
		buffer_deinit(&buffer);
	}
	assert_null(json_document_parse("{", 1));
	assert_null(json_document_parse("", 0));
}

static void test_json_path_that_is_wrong_is_refused(void **state)
{
	static const char *const cases[] = {"",     "a",    "$a",    "$.",  "$..a",  "$[",   "$[]",
	                                    "$[a]", "$['a", "$['a'", "$[1", "$[ 1]", "$[+1]"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure = {0};
		struct json_path *path = NULL;

		if (json_path_compile(cases[i], &failure, &path) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_null(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_json_path_finds_values),
	        cmocka_unit_test(test_json_path_says_what_is_not_there),
	        cmocka_unit_test(test_json_path_that_is_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
