/* SPDX-License-Identifier: Apache-2.0 */
/* What a session does about the coordinator's messages. */
#include "agent/session_state.h"

#include <errno.h>
#include <string.h>

#define TURNED_AWAY_NS (10 * NS_PER_S) /* before knocking again where the run had its agents */

/* Several may answer hellos that had to wait for a connection: one of them is obeyed. */
static int take_welcome(struct session *session, const struct message *message, uint64_t now_ns)
{
	_Bool greeted = session->welcomed && now_ns < session->greeted_ns + HELLO_NS;

	session->welcomed = 1;
	if (session->state == SESSION_FREE)
		memcpy(session->run_id, message->run_id, RUN_ID_SIZE);
	if (!greeted) {
		session->greeted_ns = now_ns;
		session_say_again(session, now_ns);
		session_say_overs(session, now_ns);
		session_say_seens(session, now_ns);
	}
	if (session->state != SESSION_RUNNING && session->state != SESSION_FINISHED)
		return 0;
	outbox_acknowledge(&session->outbox, message->welcome.durable_seq, now_ns);
	if (!greeted)
		outbox_rewind(&session->outbox, now_ns);
	return session_pump(session, now_ns);
}

/* The coordinator takes us for one that still runs: what we said when we ended got lost. */
static void say_ended(struct session *session)
{
	session_say_failed(session, session->ended_id,
	                   session->ended_text ? session->ended_text : "the agent has ended this run already");
}

/* A run for an agent that has none. */
static int take_run(struct session *session, struct message *message, uint64_t now_ns)
{
	if (strcmp(message->run_id, session->ended_id) == 0) {
		say_ended(session);
		return 0;
	}
	if (message->assign.plan_size == 0) {
		/* Meant for one that has the plan. */
		if (now_ns >= session->hello_ns)
			session_say_hello(session, now_ns);
		return 0;
	}
	session_drop_assignment(session);
	free(steal(session->ended_text));
	memcpy(session->run_id, message->run_id, RUN_ID_SIZE);
	session->epoch = session->opened_epoch = message->epoch;
	session->assignment = message->assign;
	message->assign = (struct message_assign){0};
	session->welcomed = 1;
	session->greeted_ns = now_ns;
	return session_begin(session, now_ns);
}

static int take_assign(struct session *session, struct message *message, uint64_t now_ns)
{
	if (session->state == SESSION_FREE)
		return take_run(session, message, now_ns);
	session_take_epoch(session, message, now_ns);
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
	session_fetch(session, now_ns);
	return 0;
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

/* The last one's comes when all that we said is journaled. */
static int take_ack(struct session *session, const struct message_ack *ack, uint64_t now_ns)
{
	if (session->state != SESSION_RUNNING && session->state != SESSION_FINISHED)
		return 0;
	if (ack->seq > spool_acknowledged(session->spool))
		session_hold(session, now_ns);
	outbox_acknowledge(&session->outbox, ack->seq, now_ns);
	if (session->state == SESSION_FINISHED && !session->cut && ack->seq >= spool_newest(session->spool)) {
		session_become_free(session, now_ns);
		return 0;
	}
	return session_pump(session, now_ns);
}

static void take_stop(struct session *session, const struct message *message, uint64_t now_ns)
{
	const struct message_stop *stop = &message->stop;

	switch (session->state) {
	case SESSION_FREE:
		if (session->welcomed && strcmp(message->run_id, session->ended_id) == 0)
			break; /* that run is over for us already */
		session_note(session, "turned away: %s", stop->reason ? stop->reason : "");
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
		session_stop_run(session, stop->at_ns, stop->grace_ns, "the coordinator ends the run");
		break;
	case SESSION_FINISHED:
	case SESSION_OVER:
		break;
	}
}

static void take_clock(struct session *session, const struct message *message)
{
	struct effect *effect;

	if (message->ping.t0_agent_ns == 0 || strcmp(message->run_id, session->run_id) != 0 ||
	    (session->state != SESSION_RUNNING && session->state != SESSION_FINISHED))
		return;
	effect = session_add_effect(session, EFFECT_CLOCK);
	if (effect)
		effect->at_ns = message->ping.t0_agent_ns;
}

static void take_ping(struct session *session, const struct message *message, uint64_t now_ns)
{
	struct message *pong;

	if (session->state == SESSION_FREE && session->ended_id[0] && strcmp(message->run_id, session->ended_id) == 0)
		say_ended(session);
	take_clock(session, message);
	pong = session_add_message(session, MESSAGE_PONG);
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
		r = take_welcome(session, message, now_ns);
		break;
	case MESSAGE_ASSIGN:
		r = take_assign(session, message, now_ns);
		break;
	case MESSAGE_CHUNK:
		r = take_chunk(session, &message->chunk, now_ns);
		break;
	case MESSAGE_START:
		r = session_take_start(session, &message->start, now_ns);
		break;
	case MESSAGE_BEGIN:
		take_begin(session, &message->begin);
		break;
	case MESSAGE_ACK:
		r = take_ack(session, &message->ack, now_ns);
		break;
	case MESSAGE_STOP:
		take_stop(session, message, now_ns);
		break;
	case MESSAGE_DUTY:
		r = session_take_duty(session, &message->duty, now_ns);
		break;
	case MESSAGE_VALUE:
		r = session_take_values(session, message->value.values, message->value.value_count);
		break;
	case MESSAGE_SEEN_ACK:
		session_take_seen_ack(session, &message->seen_ack, now_ns);
		break;
	case MESSAGE_PING:
		take_ping(session, message, now_ns);
		break;
	default:
		break;
	}
	return r < 0 ? r : session_result(session);
}
