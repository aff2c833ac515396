/* SPDX-License-Identifier: Apache-2.0 */
/* What a session knows, and what its parts do for each other: session.c makes it and takes the run's own news,
 * session_take.c takes the coordinator's messages, session_epoch.c what it is to run, session_leave.c how it ends that,
 * session_duty.c and session_verify.c what it does for all, session_time.c minds the clock, session_say.c says. */
#pragma once

#include "agent/file_cache.h"
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
	_Bool leaving;  /* told to end by a signal */
	_Bool stopping; /* EFFECT_STOP was given */
	_Bool deserted;
	char run_id[RUN_ID_SIZE];
	char ended_id[RUN_ID_SIZE]; /* of the run before: it is not run again */
	char *ended_text;           /* why a run failed here, the last that did */
	struct message_assign assignment;
	uint32_t opened_epoch; /* of the assignment */
	struct intake *intake;
	struct file_cache *files;

	/* The newest epoch; its assignment is `newest` where it isn't the one that was opened. */
	uint32_t epoch;
	struct message_assign newest;
	uint64_t effective_ns; /* since T0 */

	/* What setups found out, and what the agent does for all. */
	struct text_pair *values;
	size_t value_count, value_capacity;
	uint32_t *duties;
	uint32_t duty_count;
	struct message_value *overs; /* not taken back yet */
	size_t over_count, over_capacity;
	struct wire_verifier *verifiers;
	uint32_t verifier_count;
	_Bool closing;              /* they were told that all load is over */
	struct message_seen *seens; /* not answered yet: one of a verifier at most */
	size_t seen_count, seen_capacity;

	struct spool *spool;
	struct outbox outbox;
	char *cut;                         /* why the spool takes no more; NULL: it does */
	const struct wire_target *targets; /* of ready, then of done */
	uint32_t target_count;
	uint64_t end_ns;

	uint64_t last_heard_ns;
	uint64_t hello_ns;   /* when the next one is due */
	uint64_t answer_ns;  /* when what waits for an answer is sent again */
	uint64_t over_ns;    /* likewise, of a duty that is over */
	uint64_t seen_ns;    /* likewise, of what verifiers saw */
	uint64_t greeted_ns; /* when a welcome was last obeyed */
	uint64_t leave_ns;   /* leaving: when it is said again */
	uint64_t stop_ns;    /* leaving: when it stops by itself */
	uint64_t desert_ns;  /* leaving: when it gives up */

	struct effects effects;
};

/* What cannot be added for want of memory is told by session_result(). */

/* NULL without memory. */
struct effect *session_add_effect(struct session *session, enum effect_type type);
/* Room for the message in the list of effects, with its envelope filled in; NULL without memory. */
struct message *session_add_message(struct session *session, enum message_type type);
/* Something for the log. */
void session_note(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* 0, or -ENOMEM once if an effect since the last call found no room. */
int session_result(struct session *session);

void session_say_hello(struct session *session, uint64_t now_ns);
/* Asks for the next pieces of a data file. */
void session_say_fetch(struct session *session, uint64_t now_ns);
void session_say_ready(struct session *session, uint64_t now_ns);
void session_say_done(struct session *session, uint64_t now_ns);
void session_say_leave(struct session *session, uint64_t now_ns);
/* Tells all duties that are over. */
void session_say_overs(struct session *session, uint64_t now_ns);
/* `text` must hold until the effects are taken. */
void session_say_failed(struct session *session, const char *run_id, const char *text);
/* Says again what the state waits for an answer to. */
void session_say_again(struct session *session, uint64_t now_ns);
/* Sends the snapshots whose turn it is, and that nothing will follow them; where the spool takes no more and all of it
 * is delivered, the run has failed. */
int session_pump(struct session *session, uint64_t now_ns);

/* Begins with what session->assignment says: fetches its files, then opens. 0 or -ENOMEM. */
int session_begin(struct session *session, uint64_t now_ns);
/* Opens if every data file is there, else asks for the next pieces. */
void session_fetch(struct session *session, uint64_t now_ns);
/* Later epochs of the run that it has, and T0. */
void session_take_epoch(struct session *session, struct message *message, uint64_t now_ns);
int session_take_start(struct session *session, const struct message_start *start, uint64_t now_ns);
/* True if it has a share in nothing. */
_Bool session_owns_nothing(const struct session *session);

/* What duty and value messages say. 0 or -ENOMEM. */
int session_take_duty(struct session *session, const struct message_duty *duty, uint64_t now_ns);
int session_take_values(struct session *session, const struct text_pair *values, uint32_t count);
/* Gives out what setups found out, if they did. */
void session_give_values(struct session *session);
/* The verifiers among the duties, and answers to what they saw. */
int session_take_verifiers(struct session *session, const struct message_duty *duty, uint64_t now_ns);
void session_take_seen_ack(struct session *session, const struct message_seen_ack *ack, uint64_t now_ns);
void session_say_seens(struct session *session, uint64_t now_ns);
void session_drop_verifiers(struct session *session);
/* Forgets values, duties and what is over. */
void session_drop_duties(struct session *session);

/* The run is over for this agent: EFFECT_CLOSE, then free, or over if it is leaving or was here for one run. */
void session_become_free(struct session *session, uint64_t now_ns);
/* Tells the coordinator that the run cannot go on here, and why (copied), and becomes free. */
int session_fail(struct session *session, const char *text, uint64_t now_ns);
/* Ends the run's schedule at at_ns since T0 (0: at once); `why` is a constant. */
void session_stop_run(struct session *session, uint64_t at_ns, uint64_t grace_ns, const char *why);
/* The same at once and of the agent's own accord. */
void session_stop_now(struct session *session, const char *why);
/* Leaving: the newest epoch is in force from effective_ns on. */
void session_look_at_leaving(struct session *session);
/* Leaving and finished: there is hope for some more time. */
void session_hold(struct session *session, uint64_t now_ns);
/* Leaving: what waits for its time. */
void session_mind_leaving(struct session *session, uint64_t now_ns);
/* Forgets what was assigned, and the snapshots of it. */
void session_drop_assignment(struct session *session);
