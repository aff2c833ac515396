/* SPDX-License-Identifier: Apache-2.0 */
/* From a journal to the report model: the only way a report is made, live or later. */
#pragma once

#include "common/base/failure.h"
#include "coordinator/report/report.h"

/* Reads RUN_DIR/journal. A run that isn't over (or whose coordinator died) gives the report of what was held. Errors
 * say where in the file. */
int replay_report(const char *run_folder, struct failure *failure, struct report **ret_report);
/* Writes every report file into the run folder (each by file_write()). */
int replay_write_files(const struct report *report, const char *run_folder, struct failure *failure);
