/* SPDX-License-Identifier: Apache-2.0 */
/* A test's stand-in for the worker: a real loop, a plan from a text, one driver on the plan's first target, and the
 * operations given to it. */
#pragma once

#include "agent/drivers/driver.h"
#include "common/base/loop.h"
#include "common/plan/plan.h"

struct rig_operation {
	struct operation operation;
	struct operation_words words; /* its */
	struct rig *rig;
	_Bool done;
	/* Called at its completion, if set. */
	void (*after)(struct rig_operation *operation);
	char saved[4][64]; /* what was saved last, by slot; longer values are cut */
};

#define RIG_RUN_ID "1b4e28ba-2fa1-41d2-883f-016d3cca6427"

struct rig {
	struct loop *loop;
	struct driver_clock clock;
	struct plan *plan;
	struct driver_config config;
	const struct driver_ops *ops;
	struct driver *driver;
	struct random random;
	struct template_value values[16]; /* by slot of the plan's names */
	struct template_scope scope;
	_Bool submitting;
	uint64_t completed;
	uint64_t failed;
};

/* plan_format is a plan with printf's marks. Asserts that all is well. */
void rig_open(struct rig *rig, const struct driver_ops *ops, const char *plan_format, ...)
        __attribute__((format(printf, 3, 4)));
/* With these lanes and connections (config.lanes, config.connections), set in `rig` before. */
void rig_open_config(struct rig *rig, const struct driver_ops *ops, const char *plan_format, ...)
        __attribute__((format(printf, 3, 4)));
void rig_close(struct rig *rig);
/* Sets a name of the plan for the operations that follow. */
void rig_set(struct rig *rig, const char *name, const char *value);
struct driver_session *rig_session(struct rig *rig, uint64_t vu);
/* Submits step `step` of the first scenario and gives what submit gave. */
int rig_submit(struct rig *rig, struct rig_operation *operation, uint32_t step, struct driver_session *session);
/* The same, and turns the loop until it is done. Asserts that it is accepted and takes less than 20 s. */
void rig_do(struct rig *rig, struct rig_operation *operation, uint32_t step, struct driver_session *session);
/* Turns the loop until `completed` operations are done since the rig was opened; at most 20 s. */
void rig_await(struct rig *rig, uint64_t completed);
/* Turns the loop until the condition holds; at most 20 s. */
void rig_until(struct rig *rig, _Bool (*holds)(void *context), void *context);
/* The value of a sample, and asserts that it is there once. */
uint64_t rig_sample(const struct rig_operation *operation, enum metric_id metric);
_Bool rig_has_sample(const struct rig_operation *operation, enum metric_id metric);
