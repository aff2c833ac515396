/* SPDX-License-Identifier: Apache-2.0 */
/* The report's run, environment, thresholds and verdict. */
#include "coordinator/replay/replay_fill.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/units.h"
#include "coordinator/replay/replay_ledger.h"

/* ISO 8601 in UTC: a report of one journal is the same wherever it is made. */
static char *format_time(struct report *report, int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / (int64_t)NS_PER_S);
	int64_t rest_ns = unix_ns % (int64_t)NS_PER_S;
	struct tm parts;
	char text[64];

	if (rest_ns < 0) {
		seconds--;
		rest_ns += (int64_t)NS_PER_S;
	}
	if (!gmtime_r(&seconds, &parts) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
		return report_copy(report, "");
	return report_format_text(report, "%s.%03dZ", text, (int)(rest_ns / (int64_t)NS_PER_MS));
}

static int add_pairs(struct report *report, struct report_texts *texts, const struct text_pair *pairs, uint32_t count)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = report_add_text(report, texts, pairs[i].name, pairs[i].value);
	return r;
}

static char *ended_by(const struct facts *facts, struct report *report)
{
	if (facts->stopped)
		return report_copy(report, facts->stop.stop.text[0] ? facts->stop.stop.text : "stopped");
	if (!facts_is_over(facts))
		return report_copy(report, "the coordinator went away before the run's end");
	if (facts_nobody_was_left(facts))
		return report_copy(report, "no agent was left");
	return report_copy(report, "");
}

static int fill_head(const struct facts *facts, const struct span *span, struct report *report)
{
	const struct journal_record *run = &facts->run;
	int64_t at_ns = facts->started ? facts->t0_unix_ns : run->run.created_unix_ns;

	report->id = report_copy(report, run->run.id);
	report->name = report_copy(report, run->run.name);
	report->started_at = format_time(report, at_ns);
	report->t0_unix_ns = facts->started ? facts->t0_unix_ns : 0;
	report->duration_s = (double)span->end_ns / 1e9;
	report->warmup_s = (double)span->warmup_end_ns / 1e9;
	report->measured_s = (double)span->measured_ns / 1e9;
	report->plan_sha256 = report_copy(report, run->run.plan_sha256);
	report->version = report_copy(report, run->run.version);
	report->ended_by = ended_by(facts, report);
	report->edges = facts->plan->edges;
	report->group_status = facts->plan->group_status;
	if (!report->id || !report->name || !report->started_at || !report->plan_sha256 || !report->version ||
	    !report->ended_by)
		return -ENOMEM;
	return add_pairs(report, &report->tags, run->run.tags, run->run.tag_count);
}

/* In whole seconds; one that was not there at the first division has joined. */
static int64_t joined_at_s(const struct facts *facts, const struct span *span, uint32_t index)
{
	const struct facts_agent *agent = &facts->agents[index];

	if (facts->division_count == 0 || index < facts->divisions[0].agent_count)
		return -1;
	if (agent->held_count > 0)
		return (int64_t)agent->held[0].first;
	return span->dues[index].count > 0 ? (int64_t)span->dues[index].ranges[0].first : -1;
}

static int64_t lost_at_s(const struct facts_agent *agent)
{
	return agent->lost ? (int64_t)(agent->losses[agent->loss_count - 1].at_ns / NS_PER_S) : -1;
}

static int64_t left_at_s(const struct facts_agent *agent)
{
	if (!agent->left)
		return -1;
	return (int64_t)((agent->done ? agent->end_ns : agent->left_at_ns) / NS_PER_S);
}

static int fill_agent(const struct facts_agent *from, struct report *report, struct report_agent *agent)
{
	int r;

	*agent = (struct report_agent){
	        .name = report_copy(report, from->hello.name),
	        .host = report_copy(report, from->hello.host),
	        .cpu = report_copy(report, from->hello.cpu),
	        .kernel = report_copy(report, from->hello.kernel),
	        .cores = from->hello.cores,
	        .memory_bytes = from->hello.memory_bytes,
	        .operations = from->operations,
	        .clock_offset_ns = from->clock_offset_ns,
	        .clock_bound_ns = from->clock_bound_ns,
	        .start_skew_ns = from->start_skew_ns,
	        .start_bound_ns = from->start_bound_ns,
	        .drift_ppm = from->drift_ppm,
	        .drift_bound_ppm = from->drift_bound_ppm,
	        .cpu_ns = from->health.cpu_ns,
	        .steal_ns = from->health.steal_ns,
	        .max_rss_kib = from->health.max_rss_kib,
	        .lost_at_s = lost_at_s(from),
	        .left_at_s = left_at_s(from),
	};
	if (!agent->name || !agent->host || !agent->cpu || !agent->kernel)
		return -ENOMEM;
	r = add_pairs(report, &agent->limits, from->hello.limits, from->hello.limit_count);
	return r < 0 ? r : add_pairs(report, &agent->libraries, from->hello.libraries, from->hello.library_count);
}

/* The two worst clocks, as far wrong as they can have been. */
static double worst_clocks_ms(const struct facts *facts)
{
	uint64_t worst_ns = 0, second_ns = 0;
	_Bool known = 0;

	for (uint32_t i = 0; i < facts->agent_count; i++) {
		uint64_t bound_ns = facts->agents[i].worst_bound_ns;

		known |= facts->agents[i].has_status;
		if (bound_ns > worst_ns) {
			second_ns = worst_ns;
			worst_ns = bound_ns;
		} else if (bound_ns > second_ns) {
			second_ns = bound_ns;
		}
	}
	return known ? ((double)worst_ns + (double)second_ns) / NS_PER_MS : NAN;
}

static int fill_agents(const struct facts *facts, const struct span *span, struct report *report)
{
	int r = 0;

	report->agents = report_alloc(report, facts->agent_count, sizeof(*report->agents));
	if (!report->agents)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < facts->agent_count; i++) {
		struct report_agent *agent = &report->agents[report->agent_count++];

		r = fill_agent(&facts->agents[i], report, agent);
		agent->joined_at_s = joined_at_s(facts, span, i);
		agent->seconds = due_held(&span->dues[i], &facts->agents[i]);
	}
	report->clock_bound_ms = worst_clocks_ms(facts);
	return r;
}

static int fill_targets(const struct facts *facts, struct report *report)
{
	report->targets = report_alloc(report, facts->plan->target_count, sizeof(*report->targets));
	if (!report->targets)
		return -ENOMEM;
	for (uint32_t i = 0; i < facts->plan->target_count; i++) {
		const struct target *target = &facts->plan->targets[i];
		const struct facts_target *known = &facts->targets[i];
		struct report_target *out = &report->targets[report->target_count++];

		out->name = report_copy(report, target->name);
		out->kind = report_copy(report, target_kind_names[target->kind]);
		out->version = report_copy(report, known->version);
		out->topology = report_copy(report, known->topology);
		out->idle_round_trip_ms = known->idle_round_trip_ns ? (double)known->idle_round_trip_ns / 1e6 : NAN;
		if (!out->name || !out->kind || !out->version || !out->topology)
			return -ENOMEM;
	}
	return 0;
}

static int fill_scenario(const struct scenario *from, struct report *report, struct report_scenario *scenario)
{
	scenario->name = report_copy(report, from->name);
	scenario->load = executor_is_open(from->executor) ? LOAD_OPEN : LOAD_CLOSED;
	scenario->is_warmup = from->is_warmup;
	scenario->executor = report_copy(report, executor_names[from->executor]);
	scenario->steps = report_alloc(report, from->step_count, sizeof(*scenario->steps));
	scenario->step_kinds = report_alloc(report, from->step_count, sizeof(*scenario->step_kinds));
	if (!scenario->name || !scenario->executor || !scenario->steps || !scenario->step_kinds)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->step_count; i++) {
		if (metric_sets[from->steps[i].kind].count == METRIC_COUNT)
			continue;
		scenario->steps[scenario->step_count] = report_copy(report, from->steps[i].name);
		if (!scenario->steps[scenario->step_count])
			return -ENOMEM;
		scenario->step_kinds[scenario->step_count++] = from->steps[i].kind;
	}
	return 0;
}

static int fill_scenarios(const struct facts *facts, struct report *report)
{
	int r = 0;

	report->scenarios = report_alloc(report, facts->plan->scenario_count, sizeof(*report->scenarios));
	if (!report->scenarios)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < facts->plan->scenario_count; i++)
		r = fill_scenario(&facts->plan->scenarios[i], report, &report->scenarios[report->scenario_count++]);
	return r;
}

static int fill_seconds(const struct facts *facts, const struct span *span, struct report *report)
{
	uint64_t scheduled = (span->schedule_end_ns + NS_PER_S - 1) / NS_PER_S;
	uint64_t count = facts->second_count > scheduled ? facts->second_count : scheduled;

	report->second_count = (uint32_t)count;
	report->warmup = report_alloc(report, count, sizeof(*report->warmup));
	report->degraded = report_alloc(report, count, sizeof(*report->degraded));
	if (count > UINT32_MAX || !report->warmup || !report->degraded)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++)
		report->warmup[i] = i * NS_PER_S < span->warmup_end_ns;
	return 0;
}

int fill_run(const struct facts *facts, const struct span *span, struct report *report)
{
	int r = fill_head(facts, span, report);

	if (r == 0)
		r = fill_agents(facts, span, report);
	if (r == 0)
		r = fill_targets(facts, report);
	if (r == 0)
		r = fill_scenarios(facts, report);
	return r < 0 ? r : fill_seconds(facts, span, report);
}

/* ---- thresholds ---- */

static char *format_expression(const struct threshold *threshold, struct report *report)
{
	char window[32];

	if (threshold->window_ns == 0)
		return report_copy(report, threshold->text);
	return report_format_text(report, "%s over %s", threshold->text,
	                          units_format_duration(threshold->window_ns, window, sizeof(window)));
}

/* The threshold ended the run: it has failed, whatever came after it was judged. */
static void mark_aborted(const struct facts *facts, struct report_threshold *out)
{
	if (out->pass)
		out->observed = facts->stop.stop.observed;
	out->pass = 0;
	out->aborted = 1;
	out->aborted_at_s = (double)facts->stop.stop.at_ns / 1e9;
}

int fill_thresholds(const struct facts *facts, const struct span *span, const struct verdict *verdict,
                    struct report *report)
{
	const struct plan *plan = facts->plan;
	_Bool aborted = facts->stopped && facts->stop.stop.cause == STOP_THRESHOLD;

	report->thresholds = report_alloc(report, plan->threshold_count, sizeof(*report->thresholds));
	if (!report->thresholds)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->threshold_count; i++) {
		const struct threshold *threshold = &plan->thresholds[i];
		struct report_threshold *out = &report->thresholds[report->threshold_count++];
		struct verdict_result result = verdict_result(verdict, i, span->measured_ns);

		*out = (struct report_threshold){.metric = report_copy(report, threshold->source),
		                                 .expression = format_expression(threshold, report),
		                                 .written = report_copy(report, threshold->text),
		                                 .window_s = (double)threshold->window_ns / 1e9,
		                                 .observed = result.observed,
		                                 .no_data = result.no_data,
		                                 .pass = result.pass,
		                                 .kind = metrics[threshold->selector.metric].kind,
		                                 .few_samples = result.few_samples};
		if (!out->metric || !out->expression || !out->written)
			return -ENOMEM;
		if (metric_is_of_ledger(threshold->selector.metric))
			replay_ledger_judge(facts, threshold, report, out);
		if (aborted && facts->stop.stop.threshold == i)
			mark_aborted(facts, out);
	}
	return 0;
}

/* ---- verdict ---- */

static enum verdict_thresholds judge_thresholds(const struct report *report)
{
	for (uint32_t i = 0; i < report->threshold_count; i++)
		if (!report->thresholds[i].pass)
			return THRESHOLDS_FAIL;
	return report->threshold_count > 0 ? THRESHOLDS_PASS : THRESHOLDS_NONE;
}

static _Bool agents_failed(const struct facts *facts)
{
	enum stop_cause cause = facts->stopped ? facts->stop.stop.cause : STOP_CAUSE_COUNT;

	if (facts_nobody_was_left(facts) || cause == STOP_AGENTS_LOST || cause == STOP_TOO_FEW_AGENTS ||
	    cause == STOP_AGENT_FAILED)
		return 1;
	for (size_t i = 0; i < facts->agent_count; i++)
		if (facts->agents[i].lost && facts->plan->on_agent_loss == ON_AGENT_LOSS_FAIL)
			return 1;
	return 0;
}

static int exit_code_of(const struct facts *facts, const struct report *report)
{
	_Bool aborted = facts->stopped && facts->stop.stop.cause == STOP_THRESHOLD;

	if (facts->interrupted)
		return EXIT_CODE_INTERRUPTED;
	if (agents_failed(facts))
		return EXIT_CODE_AGENTS;
	if (aborted || report->thresholds_verdict == THRESHOLDS_FAIL)
		return EXIT_CODE_THRESHOLDS;
	if (facts->run.run.require_trust && (!report->complete || !report->trusted))
		return EXIT_CODE_UNTRUSTED;
	return EXIT_CODE_PASSED;
}

int fill_verdict(const struct facts *facts, const struct coverage *coverage, _Bool sum_equals_total,
                 struct report *report)
{
	report->agents_took_part = coverage->took_part;
	report->agent_seconds_held = coverage->held;
	report->agent_seconds_due = coverage->due;
	report->sum_equals_total = sum_equals_total;
	report->unknown = coverage->unknown;
	report->overlap = coverage->overlap;
	report->tally = coverage->tally;
	for (size_t i = 0; i < facts->agent_count; i++) {
		report->agents[i].unknown = coverage->agents[i].unknown;
		report->agents[i].overlap = coverage->agents[i].overlap;
	}
	report->complete = facts->started && facts_is_over(facts) && facts->cut_bytes == 0 && coverage->all_done &&
	                   coverage->balanced && coverage->unknown == 0 && coverage->held == coverage->due &&
	                   sum_equals_total && replay_ledger_is_whole(report);
	report->thresholds_verdict = judge_thresholds(report);
	report->exit_code = exit_code_of(facts, report);
	return 0;
}
