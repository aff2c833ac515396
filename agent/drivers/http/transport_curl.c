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
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* libcurl applies the multi handle's limit to each channel's pool as well, and its default follows the handles that are
 * under way. */
enum { POOL_CONNECTIONS = 1000000 };

/* From this size on libcurl sends a body apart from the headers (its MAX_INITIAL_POST_SIZE). */
enum { BODY_APART_BYTES = 64 * 1024 };

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
	const char *origin;
	struct curl_slist *addresses; /* for libcurl's cache of names, or NULL */
	_Bool addresses_known;        /* the first exchange has put them there */
	struct socket_watch *sockets; /* by descriptor */
	size_t socket_capacity;
	int busy; /* channels under way */
};

struct channel {
	struct transport *transport;
	CURL *easy;
	CURLSH *share;
	void *user;
	_Bool busy;
	const char *method; /* as set in `easy`, with or without a body */
	_Bool with_body;
	uint64_t sending_ns;      /* when the request began to be written */
	uint64_t answered_ns;     /* when the answer began; 0: it hasn't */
	struct curl_slist *lines; /* the headers under way: nodes in one array, ours and not libcurl's */
	size_t line_capacity;
};

static const char *version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

/* Errors. */

struct curl_error {
	CURLcode code;
	enum error_class class;
	const char *name;
};

static const struct curl_error curl_errors[] = {
        {CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT, "OPERATION_TIMEDOUT"},
        {CURLE_COULDNT_CONNECT, ERROR_CONNECTION, "COULDNT_CONNECT"},
        {CURLE_COULDNT_RESOLVE_HOST, ERROR_CONNECTION, "COULDNT_RESOLVE_HOST"},
        {CURLE_GOT_NOTHING, ERROR_CONNECTION, "GOT_NOTHING"},
        {CURLE_SEND_ERROR, ERROR_CONNECTION, "SEND_ERROR"},
        {CURLE_RECV_ERROR, ERROR_CONNECTION, "RECV_ERROR"},
        {CURLE_PARTIAL_FILE, ERROR_CONNECTION, "PARTIAL_FILE"},
        {CURLE_SSL_CONNECT_ERROR, ERROR_CONNECTION, "SSL_CONNECT_ERROR"},
        {CURLE_PEER_FAILED_VERIFICATION, ERROR_CONNECTION, "PEER_FAILED_VERIFICATION"},
        {CURLE_SSL_CACERT_BADFILE, ERROR_CONNECTION, "SSL_CACERT_BADFILE"},
        {CURLE_WEIRD_SERVER_REPLY, ERROR_SERVER, "WEIRD_SERVER_REPLY"},
        {CURLE_UNSUPPORTED_PROTOCOL, ERROR_SERVER, "UNSUPPORTED_PROTOCOL"}, /* HTTP/0.9 */
        {CURLE_HTTP2, ERROR_SERVER, "HTTP2"},
        {CURLE_BAD_CONTENT_ENCODING, ERROR_SERVER, "BAD_CONTENT_ENCODING"},
        {CURLE_OUT_OF_MEMORY, ERROR_CLIENT, "OUT_OF_MEMORY"},
};

static void describe(CURLcode code, struct exchange *exchange)
{
	exchange->error = ERROR_CONNECTION;
	exchange->error_code = "CURL";
	exchange->error_text = curl_easy_strerror(code);
	for (size_t i = 0; i < sizeof(curl_errors) / sizeof(*curl_errors); i++) {
		if (curl_errors[i].code != code)
			continue;
		exchange->error = curl_errors[i].class;
		exchange->error_code = curl_errors[i].name;
	}
}

/* Ends of exchanges. */

static uint64_t time_of(CURL *easy, CURLINFO info)
{
	curl_off_t time_us = 0;

	curl_easy_getinfo(easy, info, &time_us);
	return time_us > 0 ? (uint64_t)time_us * NS_PER_US : 0;
}

static uint64_t bytes_of(CURL *easy, CURLINFO info)
{
	curl_off_t bytes = 0;

	curl_easy_getinfo(easy, info, &bytes);
	return bytes > 0 ? (uint64_t)bytes : 0;
}

static uint64_t count_of(CURL *easy, CURLINFO info)
{
	long count = 0;

	curl_easy_getinfo(easy, info, &count);
	return count > 0 ? (uint64_t)count : 0;
}

static uint64_t since(uint64_t end_ns, uint64_t start_ns)
{
	return end_ns > start_ns ? end_ns - start_ns : 0;
}

/* libcurl stamps its PRETRANSFER_TIME when the request has been written, which on a fast network may be when the answer
 * is there already; so those two times are our own. Its times of connecting count from the exchange's start. */
static void measure(const struct channel *channel, struct exchange *exchange)
{
	exchange->waiting_ns = since(channel->answered_ns, channel->sending_ns);
	exchange->duration_ns = since(exchange->completed_ns, channel->sending_ns);
	exchange->connected = count_of(channel->easy, CURLINFO_NUM_CONNECTS) > 0;
	if (exchange->connected) {
		uint64_t connected_ns = time_of(channel->easy, CURLINFO_CONNECT_TIME_T);
		uint64_t secured_ns = time_of(channel->easy, CURLINFO_APPCONNECT_TIME_T);

		exchange->connecting_ns = since(connected_ns, time_of(channel->easy, CURLINFO_NAMELOOKUP_TIME_T));
		exchange->secured = secured_ns > 0;
		exchange->handshaking_ns = since(secured_ns, connected_ns);
	}
}

/* A body that libcurl sends together with the headers is in the request's size already. */
static uint64_t sent_bytes(CURL *easy)
{
	uint64_t body = bytes_of(easy, CURLINFO_SIZE_UPLOAD_T);

	return count_of(easy, CURLINFO_REQUEST_SIZE) + (body < BODY_APART_BYTES ? 0 : body);
}

static void finish(struct transport *transport, struct channel *channel, CURLcode code)
{
	struct exchange exchange = {.completed_ns = clock_now_ns()};

	exchange.status = (int)count_of(channel->easy, CURLINFO_RESPONSE_CODE);
	exchange.sent_bytes = sent_bytes(channel->easy);
	exchange.received_bytes =
	        count_of(channel->easy, CURLINFO_HEADER_SIZE) + bytes_of(channel->easy, CURLINFO_SIZE_DOWNLOAD_T);
	if (code == CURLE_OK)
		measure(channel, &exchange);
	else
		describe(code, &exchange);
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

/* Answers. */

static size_t take_header(char *line, size_t one, size_t size, void *context)
{
	struct channel *channel = context;
	const struct transport_events *events = channel->transport->events;
	const char *colon = memchr(line, ':', size);
	const char *end = line + size;
	const char *value;

	(void)one;
	if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		if (!channel->answered_ns)
			channel->answered_ns = clock_now_ns();
		events->begin(channel->user);
		return size;
	}
	if (!colon)
		return size;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	events->header(channel->user, line, (size_t)(colon - line), value, (size_t)(end - value));
	return size;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
	const struct channel *channel = context;

	(void)one;
	channel->transport->events->body(channel->user, data, size);
	return size;
}

/* Requests. */

/* The connection stands and the request comes next: also when libcurl sends it again, on a new connection, because the
 * one that it had kept turned out to be closed. */
static int stamp_sending(void *context, char *our_address, char *address, int our_port, int port)
{
	struct channel *channel = context;

	(void)our_address;
	(void)address;
	(void)our_port;
	(void)port;
	channel->sending_ns = clock_now_ns();
	channel->answered_ns = 0;
	return CURL_PREREQFUNC_OK;
}

static void set_method(struct channel *channel, const struct request *request)
{
	_Bool with_body = request->body != NULL;

	if (channel->method == request->method && channel->with_body == with_body)
		return;
	channel->method = request->method;
	channel->with_body = with_body;
	curl_easy_setopt(channel->easy, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(channel->easy, CURLOPT_HTTPGET, 1L);
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(channel->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (with_body || strcmp(request->method, "POST") == 0)
		curl_easy_setopt(channel->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(channel->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_body(struct channel *channel, const struct request *request)
{
	if (!request->body && strcmp(request->method, "POST") != 0)
		return;
	curl_easy_setopt(channel->easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	curl_easy_setopt(channel->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
}

static _Bool is_header(const char *line, const char *name)
{
	size_t size = strlen(name);

	return strncasecmp(line, name, size) == 0 && line[size] == ':';
}

static void add_line(struct channel *channel, size_t *count, char *line)
{
	channel->lines[*count] = (struct curl_slist){.data = line};
	if (*count > 0)
		channel->lines[*count - 1].next = &channel->lines[*count];
	++*count;
}

/* Two things that libcurl adds to bodies by itself are taken back: a content type (of a form) and waiting for "100
 * Continue". */
static int set_headers(struct channel *channel, const struct request *request)
{
	static char no_content_type[] = "Content-Type:";
	static char no_expect[] = "Expect:";
	_Bool typed = 0;
	size_t count = 0;

	if (array_reserve(&channel->lines, &channel->line_capacity, (size_t)request->header_count + 1,
	                  sizeof(*channel->lines)) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < request->header_count; i++) {
		char *line = request->headers[i];
		char *colon = strchr(line, ':');

		/* libcurl takes "Name:" as "don't send it" and "Name;" as an empty one. */
		if (colon[1] == ' ' && !colon[2])
			memcpy(colon, ";", 2);
		typed |= is_header(line, "Content-Type");
		add_line(channel, &count, line);
	}
	if (!typed)
		add_line(channel, &count, no_content_type);
	if (request->body)
		add_line(channel, &count, no_expect);
	curl_easy_setopt(channel->easy, CURLOPT_HTTPHEADER, count > 0 ? channel->lines : NULL);
	return 0;
}

static int start_exchange(struct transport *transport, struct channel *channel, const struct request *request,
                          void *user)
{
	uint64_t timeout_ms = (request->timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
	int running = 0;

	assert(!channel->busy);
	set_method(channel, request);
	set_body(channel, request);
	if (set_headers(channel, request) < 0 ||
	    curl_easy_setopt(channel->easy, CURLOPT_REQUEST_TARGET, request->target) != CURLE_OK)
		return -ENOMEM;
	curl_easy_setopt(channel->easy, CURLOPT_TIMEOUT_MS, (long)(timeout_ms < INT32_MAX ? timeout_ms : INT32_MAX));
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

static struct channel *channel_close(struct transport *transport, struct channel *channel)
{
	(void)transport;
	if (!channel)
		return NULL;
	assert(!channel->busy);
	/* The easy handle lets go of the share, which then closes its connection. */
	curl_easy_cleanup(channel->easy);
	if (channel->share)
		curl_share_cleanup(channel->share);
	free(channel->lines);
	free(channel);
	return NULL;
}

static void set_once(struct channel *channel, const struct transport *transport)
{
	CURL *easy = channel->easy;

	curl_easy_setopt(easy, CURLOPT_SHARE, channel->share);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, channel);
	curl_easy_setopt(easy, CURLOPT_URL, transport->origin);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "stampede");
	/* A worker's threads share the process with others: no signals. Nor anything from the user's environment. */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	/* A name is resolved once a run. */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, stamp_sending);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, channel);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, channel);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, channel);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, channel->transport);
}

static int channel_open(struct transport *transport, struct channel **ret_channel)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return -ENOMEM;
	channel->transport = transport;
	channel->easy = curl_easy_init();
	channel->share = curl_share_init();
	if (!channel->easy || !channel->share ||
	    curl_share_setopt(channel->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK) {
		channel_close(transport, channel);
		return -ENOMEM;
	}
	set_once(channel, transport);
	*ret_channel = channel;
	return 0;
}

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
	        .origin = config->url->origin,
	        .timer = {.fire = timer_due, .context = transport},
	        .fetch = {.fire = fetch_due, .context = transport},
	};
	curl_global_init(CURL_GLOBAL_DEFAULT);
	transport->multi = curl_multi_init();
	if (!transport->multi || know_addresses(transport, config->url, config->addresses) < 0) {
		transport_close(transport);
		return failure_set(failure, -ENOMEM, "no memory");
	}
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
        .channel_open = channel_open,
        .channel_close = channel_close,
        .send = start_exchange,
        .cancel = cancel,
};
