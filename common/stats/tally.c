/* SPDX-License-Identifier: Apache-2.0 */
/* The account of iterations. */
#include "common/stats/tally.h"

#include <stddef.h>

const char *const drop_reason_names[DROP_REASON_COUNT] = {
        [DROP_NO_VU] = "no_vu",
        [DROP_QUEUE_FULL] = "queue_full",
        [DROP_LATE] = "late",
        [DROP_MAX_DURATION] = "max_duration",
};

void tally_add(struct tally *into, const struct tally *from)
{
	into->planned += from->planned;
	into->started += from->started;
	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		into->dropped[i] += from->dropped[i];
	into->succeeded += from->succeeded;
	into->failed += from->failed;
	into->interrupted += from->interrupted;
	into->operations += from->operations;
	into->failed_operations += from->failed_operations;
}

uint64_t tally_dropped(const struct tally *tally)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		dropped += tally->dropped[i];
	return dropped;
}

_Bool tally_holds(const struct tally *tally, uint64_t running)
{
	return tally->started == tally->succeeded + tally->failed + tally->interrupted + running;
}
