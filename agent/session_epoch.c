/* SPDX-License-Identifier: Apache-2.0 */
/* What a session is to run: its first assignment, later epochs, T0.
 *
 * An assignment says all that the agent has, so the newest one is enough. All workers change over at one whole second,
 * decided here when the agent hears of it: arrivals before it follow the old share, and nothing is caught up. What an
 * epoch moved away from us between its second and ours was run twice, which the coordinator sees by the snapshots'
 * epochs. */
#include "agent/session_state.h"

#include <errno.h>
#include <string.h>

#include "common/base/limits.h"

#define SWITCH_NS (50 * NS_PER_MS) /* a worker needs to hear of an epoch, and to make what it adopts */

static void open_run(struct session *session)
{
	session->state = SESSION_OPENING;
	session_add_effect(session, EFFECT_OPEN);
}

void session_fetch(struct session *session, uint64_t now_ns)
{
	if (intake_complete(session->intake)) {
		open_run(session);
		return;
	}
	session->state = SESSION_FETCHING;
	session_say_fetch(session, now_ns);
}

int session_begin(struct session *session, uint64_t now_ns)
{
	const struct message_assign *assignment = &session->assignment;
	struct failure failure = {0};
	int r;

	session->outbox = (struct outbox){
	        .spool = session->spool,
	        .next_seq = 1,
	        .turn_ns = outbox_turn_ns(assignment->agent_index, assignment->agent_count),
	};
	r = intake_new(assignment->files, assignment->file_count, session->files, &failure, &session->intake);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return session_fail(session, failure.text, now_ns);
	session_fetch(session, now_ns);
	return 0;
}

static const struct message_assign *newest(const struct session *session)
{
	return session->epoch > session->opened_epoch ? &session->newest : &session->assignment;
}

_Bool session_owns_nothing(const struct session *session)
{
	const struct message_assign *assignment = newest(session);

	for (uint32_t i = 0; i < assignment->share_count; i++) {
		if (assignment->shares[i].count > 0)
			return 0;
	}
	return 1;
}

/* The first whole second of the run that every worker can still change over at, and not before an earlier epoch. */
static uint64_t find_effective_ns(const struct session *session, uint64_t now_ns)
{
	uint64_t heard_ns = now_ns + SWITCH_NS;
	uint64_t since_ns = heard_ns > session->outbox.t0_ns ? heard_ns - session->outbox.t0_ns : 0;
	uint64_t from_ns = session->newest.from_ns;

	if (from_ns > LIMIT_RUN_SECONDS * NS_PER_S)
		from_ns = LIMIT_RUN_SECONDS * NS_PER_S;
	if (since_ns < from_ns)
		since_ns = from_ns;
	if (since_ns < session->effective_ns)
		since_ns = session->effective_ns;
	return (since_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S;
}

static void give_newest(struct session *session)
{
	struct effect *effect = session_add_effect(session, EFFECT_ASSIGN);

	if (!effect)
		return;
	effect->assignment = &session->newest;
	effect->epoch = session->epoch;
	effect->at_ns = session->effective_ns;
}

void session_take_epoch(struct session *session, struct message *message, uint64_t now_ns)
{
	struct message old = {.type = MESSAGE_ASSIGN, .assign = session->newest};

	if (message->epoch <= session->epoch)
		return;
	session->epoch = message->epoch;
	session->newest = message->assign;
	message->assign = (struct message_assign){0};
	message_deinit(&old);
	if (session->state != SESSION_RUNNING)
		return;
	session->effective_ns = find_effective_ns(session, now_ns);
	give_newest(session);
	session_look_at_leaving(session);
}

static void start(struct session *session, const struct message_start *from, uint64_t now_ns)
{
	_Bool later = session->epoch > session->opened_epoch;
	struct effect *effect;

	session->state = SESSION_RUNNING;
	session->outbox.t0_ns = from->t0_agent_ns;
	session->effective_ns = later ? find_effective_ns(session, now_ns) : 0;
	if (later && session->effective_ns == 0)
		give_newest(session);
	effect = session_add_effect(session, EFFECT_START);
	if (effect)
		effect->at_ns = from->t0_agent_ns;
	if (session->effective_ns > 0)
		give_newest(session);
}

int session_take_start(struct session *session, const struct message_start *from, uint64_t now_ns)
{
	int r = session_take_values(session, from->values, from->value_count);

	if (r < 0 || session->state != SESSION_READY)
		return r;
	session_give_values(session);
	start(session, from, now_ns);
	return 0;
}
