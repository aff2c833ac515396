/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede run`: from a plan to a report. */
#include "coordinator/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/units.h"
#include "common/link/address.h"
#include "coordinator/conductor.h"
#include "coordinator/key_folder.h"
#include "coordinator/plan_options.h"
#include "coordinator/print.h"
#include "coordinator/run_exit.h"
#include "coordinator/run_folder.h"

#define DEFAULT_WAIT_NS (60 * NS_PER_S)
#define LOCAL_WAIT_NS (30 * NS_PER_S)

struct run_options {
	struct plan_options plan; /* first: the setters of plan_options.h count on it */
	const char *listen;
	uint32_t expect_agents;
	uint64_t wait_ns; /* 0: not given */
	const char *folder;
	const char *trend;
	const char *keys;
	_Bool insecure, fsync_each, quiet, no_colour, require_trust;
};

static int set_listen(void *context, const char *value, struct failure *failure)
{
	struct address address;

	((struct run_options *)context)->listen = value;
	return address_parse(value, 1, failure, &address);
}

static int set_expect(void *context, const char *value, struct failure *failure)
{
	struct plan_options parsed = {0};
	int r = plan_options_agents(&parsed, value, failure);

	((struct run_options *)context)->expect_agents = parsed.agents;
	return r;
}

static int set_wait(void *context, const char *value, struct failure *failure)
{
	uint64_t wait_ns;

	if (units_parse_duration(value, &wait_ns) < 0 || wait_ns == 0)
		return failure_set(failure, -EINVAL, "expected a duration such as 60s");
	((struct run_options *)context)->wait_ns = wait_ns;
	return 0;
}

static int set_folder(void *context, const char *value, struct failure *failure)
{
	if (!*value)
		return failure_set(failure, -EINVAL, "expected a folder");
	((struct run_options *)context)->folder = value;
	return 0;
}

static int set_trend(void *context, const char *value, struct failure *failure)
{
	((struct run_options *)context)->trend = value;
	return report_check_trend(value, failure);
}

static int set_keys(void *context, const char *value, struct failure *failure)
{
	if (!*value)
		return failure_set(failure, -EINVAL, "expected a folder that stampede keys has made");
	((struct run_options *)context)->keys = value;
	return 0;
}

#define FLAG_SETTER(member)                                                                                            \
	static int set_##member(void *context, const char *value, struct failure *failure)                             \
	{                                                                                                              \
		(void)value, (void)failure;                                                                            \
		((struct run_options *)context)->member = 1;                                                           \
		return 0;                                                                                              \
	}
FLAG_SETTER(insecure)
FLAG_SETTER(fsync_each)
FLAG_SETTER(quiet)
FLAG_SETTER(no_colour)
FLAG_SETTER(require_trust)

static int set_no_thresholds(void *context, const char *value, struct failure *failure)
{
	(void)value, (void)failure;
	((struct run_options *)context)->plan.no_thresholds = 1;
	return 0;
}

/* Combinations that no single option can tell. */
static const char *contradiction(const struct run_options *options)
{
	if (options->listen && options->plan.agents)
		return "--agents starts local agents and --listen waits for remote ones; give one of them";
	if (options->listen && !options->expect_agents)
		return "--listen needs --expect-agents N: how many agents to wait for";
	if (!options->listen && options->expect_agents)
		return "--expect-agents needs --listen ADDR: where the agents come to";
	if (options->keys && !options->listen)
		return "--keys needs --listen ADDR: local agents are reached without leaving this host";
	if (options->keys && options->insecure)
		return "--insecure is plain text, --keys closes the links; give one of them";
	return NULL;
}

static int write_plan(const char *run_folder, const struct buffer *text, struct failure *failure)
{
	char *path cleanup(cleanup_free) = file_join(run_folder, "plan.yaml");

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory");
	return file_write(path, text->data, text->size, failure);
}

/* The run itself, in its folder. */
static int run_in(const struct run_options *options, const struct plan *plan, const struct link_keys *keys,
                  uint32_t agents, const char *run_folder, struct failure *failure)
{
	struct buffer text cleanup(buffer_deinit) = {0};
	char *log_path cleanup(cleanup_free) = file_join(run_folder, "run.log");
	struct conductor_result result = {.cause = STOP_CAUSE_COUNT};
	struct log *log = NULL;
	sigset_t signals;
	int r = log_path ? plan_write(plan, &text) : -ENOMEM;

	if (r < 0)
		failure_set(failure, r, "the plan can't be written out: %s", strerror(-r));
	else
		r = write_plan(run_folder, &text, failure);
	if (r == 0)
		r = log_open("stampede", log_path, NULL, LOG_ERROR, &log);
	if (r < 0)
		return run_exit_code(r);
	run_exit_block_signals(&signals);
	r = conductor_run(&(struct conductor_config){.plan = plan,
	                                             .plan_text = buffer_text(&text),
	                                             .plan_size = text.size,
	                                             .run_folder = run_folder,
	                                             .listen = options->listen,
	                                             .insecure = options->insecure,
	                                             .keys = keys,
	                                             .keys_folder = options->keys,
	                                             .agents = agents,
	                                             .wait_ns = options->wait_ns  ? options->wait_ns
	                                                        : options->listen ? DEFAULT_WAIT_NS
	                                                                          : LOCAL_WAIT_NS,
	                                             .fsync_each = options->fsync_each,
	                                             .require_trust = options->require_trust,
	                                             .quiet = options->quiet,
	                                             .colour = !options->no_colour && print_colours(stderr),
	                                             .log = log},
	                  failure, &result);
	log_close(log);
	run_exit_unblock_signals(&signals);
	return run_exit_finish(r, &result, run_folder, &(struct run_exit_style){options->trend, options->no_colour},
	                       failure);
}

static int run_plan(const struct run_options *options, const char *path)
{
	uint32_t agents = options->listen ? options->expect_agents : options->plan.agents ? options->plan.agents : 1;
	cleanup(link_keys_deinit) struct link_keys keys = {0};
	char *run_folder cleanup(cleanup_free) = NULL;
	struct failure failure = {0};
	struct plan *plan = NULL;
	int exit_code = plan_options_read(&options->plan, path, agents, &plan);

	if (exit_code != 0)
		return exit_code;
	if ((options->keys && key_folder_read(options->keys, &failure, &keys) < 0) ||
	    run_folder_make(options->folder, plan->name, &failure, &run_folder) < 0)
		exit_code = EXIT_CODE_BAD_PLAN;
	else
		exit_code = run_in(options, plan, options->keys ? &keys : NULL, agents, run_folder, &failure);
	if (failure.code && exit_code != 0)
		print_failure(&failure);
	plan_free(plan);
	return exit_code;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct run_options options = {0};
	struct positionals positionals;
	const char *reason;
	int exit_code;

	if (command_options(command, &options, argc, argv, 1, &positionals, &exit_code)) {
		reason = contradiction(&options);
		exit_code = reason ? command_refuse(command, "%s", reason) : run_plan(&options, positionals.items[0]);
	}
	plan_options_deinit(&options.plan);
	return exit_code;
}

static const struct option_row rows[] = {
        PLAN_OPTION_ROWS,
        {.name = "tag",
         .argument = "K=V",
         .help = "a tag of the run, kept in its reports; may be given again",
         .repeatable = 1,
         .set = plan_options_tag},
        {.name = "agents", .argument = "N", .help = "starts N local agents (default 1)", .set = plan_options_agents},
        {.name = "listen",
         .argument = "ADDR",
         .help = "waits at tcp://HOST:PORT for remote agents instead",
         .set = set_listen},
        {.name = "expect-agents", .argument = "N", .help = "how many remote agents to wait for", .set = set_expect},
        {.name = "wait",
         .argument = "DURATION",
         .help = "how long to wait for them (default 60s); then exit 96",
         .set = set_wait},
        {.name = "keys",
         .argument = "DIR",
         .help = "closes the links: the folder that stampede keys made",
         .set = set_keys},
        {.name = "insecure", .help = "allows plain text on an address that is not loopback", .set = set_insecure},
        {.name = "fsync",
         .help = "for hosts that may lose power: syncs each record of the journal",
         .set = set_fsync_each},
        {.name = "output",
         .letter = 'o',
         .argument = "DIR",
         .help = "the run's folder (default runs/<time>-<name>)",
         .set = set_folder},
        {.name = "quiet", .letter = 'q', .help = "prints the report and warnings alone", .set = set_quiet},
        {.name = "no-color", .help = "no colours, as NO_COLOR", .set = set_no_colour},
        {.name = "no-thresholds", .help = "leaves the plan's thresholds out", .set = set_no_thresholds},
        {.name = "summary-trend-stats",
         .argument = "LIST",
         .help = "columns of latencies: avg,min,med,max,p(90),p(99.9) ...",
         .set = set_trend},
        {.name = "require-trust", .help = "exit 97 if the run is suspect or incomplete", .set = set_require_trust},
        {.name = NULL},
};

const struct command command_run = {
        .name = "run",
        .summary = "Runs a plan on several agents and prints one exact report.",
        .arguments = "[OPTION]... PLAN",
        .example = "stampede run --agents 3 -e api=http://localhost:8000 plans/demo.yaml",
        .details = "Progress goes to stderr, the report to stdout. Each option can be given as a\n"
                   "variable too: STAMPEDE_AGENTS=3, STAMPEDE_QUIET=1 (but those that may be\n"
                   "given again).\n\n"
                   "Exit codes: 0 passed, 99 a threshold failed, 96 too few agents or agents lost,\n"
                   "97 suspect or incomplete (--require-trust), 104 bad plan or options,\n"
                   "105 interrupted, 106 the address is taken, 1 a fault of Stampede's own.\n",
        .options = rows,
        .run = run,
};
