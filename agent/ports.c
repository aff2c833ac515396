/* SPDX-License-Identifier: Apache-2.0 */
/* How near this host is to having no local port left for one destination. */
#include "agent/ports.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/names.h"

enum { LINE_SIZE = 512, READ_SIZE = 65536 };

#define EXACT_EVERY_NS (5 * NS_PER_S)

struct ports {
	uint64_t low, high; /* the ephemeral range; both 0: unknown */
	struct names *destinations;
	uint64_t *counts; /* by destination */
	size_t capacity;
	uint64_t most;
	uint64_t exact;         /* the last exact count ... */
	uint64_t next_exact_ns; /* ... and when it gets too old */
};

struct ports *ports_new(void)
{
	cleanup(cleanup_fclose) FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	struct ports *ports = calloc(1, sizeof(*ports));

	if (!ports)
		return NULL;
	ports->destinations = names_new();
	if (!ports->destinations)
		return ports_free(ports);
	if (!file || fscanf(file, "%" SCNu64 " %" SCNu64, &ports->low, &ports->high) != 2 || ports->high < ports->low)
		ports->low = ports->high = 0;
	return ports;
}

struct ports *ports_free(struct ports *ports)
{
	if (!ports)
		return NULL;
	names_free(ports->destinations);
	free(ports->counts);
	free(ports);
	return NULL;
}

uint64_t ports_limit(const struct ports *ports)
{
	return ports->high ? ports->high - ports->low + 1 : 0;
}

void ports_clear(struct ports *ports)
{
	names_clear(ports->destinations);
	ports->most = 0;
}

static void count_one(struct ports *ports, const char *destination, size_t size)
{
	uint32_t id;
	_Bool added;

	if (names_intern(ports->destinations, destination, size, &id, &added) < 0 ||
	    array_reserve(&ports->counts, &ports->capacity, id, sizeof(*ports->counts)) < 0)
		return;
	ports->counts[id] = added ? 1 : ports->counts[id] + 1;
	if (ports->counts[id] > ports->most)
		ports->most = ports->counts[id];
}

/* A line is "  12: LOCAL:PORT REMOTE:PORT STATE ...", addresses and ports in hex. Listeners have the remote port 0. */
uint64_t ports_count_table(struct ports *ports, const char *text, uint64_t low, uint64_t high)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char remote[64];
		unsigned local_port, remote_port;

		if (sscanf(line, " %*[0-9]: %*[0-9A-F]:%x %32[0-9A-F]:%x", &local_port, remote, &remote_port) != 3)
			continue;
		if (remote_port == 0 || local_port < low || local_port > high)
			continue;
		size_t length = strlen(remote);
		int more = snprintf(remote + length, sizeof(remote) - length, ":%x", remote_port);

		count_one(ports, remote, length + (size_t)more);
	}
	return ports->most;
}

/* /proc files have no size: reads until their end. */
static void read_all(const char *path, struct buffer *buffer)
{
	cleanup(cleanup_fclose) FILE *file = fopen(path, "re");
	size_t got = 1;

	while (file && got > 0 && buffer_reserve(buffer, READ_SIZE) == 0) {
		got = fread(buffer->data + buffer->size, 1, READ_SIZE, file);
		buffer->size += got;
	}
}

static uint64_t count_exactly(struct ports *ports)
{
	static const char *const tables[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};

	ports_clear(ports);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct buffer text cleanup(buffer_deinit) = {0};

		read_all(tables[i], &text);
		const char *readable = buffer_text(&text);

		if (readable)
			ports_count_table(ports, readable, ports->low, ports->high);
	}
	return ports->most;
}

/* "TCP: inuse 12 orphan 0 tw 30 ..." */
static uint64_t count_sockets(const char *path, const char *name)
{
	cleanup(cleanup_fclose) FILE *file = fopen(path, "re");
	char line[LINE_SIZE];

	while (file && fgets(line, sizeof(line), file)) {
		const char *in_use = strstr(line, "inuse ");
		const char *waiting = strstr(line, " tw ");

		if (strncmp(line, name, strlen(name)) != 0 || !in_use)
			continue;
		return strtoull(in_use + strlen("inuse "), NULL, 10) +
		       (waiting ? strtoull(waiting + strlen(" tw "), NULL, 10) : 0);
	}
	return 0;
}

uint64_t ports_in_use(struct ports *ports, uint64_t now_ns)
{
	uint64_t all =
	        count_sockets("/proc/self/net/sockstat", "TCP:") + count_sockets("/proc/self/net/sockstat6", "TCP6:");

	if (all <= ports_limit(ports) / 2)
		return all;
	if (now_ns >= ports->next_exact_ns) {
		ports->exact = count_exactly(ports);
		ports->next_exact_ns = now_ns + EXACT_EVERY_NS;
	}
	return ports->exact;
}
