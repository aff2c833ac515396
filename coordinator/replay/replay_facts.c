/* SPDX-License-Identifier: Apache-2.0 */
/* The replay's first pass: everything but the values, and where in the file those are. */
#include "coordinator/replay/replay_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "coordinator/replay/replay_facts_internal.h"

static void division_deinit(struct facts_division *division)
{
	for (size_t i = 0; i < (size_t)division->agent_count * division->scenario_count; i++)
		share_deinit(&division->shares[i]);
	free(division->shares);
	for (uint32_t i = 0; i < division->move_count; i++)
		share_deinit(&division->moves[i].share);
	free(division->moves);
	free(division->extras);
}

void facts_deinit(struct facts *facts)
{
	for (size_t i = 0; i < facts->agent_count; i++)
		facts_agent_deinit(&facts->agents[i]);
	free(facts->agents);
	for (size_t i = 0; i < facts->division_count; i++)
		division_deinit(&facts->divisions[i]);
	free(facts->divisions);
	for (uint32_t i = 0; facts->targets && i < facts->plan->target_count; i++) {
		free(facts->targets[i].version);
		free(facts->targets[i].topology);
		free(facts->targets[i].problem);
	}
	free(facts->targets);
	for (uint32_t i = 0; facts->duty_problems && i < facts->plan->duty_count; i++)
		free(facts->duty_problems[i]);
	free(facts->duty_problems);
	facts_ledgers_deinit(facts);
	free(facts->begun_ns);
	free(facts->blocks);
	series_table_free(facts->series);
	journal_record_deinit(&facts->run);
	journal_record_deinit(&facts->stop);
	plan_free(facts->plan);
	*facts = (struct facts){0};
}

_Bool facts_is_over(const struct facts *facts)
{
	return facts->state >= RUN_REPORTING;
}

_Bool facts_nobody_was_left(const struct facts *facts)
{
	for (size_t i = 0; i < facts->agent_count; i++)
		if (facts->agents[i].done && !facts->agents[i].left)
			return 0;
	return facts->started && facts_is_over(facts) && !facts->stopped && facts->agent_count > 0;
}

size_t facts_division_of(const struct facts *facts, uint32_t epoch)
{
	size_t index = 0;

	while (index + 1 < facts->division_count && facts->divisions[index + 1].epoch <= epoch)
		index++;
	return index;
}

size_t facts_division_at(const struct facts *facts, uint64_t at_ns)
{
	size_t index = 0;

	while (index + 1 < facts->division_count && facts->divisions[index + 1].from_ns <= at_ns)
		index++;
	return index;
}

struct journal_record facts_take_over(struct journal_record *record)
{
	struct journal_record taken = *record;

	*record = (struct journal_record){0};
	return taken;
}

int facts_contradiction(const struct reading *reading, const char *what)
{
	return failure_set(reading->failure, -EBADMSG, "the journal contradicts itself: %s", what);
}

/* ---- records ---- */

static int parse_plan(const struct reading *reading)
{
	struct facts *facts = reading->facts;
	struct failures failures = {0};
	int r = plan_parse(facts->run.run.plan, facts->run.run.plan_size, NULL, 0, &failures, &facts->plan);

	if (r < 0) {
		char text[FAILURE_TEXT_MAX] = "no memory";

		if (failures.count > 0)
			failure_format(&failures.items[0], text, sizeof(text));
		failure_set(reading->failure, r, "the journal's plan can't be read: %s", text);
	}
	failures_deinit(&failures);
	return r;
}

static int take_run(const struct reading *reading, struct journal_record *record)
{
	struct facts *facts = reading->facts;
	int r;

	if (facts->plan)
		return facts_contradiction(reading, "it has two beginnings");
	facts->run = facts_take_over(record);
	r = parse_plan(reading);
	if (r < 0)
		return r;
	facts->begun_ns = calloc((size_t)facts->plan->scenario_count + 1, sizeof(*facts->begun_ns));
	facts->targets = calloc((size_t)facts->plan->target_count + 1, sizeof(*facts->targets));
	facts->duty_problems = calloc((size_t)facts->plan->duty_count + 1, sizeof(*facts->duty_problems));
	facts->series = series_table_new();
	if (!facts->begun_ns || !facts->targets || !facts->duty_problems || !facts->series ||
	    facts_ledgers_init(facts) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < facts->plan->scenario_count; i++) {
		const struct scenario *scenario = &facts->plan->scenarios[i];

		facts->begun_ns[i] = scenario->start_after == PLAN_NONE ? scenario->start_time_ns : UINT64_MAX;
	}
	return 0;
}

static int take_division(const struct reading *reading, struct journal_record *record)
{
	struct facts *facts = reading->facts;
	const struct facts_division *newest =
	        facts->division_count > 0 ? &facts->divisions[facts->division_count - 1] : NULL;
	int r;

	if (record->division.agent_count > facts->agent_count ||
	    record->division.scenario_count != facts->plan->scenario_count)
		return facts_contradiction(reading, "a division isn't one of its plan and agents");
	if (newest && (record->division.epoch <= newest->epoch || record->division.from_ns < newest->from_ns))
		return facts_contradiction(reading, "a division comes after a later one");
	for (uint32_t i = 0; i < record->division.move_count; i++)
		if (record->division.moves[i].scenario >= facts->plan->scenario_count)
			return facts_contradiction(reading, "a division moves what the plan doesn't have");
	for (uint32_t i = 0; i < record->division.extra_count; i++)
		if (record->division.extras[i].extra.scenario >= facts->plan->scenario_count)
			return facts_contradiction(reading, "a division grants what the plan doesn't have");
	r = array_reserve(&facts->divisions, &facts->division_capacity, facts->division_count,
	                  sizeof(*facts->divisions));
	if (r < 0)
		return r;
	facts->divisions[facts->division_count++] =
	        (struct facts_division){.epoch = record->division.epoch,
	                                .from_ns = record->division.from_ns,
	                                .agent_count = record->division.agent_count,
	                                .scenario_count = record->division.scenario_count,
	                                .shares = record->division.shares,
	                                .moves = record->division.moves,
	                                .move_count = record->division.move_count,
	                                .extras = record->division.extras,
	                                .extra_count = record->division.extra_count};
	record->division.shares = NULL;
	record->division.agent_count = 0;
	record->division.moves = NULL;
	record->division.move_count = 0;
	record->division.extras = NULL;
	record->division.extra_count = 0;
	return 0;
}

int facts_keep_text(char **text, const char *newer)
{
	char *copy;

	if (!newer[0])
		return 0;
	copy = strdup(newer);
	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int take_target(const struct reading *reading, struct journal_record *record)
{
	struct facts *facts = reading->facts;
	const struct wire_target *from = &record->target;
	uint32_t index = plan_find_target(facts->plan, from->name);
	struct facts_target *target;
	int r;

	if (index == PLAN_NONE)
		return 0;
	target = &facts->targets[index];
	if (from->idle_round_trip_ns &&
	    (!target->idle_round_trip_ns || from->idle_round_trip_ns < target->idle_round_trip_ns))
		target->idle_round_trip_ns = from->idle_round_trip_ns;
	target->local |= from->local;
	r = facts_keep_text(&target->version, from->version);
	if (r == 0)
		r = facts_keep_text(&target->topology, from->topology);
	return r < 0 ? r : facts_keep_text(&target->problem, from->problem);
}

static int take_begin(const struct reading *reading, struct journal_record *record)
{
	if (record->begin.scenario >= reading->facts->plan->scenario_count)
		return facts_contradiction(reading, "a scenario begins that the plan doesn't have");
	reading->facts->begun_ns[record->begin.scenario] = record->begin.at_ns;
	return 0;
}

/* Of a duty that has moved, only how it went in the end is of interest. */
static int take_duty(const struct reading *reading, struct journal_record *record)
{
	char **problem;

	if (record->duty.duty >= reading->facts->plan->duty_count)
		return facts_contradiction(reading, "a duty isn't one of its plan");
	facts_take_verifier(reading, record);
	problem = &reading->facts->duty_problems[record->duty.duty];
	free(*problem);
	*problem = NULL;
	return facts_keep_text(problem, record->duty.problem);
}

static int take_series(const struct reading *reading, struct journal_record *record)
{
	uint32_t id;
	_Bool added;
	int r = series_table_intern(reading->facts->series, &record->series.series, &id, &added);

	if (r == 0 && (!added || id != record->series.id))
		return facts_contradiction(reading, "a series has two numbers");
	return r;
}

static int add_block(struct facts *facts, uint64_t second, uint64_t offset)
{
	int r = array_reserve(&facts->blocks, &facts->block_capacity, facts->block_count, sizeof(*facts->blocks));

	if (r == 0)
		facts->blocks[facts->block_count++] = (struct facts_block){second, offset};
	return r;
}

static int take_deltas(const struct reading *reading, struct journal_record *record, uint64_t offset)
{
	struct facts *facts = reading->facts;
	uint32_t scenarios = record->deltas.scenario_count;
	const struct wire_scenario *changes = scenarios > 0 ? record->deltas.changes : NULL;
	uint64_t second = UINT64_MAX;
	int r = 0;

	if (changes && scenarios != facts->plan->scenario_count)
		return facts_contradiction(reading, "an account is of another plan");
	for (uint32_t i = 0; r == 0 && i < record->deltas.accepted_count; i++)
		r = facts_take_accepted(reading, &record->deltas.accepted[i],
		                        changes ? &changes[(size_t)i * scenarios] : NULL);
	for (uint32_t i = 0; r == 0 && i < record->deltas.accepted_count; i++)
		r = facts_take_sent(reading, &record->deltas.accepted[i]);
	for (uint32_t i = 0; r == 0 && i < record->deltas.delta_count; i++) {
		const struct journal_delta *delta = &record->deltas.deltas[i];

		if (delta->series_id >= series_table_count(facts->series) || delta->second >= facts->second_count)
			return facts_contradiction(reading, "values are of no series or second of the run");
		if (delta->second != second)
			r = add_block(facts, delta->second, offset);
		second = delta->second;
	}
	return r;
}

static int take_stop(const struct reading *reading, struct journal_record *record)
{
	struct facts *facts = reading->facts;

	facts->interrupted |= record->stop.cause == STOP_INTERRUPTED;
	if (facts->stopped)
		return 0;
	facts->stopped = 1;
	facts->stop = facts_take_over(record);
	return 0;
}

static int take(const struct reading *reading, struct journal_record *record, uint64_t offset)
{
	struct facts *facts = reading->facts;

	switch (record->type) {
	case JOURNAL_RUN:
		return take_run(reading, record);
	case JOURNAL_STATE:
		facts->state = record->state.state;
		return 0;
	case JOURNAL_DIVISION:
		return take_division(reading, record);
	case JOURNAL_TARGET:
		return take_target(reading, record);
	case JOURNAL_START:
		facts->started = 1;
		facts->t0_unix_ns = record->start.t0_unix_ns;
		return 0;
	case JOURNAL_BEGIN:
		return take_begin(reading, record);
	case JOURNAL_SERIES:
		return take_series(reading, record);
	case JOURNAL_DELTAS:
		return take_deltas(reading, record, offset);
	case JOURNAL_STOP:
		return take_stop(reading, record);
	case JOURNAL_DUTY:
		return take_duty(reading, record);
	case JOURNAL_SEEN:
		return facts_take_seen(reading, record);
	default:
		return facts_take_of_agent(reading, record);
	}
}

static int take_record(void *context, struct journal_record *record, uint64_t offset)
{
	const struct reading *reading = context;
	int r;

	if (!reading->facts->plan && record->type != JOURNAL_RUN)
		return facts_contradiction(reading, "it doesn't begin with a run");
	r = take(reading, record, offset);
	if (r == -ENOMEM)
		failure_set(reading->failure, r, "no memory to read the journal");
	return r;
}

static int compare_blocks(const void *left, const void *right)
{
	const struct facts_block *a = left, *b = right;

	if (a->second != b->second)
		return a->second < b->second ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

int facts_read(const char *run_folder, struct failure *failure, struct facts *ret_facts)
{
	struct facts facts cleanup(facts_deinit) = {0};
	struct reading reading = {&facts, failure};
	int r = journal_read(run_folder, take_record, &reading, &facts.cut_bytes, failure);

	if (r < 0)
		return r;
	if (!facts.plan)
		return failure_set(failure, -ENODATA, "the journal in %s holds no run", run_folder);
	if (facts.block_count > 0)
		qsort(facts.blocks, facts.block_count, sizeof(*facts.blocks), compare_blocks);
	*ret_facts = facts;
	facts = (struct facts){0};
	return 0;
}
