/* SPDX-License-Identifier: Apache-2.0 */
/* Which seconds an agent owed. */
#include "coordinator/replay/replay_due.h"

#include <stdlib.h>

#include "common/base/array.h"

void due_deinit(struct due *due)
{
	free(due->ranges);
	*due = (struct due){0};
}

int due_add(struct due *due, uint64_t first, uint64_t past)
{
	int r;

	if (first >= past)
		return 0;
	r = array_reserve(&due->ranges, &due->capacity, due->count, sizeof(*due->ranges));
	if (r == 0)
		due->ranges[due->count++] = (struct second_range){first, past};
	return r;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct second_range *a = left, *b = right;

	return a->first < b->first ? -1 : a->first > b->first;
}

void due_settle(struct due *due)
{
	size_t count = 0;

	if (due->count == 0)
		return;
	qsort(due->ranges, due->count, sizeof(*due->ranges), compare_ranges);
	for (size_t i = 1; i < due->count; i++) {
		struct second_range *last = &due->ranges[count];

		if (due->ranges[i].first > last->past)
			due->ranges[++count] = due->ranges[i];
		else if (due->ranges[i].past > last->past)
			last->past = due->ranges[i].past;
	}
	due->count = count + 1;
}

uint64_t due_seconds(const struct due *due)
{
	uint64_t seconds = 0;

	for (size_t i = 0; i < due->count; i++)
		seconds += due->ranges[i].past - due->ranges[i].first;
	return seconds;
}

uint64_t due_held(const struct due *due, const struct facts_agent *agent)
{
	uint64_t missing = 0;
	struct second_range range;

	for (uint64_t from = 0; due_missing(due, agent, from, &range); from = range.past)
		missing += range.past - range.first;
	return due_seconds(due) - missing;
}

/* The first second at or after `from` of which no snapshot is held; held ranges are ascending. */
static uint64_t first_not_held(const struct facts_agent *agent, uint64_t from)
{
	for (size_t i = 0; i < agent->held_count && agent->held[i].first <= from; i++)
		if (from <= agent->held[i].last)
			from = agent->held[i].last + 1;
	return from;
}

static uint64_t next_held(const struct facts_agent *agent, uint64_t from)
{
	for (size_t i = 0; i < agent->held_count; i++)
		if (agent->held[i].first >= from)
			return agent->held[i].first;
	return UINT64_MAX;
}

_Bool due_missing(const struct due *due, const struct facts_agent *agent, uint64_t from,
                  struct second_range *ret_missing)
{
	for (size_t i = 0; i < due->count; i++) {
		const struct second_range *range = &due->ranges[i];
		uint64_t first = first_not_held(agent, from > range->first ? from : range->first), past;

		if (first >= range->past)
			continue;
		past = next_held(agent, first);
		*ret_missing = (struct second_range){first, past < range->past ? past : range->past};
		return 1;
	}
	return 0;
}
