/* SPDX-License-Identifier: Apache-2.0 */
/* A channel of the transport by libcurl: one easy handle with its own connection, set up once and used again for every
 * exchange. Only this folder's two files that include libcurl use it. */
#pragma once

#include <curl/curl.h>

#include "agent/drivers/http/transport.h"

/* What a channel has of its transport; must outlive it. */
struct channel_config {
	const struct transport_events *events;
	const char *origin;
	curl_closesocket_callback close_socket;
	void *close_context;
};

struct channel {
	const struct channel_config *config;
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

/* Makes its easy handle and connection pool, and sets what never changes. Keeps the config. 0 or -ENOMEM. */
int channel_open(const struct channel_config *config, struct channel **ret_channel);
/* Accepts NULL and a half-built one. It must not be busy. */
struct channel *channel_close(struct channel *channel);
/* Readies the easy handle for a request. 0 or -ENOMEM. */
int channel_prepare(struct channel *channel, const struct request *request);
/* What came of it. */
void channel_conclude(const struct channel *channel, CURLcode code, struct exchange *ret_exchange);
