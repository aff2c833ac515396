/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the API's answers go wrong, and how: the shares that the team's report saw in production. */
#pragma once

#include <stdint.h>

#include "common/base/random.h"

enum fault {
	FAULT_NONE,
	FAULT_RATE_LIMITED, /* 429: 45 % of the errors */
	FAULT_LATE,         /* later than any client waits: 30 % */
	FAULT_SERVER,       /* 500: 15 % */
	FAULT_AUTH,         /* 401: 10 % */
	FAULT_COUNT,
};

/* Of a request, when `errors` (0..1) of all go wrong. */
enum fault fault_draw(struct random *random, double errors);
/* The HTTP status of its answer, or 0 where the answer itself is right. */
int fault_status(enum fault fault);
