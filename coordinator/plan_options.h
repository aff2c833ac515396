/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `run` and `check` that change a plan, and reading it with them. */
#pragma once

#include "common/plan/plan.h"
#include "coordinator/options.h"

struct plan_options {
	struct pairs variables;
	struct pairs tags;
	uint32_t vus;
	uint64_t duration_ns;
	_Bool no_thresholds;
	uint32_t agents; /* local ones; 0: not given */
};

void plan_options_deinit(struct plan_options *options);

/* Setters for option tables whose context starts with a struct plan_options. */
int plan_options_variable(void *context, const char *value, struct failure *failure);
int plan_options_tag(void *context, const char *value, struct failure *failure);
int plan_options_vus(void *context, const char *value, struct failure *failure);
int plan_options_duration(void *context, const char *value, struct failure *failure);
int plan_options_agents(void *context, const char *value, struct failure *failure);

/* The rows for them. */
/* clang-format off */
#define PLAN_OPTION_ROWS \
	{.name = "env", .letter = 'e', .argument = "NAME=VALUE", .help = "sets a variable of the plan; may be given again", \
	 .repeatable = 1, .set = plan_options_variable}, \
	{.name = "vus", .letter = 'u', .argument = "VUS", .help = "virtual users, instead of the plan's vus", \
	 .set = plan_options_vus}, \
	{.name = "duration", .letter = 'd', .argument = "DURATION", .help = "30s, 5m: instead of the plan's duration", \
	 .set = plan_options_duration}
/* clang-format on */

/* Reads the plan for `agents` agents; prints its warnings and all its errors. 0, or the exit code. */
int plan_options_read(const struct plan_options *options, const char *path, uint32_t agents, struct plan **ret_plan);
