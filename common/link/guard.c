/* SPDX-License-Identifier: Apache-2.0 */
/* Keys set, asked for, and what came of it told. */
#include "common/link/guard.h"

#include <czmq.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "common/link/link_internal.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_VERSION "1.0"
#define ZAP_DOMAIN "stampede"

enum {
	ENDPOINT_SIZE = 64,
	KEY_BYTES = 32,
	CUT_OFF_TOLD = 3,    /* one connection may break at any time; several in a row have a reason */
	SAY_AGAIN_S = 60,    /* the same text */
	CONNECT_AGAIN_S = 2, /* ZeroMQ itself gives up on a peer that it can't agree with */
};

static int fail(struct failure *failure, const char *what)
{
	int code = link_last_error();

	return failure_set(failure, code, "%s: %s", what, zmq_strerror(-code));
}

static int set_text(void *handle, int option, const char *text)
{
	return zmq_setsockopt(handle, option, text, strlen(text) + 1);
}

static int set_keys(void *handle, const struct link_config *config, struct failure *failure)
{
	const struct link_keys *keys = config->keys;
	const int server = 1;
	int r;

	if (config->listen)
		r = zmq_setsockopt(handle, ZMQ_CURVE_SERVER, &server, sizeof(server));
	else
		r = set_text(handle, ZMQ_CURVE_SERVERKEY, keys->server_key);
	if (r == 0 && config->listen)
		r = zmq_setsockopt(handle, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN));
	if (r == 0)
		r = set_text(handle, ZMQ_CURVE_PUBLICKEY, keys->own.public_key);
	if (r == 0)
		r = set_text(handle, ZMQ_CURVE_SECRETKEY, keys->own.secret_key);
	return r < 0 ? fail(failure, "the keys can't be used") : 0;
}

/* Without a handler ZeroMQ would let everyone in, so it stands before the listener does. */
static int open_handler(struct guard *guard, struct failure *failure)
{
	guard->asked = zsock_new(ZMQ_REP);
	if (!guard->asked)
		return fail(failure, "no socket");
	zsock_set_linger(guard->asked, 0);
	if (zmq_bind(zsock_resolve(guard->asked), ZAP_ENDPOINT) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return failure_set(failure, -EBUSY, "another listener of this process has keys");
	return fail(failure, "no handler of keys");
}

static int open_monitor(struct guard *guard, struct failure *failure)
{
	const int events = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
	                   ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
	                   (guard->listens ? ZMQ_EVENT_ACCEPTED : 0);
	char endpoint[ENDPOINT_SIZE] = "inproc://stampede-";
	uint8_t random[8];

	random_bytes(random, sizeof(random));
	text_format_hex(random, sizeof(random), endpoint + strlen(endpoint));
	if (zmq_socket_monitor(guard->watched, endpoint, events) < 0)
		return fail(failure, "no monitor");
	guard->monitor = zsock_new(ZMQ_PAIR);
	if (!guard->monitor)
		return fail(failure, "no socket");
	zsock_set_linger(guard->monitor, 0);
	/* ZeroMQ's thread would block on a full queue, and we on that thread when we close. */
	zsock_set_rcvhwm(guard->monitor, 0);
	if (zmq_connect(zsock_resolve(guard->monitor), endpoint) < 0)
		return fail(failure, "no monitor");
	return 0;
}

int guard_open(struct guard *guard, void *handle, const struct link_config *config, struct failure *failure)
{
	int r = 0;

	*guard = (struct guard){
	        .keys = config->keys, .listens = config->listen, .watched = handle, .connect_ns = CLOCK_NEVER};
	if (config->keys && !zmq_has("curve"))
		return failure_set(failure, -ENOTSUP, "this host's ZeroMQ was built without CURVE: keys can't be used");
	if (config->keys)
		r = set_keys(handle, config, failure);
	if (r == 0 && config->keys && config->listen)
		r = open_handler(guard, failure);
	return r == 0 ? open_monitor(guard, failure) : r;
}

void guard_close(struct guard *guard)
{
	if (guard->watched)
		zmq_socket_monitor(guard->watched, NULL, 0);
	/* Closing goes on in the background: the next listener's handler must not find the name taken. */
	if (guard->asked)
		zmq_unbind(zsock_resolve(guard->asked), ZAP_ENDPOINT);
	zsock_destroy(&guard->monitor);
	zsock_destroy(&guard->asked);
	inflow_deinit(&guard->inflow);
	guard->watched = NULL;
}

/* Keeps the text as the notice, unless it was told a short while ago or there are too many others. */
static void notice(struct guard *guard, const char *text)
{
	uint64_t hash = hash_bytes(text, strlen(text)), now_ns = clock_now_ns();
	size_t place = GUARD_SAID;

	for (size_t i = 0; i < GUARD_SAID; i++) {
		_Bool fresh = guard->said[i].until_ns > now_ns;

		if (fresh && guard->said[i].hash == hash)
			return;
		if (!fresh)
			place = i;
	}
	if (place == GUARD_SAID)
		return;
	guard->said[place].hash = hash;
	guard->said[place].until_ns = now_ns + SAY_AGAIN_S * NS_PER_S;
	snprintf(guard->notice, sizeof(guard->notice), "%s", text);
}

static _Bool is_allowed(const struct link_keys *keys, const char *public_key)
{
	for (uint32_t i = 0; i < keys->allowed_count; i++) {
		if (strcmp(keys->allowed[i], public_key) == 0)
			return 1;
	}
	return 0;
}

/* 1: the peer may come in. */
static _Bool judge(struct guard *guard, const char *address, const char *mechanism, zframe_t *credentials)
{
	char public_key[KEY_SIZE] = "", text[GUARD_TEXT_SIZE];

	if (strcmp(mechanism, "CURVE") == 0 && credentials && zframe_size(credentials) == KEY_BYTES)
		zmq_z85_encode(public_key, zframe_data(credentials), KEY_BYTES);
	if (public_key[0] && is_allowed(guard->keys, public_key))
		return 1;
	guard->refused++;
	snprintf(text, sizeof(text), "a peer at %.64s is refused: no agent's key that is listed is %s", address,
	         public_key[0] ? public_key : "the one it gave");
	notice(guard, text);
	return 0;
}

/* version, request, domain, address, identity, mechanism, credentials. */
static void answer_question(struct guard *guard)
{
	zmsg_t *question = zmsg_recv(guard->asked);
	char *version, *request, *domain, *address, *identity, *mechanism;
	zframe_t *credentials;
	_Bool allowed;

	if (!question)
		return;
	version = zmsg_popstr(question);
	request = zmsg_popstr(question);
	domain = zmsg_popstr(question);
	address = zmsg_popstr(question);
	identity = zmsg_popstr(question);
	mechanism = zmsg_popstr(question);
	credentials = zmsg_pop(question);
	allowed = judge(guard, address ? address : "", mechanism ? mechanism : "", credentials);
	zsock_send(guard->asked, "ssssss", ZAP_VERSION, request ? request : "", allowed ? "200" : "400",
	           allowed ? "OK" : "no such key", "", "");
	zframe_destroy(&credentials);
	free(version);
	free(request);
	free(domain);
	free(address);
	free(identity);
	free(mechanism);
	zmsg_destroy(&question);
}

static const char *why_peer_failed(const struct guard *guard, uint32_t detail)
{
	if (detail == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
		return guard->keys ? "a peer is refused: it speaks plain text, without a key"
		                   : "a peer is refused: it uses keys, and this coordinator was given none (--keys)";
	if (detail == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
		return "a peer is refused: it was given another coordinator's key";
	return "a peer is refused: it doesn't speak as agents do";
}

static const char *why_we_failed(const struct guard *guard, int event)
{
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
		return "the coordinator refuses this agent's key: its .pub is not in the folder agents/ of the "
		       "coordinator's keys";
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
		return guard->keys ? "the coordinator doesn't use keys, or isn't one"
		                   : "the coordinator wants keys: --key FILE --server-key FILE";
	return guard->keys ? "the coordinator ends each handshake: --server-key is perhaps not its key, or it uses none"
	                   : "the coordinator ends each handshake: it perhaps wants keys (--key, --server-key)";
}

static void take_listeners_event(struct guard *guard, int event, uint32_t detail)
{
	if (event == ZMQ_EVENT_ACCEPTED)
		inflow_add(&guard->inflow, (int)detail);
	if (event == ZMQ_EVENT_DISCONNECTED)
		inflow_remove(&guard->inflow, (int)detail);
	/* Who was refused by its key is told by judge(), with its address; who left meanwhile was not refused. */
	if (event != ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
		return;
	guard->refused++;
	notice(guard, why_peer_failed(guard, detail));
}

static void take_agents_event(struct guard *guard, int event)
{
	guard->connected = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
	if (event == ZMQ_EVENT_DISCONNECTED)
		return;
	if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
		guard->cut_off = 0;
		guard->connect_ns = CLOCK_NEVER;
		return;
	}
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
		if (++guard->cut_off >= CUT_OFF_TOLD)
			notice(guard, why_we_failed(guard, event));
		return;
	}
	guard->refused++;
	guard->connect_ns = clock_now_ns() + CONNECT_AGAIN_S * NS_PER_S;
	notice(guard, why_we_failed(guard, event));
}

/* The first frame has the event in 16 bits and its detail in 32, the second one the endpoint. */
static void take_event(struct guard *guard)
{
	zmsg_t *message = zmsg_recv(guard->monitor);
	zframe_t *frame = message ? zmsg_first(message) : NULL;
	uint16_t event;
	uint32_t detail;

	if (frame && zframe_size(frame) == sizeof(event) + sizeof(detail)) {
		memcpy(&event, zframe_data(frame), sizeof(event));
		memcpy(&detail, zframe_data(frame) + sizeof(event), sizeof(detail));
		if (guard->listens)
			take_listeners_event(guard, event, detail);
		else
			take_agents_event(guard, event);
	}
	zmsg_destroy(&message);
}

static _Bool has_message(struct _zsock_t *socket)
{
	return socket && (zsock_events(socket) & ZMQ_POLLIN);
}

int guard_fd(struct _zsock_t *socket)
{
	int fd = -1;
	size_t size = sizeof(fd);

	if (socket && zmq_getsockopt(zsock_resolve(socket), ZMQ_FD, &fd, &size) < 0)
		fd = -1;
	return fd;
}

static void look_at_inflow(struct guard *guard)
{
	unsigned int cut = inflow_look(&guard->inflow, clock_now_ns());

	guard->refused += cut;
	if (cut > 0)
		notice(guard, "a peer is cut off: it sends a message without an end");
}

void guard_serve(struct guard *guard)
{
	while (!guard->notice[0] && has_message(guard->asked))
		answer_question(guard);
	while (!guard->notice[0] && has_message(guard->monitor))
		take_event(guard);
	if (!guard->notice[0])
		look_at_inflow(guard);
}
