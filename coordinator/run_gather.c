/* SPDX-License-Identifier: Apache-2.0 */
/* A run's gathering: agents come, and the plan is divided among them. */
#include "coordinator/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/base/units.h"

static void turn_away(struct run *run, const struct message *message, const char *why)
{
	run_tell(run, 1, "agent %s (%s) is turned away: %s", message->hello.name, message->hello.host, why);
	run_send(run, &(struct roster_agent){.incarnation = message->incarnation},
	         &(struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)why}});
}

static int welcome(struct run *run, struct message *message, uint64_t now_ns)
{
	struct roster_agent *agent;
	int r = roster_add(run->roster, &message->incarnation, &message->hello, &agent);

	if (r < 0)
		return r;
	agent->last_heard_ns = now_ns;
	agent->next_ping_ns = now_ns;
	run_catch_up(run, roster_count(run->roster) - 1);
	return 0;
}

/* It may have to deliver what it holds of another run (whose coordinator died, say), so it isn't counted on. An agent
 * that has not started yet leaves its old run on a welcome of ours, and greets anew. */
static int leave_busy(struct run *run, const struct message *message)
{
	const struct roster_agent stranger = {.incarnation = message->incarnation};
	uint32_t id;
	_Bool added;
	int r = names_intern(run->busy, message->incarnation.bytes, INCARNATION_SIZE, &id, &added);

	if (r < 0)
		return r;
	if (added)
		run_tell(run, 1, "agent %s (%s) is busy with run %s; it is not counted on", message->hello.name,
		         message->hello.host, message->run_id);
	run_send(run, &stranger, &(struct message){.type = MESSAGE_WELCOME, .welcome = {.protocol = PROTOCOL_VERSION}});
	return 0;
}

static int greet_again(struct run *run, const struct message *message, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);

	agent->unheard = 1;
	/* One that failed, or whose snapshots are refused, has nothing more to do in this run. */
	if (agent->state == AGENT_LOST && !agent->silent) {
		turn_away(run, message, "the run has given it up");
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
		turn_away(run, message, "it speaks another version of the protocol");
	else if (message->run_id[0] && strcmp(message->run_id, run->config.run_id) != 0)
		return leave_busy(run, message);
	else if (run->state == RUN_GATHERING && roster_count(run->roster) < LIMIT_AGENTS)
		return welcome(run, message, now_ns);
	else if (run_may_join(run))
		return run_join(run, message, now_ns);
	else
		turn_away(run, message, "the run has its agents already");
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

/* One that went away before the run has begun leaves no gap: it, or another, can still come. */
static int forget_the_silent(struct run *run, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = roster_count(run->roster); r == 0 && i-- > 0;) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (now_ns < agent->last_heard_ns + run->config.plan->lost_after_ns)
			continue;
		if (agent->journaled)
			return run_lose(run, i, now_ns, "it went away before the run began");
		run_tell(run, 1, "agent %s went away before the run began", agent->name);
		r = roster_remove(run->roster, i);
	}
	return r;
}

int run_gather(struct run *run, uint64_t now_ns)
{
	char why[64], wait[32];
	int r = forget_the_silent(run, now_ns);

	if (r < 0)
		return r;
	if (roster_count(run->roster) >= run->config.expect_agents)
		return divide(run, now_ns);
	if (now_ns < run->gather_deadline_ns)
		return 0;
	snprintf(why, sizeof(why), "no more within %s", units_format_duration(run->config.wait_ns, wait, sizeof(wait)));
	return run_too_few(run, why, now_ns);
}
