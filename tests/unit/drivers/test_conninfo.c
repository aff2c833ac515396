/* SPDX-License-Identifier: Apache-2.0 */
/* What libpq is told to connect. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/postgres/conninfo.h"

static const char *value_of(const struct conninfo *conninfo, const char *keyword)
{
	for (size_t i = 0; conninfo->keywords[i]; i++)
		if (strcmp(conninfo->keywords[i], keyword) == 0)
			return conninfo->values[i];
	return NULL;
}

static void assert_text(const char *text, const char *expected)
{
	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
}

static void test_conninfo_has_every_address_beside_its_host(void **state)
{
	static const struct {
		const char *uri, *host, *address, *port;
	} cases[] = {
	        {"postgresql://127.0.0.1/db", "127.0.0.1", "127.0.0.1", "5432"},
	        {"postgresql://[::1]:5433/db", "::1", "::1", "5433"},
	        {"postgresql://127.0.0.1:1,127.0.0.2:2/db", "127.0.0.1,127.0.0.2", "127.0.0.1,127.0.0.2", "1,2"},
	        {"host=127.0.0.1,127.0.0.2 port=7 dbname=db", "127.0.0.1,127.0.0.2", "127.0.0.1,127.0.0.2", "7,7"},
	        {"host=/tmp dbname=db", "/tmp", "", "5432"},
	        {"host=/tmp,127.0.0.1 port=1,2 dbname=db", "/tmp,127.0.0.1", ",127.0.0.1", "1,2"},
	        {"dbname=db", "/var/run/postgresql", "", "5432"},
	        {"host=name hostaddr=10.0.0.1 dbname=db", "name", "10.0.0.1", NULL},
	        {"host=no-such-host.invalid,127.0.0.1 port=1,2 dbname=db", "127.0.0.1", "127.0.0.1", "2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure = {0};
		struct conninfo conninfo;

		assert_int_equal(conninfo_init(&conninfo, cases[i].uri, &failure), 0);
		assert_text(value_of(&conninfo, "host"), cases[i].host);
		assert_text(value_of(&conninfo, "hostaddr"), cases[i].address);
		assert_text(value_of(&conninfo, "port"), cases[i].port);
		assert_string_equal(value_of(&conninfo, "dbname"), "db");
		assert_string_equal(value_of(&conninfo, "gssencmode"), "disable");
		assert_string_equal(conninfo.problem, "");
		conninfo_deinit(&conninfo);
	}
}

static void test_conninfo_keeps_what_the_uri_says(void **state)
{
	struct failure failure = {0};
	struct conninfo conninfo;

	(void)state;
	assert_int_equal(conninfo_init(&conninfo,
	                               "postgresql://me:pw@127.0.0.1/db?gssencmode=prefer&application_name=mine",
	                               &failure),
	                 0);
	assert_string_equal(value_of(&conninfo, "user"), "me");
	assert_string_equal(value_of(&conninfo, "password"), "pw");
	assert_string_equal(value_of(&conninfo, "gssencmode"), "prefer");
	assert_string_equal(value_of(&conninfo, "application_name"), "mine");
	conninfo_deinit(&conninfo);
}

static void test_conninfo_says_what_is_wrong(void **state)
{
	static const char *const with_password[] = {
	        "postgresql://user:s3cret%zz@127.0.0.1/db",
	        "postgresql://user:s3cret@[::1]x/db",
	        "host=127.0.0.1 s3cret",
	        "host=127.0.0.1 password='s3cret",
	};
	struct failure failure = {0};
	struct conninfo conninfo;

	(void)state;
	assert_int_equal(conninfo_init(&conninfo, "postgresql://127.0.0.1/db?nonsense=1", &failure), -EINVAL);
	assert_non_null(strstr(failure.text, "nonsense"));
	for (size_t i = 0; i < sizeof(with_password) / sizeof(*with_password); i++) {
		assert_int_equal(conninfo_init(&conninfo, with_password[i], &failure), -EINVAL);
		assert_true(strlen(failure.text) > strlen("uri: "));
		assert_null(strstr(failure.text, "s3cret"));
	}
	assert_int_equal(conninfo_init(&conninfo, "host=no-such-host.invalid", &failure), 0);
	assert_non_null(strstr(conninfo.problem, "no-such-host.invalid"));
	conninfo_deinit(&conninfo);
}

static void test_conninfo_knows_the_first_host(void **state)
{
	static const struct {
		const char *uri, *host, *port;
	} cases[] = {
	        {"postgresql://a:1,b:2/db", "a", "1"},
	        {"host=/tmp port=6", "/tmp", "6"},
	        {"dbname=db", "/var/run/postgresql", "5432"},
	        {"host=a hostaddr=10.0.0.1", "10.0.0.1", "5432"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *host, *port;

		assert_int_equal(conninfo_first_host(cases[i].uri, &host, &port), 0);
		assert_string_equal(host, cases[i].host);
		assert_string_equal(port, cases[i].port);
		free(host);
		free(port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_conninfo_has_every_address_beside_its_host),
	        cmocka_unit_test(test_conninfo_keeps_what_the_uri_says),
	        cmocka_unit_test(test_conninfo_says_what_is_wrong),
	        cmocka_unit_test(test_conninfo_knows_the_first_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
