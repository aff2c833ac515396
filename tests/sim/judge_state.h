/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to judge*.c. */
#pragma once

#include <limits.h>

#include "common/stats/cells.h"
#include "coordinator/report/report.h"
#include "coordinator/run/intake.h"
#include "tests/sim/oracle_state.h"

enum { SECONDS_MAX = 400 };

/* Sums by second and series. */
struct sums {
	struct cells *seconds[SECONDS_MAX];
};

struct judge {
	struct oracle *oracle;
	struct sim *sim;
	struct series_table *journaled; /* series by the journal's numbers */
	struct series_table *series;    /* by ours */
	struct sums wanted, found;
	uint32_t *names[SIM_AGENTS_MAX]; /* by process: our numbers of its series */
	uint32_t name_count[SIM_AGENTS_MAX];
	uint64_t next_seq[SIM_AGENTS_MAX];
	struct intake *intake; /* of the clean journal */
	struct journal *clean;
	char clean_folder[PATH_MAX];
	_Bool held; /* the clean intake has something to flush */
};

/* ---- judge_reports.c ---- */

/* Makes the reports of both journals, and holds them against each other and the truth. */
void judge_reports(struct judge *judge, struct sim_result *result);
/* Those who are done are let go. */
void judge_exits(struct judge *judge);

/* ---- oracle_verify.c ---- */

/* What the report says of each message. */
void judge_ledgers(struct judge *judge, const struct report *report);
/* True if a verifier couldn't read all. */
_Bool judge_left_unread(const struct judge *judge);
