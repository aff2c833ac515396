/* SPDX-License-Identifier: Apache-2.0 */
/* What a session knows, and what its parts do for each other: session.c makes it and takes the run's own news,
 * session_take.c takes the coordinator's messages, session_time.c minds the clock, session_say.c says and ends. */
#pragma once

#include "agent/intake.h"
#include "agent/outbox.h"
#include "agent/session.h"
#include "agent/spool.h"
#include "common/base/clock.h"

#define HELLO_NS NS_PER_S        /* between two hellos */
#define RESEND_NS (3 * NS_PER_S) /* before what has no answer is sent again */

struct session {
	struct session_config config;
	enum session_state state;
	_Bool welcomed;
	_Bool leaving;
	_Bool stopping; /* EFFECT_STOP was given for want of a coordinator, or by a signal */
	_Bool deserted;
	char run_id[RUN_ID_SIZE];
	char ended_id[RUN_ID_SIZE]; /* of the run before: it is not run again */
	uint32_t epoch;
	struct message_assign assignment;
	struct intake *intake;
	struct spool *spool;
	struct outbox outbox;
	const struct wire_target *targets; /* of ready, then of done */
	uint32_t target_count;
	uint64_t end_ns;
	char *note;

	uint64_t last_heard_ns;
	uint64_t hello_ns;  /* when the next one is due */
	uint64_t answer_ns; /* when what waits for an answer is sent again */
	uint64_t leave_ns;

	struct effects effects;
};

/* What cannot be added for want of memory is told by session_result(). */

/* NULL without memory. */
struct effect *session_add_effect(struct session *session, enum effect_type type);
/* Room for the message in the list of effects, with its envelope filled in; NULL without memory. */
struct message *session_add_message(struct session *session, enum message_type type);
/* 0, or -ENOMEM once if an effect since the last call found no room. */
int session_result(struct session *session);

void session_say_hello(struct session *session, uint64_t now_ns);
/* Asks for the next piece of a data file. */
void session_say_fetch(struct session *session, uint64_t now_ns);
void session_say_ready(struct session *session, uint64_t now_ns);
void session_say_done(struct session *session, uint64_t now_ns);
/* `text` must hold until the effects are taken. */
void session_say_failed(struct session *session, const char *run_id, const char *text);
/* Sends the snapshots whose turn it is, and that nothing will follow them. */
void session_pump(struct session *session, uint64_t now_ns);

/* The run is over for this agent: EFFECT_CLOSE, then free, or over if it is leaving or was here for one run. */
void session_become_free(struct session *session, uint64_t now_ns);
/* Tells the coordinator that the run cannot go on here, and why (copied), and becomes free. */
int session_fail(struct session *session, const char *text, uint64_t now_ns);
/* Ends the run's schedule at once, of the agent's own accord; `why` is a constant. */
void session_stop_run(struct session *session, const char *why);
/* Forgets what was assigned, and the snapshots of it. */
void session_drop_assignment(struct session *session);
