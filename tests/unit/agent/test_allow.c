/* SPDX-License-Identifier: Apache-2.0 */
/* allow.h: which hosts a target names, and what a rule lets pass. No name is resolved here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/allow.h"
#include "common/base/buffer.h"

static int add_host(void *context, const char *name)
{
	struct buffer *hosts = context;

	if (hosts->size > 0)
		buffer_append_byte(hosts, ' ');
	return buffer_append_text(hosts, name);
}

static void test_allow_finds_the_hosts_of_a_target(void **state)
{
	static const struct {
		enum target_kind kind;
		const char *text;
		const char *hosts; /* NULL: they can't be told */
	} cases[] = {
	        {TARGET_HTTP, "http://example.com", "example.com"},
	        {TARGET_HTTP, "http://example.com:8080/a:b@c", "example.com"},
	        {TARGET_HTTP, "https://me:x@example.com/", "example.com"},
	        {TARGET_HTTP, "http://[::1]:80/", "::1"},
	        {TARGET_HTTP, "http://evil.com?@good.com/", "evil.com"},
	        {TARGET_HTTP, "http://[::1", NULL},
	        {TARGET_HTTP, "http://", NULL},
	        {TARGET_HTTP, "example.com", NULL},
	        {TARGET_KAFKA, "a:9092", "a"},
	        {TARGET_KAFKA, "a:9092,b:9093, c", "a b c"},
	        {TARGET_KAFKA, "PLAINTEXT://a:9092,SSL://[fd00::1]:9093", "a fd00::1"},
	        {TARGET_KAFKA, "a,,b", NULL},
	        {TARGET_POSTGRES, "postgresql://db.example/x", "db.example"},
	        {TARGET_POSTGRES, "postgresql://u:p@db.example:5432,other:5433/x?connect_timeout=3",
	         "db.example other"},
	        {TARGET_POSTGRES, "postgres://[::1]:5432/x", "::1"},
	        {TARGET_POSTGRES, "postgresql:///x", "localhost"},
	        {TARGET_POSTGRES, "postgresql://u@/x", "localhost"},
	        {TARGET_POSTGRES, "postgresql://good/x?host=evil", NULL},
	        {TARGET_POSTGRES, "postgresql://good/x?a=b&hostaddr=6.6.6.6", NULL},
	        {TARGET_POSTGRES, "postgresql://good/x?service=evil", NULL},
	        {TARGET_POSTGRES, "postgresql://good/x?h%6fst=evil", NULL},
	        {TARGET_POSTGRES, "postgresql://%2Fvar%2Frun/x", NULL},
	        {TARGET_POSTGRES, "host=a,b port=1 dbname=x", "a b"},
	        {TARGET_POSTGRES, "dbname=x", "localhost"},
	        {TARGET_POSTGRES, "host=a hostaddr=6.6.6.6", NULL},
	        {TARGET_POSTGRES, "service=evil", NULL},
	        {TARGET_POSTGRES, "host = evil", NULL},
	        {TARGET_POSTGRES, "host='evil'", NULL},
	        {TARGET_NULL, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target target = {.kind = cases[i].kind};
		struct buffer hosts = {0};
		int r;

		if (target.kind == TARGET_HTTP)
			target.http.base_url = (char *)cases[i].text;
		else if (target.kind == TARGET_KAFKA)
			target.kafka.brokers = (char *)cases[i].text;
		else if (target.kind == TARGET_POSTGRES)
			target.postgres.uri = (char *)cases[i].text;
		r = allow_hosts(&target, add_host, &hosts);
		if (r != (cases[i].hosts ? 0 : -EINVAL))
			fail_msg("%s: %d", cases[i].text, r);
		if (cases[i].hosts)
			assert_string_equal(buffer_text(&hosts), cases[i].hosts);
		buffer_deinit(&hosts);
	}
}

static int check(const char *host, const char *rule)
{
	char url[300] = "http://";
	struct target target = {.name = (char *)"t", .kind = TARGET_HTTP, .http.base_url = url};
	struct plan plan = {.targets = &target, .target_count = 1};
	struct allow_rule parsed;
	struct failure failure;

	strcat(url, host);
	assert_int_equal(allow_parse(rule, &parsed), 0);
	return allow_check(&plan, &parsed, 1, &failure);
}

static void test_allow_matches_names_and_networks(void **state)
{
	static const struct {
		const char *host;
		const char *rule;
		_Bool allowed;
	} cases[] = {
	        {"example.com", "example.com", 1}, {"Example.COM", "eXample.com", 1}, {"10.1.2.3", "10.0.0.0/8", 1},
	        {"11.1.2.3", "10.0.0.0/8", 0},     {"10.1.2.3", "10.1.2.3", 1},       {"10.1.2.4", "10.1.2.3", 0},
	        {"10.1.2.3", "10.1.2.0/30", 1},    {"10.1.2.4", "10.1.2.0/30", 0},    {"10.1.2.4", "0.0.0.0/0", 1},
	        {"[fd00::5]", "fd00::/8", 1},      {"[fe00::5]", "fd00::/8", 0},      {"[::1]", "0.0.0.0/0", 0},
	        {"10.1.2.3", "::/0", 1},           {"127.0.0.1", "localhost", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (check(cases[i].host, cases[i].rule) != (cases[i].allowed ? 0 : -EPERM))
			fail_msg("%s by %s", cases[i].host, cases[i].rule);
	}
}

static void test_allow_lets_all_pass_without_a_rule(void **state)
{
	struct target target = {.name = (char *)"t", .kind = TARGET_HTTP, .http.base_url = (char *)"http://anywhere"};
	struct plan plan = {.targets = &target, .target_count = 1};

	(void)state;
	assert_int_equal(allow_check(&plan, NULL, 0, NULL), 0);
}

static void test_allow_refuses_what_is_no_rule(void **state)
{
	static const char *const cases[] = {"",           "a/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
	                                    "fd00::/129", "a b", "http://a",    "a:80"};
	struct allow_rule rule;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (allow_parse(cases[i], &rule) != -EINVAL)
			fail_msg("%s", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_allow_finds_the_hosts_of_a_target),
	        cmocka_unit_test(test_allow_matches_names_and_networks),
	        cmocka_unit_test(test_allow_lets_all_pass_without_a_rule),
	        cmocka_unit_test(test_allow_refuses_what_is_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
