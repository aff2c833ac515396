/* SPDX-License-Identifier: Apache-2.0 */
/* Outages. */
#include "coordinator/replay/replay_outages.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "coordinator/run/outcomes.h"

enum {
	OUTAGE_MIN_S = 2,
	OUTAGES_NOTED = 3,       /* of a scenario: the longest */
	LINES_MAX = 32,          /* of a scenario: two, and one a kind of step */
	BUSY_SUCCESSES_PER_S = 5 /* a silence of two seconds is then hardly chance */
};

struct outage {
	uint32_t first_s, last_s;
};

/* Of one scenario. */
struct view {
	const struct report_line *lines[LINES_MAX];
	uint32_t line_count;
	struct outage outages[OUTAGES_NOTED]; /* the longest first */
	uint32_t outage_count;
};

static void see_lines(struct view *view, const struct report *report, const char *scenario)
{
	for (uint32_t i = 0; i < report->line_count && view->line_count < LINES_MAX; i++) {
		const struct report_line *line = &report->lines[i];

		if (strcmp(line->scenario, scenario) == 0 &&
		    (outcomes_counts_operations(line->metric) || line->metric == METRIC_ITERATIONS ||
		     line->metric == METRIC_DROPPED_ITERATIONS))
			view->lines[view->line_count++] = line;
	}
}

static double successes(const struct view *view, uint32_t second)
{
	double sum = 0;

	for (uint32_t i = 0; i < view->line_count; i++)
		if (view->lines[i]->total)
			sum += view->lines[i]->total[second] - view->lines[i]->count[second];
	return sum;
}

static _Bool went_on(const struct view *view, uint32_t second)
{
	for (uint32_t i = 0; i < view->line_count; i++)
		if (view->lines[i]->count[second] > 0)
			return 1;
	return 0;
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

static uint32_t length(struct outage outage)
{
	return outage.last_s - outage.first_s + 1;
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
static void find_outages(struct view *view, uint32_t seconds)
{
	uint32_t second = 0;

	while (second < seconds && successes(view, second) <= 0)
		second++;
	while (second < seconds) {
		uint32_t first = second;

		while (second < seconds && successes(view, second) <= 0 && went_on(view, second))
			second++;
		if (second > first)
			keep(view, (struct outage){first, second - 1});
		else
			second++;
	}
}

static int note(struct report *report, const char *scenario, struct outage outage)
{
	const char *text = report_format_text(report,
	                                      "nothing of %s succeeded in seconds %" PRIu32 "-%" PRIu32 ", for %" PRIu32
	                                      " s, while it went on",
	                                      scenario, outage.first_s, outage.last_s, length(outage));

	return text ? report_add_text(report, &report->notes, "outages", text) : -ENOMEM;
}

int replay_note_outages(const struct plan *plan, struct report *report)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < plan->scenario_count; i++) {
		struct view view = {0};

		if (!executor_is_open(plan->scenarios[i].executor))
			continue;
		see_lines(&view, report, plan->scenarios[i].name);
		if (is_busy(&view, report->second_count))
			find_outages(&view, report->second_count);
		for (uint32_t k = 0; r == 0 && k < view.outage_count; k++)
			r = note(report, plan->scenarios[i].name, view.outages[k]);
	}
	return r;
}
