/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: whole files and folders, in a folder of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"

static char folder[] = "/tmp/stampede-file-XXXXXX";

static char *in_folder(const char *name)
{
	char *path = file_join(folder, name);

	assert_non_null(path);
	return path;
}

static void test_file_reads_what_was_written(void **state)
{
	cleanup(cleanup_free) char *path = in_folder("written");
	cleanup_buffer struct buffer buffer = {0};
	struct failure failure;

	(void)state;
	assert_int_equal(file_write(path, "old and longer", 14, &failure), 0);
	assert_int_equal(file_write(path, "n\0w", 3, &failure), 0);
	buffer_append_text(&buffer, "before ");
	assert_int_equal(file_read(path, 3, &buffer, &failure), 0);
	assert_int_equal(buffer.size, 10);
	assert_memory_equal(buffer.data, "before n\0w", 10);
	assert_int_equal(unlink(path), 0);
}

static void test_file_above_the_limit_is_refused_with_both_numbers(void **state)
{
	cleanup(cleanup_free) char *path = in_folder("large");
	cleanup_buffer struct buffer buffer = {0};
	struct failure failure;

	(void)state;
	assert_int_equal(file_write(path, "12345", 5, &failure), 0);
	assert_int_equal(file_read(path, 4, &buffer, &failure), -EFBIG);
	assert_non_null(strstr(failure.text, "5 bytes"));
	assert_non_null(strstr(failure.text, "4 are"));
	assert_int_equal(buffer.size, 0);
	assert_int_equal(unlink(path), 0);
	/* A file that has no size: found out by reading. */
	assert_int_equal(file_read("/proc/self/maps", 16, &buffer, &failure), -EFBIG);
	assert_int_equal(buffer.size, 0);
}

static void test_file_failures_name_the_path(void **state)
{
	cleanup(cleanup_free) char *missing = in_folder("no/such");
	cleanup_buffer struct buffer buffer = {0};
	struct failure failure;

	(void)state;
	assert_int_equal(file_read(missing, 10, &buffer, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, missing));
	assert_int_equal(file_write(missing, "x", 1, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, missing));
	assert_int_equal(file_read(folder, 10, &buffer, &failure), -EISDIR);
}

static void test_failed_write_leaves_the_old_file_and_no_temporary(void **state)
{
	cleanup(cleanup_free) char *path = in_folder("target");
	cleanup(cleanup_free) char *inside = in_folder("target/inside");
	struct failure failure;

	(void)state;
	/* A folder with content can't be replaced by a rename. */
	assert_int_equal(file_make_folder(inside, &failure), 0);
	assert_true(file_write(path, "x", 1, &failure) < 0);
	assert_int_equal(rmdir(inside), 0);
	assert_int_equal(rmdir(path), 0);
}

static void test_file_makes_folders_that_may_be_there_already(void **state)
{
	cleanup(cleanup_free) char *deep = in_folder("a/b/c/");
	cleanup(cleanup_free) char *file = in_folder("a/file");
	cleanup(cleanup_free) char *under_file = in_folder("a/file/d");
	static const char *const left[] = {"a/file", "a/b/c", "a/b", "a"};
	struct failure failure;
	struct stat status;

	(void)state;
	assert_int_equal(file_make_folder(deep, &failure), 0);
	assert_int_equal(file_make_folder(deep, &failure), 0);
	assert_int_equal(stat(deep, &status), 0);
	assert_true(S_ISDIR(status.st_mode));
	assert_int_equal(file_write(file, "", 0, &failure), 0);
	assert_int_equal(file_make_folder(under_file, &failure), -ENOTDIR);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		cleanup(cleanup_free) char *path = in_folder(left[i]);

		assert_int_equal(remove(path), 0);
	}
}

static void test_file_join_puts_one_slash_between(void **state)
{
	static const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup(cleanup_free) char *path = file_join(cases[i][0], cases[i][1]);

		assert_string_equal(path, cases[i][2]);
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

/* Fails if a test (or file_write) left something behind. */
static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_file_reads_what_was_written),
	        cmocka_unit_test(test_file_above_the_limit_is_refused_with_both_numbers),
	        cmocka_unit_test(test_file_failures_name_the_path),
	        cmocka_unit_test(test_failed_write_leaves_the_old_file_and_no_temporary),
	        cmocka_unit_test(test_file_makes_folders_that_may_be_there_already),
	        cmocka_unit_test(test_file_join_puts_one_slash_between),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
