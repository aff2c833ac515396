/* SPDX-License-Identifier: Apache-2.0 */
/* A link: one ZeroMQ socket that carries whole messages.
 *
 * Receiving: ZeroMQ holds at most RECEIVE_QUEUE frames a peer, so a peer that floods fills its own TCP window and not
 * our memory; parts are put together here. Sending: what ZeroMQ doesn't take for a peer (EAGAIN) waits in that peer's
 * queue; while it does, everything for that peer goes through the queue, so that order holds. ZeroMQ's descriptor is
 * edge-triggered: link_wait() looks at ZMQ_EVENTS before each poll, and looks again after RETRY_MS while something is
 * queued, as ZeroMQ doesn't say which peer of a ROUTER has become writable. */
#include "common/link/link.h"

#include <czmq.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/link/address.h"
#include "common/link/peers.h"
#include "common/wire/codec.h"

enum {
	RECEIVE_QUEUE = 8,   /* frames a peer that ZeroMQ keeps for us */
	SEND_QUEUE = 16,     /* and of ours for it: a megabyte at most */
	ACCEPT_QUEUE = 4096, /* agents that connect at the same moment */
	RECONNECT_MS = 100,  /* the first pause, doubled up to the longest */
	RECONNECT_LONGEST_MS = 2000,
	HEARTBEAT_MS = 5000,          /* ZMTP's own: finds TCP connections whose other end is gone */
	HEARTBEAT_TIMEOUT_MS = 30000, /* longer than lostAfter: a stopped agent keeps its connection */
	CLOSE_MS = 200,
	RETRY_MS = 10,
	FRAMES_A_CALL = 256, /* so that a flood of parts can't keep link_receive() from returning */
};

struct link {
	zsock_t *socket;
	void *handle; /* the same for libzmq's calls */
	int fd;       /* readable when ZMQ_EVENTS may have changed */
	_Bool listens;
	struct incarnation self; /* of a DEALER: its coordinator is kept as the peer of this id */
	char *address;
	struct peers peers;
	struct buffer encoded;
	uint64_t sent_ids; /* of messages in parts */
	struct pollfd *polled;
	size_t polled_capacity;
	struct link_counters counters;
};

static int last_error(void)
{
	return errno == ETERM ? -ESHUTDOWN : -errno;
}

/* Each agent takes a descriptor; the soft limit is often 1,024. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* All values are ours and valid: czmq aborts on others. */
static void set_options(zsock_t *socket, const struct link_config *config, const struct address *address)
{
	zsock_set_linger(socket, CLOSE_MS);
	zsock_set_rcvhwm(socket, RECEIVE_QUEUE);
	zsock_set_sndhwm(socket, SEND_QUEUE);
	zsock_set_maxmsgsize(socket, LIMIT_MESSAGE_BYTES);
	zsock_set_ipv6(socket, address->ipv6);
	zsock_set_heartbeat_ivl(socket, HEARTBEAT_MS);
	zsock_set_heartbeat_timeout(socket, HEARTBEAT_TIMEOUT_MS);
	if (config->listen) {
		zsock_set_backlog(socket, ACCEPT_QUEUE);
		zsock_set_router_mandatory(socket, 1);
		zsock_set_router_handover(socket, 1);
	} else {
		zsock_set_reconnect_ivl(socket, RECONNECT_MS);
		zsock_set_reconnect_ivl_max(socket, RECONNECT_LONGEST_MS);
	}
}

/* The port that was bound to, and for every interface the host's name, as agents elsewhere need it. */
static int take_bound_address(struct link *link, const struct address *address)
{
	char bound[ADDRESS_TEXT_SIZE], text[ADDRESS_TEXT_SIZE];
	struct address shown = *address;
	size_t size = sizeof(bound);
	const char *colon;

	if (zmq_getsockopt(link->handle, ZMQ_LAST_ENDPOINT, bound, &size) < 0)
		return last_error();
	colon = strrchr(bound, ':');
	shown.port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
	if (strcmp(shown.host, "*") == 0)
		gethostname(shown.host, sizeof(shown.host) - 1);
	link->address = strdup(address_format(&shown, text));
	return link->address ? 0 : -ENOMEM;
}

static int start_listening(struct link *link, const struct address *address, struct failure *failure)
{
	char endpoint[ADDRESS_TEXT_SIZE];
	int r = 0;

	address_format(address, endpoint);
	if (address->port == 0)
		memcpy(strrchr(endpoint, ':'), ":*", sizeof(":*"));
	if (zmq_bind(link->handle, endpoint) < 0)
		r = last_error();
	if (r == -EADDRINUSE)
		return failure_set(failure, r, "%s: the address is taken by another process", endpoint);
	if (r < 0)
		return failure_set(failure, r, "%s: can't listen: %s", endpoint, zmq_strerror(errno));
	r = take_bound_address(link, address);
	return r < 0 ? failure_set(failure, r, "%s: %s", endpoint, strerror(-r)) : 0;
}

static int start_connecting(struct link *link, const struct link_config *config, const struct address *address,
                            struct failure *failure)
{
	char endpoint[ADDRESS_TEXT_SIZE];

	address_format(address, endpoint);
	link->address = strdup(endpoint);
	if (!link->address)
		return failure_set(failure, -ENOMEM, "no memory for a socket");
	if (zmq_setsockopt(link->handle, ZMQ_ROUTING_ID, config->incarnation.bytes, INCARNATION_SIZE) < 0 ||
	    zmq_connect(link->handle, endpoint) < 0)
		return failure_set(failure, last_error(), "%s: can't connect: %s", endpoint, zmq_strerror(errno));
	return 0;
}

static int open_socket(struct link *link, const struct link_config *config, const struct address *address,
                       struct failure *failure)
{
	size_t size = sizeof(link->fd);

	zsys_handler_set(NULL); /* signals are the program's */
	link->socket = zsock_new(config->listen ? ZMQ_ROUTER : ZMQ_DEALER);
	if (!link->socket)
		return failure_set(failure, last_error(), "no socket: %s", zmq_strerror(errno));
	link->handle = zsock_resolve(link->socket);
	set_options(link->socket, config, address);
	if (zmq_getsockopt(link->handle, ZMQ_FD, &link->fd, &size) < 0)
		return failure_set(failure, last_error(), "no socket: %s", zmq_strerror(errno));
	return config->listen ? start_listening(link, address, failure)
	                      : start_connecting(link, config, address, failure);
}

int link_open(const struct link_config *config, struct failure *failure, struct link **ret_link)
{
	struct address address;
	struct link *link;
	int r = address_parse(config->address, config->listen, failure, &address);

	if (r == 0)
		r = address_resolve(&address, config->listen, failure);
	if (r < 0)
		return r;
	if (!address.loopback && !config->insecure)
		return failure_set(
		        failure, -EPERM,
		        "%s is not a loopback address, and keys (CURVE) come with a later version: --insecure on "
		        "both sides sends everything in plain text, without knowing who the other one is",
		        config->address);
	if (config->listen)
		raise_descriptor_limit();
	link = calloc(1, sizeof(*link));
	if (!link)
		return failure_set(failure, -ENOMEM, "no memory for a socket");
	link->listens = config->listen;
	link->self = config->incarnation;
	r = open_socket(link, config, &address, failure);
	if (r < 0) {
		link_close(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

const char *link_address(const struct link *link)
{
	return link->address;
}

/* 0, -EAGAIN, -EHOSTUNREACH or another negative errno. With ROUTER_MANDATORY it is the routing id that is refused, so
 * that a frame is sent whole or not at all. */
static int send_part(struct link *link, const void *data, size_t size, int flags)
{
	while (zmq_send(link->handle, data, size, flags | ZMQ_DONTWAIT) < 0) {
		if (errno != EINTR)
			return last_error();
	}
	return 0;
}

static int send_frame(struct link *link, const struct incarnation *to, const uint8_t *data, size_t size)
{
	int r = link->listens ? send_part(link, to->bytes, INCARNATION_SIZE, ZMQ_SNDMORE) : 0;

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

/* A frame as it came, with who sent it. */
struct incoming {
	struct incarnation from;
	zmq_msg_t frame;
};

static int receive_part(struct link *link, zmq_msg_t *part)
{
	while (zmq_msg_recv(part, link->handle, ZMQ_DONTWAIT) < 0) {
		if (errno != EINTR)
			return last_error();
	}
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

static _Bool is_readable(struct link *link)
{
	int events = 0;
	size_t size = sizeof(events);

	return zmq_getsockopt(link->handle, ZMQ_EVENTS, &events, &size) < 0 || (events & ZMQ_POLLIN);
}

static int remaining_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_now_ns(), left_ms;

	if (deadline_ns == CLOCK_NEVER)
		return -1;
	left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
	return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* One poll: 1 if there is something for the caller. */
static int poll_once(struct link *link, struct pollfd *fds, uint32_t count, int timeout_ms)
{
	struct pollfd *own = &link->polled[count];
	_Bool readable;
	int r;

	link_flush(link);
	readable = is_readable(link);
	if (readable)
		timeout_ms = 0;
	else if (link->peers.queued_bytes > 0 && (timeout_ms < 0 || timeout_ms > RETRY_MS))
		timeout_ms = RETRY_MS;
	if (count > 0)
		memcpy(link->polled, fds, count * sizeof(*fds));
	*own = (struct pollfd){.fd = link->fd, .events = POLLIN};
	r = poll(link->polled, count + 1, timeout_ms);
	if (r < 0)
		return errno == EINTR ? 1 : -errno;
	for (uint32_t i = 0; i < count; i++)
		fds[i].revents = link->polled[i].revents;
	return readable || r > (own->revents != 0);
}

int link_wait(struct link *link, struct pollfd *fds, uint32_t count, int timeout_ms)
{
	uint64_t deadline_ns = timeout_ms < 0 ? CLOCK_NEVER : clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	int left_ms = timeout_ms,
	    r = array_reserve(&link->polled, &link->polled_capacity, count + 1u, sizeof(*link->polled));

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count; i++)
		fds[i].revents = 0;
	do {
		r = poll_once(link, fds, count, left_ms);
		left_ms = remaining_ms(deadline_ns);
	} while (r == 0 && left_ms != 0);
	return r < 0 ? r : 0;
}

void link_forget(struct link *link, const struct incarnation *incarnation)
{
	peers_remove(&link->peers, incarnation);
}

struct link_counters link_counters(const struct link *link)
{
	return link->counters;
}

/* Gives the peers' queues until the deadline to move into ZeroMQ's. */
static void drain(struct link *link, uint64_t deadline_ns)
{
	struct pollfd own = {.fd = link->fd, .events = POLLIN};

	link_flush(link);
	while (link->peers.queued_bytes > 0 && remaining_ms(deadline_ns) > 0) {
		is_readable(link); /* rearms the descriptor */
		poll(&own, 1, RETRY_MS);
		link_flush(link);
	}
}

struct link *link_close(struct link *link)
{
	uint64_t deadline_ns = clock_now_ns() + CLOSE_MS * NS_PER_MS;

	if (!link)
		return NULL;
	if (link->handle)
		drain(link, deadline_ns);
	if (link->socket)
		zsock_set_linger(link->socket, remaining_ms(deadline_ns));
	zsock_destroy(&link->socket);
	peers_deinit(&link->peers);
	buffer_deinit(&link->encoded);
	free(link->polled);
	free(link->address);
	free(link);
	return NULL;
}
