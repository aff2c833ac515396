/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that come and go. */
#include "deploy/lab/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"

static _Bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Every test has a TMPDIR of its own, in which nothing else comes and goes. */
static int make_parent(void **state)
{
	struct folder *parent = calloc(1, sizeof(*parent));

	*state = parent;
	return !parent || folder_open(NULL, parent) < 0 || setenv("TMPDIR", parent->path, 1) < 0 ? -1 : 0;
}

static int remove_parent(void **state)
{
	struct folder *parent = *state;

	unsetenv("TMPDIR");
	folder_close(parent);
	free(parent);
	return 0;
}

static void test_folder_goes_with_all_that_lies_in_it(void **state)
{
	const struct folder *parent = *state;
	char *deep, *file, *link, *path;
	struct folder folder;

	assert_int_equal(folder_open(NULL, &folder), 0);
	assert_int_equal(strncmp(folder.path, parent->path, strlen(parent->path)), 0);
	path = strdup(folder.path);
	deep = file_join(folder.path, "a/b");
	file = file_join(folder.path, "a/b/file");
	link = file_join(folder.path, "link");
	assert_true(path && deep && file && link);
	assert_int_equal(file_make_folder(deep, NULL), 0);
	assert_int_equal(file_write(file, "x", 1, NULL), 0);
	assert_int_equal(symlink("/", link), 0);
	folder_close(&folder);
	assert_false(is_there(path));
	assert_true(is_there("/"));
	folder_close(&folder);
	assert_int_equal(folder_remove(path), 0);
	free(path);
	free(deep);
	free(file);
	free(link);
}

static void make_old(const char *path)
{
	struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_folder_removes_those_of_killed_labs_alone(void **state)
{
	const struct folder *parent = *state;
	char *left = file_join(parent->path, "stampede-lab-left00"),
	     *fresh = file_join(parent->path, "stampede-lab-fresh0");
	char *other = file_join(parent->path, "other-lab-000000");
	struct folder living, next;

	assert_int_equal(folder_open(NULL, &living), 0);
	assert_int_equal(mkdir(left, 0755) | mkdir(fresh, 0755) | mkdir(other, 0755), 0);
	make_old(left);
	make_old(other);
	make_old(living.path);
	assert_int_equal(folder_open(NULL, &next), 0);
	assert_false(is_there(left));
	assert_true(is_there(fresh));
	assert_true(is_there(other));
	assert_true(is_there(living.path));
	folder_close(&living);
	folder_close(&next);
	free(left);
	free(fresh);
	free(other);
}

static void test_folder_says_where_it_can_t_be_made(void **state)
{
	struct failure failure = {0};
	struct folder folder;

	(void)state;
	setenv("TMPDIR", "/nonexistent", 1);
	assert_int_equal(folder_open(&failure, &folder), -ENOENT);
	assert_non_null(strstr(failure.text, "/nonexistent/"));
}

static void check_cache(const char *cache_home, const char *home, const char *wanted)
{
	char *cache;

	cache_home ? setenv("XDG_CACHE_HOME", cache_home, 1) : unsetenv("XDG_CACHE_HOME");
	home ? setenv("HOME", home, 1) : unsetenv("HOME");
	cache = folder_cache();
	if (wanted)
		assert_string_equal(cache, wanted);
	else
		assert_null(cache);
	free(cache);
}

static void test_folder_cache_is_where_xdg_wants_it(void **state)
{
	(void)state;
	check_cache("/x", "/home/a", "/x/stampede");
	check_cache("", "/home/a", "/home/a/.cache/stampede");
	check_cache("relative", "/home/a", "/home/a/.cache/stampede");
	check_cache(NULL, "/home/a", "/home/a/.cache/stampede");
	check_cache(NULL, "", NULL);
	check_cache(NULL, NULL, NULL);
}

static void test_folder_tail_is_the_end_on_one_line(void **state)
{
	const struct folder *parent = *state;
	char *path = file_join(parent->path, "log"), buffer[8];

	assert_int_equal(file_write(path, "one\ntwo\nthree\n\n", 15, NULL), 0);
	assert_string_equal(folder_tail(path, buffer, sizeof(buffer)), "three");
	assert_int_equal(file_write(path, "a\nb\n", 4, NULL), 0);
	assert_string_equal(folder_tail(path, buffer, sizeof(buffer)), "a b");
	assert_int_equal(file_write(path, "", 0, NULL), 0);
	assert_string_equal(folder_tail(path, buffer, sizeof(buffer)), "");
	assert_string_equal(folder_tail("/nonexistent", buffer, sizeof(buffer)), "");
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_folder_goes_with_all_that_lies_in_it, make_parent, remove_parent),
	        cmocka_unit_test_setup_teardown(test_folder_removes_those_of_killed_labs_alone, make_parent,
	                                        remove_parent),
	        cmocka_unit_test_setup_teardown(test_folder_says_where_it_can_t_be_made, make_parent, remove_parent),
	        cmocka_unit_test(test_folder_cache_is_where_xdg_wants_it),
	        cmocka_unit_test_setup_teardown(test_folder_tail_is_the_end_on_one_line, make_parent, remove_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
