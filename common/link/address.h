/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen or connect: read, resolved and checked before ZeroMQ hears of it. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"

enum {
	ADDRESS_HOST_SIZE = 256,
	ADDRESS_TEXT_SIZE = ADDRESS_HOST_SIZE + 16,
};

struct address {
	char host[ADDRESS_HOST_SIZE]; /* a name or a number, without brackets; "*": every interface */
	uint16_t port;                /* 0: any free one */
	_Bool ipv6;                   /* a number of IPv6, or a name that has nothing else */
	_Bool loopback;               /* reaches this host alone */
};

/* Reads "tcp://HOST:PORT", "HOST:PORT" or "[IPV6]:PORT". "*" and port 0 are for listeners. -EINVAL with the reason. */
int address_parse(const char *text, _Bool listen, struct failure *failure, struct address *ret_address);
/* Finds out `ipv6` and `loopback`; a listener's name becomes a number, as ZeroMQ binds to numbers only. May block while
 * a name is looked up. A name that isn't known (yet) is an error for a listener alone: -EINVAL. */
int address_resolve(struct address *address, _Bool listen, struct failure *failure);
/* "tcp://HOST:PORT" with brackets where they are due. Returns ret_text. */
char *address_format(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE]);
