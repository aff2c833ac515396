/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP driver on a real loop against a real nginx. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/drivers/http/http.h"
#include "tests/support/nginx.h"
#include "tests/support/process.h"
#include "tests/support/rig.h"

#define PLAN_HEAD                                                                                                      \
	"name: test\n"                                                                                                 \
	"targets: { api: { http: { baseUrl: \"http://127.0.0.1:%u\", timeout: 5s, headers: { X-Common: \"one\" } } } " \
	"}\n"                                                                                                          \
	"variables: { word: \"w\" }\n"                                                                                 \
	"scenarios:\n"                                                                                                 \
	"  users:\n"                                                                                                   \
	"    executor: constant-vus\n"                                                                                 \
	"    vus: 1\n"                                                                                                 \
	"    duration: 1s\n"                                                                                           \
	"    steps:\n"

static const char locations[] = "location = /ok { return 200 'hello'; }\n"
                                "location = /status/302 { return 302 /ok; }\n"
                                "location = /status/401 { return 401; }\n"
                                "location = /status/403 { return 403; }\n"
                                "location = /status/404 { return 404; }\n"
                                "location = /status/429 { return 429; }\n"
                                "location = /status/500 { return 500; }\n"
                                "location = /status/503 { return 503; }\n"
                                "location = /json { add_header Etag 'first'; add_header X-Etag2 'x';\n"
                                "  return 200 '{\"price\": 12.5, \"list\": [\"a\", \"b\"]}'; }\n"
                                "location = /text { return 200 'no json'; }\n"
                                "location = /login { add_header Set-Cookie 'sid=42; Path=/'; return 200; }\n"
                                "location = /close { keepalive_timeout 0; return 200 'bye'; }\n"
                                "location / { return 200; }\n";

/* The one nginx of all tests here; its access log grows, so a test that reads it starts its own. */
static struct nginx shared;

static int start_shared(void **state)
{
	(void)state;
	nginx_start(&shared, locations);
	return 0;
}

static int stop_shared(void **state)
{
	(void)state;
	nginx_stop(&shared);
	return 0;
}

/* What the driver says of one request. */
static void request_once(struct rig *rig, struct rig_operation *operation, uint32_t step)
{
	struct driver_session *session = rig_session(rig, 1);

	rig_do(rig, operation, step, session);
	rig->ops->session_close(rig->driver, session);
}

static void test_http_classes_follow_the_status(void **state)
{
	static const struct {
		const char *step;
		enum error_class class;
		const char *code;
	} cases[] = {
	        {"get: /ok", ERROR_NONE, ""},
	        {"get: /status/302", ERROR_NONE, ""},
	        {"get: /status/401", ERROR_AUTH, "401"},
	        {"get: /status/403", ERROR_AUTH, "403"},
	        {"get: /status/404", ERROR_CLIENT, "404"},
	        {"get: /status/429", ERROR_RATE_LIMITED, "429"},
	        {"get: /status/500", ERROR_SERVER, "500"},
	        {"get: /status/503", ERROR_SERVER, "503"},
	        {"get: /ok, check: { status: 200 }", ERROR_NONE, ""},
	        {"get: /status/404, check: { status: [200, 404] }", ERROR_NONE, ""},
	        {"get: /ok, check: { status: 201..299 }", ERROR_CHECK, "200"},
	        {"get: /status/503, check: { status: 2xx }", ERROR_SERVER, "503"},
	        {"get: /status/401, check: { status: 200 }", ERROR_AUTH, "401"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig_operation operation = {0};
		struct rig rig;

		rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, %s }\n", shared.port,
		         cases[i].step);
		request_once(&rig, &operation, 0);
		assert_int_equal(operation.operation.error, cases[i].class);
		assert_string_equal(operation.words.error_code, cases[i].code);
		assert_true(rig_has_sample(&operation, METRIC_HTTP_REQ_DURATION));
		assert_int_equal(rig_has_sample(&operation, METRIC_CHECKS), strstr(cases[i].step, "check") != NULL);
		if (strstr(cases[i].step, "check"))
			assert_int_equal(rig_sample(&operation, METRIC_CHECKS), cases[i].class == ERROR_NONE);
		rig_close(&rig);
	}
}

static void test_http_sends_method_path_headers_and_body(void **state)
{
	static const char *const steps[] = {
	        "get: \"/a{{word}}?q=1\"",
	        "head: /ok",
	        "post: /p, body: \"x={{word}}\"",
	        "post: /empty",
	        "put: /p, body: \"\", headers: { Content-Type: text/plain, X-Common: two, X-Empty: \"\" }",
	        "delete: /d",
	        "method: PURGE, path: /d",
	        "get: /with-body, body: abc",
	};
	static const char *const lines[] = {
	        "GET /aA%20%E6%A0%AA?q=1", "HEAD /ok", "POST /p", "POST /empty", "PUT /p", "DELETE /d", "PURGE /d",
	        "GET /with-body",
	};
	struct nginx nginx;
	char *log, *line, *rest;

	(void)state;
	nginx_start(&nginx, locations);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct rig_operation operation = {0};
		struct rig rig;

		rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, %s }\n", nginx.port, steps[i]);
		rig_set(&rig, "word", "A \xe6\xa0\xaa");
		request_once(&rig, &operation, 0);
		assert_int_equal(operation.operation.error, ERROR_NONE);
		rig_close(&rig);
	}
	nginx_await_lines(&nginx, sizeof(steps) / sizeof(*steps));
	log = rest = nginx_log(&nginx);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		line = strsep(&rest, "\n");
		if (!strstr(line, lines[i]))
			fail_msg("\"%s\" is not in \"%s\"", lines[i], line);
	}
	free(log);
	nginx_stop(&nginx);
}

static void test_http_bytes_are_those_of_the_server(void **state)
{
	static const struct {
		const char *step;
		size_t body_size; /* nginx throws it away unread, and doesn't count it */
	} cases[] = {
	        {"get: /ok", 0},
	        {"get: /status/404", 0},
	        {"head: /ok", 0},
	        {"get: /json, headers: { X-A: b, X-Empty: \"\" }", 0},
	        {"post: /p, body: \"{{word}}\"", 10},
	        {"post: /p, body: \"{{word}}\"", 64 * 1024 - 1},
	        {"post: /p, body: \"{{word}}\"", 64 * 1024},
	        {"post: /p, body: \"{{word}}\"", 1500000},
	};
	enum { CASES = sizeof(cases) / sizeof(*cases) };
	static struct rig_operation operations[CASES];
	struct nginx nginx;
	char *log, *rest;

	(void)state;
	nginx_start(&nginx, locations);
	for (size_t i = 0; i < CASES; i++) {
		char *body = calloc(1, cases[i].body_size + 1);
		struct rig rig;

		memset(body, 'x', cases[i].body_size);
		rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, %s }\n", nginx.port,
		         cases[i].step);
		rig_set(&rig, "word", body);
		request_once(&rig, &operations[i], 0);
		rig_close(&rig);
		free(body);
	}
	nginx_await_lines(&nginx, CASES);
	log = rest = nginx_log(&nginx);
	for (size_t i = 0; i < CASES; i++) {
		unsigned long request_length, bytes_sent;

		assert_int_equal(sscanf(strsep(&rest, "\n"), "%*u %*u %*u %lu %lu", &request_length, &bytes_sent), 2);
		assert_int_equal(operations[i].operation.sent_bytes, request_length + cases[i].body_size);
		assert_int_equal(operations[i].operation.received_bytes, bytes_sent);
	}
	free(log);
	nginx_stop(&nginx);
}

static void test_http_users_keep_connections_of_their_own(void **state)
{
	enum { USERS = 60, ROUNDS = 3 };
	static struct rig_operation operations[USERS];
	struct driver_session *sessions[USERS];
	struct nginx nginx;
	struct rig rig;
	char *log, *rest;
	unsigned most = 0, lines = 0, first = UINT32_MAX, last = 0;

	(void)state;
	nginx_start(&nginx, locations);
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok }\n", nginx.port);
	for (int i = 0; i < USERS; i++)
		sessions[i] = rig_session(&rig, (uint64_t)i);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < USERS; i++)
			assert_int_equal(rig_submit(&rig, &operations[i], 0, sessions[i]), SUBMIT_ACCEPTED);
		rig_await(&rig, (uint64_t)USERS * (uint64_t)(round + 1));
		for (int i = 0; i < USERS; i++) {
			uint64_t whole_ns = operations[i].operation.completed_ns - operations[i].operation.started_ns;
			uint64_t duration_ns = rig_sample(&operations[i], METRIC_HTTP_REQ_DURATION);
			uint64_t waiting_ns = rig_sample(&operations[i], METRIC_HTTP_REQ_WAITING);

			assert_true(0 < waiting_ns && waiting_ns <= duration_ns && duration_ns <= whole_ns);
			assert_int_equal(rig_has_sample(&operations[i], METRIC_HTTP_REQ_CONNECTING), round == 0);
			if (round == 0)
				assert_true(rig_sample(&operations[i], METRIC_HTTP_REQ_CONNECTING) + duration_ns <=
				            whole_ns);
		}
	}
	/* One after another as well: nobody takes the connection of another one. */
	for (int i = 0; i < USERS; i++)
		rig_do(&rig, &operations[i], 0, sessions[i]);
	nginx_await_lines(&nginx, USERS * (ROUNDS + 1));
	log = rest = nginx_log(&nginx);
	for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n"), lines++) {
		unsigned connection, requests;

		assert_int_equal(sscanf(line, "%u %u", &connection, &requests), 2);
		most = requests > most ? requests : most;
		first = connection < first ? connection : first;
		last = connection > last ? connection : last;
	}
	assert_int_equal(lines, USERS * (ROUNDS + 1));
	assert_int_equal(most, ROUNDS + 1);
	assert_int_equal(last - first, USERS - 1);
	for (int i = 0; i < USERS; i++)
		http_driver.session_close(rig.driver, sessions[i]);
	free(log);
	rig_close(&rig);
	nginx_stop(&nginx);
}

static void test_http_connects_again_after_the_server_closed(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;

	(void)state;
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /close }\n", shared.port);
	session = rig_session(&rig, 1);
	for (int i = 0; i < 3; i++) {
		rig_do(&rig, &operation, 0, session);
		assert_int_equal(operation.operation.error, ERROR_NONE);
		assert_true(rig_has_sample(&operation, METRIC_HTTP_REQ_CONNECTING));
	}
	http_driver.session_close(rig.driver, session);
	rig_close(&rig);
}

static void test_http_cookies_belong_to_one_user(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *one, *other;
	struct nginx nginx;
	struct rig rig;
	char *log, *rest;

	(void)state;
	nginx_start(&nginx, locations);
	rig_open(&rig, &http_driver,
	         PLAN_HEAD "      - http: { target: api, get: /login }\n      - http: { target: api, get: /ok }\n",
	         nginx.port);
	one = rig_session(&rig, 1);
	other = rig_session(&rig, 2);
	rig_do(&rig, &operation, 0, one);
	rig_do(&rig, &operation, 1, one);
	rig_do(&rig, &operation, 1, other);
	nginx_await_lines(&nginx, 3);
	log = rest = nginx_log(&nginx);
	assert_non_null(strstr(strsep(&rest, "\n"), "GET /login -"));
	assert_non_null(strstr(strsep(&rest, "\n"), "GET /ok sid=42"));
	assert_non_null(strstr(strsep(&rest, "\n"), "GET /ok -"));
	free(log);
	http_driver.session_close(rig.driver, one);
	http_driver.session_close(rig.driver, other);
	rig_close(&rig);
	nginx_stop(&nginx);
}

static void test_http_saves_values_of_answers(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	rig_open(&rig, &http_driver,
	         PLAN_HEAD "      - http: { target: api, get: /json, save: { price: \"json:$.price\", second: "
	                   "\"json:$.list[1]\", tag: \"header:etag\" } }\n"
	                   "      - http: { target: api, get: /json, save: { price: \"json:$.cost\" } }\n"
	                   "      - http: { target: api, get: /text, save: { price: \"json:$.price\" } }\n"
	                   "      - http: { target: api, get: /ok, save: { tag: \"header:Etag\" } }\n"
	                   "      - http: { target: api, get: /status/404, save: { price: \"json:$.price\" } }\n",
	         shared.port);
	request_once(&rig, &operation, 0);
	assert_int_equal(operation.operation.error, ERROR_NONE);
	assert_string_equal(operation.saved[template_names_find(rig.plan->names, "price")], "12.5");
	assert_string_equal(operation.saved[template_names_find(rig.plan->names, "second")], "b");
	assert_string_equal(operation.saved[template_names_find(rig.plan->names, "tag")], "first");
	for (uint32_t step = 1; step < 4; step++) {
		request_once(&rig, &operation, step);
		assert_int_equal(operation.operation.error, ERROR_DATA);
		assert_string_equal(operation.words.error_code, "SAVE");
	}
	request_once(&rig, &operation, 4);
	assert_int_equal(operation.operation.error, ERROR_CLIENT);
	rig_close(&rig);
}

static void test_http_value_that_is_not_set_fails_at_once(void **state)
{
	struct rig_operation operation = {0};
	struct driver_session *session;
	struct rig rig;

	(void)state;
	rig_open(&rig, &http_driver,
	         PLAN_HEAD "      - http: { target: api, get: \"/{{word}}\" }\n"
	                   "      - http: { target: api, get: /ok, headers: { X-Word: \"{{word}}\" } }\n",
	         shared.port);
	session = rig_session(&rig, 1);
	rig_set(&rig, "word", NULL);
	assert_int_equal(rig_submit(&rig, &operation, 0, session), SUBMIT_FAILED);
	assert_int_equal(operation.operation.error, ERROR_DATA);
	assert_string_equal(operation.words.error_text, "{{word}} is not set");
	rig_set(&rig, "word", "a\r\nX-Injected: b");
	assert_int_equal(rig_submit(&rig, &operation, 1, session), SUBMIT_FAILED);
	assert_int_equal(operation.operation.error, ERROR_DATA);
	http_driver.session_close(rig.driver, session);
	rig_close(&rig);
}

static void test_http_refused_connection_is_classified(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok }\n", port_free());
	request_once(&rig, &operation, 0);
	assert_int_equal(operation.operation.error, ERROR_CONNECTION);
	assert_string_equal(operation.words.error_code, "COULDNT_CONNECT");
	assert_int_equal(operation.words.sample_count, 0);
	rig_close(&rig);
}

static void test_http_unknown_name_is_a_failed_operation(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;

	(void)state;
	rig_open(&rig, &http_driver,
	         "name: test\n"
	         "targets: { api: { http: { baseUrl: \"http://no-such-host.invalid\" } } }\n"
	         "scenarios: { users: { executor: constant-vus, vus: 1, duration: 1s, steps: [ http: { target: api, "
	         "get: /ok } ] } }\n");
	request_once(&rig, &operation, 0);
	assert_int_equal(operation.operation.error, ERROR_CONNECTION);
	assert_string_equal(operation.words.error_code, "COULDNT_RESOLVE_HOST");
	rig_close(&rig);
}

/* A listener whose kernel accepts connections that nobody ever answers. */
static int silent_listener(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void test_http_step_that_takes_too_long_times_out(void **state)
{
	struct rig_operation operation = {0};
	struct rig rig;
	uint16_t port;
	int fd = silent_listener(&port);

	(void)state;
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok, timeout: 100ms }\n", port);
	request_once(&rig, &operation, 0);
	assert_int_equal(operation.operation.error, ERROR_TIMEOUT);
	assert_string_equal(operation.words.error_code, "OPERATION_TIMEDOUT");
	assert_true(operation.operation.completed_ns - operation.operation.started_ns >= 100000000);
	rig_close(&rig);
	close(fd);
}

static void test_http_operations_in_flight_are_given_up(void **state)
{
	enum { USERS = 20 };
	static struct rig_operation operations[USERS];
	struct driver_session *sessions[USERS];
	struct rig rig;
	uint16_t port;
	int fd = silent_listener(&port);

	(void)state;
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok }\n", port);
	for (int i = 0; i < USERS; i++) {
		sessions[i] = rig_session(&rig, (uint64_t)i);
		assert_int_equal(rig_submit(&rig, &operations[i], 0, sessions[i]), SUBMIT_ACCEPTED);
	}
	assert_int_equal(http_driver.in_flight(rig.driver), USERS);
	assert_int_equal(loop_step(rig.loop, 0), 0);
	http_driver.cancel(rig.driver, &operations[7].operation);
	assert_true(operations[7].done);
	assert_int_equal(http_driver.in_flight(rig.driver), USERS - 1);
	http_driver.abandon(rig.driver);
	assert_int_equal(http_driver.in_flight(rig.driver), 0);
	assert_int_equal(rig.completed, USERS);
	assert_int_equal(rig.failed, USERS);
	for (int i = 0; i < USERS; i++)
		http_driver.session_close(rig.driver, sessions[i]);
	rig_close(&rig);
	close(fd);
}

/* A user who starts again as soon as an operation ends. */
static void again(struct rig_operation *operation)
{
	if (operation->rig->completed < 200)
		assert_int_equal(rig_submit(operation->rig, operation, 0, operation->operation.session),
		                 SUBMIT_ACCEPTED);
}

static void test_http_users_start_again_from_a_completion(void **state)
{
	struct rig_operation operations[3] = {{.after = again}, {.after = again}, {.after = again}};
	struct driver_session *sessions[3];
	struct rig rig;

	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok }\n",
		         refused ? port_free() : shared.port);
		for (int i = 0; i < 3; i++) {
			sessions[i] = rig_session(&rig, (uint64_t)i);
			assert_int_equal(rig_submit(&rig, &operations[i], 0, sessions[i]), SUBMIT_ACCEPTED);
		}
		rig_await(&rig, 202);
		assert_int_equal(rig.failed, refused ? rig.completed : 0);
		for (int i = 0; i < 3; i++)
			http_driver.session_close(rig.driver, sessions[i]);
		rig_close(&rig);
	}
}

static void test_http_facts_come_from_answers_and_a_bare_connect(void **state)
{
	struct rig_operation operation = {0};
	struct target_facts facts = {0};
	struct nginx nginx;
	struct rig rig;
	char *log;

	(void)state;
	nginx_start(&nginx, locations);
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok }\n", nginx.port);
	http_driver.probe(&rig.config, 1000, &facts);
	assert_string_equal(facts.problem, "");
	assert_true(facts.local);
	assert_true(facts.idle_round_trip_ns > 0);
	assert_string_equal(facts.version, "");
	request_once(&rig, &operation, 0);
	http_driver.facts(rig.driver, &facts);
	assert_int_equal(strncmp(facts.version, "nginx/", 6), 0);
	nginx_await_lines(&nginx, 1);
	log = nginx_log(&nginx);
	assert_ptr_equal(strchr(log, '\n'), strrchr(log, '\n'));
	free(log);
	rig_close(&rig);
	nginx_stop(&nginx);
}

static void test_http_probe_says_why_a_target_is_out_of_reach(void **state)
{
	struct target_facts facts = {0};
	struct rig rig;

	(void)state;
	rig_open(&rig, &http_driver, PLAN_HEAD "      - http: { target: api, get: /ok }\n", port_free());
	http_driver.probe(&rig.config, 1000, &facts);
	assert_non_null(strstr(facts.problem, "Connection refused"));
	assert_int_equal(facts.idle_round_trip_ns, 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_http_classes_follow_the_status),
	        cmocka_unit_test(test_http_sends_method_path_headers_and_body),
	        cmocka_unit_test(test_http_bytes_are_those_of_the_server),
	        cmocka_unit_test(test_http_users_keep_connections_of_their_own),
	        cmocka_unit_test(test_http_connects_again_after_the_server_closed),
	        cmocka_unit_test(test_http_cookies_belong_to_one_user),
	        cmocka_unit_test(test_http_saves_values_of_answers),
	        cmocka_unit_test(test_http_value_that_is_not_set_fails_at_once),
	        cmocka_unit_test(test_http_refused_connection_is_classified),
	        cmocka_unit_test(test_http_unknown_name_is_a_failed_operation),
	        cmocka_unit_test(test_http_step_that_takes_too_long_times_out),
	        cmocka_unit_test(test_http_operations_in_flight_are_given_up),
	        cmocka_unit_test(test_http_users_start_again_from_a_completion),
	        cmocka_unit_test(test_http_facts_come_from_answers_and_a_bare_connect),
	        cmocka_unit_test(test_http_probe_says_why_a_target_is_out_of_reach),
	};

	return cmocka_run_group_tests(tests, start_shared, stop_shared);
}
