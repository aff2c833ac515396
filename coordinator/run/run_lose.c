/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that are given up, and those of them that come back. */
#include "coordinator/run/run_state.h"

#include <math.h>
#include <stdio.h>

#include "common/base/units.h"

/* What the plan wants once an agent is lost that ran. */
static int follow_loss(struct run *run, uint32_t index, uint64_t now_ns, const char *text)
{
	const struct roster_agent *agent = roster_get(run->roster, index);

	if (run->state < RUN_RUNNING)
		return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, text);
	run_tell(run, 1, "%s", text);
	if (run->state == RUN_RUNNING && agent->before_loss == AGENT_RUNNING &&
	    run->config.plan->on_agent_loss == ON_AGENT_LOSS_FAIL)
		return run_stop(run, STOP_AGENTS_LOST, 0, NAN, now_ns, text);
	run->unsettled = 1;
	return 0;
}

int run_lose(struct run *run, uint32_t index, uint64_t now_ns, const char *reason)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct journal_record record = {.type = JOURNAL_LOST,
	                                .lost = {.agent = index,
	                                         .at_ns = run_since_t0_ns(run, now_ns),
	                                         .silent = agent->silent,
	                                         .reason = (char *)reason}};
	char text[RUN_TEXT_SIZE];
	int r;

	if (agent->state == AGENT_DONE || agent->state == AGENT_LOST)
		return 0;
	r = run_journal_status(run, index, now_ns);
	/* One that has no number in the journal yet is not known there: the stop tells of it. */
	if (r == 0 && agent->journaled)
		r = run_journal(run, &record);
	if (r < 0)
		return r;
	agent->before_loss = agent->state;
	agent->state = AGENT_LOST;
	snprintf(text, sizeof(text), "agent %s is lost: %s", agent->name, reason);
	return follow_loss(run, index, now_ns, text);
}

int run_lose_for_good(struct run *run, uint32_t index, uint64_t now_ns, const char *reason)
{
	roster_get(run->roster, index)->silent = 0;
	return run_lose(run, index, now_ns, reason);
}

/* It was only cut off. What it had may be others' by now; in an elastic run it gets a part again before it is told
 * anything, as without one it would end. */
static int take_back(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	int r = run_journal(run,
	                    &(struct journal_record){.type = JOURNAL_BACK,
	                                             .back = {.agent = index, .at_ns = run_since_t0_ns(run, now_ns)}});

	if (r < 0)
		return r;
	agent->state = agent->before_loss;
	agent->silent = 0;
	agent->returned = 1;
	agent->considered = 0;
	run->unsettled = 1;
	if (run->state == RUN_DRAINING)
		run_reopen_verifiers(run);
	run_tell(run, 0, "agent %s is back%s", agent->name,
	         agent->state != AGENT_RUNNING || run_owns_any(run, index) || run->config.plan->elastic
	                 ? ""
	                 : "; what it had stays with the others");
	return run_settle(run, now_ns);
}

int run_hear(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	int r = 0;

	agent->last_heard_ns = now_ns;
	if (agent->next_ping_ns == CLOCK_NEVER)
		agent->next_ping_ns = now_ns;
	if (agent->state == AGENT_LOST && agent->silent && !agent->exited && run->state >= RUN_RUNNING) {
		r = take_back(run, index, now_ns);
		agent->unheard = 1;
	}
	if (r == 0 && agent->unheard && agent->state != AGENT_LOST)
		run_catch_up(run, index);
	return r;
}

int run_lose_the_silent(struct run *run, uint64_t now_ns)
{
	uint64_t lost_after_ns = run->config.plan->lost_after_ns;
	char reason[96];
	char duration[32];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state == AGENT_DONE || agent->state == AGENT_LOST ||
		    now_ns < agent->last_heard_ns + lost_after_ns)
			continue;
		snprintf(reason, sizeof(reason), "nothing heard of it for %s",
		         units_format_duration(lost_after_ns, duration, sizeof(duration)));
		agent->silent = 1;
		r = run_lose(run, i, now_ns, reason);
	}
	return r;
}

int run_lose_the_unfinished(struct run *run, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = run_lose_for_good(run, i, now_ns, "it did not finish in time");
	return r;
}

int run_end_for_the_lost(struct run *run, uint64_t now_ns)
{
	char text[RUN_TEXT_SIZE];

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state != AGENT_LOST)
			continue;
		snprintf(text, sizeof(text), "agent %s was lost before the run began", agent->name);
		return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, text);
	}
	return 0;
}

/* A coordinator that was stopped itself has heard nobody meanwhile. */
void run_forgive(struct run *run, uint64_t now_ns)
{
	uint64_t gap_ns = run->last_tick_ns && now_ns > run->last_tick_ns ? now_ns - run->last_tick_ns : 0;

	run->last_tick_ns = now_ns;
	if (gap_ns < RUN_STALL_NS)
		return;
	run_forgive_verifiers(run, gap_ns);
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		agent->last_heard_ns = agent->last_heard_ns + gap_ns < now_ns ? agent->last_heard_ns + gap_ns : now_ns;
	}
}
