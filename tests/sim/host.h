/* SPDX-License-Identifier: Apache-2.0 */
/* The two kinds of processes as the world sees them: the coordinator's (boss.c) and an agent's (agent.c). */
#pragma once

#include "tests/sim/sim.h"

/* ---- the coordinator ---- */

struct boss *boss_new(struct sim *sim);
struct boss *boss_free(struct boss *boss);
/* The user starts the run. */
void boss_start(struct boss *boss);
/* `stampede resume`, on a host that may have booted anew. */
void boss_resume(struct boss *boss, _Bool reboot);
void boss_message(struct boss *boss, uint32_t process, struct message *message);
/* From when on it receives: now or before, when it is thawed or resumed; CLOCK_NEVER: it never will. */
uint64_t boss_receives_ns(const struct boss *boss);
/* When it wants to be woken, in true time; CLOCK_NEVER: not. */
uint64_t boss_next_ns(const struct boss *boss);
void boss_wake(struct boss *boss);
void boss_fault(struct boss *boss, const struct fault *fault);
/* A child of its own has ended. */
void boss_child_exited(struct boss *boss, uint32_t process);
/* The run is over, and so is the process. */
_Bool boss_is_over(const struct boss *boss);
_Bool boss_is_there(const struct boss *boss);
/* What its clock shows then; and T0 on it. */
uint64_t boss_clock_ns(const struct boss *boss, uint64_t true_ns);
uint64_t boss_t0_ns(const struct boss *boss);
int64_t boss_drift_ppb(const struct boss *boss);
uint32_t boss_resumes(const struct boss *boss);

/* ---- an agent ---- */

/* The process starts now. */
struct sim_agent *agent_new(struct sim *sim, uint32_t process);
struct sim_agent *agent_free(struct sim_agent *agent);
void agent_message(struct sim_agent *agent, struct message *message);
uint64_t agent_receives_ns(const struct sim_agent *agent);
uint64_t agent_next_ns(const struct sim_agent *agent);
void agent_wake(struct sim_agent *agent);
void agent_kill(struct sim_agent *agent);
void agent_freeze(struct sim_agent *agent, uint64_t until_ns);
/* As a freeze; its clock stands still as well. */
void agent_suspend(struct sim_agent *agent, uint64_t duration_ns);
void agent_terminate(struct sim_agent *agent);
void agent_fail(struct sim_agent *agent);
/* Its process has ended, or it has no run and waits for another. */
_Bool agent_is_over(const struct sim_agent *agent);
_Bool agent_has_exited(const struct sim_agent *agent);
/* It ended in an orderly way, without a deserted run. */
_Bool agent_went_well(const struct sim_agent *agent);
_Bool agent_was_killed(const struct sim_agent *agent);
const struct sim_clock *agent_clock(const struct sim_agent *agent);
struct incarnation agent_incarnation(uint32_t process);
/* The process that has this incarnation; UINT32_MAX. */
uint32_t agent_of(const struct incarnation *incarnation);
enum { AGENT_PID_BASE = 1000 }; /* process i's */
