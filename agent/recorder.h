/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker counted in one second, by series: filled by the worker alone, handed over whole at the second's end.
 *
 * Two recorders a worker take turns. Series ids are the worker's own; the session maps them to the agent's. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/stats/cells.h"
#include "common/stats/series.h"
#include "common/stats/tally.h"

struct operation;
struct recorder;

/* `plan` gives scenarios, steps, bucket edges and maxGroups. */
int recorder_new(const struct plan *plan, struct recorder **ret_recorder);
struct recorder *recorder_free(struct recorder *recorder);

/* A completed operation: count, failed, durations by its step kind's metric_set, samples, bytes, its error text. */
int recorder_operation(struct recorder *recorder, uint32_t scenario, uint32_t step, const char *group, size_t group_size,
		       _Bool warmup, const struct operation *operation);
/* A completed iteration; its duration counts only for successes. */
int recorder_iteration(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t duration_ns);
int recorder_dropped(struct recorder *recorder, uint32_t scenario, enum drop_reason reason, _Bool warmup);
int recorder_lateness(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t lateness_ns);
/* VUs of a scenario that exist now (the second's last value). */
int recorder_vus(struct recorder *recorder, uint32_t scenario, uint64_t vus);

/* The second's cells; the table of series is the worker's and only grows. */
const struct cells *recorder_cells(const struct recorder *recorder);
const struct series_table *recorder_series(const struct recorder *recorder);
/* Operations whose group was folded into (other) for want of room (maxGroups a step). */
uint64_t recorder_groups_folded(const struct recorder *recorder);
/* Empties it for the next second. */
void recorder_clear(struct recorder *recorder);
