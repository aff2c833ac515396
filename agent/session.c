/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the protocol: the run's own news. */
#include "agent/session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/plan/plan.h"

#define LEAVE_NS (5 * NS_PER_S) /* after SIGTERM, for the last snapshots to be acknowledged */

DEFINE_CLEANUP(struct session *, session_free)

int session_new(const struct session_config *config, struct session **ret_session)
{
	cleanup(session_freep) struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return -ENOMEM;
	session->config = *config;
	session->spool = spool_new(config->spool_bytes);
	if (!session->spool)
		return -ENOMEM;
	session->last_heard_ns = config->now_ns;
	session->hello_ns = config->now_ns;
	*ret_session = steal(session);
	return 0;
}

void session_drop_assignment(struct session *session)
{
	struct message message = {.type = MESSAGE_ASSIGN, .assign = session->assignment};

	message_deinit(&message);
	session->assignment = (struct message_assign){0};
	session->intake = intake_free(session->intake);
	session->targets = NULL;
	session->target_count = 0;
	if (session->spool)
		spool_clear(session->spool);
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	session_drop_assignment(session);
	spool_free(session->spool);
	effects_deinit(&session->effects);
	free(session->note);
	free(session);
	return NULL;
}

_Bool session_effect(struct session *session, struct effect *ret_effect)
{
	return effects_take(&session->effects, ret_effect);
}

int session_opened(struct session *session, const struct wire_target *targets, uint32_t count, uint64_t now_ns)
{
	if (session->state != SESSION_OPENING)
		return 0;
	session->state = SESSION_READY;
	session->targets = targets;
	session->target_count = count;
	session_say_ready(session, now_ns);
	return session_result(session);
}

int session_failed(struct session *session, const char *text, uint64_t now_ns)
{
	if (session->state < SESSION_OPENING || session->state > SESSION_RUNNING)
		return 0;
	return session_fail(session, text, now_ns);
}

int session_snapshot(struct session *session, struct snapshot *snapshot, uint64_t now_ns)
{
	int r = spool_add(session->spool, snapshot);

	if (r < 0)
		snapshot_free(snapshot);
	if (r == -ENOSPC)
		return session_fail(session, "too many snapshots wait for their acknowledgement", now_ns);
	if (r < 0)
		return r;
	session_pump(session, now_ns);
	return session_result(session);
}

int session_finished(struct session *session, uint64_t end_ns, const struct wire_target *targets, uint32_t count,
                     uint64_t now_ns)
{
	if (session->state != SESSION_RUNNING)
		return 0;
	session->state = SESSION_FINISHED;
	session->end_ns = end_ns;
	session->targets = targets;
	session->target_count = count;
	session->answer_ns = now_ns + RESEND_NS;
	/* Where the last snapshot has gone already, done follows it here. */
	if (outbox_sent_all(&session->outbox))
		session_say_done(session, now_ns);
	return session_result(session);
}

int session_terminate(struct session *session, uint64_t now_ns)
{
	if (session->leaving || session->state < SESSION_RUNNING) {
		if (session->state > SESSION_FREE && session->state < SESSION_RUNNING)
			session_fail(session, "the agent was told to stop", now_ns);
		session->deserted |= session->state == SESSION_RUNNING || session->state == SESSION_FINISHED;
		session->state = SESSION_OVER;
		return session_result(session);
	}
	session->leaving = 1;
	session->leave_ns = now_ns + LEAVE_NS;
	if (session->state == SESSION_RUNNING)
		session_stop_run(session, "the agent was told to stop");
	return session_result(session);
}

enum session_state session_state(const struct session *session)
{
	return session->state;
}

_Bool session_welcomed(const struct session *session)
{
	return session->welcomed;
}

_Bool session_deserted(const struct session *session)
{
	return session->deserted;
}

const struct message_assign *session_assignment(const struct session *session)
{
	return &session->assignment;
}

const char *session_run_id(const struct session *session)
{
	return session->run_id;
}

const struct plan_file *session_files(const struct session *session)
{
	return intake_files(session->intake);
}
