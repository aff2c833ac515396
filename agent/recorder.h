/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker counted in one second, by series: filled by the worker alone, handed over whole at the second's end.
 *
 * A worker's recorders take turns. Each has its own table of series, which only grows, so that the main thread may read
 * one while the worker fills the other; the snapshot maps each table's ids to the agent's. */
#pragma once

#include <stdint.h>

#include "agent/groups.h"
#include "common/plan/plan.h"
#include "common/stats/cells.h"
#include "common/stats/error_class.h"
#include "common/stats/series.h"
#include "common/stats/tally.h"

struct operation;
struct operation_sample;
struct recorder;

/* Where an operation is counted. */
struct recorder_place {
	uint32_t scenario;
	uint32_t step;
	uint32_t group; /* of groups_intern() */
	_Bool warmup;
};

/* `plan` gives scenarios, steps and bucket edges; `groups` the texts. Keeps both pointers. 0 or -ENOMEM. */
int recorder_new(const struct plan *plan, const struct groups *groups, struct recorder **ret_recorder);
struct recorder *recorder_free(struct recorder *recorder);

/* All that record: 0, -ENOMEM, or -EOVERFLOW above LIMIT_SERIES. */

/* A completed operation: count, failed, durations by its step kind's metric_set, samples, bytes, its error text. */
int recorder_operation(struct recorder *recorder, const struct recorder_place *place,
                       const struct operation *operation);
/* A message that a consume step got; latency_ns is NULL where it isn't known since when it was wanted. */
int recorder_message(struct recorder *recorder, const struct recorder_place *place, uint64_t bytes,
                     const int64_t *latency_ns);
/* What a driver measured of a step beside its operations. */
int recorder_sample(struct recorder *recorder, const struct recorder_place *place,
                    const struct operation_sample *sample);
/* An error of a step that no operation has told. */
int recorder_trouble(struct recorder *recorder, const struct recorder_place *place, enum error_class class,
                     const char *code, const char *text);
/* A completed iteration; its duration counts only for successes. Interrupted ones are not recorded. */
int recorder_iteration(struct recorder *recorder, uint32_t scenario, _Bool warmup, _Bool succeeded,
                       uint64_t duration_ns);
/* Iterations that the schedule wanted and that never started. */
int recorder_dropped(struct recorder *recorder, uint32_t scenario, _Bool warmup, enum drop_reason reason,
                     uint64_t count);
/* How long after its intended time an iteration was started. */
int recorder_lateness(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t lateness_ns);
/* An iteration that failed without an operation (a feed had nothing left): an error of the scenario, under no step. */
int recorder_error(struct recorder *recorder, uint32_t scenario, _Bool warmup, const char *label);
/* VUs of a scenario that exist now (the second's last value). */
int recorder_vus(struct recorder *recorder, uint32_t scenario, _Bool warmup, uint64_t vus);

/* A level of the whole run: joins those of the second by the metric's rule. */
int recorder_gauge(struct recorder *recorder, enum metric_id metric, const char *label, double value);

/* The second's cells, by the ids of the recorder's table. */
const struct cells *recorder_cells(const struct recorder *recorder);
const struct series_table *recorder_series(const struct recorder *recorder);
/* Empties it for the next second. */
void recorder_clear(struct recorder *recorder);
