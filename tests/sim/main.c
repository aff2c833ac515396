/* SPDX-License-Identifier: Apache-2.0 */
/* sim: runs seeds. `sim --seeds A-B`, or `sim --seed N --verbose` to see one again, event by event. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sim/sim.h"

struct options {
	uint64_t first, last;
	struct chance_limits limits;
	_Bool verbose;
	uint64_t most_broken;
};

/* For a crash's last words: the seed that is running. */
static volatile uint64_t running;

static void crashed(int signal_number)
{
	char text[96];
	int length = snprintf(text, sizeof(text), "seed %llu ends by signal %d\n", (unsigned long long)running,
	                      signal_number);

	(void)!write(STDERR_FILENO, text, (size_t)length);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static int usage(void)
{
	fputs("usage: sim [--seeds A-B | --seed N] [--verbose] [--plan NAME] [--clean] [--most-broken N]\n"
	      "           [--without FAULT]...\n",
	      stderr);
	return 2;
}

static _Bool parse_seeds(const char *text, struct options *options)
{
	char *end;

	options->first = strtoull(text, &end, 10);
	options->last = options->first;
	if (*end == '-')
		options->last = strtoull(end + 1, &end, 10);
	return end != text && *end == '\0' && options->last >= options->first;
}

static _Bool parse_plan(const char *name, struct options *options)
{
	for (uint32_t i = 0; i < sim_plans_count(); i++)
		if (strcmp(sim_plans_name(i), name) == 0)
			options->limits.plan = (int)i;
	return options->limits.plan >= 0;
}

static _Bool parse_fault(const char *word, struct options *options)
{
	for (int i = 0; i < FAULT_TYPE_COUNT; i++)
		if (strcmp(fault_type_words[i], word) == 0) {
			options->limits.without |= 1U << i;
			return 1;
		}
	return 0;
}

static _Bool parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
	        {"seeds", required_argument, NULL, 's'},   {"seed", required_argument, NULL, 's'},
	        {"verbose", no_argument, NULL, 'v'},       {"plan", required_argument, NULL, 'p'},
	        {"clean", no_argument, NULL, 'c'},         {"most-broken", required_argument, NULL, 'b'},
	        {"without", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	_Bool good = 1;
	int option;

	while (good && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 's':
			good = parse_seeds(optarg, options);
			break;
		case 'p':
			good = parse_plan(optarg, options);
			break;
		case 'v':
			options->verbose = 1;
			break;
		case 'c':
			options->limits.clean = 1;
			break;
		case 'w':
			good = parse_fault(optarg, options);
			break;
		case 'b':
			options->most_broken = strtoull(optarg, NULL, 10);
			break;
		default:
			good = 0;
		}
	}
	return good && optind == argc;
}

struct totals {
	uint64_t seeds, broken, events, virtual_ns, snapshots, resumes, losses, leaves, joins, complete, starts;
	double skew_of_bound;
};

static void count(struct totals *totals, const struct sim_result *result)
{
	totals->seeds++;
	totals->broken += result->broken;
	totals->events += result->events;
	totals->virtual_ns += result->virtual_ns;
	totals->snapshots += result->snapshots;
	totals->resumes += result->resumes;
	totals->losses += result->losses;
	totals->leaves += result->leaves;
	totals->joins += result->joins;
	totals->complete += result->complete;
	totals->starts += result->starts;
	if (result->skew_of_bound > totals->skew_of_bound)
		totals->skew_of_bound = result->skew_of_bound;
}

/* One line of names and numbers, for prove_sim.py and faults.py. */
static void print_totals(const struct totals *totals)
{
	printf("seeds=%llu broken=%llu events=%llu virtual_s=%.0f snapshots=%llu resumes=%llu losses=%llu leaves=%llu "
	       "joins=%llu complete=%llu starts=%llu skew_of_bound=%.3f\n",
	       (unsigned long long)totals->seeds, (unsigned long long)totals->broken,
	       (unsigned long long)totals->events, (double)totals->virtual_ns / 1e9,
	       (unsigned long long)totals->snapshots, (unsigned long long)totals->resumes,
	       (unsigned long long)totals->losses, (unsigned long long)totals->leaves,
	       (unsigned long long)totals->joins, (unsigned long long)totals->complete,
	       (unsigned long long)totals->starts, totals->skew_of_bound);
}

static int run_seeds(const struct options *options, const char *folder)
{
	struct sim_plans *plans = sim_plans_new();
	struct totals totals = {0};

	for (uint64_t seed = options->first; seed <= options->last && totals.broken < options->most_broken; seed++) {
		struct sim_result result;

		running = seed;
		sim_run(&(struct sim_config){.seed = seed,
		                             .limits = options->limits,
		                             .verbose = options->verbose,
		                             .folder = folder,
		                             .plans = plans},
		        &result);
		count(&totals, &result);
	}
	print_totals(&totals);
	sim_plans_free(plans);
	return totals.broken ? 1 : 0;
}

/* The journals are small and many: in memory where there is such a place. */
static int make_folder(char *folder, size_t size)
{
	const char *temporary = getenv("TMPDIR");
	struct stat status;
	char clean[PATH_MAX];

	if (!temporary)
		temporary = stat("/dev/shm", &status) == 0 ? "/dev/shm" : "/tmp";
	snprintf(folder, size, "%s/sim-XXXXXX", temporary);
	if (!mkdtemp(folder))
		return -errno;
	snprintf(clean, sizeof(clean), "%.*s/clean", PATH_MAX - 16, folder);
	return mkdir(clean, 0700) < 0 ? -errno : 0;
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = {"journal", "clean/journal", "clean", ""};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 32, folder, names[i]);
		(void)remove(path);
	}
}

int main(int argc, char **argv)
{
	struct options options = {.first = 1, .last = 100, .limits = {.plan = -1}, .most_broken = 3};
	char folder[PATH_MAX - 64];
	int exit_code;

	if (!parse(argc, argv, &options))
		return usage();
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGABRT, crashed);
	signal(SIGSEGV, crashed);
	sim_must(make_folder(folder, sizeof(folder)), "a temporary folder");
	exit_code = run_seeds(&options, folder);
	remove_folder(folder);
	return exit_code;
}
