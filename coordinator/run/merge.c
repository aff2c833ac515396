/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of many agents become sums by (second, series).
 *
 * Each agent numbers its series itself; here its numbers are mapped to those of the journal. A snapshot is first
 * checked as a whole, each cell decoded for its own sake, and only then added up: so a bad one leaves nothing behind.
 * What has been added up since the last flush lies in one table of cells a second, mostly one or two of them, and their
 * memory is used again.
 *
 * Conservation: beside the sums, the operations and iterations that an agent's own deltas told are counted and held
 * against what it says of itself, before anything is merged. The journal keeps both. */
#include "coordinator/run/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "coordinator/journal/account_change.h"
#include "coordinator/run/merge_internal.h"

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

static void forget_ledgers(struct merge *merge)
{
	for (size_t i = 0; i < merge->accepted_count; i++)
		free((uint8_t *)merge->accepted[i].ledger);
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
	forget_ledgers(merge);
	free(merge->accepted);
	free(merge->changes);
	free(merge->names);
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

int merge_agent_of(struct merge *merge, uint32_t index, struct merge_agent **ret_agent)
{
	assert(index < LIMIT_AGENTS);
	while (merge->agent_count <= index) {
		if (array_reserve(&merge->agents, &merge->agent_capacity, merge->agent_count, sizeof(*merge->agents)) <
		    0)
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

/* ---- taking ---- */

int merge_name_series(struct merge_agent *agent, uint32_t id)
{
	int r = array_reserve(&agent->series, &agent->series_capacity, agent->series_count, sizeof(*agent->series));

	if (r == 0)
		agent->series[agent->series_count++] = id;
	return r;
}

static int map_series(struct merge *merge, uint32_t index, struct merge_agent *agent,
                      const struct message_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		uint32_t id = 0;
		int r = array_reserve(&merge->names, &merge->name_capacity, merge->name_count, sizeof(*merge->names));

		if (r == 0)
			r = series_table_intern(merge->series, &snapshot->series[i].series, &id, NULL);
		if (r == 0)
			r = merge_name_series(agent, id);
		if (r < 0)
			return r;
		merge->names[merge->name_count++] = (struct journal_name){index, id};
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

int merge_open_account(const struct merge *merge, struct merge_agent *agent)
{
	size_t count = merge->config.plan->scenario_count;

	if (!agent->scenarios)
		agent->scenarios = calloc(count ? count : 1, sizeof(*agent->scenarios));
	return agent->scenarios ? 0 : -ENOMEM;
}

static int keep_account(struct merge *merge, struct merge_agent *agent, const struct message_snapshot *snapshot)
{
	int r = merge_open_account(merge, agent);

	for (size_t i = 0; r == 0 && i < merge->config.plan->scenario_count; i++) {
		r = array_reserve(&merge->changes, &merge->change_capacity, merge->change_count,
		                  sizeof(*merge->changes));
		if (r < 0)
			return r;
		merge->changes[merge->change_count++] = account_change(&agent->scenarios[i], &snapshot->scenarios[i]);
		agent->scenarios[i] = snapshot->scenarios[i];
	}
	agent->health = snapshot->health;
	return r;
}

static void accept(struct merge *merge, uint32_t index, struct merge_agent *agent,
                   const struct message_snapshot *snapshot, const struct told *told, uint8_t *ledger, _Bool left_out)
{
	struct journal_accepted accepted = {.agent = index,
	                                    .seq = snapshot->seq,
	                                    .second = snapshot->second,
	                                    .epoch = snapshot->epoch,
	                                    .ledger = ledger,
	                                    .ledger_size = snapshot->ledger_size};

	for (uint32_t i = 0; i < snapshot->scenario_count; i++) {
		const struct tally *tally = &snapshot->scenarios[i].tally;

		accepted.operations += tally->operations;
		accepted.iterations += tally->succeeded + tally->failed;
	}
	agent->seq = snapshot->seq;
	agent->second = (int64_t)snapshot->second;
	agent->epoch = snapshot->epoch;
	agent->operations += told->operations;
	agent->iterations += told->iterations;
	accepted.mismatch =
	        left_out || agent->operations != accepted.operations || agent->iterations != accepted.iterations;
	merge->accepted[merge->accepted_count++] = accepted;
}

static int copy_ledger(const struct message_snapshot *snapshot, uint8_t **ret_ledger)
{
	uint8_t *ledger;

	if (snapshot->ledger_size == 0)
		return 0;
	ledger = malloc(snapshot->ledger_size);
	if (!ledger)
		return -ENOMEM;
	memcpy(ledger, snapshot->ledger, snapshot->ledger_size);
	*ret_ledger = ledger;
	return 0;
}

int merge_take(struct merge *merge, uint32_t index, const struct message_snapshot *snapshot, struct failure *failure)
{
	const struct merge_config *config = &merge->config;
	struct merge_agent *agent;
	uint8_t *ledger cleanup(cleanup_free) = NULL;
	struct told told = {0};
	_Bool left_out = 0;
	int r = merge_agent_of(merge, index, &agent);

	if (r < 0)
		return r;
	if (snapshot->seq == agent->seq) /* the journal doesn't keep each one's health */
		agent->health = snapshot->health;
	if (snapshot->seq <= agent->seq)
		return MERGE_REPEATED;
	if (snapshot->seq != agent->seq + 1)
		return MERGE_GAP;
	r = merge_check(merge, index, agent, snapshot, &told, failure);
	if (r == 0)
		r = array_reserve(&merge->accepted, &merge->accepted_capacity, merge->accepted_count,
		                  sizeof(*merge->accepted));
	if (r == 0)
		r = copy_ledger(snapshot, &ledger);
	if (r == 0)
		r = map_series(merge, index, agent, snapshot);
	if (r == 0)
		r = keep_account(merge, agent, snapshot);
	if (r == 0 && !(config->skip && config->skip(config->context, index, snapshot->seq)))
		r = add_cells(merge, agent, snapshot, &left_out);
	if (r < 0)
		return r;
	accept(merge, index, agent, snapshot, &told, steal(ledger), left_out);
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

uint32_t merge_accepted_epoch(const struct merge *merge, uint32_t agent)
{
	const struct merge_agent *known = agent_at(merge, agent);

	return known ? known->epoch : 0;
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
	record->deltas.scenario_count = merge->config.plan->scenario_count;
	record->deltas.changes = merge->changes;
	record->deltas.names = merge->names;
	record->deltas.name_count = (uint32_t)merge->name_count;
	return merge->bytes.failed;
}

/* Keeps a few seconds' cells for the next ones; a flood's are given back. */
static void forget_given(struct merge *merge)
{
	enum { SPARE_MAX = 4 };

	for (size_t i = 0; i < merge->second_count; i++) {
		struct cells *cells = merge->seconds[i].cells;

		if (merge->spare_count >= SPARE_MAX || array_reserve(&merge->spare, &merge->spare_capacity,
		                                                     merge->spare_count, sizeof(*merge->spare)) < 0) {
			cells_free(cells);
			continue;
		}
		cells_clear(cells);
		merge->spare[merge->spare_count++] = cells;
	}
	merge->second_count = 0;
	forget_ledgers(merge);
	merge->accepted_count = 0;
	merge->change_count = 0;
	merge->name_count = 0;
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
