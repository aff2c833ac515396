/* SPDX-License-Identifier: Apache-2.0 */
/* Begins and ends transactions.
 *
 * The thread and the loop take turns: an order goes one way, its news the other, and nothing is ordered before the news
 * was taken. A call of librdkafka's is given SLICE_MS, after which it is called again and goes on where it was: so the
 * thread can be stopped, and says that something takes long. */
#include "agent/drivers/kafka/transactor.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"

enum { SLICE_MS = 3000, BEGIN_SLICE_MS = 500, RETRY_MS = 200 };

#define TELL_NS (10 * NS_PER_S) /* between two times that it is told that the beginning takes long */

enum order { ORDER_NONE, ORDER_COMMIT, ORDER_ABORT };

struct transactor {
	rd_kafka_t *client;
	struct loop *loop; /* NULL: dismissed */
	void (*hear)(void *context, const struct transactor_news *news);
	void *context;
	int event_fd;
	pthread_t thread;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	_Bool hurried;
	enum order order;
	_Bool told; /* `news` are to be taken */
	struct transactor_news news;
};

/* The thread. */

static _Bool is_hurried(struct transactor *transactor)
{
	_Bool hurried;

	pthread_mutex_lock(&transactor->mutex);
	hurried = transactor->hurried;
	pthread_mutex_unlock(&transactor->mutex);
	return hurried;
}

static void ring(struct transactor *transactor)
{
	uint64_t one = 1;

	while (write(transactor->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Waits until earlier news were taken. */
static void tell(struct transactor *transactor, const struct transactor_news *news)
{
	pthread_mutex_lock(&transactor->mutex);
	while (transactor->told && !transactor->hurried)
		pthread_cond_wait(&transactor->changed, &transactor->mutex);
	transactor->news = *news;
	transactor->told = 1;
	pthread_cond_broadcast(&transactor->changed);
	pthread_mutex_unlock(&transactor->mutex);
	ring(transactor);
}

/* ORDER_NONE: there will be none. */
static enum order wait_for_order(struct transactor *transactor)
{
	enum order order;

	pthread_mutex_lock(&transactor->mutex);
	while (transactor->order == ORDER_NONE && !transactor->hurried)
		pthread_cond_wait(&transactor->changed, &transactor->mutex);
	order = transactor->order;
	transactor->order = ORDER_NONE;
	pthread_mutex_unlock(&transactor->mutex);
	return order;
}

/* True if it was hurried meanwhile. */
static _Bool rest(struct transactor *transactor)
{
	const struct timespec until = clock_timespec(clock_now_ns() + RETRY_MS * NS_PER_MS);
	_Bool hurried;

	pthread_mutex_lock(&transactor->mutex);
	while (!transactor->hurried &&
	       pthread_cond_clockwait(&transactor->changed, &transactor->mutex, CLOCK_MONOTONIC, &until) == 0)
		;
	hurried = transactor->hurried;
	pthread_mutex_unlock(&transactor->mutex);
	return hurried;
}

/* What an error of librdkafka's says; it is destroyed. */
static void take_error(rd_kafka_error_t *error, struct transactor_news *news)
{
	news->error = rd_kafka_error_code(error);
	news->fatal = rd_kafka_error_is_fatal(error);
	snprintf(news->text, sizeof(news->text), "%s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
}

/* Calls until it doesn't ask for another try: NULL, or the error, which is retriable if it was hurried. */
static rd_kafka_error_t *insist(struct transactor *transactor, rd_kafka_error_t *(*call)(rd_kafka_t *, int))
{
	rd_kafka_error_t *error;

	while ((error = call(transactor->client, SLICE_MS)) && rd_kafka_error_is_retriable(error) &&
	       !is_hurried(transactor)) {
		_Bool slow = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT;

		if (!slow && rest(transactor))
			break;
		rd_kafka_error_destroy(error);
	}
	return error;
}

/* What the aborted transaction had is out of the way first: so its messages were acknowledged or have failed. */
static void flush(struct transactor *transactor)
{
	while (rd_kafka_flush(transactor->client, SLICE_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT && !is_hurried(transactor))
		;
}

static enum transaction_end do_abort(struct transactor *transactor, struct transactor_news *news)
{
	rd_kafka_error_t *error = insist(transactor, rd_kafka_abort_transaction);

	if (!error)
		return TRANSACTION_ABORTED;
	take_error(error, news);
	return TRANSACTION_UNKNOWN;
}

static enum transaction_end commit(struct transactor *transactor, struct transactor_news *news)
{
	rd_kafka_error_t *error = insist(transactor, rd_kafka_commit_transaction);
	_Bool abort;

	if (!error)
		return TRANSACTION_COMMITTED;
	abort = rd_kafka_error_txn_requires_abort(error);
	take_error(error, news);
	if (!abort)
		return TRANSACTION_UNKNOWN;
	error = insist(transactor, rd_kafka_abort_transaction);
	if (!error)
		return TRANSACTION_ABORTED;
	if (rd_kafka_error_is_fatal(error))
		take_error(error, news);
	else
		rd_kafka_error_destroy(error);
	return TRANSACTION_UNKNOWN;
}

static void end_transaction(struct transactor *transactor, enum order order, struct transactor_news *news)
{
	uint64_t start_ns = clock_now_ns();

	if (order == ORDER_COMMIT) {
		news->end = commit(transactor, news);
	} else {
		flush(transactor);
		news->end = do_abort(transactor, news);
	}
	news->duration_ns = clock_now_ns() - start_ns;
}

/* Until the client may begin transactions, or it is hurried, or there is no hope. */
static _Bool prepare(struct transactor *transactor)
{
	struct transactor_news news = {0};
	uint64_t told_ns = clock_now_ns();
	rd_kafka_error_t *error;

	while ((error = rd_kafka_init_transactions(transactor->client, BEGIN_SLICE_MS))) {
		_Bool slow = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT;
		_Bool again = rd_kafka_error_is_retriable(error);

		take_error(error, &news);
		news.fatal |= !again;
		if (news.fatal || clock_now_ns() > told_ns + TELL_NS) {
			tell(transactor, &news);
			told_ns = clock_now_ns();
		}
		if (news.fatal || is_hurried(transactor) || (!slow && rest(transactor)))
			return 0;
	}
	return 1;
}

static void begin(struct transactor *transactor, struct transactor_news *news)
{
	rd_kafka_error_t *error = news->fatal ? NULL : rd_kafka_begin_transaction(transactor->client);

	/* Where the one before could not be ended there is none to begin, and another client goes on. */
	if (error && news->error)
		rd_kafka_error_destroy(error);
	else if (error)
		take_error(error, news);
	news->fatal |= error != NULL;
	news->open = !news->fatal;
}

static void *work(void *context)
{
	struct transactor *transactor = context;
	struct transactor_news news = {0};
	enum order order;

	if (!prepare(transactor))
		return NULL;
	begin(transactor, &news);
	tell(transactor, &news);
	while (!news.fatal && (order = wait_for_order(transactor)) != ORDER_NONE) {
		news = (struct transactor_news){0};
		end_transaction(transactor, order, &news);
		begin(transactor, &news);
		tell(transactor, &news);
	}
	return NULL;
}

/* The loop's side. */

static void rung(void *context, int fd, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) > 0)
		transactor_poll(context);
}

int transactor_new(rd_kafka_t *client, struct loop *loop,
                   void (*hear)(void *context, const struct transactor_news *news), void *context,
                   struct transactor **ret_transactor)
{
	struct transactor *transactor = calloc(1, sizeof(*transactor));
	int r;

	if (!transactor)
		return -ENOMEM;
	*transactor = (struct transactor){.client = client, .loop = loop, .hear = hear, .context = context};
	pthread_mutex_init(&transactor->mutex, NULL);
	pthread_cond_init(&transactor->changed, NULL);
	transactor->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = transactor->event_fd < 0 ? -errno : loop_watch(loop, transactor->event_fd, EPOLLIN, rung, transactor);
	if (r == 0)
		r = -pthread_create(&transactor->thread, NULL, work, transactor);
	if (r < 0) {
		transactor->thread = 0;
		transactor_dismiss(transactor);
		transactor_free(transactor);
		return r;
	}
	pthread_setname_np(transactor->thread, "transactions");
	*ret_transactor = transactor;
	return 0;
}

static void order(struct transactor *transactor, enum order order, _Bool hurry)
{
	pthread_mutex_lock(&transactor->mutex);
	if (order != ORDER_NONE)
		transactor->order = order;
	transactor->hurried |= hurry;
	pthread_cond_broadcast(&transactor->changed);
	pthread_mutex_unlock(&transactor->mutex);
}

void transactor_end(struct transactor *transactor, _Bool commit)
{
	order(transactor, commit ? ORDER_COMMIT : ORDER_ABORT, 0);
}

void transactor_hurry(struct transactor *transactor)
{
	order(transactor, ORDER_NONE, 1);
}

void transactor_poll(struct transactor *transactor)
{
	struct transactor_news news;
	_Bool told;

	pthread_mutex_lock(&transactor->mutex);
	told = transactor->told;
	news = transactor->news;
	transactor->told = 0;
	pthread_cond_broadcast(&transactor->changed);
	pthread_mutex_unlock(&transactor->mutex);
	if (told)
		transactor->hear(transactor->context, &news);
}

void transactor_wait(struct transactor *transactor, uint64_t until_ns)
{
	const struct timespec until = clock_timespec(until_ns);

	pthread_mutex_lock(&transactor->mutex);
	while (!transactor->told &&
	       pthread_cond_clockwait(&transactor->changed, &transactor->mutex, CLOCK_MONOTONIC, &until) == 0)
		;
	pthread_mutex_unlock(&transactor->mutex);
	transactor_poll(transactor);
}

void transactor_dismiss(struct transactor *transactor)
{
	transactor_hurry(transactor);
	if (transactor->loop && transactor->event_fd >= 0)
		loop_unwatch(transactor->loop, transactor->event_fd);
	transactor->loop = NULL;
}

struct transactor *transactor_free(struct transactor *transactor)
{
	if (!transactor)
		return NULL;
	if (transactor->loop)
		transactor_dismiss(transactor);
	if (transactor->thread)
		pthread_join(transactor->thread, NULL);
	if (transactor->event_fd >= 0)
		close(transactor->event_fd);
	pthread_cond_destroy(&transactor->changed);
	pthread_mutex_destroy(&transactor->mutex);
	free(transactor);
	return NULL;
}
