/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver: a pool of connections and the statements that wait for one.
 *
 * An operation becomes a job with its parameters filled in. A job waits in the queue, first come first served, or runs
 * on a connection; when it leaves the queue its operation's start is stamped anew, so that durations are the server's
 * and the wait shows in response times. Its timer, if it has a timeout, runs from submit and again from when it leaves.
 *
 * The connection that became idle last is taken first. While no connection can be made, each failed attempt fails all
 * that waits, so that a target that refuses is told of at the pace of the attempts. */
#include "agent/drivers/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "agent/drivers/kit/reach.h"
#include "agent/drivers/kit/step_map.h"
#include "agent/drivers/postgres/canceller.h"
#include "agent/drivers/postgres/connection.h"
#include "agent/drivers/postgres/conninfo.h"
#include "agent/drivers/postgres/job.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

struct driver {
	struct driver_config config;
	struct step_map map;
	struct conninfo conninfo;
	struct canceller *canceller;
	struct connection_config connection_config;
	struct connection **connections;
	uint32_t connection_count;
	struct connection **idle; /* a stack */
	uint32_t idle_count;
	struct job_list waiting;
	struct job_list running;
	struct job *free_jobs;
	struct trouble trouble; /* of the last attempt to connect that failed */
};

enum { WORD_JOB };

/* Jobs. */

static void job_timed_out(struct loop_timer *timer, uint64_t now_ns);

static struct job *take_job(struct driver *driver)
{
	struct job *job = driver->free_jobs;

	if (job) {
		driver->free_jobs = job->next;
		return job;
	}
	job = job_new();
	if (!job)
		return NULL;
	job->owner = driver;
	job->timer = (struct loop_timer){.fire = job_timed_out, .context = job};
	return job;
}

static void put_job(struct driver *driver, struct job *job)
{
	loop_timer_stop(driver->config.loop, &job->timer);
	job->operation = NULL;
	job->connection = NULL;
	job->next = driver->free_jobs;
	driver->free_jobs = job;
}

/* The job is in no list any more. */
static void complete(struct driver *driver, struct job *job)
{
	struct operation *operation = job->operation;

	operation->completed_ns = clock_now_ns();
	put_job(driver, job);
	driver->config.complete(driver->config.context, operation);
}

static void start_timer(struct driver *driver, struct job *job, uint64_t now_ns)
{
	if (job->timeout_ns > 0)
		loop_timer_start(driver->config.loop, &job->timer, now_ns + job->timeout_ns);
}

static void run(struct driver *driver, struct connection *connection, struct job *job)
{
	job->connection = connection;
	job_list_add(&driver->running, job);
	connection_run(connection, job);
}

/* Takes a job from whatever it is doing. */
static void detach(struct driver *driver, struct job *job)
{
	if (job->connection) {
		job_list_remove(&driver->running, job);
		connection_give_up(job->connection);
	} else {
		job_list_remove(&driver->waiting, job);
	}
}

static uint32_t count_connections(const struct driver *driver, _Bool (*is)(const struct connection *connection))
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < driver->connection_count; i++)
		count += is(driver->connections[i]);
	return count;
}

static void tell_trouble(const struct driver *driver, struct operation *operation)
{
	const struct trouble *trouble = &driver->trouble;

	if (trouble->class == ERROR_NONE)
		operation_fail(operation, ERROR_CONNECTION, "08001", "no connection could be made in time");
	else
		operation_fail(operation, trouble->class, trouble->code, "%s", trouble->text);
}

static void job_timed_out(struct loop_timer *timer, uint64_t now_ns)
{
	struct job *job = timer->context;
	struct driver *driver = job->owner;
	_Bool waited = !job->connection;

	(void)now_ns;
	detach(driver, job);
	if (!waited)
		operation_fail(job->operation, ERROR_TIMEOUT, "57014", "the statement took longer than its timeout");
	else if (count_connections(driver, connection_is_up) > 0)
		operation_fail(job->operation, ERROR_TIMEOUT, "NO_CONNECTION",
		               "no connection was free within the timeout");
	else
		tell_trouble(driver, job->operation);
	complete(driver, job);
}

/* What connections tell. */

static void connection_idle(void *context, struct connection *connection)
{
	struct driver *driver = context;
	struct job *job = job_list_take(&driver->waiting);

	if (!job) {
		driver->idle[driver->idle_count++] = connection;
		return;
	}
	job->operation->started_ns = clock_now_ns();
	start_timer(driver, job, job->operation->started_ns);
	run(driver, connection, job);
}

static void connection_done(void *context, struct connection *connection, struct job *job)
{
	struct driver *driver = context;

	(void)connection;
	job_list_remove(&driver->running, job);
	complete(driver, job);
}

/* Those that come meanwhile, from completions, wait for the next attempt. */
static void fail_waiting(struct driver *driver)
{
	for (uint64_t left = driver->waiting.count; left > 0 && driver->waiting.first; left--) {
		struct job *job = job_list_take(&driver->waiting);

		tell_trouble(driver, job->operation);
		complete(driver, job);
	}
}

static void connection_refused(void *context, struct connection *connection, const struct trouble *trouble)
{
	struct driver *driver = context;

	(void)connection;
	if (strcmp(driver->trouble.text, trouble->text) != 0)
		log_write(driver->config.log, LOG_WARNING, "target %s: %s", driver->config.target->name, trouble->text);
	driver->trouble = *trouble;
	if (count_connections(driver, connection_is_up) + count_connections(driver, connection_is_connecting) == 0)
		fail_waiting(driver);
}

static void connection_lost(void *context, struct connection *connection)
{
	struct driver *driver = context;

	for (uint32_t i = 0; i < driver->idle_count; i++) {
		if (driver->idle[i] != connection)
			continue;
		memmove(&driver->idle[i], &driver->idle[i + 1],
		        (--driver->idle_count - i) * sizeof(struct connection *));
		return;
	}
}

static const struct connection_events connection_events = {
        .idle = connection_idle,
        .done = connection_done,
        .refused = connection_refused,
        .lost = connection_lost,
};

/* Operations. */

static int postgres_submit(struct driver *driver, struct operation *operation)
{
	struct job *job = take_job(driver);
	const char *missing = "";
	int r;

	if (!job)
		return -ENOMEM;
	r = job_render(job, operation, &missing);
	if (r < 0) {
		put_job(driver, job);
		if (r != -ENOKEY)
			return r;
		operation_fail(operation, ERROR_DATA, "TEMPLATE", "{{%s}} is not set", missing);
		return SUBMIT_FAILED;
	}
	job->statement = step_map_find(&driver->map, operation->step);
	job->timeout_ns = operation->step->sql.timeout_ns;
	if (job->timeout_ns == 0)
		job->timeout_ns = driver->config.target->postgres.timeout_ns;
	operation->driver_words[WORD_JOB] = (uintptr_t)job;
	start_timer(driver, job, operation->started_ns);
	if (driver->idle_count > 0)
		run(driver, driver->idle[--driver->idle_count], job);
	else
		job_list_add(&driver->waiting, job);
	return SUBMIT_ACCEPTED;
}

static uint64_t postgres_in_flight(const struct driver *driver)
{
	return driver->waiting.count + driver->running.count;
}

static void interrupt(struct driver *driver, struct job *job)
{
	detach(driver, job);
	operation_fail(job->operation, ERROR_TIMEOUT, "INTERRUPTED", "given up");
	complete(driver, job);
}

static void postgres_cancel(struct driver *driver, struct operation *operation)
{
	interrupt(driver, (struct job *)operation->driver_words[WORD_JOB]);
}

static void postgres_abandon(struct driver *driver)
{
	while (driver->waiting.first)
		interrupt(driver, driver->waiting.first);
	while (driver->running.first)
		interrupt(driver, driver->running.first);
}

/* The driver. */

static struct driver *postgres_close(struct driver *driver)
{
	if (!driver)
		return NULL;
	assert(postgres_in_flight(driver) == 0);
	/* First: what it still cancels needs the server's sessions as they are. */
	canceller_free(driver->canceller);
	for (uint32_t i = 0; driver->connections && i < driver->connection_count; i++)
		connection_free(driver->connections[i]);
	while (driver->free_jobs) {
		struct job *job = driver->free_jobs;

		driver->free_jobs = job->next;
		job_free(job);
	}
	free(driver->connections);
	free(driver->idle);
	conninfo_deinit(&driver->conninfo);
	step_map_deinit(&driver->map);
	free(driver);
	return NULL;
}

static int make_connections(struct driver *driver)
{
	driver->connection_count = driver->config.connections > 0 ? driver->config.connections : 1;
	driver->connections = calloc(driver->connection_count, sizeof(struct connection *));
	driver->idle = calloc(driver->connection_count, sizeof(struct connection *));
	if (!driver->connections || !driver->idle)
		return -ENOMEM;
	driver->connection_config = (struct connection_config){
	        .loop = driver->config.loop,
	        .log = driver->config.log,
	        .conninfo = &driver->conninfo,
	        .canceller = driver->canceller,
	        .events = &connection_events,
	        .context = driver,
	        .statement_count = driver->map.count,
	};
	for (uint32_t i = 0; i < driver->connection_count; i++) {
		int r;

		driver->connection_config.seed = clock_now_ns();
		r = connection_new(&driver->connection_config, &driver->connections[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare(struct driver *driver, struct failure *failure)
{
	int r = conninfo_init(&driver->conninfo, driver->config.target->postgres.uri, failure);

	if (r < 0)
		return r;
	r = step_map_init(&driver->map, driver->config.plan, driver->config.target, STEP_SQL);
	if (r == 0)
		r = canceller_new(driver->config.loop, &driver->canceller);
	if (r == 0)
		r = make_connections(driver);
	return r < 0 ? failure_set(failure, r, "postgres: %s", strerror(-r)) : 0;
}

static int postgres_open(const struct driver_config *config, struct failure *failure, struct driver **ret_driver)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return failure_set(failure, -ENOMEM, "no memory");
	driver->config = *config;
	r = prepare(driver, failure);
	if (r < 0) {
		postgres_close(driver);
		return r;
	}
	for (uint32_t i = 0; i < driver->connection_count; i++)
		connection_start(driver->connections[i]);
	*ret_driver = driver;
	return 0;
}

static void postgres_probe(const struct driver_config *config, int timeout_ms, struct target_facts *ret_facts)
{
	cleanup(cleanup_free) char *host = NULL, *port = NULL, *path = NULL;

	if (conninfo_first_host(config->target->postgres.uri, &host, &port) < 0) {
		snprintf(ret_facts->problem, sizeof(ret_facts->problem), "uri: not understood");
		return;
	}
	if (*host != '/' && *host != '@')
		reach_probe(host, port, timeout_ms, ret_facts);
	else if (asprintf(&path, "%s/.s.PGSQL.%s", host, port) > 0)
		reach_probe_unix(path, timeout_ms, ret_facts);
}

static void postgres_facts(const struct driver *driver, struct target_facts *ret_facts)
{
	for (uint32_t i = 0; i < driver->connection_count; i++) {
		const char *version = connection_server_version(driver->connections[i]);

		if (!*version)
			continue;
		snprintf(ret_facts->version, sizeof(ret_facts->version), "PostgreSQL %s", version);
		return;
	}
}

/* 150020 is 15.20. */
static void postgres_library_version(char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
}

const struct driver_ops postgres_driver = {
        .kind = TARGET_POSTGRES,
        .library = "libpq",
        .library_version = postgres_library_version,
        .open = postgres_open,
        .submit = postgres_submit,
        .cancel = postgres_cancel,
        .in_flight = postgres_in_flight,
        .abandon = postgres_abandon,
        .probe = postgres_probe,
        .facts = postgres_facts,
        .close = postgres_close,
};
