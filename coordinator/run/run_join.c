/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that come while an elastic run is under way.
 *
 * One is welcomed, journaled and given the plan with nothing of it to run. It fetches files, opens drivers and gets its
 * clock known as the others did before T0; then the next division gives it a part, and it is told T0, which is past. */
#include "coordinator/run/run_state.h"

#include <errno.h>

#include "common/base/limits.h"

enum { CLOCK_EXCHANGES_MIN = 5 /* before a T0 is computed from an offset */ };

_Bool run_clock_is_known(const struct roster_agent *agent)
{
	return clock_offset_count(agent->clock) >= CLOCK_EXCHANGES_MIN;
}

_Bool run_may_join(const struct run *run)
{
	return run->config.plan->elastic && run->state == RUN_RUNNING && run->stop_cause == STOP_CAUSE_COUNT &&
	       roster_count(run->roster) < LIMIT_AGENTS;
}

int run_journal_agent(struct run *run, struct roster_agent *agent)
{
	struct journal_record record = {.type = JOURNAL_AGENT,
	                                .agent = {.incarnation = agent->incarnation, .hello = agent->hello}};
	int r;

	record.agent.hello.name = agent->name;
	r = run_journal(run, &record);
	agent->journaled = r == 0;
	return r;
}

int run_join(struct run *run, struct message *message, uint64_t now_ns)
{
	struct roster_agent *agent;
	int r = roster_add(run->roster, &message->incarnation, &message->hello, &agent);

	if (r == 0)
		r = run_journal_agent(run, agent);
	if (r < 0)
		return r;
	run_tell(run, 0, "agent %s (%s) joins", agent->name, agent->hello.host);
	agent->state = AGENT_ASSIGNED;
	agent->last_heard_ns = now_ns;
	agent->next_ping_ns = now_ns;
	agent->ready_deadline_ns = now_ns + RUN_READY_TIMEOUT_NS;
	run_catch_up(run, roster_count(run->roster) - 1);
	return 0;
}

int run_tell_t0(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct journal_record record = {.type = JOURNAL_TOLD, .told = {.agent = index}};
	uint64_t at_ns = now_ns > run->t0_ns ? now_ns : run->t0_ns;
	/* As it will be then: the clocks go apart until T0 comes. */
	int r = clock_offset_at(agent->clock, at_ns, &agent->t0_offset_ns, &agent->t0_bound_ns);

	if (r < 0)
		return r;
	agent->t0_at_ns = at_ns;
	agent->start_error_ns = 0;
	agent->start_bound_ns = agent->t0_bound_ns;
	record.told.offset_ns = agent->t0_offset_ns;
	record.told.bound_ns = agent->t0_bound_ns;
	return run_journal(run, &record);
}

int run_admit(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	int r = run_tell_t0(run, index, now_ns);

	if (r < 0)
		return r;
	run_send_assign(run, index);
	agent->state = AGENT_RUNNING;
	agent->next_status_ns = now_ns + RUN_STATUS_NS;
	run_send_start(run, agent);
	run_send_begins(run, agent);
	return 0;
}

/* One that was assigned its share before T0, and wasn't told T0 before the coordinator died, just starts. */
static int start_one(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	if (run_owns_any(run, index))
		return run_admit(run, index, now_ns);
	if (!agent->considered) {
		agent->considered = 1;
		run->unsettled = 1;
	}
	return 0;
}

int run_look_at_joiners(struct run *run, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state == AGENT_READY && run_clock_is_known(agent))
			r = start_one(run, i, now_ns);
		else if (agent->state == AGENT_ASSIGNED && now_ns >= agent->ready_deadline_ns)
			r = run_lose(run, i, now_ns, "it was not ready in time");
	}
	return r;
}

int run_dismiss_joiners(struct run *run)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state >= AGENT_RUNNING || run_owns_any(run, i))
			continue;
		r = run_journal(run, &(struct journal_record){.type = JOURNAL_DONE, .done = {.agent = i}});
		if (r < 0)
			return r;
		agent->state = AGENT_DONE;
		agent->done_told = 1;
		agent->released = 1;
		run_send(run, agent,
		         &(struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)"the run is over"}});
	}
	return r;
}
