/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an agent's snapshots from its workers' seconds. */
#include "agent/snapshots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/series_map.h"
#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/limits.h"

/* A series that was folded into (other) here carries this mark beside its id. */
#define FOLDED (UINT32_C(1) << 31)

_Static_assert(LIMIT_SERIES < FOLDED, "ids and the mark share 32 bits");

struct queue {
	struct second *first; /* by number */
	struct second *last;
	uint64_t watermark; /* of all seconds before it nothing more comes */
	_Bool ended;
	struct second *latest; /* a copy of how things stood, without recorder */
};

struct shift {
	uint32_t epoch;
	uint64_t second;
};

struct snapshots {
	const struct plan *plan;
	struct queue *queues;
	uint32_t worker_count;
	uint64_t first; /* second */
	uint64_t next;
	uint32_t epoch;       /* of the snapshot made last */
	struct shift *shifts; /* that the next one may be past */
	size_t shift_count;
	size_t shift_capacity;
	struct series_map *map;
	uint32_t told; /* series that are in a snapshot already */
	struct cells *cells;
	uint64_t folded; /* operations */
	uint64_t schedule_end_ns;
	uint64_t cpu_at_start_ns;
};

DEFINE_CLEANUP(struct snapshots *, snapshots_free)
DEFINE_CLEANUP(struct snapshot *, snapshot_free)

struct snapshot *snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	free(snapshot->message.series);
	free(snapshot->message.cells);
	free(snapshot->message.scenarios);
	buffer_deinit(&snapshot->bytes);
	buffer_deinit(&snapshot->ledger);
	free(snapshot);
	return NULL;
}

int snapshots_new(const struct plan *plan, uint32_t workers, struct snapshots **ret_snapshots)
{
	cleanup(snapshots_freep) struct snapshots *snapshots = calloc(1, sizeof(*snapshots));
	int r;

	if (!snapshots)
		return -ENOMEM;
	snapshots->plan = plan;
	snapshots->queues = calloc(workers + 1, sizeof(*snapshots->queues));
	if (!snapshots->queues)
		return -ENOMEM;
	snapshots->worker_count = workers;
	snapshots->cells = cells_new();
	if (!snapshots->cells)
		return -ENOMEM;
	r = series_map_new(plan->max_groups, &snapshots->map);
	if (r < 0)
		return r;
	*ret_snapshots = steal(snapshots);
	return 0;
}

struct snapshots *snapshots_free(struct snapshots *snapshots)
{
	if (!snapshots)
		return NULL;
	for (uint32_t i = 0; i < snapshots->worker_count; i++) {
		struct queue *queue = &snapshots->queues[i];

		while (queue->first) {
			struct second *second = queue->first;

			queue->first = second->link;
			second_free(second);
		}
		second_free(queue->latest);
	}
	free(snapshots->queues);
	free(snapshots->shifts);
	series_map_free(snapshots->map);
	cells_free(snapshots->cells);
	free(snapshots);
	return NULL;
}

void snapshots_begin(struct snapshots *snapshots, uint64_t second)
{
	snapshots->first = snapshots->next = second;
}

int snapshots_shift(struct snapshots *snapshots, uint32_t epoch, uint64_t second)
{
	if (array_reserve(&snapshots->shifts, &snapshots->shift_capacity, snapshots->shift_count,
	                  sizeof(*snapshots->shifts)) < 0)
		return -ENOMEM;
	snapshots->shifts[snapshots->shift_count++] = (struct shift){.epoch = epoch, .second = second};
	return 0;
}

static uint32_t find_epoch(struct snapshots *snapshots)
{
	size_t over = 0;

	for (; over < snapshots->shift_count && snapshots->shifts[over].second <= snapshots->next; over++)
		snapshots->epoch = snapshots->shifts[over].epoch;
	snapshots->shift_count -= over;
	if (snapshots->shift_count > 0)
		memmove(snapshots->shifts, snapshots->shifts + over,
		        snapshots->shift_count * sizeof(*snapshots->shifts));
	return snapshots->epoch;
}

int snapshots_reading(struct snapshots *snapshots, enum metric_id metric, const char *label, double value)
{
	const struct series series = {.metric = metric, .scenario = "", .step = "", .group = "", .label = label};
	struct cell reading = {.kind = METRIC_GAUGE};
	struct cell *cell;
	_Bool folded;
	uint32_t id;
	int r = series_map_find(snapshots->map, &series, &id, &folded);

	if (r < 0)
		return r;
	cell = cells_get(snapshots->cells, id, metrics[metric].kind);
	if (!cell)
		return -ENOMEM;
	cell_set_gauge(&reading, value);
	return cell_add_later(cell, &reading);
}

static struct second *new_latest(const struct plan *plan)
{
	struct second *latest = calloc(1, sizeof(*latest));

	if (!latest)
		return NULL;
	latest->scenarios = calloc(plan->scenario_count + 1, sizeof(*latest->scenarios));
	return latest->scenarios ? latest : second_free(latest);
}

int snapshots_add(struct snapshots *snapshots, uint32_t worker, struct second *second)
{
	struct queue *queue = &snapshots->queues[worker];

	if (!queue->latest)
		queue->latest = new_latest(snapshots->plan);
	if (!queue->latest)
		return -ENOMEM;
	second->link = NULL;
	if (queue->last)
		queue->last->link = second;
	else
		queue->first = second;
	queue->last = second;
	queue->watermark = second->last ? CLOCK_NEVER : second->next;
	queue->ended = second->last;
	if (worker == 0)
		snapshots->cpu_at_start_ns = second->cpu_at_start_ns;
	return 0;
}

static _Bool all_ended(const struct snapshots *snapshots)
{
	for (uint32_t i = 0; i < snapshots->worker_count; i++) {
		if (!snapshots->queues[i].ended || snapshots->queues[i].first)
			return 0;
	}
	return 1;
}

_Bool snapshots_ready(const struct snapshots *snapshots)
{
	for (uint32_t i = 0; i < snapshots->worker_count; i++) {
		if (snapshots->queues[i].watermark <= snapshots->next)
			return 0;
	}
	return !all_ended(snapshots);
}

static const struct series *series_of(const struct snapshots *snapshots, uint32_t id)
{
	return series_table_get(series_map_table(snapshots->map), id);
}

/* Brings the second's map up to its recorder's table. */
static int map_second(struct snapshots *snapshots, struct second *second)
{
	const struct series_table *table = recorder_series(second->recorder);

	while (second->id_count < series_table_count(table)) {
		const struct series *theirs = series_table_get(table, (uint32_t)second->id_count);
		_Bool folded = 0;
		uint32_t id = 0;
		int r = array_reserve(&second->ids, &second->id_capacity, second->id_count, sizeof(*second->ids));

		if (r == 0)
			r = series_map_find(snapshots->map, theirs, &id, &folded);
		if (r < 0)
			return r;
		second->ids[second->id_count++] = folded ? id | FOLDED : id;
	}
	return 0;
}

static int merge_second(struct snapshots *snapshots, struct second *second)
{
	const struct cells *cells = recorder_cells(second->recorder);
	int r = map_second(snapshots, second);

	for (uint32_t i = 0; r == 0 && i < cells_count(cells); i++) {
		const struct cell *cell = cells_at(cells, i);
		uint32_t id = second->ids[cells_id(cells, i)];
		const struct series *series = series_of(snapshots, id & ~FOLDED);
		struct cell *into = cells_get(snapshots->cells, id & ~FOLDED, cell->kind);

		/* Of every operation exactly one rate is kept in its group: whether it failed. */
		if ((id & FOLDED) && cell->kind == METRIC_RATE && series->metric != METRIC_CHECKS)
			snapshots->folded += cell->rate.total;
		r = into ? cell_merge(into, cell, metrics[series->metric].merge) : -ENOMEM;
	}
	return r;
}

static void keep_latest(struct snapshots *snapshots, struct queue *queue, const struct second *second)
{
	struct wire_scenario *scenarios = queue->latest->scenarios;

	memcpy(scenarios, second->scenarios, snapshots->plan->scenario_count * sizeof(*scenarios));
	*queue->latest = *second;
	queue->latest->scenarios = scenarios;
	queue->latest->recorder = NULL;
	queue->latest->ids = NULL;
	queue->latest->ledger = (struct buffer){0};
}

static void pop(struct queue *queue)
{
	queue->first = queue->first->link;
	if (!queue->first)
		queue->last = NULL;
}

static int merge_workers(struct snapshots *snapshots, struct buffer *ledger,
                         void (*give)(void *context, uint32_t worker, struct second *second), void *context)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < snapshots->worker_count; i++) {
		struct queue *queue = &snapshots->queues[i];
		struct second *second = queue->first;

		if (!second || second->number > snapshots->next)
			continue;
		r = merge_second(snapshots, second);
		if (r == 0)
			r = buffer_append(ledger, second->ledger.data, second->ledger.size);
		if (r < 0)
			return r;
		keep_latest(snapshots, queue, second);
		pop(queue);
		give(context, i, second);
	}
	return r;
}

static void add_scenario(struct wire_scenario *into, const struct wire_scenario *from)
{
	tally_add(&into->tally, &from->tally);
	into->running += from->running;
	into->finished &= from->finished;
	if (from->end_ns > into->end_ns)
		into->end_ns = from->end_ns;
}

/* How the scenarios stand, over all workers. A worker that has not come to its first second yet has nothing finished.
 */
static int set_scenarios(struct snapshots *snapshots, struct message_snapshot *message)
{
	uint32_t count = snapshots->plan->scenario_count;

	message->scenarios = calloc(count + 1, sizeof(*message->scenarios));
	if (!message->scenarios)
		return -ENOMEM;
	message->scenario_count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct wire_scenario *into = &message->scenarios[i];

		into->finished = 1;
		for (uint32_t j = 0; j < snapshots->worker_count; j++)
			add_scenario(into, &snapshots->queues[j].latest->scenarios[i]);
		if (!into->finished)
			into->end_ns = 0;
	}
	return 0;
}

static void set_health(struct snapshots *snapshots, const struct wire_health *process, struct wire_health *ret_health)
{
	*ret_health = *process;
	ret_health->wall_ns = (snapshots->next + 1 - snapshots->first) * NS_PER_S;
	ret_health->groups_folded = snapshots->folded;
	for (uint32_t i = 0; i < snapshots->worker_count; i++) {
		const struct second *latest = snapshots->queues[i].latest;

		if (latest->start_skew_ns > ret_health->start_skew_ns)
			ret_health->start_skew_ns = latest->start_skew_ns;
		if (latest->stalled_ns > ret_health->stalled_ns)
			ret_health->stalled_ns = latest->stalled_ns;
		ret_health->groups_folded += latest->groups_folded;
		if (latest->schedule_end_ns > snapshots->schedule_end_ns)
			snapshots->schedule_end_ns = latest->schedule_end_ns;
	}
}

static int set_series(struct snapshots *snapshots, struct message_snapshot *message)
{
	uint32_t count = series_table_count(series_map_table(snapshots->map));

	message->series_count = count - snapshots->told;
	message->series = calloc(message->series_count + 1, sizeof(*message->series));
	if (!message->series)
		return -ENOMEM;
	for (uint32_t i = 0; i < message->series_count; i++) {
		uint32_t id = snapshots->told + i;

		message->series[i] = (struct wire_series){.id = id, .series = *series_of(snapshots, id)};
	}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = ((const struct wire_cell *)a)->series_id;
	uint32_t y = ((const struct wire_cell *)b)->series_id;

	return (x > y) - (x < y);
}

static int encode_cells(struct snapshots *snapshots, struct snapshot *snapshot)
{
	struct message_snapshot *message = &snapshot->message;
	const uint8_t *at;

	for (uint32_t i = 0; i < message->cell_count; i++) {
		struct wire_cell *cell = &message->cells[i];
		size_t before = snapshot->bytes.size;
		enum metric_id metric = series_of(snapshots, cell->series_id)->metric;

		cell_encode(cells_get(snapshots->cells, cell->series_id, metrics[metric].kind), &snapshot->bytes);
		cell->size = snapshot->bytes.size - before;
	}
	at = snapshot->bytes.data;
	for (uint32_t i = 0; i < message->cell_count; i++) {
		message->cells[i].data = at;
		at += message->cells[i].size;
	}
	return snapshot->bytes.failed;
}

static int set_cells(struct snapshots *snapshots, struct snapshot *snapshot)
{
	struct message_snapshot *message = &snapshot->message;

	message->cell_count = cells_count(snapshots->cells);
	message->cells = calloc(message->cell_count + 1, sizeof(*message->cells));
	if (!message->cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < message->cell_count; i++)
		message->cells[i].series_id = cells_id(snapshots->cells, i);
	qsort(message->cells, message->cell_count, sizeof(*message->cells), compare_ids);
	return encode_cells(snapshots, snapshot);
}

static size_t memory_of(const struct snapshot *snapshot)
{
	const struct message_snapshot *message = &snapshot->message;

	return sizeof(*snapshot) + snapshot->bytes.capacity + snapshot->ledger.capacity +
	       message->cell_count * sizeof(*message->cells) + message->series_count * sizeof(*message->series) +
	       message->scenario_count * sizeof(*message->scenarios);
}

int snapshots_make(struct snapshots *snapshots, const struct wire_health *health,
                   void (*give)(void *context, uint32_t worker, struct second *second), void *context,
                   struct snapshot **ret_snapshot)
{
	cleanup(snapshot_freep) struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return -ENOMEM;
	r = merge_workers(snapshots, &snapshot->ledger, give, context);
	/* Of tens of millions of messages a second: it could not be sent. */
	if (r == 0 && snapshot->ledger.size > LIMIT_LEDGER_BYTES)
		r = -EOVERFLOW;
	if (r == 0)
		r = set_scenarios(snapshots, &snapshot->message);
	if (r == 0)
		r = set_series(snapshots, &snapshot->message);
	if (r == 0)
		r = set_cells(snapshots, snapshot);
	if (r < 0)
		return r;
	snapshot->message.ledger = snapshot->ledger.data;
	snapshot->message.ledger_size = snapshot->ledger.size;
	set_health(snapshots, health, &snapshot->message.health);
	snapshot->message.seq = snapshots->next - snapshots->first + 1;
	snapshot->message.epoch = find_epoch(snapshots);
	snapshot->message.second = snapshots->next;
	snapshot->message.last = all_ended(snapshots);
	snapshot->memory = memory_of(snapshot);
	cells_clear(snapshots->cells);
	snapshots->told += snapshot->message.series_count;
	snapshots->next++;
	*ret_snapshot = steal(snapshot);
	return 0;
}

uint64_t snapshots_schedule_end_ns(const struct snapshots *snapshots)
{
	return snapshots->schedule_end_ns;
}

uint64_t snapshots_cpu_at_start_ns(const struct snapshots *snapshots)
{
	return snapshots->cpu_at_start_ns;
}
