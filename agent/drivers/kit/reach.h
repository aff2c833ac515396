/* SPDX-License-Identifier: Apache-2.0 */
/* Reaching a target before the run: its addresses, the time of a bare TCP connect, and whether it lies on this host.
 * Nothing is sent on the connections, so a target counts nothing. Everything here blocks. */
#pragma once

#include <stddef.h>

#include "agent/drivers/driver.h"

/* The numeric addresses of `host` ("127.0.0.1", "::1"), in the resolver's order, parted by `separator`, allocated.
 * `host` may be numeric itself. 0, -ENOMEM or -EHOSTUNREACH with the resolver's words in `ret_problem` (problem_size
 * bytes with the NUL). */
int reach_resolve(const char *host, char separator, char **ret_addresses, char *ret_problem, size_t problem_size);

/* Connects to host:port, the first of its addresses that answers, a few times and closes again. Fills in ret_facts'
 * idle_round_trip_ns (the least) and local, or problem. Takes at most timeout_ms, name resolution apart. */
void reach_probe(const char *host, const char *port, int timeout_ms, struct target_facts *ret_facts);
/* The same for a unix socket, which is always local. */
void reach_probe_unix(const char *path, int timeout_ms, struct target_facts *ret_facts);
