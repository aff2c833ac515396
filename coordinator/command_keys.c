/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede keys`: makes the keys that close the links. */
#include "coordinator/command.h"

#include <string.h>

#include "common/base/exit_code.h"
#include "coordinator/key_folder.h"

struct keys_options {
	const char *agent; /* NULL: all is made anew */
};

static int set_agent(void *context, const char *value, struct failure *failure)
{
	(void)failure;
	((struct keys_options *)context)->agent = value;
	return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct keys_options options = {0};
	struct positionals positionals;
	struct failure failure = {0};
	char text[FAILURE_TEXT_MAX + FAILURE_FILE_MAX];
	const char *folder, *name;
	int exit_code, r;

	if (!command_options(command, &options, argc, argv, 1, &positionals, &exit_code))
		return exit_code;
	folder = positionals.items[0];
	name = options.agent ? options.agent : KEY_FOLDER_AGENT;
	r = options.agent ? key_folder_add(folder, name, &failure) : key_folder_make(folder, &failure);
	if (r < 0) {
		failure_format(&failure, text, sizeof(text));
		return command_refuse(command, "%s", text);
	}
	printf("Made the keys of %s in %s. The agent needs %s.key and coordinator.pub:\n"
	       "  stampede run --listen ADDR --expect-agents N --keys %s PLAN\n"
	       "  stampede-agent --connect ADDR --key %s.key --server-key coordinator.pub\n",
	       options.agent ? name : "the coordinator and of an agent", folder, name, folder, name);
	return EXIT_CODE_PASSED;
}

static const struct option_row rows[] = {
        {.name = "agent", .argument = "NAME", .help = "adds the keys of one more agent to DIR", .set = set_agent},
        {.name = NULL},
};

const struct command command_keys = {
        .name = "keys",
        .summary = "Makes the keys that close the links to remote agents.",
        .arguments = "[--agent NAME] DIR",
        .example = "stampede keys keys/",
        .details = "DIR gets coordinator.key (secret), coordinator.pub (for every agent), agent.key\n"
                   "(secret, for the agents) and agents/agent.pub. Agents may share a key or have\n"
                   "one each; whose .pub file is in DIR/agents/ may come in, and no one else.\n"
                   "Nothing is ever overwritten.\n",
        .options = rows,
        .run = run,
};
