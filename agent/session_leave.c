/* SPDX-License-Identifier: Apache-2.0 */
/* How a session ends a run of its own accord.
 *
 * Told to end, the agent goes on while it asks the coordinator each second to give its share to others. The assignment
 * that leaves it nothing says that they have it: the schedule stops at the second at which that comes into force, so
 * that nothing is run twice or left out. Without an answer it stops by itself at the time that it has named. What it
 * holds is delivered in either case. */
#include "agent/session_state.h"

#define SHORT_GRACE_NS NS_PER_S       /* for iterations in progress when the agent itself ends a run */
#define LEAVE_GRACE_NS (5 * NS_PER_S) /* ... when others have its share and nothing presses */
#define LEAVE_NS (5 * NS_PER_S)       /* for an answer */
#define HOLD_NS (10 * NS_PER_S)       /* for an acknowledgement, before what is left is given up */

void session_stop_run(struct session *session, uint64_t at_ns, uint64_t grace_ns, const char *why)
{
	struct effect *effect = session_add_effect(session, EFFECT_STOP);

	session->stopping = 1;
	if (!effect)
		return;
	effect->at_ns = at_ns;
	effect->grace_ns = grace_ns;
	effect->text = why;
}

void session_stop_now(struct session *session, const char *why)
{
	session_stop_run(session, 0, SHORT_GRACE_NS, why);
}

void session_hold(struct session *session, uint64_t now_ns)
{
	if (session->leaving && session->state == SESSION_FINISHED)
		session->desert_ns = now_ns + HOLD_NS;
}

static void desert(struct session *session)
{
	session->deserted = 1;
	session->state = SESSION_OVER;
}

void session_look_at_leaving(struct session *session)
{
	if (session->leaving && session->state == SESSION_RUNNING && !session->stopping &&
	    session_owns_nothing(session))
		session_stop_run(session, session->effective_ns, LEAVE_GRACE_NS, "others have this agent's share");
}

/* Told to end for the first time. */
static void begin_leaving(struct session *session, uint64_t now_ns)
{
	session->leaving = 1;
	session->stop_ns = now_ns + LEAVE_NS;
	session->desert_ns = session->stop_ns + LEAVE_GRACE_NS + HOLD_NS;
	if (session->state == SESSION_RUNNING && !session->stopping)
		session_say_leave(session, now_ns);
	session_hold(session, now_ns);
	session_look_at_leaving(session);
}

int session_terminate(struct session *session, uint64_t now_ns)
{
	switch (session->state) {
	case SESSION_FREE:
		session->state = SESSION_OVER;
		break;
	case SESSION_FETCHING:
	case SESSION_OPENING:
	case SESSION_READY:
		session_fail(session, "the agent was told to stop", now_ns);
		session->state = SESSION_OVER;
		break;
	case SESSION_RUNNING:
	case SESSION_FINISHED:
		if (session->leaving)
			desert(session);
		else
			begin_leaving(session, now_ns);
		break;
	case SESSION_OVER:
		break;
	}
	return session_result(session);
}

void session_mind_leaving(struct session *session, uint64_t now_ns)
{
	if (!session->leaving)
		return;
	if (session->state == SESSION_RUNNING && !session->stopping) {
		if (now_ns >= session->stop_ns)
			session_stop_now(session, "the agent was told to stop");
		else if (now_ns >= session->leave_ns)
			session_say_leave(session, now_ns);
	}
	if (now_ns >= session->desert_ns)
		desert(session);
}
