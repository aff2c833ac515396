/* SPDX-License-Identifier: Apache-2.0 */
/* What each connection holds in ZeroMQ's memory. */
#include "common/link/inflow.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/array.h"
#include "common/base/clock.h"

enum {
	FRAME_EXTRA = 64,  /* bytes around a frame's data: ZMTP's 9, and CURVE's */
	OTHER_PER_S = 128, /* ZMTP's heartbeats, closed by CURVE, are no frames */
};

void inflow_deinit(struct inflow *inflow)
{
	free(inflow->items);
	*inflow = (struct inflow){0};
}

/* Where the descriptor is, or where it would be inserted. */
static size_t find_slot(const struct inflow *inflow, int fd)
{
	size_t low = 0, high = inflow->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (inflow->items[middle].fd < fd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct inflow_connection *find(const struct inflow *inflow, int fd)
{
	size_t slot = find_slot(inflow, fd);

	return slot < inflow->count && inflow->items[slot].fd == fd ? &inflow->items[slot] : NULL;
}

void inflow_add(struct inflow *inflow, int fd)
{
	struct inflow_connection *connection = find(inflow, fd);
	size_t slot = find_slot(inflow, fd);

	if (!connection) {
		if (array_reserve(&inflow->items, &inflow->capacity, inflow->count, sizeof(*inflow->items)) < 0)
			return;
		connection = &inflow->items[slot];
		memmove(connection + 1, connection, (inflow->count - slot) * sizeof(*connection));
		inflow->count++;
	}
	*connection = (struct inflow_connection){.fd = fd};
}

void inflow_remove(struct inflow *inflow, int fd)
{
	struct inflow_connection *connection = find(inflow, fd);

	if (!connection)
		return;
	inflow->count--;
	memmove(connection, connection + 1, (size_t)(&inflow->items[inflow->count] - connection) * sizeof(*connection));
}

void inflow_take(struct inflow *inflow, int fd, size_t size)
{
	struct inflow_connection *connection = find(inflow, fd);

	if (connection)
		connection->taken += size + FRAME_EXTRA;
}

/* Bytes that ZeroMQ has read from it; 0 if the descriptor is none of a connection any more. */
static uint64_t bytes_read(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	int unread = 0;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 || ioctl(fd, SIOCINQ, &unread) < 0)
		return 0;
	return info.tcpi_bytes_received > (uint64_t)unread ? info.tcpi_bytes_received - (uint64_t)unread : 0;
}

static _Bool holds_too_much(struct inflow_connection *connection, uint64_t other)
{
	uint64_t now_read = bytes_read(connection->fd);
	uint64_t gone = connection->taken + other;
	uint64_t held = connection->held + (now_read > connection->read ? now_read - connection->read : 0);

	connection->held = held > gone ? held - gone : 0;
	connection->taken = 0;
	if (now_read > connection->read)
		connection->read = now_read;
	return connection->held > INFLOW_BYTES;
}

unsigned int inflow_look(struct inflow *inflow, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - inflow->looked_ns, other;
	unsigned int cut = 0;

	if (passed_ns < INFLOW_LOOK_MS * NS_PER_MS)
		return 0;
	other = passed_ns < NS_PER_S ? passed_ns * OTHER_PER_S / NS_PER_S + 1 : OTHER_PER_S;
	inflow->looked_ns = now_ns;
	for (size_t i = 0; i < inflow->count; i++) {
		if (!holds_too_much(&inflow->items[i], other))
			continue;
		/* ZeroMQ finds it ended. The descriptor stays its own. */
		shutdown(inflow->items[i].fd, SHUT_RDWR);
		inflow->items[i].held = 0;
		cut++;
	}
	return cut;
}
