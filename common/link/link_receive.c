/* SPDX-License-Identifier: Apache-2.0 */
/* A link's receiving side: frames checked, put together and decoded. */
#include "common/link/link.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "common/base/text.h"
#include "common/link/link_internal.h"
#include "common/wire/codec.h"

enum { FRAMES_A_CALL = 256 }; /* so that a flood of parts can't keep link_receive() from returning */

/* A frame as it came, with who sent it. */
struct incoming {
	struct incarnation from;
	zmq_msg_t frame;
};

static int receive_part(struct link *link, zmq_msg_t *part)
{
	while (zmq_msg_recv(part, link->handle, ZMQ_DONTWAIT) < 0) {
		if (errno != EINTR)
			return link_last_error();
	}
	if (link->listens)
		inflow_take(&link->guard.inflow, zmq_msg_get(part, ZMQ_SRCFD), zmq_msg_size(part));
	return 0;
}

/* Takes the frames that follow one that had to be the last. */
static int discard_rest(struct link *link, zmq_msg_t *part)
{
	int count = 0;

	while (zmq_msg_more(part) && receive_part(link, part) == 0)
		count++;
	return count;
}

static int receive_sender(struct link *link, struct incoming *incoming, struct failure *failure)
{
	zmq_msg_t *part = &incoming->frame;
	size_t size;
	int r = receive_part(link, part);

	if (r < 0)
		return r;
	size = zmq_msg_size(part);
	if (size == INCARNATION_SIZE && zmq_msg_more(part)) {
		memcpy(incoming->from.bytes, zmq_msg_data(part), INCARNATION_SIZE);
		return 0;
	}
	discard_rest(link, part);
	return failure_set(failure, -EBADMSG, "a peer with a routing id of %zu bytes, %d are due", size,
	                   INCARNATION_SIZE);
}

static int receive_frame(struct link *link, struct incoming *incoming, struct failure *failure)
{
	int r = 0;

	incoming->from = link->self;
	if (link->listens)
		r = receive_sender(link, incoming, failure);
	if (r == 0)
		r = receive_part(link, &incoming->frame);
	if (r < 0)
		return r;
	link->counters.received_bytes += zmq_msg_size(&incoming->frame);
	if (discard_rest(link, &incoming->frame) > 0)
		return failure_set(failure, -EBADMSG, "a message of more than one frame");
	return 0;
}

static int check_incarnation(const struct link *link, const struct incarnation *from, const struct message *message,
                             struct failure *failure)
{
	char claimed[2 * INCARNATION_SIZE + 1];

	if (incarnation_equal(&message->incarnation, from))
		return 0;
	text_format_hex(message->incarnation.bytes, INCARNATION_SIZE, claimed);
	return failure_set(failure, -EBADMSG, "%s: a message %s incarnation %s", message_type_names[message->type],
	                   link->listens ? "that claims to be from" : "for", claimed);
}

/* 1: *ret_message is whole, 0: more parts are awaited. */
static int take_frame(struct link *link, struct incoming *incoming, struct failure *failure,
                      struct message *ret_message)
{
	const uint8_t *frame = zmq_msg_data(&incoming->frame), *data;
	struct peer *peer = peers_get(&link->peers, &incoming->from);
	struct message message;
	size_t size;
	int r;

	if (!peer)
		return failure_set(failure, -ENOMEM, "no memory for a peer");
	r = peers_take(&link->peers, peer, frame, zmq_msg_size(&incoming->frame), &data, &size);
	if (r < 0)
		return failure_set(failure, r,
		                   "a frame of %zu bytes that is broken, or not the next part of its message",
		                   zmq_msg_size(&incoming->frame));
	if (r == 0)
		return 0;
	r = codec_decode(data, size, failure, &message);
	if (data != frame)
		peers_release(&link->peers, peer);
	if (r < 0)
		return r;
	r = check_incarnation(link, &incoming->from, &message, failure);
	if (r < 0) {
		message_deinit(&message);
		return r;
	}
	*ret_message = message;
	return 1;
}

/* Counts what is refused, and says whose it was. */
static int refuse(struct link *link, const struct incoming *incoming, int r, const struct failure *reason,
                  struct failure *failure)
{
	char from[2 * INCARNATION_SIZE + 1];

	link->counters.refused++;
	text_format_hex(incoming->from.bytes, INCARNATION_SIZE, from);
	return failure_set(failure, r == -ENOMEM ? r : -EBADMSG, "%s%s: %s",
	                   link->listens ? "agent " : "coordinator of ", from, reason->text);
}

int link_receive(struct link *link, struct message *ret_message, struct failure *failure)
{
	struct failure reason = {0};
	struct incoming incoming = {0};
	int r = 0;

	guard_serve(&link->guard);
	if (link->guard.notice[0]) {
		failure_set(failure, -EACCES, "%s", link->guard.notice);
		link->guard.notice[0] = '\0';
		return -EACCES;
	}
	zmq_msg_init(&incoming.frame);
	for (int i = 0; i < FRAMES_A_CALL && r == 0; i++) {
		r = receive_frame(link, &incoming, &reason);
		if (r == 0)
			r = take_frame(link, &incoming, &reason, ret_message);
	}
	zmq_msg_close(&incoming.frame);
	if (r == 1)
		link->counters.received++;
	if (r < 0 && reason.code)
		return refuse(link, &incoming, r, &reason, failure);
	return r == 1 ? 0 : r == 0 ? -EAGAIN : r;
}
