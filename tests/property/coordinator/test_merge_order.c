/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever was measured, however many agents measured it, and in whichever order and pieces their snapshots were merged
 * and journaled: the report says the same, to the last digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/stats/error_class.h"
#include "fleet.h"

enum { CASES = 120, SECONDS = 8, AGENTS_MAX = 9, EVENTS_MAX = 400, GROUPS = 5 };

static const char plan_text[] =
        "name: order\n"
        "warmup: 2s\n"
        "scenarios:\n"
        "  users: { executor: constant-vus, vus: 50, duration: 8s, steps: [ { null: { name: work, latency: "
        "1ms, group: \"{{vu}}\" } }, { null: { name: rest, latency: 1ms } } ] }\n"
        "  others: { executor: constant-vus, vus: 50, duration: 8s, steps: [ { null: { name: work, "
        "latency: 1ms } } ] }\n"
        "thresholds:\n"
        "  null_operation_failed: [ 'rate<0.1', { threshold: 'rate<0.2', window: 3s } ]\n"
        "  'null_operation_response_time{scenario:users,step:work}': [ 'p(95)<20', { threshold: "
        "'p(50)<5', window: 2s } ]\n"
        "  'null_operation_duration{group:g1}': [ 'max<50' ]\n"
        "  vus: [ 'max<80', 'value>10' ]\n"
        "  availability: [ 'rate>0.5' ]\n"
        "  iterations: [ 'rate>10' ]\n";

/* Something that was measured in a second. */
struct event {
	unsigned second;
	enum { EVENT_OPERATION, EVENT_ITERATION, EVENT_DROP, EVENT_ERROR } type;
	unsigned scenario, step, group;
	_Bool failed;
	uint64_t us;
};

/* All that a run measured, apart from who did. */
struct story {
	struct event events[EVENTS_MAX];
	unsigned count;
	uint64_t vus[SECONDS];
};

static const char *const scenarios[] = {"users", "others"};
static const char *const steps[] = {"work", "rest"};
static const char *const groups[GROUPS] = {"g0", "g1", "g2", "\xe7\xbe\xa4", ""};

static struct event make_event(struct random *random)
{
	struct event event = {.second = (unsigned)random_below(random, SECONDS),
	                      .type = (int)random_below(random, 10),
	                      .scenario = (unsigned)random_below(random, 2),
	                      .group = (unsigned)random_below(random, GROUPS),
	                      .failed = random_below(random, 8) == 0};
	/* Mostly small, a few beyond an hour. */
	unsigned bits = (unsigned)random_below(random, random_below(random, 50) ? 20 : 33);

	event.us = random_below(random, (UINT64_C(2) << bits));
	event.step = event.scenario == 0 ? (unsigned)random_below(random, 2) : 0;
	if ((int)event.type > EVENT_ERROR)
		event.type = EVENT_OPERATION;
	return event;
}

static void make_story(struct random *random, struct story *story)
{
	story->count = (unsigned)random_below(random, EVENTS_MAX);
	for (unsigned i = 0; i < story->count; i++)
		story->events[i] = make_event(random);
	for (unsigned i = 0; i < SECONDS; i++)
		story->vus[i] = random_below(random, 100);
}

static void tell(struct fleet *fleet, uint32_t agent, const struct event *event)
{
	_Bool warmup = event->second < 2;
	char label[ERROR_LABEL_SIZE];
	struct series error = {METRIC_ERRORS,        warmup, scenarios[event->scenario], steps[event->step],
	                       groups[event->group], label};

	switch (event->type) {
	case EVENT_ITERATION:
		fleet_iterate(fleet, agent, scenarios[event->scenario], warmup, event->failed);
		break;
	case EVENT_DROP:
		fleet_drop(fleet, agent, scenarios[event->scenario], (enum drop_reason)(event->us % DROP_REASON_COUNT));
		break;
	case EVENT_ERROR:
		error_label_format(ERROR_TIMEOUT, "", event->failed ? "late" : "later", label);
		fleet_value(fleet, agent, &error, 1);
		break;
	case EVENT_OPERATION:
		fleet_operate(fleet, agent,
		              &(struct fleet_operation){.scenario = scenarios[event->scenario],
		                                        .step = steps[event->step],
		                                        .group = groups[event->group],
		                                        .warmup = warmup,
		                                        .failed = event->failed,
		                                        .duration_us = event->us,
		                                        .response_us = event->us + 7});
		break;
	}
}

/* One second of the story, each event with an agent of chance. */
static void tell_second(struct fleet *fleet, uint32_t agents, const struct story *story, unsigned second,
                        struct random *random)
{
	static const struct series vus = {METRIC_VUS, 0, "users", "", "", ""};
	uint64_t left = story->vus[second];

	for (unsigned i = 0; i < story->count; i++)
		if (story->events[i].second == second)
			tell(fleet, (uint32_t)random_below(random, agents), &story->events[i]);
	for (uint32_t agent = 0; agent < agents; agent++) {
		uint64_t share = agent + 1 < agents ? random_below(random, left + 1) : left;

		fleet_value(fleet, agent, &vus, share);
		left -= share;
		fleet_tick(fleet, agent);
	}
}

static struct report *play(const struct story *story, uint32_t agents, struct random *random)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = plan_text, .agents = agents});
	struct report *report;
	uint32_t waiting = agents;

	for (unsigned second = 0; second < SECONDS; second++)
		tell_second(fleet, agents, story, second, random);
	/* Agents' snapshots in any order (an agent's own in theirs), flushed in any pieces. */
	for (uint32_t left = agents * SECONDS; left > 0;) {
		left -= fleet_deliver(fleet, (uint32_t)random_below(random, waiting));
		if (random_below(random, 5) == 0)
			fleet_flush(fleet);
	}
	report = fleet_finish(fleet, SECONDS * NS_PER_S);
	fleet_close(fleet);
	return report;
}

/* ---- comparing ---- */

static void check_cells(const struct report_row *a, const struct report_row *b)
{
	struct buffer bytes_a = {0}, bytes_b = {0};

	cell_encode(&a->cell, &bytes_a);
	cell_encode(&b->cell, &bytes_b);
	assert_int_equal(bytes_a.size, bytes_b.size);
	assert_memory_equal(bytes_a.data, bytes_b.data, bytes_a.size);
	buffer_deinit(&bytes_a);
	buffer_deinit(&bytes_b);
}

static void check_rows(const struct report *a, const struct report *b)
{
	assert_int_equal(a->row_count, b->row_count);
	for (uint32_t i = 0; i < a->row_count; i++) {
		const struct report_row *x = &a->rows[i], *y = &b->rows[i];

		assert_int_equal(x->metric, y->metric);
		assert_string_equal(x->scenario, y->scenario);
		assert_string_equal(x->step, y->step);
		assert_string_equal(x->group, y->group);
		assert_string_equal(x->label, y->label);
		assert_int_equal(x->warmup_count, y->warmup_count);
		assert_int_equal(x->peak_second, y->peak_second);
		assert_true(x->peak_per_s == y->peak_per_s && x->rate_per_s == y->rate_per_s && x->load == y->load);
		check_cells(x, y);
	}
}

static void check_lines(const struct report *a, const struct report *b)
{
	assert_int_equal(a->line_count, b->line_count);
	assert_int_equal(a->second_count, SECONDS);
	assert_int_equal(b->second_count, SECONDS);
	for (uint32_t i = 0; i < a->line_count; i++) {
		const struct report_line *x = &a->lines[i], *y = &b->lines[i];

		assert_int_equal(x->metric, y->metric);
		assert_string_equal(x->scenario, y->scenario);
		assert_memory_equal(x->count, y->count, SECONDS * sizeof(*x->count));
		if (x->total)
			assert_memory_equal(x->total, y->total, SECONDS * sizeof(*x->total));
		if (!x->p50)
			continue;
		assert_memory_equal(x->p50, y->p50, SECONDS * sizeof(*x->p50));
		assert_memory_equal(x->p95, y->p95, SECONDS * sizeof(*x->p95));
		assert_memory_equal(x->p99, y->p99, SECONDS * sizeof(*x->p99));
		assert_memory_equal(x->max, y->max, SECONDS * sizeof(*x->max));
	}
}

static void check_errors(const struct report *a, const struct report *b)
{
	assert_int_equal(a->error_count, b->error_count);
	for (uint32_t i = 0; i < a->error_count; i++) {
		const struct report_error *x = &a->errors[i], *y = &b->errors[i];

		assert_string_equal(x->scenario, y->scenario);
		assert_string_equal(x->step, y->step);
		assert_string_equal(x->group, y->group);
		assert_string_equal(x->text, y->text);
		assert_int_equal(x->count, y->count);
		assert_int_equal(x->first_s, y->first_s);
		assert_int_equal(x->last_s, y->last_s);
	}
}

static void check_thresholds(const struct report *a, const struct report *b)
{
	assert_int_equal(a->threshold_count, 9);
	assert_int_equal(a->threshold_count, b->threshold_count);
	for (uint32_t i = 0; i < a->threshold_count; i++) {
		const struct report_threshold *x = &a->thresholds[i], *y = &b->thresholds[i];

		assert_memory_equal(&x->observed, &y->observed, sizeof(x->observed));
		assert_int_equal(x->pass, y->pass);
		assert_int_equal(x->no_data, y->no_data);
		assert_int_equal(x->few_samples, y->few_samples);
	}
}

static void check_equal(const struct report *a, const struct report *b)
{
	check_rows(a, b);
	check_lines(a, b);
	check_errors(a, b);
	check_thresholds(a, b);
	assert_memory_equal(&a->tally, &b->tally, sizeof(a->tally));
	assert_true(b->sum_equals_total);
	assert_true(b->complete);
	assert_int_equal(a->exit_code, b->exit_code);
}

static void test_any_split_and_order_of_snapshots_gives_the_same_report(void **state)
{
	struct random random;
	struct story *story = malloc(sizeof(*story));

	(void)state;
	random_seed(&random, 20260314);
	for (unsigned i = 0; i < CASES; i++) {
		struct report *one, *many;

		make_story(&random, story);
		one = play(story, 1, &random);
		many = play(story, 2 + (uint32_t)random_below(&random, AGENTS_MAX - 1), &random);
		check_equal(one, many);
		report_free(one);
		report_free(many);
	}
	free(story);
}

/* What a story holds, counted by hand: so that the two reports above aren't wrong alike. */
static void test_reports_hold_what_was_measured(void **state)
{
	struct random random;
	struct story *story = malloc(sizeof(*story));

	(void)state;
	random_seed(&random, 7);
	for (unsigned i = 0; i < CASES / 4; i++) {
		uint64_t operations = 0, failures = 0, longest_us = 0, in_g1 = 0;
		const struct report_row *row;
		struct report *report;

		make_story(&random, story);
		for (unsigned k = 0; k < story->count; k++) {
			const struct event *event = &story->events[k];

			if (event->type != EVENT_OPERATION || event->second < 2)
				continue;
			operations++;
			failures += event->failed;
			if (!event->failed && event->us > longest_us)
				longest_us = event->us;
			in_g1 += event->group == 1 && event->scenario == 0 && event->step == 0;
		}
		report = play(story, 4, &random);
		row = fleet_row(report, METRIC_NULL_OPERATION_FAILED, "", "", "", "");
		assert_int_equal(row->cell.rate.total, operations);
		assert_int_equal(row->cell.rate.hits, failures);
		row = fleet_row(report, METRIC_NULL_OPERATION_DURATION, "", "", "", "");
		assert_int_equal(histogram_count(row->cell.latency.histogram), operations - failures);
		assert_int_equal(histogram_max_us(row->cell.latency.histogram), longest_us);
		row = report_find(report, METRIC_NULL_OPERATIONS, "users", "work", "g1", "");
		assert_int_equal(row ? row->cell.counter : 0, in_g1);
		report_free(report);
	}
	free(story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_split_and_order_of_snapshots_gives_the_same_report),
	        cmocka_unit_test(test_reports_hold_what_was_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
