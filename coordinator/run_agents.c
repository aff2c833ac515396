/* SPDX-License-Identifier: Apache-2.0 */
/* What a run tells its agents. Each message can be lost: catch_up says all again that an agent must know now. */
#include "coordinator/run_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/limits.h"

enum { CLOCK_EXCHANGES_FAST = 10 /* these are made at the fast pace */ };

#define PING_FAST_NS (20 * NS_PER_MS)
#define PING_NS NS_PER_S

void run_send_assign(struct run *run, uint32_t index)
{
	const struct plan *plan = run->config.plan;
	struct roster_agent *agent = roster_get(run->roster, index);
	struct wire_file *files = calloc(plan->feed_count ? plan->feed_count : 1, sizeof(*files));
	char(*digests)[SHA256_HEX_SIZE] = calloc(plan->feed_count ? plan->feed_count : 1, sizeof(*digests));

	if (files && digests) {
		for (uint32_t i = 0; i < plan->feed_count; i++) {
			size_t size;
			const void *data = feed_data(plan->feeds[i], &size);

			hash_sha256_hex(data, size, digests[i]);
			files[i] = (struct wire_file){(char *)feed_name(plan->feeds[i]), size, digests[i]};
		}
		run_send(run, agent,
		         &(struct message){.type = MESSAGE_ASSIGN,
		                           .assign = {.plan = (char *)run->config.plan_text,
		                                      .plan_size = run->config.plan_size,
		                                      .agent_name = agent->name,
		                                      .shares = (struct share *)division_of(&run->division, index),
		                                      .share_count = plan->scenario_count,
		                                      .agent_index = index,
		                                      .agent_count = run->division.agent_count,
		                                      .files = files,
		                                      .file_count = plan->feed_count}});
	}
	free(files);
	free(digests);
}

void run_send_start(struct run *run, struct roster_agent *agent)
{
	run_send(run, agent,
	         &(struct message){.type = MESSAGE_START,
	                           .start = {.t0_agent_ns = (uint64_t)((int64_t)run->t0_ns + agent->t0_offset_ns),
	                                     .bound_ns = agent->t0_bound_ns}});
}

void run_send_begin(struct run *run, struct roster_agent *agent, uint32_t scenario)
{
	run_send(run, agent,
	         &(struct message){.type = MESSAGE_BEGIN,
	                           .begin = {.scenario = scenario, .at_ns = run->begun_ns[scenario]}});
}

void run_send_stop(struct run *run, struct roster_agent *agent)
{
	run_send(run, agent,
	         &(struct message){
	                 .type = MESSAGE_STOP,
	                 .stop = {.at_ns = run->stop_at_ns, .grace_ns = RUN_STOP_GRACE_NS, .reason = run->stop_text}});
}

void run_send_ack(struct run *run, struct roster_agent *agent)
{
	run_send(run, agent, &(struct message){.type = MESSAGE_ACK, .ack = {.seq = agent->acked_seq}});
}

static _Bool waits_for_begin(const struct run *run, uint32_t scenario)
{
	return run->config.plan->scenarios[scenario].start_after != PLAN_NONE;
}

/* All that an agent must know in the state that the run is in. */
void run_catch_up(struct run *run, uint32_t index)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	agent->unheard = 0;
	run_send(run, agent,
	         &(struct message){.type = MESSAGE_WELCOME,
	                           .welcome = {.protocol = PROTOCOL_VERSION, .durable_seq = agent->acked_seq}});
	if (agent->state == AGENT_DONE) {
		run_send_ack(run, agent);
		return;
	}
	if (run->state >= RUN_ASSIGNED && index < run->division.agent_count)
		run_send_assign(run, index);
	if (run->t0_ns) {
		run_send_start(run, agent);
		for (uint32_t i = 0; i < run->config.plan->scenario_count; i++)
			if (waits_for_begin(run, i) && run->begun_ns[i] != CLOCK_NEVER)
				run_send_begin(run, agent, i);
	}
	if (run->stop_cause != STOP_CAUSE_COUNT)
		run_send_stop(run, agent);
}

void run_answer_fetch(struct run *run, uint32_t index, const struct message_fetch *fetch)
{
	const struct plan *plan = run->config.plan;

	for (uint32_t i = 0; i < plan->feed_count; i++) {
		size_t size;
		const uint8_t *data = feed_data(plan->feeds[i], &size);

		if (strcmp(feed_name(plan->feeds[i]), fetch->name) != 0 || fetch->offset > size)
			continue;
		size_t left = size - fetch->offset;

		run_send(run, roster_get(run->roster, index),
		         &(struct message){.type = MESSAGE_CHUNK,
		                           .chunk = {.name = fetch->name,
		                                     .offset = fetch->offset,
		                                     .data = (uint8_t *)data + fetch->offset,
		                                     .size = left < LIMIT_PART_BYTES ? left : LIMIT_PART_BYTES}});
		return;
	}
}

void run_ping(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->state == AGENT_DONE || now_ns < agent->next_ping_ns)
			continue;
		agent->pings++;
		agent->ping_sent_ns[agent->pings % ROSTER_PINGS] = now_ns;
		run_send(run, agent,
		         &(struct message){.type = MESSAGE_PING, .ping = {.id = agent->pings, .sent_ns = now_ns}});
		agent->next_ping_ns = now_ns + (agent->pings < CLOCK_EXCHANGES_FAST ? PING_FAST_NS : PING_NS);
	}
}

void run_take_pong(struct run *run, uint32_t index, const struct message_pong *pong, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	uint64_t *sent_ns = &agent->ping_sent_ns[pong->id % ROSTER_PINGS];

	/* Our own memory of when it was sent counts, and the echo says that it is this ping which is answered: the
	 * coordinator before us numbered its own. */
	if (pong->id > agent->pings || pong->id + ROSTER_PINGS <= agent->pings || !*sent_ns ||
	    *sent_ns != pong->sent_ns)
		return;
	(void)clock_offset_add(agent->clock, *sent_ns, pong->agent_in_ns, pong->agent_out_ns, now_ns);
	*sent_ns = 0;
}
