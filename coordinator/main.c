/* SPDX-License-Identifier: Apache-2.0 */
/* The user's command. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/exit_code.h"
#include "common/base/text.h"
#include "coordinator/command.h"

static void print_help(FILE *file)
{
	fprintf(file, "Example:\n  stampede new first.yaml && stampede-lab -- stampede run first.yaml\n\n"
	              "Stampede puts load on Kafka, HTTP and PostgreSQL from many hosts and makes one\n"
	              "exact report.\n\nUsage: stampede COMMAND ...\n\nCommands:\n");
	for (const struct command *const *command = commands; *command; command++)
		fprintf(file, "  %-12s %s\n", (*command)->name, (*command)->summary);
	fprintf(file, "\n      --help     of each command, too\n      --version  the version\n");
}

static int refuse(const char *word)
{
	const char *names[32];
	size_t count = 0;
	const char *nearest;

	for (const struct command *const *command = commands; *command && count < 31; command++)
		names[count++] = (*command)->name;
	names[count] = NULL;
	nearest = text_nearest(word, names);
	fprintf(stderr,
	        nearest ? "stampede: no command \"%s\" (did you mean \"%s\"?)\n" : "stampede: no command \"%s\"\n",
	        word, nearest);
	fprintf(stderr, "See stampede --help\n");
	return EXIT_CODE_BAD_PLAN;
}

static int run_command(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EXIT_CODE_BAD_PLAN;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_CODE_PASSED;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("stampede %s\n", STAMPEDE_VERSION);
		return EXIT_CODE_PASSED;
	}
	for (const struct command *const *command = commands; *command; command++)
		if (strcmp((*command)->name, argv[1]) == 0)
			return (*command)->run(*command, argc - 1, argv + 1);
	return refuse(argv[1]);
}

/* What is closed from the start would be given to the first file that is opened, and be written into as output. So it
 * becomes something that can't be written to. */
static int open_missing(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	int exit_code = open_missing() < 0 ? EXIT_CODE_FAULT : run_command(argc, argv);

	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	fprintf(stderr, "stampede: can't write the output: %s\n", strerror(errno));
	return exit_code == EXIT_CODE_PASSED ? EXIT_CODE_FAULT : exit_code;
}
