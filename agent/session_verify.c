/* SPDX-License-Identifier: Apache-2.0 */
/* What a session says of the verifiers that the agent has: each has one report at a time, which is said each second
 * until it is answered. */
#include "agent/session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"

#define SEEN_AGAIN_NS NS_PER_S

static void drop_seen(struct message_seen *seen)
{
	struct message message = {.type = MESSAGE_SEEN, .seen = *seen};

	message_deinit(&message);
}

static void drop_verifiers(struct session *session)
{
	struct message message = {
	        .type = MESSAGE_DUTY,
	        .duty = {.verifiers = session->verifiers, .verifier_count = session->verifier_count},
	};

	message_deinit(&message);
	session->verifiers = NULL;
	session->verifier_count = 0;
}

void session_drop_verifiers(struct session *session)
{
	drop_verifiers(session);
	while (session->seen_count > 0)
		drop_seen(&session->seens[--session->seen_count]);
	free(session->seens);
	session->seens = NULL;
	session->seen_capacity = 0;
	session->closing = 0;
}

/* ---- what the coordinator says ---- */

static _Bool has_verifier(const struct wire_verifier *verifiers, uint32_t count, uint32_t duty, uint64_t reader)
{
	for (uint32_t i = 0; i < count; i++)
		if (verifiers[i].duty == duty && verifiers[i].reader == reader)
			return 1;
	return 0;
}

/* Where those go on that are there already, and where they began, is the agent's own business. */
static _Bool is_known(const struct session *session, const struct message_duty *duty)
{
	if (duty->verifier_count != session->verifier_count || (duty->closing && !session->closing))
		return 0;
	for (uint32_t i = 0; i < duty->verifier_count; i++)
		if (!has_verifier(session->verifiers, session->verifier_count, duty->verifiers[i].duty,
		                  duty->verifiers[i].reader))
			return 0;
	return 1;
}

static int copy_verifiers(const struct message_duty *duty, struct session *session)
{
	drop_verifiers(session);
	session->verifiers = calloc((size_t)duty->verifier_count + 1, sizeof(*session->verifiers));
	if (!session->verifiers)
		return -ENOMEM;
	for (uint32_t i = 0; i < duty->verifier_count; i++) {
		struct wire_verifier *verifier = &session->verifiers[i];
		size_t size = duty->verifiers[i].position_count * sizeof(*verifier->positions);

		*verifier = duty->verifiers[i];
		verifier->positions = malloc(size + 1);
		session->verifier_count++;
		if (!verifier->positions)
			return -ENOMEM;
		if (size > 0)
			memcpy(verifier->positions, duty->verifiers[i].positions, size);
	}
	return 0;
}

static void forget_seens(struct session *session)
{
	size_t kept = 0;

	for (size_t i = 0; i < session->seen_count; i++) {
		struct message_seen *seen = &session->seens[i];

		if (has_verifier(session->verifiers, session->verifier_count, seen->duty, seen->reader))
			session->seens[kept++] = *seen;
		else
			drop_seen(seen);
	}
	session->seen_count = kept;
}

int session_take_verifiers(struct session *session, const struct message_duty *duty, uint64_t now_ns)
{
	struct effect *effect;
	int r;

	/* The coordinator counts on us still. */
	if (duty->verifier_count > 0)
		session_hold(session, now_ns);
	if (is_known(session, duty))
		return 0;
	r = copy_verifiers(duty, session);
	if (r < 0)
		return r;
	session->closing = duty->closing;
	forget_seens(session);
	effect = session_add_effect(session, EFFECT_VERIFIERS);
	if (!effect)
		return 0;
	effect->verifiers = session->verifiers;
	effect->count = session->verifier_count;
	effect->closing = session->closing;
	return 0;
}

void session_take_seen_ack(struct session *session, const struct message_seen_ack *ack, uint64_t now_ns)
{
	if (session->state == SESSION_FREE)
		return;
	for (size_t i = 0; i < session->seen_count; i++) {
		struct message_seen *seen = &session->seens[i];
		struct effect *effect;

		if (seen->duty != ack->duty || seen->reader != ack->reader || seen->seq != ack->seq)
			continue;
		session_hold(session, now_ns);
		effect = session_add_effect(session, EFFECT_SEEN);
		if (!effect)
			return; /* it is answered again */
		effect->seen = *ack;
		drop_seen(seen);
		*seen = session->seens[--session->seen_count];
		return;
	}
}

/* ---- what the agent says ---- */

static void say(struct session *session, const struct message_seen *seen)
{
	struct message *message = session_add_message(session, MESSAGE_SEEN);

	if (message)
		message->seen = *seen;
}

/* What waits for a coordinator that doesn't answer is not heaped up. */
void session_say_seens(struct session *session, uint64_t now_ns)
{
	session->seen_ns = now_ns + SEEN_AGAIN_NS;
	if (!session->welcomed || session->state == SESSION_FREE)
		return;
	for (size_t i = 0; i < session->seen_count; i++)
		say(session, &session->seens[i]);
}

static int copy_bytes(const void *from, size_t size, void *ret_copy)
{
	void *to = malloc(size + 1);

	if (!to)
		return -ENOMEM;
	if (size > 0)
		memcpy(to, from, size);
	*(void **)ret_copy = to;
	return 0;
}

static int copy_seen(const struct message_seen *from, struct message_seen *ret_seen)
{
	struct message_seen seen = *from;
	int r;

	seen.starts = seen.ends = NULL;
	seen.seen = NULL;
	seen.problem = strndup(from->problem ? from->problem : "", LIMIT_TEXT_BYTES);
	r = seen.problem ? 0 : -ENOMEM;
	if (r == 0)
		r = copy_bytes(from->starts, from->start_count * sizeof(*seen.starts), &seen.starts);
	if (r == 0)
		r = copy_bytes(from->ends, from->end_count * sizeof(*seen.ends), &seen.ends);
	if (r == 0)
		r = copy_bytes(from->seen, from->seen_size, &seen.seen);
	if (r < 0) {
		drop_seen(&seen);
		return r;
	}
	*ret_seen = seen;
	return 0;
}

int session_seen(struct session *session, const struct message_seen *seen, uint64_t now_ns)
{
	struct message_seen copy;
	int r;

	if (session->state == SESSION_FREE ||
	    !has_verifier(session->verifiers, session->verifier_count, seen->duty, seen->reader))
		return 0; /* taken away before it heard */
	r = array_reserve(&session->seens, &session->seen_capacity, session->seen_count, sizeof(*session->seens));
	if (r == 0)
		r = copy_seen(seen, &copy);
	if (r < 0)
		return r;
	if (session->seen_count == 0)
		session->seen_ns = now_ns + SEEN_AGAIN_NS;
	session->seens[session->seen_count++] = copy;
	if (session->welcomed)
		say(session, &copy);
	return session_result(session);
}
