/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of a report must know beside its figures. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/units.h"
#include "coordinator/outcomes.h"
#include "coordinator/replay_fill.h"
#include "coordinator/replay_rows.h"

enum { COUNT_TEXT = 32 };

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

static int note_agents(const struct facts *facts, struct report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < facts->agent_count; i++) {
		const struct facts_agent *agent = &facts->agents[i];

		if (agent->lost)
			r = note(report, "agents", "agent %s was lost after %llu s: %s", agent->hello.name,
			         (unsigned long long)(agent->lost_at_ns / NS_PER_S), agent->lost_reason);
		if (r == 0 && agent->mismatch)
			r = note(report, "agents",
			         "agent %s: what it counted second by second is not what it counted in all",
			         agent->hello.name);
	}
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

int fill_notes(const struct facts *facts, const struct errors *errors, struct report *report)
{
	int r = note_ending(facts, report);

	if (r == 0)
		r = note_agents(facts, report);
	if (r == 0)
		r = note_targets(facts, report);
	if (r == 0)
		r = note_groups(facts, report);
	if (r == 0)
		r = note_saturated(report);
	if (r == 0)
		r = note_thresholds(facts, report);
	return r < 0 ? r : note_warmup(errors, report);
}
