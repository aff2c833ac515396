/* SPDX-License-Identifier: Apache-2.0 */
/* An engine on the test's own thread, with all that it hands over added up. */
#pragma once

#include "agent/engine.h"
#include "agent/epochs.h"
#include "agent/snapshots.h"

struct rig {
	struct plan *plan;
	struct epoch *epochs;
	struct epoch *newest;
	uint32_t worker;
	uint32_t workers;
	struct engine *engine;
	struct snapshots *snapshots;
	struct series_table *series;
	struct cells *totals;              /* of all snapshots, by `series` */
	struct wire_scenario scenarios[8]; /* of the newest snapshot */
	struct wire_health health;
	uint64_t ledger_bytes; /* of all snapshots */
	uint64_t first_second;
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
/* For the only worker of an agent with this share of every scenario. `file` may be NULL. */
struct rig *rig_new_owner(const char *yaml, const struct driver_ops *const *table, const struct plan_file *file,
                          const struct share *share);
void rig_free(struct rig *rig);
void rig_start(struct rig *rig, uint64_t t0_ns);
/* As an agent that comes when this second is running. */
void rig_join(struct rig *rig, uint64_t t0_ns, uint64_t first_second);
/* From at_ns since T0 on it has this share of every scenario, and the moves and extras of `more` (may be NULL). Before
 * the start with 0: instead of what it had. */
void rig_adopt(struct rig *rig, const struct share *share, const struct message_assign *more, uint64_t at_ns);
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
