/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the protocol. */
#include "agent/session.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/intake.h"
#include "agent/outbox.h"
#include "agent/spool.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/plan/plan.h"

#define HELLO_NS NS_PER_S              /* between two hellos */
#define TURNED_AWAY_NS (10 * NS_PER_S) /* before knocking again where the run had its agents */
#define SILENCE_NS (5 * NS_PER_S)      /* a coordinator pings each second: after this it is greeted anew */
#define FREE_SILENCE_NS (2 * NS_PER_S) /* ... sooner by an agent that has no run: the next one may be waiting */
#define RESEND_NS (3 * NS_PER_S)       /* before what has no answer is sent again */
#define LEAVE_NS (5 * NS_PER_S)        /* after SIGTERM, for the last snapshots to be acknowledged */
#define SHORT_GRACE_NS                                                                                                 \
	NS_PER_S /* for iterations in progress when the run ends by a signal or for want of a coordinator */

struct session {
	struct session_config config;
	enum session_state state;
	_Bool welcomed;
	_Bool heard; /* of this coordinator, ever */
	_Bool leaving;
	_Bool stopping; /* EFFECT_STOP was given for want of a coordinator, or by a signal */
	_Bool deserted;
	char run_id[RUN_ID_SIZE];
	char ended_id[RUN_ID_SIZE]; /* of the run before: it is not run again */
	uint32_t epoch;
	struct message_assign assignment;
	struct intake *intake;
	struct spool *spool;
	struct outbox outbox;
	const struct wire_target *targets; /* of ready, then of done */
	uint32_t target_count;
	uint64_t end_ns;
	char *note;

	uint64_t last_heard_ns;
	uint64_t hello_ns;  /* when the next one is due */
	uint64_t answer_ns; /* when what waits for an answer is sent again */
	uint64_t leave_ns;

	struct effects effects;
};

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

static void drop_assignment(struct session *session)
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
	drop_assignment(session);
	spool_free(session->spool);
	effects_deinit(&session->effects);
	free(session->note);
	free(session);
	return NULL;
}

/* Effects. */

static struct effect *add_effect(struct session *session, enum effect_type type)
{
	return effects_add(&session->effects, type);
}

/* Room for the message in the list of effects, with its envelope filled in; NULL without memory. */
static struct message *add_message(struct session *session, enum message_type type)
{
	struct effect *effect = add_effect(session, EFFECT_SEND);

	if (!effect)
		return NULL;
	effect->message.type = type;
	effect->message.incarnation = session->config.incarnation;
	effect->message.epoch = session->epoch;
	memcpy(effect->message.run_id, session->run_id, RUN_ID_SIZE);
	return &effect->message;
}

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
	effect = add_effect(session, EFFECT_NOTE);
	if (effect)
		effect->text = text;
}

_Bool session_effect(struct session *session, struct effect *ret_effect)
{
	return effects_take(&session->effects, ret_effect);
}

static int result(struct session *session)
{
	return effects_result(&session->effects);
}

/* Sending. */

static void send_hello(struct session *session, uint64_t now_ns)
{
	struct message *message = add_message(session, MESSAGE_HELLO);

	session->hello_ns = now_ns + HELLO_NS;
	if (!message)
		return;
	message->hello = *session->config.hello;
	if (session->state == SESSION_FREE)
		message->run_id[0] = '\0';
	else
		message->hello.last_seq = spool_newest(session->spool);
}

static void send_fetch(struct session *session, uint64_t now_ns)
{
	struct message *message = add_message(session, MESSAGE_FETCH);

	session->answer_ns = now_ns + RESEND_NS;
	if (message)
		intake_want(session->intake, &message->fetch);
}

static void send_ready(struct session *session, uint64_t now_ns)
{
	struct message *message = add_message(session, MESSAGE_READY);

	session->answer_ns = now_ns + RESEND_NS;
	if (message)
		message->ready = (struct message_ready){.targets = (struct wire_target *)session->targets,
		                                        .target_count = session->target_count};
}

static void send_done(struct session *session, uint64_t now_ns)
{
	struct message *message = add_message(session, MESSAGE_DONE);

	session->answer_ns = now_ns + RESEND_NS;
	if (message)
		message->done = (struct message_done){.last_seq = spool_newest(session->spool),
		                                      .end_ns = session->end_ns,
		                                      .targets = (struct wire_target *)session->targets,
		                                      .target_count = session->target_count};
}

/* Sends the snapshots whose turn it is, and that nothing will follow them. */
static void pump(struct session *session, uint64_t now_ns)
{
	const struct snapshot *snapshot;

	while (session->welcomed && (snapshot = outbox_take(&session->outbox, now_ns))) {
		struct message *message = add_message(session, MESSAGE_SNAPSHOT);

		if (!message)
			return;
		message->snapshot = snapshot->message;
		if (snapshot->message.last && session->state == SESSION_FINISHED)
			send_done(session, now_ns);
	}
}

/* Ends. */

static void become_free(struct session *session, uint64_t now_ns)
{
	add_effect(session, EFFECT_CLOSE);
	memcpy(session->ended_id, session->run_id, RUN_ID_SIZE);
	session->state = session->config.once || session->leaving ? SESSION_OVER : SESSION_FREE;
	session->stopping = 0;
	/* The same coordinator has nothing more for us; the next one is greeted when this one falls silent. */
	session->hello_ns = now_ns + HELLO_NS;
}

static void stop_run(struct session *session, const char *why)
{
	struct effect *effect = add_effect(session, EFFECT_STOP);

	session->stopping = 1;
	if (!effect)
		return;
	effect->grace_ns = SHORT_GRACE_NS;
	effect->text = why;
}

/* Messages. */

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
	pump(session, now_ns);
}

static void open_run(struct session *session)
{
	session->state = SESSION_OPENING;
	add_effect(session, EFFECT_OPEN);
}

static void send_failed(struct session *session, const char *run_id, const char *text)
{
	struct message *message = add_message(session, MESSAGE_FAILED);

	if (!message)
		return;
	memcpy(message->run_id, run_id, RUN_ID_SIZE);
	message->failed.text = (char *)text;
}

static int fail(struct session *session, const char *text, uint64_t now_ns)
{
	free(session->note);
	session->note = strdup(text);
	if (!session->note)
		return -ENOMEM;
	send_failed(session, session->run_id, session->note);
	session->deserted = session->config.once;
	become_free(session, now_ns);
	return result(session);
}

static int take_assign(struct session *session, struct message *message, uint64_t now_ns)
{
	struct failure failure = {0};
	int r;

	if (session->state != SESSION_FREE)
		return 0;
	if (strcmp(message->run_id, session->ended_id) == 0) {
		send_failed(session, message->run_id, "the agent has ended this run already");
		return 0;
	}
	drop_assignment(session);
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
		return fail(session, failure.text, now_ns);
	if (intake_complete(session->intake)) {
		open_run(session);
		return 0;
	}
	session->state = SESSION_FETCHING;
	send_fetch(session, now_ns);
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
		return fail(session, failure.text, now_ns);
	if (r <= 0)
		return r;
	if (intake_complete(session->intake))
		open_run(session);
	else
		send_fetch(session, now_ns);
	return 0;
}

static void take_start(struct session *session, const struct message_start *start)
{
	struct effect *effect;

	if (session->state != SESSION_READY)
		return;
	effect = add_effect(session, EFFECT_START);
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
	effect = add_effect(session, EFFECT_BEGIN);
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
	pump(session, now_ns);
	if (session->state == SESSION_FINISHED && outbox_is_empty(&session->outbox))
		become_free(session, now_ns);
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
		become_free(session, now_ns);
		break;
	case SESSION_RUNNING:
		effect = add_effect(session, EFFECT_STOP);
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
	struct message *pong = add_message(session, MESSAGE_PONG);

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
	become_free(session, now_ns);
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
			send_hello(session, now_ns);
		return result(session);
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
	return r < 0 ? r : result(session);
}

/* The run's own news. */

int session_opened(struct session *session, const struct wire_target *targets, uint32_t count, uint64_t now_ns)
{
	if (session->state != SESSION_OPENING)
		return 0;
	session->state = SESSION_READY;
	session->targets = targets;
	session->target_count = count;
	send_ready(session, now_ns);
	return result(session);
}

int session_failed(struct session *session, const char *text, uint64_t now_ns)
{
	if (session->state < SESSION_OPENING || session->state > SESSION_RUNNING)
		return 0;
	return fail(session, text, now_ns);
}

int session_snapshot(struct session *session, struct snapshot *snapshot, uint64_t now_ns)
{
	int r = spool_add(session->spool, snapshot);

	if (r < 0)
		snapshot_free(snapshot);
	if (r == -ENOSPC)
		return fail(session, "too many snapshots wait for their acknowledgement", now_ns);
	if (r < 0)
		return r;
	pump(session, now_ns);
	return result(session);
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
		send_done(session, now_ns);
	return result(session);
}

int session_terminate(struct session *session, uint64_t now_ns)
{
	if (session->leaving || session->state < SESSION_RUNNING) {
		if (session->state > SESSION_FREE && session->state < SESSION_RUNNING)
			fail(session, "the agent was told to stop", now_ns);
		session->deserted |= session->state == SESSION_RUNNING || session->state == SESSION_FINISHED;
		session->state = SESSION_OVER;
		return result(session);
	}
	session->leaving = 1;
	session->leave_ns = now_ns + LEAVE_NS;
	if (session->state == SESSION_RUNNING)
		stop_run(session, "the agent was told to stop");
	return result(session);
}

/* Time. */

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
		become_free(session, now_ns);
		break;
	case SESSION_RUNNING:
		if (!session->stopping)
			stop_run(session, "no word from the coordinator");
		break;
	case SESSION_FINISHED:
		session->deserted = 1;
		become_free(session, now_ns);
		break;
	case SESSION_OVER:
		break;
	}
}

static void ask_again(struct session *session, uint64_t now_ns)
{
	if (now_ns < session->answer_ns)
		return;
	switch (session->state) {
	case SESSION_FETCHING:
		send_fetch(session, now_ns);
		break;
	case SESSION_READY:
		send_ready(session, now_ns);
		break;
	case SESSION_FINISHED:
		if (outbox_sent_all(&session->outbox))
			send_done(session, now_ns);
		break;
	default:
		break;
	}
}

/* When a coordinator that says nothing counts as gone. */
static uint64_t silent_ns(const struct session *session)
{
	return session->last_heard_ns + (session->state == SESSION_FREE ? FREE_SILENCE_NS : SILENCE_NS);
}

int session_tick(struct session *session, uint64_t now_ns)
{
	if (session->state == SESSION_OVER)
		return 0;
	mind_orphanhood(session, now_ns);
	if (session->leaving && now_ns >= session->leave_ns) {
		session->deserted = 1;
		session->state = SESSION_OVER;
	}
	if (session->state == SESSION_OVER)
		return result(session);
	if (session->welcomed && now_ns >= silent_ns(session))
		session->welcomed = 0;
	if (!session->welcomed && now_ns >= session->hello_ns)
		send_hello(session, now_ns);
	ask_again(session, now_ns);
	if (session->state == SESSION_RUNNING || session->state == SESSION_FINISHED) {
		outbox_look(&session->outbox, now_ns);
		pump(session, now_ns);
	}
	return result(session);
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
		next_ns = earlier(next_ns, session->leave_ns);
	next_ns = earlier(next_ns, session->welcomed ? silent_ns(session) : session->hello_ns);
	if (session->state == SESSION_FETCHING || session->state == SESSION_READY ||
	    (session->state == SESSION_FINISHED && outbox_sent_all(&session->outbox)))
		next_ns = earlier(next_ns, session->answer_ns);
	if (session->state == SESSION_RUNNING || session->state == SESSION_FINISHED)
		next_ns = earlier(next_ns, outbox_next_ns(&session->outbox, session->welcomed));
	return next_ns;
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
