/* SPDX-License-Identifier: Apache-2.0 */
/* One thread of the stock API: libmicrohttpd in our own event loop. A request is suspended while its latency goes
 * by and a timer of the loop resumes it, so that one thread serves any number of slow requests.
 *
 * The loop is ours because libmicrohttpd 0.9.75's own one stalls: when exactly as many connections become ready at once
 * as it asks epoll_wait() for, it waits for more before it serves them. MHD_run() never waits. */
#include "deploy/lab/api_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/loop.h"
#include "deploy/lab/answers.h"

#define FINISH_PATIENCE_NS NS_PER_S /* for clients that don't read their answers, or don't end their requests */

enum {
	CONNECTIONS_MAX = 50000,
	CONNECTIONS_MIN = 64,
	DESCRIPTORS_RESERVED = 256, /* of the process's, for everything else */
};

/* One request, from its headers to the end of its answer. */
struct request {
	struct api_worker *worker;
	struct MHD_Connection *connection;
	struct loop_timer timer;
	struct request *previous, *next; /* in the worker's list while it waits */
	_Bool delayed;
	uint64_t number;
	enum fault fault;
	uint64_t latency_ns;
	struct buffer body;
	_Bool body_too_large;
	int status; /* of the answer; 0: none yet */
};

struct api_worker {
	const struct api_config *config;
	_Atomic uint64_t *numbers;
	struct loop *loop;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	_Bool started;
	_Atomic _Bool finishing;
	/* The thread's own until it has ended. */
	struct request *waiting;
	size_t under_way; /* requests that have begun and aren't complete */
	struct api_counters counters;
};

DEFINE_CLEANUP(struct api_worker *, api_worker_free)

static struct request *begin_request(struct api_worker *worker, struct MHD_Connection *connection, const char *path)
{
	struct request *request = calloc(1, sizeof(*request));
	const struct api_config *config = worker->config;
	struct random random;

	if (!request)
		return NULL;
	worker->under_way++;
	request->worker = worker;
	request->connection = connection;
	request->number = atomic_fetch_add(worker->numbers, 1) + 1;
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

static void resume(struct request *request)
{
	if (request->previous)
		request->previous->next = request->next;
	else
		request->worker->waiting = request->next;
	if (request->next)
		request->next->previous = request->previous;
	MHD_resume_connection(request->connection);
}

static void latency_over(struct loop_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	resume(timer->context);
}

/* False if it can't be: without memory for its timer it is answered at once. */
static _Bool put_off(struct request *request)
{
	struct api_worker *worker = request->worker;

	request->delayed = 1;
	request->timer = (struct loop_timer){.fire = latency_over, .context = request};
	if (loop_timer_start(worker->loop, &request->timer, clock_now_ns() + request->latency_ns) < 0)
		return 0;
	request->next = worker->waiting;
	if (request->next)
		request->next->previous = request;
	worker->waiting = request;
	MHD_suspend_connection(request->connection);
	return 1;
}

/* A client that closed its end while its answer was put off: sending to it would seem to succeed. */
static _Bool has_left(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;

	return info && recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
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

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
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

	answer_fill(request->worker->config->symbols, &question, &answer);
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
	if (!request->delayed && request->latency_ns > 0 && !request->worker->finishing && put_off(request))
		return MHD_YES;
	if (request->delayed && has_left(connection))
		return MHD_NO;
	return answer_request(request, method, path);
}

static void complete(void *context, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code)
{
	struct api_worker *worker = context;
	struct request *request = *state;

	(void)connection;
	if (!request)
		return;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && request->status > 0)
		worker->counters.by_status[request->status]++;
	else
		worker->counters.unanswered++;
	worker->under_way--;
	buffer_deinit(&request->body);
	free(request);
	*state = NULL;
}

/* What became ready is looked at in turn(). */
static void daemon_ready(void *context, int fd, uint32_t events)
{
	(void)context;
	(void)fd;
	(void)events;
}

static void turn(struct api_worker *worker, uint64_t until_ns)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 1;

	MHD_run(worker->daemon);
	if (MHD_get_timeout(worker->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0)
		until_ns = 0;
	loop_step(worker->loop, until_ns);
}

/* libmicrohttpd sees that an answer has been sent a turn after its client may have read it; were it stopped before,
 * that answer would count as cut off. */
static void *run(void *context)
{
	struct api_worker *worker = context;
	uint64_t deadline_ns;

	while (!worker->finishing)
		turn(worker, CLOCK_NEVER);
	while (worker->waiting) {
		loop_timer_stop(worker->loop, &worker->waiting->timer);
		resume(worker->waiting);
	}
	deadline_ns = clock_now_ns() + FINISH_PATIENCE_NS;
	turn(worker, 0);
	while (worker->under_way > 0 && clock_now_ns() < deadline_ns)
		turn(worker, deadline_ns);
	return NULL;
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

static int start_daemon(struct api_worker *worker, int listen_fd)
{
	const union MHD_DaemonInfo *info;
	int own_fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 0); /* which libmicrohttpd will close */

	if (own_fd < 0)
		return -errno;
	errno = 0;
	worker->daemon =
	        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, worker,
	                         MHD_OPTION_LISTEN_SOCKET, own_fd, MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
	                         MHD_OPTION_NOTIFY_COMPLETED, complete, worker, MHD_OPTION_END);
	if (!worker->daemon)
		return errno ? -errno : -EIO;
	info = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -ENOTSUP;
	return loop_watch(worker->loop, info->epoll_fd, EPOLLIN, daemon_ready, worker);
}

/* The loop is made here, before the thread, which inherits the timer slack that it sets. */
int api_worker_start(const struct api_config *config, int listen_fd, _Atomic uint64_t *numbers,
                     struct api_worker **ret_worker)
{
	cleanup(api_worker_freep) struct api_worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->config = config;
	worker->numbers = numbers;
	r = loop_new(&worker->loop);
	if (r == 0)
		r = start_daemon(worker, listen_fd);
	if (r == 0)
		r = -pthread_create(&worker->thread, NULL, run, worker);
	if (r < 0)
		return r;
	worker->started = 1;
	*ret_worker = steal(worker);
	return 0;
}

static void stop(struct api_worker *worker)
{
	if (worker->started) {
		worker->finishing = 1;
		loop_wake(worker->loop);
		pthread_join(worker->thread, NULL);
		worker->started = 0;
	}
	if (worker->daemon)
		MHD_stop_daemon(worker->daemon);
	worker->daemon = NULL;
}

void api_worker_finish(struct api_worker *worker, struct api_counters *counters)
{
	stop(worker);
	counters->unanswered += worker->counters.unanswered;
	for (size_t status = 0; status < COUNTERS_STATUS_MAX; status++) {
		counters->by_status[status] += worker->counters.by_status[status];
		counters->requests += worker->counters.by_status[status];
	}
}

struct api_worker *api_worker_free(struct api_worker *worker)
{
	if (!worker)
		return NULL;
	stop(worker);
	loop_free(worker->loop);
	free(worker);
	return NULL;
}
