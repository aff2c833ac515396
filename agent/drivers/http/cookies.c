/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies by RFC 6265. */
#include "agent/drivers/http/cookies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/limits.h"

struct cookie {
	char *text; /* "name=value" */
	size_t name_size;
	char *path;
	uint64_t expires_ns; /* monotonic; CLOCK_NEVER: with the session */
	_Bool secure;
};

/* A run of bytes in a Set-Cookie line. */
struct span {
	const char *data;
	size_t size;
};

struct attributes {
	struct span path;
	struct span domain;
	uint64_t expires_ns;
	_Bool max_age_seen; /* it has precedence over Expires */
	_Bool secure;
};

static void release(struct cookie *cookie)
{
	free(cookie->text);
	free(cookie->path);
}

void cookies_deinit(struct cookies *cookies)
{
	for (size_t i = 0; i < cookies->count; i++)
		release(&cookies->items[i]);
	free(cookies->items);
	*cookies = (struct cookies){0};
}

static struct span trim(struct span span)
{
	while (span.size > 0 && (*span.data == ' ' || *span.data == '\t')) {
		span.data++;
		span.size--;
	}
	while (span.size > 0 && (span.data[span.size - 1] == ' ' || span.data[span.size - 1] == '\t'))
		span.size--;
	return span;
}

/* Cuts off what stands before the next `mark`. */
static struct span cut(struct span *rest, char mark)
{
	const char *found = memchr(rest->data, mark, rest->size);
	struct span first = {rest->data, found ? (size_t)(found - rest->data) : rest->size};
	size_t used = first.size + (found != NULL);

	rest->data += used;
	rest->size -= used;
	return trim(first);
}

static _Bool equals(struct span span, const char *word)
{
	return span.size == strlen(word) && strncasecmp(span.data, word, span.size) == 0;
}

/* Seconds from now, 0 for the past, as a deadline. */
static uint64_t deadline(int64_t seconds, uint64_t now_ns)
{
	if (seconds <= 0)
		return 0;
	if ((uint64_t)seconds > (CLOCK_NEVER - now_ns) / NS_PER_S)
		return CLOCK_NEVER;
	return now_ns + (uint64_t)seconds * NS_PER_S;
}

static uint64_t expires(struct span value, uint64_t now_ns)
{
	static const char *const formats[] = {"%a, %d %b %Y %T GMT", "%a, %d-%b-%Y %T GMT", "%a, %d-%b-%y %T GMT"};
	char text[64];
	struct tm when;

	if (value.size >= sizeof(text))
		return CLOCK_NEVER;
	memcpy(text, value.data, value.size);
	text[value.size] = '\0';
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		when = (struct tm){0};
		if (strptime(text, formats[i], &when))
			return deadline((int64_t)timegm(&when) - clock_wall_ns() / (int64_t)NS_PER_S, now_ns);
	}
	return CLOCK_NEVER;
}

static void read_attribute(struct attributes *attributes, struct span name, struct span value, uint64_t now_ns)
{
	char number[24] = "";

	if (equals(name, "path") && value.size > 0 && *value.data == '/') {
		attributes->path = value;
	} else if (equals(name, "domain") && value.size > 0) {
		attributes->domain = value;
	} else if (equals(name, "secure")) {
		attributes->secure = 1;
	} else if (equals(name, "max-age") && value.size > 0 && value.size < sizeof(number)) {
		memcpy(number, value.data, value.size);
		attributes->expires_ns = deadline(strtoll(number, NULL, 10), now_ns);
		attributes->max_age_seen = 1;
	} else if (equals(name, "expires") && !attributes->max_age_seen) {
		attributes->expires_ns = expires(value, now_ns);
	}
}

static _Bool meant_for(struct span domain, const char *host)
{
	size_t host_size = strlen(host);

	if (domain.size > 0 && *domain.data == '.') {
		domain.data++;
		domain.size--;
	}
	if (domain.size == 0 || equals(domain, host))
		return 1;
	return host_size > domain.size && host[host_size - domain.size - 1] == '.' &&
	       strncasecmp(host + host_size - domain.size, domain.data, domain.size) == 0;
}

/* RFC 6265, 5.1.4: the request's path up to its last '/'. */
static struct span default_path(const char *target)
{
	size_t size = strcspn(target, "?#");

	while (size > 0 && target[size - 1] != '/')
		size--;
	return size > 1 ? (struct span){target, size - 1} : (struct span){"/", 1};
}

static _Bool path_matches(const char *path, const char *target)
{
	size_t size = strlen(path);

	if (strncmp(path, target, size) != 0)
		return 0;
	return path[size - 1] == '/' || strchr("/?#", target[size]) != NULL;
}

static void forget(struct cookies *cookies, size_t at)
{
	release(&cookies->items[at]);
	memmove(&cookies->items[at], &cookies->items[at + 1], (--cookies->count - at) * sizeof(*cookies->items));
}

static size_t find(const struct cookies *cookies, struct span name, struct span path)
{
	size_t i;

	for (i = 0; i < cookies->count; i++) {
		const struct cookie *cookie = &cookies->items[i];

		if (cookie->name_size == name.size && memcmp(cookie->text, name.data, name.size) == 0 &&
		    strlen(cookie->path) == path.size && memcmp(cookie->path, path.data, path.size) == 0)
			break;
	}
	return i;
}

static int keep(struct cookies *cookies, struct span name, struct span value, const struct attributes *attributes)
{
	size_t at = find(cookies, name, attributes->path);
	struct cookie cookie = {
	        .name_size = name.size, .expires_ns = attributes->expires_ns, .secure = attributes->secure};

	if (attributes->expires_ns == 0) {
		if (at < cookies->count)
			forget(cookies, at);
		return 0;
	}
	if (at == cookies->count && at >= LIMIT_COOKIES)
		return 0;
	if (asprintf(&cookie.text, "%.*s=%.*s", (int)name.size, name.data, (int)value.size, value.data) < 0)
		return -ENOMEM;
	cookie.path = strndup(attributes->path.data, attributes->path.size);
	if (!cookie.path || array_reserve(&cookies->items, &cookies->capacity, at, sizeof(cookie)) < 0) {
		release(&cookie);
		return -ENOMEM;
	}
	if (at < cookies->count)
		release(&cookies->items[at]);
	else
		cookies->count++;
	cookies->items[at] = cookie;
	return 0;
}

int cookies_take(struct cookies *cookies, const char *line, size_t size, const char *host, const char *target,
                 uint64_t now_ns)
{
	struct attributes attributes = {.path = default_path(target), .expires_ns = CLOCK_NEVER};
	struct span rest = {line, size};
	struct span pair = cut(&rest, ';');
	struct span value = pair;
	struct span name = cut(&value, '=');

	if (size > LIMIT_COOKIE_BYTES || name.size == 0 || name.size == pair.size)
		return 0;
	while (rest.size > 0) {
		struct span attribute = cut(&rest, ';');
		struct span key = cut(&attribute, '=');

		read_attribute(&attributes, key, trim(attribute), now_ns);
	}
	if (!meant_for(attributes.domain, host))
		return 0;
	return keep(cookies, name, trim(value), &attributes);
}

int cookies_render(const struct cookies *cookies, const char *target, _Bool secure, uint64_t now_ns,
                   struct buffer *buffer)
{
	const char *separator = "";

	for (size_t i = 0; i < cookies->count; i++) {
		const struct cookie *cookie = &cookies->items[i];

		if (cookie->expires_ns <= now_ns || (cookie->secure && !secure) || !path_matches(cookie->path, target))
			continue;
		buffer_append_text(buffer, separator);
		buffer_append_text(buffer, cookie->text);
		separator = "; ";
	}
	return buffer->failed;
}
