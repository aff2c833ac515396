// SPDX-License-Identifier: Apache-2.0
// Checks that take the whole plan: who starts after whom, feeds that run short, a warm-up that leaves nothing.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/units.h"
#include "common/plan/account_keys.h"
#include "common/plan/feed_use.h"
#include "common/plan/rate_keys.h"
#include "common/plan/reading.h"

static void resolve_start_after(struct reading *reading, uint32_t index)
{
	struct plan *plan = reading->plan;
	const struct node *node = reading->scenarios[index].start_after;
	const char *names[LIMIT_PLAN_SCENARIOS + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	if (!node)
		return;
	plan->scenarios[index].start_after = plan_find_scenario(plan, node->text);
	if (plan->scenarios[index].start_after != PLAN_NONE)
		return;
	for (uint32_t i = 0, count = 0; i < plan->scenario_count; i++)
		if (i != index)
			names[count++] = plan->scenarios[i].name;
	reading_suggest(node->text, names, suggestion, sizeof(suggestion));
	reading_error(reading, node->place, "\"startAfter\" in scenario \"%s\": there is no scenario \"%s\"%s",
	              plan->scenarios[index].name, node->text, suggestion);
}

/* "a -> b -> a" */
static void format_cycle(const struct plan *plan, uint32_t start, char *buffer, size_t size)
{
	uint32_t at = start;
	size_t used = 0;
	do {
		int n = snprintf(buffer + used, size - used, "%s -> ", plan->scenarios[at].name);
		used += n > 0 && used + (size_t)n < size ? (size_t)n : 0;
		at = plan->scenarios[at].start_after;
	} while (at != start);
	snprintf(buffer + used, size - used, "%s", plan->scenarios[start].name);
}

/* True if following startAfter from `index` leads back to it. */
static _Bool lies_on_cycle(const struct plan *plan, uint32_t index)
{
	uint32_t at = plan->scenarios[index].start_after;
	for (uint32_t steps = 0; at != PLAN_NONE && at != index && steps < plan->scenario_count; steps++)
		at = plan->scenarios[at].start_after;
	return at == index;
}

/* Whether the circle through `index` has been said at a scenario before. */
static _Bool was_said(const struct plan *plan, uint32_t index)
{
	for (uint32_t at = plan->scenarios[index].start_after; at != index; at = plan->scenarios[at].start_after)
		if (at < index)
			return 1;
	return 0;
}

static _Bool check_start_after(struct reading *reading)
{
	const struct plan *plan = reading->plan;
	char cycle[512];
	_Bool good = 1;
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		resolve_start_after(reading, i);
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (!lies_on_cycle(plan, i))
			continue;
		good = 0;
		if (was_said(plan, i))
			continue;
		format_cycle(plan, i, cycle, sizeof(cycle));
		reading_error(reading, reading->scenarios[i].start_after->place,
		              "\"startAfter\" in scenario \"%s\" goes in a circle: %s", plan->scenarios[i].name, cycle);
	}
	return good;
}

/* How many rows the plan takes of a unique feed: UINT64_MAX if that has no bound, 0 if a scenario that uses it
 * could not be read. */
static uint64_t rows_needed(const struct reading *reading, uint32_t feed)
{
	for (uint32_t i = 0; i < reading->plan->scenario_count; i++)
		if (!reading->scenarios[i].sound)
			return 0;
	return feed_use_draws(reading->plan, feed);
}

static const struct feed_notes *notes_of(const struct reading *reading, const struct feed *feed)
{
	for (uint32_t i = 0; i < reading->feed_count; i++)
		if (reading->feeds[i].feed == feed)
			return &reading->feeds[i];
	return NULL;
}

/* What may become of a unique feed's rows when iterations move from agent to agent. */
static void warn_of_moves(struct reading *reading, const struct feed_notes *notes, uint32_t feed)
{
	const struct plan *plan = reading->plan;
	_Bool users = 0, moved = 0;
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (!reading->scenarios[i].sound)
			return;
		if (!plan_scenario_uses_feed(plan, i, feed))
			continue;
		users |= scenario_planned(&plan->scenarios[i]) == UINT64_MAX;
		moved |= scenario_planned(&plan->scenarios[i]) != UINT64_MAX;
	}
	if (plan->elastic && users)
		reading_warn(
		        reading, notes->place,
		        "data \"%s\" is unique and users without a count of iterations draw from it: an agent that "
		        "joins the run later gets no rows for them",
		        notes->name);
	if ((plan->elastic || plan->on_agent_loss == ON_AGENT_LOSS_REDISTRIBUTE) && moved &&
	    feed_use_spares(plan, feed) == 0)
		reading_warn(reading, notes->place,
		             "data \"%s\" is unique and has no rows to spare: what moves to another agent under \"%s\" "
		             "fails for want of a row",
		             notes->name, plan->elastic ? "elastic" : "onAgentLoss: redistribute");
}

static void check_unique_feed(struct reading *reading, uint32_t index)
{
	const struct feed *feed = reading->plan->feeds[index];
	const struct feed_notes *notes = notes_of(reading, feed);
	char needed_text[32], rows_text[32];
	if (feed_pick(feed) != FEED_UNIQUE || feed_rows(feed) == 0 || !notes)
		return;
	uint64_t needed = rows_needed(reading, index);
	units_format_count(needed, needed_text, sizeof(needed_text));
	units_format_count(feed_rows(feed), rows_text, sizeof(rows_text));
	if (needed == UINT64_MAX)
		reading_warn(reading, notes->place,
		             "data \"%s\" is unique and has %s rows, and a scenario without a count of iterations uses "
		             "it: its iterations fail once the rows are used up",
		             notes->name, rows_text);
	else if (needed > feed_rows(feed))
		reading_error(reading, notes->place, "data \"%s\" is unique and has %s rows; the plan needs %s",
		              notes->name, rows_text, needed_text);
	if (needed == UINT64_MAX || needed <= feed_rows(feed))
		warn_of_moves(reading, notes, index);
}

/* Where the schedule of a scenario ends at the latest, from the run's start. */
static uint64_t end_of(const struct plan *plan, uint32_t index)
{
	uint64_t end_ns = 0;
	for (uint32_t at = index; at != PLAN_NONE; at = plan->scenarios[at].start_after) {
		const struct scenario *scenario = &plan->scenarios[at];
		const uint64_t own_ns = scenario->start_time_ns + scenario->duration_ns + scenario->max_duration_ns;
		end_ns = own_ns > UINT64_MAX - end_ns ? UINT64_MAX : end_ns + own_ns;
	}
	return end_ns;
}

static void check_warmup(struct reading *reading)
{
	const struct plan *plan = reading->plan;
	const struct node *node = node_get(reading->document->root, "warmup");
	char warmup[64], length[64];
	uint64_t end_ns = 0;
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		if (end_of(plan, i) > end_ns)
			end_ns = end_of(plan, i);
	if (!node || plan->warmup_ns < end_ns)
		return;
	reading_error(reading, node->place,
	              "\"warmup\" in the plan: %s leaves nothing of the %s that the scenarios last",
	              units_format_duration(plan->warmup_ns, warmup, sizeof(warmup)),
	              units_format_duration(end_ns, length, sizeof(length)));
}

void check_plan(struct reading *reading)
{
	for (uint32_t i = 0; i < reading->plan->scenario_count; i++)
		check_phases(reading, &reading->plan->scenarios[i]);
	settle_account(reading);
	_Bool ends_known = reading->plan->scenario_count > 0 && check_start_after(reading);
	for (uint32_t i = 0; i < reading->plan->feed_count; i++)
		check_unique_feed(reading, i);
	for (uint32_t i = 0; i < reading->plan->scenario_count; i++)
		ends_known = ends_known && reading->scenarios[i].sound;
	if (ends_known)
		check_warmup(reading);
}

void apply_overrides(struct reading *reading)
{
	const struct plan_overrides *overrides = reading->overrides;
	struct plan *plan = reading->plan;
	_Bool vus = 0, duration = 0;
	if (!overrides)
		return;
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		struct scenario *scenario = &plan->scenarios[i];
		const enum executor executor = scenario->executor;
		const _Bool counted = executor_is_counted(executor);
		if (overrides->vus > 0 && (counted || executor == EXECUTOR_CONSTANT_VUS)) {
			scenario->vus = overrides->vus;
			vus = 1;
		}
		if (overrides->duration_ns > 0 &&
		    (executor == EXECUTOR_CONSTANT_VUS || executor == EXECUTOR_CONSTANT_ARRIVAL_RATE)) {
			scenario->duration_ns = overrides->duration_ns;
			duration = 1;
		}
	}
	if (overrides->vus > LIMIT_VUS)
		reading_error(reading, (struct place){0}, "-u %u is more than %d", overrides->vus, LIMIT_VUS);
	else if (overrides->vus > 0 && !vus)
		reading_warn(reading, (struct place){0}, "-u changes nothing: no scenario has a key \"vus\"");
	if (overrides->duration_ns > 0 && !duration)
		reading_warn(reading, (struct place){0}, "-d changes nothing: no scenario has a key \"duration\"");
}
