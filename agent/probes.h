/* SPDX-License-Identifier: Apache-2.0 */
/* Asks each target of a plan what it is, before T0 and all at the same time. */
#pragma once

#include "agent/drivers/driver.h"

struct probes_config {
	const struct plan *plan;
	const struct driver_ops *const *drivers; /* by target_kind */
	struct log *log;                         /* may be NULL */
	const char *agent_name;
	const char *run_id;
	const char *secrets_folder; /* may be NULL */
	int timeout_ms;             /* of each */
};

/* Fills in ret_facts, one for each of the plan's targets; zeroed where the driver has no probe. Blocks until every one
 * has answered or its time is over. A target that can't be reached is told in its facts. 0 or a negative errno. */
int probes_run(const struct probes_config *config, struct target_facts *ret_facts);
