/* SPDX-License-Identifier: Apache-2.0 */
/* The cancelling thread.
 *
 * Requests go from the worker to the thread in one list and come back in another, announced by an eventfd in the
 * worker's loop. Both lists and the descriptor belong to the two together: the last one to leave frees them, so that
 * the worker need not wait for a server that is stuck. */
#include "agent/drivers/postgres/canceller.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct request {
	PGcancel *cancel;
	canceller_done_fn done;
	void *context;
	uint64_t ticket;
	struct request *next;
};

struct request_list {
	struct request *first;
	struct request **end;
};

/* What both threads hold. */
struct exchange {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct request_list asked;
	struct request_list made;
	_Bool stopping;
	_Bool stopped; /* the thread makes no more requests */
	int holders;
	int event_fd;
};

struct canceller {
	struct loop *loop;
	struct exchange *exchange;
	pthread_t thread;
	_Bool running;
};

static void list_init(struct request_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct request_list *list, struct request *request)
{
	request->next = NULL;
	*list->end = request;
	list->end = &request->next;
}

static struct request *list_take(struct request_list *list)
{
	struct request *first = list->first;

	if (first) {
		list->first = first->next;
		if (!list->first)
			list->end = &list->first;
	}
	return first;
}

static void list_free(struct request_list *list)
{
	struct request *request;

	while ((request = list_take(list))) {
		PQfreeCancel(request->cancel);
		free(request);
	}
}

/* Called with the mutex held, which it releases. */
static void let_go(struct exchange *exchange)
{
	_Bool last = --exchange->holders == 0;

	pthread_mutex_unlock(&exchange->mutex);
	if (!last)
		return;
	list_free(&exchange->asked);
	list_free(&exchange->made);
	close(exchange->event_fd);
	pthread_cond_destroy(&exchange->changed);
	pthread_mutex_destroy(&exchange->mutex);
	free(exchange);
}

static void make(struct request *request)
{
	char problem[256];

	/* If the server can't be reached there is nothing to cancel either. */
	PQcancel(request->cancel, problem, sizeof(problem));
	PQfreeCancel(request->cancel);
	request->cancel = NULL;
}

static void *run(void *context)
{
	struct exchange *exchange = context;
	uint64_t one = 1;

	pthread_mutex_lock(&exchange->mutex);
	for (;;) {
		struct request *request = list_take(&exchange->asked);

		if (!request && exchange->stopping)
			break;
		if (!request) {
			pthread_cond_wait(&exchange->changed, &exchange->mutex);
			continue;
		}
		pthread_mutex_unlock(&exchange->mutex);
		make(request);
		pthread_mutex_lock(&exchange->mutex);
		list_add(&exchange->made, request);
		if (write(exchange->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			break;
	}
	exchange->stopped = 1;
	pthread_cond_broadcast(&exchange->changed);
	let_go(exchange);
	return NULL;
}

static void requests_made(void *context, int fd, uint32_t events)
{
	struct exchange *exchange = ((struct canceller *)context)->exchange;
	struct request_list made;
	struct request *request;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	list_init(&made);
	pthread_mutex_lock(&exchange->mutex);
	while ((request = list_take(&exchange->made)))
		list_add(&made, request);
	pthread_mutex_unlock(&exchange->mutex);
	while ((request = list_take(&made))) {
		request->done(request->context, request->ticket);
		free(request);
	}
}

int canceller_new(struct loop *loop, struct canceller **ret_canceller)
{
	struct canceller *canceller = calloc(1, sizeof(*canceller));
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = fd < 0 ? -errno : 0;

	if (!canceller || !exchange)
		r = -ENOMEM;
	if (r == 0)
		r = loop_watch(loop, fd, EPOLLIN, requests_made, canceller);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		free(exchange);
		free(canceller);
		return r;
	}
	exchange->event_fd = fd;
	exchange->holders = 1;
	pthread_mutex_init(&exchange->mutex, NULL);
	clock_condition_init(&exchange->changed);
	list_init(&exchange->asked);
	list_init(&exchange->made);
	*canceller = (struct canceller){.loop = loop, .exchange = exchange};
	*ret_canceller = canceller;
	return 0;
}

/* Lets the thread end, with the mutex held. False if it hangs. */
static _Bool stop(struct exchange *exchange)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec++;
	exchange->stopping = 1;
	pthread_cond_broadcast(&exchange->changed);
	while (!exchange->stopped && pthread_cond_timedwait(&exchange->changed, &exchange->mutex, &deadline) == 0)
		;
	return exchange->stopped;
}

struct canceller *canceller_free(struct canceller *canceller)
{
	_Bool stopped;

	if (!canceller)
		return NULL;
	loop_unwatch(canceller->loop, canceller->exchange->event_fd);
	pthread_mutex_lock(&canceller->exchange->mutex);
	stopped = canceller->running && stop(canceller->exchange);
	let_go(canceller->exchange);
	if (stopped)
		pthread_join(canceller->thread, NULL);
	else if (canceller->running)
		pthread_detach(canceller->thread);
	free(canceller);
	return NULL;
}

/* Signals are for the main thread. */
static int start(struct canceller *canceller)
{
	sigset_t all, before;
	int r;

	if (canceller->running)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	canceller->exchange->holders = 2;
	r = pthread_create(&canceller->thread, NULL, run, canceller->exchange);
	if (r != 0)
		canceller->exchange->holders = 1;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	canceller->running = r == 0;
	return -r;
}

int canceller_send(struct canceller *canceller, PGcancel *cancel, canceller_done_fn done, void *context,
                   uint64_t ticket)
{
	struct request *request = malloc(sizeof(*request));
	int r = request ? start(canceller) : -ENOMEM;

	if (r < 0) {
		PQfreeCancel(cancel);
		free(request);
		return r;
	}
	*request = (struct request){.cancel = cancel, .done = done, .context = context, .ticket = ticket};
	pthread_mutex_lock(&canceller->exchange->mutex);
	list_add(&canceller->exchange->asked, request);
	pthread_cond_broadcast(&canceller->exchange->changed);
	pthread_mutex_unlock(&canceller->exchange->mutex);
	return 0;
}
