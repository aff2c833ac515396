/* SPDX-License-Identifier: Apache-2.0 */
/* A run under way, as time passes: thresholds are judged, waiting scenarios begun, silent agents given up. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "common/base/units.h"

enum { WATERMARK_BACK_S = 5 };

#define BEGIN_LEAD_NS                                                                                                  \
	NS_PER_S /* what waits for counted iterations begins at a whole second at least this far ahead                 \
	          */

/* One that has just joined owes nothing of the seconds before. */
static int64_t newest_second(struct run *run, uint32_t index)
{
	const struct roster_agent *agent = roster_get(run->roster, index);
	int64_t second = merge_accepted_second(intake_merge(run->intake), index);

	if (second < 0 && agent->t0_at_ns > run->t0_ns)
		return (int64_t)((agent->t0_at_ns - run->t0_ns) / NS_PER_S) - 1;
	return second;
}

/* The newest second that every live agent has reported, but at most WATERMARK_BACK_S back, and of the schedule: agents
 * that are cut off are waited for longer, and nothing is to be expected of those seconds. -1: none yet. */
static int64_t watermark(struct run *run, uint64_t now_ns)
{
	int64_t now_s = (int64_t)(run_since_t0_ns(run, now_ns) / NS_PER_S);
	uint64_t end_ns = run_schedule_end_ns(run);
	int64_t last_s = (int64_t)((end_ns - 1) / NS_PER_S);
	int64_t mark = now_s - 1;

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		if (roster_get(run->roster, i)->state != AGENT_RUNNING)
			continue;
		int64_t second = newest_second(run, i);

		mark = second < mark ? second : mark;
	}
	if (mark < now_s - 1 - WATERMARK_BACK_S && now_ns >= run->patient_until_ns)
		mark = now_s - 1 - WATERMARK_BACK_S;
	return end_ns != CLOCK_NEVER && mark > last_s ? last_s : mark;
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

/* True if iterations were granted to the agent of which it didn't know yet when it told its account. */
static _Bool has_more_to_do(const struct run *run, uint32_t agent, uint32_t scenario)
{
	uint32_t epoch = merge_accepted_epoch(intake_merge(run->intake), agent);

	for (size_t i = 0; i < run->extra_count; i++)
		if (run->extras[i].agent == agent && run->extras[i].extra.scenario == scenario &&
		    run->extras[i].extra.epoch > epoch)
			return 1;
	return 0;
}

/* True if the agent is known to do no more of this scenario. One that leaves is waited for: others may have to do the
 * rest. */
static _Bool is_through(struct run *run, uint32_t index, uint32_t scenario)
{
	const struct roster_agent *agent = roster_get(run->roster, index);
	const struct wire_scenario *account = merge_scenarios(intake_merge(run->intake), index);
	_Bool owns = index < run->division.agent_count && division_of(&run->division, index)[scenario].count > 0;

	if (agent->state == AGENT_LOST || agent->state == AGENT_DONE)
		return 1;
	if (agent->leaving && run_hands_on(run))
		return 0;
	if (!account)
		return !owns;
	return account[scenario].finished && !has_more_to_do(run, index, scenario);
}

/* Has every agent that still counts finished this scenario? */
static _Bool scenario_is_over(struct run *run, uint32_t scenario)
{
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (!is_through(run, i, scenario))
			return 0;
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

/* One that never ran has nothing to deliver. */
static uint32_t count_silent(struct run *run)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		count += agent->state == AGENT_LOST && agent->silent && !agent->exited &&
		         agent->before_loss == AGENT_RUNNING;
	}
	return count;
}

/* True if somebody runs, or may come to run yet. */
static _Bool somebody_runs(struct run *run, uint64_t now_ns)
{
	_Bool scheduled = run->state == RUN_RUNNING && run_since_t0_ns(run, now_ns) < run_schedule_end_ns(run);

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		enum agent_state state = roster_get(run->roster, i)->state;

		if (state == AGENT_RUNNING || (state < AGENT_RUNNING && (scheduled || run_owns_any(run, i))))
			return 1;
	}
	return 0;
}

/* True while agents that are cut off may come back, and nobody else runs: they go on, and may deliver what they did. */
static _Bool wait_for_the_silent(struct run *run, uint64_t now_ns)
{
	uint32_t silent = count_silent(run);
	char text[32];
	uint64_t wait_ns;

	if (silent == 0) {
		run->silence_deadline_ns = CLOCK_NEVER;
		return 0;
	}
	if (run->silence_deadline_ns == CLOCK_NEVER) {
		wait_ns = roster_count_in(run->roster, AGENT_DONE) > 0 ? RUN_RETURN_NS : RUN_SILENCE_NS;
		run->silence_deadline_ns = now_ns + wait_ns;
		if (run->silence_deadline_ns > run->drain_deadline_ns)
			run->silence_deadline_ns = run->drain_deadline_ns;
		if (run->silence_deadline_ns > now_ns)
			run_tell(run, 0, "waiting up to %s for %u agent%s that may only be cut off",
			         units_format_duration((run->silence_deadline_ns - now_ns) / NS_PER_S * NS_PER_S, text,
			                               sizeof(text)),
			         silent, silent == 1 ? "" : "s");
	}
	return now_ns < run->silence_deadline_ns;
}

/* Thresholds, followers, joiners and leavers, readers: all that goes on while load runs. */
static int keep_running(struct run *run, uint64_t now_ns)
{
	int r = run_look_at_joiners(run, now_ns);

	if (r == 0)
		r = run_settle(run, now_ns);
	if (r == 0)
		r = begin_followers(run, now_ns);
	if (r == 0)
		r = run_share_readers(run, now_ns);
	if (r == 0)
		r = run_set_up(run, now_ns); /* anew, after a resume */
	return r < 0 ? r : 0;
}

/* Nobody runs any more, and nobody is waited for. */
static int finish(struct run *run, uint64_t now_ns)
{
	int r = run->state == RUN_RUNNING ? run_enter(run, RUN_DRAINING, now_ns) : 0;

	if (r == 0)
		r = run_dismiss_joiners(run);
	if (r == 0)
		r = run_end_verifiers(run, now_ns);
	if (r == 1)
		r = run_tear_down(run, now_ns);
	if (r != 1)
		return r;
	r = run_flush(run, now_ns);
	if (r < 0)
		return r;
	run_release(run);
	return run_enter(run, RUN_REPORTING, now_ns);
}

static int give_up_at_the_deadline(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (now_ns < run->drain_deadline_ns)
		return 0;
	r = run_lose_the_unfinished(run, now_ns);
	run->drain_deadline_ns = CLOCK_NEVER;
	run->silence_deadline_ns = now_ns;
	return r;
}

int run_on(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (now_ns >= run->next_flush_ns) {
		r = run_flush(run, now_ns);
		/* The watermark counts what was taken, which has come before the thresholds now. */
		if (r == 0 && run->state == RUN_RUNNING)
			r = judge(run, now_ns);
	}
	if (r == 0)
		r = run_lose_the_silent(run, now_ns);
	if (r == 0 && run->state == RUN_RUNNING)
		r = keep_running(run, now_ns);
	if (r == 0)
		r = run_share_verifiers(run, now_ns);
	if (r == 0)
		r = give_up_at_the_deadline(run, now_ns);
	if (r == 0)
		run_stop_leavers(run, now_ns);
	if (r < 0)
		return r;
	if (somebody_runs(run, now_ns)) {
		run->silence_deadline_ns = CLOCK_NEVER;
		return 0;
	}
	return wait_for_the_silent(run, now_ns) ? 0 : finish(run, now_ns);
}
