/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that a run writes into: named after the plan, never somebody else's. */
#include <errno.h>
#include <ftw.h>
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

#include "common/base/file.h"
#include "coordinator/run_folder.h"

struct place {
	char before[4096];
	char folder[64];
};

/* Each test works in an empty folder of its own. */
static int enter(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place || !getcwd(place->before, sizeof(place->before)))
		return -1;
	snprintf(place->folder, sizeof(place->folder), "/tmp/run-folder-XXXXXX");
	if (!mkdtemp(place->folder) || chdir(place->folder) < 0)
		return -1;
	*state = place;
	return 0;
}

static int drop(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static int leave(void **state)
{
	struct place *place = *state;
	int r = chdir(place->before);

	nftw(place->folder, drop, 16, FTW_DEPTH | FTW_PHYS);
	free(place);
	return r;
}

static _Bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void write_file(const char *path)
{
	struct failure failure = {0};

	assert_int_equal(file_write(path, "x", 1, &failure), 0);
}

static void test_a_folder_is_named_after_the_time_and_the_plan(void **state)
{
	static const struct {
		const char *plan, *end; /* after runs/YYYYmmdd-HHMMSS */
	} cases[] = {
	        {"demo", "-demo"},
	        {"Stock pipeline", "-Stock-pipeline"},
	        {"../../etc/passwd", "-etc-passwd"},
	        {"a / b\\c", "-a-b-c"},
	        {"...", ""},
	        {"", ""},
	        {"-- x --", "-x"},
	        {"\xe8\x82\xa1\xe7\xa5\xa8", "-\xe8\x82\xa1\xe7\xa5\xa8"},
	        {"0123456789012345678901234567890123456789012345678901234567890123456789",
	         "-0123456789012345678901234567890123456789012345678901234"},
	        /* a cut goes between characters, not through one */
	        {"012345678901234567890123456789012345678901234567890123\xe8\x82\xa1\xe7\xa5\xa8",
	         "-012345678901234567890123456789012345678901234567890123"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = {0};
		char *path = NULL;

		assert_int_equal(run_folder_make(NULL, cases[i].plan, &failure, &path), 0);
		assert_true(is_folder(path));
		assert_int_equal(strncmp(path, "runs/2", 6), 0);
		/* two cases may come to one name within a second */
		if (strncmp(path + strlen("runs/YYYYmmdd-HHMMSS"), cases[i].end, strlen(cases[i].end)) != 0)
			fail_msg("case %zu: %s", i, path);
		assert_int_equal(strspn(path + strlen("runs/"), "0123456789-") >= strlen("YYYYmmdd-HHMMSS"), 1);
		assert_null(strchr(path + strlen("runs/"), '/'));
		free(path);
	}
}

static void test_runs_within_one_second_get_folders_of_their_own(void **state)
{
	char *paths[20];

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct failure failure = {0};

		assert_int_equal(run_folder_make(NULL, "p", &failure, &paths[i]), 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(paths[i], paths[j]);
	}
	for (int i = 0; i < 20; i++)
		free(paths[i]);
}

static void test_a_wanted_folder_is_made_with_those_above_it_and_may_exist(void **state)
{
	struct failure failure = {0};
	char *path = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run_folder_make("a/b/c", "p", &failure, &path), 0);
		assert_string_equal(path, "a/b/c");
		assert_true(is_folder("a/b/c"));
		free(path);
		write_file("a/b/c/notes.txt"); /* nothing of ours */
	}
}

static void test_a_folder_with_what_a_run_would_replace_is_refused_and_left_alone(void **state)
{
	static const char *const names[] = {"journal", "plan.yaml", "run.log", "summary.json", "report.html"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct failure failure = {0};
		char *path = NULL;
		char taken[64];

		assert_true(mkdir(names[i], 0755) == 0);
		snprintf(taken, sizeof(taken), "%s/%s", names[i], names[i]);
		write_file(taken);
		assert_int_equal(run_folder_make(names[i], "p", &failure, &path), -EEXIST);
		assert_null(path);
		assert_non_null(strstr(failure.text, i == 0 ? "holds a run already" : names[i]));
		assert_non_null(strstr(failure.text, "-o"));
	}
}

static void test_a_wanted_folder_that_cannot_be_made_is_refused_with_the_reason(void **state)
{
	static const char *const wanted[] = {"file", "file/below", "/proc/nowhere", "/dev/null"};

	(void)state;
	write_file("file");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct failure failure = {0};
		char *path = NULL;

		assert_true(run_folder_make(wanted[i], "p", &failure, &path) < 0);
		assert_null(path);
		assert_non_null(strstr(failure.text, i < 2 ? "file" : wanted[i]));
	}
}

static void test_a_file_where_runs_should_be_is_an_error(void **state)
{
	struct failure failure = {0};
	char *path = NULL;

	(void)state;
	write_file("runs");
	assert_true(run_folder_make(NULL, "p", &failure, &path) < 0);
	assert_non_null(strstr(failure.text, "runs"));
	assert_null(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_a_folder_is_named_after_the_time_and_the_plan, enter, leave),
	        cmocka_unit_test_setup_teardown(test_runs_within_one_second_get_folders_of_their_own, enter, leave),
	        cmocka_unit_test_setup_teardown(test_a_wanted_folder_is_made_with_those_above_it_and_may_exist, enter,
	                                        leave),
	        cmocka_unit_test_setup_teardown(test_a_folder_with_what_a_run_would_replace_is_refused_and_left_alone,
	                                        enter, leave),
	        cmocka_unit_test_setup_teardown(test_a_wanted_folder_that_cannot_be_made_is_refused_with_the_reason,
	                                        enter, leave),
	        cmocka_unit_test_setup_teardown(test_a_file_where_runs_should_be_is_an_error, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
