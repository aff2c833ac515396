/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that turns an engine, and the mailbox between it and the main thread.
 *
 * Once a second a filled second passes from the worker to the main thread and an empty one back, under a mutex that
 * nobody holds longer than it takes to move a pointer; between those the worker shares nothing. Commands wait in the
 * mailbox and wake the loop. All functions here are the main thread's. */
#pragma once

#include <stdint.h>

#include "agent/engine.h"
#include "agent/second.h"
#include "common/base/failure.h"

struct worker;

enum worker_state {
	WORKER_OPENING, /* its drivers are being opened */
	WORKER_OPEN,    /* waits for T0, or runs */
	WORKER_DONE,    /* its last second is handed over, and what its drivers learned of the targets is known */
	WORKER_FAILED,
};

/* Starts the thread. `engine` without hand_over and context: they are the worker's. `doorbell` is an eventfd that is
 * written when there is news. What the config points to must outlive the worker. 0 or a negative errno. */
int worker_new(const struct engine_config *engine, int doorbell, struct worker **ret_worker);
/* Ends the thread and waits for it, while its drivers close: may block. Seconds handed over and not given back are the
 * caller's. */
struct worker *worker_free(struct worker *worker);

/* How it stands now. */
enum worker_state worker_state(struct worker *worker);
/* Of a failed one. Holds until worker_free(). */
const struct failure *worker_failure(struct worker *worker);
/* Of a done one: by the plan's targets; `version` and `topology` are "" where nothing was learned. */
const struct target_facts *worker_facts(struct worker *worker);

/* Commands are obeyed at the worker's next turn; the newest start or stop replaces one that it has not seen yet. Those
 * that return something return 0 or -ENOMEM. */

/* As engine_start(). */
void worker_start(struct worker *worker, uint64_t t0_ns, uint64_t first_second);
/* As engine_adopt(): `portion` must outlive the worker. */
int worker_adopt(struct worker *worker, const struct portion *portion, uint64_t effective_ns);
/* As engine_set_values(); the array is copied, its texts must outlive the worker. */
int worker_set_values(struct worker *worker, const struct engine_value *values, size_t count);
int worker_begin(struct worker *worker, uint32_t scenario, uint64_t at_ns);
void worker_stop(struct worker *worker, uint64_t at_ns, uint64_t grace_ns);

/* The oldest second that was handed over, or NULL. */
struct second *worker_take(struct worker *worker);
/* Gives a second back for the worker to fill again. */
void worker_give(struct worker *worker, struct second *second);
