/* SPDX-License-Identifier: Apache-2.0 */
/* A run between its division and T0: agents get ready, their clocks are known, and the start is told. */
#include "coordinator/run_state.h"

enum { CLOCK_EXCHANGES_MIN = 5 /* before a T0 is computed from an offset */ };

#define START_LEAD_NS (400 * NS_PER_MS) /* T0 lies this far ahead, plus ... */
#define START_LEAD_ROUNDS 4             /* ... so many times the worst clock bound */

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
		if (clock_offset_count(roster_get(run->roster, i)->clock) < CLOCK_EXCHANGES_MIN)
			return 0;
	return 1;
}

/* The longest that a scenario can go on after its start, iterations in progress included. */
static uint64_t scenario_length_ns(const struct scenario *scenario)
{
	uint64_t length = scenario->duration_ns ? scenario->duration_ns : scenario->max_duration_ns;

	return length + scenario->graceful_stop_ns;
}

/* When every scenario must be over, since T0; CLOCK_NEVER while one has still to be begun. */
static uint64_t latest_end_ns(const struct run *run)
{
	uint64_t latest = 0;

	for (uint32_t i = 0; i < run->config.plan->scenario_count; i++) {
		if (run->begun_ns[i] == CLOCK_NEVER)
			return CLOCK_NEVER;
		uint64_t end = run->begun_ns[i] + scenario_length_ns(&run->config.plan->scenarios[i]);

		latest = end > latest ? end : latest;
	}
	return latest;
}

void run_set_drain_deadline(struct run *run)
{
	uint64_t latest = latest_end_ns(run);

	if (latest != CLOCK_NEVER)
		run->drain_deadline_ns = run->t0_ns + latest + run->config.plan->lost_after_ns + RUN_DRAIN_SLACK_NS;
}

static int start(struct run *run, uint64_t now_ns)
{
	uint64_t worst_bound_ns = 0;
	int r = run_enter(run, RUN_READY, now_ns);

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		r = clock_offset_get(agent->clock, now_ns, &agent->t0_offset_ns, &agent->t0_bound_ns);
		worst_bound_ns = agent->t0_bound_ns > worst_bound_ns ? agent->t0_bound_ns : worst_bound_ns;
	}
	if (r < 0)
		return r;
	run->t0_ns = now_ns + START_LEAD_NS + START_LEAD_ROUNDS * worst_bound_ns;
	r = run_journal(run, &(struct journal_record){.type = JOURNAL_START,
	                                              .start = {.t0_unix_ns = run_wall_ns(run, run->t0_ns),
	                                                        .t0_ns = run->t0_ns,
	                                                        .boot_id = (char *)run->config.boot_id}});
	if (r == 0)
		r = run_enter(run, RUN_RUNNING, now_ns);
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
	if (roster_count_in(run->roster, AGENT_READY) == roster_count(run->roster) && clocks_are_known(run))
		return start(run, now_ns);
	if (now_ns < run->ready_deadline_ns)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->state != AGENT_READY)
			return run_lose(run, i, now_ns, "it was not ready in time");
	return 0;
}
