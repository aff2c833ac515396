/* SPDX-License-Identifier: Apache-2.0 */
/* A link's guard: sets the keys, lets agents in by their keys (ZAP), and tells of handshakes that failed.
 *
 * ZeroMQ asks a ZAP handler (https://rfc.zeromq.org/spec/27/) about each peer that has proved its key. The handler is a
 * socket of the link's own, served by the link's thread, so that counting and telling need no lock. What fails before
 * that (a peer without keys, or with another coordinator's) comes from ZeroMQ's monitor of the socket. */
#pragma once

#include <stdint.h>

#include "common/link/inflow.h"
#include "common/link/link.h"

enum { GUARD_SAID = 16, GUARD_TEXT_SIZE = 512 };

struct guard {
	const struct link_keys *keys; /* NULL: plain text */
	_Bool listens;
	struct _zsock_t *asked;   /* ZAP's questions, of a listener with keys; else NULL */
	struct _zsock_t *monitor; /* handshakes that failed or succeeded, connections that began or ended */
	_Bool connected;          /* of an agent: there is a connection, as far as events tell */
	struct inflow inflow;     /* of a listener: its connections */
	void *watched;            /* the socket that is monitored */
	uint64_t refused;         /* peers turned away; of an agent: how often it was */
	unsigned int cut_off;     /* handshakes in a row that ended without a word */
	uint64_t connect_ns;      /* when an agent that was turned away tries again; CLOCK_NEVER: it needn't */
	struct {
		uint64_t hash, until_ns;
	} said[GUARD_SAID];           /* texts that needn't be told again so soon; what doesn't fit is only counted */
	char notice[GUARD_TEXT_SIZE]; /* to be told; "": nothing */
};

/* Before the link's socket is bound or connected: sets its keys and watches it. -EBUSY if another listener of this
 * process has keys (ZeroMQ asks one handler a process), -ENOTSUP. */
int guard_open(struct guard *guard, void *handle, const struct link_config *config, struct failure *failure);
/* The descriptor of one of the guard's sockets, for poll(); -1 of NULL. */
int guard_fd(struct _zsock_t *socket);
/* Before the link's socket is closed. */
void guard_close(struct guard *guard);
/* Answers ZAP's questions, takes events, and ends connections that bring messages without an end, until there is a
 * notice or nothing more to do. */
void guard_serve(struct guard *guard);
