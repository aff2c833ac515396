/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 by libcurl's multi socket interface, in the worker's loop.
 *
 * The idea: one multi handle a transport, one easy handle a channel, set up once and used again for every exchange.
 * libcurl's pool of connections belongs to the multi handle, so that users would take each other's connections and the
 * pool's limit would close those of users who think; therefore each channel has a share object of its own that holds
 * its one connection.
 *
 * A channel is idle, or busy from send() until its easy handle is done; then it leaves the multi handle before its
 * owner hears of it. libcurl is driven from three places: send() (which writes the request at once), a ready
 * descriptor, and the one timer. Done exchanges are fetched after each of the latter two, and at the next turn of the
 * loop after send(), which must not call back.
 *
 * libcurl asks for a descriptor when an exchange starts and gives it up at its end, two system calls an exchange. So a
 * descriptor it gives up stays in the loop, unarmed, until it stirs or is closed (which is why closing goes through
 * here): an exchange on a living connection needs none. */
#include "agent/drivers/http/transport.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "agent/drivers/http/curl_channel.h"
#include "agent/drivers/http/curl_trust.h"
#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* libcurl applies the multi handle's limit to each channel's pool as well, and its default follows the handles that are
 * under way. */
enum { POOL_CONNECTIONS = 1000000 };

/* What libcurl and the loop know of a descriptor: epoll's bits. */
struct socket_watch {
	uint32_t armed;   /* what libcurl waits for; 0: nothing */
	uint32_t watched; /* what the loop waits for; 0: not in the loop */
};

struct transport {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer timer; /* libcurl's one timer */
	struct loop_timer fetch; /* exchanges are done that nobody has been told of */
	const struct transport_events *events;
	struct channel_config channel_config;
	struct curl_slist *addresses; /* for libcurl's cache of names, or NULL */
	_Bool addresses_known;        /* the first exchange has put them there */
	struct socket_watch *sockets; /* by descriptor */
	size_t socket_capacity;
	int busy; /* channels under way */
};

static const char *version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

/* Ends of exchanges. */

static void finish(struct transport *transport, struct channel *channel, CURLcode code)
{
	struct exchange exchange;

	channel_conclude(channel, code, &exchange);
	curl_multi_remove_handle(transport->multi, channel->easy);
	channel->busy = 0;
	transport->busy--;
	transport->events->done(channel->user, &exchange);
}

/* Tells of at most as many ends as there were channels under way: a user who starts again at once, on a target that
 * refuses at once, must not keep the loop here. */
static void fetch_done(struct transport *transport)
{
	CURLMsg *message;
	int left = 0;

	for (int room = transport->busy; room > 0; room--) {
		struct channel *channel = NULL;

		message = curl_multi_info_read(transport->multi, &left);
		if (!message)
			return;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&channel);
		finish(transport, channel, message->data.result);
	}
	if (left > 0)
		loop_timer_start(transport->loop, &transport->fetch, clock_now_ns());
}

static void fetch_due(struct loop_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	fetch_done(timer->context);
}

/* Descriptors and the timer. */

static struct socket_watch *socket_of(struct transport *transport, int fd)
{
	size_t size = sizeof(*transport->sockets);
	size_t before = transport->socket_capacity;

	if (array_reserve(&transport->sockets, &transport->socket_capacity, (size_t)fd, size) < 0)
		return NULL;
	if (transport->socket_capacity > before)
		memset(transport->sockets + before, 0, (transport->socket_capacity - before) * size);
	return &transport->sockets[fd];
}

static void forget(struct transport *transport, int fd)
{
	loop_unwatch(transport->loop, fd);
	if ((size_t)fd < transport->socket_capacity)
		transport->sockets[fd] = (struct socket_watch){0};
}

static void socket_ready(void *context, int fd, uint32_t events)
{
	struct transport *transport = context;
	uint32_t armed = transport->sockets[fd].armed;
	int running;

	if (!armed) {
		/* The server closed an idle connection, or wrote what nobody asked for: libcurl sees it when it takes
		 * the connection again. */
		forget(transport, fd);
		return;
	}
	/* What is wrong with a descriptor comes out by reading from it or writing to it. */
	if (events & (EPOLLERR | EPOLLHUP))
		events |= armed;
	curl_multi_socket_action(transport->multi, fd,
	                         (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
	                         &running);
	fetch_done(transport);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *per_socket)
{
	struct transport *transport = context;
	struct socket_watch *watch = socket_of(transport, fd);
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	(void)easy;
	(void)per_socket;
	if (!watch)
		return -1;
	watch->armed = what == CURL_POLL_REMOVE ? 0 : events;
	if (watch->armed == 0 || watch->watched == events)
		return 0;
	if (loop_watch(transport->loop, fd, events, socket_ready, transport) < 0)
		return -1;
	watch->watched = events;
	return 0;
}

static int socket_close(void *context, curl_socket_t fd)
{
	forget(context, fd);
	return close(fd);
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
	struct transport *transport = context;
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	(void)multi;
	if (timeout_ms < 0) {
		loop_timer_stop(transport->loop, &transport->timer);
		return 0;
	}
	return loop_timer_start(transport->loop, &transport->timer, deadline_ns) < 0 ? -1 : 0;
}

static void timer_due(struct loop_timer *timer, uint64_t now_ns)
{
	struct transport *transport = timer->context;
	int running;

	(void)now_ns;
	curl_multi_socket_action(transport->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	fetch_done(transport);
}

/* Channels. */

static int open_channel(struct transport *transport, struct channel **ret_channel)
{
	return channel_open(&transport->channel_config, ret_channel);
}

static struct channel *close_channel(struct transport *transport, struct channel *channel)
{
	(void)transport;
	return channel_close(channel);
}

static int start_exchange(struct transport *transport, struct channel *channel, const struct request *request,
                          void *user)
{
	int running = 0;
	int r;

	assert(!channel->busy);
	r = channel_prepare(channel, request);
	if (r < 0)
		return r;
	if (transport->addresses && !transport->addresses_known) {
		curl_easy_setopt(channel->easy, CURLOPT_RESOLVE, transport->addresses);
		transport->addresses_known = 1;
	}
	channel->user = user;
	if (curl_multi_add_handle(transport->multi, channel->easy) != CURLM_OK)
		return -ENOMEM;
	channel->busy = 1;
	transport->busy++;
	/* Writes the request now. libcurl also serves here what is overdue, but nobody is told of it yet. */
	curl_multi_socket_action(transport->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	if (running < transport->busy && !transport->fetch.slot)
		loop_timer_start(transport->loop, &transport->fetch, clock_now_ns());
	return 0;
}

static void cancel(struct transport *transport, struct channel *channel)
{
	if (!channel->busy)
		return;
	curl_multi_remove_handle(transport->multi, channel->easy);
	channel->busy = 0;
	transport->busy--;
}

/* Opening and closing. */

static struct transport *transport_close(struct transport *transport)
{
	if (!transport)
		return NULL;
	assert(transport->busy == 0);
	if (transport->multi)
		curl_multi_cleanup(transport->multi);
	loop_timer_stop(transport->loop, &transport->timer);
	loop_timer_stop(transport->loop, &transport->fetch);
	curl_slist_free_all(transport->addresses);
	free(transport->sockets);
	free(transport);
	curl_global_cleanup();
	return NULL;
}

static int know_addresses(struct transport *transport, const struct url *url, const char *addresses)
{
	cleanup(cleanup_free) char *line = NULL;

	if (!addresses)
		return 0;
	if (asprintf(&line, "%s:%s:%s", url->host, url->port, addresses) < 0)
		return -ENOMEM;
	transport->addresses = curl_slist_append(NULL, line);
	return transport->addresses ? 0 : -ENOMEM;
}

static int transport_open(const struct transport_config *config, struct failure *failure,
                          struct transport **ret_transport)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	if (!transport)
		return failure_set(failure, -ENOMEM, "no memory");
	*transport = (struct transport){
	        .loop = config->loop,
	        .events = config->events,
	        .channel_config = {.events = config->events,
	                           .origin = config->url->origin,
	                           .close_socket = socket_close,
	                           .close_context = transport},
	        .timer = {.fire = timer_due, .context = transport},
	        .fetch = {.fire = fetch_due, .context = transport},
	};
	curl_global_init(CURL_GLOBAL_DEFAULT);
	transport->multi = curl_multi_init();
	if (!transport->multi || know_addresses(transport, config->url, config->addresses) < 0) {
		transport_close(transport);
		return failure_set(failure, -ENOMEM, "no memory");
	}
	if (config->url->secure)
		curl_trust_load(transport->multi);
	curl_multi_setopt(transport->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(transport->multi, CURLMOPT_SOCKETDATA, transport);
	curl_multi_setopt(transport->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(transport->multi, CURLMOPT_TIMERDATA, transport);
	curl_multi_setopt(transport->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, (long)POOL_CONNECTIONS);
	*ret_transport = transport;
	return 0;
}

const struct transport_ops transport_curl = {
        .name = "libcurl",
        .version = version,
        .open = transport_open,
        .close = transport_close,
        .channel_open = open_channel,
        .channel_close = close_channel,
        .send = start_exchange,
        .cancel = cancel,
};
