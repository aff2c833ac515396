/* SPDX-License-Identifier: Apache-2.0 */
/* Where a recorder keeps the cells of its second: recorder_leaves.c finds them, recorder.c fills them.
 *
 * A leaf stands for a (step, group, warm-up) and holds a slot for each metric that every operation has. A slot
 * remembers its series' id for good and its cell for the second (`turn`), so that recording costs no hashing and a
 * series that got nothing in a second takes no part in it. Samples with labels and errors are found in the leaf's short
 * list of extras. */
#pragma once

#include <assert.h>
#include <stddef.h>

#include "agent/recorder.h"
#include "common/base/names.h"
#include "common/stats/error_class.h"

struct slot {
	struct cell *cell; /* good if turn is the recorder's */
	uint64_t turn;
	uint32_t id;
};

struct extra {
	struct slot slot;
	enum metric_id metric;
	char *label;
};

enum leaf_slot {
	SLOT_COUNT,
	SLOT_FAILED,
	SLOT_DURATION,
	SLOT_RESPONSE,
	SLOT_FAILED_DURATION,
	SLOT_SENT,
	SLOT_RECEIVED,
	SLOT_CONSUMED,
	SLOT_END_TO_END,
	SLOT_NEGATIVE,
	LEAF_SLOTS
};

struct leaf {
	struct slot slots[LEAF_SLOTS];
	struct extra *extras;
	size_t extra_count;
	size_t extra_capacity;
};

/* The leaves of one step, by group. */
struct step_leaves {
	struct leaf **items;
	size_t capacity;      /* those past what was used are NULL */
	struct names *errors; /* labels seen: at most LIMIT_ERROR_TEXTS */
};

struct scenario_slots {
	struct slot iterations;
	struct slot duration;
	struct slot lateness;
	struct slot vus;
	struct slot dropped[DROP_REASON_COUNT];
};

struct recorder {
	const struct plan *plan;
	const struct groups *groups;
	struct series_table *series;
	struct cells *cells;
	uint64_t turn; /* from 1: a zeroed slot is of no turn */
	uint32_t step_count;
	struct step_leaves *steps[2];        /* by warm-up, then step number */
	struct scenario_slots *scenarios[2]; /* by warm-up, then scenario */
};

/* All below: 0, -ENOMEM or -EOVERFLOW (more series than LIMIT_SERIES). */

/* Opens a leaf's slot of this metric for the second. */
int recorder_open_leaf_slot(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                            enum metric_id metric);

/* The cell of a leaf's slot. */
static inline int recorder_leaf_cell(struct recorder *recorder, struct slot *slot, const struct recorder_place *place,
                                     enum metric_id metric, struct cell **ret_cell)
{
	if (__builtin_expect(slot->turn != recorder->turn, 0)) {
		int r = recorder_open_leaf_slot(recorder, slot, place, metric);

		if (r < 0)
			return r;
	}
	assert(slot->cell);
	*ret_cell = slot->cell;
	return 0;
}

/* The place's leaf, made at its first use. */
int recorder_find_leaf(struct recorder *recorder, const struct recorder_place *place, struct leaf **ret_leaf);
/* The cell of a leaf's further series. */
int recorder_extra_cell(struct recorder *recorder, struct leaf *leaf, const struct recorder_place *place,
                        enum metric_id metric, const char *label, struct cell **ret_cell);
/* Opens a scenario's slot for the second if it isn't open: then slot->cell is its cell. */
int recorder_scenario_cell(struct recorder *recorder, struct slot *slot, uint32_t scenario, _Bool warmup,
                           enum metric_id metric, const char *label);
/* Makes the label "class||other" where the step has too many different ones. */
int recorder_bound_error(struct recorder *recorder, const struct recorder_place *place, enum error_class class,
                         char label[ERROR_LABEL_SIZE]);
/* Frees a step's leaves. */
void recorder_free_leaves(struct step_leaves *step);
