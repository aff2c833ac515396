/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of many agents become sums by (second, series).
 *
 * Each agent numbers its series itself; here its numbers are mapped to those of the journal. A snapshot is first checked as a whole,
 * each cell decoded for its own sake, and only then added up: so a bad one leaves nothing behind. What has been added up since the
 * last flush lies in one table of cells a second, mostly one or two of them, and their memory is used again.
 *
 * Conservation: beside the sums, the operations and iterations that an agent's own deltas told are counted and held against what it
 * says of itself, before anything is merged. The journal keeps both. */
#include "coordinator/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/stats/cells.h"
#include "common/stats/error_class.h"
#include "coordinator/outcomes.h"

/* How an agent stands. */
struct merge_agent {
	uint64_t seq;
	int64_t second; /* -1: none */
	uint64_t operations; /* by its deltas */
	uint64_t iterations;
	uint32_t *series; /* its ids -> the journal's */
	size_t series_count, series_capacity;
	struct wire_scenario *scenarios; /* NULL before the first snapshot */
	struct wire_health health;
};

/* What was added up of one second since the last flush. */
struct held_second {
	uint64_t second;
	struct cells *cells;
};

struct merge {
	struct merge_config config;
	struct merge_agent **agents;
	size_t agent_count, agent_capacity;
	struct series_table *series;
	uint32_t series_given; /* ids below have their record */
	struct held_second *seconds; /* ascending */
	size_t second_count, second_capacity;
	struct cells **spare;
	size_t spare_count, spare_capacity;
	struct journal_accepted *accepted;
	size_t accepted_count, accepted_capacity;
	struct cell scratch[METRIC_LATENCY + 1]; /* by kind */
	struct buffer bytes;                     /* of a flush */
};

DEFINE_CLEANUP(struct merge *, merge_free)

static struct merge_agent *agent_free(struct merge_agent *agent)
{
	if (!agent)
		return NULL;
	free(agent->series);
	free(agent->scenarios);
	free(agent);
	return NULL;
}

struct merge *merge_free(struct merge *merge)
{
	if (!merge)
		return NULL;
	for (size_t i = 0; i < merge->agent_count; i++)
		agent_free(merge->agents[i]);
	free(merge->agents);
	series_table_free(merge->series);
	for (size_t i = 0; i < merge->second_count; i++)
		cells_free(merge->seconds[i].cells);
	free(merge->seconds);
	for (size_t i = 0; i < merge->spare_count; i++)
		cells_free(merge->spare[i]);
	free(merge->spare);
	free(merge->accepted);
	for (size_t i = 0; i <= METRIC_LATENCY; i++)
		cell_deinit(&merge->scratch[i]);
	buffer_deinit(&merge->bytes);
	free(merge);
	return NULL;
}

int merge_new(const struct merge_config *config, struct merge **ret_merge)
{
	struct merge *merge cleanup(merge_freep) = calloc(1, sizeof(*merge));

	if (!merge)
		return -ENOMEM;
	merge->config = *config;
	merge->series = series_table_new();
	if (!merge->series)
		return -ENOMEM;
	for (size_t kind = 0; kind <= METRIC_LATENCY; kind++)
		if (cell_init(&merge->scratch[kind], (enum metric_kind)kind) < 0)
			return -ENOMEM;
	*ret_merge = steal(merge);
	return 0;
}

static const struct merge_agent *agent_at(const struct merge *merge, uint32_t agent)
{
	return agent < merge->agent_count ? merge->agents[agent] : NULL;
}

static int agent_make(struct merge *merge, uint32_t index, struct merge_agent **ret_agent)
{
	assert(index < LIMIT_AGENTS);
	while (merge->agent_count <= index) {
		if (array_reserve(&merge->agents, &merge->agent_capacity, merge->agent_count, sizeof(*merge->agents)) < 0)
			return -ENOMEM;
		merge->agents[merge->agent_count++] = NULL;
	}
	if (!merge->agents[index]) {
		merge->agents[index] = calloc(1, sizeof(**merge->agents));
		if (!merge->agents[index])
			return -ENOMEM;
		merge->agents[index]->second = -1;
	}
	*ret_agent = merge->agents[index];
	return 0;
}

/* ---- checking ---- */

static _Bool has_step(const struct scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->step_count; i++)
		if (strcmp(scenario->steps[i].name, name) == 0)
			return 1;
	return 0;
}

static int check_series(const struct plan *plan, const struct series *series, struct failure *failure)
{
	enum error_class class;
	const char *code, *text;
	size_t code_size;
	uint32_t scenario;

	if ((unsigned)series->metric >= METRIC_COUNT || series->metric == METRIC_AVAILABILITY)
		return failure_set(failure, -EBADMSG, "metric %d can't be sent", (int)series->metric);
	scenario = plan_find_scenario(plan, series->scenario);
	if (scenario == PLAN_NONE)
		return failure_set(failure, -EBADMSG, "the plan has no scenario \"%s\"", series->scenario);
	if (series->step[0] && !has_step(&plan->scenarios[scenario], series->step))
		return failure_set(failure, -EBADMSG, "scenario \"%s\" has no step \"%s\"", series->scenario, series->step);
	if (series->metric == METRIC_ERRORS && error_label_parse(series->label, &class, &code, &code_size, &text) < 0)
		return failure_set(failure, -EBADMSG, "\"%s\" is no error's label", series->label);
	return 0;
}

static int check_all_series(const struct merge *merge, const struct merge_agent *agent,
			    const struct message_snapshot *snapshot, struct failure *failure)
{
	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		const struct wire_series *series = &snapshot->series[i];
		int r;

		if (series->id != agent->series_count + i || series->id >= LIMIT_SERIES)
			return failure_set(failure, -EBADMSG, "series %u comes where %zu is due", series->id,
					   agent->series_count + i);
		r = check_series(merge->config.plan, &series->series, failure);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The series behind an agent's id, old or coming with this snapshot; NULL: there is none. */
static const struct series *find_series(const struct merge *merge, const struct merge_agent *agent,
					const struct message_snapshot *snapshot, uint32_t id)
{
	if (id < agent->series_count)
		return series_table_get(merge->series, agent->series[id]);
	if (id - agent->series_count < snapshot->series_count)
		return &snapshot->series[id - agent->series_count].series;
	return NULL;
}

/* The operations and iterations that a snapshot's cells tell. */
struct told {
	uint64_t operations;
	uint64_t iterations;
};

static int check_cell(struct merge *merge, const struct series *series, const struct wire_cell *cell, struct told *told)
{
	struct cell *scratch = &merge->scratch[metrics[series->metric].kind];
	int r;

	cell_reset(scratch);
	r = cell_decode_merge(scratch, metrics[series->metric].merge, cell->data, cell->size);
	if (r < 0)
		return r;
	if (outcomes_counts_operations(series->metric))
		told->operations += scratch->rate.total;
	if (series->metric == METRIC_ITERATIONS)
		told->iterations += scratch->counter;
	return 0;
}

static int check_cells(struct merge *merge, const struct merge_agent *agent, const struct message_snapshot *snapshot,
		       struct told *told, struct failure *failure)
{
	for (uint32_t i = 0; i < snapshot->cell_count; i++) {
		const struct wire_cell *cell = &snapshot->cells[i];
		const struct series *series = find_series(merge, agent, snapshot, cell->series_id);
		int r;

		if (!series)
			return failure_set(failure, -EBADMSG, "series %u was never named", cell->series_id);
		if (i > 0 && cell->series_id <= snapshot->cells[i - 1].series_id)
			return failure_set(failure, -EBADMSG, "series %u comes after series %u", cell->series_id,
					   snapshot->cells[i - 1].series_id);
		r = check_cell(merge, series, cell, told);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return failure_set(failure, -EBADMSG, "the values of %s of step \"%s\" are damaged",
					   metrics[series->metric].name, series->step);
	}
	return 0;
}

static int check_snapshot(struct merge *merge, const struct merge_agent *agent, const struct message_snapshot *snapshot,
			  struct told *told, struct failure *failure)
{
	int r;

	if (snapshot->second >= MERGE_SECONDS_MAX || (int64_t)snapshot->second < agent->second)
		return failure_set(failure, -EBADMSG, "second %llu comes after second %lld",
				   (unsigned long long)snapshot->second, (long long)agent->second);
	if (snapshot->scenario_count != merge->config.plan->scenario_count)
		return failure_set(failure, -EBADMSG, "it accounts for %u scenarios of %u", snapshot->scenario_count,
				   merge->config.plan->scenario_count);
	r = check_all_series(merge, agent, snapshot, failure);
	return r < 0 ? r : check_cells(merge, agent, snapshot, told, failure);
}

/* ---- taking ---- */

static int map_series(struct merge *merge, struct merge_agent *agent, const struct message_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		uint32_t id;
		int r = array_reserve(&agent->series, &agent->series_capacity, agent->series_count,
				      sizeof(*agent->series));

		if (r == 0)
			r = series_table_intern(merge->series, &snapshot->series[i].series, &id, NULL);
		if (r < 0)
			return r;
		agent->series[agent->series_count++] = id;
	}
	return 0;
}

static struct cells *spare_cells(struct merge *merge)
{
	return merge->spare_count > 0 ? merge->spare[--merge->spare_count] : cells_new();
}

/* The cells of a second, in their place among the others. NULL without memory. */
static struct cells *cells_of(struct merge *merge, uint64_t second)
{
	size_t at = merge->second_count;
	struct cells *cells;

	while (at > 0 && merge->seconds[at - 1].second > second)
		at--;
	if (at > 0 && merge->seconds[at - 1].second == second)
		return merge->seconds[at - 1].cells;
	if (array_reserve(&merge->seconds, &merge->second_capacity, merge->second_count, sizeof(*merge->seconds)) < 0)
		return NULL;
	cells = spare_cells(merge);
	if (!cells)
		return NULL;
	memmove(&merge->seconds[at + 1], &merge->seconds[at], (merge->second_count - at) * sizeof(*merge->seconds));
	merge->seconds[at] = (struct held_second){second, cells};
	merge->second_count++;
	return cells;
}

/* Adds the snapshot's cells up. One that doesn't fit (a count beyond 64 bits) is left out and told. */
static int add_cells(struct merge *merge, const struct merge_agent *agent, const struct message_snapshot *snapshot,
		     _Bool *ret_left_out)
{
	struct cells *cells = snapshot->cell_count > 0 ? cells_of(merge, snapshot->second) : NULL;

	if (snapshot->cell_count > 0 && !cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < snapshot->cell_count; i++) {
		const struct wire_cell *from = &snapshot->cells[i];
		uint32_t id = agent->series[from->series_id];
		const struct metric *metric = &metrics[series_table_get(merge->series, id)->metric];
		struct cell *into = cells_get(cells, id, metric->kind);
		int r = into ? cell_decode_merge(into, metric->merge, from->data, from->size) : -ENOMEM;

		if (r == -ENOMEM)
			return r;
		*ret_left_out |= r < 0;
	}
	return 0;
}

static int keep_account(struct merge *merge, struct merge_agent *agent, const struct message_snapshot *snapshot)
{
	size_t count = merge->config.plan->scenario_count;

	if (!agent->scenarios) {
		agent->scenarios = calloc(count ? count : 1, sizeof(*agent->scenarios));
		if (!agent->scenarios)
			return -ENOMEM;
	}
	if (count > 0)
		memcpy(agent->scenarios, snapshot->scenarios, count * sizeof(*agent->scenarios));
	agent->health = snapshot->health;
	return 0;
}

static void accept(struct merge *merge, uint32_t index, struct merge_agent *agent,
		   const struct message_snapshot *snapshot, const struct told *told, _Bool left_out)
{
	struct journal_accepted accepted = {.agent = index, .seq = snapshot->seq, .second = snapshot->second};

	for (uint32_t i = 0; i < snapshot->scenario_count; i++) {
		const struct tally *tally = &snapshot->scenarios[i].tally;

		accepted.operations += tally->operations;
		accepted.iterations += tally->succeeded + tally->failed;
	}
	agent->seq = snapshot->seq;
	agent->second = (int64_t)snapshot->second;
	agent->operations += told->operations;
	agent->iterations += told->iterations;
	accepted.mismatch = left_out || agent->operations != accepted.operations ||
			    agent->iterations != accepted.iterations;
	merge->accepted[merge->accepted_count++] = accepted;
}

int merge_take(struct merge *merge, uint32_t index, const struct message_snapshot *snapshot, struct failure *failure)
{
	const struct merge_config *config = &merge->config;
	struct merge_agent *agent;
	struct told told = {0};
	_Bool left_out = 0;
	int r = agent_make(merge, index, &agent);

	if (r < 0)
		return r;
	if (snapshot->seq <= agent->seq)
		return MERGE_REPEATED;
	if (snapshot->seq != agent->seq + 1)
		return MERGE_GAP;
	r = check_snapshot(merge, agent, snapshot, &told, failure);
	if (r == 0)
		r = array_reserve(&merge->accepted, &merge->accepted_capacity, merge->accepted_count,
				  sizeof(*merge->accepted));
	if (r == 0)
		r = map_series(merge, agent, snapshot);
	if (r == 0)
		r = keep_account(merge, agent, snapshot);
	if (r == 0 && !(config->skip && config->skip(config->context, index, snapshot->seq)))
		r = add_cells(merge, agent, snapshot, &left_out);
	if (r < 0)
		return r;
	accept(merge, index, agent, snapshot, &told, left_out);
	return MERGE_ACCEPTED;
}

uint64_t merge_accepted_seq(const struct merge *merge, uint32_t agent)
{
	const struct merge_agent *known = agent_at(merge, agent);

	return known ? known->seq : 0;
}

int64_t merge_accepted_second(const struct merge *merge, uint32_t agent)
{
	const struct merge_agent *known = agent_at(merge, agent);

	return known ? known->second : -1;
}

const struct wire_scenario *merge_scenarios(const struct merge *merge, uint32_t agent)
{
	const struct merge_agent *known = agent_at(merge, agent);

	return known ? known->scenarios : NULL;
}

const struct wire_health *merge_health(const struct merge *merge, uint32_t agent)
{
	const struct merge_agent *known = agent_at(merge, agent);

	return known && known->scenarios ? &known->health : NULL;
}

const struct series_table *merge_series(const struct merge *merge)
{
	return merge->series;
}

/* ---- giving out ---- */

static int give_series(struct merge *merge, int (*record)(void *, const struct journal_record *), void *context)
{
	while (merge->series_given < series_table_count(merge->series)) {
		uint32_t id = merge->series_given;
		int r = record(context, &(struct journal_record){
						.type = JOURNAL_SERIES,
						.series = {.id = id, .series = *series_table_get(merge->series, id)}});

		if (r < 0)
			return r;
		merge->series_given++;
	}
	return 0;
}

static int compare_deltas(const void *left, const void *right)
{
	const struct journal_delta *a = left, *b = right;

	return a->series_id < b->series_id ? -1 : a->series_id > b->series_id;
}

/* A delta's place in the bytes; they move while they grow, so this becomes its pointer at the end. */
static const uint8_t *as_pointer(size_t offset)
{
	return (const uint8_t *)(uintptr_t)offset;
}

static void encode_second(struct merge *merge, const struct held_second *held, struct journal_delta *deltas)
{
	uint32_t count = cells_count(held->cells);

	for (uint32_t i = 0; i < count; i++) {
		size_t offset = merge->bytes.size;

		cell_encode(cells_at(held->cells, i), &merge->bytes);
		deltas[i] = (struct journal_delta){.second = held->second,
						   .series_id = cells_id(held->cells, i),
						   .data = as_pointer(offset),
						   .size = merge->bytes.size - offset};
	}
	if (count > 0)
		qsort(deltas, count, sizeof(*deltas), compare_deltas);
}

static int make_deltas(struct merge *merge, struct journal_record *record)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < merge->second_count; i++)
		count += cells_count(merge->seconds[i].cells);
	record->deltas.deltas = calloc(count ? count : 1, sizeof(*record->deltas.deltas));
	if (!record->deltas.deltas)
		return -ENOMEM;
	buffer_clear(&merge->bytes);
	for (size_t i = 0; i < merge->second_count; i++) {
		encode_second(merge, &merge->seconds[i], &record->deltas.deltas[at]);
		at += cells_count(merge->seconds[i].cells);
	}
	for (size_t i = 0; i < count; i++)
		record->deltas.deltas[i].data = merge->bytes.data + (uintptr_t)record->deltas.deltas[i].data;
	record->deltas.delta_count = (uint32_t)count;
	record->deltas.accepted = merge->accepted;
	record->deltas.accepted_count = (uint32_t)merge->accepted_count;
	return merge->bytes.failed;
}

/* Keeps a few seconds' cells for the next ones; a flood's are given back. */
static void forget_given(struct merge *merge)
{
	enum { SPARE_MAX = 4 };

	for (size_t i = 0; i < merge->second_count; i++) {
		struct cells *cells = merge->seconds[i].cells;

		if (merge->spare_count >= SPARE_MAX ||
		    array_reserve(&merge->spare, &merge->spare_capacity, merge->spare_count, sizeof(*merge->spare)) < 0) {
			cells_free(cells);
			continue;
		}
		cells_clear(cells);
		merge->spare[merge->spare_count++] = cells;
	}
	merge->second_count = 0;
	merge->accepted_count = 0;
}

int merge_flush(struct merge *merge, int (*record)(void *context, const struct journal_record *record), void *context)
{
	struct journal_record deltas = {.type = JOURNAL_DELTAS};
	int r;

	if (merge->accepted_count == 0)
		return 0;
	r = give_series(merge, record, context);
	if (r == 0)
		r = make_deltas(merge, &deltas);
	if (r == 0)
		r = record(context, &deltas);
	free(deltas.deltas.deltas);
	if (r < 0)
		return r;
	forget_given(merge);
	return 0;
}
