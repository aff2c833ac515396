/* SPDX-License-Identifier: Apache-2.0 */
/* The sum of a cell over the last so many seconds, at a cost that doesn't grow with their number. */
#pragma once

#include <stdint.h>

#include "common/stats/cell.h"

struct sliding;

/* A window of `seconds` (>= 1), before second 0. 0 or -ENOMEM. */
int sliding_new(enum metric_kind kind, uint64_t seconds, struct sliding **ret_sliding);
struct sliding *sliding_free(struct sliding *sliding);
/* Takes the next second: 0, 1, 2 ... NULL: it has nothing. 0 or -ENOMEM. */
int sliding_next(struct sliding *sliding, const struct cell *cell);
/* A second that was taken gets more; one that has left the window, or is a gauge's, stays as it was. 0 or -ENOMEM. */
int sliding_amend(struct sliding *sliding, uint64_t second, const struct cell *cell);
/* What the window holds, in the order of time. Holds until the next call. NULL without memory. */
const struct cell *sliding_sum(struct sliding *sliding);
