/* SPDX-License-Identifier: Apache-2.0 */
/* Where an agent may send. */
#include "agent/allow.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"

enum { HOST_SIZE = 256 };

typedef int (*host_fn)(void *context, const char *name);

/* IPv4 addresses are kept as IPv6 maps them, so that one comparison does. */
static int parse_address(const char *text, uint8_t ret_address[16], uint32_t *ret_offset_bits)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, ret_address) == 1) {
		*ret_offset_bits = 0;
		return 0;
	}
	memcpy(ret_address, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, ret_address + sizeof(mapped)) != 1)
		return -EINVAL;
	*ret_offset_bits = 96;
	return 0;
}

static int parse_prefix(const char *text, uint32_t offset_bits, uint32_t *ret_bits)
{
	char *end;
	unsigned long bits;

	if (!text) {
		*ret_bits = 128;
		return 0;
	}
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	bits = strtoul(text, &end, 10);
	if (*end || bits > 128 - offset_bits)
		return -EINVAL;
	*ret_bits = (uint32_t)bits + offset_bits;
	return 0;
}

static int parse_name(const char *text, char ret_host[HOST_SIZE])
{
	if (text[0] == '\0')
		return -EINVAL;
	for (size_t i = 0; i <= strlen(text); i++) {
		if (text[i] && !isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return -EINVAL;
		ret_host[i] = (char)tolower((unsigned char)text[i]);
	}
	return 0;
}

int allow_parse(const char *text, struct allow_rule *ret_rule)
{
	struct allow_rule rule = {0};
	char copy[HOST_SIZE];
	char *slash;
	uint32_t offset_bits;
	int r;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (parse_address(copy, rule.address, &offset_bits) == 0)
		r = parse_prefix(slash ? slash + 1 : NULL, offset_bits, &rule.prefix_bits);
	else
		r = slash ? -EINVAL : parse_name(copy, rule.host);
	if (r == 0)
		*ret_rule = rule;
	return r;
}

/* Calls with the host of "host", "host:port", "[::1]:port", "user@host:port". */
static int host_of_authority(const char *text, size_t size, host_fn host, void *context)
{
	char name[HOST_SIZE];
	const char *at = memrchr(text, '@', size);
	const char *end = text + size;
	const char *stop;

	if (at)
		text = at + 1;
	if (text < end && *text == '[') {
		for (stop = ++text; stop < end && *stop != ']';)
			stop++;
		if (stop == end)
			return -EINVAL;
	} else {
		for (stop = text; stop < end && *stop != ':';)
			stop++;
	}
	if (stop == text || (size_t)(stop - text) >= sizeof(name))
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", (int)(stop - text), text);
	return host(context, name);
}

/* Calls for each of "a:1, b:2". */
static int hosts_of_list(const char *text, size_t size, host_fn host, void *context)
{
	const char *end = text + size;

	while (text <= end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma ? comma : end;
		const char *scheme;
		int r;

		while (text < stop && *text == ' ')
			text++;
		/* librdkafka takes "PLAINTEXT://host:port" as well. */
		scheme = memmem(text, (size_t)(stop - text), "://", 3);
		r = host_of_authority(scheme ? scheme + 3 : text, (size_t)(stop - (scheme ? scheme + 3 : text)), host,
		                      context);
		if (r < 0)
			return r;
		text = stop + 1;
	}
	return 0;
}

static int hosts_of_http(const char *url, host_fn host, void *context)
{
	const char *authority = strstr(url, "://");

	if (!authority)
		return -EINVAL;
	authority += 3;
	return host_of_authority(authority, strcspn(authority, "/?#"), host, context);
}

/* Whether a word begins with a key of libpq's that names a host in a way that we don't follow. */
static _Bool hides_host(const char *text)
{
	static const char *const keys[] = {"host", "hostaddr", "service"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t size = strlen(keys[i]);

		if (strncmp(text, keys[i], size) == 0 && (text[size] == '=' || text[size] == ' '))
			return 1;
	}
	return 0;
}

static int hosts_of_uri(const char *uri, host_fn host, void *context)
{
	const char *authority = strstr(uri, "://") + 3;
	size_t size = strcspn(authority, "/?#");
	const char *at = memrchr(authority, '@', size);

	for (const char *parameter = strchr(authority, '?'); parameter; parameter = strchr(parameter, '&')) {
		/* A percent sign in a key's place may spell any key. */
		if (hides_host(++parameter) || memchr(parameter, '%', strcspn(parameter, "=&")))
			return -EINVAL;
	}
	if (at) {
		size -= (size_t)(at + 1 - authority);
		authority = at + 1;
	}
	if (size == 0)
		return host(context, "localhost");
	if (memchr(authority, '%', size))
		return -EINVAL; /* a unix socket's folder, or a name in disguise */
	return hosts_of_list(authority, size, host, context);
}

/* "host=a,b port=1 dbname=x": without quotes and only with a plain host. */
static int hosts_of_words(const char *text, host_fn host, void *context)
{
	const char *found = NULL;

	if (strpbrk(text, "'\\"))
		return -EINVAL;
	for (const char *word = text + strspn(text, " "); *word; word += strspn(word, " ")) {
		if (strncmp(word, "host=", strlen("host=")) == 0)
			found = word + strlen("host=");
		else if (hides_host(word))
			return -EINVAL;
		word += strcspn(word, " ");
	}
	if (!found)
		return host(context, "localhost");
	return hosts_of_list(found, strcspn(found, " "), host, context);
}

static int hosts_of_postgres(const char *uri, host_fn host, void *context)
{
	if (strncmp(uri, "postgresql://", strlen("postgresql://")) == 0 ||
	    strncmp(uri, "postgres://", strlen("postgres://")) == 0)
		return hosts_of_uri(uri, host, context);
	return hosts_of_words(uri, host, context);
}

int allow_hosts(const struct target *target, host_fn host, void *context)
{
	switch (target->kind) {
	case TARGET_KAFKA:
		return hosts_of_list(target->kafka.brokers, strlen(target->kafka.brokers), host, context);
	case TARGET_HTTP:
		return hosts_of_http(target->http.base_url, host, context);
	case TARGET_POSTGRES:
		return hosts_of_postgres(target->postgres.uri, host, context);
	case TARGET_NULL:
	case TARGET_KIND_COUNT:
		break;
	}
	return 0;
}

struct check {
	const struct allow_rule *rules;
	uint32_t count;
	const char *target;
	struct failure *failure;
};

static _Bool address_matches(const struct check *check, const uint8_t address[16])
{
	for (uint32_t i = 0; i < check->count; i++) {
		const struct allow_rule *rule = &check->rules[i];
		uint32_t bytes = rule->prefix_bits / 8;
		uint8_t mask = (uint8_t)(0xff00 >> (rule->prefix_bits % 8));

		if (rule->host[0] || memcmp(rule->address, address, bytes) != 0)
			continue;
		if (bytes == 16 || (rule->address[bytes] & mask) == (address[bytes] & mask))
			return 1;
	}
	return 0;
}

static _Bool resolved_matches(const struct check *check, const char *name)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	_Bool all;

	if (getaddrinfo(name, NULL, &hints, &list) != 0)
		return 0;
	all = list != NULL;
	for (const struct addrinfo *at = list; at && all; at = at->ai_next) {
		uint8_t address[16] = {[10] = 0xff, [11] = 0xff};

		if (at->ai_family == AF_INET6)
			memcpy(address, &((const struct sockaddr_in6 *)(const void *)at->ai_addr)->sin6_addr, 16);
		else
			memcpy(address + 12, &((const struct sockaddr_in *)(const void *)at->ai_addr)->sin_addr, 4);
		all = address_matches(check, address);
	}
	freeaddrinfo(list);
	return all;
}

static int check_host(void *context, const char *name)
{
	const struct check *check = context;

	for (uint32_t i = 0; i < check->count; i++) {
		if (check->rules[i].host[0] && strcasecmp(check->rules[i].host, name) == 0)
			return 0;
	}
	if (resolved_matches(check, name))
		return 0;
	return failure_set(check->failure, -EPERM,
	                   "target \"%s\" is on %s, which this agent's --allow-target does not allow", check->target,
	                   name);
}

int allow_check(const struct plan *plan, const struct allow_rule *rules, uint32_t count, struct failure *failure)
{
	for (uint32_t i = 0; count > 0 && i < plan->target_count; i++) {
		struct check check = {
		        .rules = rules, .count = count, .target = plan->targets[i].name, .failure = failure};
		int r = allow_hosts(&plan->targets[i], check_host, &check);

		if (r == -EINVAL)
			return failure_set(failure, -EPERM,
			                   "target \"%s\": its host can't be told, so this agent's --allow-target does "
			                   "not allow it",
			                   plan->targets[i].name);
		if (r < 0)
			return r;
	}
	return 0;
}
