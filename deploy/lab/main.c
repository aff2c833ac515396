/* SPDX-License-Identifier: Apache-2.0 */
/* stampede-lab: runs a command with the embedded targets up. */
#include <errno.h>
#include <stdio.h>

#include "common/base/exit_code.h"
#include "deploy/lab/command.h"
#include "deploy/lab/counters.h"
#include "deploy/lab/lab.h"
#include "deploy/lab/options.h"

static int say(const struct failure *failure, int exit_code)
{
	fprintf(stderr, "stampede-lab: %s\n", failure->text);
	return exit_code;
}

static void print_variables(const struct lab_variable *variables, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("export %s='%s'\n", variables[i].name, variables[i].value);
	fflush(stdout);
	fputs("stampede-lab: ready; ends with Ctrl-C\n", stderr);
}

static int use(const struct options *options, const struct heritage *heritage, struct lab *lab, struct failure *failure)
{
	struct lab_variable variables[LAB_VARIABLES_MAX];
	size_t count = lab_variables(lab, variables);
	int exit_code = EXIT_CODE_PASSED, r;

	if (options->command) {
		r = command_run(heritage, options->command, variables, count, lab_database_pidfd(lab), failure,
		                &exit_code);
	} else {
		print_variables(variables, count);
		r = command_serve(heritage, lab_database_pidfd(lab), failure);
	}
	if (r < 0)
		return say(failure, r == -ENOENT || r == -EACCES ? EXIT_CODE_BAD_PLAN : EXIT_CODE_FAULT);
	if (lab_count(lab, stderr, failure) < 0) {
		say(failure, EXIT_CODE_FAULT);
		return exit_code ? exit_code : EXIT_CODE_FAULT;
	}
	return exit_code;
}

static int run(const struct options *options, struct failure *failure)
{
	struct heritage heritage;
	struct lab *lab = NULL;
	int r, exit_code;

	if (heritage_init(&heritage, failure) < 0)
		return say(failure, EXIT_CODE_FAULT);
	r = lab_start(options, heritage.signal_fd, failure, &lab);
	if (r < 0)
		exit_code = say(failure, r == -EINTR ? EXIT_CODE_INTERRUPTED : EXIT_CODE_FAULT);
	else
		exit_code = use(options, &heritage, lab, failure);
	lab_stop(lab);
	heritage_deinit(&heritage);
	return exit_code;
}

/* That they can't be written would be a pity to learn at the end. */
static int check_counters(const struct options *options, struct failure *failure)
{
	return options->counters ? counters_write(&(struct counters){0}, options->counters, failure) : 0;
}

int main(int argc, char **argv)
{
	struct failure failure = {0};
	struct options options;

	(void)argc;
	if (options_parse(argv, &failure, &options) < 0) {
		say(&failure, EXIT_CODE_BAD_PLAN);
		fputs("See stampede-lab --help\n", stderr);
		return EXIT_CODE_BAD_PLAN;
	}
	if (options.help) {
		fputs(options_help(), stdout);
		return EXIT_CODE_PASSED;
	}
	if (options.version) {
		printf("stampede-lab %s\n", STAMPEDE_VERSION);
		return EXIT_CODE_PASSED;
	}
	if (check_counters(&options, &failure) < 0)
		return say(&failure, EXIT_CODE_BAD_PLAN);
	return run(&options, &failure);
}
