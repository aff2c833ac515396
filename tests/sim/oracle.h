/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold, whatever happens: watched while a seed runs, and judged at its end from the journal and the truth. */
#pragma once

#include "tests/sim/sim.h"

struct journal_record;

struct oracle *oracle_new(struct sim *sim);
struct oracle *oracle_free(struct oracle *oracle);

/* ---- agents ---- */

/* A snapshot was made. */
void oracle_made(struct oracle *oracle, uint32_t process, const struct message_snapshot *snapshot);
/* ... and is sent, with everything up to `acknowledged` known to be durable. */
void oracle_agent_sends(struct oracle *oracle, uint32_t process, uint64_t seq, uint64_t acknowledged);
/* T0 came, and is taken; with so many of the setups' values. */
void oracle_start(struct oracle *oracle, uint32_t process, uint32_t values);

/* A verifier leaves out what it should have read: it must not be believed, and loses what it has. */
void oracle_verifier_skips(struct oracle *oracle, uint32_t duty);
/* Something was done to it after which it may leave load undone that nobody journals. */
void oracle_excuse(struct oracle *oracle);
/* A host's clock is not what it was. */
void oracle_clock_jumps(struct oracle *oracle);

/* ---- the coordinator ---- */

/* A record is wholly in the journal. */
void oracle_record(struct oracle *oracle, const struct journal_record *record);
/* A message leaves. */
void oracle_boss_sends(struct oracle *oracle, const struct message *message);
/* T0 on the true clock, whenever the coordinator has one. */
void oracle_t0(struct oracle *oracle, uint64_t true_ns);

/* It has accepted so many of an agent's snapshots: those that are not durable are in its memory. */
void oracle_held(struct oracle *oracle, uint32_t process, uint64_t accepted);

/* At the end. */
void oracle_judge(struct oracle *oracle, struct sim_result *result);
