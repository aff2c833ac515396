/* SPDX-License-Identifier: Apache-2.0 */
/* A run's gathering: agents come, and the plan is divided among them. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/base/units.h"

enum {
	ANSWERS_AT_ONCE = 1000,
	UNPROVEN_MAX = 1000, /* agents that have answered no ping yet; others say hello again */
	JOINERS_MAX = 250,   /* that are not ready yet; likewise */
};

#define ANSWER_NS NS_PER_MS     /* between two answers to strangers, who ask each second */
#define PROVE_NS (5 * NS_PER_S) /* within which an agent that comes has to answer a ping */

/* Nothing is queued for strangers without end. */
static void answer_stranger(struct run *run, const struct message *to, struct message *answer, uint64_t now_ns)
{
	if (ration_take(&run->answers, now_ns, ANSWER_NS, ANSWERS_AT_ONCE, NULL))
		run_send(run, &(struct roster_agent){.incarnation = to->incarnation}, answer);
}

static void turn_away(struct run *run, const struct message *message, const char *why, uint64_t now_ns)
{
	run_grumble(run, now_ns, "agent %s (%s) is turned away: %s", message->hello.name, message->hello.host, why);
	answer_stranger(run, message, &(struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)why}}, now_ns);
}

/* One that has answered a ping is there to stay, as far as can be known. A number that is journaled is kept. */
static _Bool is_proven(const struct roster_agent *agent)
{
	return agent->journaled || clock_offset_count(agent->clock) > 0;
}

static uint32_t count_unproven(struct run *run)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		count += !is_proven(roster_get(run->roster, i));
	return count;
}

static int welcome(struct run *run, struct message *message, uint64_t now_ns)
{
	struct roster_agent *agent;
	int r = roster_add(run->roster, &message->incarnation, &message->hello, &agent);

	if (r < 0)
		return r;
	agent->came_ns = now_ns;
	agent->last_heard_ns = now_ns;
	agent->next_ping_ns = now_ns;
	run_catch_up(run, roster_count(run->roster) - 1);
	return 0;
}

/* It may have to deliver what it holds of another run (whose coordinator died, say), so it isn't counted on. An agent
 * that has not started yet leaves its old run on a welcome of ours, and greets anew. */
static int leave_busy(struct run *run, const struct message *message, uint64_t now_ns)
{
	uint32_t id;
	_Bool added = 0;
	int r = 0;

	if (names_count(run->busy) < LIMIT_AGENTS)
		r = names_intern(run->busy, message->incarnation.bytes, INCARNATION_SIZE, &id, &added);
	if (r < 0)
		return r;
	if (added)
		run_grumble(run, now_ns, "agent %s (%s) is busy with run %s; it is not counted on", message->hello.name,
		            message->hello.host, message->run_id);
	answer_stranger(run, message,
	                &(struct message){.type = MESSAGE_WELCOME, .welcome = {.protocol = PROTOCOL_VERSION}}, now_ns);
	return 0;
}

static int greet_again(struct run *run, const struct message *message, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	agent->unheard = 1;
	/* One that failed, or whose snapshots are refused, has nothing more to do in this run. */
	if (agent->state == AGENT_LOST && !agent->silent) {
		turn_away(run, message, "the run has given it up", now_ns);
		return 0;
	}
	return run_hear(run, index, now_ns);
}

int run_take_hello(struct run *run, struct message *message, uint64_t now_ns)
{
	uint32_t index = roster_find(run->roster, &message->incarnation);

	if (index != NAMES_NONE)
		return greet_again(run, message, index, now_ns);
	if (message->hello.protocol != PROTOCOL_VERSION)
		turn_away(run, message, "it speaks another version of the protocol", now_ns);
	else if (message->run_id[0] && strcmp(message->run_id, run->config.run_id) != 0)
		return leave_busy(run, message, now_ns);
	else if (run->state == RUN_GATHERING && roster_count(run->roster) < LIMIT_AGENTS)
		return count_unproven(run) < UNPROVEN_MAX ? welcome(run, message, now_ns) : 0;
	else if (run_may_join(run))
		return roster_count_in(run->roster, AGENT_ASSIGNED) < JOINERS_MAX ? run_join(run, message, now_ns) : 0;
	else
		turn_away(run, message, "the run has its agents already", now_ns);
	return 0;
}

/* Agents are journaled once the run is sure of them, in the order of their numbers. */
static int journal_agents(struct run *run)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		if (!agent->journaled)
			r = run_journal_agent(run, agent);
	}
	return r;
}

/* 0 or -ENOMEM; the run may have been ended then. */
static int make_division(struct run *run, uint64_t now_ns)
{
	uint32_t count = roster_count(run->roster);
	struct member *members cleanup(cleanup_free) = calloc(count + 1, sizeof(*members));
	struct division division cleanup(division_deinit) = {0};
	struct failure failure = {0};
	int r;

	if (!members)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		members[i] = run_member(roster_get(run->roster, i));
	r = division_check_placement(run->config.plan, members, count, &failure);
	if (r < 0)
		return run_stop(run, STOP_TOO_FEW_AGENTS, 0, NAN, now_ns, failure.text);
	r = division_make(run->config.plan, members, count, &failure, &division);
	if (r < 0)
		return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, failure.text);
	return run_journal_division(run, &division, NULL, 0, NULL, 0);
}

static int divide(struct run *run, uint64_t now_ns)
{
	uint32_t count = roster_count(run->roster);
	int r = journal_agents(run);

	if (r == 0)
		r = make_division(run, now_ns);
	if (r == 0 && run->state == RUN_GATHERING)
		r = run_enter(run, RUN_ASSIGNED, now_ns);
	if (r < 0 || run->state != RUN_ASSIGNED)
		return r;
	run->ready_deadline_ns = now_ns + RUN_READY_TIMEOUT_NS;
	for (uint32_t i = 0; i < count; i++) {
		roster_get(run->roster, i)->state = AGENT_ASSIGNED;
		run_send_assign(run, i);
	}
	return 0;
}

/* One that went away before the run has begun leaves no gap: it, or another, can still come. Nor does one that says
 * hello and doesn't answer. */
static int forget_the_silent(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = roster_count(run->roster); i-- > 0;) {
		struct roster_agent *agent = roster_get(run->roster, i);
		_Bool silent = now_ns >= agent->last_heard_ns + run->config.plan->lost_after_ns;

		if (silent && agent->journaled)
			return run_lose(run, i, now_ns, "it went away before the run began");
		agent->gone = silent || (!is_proven(agent) && (agent->away || now_ns >= agent->came_ns + PROVE_NS));
		if (agent->gone)
			run_grumble(run, now_ns, "agent %s went away before the run began", agent->name);
	}
	return roster_sweep(run->roster);
}

/* They say hello again, and hear that the run has its agents. */
static int forget_the_unproven(struct run *run)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct roster_agent *agent = roster_get(run->roster, i);

		agent->gone = !is_proven(agent);
	}
	return roster_sweep(run->roster);
}

int run_gather(struct run *run, uint64_t now_ns)
{
	char why[64], wait[32];
	int r = forget_the_silent(run, now_ns);
	_Bool enough = roster_count(run->roster) - count_unproven(run) >= run->config.expect_agents;

	if (r < 0 || run->state != RUN_GATHERING || (!enough && now_ns < run->gather_deadline_ns))
		return r;
	r = forget_the_unproven(run);
	if (r < 0)
		return r;
	if (enough)
		return divide(run, now_ns);
	snprintf(why, sizeof(why), "no more within %s", units_format_duration(run->config.wait_ns, wait, sizeof(wait)));
	return run_too_few(run, why, now_ns);
}
