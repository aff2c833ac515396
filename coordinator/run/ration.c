/* SPDX-License-Identifier: Apache-2.0 */
/* A steady rate with a burst. */
#include "coordinator/run/ration.h"

#include <stddef.h>

_Bool ration_take(struct ration *ration, uint64_t now_ns, uint64_t interval_ns, uint32_t at_once,
                  uint64_t *ret_withheld)
{
	uint64_t due_ns = ration->due_ns > now_ns ? ration->due_ns : now_ns;

	if (due_ns - now_ns > (at_once - 1) * interval_ns) {
		ration->withheld++;
		return 0;
	}
	ration->due_ns = due_ns + interval_ns;
	if (ret_withheld)
		*ret_withheld = ration->withheld;
	ration->withheld = 0;
	return 1;
}
