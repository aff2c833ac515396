/* SPDX-License-Identifier: Apache-2.0 */
/* A link's inside, for the files that make it up alone. */
#pragma once

#include <poll.h>

#include "common/base/buffer.h"
#include "common/link/guard.h"
#include "common/link/link.h"
#include "common/link/peers.h"

struct link {
	struct _zsock_t *socket;
	void *handle; /* the same for libzmq's calls */
	int fd;       /* readable when ZMQ_EVENTS may have changed */
	_Bool listens;
	struct incarnation self; /* of a DEALER: its coordinator is kept as the peer of this id */
	char *address;
	struct peers peers;
	struct guard guard;
	struct buffer encoded;
	uint64_t sent_ids; /* of messages in parts */
	struct pollfd *polled;
	size_t polled_capacity;
	struct link_counters counters;
};

/* The negative errno of ZeroMQ's last call; -ESHUTDOWN when its context has ended. */
int link_last_error(void);
