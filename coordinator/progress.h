/* SPDX-License-Identifier: Apache-2.0 */
/* The line a second that a run shows on a terminal, made from the journal's records as they are written. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "coordinator/journal/journal.h"
#include "coordinator/run/run.h"

struct progress;

struct progress_config {
	FILE *file;          /* a terminal */
	uint64_t planned_ns; /* the plan's length; 0: unknown */
	_Bool colour;        /* failures stand out */
};

int progress_new(const struct progress_config *config, struct progress **ret_progress);
struct progress *progress_free(struct progress *progress);
/* Looks at a journaled record. 0 or -ENOMEM. */
int progress_record(struct progress *progress, const struct journal_record *record);
struct progress_agents {
	uint32_t there;
	uint32_t all;
	const struct run_missing *missing; /* those of which something is missing now */
	uint32_t missing_count;
	_Bool verifying; /* all load is over, and what it produced is read */
};
/* Draws the line for the newest second that should have come in, over the one before; cut to what the terminal is wide.
 * It says which agents aren't heard, or else which are behind with what they deliver. */
void progress_draw(struct progress *progress, uint64_t since_t0_ns, const struct progress_agents *agents);
/* Takes the line away, so that something else can be printed. */
void progress_clear(struct progress *progress);
