/* SPDX-License-Identifier: Apache-2.0 */
/* replay_outages.h: how long nothing succeeded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "fleet.h"

#define PLAN(executor)                                                                                                 \
	"name: outages\n"                                                                                              \
	"scenarios:\n"                                                                                                 \
	"  ticks: { executor: " executor ", duration: 12s, steps: [ { \"null\": { name: step } } ] }\n"

#define OPEN PLAN("constant-arrival-rate, rate: 10")
#define CLOSED PLAN("constant-vus, vus: 10")
#define BURSTS PLAN("constant-arrival-rate, burst: { size: 10, every: 4s }")
#define PATTERN                                                                                                        \
	PLAN("constant-arrival-rate, pattern: [ { duration: 2s, rate: 10 }, { duration: 3s, rate: 0 }, { duration: "   \
	     "7s, rate: 10 } ]")
#define POISSON PLAN("constant-arrival-rate, rate: 10, arrivals: poisson")

enum { SECONDS = 12, RATE = 10 };

/* What each second has, a letter each: `s` successes, `f` failures, `l` little that succeeds, `-` nothing. */
static void run(struct fleet *fleet, const char *seconds)
{
	for (; *seconds; seconds++) {
		for (unsigned i = 0; i < RATE && *seconds != '-'; i++) {
			struct fleet_operation operation = {
			        .scenario = "ticks", .step = "step", .failed = *seconds == 'f', .duration_us = 1};

			if (*seconds == 'l' && i > 0)
				break;
			fleet_iterate(fleet, 0, "ticks", 0, 0);
			fleet_operate(fleet, 0, &operation);
		}
		fleet_second(fleet);
	}
}

/* The notes of a run with these seconds, joined by newlines, are `wanted`. */
static void check(const char *plan, const char *seconds, const char *wanted)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = plan, .agents = 1});
	struct report *report;
	struct buffer found = {0};

	assert_int_equal(strlen(seconds), SECONDS);
	run(fleet, seconds);
	report = fleet_finish(fleet, SECONDS * NS_PER_S);
	for (size_t i = 0; i < report->notes.count; i++)
		if (strcmp(report->notes.items[i].name, "outages") == 0)
			buffer_append_format(&found, "%s\n", report->notes.items[i].value);
	assert_string_equal(found.size ? buffer_text(&found) : "", wanted);
	buffer_deinit(&found);
	report_free(report);
	fleet_close(fleet);
}

static void test_outages_are_noted_with_how_long_they_took(void **state)
{
	(void)state;
	check(OPEN, "sss---ssssss", "nothing of ticks succeeded in seconds 3-5, for 3 s; 30 iterations were due\n");
	check(OPEN, "sss-f-ssssss", "nothing of ticks succeeded in seconds 3-5, for 3 s; 30 iterations were due\n");
	check(OPEN, "ssssssssssff", "nothing of ticks succeeded in seconds 10-11, for 2 s; 20 iterations were due\n");
}

static void test_outages_that_took_longest_are_noted(void **state)
{
	(void)state;
	check(OPEN, "s--s---s--s-",
	      "nothing of ticks succeeded in seconds 4-6, for 3 s; 30 iterations were due\n"
	      "nothing of ticks succeeded in seconds 1-2, for 2 s; 20 iterations were due\n"
	      "nothing of ticks succeeded in seconds 8-9, for 2 s; 20 iterations were due\n");
}

static void test_outages_are_no_silences_of_the_plan_or_of_chance(void **state)
{
	(void)state;
	check(OPEN, "ssss-ssss-ss", "");    /* too short */
	check(OPEN, "fffsssssssss", "");    /* a target that was not there from the start */
	check(OPEN, "lll---llllll", "");    /* so little that seconds without any are no wonder */
	check(BURSTS, "s---s---s---", "");  /* nothing was due */
	check(PATTERN, "ss---sssssss", ""); /* likewise */
	check(CLOSED, "sss---ssssss", "");
}

static void test_outages_of_poisson_arrivals_are_noted(void **state)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = POISSON, .agents = 1});
	struct report *report;
	const char *text = NULL;

	(void)state;
	run(fleet, "sss---ssssss");
	report = fleet_finish(fleet, SECONDS * NS_PER_S);
	for (size_t i = 0; i < report->notes.count; i++)
		if (strcmp(report->notes.items[i].name, "outages") == 0)
			text = report->notes.items[i].value;
	assert_non_null(text);
	assert_memory_equal(text, "nothing of ticks succeeded in seconds 3-5, for 3 s; ", 52);
	report_free(report);
	fleet_close(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_outages_are_noted_with_how_long_they_took),
	        cmocka_unit_test(test_outages_that_took_longest_are_noted),
	        cmocka_unit_test(test_outages_of_poisson_arrivals_are_noted),
	        cmocka_unit_test(test_outages_are_no_silences_of_the_plan_or_of_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
