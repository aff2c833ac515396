/* SPDX-License-Identifier: Apache-2.0 */
/* An agent's process: what agent/agent.c does, with the model of a crew in place of threads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/session.h"
#include "tests/sim/disk.h"
#include "tests/sim/host.h"
#include "tests/sim/load.h"
#include "tests/sim/oracle.h"

enum { SPOOL_READ_MAX = 1 << 20 };

struct sim_agent {
	struct sim *sim;
	uint32_t process;
	struct sim_clock clock;
	struct incarnation incarnation;
	struct message_hello hello;
	char name[32];
	struct text_pair tag;
	struct session *session;
	struct sim_disk *disk; /* of its spool */
	struct load *load;
	struct snapshot *last; /* the run's last one, until its crew is done */
	uint64_t opened_ns;    /* true time at which the crew is open; CLOCK_NEVER: it is, or there is none */
	uint64_t frozen_until_ns;
	uint64_t asleep_at_ns; /* where its host's clock stands; 0: it goes */
	uint32_t values;       /* that it was told */
	_Bool exited, killed;
};

struct incarnation agent_incarnation(uint32_t process)
{
	struct incarnation incarnation = {{0}};

	memset(incarnation.bytes, 'A', sizeof(incarnation.bytes));
	incarnation.bytes[0] = (uint8_t)process;
	return incarnation;
}

uint32_t agent_of(const struct incarnation *incarnation)
{
	return incarnation->bytes[1] == 'A' && incarnation->bytes[0] < SIM_AGENTS_MAX ? incarnation->bytes[0]
	                                                                              : UINT32_MAX;
}

static uint64_t local(const struct sim_agent *agent)
{
	return sim_clock_read(&agent->clock, agent->sim->now_ns);
}

static void take_effects(struct sim_agent *agent, int r);

/* ---- its life ---- */

static void exit_process(struct sim_agent *agent, const char *how)
{
	if (agent->exited)
		return;
	agent->exited = 1;
	sim_trace(agent->sim, "agent %u: %s", agent->process, how);
	snapshot_free(agent->last);
	agent->last = NULL;
	agent->load = load_free(agent->load);
	net_forget(agent->sim->net, agent->process);
	if (agent->sim->chance.local)
		boss_child_exited(agent->sim->boss, agent->process);
}

struct sim_agent *agent_new(struct sim *sim, uint32_t process)
{
	struct sim_agent *agent = calloc(1, sizeof(*agent));

	sim_must(agent ? 0 : -ENOMEM, "agent");
	agent->sim = sim;
	agent->process = process;
	agent->opened_ns = CLOCK_NEVER;
	agent->disk = sim_disk_new(sim);
	agent->incarnation = agent_incarnation(process);
	agent->clock = (struct sim_clock){.offset_ns = (int64_t)random_below(&sim->random, 7200 * NS_PER_S),
	                                  .drift_ppb = (int64_t)random_below(&sim->random, 200001) - 100000};
	snprintf(agent->name, sizeof(agent->name), "agent-%u", process);
	agent->tag = (struct text_pair){(char *)"zone", (char *)sim_plans_tag(process)};
	agent->hello = (struct message_hello){.protocol = PROTOCOL_VERSION,
	                                      .version = (char *)"sim",
	                                      .name = agent->name,
	                                      .host = (char *)"paper",
	                                      .cpu = (char *)"none",
	                                      .kernel = (char *)"none",
	                                      .cores = 1,
	                                      .workers = 1,
	                                      .weight = 1 + process % 3,
	                                      .memory_bytes = 1 << 20,
	                                      .pid = AGENT_PID_BASE + process,
	                                      .tags = &agent->tag,
	                                      .tag_count = 1};
	sim_must(session_new(&(struct session_config){.hello = &agent->hello,
	                                              .incarnation = agent->incarnation,
	                                              .once = sim->chance.local,
	                                              .orphan_after_ns = sim->chance.orphan_after_ns,
	                                              .spool = {.memory_bytes = sim->chance.spool_bytes,
	                                                        .disk = sim_disk(agent->disk),
	                                                        .disk_bytes = sim->chance.spool_disk_bytes},
	                                              .cache_bytes = 1 << 20,
	                                              .now_ns = local(agent)},
	                     &agent->session),
	         "session");
	sim_trace(sim, "agent %u: starts", process);
	return agent;
}

struct sim_agent *agent_free(struct sim_agent *agent)
{
	if (!agent)
		return NULL;
	snapshot_free(agent->last);
	load_free(agent->load);
	session_free(agent->session);
	sim_disk_free(agent->disk);
	free(agent);
	return NULL;
}

/* ---- what the session wants ---- */

static void open_crew(struct sim_agent *agent)
{
	/* Drivers are opened on a thread of their own. */
	agent->opened_ns = agent->sim->now_ns + random_between(&agent->sim->random, NS_PER_MS, 300 * NS_PER_MS);
}

static void crew_is_open(struct sim_agent *agent)
{
	const struct message_assign *assignment = session_assignment(agent->session);
	const struct plan *plan = sim_plans_parsed(agent->sim->plans, assignment->plan, assignment->plan_size,
	                                           session_files(agent->session), assignment->file_count);

	agent->opened_ns = CLOCK_NEVER;
	agent->load = load_new(&(struct load_config){.sim = agent->sim,
	                                             .process = agent->process,
	                                             .plan = plan,
	                                             .assignment = assignment,
	                                             .epoch = session_epoch(agent->session)});
	take_effects(agent, session_opened(agent->session, NULL, 0, local(agent)));
}

static void close_crew(struct sim_agent *agent)
{
	agent->values = 0;
	agent->opened_ns = CLOCK_NEVER;
	agent->last = snapshot_free(agent->last);
	agent->load = load_free(agent->load);
}

static void send_message(struct sim_agent *agent, const struct message *message)
{
	if (message->type == MESSAGE_SNAPSHOT)
		oracle_agent_sends(agent->sim->oracle, agent->process, message->snapshot.seq,
		                   spool_acknowledged(session_spool(agent->session)));
	if (message->type != MESSAGE_PONG)
		sim_trace(agent->sim, "agent %u sends %s %llu", agent->process, message_type_names[message->type],
		          message->type == MESSAGE_SNAPSHOT ? (unsigned long long)message->snapshot.seq : 0ULL);
	net_send(agent->sim->net, agent->process, 1, message);
}

static void carry_out(struct sim_agent *agent, struct effect *effect)
{
	switch (effect->type) {
	case EFFECT_SEND:
		send_message(agent, &effect->message);
		break;
	case EFFECT_OPEN:
		open_crew(agent);
		break;
	case EFFECT_START:
		oracle_start(agent->sim->oracle, agent->process, agent->values);
		load_start(agent->load, effect->at_ns, local(agent));
		break;
	case EFFECT_ASSIGN:
		load_assign(agent->load, effect->assignment, effect->epoch, effect->at_ns);
		break;
	case EFFECT_VALUES:
		agent->values = effect->count;
		break;
	case EFFECT_DUTIES:
		load_duties(agent->load, effect->duties, effect->count, local(agent));
		break;
	case EFFECT_VERIFIERS:
		load_verifiers(agent->load, effect->verifiers, effect->count, effect->closing, local(agent));
		break;
	case EFFECT_SEEN:
		load_seen_acked(agent->load, &effect->seen, local(agent));
		break;
	case EFFECT_BEGIN:
		load_begin(agent->load, effect->scenario, effect->at_ns);
		break;
	case EFFECT_STOP:
		sim_trace(agent->sim, "agent %u stops at %.3f: %s", agent->process, (double)effect->at_ns / 1e9,
		          effect->text);
		load_stop(agent->load, effect->at_ns, effect->grace_ns, local(agent));
		break;
	case EFFECT_CLOSE:
		close_crew(agent);
		break;
	case EFFECT_CLOCK: /* for messages between agents, which no load here sends */
		break;
	case EFFECT_NOTE:
		sim_trace(agent->sim, "agent %u: %s", agent->process, effect->text);
		break;
	}
}

static void check_spool(const struct sim_agent *agent)
{
	const struct spool *spool = session_spool(agent->session);

	/* What was read from the disk to be sent comes on top: a window of it at most. */
	if (spool_memory(spool) > 2 * agent->sim->chance.spool_bytes + SPOOL_READ_MAX ||
	    spool_on_disk(spool) > agent->sim->chance.spool_disk_bytes)
		sim_break(agent->sim, "agent %u spools %zu bytes in memory and %llu on its disk", agent->process,
		          spool_memory(spool), (unsigned long long)spool_on_disk(spool));
}

static void take_effects(struct sim_agent *agent, int r)
{
	struct effect effect;

	sim_must(r, "session");
	while (!agent->exited && session_effect(agent->session, &effect))
		carry_out(agent, &effect);
	check_spool(agent);
	if (session_state(agent->session) == SESSION_OVER)
		exit_process(agent, session_deserted(agent->session) ? "exits, deserted" : "exits");
}

/* What look_at_crew() of agent/agent.c does. */
static void look_at_load(struct sim_agent *agent)
{
	while (agent->load && !agent->last && session_state(agent->session) == SESSION_RUNNING) {
		struct snapshot *snapshot = load_snapshot(agent->load);

		if (!snapshot)
			return;
		oracle_made(agent->sim->oracle, agent->process, &snapshot->message);
		if (snapshot->message.last)
			agent->last = snapshot;
		else
			take_effects(agent, session_snapshot(agent->session, snapshot, local(agent)));
	}
	if (!agent->last)
		return;
	struct snapshot *last = agent->last;
	int r;

	agent->last = NULL;
	r = session_snapshot(agent->session, last, local(agent));
	if (r == 0)
		r = session_finished(agent->session, load_end_ns(agent->load), NULL, 0, local(agent));
	take_effects(agent, r);
}

/* ---- the world's calls ---- */

static _Bool is_frozen(const struct sim_agent *agent)
{
	return agent->sim->now_ns < agent->frozen_until_ns;
}

static void look_at_chores(struct sim_agent *agent)
{
	struct message_value over;
	struct message_seen seen;

	while (!agent->exited && agent->load && load_duty_over(agent->load, local(agent), &over))
		take_effects(agent, session_duty_over(agent->session, &over, local(agent)));
	while (!agent->exited && agent->load && load_seen(agent->load, local(agent), &seen))
		take_effects(agent, session_seen(agent->session, &seen, local(agent)));
}

static void catch_up(struct sim_agent *agent)
{
	if (!agent->load)
		return;
	load_advance(agent->load, local(agent));
	look_at_load(agent);
	look_at_chores(agent);
}

static void thaw(struct sim_agent *agent)
{
	agent->frozen_until_ns = 0;
	if (agent->asleep_at_ns)
		agent->clock.offset_ns -= (int64_t)(local(agent) - agent->asleep_at_ns);
	agent->asleep_at_ns = 0;
	sim_trace(agent->sim, "agent %u goes on", agent->process);
	if (agent->load)
		load_thaw(agent->load, local(agent));
}

void agent_message(struct sim_agent *agent, struct message *message)
{
	if (agent->exited)
		return;
	if (agent->frozen_until_ns)
		thaw(agent);
	catch_up(agent);
	if (message->type != MESSAGE_PING)
		sim_trace(agent->sim, "agent %u gets %s", agent->process, message_type_names[message->type]);
	if (!agent->exited)
		take_effects(agent, session_message(agent->session, message, local(agent)));
	if (!agent->exited)
		look_at_load(agent);
}

uint64_t agent_receives_ns(const struct sim_agent *agent)
{
	if (!agent || agent->exited)
		return CLOCK_NEVER;
	return is_frozen(agent) ? agent->frozen_until_ns : agent->sim->now_ns;
}

uint64_t agent_next_ns(const struct sim_agent *agent)
{
	uint64_t next_ns;

	if (agent->exited)
		return CLOCK_NEVER;
	if (agent->frozen_until_ns)
		return agent->frozen_until_ns;
	next_ns = sim_clock_when(&agent->clock, session_next_ns(agent->session));
	if (agent->load) {
		uint64_t load_ns = sim_clock_when(&agent->clock, load_next_ns(agent->load));

		next_ns = load_ns < next_ns ? load_ns : next_ns;
	}
	return agent->opened_ns < next_ns ? agent->opened_ns : next_ns;
}

void agent_wake(struct sim_agent *agent)
{
	if (agent->frozen_until_ns)
		thaw(agent);
	if (agent->opened_ns <= agent->sim->now_ns)
		crew_is_open(agent);
	catch_up(agent);
	if (!agent->exited && local(agent) >= session_next_ns(agent->session))
		take_effects(agent, session_tick(agent->session, local(agent)));
}

void agent_kill(struct sim_agent *agent)
{
	if (agent->load && !is_frozen(agent))
		load_advance(agent->load, local(agent));
	agent->killed = 1;
	exit_process(agent, "is killed");
}

void agent_freeze(struct sim_agent *agent, uint64_t until_ns)
{
	if (agent->frozen_until_ns || agent->exited)
		return;
	catch_up(agent);
	agent->frozen_until_ns = until_ns;
}

/* The clock shows nothing of it once it goes on. */
void agent_suspend(struct sim_agent *agent, uint64_t duration_ns)
{
	if (agent->frozen_until_ns || agent->exited)
		return;
	agent_freeze(agent, agent->sim->now_ns + duration_ns);
	agent->asleep_at_ns = local(agent);
	oracle_clock_jumps(agent->sim->oracle);
}

void agent_terminate(struct sim_agent *agent)
{
	if (agent->frozen_until_ns)
		return;
	catch_up(agent);
	oracle_excuse(agent->sim->oracle);
	if (!agent->exited)
		take_effects(agent, session_terminate(agent->session, local(agent)));
}

void agent_fail(struct sim_agent *agent)
{
	if (!agent->load || agent->frozen_until_ns)
		return;
	catch_up(agent);
	if (!agent->exited)
		take_effects(agent, session_failed(agent->session, "a driver broke", local(agent)));
}

_Bool agent_is_over(const struct sim_agent *agent)
{
	return agent->exited || session_state(agent->session) == SESSION_FREE;
}

_Bool agent_has_exited(const struct sim_agent *agent)
{
	return agent->exited;
}

_Bool agent_went_well(const struct sim_agent *agent)
{
	return !agent->killed && !session_deserted(agent->session);
}

_Bool agent_was_killed(const struct sim_agent *agent)
{
	return agent->killed;
}

const struct sim_clock *agent_clock(const struct sim_agent *agent)
{
	return &agent->clock;
}
