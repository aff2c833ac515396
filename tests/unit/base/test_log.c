/* SPDX-License-Identifier: Apache-2.0 */
/* log.h: each call is one line of JSON, whatever its text holds. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/base/log.h"

static char path[] = "/tmp/stampede-log-XXXXXX";

static void read_log(struct buffer *buffer)
{
	struct failure failure;

	assert_int_equal(file_read(path, 10 * 1024 * 1024, buffer, &failure), 0);
	assert_non_null(buffer_text(buffer));
}

static void open_empty(FILE *echo, enum log_level level, struct log **ret_log)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_open("test", path, echo, level, ret_log), 0);
}

static void test_log_writes_a_line_of_json(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	struct log *log;
	const char *text;

	(void)state;
	open_empty(NULL, LOG_ERROR, &log);
	log_write(log, LOG_WARNING, "%s \"%d\"\\\n\t\x01 \xe6\xa0\xaa", "a", 7);
	log_write(log, LOG_INFO, "not UTF-8: \xff");
	log = log_close(log);
	assert_null(log);
	read_log(&buffer);
	text = (const char *)buffer.data;
	assert_memory_equal(text, "{\"time\":\"20", 11);
	assert_non_null(strstr(text, "Z\",\"level\":\"warning\",\"program\":\"test\","
	                             "\"text\":\"a \\\"7\\\"\\\\\\n\\u0009\\u0001 \xe6\xa0\xaa\"}\n"));
	assert_non_null(strstr(text, "\"level\":\"info\",\"program\":\"test\",\"text\":\"not UTF-8: ?\"}\n"));
}

static void test_log_echoes_from_its_level_on(void **state)
{
	char *echoed = NULL;
	size_t size = 0;
	FILE *echo = open_memstream(&echoed, &size);
	struct log *log;

	(void)state;
	assert_int_equal(log_open("agent", NULL, echo, LOG_INFO, &log), 0);
	log_write(log, LOG_DEBUG, "unsaid");
	log_write(log, LOG_INFO, "said");
	log_write(log, LOG_ERROR, "bad");
	log_close(log);
	fclose(echo);
	assert_string_equal(echoed, "agent: said\nagent: error: bad\n");
	free(echoed);
}

static void test_log_may_be_absent_and_its_folder_may_not(void **state)
{
	struct log *log = (struct log *)1;

	(void)state;
	log_write(NULL, LOG_ERROR, "nowhere");
	assert_null(log_close(NULL));
	assert_int_equal(log_open("test", "/nowhere/log", NULL, LOG_ERROR, &log), -ENOENT);
	assert_ptr_equal(log, (struct log *)1);
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *log)
{
	for (int i = 0; i < LINES; i++)
		log_write(log, LOG_INFO, "%0100d", i);
	return NULL;
}

static void test_log_lines_of_threads_stay_whole(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	pthread_t threads[THREADS];
	struct log *log;
	size_t lines = 0;
	const char *line;

	(void)state;
	open_empty(NULL, LOG_ERROR, &log);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_close(log);
	read_log(&buffer);
	for (line = (const char *)buffer.data; *line; line = strchr(line, '\n') + 1) {
		assert_memory_equal(line, "{\"time\":", 8);
		assert_non_null(strchr(line, '\n'));
		assert_int_equal(strchr(line, '\n')[-1], '}');
		lines++;
	}
	assert_int_equal(lines, THREADS * LINES);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_log_writes_a_line_of_json),
	        cmocka_unit_test(test_log_echoes_from_its_level_on),
	        cmocka_unit_test(test_log_may_be_absent_and_its_folder_may_not),
	        cmocka_unit_test(test_log_lines_of_threads_stay_whole),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
