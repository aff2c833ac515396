/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver on a real loop against a real server. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/postgres/postgres.h"
#include "common/base/clock.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/rig.h"

#define PLAN_HEAD                                                                                                      \
	"name: test\n"                                                                                                 \
	"targets: { db: { postgres: { uri: \"%s\", connections: 8, timeout: 10s } } }\n"                               \
	"variables: { word: \"w\" }\n"                                                                                 \
	"scenarios:\n"                                                                                                 \
	"  users:\n"                                                                                                   \
	"    executor: constant-vus\n"                                                                                 \
	"    vus: 1\n"                                                                                                 \
	"    duration: 1s\n"                                                                                           \
	"    steps:\n"

static struct postgres_server server;
static char uri[128]; /* by the unix socket */
static char uri_by_port[128];

static int start_server(void **state)
{
	(void)state;
	postgres_server_start(&server);
	snprintf(uri, sizeof(uri), "host=%s port=%u user=tester dbname=postgres", server.folder, server.port);
	snprintf(uri_by_port, sizeof(uri_by_port), "postgresql://tester@127.0.0.1:%u/postgres", server.port);
	free(postgres_server_ask(&server, "CREATE TABLE items (id int PRIMARY KEY, name text)"));
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	postgres_server_stop(&server);
	return 0;
}

/* A rig with that many connections on the shared server. */
static void open_rig(struct rig *rig, uint32_t connections, const char *steps)
{
	*rig = (struct rig){.config = {.connections = connections}};
	rig_open_config(rig, &postgres_driver, PLAN_HEAD "%s", uri, steps);
}

static void assert_answer(const char *sql, const char *expected)
{
	char *answer = postgres_server_ask(&server, sql);

	assert_string_equal(answer, expected);
	free(answer);
}

/* The same of what the server does in its own time. */
static void await_answer(const char *sql, const char *expected)
{
	uint64_t deadline_ns = clock_now_ns() + 20 * NS_PER_S;
	_Bool same = 0;

	while (!same && clock_now_ns() < deadline_ns) {
		char *answer = postgres_server_ask(&server, sql);

		same = strcmp(answer, expected) == 0;
		free(answer);
	}
	assert_answer(sql, expected);
}

static void test_postgres_counts_rows_and_bytes_of_statements(void **state)
{
	static const struct {
		const char *query;
		uint64_t rows, bytes;
	} cases[] = {
	        {"SELECT 1", 1, 1},
	        {"SELECT 'abc', NULL, 12345", 1, 8},
	        {"SELECT g FROM generate_series(1, 1000) g", 1000, 9 + 180 + 2700 + 4},
	        {"SELECT 1 WHERE false", 0, 0},
	        {"INSERT INTO items SELECT g, 'x' FROM generate_series(1, 7) g", 7, 0},
	        {"UPDATE items SET name = 'y' WHERE id <= 3 RETURNING name", 3, 3},
	        {"DELETE FROM items WHERE id > 3", 4, 0},
	        {"DELETE FROM items", 3, 0},
	        {"CREATE TEMPORARY TABLE one (id int)", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig_operation operation = {0};
		struct rig rig;
		char step[256];

		snprintf(step, sizeof(step), "      - sql: { target: db, query: \"%s\" }\n", cases[i].query);
		open_rig(&rig, 1, step);
		rig_do(&rig, &operation, 0, NULL);
		assert_string_equal(operation.words.error_text, "");
		assert_int_equal(operation.operation.error, ERROR_NONE);
		assert_int_equal(rig_sample(&operation, METRIC_SQL_ROWS), cases[i].rows);
		assert_int_equal(rig_sample(&operation, METRIC_SQL_BYTES), cases[i].bytes);
		assert_true(operation.operation.sent_bytes > 0);
		assert_true(operation.operation.received_bytes >= cases[i].bytes);
		rig_close(&rig);
	}
}

static void test_postgres_parameters_are_values_not_text(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	open_rig(&rig, 1,
	         "      - sql: { target: db, query: \"INSERT INTO items VALUES ($1, $2)\", params: [\"{{iteration}}\", "
	         "\"{{word}}\"] }\n"
	         "      - sql: { target: db, query: \"SELECT name FROM items WHERE id = $1::int + 0\", params: [\"0\"] "
	         "}\n");
	rig_set(&rig, "word", "'); DROP TABLE items; -- \xe6\xa0\xaa");
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	rig_do(&rig, &operation, 1, NULL);
	assert_int_equal(rig_sample(&operation, METRIC_SQL_BYTES), strlen("'); DROP TABLE items; -- \xe6\xa0\xaa"));
	rig_set(&rig, "word", NULL);
	assert_int_equal(rig_submit(&rig, &operation, 0, NULL), SUBMIT_FAILED);
	assert_int_equal(operation.operation.error, ERROR_DATA);
	rig_close(&rig);
	free(postgres_server_ask(&server, "DELETE FROM items"));
}

static void test_postgres_statements_wait_for_a_connection_in_order(void **state)
{
	enum { COUNT = 9 };
	static struct rig_operation operations[COUNT];
	struct rig rig;

	(void)state;
	open_rig(&rig, 2, "      - sql: { target: db, query: \"SELECT pg_sleep(0.02)\" }\n");
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	assert_int_equal(postgres_driver.in_flight(rig.driver), COUNT);
	rig_await(&rig, COUNT);
	assert_int_equal(rig.failed, 0);
	for (int i = 0; i < COUNT; i++) {
		const struct operation *operation = &operations[i].operation;
		int running = 0;

		/* Service time begins when it leaves: a wait is in the response time alone. */
		assert_true(operation->completed_ns - operation->started_ns >= 20 * NS_PER_MS);
		assert_true(operation->started_ns - operation->intended_ns >= (uint64_t)(i / 2) * 20 * NS_PER_MS);
		for (int j = 0; j < COUNT; j++) {
			const struct operation *other = &operations[j].operation;

			assert_true(j < i ? other->started_ns <= operation->started_ns
			                  : other->started_ns >= operation->started_ns);
			running += other->started_ns <= operation->started_ns &&
			           operation->started_ns < other->completed_ns;
		}
		assert_in_range(running, 1, 2);
	}
	rig_close(&rig);
}

static void test_postgres_calls_and_rows_are_those_of_the_server(void **state)
{
	enum { COUNT = 300 };
	static struct rig_operation operations[COUNT];
	uint64_t rows = 0;
	struct rig rig;
	char expected[64];

	(void)state;
	free(postgres_server_ask(&server, "SELECT pg_stat_statements_reset()"));
	open_rig(&rig, 4,
	         "      - sql: { target: db, query: \"SELECT g FROM generate_series(1, $1::int) g\", params: "
	         "[\"{{random 0 9}}\"] }\n");
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	rig_await(&rig, COUNT);
	assert_int_equal(rig.failed, 0);
	for (int i = 0; i < COUNT; i++)
		rows += rig_sample(&operations[i], METRIC_SQL_ROWS);
	rig_close(&rig);
	snprintf(expected, sizeof(expected), "%d|%llu", COUNT, (unsigned long long)rows);
	assert_answer("SELECT calls, rows FROM pg_stat_statements WHERE query LIKE '%generate_series($1%' OR query "
	              "LIKE '%generate_series(1, $1%'"
	              " OR query LIKE 'SELECT g FROM%'",
	              expected);
}

static void test_postgres_errors_are_classified(void **state)
{
	static const struct {
		const char *query;
		enum error_class class;
		const char *code;
	} cases[] = {
	        {"SELECT 1/0", ERROR_DATA, "22012"},
	        {"SELECT nothing", ERROR_CLIENT, "42703"},
	        {"SELEC", ERROR_CLIENT, "42601"},
	        {"SELECT 'x'::int", ERROR_DATA, "22P02"},
	        {"INSERT INTO items VALUES (1, 'a'), (1, 'b')", ERROR_DATA, "23505"},
	        {"COPY items TO STDOUT", ERROR_CLIENT, "COPY"},
	        {"SELECT pg_terminate_backend(pg_backend_pid())", ERROR_CONNECTION, "57P01"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig_operation operation = {0};
		struct rig rig;
		char steps[512];

		snprintf(steps, sizeof(steps),
		         "      - sql: { target: db, query: \"%s\" }\n      - sql: { target: db, query: \"SELECT 1\" "
		         "}\n",
		         cases[i].query);
		open_rig(&rig, 1, steps);
		rig_do(&rig, &operation, 0, NULL);
		assert_string_equal(operation.words.error_code, cases[i].code);
		assert_int_equal(operation.operation.error, cases[i].class);
		assert_int_equal(operation.words.sample_count, 0);
		/* The connection, or a new one, is of use again; and again the same. */
		rig_do(&rig, &operation, 1, NULL);
		assert_int_equal(operation.operation.error, ERROR_NONE);
		rig_do(&rig, &operation, 0, NULL);
		assert_string_equal(operation.words.error_code, cases[i].code);
		rig_close(&rig);
	}
}

static void test_postgres_statement_that_takes_too_long_is_cancelled(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	open_rig(&rig, 1,
	         "      - sql: { target: db, query: \"SELECT pg_sleep(60)\", timeout: 100ms }\n"
	         "      - sql: { target: db, query: \"SELECT 1\" }\n");
	for (int i = 0; i < 3; i++) {
		rig_do(&rig, &operation, 0, NULL);
		assert_int_equal(operation.operation.error, ERROR_TIMEOUT);
		assert_string_equal(operation.words.error_code, "57014");
		assert_in_range(operation.operation.completed_ns - operation.operation.started_ns, 100 * NS_PER_MS,
		                10 * NS_PER_S);
		/* The same connection, once the server has let go: nothing hits the next statement. */
		rig_do(&rig, &operation, 1, NULL);
		assert_int_equal(operation.operation.error, ERROR_NONE);
	}
	assert_answer("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' "
	              "AND pid <> pg_backend_pid()",
	              "0");
	rig_close(&rig);
}

static void test_postgres_wait_for_a_connection_times_out(void **state)
{
	static struct rig_operation operations[2];
	struct rig rig;

	(void)state;
	open_rig(&rig, 1,
	         "      - sql: { target: db, query: \"SELECT pg_sleep(0.5)\" }\n"
	         "      - sql: { target: db, query: \"SELECT 1\", timeout: 50ms }\n");
	rig_do(&rig, &operations[1], 1, NULL);
	assert_int_equal(rig_submit(&rig, &operations[0], 0, NULL), SUBMIT_ACCEPTED);
	rig_do(&rig, &operations[1], 1, NULL);
	assert_int_equal(operations[1].operation.error, ERROR_TIMEOUT);
	assert_string_equal(operations[1].words.error_code, "NO_CONNECTION");
	assert_false(operations[0].done);
	rig_close(&rig);
}

static void test_postgres_refused_connections_fail_what_waits(void **state)
{
	static struct rig_operation operations[5];
	struct rig rig = {.config = {.connections = 3}};
	char nowhere[128];

	(void)state;
	snprintf(nowhere, sizeof(nowhere), "postgresql://tester@127.0.0.1:%u/postgres", port_free());
	rig_open_config(&rig, &postgres_driver, PLAN_HEAD "      - sql: { target: db, query: \"SELECT 1\" }\n",
	                nowhere);
	for (int i = 0; i < 5; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	rig_await(&rig, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(operations[i].operation.error, ERROR_CONNECTION);
		assert_string_equal(operations[i].words.error_code, "08001");
		assert_non_null(strstr(operations[i].words.error_text, "Connection refused"));
	}
	rig_close(&rig);
}

static void test_postgres_wrong_password_is_an_error_of_authentication(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig = {.config = {.connections = 2}};
	char locked[128];

	(void)state;
	snprintf(locked, sizeof(locked), "postgresql://locked:wrong@127.0.0.1:%u/postgres", server.port);
	rig_open_config(&rig, &postgres_driver, PLAN_HEAD "      - sql: { target: db, query: \"SELECT 1\" }\n", locked);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_AUTH);
	assert_string_equal(operation.words.error_code, "28P01");
	rig_close(&rig);
	snprintf(locked, sizeof(locked), "postgresql://locked:secret@127.0.0.1:%u/postgres", server.port);
	rig = (struct rig){0};
	rig_open_config(&rig, &postgres_driver, PLAN_HEAD "      - sql: { target: db, query: \"SELECT 1\" }\n", locked);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	rig_close(&rig);
}

static void test_postgres_connects_again_when_the_server_is_back(void **state)
{
	static struct rig_operation operations[4];
	struct rig rig;

	(void)state;
	open_rig(&rig, 2,
	         "      - sql: { target: db, query: \"SELECT pg_sleep($1::float)\", params: [\"{{word}}\"] }\n");
	rig_set(&rig, "word", "0");
	rig_do(&rig, &operations[0], 0, NULL);
	rig_set(&rig, "word", "60");
	assert_int_equal(rig_submit(&rig, &operations[1], 0, NULL), SUBMIT_ACCEPTED);
	assert_int_equal(loop_step(rig.loop, clock_now_ns() + 20 * NS_PER_MS), 0);
	postgres_server_halt(&server);
	rig_await(&rig, 2);
	assert_int_equal(operations[1].operation.error, ERROR_CONNECTION);
	rig_set(&rig, "word", "0");
	rig_do(&rig, &operations[2], 0, NULL);
	assert_int_equal(operations[2].operation.error, ERROR_CONNECTION);
	postgres_server_resume(&server);
	do {
		rig_do(&rig, &operations[3], 0, NULL);
	} while (operations[3].operation.error == ERROR_CONNECTION);
	assert_int_equal(operations[3].operation.error, ERROR_NONE);
	rig_close(&rig);
}

static void test_postgres_statement_is_prepared_again_when_its_result_changes(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	free(postgres_server_ask(&server, "CREATE TABLE shape (a int)"));
	open_rig(&rig, 1,
	         "      - sql: { target: db, query: \"SELECT * FROM shape\" }\n      - sql: { target: db, query: "
	         "DEALLOCATE ALL }\n");
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	free(postgres_server_ask(&server, "ALTER TABLE shape ADD COLUMN b int"));
	rig_do(&rig, &operation, 0, NULL);
	assert_string_equal(operation.words.error_code, "0A000");
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	rig_do(&rig, &operation, 1, NULL);
	rig_do(&rig, &operation, 0, NULL);
	assert_string_equal(operation.words.error_code, "26000");
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	rig_close(&rig);
}

static void test_postgres_large_parameters_and_results_pass(void **state)
{
	enum { SIZE = 8 * 1024 * 1024 };
	struct rig_operation operation = {0};
	char *large = malloc(SIZE + 1);
	struct rig rig;

	(void)state;
	memset(large, 'x', SIZE);
	large[SIZE] = '\0';
	open_rig(&rig, 1, "      - sql: { target: db, query: \"SELECT $1::text\", params: [\"{{word}}\"] }\n");
	rig_set(&rig, "word", large);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	assert_int_equal(rig_sample(&operation, METRIC_SQL_BYTES), SIZE);
	rig_close(&rig);
	free(large);
}

static void test_postgres_operations_in_flight_are_given_up(void **state)
{
	enum { COUNT = 10 };
	static struct rig_operation operations[COUNT];
	struct rig rig;

	(void)state;
	open_rig(&rig, 3,
	         "      - sql: { target: db, query: \"SELECT pg_sleep(61)\" }\n      - sql: { target: db, query: "
	         "\"SELECT 1\" }\n");
	rig_do(&rig, &operations[0], 1, NULL);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_step(rig.loop, clock_now_ns() + 10 * NS_PER_MS), 0);
	postgres_driver.cancel(rig.driver, &operations[0].operation);
	postgres_driver.cancel(rig.driver, &operations[COUNT - 1].operation);
	assert_true(operations[0].done && operations[COUNT - 1].done);
	assert_int_equal(postgres_driver.in_flight(rig.driver), COUNT - 2);
	postgres_driver.abandon(rig.driver);
	assert_int_equal(postgres_driver.in_flight(rig.driver), 0);
	assert_int_equal(rig.completed, COUNT + 1);
	rig_close(&rig);
	await_answer("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(61)%' AND state = 'active' "
	             "AND pid <> pg_backend_pid()",
	             "0");
}

/* A user who starts again as soon as an operation ends. */
static void again(struct rig_operation *operation)
{
	if (operation->rig->completed < 200)
		assert_int_equal(rig_submit(operation->rig, operation, 0, NULL), SUBMIT_ACCEPTED);
}

static void test_postgres_users_start_again_from_a_completion(void **state)
{
	struct rig_operation operations[5] = {
	        {.after = again}, {.after = again}, {.after = again}, {.after = again}, {.after = again}};
	struct rig rig;

	(void)state;
	open_rig(&rig, 2, "      - sql: { target: db, query: \"SELECT 1\" }\n");
	for (int i = 0; i < 5; i++)
		assert_int_equal(rig_submit(&rig, &operations[i], 0, NULL), SUBMIT_ACCEPTED);
	rig_await(&rig, 204);
	assert_int_equal(rig.failed, 0);
	rig_close(&rig);
}

static void test_postgres_facts_come_from_the_run_and_a_bare_connect(void **state)
{
	struct rig_operation operation = {0};
	struct target_facts facts = {0}, by_port = {0};
	struct rig rig;

	(void)state;
	open_rig(&rig, 1, "      - sql: { target: db, query: \"SELECT 1\" }\n");
	postgres_driver.probe(&rig.config, 1000, &facts);
	assert_string_equal(facts.problem, "");
	assert_true(facts.local);
	assert_true(facts.idle_round_trip_ns > 0);
	rig_do(&rig, &operation, 0, NULL);
	postgres_driver.facts(rig.driver, &facts);
	assert_int_equal(strncmp(facts.version, "PostgreSQL 15.", 14), 0);
	rig_close(&rig);
	rig = (struct rig){0};
	rig_open_config(&rig, &postgres_driver, PLAN_HEAD "      - sql: { target: db, query: \"SELECT 1\" }\n",
	                uri_by_port);
	postgres_driver.probe(&rig.config, 1000, &by_port);
	assert_string_equal(by_port.problem, "");
	assert_true(by_port.local);
	rig_do(&rig, &operation, 0, NULL);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_postgres_counts_rows_and_bytes_of_statements),
	        cmocka_unit_test(test_postgres_parameters_are_values_not_text),
	        cmocka_unit_test(test_postgres_statements_wait_for_a_connection_in_order),
	        cmocka_unit_test(test_postgres_calls_and_rows_are_those_of_the_server),
	        cmocka_unit_test(test_postgres_errors_are_classified),
	        cmocka_unit_test(test_postgres_statement_that_takes_too_long_is_cancelled),
	        cmocka_unit_test(test_postgres_wait_for_a_connection_times_out),
	        cmocka_unit_test(test_postgres_refused_connections_fail_what_waits),
	        cmocka_unit_test(test_postgres_wrong_password_is_an_error_of_authentication),
	        cmocka_unit_test(test_postgres_connects_again_when_the_server_is_back),
	        cmocka_unit_test(test_postgres_statement_is_prepared_again_when_its_result_changes),
	        cmocka_unit_test(test_postgres_large_parameters_and_results_pass),
	        cmocka_unit_test(test_postgres_operations_in_flight_are_given_up),
	        cmocka_unit_test(test_postgres_users_start_again_from_a_completion),
	        cmocka_unit_test(test_postgres_facts_come_from_the_run_and_a_bare_connect),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
