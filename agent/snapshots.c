/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an agent's snapshots from its workers' seconds. */
#include "agent/snapshots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/stats/error_class.h"

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

/* What is known of one step, over all scenarios. */
struct seen {
	uint32_t groups;
	uint32_t errors;
};

struct snapshots {
	const struct plan *plan;
	struct queue *queues;
	uint32_t worker_count;
	uint64_t next; /* second */
	struct series_table *series;
	uint32_t told; /* series that are in a snapshot already */
	struct cells *cells;
	struct names *steps; /* "scenario\x1fstep" */
	struct seen *seen;   /* by its number in `steps` */
	size_t seen_capacity;
	struct names *groups; /* "scenario\x1fstep\x1fgroup" */
	struct names *errors; /* "scenario\x1fstep\x1flabel" */
	struct buffer key;
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
	free(snapshot);
	return NULL;
}

int snapshots_new(const struct plan *plan, uint32_t workers, struct snapshots **ret_snapshots)
{
	cleanup(snapshots_freep) struct snapshots *snapshots = calloc(1, sizeof(*snapshots));

	if (!snapshots)
		return -ENOMEM;
	snapshots->plan = plan;
	snapshots->queues = calloc(workers + 1, sizeof(*snapshots->queues));
	if (!snapshots->queues)
		return -ENOMEM;
	snapshots->worker_count = workers;
	snapshots->series = series_table_new();
	snapshots->cells = cells_new();
	snapshots->steps = names_new();
	snapshots->groups = names_new();
	snapshots->errors = names_new();
	if (!snapshots->series || !snapshots->cells || !snapshots->steps || !snapshots->groups || !snapshots->errors)
		return -ENOMEM;
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
	series_table_free(snapshots->series);
	cells_free(snapshots->cells);
	names_free(snapshots->steps);
	names_free(snapshots->groups);
	names_free(snapshots->errors);
	free(snapshots->seen);
	buffer_deinit(&snapshots->key);
	free(snapshots);
	return NULL;
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

/* Sets the key to the texts, parted. */
static int set_key(struct snapshots *snapshots, const struct series *series, const char *last)
{
	struct buffer *key = &snapshots->key;

	buffer_clear(key);
	buffer_append_text(key, series->scenario);
	buffer_append_byte(key, 0x1f);
	buffer_append_text(key, series->step);
	if (last) {
		buffer_append_byte(key, 0x1f);
		buffer_append_text(key, last);
	}
	return key->failed;
}

static int find_step(struct snapshots *snapshots, const struct series *series, struct seen **ret_seen)
{
	uint32_t id;
	_Bool added;
	int r = set_key(snapshots, series, NULL);

	if (r == 0)
		r = names_intern(snapshots->steps, snapshots->key.data, snapshots->key.size, &id, &added);
	if (r == 0)
		r = array_reserve(&snapshots->seen, &snapshots->seen_capacity, id, sizeof(*snapshots->seen));
	if (r < 0)
		return r;
	if (added)
		snapshots->seen[id] = (struct seen){0};
	*ret_seen = &snapshots->seen[id];
	return 0;
}

/* Whether one more `text` of a step fits its limit: 1 yes (or it is known), 0 no. */
static int admit(struct snapshots *snapshots, struct names *names, const struct series *series, const char *text,
                 uint32_t limit, uint32_t *count)
{
	uint32_t id;
	int r = set_key(snapshots, series, text);

	if (r < 0)
		return r;
	if (names_find(names, snapshots->key.data, snapshots->key.size) != NAMES_NONE)
		return 1;
	if (*count >= limit)
		return 0;
	r = names_intern(names, snapshots->key.data, snapshots->key.size, &id, NULL);
	if (r < 0)
		return r;
	++*count;
	return 1;
}

/* Folds a series' group and error text where its step has too many. */
static int bound_series(struct snapshots *snapshots, struct series *series, char label[ERROR_LABEL_SIZE],
                        _Bool *ret_folded)
{
	struct seen *seen;
	int r = find_step(snapshots, series, &seen);

	*ret_folded = 0;
	if (r < 0)
		return r;
	if (series->group[0] && strcmp(series->group, GROUP_OTHER_TEXT) != 0) {
		r = admit(snapshots, snapshots->groups, series, series->group, snapshots->plan->max_groups,
		          &seen->groups);
		if (r < 0)
			return r;
		*ret_folded = r == 0;
		if (*ret_folded)
			series->group = GROUP_OTHER_TEXT;
	}
	if (series->metric == METRIC_ERRORS) {
		enum error_class class = ERROR_NONE;
		const char *code;
		const char *text;
		size_t code_size;

		r = admit(snapshots, snapshots->errors, series, series->label, LIMIT_ERROR_TEXTS, &seen->errors);
		if (r < 0)
			return r;
		if (r == 0 && error_label_parse(series->label, &class, &code, &code_size, &text) == 0) {
			error_label_format(class, "", "other", label);
			series->label = label;
		}
	}
	return 0;
}

static int map_series(struct snapshots *snapshots, const struct series *theirs, uint32_t *ret_id)
{
	struct series series = *theirs;
	char label[ERROR_LABEL_SIZE];
	_Bool folded;
	int r = bound_series(snapshots, &series, label, &folded);

	if (r == 0)
		r = series_table_intern(snapshots->series, &series, ret_id, NULL);
	if (r == 0 && folded)
		*ret_id |= FOLDED;
	return r;
}

/* Brings the second's map up to its recorder's table. */
static int map_second(struct snapshots *snapshots, struct second *second)
{
	const struct series_table *table = recorder_series(second->recorder);

	while (second->id_count < series_table_count(table)) {
		int r = array_reserve(&second->ids, &second->id_capacity, second->id_count, sizeof(*second->ids));

		if (r == 0)
			r = map_series(snapshots, series_table_get(table, (uint32_t)second->id_count),
			               &second->ids[second->id_count]);
		if (r < 0)
			return r;
		second->id_count++;
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
		const struct series *series = series_table_get(snapshots->series, id & ~FOLDED);
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
}

static void pop(struct queue *queue)
{
	queue->first = queue->first->link;
	if (!queue->first)
		queue->last = NULL;
}

static int merge_workers(struct snapshots *snapshots,
                         void (*give)(void *context, uint32_t worker, struct second *second), void *context)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < snapshots->worker_count; i++) {
		struct queue *queue = &snapshots->queues[i];
		struct second *second = queue->first;

		if (!second || second->number > snapshots->next)
			continue;
		r = merge_second(snapshots, second);
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
	ret_health->wall_ns = (snapshots->next + 1) * NS_PER_S;
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
	uint32_t count = series_table_count(snapshots->series);

	message->series_count = count - snapshots->told;
	message->series = calloc(message->series_count + 1, sizeof(*message->series));
	if (!message->series)
		return -ENOMEM;
	for (uint32_t i = 0; i < message->series_count; i++) {
		uint32_t id = snapshots->told + i;

		message->series[i] = (struct wire_series){.id = id, .series = *series_table_get(snapshots->series, id)};
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
		enum metric_id metric = series_table_get(snapshots->series, cell->series_id)->metric;

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

	return sizeof(*snapshot) + snapshot->bytes.capacity + message->cell_count * sizeof(*message->cells) +
	       message->series_count * sizeof(*message->series) + message->scenario_count * sizeof(*message->scenarios);
}

int snapshots_make(struct snapshots *snapshots, const struct wire_health *health,
                   void (*give)(void *context, uint32_t worker, struct second *second), void *context,
                   struct snapshot **ret_snapshot)
{
	cleanup(snapshot_freep) struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return -ENOMEM;
	r = merge_workers(snapshots, give, context);
	if (r == 0)
		r = set_scenarios(snapshots, &snapshot->message);
	if (r == 0)
		r = set_series(snapshots, &snapshot->message);
	if (r == 0)
		r = set_cells(snapshots, snapshot);
	if (r < 0)
		return r;
	set_health(snapshots, health, &snapshot->message.health);
	snapshot->message.seq = snapshots->next + 1;
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
