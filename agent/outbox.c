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
static uint64_t due_ns(const struct outbox *outbox, const struct spool_item *item)
{
	if (item->last)
		return 0;
	return outbox->t0_ns + (item->second + 1) * NS_PER_S + outbox->turn_ns;
}

/* The next one, if it fits the window. */
static _Bool next(const struct outbox *outbox, struct spool_item *ret_item)
{
	uint64_t sent = outbox->next_seq - spool_acknowledged(outbox->spool) - 1;

	if (sent >= OUTBOX_WINDOW || !spool_find(outbox->spool, outbox->next_seq, ret_item))
		return 0;
	return sent == 0 || outbox->sent_bytes + ret_item->size <= OUTBOX_WINDOW_BYTES;
}

uint64_t outbox_take(struct outbox *outbox, uint64_t now_ns)
{
	struct spool_item item;

	if (!next(outbox, &item) || due_ns(outbox, &item) > now_ns)
		return 0;
	if (outbox->next_seq == spool_acknowledged(outbox->spool) + 1)
		outbox->progress_ns = now_ns;
	outbox->sent_bytes += item.size;
	return outbox->next_seq++;
}

void outbox_cut(struct outbox *outbox)
{
	struct spool_item item;

	if (spool_find(outbox->spool, --outbox->next_seq, &item))
		outbox->sent_bytes -= item.size;
	spool_cut(outbox->spool, outbox->next_seq);
}

/* What of it was sent is on its way no more. */
static void count_arrived(struct outbox *outbox, uint64_t seq)
{
	struct spool_item item;

	for (uint64_t at = spool_acknowledged(outbox->spool) + 1; at <= seq && at < outbox->next_seq; at++) {
		if (spool_find(outbox->spool, at, &item))
			outbox->sent_bytes -= item.size;
	}
}

void outbox_acknowledge(struct outbox *outbox, uint64_t seq, uint64_t now_ns)
{
	if (seq > spool_acknowledged(outbox->spool))
		outbox->progress_ns = now_ns;
	count_arrived(outbox, seq);
	spool_acknowledge(outbox->spool, seq);
	if (outbox->next_seq <= spool_acknowledged(outbox->spool))
		outbox->next_seq = spool_acknowledged(outbox->spool) + 1;
}

void outbox_rewind(struct outbox *outbox, uint64_t now_ns)
{
	outbox->next_seq = spool_acknowledged(outbox->spool) + 1;
	outbox->sent_bytes = 0;
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
	struct spool_item item;
	uint64_t next_ns = may_send && next(outbox, &item) ? due_ns(outbox, &item) : CLOCK_NEVER;

	if (waits(outbox) && outbox->progress_ns + OUTBOX_RESEND_NS < next_ns)
		next_ns = outbox->progress_ns + OUTBOX_RESEND_NS;
	return next_ns;
}
