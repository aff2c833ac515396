/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `run` and `check` that change a plan. */
#include "coordinator/plan_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/exit_code.h"
#include "common/base/limits.h"
#include "common/base/units.h"
#include "coordinator/run/division.h"
#include "coordinator/print.h"

static void pairs_deinit(struct pairs *pairs)
{
	for (uint32_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].name);
		free(pairs->items[i].value);
	}
	free(pairs->items);
	*pairs = (struct pairs){0};
}

void plan_options_deinit(struct plan_options *options)
{
	pairs_deinit(&options->variables);
	pairs_deinit(&options->tags);
}

static int add_pair(struct pairs *pairs, const char *text, struct failure *failure)
{
	struct pair *grown = reallocarray(pairs->items, pairs->count + 1, sizeof(*grown));
	char *name = NULL;
	const char *value;
	int r;

	if (!grown)
		return failure_set(failure, -ENOMEM, "no memory");
	pairs->items = grown;
	r = options_split_pair(text, &name, &value, failure);
	if (r < 0)
		return r;
	grown[pairs->count] = (struct pair){.name = name, .value = strdup(value)};
	if (!grown[pairs->count].value) {
		free(name);
		return failure_set(failure, -ENOMEM, "no memory");
	}
	pairs->count++;
	return 0;
}

int plan_options_variable(void *context, const char *value, struct failure *failure)
{
	return add_pair(&((struct plan_options *)context)->variables, value, failure);
}

int plan_options_tag(void *context, const char *value, struct failure *failure)
{
	struct plan_options *options = context;

	if (options->tags.count >= LIMIT_TAGS)
		return failure_set(failure, -EINVAL, "at most %d tags", LIMIT_TAGS);
	return add_pair(&options->tags, value, failure);
}

static int set_count(const char *value, uint64_t most, uint32_t *ret_count, struct failure *failure)
{
	uint64_t count;

	if (units_parse_count(value, &count) < 0 || count == 0 || count > most)
		return failure_set(failure, -EINVAL, "expected a number from 1 to %llu", (unsigned long long)most);
	*ret_count = (uint32_t)count;
	return 0;
}

int plan_options_vus(void *context, const char *value, struct failure *failure)
{
	return set_count(value, LIMIT_VUS, &((struct plan_options *)context)->vus, failure);
}

int plan_options_agents(void *context, const char *value, struct failure *failure)
{
	return set_count(value, LIMIT_AGENTS, &((struct plan_options *)context)->agents, failure);
}

int plan_options_duration(void *context, const char *value, struct failure *failure)
{
	uint64_t *duration_ns = &((struct plan_options *)context)->duration_ns;

	int r = units_parse_duration(value, duration_ns);

	if (r == -ERANGE)
		return failure_set(failure, -EINVAL, "at most 10 years");
	if (r < 0 || *duration_ns == 0)
		return failure_set(failure, -EINVAL, "expected a duration such as 30s or 5m");
	return 0;
}

int plan_options_read(const struct plan_options *options, const char *path, uint32_t agents, struct plan **ret_plan)
{
	struct plan_overrides overrides = {.variables = &options->variables,
	                                   .tags = &options->tags,
	                                   .vus = options->vus,
	                                   .duration_ns = options->duration_ns,
	                                   .no_thresholds = options->no_thresholds};
	struct failures failures = {0}, warnings = {0};
	struct failure failure = {0};
	int r = plan_read(path, &overrides, &failures, &warnings, ret_plan);

	print_failures(&warnings, "warning: ");
	if (r == 0 && division_check(*ret_plan, agents, &failure) < 0) {
		failures_add(&failures, &failure);
		*ret_plan = plan_free(*ret_plan);
		r = -EINVAL;
	}
	print_failures(&failures, "");
	failures_deinit(&failures);
	failures_deinit(&warnings);
	return r == 0 ? 0 : r == -ENOMEM ? EXIT_CODE_FAULT : EXIT_CODE_BAD_PLAN;
}
