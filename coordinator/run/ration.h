/* SPDX-License-Identifier: Apache-2.0 */
/* How often something is done that anybody can cause: some times at once, then at a steady rate. Pure. */
#pragma once

#include <stdint.h>

/* Zeroed: nothing was done yet. */
struct ration {
	uint64_t due_ns;   /* when all that was done would have been, at the steady rate */
	uint64_t withheld; /* since it was done last */
};

/* True if it may be done now; `at_once` times without a pause, then once each `interval_ns`. What is withheld is
 * counted; the next time that it may be done *ret_withheld (may be NULL) says how often it wasn't. */
_Bool ration_take(struct ration *ration, uint64_t now_ns, uint64_t interval_ns, uint32_t at_once,
                  uint64_t *ret_withheld);
