// SPDX-License-Identifier: Apache-2.0
// The keys of the plan's top level, and the plan's own small sections.
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/units.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"

static const char *const on_agent_loss_names[] = {"continue", "fail", "redistribute", NULL};

/* Edges of the response-time buckets: whole microseconds, ascending. */
static void read_buckets(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct bucket_edges edges = {0};
	struct plan *plan = base;
	if (!reading_expect(reading, value, NODE_SEQUENCE, option->key))
		return;
	if (value->count > LIMIT_BUCKET_EDGES) {
		reading_error(reading, value->place, "\"buckets\" in the plan has %zu edges; it may have %d",
		              value->count, LIMIT_BUCKET_EDGES);
		return;
	}
	for (size_t i = 0; i < value->count; i++) {
		const struct option edge = {
		        .key = "buckets", .type = OPTION_DURATION, .flags = OPTION_POSITIVE | OPTION_SHORT};
		const struct node *item = value->items[i];
		uint64_t ns = 0;
		option_read(reading, &edge, item, &ns);
		if (ns == 0)
			return;
		if (ns % NS_PER_US != 0) {
			reading_error(reading, item->place, "\"buckets\" in the plan: \"%s\" is no whole microsecond",
			              item->text);
			return;
		}
		if (edges.count > 0 && ns / NS_PER_US <= edges.us[edges.count - 1]) {
			reading_error(reading, item->place,
			              "\"buckets\" in the plan: \"%s\" is not above the edge before", item->text);
			return;
		}
		edges.us[edges.count++] = ns / NS_PER_US;
	}
	plan->edges = edges;
}

static void write_buckets(struct writing *writing, const struct option *option, const void *base)
{
	const struct plan *plan = base;
	char text[32];
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < plan->edges.count; i++)
		writing_element(writing, writing_format_duration(plan->edges.us[i] * NS_PER_US, text, sizeof(text)));
	writing_end(writing);
}

static void read_sha256(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct plan *plan = base;
	if (!reading_expect(reading, value, NODE_SCALAR, option->key))
		return;
	if (strlen(value->text) != sizeof(plan->sha256) - 1 || strspn(value->text, "0123456789abcdef") != 64)
		reading_error(reading, value->place, "\"%s\" in the plan is not a SHA-256 in lower-case hex",
		              option->key);
	else
		memcpy(plan->sha256, value->text, sizeof(plan->sha256));
}

static void write_sha256(struct writing *writing, const struct option *option, const void *base)
{
	const struct plan *plan = base;
	writing_text(writing, option->key, plan->sha256);
}

void check_tag_names(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)option;
	(void)base;
	for (size_t i = 0; i + 1 < value->count; i += 2)
		reading_name(reading, value->items[i]->place, "a tag", value->items[i]->text, NAME_FORBIDDEN);
}

/* The sections are read by read_plan() in the order that they need, and written by plan_write(). */
const struct option plan_options[] = {
        {.key = "name", .type = OPTION_TEXT, OPTION_MEMBER(plan, name), .help = "what the run is called"},
        {.key = "resolvedFrom",
         .type = OPTION_CUSTOM,
         .read = read_sha256,
         .write = write_sha256,
         .help = "in a resolved plan: the SHA-256 of the file it was made from"},
        {.key = "variables", .type = OPTION_CUSTOM, .help = "NAME: value, for ${NAME} and {{NAME}}"},
        {.key = "tags",
         .type = OPTION_PAIRS,
         OPTION_MEMBER(plan, tags),
         .check = check_tag_names,
         .max = LIMIT_TAGS,
         .help = "NAME: value, kept with the run's summary"},
        {.key = "targets", .type = OPTION_CUSTOM, .help = "what is driven: NAME: { kind: { ... } }"},
        {.key = "data", .type = OPTION_CUSTOM, .help = "feeds: NAME: { csv: FILE, ... }"},
        {.key = "setup", .type = OPTION_CUSTOM, .help = "what one agent does before the run: [kind: { ... }]"},
        {.key = "teardown", .type = OPTION_CUSTOM, .help = "what one agent does after it"},
        {.key = "readers", .type = OPTION_CUSTOM, .help = "what one agent reads for all while it runs"},
        {.key = "scenarios",
         .type = OPTION_CUSTOM,
         .flags = OPTION_REQUIRED,
         .help = "NAME: { executor: ..., steps: [...] }"},
        {.key = "thresholds", .type = OPTION_CUSTOM, .help = "'metric{selector}': [expression, ...]"},
        {.key = "warmup",
         .type = OPTION_DURATION,
         OPTION_MEMBER(plan, warmup_ns),
         .help = "what was intended before its end is shown, and left out of totals and thresholds"},
        {.key = "lostAfter",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(plan, lost_after_ns),
         .fallback = "10s",
         .help = "an agent not heard of for so long is lost"},
        {.key = "maxLateness",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(plan, max_lateness_ns),
         .fallback = "1s",
         .help = "a start later than this because of the agent itself is dropped as late"},
        {.key = "maxGroups",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(plan, max_groups),
         .max = LIMIT_GROUPS,
         .fallback = "10000",
         .help = "groups of a step; further ones are counted in (other)"},
        {.key = "onAgentLoss",
         .type = OPTION_CHOICE,
         OPTION_MEMBER(plan, on_agent_loss),
         .choices = on_agent_loss_names,
         .fallback = "continue",
         .help = "continue | fail | redistribute: what the run does when an agent is lost"},
        {.key = "elastic",
         .type = OPTION_BOOL,
         OPTION_MEMBER(plan, elastic),
         .help = "agents may join and leave while it runs"},
        {.key = "groupStatus",
         .type = OPTION_CUSTOM,
         .read = read_group_status,
         .write = write_group_status,
         .help = "what makes a group variable, unstable, or one of timeouts"},
        {.key = "buckets",
         .type = OPTION_CUSTOM,
         .read = read_buckets,
         .write = write_buckets,
         .help = "edges of the response-time buckets, default [100ms, 300ms, 500ms]"},
        {0},
};
