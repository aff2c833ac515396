/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede report`: every report again, from the journal alone. */
#include "coordinator/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "coordinator/print.h"
#include "coordinator/replay/replay.h"

struct report_options {
	_Bool wanted[REPORT_FORMAT_COUNT];
	_Bool any;
};

static int set_format(void *context, const char *value, struct failure *failure)
{
	static const struct {
		const char *name;
		enum report_format formats[2];
	} names[] = {
	        {"text", {REPORT_TEXT, REPORT_TEXT}},       {"json", {REPORT_JSON, REPORT_JSON}},
	        {"md", {REPORT_MARKDOWN, REPORT_MARKDOWN}}, {"html", {REPORT_HTML, REPORT_HTML}},
	        {"csv", {REPORT_SERIES, REPORT_TIMELINE}},  {"junit", {REPORT_JUNIT, REPORT_JUNIT}},
	        {"hlog", {REPORT_HLOG, REPORT_HLOG}},
	};
	struct report_options *options = context;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, value) == 0) {
			options->wanted[names[i].formats[0]] = options->wanted[names[i].formats[1]] = 1;
			options->any = 1;
			return 0;
		}
	return failure_set(failure, -EINVAL, "no such format; there is text, json, md, html, csv, junit and hlog");
}

/* Writes the format's file anew and prints it too. */
static int print_format(const struct report *report, const char *run_folder, enum report_format format,
                        struct failure *failure)
{
	struct buffer buffer cleanup(buffer_deinit) = {0};
	char *path cleanup(cleanup_free) = NULL;
	int r = report_write(report, format,
	                     &(struct report_style){.colour = format == REPORT_TEXT && print_colours(stdout)}, &buffer);

	if (r < 0)
		return failure_set(failure, r, "no memory for the report");
	fwrite(buffer.data, 1, buffer.size, stdout);
	if (format == REPORT_TEXT)
		return 0;
	path = file_join(run_folder, report_file_name(format));
	return path ? file_write(path, buffer.data, buffer.size, failure) : failure_set(failure, -ENOMEM, "no memory");
}

static int print_wanted(const struct report *report, const char *run_folder, const struct report_options *options,
                        struct failure *failure)
{
	int r = 0;

	for (int format = 0; r == 0 && format < REPORT_FORMAT_COUNT; format++)
		if (options->wanted[format])
			r = print_format(report, run_folder, (enum report_format)format, failure);
	return r;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct report_options options = {0};
	struct positionals positionals;
	struct failure failure = {0};
	struct report *report = NULL;
	int exit_code, r;

	if (!command_options(command, &options, argc, argv, 1, &positionals, &exit_code))
		return exit_code;
	r = replay_report(positionals.items[0], &failure, &report);
	if (r == 0 && options.any)
		r = print_wanted(report, positionals.items[0], &options, &failure);
	else if (r == 0)
		r = print_report_and_files(report, positionals.items[0], NULL, 0, &failure);
	report_free(report);
	if (r == 0)
		return EXIT_CODE_PASSED;
	print_failure(&failure);
	return r == -ENOMEM ? EXIT_CODE_FAULT : EXIT_CODE_BAD_PLAN;
}

static const struct option_row rows[] = {
        {.name = "format",
         .argument = "FORMAT",
         .help = "text, json, md, html, csv, junit or hlog: writes this one alone and prints it; may be given again",
         .repeatable = 1,
         .set = set_format},
        {.name = NULL},
};

const struct command command_report = {
        .name = "report",
        .summary = "Writes every report of a run again, from its journal alone.",
        .arguments = "RUN_DIR [--format FORMAT]...",
        .example = "stampede report runs/20260105-091500-demo --format json | jq .verdict",
        .options = rows,
        .run = run,
};
