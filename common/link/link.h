/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets between coordinator and agents: ROUTER and DEALER with whole, decoded messages. The only user of czmq.
 * One thread uses a link; nothing here blocks but link_wait(). */
#pragma once

#include <poll.h>
#include <stdint.h>

#include "common/base/failure.h"
#include "common/wire/message.h"

struct link;

struct link_config {
	const char *address;            /* "tcp://HOST:PORT" or "HOST:PORT"; a listener's PORT may be 0: any free one */
	_Bool listen;                   /* ROUTER (the coordinator), else DEALER (an agent) */
	_Bool insecure;                 /* plain text on an address that is not loopback */
	struct incarnation incarnation; /* a DEALER's routing id */
};

/* Listens or starts connecting (which goes on in the background, for ever, with growing pauses up to 2 s).
 * -EADDRINUSE, -EINVAL (an address that isn't one), -EPERM (not loopback and not insecure) with the reason. */
int link_open(const struct link_config *config, struct failure *failure, struct link **ret_link);
/* Flushes for at most 200 ms. */
struct link *link_close(struct link *link);
/* The address that agents can connect to ("tcp://127.0.0.1:40123"). */
const char *link_address(const struct link *link);

/* Waits until a message can be received, one of `fds` is ready (revents as poll's) or timeout_ms (-1: no limit) is
 * over. EINTR returns 0 with nothing ready. 0 or a negative errno. */
int link_wait(struct link *link, struct pollfd *fds, uint32_t count, int timeout_ms);

/* The next whole message, if there is one. 0, -EAGAIN (none), -EBADMSG (a peer sent rubbish: who and why in *failure;
 * it is counted and dropped; go on receiving). A listener sets the sender in message->incarnation from the routing id
 * and refuses messages that claim another one. */
int link_receive(struct link *link, struct message *ret_message, struct failure *failure);

/* Sends a message, in parts where it is large; a listener sends to message->incarnation. What a slow peer doesn't take
 * at once is queued for it, up to LIMIT_WHOLE_BYTES. 0, -EHOSTUNREACH (no such peer), -EAGAIN (its queue is full:
 * nothing of the message was sent), -EMSGSIZE, -ENOMEM. */
int link_send(struct link *link, const struct message *message);
/* Tries again what is queued. Called by link_wait() too. */
void link_flush(struct link *link);
/* Forgets a peer and what is queued for it. */
void link_forget(struct link *link, const struct incarnation *incarnation);

struct link_counters {
	uint64_t received, sent, refused, received_bytes, sent_bytes;
};
struct link_counters link_counters(const struct link *link);
