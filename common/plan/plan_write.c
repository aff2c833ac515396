// SPDX-License-Identifier: Apache-2.0
// The plan as YAML again: what plan_parse() reads to an equal plan.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/plan/writing.h"

static void write_variables(struct writing *writing, const struct pairs *variables)
{
	if (variables->count == 0)
		return;
	writing_begin(writing, "variables");
	for (uint32_t i = 0; i < variables->count; i++)
		writing_text(writing, variables->items[i].name, variables->items[i].value);
	writing_end(writing);
}

static void write_targets(struct writing *writing, const struct plan *plan)
{
	if (plan->target_count == 0)
		return;
	writing_begin(writing, "targets");
	for (uint32_t i = 0; i < plan->target_count; i++) {
		const struct target *target = &plan->targets[i];
		writing_begin(writing, target->name);
		writing_begin(writing, target_kind_names[target->kind]);
		options_write(writing, &(struct option_map){.options = target_options[target->kind]}, target);
		writing_end(writing);
		writing_end(writing);
	}
	writing_end(writing);
}

static _Bool is_variable(const struct plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->variables.count; i++)
		if (strcmp(plan->variables.items[i].name, name) == 0)
			return 1;
	return 0;
}

/* A feed without rows doesn't know its columns, but the names that they set are there. */
static _Bool is_column(const struct plan *plan, const struct feed *feed, uint32_t slot)
{
	const char *name = template_names_get(plan->names, slot);
	const size_t prefix = strlen(feed_name(feed));
	if (feed_columns(feed) == 0)
		return strncmp(name, feed_name(feed), prefix) == 0 && name[prefix] == '.' && !is_variable(plan, name);
	for (uint32_t i = 0; i < feed_columns(feed); i++)
		if (feed_slot(feed, i) == slot)
			return 1;
	return 0;
}

/* The columns of a feed that sets one name for each: they are known by name where there are no rows. */
static void write_columns(struct writing *writing, const struct feed *feed)
{
	const size_t prefix = strlen(feed_name(feed)) + 1;
	_Bool any = 0;
	for (uint32_t slot = 0; slot < template_names_count(writing->plan->names); slot++) {
		if (!is_column(writing->plan, feed, slot))
			continue;
		if (!any)
			writing_begin(writing, "columns");
		any = 1;
		writing_element(writing, template_names_get(writing->plan->names, slot) + prefix);
	}
	if (any)
		writing_end(writing);
}

static void write_feeds(struct writing *writing, const struct plan *plan)
{
	char exponent[64];
	if (plan->feed_count == 0)
		return;
	writing_begin(writing, "data");
	for (uint32_t i = 0; i < plan->feed_count; i++) {
		const struct feed *feed = plan->feeds[i];
		writing_begin(writing, feed_name(feed));
		writing_text(writing, feed_is_lines(feed) ? "lines" : "csv", feed_csv(feed));
		if (feed_column(feed))
			writing_text(writing, "column", feed_column(feed));
		else if (!feed_is_lines(feed))
			write_columns(writing, feed);
		writing_raw(writing, "pick", "%s", feed_pick_names[feed_pick(feed)]);
		if (feed_pick(feed) == FEED_ZIPF)
			writing_raw(writing, "exponent", "%s",
			            writing_format_number(feed_exponent(feed), exponent, sizeof(exponent)));
		writing_end(writing);
	}
	writing_end(writing);
}

static void write_scenario(struct writing *writing, const struct scenario *scenario)
{
	writing_begin(writing, scenario->name);
	options_write(writing, &(struct option_map){.options = scenario_options, .kind = 1u << scenario->executor},
	              scenario);
	writing_begin(writing, "steps");
	for (uint32_t i = 0; i < scenario->step_count; i++) {
		const struct step *step = &scenario->steps[i];
		writing_item(writing);
		writing_begin(writing, step_kind_names[step->kind]);
		options_write(writing, &(struct option_map){.options = step_options[step->kind]}, step);
		writing_end(writing);
		writing_item_end(writing);
	}
	writing_end(writing);
	writing_end(writing);
}

/* Thresholds of one selector stand together, as they did in the file. */
static void write_thresholds(struct writing *writing, const struct plan *plan)
{
	const char *source = "";
	if (plan->threshold_count == 0)
		return;
	writing_begin(writing, "thresholds");
	for (uint32_t i = 0; i < plan->threshold_count; i++) {
		const struct threshold *threshold = &plan->thresholds[i];
		if (strcmp(source, threshold->source) != 0) {
			if (i > 0)
				writing_end(writing);
			writing_begin(writing, threshold->source);
		}
		source = threshold->source;
		writing_item(writing);
		options_write(writing, &(struct option_map){.options = threshold_options}, threshold);
		writing_item_end(writing);
	}
	writing_end(writing);
	writing_end(writing);
}

int plan_write(const struct plan *plan, struct buffer *buffer)
{
	struct writing writing = {.plan = plan, .buffer = buffer};
	options_write(&writing, &(struct option_map){.options = plan_options}, plan);
	write_variables(&writing, &plan->variables);
	write_targets(&writing, plan);
	write_feeds(&writing, plan);
	write_duties(&writing);
	writing_begin(&writing, "scenarios");
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		write_scenario(&writing, &plan->scenarios[i]);
	writing_end(&writing);
	write_thresholds(&writing, plan);
	return buffer->failed;
}
