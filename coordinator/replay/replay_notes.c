/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of a report must know beside its figures. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/units.h"
#include "coordinator/run/outcomes.h"
#include "coordinator/replay/replay_fill.h"
#include "coordinator/replay/replay_ledger.h"
#include "coordinator/replay/replay_outages.h"
#include "coordinator/replay/replay_rows.h"
#include "coordinator/replay/replay_trust.h"
#include "coordinator/report/words.h"

enum {
	COUNT_TEXT = 32,
	DEGRADED_NOTED = 20 /* spans: more would bury the other notes */
};

static int note(struct report *report, const char *topic, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int note(struct report *report, const char *topic, const char *format, ...)
{
	char text[FAILURE_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return report_add_text(report, &report->notes, topic, text);
}

static int note_ending(const struct facts *facts, struct report *report)
{
	int r = 0;

	if (!facts_is_over(facts))
		r = note(report, "run", "the journal ends before the run does: this is what was held");
	if (r == 0 && facts->cut_bytes > 0)
		r = note(report, "journal", "%llu bytes at the journal's end are no whole record and are left out",
		         (unsigned long long)facts->cut_bytes);
	return r;
}

/* The second from which on a lost agent's whole share was others'; UINT64_MAX: it kept it. */
static uint64_t takeover_s(const struct facts *facts, const struct span *span, uint32_t index)
{
	const struct due *due = &span->dues[index];
	uint64_t past = due->count > 0 ? due->ranges[due->count - 1].past : UINT64_MAX;

	for (size_t i = 1; i < facts->division_count; i++)
		if (facts->divisions[i].from_ns == past * NS_PER_S)
			return past;
	return UINT64_MAX;
}

static _Bool owned(const struct facts *facts, uint32_t agent, uint32_t scenario)
{
	for (size_t i = 0; i < facts->division_count; i++) {
		const struct facts_division *division = &facts->divisions[i];

		if (agent < division->agent_count &&
		    division->shares[(size_t)agent * division->scenario_count + scenario].count > 0)
			return 1;
	}
	return 0;
}

/* True if it had virtual users whose iterations no plan counts, and nothing is held of some second of them. */
static _Bool ran_uncounted(const struct facts *facts, const struct span *span, uint32_t index)
{
	struct second_range missing;

	if (!due_missing(&span->dues[index], &facts->agents[index], 0, &missing))
		return 0;
	for (uint32_t i = 0; i < facts->plan->scenario_count; i++) {
		enum executor executor = facts->plan->scenarios[i].executor;

		if ((executor == EXECUTOR_CONSTANT_VUS || executor == EXECUTOR_RAMPING_VUS) && owned(facts, index, i))
			return 1;
	}
	return 0;
}

/* What hangs on a loss: ": 1,204 iterations are unknown, its share moved at second 11". */
static void tell_consequences(const struct facts *facts, const struct span *span, const struct report *report,
                              uint32_t index, struct buffer *text)
{
	const struct report_agent *agent = &report->agents[index];
	uint64_t takeover = takeover_s(facts, span, index);
	char count[COUNT_TEXT];

	if (agent->unknown > 0)
		buffer_append_format(text, "; %s iterations of it are unknown: it may have run them or not",
		                     units_format_count(agent->unknown, count, sizeof(count)));
	if (facts->agents[index].lost && ran_uncounted(facts, span, index))
		buffer_append_format(text, "; what its users of closed loads did since its last report is not known");
	if (takeover != UINT64_MAX)
		buffer_append_format(text, "; others had its share from second %" PRIu64 " on", takeover);
	if (agent->overlap > 0)
		buffer_append_format(text, "; %s iterations are overlap",
		                     units_format_count(agent->overlap, count, sizeof(count)));
}

static int note_losses(const struct facts *facts, const struct span *span, uint32_t index, struct report *report)
{
	const struct facts_agent *agent = &facts->agents[index];
	struct buffer text cleanup(buffer_deinit) = {0};

	for (size_t i = 0; i < agent->loss_count; i++) {
		const struct facts_loss *loss = &agent->losses[i];

		buffer_append_format(&text, "%s", i ? "; " : "");
		if (i == 0)
			buffer_append_format(&text, "agent %s ", agent->hello.name);
		buffer_append_format(&text, "was lost after %" PRIu64 " s: %s", loss->at_ns / NS_PER_S, loss->reason);
		if (loss->back_ns != UINT64_MAX)
			buffer_append_format(&text, "; it was back at %" PRIu64 " s", loss->back_ns / NS_PER_S);
	}
	tell_consequences(facts, span, report, index, &text);
	return text.failed < 0 ? text.failed : note(report, "agents", "%s", buffer_text(&text));
}

static int note_moves(const struct facts *facts, uint32_t index, struct report *report)
{
	const struct report_agent *agent = &report->agents[index];
	int r = 0;

	if (agent->joined_at_s >= 0)
		r = note(report, "agents", "agent %s joined at second %" PRId64, agent->name, agent->joined_at_s);
	if (r == 0 && agent->left_at_s >= 0 && facts->agents[index].loss_count == 0)
		r = note(report, "agents", "agent %s left at second %" PRId64, agent->name, agent->left_at_s);
	return r;
}

static int note_agent(const struct facts *facts, const struct span *span, uint32_t index, struct report *report)
{
	const struct facts_agent *agent = &facts->agents[index];
	int r = agent->loss_count > 0 ? note_losses(facts, span, index, report) : 0;

	if (r == 0)
		r = note_moves(facts, index, report);
	if (r == 0 && agent->mismatch)
		r = note(report, "agents", "agent %s: what it counted second by second is not what it counted in all",
		         agent->hello.name);
	return r;
}

static int note_agents(const struct facts *facts, const struct span *span, struct report *report)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < facts->agent_count; i++)
		r = note_agent(facts, span, i, report);
	return r;
}

/* ---- degraded seconds ---- */

static uint32_t degraded_seconds(const struct report *report)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < report->second_count; i++)
		count += report->degraded[i];
	return count;
}

static int note_degraded(struct report *report)
{
	uint32_t seconds = degraded_seconds(report);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < report->degradation_count && i < DEGRADED_NOTED; i++) {
		const struct report_degradation *told = &report->degradations[i];

		if (told->first_s == told->last_s)
			r = note(report, "degraded", "degraded: second %" PRIu32 ": %s", told->first_s, told->why);
		else
			r = note(report, "degraded", "degraded: seconds %" PRIu32 "-%" PRIu32 ": %s", told->first_s,
			         told->last_s, told->why);
	}
	if (r == 0 && report->degradation_count > DEGRADED_NOTED)
		r = note(report, "degraded", "degraded: %" PRIu32 " more spans, see summary.json",
		         report->degradation_count - DEGRADED_NOTED);
	if (r < 0 || seconds == 0)
		return r;
	return note(report, "degraded",
	            "in the degraded seconds (%" PRIu32 " of %" PRIu32
	            ") the load was below the plan or is not known; rates divide by all seconds",
	            seconds, report->second_count);
}

static int note_overlap(struct report *report)
{
	char count[COUNT_TEXT];

	if (report->overlap == 0)
		return 0;
	return note(report, "overlap",
	            "%s iterations are besides those planned, of agents that went on with a share that others had by "
	            "then: their operations are in the metrics, and the account of iterations leaves them out",
	            units_format_count(report->overlap, count, sizeof(count)));
}

static int note_retired(struct report *report)
{
	char count[COUNT_TEXT];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < report->retired_count; i++)
		r = note(report, "feeds", "feed %s: %s rows retired", report->retired[i].feed,
		         units_format_count(report->retired[i].rows, count, sizeof(count)));
	return r;
}

/* ---- clocks and hosts ---- */

static int note_clock(const struct plan *plan, const struct facts_agent *agent, struct report *report)
{
	char length[WORDS_MAX];
	int r = 0;

	if (agent->jumps > 0)
		r = note(report, "clocks", "agent %s: its clock jumped by %+.3f s at second %" PRIu64 "%s",
		         agent->hello.name, (double)agent->jump_ns / 1e9, agent->jump_at_ns / NS_PER_S,
		         agent->jumps > 1 ? ", and at other times" : "");
	if (r == 0 && agent->health.jump_ns > TRUST_JUMP_LIMIT_NS)
		r = note(report, "clocks", "agent %s: its host was suspended or its clock was set, by %s",
		         agent->hello.name, words_duration((double)agent->health.jump_ns / 1e9, length));
	if (r == 0 && agent->health.stalled_ns > plan->max_lateness_ns)
		r = note(report, "agents", "agent %s stood still for %s: it or its host was stopped", agent->hello.name,
		         words_duration((double)agent->health.stalled_ns / 1e9, length));
	return r;
}

static int note_clocks(const struct facts *facts, struct report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < facts->agent_count; i++)
		r = note_clock(facts->plan, &facts->agents[i], report);
	return r;
}

static int note_duties(const struct facts *facts, struct report *report)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < facts->plan->duty_count; i++)
		/* A verifier's problem is in the account of its topic. */
		if (facts->duty_problems[i] && facts->plan->duties[i].kind != DUTY_VERIFIER)
			r = note(report, "duties", "%s %s failed: %s", duty_kind_names[facts->plan->duties[i].kind],
			         facts->plan->duties[i].name, facts->duty_problems[i]);
	return r;
}

static int note_targets(const struct facts *facts, struct report *report)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < facts->plan->target_count; i++) {
		const struct facts_target *target = &facts->targets[i];
		const char *name = facts->plan->targets[i].name;

		if (target->local)
			r = note(report, "targets", "target %s is on an agent's own host: both share its CPU", name);
		if (r == 0 && target->problem)
			r = note(report, "targets", "target %s before the start: %s", name, target->problem);
	}
	return r;
}

static int note_groups(const struct facts *facts, struct report *report)
{
	char count[COUNT_TEXT], most[COUNT_TEXT];
	uint64_t folded = 0;

	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];

		if (strcmp(row->group, OTHER_GROUP) == 0 && outcomes_counts_operations(row->metric))
			folded += row->cell.rate.total + row->warmup_count;
	}
	if (folded == 0)
		return 0;
	return note(report, "groups", "%s operations are counted under the group \"(other)\": maxGroups is %s a step",
	            units_format_count(folded, count, sizeof(count)),
	            units_format_count(facts->plan->max_groups, most, sizeof(most)));
}

static int note_saturated(struct report *report)
{
	char count[COUNT_TEXT];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		uint64_t saturated;

		if (row->cell.kind != METRIC_LATENCY || row->scenario[0] || row->label[0])
			continue;
		saturated = histogram_saturated(row->cell.latency.histogram);
		if (saturated > 0)
			r = note(report, "saturated", "%s values of %s are above 1 h: their percentiles say 1 h",
			         units_format_count(saturated, count, sizeof(count)), metrics[row->metric].name);
	}
	return r;
}

/* End-to-end latencies are of two clocks. */
static int note_end_to_end(struct report *report)
{
	const struct report_row *row = report_find(report, METRIC_KAFKA_END_TO_END_LATENCY, "", "", "", "");
	const struct report_row *negative = report_find(report, METRIC_KAFKA_END_TO_END_NEGATIVE, "", "", "", "");
	char count[COUNT_TEXT];

	if (!row || !row->cell.latency.histogram || histogram_count(row->cell.latency.histogram) == 0 ||
	    isnan(report->clock_bound_ms))
		return 0;
	return note(
	        report, "end to end",
	        "end-to-end latencies are exact to %.3g ms, as two agents' clocks are; %s were negative and count as 0",
	        report->clock_bound_ms,
	        units_format_count(negative ? negative->cell.counter : 0, count, sizeof(count)));
}

/* Whether a threshold's row has closed load: those response times can't show a queue. */
static _Bool is_closed(const struct plan *plan, const struct selector *selector)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (selector->scenario && strcmp(selector->scenario, plan->scenarios[i].name) != 0)
			continue;
		/* With a pace, an iteration is wanted at its tick, whenever the one before it ends. */
		if (executor_is_open(plan->scenarios[i].executor) || plan->scenarios[i].pace_ns)
			return 0;
	}
	return 1;
}

static int note_thresholds(const struct facts *facts, struct report *report)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < report->threshold_count; i++) {
		const struct threshold *threshold = &facts->plan->thresholds[i];

		if (report->thresholds[i].few_samples)
			r = note(report, "few samples",
			         "threshold '%s' on %s rests on few samples: fewer than 10 lie above it",
			         threshold->text, threshold->source);
		if (r == 0 && metrics[threshold->selector.metric].response_time &&
		    is_closed(facts->plan, &threshold->selector))
			r = note(report, "closed load",
			         "threshold '%s' on %s: the load is closed, so the response time equals the duration",
			         threshold->text, threshold->source);
	}
	return r;
}

static int note_warmup(const struct errors *errors, struct report *report)
{
	char count[COUNT_TEXT];

	if (errors_in_warmup(errors) == 0)
		return 0;
	return note(report, "warm-up", "%s errors of the warm-up are not in the list of errors",
	            units_format_count(errors_in_warmup(errors), count, sizeof(count)));
}

int fill_notes(const struct facts *facts, const struct span *span, const struct errors *errors, struct report *report)
{
	int r = note_ending(facts, report);

	if (r == 0)
		r = note_degraded(report);
	if (r == 0)
		r = replay_note_outages(facts, span, report);
	if (r == 0)
		r = note_agents(facts, span, report);
	if (r == 0)
		r = note_overlap(report);
	if (r == 0)
		r = note_retired(report);
	if (r == 0)
		r = replay_ledger_notes(facts, report);
	if (r == 0)
		r = note_clocks(facts, report);
	if (r == 0)
		r = note_duties(facts, report);
	if (r == 0)
		r = note_targets(facts, report);
	if (r == 0)
		r = note_groups(facts, report);
	if (r == 0)
		r = note_end_to_end(report);
	if (r == 0)
		r = note_saturated(report);
	if (r == 0)
		r = note_thresholds(facts, report);
	return r < 0 ? r : note_warmup(errors, report);
}
