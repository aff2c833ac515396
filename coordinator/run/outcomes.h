/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of thing a series tells of: operations and the availability that is derived from them. */
#pragma once

#include "common/stats/cell.h"
#include "common/stats/metrics.h"

/* True for the rate in which each operation of one kind of step is counted once (`http_req_failed` ...): its total is
 * the number of completed operations. */
_Bool outcomes_counts_operations(enum metric_id metric);

/* Availability's value of one second, from the rate of failures in it: {ok, 1}, where ok says that at least 99 %
 * succeeded; {0, 0} where no operation was completed. */
struct cell outcomes_availability(const struct cell *failed);
