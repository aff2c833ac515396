/* SPDX-License-Identifier: Apache-2.0 */
/* How a group did. */
#include "common/stats/group_status.h"

#include "common/base/clock.h"

const char *const group_status_names[GROUP_STATUS_COUNT] = {
        [GROUP_NORMAL] = "normal",
        [GROUP_VARIABLE] = "variable",
        [GROUP_UNSTABLE] = "unstable",
        [GROUP_TIMEOUTS] = "timeouts",
};

const struct group_status_limits group_status_defaults = {
        .slow_ns = NS_PER_S,
        .levels =
                {
                        [GROUP_VARIABLE] = {.max_over_mean = 3, .success = 0.8},
                        [GROUP_UNSTABLE] = {.success = 0.7, .slow = 0.01},
                        [GROUP_TIMEOUTS] = {.slow = 0.1},
                },
};

static _Bool is_met(const struct group_limits *limits, const struct group_figures *figures)
{
	double count = (double)figures->count;

	return (limits->max_over_mean > 0 && figures->mean > 0 &&
	        figures->max > limits->max_over_mean * figures->mean) ||
	       (double)(figures->count - figures->failed) < limits->success * count ||
	       (limits->slow > 0 && (double)figures->slow >= limits->slow * count);
}

enum group_status group_status_judge(const struct group_status_limits *limits, const struct group_figures *figures)
{
	enum group_status status = GROUP_STATUS_COUNT - 1;

	if (figures->count == 0)
		return GROUP_NORMAL;
	while (status > GROUP_NORMAL && !is_met(&limits->levels[status], figures))
		status--;
	return status;
}
