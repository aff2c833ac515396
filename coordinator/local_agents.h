/* SPDX-License-Identifier: Apache-2.0 */
/* Agents on the coordinator's own host: direct children, each in a session of its own. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"

struct local_agents;

struct local_agents_config {
	const char *address; /* to connect to */
	uint32_t count;
	uint32_t workers;       /* of each; 0: its own choice */
	const char *run_folder; /* gets local-N.log with what they print */
};

/* Starts them as local-1 ... local-N. The program is stampede-agent beside our own, or the one that STAMPEDE_AGENT
 * names. -ECHILD with the reason if it can't be run. */
int local_agents_start(const struct local_agents_config *config, struct failure *failure,
                       struct local_agents **ret_agents);
/* How one has ended. */
struct local_agent_end {
	uint64_t pid;
	char text[512]; /* "the process of local-2 ended with code 1; see runs/x/local-2.log" */
};
/* True if one has ended since the last call: call it after SIGCHLD until it says false. Accepts NULL. */
_Bool local_agents_reap(struct local_agents *agents, struct local_agent_end *ret_end);
uint32_t local_agents_alive(const struct local_agents *agents);
/* Waits up to timeout_ms for those that are left to end by themselves, then ends them (SIGTERM, then SIGKILL; with 0
 * that follows almost at once). Waits no
 * longer, for either, once hurry_fd (-1: none) can be read. Blocks. Accepts NULL. */
struct local_agents *local_agents_stop(struct local_agents *agents, int timeout_ms, int hurry_fd);
