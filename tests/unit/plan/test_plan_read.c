/* SPDX-License-Identifier: Apache-2.0 */
/* plan_read(): files, the command line's and the environment's values, data, and warnings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/plan/plan.h"

/* A folder of its own for each test, with what reading a plan in it gave. */
struct fixture {
	char folder[64];
	struct failures failures, warnings;
	struct plan *plan;
};

static int make_folder(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/test_plan_read_XXXXXX");
	*state = fixture;
	return mkdtemp(fixture->folder) ? 0 : -1;
}

static char *path_of(const struct fixture *fixture, const char *name)
{
	char *path = file_join(fixture->folder, name);
	assert_non_null(path);
	return path;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"plan.yaml", "rows.csv", "more.csv"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = path_of(fixture, names[i]);
		unlink(path);
		free(path);
	}
	plan_free(fixture->plan);
	failures_deinit(&fixture->failures);
	failures_deinit(&fixture->warnings);
	int r = rmdir(fixture->folder);
	free(fixture);
	return r;
}

static void put(const struct fixture *fixture, const char *name, const char *text)
{
	char *path = path_of(fixture, name);
	assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
	free(path);
}

static int read_plan(struct fixture *fixture, const char *text, const struct plan_overrides *overrides)
{
	put(fixture, "plan.yaml", text);
	char *path = path_of(fixture, "plan.yaml");
	int r = plan_read(path, overrides, &fixture->failures, &fixture->warnings, &fixture->plan);
	free(path);
	return r;
}

/* The list's only entry, as "line:column: text". */
static void assert_only(const struct failures *failures, const char *expected)
{
	char text[FAILURE_TEXT_MAX + 64];
	for (size_t i = 1; i < failures->count; i++)
		print_error("%d:%d: %s\n", failures->items[i].line, failures->items[i].column, failures->items[i].text);
	assert_int_equal(failures->count, 1);
	snprintf(text, sizeof(text), "%d:%d: %s", failures->items[0].line, failures->items[0].column,
	         failures->items[0].text);
	assert_string_equal(text, expected);
}

#define SCENARIOS(keys, step) "scenarios: { s: { " keys ", steps: [ " step " ] } }\n"

static void test_plan_read_errors_name_the_file_as_given(void **state)
{
	struct fixture *fixture = *state;
	char text[FAILURE_TEXT_MAX + 64], expected[256];
	assert_int_equal(
	        read_plan(fixture, "nam: a\n" SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"), NULL),
	        -EINVAL);
	failure_format(&fixture->failures.items[0], text, sizeof(text));
	snprintf(expected, sizeof(expected),
	         "%s/plan.yaml:1:1: unknown key \"nam\" in the plan (did you mean \"name\"?)", fixture->folder);
	assert_string_equal(text, expected);
}

static void test_plan_read_says_that_a_file_is_absent(void **state)
{
	struct fixture *fixture = *state;
	char *path = path_of(fixture, "plan.yaml");
	assert_int_equal(plan_read(path, NULL, &fixture->failures, NULL, &fixture->plan), -ENOENT);
	assert_int_equal(fixture->failures.count, 1);
	assert_non_null(strstr(fixture->failures.items[0].text, "No such file"));
	free(path);
}

static void test_plan_read_refuses_a_file_over_the_limit(void **state)
{
	struct fixture *fixture = *state;
	char *text = malloc(LIMIT_PLAN_BYTES + 2);
	memset(text, '#', LIMIT_PLAN_BYTES + 1);
	text[LIMIT_PLAN_BYTES + 1] = '\0';
	assert_int_equal(read_plan(fixture, text, NULL), -EFBIG);
	assert_int_equal(fixture->failures.count, 1);
	free(text);
}

static void test_plan_read_takes_its_name_from_the_file(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_plan(fixture, SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"), NULL), 0);
	assert_string_equal(fixture->plan->name, "plan");
	assert_int_equal(fixture->warnings.count, 0);
}

static void test_plan_read_variables_come_from_flags_then_environment_then_plan(void **state)
{
	struct fixture *fixture = *state;
	struct pair items[] = {{.name = (char *)"a", .value = (char *)"flag ${b}"},
	                       {.name = (char *)"x", .value = (char *)"new"}};
	const struct pairs given = {.items = items, .count = 2};
	const struct plan_overrides overrides = {.variables = &given};
	setenv("STAMPEDE_VAR_A", "environment", 1);
	setenv("STAMPEDE_VAR_B_C", "environment", 1);
	setenv("STAMPEDE_VAR_ONLY", "environment", 1);
	assert_int_equal(read_plan(fixture,
	                           "variables: { a: plan, b-c: plan, d: \"plan ${b-c}\" }\n"
	                           "name: ${a}|${b-c}|${d}|${x}|${only}\n" SCENARIOS(
	                                   "executor: constant-vus, duration: 1s", "null: { group: '{{x}}{{d}}' }"),
	                           &overrides),
	                 0);
	assert_string_equal(fixture->plan->name, "flag ${b}|environment|plan environment|new|environment");
	unsetenv("STAMPEDE_VAR_A");
	unsetenv("STAMPEDE_VAR_B_C");
	unsetenv("STAMPEDE_VAR_ONLY");
}

static void test_plan_read_keeps_variables_as_they_were_resolved(void **state)
{
	struct fixture *fixture = *state;
	struct pair items[] = {{.name = (char *)"a", .value = (char *)"1"},
	                       {.name = (char *)"b", .value = (char *)"2"}};
	const struct pairs given = {.items = items, .count = 2};
	assert_int_equal(read_plan(fixture,
	                           "variables: { a: 0, c: \"${a}${b}\" }\n" SCENARIOS(
	                                   "executor: constant-vus, duration: 1s", "null: { group: '{{b}}' }"),
	                           &(struct plan_overrides){.variables = &given}),
	                 0);
	const struct pairs *variables = &fixture->plan->variables;
	assert_int_equal(variables->count, 3);
	assert_string_equal(variables->items[0].value, "1");
	assert_string_equal(variables->items[1].value, "12");
	assert_string_equal(variables->items[2].name, "b");
}

static void test_plan_read_warns_of_a_given_variable_that_nothing_takes(void **state)
{
	struct fixture *fixture = *state;
	struct pair items[] = {{.name = (char *)"brokrs", .value = (char *)"1"},
	                       {.name = (char *)"brokers", .value = (char *)"2"},
	                       {.name = (char *)"only", .value = (char *)"3"},
	                       {.name = (char *)"group", .value = (char *)"4"}};
	const struct pairs given = {.items = items, .count = 4};
	assert_int_equal(read_plan(fixture,
	                           "variables: { brokers: a }\nname: ${only}\n" SCENARIOS(
	                                   "executor: constant-vus, duration: 1s", "null: { group: '{{group}}' }"),
	                           &(struct plan_overrides){.variables = &given}),
	                 0);
	assert_only(&fixture->warnings,
	            "0:0: -e brokrs=... sets a variable that the plan doesn't use (did you mean \"brokers\"?)");
}

static void test_plan_read_overrides_vus_duration_tags_and_thresholds(void **state)
{
	struct fixture *fixture = *state;
	struct pair items[] = {{.name = (char *)"a", .value = (char *)"2"},
	                       {.name = (char *)"b", .value = (char *)"3"}};
	const struct pairs tags = {.items = items, .count = 2};
	const struct plan_overrides overrides = {
	        .vus = 7, .duration_ns = 9 * NS_PER_S, .tags = &tags, .no_thresholds = 1};
	assert_int_equal(
	        read_plan(
	                fixture,
	                "tags: { a: 1 }\n"
	                "scenarios:\n"
	                "  a: { executor: constant-vus, vus: 2, duration: 1s, steps: [ null: {} ] }\n"
	                "  b: { executor: constant-arrival-rate, rate: 2, duration: 1s, steps: [ null: {} ] }\n"
	                "  c: { executor: shared-iterations, vus: 2, steps: [ null: {} ] }\n"
	                "  d: { executor: ramping-vus, stages: [ { duration: 1s, target: 3 } ], steps: [ null: {} ] }\n"
	                "thresholds: { nonsense: [] }\n",
	                &overrides),
	        0);
	const struct scenario *scenarios = fixture->plan->scenarios;
	assert_int_equal(scenarios[0].vus, 7);
	assert_int_equal(scenarios[0].duration_ns, 9 * NS_PER_S);
	assert_int_equal(scenarios[1].duration_ns, 9 * NS_PER_S);
	assert_int_equal(scenarios[2].vus, 7);
	assert_int_equal(scenarios[3].duration_ns, NS_PER_S);
	assert_int_equal(fixture->plan->threshold_count, 0);
	assert_int_equal(fixture->plan->tags.count, 2);
	assert_string_equal(fixture->plan->tags.items[0].value, "2");
}

static void test_plan_read_refuses_what_cannot_stand_in_a_plan(void **state)
{
	struct fixture *fixture = *state;
	struct pair items[] = {{.name = (char *)"a", .value = (char *)"\xff"}};
	const struct pairs given = {.items = items, .count = 1};
	static const char text[] = "name: ${a}\n" SCENARIOS("executor: constant-vus, duration: 1s", "null: {}");
	assert_int_equal(read_plan(fixture, text, &(struct plan_overrides){.variables = &given}), -EINVAL);
	assert_only(&fixture->failures, "0:0: the value of variable \"a\" is not UTF-8");
	failures_deinit(&fixture->failures);
	items[0].value = (char *)"b";
	assert_int_equal(read_plan(fixture, text, &(struct plan_overrides){.variables = &given, .tags = &given}), 0);
	fixture->plan = plan_free(fixture->plan);
	items[0].name = (char *)"a b";
	assert_int_equal(read_plan(fixture, SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	                           &(struct plan_overrides){.tags = &given}),
	                 -EINVAL);
	assert_only(&fixture->failures, "0:0: the name \"a b\" of a tag holds a blank");
}

static void test_plan_read_warns_of_overrides_that_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(
	        read_plan(fixture,
	                  SCENARIOS("executor: ramping-vus, stages: [ { duration: 1s, target: 3 } ]", "null: {}"),
	                  &(struct plan_overrides){.vus = 3}),
	        0);
	assert_only(&fixture->warnings, "0:0: -u changes nothing: no scenario has a key \"vus\"");
}

/* Plans that are allowed and odd. */
static void test_plan_read_warns_of_what_is_odd(void **state)
{
	static const struct {
		const char *plan, *warning;
	} cases[] = {
	        {SCENARIOS("executor: constant-vus, duration: 1s",
	                   "null: {}") "thresholds: { null_operation_response_time: "
	                               "'max<5' }\n",
	         "2:15: threshold \"null_operation_response_time\": on a closed load it equals the same of the "
	         "duration"},
	        {"targets: { k: { kafka: { brokers: b } } }\n" SCENARIOS(
	                 "executor: constant-vus, duration: 1s", "produce: { target: k, topic: t, size: 1..2MB }"),
	         "2:104: \"size\" in step \"produce-1\" of scenario \"s\": 2000000 bytes are more than "
	         "message.max.bytes "
	         "(1000000) of target \"k\", so such messages fail"},
	        {"targets: { k: { kafka: { brokers: b } } }\n" SCENARIOS(
	                 "executor: constant-arrival-rate, rate: 1, duration: 1s",
	                 "consume: { target: k, topic: t, groupId: g }"),
	         "2:84: step \"consume-1\" of scenario \"s\": each virtual user is a consumer, and arrivals take any "
	         "that is free (constant-vus keeps their number)"},
	        {SCENARIOS("executor: constant-vus, duration: 1s", "null: { weight: 5 }"),
	         "1:66: step \"null-1\" is the only one in scenario \"s\" with a weight, so it always runs"},
	        {"data: { id: { csv: rows.csv, column: id, pick: unique } }\n" SCENARIOS(
	                 "executor: constant-vus, duration: 1s", "null: { group: '{{id}}' }"),
	         "1:9: data \"id\" is unique and has 2 rows, and a scenario without a count of iterations uses it: its "
	         "iterations fail once the rows are used up"},
	        {"setup: [ null: { values: { token: x } } ]\n" SCENARIOS("executor: constant-vus, duration: 1s",
	                                                                 "null: { group: 'a{{token}}' }"),
	         "2:81: \"group\" in step \"null-1\" of scenario \"s\" shows {{token}}, which a setup sets, in the "
	         "report "
	         "and the run's files"},
	        {"onAgentLoss: redistribute\ndata: { id: { csv: rows.csv, column: id, pick: unique } }\n" SCENARIOS(
	                 "executor: constant-arrival-rate, rate: 2, duration: 1s", "null: { group: '{{id}}' }"),
	         "2:9: data \"id\" is unique and has no rows to spare: what moves to another agent under "
	         "\"onAgentLoss: redistribute\" fails for want of a row"},
	        {"elastic: true\ndata: { id: { csv: rows.csv, column: id, pick: unique } }\n" SCENARIOS(
	                 "executor: shared-iterations, iterations: 2", "null: { group: '{{id}}' }"),
	         "2:9: data \"id\" is unique and has no rows to spare: what moves to another agent under \"elastic\" "
	         "fails for want of a row"},
	};
	struct fixture *fixture = *state;
	put(fixture, "rows.csv", "id,name\n1,a\n2,b\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(read_plan(fixture, cases[i].plan, NULL), 0);
		assert_only(&fixture->warnings, cases[i].warning);
		failures_deinit(&fixture->warnings);
		fixture->plan = plan_free(fixture->plan);
	}
}

static void test_plan_read_warns_that_joiners_get_no_rows(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "rows.csv", "id,name\n1,a\n2,b\n");
	assert_int_equal(
	        read_plan(fixture,
	                  "elastic: true\ndata: { id: { csv: rows.csv, column: id, pick: unique } }\n" SCENARIOS(
	                          "executor: constant-vus, duration: 1s", "null: { group: '{{id}}' }"),
	                  NULL),
	        0);
	assert_int_equal(fixture->warnings.count, 2);
	assert_string_equal(fixture->warnings.items[1].text,
	                    "data \"id\" is unique and users without a count of iterations draw from it: an agent that "
	                    "joins the run later gets no rows for them");
}

static void test_plan_read_is_silent_about_moves_with_rows_to_spare(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "rows.csv", "id,name\n1,a\n2,b\n3,c\n");
	assert_int_equal(read_plan(fixture,
	                           "elastic: true\nonAgentLoss: redistribute\n"
	                           "data: { id: { csv: rows.csv, column: id, pick: unique } }\n" SCENARIOS(
	                                   "executor: constant-arrival-rate, rate: 2, duration: 1s",
	                                   "null: { group: '{{id}}' }"),
	                           NULL),
	                 0);
	assert_int_equal(fixture->warnings.count, 0);
}

#define USER(keys) "data:\n  user: { csv: rows.csv" keys " }\n"

static void test_plan_read_refuses_data_that_cannot_serve(void **state)
{
	static const struct {
		const char *csv; /* NULL: no file */
		const char *plan, *error;
	} cases[] = {
	        {NULL,
	         USER(", column: id") SCENARIOS("executor: constant-vus, duration: 1s", "null: { group: '{{user}}' }"),
	         "2:16: \"csv\" in data \"user\": FILE"},
	        {NULL, USER("") SCENARIOS("executor: constant-vus, duration: 1s", "null: { group: '{{user.id}}' }"),
	         "2:16: \"csv\" in data \"user\": FILE"},
	        {"id,name\n",
	         USER(", column: id") SCENARIOS("executor: constant-vus, duration: 1s", "null: { group: '{{user}}' }"),
	         "2:16: \"csv\" in data \"user\": FILE"},
	        {"", USER("") SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	         "2:16: \"csv\" in data \"user\": FILE"},
	        {"id,name\n1,a\n", USER(", column: nam") SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	         "2:16: \"csv\" in data \"user\": FILE"},
	        {"id,name\n1,a\n",
	         USER(", columns: [ id, age ]") SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	         "2:16: \"csv\" in data \"user\": rows.csv has no column \"age\""},
	        {"id,name\n1,a\n2,b\n",
	         USER(", pick: unique") "scenarios:\n"
	                                "  a: { executor: shared-iterations, iterations: 2, steps: [ null: { group: "
	                                "'{{user.id}}' } ] }\n"
	                                "  b: { executor: constant-arrival-rate, rate: 5, duration: 2s, steps: [ null: "
	                                "{ "
	                                "group: '{{user.name}}' } ] }\n"
	                                "  c: { executor: constant-vus, duration: 2s, steps: [ null: {} ] }\n",
	         "2:3: data \"user\" is unique and has 2 rows; the plan needs 12"},
	        {"id,name\n1,a\n",
	         "variables: { user.id: 5 }\n" USER("") SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	         "3:3: data \"user\" sets {{user.id}}, which \"variables\" sets already"},
	        {"id,name\n1,a\n",
	         USER(", pick: uniqe")
	                 SCENARIOS("executor: constant-vus, duration: 1s", "null: { group: '{{user.id}}' }"),
	         "2:32: \"pick\" in data \"user\": \"uniqe\" is not one of sequential, random, zipf, unique (did you "
	         "mean "
	         "\"unique\"?)"},
	        {"id,name\n1,a\n", USER(", exponent: 2") SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	         "2:36: \"exponent\" in data \"user\" is only for pick: zipf"},
	        {"id,name\n1,a\n",
	         "data: { user: { column: id } }\n" SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"),
	         "1:9: data \"user\" needs a key \"csv\" or \"lines\""},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].csv)
			put(fixture, "rows.csv", cases[i].csv);
		if (read_plan(fixture, cases[i].plan, NULL) != -EINVAL)
			fail_msg("taken: %s", cases[i].plan);
		const char *own_words = strstr(cases[i].error, "FILE");
		if (own_words) { /* the reason is the feed's to word; the place and the beginning are ours */
			char *expected = strndup(cases[i].error, (size_t)(own_words - cases[i].error));
			char text[FAILURE_TEXT_MAX + 64];
			assert_int_equal(fixture->failures.count, 1);
			snprintf(text, sizeof(text), "%d:%d: %s", fixture->failures.items[0].line,
			         fixture->failures.items[0].column, fixture->failures.items[0].text);
			assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
			free(expected);
		} else {
			assert_only(&fixture->failures, cases[i].error);
		}
		failures_deinit(&fixture->failures);
	}
}

static void test_plan_read_finds_data_beside_the_plan(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "rows.csv", "id,name\n1,a\n2,b\n");
	assert_int_equal(read_plan(fixture,
	                           USER(", pick: unique") SCENARIOS("executor: shared-iterations, iterations: 2",
	                                                            "null: { group: '{{user.id}} {{user.name}}' }"),
	                           NULL),
	                 0);
	assert_int_equal(fixture->plan->feed_count, 1);
	assert_int_equal(feed_rows(fixture->plan->feeds[0]), 2);
	assert_int_equal(fixture->warnings.count, 0);
}

/* What the coordinator read must be what an agent reads, with the rows and without. */
static void test_plan_parse_takes_the_data_that_came_with_the_plan(void **state)
{
	struct fixture *fixture = *state;
	struct buffer text = {0}, again = {0};
	struct plan *with = NULL, *without = NULL;
	struct plan_file file = {.name = "user"};
	put(fixture, "rows.csv", "id,name\n1,a\n2,b\n");
	assert_int_equal(
	        read_plan(fixture,
	                  USER("") SCENARIOS("executor: shared-iterations", "null: { group: '{{user.name}}' }"), NULL),
	        0);
	assert_int_equal(plan_write(fixture->plan, &text), 0);
	file.data = feed_data(fixture->plan->feeds[0], &file.size);
	assert_int_equal(plan_parse(text.data, text.size, &file, 1, &fixture->failures, &with), 0);
	assert_int_equal(feed_rows(with->feeds[0]), 2);
	assert_int_equal(plan_write(with, &again), 0);
	assert_string_equal(buffer_text(&text), buffer_text(&again));
	assert_string_equal(with->sha256, fixture->plan->sha256);
	assert_int_equal(plan_parse(text.data, text.size, NULL, 0, &fixture->failures, &without), 0);
	assert_int_equal(feed_rows(without->feeds[0]), 0);
	file.name = "other";
	plan_free(with);
	assert_int_equal(plan_parse(text.data, text.size, &file, 1, &fixture->failures, &with), -EINVAL);
	assert_non_null(
	        strstr(fixture->failures.items[0].text, "the rows of data \"user\" did not come with the plan"));
	plan_free(without);
	buffer_deinit(&text);
	buffer_deinit(&again);
}

static void test_plan_payloads_of_a_file_travel_as_a_feed(void **state)
{
	struct fixture *fixture = *state;
	struct plan_file file = {.name = "payloads-1"};
	struct buffer text = {0};
	struct plan *agents = NULL;
	put(fixture, "rows.csv", "one\ntwo\nthree\n");
	assert_int_equal(read_plan(fixture,
	                           "targets: { k: { kafka: { brokers: b } } }\n" SCENARIOS(
	                                   "executor: constant-vus, duration: 1s",
	                                   "produce: { target: k, topic: t, payloads: rows.csv }"),
	                           NULL),
	                 0);
	assert_int_equal(fixture->plan->feed_count, 1);
	assert_int_equal(feed_rows(fixture->plan->feeds[0]), 3);
	assert_true(plan_scenario_uses_feed(fixture->plan, 0, 0));
	assert_int_equal(plan_write(fixture->plan, &text), 0);
	file.data = feed_data(fixture->plan->feeds[0], &file.size);
	assert_int_equal(plan_parse(text.data, text.size, &file, 1, &fixture->failures, &agents), 0);
	assert_int_equal(feed_rows(agents->feeds[0]), 3);
	assert_string_equal(template_source(agents->scenarios[0].steps[0].produce.payload), "{{payloads-1}}");
	plan_free(agents);
	buffer_deinit(&text);
}

static void test_plan_read_goes_on_after_errors_that_were_there_before(void **state)
{
	struct fixture *fixture = *state;
	failures_add_at(&fixture->failures, "other", 1, 1, "something else");
	assert_int_equal(read_plan(fixture, SCENARIOS("executor: constant-vus, duration: 1s", "null: {}"), NULL), 0);
	assert_int_equal(fixture->failures.count, 1);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_FOLDER(test_plan_read_errors_name_the_file_as_given),
	        WITH_FOLDER(test_plan_read_says_that_a_file_is_absent),
	        WITH_FOLDER(test_plan_read_refuses_a_file_over_the_limit),
	        WITH_FOLDER(test_plan_read_takes_its_name_from_the_file),
	        WITH_FOLDER(test_plan_read_variables_come_from_flags_then_environment_then_plan),
	        WITH_FOLDER(test_plan_read_keeps_variables_as_they_were_resolved),
	        WITH_FOLDER(test_plan_read_warns_of_a_given_variable_that_nothing_takes),
	        WITH_FOLDER(test_plan_read_overrides_vus_duration_tags_and_thresholds),
	        WITH_FOLDER(test_plan_read_refuses_what_cannot_stand_in_a_plan),
	        WITH_FOLDER(test_plan_read_warns_of_overrides_that_change_nothing),
	        WITH_FOLDER(test_plan_read_warns_of_what_is_odd),
	        WITH_FOLDER(test_plan_read_warns_that_joiners_get_no_rows),
	        WITH_FOLDER(test_plan_read_is_silent_about_moves_with_rows_to_spare),
	        WITH_FOLDER(test_plan_read_refuses_data_that_cannot_serve),
	        WITH_FOLDER(test_plan_read_finds_data_beside_the_plan),
	        WITH_FOLDER(test_plan_parse_takes_the_data_that_came_with_the_plan),
	        WITH_FOLDER(test_plan_payloads_of_a_file_travel_as_a_feed),
	        WITH_FOLDER(test_plan_read_goes_on_after_errors_that_were_there_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
