/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's process takes of its host, from /proc and its cgroup. */
#pragma once

#include "common/wire/message.h"

struct health;

/* NULL without memory. */
struct health *health_new(void);
struct health *health_free(struct health *health);
/* From now on throttling, stolen time and suspension are counted, and highest values are forgotten: call it when a run
 * is about to start. */
void health_start(struct health *health);
/* Sets cpu_ns (since cpu_at_start_ns), throttled_ns, max_rss_kib, descriptors, ports and their limits, steal_ns (of all
 * processors) and jump_ns (how long the host was suspended); all else is 0.
 * What can't be read stays 0. Takes well under a millisecond. */
void health_sample(struct health *health, uint64_t cpu_at_start_ns, struct wire_health *ret_health);

/* The stolen time in the first line of /proc/stat; 0 where there is none. */
uint64_t health_parse_steal_ns(const char *line);

/* The cgroup's CPU limit in cores, or 0: none. */
double health_cpu_quota(void);
