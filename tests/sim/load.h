/* SPDX-License-Identifier: Apache-2.0 */
/* The model of an agent's crew: what crew.h promises, done on paper. Iterations take the times that a hash of their
 * numbers says, snapshots are made by the real snapshots.c. */
#pragma once

#include "agent/snapshots.h"
#include "tests/sim/sim.h"

struct load;

struct load_config {
	struct sim *sim;
	uint32_t process;
	const struct plan *plan;
	const struct message_assign *assignment;
	uint32_t epoch;
};

struct load *load_new(const struct load_config *config);
struct load *load_free(struct load *load);
/* Times from here on are since T0, on the agent's clock, but t0_ns and now_ns. */
void load_start(struct load *load, uint64_t t0_ns, uint64_t now_ns);
/* As crew_assign(): all that it has from effective_ns on; before load_start() with 0 instead of the first one. */
void load_assign(struct load *load, const struct message_assign *assignment, uint32_t epoch, uint64_t effective_ns);
void load_begin(struct load *load, uint32_t scenario, uint64_t at_ns);
void load_stop(struct load *load, uint64_t at_ns, uint64_t grace_ns, uint64_t now_ns);
/* Does all that is to be done before now_ns. */
void load_advance(struct load *load, uint64_t now_ns);
/* It was stopped and goes on now. */
void load_thaw(struct load *load, uint64_t now_ns);
/* When it has something to tell (a second's end): on the agent's clock. */
uint64_t load_next_ns(const struct load *load);
/* Duties: as chores.h says. */
void load_duties(struct load *load, const uint32_t *duties, uint32_t count, uint64_t now_ns);
_Bool load_duty_over(struct load *load, uint64_t now_ns, struct message_value *ret_over);
/* Verifiers: as verifiers.h says. */
void load_verifiers(struct load *load, const struct wire_verifier *orders, uint32_t count, _Bool closing,
                    uint64_t now_ns);
_Bool load_seen(struct load *load, uint64_t now_ns, struct message_seen *ret_seen);
void load_seen_acked(struct load *load, const struct message_seen_ack *ack, uint64_t now_ns);
/* The next snapshot, or NULL. */
struct snapshot *load_snapshot(struct load *load);
/* Once the last snapshot was made. */
uint64_t load_end_ns(const struct load *load);
