/* SPDX-License-Identifier: Apache-2.0 */
/* Requests into easy handles, and what came of them out of these. */
#include "agent/drivers/http/curl_channel.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/array.h"
#include "common/base/clock.h"

/* From this size on libcurl sends a body apart from the headers (its MAX_INITIAL_POST_SIZE). */
enum { BODY_APART_BYTES = 64 * 1024 };

/* Answers. */

static size_t take_header(char *line, size_t one, size_t size, void *context)
{
	struct channel *channel = context;
	const struct transport_events *events = channel->config->events;
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
	channel->config->events->body(channel->user, data, size);
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

int channel_prepare(struct channel *channel, const struct request *request)
{
	uint64_t timeout_ms = (request->timeout_ns + NS_PER_MS - 1) / NS_PER_MS;

	set_method(channel, request);
	set_body(channel, request);
	if (set_headers(channel, request) < 0 ||
	    curl_easy_setopt(channel->easy, CURLOPT_REQUEST_TARGET, request->target) != CURLE_OK)
		return -ENOMEM;
	curl_easy_setopt(channel->easy, CURLOPT_TIMEOUT_MS, (long)(timeout_ms < INT32_MAX ? timeout_ms : INT32_MAX));
	return 0;
}

/* Opening and closing. */

struct channel *channel_close(struct channel *channel)
{
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

static void set_once(struct channel *channel)
{
	CURL *easy = channel->easy;

	curl_easy_setopt(easy, CURLOPT_SHARE, channel->share);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, channel);
	curl_easy_setopt(easy, CURLOPT_URL, channel->config->origin);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "stampede");
	/* A worker's threads share the process with others: no signals. Nor anything from the user's environment. */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	/* libcurl keeps the host's certificates from one connection to the next only if no folder of them is given, as
	 * Debian does beside the file; it would read them for each. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	/* A name is resolved once a run. */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, stamp_sending);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, channel);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, channel);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, channel);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, channel->config->close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, channel->config->close_context);
}

int channel_open(const struct channel_config *config, struct channel **ret_channel)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return -ENOMEM;
	channel->config = config;
	channel->easy = curl_easy_init();
	channel->share = curl_share_init();
	if (!channel->easy || !channel->share ||
	    curl_share_setopt(channel->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK) {
		channel_close(channel);
		return -ENOMEM;
	}
	set_once(channel);
	*ret_channel = channel;
	return 0;
}

/* Ends of exchanges. */

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

void channel_conclude(const struct channel *channel, CURLcode code, struct exchange *ret_exchange)
{
	CURL *easy = channel->easy;

	*ret_exchange = (struct exchange){
	        .completed_ns = clock_now_ns(),
	        .status = (int)count_of(easy, CURLINFO_RESPONSE_CODE),
	        .sent_bytes = sent_bytes(easy),
	        .received_bytes = count_of(easy, CURLINFO_HEADER_SIZE) + bytes_of(easy, CURLINFO_SIZE_DOWNLOAD_T),
	};
	if (code == CURLE_OK)
		measure(channel, ret_exchange);
	else
		describe(code, ret_exchange);
}
