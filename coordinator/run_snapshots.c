/* SPDX-License-Identifier: Apache-2.0 */
/* What agents measured: taken, journaled, acknowledged. */
#include "coordinator/run_state.h"

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
	return run_lose(run, index, now_ns, reason);
}

int run_take_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	struct failure failure = {0};
	int r = intake_take(run->intake, index, snapshot, &failure);

	if (r == -ENOMEM)
		return r;
	if (r == -EBADMSG)
		return refuse_snapshot(run, index, snapshot, failure.text, now_ns);
	if (r == MERGE_GAP)
		return 0;
	/* After a resume the newest one may have been the last: run_restore.c. */
	if (snapshot->last)
		agent->final_seq = snapshot->seq;
	else if (snapshot->seq >= agent->final_seq)
		agent->final_seq = 0;
	if (r == MERGE_REPEATED && agent->acked_seq >= snapshot->seq)
		run_send_ack(run, agent);
	return 0;
}

int run_take_done(struct run *run, uint32_t index, const struct message_done *done)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	if (agent->done_told)
		return 0;
	agent->done_told = 1;
	agent->last_seq = done->last_seq;
	agent->end_ns = done->end_ns;
	return run_journal_targets(run, done->targets, done->target_count);
}

/* The last snapshot is acknowledged with the journaled done, so that an agent which knows it can go. */
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
	agent->acked_seq = agent->last_seq;
	run_send_ack(run, agent);
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
	return now_ns >= agent->next_status_ns ? run_journal_status(run, index, now_ns) : 0;
}

int run_flush(struct run *run, uint64_t now_ns)
{
	int r = intake_flush(run->intake);

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = acknowledge(run, i, now_ns);
	run->next_flush_ns = now_ns + RUN_FLUSH_NS;
	return r;
}
