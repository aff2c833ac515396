/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of SQLSTATEs, and their place in libpq's messages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/drivers/postgres/sqlstate.h"

static void test_sqlstate_has_a_class(void **state)
{
	static const struct {
		const char *sqlstate;
		enum error_class class;
	} cases[] = {
	        {"57014", ERROR_TIMEOUT},    {"55P03", ERROR_TIMEOUT},    {"28P01", ERROR_AUTH},
	        {"28000", ERROR_AUTH},       {"42501", ERROR_AUTH},       {"08006", ERROR_CONNECTION},
	        {"57P01", ERROR_CONNECTION}, {"57P03", ERROR_CONNECTION}, {"53300", ERROR_SERVER},
	        {"40P01", ERROR_SERVER},     {"40001", ERROR_SERVER},     {"XX000", ERROR_SERVER},
	        {"22P02", ERROR_DATA},       {"23505", ERROR_DATA},       {"42P01", ERROR_CLIENT},
	        {"42601", ERROR_CLIENT},     {"3D000", ERROR_CLIENT},     {"0A000", ERROR_CLIENT},
	        {"", ERROR_SERVER},          {"4260", ERROR_SERVER},      {"P0001", ERROR_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(sqlstate_class(cases[i].sqlstate), cases[i].class);
	assert_int_equal(sqlstate_class(NULL), ERROR_SERVER);
}

static void test_sqlstate_is_found_in_a_message(void **state)
{
	static const struct {
		const char *message, *found;
	} cases[] = {
	        {"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication "
	         "failed\nLOCATION:  x\n",
	         "28P01"},
	        {"FATAL:  3D000: database \"x\" does not exist", "3D000"},
	        {"FATAL:  the database system is starting up", NULL},
	        {"connection failed: Connection refused\n\tIs the server running?", NULL},
	        {"FEHLER:  abc:  57P03: startet", "57P03"},
	        {"FATAL:  28P0", NULL},
	        {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char sqlstate[SQLSTATE_SIZE] = "none";

		assert_int_equal(sqlstate_find(cases[i].message, sqlstate), cases[i].found ? 0 : -ENOENT);
		assert_string_equal(sqlstate, cases[i].found ? cases[i].found : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sqlstate_has_a_class),
	        cmocka_unit_test(test_sqlstate_is_found_in_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
