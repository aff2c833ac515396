/* SPDX-License-Identifier: Apache-2.0 */
/* What a session says, and how a run ends for it. */
#include "agent/session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_GRACE_NS NS_PER_S /* for iterations in progress when the agent itself ends a run */

struct effect *session_add_effect(struct session *session, enum effect_type type)
{
	return effects_add(&session->effects, type);
}

struct message *session_add_message(struct session *session, enum message_type type)
{
	struct effect *effect = session_add_effect(session, EFFECT_SEND);

	if (!effect)
		return NULL;
	effect->message.type = type;
	effect->message.incarnation = session->config.incarnation;
	effect->message.epoch = session->epoch;
	memcpy(effect->message.run_id, session->run_id, RUN_ID_SIZE);
	return &effect->message;
}

int session_result(struct session *session)
{
	return effects_result(&session->effects);
}

void session_say_hello(struct session *session, uint64_t now_ns)
{
	struct message *message = session_add_message(session, MESSAGE_HELLO);

	session->hello_ns = now_ns + HELLO_NS;
	if (!message)
		return;
	message->hello = *session->config.hello;
	if (session->state == SESSION_FREE)
		message->run_id[0] = '\0';
	else
		message->hello.last_seq = spool_newest(session->spool);
}

void session_say_fetch(struct session *session, uint64_t now_ns)
{
	struct message *message = session_add_message(session, MESSAGE_FETCH);

	session->answer_ns = now_ns + RESEND_NS;
	if (message)
		intake_want(session->intake, &message->fetch);
}

void session_say_ready(struct session *session, uint64_t now_ns)
{
	struct message *message = session_add_message(session, MESSAGE_READY);

	session->answer_ns = now_ns + RESEND_NS;
	if (message)
		message->ready = (struct message_ready){.targets = (struct wire_target *)session->targets,
		                                        .target_count = session->target_count};
}

void session_say_done(struct session *session, uint64_t now_ns)
{
	struct message *message = session_add_message(session, MESSAGE_DONE);

	session->answer_ns = now_ns + RESEND_NS;
	if (message)
		message->done = (struct message_done){.last_seq = spool_newest(session->spool),
		                                      .end_ns = session->end_ns,
		                                      .targets = (struct wire_target *)session->targets,
		                                      .target_count = session->target_count};
}

void session_say_failed(struct session *session, const char *run_id, const char *text)
{
	struct message *message = session_add_message(session, MESSAGE_FAILED);

	if (!message)
		return;
	memcpy(message->run_id, run_id, RUN_ID_SIZE);
	message->failed.text = (char *)text;
}

void session_pump(struct session *session, uint64_t now_ns)
{
	const struct snapshot *snapshot;

	while (session->welcomed && (snapshot = outbox_take(&session->outbox, now_ns))) {
		struct message *message = session_add_message(session, MESSAGE_SNAPSHOT);

		if (!message)
			return;
		message->snapshot = snapshot->message;
		if (snapshot->message.last && session->state == SESSION_FINISHED)
			session_say_done(session, now_ns);
	}
}

/* Ends. */

void session_become_free(struct session *session, uint64_t now_ns)
{
	session_add_effect(session, EFFECT_CLOSE);
	memcpy(session->ended_id, session->run_id, RUN_ID_SIZE);
	session->state = session->config.once || session->leaving ? SESSION_OVER : SESSION_FREE;
	session->stopping = 0;
	/* The same coordinator has nothing more for us; the next one is greeted when this one falls silent. */
	session->hello_ns = now_ns + HELLO_NS;
}

int session_fail(struct session *session, const char *text, uint64_t now_ns)
{
	free(session->note);
	session->note = strdup(text);
	if (!session->note)
		return -ENOMEM;
	session_say_failed(session, session->run_id, session->note);
	session->deserted = session->config.once;
	session_become_free(session, now_ns);
	return session_result(session);
}

void session_stop_run(struct session *session, const char *why)
{
	struct effect *effect = session_add_effect(session, EFFECT_STOP);

	session->stopping = 1;
	if (!effect)
		return;
	effect->grace_ns = SHORT_GRACE_NS;
	effect->text = why;
}
