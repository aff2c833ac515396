/* SPDX-License-Identifier: Apache-2.0 */
/* What a session does about the coordinator's messages. */
#include "agent/session_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNED_AWAY_NS (10 * NS_PER_S) /* before knocking again where the run had its agents */

static void note(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct session *session, const char *format, ...)
{
	struct effect *effect;
	va_list arguments;
	char *text;
	int r;

	va_start(arguments, format);
	r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		session->effects.error = -ENOMEM;
		return;
	}
	free(session->note);
	session->note = text;
	effect = session_add_effect(session, EFFECT_NOTE);
	if (effect)
		effect->text = text;
}

static void take_welcome(struct session *session, const struct message *message, uint64_t now_ns)
{
	const struct message_welcome *welcome = &message->welcome;

	session->welcomed = 1;
	if (session->state == SESSION_FREE)
		memcpy(session->run_id, message->run_id, RUN_ID_SIZE);
	if (session->state < SESSION_RUNNING || session->state == SESSION_OVER)
		return;
	outbox_acknowledge(&session->outbox, welcome->durable_seq, now_ns);
	outbox_rewind(&session->outbox, now_ns);
	session_pump(session, now_ns);
}

static void open_run(struct session *session)
{
	session->state = SESSION_OPENING;
	session_add_effect(session, EFFECT_OPEN);
}

static int take_assign(struct session *session, struct message *message, uint64_t now_ns)
{
	struct failure failure = {0};
	int r;

	if (session->state != SESSION_FREE)
		return 0;
	if (strcmp(message->run_id, session->ended_id) == 0) {
		session_say_failed(session, message->run_id, "the agent has ended this run already");
		return 0;
	}
	session_drop_assignment(session);
	memcpy(session->run_id, message->run_id, RUN_ID_SIZE);
	session->epoch = message->epoch;
	session->assignment = message->assign;
	message->assign = (struct message_assign){0};
	session->outbox = (struct outbox){
	        .spool = session->spool,
	        .next_seq = 1,
	        .turn_ns = outbox_turn_ns(session->assignment.agent_index, session->assignment.agent_count),
	};
	session->welcomed = 1;
	r = intake_new(session->assignment.files, session->assignment.file_count, &failure, &session->intake);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return session_fail(session, failure.text, now_ns);
	if (intake_complete(session->intake)) {
		open_run(session);
		return 0;
	}
	session->state = SESSION_FETCHING;
	session_say_fetch(session, now_ns);
	return 0;
}

static int take_chunk(struct session *session, const struct message_chunk *chunk, uint64_t now_ns)
{
	struct failure failure = {0};
	int r;

	if (session->state != SESSION_FETCHING)
		return 0;
	r = intake_take(session->intake, chunk, &failure);
	if (r == -EBADMSG)
		return session_fail(session, failure.text, now_ns);
	if (r <= 0)
		return r;
	if (intake_complete(session->intake))
		open_run(session);
	else
		session_say_fetch(session, now_ns);
	return 0;
}

static void take_start(struct session *session, const struct message_start *start)
{
	struct effect *effect;

	if (session->state != SESSION_READY)
		return;
	effect = session_add_effect(session, EFFECT_START);
	if (!effect)
		return;
	session->state = SESSION_RUNNING;
	session->outbox.t0_ns = start->t0_agent_ns;
	effect->at_ns = start->t0_agent_ns;
}

static void take_begin(struct session *session, const struct message_begin *begin)
{
	struct effect *effect;

	if (session->state != SESSION_RUNNING)
		return;
	effect = session_add_effect(session, EFFECT_BEGIN);
	if (!effect)
		return;
	effect->scenario = begin->scenario;
	effect->at_ns = begin->at_ns;
}

static void take_ack(struct session *session, const struct message_ack *ack, uint64_t now_ns)
{
	if (session->state != SESSION_RUNNING && session->state != SESSION_FINISHED)
		return;
	outbox_acknowledge(&session->outbox, ack->seq, now_ns);
	session_pump(session, now_ns);
	if (session->state == SESSION_FINISHED && outbox_is_empty(&session->outbox))
		session_become_free(session, now_ns);
}

static void take_stop(struct session *session, const struct message *message, uint64_t now_ns)
{
	const struct message_stop *stop = &message->stop;
	struct effect *effect;

	switch (session->state) {
	case SESSION_FREE:
		if (session->welcomed && strcmp(message->run_id, session->ended_id) == 0)
			break; /* that run is over for us already */
		note(session, "turned away: %s", stop->reason ? stop->reason : "");
		session->hello_ns = now_ns + TURNED_AWAY_NS;
		if (session->config.once) {
			session->deserted = 1;
			session->state = SESSION_OVER;
		}
		break;
	case SESSION_FETCHING:
	case SESSION_OPENING:
	case SESSION_READY:
		session_become_free(session, now_ns);
		break;
	case SESSION_RUNNING:
		effect = session_add_effect(session, EFFECT_STOP);
		if (!effect)
			return;
		effect->at_ns = stop->at_ns;
		effect->grace_ns = stop->grace_ns;
		effect->text = "the coordinator ends the run";
		break;
	case SESSION_FINISHED:
	case SESSION_OVER:
		break;
	}
}

static void take_ping(struct session *session, const struct message *message, uint64_t now_ns)
{
	struct message *pong = session_add_message(session, MESSAGE_PONG);

	if (!pong)
		return;
	memcpy(pong->run_id, message->run_id, RUN_ID_SIZE);
	pong->pong = (struct message_pong){.id = message->ping.id,
	                                   .sent_ns = message->ping.sent_ns,
	                                   .agent_in_ns = now_ns,
	                                   .agent_out_ns = now_ns};
}

/* Whether the message is of our run; a free agent belongs to whoever asks. */
static _Bool is_ours(const struct session *session, const struct message *message)
{
	return session->state == SESSION_FREE || strcmp(message->run_id, session->run_id) == 0;
}

/* Whether it has a run that hasn't started. */
static _Bool is_waiting(const struct session *session)
{
	return session->state == SESSION_FETCHING || session->state == SESSION_OPENING ||
	       session->state == SESSION_READY;
}

/* A coordinator of another run is at our coordinator's address, and ours did not come to start anything. */
static void leave_for_another(struct session *session, uint64_t now_ns)
{
	session_become_free(session, now_ns);
	session->welcomed = 0;
	session->hello_ns = now_ns;
}

int session_message(struct session *session, struct message *message, uint64_t now_ns)
{
	int r = 0;

	if (session->state == SESSION_OVER)
		return 0;
	if (!is_ours(session, message)) {
		if (message->type == MESSAGE_WELCOME && is_waiting(session))
			leave_for_another(session, now_ns);
		if (now_ns >= session->hello_ns)
			session_say_hello(session, now_ns);
		return session_result(session);
	}
	session->last_heard_ns = now_ns;
	switch (message->type) {
	case MESSAGE_WELCOME:
		take_welcome(session, message, now_ns);
		break;
	case MESSAGE_ASSIGN:
		r = take_assign(session, message, now_ns);
		break;
	case MESSAGE_CHUNK:
		r = take_chunk(session, &message->chunk, now_ns);
		break;
	case MESSAGE_START:
		take_start(session, &message->start);
		break;
	case MESSAGE_BEGIN:
		take_begin(session, &message->begin);
		break;
	case MESSAGE_ACK:
		take_ack(session, &message->ack, now_ns);
		break;
	case MESSAGE_STOP:
		take_stop(session, message, now_ns);
		break;
	case MESSAGE_PING:
		take_ping(session, message, now_ns);
		break;
	default:
		break;
	}
	return r < 0 ? r : session_result(session);
}
