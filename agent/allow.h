/* SPDX-License-Identifier: Apache-2.0 */
/* Where an agent may send: the hosts of `--allow-target HOST|CIDR`, held against those that a plan's targets name.
 *
 * A Kafka cluster tells its clients of further brokers itself; only those that the plan names are looked at. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "common/plan/plan.h"

/* A value. */
struct allow_rule {
	char host[256];       /* a name in lower case; "" for addresses */
	uint8_t address[16];  /* IPv4 as ::ffff:a.b.c.d */
	uint32_t prefix_bits; /* of the 128 */
};

/* "example.com", "10.1.2.3", "10.0.0.0/8", "fd00::/8". 0 or -EINVAL. */
int allow_parse(const char *text, struct allow_rule *ret_rule);

/* Every host of every target must match one of the rules; with none at all everything is allowed. A name matches a rule
 * of the same name, or one of addresses if all that it resolves to match: that blocks. A target whose host can't be
 * told is refused. 0 or -EPERM, said. */
int allow_check(const struct plan *plan, const struct allow_rule *rules, uint32_t count, struct failure *failure);

/* Calls `host` for each host that a target names; stops at its first error. -EINVAL if they can't be told. Pure. */
int allow_hosts(const struct target *target, int (*host)(void *context, const char *name), void *context);
