/* SPDX-License-Identifier: Apache-2.0 */
/* A link: one ZeroMQ socket that carries whole messages.
 *
 * Receiving: ZeroMQ holds at most RECEIVE_QUEUE messages a peer, so a peer that floods fills its own TCP window and not
 * our memory; of messages without an end inflow.h takes care. Parts are put together here. Sending: what ZeroMQ doesn't
 * take for a peer (EAGAIN) waits in that peer's queue; while it does, everything for that peer goes through the queue,
 * so that order holds. An agent without a connection gives ZeroMQ nothing: what waits then can be dropped here, and is
 * not delivered in a heap when the coordinator is back. (ZMQ_IMMEDIATE would do that too, but loses what came just
 * before a connection ends: the last acknowledgement.) ZeroMQ's descriptor is edge-triggered: link_wait() looks at
 * ZMQ_EVENTS before each poll, and looks again after RETRY_MS while something is queued, as ZeroMQ doesn't say which
 * peer of a ROUTER has become writable. */
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
#include "common/link/address.h"
#include "common/link/link_internal.h"

enum {
	RECEIVE_QUEUE = 8,   /* frames a peer that ZeroMQ keeps for us */
	SEND_QUEUE = 16,     /* and of ours for it: a megabyte at most */
	ACCEPT_QUEUE = 4096, /* agents that connect at the same moment */
	RECONNECT_MS = 100,  /* the first pause, doubled up to the longest */
	RECONNECT_LONGEST_MS = 1000,
	CONNECT_MS = 2000,            /* for TCP's handshake: after a partition the kernel would try ever less often */
	UNHEARD_MS = 5000,            /* of what an agent sends, before its connection counts as dead: likewise */
	HEARTBEAT_MS = 5000,          /* ZMTP's own: finds TCP connections whose other end is gone */
	HEARTBEAT_TIMEOUT_MS = 30000, /* longer than lostAfter: a stopped agent keeps its connection */
	CLOSE_MS = 200,
	RETRY_MS = 10,
	OWN_COUNT = 3, /* descriptors that each poll looks at besides the caller's */
};

int link_last_error(void)
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
		zsock_set_connect_timeout(socket, CONNECT_MS);
		zsock_set_tcp_maxrt(socket, UNHEARD_MS);
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
		return link_last_error();
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
		r = link_last_error();
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
		return failure_set(failure, link_last_error(), "%s: can't connect: %s", endpoint, zmq_strerror(errno));
	return 0;
}

static int open_socket(struct link *link, const struct link_config *config, const struct address *address,
                       struct failure *failure)
{
	size_t size = sizeof(link->fd);
	int r;

	zsys_handler_set(NULL); /* signals are the program's */
	link->socket = zsock_new(config->listen ? ZMQ_ROUTER : ZMQ_DEALER);
	if (!link->socket)
		return failure_set(failure, link_last_error(), "no socket: %s", zmq_strerror(errno));
	link->handle = zsock_resolve(link->socket);
	set_options(link->socket, config, address);
	r = guard_open(&link->guard, link->handle, config, failure);
	if (r < 0)
		return r;
	if (zmq_getsockopt(link->handle, ZMQ_FD, &link->fd, &size) < 0)
		return failure_set(failure, link_last_error(), "no socket: %s", zmq_strerror(errno));
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
	if (!address.loopback && !config->keys && !config->insecure)
		return failure_set(failure, -EPERM,
		                   "%s is not a loopback address, so the link needs keys (%s; \"stampede keys\" makes "
		                   "them): --insecure on both sides sends everything in plain text instead, without "
		                   "knowing who the other one is",
		                   config->address, config->listen ? "--keys DIR" : "--key FILE --server-key FILE");
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

/* An agent that was turned away: ZeroMQ has given up by itself. */
static void connect_again(struct link *link)
{
	if (clock_now_ns() < link->guard.connect_ns)
		return;
	link->guard.connect_ns = CLOCK_NEVER;
	zmq_disconnect(link->handle, link->address);
	zmq_connect(link->handle, link->address);
}

/* The earlier of both, in ms; -1 is never. */
static int sooner_ms(int timeout_ms, int other_ms)
{
	return timeout_ms < 0 || (other_ms >= 0 && other_ms < timeout_ms) ? other_ms : timeout_ms;
}

/* One poll: 1 if there is something for the caller. */
static int poll_once(struct link *link, struct pollfd *fds, uint32_t count, int timeout_ms)
{
	struct pollfd *own = &link->polled[count];
	_Bool readable;
	int r;

	link_flush(link);
	connect_again(link);
	readable = is_readable(link) || link->guard.notice[0];
	if (readable)
		timeout_ms = 0;
	else
		timeout_ms = sooner_ms(timeout_ms,
		                       link->peers.queued_bytes > 0 ? RETRY_MS : remaining_ms(link->guard.connect_ns));
	if (link->guard.inflow.count > 0)
		timeout_ms = sooner_ms(timeout_ms, INFLOW_LOOK_MS);
	if (count > 0)
		memcpy(link->polled, fds, count * sizeof(*fds));
	own[0] = (struct pollfd){.fd = link->fd, .events = POLLIN};
	own[1] = (struct pollfd){.fd = guard_fd(link->guard.monitor), .events = POLLIN};
	own[2] = (struct pollfd){.fd = guard_fd(link->guard.asked), .events = POLLIN};
	r = poll(link->polled, count + OWN_COUNT, timeout_ms);
	if (r < 0)
		return errno == EINTR ? 1 : -errno;
	for (uint32_t i = 0; i < count; i++)
		fds[i].revents = link->polled[i].revents;
	return readable || r > (own[0].revents != 0) + (own[1].revents != 0) + (own[2].revents != 0);
}

int link_wait(struct link *link, struct pollfd *fds, uint32_t count, int timeout_ms)
{
	uint64_t deadline_ns = timeout_ms < 0 ? CLOCK_NEVER : clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	int left_ms = timeout_ms,
	    r = array_reserve(&link->polled, &link->polled_capacity, count + OWN_COUNT, sizeof(*link->polled));

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
	struct link_counters counters = link->counters;

	counters.refused += link->guard.refused;
	return counters;
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
	guard_close(&link->guard);
	zsock_destroy(&link->socket);
	peers_deinit(&link->peers);
	buffer_deinit(&link->encoded);
	free(link->polled);
	free(link->address);
	free(link);
	return NULL;
}
