/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets counted, as a table and as JSON. */
#include "deploy/lab/counters.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "deploy/lab/folder.h"

static char *print(const struct counters *counters)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	counters_print(counters, out);
	fclose(out);
	return text;
}

static json_t *write_and_read(const struct counters *counters)
{
	struct folder folder;
	json_t *json;
	char *path;

	assert_int_equal(folder_open(NULL, &folder), 0);
	assert_true(asprintf(&path, "%s/counters.json", folder.path) > 0);
	assert_int_equal(counters_write(counters, path, NULL), 0);
	json = json_load_file(path, 0, NULL);
	assert_non_null(json);
	free(path);
	folder_close(&folder);
	return json;
}

static void fill(struct kafka_counters *kafka)
{
	assert_int_equal(kafka_counters_add(kafka, "stock-data", 24012), 0);
	assert_int_equal(kafka_counters_add(kafka, "indicators", 4485), 0);
	assert_int_equal(kafka_counters_add(kafka, "signals", 0), 0);
	assert_int_equal(kafka->messages, 28497);
}

static void test_counters_table_is_aligned(void **state)
{
	struct api_counters api = {.requests = 1235, .by_status = {[200] = 1234, [404] = 1}, .unanswered = 2};
	struct postgres_counters postgres = {.known = 1, .calls = 120, .rows = 7200};
	struct kafka_counters kafka = {0};
	char *text;

	(void)state;
	fill(&kafka);
	text = print(&(struct counters){.kafka = &kafka, .api = &api, .postgres = &postgres});
	assert_string_equal(text, "\nthe lab's own counters\n"
	                          "kafka     messages                        28,497\n"
	                          "            indicators                     4,485\n"
	                          "            signals                            0\n"
	                          "            stock-data                    24,012\n"
	                          "api       answers                          1,235\n"
	                          "            200                            1,234\n"
	                          "            404                                1\n"
	                          "          unanswered                           2\n"
	                          "postgres  calls                              120\n"
	                          "          rows                             7,200\n");
	free(text);
	kafka_counters_deinit(&kafka);
}

static void test_counters_json_is_what_tests_read(void **state)
{
	struct api_counters api = {.requests = 1235, .by_status = {[200] = 1234, [404] = 1}};
	struct postgres_counters postgres = {.known = 1, .calls = 120, .rows = 7200};
	struct kafka_counters kafka = {0};
	json_t *json, *wanted;

	(void)state;
	fill(&kafka);
	json = write_and_read(&(struct counters){.kafka = &kafka, .api = &api, .postgres = &postgres});
	wanted = json_pack("{s{s{sisisi}si} s{sis{sisi}si} s{sisi}}", "kafka", "topics", "stock-data", 24012,
	                   "indicators", 4485, "signals", 0, "messages", 28497, "api", "requests", 1235, "by_status",
	                   "200", 1234, "404", 1, "unanswered", 0, "postgres", "calls", 120, "rows", 7200);
	assert_non_null(wanted);
	assert_true(json_equal(json, wanted));
	json_decref(wanted);
	json_decref(json);
	kafka_counters_deinit(&kafka);
}

static void test_counters_leave_out_targets_that_were_not_started(void **state)
{
	struct postgres_counters unknown = {0};
	json_t *json = write_and_read(&(struct counters){.postgres = &unknown});
	char *text = print(&(struct counters){.postgres = &unknown});

	(void)state;
	assert_int_equal(json_object_size(json), 1);
	assert_true(json_is_null(json_object_get(json_object_get(json, "postgres"), "calls")));
	assert_non_null(strstr(text, "unknown"));
	assert_null(strstr(text, "kafka"));
	free(text);
	json_decref(json);
}

static void test_counters_say_where_they_can_t_be_written(void **state)
{
	struct failure failure = {0};

	(void)state;
	assert_int_equal(counters_write(&(struct counters){0}, "/nonexistent/counters.json", &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "/nonexistent/counters.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_counters_table_is_aligned),
	        cmocka_unit_test(test_counters_json_is_what_tests_read),
	        cmocka_unit_test(test_counters_leave_out_targets_that_were_not_started),
	        cmocka_unit_test(test_counters_say_where_they_can_t_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
