/* SPDX-License-Identifier: Apache-2.0 */
/* One connection.
 *
 * waiting -> connecting -> idle -> (preparing ->) running -> idle ...; idle, running <- recovering; any -> waiting,
 * when it is lost.
 *
 * A statement is prepared when a connection first meets it and executed by name from then on. A statement that is given
 * up leaves its connection recovering: the server is asked, on another thread, to cancel it, and the connection is of
 * use again when both the statement's end and the end of that request have come, because a request that is late would
 * hit the next statement. If they don't come in RECOVERY_PATIENCE_NS, it is made anew.
 *
 * A lost connection is made again at once if it had been of use; attempts that fail are followed by waits from
 * RETRY_FIRST_NS doubling to RETRY_MOST_NS, half to one and a half times that long, so that connections do not come in
 * step. */
#include "agent/drivers/postgres/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/drivers/postgres/sqlstate.h"
#include "agent/drivers/postgres/traffic.h"
#include "common/base/clock.h"
#include "common/base/random.h"

#define CONNECT_PATIENCE_NS (10 * NS_PER_S)
#define RECOVERY_PATIENCE_NS (5 * NS_PER_S)
#define RETRY_FIRST_NS (100 * NS_PER_MS)
#define RETRY_MOST_NS (2 * NS_PER_S)

/* SQLSTATEs of our own making, where the server could not say one. */
#define CANNOT_CONNECT "08001"
#define CONNECTION_LOST "08006"

enum state { WAITING, CONNECTING, IDLE, PREPARING, RUNNING, RECOVERING };

/* What the connection knows of a statement. */
struct prepared {
	_Bool known;
	uint32_t version; /* of its name: one that the server can't use any more gets a new one */
	char name[28];
};

struct connection {
	const struct connection_config *config;
	enum state state;
	PGconn *session;
	int fd; /* watched, or -1 */
	uint32_t watched;
	struct loop_timer timer; /* of waiting, connecting and recovering */
	uint32_t failed_attempts;
	struct random random;
	struct job *job;
	struct prepared *prepared; /* by statement */
	_Bool statement_over;      /* of recovering */
	_Bool cancel_over;
	_Bool proven; /* a statement has ended in this session */
	uint64_t cancel_ticket;
	char version[112];
};

/* Descriptors. */

static void socket_ready(void *context, int fd, uint32_t events);

static void watch(struct connection *connection, uint32_t events)
{
	int fd = PQsocket(connection->session);

	if (fd == connection->fd && events == connection->watched)
		return;
	if (connection->fd >= 0 && fd != connection->fd)
		loop_unwatch(connection->config->loop, connection->fd);
	connection->fd = -1;
	if (fd < 0 || loop_watch(connection->config->loop, fd, events, socket_ready, connection) < 0)
		return;
	connection->fd = fd;
	connection->watched = events;
}

static void unwatch(struct connection *connection)
{
	if (connection->fd >= 0)
		loop_unwatch(connection->config->loop, connection->fd);
	connection->fd = -1;
}

static void set_timer(struct connection *connection, uint64_t delay_ns)
{
	loop_timer_start(connection->config->loop, &connection->timer, clock_now_ns() + delay_ns);
}

/* Losing and waiting. */

static void drop_session(struct connection *connection)
{
	unwatch(connection);
	PQfinish(connection->session);
	connection->session = NULL;
	for (uint32_t i = 0; i < connection->config->statement_count; i++)
		connection->prepared[i].known = 0;
}

static uint64_t retry_delay_ns(struct connection *connection)
{
	uint64_t delay_ns = RETRY_FIRST_NS;

	for (uint32_t i = 1; i < connection->failed_attempts && delay_ns < RETRY_MOST_NS; i++)
		delay_ns *= 2;
	if (delay_ns > RETRY_MOST_NS)
		delay_ns = RETRY_MOST_NS;
	return delay_ns / 2 + random_below(&connection->random, delay_ns);
}

/* The first line of what libpq says, without its blanks. */
static void copy_line(const char *message, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%.*s", (int)strcspn(message, "\n"), message);
}

static void refuse(struct connection *connection, const struct trouble *trouble)
{
	drop_session(connection);
	connection->state = WAITING;
	connection->failed_attempts++;
	set_timer(connection, retry_delay_ns(connection));
	connection->config->events->refused(connection->config->context, connection, trouble);
}

/* The session is of no use any more; what libpq or the server said of it is in its error message. */
static void lose(struct connection *connection)
{
	struct job *job = connection->job;
	char sqlstate[SQLSTATE_SIZE] = CONNECTION_LOST;
	char text[256];

	copy_line(PQerrorMessage(connection->session), text, sizeof(text));
	sqlstate_find(PQerrorMessage(connection->session), sqlstate);
	connection->job = NULL;
	drop_session(connection);
	connection->state = WAITING;
	if (!connection->proven)
		connection->failed_attempts++;
	set_timer(connection, connection->proven ? 0 : retry_delay_ns(connection));
	if (!job) {
		connection->config->events->lost(connection->config->context, connection);
		return;
	}
	/* What the server said of the statement before counts more. */
	if (job->operation->error == ERROR_NONE)
		operation_fail(job->operation, ERROR_CONNECTION, sqlstate, "%s",
		               text[0] ? text : "the connection was lost");
	connection->config->events->done(connection->config->context, connection, job);
}

/* Statements. */

/* What libpq could not send at once goes out when the socket takes it; answers are read meanwhile. A failure shows when
 * reading. */
static void flush(struct connection *connection)
{
	int left = PQflush(connection->session);

	watch(connection, EPOLLIN | (left == 1 ? EPOLLOUT : 0));
}

static int send_prepare(struct connection *connection)
{
	const struct job *job = connection->job;
	struct prepared *prepared = &connection->prepared[job->statement];

	connection->state = PREPARING;
	snprintf(prepared->name, sizeof(prepared->name), "s%u_%u", job->statement, prepared->version);
	job->operation->sent_bytes += traffic_of_prepare(prepared->name, job->query);
	return PQsendPrepare(connection->session, prepared->name, job->query, 0, NULL);
}

static int send_execute(struct connection *connection)
{
	const struct job *job = connection->job;
	const char *name = connection->prepared[job->statement].name;

	connection->state = RUNNING;
	job->operation->sent_bytes += traffic_of_execute(name, job->values, job->value_count);
	return PQsendQueryPrepared(connection->session, name, (int)job->value_count, job->values, NULL, NULL, 0);
}

/* A session that takes nothing is lost, which is told from the loop: not every caller can bear it at once. */
static void send_next(struct connection *connection, int (*next)(struct connection *connection))
{
	if (next(connection)) {
		flush(connection);
		return;
	}
	unwatch(connection);
	set_timer(connection, 0);
}

void connection_run(struct connection *connection, struct job *job)
{
	assert(connection->state == IDLE && !connection->job);
	connection->job = job;
	send_next(connection, connection->prepared[job->statement].known ? send_execute : send_prepare);
}

static void become_idle(struct connection *connection)
{
	loop_timer_stop(connection->config->loop, &connection->timer);
	connection->state = IDLE;
	connection->config->events->idle(connection->config->context, connection);
}

static void finish_job(struct connection *connection)
{
	struct job *job = connection->job;

	connection->job = NULL;
	connection->state = IDLE;
	connection->config->events->done(connection->config->context, connection, job);
	/* The owner may have given it another one. */
	if (connection->state == IDLE)
		become_idle(connection);
}

static void take_error(struct connection *connection, const PGresult *result)
{
	struct job *job = connection->job;
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	struct prepared *prepared = &connection->prepared[job->statement];
	char line[256];

	copy_line(text ? text : PQresultErrorMessage(result), line, sizeof(line));
	operation_fail(job->operation, sqlstate ? sqlstate_class(sqlstate) : ERROR_CONNECTION,
	               sqlstate ? sqlstate : CONNECTION_LOST, "%s", line);
	/* "cached plan must not change result type", or somebody deallocated it: it is prepared again under a new name.
	 */
	if (sqlstate && (strcmp(sqlstate, "0A000") == 0 || strcmp(sqlstate, "26000") == 0) && prepared->known) {
		prepared->known = 0;
		prepared->version++;
	}
}

/* Returns false for a result that leaves the session unusable. */
static _Bool take_result(struct connection *connection, const PGresult *result)
{
	struct job *job = connection->job;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		if (job)
			traffic_take(result, connection->state == RUNNING, job->operation);
		return 1;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		if (job)
			operation_fail(job->operation, ERROR_CLIENT, "COPY", "COPY is not supported");
		return 0;
	default:
		if (job)
			take_error(connection, result);
		return 1;
	}
}

static void check_recovery(struct connection *connection)
{
	if (connection->statement_over && connection->cancel_over)
		become_idle(connection);
}

/* The statement under way has had all its results. */
static void end_statement(struct connection *connection)
{
	struct job *job = connection->job;

	switch (connection->state) {
	case PREPARING:
		if (job->operation->error != ERROR_NONE) {
			finish_job(connection);
			return;
		}
		connection->prepared[job->statement].known = 1;
		send_next(connection, send_execute);
		return;
	case RUNNING:
		connection->proven = 1;
		connection->failed_attempts = 0;
		finish_job(connection);
		return;
	case RECOVERING:
		connection->statement_over = 1;
		check_recovery(connection);
		return;
	default:
		return;
	}
}

static _Bool is_under_way(const struct connection *connection)
{
	return connection->state == PREPARING || connection->state == RUNNING ||
	       (connection->state == RECOVERING && !connection->statement_over);
}

static void take_results(struct connection *connection)
{
	while (is_under_way(connection) && !PQisBusy(connection->session)) {
		PGresult *result = PQgetResult(connection->session);
		_Bool usable = !result || take_result(connection, result);

		PQclear(result);
		if (!usable || PQstatus(connection->session) == CONNECTION_BAD) {
			lose(connection);
			return;
		}
		if (!result)
			end_statement(connection);
	}
}

static void drop_notifications(struct connection *connection)
{
	PGnotify *notification;

	while ((notification = PQnotifies(connection->session)))
		PQfreemem(notification);
}

static void session_ready(struct connection *connection, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(connection);
	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return;
	if (!PQconsumeInput(connection->session)) {
		lose(connection);
		return;
	}
	take_results(connection);
	if (connection->session && connection->state == IDLE) {
		/* Also reads what an idle session is told, its end above all. */
		if (!PQisBusy(connection->session) && PQstatus(connection->session) == CONNECTION_BAD) {
			lose(connection);
			return;
		}
		drop_notifications(connection);
	}
}

/* Connecting. */

static void swallow_notice(void *context, const char *message)
{
	const struct connection *connection = context;

	log_write(connection->config->log, LOG_DEBUG, "postgres: %.*s", (int)strcspn(message, "\n"), message);
}

static void connected(struct connection *connection)
{
	const char *version = PQparameterStatus(connection->session, "server_version");

	snprintf(connection->version, sizeof(connection->version), "%s", version ? version : "");
	connection->proven = 0;
	PQsetnonblocking(connection->session, 1);
	watch(connection, EPOLLIN);
	become_idle(connection);
}

static void refuse_session(struct connection *connection)
{
	struct trouble trouble = {.class = ERROR_CONNECTION, .code = CANNOT_CONNECT};
	const char *message = connection->session ? PQerrorMessage(connection->session) : "no memory";

	if (sqlstate_find(message, trouble.code) == 0)
		trouble.class = sqlstate_class(trouble.code);
	copy_line(message, trouble.text, sizeof(trouble.text));
	refuse(connection, &trouble);
}

static void go_on_connecting(struct connection *connection)
{
	PostgresPollingStatusType status;

	/* libpq may close the descriptor and take another one. */
	unwatch(connection);
	status = PQconnectPoll(connection->session);
	if (status == PGRES_POLLING_OK)
		connected(connection);
	else if (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
		watch(connection, status == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT);
	else
		refuse_session(connection);
}

void connection_start(struct connection *connection)
{
	const struct conninfo *conninfo = connection->config->conninfo;
	struct trouble unresolved = {.class = ERROR_CONNECTION, .code = "RESOLVE"};

	assert(connection->state == WAITING && !connection->session);
	if (conninfo->problem[0]) {
		snprintf(unresolved.text, sizeof(unresolved.text), "%s", conninfo->problem);
		refuse(connection, &unresolved);
		return;
	}
	connection->session = PQconnectStartParams(conninfo->keywords, conninfo->values, 0);
	if (!connection->session || PQstatus(connection->session) == CONNECTION_BAD) {
		refuse_session(connection);
		return;
	}
	connection->state = CONNECTING;
	/* The SQLSTATE of a refusal is only in its text, at this verbosity. */
	PQsetErrorVerbosity(connection->session, PQERRORS_VERBOSE);
	PQsetNoticeProcessor(connection->session, swallow_notice, connection);
	set_timer(connection, CONNECT_PATIENCE_NS);
	watch(connection, EPOLLOUT);
}

/* Events. */

static void socket_ready(void *context, int fd, uint32_t events)
{
	struct connection *connection = context;

	(void)fd;
	if (connection->state == CONNECTING)
		go_on_connecting(connection);
	else
		session_ready(connection, events);
}

static void timer_due(struct loop_timer *timer, uint64_t now_ns)
{
	struct connection *connection = timer->context;
	const struct trouble slow = {
	        .class = ERROR_CONNECTION, .code = CANNOT_CONNECT, .text = "connecting took too long"};

	(void)now_ns;
	if (connection->state == WAITING)
		connection_start(connection);
	else if (connection->state == CONNECTING)
		refuse(connection, &slow);
	else
		lose(connection);
}

static void cancel_made(void *context, uint64_t ticket)
{
	struct connection *connection = context;

	/* A ticket of before belongs to a session that is gone. */
	if (connection->state != RECOVERING || ticket != connection->cancel_ticket)
		return;
	connection->cancel_over = 1;
	check_recovery(connection);
}

void connection_give_up(struct connection *connection)
{
	PGcancel *cancel = PQgetCancel(connection->session);

	assert(connection->job);
	connection->job = NULL;
	connection->state = RECOVERING;
	connection->statement_over = 0;
	connection->cancel_over = !cancel || canceller_send(connection->config->canceller, cancel, cancel_made,
	                                                    connection, ++connection->cancel_ticket) < 0;
	set_timer(connection, RECOVERY_PATIENCE_NS);
}

_Bool connection_is_connecting(const struct connection *connection)
{
	return connection->state == CONNECTING;
}

_Bool connection_is_up(const struct connection *connection)
{
	return connection->state >= IDLE;
}

const char *connection_server_version(const struct connection *connection)
{
	return connection->version;
}

int connection_new(const struct connection_config *config, struct connection **ret_connection)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	*connection =
	        (struct connection){.config = config, .fd = -1, .timer = {.fire = timer_due, .context = connection}};
	connection->prepared = calloc((size_t)config->statement_count + 1, sizeof(*connection->prepared));
	if (!connection->prepared) {
		free(connection);
		return -ENOMEM;
	}
	random_seed(&connection->random, config->seed);
	*ret_connection = connection;
	return 0;
}

struct connection *connection_free(struct connection *connection)
{
	if (!connection)
		return NULL;
	assert(!connection->job);
	drop_session(connection);
	loop_timer_stop(connection->config->loop, &connection->timer);
	free(connection->prepared);
	free(connection);
	return NULL;
}
