/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets between coordinator and agents: ROUTER and DEALER with whole, decoded messages. The only user of czmq.
 * One thread uses a link, not always the one that opened it; a process may have several. Nothing here blocks but
 * link_wait(), link_close() and, while a host's name is looked up, link_open(). czmq keeps one ZeroMQ context for the
 * process and ends it at exit. Signals are left to the program. */
#pragma once

#include <poll.h>
#include <stdint.h>

#include "common/base/failure.h"
#include "common/link/key.h"
#include "common/wire/message.h"

struct link;

struct link_config {
	const char *address;            /* "tcp://HOST:PORT" or "HOST:PORT"; a listener's PORT may be 0: any free one */
	_Bool listen;                   /* ROUTER (the coordinator), else DEALER (an agent) */
	_Bool insecure;                 /* plain text on an address that is not loopback */
	const struct link_keys *keys;   /* closes the link by CURVE; NULL: plain text. Outlives the link */
	struct incarnation incarnation; /* a DEALER's routing id */
};

/* Listens or starts connecting (which goes on in the background, for ever, with growing pauses up to 1 s).
 * A listener raises the process' soft limit of descriptors to the hard one, as each agent takes one.
 * -EADDRINUSE, -EADDRNOTAVAIL (not this host's), -EINVAL (an address that isn't one), -EPERM (not loopback, without
 * keys and not insecure), -EBUSY (a second listener with keys in this process) with the reason. */
int link_open(const struct link_config *config, struct failure *failure, struct link **ret_link);
/* Flushes for at most 200 ms. */
struct link *link_close(struct link *link);
/* The address that agents can connect to ("tcp://127.0.0.1:40123"); of a listener on every interface ("*") it has this
 * host's name. */
const char *link_address(const struct link *link);

/* Waits until a message can be received, one of `fds` is ready (revents as poll's) or timeout_ms (-1: no limit) is
 * over. EINTR returns 0 with nothing ready. 0 or a negative errno. */
int link_wait(struct link *link, struct pollfd *fds, uint32_t count, int timeout_ms);

/* The next whole message, if there is one. 0, -EAGAIN (none), -EBADMSG (a peer sent rubbish: who and why in *failure;
 * it is counted and dropped; go on receiving), -EACCES (a handshake failed: who was turned away and why, or why the
 * coordinator doesn't let us in; counted, and the same isn't told again for a minute; go on receiving), -ENOMEM (the
 * message is dropped), -ESHUTDOWN. An agent that spent a
 * while away may hear the rest of a message in parts: that is -EBADMSG too. A listener sets the sender in
 * message->incarnation from the routing id and refuses messages that claim another one; an agent refuses what is meant
 * for another incarnation. */
int link_receive(struct link *link, struct message *ret_message, struct failure *failure);

/* Sends a message, in parts where it is large; a listener sends to message->incarnation, an agent always under its own
 * (whatever the member holds). A coordinator that isn't reached yet is a slow peer. What a slow peer doesn't take
 * at once is queued for it, up to LIMIT_WHOLE_BYTES. 0, -EHOSTUNREACH (no such peer), -EAGAIN (its queue is full:
 * nothing of the message was sent), -EMSGSIZE, -EINVAL (codec_encode()), -ENOMEM. */
int link_send(struct link *link, const struct message *message);
/* Tries again what is queued. Called by link_wait() too. */
void link_flush(struct link *link);
/* Forgets a peer, what is queued for it and what was begun by it. Its connection stays. */
void link_forget(struct link *link, const struct incarnation *incarnation);

/* Whole messages; bytes of all frames, refused ones too. `refused` counts messages, and peers at each handshake. */
struct link_counters {
	uint64_t received, sent, refused, received_bytes, sent_bytes;
};
struct link_counters link_counters(const struct link *link);
