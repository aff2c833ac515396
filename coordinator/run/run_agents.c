/* SPDX-License-Identifier: Apache-2.0 */
/* What a run tells its agents. Each message can be lost: catch_up says all again that an agent must know now. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/hash.h"
#include "common/base/limits.h"

enum { CLOCK_EXCHANGES_FAST = 10 /* these are made at the fast pace */ };

#define PING_FAST_NS (20 * NS_PER_MS)
#define PING_NS NS_PER_S

int run_make_files(struct run *run)
{
	const struct plan *plan = run->config.plan;
	char digest[SHA256_HEX_SIZE];

	run->files = calloc(plan->feed_count + 1, sizeof(*run->files));
	if (!run->files)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->feed_count; i++) {
		const char *known = i < run->config.file_count ? run->config.files[i].sha256 : digest;
		size_t size;
		const void *data = feed_data(plan->feeds[i], &size);

		if (i < run->config.file_count)
			size = run->config.files[i].size;
		else
			hash_sha256_hex(data, size, digest);
		run->files[i] = (struct wire_file){(char *)feed_name(plan->feeds[i]), size, strdup(known)};
		if (!run->files[i].sha256)
			return -ENOMEM;
	}
	return 0;
}

void run_free_files(struct run *run)
{
	for (uint32_t i = 0; run->files && i < run->config.plan->feed_count; i++)
		free(run->files[i].sha256);
	free(run->files);
}

/* The extras that are the agent's own; ret_extras has room for all. */
static uint32_t extras_of(const struct run *run, uint32_t index, struct wire_extra *ret_extras)
{
	uint32_t count = 0;

	for (size_t i = 0; i < run->extra_count; i++)
		if (run->extras[i].agent == index)
			ret_extras[count++] = run->extras[i].extra;
	return count;
}

/* One that joins has nothing yet. */
static void set_shares(const struct run *run, uint32_t index, const struct share *none, const uint32_t *no_connections,
                       struct message_assign *assign)
{
	_Bool has = index < run->division.agent_count;

	assign->shares = (struct share *)(has ? division_of(&run->division, index) : none);
	assign->share_count = run->division.scenario_count;
	assign->connections = (uint32_t *)(has ? division_connections(&run->division, index) : no_connections);
	assign->connection_count = run->division.target_count;
}

/* True if it may not have the plan yet, as far as is known. */
static _Bool needs_plan(struct run *run, uint32_t index)
{
	return roster_get(run->roster, index)->state < AGENT_RUNNING ||
	       merge_accepted_seq(intake_merge(run->intake), index) == 0;
}

void run_send_assign(struct run *run, uint32_t index)
{
	const struct plan *plan = run->config.plan;
	struct roster_agent *agent = roster_get(run->roster, index);
	struct share *none cleanup(cleanup_free) = calloc(plan->scenario_count + 1, sizeof(*none));
	uint32_t *no_connections cleanup(cleanup_free) = calloc(plan->target_count + 1, sizeof(*no_connections));
	struct wire_extra *extras cleanup(cleanup_free) = calloc(run->extra_count + 1, sizeof(*extras));
	struct message message = {.type = MESSAGE_ASSIGN,
	                          .assign = {.from_ns = run->division.from_ns,
	                                     .agent_name = agent->name,
	                                     .agent_index = index,
	                                     .agent_count = roster_count(run->roster),
	                                     .moves = run->moves,
	                                     .move_count = (uint32_t)run->move_count}};

	if (!none || !no_connections || !extras)
		return; /* it will ask again */
	set_shares(run, index, none, no_connections, &message.assign);
	message.assign.extras = extras;
	message.assign.extra_count = extras_of(run, index, extras);
	if (needs_plan(run, index)) {
		message.assign.plan = (char *)run->config.plan_text;
		message.assign.plan_size = run->config.plan_size;
		message.assign.files = run->files;
		message.assign.file_count = plan->feed_count;
	}
	run_send(run, agent, &message);
}

/* While setups are done anew, after a resume, nobody may start without what they find out: who waits for T0 says ready
 * again. */
void run_send_start(struct run *run, struct roster_agent *agent)
{
	if (run_has_setup(run))
		return;
	run_send(run, agent,
	         &(struct message){.type = MESSAGE_START,
	                           .start = {.t0_agent_ns = (uint64_t)((int64_t)run->t0_ns + agent->t0_offset_ns),
	                                     .bound_ns = agent->t0_bound_ns,
	                                     .values = run->duties.values,
	                                     .value_count = (uint32_t)run->duties.value_count}});
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

void run_send_begins(struct run *run, struct roster_agent *agent)
{
	for (uint32_t i = 0; i < run->config.plan->scenario_count; i++)
		if (waits_for_begin(run, i) && run->begun_ns[i] != CLOCK_NEVER)
			run_send_begin(run, agent, i);
}

/* What one that runs must know beside its share. */
static void catch_up_running(struct run *run, uint32_t index)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	run_send_start(run, agent);
	run_send_values_again(run, index);
	run_send_begins(run, agent);
	if (agent->stop_at_ns)
		run_send_own_stop(run, agent);
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
		if (!agent->released)
			run_send_duties(run, index);
		return;
	}
	if (run->division.epoch > 0)
		run_send_assign(run, index);
	if (run->t0_ns && agent->state == AGENT_RUNNING)
		catch_up_running(run, index);
	if (run->stop_cause != STOP_CAUSE_COUNT)
		run_send_stop(run, agent);
	if (run->config.plan->duty_count > 0)
		run_send_duties(run, index);
}

/* It could never run its share. */
static int refuse_fetch(struct run *run, uint32_t index, uint64_t now_ns)
{
	run_send(run, roster_get(run->roster, index),
	         &(struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)run->config.files_problem}});
	return run_lose_for_good(run, index, now_ns, run->config.files_problem);
}

int run_answer_fetch(struct run *run, uint32_t index, const struct message_fetch *fetch, uint64_t now_ns)
{
	const struct plan *plan = run->config.plan;

	if (run->config.files_problem)
		return refuse_fetch(run, index, now_ns);
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
		break;
	}
	return 0;
}

/* T0 on the agent's clock, by what is known of it; 0: it has not been told of one. What was known before holds while
 * less is known now: an exchange that contradicts the others makes the truth wider for some seconds. */
static uint64_t t0_of(const struct run *run, struct roster_agent *agent, uint64_t now_ns)
{
	int64_t offset_ns;
	uint64_t bound_ns;
	double aged_ns;

	if (run->t0_ns == 0 || agent->t0_at_ns == 0 ||
	    clock_offset_get(agent->clock, now_ns, &offset_ns, &bound_ns) < 0)
		return 0;
	aged_ns = (double)agent->pinged_bound_ns +
	          (double)(now_ns - agent->pinged_at_ns) * clock_offset_drift_bound_ppm(agent->clock) / 1e6;
	if (agent->pinged_t0_ns == 0 || (double)bound_ns <= aged_ns) {
		agent->pinged_t0_ns = (uint64_t)((int64_t)run->t0_ns + offset_ns);
		agent->pinged_bound_ns = bound_ns;
		agent->pinged_at_ns = now_ns;
	}
	return agent->pinged_t0_ns;
}

void run_ping(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (agent->released || agent->exited || now_ns < agent->next_ping_ns)
			continue;
		agent->pings++;
		agent->ping_sent_ns[agent->pings % ROSTER_PINGS] = now_ns;
		agent->away = run_send(run, agent,
		                       &(struct message){.type = MESSAGE_PING,
		                                         .ping = {.id = agent->pings,
		                                                  .sent_ns = now_ns,
		                                                  .t0_agent_ns = t0_of(run, agent, now_ns)}}) ==
		              -EHOSTUNREACH;
		agent->next_ping_ns = now_ns + (agent->pings < CLOCK_EXCHANGES_FAST ? PING_FAST_NS : PING_NS);
	}
}

/* Its host was suspended or moved, say. */
static int take_jump(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	int64_t by_ns = clock_offset_jump_ns(agent->clock, NULL);

	agent->pinged_t0_ns = 0; /* what was known holds no more */
	run_tell(run, 1, "the clock of agent %s has jumped by %+.3f s", agent->name, (double)by_ns / 1e9);
	return run_journal(run,
	                   &(struct journal_record){
	                           .type = JOURNAL_CLOCK,
	                           .clock = {.agent = index, .at_ns = run_since_t0_ns(run, now_ns), .by_ns = by_ns}});
}

int run_take_pong(struct run *run, uint32_t index, const struct message_pong *pong, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	uint64_t *sent_ns = &agent->ping_sent_ns[pong->id % ROSTER_PINGS];
	int r;

	/* Our own memory of when it was sent counts, and the echo says that it is this ping which is answered: the
	 * coordinator before us numbered its own. */
	if (pong->id > agent->pings || pong->id + ROSTER_PINGS <= agent->pings || !*sent_ns ||
	    *sent_ns != pong->sent_ns)
		return 0;
	r = clock_offset_add(agent->clock, *sent_ns, pong->agent_in_ns, pong->agent_out_ns, now_ns);
	*sent_ns = 0;
	if (r == CLOCK_JUMPED)
		return take_jump(run, index, now_ns);
	return r == -ENOMEM ? r : 0;
}
