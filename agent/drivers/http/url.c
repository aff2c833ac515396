/* SPDX-License-Identifier: Apache-2.0 */
/* Base URLs and percent-encoding. */
#include "agent/drivers/http/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/cleanup.h"

#define cleanup_url cleanup(url_deinit)

void url_deinit(struct url *url)
{
	free(url->origin);
	free(url->host);
	free(url->port);
	free(url->path);
	*url = (struct url){0};
}

static int bad(struct failure *failure, const char *text, const char *why)
{
	return failure_set(failure, -EINVAL, "baseUrl \"%s\": %s", text, why);
}

/* Where the host ends and what stands behind it; the brackets of an IPv6 address are left out of the host. */
static int split_host(const char *authority, const char *end, const char **ret_host, size_t *ret_size,
                      const char **ret_rest)
{
	const char *close = *authority == '[' ? memchr(authority, ']', (size_t)(end - authority)) : NULL;
	const char *colon;

	if (*authority == '[') {
		if (!close)
			return -EINVAL;
		*ret_host = authority + 1;
		*ret_size = (size_t)(close - authority - 1);
		*ret_rest = close + 1;
		return 0;
	}
	colon = memchr(authority, ':', (size_t)(end - authority));
	*ret_host = authority;
	*ret_rest = colon ? colon : end;
	*ret_size = (size_t)(*ret_rest - authority);
	return 0;
}

static _Bool is_port(const char *text, size_t size)
{
	unsigned long port = 0;

	if (size == 0 || size > 5)
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		port = port * 10 + (unsigned long)(text[i] - '0');
	}
	return port > 0 && port < 65536;
}

static struct url take(struct url *url)
{
	struct url taken = *url;

	*url = (struct url){0};
	return taken;
}

int url_parse(const char *text, struct failure *failure, struct url *ret_url)
{
	cleanup_url struct url url = {.secure = strncasecmp(text, "https://", 8) == 0};
	const char *authority = text + (url.secure ? 8 : 7);
	const char *end, *host, *rest;
	size_t host_size, path_size;

	if (!url.secure && strncasecmp(text, "http://", 7) != 0)
		return bad(failure, text, "does not start with http:// or https://");
	end = authority + strcspn(authority, "/?#");
	if (memchr(authority, '@', (size_t)(end - authority)))
		return bad(failure, text, "cannot hold a user; send an Authorization header");
	if (strpbrk(end, "?#"))
		return bad(failure, text, "cannot hold a query or a fragment");
	if (split_host(authority, end, &host, &host_size, &rest) < 0 || host_size == 0)
		return bad(failure, text, "has no host");
	if (rest != end && (*rest != ':' || !is_port(rest + 1, (size_t)(end - rest - 1))))
		return bad(failure, text, "has a port that is not a number from 1 to 65535");
	path_size = strlen(end);
	while (path_size > 0 && end[path_size - 1] == '/')
		path_size--;
	url.origin = strndup(text, (size_t)(end - text));
	url.host = strndup(host, host_size);
	url.port = rest == end ? strdup(url.secure ? "443" : "80") : strndup(rest + 1, (size_t)(end - rest - 1));
	url.path = strndup(end, path_size);
	if (!url.origin || !url.host || !url.port || !url.path)
		return failure_set(failure, -ENOMEM, "no memory");
	*ret_url = take(&url);
	return 0;
}

static _Bool is_allowed(uint8_t byte)
{
	return byte > ' ' && byte < 0x7f && !strchr("\"<>\\^`{|}#", byte);
}

int url_append_encoded(struct buffer *buffer, const void *text, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *bytes = text;
	size_t start = 0;

	for (size_t i = 0; i < size; i++) {
		if (is_allowed(bytes[i]))
			continue;
		buffer_append(buffer, bytes + start, i - start);
		buffer_append(buffer, (const char[]){'%', digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 3);
		start = i + 1;
	}
	return buffer_append(buffer, bytes + start, size - start);
}
