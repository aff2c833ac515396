/* SPDX-License-Identifier: Apache-2.0 */
/* From the ledgers to the report: rows, thresholds, and what a reader is told of them. */
#pragma once

#include "coordinator/replay/replay_facts.h"
#include "coordinator/replay/replay_rows.h"
#include "coordinator/report/report.h"

/* Counts into the rows of each step that verifies, and those above. 0 or -ENOMEM. */
int replay_ledger_rows(const struct facts *facts, struct rows *rows);
/* The report's accounts of topics. Reads the journal again where messages were lost, to name the first ones. 0, or what
 * went wrong in *failure. */
int replay_ledger_fill(const struct facts *facts, const char *run_folder, struct report *report,
                       struct failure *failure);
/* Once rows and accounts are in the report: judges a threshold on what the ledger counts, into `out`. What holds for
 * all that is known, while something isn't, is no data. */
void replay_ledger_judge(const struct facts *facts, const struct threshold *threshold, const struct report *report,
                         struct report_threshold *out);
/* True if every message is accounted for. */
_Bool replay_ledger_is_whole(const struct report *report);
/* Says of agents that were lost what they left unreported. 0 or -ENOMEM. */
int replay_ledger_notes(const struct facts *facts, struct report *report);
