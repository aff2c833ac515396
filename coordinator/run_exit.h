/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `resume` share: signals while a run is on, and how it ends: its report and the exit code. */
#pragma once

#include <signal.h>

#include "coordinator/conductor.h"

/* While a run is on, its conductor reads those that want an end. What a broken pipe or a file's limit would end us by
 * becomes an error. */
void run_exit_block_signals(sigset_t *ret_set);
/* From here on a signal ends the program as it does any other. What came while agents were awaited has done its part.
 */
void run_exit_unblock_signals(const sigset_t *set);

struct run_exit_style {
	const char *trend; /* columns of latencies; NULL: the usual ones */
	_Bool no_colour;
};

/* The conductor came back with `r`: prints the report of what was held, or why there is none. Returns the exit code;
 * *failure is then still to be printed if its code isn't 0. */
int run_exit_finish(int r, const struct conductor_result *result, const char *run_folder,
                    const struct run_exit_style *style, struct failure *failure);
/* Of a run that did not begin. */
int run_exit_code(int r);
