/* SPDX-License-Identifier: Apache-2.0 */
/* A run between its division and T0: agents get ready, their clocks are known, and the start is told. */
#include "coordinator/run/run_state.h"

#define START_LEAD_NS (400 * NS_PER_MS) /* T0 lies this far ahead, plus ... */
#define START_LEAD_ROUNDS 4             /* ... so many times the worst clock bound */

enum { STOPPED_S = 3600 }; /* of a host: longer than anybody is waited for */

int run_journal_targets(struct run *run, struct wire_target *targets, uint32_t count)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = run_journal(run, &(struct journal_record){.type = JOURNAL_TARGET, .target = targets[i]});
	return r;
}

int run_take_ready(struct run *run, uint32_t index, const struct message_ready *ready)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	/* It says so until it is told T0. */
	if (agent->state == AGENT_RUNNING && merge_accepted_seq(intake_merge(run->intake), index) == 0)
		run_catch_up(run, index);
	if (agent->state != AGENT_ASSIGNED)
		return 0;
	agent->state = AGENT_READY;
	for (uint32_t i = 0; i < ready->target_count; i++)
		if (ready->targets[i].problem[0])
			run_tell(run, 1, "agent %s: target %s: %s", agent->name, ready->targets[i].name,
			         ready->targets[i].problem);
	return run_journal_targets(run, ready->targets, ready->target_count);
}

static _Bool clocks_are_known(struct run *run)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (!run_clock_is_known(roster_get(run->roster, i)))
			return 0;
	return 1;
}

/* When every scenario must be over, since T0; with the time that iterations in progress may take, or without it.
 * CLOCK_NEVER while one has still to be begun. */
static uint64_t latest_end_ns(const struct run *run, _Bool with_grace)
{
	uint64_t latest = 0;

	for (uint32_t i = 0; i < run->config.plan->scenario_count; i++) {
		const struct scenario *scenario = &run->config.plan->scenarios[i];
		uint64_t length = scenario->duration_ns ? scenario->duration_ns : scenario->max_duration_ns, end;

		if (run->begun_ns[i] == CLOCK_NEVER)
			return CLOCK_NEVER;
		end = run->begun_ns[i] + length + (with_grace ? scenario->graceful_stop_ns : 0);
		latest = end > latest ? end : latest;
	}
	return latest;
}

uint64_t run_schedule_end_ns(const struct run *run)
{
	return latest_end_ns(run, 0);
}

uint64_t run_past_s(const struct run *run)
{
	const struct plan *plan = run->config.plan;
	uint64_t past_s = STOPPED_S + plan->lost_after_ns / NS_PER_S;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];
		uint64_t length_ns = scenario->duration_ns ? scenario->duration_ns : scenario->max_duration_ns;

		/* as if each waited for the one before it; years of all of them fit into seconds, not into ns */
		past_s += (scenario->start_time_ns + length_ns) / NS_PER_S + scenario->graceful_stop_ns / NS_PER_S + 3;
	}
	return past_s;
}

void run_set_drain_deadline(struct run *run)
{
	uint64_t latest = latest_end_ns(run, 1);

	if (latest != CLOCK_NEVER)
		run->drain_deadline_ns = run->t0_ns + latest + run->config.plan->lost_after_ns + RUN_DRAIN_SLACK_NS;
}

/* T0 lies so far ahead that everybody will have heard of it. */
static int set_t0(struct run *run, uint64_t now_ns)
{
	uint64_t worst_bound_ns = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		int64_t offset_ns;
		uint64_t bound_ns;

		r = clock_offset_get(roster_get(run->roster, i)->clock, now_ns, &offset_ns, &bound_ns);
		worst_bound_ns = r == 0 && bound_ns > worst_bound_ns ? bound_ns : worst_bound_ns;
	}
	if (r < 0)
		return r;
	run->t0_ns = now_ns + START_LEAD_NS + START_LEAD_ROUNDS * worst_bound_ns;
	return run_journal(run, &(struct journal_record){.type = JOURNAL_START,
	                                                 .start = {.t0_unix_ns = run_wall_ns(run, run->t0_ns),
	                                                           .t0_ns = run->t0_ns,
	                                                           .boot_id = (char *)run->config.boot_id}});
}

static int start(struct run *run, uint64_t now_ns)
{
	int r = run_enter(run, RUN_READY, now_ns);

	if (r == 0)
		r = set_t0(run, now_ns);
	if (r == 0)
		r = run_enter(run, RUN_RUNNING, now_ns);
	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = run_tell_t0(run, i, now_ns);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		agent->state = AGENT_RUNNING;
		agent->next_status_ns = run->t0_ns + RUN_STATUS_NS;
		run_send_start(run, agent);
	}
	run->next_flush_ns = now_ns + RUN_FLUSH_NS;
	run_set_drain_deadline(run);
	return 0;
}

int run_await_ready(struct run *run, uint64_t now_ns)
{
	if (roster_count_in(run->roster, AGENT_READY) == roster_count(run->roster) && clocks_are_known(run)) {
		int r = run_set_up(run, now_ns);

		if (r == 1 && run->state == RUN_ASSIGNED)
			r = run_begin_verifiers(run, now_ns);
		return r == 1 && run->state == RUN_ASSIGNED ? start(run, now_ns) : (r < 0 ? r : 0);
	}
	if (now_ns < run->ready_deadline_ns)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->state != AGENT_READY)
			return run_lose(run, i, now_ns, "it was not ready in time");
	return 0;
}
