/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede check`: what a plan would run, agent by agent, without running it. */
#include "coordinator/command.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/exit_code.h"
#include "common/base/units.h"
#include "coordinator/check_lines.h"
#include "coordinator/run/division.h"
#include "coordinator/footprint.h"
#include "coordinator/plan_options.h"
#include "coordinator/print.h"

enum { AGENTS_SHOWN = 20 };

/* `units` is a plural that ends in "s". */
static void print_count(const char *label, uint64_t count, const char *units)
{
	int length = (int)strlen(units);
	char text[40];

	if (count == UINT64_MAX)
		printf("%s as many %s as answers allow", label, units);
	else
		printf("%s %s %.*s", label, units_format_count(count, text, sizeof(text)),
		       count == 1 ? length - 1 : length, units);
}

static void print_scenario(const struct scenario *scenario)
{
	char text[40];

	printf("  %s: %s", scenario->name, executor_names[scenario->executor]);
	if (scenario->burst.size) {
		printf(", %s at once", units_format_count(scenario->burst.size, text, sizeof(text)));
		printf(" every %s", units_format_duration(scenario->burst.every_ns, text, sizeof(text)));
	}
	if (scenario->phase_count)
		print_count(", a pattern of", scenario->phase_count, "phases");
	if (scenario->start_time_ns)
		printf(", from %s", units_format_duration(scenario->start_time_ns, text, sizeof(text)));
	if (scenario->duration_ns)
		printf(", for %s", units_format_duration(scenario->duration_ns, text, sizeof(text)));
	else
		printf(", at most %s", units_format_duration(scenario->max_duration_ns, text, sizeof(text)));
	print_count(",", scenario_planned(scenario), "iterations");
	print_count(", up to", scenario_max_vus(scenario), "VUs");
	if (scenario->producers)
		print_count(",", scenario->producers, "producers");
	printf("%s\n", scenario->is_warmup ? ", warm-up" : "");
}

/* How often a step runs in one iteration, on average. */
static double runs_an_iteration(const struct scenario *scenario, const struct step *step)
{
	uint64_t weights = 0;

	for (uint32_t i = 0; i < scenario->step_count; i++)
		weights += scenario->steps[i].weight;
	return step->weight ? (double)step->weight / (double)weights : 1;
}

static void print_step(const struct plan *plan, const struct scenario *scenario, const struct step *step)
{
	uint64_t planned = scenario_planned(scenario);
	double runs = runs_an_iteration(scenario, step);
	char text[40];

	if (step->kind == STEP_THINK)
		return;
	printf("    %s", step->name);
	if (step->target != PLAN_NONE)
		printf(" -> %s", plan->targets[step->target].name);
	if (planned != UINT64_MAX) {
		double count = (double)planned * runs;

		print_count(":", (uint64_t)(count + 0.5), "operations");
		if (step->kind == STEP_PRODUCE && !step->produce.payload)
			printf(", about %s", units_format_size((uint64_t)(count * produce_mean_size(&step->produce)),
			                                       text, sizeof(text)));
	} else if (runs < 1) {
		printf(": in %.3g %% of iterations", runs * 100);
	}
	printf("\n");
}

static void print_scenarios(const struct plan *plan)
{
	printf("Scenarios:\n");
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		print_scenario(&plan->scenarios[i]);
		if (plan->scenarios[i].start_after != PLAN_NONE)
			printf("    after %s\n", plan->scenarios[plan->scenarios[i].start_after].name);
		check_print_placement(&plan->scenarios[i]);
		for (uint32_t j = 0; j < plan->scenarios[i].step_count; j++)
			print_step(plan, &plan->scenarios[i], &plan->scenarios[i].steps[j]);
	}
}

static int print_agent(const struct plan *plan, const struct division *division, uint32_t agent)
{
	const struct share *shares = division_of(division, agent);
	uint64_t bytes;
	char text[40];
	int r;

	printf("  agent %u\n", agent + 1);
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		struct portion portion;

		r = division_portion(&plan->scenarios[i], &shares[i], &portion);
		if (r < 0)
			return r;
		printf("    %s:", plan->scenarios[i].name);
		print_count("", portion.iterations, "iterations");
		print_count(", up to", portion.vus, "VUs");
		if (plan->scenarios[i].producers)
			print_count(",", portion.producers, "producers");
		printf("\n");
	}
	r = footprint_bytes(plan, shares, division->agent_count, &bytes);
	if (r == 0)
		printf("    at most about %s of memory\n", units_format_size(bytes, text, sizeof(text)));
	return r;
}

static _Bool asks_for_tags(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		if (plan->scenarios[i].run_on.count > 0)
			return 1;
	return 0;
}

static int print_agents(const struct plan *plan, const struct division *division)
{
	uint32_t count = division->agent_count;
	int r = 0;

	printf("Shares of %u agent%s of equal weight%s:\n", count, count == 1 ? "" : "s",
	       !asks_for_tags(plan) ? ""
	       : count == 1         ? " that has every tag"
	                            : " that have every tag");
	for (uint32_t i = 0; r == 0 && i < count && i < AGENTS_SHOWN; i++)
		r = print_agent(plan, division, i);
	if (count > AGENTS_SHOWN)
		printf("  and %u more like them\n", count - AGENTS_SHOWN);
	return r;
}

/* Divided among equal agents that may run everything. 0 or an exit code. */
static int divide(const struct plan *plan, uint32_t count, struct division *ret_division)
{
	struct member *members cleanup(cleanup_free) = calloc(count, sizeof(*members));
	struct failure failure = {0};
	int r;

	if (!members)
		return EXIT_CODE_FAULT;
	for (uint32_t i = 0; i < count; i++)
		members[i] = (struct member){.weight = 1, .anywhere = 1};
	r = division_make(plan, members, count, &failure, ret_division);
	if (r < 0)
		print_failure(&failure);
	return r < 0 ? EXIT_CODE_BAD_PLAN : 0;
}

static int print_plan(const struct plan *plan, uint32_t agents)
{
	struct division division = {0};
	int r, exit_code = divide(plan, agents, &division);

	if (exit_code != 0)
		return exit_code;
	printf("Plan %s (%s)\n", plan->name, plan->file);
	print_scenarios(plan);
	r = print_agents(plan, &division);
	check_print_agent_loss(plan);
	check_print_duties(plan);
	if (r == 0)
		r = check_print_feeds(plan, &division);
	check_print_thresholds(plan);
	division_deinit(&division);
	return r < 0 ? EXIT_CODE_FAULT : 0;
}

/* As many as the plan asks for. */
static uint32_t least_agents(const struct plan *plan)
{
	uint32_t least = 1;

	for (uint32_t i = 0; i < plan->scenario_count; i++)
		if (plan->scenarios[i].min_agents > least)
			least = plan->scenarios[i].min_agents;
	return least;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct plan_options options = {0};
	struct positionals positionals;
	struct plan *plan = NULL;
	int exit_code;

	if (command_options(command, &options, argc, argv, 1, &positionals, &exit_code)) {
		exit_code =
		        plan_options_read(&options, positionals.items[0], options.agents ? options.agents : 1, &plan);
		if (exit_code == 0)
			exit_code = print_plan(plan, options.agents ? options.agents : least_agents(plan));
	}
	plan_free(plan);
	plan_options_deinit(&options);
	return exit_code;
}

static const struct option_row rows[] = {
        PLAN_OPTION_ROWS,
        {.name = "agents",
         .argument = "N",
         .help = "how many agents to divide it among (default: the plan's minAgents, or 1)",
         .set = plan_options_agents},
        {.name = NULL},
};

const struct command command_check = {
        .name = "check",
        .summary = "Says what a plan would run, agent by agent, and every error in it.",
        .arguments = "[OPTION]... PLAN",
        .example = "stampede check --agents 10 plans/demo.yaml",
        .options = rows,
        .run = run,
};
