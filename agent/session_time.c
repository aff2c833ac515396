/* SPDX-License-Identifier: Apache-2.0 */
/* What a session does when time has passed without a message. */
#include "agent/session_state.h"

#define SILENCE_NS (4 * NS_PER_S)         /* a coordinator pings each second: after this it is greeted anew */
#define WAITING_SILENCE_NS (2 * NS_PER_S) /* ... sooner before a run, as nothing else is sent each second */

static void mind_orphanhood(struct session *session, uint64_t now_ns)
{
	if (now_ns < session->last_heard_ns + session->config.orphan_after_ns)
		return;
	session->last_heard_ns = now_ns; /* one more such time for what follows */
	switch (session->state) {
	case SESSION_FREE:
		if (session->config.once) {
			session->deserted = 1;
			session->state = SESSION_OVER;
		}
		break;
	case SESSION_FETCHING:
	case SESSION_OPENING:
	case SESSION_READY:
		session->deserted = 1;
		session_become_free(session, now_ns);
		break;
	case SESSION_RUNNING:
		if (!session->stopping)
			session_stop_now(session, "no word from the coordinator");
		break;
	case SESSION_FINISHED:
		session->deserted = 1;
		session_become_free(session, now_ns);
		break;
	case SESSION_OVER:
		break;
	}
}

/* When a coordinator that says nothing counts as gone. */
static uint64_t silent_ns(const struct session *session)
{
	return session->last_heard_ns + (session->state < SESSION_RUNNING ? WAITING_SILENCE_NS : SILENCE_NS);
}

int session_tick(struct session *session, uint64_t now_ns)
{
	int r = 0;

	if (session->state == SESSION_OVER)
		return 0;
	mind_orphanhood(session, now_ns);
	session_mind_leaving(session, now_ns);
	if (session->state == SESSION_OVER)
		return session_result(session);
	if (session->welcomed && now_ns >= silent_ns(session))
		session->welcomed = 0;
	if (!session->welcomed && now_ns >= session->hello_ns)
		session_say_hello(session, now_ns);
	if (now_ns >= session->answer_ns)
		session_say_again(session, now_ns);
	if (session->over_count > 0 && now_ns >= session->over_ns)
		session_say_overs(session, now_ns);
	if (session->seen_count > 0 && now_ns >= session->seen_ns)
		session_say_seens(session, now_ns);
	if (session->state == SESSION_RUNNING || session->state == SESSION_FINISHED) {
		outbox_look(&session->outbox, now_ns);
		r = session_pump(session, now_ns);
	}
	return r < 0 ? r : session_result(session);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t session_next_ns(const struct session *session)
{
	uint64_t next_ns = session->last_heard_ns + session->config.orphan_after_ns;

	if (session->state == SESSION_OVER)
		return CLOCK_NEVER;
	if (session->leaving)
		next_ns = earlier(next_ns, session->desert_ns);
	if (session->leaving && session->state == SESSION_RUNNING && !session->stopping)
		next_ns = earlier(next_ns, earlier(session->leave_ns, session->stop_ns));
	if (session->over_count > 0)
		next_ns = earlier(next_ns, session->over_ns);
	if (session->seen_count > 0)
		next_ns = earlier(next_ns, session->seen_ns);
	next_ns = earlier(next_ns, session->welcomed ? silent_ns(session) : session->hello_ns);
	if (session->state == SESSION_FETCHING || session->state == SESSION_READY ||
	    (session->state == SESSION_FINISHED && outbox_sent_all(&session->outbox) && !session->cut))
		next_ns = earlier(next_ns, session->answer_ns);
	if (session->state == SESSION_RUNNING || session->state == SESSION_FINISHED)
		next_ns = earlier(next_ns, outbox_next_ns(&session->outbox, session->welcomed));
	return next_ns;
}
