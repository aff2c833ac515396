// SPDX-License-Identifier: Apache-2.0
// The keys of `groupStatus`: what makes a group variable, unstable, or one of timeouts.
#include <string.h>

#include "common/plan/reading.h"
#include "common/plan/writing.h"

static const struct option level_options[] = {
        {.key = "maxOverMean",
         .type = OPTION_NUMBER,
         OPTION_MEMBER(group_limits, max_over_mean),
         .help = "its longest response time is more than so many means"},
        {.key = "success",
         .type = OPTION_SHARE,
         OPTION_MEMBER(group_limits, success),
         .help = "a smaller share succeeded"},
        {.key = "slow",
         .type = OPTION_SHARE,
         OPTION_MEMBER(group_limits, slow),
         .help = "such a share took longer than `over`"},
        {0},
};

/* The status that the row's key names. */
static enum group_status level_of(const struct option *option)
{
	enum group_status level = GROUP_VARIABLE;
	while (level + 1 < GROUP_STATUS_COUNT && strcmp(group_status_names[level], option->key) != 0)
		level++;
	return level;
}

static void read_level(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct group_status_limits *limits = base;
	const enum group_status level = level_of(option);
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, value->place, "\"%s\" of %.240s", option->key, outer.text);
	options_read(reading, &(struct option_map){.options = level_options}, value, &limits->levels[level]);
	reading_leave(reading, &outer);
}

static void write_level(struct writing *writing, const struct option *option, const void *base)
{
	const struct group_status_limits *limits = base;
	const enum group_status level = level_of(option);
	writing_begin(writing, option->key);
	options_write(writing, &(struct option_map){.options = level_options}, &limits->levels[level]);
	writing_end(writing);
}

static const struct option status_options[] = {
        {.key = "over",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE | OPTION_SHORT,
         OPTION_MEMBER(group_status_limits, slow_ns),
         .help = "what takes longer is slow"},
        {.key = "variable", .type = OPTION_CUSTOM, .read = read_level, .write = write_level, .help = "limits"},
        {.key = "unstable", .type = OPTION_CUSTOM, .read = read_level, .write = write_level, .help = "limits"},
        {.key = "timeouts", .type = OPTION_CUSTOM, .read = read_level, .write = write_level, .help = "limits"},
        {0},
};

void read_group_status(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct plan *plan = base;
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, value->place, "\"%s\"", option->key);
	options_read(reading, &(struct option_map){.options = status_options}, value, &plan->group_status);
	reading_leave(reading, &outer);
}

void write_group_status(struct writing *writing, const struct option *option, const void *base)
{
	const struct plan *plan = base;
	writing_begin(writing, option->key);
	options_write(writing, &(struct option_map){.options = status_options}, &plan->group_status);
	writing_end(writing);
}
