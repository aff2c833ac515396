/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a snapshot: merged, journaled, judged. Part of the run's state machine; pure like it. */
#pragma once

#include <stdint.h>

#include "coordinator/run/merge.h"
#include "coordinator/run/verdict.h"

struct intake;

/* `journal` is where records go; its error ends the flush and is returned. */
struct intake_config {
	const struct plan *plan;
	int (*journal)(void *context, const struct journal_record *record);
	void *context;
	/* As in struct merge_config: a fault for tests, NULL in a real run. */
	_Bool (*skip)(void *context, uint32_t agent, uint64_t seq);
	void *skip_context;
};

int intake_new(const struct intake_config *config, struct intake **ret_intake);
struct intake *intake_free(struct intake *intake);
/* As merge_restore(), and shows what was merged to the thresholds. */
int intake_restore(struct intake *intake, const struct journal_record *record);
/* As merge_take(). */
int intake_take(struct intake *intake, uint32_t agent, const struct message_snapshot *snapshot,
                struct failure *failure);
/* Journals what was taken since the last flush, then shows it to the thresholds. After 0, everything taken is durable.
 */
int intake_flush(struct intake *intake);
/* As verdict_advance(). */
int intake_judge(struct intake *intake, uint64_t watermark, double *ret_observed);
const struct merge *intake_merge(const struct intake *intake);
