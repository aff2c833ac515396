/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal says of how to go on: the same data files, the same clock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "coordinator/data_files.h"
#include "coordinator/resumption.h"

struct setting {
	char folder[64];
	char plan[80], rows[80], journal[80];
};

static void put(const char *path, const char *text)
{
	struct failure failure = {0};

	assert_int_equal(file_write(path, text, strlen(text), &failure), 0);
}

static void open_place(struct setting *place)
{
	snprintf(place->folder, sizeof(place->folder), "/tmp/stampede-resumption-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->plan, sizeof(place->plan), "%s/plan.yaml", place->folder);
	snprintf(place->rows, sizeof(place->rows), "%s/rows.csv", place->folder);
	snprintf(place->journal, sizeof(place->journal), "%s/journal", place->folder);
	put(place->rows, "symbol\nA\nB\n");
	put(place->plan,
	    "name: files\ndata: { symbol: { csv: rows.csv, column: symbol } }\n"
	    "scenarios:\n  a: { executor: constant-vus, vus: 1, duration: 1s, steps: [ { null: {} } ] }\n");
}

static void close_place(const struct setting *place)
{
	unlink(place->plan);
	unlink(place->rows);
	unlink(place->journal);
	rmdir(place->folder);
}

static struct plan *read_plan(const struct setting *place)
{
	struct failures failures = {0};
	struct plan *plan;

	assert_int_equal(plan_read(place->plan, &(struct plan_overrides){0}, &failures, NULL, &plan), 0);
	failures_deinit(&failures);
	return plan;
}

/* A journal with a run's first record alone. */
static void begin(const struct setting *place)
{
	struct plan *plan = read_plan(place);
	struct buffer text cleanup(buffer_deinit) = {0};
	struct journal_file *files;
	struct journal *journal;
	struct journal_record record = {.type = JOURNAL_RUN};

	assert_int_equal(plan_write(plan, &text), 0);
	assert_int_equal(data_files_list(plan, &files), 0);
	assert_int_equal(journal_create(place->folder, 0, NULL, &journal), 0);
	record.run.id = record.run.name = record.run.version = record.run.plan_sha256 = (char *)"x";
	record.run.place.address = record.run.place.keys = (char *)"";
	record.run.plan = (char *)buffer_text(&text);
	record.run.plan_size = text.size;
	record.run.files = files;
	record.run.file_count = plan->feed_count;
	assert_int_equal(journal_append(journal, &record, NULL), 0);
	journal_close(journal);
	data_files_free(files, plan->feed_count);
	plan_free(plan);
}

static void test_data_files_are_named_by_their_whole_path(void **state)
{
	struct setting place;
	struct journal_file *files;
	struct plan *plan;

	(void)state;
	open_place(&place);
	plan = read_plan(&place);
	assert_int_equal(data_files_list(plan, &files), 0);
	assert_string_equal(files[0].name, "symbol");
	assert_string_equal(files[0].path, place.rows);
	assert_int_equal(files[0].size, strlen("symbol\nA\nB\n"));
	assert_int_equal(strlen(files[0].sha256), 64);
	data_files_free(files, plan->feed_count);
	plan_free(plan);
	close_place(&place);
}

static void test_the_same_files_give_their_rows_and_others_are_told(void **state)
{
	struct setting place;
	struct resumption resumption;
	struct failure failure = {0};

	(void)state;
	open_place(&place);
	begin(&place);
	assert_int_equal(resumption_read(place.folder, &failure, &resumption), 0);
	assert_int_equal(resumption.files_failure.code, 0);
	assert_int_equal(feed_rows(resumption.plan->feeds[0]), 2);
	resumption_deinit(&resumption);
	put(place.rows, "symbol\nA\nC\n");
	assert_int_equal(resumption_read(place.folder, &failure, &resumption), 0);
	assert_int_equal(resumption.files_failure.code, -EINVAL);
	assert_non_null(strstr(resumption.files_failure.text, "rows.csv is not what it was"));
	assert_int_equal(resumption.plan->feed_count, 1);
	resumption_deinit(&resumption);
	unlink(place.rows);
	assert_int_equal(resumption_read(place.folder, &failure, &resumption), 0);
	assert_non_null(strstr(resumption.files_failure.text, "rows.csv"));
	resumption_deinit(&resumption);
	close_place(&place);
}

static void test_a_journal_without_a_run_is_no_run(void **state)
{
	struct setting place;
	struct resumption resumption;
	struct failure failure = {0};
	struct journal *journal;

	(void)state;
	open_place(&place);
	assert_int_equal(journal_create(place.folder, 0, NULL, &journal), 0);
	journal_close(journal);
	assert_int_equal(resumption_read(place.folder, &failure, &resumption), -ENODATA);
	assert_non_null(strstr(failure.text, "holds no run"));
	resumption_deinit(&resumption);
	close_place(&place);
}

static void test_after_a_reboot_the_clock_of_old_goes_on_by_the_wall(void **state)
{
	struct resumption resumption = {
	        .has_t0 = 1, .t0_ns = 9000 * NS_PER_S, .t0_unix_ns = INT64_C(1700000000) * INT64_C(1000000000)};
	uint64_t now_ns = 5 * NS_PER_S; /* of a host that has just booted */
	int64_t wall_ns = resumption.t0_unix_ns + 60 * (int64_t)NS_PER_S;

	(void)state;
	snprintf(resumption.boot_id, sizeof(resumption.boot_id), "another boot");
	assert_int_equal(now_ns + resumption_clock_shift(&resumption, now_ns, wall_ns), 9060 * NS_PER_S);
	resumption_boot_id(resumption.boot_id);
	assert_true(resumption.boot_id[0]);
	assert_int_equal(resumption_clock_shift(&resumption, now_ns, wall_ns), 0);
	assert_int_equal(resumption_clock_shift(&(struct resumption){0}, now_ns, wall_ns), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_data_files_are_named_by_their_whole_path),
	        cmocka_unit_test(test_the_same_files_give_their_rows_and_others_are_told),
	        cmocka_unit_test(test_a_journal_without_a_run_is_no_run),
	        cmocka_unit_test(test_after_a_reboot_the_clock_of_old_goes_on_by_the_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
