/* SPDX-License-Identifier: Apache-2.0 */
/* The stock API over real connections. */
#include "deploy/lab/api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { CONNECTIONS = 300 };

#define QUOTE "GET /api/stocks/AAPL HTTP/1.1\r\nHost: x\r\n\r\n"

struct bench {
	struct symbols *symbols;
	struct api *api;
};

static void start(struct bench *bench, struct api_config config)
{
	assert_int_equal(symbols_new(20, &bench->symbols), 0);
	config.symbols = bench->symbols;
	assert_int_equal(api_start(&config, NULL, &bench->api), 0);
	assert_true(api_port(bench->api) > 0);
}

static void stop(struct bench *bench)
{
	assert_null(api_free(bench->api));
	symbols_free(bench->symbols);
}

static int dial(const struct bench *bench)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                              .sin_port = htons(api_port(bench->api))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void ask(int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

/* Reads one whole answer; its status. */
static int answer(int fd)
{
	char text[8192];
	size_t size = 0;

	for (;;) {
		ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);
		const char *body, *length;

		assert_true(got > 0);
		size += (size_t)got;
		text[size] = 0;
		body = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "content-length: ");
		if (body && length && text + size >= body + 4 + strtol(length + 16, NULL, 10))
			return (int)strtol(text + 9, NULL, 10);
	}
}

static void test_api_counts_the_answers_it_has_sent(void **state)
{
	struct api_counters counters;
	struct bench bench;
	int fd;

	(void)state;
	start(&bench, (struct api_config){0});
	fd = dial(&bench);
	/* One connection, kept alive. */
	for (int i = 0; i < 3; i++) {
		ask(fd, QUOTE);
		assert_int_equal(answer(fd), 200);
	}
	ask(fd, "GET /api/stocks/NOBODY HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(answer(fd), 404);
	ask(fd, "POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 46\r\n\r\n"
	        "{\"symbol\":\"AAPL\",\"side\":\"buy\",\"quantity\":  10}");
	assert_int_equal(answer(fd), 201);
	close(fd);
	api_finish(bench.api, &counters);
	assert_int_equal(counters.requests, 5);
	assert_int_equal(counters.by_status[200], 3);
	assert_int_equal(counters.by_status[201], 1);
	assert_int_equal(counters.by_status[404], 1);
	assert_int_equal(counters.unanswered, 0);
	stop(&bench);
}

static void test_api_refuses_a_body_that_is_too_large(void **state)
{
	struct bench bench;
	char *body = calloc(1, 100001);
	int fd;

	(void)state;
	assert_non_null(body);
	memset(body, ' ', 100000);
	start(&bench, (struct api_config){0});
	fd = dial(&bench);
	ask(fd, "POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
	ask(fd, body);
	assert_int_equal(answer(fd), 413);
	close(fd);
	free(body);
	stop(&bench);
}

static void test_api_answers_after_its_latency_on_many_connections_at_once(void **state)
{
	uint64_t latency_ns = 50 * NS_PER_MS, start_ns;
	struct api_counters counters;
	int fds[CONNECTIONS];
	struct bench bench;

	(void)state;
	start(&bench, (struct api_config){.latency_low_ns = latency_ns, .latency_high_ns = latency_ns});
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = dial(&bench);
	start_ns = clock_now_ns();
	for (int i = 0; i < CONNECTIONS; i++)
		ask(fds[i], QUOTE);
	for (int i = 0; i < CONNECTIONS; i++) {
		assert_int_equal(answer(fds[i]), 200);
		if (i == 0)
			assert_true(clock_now_ns() - start_ns >= latency_ns);
		close(fds[i]);
	}
	/* One after the other they would take 15 s. */
	assert_true(clock_now_ns() - start_ns < CONNECTIONS * latency_ns / 2);
	api_finish(bench.api, &counters);
	assert_int_equal(counters.requests, CONNECTIONS);
	stop(&bench);
}

static void test_api_delays_no_health_check(void **state)
{
	struct bench bench;
	int fd;

	(void)state;
	start(&bench,
	      (struct api_config){.latency_low_ns = 3600 * NS_PER_S, .latency_high_ns = 3600 * NS_PER_S, .errors = 1});
	fd = dial(&bench);
	ask(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(answer(fd), 200);
	close(fd);
	stop(&bench);
}

static void test_api_counts_no_answer_to_a_client_that_has_left(void **state)
{
	struct api_counters counters;
	struct bench bench;
	int gone, there;

	(void)state;
	start(&bench, (struct api_config){.latency_low_ns = 3600 * NS_PER_S, .latency_high_ns = 3600 * NS_PER_S});
	gone = dial(&bench);
	there = dial(&bench);
	ask(gone, QUOTE);
	ask(there, QUOTE);
	while (api_begun(bench.api) < 2)
		poll(NULL, 0, 1);
	close(gone);
	api_finish(bench.api, &counters);
	assert_int_equal(answer(there), 200);
	close(there);
	assert_int_equal(counters.by_status[200], 1);
	assert_int_equal(counters.unanswered, 1);
	stop(&bench);
}

static void test_api_makes_the_errors_asked_for(void **state)
{
	struct api_counters counters;
	struct bench bench;
	int seen[COUNTERS_STATUS_MAX] = {0};
	int fd;

	(void)state;
	start(&bench, (struct api_config){.errors = 1, .late_ns = NS_PER_MS});
	fd = dial(&bench);
	for (int i = 0; i < 400; i++) {
		ask(fd, QUOTE);
		seen[answer(fd)]++;
	}
	close(fd);
	api_finish(bench.api, &counters);
	assert_int_equal(counters.requests, 400);
	for (int status = 0; status < COUNTERS_STATUS_MAX; status++)
		assert_int_equal(counters.by_status[status], seen[status]);
	assert_int_equal(seen[429] + seen[200] + seen[500] + seen[401], 400);
	assert_in_range(seen[429], 130, 230);
	assert_in_range(seen[200], 75, 165); /* the late ones */
	assert_in_range(seen[500], 25, 95);
	assert_in_range(seen[401], 10, 70);
	stop(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_api_counts_the_answers_it_has_sent),
	        cmocka_unit_test(test_api_refuses_a_body_that_is_too_large),
	        cmocka_unit_test(test_api_answers_after_its_latency_on_many_connections_at_once),
	        cmocka_unit_test(test_api_delays_no_health_check),
	        cmocka_unit_test(test_api_counts_no_answer_to_a_client_that_has_left),
	        cmocka_unit_test(test_api_makes_the_errors_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
