/* SPDX-License-Identifier: Apache-2.0 */
/* A run under way, as time passes: thresholds are judged, waiting scenarios begun, silent agents given up. */
#include "coordinator/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

enum { WATERMARK_BACK_S = 5 };

#define BEGIN_LEAD_NS                                                                                                  \
	NS_PER_S /* what waits for counted iterations begins at a whole second at least this far ahead                 \
	          */

/* The newest second that every live agent has reported, but at most WATERMARK_BACK_S back; -1: none yet. */
static int64_t watermark(struct run *run, uint64_t now_ns)
{
	int64_t now_s = (int64_t)(run_since_t0_ns(run, now_ns) / NS_PER_S);
	int64_t mark = now_s - 1;

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		if (roster_get(run->roster, i)->state != AGENT_RUNNING)
			continue;
		int64_t second = merge_accepted_second(intake_merge(run->intake), i);

		mark = second < mark ? second : mark;
	}
	return mark < now_s - 1 - WATERMARK_BACK_S && now_ns >= run->patient_until_ns ? now_s - 1 - WATERMARK_BACK_S
	                                                                              : mark;
}

static int judge(struct run *run, uint64_t now_ns)
{
	int64_t mark = watermark(run, now_ns);
	double observed = NAN;
	char text[RUN_TEXT_SIZE];
	int failed;

	if (mark < 0 || run->config.plan->threshold_count == 0)
		return 0;
	failed = intake_judge(run->intake, (uint64_t)mark, &observed);
	if (failed < 0)
		return failed == -ENOMEM ? -ENOMEM : 0;
	const struct threshold *threshold = &run->config.plan->thresholds[failed];

	snprintf(text, sizeof(text), "threshold '%s' on %s failed after second %lld: observed %g", threshold->text,
	         threshold->source, (long long)mark, observed);
	return run_stop(run, STOP_THRESHOLD, (uint32_t)failed, observed, now_ns, text);
}

/* Has every agent that still counts finished this scenario? */
static _Bool scenario_is_over(struct run *run, uint32_t scenario)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct wire_scenario *scenarios = merge_scenarios(intake_merge(run->intake), i);

		if (roster_get(run->roster, i)->state == AGENT_LOST)
			continue;
		if (!scenarios || !scenarios[scenario].finished)
			return 0;
	}
	return 1;
}

static int begin(struct run *run, uint32_t scenario, uint64_t at_ns)
{
	struct journal_record record = {.type = JOURNAL_BEGIN, .begin = {.scenario = scenario, .at_ns = at_ns}};
	int r = run_journal(run, &record);

	if (r < 0)
		return r;
	run->begun_ns[scenario] = at_ns;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		run_send_begin(run, roster_get(run->roster, i), scenario);
	run_set_drain_deadline(run);
	return 0;
}

/* When what follows this scenario can begin, since T0. A schedule of a fixed length tells it beforehand; how long
 * counted iterations take is known when they are over. CLOCK_NEVER: not yet. */
static uint64_t follow_ns(struct run *run, uint32_t before, uint64_t now_ns)
{
	const struct scenario *scenario = &run->config.plan->scenarios[before];

	if (run->begun_ns[before] == CLOCK_NEVER)
		return CLOCK_NEVER;
	if (scenario->duration_ns > 0)
		return run->begun_ns[before] + scenario->duration_ns;
	if (!scenario_is_over(run, before))
		return CLOCK_NEVER;
	return (run_since_t0_ns(run, now_ns) + BEGIN_LEAD_NS + NS_PER_S - 1) / NS_PER_S * NS_PER_S;
}

static int begin_followers(struct run *run, uint64_t now_ns)
{
	const struct plan *plan = run->config.plan;
	int r = 0;

	for (uint32_t i = 0; r == 0 && run->stop_cause == STOP_CAUSE_COUNT && i < plan->scenario_count; i++) {
		uint64_t follow = run->begun_ns[i] == CLOCK_NEVER
		                          ? follow_ns(run, plan->scenarios[i].start_after, now_ns)
		                          : CLOCK_NEVER;

		if (follow != CLOCK_NEVER)
			r = begin(run, i, follow + plan->scenarios[i].start_time_ns);
	}
	return r;
}

static _Bool all_are_gone(struct run *run)
{
	return roster_count_in(run->roster, AGENT_DONE) + roster_count_in(run->roster, AGENT_LOST) ==
	       roster_count(run->roster);
}

int run_on(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (now_ns >= run->next_flush_ns)
		r = run_flush(run, now_ns);
	if (r == 0 && run->state == RUN_RUNNING) {
		r = judge(run, now_ns);
		if (r == 0)
			r = begin_followers(run, now_ns);
	}
	if (r == 0)
		r = run_lose_the_silent(run, now_ns);
	if (r == 0 && now_ns >= run->drain_deadline_ns)
		r = run_lose_the_unfinished(run, now_ns);
	if (r == 0 && run->state == RUN_RUNNING && roster_count_in(run->roster, AGENT_DONE) > 0 &&
	    roster_count_in(run->roster, AGENT_RUNNING) == 0)
		r = run_enter(run, RUN_DRAINING, now_ns);
	if (r == 0 && all_are_gone(run)) {
		r = run_flush(run, now_ns);
		if (r == 0)
			r = run_enter(run, RUN_REPORTING, now_ns);
	}
	return r;
}
