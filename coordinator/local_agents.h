/* SPDX-License-Identifier: Apache-2.0 */
/* Agents on the coordinator's own host: direct children, each in a session of its own, so that they outlive their
 * coordinator and are found again by the next one. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "coordinator/journal/journal.h"

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
/* Finds those that a coordinator which died had started, as local_agents_list() gave them: a process is known by its
 * number and the time it was started at. local_agents_reap() tells those that aren't there any more. 0 or -ENOMEM. */
int local_agents_find(const struct local_agents_config *config, const struct journal_child *items, uint32_t count,
                      struct failure *failure, struct local_agents **ret_agents);
/* Starts those anew that have ended, and were not reaped. Errors as local_agents_start(); those that run go on. */
int local_agents_start_missing(struct local_agents *agents, struct failure *failure);
uint32_t local_agents_count(const struct local_agents *agents);
/* Fills in `count` items. */
void local_agents_list(const struct local_agents *agents, struct journal_child *ret_items);
/* Can be read when one has ended; -1 for NULL, which poll() passes over. */
int local_agents_fd(const struct local_agents *agents);
/* How one has ended. */
struct local_agent_end {
	uint64_t pid;
	char text[512]; /* "the process of local-2 ended with code 1; see runs/x/local-2.log" */
};
/* True if one has ended since the last call: call it until it says false. Accepts NULL. */
_Bool local_agents_reap(struct local_agents *agents, struct local_agent_end *ret_end);
uint32_t local_agents_alive(const struct local_agents *agents);
/* Waits up to timeout_ms for those that are left to end by themselves, then ends them (SIGTERM, then SIGKILL; with 0
 * that follows almost at once). Waits no
 * longer, for either, once hurry_fd (-1: none) can be read. Blocks. Accepts NULL. */
struct local_agents *local_agents_stop(struct local_agents *agents, int timeout_ms, int hurry_fd);
