/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet of agents on paper: tests say what each one measured; their snapshots go through the real intake into a real
 * journal, from which the real report is made. Everything asserts on the way. */
#pragma once

#include "common/plan/plan.h"
#include "coordinator/run/intake.h"
#include "coordinator/replay/replay.h"

struct fleet;

struct fleet_config {
	const char *plan; /* YAML */
	uint32_t agents;
	_Bool (*skip)(void *context, uint32_t agent, uint64_t seq);
	void *context;
};

/* A run with a journal in a folder of its own, up to and including T0. */
struct fleet *fleet_open(const struct fleet_config *config);
void fleet_close(struct fleet *fleet);
const struct plan *fleet_plan(const struct fleet *fleet);
const char *fleet_folder(const struct fleet *fleet);

/* One value of the agent's current second: a latency in us, a counter's amount, a gauge's level, a rate's 0 or 1. */
void fleet_value(struct fleet *fleet, uint32_t agent, const struct series *series, uint64_t value);
/* A completed operation of a step of kind null, with its count, rate and latencies, in the agent's account as well. */
struct fleet_operation {
	const char *scenario, *step, *group; /* group NULL: "" */
	_Bool warmup, failed;
	uint64_t duration_us, response_us;
};
void fleet_operate(struct fleet *fleet, uint32_t agent, const struct fleet_operation *operation);
/* A completed iteration, in the account as well. */
void fleet_iterate(struct fleet *fleet, uint32_t agent, const char *scenario, _Bool warmup, _Bool failed);
void fleet_drop(struct fleet *fleet, uint32_t agent, const char *scenario, enum drop_reason reason);
/* The agent's own account and health, to be changed at will. */
struct wire_scenario *fleet_account(struct fleet *fleet, uint32_t agent, uint32_t scenario);
struct wire_health *fleet_health(struct fleet *fleet, uint32_t agent);

/* What became of messages by the agent's current second: sent deltas are appended to it. */
struct buffer *fleet_ledger(struct fleet *fleet, uint32_t agent);

/* Ends the agent's second: its snapshot waits to be delivered. */
void fleet_tick(struct fleet *fleet, uint32_t agent);
/* The epoch that the agent runs by from its current second on; 1 until this is called. */
void fleet_set_epoch(struct fleet *fleet, uint32_t agent, uint32_t epoch);
/* Leaves seconds out: the next snapshot is of a later one. */
void fleet_skip_seconds(struct fleet *fleet, uint32_t agent, uint64_t seconds);
/* The agent's snapshot `seq`, from 1, or NULL if it has not made it yet: for a test that delivers them itself. */
const struct message_snapshot *fleet_snapshot(const struct fleet *fleet, uint32_t agent, uint64_t seq);
/* Gives the agent's next waiting snapshot to the merge; false if there is none. */
_Bool fleet_deliver(struct fleet *fleet, uint32_t agent);
void fleet_flush(struct fleet *fleet);
/* Every agent ticks and delivers, and all is flushed. */
void fleet_second(struct fleet *fleet);

void fleet_journal(struct fleet *fleet, const struct journal_record *record);
/* Delivers all, journals the agent's account and that it is done. */
void fleet_done(struct fleet *fleet, uint32_t agent, uint64_t end_ns);
void fleet_lose(struct fleet *fleet, uint32_t agent, uint64_t at_ns);
void fleet_stop(struct fleet *fleet, enum stop_cause cause, uint64_t at_ns);
/* All agents that are not done or lost are done at end_ns; the run is over; its report. */
struct report *fleet_finish(struct fleet *fleet, uint64_t end_ns);
/* The report of what is in the journal now. */
struct report *fleet_report(struct fleet *fleet);

/* A row that must be there. Texts "" mean all. */
const struct report_row *fleet_row(const struct report *report, enum metric_id metric, const char *scenario,
                                   const char *step, const char *group, const char *label);
