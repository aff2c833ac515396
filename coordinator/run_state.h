/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to run*.c: what a run holds, and what its parts ask of each other. `now_ns` is always the caller's time, and
 * every int is 0 or the negative errno of an effect or of missing memory, which ends the run. */
#pragma once

#include "common/base/clock.h"
#include "common/base/names.h"
#include "coordinator/division.h"
#include "coordinator/intake.h"
#include "coordinator/run.h"

enum { RUN_TEXT_SIZE = 1024 };

#define RUN_FLUSH_NS (100 * NS_PER_MS)
#define RUN_STATUS_NS (10 * NS_PER_S)         /* an agent's account is journaled this often, and at its end */
#define RUN_READY_TIMEOUT_NS (120 * NS_PER_S) /* data files, drivers, probes */
#define RUN_STOP_GRACE_NS NS_PER_S            /* for iterations in progress when a run is ended early */
#define RUN_DRAIN_SLACK_NS                                                                                             \
	(10 * NS_PER_S) /* beyond what the plan allows, before an agent that isn't done is given up */

struct run {
	struct run_config config;
	enum run_state state;
	struct roster *roster;
	struct names *busy; /* incarnations that are in another run: told once */
	struct intake *intake;
	struct division division;
	uint64_t *begun_ns; /* by scenario: since T0; CLOCK_NEVER until it has begun */
	uint64_t t0_ns;
	uint64_t gather_deadline_ns;
	uint64_t ready_deadline_ns;
	uint64_t drain_deadline_ns; /* CLOCK_NEVER while the schedule's end isn't known */
	uint64_t next_flush_ns;
	uint64_t patient_until_ns; /* after a resume: until then agents may still be delivering what they held */
	enum stop_cause stop_cause;
	uint64_t stop_at_ns; /* since T0 */
	char stop_text[RUN_TEXT_SIZE];
};

/* ---- run.c ---- */

/* A run in which nothing has happened. */
int run_make(const struct run_config *config, struct run **ret_run);

/* ---- run_effects.c ---- */

void run_tell(struct run *run, _Bool warning, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* `context` is the run: the form that intake calls. */
int run_journal(void *context, const struct journal_record *record);
/* Fills in the envelope. What can't be delivered is sent again when the agent says hello. */
void run_send(struct run *run, const struct roster_agent *agent, struct message *message);
/* Journals the state, then is in it. */
int run_enter(struct run *run, enum run_state state, uint64_t now_ns);
int64_t run_wall_ns(const struct run *run, uint64_t now_ns);
/* 0 before T0. */
uint64_t run_since_t0_ns(const struct run *run, uint64_t now_ns);

/* ---- run_agents.c ---- */

void run_send_assign(struct run *run, uint32_t index);
void run_send_start(struct run *run, struct roster_agent *agent);
void run_send_begin(struct run *run, struct roster_agent *agent, uint32_t scenario);
void run_send_stop(struct run *run, struct roster_agent *agent);
void run_send_ack(struct run *run, struct roster_agent *agent);
/* All that an agent must know in the state that the run is in. */
void run_catch_up(struct run *run, uint32_t index);
void run_answer_fetch(struct run *run, uint32_t index, const struct message_fetch *fetch);
void run_ping(struct run *run, uint64_t now_ns);
void run_take_pong(struct run *run, uint32_t index, const struct message_pong *pong, uint64_t now_ns);

/* ---- run_stop.c ---- */

/* Journals the stop, tells it to every agent; the first cause stays. `threshold` and `observed` are STOP_THRESHOLD's.
 */
int run_stop(struct run *run, enum stop_cause cause, uint32_t threshold, double observed, uint64_t now_ns,
             const char *text);
/* Gives an agent up, unless it is done or lost already, and does what the plan wants then. */
int run_lose(struct run *run, uint32_t index, uint64_t now_ns, const char *reason);
/* A word of an agent, whatever it says: one that was lost by its silence alone is back. */
void run_hear(struct run *run, uint32_t index, uint64_t now_ns);
int run_lose_the_silent(struct run *run, uint64_t now_ns);
int run_lose_the_unfinished(struct run *run, uint64_t now_ns);
/* `why` there won't be more. */
int run_too_few(struct run *run, const char *why, uint64_t now_ns);
/* An agent's account: its counters, health and clock. */
int run_journal_status(struct run *run, uint32_t index, uint64_t now_ns);

/* ---- run_gather.c ---- */

int run_take_hello(struct run *run, struct message *message, uint64_t now_ns);
int run_gather(struct run *run, uint64_t now_ns);

/* ---- run_start.c ---- */

int run_take_ready(struct run *run, uint32_t index, const struct message_ready *ready);
int run_await_ready(struct run *run, uint64_t now_ns);
int run_journal_targets(struct run *run, struct wire_target *targets, uint32_t count);
/* After a scenario has begun: the run's last moment may be known now. */
void run_set_drain_deadline(struct run *run);

/* ---- run_snapshots.c ---- */

int run_take_snapshot(struct run *run, uint32_t index, const struct message_snapshot *snapshot, uint64_t now_ns);
int run_take_done(struct run *run, uint32_t index, const struct message_done *done);
/* Journals what was taken, and acknowledges it. */
int run_flush(struct run *run, uint64_t now_ns);

/* ---- run_on.c ---- */

/* Running and draining, as time passes. */
int run_on(struct run *run, uint64_t now_ns);
