/* SPDX-License-Identifier: Apache-2.0 */
/* The stock API on libmicrohttpd. A request is suspended while its latency goes by and a timer thread resumes it,
 * so that a few worker threads serve any number of slow requests. */
#include "deploy/lab/api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "deploy/lab/answers.h"
#include "deploy/lab/delays.h"

#define LATE_NS (90 * NS_PER_S)
#define FINISH_PATIENCE_NS NS_PER_S /* for clients that don't read their answers, or don't end their requests */

enum {
	THREADS = 2,
	BACKLOG = 4096,
	CONNECTIONS_MAX = 50000,
	CONNECTIONS_MIN = 64,
	DESCRIPTORS_RESERVED = 256, /* of the process's, for everything else */
};

struct api {
	struct api_config config;
	struct MHD_Daemon *daemon;
	struct delays *delays;
	uint16_t port;
	pthread_mutex_t lock; /* of under_way */
	pthread_cond_t idle;  /* under_way is 0 */
	size_t under_way;     /* requests that have begun and are not complete */
	_Atomic uint64_t numbers;
	_Atomic uint64_t unanswered;
	_Atomic uint64_t by_status[COUNTERS_STATUS_MAX];
};

DEFINE_CLEANUP(struct api *, api_free)

/* One request, from its headers to the end of its answer. */
struct request {
	struct api *api;
	struct MHD_Connection *connection;
	struct delay delay;
	_Bool delayed;
	uint64_t number;
	enum fault fault;
	uint64_t latency_ns;
	struct buffer body;
	_Bool body_too_large;
	int status; /* of the answer; 0: none yet */
};

static void add_under_way(struct api *api, int change)
{
	pthread_mutex_lock(&api->lock);
	api->under_way += (size_t)change;
	if (api->under_way == 0)
		pthread_cond_broadcast(&api->idle);
	pthread_mutex_unlock(&api->lock);
}

static struct request *begin_request(struct api *api, struct MHD_Connection *connection, const char *path)
{
	struct request *request = calloc(1, sizeof(*request));
	const struct api_config *config = &api->config;
	struct random random;

	if (!request)
		return NULL;
	add_under_way(api, 1);
	request->api = api;
	request->connection = connection;
	request->number = atomic_fetch_add(&api->numbers, 1) + 1;
	if (!answer_may_fail(path))
		return request;
	random_seed(&random, config->seed + request->number);
	request->fault = fault_draw(&random, config->errors);
	request->latency_ns = random_between(&random, config->latency_low_ns, config->latency_high_ns);
	if (request->fault == FAULT_LATE)
		request->latency_ns += config->late_ns;
	return request;
}

static void take_body(struct request *request, const char *data, size_t size)
{
	if (request->body.size + size > ANSWERS_BODY_MAX)
		request->body_too_large = 1;
	else
		buffer_append(&request->body, data, size);
}

static void resume(void *context)
{
	struct request *request = context;

	MHD_resume_connection(request->connection);
}

/* Suspended first: the timer thread may resume it before delays_add() has returned. */
static void put_off(struct request *request)
{
	request->delayed = 1;
	request->delay = (struct delay){.fire = resume, .context = request};
	MHD_suspend_connection(request->connection);
	delays_add(request->api->delays, &request->delay, clock_now_ns() + request->latency_ns);
}

/* A client that closed its end while its answer was put off: sending to it would seem to succeed. */
static _Bool has_left(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;

	return info && recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_answer(struct request *request, struct answer *answer)
{
	struct MHD_Response *response =
	        MHD_create_response_from_buffer(answer->body.size, answer->body.data, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	answer->body = (struct buffer){0};
	MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
	MHD_add_response_header(response, "Server", "stampede-lab");
	if (answer->header)
		MHD_add_response_header(response, answer->header, answer->header_value);
	request->status = answer->status;
	result = MHD_queue_response(request->connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_request(struct request *request, const char *method, const char *path)
{
	struct MHD_Connection *connection = request->connection;
	struct question question = {
	        .method = method,
	        .path = path,
	        .limit = argument(connection, "limit"),
	        .offset = argument(connection, "offset"),
	        .days = argument(connection, "days"),
	        .body = request->body.data ? (const void *)request->body.data : "",
	        .body_size = request->body.size,
	        .body_too_large = request->body_too_large,
	        .fault = request->fault,
	        .wall_ms = clock_wall_ns() / (int64_t)NS_PER_MS,
	        .number = request->number,
	};
	struct answer answer = {0};
	enum MHD_Result result = MHD_NO;

	answer_fill(request->api->config.symbols, &question, &answer);
	if (!answer.body.failed)
		result = send_answer(request, &answer);
	buffer_deinit(&answer.body);
	return result;
}

/* libmicrohttpd calls it when the headers are there, for each piece of the body, at its end, and again after
 * the delay. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *data, size_t *data_size, void **state)
{
	struct request *request = *state;

	(void)version;
	if (!request) {
		*state = begin_request(context, connection, path);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*data_size > 0) {
		take_body(request, data, *data_size);
		*data_size = 0;
		return MHD_YES;
	}
	if (!request->delayed && request->latency_ns > 0) {
		put_off(request);
		return MHD_YES;
	}
	if (request->delayed && has_left(connection))
		return MHD_NO;
	return answer_request(request, method, path);
}

static void complete(void *context, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code)
{
	struct request *request = *state;
	struct api *api = context;

	(void)connection;
	if (!request)
		return;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && request->status > 0)
		atomic_fetch_add(&api->by_status[request->status], 1);
	else
		atomic_fetch_add(&api->unanswered, 1);
	buffer_deinit(&request->body);
	free(request);
	*state = NULL;
	add_under_way(api, -1);
}

static unsigned connection_limit(void)
{
	struct rlimit limit = {.rlim_cur = 1024};

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= CONNECTIONS_MAX + DESCRIPTORS_RESERVED)
		return CONNECTIONS_MAX;
	if (limit.rlim_cur <= CONNECTIONS_MIN + DESCRIPTORS_RESERVED)
		return CONNECTIONS_MIN;
	return (unsigned)limit.rlim_cur - DESCRIPTORS_RESERVED;
}

static int start_daemon(struct api *api, struct failure *failure)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const union MHD_DaemonInfo *info;

	errno = 0;
	api->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0,
	                               NULL, NULL, handle, api, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
	                               MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
	                               connection_limit(), MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG,
	                               MHD_OPTION_NOTIFY_COMPLETED, complete, api, MHD_OPTION_END);
	if (!api->daemon)
		return failure_set(failure, errno ? -errno : -EIO, "cannot start the API's HTTP server: %s",
		                   errno ? strerror(errno) : "libmicrohttpd gives no reason");
	info = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (!info || info->port == 0)
		return failure_set(failure, -EIO, "the API's HTTP server doesn't say its port");
	api->port = info->port;
	return 0;
}

static void init_idle(struct api *api)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&api->lock, NULL);
	pthread_cond_init(&api->idle, &attributes);
	pthread_condattr_destroy(&attributes);
}

int api_start(const struct api_config *config, struct failure *failure, struct api **ret_api)
{
	cleanup(api_freep) struct api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return failure_set(failure, -ENOMEM, "no memory");
	init_idle(api);
	api->config = *config;
	if (api->config.late_ns == 0)
		api->config.late_ns = LATE_NS;
	r = delays_new(&api->delays);
	if (r < 0)
		return failure_set(failure, r, "cannot start the API's timer: %s", strerror(-r));
	r = start_daemon(api, failure);
	if (r < 0)
		return r;
	*ret_api = steal(api);
	return 0;
}

uint16_t api_port(const struct api *api)
{
	return api->port;
}

uint64_t api_begun(const struct api *api)
{
	return atomic_load(&api->numbers);
}

/* libmicrohttpd sees that an answer has been sent a turn of its loop after its client did; when it is stopped in
 * between, it calls that answer cut off. */
static void await_idle(struct api *api)
{
	uint64_t deadline_ns = clock_now_ns() + FINISH_PATIENCE_NS;
	struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
	                            .tv_nsec = (long)(deadline_ns % NS_PER_S)};
	int r = 0;

	pthread_mutex_lock(&api->lock);
	while (api->under_way > 0 && r == 0)
		r = pthread_cond_timedwait(&api->idle, &api->lock, &deadline);
	pthread_mutex_unlock(&api->lock);
}

/* libmicrohttpd must not be stopped while a connection is suspended. */
static void stop_daemon(struct api *api)
{
	if (!api->delays)
		return;
	delays_expire(api->delays);
	if (api->daemon) {
		await_idle(api);
		MHD_stop_daemon(api->daemon);
	}
	api->daemon = NULL;
	api->delays = delays_free(api->delays);
}

void api_finish(struct api *api, struct api_counters *ret_counters)
{
	stop_daemon(api);
	*ret_counters = (struct api_counters){.unanswered = atomic_load(&api->unanswered)};
	for (size_t status = 0; status < COUNTERS_STATUS_MAX; status++) {
		ret_counters->by_status[status] = atomic_load(&api->by_status[status]);
		ret_counters->requests += ret_counters->by_status[status];
	}
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	stop_daemon(api);
	pthread_cond_destroy(&api->idle);
	pthread_mutex_destroy(&api->lock);
	free(api);
	return NULL;
}
