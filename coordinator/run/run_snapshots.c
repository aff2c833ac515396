/* SPDX-License-Identifier: Apache-2.0 */
/* What agents measured: taken, journaled, acknowledged. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <stdio.h>

/* An agent whose snapshots can't be taken would send the same one for ever. */
static int refuse_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, const char *why,
                           uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	char reason[RUN_TEXT_SIZE];

	snprintf(reason, sizeof(reason), "its snapshot %llu is refused: %.*s", (unsigned long long)snapshot->seq, 800,
	         why);
	run_send(run, agent, &(struct message){.type = MESSAGE_STOP, .stop = {.reason = reason}});
	return run_lose_for_good(run, index, now_ns, reason);
}

/* After a resume the newest one may have been the last: run_restore.c. */
static void know_final(struct run *run, struct roster_agent *agent, const struct message_snapshot *snapshot)
{
	if (snapshot->last) {
		agent->final_seq = snapshot->seq;
	} else if (agent->final_seq && snapshot->seq >= agent->final_seq) {
		agent->final_seq = 0;
		run->unsettled = 1; /* it may be an heir */
	}
}

/* A scenario of which it knows nothing yet, after its begin. */
static void remind_of_begins(struct run *run, struct roster_agent *agent, const struct message_snapshot *snapshot)
{
	const struct plan *plan = run->config.plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct wire_scenario *account = &snapshot->scenarios[i];

		if (plan->scenarios[i].start_after != PLAN_NONE && run->begun_ns[i] < snapshot->second * NS_PER_S &&
		    account->tally.planned == 0 && !account->finished)
			run_send_begin(run, agent, i);
	}
}

/* What it did in that second tells if it missed something. */
static void remind(struct run *run, uint32_t index, const struct message_snapshot *snapshot)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	uint64_t second_ns = snapshot->second * NS_PER_S;

	if (snapshot->last || agent->state != AGENT_RUNNING)
		return;
	if (snapshot->epoch < run->division.epoch && second_ns > run->division.from_ns)
		run_send_assign(run, index);
	remind_of_begins(run, agent, snapshot);
	if (run->stop_cause != STOP_CAUSE_COUNT && second_ns > run->stop_at_ns)
		run_send_stop(run, agent);
	if (agent->stop_at_ns && second_ns > agent->stop_at_ns)
		run_send_own_stop(run, agent);
}

int run_take_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct failure failure = {0};
	int r;

	if (agent->state < AGENT_RUNNING)
		return 0; /* it was told no T0 */
	/* Of what it may have produced since the ends were taken, nothing would be seen. */
	if (agent->state == AGENT_LOST && run->verify.closing)
		return 0;
	if (snapshot->epoch > run->division.epoch)
		return refuse_snapshot(run, index, snapshot, "it is of an epoch that there is not", now_ns);
	if (snapshot->second >= run_past_s(run))
		return refuse_snapshot(run, index, snapshot, "it is of a second that the plan doesn't reach", now_ns);
	r = intake_take(run->intake, index, snapshot, &failure);
	if (r == -ENOMEM)
		return r;
	if (r == -EBADMSG)
		return refuse_snapshot(run, index, snapshot, failure.text, now_ns);
	if (r == MERGE_GAP)
		return 0;
	know_final(run, agent, snapshot);
	if (r == MERGE_ACCEPTED)
		remind(run, index, snapshot);
	if (r == MERGE_REPEATED && agent->acked_seq >= snapshot->seq)
		run_send_ack(run, agent);
	return 0;
}

int run_take_done(struct run *run, uint32_t index, const struct message_done *done)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	if (agent->done_told || agent->state < AGENT_RUNNING)
		return 0;
	agent->done_told = 1;
	agent->last_seq = done->last_seq;
	agent->end_ns = done->end_ns;
	return run_journal_targets(run, done->targets, done->target_count);
}

/* Its last acknowledgement lets an agent go. */
static void release(struct run *run, struct roster_agent *agent)
{
	if (agent->released)
		return;
	agent->released = 1;
	agent->acked_seq = agent->last_seq;
	run_send_ack(run, agent);
}

void run_release(struct run *run)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->state == AGENT_DONE)
			release(run, roster_get(run->roster, i));
}

_Bool run_needs_somebody(const struct run *run)
{
	return run_has_teardown(run) || run_has_verifier(run);
}

void run_release_leaver(struct run *run, uint32_t index)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	if (agent->state == AGENT_DONE && agent->leaving && !run_verifies(run, index))
		release(run, agent);
}

/* The last snapshot is acknowledged with the journaled done, so that an agent which knows it can go; and not before
 * what was produced is verified and torn down, which one of them has to do. An agent that leaves waits for nobody's
 * sake but that of what it verifies. */
static int settle_done(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct journal_record record = {.type = JOURNAL_DONE,
	                                .done = {.agent = index, .last_seq = agent->last_seq, .end_ns = agent->end_ns}};
	int r = run_journal_status(run, index, now_ns);

	if (r == 0)
		r = run_journal(run, &record);
	if (r < 0)
		return r;
	agent->state = AGENT_DONE;
	run->unsettled |= agent->leaving;
	if (!run_needs_somebody(run))
		release(run, agent);
	else
		run_release_leaver(run, index);
	return 0;
}

static int acknowledge(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	uint64_t durable = merge_accepted_seq(intake_merge(run->intake), index);

	if (agent->state == AGENT_DONE)
		return 0;
	if (agent->done_told && durable >= agent->last_seq)
		return settle_done(run, index, now_ns);
	if (agent->final_seq && durable >= agent->final_seq)
		durable = agent->final_seq - 1;
	if (durable > agent->acked_seq) {
		agent->acked_seq = durable;
		run_send_ack(run, agent);
	}
	if (now_ns < agent->next_status_ns)
		return 0;
	/* One that has told nothing yet has no status, so that this comes each turn. */
	if (run->config.plan->duty_count > 0 && merge_accepted_seq(intake_merge(run->intake), index) > 0)
		run_send_duties(run, index);
	return run_journal_status(run, index, now_ns);
}

int run_flush(struct run *run, uint64_t now_ns)
{
	int r = intake_flush(run->intake);

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = acknowledge(run, i, now_ns);
	run->next_flush_ns = now_ns + RUN_FLUSH_NS;
	return r;
}
