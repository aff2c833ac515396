/* SPDX-License-Identifier: Apache-2.0 */
/* A run made again from its journal, and gone on with.
 *
 * What was journaled is what happened; what wasn't, did not, and whoever waits for it asks again. Three things are not
 * in the journal, and are found anew: the agents' clocks (by pings), what they have said but not yet delivered (they
 * send again what is not acknowledged), and whether the newest snapshot of an agent was its last. As that one's
 * acknowledgement lets the agent go, it is withheld until the agent says more, or the same again.
 *
 * A T0 that nobody was told is no T0: another one is set. */
#include "coordinator/run/run_restore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/run/run_state.h"

int run_restore_new(const struct run_config *config, struct run **ret_run)
{
	return run_make(config, ret_run);
}

static struct roster_agent *agent_of(struct run *run, uint32_t index)
{
	return index < roster_count(run->roster) ? roster_get(run->roster, index) : NULL;
}

static int restore_agent(struct run *run, struct journal_record *record)
{
	struct roster_agent *agent;
	int r;

	if (roster_find(run->roster, &record->agent.incarnation) != UINT32_MAX)
		return -EBADMSG;
	r = roster_add(run->roster, &record->agent.incarnation, &record->agent.hello, &agent);
	if (r < 0)
		return r;
	agent->journaled = 1;
	agent->state = run->division.epoch > 0 ? AGENT_ASSIGNED : AGENT_CAME;
	return 0;
}

static int restore_division(struct run *run, struct journal_record *record)
{
	const struct division *division = &run->division;
	const struct plan *plan = run->config.plan;

	if (record->division.agent_count > roster_count(run->roster) || record->division.epoch <= division->epoch ||
	    record->division.scenario_count != plan->scenario_count ||
	    record->division.target_count != plan->target_count)
		return -EBADMSG;
	for (uint32_t i = 0; i < record->division.agent_count; i++)
		if (roster_get(run->roster, i)->state == AGENT_CAME)
			roster_get(run->roster, i)->state = AGENT_ASSIGNED;
	return run_keep_division(run, record);
}

static int restore_begin(struct run *run, const struct journal_record *record)
{
	if (record->begin.scenario >= run->config.plan->scenario_count)
		return -EBADMSG;
	run->begun_ns[record->begin.scenario] = record->begin.at_ns;
	return 0;
}

static int restore_status(struct run *run, const struct journal_record *record)
{
	struct roster_agent *agent = agent_of(run, record->status.agent);
	uint64_t own_ns = record->status.health.start_skew_ns;

	if (!agent || record->status.start_skew_ns < own_ns)
		return -EBADMSG;
	agent->start_error_ns = record->status.start_skew_ns - own_ns;
	agent->start_bound_ns = record->status.start_bound_ns;
	agent->last_clock = (struct roster_clock){.offset_ns = record->status.clock_offset_ns,
	                                          .bound_ns = record->status.clock_bound_ns,
	                                          .drift_ppm = record->status.drift_ppm,
	                                          .drift_bound_ppm = record->status.drift_bound_ppm};
	return intake_restore(run->intake, record);
}

static int restore_lost(struct run *run, const struct journal_record *record)
{
	struct roster_agent *agent = agent_of(run, record->lost.agent);

	if (!agent)
		return -EBADMSG;
	agent->before_loss = agent->state;
	agent->state = AGENT_LOST;
	agent->silent = record->lost.silent;
	return 0;
}

static int restore_back(struct run *run, const struct journal_record *record)
{
	struct roster_agent *agent = agent_of(run, record->back.agent);

	if (!agent)
		return -EBADMSG;
	agent->state = agent->before_loss;
	agent->silent = 0;
	agent->returned = 1;
	if (run->state == RUN_DRAINING)
		run_reopen_verifiers(run);
	return 0;
}

static int restore_told(struct run *run, const struct journal_record *record)
{
	struct roster_agent *agent = agent_of(run, record->told.agent);

	if (!agent)
		return -EBADMSG;
	agent->t0_offset_ns = record->told.offset_ns;
	agent->t0_bound_ns = record->told.bound_ns;
	agent->start_bound_ns = record->told.bound_ns;
	agent->last_clock =
	        (struct roster_clock){.offset_ns = record->told.offset_ns, .bound_ns = record->told.bound_ns};
	agent->t0_at_ns = run->t0_ns + (record->told.agent < run->counted_agents ? 0 : run->division.from_ns);
	agent->state = AGENT_RUNNING;
	return 0;
}

static int restore_leave(struct run *run, const struct journal_record *record)
{
	struct roster_agent *agent = agent_of(run, record->leave.agent);

	if (!agent)
		return -EBADMSG;
	agent->leaving = 1;
	return 0;
}

static int restore_done(struct run *run, const struct journal_record *record)
{
	struct roster_agent *agent = agent_of(run, record->done.agent);

	if (!agent)
		return -EBADMSG;
	agent->state = AGENT_DONE;
	agent->done_told = 1;
	agent->last_seq = record->done.last_seq;
	agent->final_seq = record->done.last_seq;
	/* As settling it did: a teardown needs somebody who is there. */
	agent->acked_seq = record->done.last_seq;
	if ((!agent->leaving || run_verifies(run, record->done.agent)) && agent->acked_seq > 0 &&
	    run_needs_somebody(run))
		agent->acked_seq--;
	agent->end_ns = record->done.end_ns;
	return 0;
}

static int restore_stop(struct run *run, const struct journal_record *record)
{
	if (run->stop_cause != STOP_CAUSE_COUNT)
		return 0;
	run->stop_cause = record->stop.cause;
	run->stop_at_ns = record->stop.at_ns;
	snprintf(run->stop_text, sizeof(run->stop_text), "%s", record->stop.text);
	return 0;
}

int run_restore_record(struct run *run, struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_STATE:
		run->state = record->state.state;
		return 0;
	case JOURNAL_AGENT:
		return restore_agent(run, record);
	case JOURNAL_DIVISION:
		return restore_division(run, record);
	case JOURNAL_START:
		run->t0_ns = record->start.t0_ns;
		return 0;
	case JOURNAL_BEGIN:
		return restore_begin(run, record);
	case JOURNAL_SERIES:
	case JOURNAL_DELTAS:
		return intake_restore(run->intake, record);
	case JOURNAL_STATUS:
		return restore_status(run, record);
	case JOURNAL_LOST:
		return restore_lost(run, record);
	case JOURNAL_BACK:
		return restore_back(run, record);
	case JOURNAL_TOLD:
		return restore_told(run, record);
	case JOURNAL_LEAVE:
		return restore_leave(run, record);
	case JOURNAL_DUTY:
		return run_keep_duty(run, record);
	case JOURNAL_SEEN:
		return run_keep_seen(run, record);
	case JOURNAL_DONE:
		return restore_done(run, record);
	case JOURNAL_STOP:
		return restore_stop(run, record);
	default:
		return 0;
	}
}

/* ---- going on ---- */

/* Agents deliver what they held at least so many times faster than they made it. */
enum { DELIVERY_SPEED = 10 };

/* How long it may take from now on until an agent that held all it has is heard, and has delivered it. */
static uint64_t catching_up_ns(const struct run *run, uint64_t now_ns)
{
	return run->config.plan->lost_after_ns + run_since_t0_ns(run, now_ns) / DELIVERY_SPEED;
}

static _Bool somebody_was_told(struct run *run)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->state >= AGENT_RUNNING ||
		    merge_accepted_seq(intake_merge(run->intake), i))
			return 1;
	return 0;
}

static void greet_anew(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);
		uint64_t newest = merge_accepted_seq(intake_merge(run->intake), i);

		agent->unheard = 1;
		agent->last_heard_ns = now_ns;
		agent->next_ping_ns = CLOCK_NEVER; /* until it is connected again, which it tells */
		agent->next_status_ns = now_ns + RUN_STATUS_NS;
		agent->ready_deadline_ns = now_ns + RUN_READY_TIMEOUT_NS;
		if (agent->state == AGENT_DONE)
			continue;
		agent->final_seq = newest;
		agent->acked_seq = newest > 0 ? newest - 1 : 0;
	}
}

static void set_deadlines(struct run *run, uint64_t now_ns)
{
	uint64_t least_ns = now_ns + catching_up_ns(run, now_ns) + RUN_STOP_GRACE_NS + RUN_DRAIN_SLACK_NS;

	run->gather_deadline_ns = now_ns + run->config.wait_ns;
	run->ready_deadline_ns = now_ns + RUN_READY_TIMEOUT_NS;
	run->patient_until_ns = now_ns + catching_up_ns(run, now_ns);
	if (run->state < RUN_RUNNING)
		return;
	run->next_flush_ns = now_ns + RUN_FLUSH_NS;
	if (run->stop_cause == STOP_CAUSE_COUNT)
		run_set_drain_deadline(run);
	else
		run->drain_deadline_ns = least_ns;
	if (run->drain_deadline_ns < least_ns)
		run->drain_deadline_ns = least_ns;
}

/* The step that the coordinator had begun when it died, or 0. */
static int finish_step(struct run *run, uint64_t now_ns)
{
	_Bool stopped = run->stop_cause != STOP_CAUSE_COUNT;

	if (stopped && run->state < RUN_RUNNING)
		return run_enter(run, RUN_REPORTING, now_ns);
	if (stopped && run->state == RUN_RUNNING)
		return run_enter(run, RUN_DRAINING, now_ns);
	if (run->state == RUN_GATHERING && run->division.epoch > 0)
		return run_enter(run, RUN_ASSIGNED, now_ns);
	if (run->state == RUN_READY && run->t0_ns)
		return run_enter(run, RUN_RUNNING, now_ns);
	return 0;
}

int run_resume(struct run *run, uint64_t now_ns, int64_t wall_ns)
{
	int r = run_journal(run, &(struct journal_record){.type = JOURNAL_RESUME, .resume = {.at_unix_ns = wall_ns}});

	if (r < 0)
		return r;
	run->config.wall_offset_ns = wall_ns - (int64_t)now_ns;
	if (run->t0_ns && !somebody_was_told(run))
		run->t0_ns = 0;
	if (run->state >= RUN_READY && !run->t0_ns)
		run->state = RUN_ASSIGNED;
	greet_anew(run, now_ns);
	run_duties_again(run);
	run_verifiers_again(run, now_ns);
	run->unsettled = 1;
	r = finish_step(run, now_ns);
	set_deadlines(run, now_ns);
	return r;
}
