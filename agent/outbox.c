/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the spooled snapshots to send now. */
#include "agent/outbox.h"

#include "common/base/clock.h"

#define SPREAD_NS (NS_PER_S / 2) /* over which the agents' snapshots of one second are sent */

uint64_t outbox_turn_ns(uint32_t index, uint32_t count)
{
	return count > 0 ? SPREAD_NS * index / count : 0;
}

/* The last one is awaited: it goes at once. */
static uint64_t due_ns(const struct outbox *outbox, const struct snapshot *snapshot)
{
	if (snapshot->message.last)
		return 0;
	return outbox->t0_ns + (snapshot->message.second + 1) * NS_PER_S + outbox->turn_ns;
}

/* The next one that fits the window, or NULL. */
static const struct snapshot *next(const struct outbox *outbox)
{
	if (outbox->next_seq - spool_acknowledged(outbox->spool) > OUTBOX_WINDOW)
		return NULL;
	return spool_get(outbox->spool, outbox->next_seq);
}

const struct snapshot *outbox_take(struct outbox *outbox, uint64_t now_ns)
{
	const struct snapshot *snapshot = next(outbox);

	if (!snapshot || due_ns(outbox, snapshot) > now_ns)
		return NULL;
	if (outbox->next_seq == spool_acknowledged(outbox->spool) + 1)
		outbox->progress_ns = now_ns;
	outbox->next_seq++;
	return snapshot;
}

void outbox_acknowledge(struct outbox *outbox, uint64_t seq, uint64_t now_ns)
{
	if (seq > spool_acknowledged(outbox->spool))
		outbox->progress_ns = now_ns;
	spool_acknowledge(outbox->spool, seq);
	if (outbox->next_seq <= spool_acknowledged(outbox->spool))
		outbox->next_seq = spool_acknowledged(outbox->spool) + 1;
}

void outbox_rewind(struct outbox *outbox, uint64_t now_ns)
{
	outbox->next_seq = spool_acknowledged(outbox->spool) + 1;
	outbox->progress_ns = now_ns;
}

static _Bool waits(const struct outbox *outbox)
{
	return outbox->next_seq > spool_acknowledged(outbox->spool) + 1;
}

void outbox_look(struct outbox *outbox, uint64_t now_ns)
{
	if (waits(outbox) && now_ns >= outbox->progress_ns + OUTBOX_RESEND_NS)
		outbox_rewind(outbox, now_ns);
}

_Bool outbox_sent_all(const struct outbox *outbox)
{
	return outbox->next_seq > spool_newest(outbox->spool);
}

_Bool outbox_is_empty(const struct outbox *outbox)
{
	return spool_acknowledged(outbox->spool) == spool_newest(outbox->spool);
}

uint64_t outbox_next_ns(const struct outbox *outbox, _Bool may_send)
{
	const struct snapshot *snapshot = may_send ? next(outbox) : NULL;
	uint64_t next_ns = snapshot ? due_ns(outbox, snapshot) : CLOCK_NEVER;

	if (waits(outbox) && outbox->progress_ns + OUTBOX_RESEND_NS < next_ns)
		next_ns = outbox->progress_ns + OUTBOX_RESEND_NS;
	return next_ns;
}
