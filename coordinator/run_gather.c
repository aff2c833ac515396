/* SPDX-License-Identifier: Apache-2.0 */
/* A run's gathering: agents come, and the plan is divided among them. */
#include "coordinator/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/names.h"

#define READY_TIMEOUT_NS (120 * NS_PER_S) /* data files, drivers, probes */

int run_take_hello(struct run *run, struct message *message, uint64_t now_ns)
{
	uint32_t index = roster_find(run->roster, &message->incarnation);
	struct roster_agent *agent;
	struct journal_record record = {.type = JOURNAL_AGENT};
	int r;

	if (index != NAMES_NONE) {
		agent = roster_get(run->roster, index);
		if (agent->state == AGENT_LOST && run->state >= RUN_RUNNING) {
			agent->state = AGENT_RUNNING;
			run_tell(run, 0, "agent %s is back", agent->name);
		}
		run_catch_up(run, index);
		return 0;
	}
	if (message->hello.protocol != PROTOCOL_VERSION || run->state != RUN_GATHERING) {
		const char *why = run->state == RUN_GATHERING ? "it speaks another version of the protocol"
		                                              : "the run has its agents already";

		run_tell(run, 1, "agent %s (%s) is turned away: %s", message->hello.name, message->hello.host, why);
		run_send(run, &(struct roster_agent){.incarnation = message->incarnation},
		         &(struct message){.type = MESSAGE_STOP, .stop = {.reason = (char *)why}});
		return 0;
	}
	r = roster_add(run->roster, &message->incarnation, &message->hello, &agent);
	if (r < 0)
		return r;
	record.agent.incarnation = agent->incarnation;
	record.agent.hello = agent->hello;
	record.agent.hello.name = agent->name;
	r = run_journal(run, &record);
	if (r < 0)
		return r;
	agent->last_heard_ns = now_ns;
	agent->next_ping_ns = now_ns;
	run_catch_up(run, roster_count(run->roster) - 1);
	return 0;
}

static int divide(struct run *run, uint64_t now_ns)
{
	uint32_t count = roster_count(run->roster);
	uint32_t *weights cleanup(cleanup_free) = calloc(count, sizeof(*weights));
	struct journal_record record = {.type = JOURNAL_DIVISION};
	struct failure failure = {0};
	int r;

	if (!weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		weights[i] = roster_get(run->roster, i)->hello.weight;
	r = division_make(run->config.plan, weights, count, &failure, &run->division);
	if (r < 0)
		return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, failure.text);
	record.division.agent_count = count;
	record.division.scenario_count = run->division.scenario_count;
	record.division.shares = run->division.shares;
	r = run_journal(run, &record);
	if (r == 0)
		r = run_enter(run, RUN_ASSIGNED, now_ns);
	if (r < 0)
		return r;
	run->ready_deadline_ns = now_ns + READY_TIMEOUT_NS;
	for (uint32_t i = 0; i < count; i++) {
		roster_get(run->roster, i)->state = AGENT_ASSIGNED;
		run_send_assign(run, i);
	}
	return 0;
}

int run_gather(struct run *run, uint64_t now_ns)
{
	if (roster_count(run->roster) >= run->config.expect_agents)
		return divide(run, now_ns);
	return now_ns >= run->gather_deadline_ns ? run_too_few(run, now_ns) : 0;
}
