/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ends early: a stop told to all. And an agent's account. */
#include "coordinator/run/run_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/units.h"

/* A stop lies this far ahead, so that every agent cuts its schedule at the same instant. */
#define STOP_LEAD_NS (300 * NS_PER_MS)

/* Journals the stop, tells it to every agent; the first cause stays. */
int run_stop(struct run *run, enum stop_cause cause, uint32_t threshold, double observed, uint64_t now_ns,
             const char *text)
{
	struct journal_record record = {.type = JOURNAL_STOP,
	                                .stop = {.cause = cause,
	                                         .at_ns = run->t0_ns ? run_since_t0_ns(run, now_ns) + STOP_LEAD_NS : 0,
	                                         .text = (char *)text,
	                                         .threshold = threshold,
	                                         .observed = observed}};
	int r;

	if (run->stop_cause != STOP_CAUSE_COUNT)
		return 0;
	r = run_journal(run, &record);
	if (r < 0)
		return r;
	run->stop_cause = cause;
	run->stop_at_ns = record.stop.at_ns;
	snprintf(run->stop_text, sizeof(run->stop_text), "%s", text);
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		run_send_stop(run, roster_get(run->roster, i));
	run->drain_deadline_ns = now_ns + STOP_LEAD_NS + RUN_STOP_GRACE_NS + RUN_DRAIN_SLACK_NS;
	if (run->state < RUN_RUNNING)
		return run_enter(run, RUN_REPORTING, now_ns);
	return run->state == RUN_RUNNING ? run_enter(run, RUN_DRAINING, now_ns) : 0;
}

/* T0 was told with the offset of that moment: by what that is known better now, it was wrong. After a jump of the clock
 * no more is learnt. */
static void know_start_better(struct roster_agent *agent)
{
	int64_t offset_ns;
	uint64_t bound_ns;

	if (!agent->t0_at_ns || clock_offset_at(agent->clock, agent->t0_at_ns, &offset_ns, &bound_ns) < 0)
		return;
	/* Long after T0 the exchanges about it are forgotten. */
	if (agent->start_bound_ns && bound_ns > agent->start_bound_ns)
		return;
	agent->start_error_ns = (uint64_t)llabs(offset_ns - agent->t0_offset_ns);
	agent->start_bound_ns = bound_ns;
}

static struct roster_clock clock_of(const struct roster_agent *agent, uint64_t now_ns)
{
	struct roster_clock clock = {.drift_ppm = clock_offset_drift_ppm(agent->clock),
	                             .drift_bound_ppm = clock_offset_drift_bound_ppm(agent->clock)};

	if (clock_offset_get(agent->clock, now_ns, &clock.offset_ns, &clock.bound_ns) < 0)
		return agent->last_clock;
	return clock;
}

int run_journal_status(struct run *run, uint32_t index, uint64_t now_ns)
{
	struct roster_agent *agent = roster_get(run->roster, index);
	const struct merge *merge = intake_merge(run->intake);
	const struct wire_scenario *scenarios = merge_scenarios(merge, index);
	struct journal_record record = {.type = JOURNAL_STATUS, .status = {.agent = index}};
	struct roster_clock clock = clock_of(agent, now_ns);

	if (!scenarios)
		return 0;
	know_start_better(agent);
	record.status.scenarios = (struct wire_scenario *)scenarios;
	record.status.scenario_count = run->config.plan->scenario_count;
	record.status.health = *merge_health(merge, index);
	record.status.clock_offset_ns = clock.offset_ns;
	record.status.clock_bound_ns = clock.bound_ns;
	record.status.start_skew_ns = record.status.health.start_skew_ns + agent->start_error_ns;
	record.status.start_bound_ns = agent->start_bound_ns;
	record.status.drift_ppm = clock.drift_ppm;
	record.status.drift_bound_ppm = clock.drift_bound_ppm;
	agent->next_status_ns = now_ns + RUN_STATUS_NS;
	return run_journal(run, &record);
}

int run_too_few(struct run *run, const char *why, uint64_t now_ns)
{
	uint32_t count = roster_count(run->roster);
	char text[RUN_TEXT_SIZE];
	size_t at =
	        (size_t)snprintf(text, sizeof(text), "%u of %u agents came: %s", count, run->config.expect_agents, why);

	for (uint32_t i = 0; i < count && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s (%s)",
		                       i ? ", " : "; there: ", roster_get(run->roster, i)->name,
		                       roster_get(run->roster, i)->hello.host);
	return run_stop(run, STOP_TOO_FEW_AGENTS, 0, NAN, now_ns, text);
}
