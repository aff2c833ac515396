/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the threads that verify: what agent/verifiers.h promises, and what a driver that reads the broker's
 * topics would report, in virtual time. */
#pragma once

#include "tests/sim/sim.h"

struct sim_verifiers;

struct sim_verifiers *sim_verifiers_new(struct sim *sim, uint32_t process, const struct plan *plan);
struct sim_verifiers *sim_verifiers_free(struct sim_verifiers *verifiers);
/* As crew_verifiers(). Times are on the agent's clock. */
void sim_verifiers_set(struct sim_verifiers *verifiers, const struct wire_verifier *orders, uint32_t count,
                       _Bool closing, uint64_t now_ns);
uint64_t sim_verifiers_next_ns(const struct sim_verifiers *verifiers);
/* As crew_seen(). Call until it is false. */
_Bool sim_verifiers_work(struct sim_verifiers *verifiers, uint64_t now_ns, struct message_seen *ret_seen);
void sim_verifiers_acked(struct sim_verifiers *verifiers, const struct message_seen_ack *ack, uint64_t now_ns);
