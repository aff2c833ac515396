/* SPDX-License-Identifier: Apache-2.0 */
/* Name resolution and bare connects. */
#include "agent/drivers/kit/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* The least of a few is the network's own time; the first one also pays for ARP and cold caches. */
enum { PROBE_CONNECTS = 3 };

#define cleanup_addrinfo cleanup(release_addrinfo)

static void release_addrinfo(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static int look_up(const char *host, const char *port, struct addrinfo **ret_list, char *ret_problem,
                   size_t problem_size)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int r = getaddrinfo(host, port, &hints, ret_list);

	if (r == 0)
		return 0;
	snprintf(ret_problem, problem_size, "cannot resolve %s: %s", host, gai_strerror(r));
	return r == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
}

int reach_resolve(const char *host, char separator, char **ret_addresses, char *ret_problem, size_t problem_size)
{
	cleanup_addrinfo struct addrinfo *list = NULL;
	cleanup_buffer struct buffer text = {0};
	char numeric[NI_MAXHOST];
	int r = look_up(host, NULL, &list, ret_problem, problem_size);

	if (r < 0)
		return r;
	for (const struct addrinfo *item = list; item; item = item->ai_next) {
		if (getnameinfo(item->ai_addr, item->ai_addrlen, numeric, sizeof(numeric), NULL, 0, NI_NUMERICHOST))
			continue;
		if (text.size > 0)
			buffer_append_byte(&text, (uint8_t)separator);
		buffer_append_text(&text, numeric);
	}
	if (!buffer_text(&text))
		return -ENOMEM;
	*ret_addresses = (char *)steal(text.data);
	return 0;
}

static _Bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (!a || a->sa_family != b->sa_family)
		return 0;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	return a->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
	              &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

static _Bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
	return address->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static _Bool is_local(const struct sockaddr *address)
{
	struct ifaddrs *list = NULL;
	_Bool found = is_loopback(address);

	if (found || getifaddrs(&list) < 0)
		return found;
	for (const struct ifaddrs *item = list; item && !found; item = item->ifa_next)
		found = same_address(item->ifa_addr, address);
	freeifaddrs(list);
	return found;
}

/* Waits until the connect has an outcome. 0 or a negative errno. */
static int await_connect(int fd, uint64_t deadline_ns)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	for (;;) {
		uint64_t now_ns = clock_now_ns();
		int r = poll(&ready, 1, now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0);

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			break;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

/* One connect, closed again. */
static int connect_once(const struct sockaddr *address, socklen_t size, uint64_t deadline_ns, uint64_t *ret_took_ns)
{
	cleanup(cleanup_close) int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint64_t start_ns = clock_now_ns();
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, size) < 0)
		r = errno == EINPROGRESS ? await_connect(fd, deadline_ns) : -errno;
	if (r < 0)
		return r;
	*ret_took_ns = clock_now_ns() - start_ns;
	return 0;
}

static int connect_few(const struct sockaddr *address, socklen_t size, uint64_t deadline_ns, uint64_t *ret_least_ns)
{
	uint64_t least_ns = CLOCK_NEVER;
	uint64_t took_ns = 0;

	for (int i = 0; i < PROBE_CONNECTS; i++) {
		int r = connect_once(address, size, deadline_ns, &took_ns);

		if (r < 0 && least_ns == CLOCK_NEVER)
			return r;
		if (r == 0 && took_ns < least_ns)
			least_ns = took_ns;
	}
	*ret_least_ns = least_ns;
	return 0;
}

static uint64_t deadline_after(int timeout_ms)
{
	return clock_now_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * NS_PER_MS;
}

void reach_probe(const char *host, const char *port, int timeout_ms, struct target_facts *ret_facts)
{
	cleanup_addrinfo struct addrinfo *list = NULL;
	uint64_t deadline_ns;
	int r = look_up(host, port, &list, ret_facts->problem, sizeof(ret_facts->problem));

	if (r < 0)
		return;
	deadline_ns = deadline_after(timeout_ms);
	for (const struct addrinfo *item = list; item; item = item->ai_next) {
		r = connect_few(item->ai_addr, item->ai_addrlen, deadline_ns, &ret_facts->idle_round_trip_ns);
		if (r < 0)
			continue;
		ret_facts->local = is_local(item->ai_addr);
		return;
	}
	ret_facts->local = list && is_local(list->ai_addr);
	snprintf(ret_facts->problem, sizeof(ret_facts->problem), "cannot connect to %s port %s: %s", host, port,
	         strerror(-r));
}

void reach_probe_unix(const char *path, int timeout_ms, struct target_facts *ret_facts)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(path);
	int r = -ENAMETOOLONG;

	ret_facts->local = 1;
	if (size < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, size);
		/* '@' stands for the abstract namespace's NUL, as libpq writes it. */
		if (path[0] == '@')
			address.sun_path[0] = '\0';
		r = connect_few((const struct sockaddr *)&address,
		                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (path[0] != '@')),
		                deadline_after(timeout_ms), &ret_facts->idle_round_trip_ns);
	}
	if (r < 0)
		snprintf(ret_facts->problem, sizeof(ret_facts->problem), "cannot connect to %s: %s", path,
		         strerror(-r));
}
