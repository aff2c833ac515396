/* SPDX-License-Identifier: Apache-2.0 */
/* What each connection of a listener has brought and we have not got: bounded, where ZeroMQ doesn't.
 *
 * ZeroMQ's receive queue counts messages, and gives one of several frames out when its last frame is there. So a peer
 * that never ends its message would fill our memory. The kernel counts the bytes that came on a connection and those
 * that ZeroMQ has still to read; the rest of the difference to the frames that were given to us lies in ZeroMQ's
 * memory. A connection with too much there is shut down, and ZeroMQ forgets its message. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	INFLOW_LOOK_MS = 50, /* what comes within it is not bounded: on loopback some 100 MB */
	INFLOW_BYTES =
	        2 * 1024 * 1024, /* a connection; full frames in a full queue, and ZeroMQ's buffers, are a third */
};

struct inflow_connection {
	int fd;
	uint64_t read;  /* bytes that ZeroMQ had read at the last look */
	uint64_t taken; /* bytes of frames given to us since then, with what surrounds them */
	uint64_t held;  /* at the last look */
};

struct inflow {
	struct inflow_connection *items; /* by ascending descriptor */
	size_t count, capacity;
	uint64_t looked_ns;
};

void inflow_deinit(struct inflow *inflow);
/* A connection has begun, or ended. Of one that there is no memory for, nothing is known. */
void inflow_add(struct inflow *inflow, int fd);
void inflow_remove(struct inflow *inflow, int fd);
/* A frame of this connection was given to us. */
void inflow_take(struct inflow *inflow, int fd, size_t size);
/* Every INFLOW_LOOK_MS: shuts down what holds too much. How many. */
unsigned int inflow_look(struct inflow *inflow, uint64_t now_ns);
