/* SPDX-License-Identifier: Apache-2.0 */
/* A private nginx on a loopback port. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct nginx {
	char *folder;
	uint16_t port;
	pid_t pid;
};

/* `locations` is what stands in its one server block. Its access log says, one line a request:
 * connection number, requests on that connection, status, request's bytes, answer's bytes, request line, Cookie header,
 * parted by blanks. */
void nginx_start(struct nginx *nginx, const char *locations);
void nginx_stop(struct nginx *nginx);
/* The access log so far: nginx writes a line when the request is over. Allocated. */
char *nginx_log(const struct nginx *nginx);
/* Waits until the access log has that many lines. */
void nginx_await_lines(const struct nginx *nginx, uint32_t lines);
