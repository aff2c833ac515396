/* SPDX-License-Identifier: Apache-2.0 */
/* Commands whose parts a later version brings: they say so, by an error. */
#include "coordinator/command.h"

#include <string.h>

#include "common/base/exit_code.h"

static const struct option_row no_options[] = {{.name = NULL}};

static int say_later(const struct command *command, int argc, char **argv)
{
	for (int at = 1; at < argc; at++)
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
			command_help(command, stdout);
			return EXIT_CODE_PASSED;
		}
	fprintf(stderr, "stampede %s: not in this version (%s); it comes with a later one\n", command->name,
	        STAMPEDE_VERSION);
	return EXIT_CODE_BAD_PLAN;
}

const struct command command_compare = {
        .name = "compare",
        .summary = "Holds two runs against each other (in a later version).",
        .arguments = "BASE_DIR NEW_DIR",
        .example = "stampede compare runs/monday runs/tuesday",
        .options = no_options,
        .run = say_later,
};

const struct command command_agents = {
        .name = "agents",
        .summary = "Lists the agents that come to an address (in a later version).",
        .arguments = "--listen ADDR",
        .example = "stampede agents --listen 0.0.0.0:7000",
        .options = no_options,
        .run = say_later,
};
