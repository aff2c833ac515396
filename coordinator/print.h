/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands print for people: errors, and the finished report. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "common/base/failure.h"
#include "coordinator/report/report.h"

_Bool print_terminal(FILE *file);
/* True if colours may go there: a terminal, and NO_COLOR is not set. */
_Bool print_colours(FILE *file);
/* "file:line:col: text", or "stampede: text", to stderr. */
void print_failure(const struct failure *failure);
/* "stampede: text" to stderr, where the text may hold what agents or targets said: control characters become '?', so
 * that nobody else's text steers the terminal. */
void print_notice(const char *text);
/* Each on its line; `label` ("warning: ") stands before the text. */
void print_failures(const struct failures *failures, const char *label);
/* Writes every report file into the run folder, and the text to stdout even if they can't be. `trend` as in
 * report_style; no_colour: never colours. */
int print_report_and_files(const struct report *report, const char *run_folder, const char *trend, _Bool no_colour,
                           struct failure *failure);
