/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up run whose shares move: agents join, leave, die, are cut off, come back, and hear of epochs late or never.
 * It knows of every single arrival who was to start it and who did, and can write the journal of what was told. */
#pragma once

#include "common/base/random.h"
#include "coordinator/journal/journal.h"

enum {
	PAPER_AGENTS_MAX = 8,
	PAPER_EPOCHS_MAX = 8,
	PAPER_SCENARIOS_MAX = 2,
	PAPER_SECONDS_MAX = 16,
	PAPER_PLAN_SIZE = 1024,
};

/* How an agent ended. */
enum paper_fate {
	PAPER_DONE,     /* as it should */
	PAPER_DIED,     /* some of what it did was told */
	PAPER_CUT_OFF,  /* it went on to the end, and never got through again */
	PAPER_RETURNED, /* it was cut off for a while, and told all later */
	PAPER_LEFT,     /* by itself, before the end */
	PAPER_FATE_COUNT,
};

struct paper_agent {
	enum paper_fate fate;
	uint64_t first;                        /* second: it was not there before */
	uint64_t effective[PAPER_EPOCHS_MAX];  /* second from which it ran by an epoch; UINT64_MAX: never */
	uint64_t past;                         /* its snapshots are held of [first, past) ... */
	uint64_t hole, hole_past;              /* ... but for these, which it slept through */
	uint64_t end_ns;                       /* of what it started */
	uint64_t queued[PAPER_SCENARIOS_MAX];  /* arrivals that it had not started in its last snapshot */
	uint64_t running[PAPER_SCENARIOS_MAX]; /* and iterations that it had not ended */
	uint64_t early[PAPER_SCENARIOS_MAX];   /* arrivals after `past` that its last snapshot tells of already */
	struct wire_scenario told[PAPER_SCENARIOS_MAX]; /* account with the newest held snapshot */
};

struct paper_scenario {
	uint64_t start_ns, length_ns;
	uint64_t rate; /* a second */
	uint32_t producers;
	uint64_t arrivals;
};

struct paper_run {
	char plan[PAPER_PLAN_SIZE];
	struct paper_scenario scenarios[PAPER_SCENARIOS_MAX];
	uint32_t scenario_count;
	struct paper_agent agents[PAPER_AGENTS_MAX];
	uint32_t agent_count, first_agents; /* all, and those that are there from the start */
	uint64_t from_s[PAPER_EPOCHS_MAX];
	struct share shares[PAPER_EPOCHS_MAX][PAPER_AGENTS_MAX][PAPER_SCENARIOS_MAX];
	uint32_t epoch_count;
	uint64_t cut_ns; /* UINT64_MAX: it ran to its end */
};

/* What there is to know of it. */
struct paper_truth {
	uint64_t planned, told, unknown, overlap;
	uint64_t due, held;                /* agent-seconds */
	_Bool missing[PAPER_SECONDS_MAX];  /* by second: some agent owed a snapshot that is not held */
	_Bool disputed[PAPER_SECONDS_MAX]; /* some agent ran by another epoch than the one in force */
};

void paper_run_make(struct paper_run *run, struct random *random);
void paper_run_deinit(struct paper_run *run);
/* Counts arrival by arrival. */
struct paper_truth paper_run_truth(const struct paper_run *run);
/* Writes the journal in a folder. `resumed`: with the records of a coordinator that died and went on. */
void paper_run_write(const struct paper_run *run, const char *folder, _Bool resumed);
