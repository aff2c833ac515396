/* SPDX-License-Identifier: Apache-2.0 */
/* An engine on the test's own thread, with all that it hands over added up. */
#pragma once

#include "agent/engine.h"
#include "agent/snapshots.h"

struct rig {
	struct plan *plan;
	struct portion portion;
	struct engine *engine;
	struct snapshots *snapshots;
	struct series_table *series;
	struct cells *totals;              /* of all snapshots, by `series` */
	struct wire_scenario scenarios[8]; /* of the newest snapshot */
	struct wire_health health;
	uint64_t seconds; /* snapshots made */
	_Bool last;
};

/* Parses the plan, or fails the test with its errors. `files` may be NULL. */
struct plan *rig_plan(const char *yaml, const struct plan_file *files, uint32_t file_count);

/* Opens an engine for all of the plan. `table` by target_kind. */
struct rig *rig_new(const char *yaml, const struct driver_ops *const *table);
/* For worker `worker` of `workers`, with data files. */
struct rig *rig_new_part(const char *yaml, const struct driver_ops *const *table, const struct plan_file *files,
                         uint32_t file_count, uint32_t worker, uint32_t workers);
void rig_free(struct rig *rig);
void rig_start(struct rig *rig, uint64_t t0_ns);
/* One pass of the engine. */
void rig_turn(struct rig *rig);
/* Turns until it is done. */
void rig_finish(struct rig *rig);
/* start now, finish. */
void rig_run(struct rig *rig);

/* The cell of a metric, without warm-up; an empty one if it was never counted. NULL texts are "". */
const struct cell *rig_cell(const struct rig *rig, enum metric_id metric, const char *scenario, const char *step,
                            const char *group, const char *label);
const struct cell *rig_warmup_cell(const struct rig *rig, enum metric_id metric, const char *scenario,
                                   const char *step);
uint64_t rig_count(const struct rig *rig, enum metric_id metric, const char *scenario, const char *step);

/* Checks what must hold of every account at a run's end. */
void rig_check_account(const struct rig *rig, uint32_t scenario);
