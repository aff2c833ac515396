/* SPDX-License-Identifier: Apache-2.0 */
/* One second of a worker. */
#include "agent/second.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"

DEFINE_CLEANUP(struct second *, second_free)

int second_new(const struct plan *plan, const struct groups *groups, struct second **ret_second)
{
	cleanup(second_freep) struct second *second = calloc(1, sizeof(*second));
	int r;

	if (!second)
		return -ENOMEM;
	second->scenarios = calloc(plan->scenario_count + 1, sizeof(*second->scenarios));
	if (!second->scenarios)
		return -ENOMEM;
	r = recorder_new(plan, groups, &second->recorder);
	if (r < 0)
		return r;
	*ret_second = steal(second);
	return 0;
}

void second_clear(struct second *second)
{
	recorder_clear(second->recorder);
	buffer_clear(&second->ledger);
}

struct second *second_free(struct second *second)
{
	if (!second)
		return NULL;
	buffer_deinit(&second->ledger);
	recorder_free(second->recorder);
	free(second->scenarios);
	free(second->ids);
	free(second);
	return NULL;
}
