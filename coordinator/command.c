/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: help, options, refusals. */
#include "coordinator/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/exit_code.h"

enum { HELP_COLUMNS = 80, OPTION_COLUMN = 28 };

const struct command *const commands[] = {
        &command_run,  &command_check,      &command_report,  &command_resume, &command_new,
        &command_keys, &command_completion, &command_compare, &command_agents, NULL,
};

/* Prints words from `column` on, wrapped at HELP_COLUMNS with that indent. */
static void print_wrapped(FILE *file, const char *text, int column, int indent)
{
	while (*text) {
		const char *space = strchr(text, ' ');
		int length = space ? (int)(space - text) : (int)strlen(text);

		if (column > indent && column + 1 + length > HELP_COLUMNS) {
			fprintf(file, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(file, "%s%.*s", column > indent ? " " : "", length, text);
		text += length + (space != NULL);
	}
	fputc('\n', file);
}

static void print_option(FILE *file, const struct option_row *row)
{
	char left[80];
	int length = row->letter ? snprintf(left, sizeof(left), "  -%c, --%s", row->letter, row->name)
	                         : snprintf(left, sizeof(left), "      --%s", row->name);

	if (row->argument)
		length += snprintf(left + length, sizeof(left) - (size_t)length, " %s", row->argument);
	fputs(left, file);
	if (length >= OPTION_COLUMN)
		fprintf(file, "\n%*s", OPTION_COLUMN, "");
	else
		fprintf(file, "%*s", OPTION_COLUMN - length, "");
	print_wrapped(file, row->help, OPTION_COLUMN, OPTION_COLUMN);
}

void command_help(const struct command *command, FILE *file)
{
	fprintf(file, "Example:\n  %s\n\n%s\n\nUsage: stampede %s %s\n", command->example, command->summary,
	        command->name, command->arguments);
	if (command->options[0].name)
		fprintf(file, "\nOptions:\n");
	for (const struct option_row *row = command->options; row->name; row++)
		print_option(file, row);
	if (command->details)
		fprintf(file, "\n%s", command->details);
}

_Bool command_options(const struct command *command, void *context, int argc, char **argv, int positionals_wanted,
                      struct positionals *ret_positionals, int *ret_exit)
{
	struct failure failure = {0};
	_Bool help;

	if (options_parse(command->options, context, argc, argv, ret_positionals, &help, &failure) < 0) {
		*ret_exit = command_refuse(command, "%s", failure.text);
		return 0;
	}
	if (help) {
		command_help(command, stdout);
		*ret_exit = EXIT_CODE_PASSED;
		return 0;
	}
	if (ret_positionals->count != positionals_wanted) {
		*ret_exit = command_refuse(command, "expected: stampede %s %s", command->name, command->arguments);
		return 0;
	}
	return 1;
}

int command_refuse(const struct command *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "stampede %s: ", command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nSee stampede %s --help\n", command->name);
	return EXIT_CODE_BAD_PLAN;
}
