/* SPDX-License-Identifier: Apache-2.0 */
/* What carries requests: HTTP/1.1 connections and the times of each exchange, behind a table so that another transport
 * can stand beside libcurl's. A transport belongs to one worker and its loop. It knows bytes and times; what an answer
 * means, it does not. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/http/request.h"
#include "agent/drivers/http/url.h"
#include "common/base/loop.h"
#include "common/stats/error_class.h"

struct transport;
struct channel;

/* How an exchange ended. Texts are constant. */
struct exchange {
	uint64_t completed_ns;
	enum error_class error; /* ERROR_NONE: the answer is whole */
	const char *error_code;
	const char *error_text;
	int status;             /* the answer's, 0: none came */
	_Bool connected;        /* a new connection was made for it */
	_Bool secured;          /* with a TLS handshake */
	uint64_t connecting_ns; /* of the new connection, without name resolution */
	uint64_t handshaking_ns;
	uint64_t waiting_ns;  /* from the request's first byte to the answer's */
	uint64_t duration_ns; /* from the request's first byte to the answer's last: no connecting */
	uint64_t sent_bytes;  /* with headers */
	uint64_t received_bytes;
};

/* What a transport tells its owner, on the loop's thread, never from within send(). `user` is what send() was given. */
struct transport_events {
	/* An answer begins: forget what came before (an interim answer). */
	void (*begin)(void *user);
	/* A header of the answer; neither text ends with NUL. */
	void (*header)(void *user, const char *name, size_t name_size, const char *value, size_t value_size);
	void (*body)(void *user, const void *data, size_t size);
	/* The exchange is over and the channel free again: send() may be called from here. */
	void (*done)(void *user, const struct exchange *exchange);
};

struct transport_config {
	struct loop *loop;
	const struct url *url;
	const char *addresses; /* of the URL's host, numeric, parted by commas; NULL: resolve when connecting */
	const struct transport_events *events;
};

struct transport_ops {
	const char *name;
	const char *(*version)(void);
	int (*open)(const struct transport_config *config, struct failure *failure, struct transport **ret_transport);
	/* Accepts NULL. Every channel must be closed. */
	struct transport *(*close)(struct transport *transport);
	/* One user's own connection, which lives on between exchanges. */
	int (*channel_open)(struct transport *transport, struct channel **ret_channel);
	/* Nothing may be under way in it. Accepts NULL. */
	struct channel *(*channel_close)(struct transport *transport, struct channel *channel);
	/* Starts an exchange; one at a time a channel. The request must hold until done(), and its header lines may be
	 * rewritten in place. 0 or a negative errno, then no done() follows. */
	int (*send)(struct transport *transport, struct channel *channel, const struct request *request, void *user);
	/* Gives up what is under way in the channel, if anything, and its connection; done() is not called. */
	void (*cancel)(struct transport *transport, struct channel *channel);
};

extern const struct transport_ops transport_curl;
