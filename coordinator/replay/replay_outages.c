/* SPDX-License-Identifier: Apache-2.0 */
/* Outages. */
#include "coordinator/replay/replay_outages.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/plan/schedule.h"
#include "coordinator/run/outcomes.h"

enum {
	OUTAGE_MIN_S = 2,
	OUTAGES_NOTED = 3,        /* of a scenario: the longest */
	BUSY_SUCCESSES_PER_S = 5, /* a silence of two seconds is then hardly chance */
	LINES_MAX = 32,           /* of a scenario: one a kind of step */
	COUNT_TEXT = 32,
};

DEFINE_CLEANUP(struct schedule *, schedule_free)

struct outage {
	uint32_t first_s, past_s;
};

/* Of one scenario. */
struct view {
	const struct scenario *scenario;
	const struct schedule *schedule;
	const struct scenario_span *span;
	const struct report_line *lines[LINES_MAX];
	uint32_t line_count;
	struct outage outages[OUTAGES_NOTED]; /* the longest first */
	uint32_t outage_count;
};

static void see_lines(struct view *view, const struct report *report)
{
	for (uint32_t i = 0; i < report->line_count && view->line_count < LINES_MAX; i++)
		if (outcomes_counts_operations(report->lines[i].metric) &&
		    strcmp(report->lines[i].scenario, view->scenario->name) == 0)
			view->lines[view->line_count++] = &report->lines[i];
}

static double successes(const struct view *view, uint32_t second)
{
	double sum = 0;

	for (uint32_t i = 0; i < view->line_count; i++)
		sum += view->lines[i]->total[second] - view->lines[i]->count[second];
	return sum;
}

/* By the seconds in which anything succeeded. */
static _Bool is_busy(const struct view *view, uint32_t seconds)
{
	double sum = 0;
	uint32_t some = 0;

	for (uint32_t i = 0; i < seconds; i++) {
		double now = successes(view, i);

		sum += now;
		some += now > 0;
	}
	return some > 0 && sum >= (double)some * BUSY_SUCCESSES_PER_S;
}

/* Arrivals before a second of the run. */
static uint64_t due_before(const struct view *view, uint32_t second)
{
	uint64_t at_ns = second * NS_PER_S;

	if (at_ns > view->span->end_ns)
		at_ns = view->span->end_ns;
	return at_ns > view->span->start_ns ? schedule_arrivals(view->schedule, at_ns - view->span->start_ns) : 0;
}

/* Of Poisson's arrivals, which are dear to count, by their rate. */
static _Bool is_due(const struct view *view, uint32_t second)
{
	uint64_t at_ns = second * NS_PER_S;

	if (view->scenario->arrivals != ARRIVALS_POISSON)
		return due_before(view, second + 1) > due_before(view, second);
	return at_ns >= view->span->start_ns && at_ns < view->span->end_ns &&
	       schedule_rate_per_s(view->schedule, at_ns - view->span->start_ns) >= 1;
}

static uint32_t length(struct outage outage)
{
	return outage.past_s - outage.first_s;
}

static void keep(struct view *view, struct outage outage)
{
	uint32_t at = view->outage_count;

	if (length(outage) < OUTAGE_MIN_S)
		return;
	while (at > 0 && length(view->outages[at - 1]) < length(outage))
		at--;
	if (at == OUTAGES_NOTED)
		return;
	if (view->outage_count < OUTAGES_NOTED)
		view->outage_count++;
	memmove(&view->outages[at + 1], &view->outages[at], (view->outage_count - 1 - at) * sizeof(outage));
	view->outages[at] = outage;
}

/* Those that begin after a success: before the first one a target was not there, which its errors say. */
static void find_outages(struct view *view, const struct report *report)
{
	uint32_t second = 0;

	while (second < report->second_count && successes(view, second) <= 0)
		second++;
	while (second < report->second_count) {
		uint32_t first = second;

		while (second < report->second_count && !report->degraded[second] && successes(view, second) <= 0 &&
		       is_due(view, second))
			second++;
		keep(view, (struct outage){first, second});
		if (second == first)
			second++;
	}
}

static int note(const struct view *view, struct outage outage, struct report *report)
{
	uint64_t due = due_before(view, outage.past_s) - due_before(view, outage.first_s);
	char count[COUNT_TEXT];
	const char *text = report_format_text(report,
	                                      "nothing of %s succeeded in seconds %" PRIu32 "-%" PRIu32 ", for %" PRIu32
	                                      " s; %s iterations were due",
	                                      view->scenario->name, outage.first_s, outage.past_s - 1, length(outage),
	                                      units_format_count(due, count, sizeof(count)));

	return text ? report_add_text(report, &report->notes, "outages", text) : -ENOMEM;
}

static int note_scenario(const struct scenario *scenario, const struct scenario_span *span, struct report *report)
{
	struct schedule *schedule cleanup(schedule_freep) = NULL;
	struct view view = {.scenario = scenario, .span = span};
	int r = schedule_new(scenario, &schedule);

	if (r < 0)
		return r;
	view.schedule = schedule;
	see_lines(&view, report);
	if (is_busy(&view, report->second_count))
		find_outages(&view, report);
	for (uint32_t i = 0; r == 0 && i < view.outage_count; i++)
		r = note(&view, view.outages[i], report);
	return r;
}

int replay_note_outages(const struct facts *facts, const struct span *span, struct report *report)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < facts->plan->scenario_count; i++)
		if (span->scenarios[i].ran && executor_is_open(facts->plan->scenarios[i].executor))
			r = note_scenario(&facts->plan->scenarios[i], &span->scenarios[i], report);
	return r;
}
