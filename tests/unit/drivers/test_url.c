/* SPDX-License-Identifier: Apache-2.0 */
/* Base URLs and percent-encoding. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/http/url.h"

static void test_url_is_taken_apart(void **state)
{
	static const struct {
		const char *text, *origin, *host, *port, *path;
		_Bool secure;
	} cases[] = {
	        {"http://localhost:8000", "http://localhost:8000", "localhost", "8000", "", 0},
	        {"http://example.org", "http://example.org", "example.org", "80", "", 0},
	        {"https://example.org", "https://example.org", "example.org", "443", "", 1},
	        {"https://example.org:8443/v1/", "https://example.org:8443", "example.org", "8443", "/v1", 1},
	        {"http://example.org///", "http://example.org", "example.org", "80", "", 0},
	        {"HTTP://[::1]:80/a/b", "HTTP://[::1]:80", "::1", "80", "/a/b", 0},
	        {"http://[fe80::1]", "http://[fe80::1]", "fe80::1", "80", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure = {0};
		struct url url = {0};

		assert_int_equal(url_parse(cases[i].text, &failure, &url), 0);
		assert_string_equal(url.origin, cases[i].origin);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.port, cases[i].port);
		assert_string_equal(url.path, cases[i].path);
		assert_int_equal(url.secure, cases[i].secure);
		url_deinit(&url);
	}
}

static void test_url_that_is_wrong_is_refused(void **state)
{
	static const char *const cases[] = {
	        "",
	        "localhost:8000",
	        "ftp://example.org",
	        "http://",
	        "http:///path",
	        "http://a:b@c/",
	        "http://example.org?",
	        "http://example.org#x",
	        "http://[::1",
	        "http://[::1]x",
	        "http://a:",
	        "http://a:0",
	        "http://a:65536",
	        "http://a:80x",
	        "http://a:123456",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure = {0};
		struct url url = {0};

		if (url_parse(cases[i], &failure, &url) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_true(failure.text[0] != '\0');
		assert_null(url.host);
	}
}

static void test_url_encodes_only_what_a_target_cannot_hold(void **state)
{
	static const struct {
		const char *raw, *encoded;
	} cases[] = {
	        {"", ""},
	        {"/api/stocks/AAPL?from=1&to=2", "/api/stocks/AAPL?from=1&to=2"},
	        {"/a b", "/a%20b"},
	        {"/\xe6\xa0\xaa", "/%E6%A0%AA"},
	        {"/50%25", "/50%25"},
	        {"/a\r\nb\x7f", "/a%0D%0Ab%7F"},
	        {"\"<>\\^`{|}#", "%22%3C%3E%5C%5E%60%7B%7C%7D%23"},
	        {"-._~!$&'()*+,;=:@/?[]", "-._~!$&'()*+,;=:@/?[]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer buffer = {0};

		assert_int_equal(url_append_encoded(&buffer, cases[i].raw, strlen(cases[i].raw)), 0);
		assert_string_equal(buffer_text(&buffer), cases[i].encoded);
		buffer_deinit(&buffer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_url_is_taken_apart),
	        cmocka_unit_test(test_url_that_is_wrong_is_refused),
	        cmocka_unit_test(test_url_encodes_only_what_a_target_cannot_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
