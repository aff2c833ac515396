/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `stampede`, each in a file of its own. */
#pragma once

#include <stdio.h>

#include "coordinator/options.h"

#ifndef STAMPEDE_VERSION
#error "STAMPEDE_VERSION comes from the build"
#endif

struct command {
	const char *name;
	const char *summary;   /* a line */
	const char *arguments; /* after the name, as help shows them */
	const char *example;   /* stands first in its help */
	const char *details;   /* paragraphs below its options, or NULL */
	const struct option_row *options;
	/* argv[0] is the command's name. Returns the exit code. */
	int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_run, command_check, command_report, command_resume, command_new, command_keys,
        command_completion;
/* Of later versions: they say so. */
extern const struct command command_compare, command_agents;
/* All of them; ends with NULL. */
extern const struct command *const commands[];

/* Prints the command's help in 80 columns. */
void command_help(const struct command *command, FILE *file);
/* Parses argv by the command's table. Returns 1 to go on; else the exit code is in *ret_exit (after --help, or an error
 * that was printed). */
_Bool command_options(const struct command *command, void *context, int argc, char **argv, int positionals_wanted,
                      struct positionals *ret_positionals, int *ret_exit);
/* Prints "stampede NAME: text" and a hint at --help; returns EXIT_CODE_BAD_PLAN. */
int command_refuse(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
