/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of topics, from the ledgers.
 *
 * Rows are counted by the step that a stream's number holds; what is of no stream (foreign messages, partitions) is in
 * the topic's account alone. */
#include "coordinator/replay/replay_ledger.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/units.h"
#include "common/stats/stamp.h"

enum { MISSING_NAMED = 20, COUNT_TEXT = 32 };

/* ---- rows ---- */

static const struct {
	enum metric_id metric;
	size_t count; /* where in ledger_counts */
} counted[] = {
        {METRIC_KAFKA_MESSAGES_LOST, offsetof(struct ledger_counts, lost)},
        {METRIC_KAFKA_MESSAGES_DUPLICATED, offsetof(struct ledger_counts, duplicated)},
        {METRIC_KAFKA_MESSAGES_REORDERED, offsetof(struct ledger_counts, reordered)},
        {METRIC_KAFKA_MESSAGES_ABORTED_VISIBLE, offsetof(struct ledger_counts, aborted_visible)},
        {METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE, offsetof(struct ledger_counts, unacked_visible)},
};

/* Whose streams are counted. */
struct chosen {
	const struct facts *facts;
	uint32_t scenario, step;
};

static _Bool is_of_step(void *context, uint64_t stream, const char *topic)
{
	const struct chosen *chosen = context;
	uint32_t scenario, step;

	return facts_verifier_of(chosen->facts, stream, topic, &scenario, &step) && scenario == chosen->scenario &&
	       step == chosen->step;
}

static int count_step(const struct facts *facts, struct rows *rows, uint32_t scenario, uint32_t index)
{
	const struct step *step = &facts->plan->scenarios[scenario].steps[index];
	struct chosen chosen = {facts, scenario, index};
	struct ledger_counts counts;
	int r = 0;

	if (step->kind != STEP_PRODUCE || step->produce.verify == VERIFY_NONE || !facts->ledgers[step->target])
		return 0;
	ledger_count_streams(facts->ledgers[step->target], is_of_step, &chosen, &counts);
	for (size_t i = 0; r == 0 && i < sizeof(counted) / sizeof(counted[0]); i++)
		r = rows_count(rows, counted[i].metric, scenario, index,
		               *(const uint64_t *)((const char *)&counts + counted[i].count));
	return r;
}

int replay_ledger_rows(const struct facts *facts, struct rows *rows)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < facts->plan->scenario_count; i++)
		for (uint32_t k = 0; r == 0 && k < facts->plan->scenarios[i].step_count; k++)
			r = count_step(facts, rows, i, k);
	return r;
}

/* ---- the first that were lost ---- */

struct first {
	struct ledger_missing items[MISSING_NAMED]; /* by when they were told */
	size_t count;
};

struct search {
	const struct facts *facts;
	struct first *firsts; /* by duty */
};

static _Bool comes_before(const struct ledger_missing *one, const struct ledger_missing *other)
{
	if (one->when != other->when)
		return one->when < other->when;
	return one->stream != other->stream ? one->stream < other->stream : one->sequence < other->sequence;
}

/* Keeps it if it is among the first ones; a repeated report names it again. */
static void keep(struct first *first, const struct ledger_missing *missing)
{
	size_t at = first->count;

	for (size_t i = 0; i < first->count; i++)
		if (first->items[i].stream == missing->stream && first->items[i].sequence == missing->sequence)
			return;
	while (at > 0 && comes_before(missing, &first->items[at - 1]))
		at--;
	if (at == MISSING_NAMED)
		return;
	if (first->count < MISSING_NAMED)
		first->count++;
	memmove(&first->items[at + 1], &first->items[at], (first->count - at - 1) * sizeof(*missing));
	first->items[at] = *missing;
}

static void search_delta(const struct search *search, const struct sent_delta *delta, uint64_t second)
{
	const struct facts *facts = search->facts;
	struct ledger_missing found[MISSING_NAMED];
	uint32_t scenario, step;
	const struct duty *duty = facts_verifier_of(facts, delta->stream, delta->topic, &scenario, &step);
	size_t count = 0;

	if (!duty)
		return;
	ledger_find(facts->ledgers[duty->target], delta, second, found, MISSING_NAMED, &count);
	for (size_t i = 0; i < count; i++)
		keep(&search->firsts[duty - facts->plan->duties], &found[i]);
}

static int search_record(void *context, struct journal_record *record, uint64_t offset)
{
	const struct search *search = context;
	int r = 0;

	(void)offset;
	if (record->type != JOURNAL_DELTAS)
		return 0;
	for (uint32_t i = 0; r == 0 && i < record->deltas.accepted_count; i++) {
		const struct journal_accepted *accepted = &record->deltas.accepted[i];
		struct reader reader = {.data = accepted->ledger, .size = accepted->ledger_size};

		while (r == 0 && reader.at < reader.size) {
			struct sent_delta delta = {0};

			r = sent_delta_decode(&reader, &delta);
			if (r == 0)
				search_delta(search, &delta, accepted->second);
			sent_delta_deinit(&delta);
		}
	}
	return r;
}

static int give_missing(const struct facts *facts, const struct first *first, struct report *report,
                        struct report_ledger *ledger)
{
	ledger->missing = report_alloc(report, first->count, sizeof(*ledger->missing));
	if (!ledger->missing)
		return -ENOMEM;
	for (size_t i = 0; i < first->count; i++) {
		const struct ledger_missing *item = &first->items[i];
		uint32_t agent = stamp_agent(item->stream);

		ledger->missing[ledger->missing_count++] = (struct report_missing){
		        .agent =
		                report_copy(report, agent < facts->agent_count ? facts->agents[agent].hello.name : "?"),
		        .producer = (uint32_t)item->stream / plan_step_count(facts->plan) + 1,
		        .partition = item->partition,
		        .sequence = item->sequence,
		        .second = item->when,
		};
		if (!ledger->missing[i].agent)
			return -ENOMEM;
	}
	return 0;
}

/* ---- accounts ---- */

/* "" if all is known. */
static char *problem_of(const struct facts *facts, uint32_t duty, const struct ledger_counts *counts,
                        struct report *report)
{
	if (facts->duty_problems[duty])
		return report_format_text(report, "verifying failed: %s", facts->duty_problems[duty]);
	if (!facts->verifiers[duty].over)
		return report_copy(report, "the run ended before this was verified");
	if (counts->partitions_unread > 0)
		return report_copy(report, "verifiers never came to the end");
	return report_copy(report, "");
}

struct verified {
	const struct facts *facts;
	const struct duty *duty;
};

static _Bool is_verified_by(void *context, uint64_t stream, const char *topic)
{
	const struct verified *verified = context;
	uint32_t scenario, step;

	return facts_verifier_of(verified->facts, stream, topic, &scenario, &step) == verified->duty;
}

/* A verifier also sees what other steps send to its topic, or another target that is the same cluster: messages of
 * which this account knows nothing else, foreign as any. */
static void count_topic(const struct facts *facts, const struct duty *duty, struct ledger_counts *ret_counts)
{
	const struct ledger *ledger = facts->ledgers[duty->target];
	struct verified verified = {facts, duty};
	struct ledger_counts all;

	ledger_count(ledger, duty->verify.topic, &all);
	ledger_count_streams(ledger, is_verified_by, &verified, ret_counts);
	ret_counts->foreign = all.foreign + all.seen + all.duplicated - ret_counts->seen - ret_counts->duplicated;
	ret_counts->damaged = all.damaged;
	ret_counts->partitions = all.partitions;
	ret_counts->partitions_unread = all.partitions_unread;
}

static int fill_topic(const struct facts *facts, uint32_t index, struct report *report)
{
	const struct duty *duty = &facts->plan->duties[index];
	struct report_ledger *out = &report->ledger[report->ledger_count++];

	count_topic(facts, duty, &out->counts);
	out->target = report_copy(report, facts->plan->targets[duty->target].name);
	out->topic = report_copy(report, duty->verify.topic);
	out->problem = problem_of(facts, index, &out->counts, report);
	return out->target && out->topic && out->problem ? 0 : -ENOMEM;
}

static int name_missing(const struct facts *facts, const char *run_folder, struct report *report,
                        struct failure *failure)
{
	struct first *firsts cleanup(cleanup_free) = calloc((size_t)facts->plan->duty_count + 1, sizeof(*firsts));
	struct search search = {.facts = facts, .firsts = firsts};
	uint32_t next = 0;
	int r;

	if (!firsts)
		return failure_set(failure, -ENOMEM, "no memory for the report");
	r = journal_read(run_folder, search_record, &search, &(uint64_t){0}, failure);
	for (uint32_t i = 0; r == 0 && i < facts->plan->duty_count; i++)
		if (facts->plan->duties[i].kind == DUTY_VERIFIER)
			r = give_missing(facts, &firsts[i], report, &report->ledger[next++]);
	return r == -ENOMEM ? failure_set(failure, r, "no memory for the report") : r;
}

int replay_ledger_fill(const struct facts *facts, const char *run_folder, struct report *report,
                       struct failure *failure)
{
	uint64_t lost = 0;
	int r = 0;

	report->ledger = report_alloc(report, facts->plan->duty_count, sizeof(*report->ledger));
	if (!report->ledger)
		r = -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < facts->plan->duty_count; i++)
		if (facts->plan->duties[i].kind == DUTY_VERIFIER)
			r = fill_topic(facts, i, report);
	if (r < 0)
		return failure_set(failure, r, "no memory for the report");
	for (uint32_t i = 0; i < report->ledger_count; i++)
		lost += report->ledger[i].counts.lost;
	return lost > 0 ? name_missing(facts, run_folder, report, failure) : 0;
}

_Bool replay_ledger_is_whole(const struct report *report)
{
	for (uint32_t i = 0; i < report->ledger_count; i++)
		if (report->ledger[i].problem[0])
			return 0;
	return 1;
}

/* ---- thresholds ---- */

static _Bool selects(const struct selector *selector, const char *scenario, const char *step)
{
	return (!selector->scenario || strcmp(selector->scenario, scenario) == 0) &&
	       (!selector->step || strcmp(selector->step, step) == 0);
}

/* True if all is known of what this step sent. */
static _Bool is_known(const struct facts *facts, const struct report *report, const struct step *step)
{
	for (uint32_t i = 0; i < report->ledger_count; i++)
		if (strcmp(report->ledger[i].target, facts->plan->targets[step->target].name) == 0 &&
		    strcmp(report->ledger[i].topic, template_source(step->produce.topic)) == 0)
			return report->ledger[i].problem[0] == '\0';
	return 0;
}

static _Bool all_is_known(const struct facts *facts, const struct report *report, const struct selector *selector)
{
	for (uint32_t i = 0; i < facts->plan->scenario_count; i++) {
		const struct scenario *scenario = &facts->plan->scenarios[i];

		for (uint32_t k = 0; k < scenario->step_count; k++) {
			const struct step *step = &scenario->steps[k];

			if (step->kind == STEP_PRODUCE && step->produce.verify != VERIFY_NONE &&
			    selects(selector, scenario->name, step->name) && !is_known(facts, report, step))
				return 0;
		}
	}
	return 1;
}

void replay_ledger_judge(const struct facts *facts, const struct threshold *threshold, const struct report *report,
                         struct report_threshold *out)
{
	const struct selector *selector = &threshold->selector;
	uint64_t count = 0;

	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];

		if (row->metric == selector->metric && row->step[0] && selects(selector, row->scenario, row->step))
			count += row->cell.counter;
	}
	out->observed = (double)count;
	if (threshold->expression.aggregate == AGGREGATE_RATE)
		out->observed = report->measured_s > 0 ? (double)count / report->measured_s : NAN;
	out->pass = !isnan(out->observed) && expression_holds(&threshold->expression, out->observed);
	out->no_data = isnan(out->observed) || (out->pass && !all_is_known(facts, report, selector));
	out->few_samples = 0;
	if (!out->no_data)
		return;
	out->observed = NAN;
	out->pass = 0;
}

/* ---- notes ---- */

struct left {
	const struct facts *facts;
	uint32_t agent, target;
};

static _Bool is_left_by(void *context, uint64_t stream, const char *topic)
{
	const struct left *left = context;
	uint32_t scenario, step;
	const struct duty *duty = facts_verifier_of(left->facts, stream, topic, &scenario, &step);

	return duty && duty->target == left->target && stamp_agent(stream) == left->agent;
}

int replay_ledger_notes(const struct facts *facts, struct report *report)
{
	int r = 0;

	for (uint32_t agent = 0; r == 0 && agent < facts->agent_count; agent++) {
		char number[COUNT_TEXT];
		uint64_t visible = 0;

		for (uint32_t i = 0; i < facts->plan->target_count; i++) {
			struct left left = {facts, agent, i};
			struct ledger_counts counts = {0};

			if (facts->ledgers[i])
				ledger_count_streams(facts->ledgers[i], is_left_by, &left, &counts);
			visible += counts.unacked_visible;
		}
		if (visible == 0 || !facts->agents[agent].lost)
			continue;
		r = report_add_text(
		        report, &report->notes, "ledger",
		        report_format_text(report,
		                           "%s messages of agent %s were seen and never acknowledged: it was lost "
		                           "before it could report what became of them",
		                           units_format_count(visible, number, sizeof(number)),
		                           facts->agents[agent].hello.name));
	}
	return r;
}
