/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the thread that performs an agent's duties: the real rota says what is next, steps take virtual time. */
#pragma once

#include "agent/snapshots.h"
#include "tests/sim/sim.h"

struct chores;

struct chores *chores_new(struct sim *sim, uint32_t process, const struct plan *plan);
struct chores *chores_free(struct chores *chores);
/* As crew_duties(). Times are on the agent's clock. */
void chores_set(struct chores *chores, const uint32_t *duties, uint32_t count, uint64_t now_ns);
uint64_t chores_next_ns(const struct chores *chores);
/* Does what is due. True: a setup or teardown is over; what *ret_over points to holds until the next call. Call until
 * it is false. Readings go to `snapshots`, which may be NULL. */
_Bool chores_work(struct chores *chores, struct snapshots *snapshots, uint64_t now_ns, struct message_value *ret_over);
