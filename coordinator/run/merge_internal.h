/* SPDX-License-Identifier: Apache-2.0 */
/* The merge's inside: between merge.c, merge_check.c and merge_restore.c alone. */
#pragma once

#include "common/stats/cells.h"
#include "coordinator/run/merge.h"

/* How an agent stands. */
struct merge_agent {
	uint64_t seq;
	int64_t second;      /* -1: none */
	uint32_t epoch;      /* that it ran by in that second */
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
	uint32_t series_given;       /* ids below have their record */
	struct held_second *seconds; /* ascending */
	size_t second_count, second_capacity;
	struct cells **spare;
	size_t spare_count, spare_capacity;
	struct journal_accepted *accepted;
	size_t accepted_count, accepted_capacity;
	struct wire_scenario *changes; /* of each accepted one, by scenario */
	size_t change_count, change_capacity;
	struct journal_name *names;
	size_t name_count, name_capacity;
	struct cell scratch[METRIC_LATENCY + 1]; /* by kind */
	struct buffer bytes;                     /* of a flush */
};

/* The agent, made if it is new. 0 or -ENOMEM. */
int merge_agent_of(struct merge *merge, uint32_t index, struct merge_agent **ret_agent);
/* Its account, empty at first. 0 or -ENOMEM. */
int merge_open_account(const struct merge *merge, struct merge_agent *agent);
/* The agent's next number is that of the journal's series `id`. 0 or -ENOMEM. */
int merge_name_series(struct merge_agent *agent, uint32_t id);

/* The operations and iterations that a snapshot's cells tell. */
struct told {
	uint64_t operations;
	uint64_t iterations;
};

/* Checks a snapshot as a whole, changing nothing but the scratch cells. 0, -ENOMEM, or -EBADMSG with the reason. */
int merge_check(struct merge *merge, uint32_t index, const struct merge_agent *agent,
                const struct message_snapshot *snapshot, struct told *told, struct failure *failure);
