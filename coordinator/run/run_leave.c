/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that want to end while the run goes on.
 *
 * What one has goes to others at the next division, where the plan lets it. Whatever it still owns then, it is told to
 * stop alone. Its last account tells what it had not started of counted iterations: run_epoch.c. */
#include "coordinator/run/run_state.h"

#include <errno.h>

#define LEAVE_LEAD_NS (300 * NS_PER_MS)

void run_send_own_stop(struct run *run, struct roster_agent *agent)
{
	run_send(run, agent,
	         &(struct message){.type = MESSAGE_STOP,
	                           .stop = {.at_ns = agent->stop_at_ns,
	                                    .grace_ns = RUN_LEAVE_GRACE_NS,
	                                    .reason = (char *)"it leaves the run"}});
}

void run_stop_leavers(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);
		uint64_t at_ns = run_since_t0_ns(run, now_ns) + LEAVE_LEAD_NS;

		if (!agent->leaving || agent->state != AGENT_RUNNING || agent->stop_at_ns || !run_owns_any(run, i))
			continue;
		/* What others take over goes on here until then. */
		agent->stop_at_ns = at_ns > run->division.from_ns ? at_ns : run->division.from_ns;
		run_send_own_stop(run, agent);
	}
}

static int journal_leave(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	int r = run_journal(run,
	                    &(struct journal_record){.type = JOURNAL_LEAVE,
	                                             .leave = {.agent = index, .at_ns = run_since_t0_ns(run, now_ns)}});

	if (r < 0)
		return r;
	agent->leaving = 1;
	run->unsettled = 1;
	run_tell(run, 0, "agent %s leaves", agent->name);
	return 0;
}

/* Before the run has its agents, nothing is lost with one. */
static int forget(struct run *run, uint32_t index)
{
	if (roster_get(run->roster, index)->journaled)
		return 0;
	run_tell(run, 0, "agent %s went away before the run began", roster_get(run->roster, index)->name);
	roster_get(run->roster, index)->gone = 1;
	return roster_sweep(run->roster);
}

int run_take_leave(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	int r = 0;

	if (run->state == RUN_GATHERING)
		return forget(run, index);
	if (agent->state != AGENT_RUNNING)
		return run_lose(run, index, now_ns, "it was told to end before it had begun");
	if (!agent->leaving) {
		r = journal_leave(run, index, now_ns);
		if (r == 0)
			r = run_settle(run, now_ns);
		if (r == 0)
			run_stop_leavers(run, now_ns);
		return r;
	}
	/* It hasn't heard the answer. */
	run_send_assign(run, index);
	if (agent->stop_at_ns)
		run_send_own_stop(run, agent);
	if (run->stop_cause != STOP_CAUSE_COUNT)
		run_send_stop(run, agent);
	return r;
}
