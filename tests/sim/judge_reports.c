/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed's report must hold. */
#include <string.h>

#include "coordinator/replay/replay.h"
#include "tests/sim/host.h"
#include "tests/sim/judge_state.h"

static struct report *make_report(struct judge *judge, const char *folder, struct buffer *json)
{
	struct failure failure = {0};
	struct report *report = NULL;

	if (replay_report(folder, &failure, &report) < 0)
		sim_break(judge->sim, "no report: %s", failure.text);
	else
		sim_must(report_write(report, REPORT_JSON, NULL, json), "report");
	return report;
}

static void tell_difference(struct judge *judge, struct buffer *one, struct buffer *other)
{
	const char *a = buffer_text(one), *b = buffer_text(other);
	size_t at = 0, begin;

	while (a[at] && a[at] == b[at])
		at++;
	begin = at > 100 ? at - 100 : 0;
	sim_break(judge->sim, "the report is not an undisturbed run's: ...%.*s[%.60s] and [%.60s]", (int)(at - begin),
	          a + begin, a + at, b + at);
}

static void check_account(struct judge *judge, const struct report *report)
{
	const struct tally *tally = &report->tally;
	uint64_t dropped = tally_dropped(tally);

	if (tally->planned != tally->started + dropped + report->unknown)
		sim_break(judge->sim, "planned %llu, started %llu + dropped %llu + unknown %llu",
		          (unsigned long long)tally->planned, (unsigned long long)tally->started,
		          (unsigned long long)dropped, (unsigned long long)report->unknown);
	if (!report->sum_equals_total)
		sim_break(judge->sim, "the sums are not what agents counted");
}

/* Without a count a closed loop has no bound of what it may have done; nor has one that was cut short. */
static _Bool is_bounded(const struct oracle *oracle)
{
	const struct plan *plan = oracle->sim->plan->plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++)
		if (scenario_planned(&plan->scenarios[i]) == UINT64_MAX ||
		    (oracle->stops && executor_is_counted(plan->scenarios[i].executor)))
			return 0;
	return 1;
}

/* What targets have seen. */
static uint64_t seen(const struct oracle *oracle)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < oracle->sim->plan->plan->scenario_count; i++)
		count += truth_started(oracle->sim->truth, i, UINT32_MAX, CLOCK_NEVER);
	return count;
}

/* The division in force at a time. */
static const struct epoch *epoch_at(const struct oracle *oracle, uint64_t at_ns)
{
	const struct epoch *epoch = oracle->epochs;

	for (size_t i = 1; i < oracle->epoch_count; i++)
		if (oracle->epochs[i].from_ns <= at_ns)
			epoch = &oracle->epochs[i];
	return epoch;
}

/* An agent that never came back may have gone on with what others had taken over, or past a stop: nobody can know. */
static _Bool can_be_known(const struct oracle *oracle, uint32_t scenario, const struct deed *deed)
{
	const struct watched *watched = &oracle->watched[deed->process];
	const struct epoch *epoch = epoch_at(oracle, deed->intended_ns);

	if (watched->done)
		return 1;
	if (watched->number == UINT32_MAX || !epoch || (oracle->stops && deed->intended_ns >= oracle->cut_ns))
		return 0;
	if (deed->index == UINT64_MAX)
		return 1;
	return watched->number < epoch->agent_count &&
	       share_owns(&epoch->indices[watched->number * oracle->sim->plan->plan->scenario_count + scenario],
	                  deed->index);
}

static uint64_t seen_within(const struct oracle *oracle)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < oracle->sim->plan->plan->scenario_count; i++) {
		size_t deeds;
		const struct deed *deed = truth_deeds(oracle->sim->truth, i, &deeds);

		for (size_t k = 0; k < deeds; k++)
			count += can_be_known(oracle, i, &deed[k]);
	}
	return count;
}

/* What is counted is done at most so often, whoever is lost, leaves or takes over. */
static void check_counts(struct judge *judge)
{
	const struct plan *plan = judge->sim->plan->plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		uint64_t done = truth_started(judge->sim->truth, i, UINT32_MAX, CLOCK_NEVER);

		if (executor_is_counted(plan->scenarios[i].executor) && done > scenario_planned(&plan->scenarios[i]))
			sim_break(judge->sim, "%llu iterations of %s were started, %llu are planned",
			          (unsigned long long)done, plan->scenarios[i].name,
			          (unsigned long long)scenario_planned(&plan->scenarios[i]));
	}
}

static void check_truth(struct judge *judge, const struct report *report)
{
	uint64_t all = seen(judge->oracle), within = seen_within(judge->oracle);

	if (all < report->tally.started)
		sim_break(judge->sim, "%llu are reported as started, and %llu were",
		          (unsigned long long)report->tally.started, (unsigned long long)all);
	/* Where the journal just ends, agents went on. */
	if (judge->oracle->state != RUN_DONE)
		return;
	if (is_bounded(judge->oracle) && within > report->tally.started + report->overlap + report->unknown)
		sim_break(judge->sim, "%llu were started; %llu are known, %llu besides those planned, %llu unknown",
		          (unsigned long long)within, (unsigned long long)report->tally.started,
		          (unsigned long long)report->overlap, (unsigned long long)report->unknown);
}

static void check_end(struct judge *judge, const struct report *report)
{
	if (judge->oracle->stops > 0 && !report->ended_by[0])
		sim_break(judge->sim, "a stop is journaled, and the report says nothing of it");
}

static _Bool all_are_done(const struct oracle *oracle)
{
	for (uint32_t i = 0; i < oracle->agent_count; i++)
		if (!oracle->watched[oracle->processes[i]].done)
			return 0;
	return 1;
}

/* Whatever happened in between: where every agent has told its last account, the sum is what was done. */
static void check_accounts(struct judge *judge, const struct report *report)
{
	const struct tally *tally = &report->tally;
	uint64_t deeds = seen(judge->oracle), told = tally->started + tally_dropped(tally) + report->overlap;

	if (!all_are_done(judge->oracle))
		return;
	for (uint32_t i = 0; i < judge->sim->plan->plan->scenario_count; i++)
		deeds += truth_dropped(judge->sim->truth, i);
	if (deeds != told)
		sim_break(judge->sim, "every agent is done; %llu were started or dropped, %llu are reported",
		          (unsigned long long)deeds, (unsigned long long)told);
}

static _Bool is_calm(const struct chance *chance)
{
	for (uint32_t i = 0; i < chance->fault_count; i++)
		if (chance->faults[i].type != FAULT_AGENT_JOIN)
			return 0;
	return chance->drop == 0 && chance->reorder == 0 && chance->jitter_ns < 20 * NS_PER_MS;
}

static void check_whole(struct judge *judge, const struct report *report)
{
	const struct oracle *oracle = judge->oracle;

	if (oracle->losses || oracle->leaves || oracle->stops || oracle->excused || oracle->state != RUN_DONE)
		return;
	/* One that joins while messages get lost or the coordinator dies may take its part up late. */
	if (oracle->epoch > 1 && !is_calm(&judge->sim->chance))
		return;
	if ((!report->complete && !judge_left_unread(judge)) || report->unknown ||
	    report->agent_seconds_held != report->agent_seconds_due)
		sim_break(judge->sim,
		          "nobody was lost, and it is not complete: %llu of %llu agent-seconds, %llu unknown",
		          (unsigned long long)report->agent_seconds_held, (unsigned long long)report->agent_seconds_due,
		          (unsigned long long)report->unknown);
}

/* Where nothing got lost on the way. */
void judge_exits(struct judge *judge)
{
	const struct sim *sim = judge->sim;

	if (!is_calm(&sim->chance) || judge->oracle->state != RUN_DONE)
		return;
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if (judge->oracle->watched[i].done && sim->agents[i] && !agent_went_well(sim->agents[i]))
			sim_break(judge->sim, "agent %u was done, and deserted nevertheless", i);
}

void judge_reports(struct judge *judge, struct sim_result *result)
{
	struct buffer json cleanup(buffer_deinit) = {0}, clean cleanup(buffer_deinit) = {0};
	struct report *report = make_report(judge, judge->sim->folder, &json);
	struct report *other = make_report(judge, judge->clean_folder, &clean);

	if (report && other) {
		if (json.size != clean.size || memcmp(json.data, clean.data, json.size) != 0)
			tell_difference(judge, &json, &clean);
		check_account(judge, report);
		check_counts(judge);
		check_truth(judge, report);
		check_accounts(judge, report);
		check_end(judge, report);
		check_whole(judge, report);
		judge_ledgers(judge, report);
		result->complete = report->complete;
		result->unknown = report->unknown;
	}
	report_free(report);
	report_free(other);
}
