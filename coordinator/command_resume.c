/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede resume`: goes on with a run whose coordinator died. */
#include "coordinator/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "coordinator/print.h"
#include "coordinator/run_exit.h"

struct resume_options {
	const char *trend;
	_Bool quiet, no_colour;
};

static int set_trend(void *context, const char *value, struct failure *failure)
{
	((struct resume_options *)context)->trend = value;
	return report_check_trend(value, failure);
}

static int set_quiet(void *context, const char *value, struct failure *failure)
{
	(void)value, (void)failure;
	((struct resume_options *)context)->quiet = 1;
	return 0;
}

static int set_no_colour(void *context, const char *value, struct failure *failure)
{
	(void)value, (void)failure;
	((struct resume_options *)context)->no_colour = 1;
	return 0;
}

/* Before anything is written into a folder that may be no run's. */
static int find_journal(const char *run_folder, struct failure *failure)
{
	char *path cleanup(cleanup_free) = file_join(run_folder, "journal");

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory");
	if (access(path, R_OK | W_OK) == 0)
		return 0;
	return failure_set(failure, -errno, errno == ENOENT ? "%s holds no run" : "can't go on with %s: %s", run_folder,
	                   strerror(errno));
}

static int resume(const struct resume_options *options, const char *run_folder, struct failure *failure)
{
	char *log_path cleanup(cleanup_free) = file_join(run_folder, "run.log");
	struct conductor_result result = {.cause = STOP_CAUSE_COUNT};
	struct log *log = NULL;
	sigset_t signals;
	int r = find_journal(run_folder, failure);

	if (r < 0)
		return run_exit_code(r);
	r = log_path ? log_open("stampede", log_path, NULL, LOG_ERROR, &log) : -ENOMEM;
	if (r < 0) {
		failure_set(failure, r, "can't write into %s: %s", run_folder, strerror(-r));
		return run_exit_code(r);
	}
	run_exit_block_signals(&signals);
	r = conductor_resume(&(struct conductor_resume_config){.run_folder = run_folder,
	                                                       .quiet = options->quiet,
	                                                       .colour = !options->no_colour && print_colours(stderr),
	                                                       .log = log},
	                     failure, &result);
	log_close(log);
	run_exit_unblock_signals(&signals);
	return run_exit_finish(r, &result, run_folder, &(struct run_exit_style){options->trend, options->no_colour},
	                       failure);
}

static int run(const struct command *command, int argc, char **argv)
{
	struct resume_options options = {0};
	struct positionals positionals;
	struct failure failure = {0};
	int exit_code;

	if (!command_options(command, &options, argc, argv, 1, &positionals, &exit_code))
		return exit_code;
	exit_code = resume(&options, positionals.items[0], &failure);
	if (failure.code && exit_code != 0)
		print_failure(&failure);
	return exit_code;
}

static const struct option_row rows[] = {
        {.name = "quiet", .letter = 'q', .help = "prints the report and warnings alone", .set = set_quiet},
        {.name = "no-color", .help = "no colours, as NO_COLOR", .set = set_no_colour},
        {.name = "summary-trend-stats",
         .argument = "LIST",
         .help = "columns of latencies: avg,min,med,max,p(90),p(99.9) ...",
         .set = set_trend},
        {.name = NULL},
};

const struct command command_resume = {
        .name = "resume",
        .summary = "Goes on with a run whose coordinator died, to the same report.",
        .arguments = "[OPTION]... RUN_DIR",
        .example = "stampede resume runs/20260105-091500-demo",
        .details = "Agents go on by the plan without their coordinator and keep what they measure.\n"
                   "This takes the coordinator's place: at the same address, with the same keys,\n"
                   "data files and options. Of a run that is over it makes the report again.\n\n"
                   "Exit codes: those of run; 104 if the folder has no run, or another process\n"
                   "is running it.\n",
        .options = rows,
        .run = run,
};
