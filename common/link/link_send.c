/* SPDX-License-Identifier: Apache-2.0 */
/* A link's sending side: into ZeroMQ, or into the peer's queue. */
#include "common/link/link.h"

#include <errno.h>
#include <zmq.h>

#include "common/link/link_internal.h"
#include "common/wire/codec.h"

/* 0, -EAGAIN, -EHOSTUNREACH or another negative errno. With ROUTER_MANDATORY it is the routing id that is refused, so
 * that a frame is sent whole or not at all. */
static int send_part(struct link *link, const void *data, size_t size, int flags)
{
	while (zmq_send(link->handle, data, size, flags | ZMQ_DONTWAIT) < 0) {
		if (errno != EINTR)
			return link_last_error();
	}
	return 0;
}

static int send_frame(struct link *link, const struct incarnation *to, const uint8_t *data, size_t size)
{
	int r = 0;

	if (link->listens)
		r = send_part(link, to->bytes, INCARNATION_SIZE, ZMQ_SNDMORE);
	else if (!link->guard.connected)
		r = -EAGAIN;
	if (r == 0)
		r = send_part(link, data, size, 0);
	if (r == 0)
		link->counters.sent_bytes += size;
	return r;
}

static void flush_peer(struct link *link, struct peer *peer)
{
	while (peer->first) {
		int r = send_frame(link, &peer->id, peer->first->data, peer->first->size);

		if (r == -EAGAIN)
			return;
		if (r < 0)
			peers_drop_queue(&link->peers, peer); /* it is gone; when it comes back, it says hello */
		else
			peers_dequeue(&link->peers, peer);
	}
}

void link_flush(struct link *link)
{
	guard_serve(&link->guard); /* tells whether there is a connection */
	for (size_t i = 0; i < link->peers.count && link->peers.queued_bytes > 0; i++)
		flush_peer(link, link->peers.items[i]);
}

/* Where codec_split()'s frames go. */
struct outgoing {
	struct link *link;
	const struct incarnation *to;
	struct peer *peer; /* NULL until something is queued for it */
};

static int send_or_queue(void *context, const uint8_t *data, size_t size)
{
	struct outgoing *outgoing = context;
	struct link *link = outgoing->link;
	int r = -EAGAIN;

	if (!outgoing->peer || !outgoing->peer->first)
		r = send_frame(link, outgoing->to, data, size);
	if (r != -EAGAIN)
		return r;
	outgoing->peer = peers_get(&link->peers, outgoing->to);
	return outgoing->peer ? peers_queue(&link->peers, outgoing->peer, data, size) : -ENOMEM;
}

int link_send(struct link *link, const struct message *message)
{
	struct message outgoing_message = *message;
	struct outgoing outgoing = {.link = link, .to = &outgoing_message.incarnation};
	int r;

	if (!link->listens)
		outgoing_message.incarnation = link->self;
	if (!link->listens && !link->guard.connected)
		guard_serve(&link->guard);
	buffer_clear(&link->encoded);
	r = codec_encode(&outgoing_message, &link->encoded);
	if (r < 0)
		return r;
	outgoing.peer = peers_find(&link->peers, outgoing.to);
	if (outgoing.peer)
		flush_peer(link, outgoing.peer);
	if (!peers_has_room(&link->peers, outgoing.peer, link->encoded.size))
		return -EAGAIN;
	r = codec_split(link->encoded.data, link->encoded.size, ++link->sent_ids, send_or_queue, &outgoing);
	if (r == 0)
		link->counters.sent++;
	return r;
}
