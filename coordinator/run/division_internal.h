/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to division*.c: what making, moving and admitting have in common. */
#pragma once

#include "coordinator/run/division.h"

/* How many things a scenario is divided by there are: producers, or VUs. */
uint64_t division_domain(const struct scenario *scenario);
/* True if it is divided by arrivals, whose number has no meaning for a part's size: its density has. */
_Bool division_is_endless(const struct scenario *scenario);
/* True if some step of the scenario uses the target. */
_Bool division_uses_target(const struct scenario *scenario, uint32_t target);
/* True if the agent may run the scenario, by tags and connections. */
_Bool division_is_able(const struct plan *plan, const struct division *division, const struct member *member,
                       uint32_t agent, uint32_t scenario);
struct share *division_at(struct division *division, uint32_t agent, uint32_t scenario);

/* Deals `whole` out to those with a weight (0: no heir), beside what the division says they own of the scenario; those
 * who would own arrivals without a VU are left out. ret_parts has agent_count entries. 1; 0 if nobody is left (nothing
 * is dealt); -ENOMEM or -EOVERFLOW. */
int division_deal(const struct plan *plan, const struct division *division, uint32_t scenario,
                  const struct share *whole, const uint32_t *weights, struct share *ret_parts);
