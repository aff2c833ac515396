/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to PostgreSQL in the worker's loop: it connects, runs one statement at a time, and connects again when
 * it is lost. */
#pragma once

#include <stdint.h>

#include "agent/drivers/postgres/canceller.h"
#include "agent/drivers/postgres/conninfo.h"
#include "agent/drivers/postgres/job.h"
#include "common/base/log.h"
#include "common/base/loop.h"

struct connection;

/* Why a connection could not be made. */
struct trouble {
	enum error_class class;
	char code[ERROR_CODE_SIZE];
	char text[256];
};

/* What a connection tells its owner; from the loop or connection_start(), never from connection_run(), _give_up() or
 * _free(). */
struct connection_events {
	/* It can take a statement. */
	void (*idle)(void *context, struct connection *connection);
	/* The statement is over: its operation is filled in but for completed_ns, and the job is the owner's again.
	 * idle() follows if the connection is of use. */
	void (*done)(void *context, struct connection *connection, struct job *job);
	/* An attempt to connect failed; it will be tried again. */
	void (*refused)(void *context, struct connection *connection, const struct trouble *trouble);
	/* It was idle and is lost; it will be made again. */
	void (*lost)(void *context, struct connection *connection);
};

struct connection_config {
	struct loop *loop;
	struct log *log; /* may be NULL */
	const struct conninfo *conninfo;
	struct canceller *canceller;
	const struct connection_events *events;
	void *context;
	uint32_t statement_count;
	uint64_t seed; /* of the jitter between attempts */
};

/* `config` must outlive it. */
int connection_new(const struct connection_config *config, struct connection **ret_connection);
/* Ends the session. Nothing may run in it. Accepts NULL. */
struct connection *connection_free(struct connection *connection);
/* Begins to connect. */
void connection_start(struct connection *connection);
/* Sends an idle connection a statement, whose parameters must hold until done(). */
void connection_run(struct connection *connection, struct job *job);
/* Lets go of the job that runs, which is the owner's again at once, and has the server cancel it; idle() follows when
 * that is over. */
void connection_give_up(struct connection *connection);
/* True if it is on its way to connect (not while it waits to try again). */
_Bool connection_is_connecting(const struct connection *connection);
/* True between connecting and being lost. */
_Bool connection_is_up(const struct connection *connection);
/* "15.20 (Debian ...)" of the server it was last connected to, or "". */
const char *connection_server_version(const struct connection *connection);
