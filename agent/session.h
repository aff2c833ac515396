/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the protocol as a pure state machine: what happens comes in by calls with the time, what is to be
 * done goes out as effects. No sockets, no clock, no threads.
 *
 * free: no run. Says hello each second until it is welcomed, and again when the coordinator falls silent.
 *
 * fetching: assigned. Asks for the data files, piece by piece; those of an earlier run are there already.
 *
 * opening: drivers are being opened and targets probed; the caller does it and tells.
 *
 * ready: has said so; waits for T0. Later epochs are only kept until then.
 *
 * running: snapshots come in from the workers, wait in the spool, go out, and are forgotten when they are acknowledged.
 * A later epoch is in force from a whole second on that is decided here, once, for all workers.
 *
 * finished: the last snapshot is made; waits for its acknowledgement.
 *
 * over: nothing more to do, the program may exit.
 *
 * Any message may be lost: whatever has no answer is sent again after RESEND. Any message may come twice: what is known
 * already changes nothing. */
#pragma once

#include <stdint.h>

#include "agent/effects.h"
#include "agent/snapshots.h"
#include "agent/spool.h"
#include "common/wire/message.h"

enum session_state {
	SESSION_FREE,
	SESSION_FETCHING,
	SESSION_OPENING,
	SESSION_READY,
	SESSION_RUNNING,
	SESSION_FINISHED,
	SESSION_OVER,
};

struct session;

struct session_config {
	const struct message_hello *hello; /* must outlive the session */
	struct incarnation incarnation;
	_Bool once;                /* over after one run, or when turned away */
	uint64_t orphan_after_ns;  /* without a word from the coordinator a run is ended */
	struct spool_config spool; /* for snapshots that wait for their acknowledgement */
	size_t cache_bytes;        /* of data files that are kept for the next run */
	uint64_t now_ns;
};

/* 0 or -ENOMEM. */
int session_new(const struct session_config *config, struct session **ret_session);
/* What it was assigned and spooled goes with it: workers must be gone. */
struct session *session_free(struct session *session);

/* All that handle return 0 or -ENOMEM, and are followed by taking the effects, in order, until there is none. */

/* Takes what it needs out of the message; the caller still deinitialises it. */
int session_message(struct session *session, struct message *message, uint64_t now_ns);
/* The run is open; targets are the caller's until EFFECT_CLOSE. */
int session_opened(struct session *session, const struct wire_target *targets, uint32_t count, uint64_t now_ns);
/* The run cannot be opened, or cannot go on. */
int session_failed(struct session *session, const char *text, uint64_t now_ns);
/* A snapshot was made: it is the session's now. Where the spool does not take it any more, the load is stopped, what it
 * holds is delivered, and then the coordinator is told what is missing. */
int session_snapshot(struct session *session, struct snapshot *snapshot, uint64_t now_ns);
/* The last snapshot was made; end_ns since T0, and what the answers told of the targets (the caller's until
 * EFFECT_CLOSE). */
int session_finished(struct session *session, uint64_t end_ns, const struct wire_target *targets, uint32_t count,
                     uint64_t now_ns);
/* A setup or teardown is over (copied). It is told until a duty message no longer names it. */
int session_duty_over(struct session *session, const struct message_value *over, uint64_t now_ns);
/* What a verifier saw (copied). It is told until it is answered, which EFFECT_SEEN passes on, or until a duty message
 * no longer names the verifier. */
int session_seen(struct session *session, const struct message_seen *seen, uint64_t now_ns);
/* SIGTERM or SIGINT: hands the share back, and ends the run when others have it, or by itself after LEAVE; sends what
 * is held. A second one gives up on all that. */
int session_terminate(struct session *session, uint64_t now_ns);
/* To be called when session_next_ns() has come. */
int session_tick(struct session *session, uint64_t now_ns);

/* When session_tick() is wanted; CLOCK_NEVER when it is over. */
uint64_t session_next_ns(const struct session *session);
/* The next thing to do; false: there is none. */
_Bool session_effect(struct session *session, struct effect *ret_effect);

enum session_state session_state(const struct session *session);
/* Whether the coordinator has answered lately. */
_Bool session_welcomed(const struct session *session);
/* True if it ended without having been welcomed, or without its snapshots having been acknowledged. */
_Bool session_deserted(const struct session *session);

/* What EFFECT_OPEN opens, and its epoch. Hold until EFFECT_CLOSE. */
const struct message_assign *session_assignment(const struct session *session);
uint32_t session_epoch(const struct session *session);
/* Of the run it has, or had last; "" before the first. */
const char *session_run_id(const struct session *session);
struct plan_file;
/* The data files, one for each of the assignment's. */
const struct plan_file *session_files(const struct session *session);
/* What waits for its acknowledgement. */
const struct spool *session_spool(const struct session *session);
