/* SPDX-License-Identifier: Apache-2.0 */
/* What a session says. */
#include "agent/session_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void session_note(struct session *session, const char *format, ...)
{
	struct effect *effect = session_add_effect(session, EFFECT_NOTE);
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
	effects_keep(&session->effects, text);
	if (effect)
		effect->text = text;
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
	struct message_fetch fetch;

	session->answer_ns = now_ns + RESEND_NS;
	while (intake_want(session->intake, &fetch)) {
		struct message *message = session_add_message(session, MESSAGE_FETCH);

		if (message)
			message->fetch = fetch;
	}
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

void session_say_leave(struct session *session, uint64_t now_ns)
{
	struct message *message = session_add_message(session, MESSAGE_LEAVE);

	session->leave_ns = now_ns + HELLO_NS;
	if (message && session->stop_ns > session->outbox.t0_ns)
		message->leave.end_ns = session->stop_ns - session->outbox.t0_ns;
}

void session_say_overs(struct session *session, uint64_t now_ns)
{
	session->over_ns = now_ns + RESEND_NS;
	if (session->state == SESSION_FREE)
		return; /* of a run that is over, and nobody waits for it */
	for (size_t i = 0; i < session->over_count; i++) {
		struct message *message = session_add_message(session, MESSAGE_VALUE);

		if (message)
			message->value = session->overs[i];
	}
}

void session_say_again(struct session *session, uint64_t now_ns)
{
	switch (session->state) {
	case SESSION_FETCHING:
		intake_rewind(session->intake);
		session_say_fetch(session, now_ns);
		break;
	case SESSION_READY:
		session_say_ready(session, now_ns);
		break;
	case SESSION_FINISHED:
		if (outbox_sent_all(&session->outbox) && !session->cut)
			session_say_done(session, now_ns);
		break;
	default:
		break;
	}
}
