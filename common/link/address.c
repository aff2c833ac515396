/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of sockets. */
#include "common/link/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/units.h"

#define SCHEME "tcp://"
#define EVERYWHERE "*"

static _Bool is_name(const char *host)
{
	for (const char *c = host; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
			return 0;
	}
	return host[0] != '\0' && host[0] != '-';
}

static _Bool is_ipv6(const char *host)
{
	struct in6_addr number;

	return inet_pton(AF_INET6, host, &number) == 1;
}

static int parse_port(const char *address, const char *text, _Bool listen, struct failure *failure, uint16_t *ret_port)
{
	uint64_t port;

	if (units_parse_count(text, &port) < 0 || port > UINT16_MAX || strchr(text, '_'))
		return failure_set(failure, -EINVAL, "\"%s\": \"%s\" is not a port", address, text);
	if (port == 0 && !listen)
		return failure_set(failure, -EINVAL, "\"%s\": port 0 is for listening", address);
	*ret_port = (uint16_t)port;
	return 0;
}

static int check_host(const char *text, const struct address *address, _Bool bracketed, _Bool listen,
                      struct failure *failure)
{
	if (strcmp(address->host, EVERYWHERE) == 0)
		return listen ? 0 : failure_set(failure, -EINVAL, "\"%s\": \"*\" is for listening", text);
	if (bracketed ? !is_ipv6(address->host) : !is_name(address->host))
		return failure_set(failure, -EINVAL, "\"%s\": \"%s\" is not a host", text, address->host);
	return 0;
}

int address_parse(const char *text, _Bool listen, struct failure *failure, struct address *ret_address)
{
	struct address address = {0};
	const char *start = text, *colon;
	_Bool bracketed;
	size_t size;
	int r;

	if (strncmp(start, SCHEME, strlen(SCHEME)) == 0)
		start += strlen(SCHEME);
	colon = strrchr(start, ':');
	if (!colon)
		return failure_set(failure, -EINVAL, "\"%s\" is not an address: expected HOST:PORT", text);
	size = (size_t)(colon - start);
	bracketed = size >= 2 && start[0] == '[' && colon[-1] == ']';
	if (bracketed) {
		start++;
		size -= 2;
	}
	if (size >= sizeof(address.host))
		return failure_set(failure, -EINVAL, "an address with a host of %zu bytes", size);
	memcpy(address.host, start, size);
	address.ipv6 = bracketed;
	r = check_host(text, &address, bracketed, listen, failure);
	if (r == 0)
		r = parse_port(text, colon + 1, listen, failure, &address.port);
	if (r == 0)
		*ret_address = address;
	return r;
}

static _Bool is_loopback(const struct sockaddr *number)
{
	if (number->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)number;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (number->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)number;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127);
	}
	return 0;
}

/* Takes what all numbers of a name have in common; IPv4 is preferred where there is both. */
static void take_numbers(struct address *address, const struct addrinfo *numbers, _Bool listen)
{
	const struct addrinfo *chosen = numbers;

	assert(numbers); /* getaddrinfo() fails rather than find none */
	address->loopback = 1;
	for (const struct addrinfo *number = numbers; number; number = number->ai_next) {
		if (number->ai_family == AF_INET && chosen->ai_family != AF_INET)
			chosen = number;
		address->loopback = address->loopback && is_loopback(number->ai_addr);
	}
	address->ipv6 = chosen->ai_family == AF_INET6;
	if (listen)
		getnameinfo(chosen->ai_addr, chosen->ai_addrlen, address->host, sizeof(address->host), NULL, 0,
		            NI_NUMERICHOST);
}

int address_resolve(struct address *address, _Bool listen, struct failure *failure)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *numbers = NULL;
	int r;

	if (strcmp(address->host, EVERYWHERE) == 0)
		return 0;
	r = getaddrinfo(address->host, NULL, &hints, &numbers);
	if (r != 0 && listen)
		return failure_set(failure, -EINVAL, "\"%s\" can't be resolved: %s", address->host, gai_strerror(r));
	if (r == 0) {
		take_numbers(address, numbers, listen);
		freeaddrinfo(numbers);
	}
	return 0;
}

char *address_format(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE])
{
	_Bool bracketed = strchr(address->host, ':') != NULL;

	snprintf(ret_text, ADDRESS_TEXT_SIZE, SCHEME "%s%s%s:%u", bracketed ? "[" : "", address->host,
	         bracketed ? "]" : "", address->port);
	return ret_text;
}
