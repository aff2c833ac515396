/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the API's answers go wrong. */
#include "deploy/lab/faults.h"

enum fault fault_draw(struct random *random, double errors)
{
	double kind;

	if (random_unit(random) >= errors)
		return FAULT_NONE;
	kind = random_unit(random);
	if (kind < 0.45)
		return FAULT_RATE_LIMITED;
	if (kind < 0.75)
		return FAULT_LATE;
	return kind < 0.90 ? FAULT_SERVER : FAULT_AUTH;
}

int fault_status(enum fault fault)
{
	static const int statuses[FAULT_COUNT] = {[FAULT_RATE_LIMITED] = 429, [FAULT_SERVER] = 500, [FAULT_AUTH] = 401};

	return statuses[fault];
}
