/* SPDX-License-Identifier: Apache-2.0 */
/* How near this host is to having no local port left for one destination. */
#pragma once

#include <stdint.h>

struct ports;

struct ports *ports_new(void); /* NULL without memory */
struct ports *ports_free(struct ports *ports);
/* Local TCP ports of the kernel's ephemeral range in use (TIME_WAIT included) towards the destination that has the most
 * of them: a port can serve several destinations at once, so this is what runs out. An upper bound, all sockets of the
 * host, is given where that is under half of the range, since it costs nothing; the exact count is made at most every 5
 * s. 0 if it can't be read. */
uint64_t ports_in_use(struct ports *ports, uint64_t now_ns);
/* The size of the range; 0 if it can't be read. */
uint64_t ports_limit(const struct ports *ports);

/* The exact count from the text of /proc/net/tcp or tcp6, adding to what `ports` has counted since ports_clear().
 * Returns the highest count of a destination so far. For ports_in_use() and tests. */
uint64_t ports_count_table(struct ports *ports, const char *text, uint64_t low, uint64_t high);
void ports_clear(struct ports *ports);
