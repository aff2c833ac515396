/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that turns an engine. */
#include "agent/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"

/* Of one worker: one is being filled, one is being read, the rest is for a main thread that is late. */
enum { SECONDS_MAX = 8 };

struct begin_command {
	uint32_t scenario;
	uint64_t at_ns;
};

struct adopt_command {
	const struct portion *portion;
	uint64_t effective_ns; /* 0: instead of what it has */
};

struct commands {
	_Bool quit;
	_Bool start;
	uint64_t t0_ns;
	uint64_t first_second;
	struct adopt_command *adopts;
	size_t adopt_count;
	size_t adopt_capacity;
	struct engine_value *values;
	size_t value_count;
	size_t value_capacity;
	_Bool stop;
	uint64_t stop_at_ns;
	uint64_t grace_ns;
	struct begin_command *begins;
	size_t begin_count;
	size_t begin_capacity;
};

struct second_list {
	struct second *first;
	struct second *last;
};

struct worker {
	struct engine_config config;
	int doorbell;
	pthread_t thread;
	struct engine *engine;      /* the thread's */
	struct target_facts *facts; /* the thread's until it is done */
	uint32_t seconds;           /* the thread's: how many it has made */
	atomic_bool called;         /* there are commands */

	pthread_mutex_t mutex; /* of all below */
	enum worker_state state;
	struct failure failure;
	struct loop *loop; /* to be woken; NULL before the engine is open and after its end */
	struct commands commands;
	struct second_list filled;
	struct second_list spare;
};

static void list_add(struct second_list *list, struct second *second)
{
	second->link = NULL;
	if (list->last)
		list->last->link = second;
	else
		list->first = second;
	list->last = second;
}

static struct second *list_take(struct second_list *list)
{
	struct second *second = list->first;

	if (!second)
		return NULL;
	list->first = second->link;
	if (!list->first)
		list->last = NULL;
	return second;
}

static void list_clear(struct second_list *list)
{
	struct second *second;

	while ((second = list_take(list)))
		second_free(second);
}

static void ring(struct worker *worker)
{
	uint64_t one = 1;

	while (write(worker->doorbell, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* An empty second: a spare one, or a new one while there aren't too many. */
static struct second *find_spare(struct worker *worker)
{
	struct second *second;

	pthread_mutex_lock(&worker->mutex);
	second = list_take(&worker->spare);
	pthread_mutex_unlock(&worker->mutex);
	if (second || worker->seconds >= SECONDS_MAX)
		return second;
	if (second_new(worker->config.plan, worker->engine->groups, &second) < 0)
		return NULL;
	worker->seconds++;
	return second;
}

static struct second *hand_over(void *context, struct second *full)
{
	struct worker *worker = context;
	struct second *fresh = full->last ? NULL : find_spare(worker);

	if (!fresh && !full->last)
		return NULL;
	pthread_mutex_lock(&worker->mutex);
	list_add(&worker->filled, full);
	pthread_mutex_unlock(&worker->mutex);
	ring(worker);
	return fresh;
}

static void set_state(struct worker *worker, enum worker_state state, const struct failure *failure)
{
	pthread_mutex_lock(&worker->mutex);
	worker->state = state;
	worker->loop = state == WORKER_OPEN ? worker->engine->loop : NULL;
	if (failure)
		worker->failure = *failure;
	pthread_mutex_unlock(&worker->mutex);
	ring(worker);
}

/* Those that replace what it has before the start, or those that change it later. */
static int adopt(struct worker *worker, const struct commands *commands, _Bool later, struct failure *failure)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < commands->adopt_count; i++) {
		const struct adopt_command *command = &commands->adopts[i];

		if (later == (command->effective_ns > 0))
			r = engine_adopt(worker->engine, command->portion, command->effective_ns, failure);
	}
	return r;
}

static int obey(struct worker *worker, const struct commands *commands, struct failure *failure)
{
	int r = adopt(worker, commands, 0, failure);

	if (r == 0)
		r = engine_set_values(worker->engine, commands->values, commands->value_count);
	if (r == 0 && commands->start)
		r = engine_start(worker->engine, commands->t0_ns, commands->first_second);
	if (r == 0)
		r = adopt(worker, commands, 1, failure);
	for (size_t i = 0; r == 0 && i < commands->begin_count; i++)
		r = engine_begin(worker->engine, commands->begins[i].scenario, commands->begins[i].at_ns);
	if (r == 0 && commands->stop)
		r = engine_stop(worker->engine, commands->stop_at_ns, commands->grace_ns);
	return r;
}

static void free_commands(struct commands *commands)
{
	free(commands->begins);
	free(commands->adopts);
	free(commands->values);
}

/* 1: it is told to quit. */
static int take_commands(struct worker *worker, struct failure *failure)
{
	struct commands commands;
	int r;

	if (!atomic_exchange(&worker->called, 0))
		return 0;
	pthread_mutex_lock(&worker->mutex);
	commands = worker->commands;
	worker->commands = (struct commands){.quit = commands.quit};
	pthread_mutex_unlock(&worker->mutex);
	r = commands.quit ? 1 : obey(worker, &commands, failure);
	free_commands(&commands);
	return r;
}

static int turn_until_done(struct worker *worker, struct failure *failure)
{
	int r = 0;

	while (r == 0 && !engine_done(worker->engine)) {
		if (atomic_load_explicit(&worker->called, memory_order_relaxed))
			r = take_commands(worker, failure);
		if (r == 0)
			r = engine_turn(worker->engine);
	}
	return r;
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct failure failure = {0};
	int r = engine_new(&worker->config, &failure, &worker->engine);

	if (r < 0) {
		set_state(worker, WORKER_FAILED, &failure);
		return NULL;
	}
	worker->seconds = 1;
	set_state(worker, WORKER_OPEN, NULL);
	r = turn_until_done(worker, &failure);
	for (uint32_t i = 0; r == 0 && i < worker->config.plan->target_count; i++)
		engine_facts(worker->engine, i, &worker->facts[i]);
	if (r < 0) {
		if (failure.code == 0)
			failure_set(&failure, r, "worker %u failed: %s", worker->config.worker, strerrordesc_np(-r));
		set_state(worker, WORKER_FAILED, &failure);
	} else {
		set_state(worker, WORKER_DONE, NULL);
	}
	worker->engine = engine_free(worker->engine);
	return NULL;
}

int worker_new(const struct engine_config *engine, int doorbell, struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	char name[16];
	int r;

	if (!worker)
		return -ENOMEM;
	worker->config = *engine;
	worker->config.hand_over = hand_over;
	worker->config.context = worker;
	worker->doorbell = doorbell;
	worker->facts = calloc(engine->plan->target_count + 1, sizeof(*worker->facts));
	if (!worker->facts) {
		free(worker);
		return -ENOMEM;
	}
	pthread_mutex_init(&worker->mutex, NULL);
	r = pthread_create(&worker->thread, NULL, work, worker);
	if (r != 0) {
		pthread_mutex_destroy(&worker->mutex);
		free(worker->facts);
		free(worker);
		return -r;
	}
	snprintf(name, sizeof(name), "worker-%u", engine->worker);
	pthread_setname_np(worker->thread, name);
	*ret_worker = worker;
	return 0;
}

/* Under the mutex: the commands are there, and the loop (if it turns) will see them. */
static void call(struct worker *worker)
{
	atomic_store(&worker->called, 1);
	if (worker->loop)
		loop_wake(worker->loop);
}

struct worker *worker_free(struct worker *worker)
{
	if (!worker)
		return NULL;
	pthread_mutex_lock(&worker->mutex);
	worker->commands.quit = 1;
	call(worker);
	pthread_mutex_unlock(&worker->mutex);
	pthread_join(worker->thread, NULL);
	list_clear(&worker->filled);
	list_clear(&worker->spare);
	free_commands(&worker->commands);
	pthread_mutex_destroy(&worker->mutex);
	free(worker->facts);
	free(worker);
	return NULL;
}

enum worker_state worker_state(struct worker *worker)
{
	enum worker_state state;

	pthread_mutex_lock(&worker->mutex);
	state = worker->state;
	pthread_mutex_unlock(&worker->mutex);
	return state;
}

const struct failure *worker_failure(struct worker *worker)
{
	return &worker->failure;
}

const struct target_facts *worker_facts(struct worker *worker)
{
	return worker->facts;
}

void worker_start(struct worker *worker, uint64_t t0_ns, uint64_t first_second)
{
	pthread_mutex_lock(&worker->mutex);
	worker->commands.start = 1;
	worker->commands.t0_ns = t0_ns;
	worker->commands.first_second = first_second;
	call(worker);
	pthread_mutex_unlock(&worker->mutex);
}

int worker_adopt(struct worker *worker, const struct portion *portion, uint64_t effective_ns)
{
	struct commands *commands = &worker->commands;
	int r;

	pthread_mutex_lock(&worker->mutex);
	r = array_reserve(&commands->adopts, &commands->adopt_capacity, commands->adopt_count,
	                  sizeof(*commands->adopts));
	if (r == 0) {
		commands->adopts[commands->adopt_count++] =
		        (struct adopt_command){.portion = portion, .effective_ns = effective_ns};
		call(worker);
	}
	pthread_mutex_unlock(&worker->mutex);
	return r;
}

int worker_set_values(struct worker *worker, const struct engine_value *values, size_t count)
{
	struct commands *commands = &worker->commands;
	int r = 0;

	pthread_mutex_lock(&worker->mutex);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = array_reserve(&commands->values, &commands->value_capacity, commands->value_count,
		                  sizeof(*commands->values));
		if (r == 0)
			commands->values[commands->value_count++] = values[i];
	}
	call(worker);
	pthread_mutex_unlock(&worker->mutex);
	return r;
}

int worker_begin(struct worker *worker, uint32_t scenario, uint64_t at_ns)
{
	struct commands *commands = &worker->commands;
	int r;

	pthread_mutex_lock(&worker->mutex);
	r = array_reserve(&commands->begins, &commands->begin_capacity, commands->begin_count,
	                  sizeof(*commands->begins));
	if (r == 0) {
		commands->begins[commands->begin_count++] =
		        (struct begin_command){.scenario = scenario, .at_ns = at_ns};
		call(worker);
	}
	pthread_mutex_unlock(&worker->mutex);
	return r;
}

void worker_stop(struct worker *worker, uint64_t at_ns, uint64_t grace_ns)
{
	pthread_mutex_lock(&worker->mutex);
	worker->commands.stop = 1;
	worker->commands.stop_at_ns = at_ns;
	worker->commands.grace_ns = grace_ns;
	call(worker);
	pthread_mutex_unlock(&worker->mutex);
}

struct second *worker_take(struct worker *worker)
{
	struct second *second;

	pthread_mutex_lock(&worker->mutex);
	second = list_take(&worker->filled);
	pthread_mutex_unlock(&worker->mutex);
	return second;
}

void worker_give(struct worker *worker, struct second *second)
{
	second_clear(second);
	pthread_mutex_lock(&worker->mutex);
	list_add(&worker->spare, second);
	pthread_mutex_unlock(&worker->mutex);
}
