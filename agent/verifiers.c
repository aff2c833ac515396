/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's verifiers, each on a thread of its own.
 *
 * A verifier that was cancelled may still be busy closing its client: it stays in `leaving` until its thread is at its
 * end. Threads write the doorbell with the mutex held, so that none is lost between a look and a wait. */
#include "agent/verifiers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/secrets.h"
#include "common/base/array.h"
#include "common/base/cleanup.h"

struct verifier {
	struct verifiers *of;
	const struct duty *duty;
	struct verifier_order order; /* with its own positions */
	struct secrets *secrets;     /* the thread's */
	pthread_t thread;
	int cancel_fd;
	int closing_fd;
	_Bool closing; /* the main thread's */
	/* Under the mutex. */
	pthread_cond_t changed;
	_Bool cancelled;
	_Bool ended;  /* the thread is at its end */
	_Bool told;   /* there are news, which nobody has acknowledged */
	_Bool taken;  /* ... and which were taken */
	uint64_t seq; /* of the newest news */
	_Bool over;
	struct verify_offset *starts;
	struct verify_offset *ends;
	void *seen;
	size_t start_count, end_count, seen_size;
	char problem[DUTY_PROBLEM_SIZE];
};

struct verifier_list {
	struct verifier **items;
	size_t count;
	size_t capacity;
};

struct verifiers {
	struct duties_config config;
	struct verifier_list held;    /* the main thread's */
	struct verifier_list leaving; /* likewise */
	pthread_mutex_t mutex;
};

static void ring(int fd)
{
	static const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* On a verifier's thread. */

static void drop_news(struct verifier *verifier)
{
	free(verifier->starts);
	free(verifier->ends);
	free(verifier->seen);
	verifier->starts = verifier->ends = NULL;
	verifier->seen = NULL;
	verifier->start_count = verifier->end_count = verifier->seen_size = 0;
	verifier->told = verifier->taken = 0;
}

/* 0, or -ECANCELED; the mutex is held. */
static int await_answer(struct verifier *verifier)
{
	while (verifier->told && !verifier->cancelled)
		pthread_cond_wait(&verifier->changed, &verifier->of->mutex);
	return verifier->cancelled ? -ECANCELED : 0;
}

static void tell(struct verifier *verifier)
{
	verifier->told = 1;
	verifier->seq++;
	ring(verifier->of->config.doorbell);
}

/* A copy, or NULL for nothing; false without memory. */
static _Bool copy(const void *from, size_t size, void *ret_copy)
{
	void *to = NULL;

	if (size > 0) {
		to = malloc(size);
		if (!to)
			return 0;
		memcpy(to, from, size);
	}
	*(void **)ret_copy = to;
	return 1;
}

static int copy_report(struct verifier *verifier, const struct verify_report *report)
{
	drop_news(verifier);
	if (!copy(report->starts, report->start_count * sizeof(*report->starts), &verifier->starts) ||
	    !copy(report->ends, report->end_count * sizeof(*report->ends), &verifier->ends) ||
	    !copy(report->seen, report->seen_size, &verifier->seen))
		return -ENOMEM;
	verifier->start_count = report->start_count;
	verifier->end_count = report->end_count;
	verifier->seen_size = report->seen_size;
	return 0;
}

static int take_report(void *context, const struct verify_report *report)
{
	struct verifier *verifier = context;
	int r;

	pthread_mutex_lock(&verifier->of->mutex);
	r = await_answer(verifier);
	if (r == 0)
		r = copy_report(verifier, report);
	if (r == 0)
		tell(verifier);
	pthread_mutex_unlock(&verifier->of->mutex);
	return r;
}

static int verify(struct verifier *verifier, struct verify_work *work)
{
	const struct duties_config *config = &verifier->of->config;
	const struct target *target = &config->plan->targets[verifier->duty->target];
	const struct driver_ops *ops = config->drivers[target->kind];
	const struct driver_config driver = {
	        .plan = config->plan,
	        .target = target,
	        .log = config->log,
	        .agent_name = config->agent_name,
	        .run_id = config->run_id,
	        .secret = secrets_get,
	        .secret_context = verifier->secrets,
	};

	return ops && ops->verify ? ops->verify(&driver, work) : -ENOSYS;
}

/* Says that the verifier is over, once all that it said is safe. */
static void tell_end(struct verifier *verifier, const char *problem)
{
	pthread_mutex_lock(&verifier->of->mutex);
	if (await_answer(verifier) == 0) {
		if (problem[0])
			log_write(verifier->of->config.log, LOG_WARNING, "%s: %s", verifier->duty->name, problem);
		drop_news(verifier);
		snprintf(verifier->problem, sizeof(verifier->problem), "%s", problem);
		verifier->over = 1;
		tell(verifier);
	}
	verifier->ended = 1;
	pthread_mutex_unlock(&verifier->of->mutex);
}

static void *work(void *context)
{
	struct verifier *verifier = context;
	struct verify_work work = {
	        .duty = verifier->duty,
	        .cancel_fd = verifier->cancel_fd,
	        .closing_fd = verifier->closing_fd,
	        .reader = verifier->order.reader,
	        .positions = verifier->order.positions,
	        .position_count = verifier->order.position_count,
	        .resumes = verifier->order.resumes,
	        .report = take_report,
	        .context = verifier,
	};
	int r = verify(verifier, &work);

	if (r < 0 && !work.problem[0])
		snprintf(work.problem, sizeof(work.problem), "%s", strerrordesc_np(-r));
	tell_end(verifier, work.problem);
	return NULL;
}

/* On the main thread. */

static struct verifier *verifier_free(struct verifier *verifier)
{
	if (!verifier)
		return NULL;
	drop_news(verifier);
	free((void *)verifier->order.positions);
	secrets_free(verifier->secrets);
	pthread_cond_destroy(&verifier->changed);
	if (verifier->cancel_fd >= 0)
		close(verifier->cancel_fd);
	if (verifier->closing_fd >= 0)
		close(verifier->closing_fd);
	free(verifier);
	return NULL;
}
DEFINE_CLEANUP(struct verifier *, verifier_free)

static void cancel(struct verifier *verifier)
{
	pthread_mutex_lock(&verifier->of->mutex);
	verifier->cancelled = 1;
	pthread_cond_signal(&verifier->changed);
	pthread_mutex_unlock(&verifier->of->mutex);
	ring(verifier->cancel_fd);
}

static void close_up(struct verifier *verifier)
{
	if (!verifier->closing)
		ring(verifier->closing_fd);
	verifier->closing = 1;
}

static _Bool has_ended(struct verifier *verifier)
{
	_Bool ended;

	pthread_mutex_lock(&verifier->of->mutex);
	ended = verifier->ended;
	pthread_mutex_unlock(&verifier->of->mutex);
	return ended;
}

/* Lets go of those that were cancelled and whose threads need no waiting for. */
static void reap(struct verifiers *verifiers)
{
	size_t kept = 0;

	for (size_t i = 0; i < verifiers->leaving.count; i++) {
		struct verifier *verifier = verifiers->leaving.items[i];

		if (!has_ended(verifier)) {
			verifiers->leaving.items[kept++] = verifier;
			continue;
		}
		pthread_join(verifier->thread, NULL);
		verifier_free(verifier);
	}
	verifiers->leaving.count = kept;
}

static struct verifier *find(const struct verifiers *verifiers, uint32_t duty, uint64_t reader)
{
	for (size_t i = 0; i < verifiers->held.count; i++) {
		struct verifier *verifier = verifiers->held.items[i];

		if (verifier->order.duty == duty && verifier->order.reader == reader)
			return verifier;
	}
	return NULL;
}

static _Bool is_ordered(const struct verifier_order *orders, size_t count, const struct verifier_order *order)
{
	for (size_t i = 0; i < count; i++)
		if (orders[i].duty == order->duty && orders[i].reader == order->reader)
			return 1;
	return 0;
}

static int take_away(struct verifiers *verifiers, const struct verifier_order *orders, size_t count)
{
	struct verifier_list *held = &verifiers->held, *leaving = &verifiers->leaving;

	for (size_t i = 0; i < held->count;) {
		if (is_ordered(orders, count, &held->items[i]->order)) {
			i++;
			continue;
		}
		if (array_reserve(&leaving->items, &leaving->capacity, leaving->count, sizeof(struct verifier *)) < 0)
			return -ENOMEM;
		cancel(held->items[i]);
		leaving->items[leaving->count++] = held->items[i];
		held->items[i] = held->items[--held->count];
	}
	return 0;
}

/* Without a thread. */
static int make(struct verifiers *verifiers, const struct verifier_order *order, struct verifier **ret_verifier)
{
	struct verifier *verifier cleanup(verifier_freep) = calloc(1, sizeof(*verifier));
	struct verify_offset *positions;

	if (!verifier)
		return -ENOMEM;
	pthread_cond_init(&verifier->changed, NULL);
	verifier->of = verifiers;
	verifier->duty = &verifiers->config.plan->duties[order->duty];
	verifier->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	verifier->closing_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (verifier->cancel_fd < 0 || verifier->closing_fd < 0)
		return -EMFILE;
	verifier->order = *order;
	verifier->order.positions = NULL;
	verifier->secrets = secrets_new(verifiers->config.secrets_folder);
	if (!verifier->secrets || !copy(order->positions, order->position_count * sizeof(*positions), &positions))
		return -ENOMEM;
	verifier->order.positions = positions;
	*ret_verifier = steal(verifier);
	return 0;
}

static int start(struct verifiers *verifiers, const struct verifier_order *order, _Bool closing)
{
	struct verifier_list *held = &verifiers->held;
	struct verifier *verifier = NULL;
	int r = array_reserve(&held->items, &held->capacity, held->count, sizeof(struct verifier *));

	if (r == 0)
		r = make(verifiers, order, &verifier);
	if (!verifier)
		return r;
	if (closing)
		close_up(verifier);
	r = pthread_create(&verifier->thread, NULL, work, verifier);
	if (r != 0) {
		verifier_free(verifier);
		return -r;
	}
	held->items[held->count++] = verifier;
	return 0;
}

static _Bool is_verifier(const struct plan *plan, uint32_t duty)
{
	return duty < plan->duty_count && plan->duties[duty].kind == DUTY_VERIFIER &&
	       plan->duties[duty].target < plan->target_count;
}

int verifiers_set(struct verifiers *verifiers, const struct verifier_order *orders, size_t count, _Bool closing)
{
	int r;

	reap(verifiers);
	r = take_away(verifiers, orders, count);
	for (size_t i = 0; closing && i < verifiers->held.count; i++)
		close_up(verifiers->held.items[i]);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (is_verifier(verifiers->config.plan, orders[i].duty) &&
		    !find(verifiers, orders[i].duty, orders[i].reader))
			r = start(verifiers, &orders[i], closing);
	return r;
}

static void describe(const struct verifier *verifier, struct verifier_news *ret_news)
{
	*ret_news = (struct verifier_news){
	        .duty = verifier->order.duty,
	        .reader = verifier->order.reader,
	        .seq = verifier->seq,
	        .report = {.starts = verifier->starts,
	                   .start_count = verifier->start_count,
	                   .ends = verifier->ends,
	                   .end_count = verifier->end_count,
	                   .seen = verifier->seen,
	                   .seen_size = verifier->seen_size},
	        .over = verifier->over,
	        .problem = verifier->problem,
	};
}

_Bool verifiers_take(struct verifiers *verifiers, struct verifier_news *ret_news)
{
	_Bool any = 0;

	pthread_mutex_lock(&verifiers->mutex);
	for (size_t i = 0; !any && i < verifiers->held.count; i++) {
		struct verifier *verifier = verifiers->held.items[i];

		if (!verifier->told || verifier->taken)
			continue;
		verifier->taken = any = 1;
		describe(verifier, ret_news);
	}
	pthread_mutex_unlock(&verifiers->mutex);
	return any;
}

void verifiers_acked(struct verifiers *verifiers, uint32_t duty, uint64_t reader, uint64_t seq)
{
	struct verifier *verifier = find(verifiers, duty, reader);

	if (!verifier)
		return;
	pthread_mutex_lock(&verifiers->mutex);
	if (verifier->told && verifier->taken && verifier->seq == seq) {
		drop_news(verifier);
		pthread_cond_signal(&verifier->changed);
	}
	pthread_mutex_unlock(&verifiers->mutex);
}

int verifiers_new(const struct duties_config *config, struct verifiers **ret_verifiers)
{
	struct verifiers *verifiers = calloc(1, sizeof(*verifiers));

	if (!verifiers)
		return -ENOMEM;
	verifiers->config = *config;
	pthread_mutex_init(&verifiers->mutex, NULL);
	*ret_verifiers = verifiers;
	return 0;
}

static void release(struct verifier_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		pthread_join(list->items[i]->thread, NULL);
		verifier_free(list->items[i]);
	}
	free(list->items);
}

struct verifiers *verifiers_free(struct verifiers *verifiers)
{
	if (!verifiers)
		return NULL;
	for (size_t i = 0; i < verifiers->held.count; i++)
		cancel(verifiers->held.items[i]);
	release(&verifiers->held);
	release(&verifiers->leaving);
	pthread_mutex_destroy(&verifiers->mutex);
	free(verifiers);
	return NULL;
}
