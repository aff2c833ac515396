/* SPDX-License-Identifier: Apache-2.0 */
/* How a group did, in a word: from its successes, the spread of its times and the share of slow ones. */
#pragma once

#include <stdint.h>

enum group_status { GROUP_NORMAL, GROUP_VARIABLE, GROUP_UNSTABLE, GROUP_TIMEOUTS, GROUP_STATUS_COUNT };
extern const char *const group_status_names[GROUP_STATUS_COUNT]; /* "normal", "variable", ... */

/* What makes a group of this status; 0: that doesn't. */
struct group_limits {
	double max_over_mean; /* more than this */
	double success;       /* a smaller share succeeded */
	double slow;          /* so great a share was slow, or greater */
};

struct group_status_limits {
	uint64_t slow_ns;
	struct group_limits levels[GROUP_STATUS_COUNT]; /* of all but GROUP_NORMAL */
};

extern const struct group_status_limits group_status_defaults;

struct group_figures {
	uint64_t count;
	uint64_t failed;
	uint64_t slow; /* that took longer than slow_ns, failures included */
	double mean;   /* of the response times of what succeeded; 0 without any */
	double max;
};

/* The worst status that a limit gives. Without operations it is normal. */
enum group_status group_status_judge(const struct group_status_limits *limits, const struct group_figures *figures);
