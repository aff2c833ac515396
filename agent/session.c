/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the protocol: the run's own news. */
#include "agent/session_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/units.h"
#include "common/plan/plan.h"

DEFINE_CLEANUP(struct session *, session_free)

int session_new(const struct session_config *config, struct session **ret_session)
{
	cleanup(session_freep) struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return -ENOMEM;
	session->config = *config;
	session->spool = spool_new(&config->spool);
	session->files = file_cache_new(config->cache_bytes);
	if (!session->spool || !session->files)
		return -ENOMEM;
	session->last_heard_ns = config->now_ns;
	session->hello_ns = config->now_ns;
	session->desert_ns = CLOCK_NEVER;
	*ret_session = steal(session);
	return 0;
}

static void drop_assign(struct message_assign *assign)
{
	struct message message = {.type = MESSAGE_ASSIGN, .assign = *assign};

	message_deinit(&message);
	*assign = (struct message_assign){0};
}

void session_drop_assignment(struct session *session)
{
	session->intake = intake_free(session->intake);
	drop_assign(&session->assignment);
	drop_assign(&session->newest);
	session->epoch = session->opened_epoch = 0;
	session->effective_ns = 0;
	session_drop_duties(session);
	session->targets = NULL;
	session->target_count = 0;
	free(session->cut);
	session->cut = NULL;
	if (session->spool)
		spool_clear(session->spool);
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	session_drop_assignment(session);
	spool_free(session->spool);
	file_cache_free(session->files);
	effects_deinit(&session->effects);
	free(session->ended_text);
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

/* From `second` on nothing is kept. Load that isn't counted is of no use. */
static int cut_spool(struct session *session, int error, uint64_t second)
{
	const struct spool_config *config = &session->config.spool;
	char size[32];
	int r;

	units_format_size(config->disk.ops ? config->disk_bytes : config->memory_bytes, size, sizeof(size));
	if (error == -ENOBUFS)
		r = asprintf(&session->cut,
		             "its spool of %s was full at second %" PRIu64 ": what it did since is not counted", size,
		             second);
	else
		r = asprintf(&session->cut,
		             "its spool could not keep second %" PRIu64 " (%s): what it did since is not counted",
		             second, strerrordesc_np(-error));
	if (r < 0) {
		session->cut = NULL;
		return -ENOMEM;
	}
	session_note(session, "%s", session->cut);
	if (session->state == SESSION_RUNNING)
		session_stop_now(session, "its results find no room any more");
	return 0;
}

int session_snapshot(struct session *session, struct snapshot *snapshot, uint64_t now_ns)
{
	uint64_t second = snapshot->message.second;
	int r = session->cut ? -ECANCELED : spool_add(session->spool, snapshot);

	if (r < 0)
		snapshot_free(snapshot);
	if (r < 0 && !session->cut)
		r = cut_spool(session, r, second);
	else
		r = 0;
	if (r == 0)
		r = session_pump(session, now_ns);
	return r < 0 ? r : session_result(session);
}

/* The next one whose turn it is: 1, or 0 if there is none. */
static int take_next(struct session *session, uint64_t now_ns, const struct message_snapshot **ret_snapshot)
{
	uint64_t seq = session->welcomed ? outbox_take(&session->outbox, now_ns) : 0;
	struct spool_item item;
	int r;

	if (seq == 0 || !spool_find(session->spool, seq, &item))
		return 0;
	r = spool_get(session->spool, seq, ret_snapshot);
	if (r == 0)
		return 1;
	if (r == -ENOMEM)
		return 0; /* it is tried again, as one that got lost */
	outbox_cut(&session->outbox);
	effects_keep(&session->effects, session->cut);
	return cut_spool(session, r, item.second);
}

int session_pump(struct session *session, uint64_t now_ns)
{
	const struct message_snapshot *snapshot;
	int r;

	while ((r = take_next(session, now_ns, &snapshot)) == 1) {
		struct message *message = session_add_message(session, MESSAGE_SNAPSHOT);

		if (!message)
			return 0;
		message->snapshot = *snapshot;
		if (snapshot->last && session->state == SESSION_FINISHED)
			session_say_done(session, now_ns);
	}
	if (r == 0 && session->cut && session->welcomed && outbox_is_empty(&session->outbox))
		r = session_fail(session, session->cut, now_ns);
	return r;
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
	session_hold(session, now_ns);
	/* Where the last snapshot has gone already, done follows it here. */
	if (outbox_sent_all(&session->outbox) && !session->cut)
		session_say_done(session, now_ns);
	return session_result(session);
}

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
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(session->ended_text);
	session->ended_text = copy;
	session_say_failed(session, session->run_id, copy);
	session->deserted |= session->config.once || session->leaving;
	session_become_free(session, now_ns);
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

uint32_t session_epoch(const struct session *session)
{
	return session->opened_epoch;
}

const char *session_run_id(const struct session *session)
{
	return session->run_id;
}

const struct plan_file *session_files(const struct session *session)
{
	return intake_files(session->intake);
}

const struct spool *session_spool(const struct session *session)
{
	return session->spool;
}
