/* SPDX-License-Identifier: Apache-2.0 */
/* What `stampede check` says besides shares. */
#include "coordinator/check_lines.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/plan/feed_use.h"
#include "coordinator/footprint.h"

enum { COLUMNS = 80, WORD_SIZE = 2 * 1024 };

/* A line of words that goes on in the next one, further in, where it would be too long. */
struct line {
	size_t columns;
	int indent;
};

static struct line line_begin(int indent, const char *text)
{
	printf("%*s%s", indent, "", text);
	return (struct line){.columns = (size_t)indent + text_width(text), .indent = indent + 4};
}

static void line_put(struct line *line, const char *word)
{
	size_t width = text_width(word);

	if (line->columns + 1 + width > COLUMNS) {
		printf("\n%*s%s", line->indent, "", word);
		line->columns = (size_t)line->indent + width;
	} else {
		printf(" %s", word);
		line->columns += 1 + width;
	}
}

static void line_put_tag(struct line *line, const struct pair *tag, const char *behind)
{
	char word[WORD_SIZE];

	snprintf(word, sizeof(word), "%s=%s%s", tag->name, tag->value, behind);
	line_put(line, word);
}

void check_print_placement(const struct scenario *scenario)
{
	struct line line;
	char count[40];

	if (scenario->run_on.count == 0 && scenario->min_agents <= 1)
		return;
	line = line_begin(4, "on");
	if (scenario->min_agents > 1) {
		line_put(&line, "at least");
		line_put(&line, units_format_count(scenario->min_agents, count, sizeof(count)));
	}
	line_put(&line, "agents");
	for (uint32_t i = 0; i < scenario->run_on.count; i++) {
		if (i == 0)
			line_put(&line, "with");
		line_put_tag(&line, &scenario->run_on.items[i], i + 1 < scenario->run_on.count ? "," : "");
	}
	printf("\n");
}

void check_print_agent_loss(const struct plan *plan)
{
	static const char *const texts[] = {
	        [ON_AGENT_LOSS_CONTINUE] = "its share is not run any more",
	        [ON_AGENT_LOSS_FAIL] = "the run ends",
	        [ON_AGENT_LOSS_REDISTRIBUTE] = "the others take its share over",
	};

	printf("When an agent is lost, %s.\n", texts[plan->on_agent_loss]);
	if (plan->elastic)
		printf("Agents may join and leave while it runs.\n");
}

static void print_values(const struct template_pairs *values, struct line *line)
{
	char word[WORD_SIZE];

	for (uint32_t i = 0; i < values->count; i++) {
		if (i == 0)
			line_put(line, "sets");
		snprintf(word, sizeof(word), "%s%s", values->items[i].name, i + 1 < values->count ? "," : "");
		line_put(line, word);
	}
}

/* The name of one that is implied says what it does. */
static void print_implied(const struct duty *duty)
{
	char every[32];

	printf("  %s", duty->name);
	if (duty->kind == DUTY_READER)
		printf(", every %s", units_format_duration(duty->every_ns, every, sizeof(every)));
	if (duty->kind == DUTY_VERIFIER)
		printf(", %s", duty->verify.during ? "beside the load" : "after all load");
	printf("\n");
}

static void print_duty(const struct plan *plan, const struct duty *duty)
{
	_Bool sets = duty->task == DUTY_TASK_NULL && duty->null.values.count > 0;
	_Bool has_target = duty->target != PLAN_NONE;
	char word[WORD_SIZE];
	struct line line;

	snprintf(word, sizeof(word), "%s: %s%s%s%s", duty->name, duty_task_names[duty->task], has_target ? " -> " : "",
	         has_target ? plan->targets[duty->target].name : "", sets || duty->kind == DUTY_READER ? "," : "");
	line = line_begin(2, word);
	if (duty->kind == DUTY_READER) {
		line_put(&line, "every");
		line_put(&line, units_format_duration(duty->every_ns, word, sizeof(word)));
	}
	if (sets)
		print_values(&duty->null.values, &line);
	printf("\n");
}

void check_print_duties(const struct plan *plan)
{
	static const char *const titles[DUTY_KIND_COUNT] = {
	        [DUTY_SETUP] = "Setup, by one agent",
	        [DUTY_TEARDOWN] = "Teardown, by one agent",
	        [DUTY_READER] = "Readers, each on one agent",
	        [DUTY_VERIFIER] = "Verifiers, each on one agent",
	};

	for (int kind = 0; kind < DUTY_KIND_COUNT; kind++) {
		_Bool begun = 0;

		for (uint32_t i = 0; i < plan->duty_count; i++) {
			if ((int)plan->duties[i].kind != kind)
				continue;
			if (!begun)
				printf("%s:\n", titles[kind]);
			begun = 1;
			if (plan->duties[i].implied)
				print_implied(&plan->duties[i]);
			else
				print_duty(plan, &plan->duties[i]);
		}
	}
}

/* The most that any one of the agents takes. */
static int worst_loss(const struct plan *plan, const struct division *division, uint32_t feed,
                      struct footprint_rows *ret_rows)
{
	struct footprint_rows worst = {0};

	for (uint32_t i = 0; i < division->agent_count; i++) {
		struct footprint_rows rows;
		int r = footprint_rows(plan, division_of(division, i), feed, &rows);

		if (r < 0)
			return r;
		worst.retired = rows.retired > worst.retired ? rows.retired : worst.retired;
		worst.spares = rows.spares > worst.spares ? rows.spares : worst.spares;
	}
	*ret_rows = worst;
	return 0;
}

static void print_loss(uint32_t agents, const struct footprint_rows *loss, uint64_t spares)
{
	char text[40];

	printf("  the loss of one of %u agents retires up to %s rows\n", agents,
	       units_format_count(loss->retired, text, sizeof(text)));
	if (loss->spares == 0)
		return;
	printf("    and takes up to %s spare ones", units_format_count(loss->spares, text, sizeof(text)));
	if (loss->spares > spares)
		printf(": %s too few", units_format_count(loss->spares - spares, text, sizeof(text)));
	printf("\n");
}

static int print_unique(const struct plan *plan, const struct division *division, uint32_t feed)
{
	uint64_t draws = feed_use_draws(plan, feed), spares = feed_use_spares(plan, feed);
	struct footprint_rows loss;
	char drawn[40], spare[40];
	int r;

	if (draws == UINT64_MAX) {
		printf("  users without a count of iterations draw from it: no row is spare\n");
		return 0;
	}
	printf("  %s drawn, %s spare\n", units_format_count(draws, drawn, sizeof(drawn)),
	       units_format_count(spares, spare, sizeof(spare)));
	if (division->agent_count < 2 || draws == 0)
		return 0;
	r = worst_loss(plan, division, feed, &loss);
	if (r == 0)
		print_loss(division->agent_count, &loss, spares);
	return r;
}

int check_print_feeds(const struct plan *plan, const struct division *division)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < plan->feed_count; i++) {
		const struct feed *feed = plan->feeds[i];
		char rows[40];

		printf("Data %s: %s rows of %s, picked %s\n", feed_name(feed),
		       units_format_count(feed_rows(feed), rows, sizeof(rows)), feed_csv(feed),
		       feed_pick_names[feed_pick(feed)]);
		if (feed_pick(feed) == FEED_UNIQUE)
			r = print_unique(plan, division, i);
	}
	return r;
}

void check_print_thresholds(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->threshold_count; i++) {
		const struct threshold *threshold = &plan->thresholds[i];
		char window[40];

		printf("Threshold %s: %s%s%s%s\n", threshold->source, threshold->text,
		       threshold->window_ns ? " over " : "",
		       threshold->window_ns ? units_format_duration(threshold->window_ns, window, sizeof(window)) : "",
		       threshold->abort_on_fail ? ", ends the run" : "");
	}
}
