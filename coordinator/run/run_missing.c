/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing of a run under way: for people who watch it. */
#include "coordinator/run/run_state.h"

#define MISSING_SILENT_NS (3 * NS_PER_S) /* agents are pinged each second */
enum { MISSING_LACKING_S = 3 /* snapshots take a moment */ };

/* Whole seconds of the run that the agent should have told of by now. */
static uint64_t lacking_s(struct run *run, uint32_t index, uint64_t now_ns)
{
	const struct roster_agent *agent = roster_get(run->roster, index);
	int64_t held = merge_accepted_second(intake_merge(run->intake), index);
	uint64_t passed_s = run_since_t0_ns(run, now_ns) / NS_PER_S, from_s;

	if (held < 0 && agent->t0_at_ns > run->t0_ns)
		from_s = (agent->t0_at_ns - run->t0_ns) / NS_PER_S;
	else
		from_s = (uint64_t)(held + 1);
	return passed_s > from_s ? passed_s - from_s : 0;
}

static _Bool is_missing(struct run *run, uint32_t index, uint64_t now_ns, struct run_missing *ret_item)
{
	const struct roster_agent *agent = roster_get(run->roster, index);
	_Bool cut_off =
	        agent->state == AGENT_LOST && agent->silent && !agent->exited && agent->before_loss == AGENT_RUNNING;

	if (agent->state != AGENT_RUNNING && !cut_off)
		return 0;
	*ret_item = (struct run_missing){
	        .agent = index,
	        .name = agent->name,
	        .lost = cut_off,
	        .silent_ns = now_ns > agent->last_heard_ns ? now_ns - agent->last_heard_ns : 0,
	        .lacking_s = agent->final_seq ? 0 : lacking_s(run, index, now_ns),
	};
	return cut_off || ret_item->silent_ns >= MISSING_SILENT_NS || ret_item->lacking_s >= MISSING_LACKING_S;
}

uint32_t run_missing(struct run *run, uint64_t now_ns, struct run_missing *ret_items, uint32_t count)
{
	uint32_t missing = 0;

	if (run->state != RUN_RUNNING && run->state != RUN_DRAINING)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		struct run_missing item;

		if (!is_missing(run, i, now_ns, &item))
			continue;
		if (missing < count)
			ret_items[missing] = item;
		missing++;
	}
	return missing;
}
