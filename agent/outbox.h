/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the spooled snapshots to send now: each in its turn, a window of them without an acknowledgement, and again
 * from the oldest when none comes. What had to wait goes as fast as acknowledgements come. Pure. */
#pragma once

#include <stdint.h>

#include "agent/spool.h"

/* A value; times are on the clock. */
struct outbox {
	struct spool *spool;
	uint64_t next_seq;    /* to send */
	size_t sent_bytes;    /* of those that were sent and wait for their acknowledgement */
	uint64_t progress_ns; /* when an acknowledgement last came, or the first of those that wait was sent */
	uint64_t t0_ns;
	uint64_t turn_ns; /* after the end of a snapshot's second: agents take turns */
};

/* What may be on its way, besides a first one of any size. The coordinator's receive queue of a peer holds 8 frames;
 * an answer to a ping waits behind all of it, so that it is no more than a slow link carries in a second. */
enum { OUTBOX_WINDOW = 8, OUTBOX_WINDOW_BYTES = 1024 * 1024 };

#define OUTBOX_RESEND_NS UINT64_C(3000000000) /* without an acknowledgement, before the oldest is sent again */

/* Agent `index` of `count` is to send in its part of the half second after each second. */
uint64_t outbox_turn_ns(uint32_t index, uint32_t count);
/* The number of the next snapshot to send now, or 0. It counts as sent. */
uint64_t outbox_take(struct outbox *outbox, uint64_t now_ns);
/* What was taken last cannot be had: it and all that follow it are forgotten. */
void outbox_cut(struct outbox *outbox);
/* All up to seq is durable. */
void outbox_acknowledge(struct outbox *outbox, uint64_t seq, uint64_t now_ns);
/* Starts again from the oldest that isn't acknowledged. */
void outbox_rewind(struct outbox *outbox, uint64_t now_ns);
/* Rewinds if an acknowledgement is overdue. */
void outbox_look(struct outbox *outbox, uint64_t now_ns);
/* True if every snapshot was sent, or every one acknowledged. */
_Bool outbox_sent_all(const struct outbox *outbox);
_Bool outbox_is_empty(const struct outbox *outbox);
/* When outbox_take() or outbox_look() will have something to do; CLOCK_NEVER: not by time alone. With `may_send` false
 * nothing is to be sent. */
uint64_t outbox_next_ns(const struct outbox *outbox, _Bool may_send);
