/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies of a virtual user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/http/cookies.h"
#include "common/base/clock.h"
#include "common/base/limits.h"

#define NOW (1000 * NS_PER_S)

static void take(struct cookies *cookies, const char *line)
{
	assert_int_equal(cookies_take(cookies, line, strlen(line), "api.example.org", "/shop/cart?x=1", NOW), 0);
}

static void assert_sends(const struct cookies *cookies, const char *target, _Bool secure, uint64_t now_ns,
                         const char *expected)
{
	struct buffer buffer = {0};

	assert_int_equal(cookies_render(cookies, target, secure, now_ns, &buffer), 0);
	assert_string_equal(buffer_text(&buffer), expected);
	buffer_deinit(&buffer);
}

static void test_cookies_of_one_line_are_taken_or_ignored(void **state)
{
	static const struct {
		const char *line, *sent;
	} cases[] = {
	        {"sid=42; Path=/", "sid=42"},
	        {"sid=42", "sid=42"},
	        {"  sid = 42 ; path=/ ; HttpOnly", "sid=42"},
	        {"sid=a=b; Path=/", "sid=a=b"},
	        {"sid=; Path=/", "sid="},
	        {"sid=\"x y\"; Path=/", "sid=\"x y\""},
	        {"sid=1; Path=/shop", "sid=1"},
	        {"sid=1; Path=/shopping", ""},
	        {"sid=1; Path=/other", ""},
	        {"sid=1; Path=relative", "sid=1"},
	        {"sid=1; Secure", ""},
	        {"sid=1; Domain=example.org", "sid=1"},
	        {"sid=1; Domain=.example.org", "sid=1"},
	        {"sid=1; Domain=API.example.org", "sid=1"},
	        {"sid=1; Domain=xample.org", ""},
	        {"sid=1; Domain=other.org", ""},
	        {"sid=1; Max-Age=0", ""},
	        {"sid=1; Max-Age=-5", ""},
	        {"sid=1; Max-Age=60", "sid=1"},
	        {"sid=1; Max-Age=99999999999999999999", "sid=1"},
	        {"sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""},
	        {"sid=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", ""},
	        {"sid=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "sid=1"},
	        {"sid=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "sid=1"},
	        {"sid=1; Expires=someday", "sid=1"},
	        {"", ""},
	        {"sid", ""},
	        {"=1", ""},
	        {";;;", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cookies cookies = {0};

		take(&cookies, cases[i].line);
		assert_sends(&cookies, "/shop/cart", 0, NOW, cases[i].sent);
		cookies_deinit(&cookies);
	}
}

static void test_cookies_are_replaced_and_removed_by_name_and_path(void **state)
{
	struct cookies cookies = {0};

	(void)state;
	take(&cookies, "a=1; Path=/");
	take(&cookies, "b=2; Path=/");
	take(&cookies, "a=3; Path=/");
	assert_sends(&cookies, "/", 0, NOW, "a=3; b=2");
	take(&cookies, "a=4; Path=/shop");
	assert_sends(&cookies, "/shop", 0, NOW, "a=3; b=2; a=4");
	take(&cookies, "a=; Path=/; Max-Age=0");
	assert_sends(&cookies, "/shop?q", 0, NOW, "b=2; a=4");
	cookies_deinit(&cookies);
}

static void test_cookies_age_and_stay_on_secure_connections(void **state)
{
	struct cookies cookies = {0};

	(void)state;
	take(&cookies, "a=1; Max-Age=10; Path=/");
	take(&cookies, "b=2; Secure; Path=/");
	assert_sends(&cookies, "/", 0, NOW + 9 * NS_PER_S, "a=1");
	assert_sends(&cookies, "/", 0, NOW + 10 * NS_PER_S, "");
	assert_sends(&cookies, "/", 1, NOW + 10 * NS_PER_S, "b=2");
	cookies_deinit(&cookies);
}

static void test_cookies_never_exceed_their_limits(void **state)
{
	struct cookies cookies = {0};
	char line[LIMIT_COOKIE_BYTES + 2];

	(void)state;
	for (int i = 0; i < 2 * LIMIT_COOKIES; i++) {
		snprintf(line, sizeof(line), "name%d=1", i);
		take(&cookies, line);
	}
	assert_int_equal(cookies.count, LIMIT_COOKIES);
	take(&cookies, "name0=2");
	assert_int_equal(cookies.count, LIMIT_COOKIES);
	cookies_deinit(&cookies);
	memset(line, 'x', sizeof(line) - 1);
	line[1] = '=';
	line[sizeof(line) - 1] = '\0';
	take(&cookies, line);
	assert_int_equal(cookies.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cookies_of_one_line_are_taken_or_ignored),
	        cmocka_unit_test(test_cookies_are_replaced_and_removed_by_name_and_path),
	        cmocka_unit_test(test_cookies_age_and_stay_on_secure_connections),
	        cmocka_unit_test(test_cookies_never_exceed_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
