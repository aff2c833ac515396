/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede completion`: a shell's completion script, made from the tables of commands and options. */
#include "coordinator/command.h"

#include <string.h>

#include "common/base/exit_code.h"

static void print_words(const struct command *command)
{
	for (const struct option_row *row = command->options; row->name; row++)
		printf(" --%s", row->name);
	printf(" --help");
}

static void print_names(void)
{
	for (const struct command *const *command = commands; *command; command++)
		printf("%s%s", command == commands ? "" : " ", (*command)->name);
}

static void print_bash(void)
{
	printf("# bash completion for stampede: source <(stampede completion bash)\n_stampede() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]}\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	print_names();
	printf("' -- \"$word\"))\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *const *command = commands; *command; command++) {
		printf("\t%s) COMPREPLY=($(compgen -f -W '", (*command)->name);
		print_words(*command);
		printf("' -- \"$word\")) ;;\n");
	}
	printf("\tesac\n}\ncomplete -o filenames -F _stampede stampede\n");
}

/* Text within single quotes for zsh and fish: no quote may stand in it. */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar(strchr("'[]:", *text) ? ' ' : *text);
}

static void print_zsh(void)
{
	printf("#compdef stampede\n_stampede() {\n\tlocal -a commands\n\tcommands=(\n");
	for (const struct command *const *command = commands; *command; command++) {
		printf("\t\t'%s:", (*command)->name);
		print_plain((*command)->summary);
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	       "\tcase $words[2] in\n");
	for (const struct command *const *command = commands; *command; command++) {
		printf("\t%s) _arguments", (*command)->name);
		for (const struct option_row *row = (*command)->options; row->name; row++) {
			printf(" \\\n\t\t'%s--%s[", row->repeatable ? "*" : "", row->name);
			print_plain(row->help);
			printf("]%s%s'", row->argument ? ":" : "", row->argument ? "value" : "");
		}
		printf(" \\\n\t\t'*:file:_files' ;;\n");
	}
	printf("\tesac\n}\n_stampede \"$@\"\n");
}

static void print_fish(void)
{
	for (const struct command *const *command = commands; *command; command++) {
		printf("complete -c stampede -n __fish_use_subcommand -a %s -d '", (*command)->name);
		print_plain((*command)->summary);
		printf("'\n");
		for (const struct option_row *row = (*command)->options; row->name; row++) {
			printf("complete -c stampede -n '__fish_seen_subcommand_from %s' -l %s", (*command)->name,
			       row->name);
			if (row->letter)
				printf(" -s %c", row->letter);
			printf("%s -d '", row->argument ? " -r" : "");
			print_plain(row->help);
			printf("'\n");
		}
	}
}

static int run(const struct command *command, int argc, char **argv)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	struct positionals positionals;
	int exit_code;

	if (!command_options(command, NULL, argc, argv, 1, &positionals, &exit_code))
		return exit_code;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].shell, positionals.items[0]) == 0) {
			shells[i].print();
			return EXIT_CODE_PASSED;
		}
	return command_refuse(command, "no completion for \"%s\"; there is bash, zsh and fish", positionals.items[0]);
}

static const struct option_row no_options[] = {{.name = NULL}};

const struct command command_completion = {
        .name = "completion",
        .summary = "Prints a completion script for your shell.",
        .arguments = "bash|zsh|fish",
        .example = "source <(stampede completion bash)",
        .options = no_options,
        .run = run,
};
