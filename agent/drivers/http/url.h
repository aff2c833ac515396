/* SPDX-License-Identifier: Apache-2.0 */
/* A target's base URL taken apart, and the bytes that may stand in a request's target. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/failure.h"

struct url {
	char *origin; /* "http://host:port" as written, "[...]" around an IPv6 address */
	char *host;   /* without brackets */
	char *port;   /* "80" and "443" where none is written */
	char *path;   /* "" or "/v1", without a trailing '/' */
	_Bool secure; /* https */
};

/* Takes http://host[:port][/path] or https. 0, -ENOMEM or -EINVAL with the reason. */
int url_parse(const char *text, struct failure *failure, struct url *ret_url);
void url_deinit(struct url *url);

/* Appends text with every byte that a request's target cannot hold (RFC 3986: controls, space, non-ASCII and
 * "<>\^`{|}#) as %XX. What is encoded already stays as it is. */
int url_append_encoded(struct buffer *buffer, const void *text, size_t size);
