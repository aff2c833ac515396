/* SPDX-License-Identifier: Apache-2.0 */
/* options.h and secrets.h: what an agent is told from outside. */
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

#include "agent/options.h"
#include "agent/secrets.h"
#include "common/base/clock.h"

enum { WORDS_MAX = 32 };

/* Parses a line of words parted by spaces. */
static int parse(const char *line, struct options *options, struct failure *failure)
{
	static char copy[512];
	char *argv[WORDS_MAX] = {(char *)"stampede-agent"};
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_parse(options, argc, argv, failure);
}

static void test_options_are_read(void **state)
{
	struct options options;
	struct failure failure;

	(void)state;
	assert_int_equal(parse("--connect a:1 --connect=b:2 --name x --weight 3 --workers 2 --tag k=v --tag k2=a=b "
	                       "--allow-target 10.0.0.0/8 --orphan-after 5m --spool /var/spool --once --insecure",
	                       &options, &failure),
	                 0);
	assert_int_equal(options.address_count, 2);
	assert_string_equal(options.addresses[1], "b:2");
	assert_string_equal(options.name, "x");
	assert_int_equal(options.weight, 3);
	assert_int_equal(options.workers, 2);
	assert_int_equal(options.tag_count, 2);
	assert_string_equal(options.tags[1].name, "k2");
	assert_string_equal(options.tags[1].value, "a=b");
	assert_int_equal(options.allowed_count, 1);
	assert_int_equal(options.orphan_after_ns, 300 * NS_PER_S);
	assert_string_equal(options.spool, "/var/spool");
	assert_true(options.once && options.insecure);
	options_deinit(&options);
}

static void test_options_have_defaults(void **state)
{
	struct options options;
	struct failure failure;

	(void)state;
	assert_int_equal(parse("--connect a:1", &options, &failure), 0);
	assert_null(options.name);
	assert_int_equal(options.weight, 1);
	assert_int_equal(options.workers, 0);
	assert_int_equal(options.orphan_after_ns, 600 * NS_PER_S);
	assert_false(options.once || options.insecure);
	options_deinit(&options);
}

static void test_options_say_what_is_wrong(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} cases[] = {
	        {"", "--connect ADDR is missing"},
	        {"--conect a:1", "did you mean --connect?"},
	        {"--connect", "--connect wants ADDR"},
	        {"--once=1", "--once takes no value"},
	        {"--connect a:1 --weight 0", "--weight: \"0\" is not a number from 1 to 1000"},
	        {"--connect a:1 --workers many", "--workers: \"many\""},
	        {"--connect a:1 --tag k", "--tag: a tag is K=V"},
	        {"--connect a:1 --allow-target a/b", "--allow-target: \"a/b\""},
	        {"--connect a:1 --orphan-after 5", "--orphan-after: \"5\" is not a duration"},
	        {"--connect a:1 --key k", "--key needs --server-key FILE"},
	        {"--connect a:1 --server-key s", "--server-key needs --key FILE"},
	        {"--connect a:1 --key k --server-key s --insecure", "--insecure is plain text"},
	        {"--connect a:1 --spool=", "--spool: a folder has a name"},
	        {"a:1", "unknown option a:1"},
	        {"-x", "unknown option -x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options options;
		struct failure failure = {0};

		assert_int_equal(parse(cases[i].line, &options, &failure), -EINVAL);
		if (!strstr(failure.text, cases[i].text))
			fail_msg("\"%s\": %s", cases[i].line, failure.text);
		options_deinit(&options);
	}
}

static void test_options_come_from_the_environment_after_flags(void **state)
{
	struct options options;
	struct failure failure;

	(void)state;
	setenv("STAMPEDE_CONNECT", "env:1", 1);
	setenv("STAMPEDE_ORPHAN_AFTER", "7m", 1);
	setenv("STAMPEDE_WEIGHT", "9", 1);
	assert_int_equal(parse("--weight 4", &options, &failure), 0);
	assert_string_equal(options.addresses[0], "env:1");
	assert_int_equal(options.orphan_after_ns, 420 * NS_PER_S);
	assert_int_equal(options.weight, 4);
	options_deinit(&options);
	assert_int_equal(parse("--connect flag:1", &options, &failure), 0);
	assert_int_equal(options.address_count, 1);
	assert_string_equal(options.addresses[0], "flag:1");
	options_deinit(&options);
	unsetenv("STAMPEDE_CONNECT");
	unsetenv("STAMPEDE_ORPHAN_AFTER");
	unsetenv("STAMPEDE_WEIGHT");
}

static void test_options_help_fits_80_columns_and_begins_with_an_example(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	options_print_help(file);
	fclose(file);
	assert_int_equal(strncmp(text, "Example:", 8), 0);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		if (strcspn(line, "\n") > 80)
			fail_msg("%.*s", (int)strcspn(line, "\n"), line);
	}
	free(text);
}

static void write_file(const char *folder, const char *name, const char *content)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void test_secrets_come_from_the_environment_then_from_files(void **state)
{
	char folder[] = "/tmp/secrets-XXXXXX";
	char path[64];
	struct secrets *secrets;

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_file(folder, "token", "of the file\n");
	write_file(folder, "both", "of the file");
	setenv("STAMPEDE_SECRET_both", "of the environment", 1);
	secrets = secrets_new(folder);
	assert_string_equal(secrets_get(secrets, "token"), "of the file");
	assert_string_equal(secrets_get(secrets, "both"), "of the environment");
	assert_null(secrets_get(secrets, "none"));
	assert_null(secrets_get(secrets, "../secrets"));
	assert_null(secrets_get(secrets, "a/b"));
	assert_null(secrets_get(secrets, ".."));
	assert_null(secrets_get(secrets, ""));
	/* Read once: what a run began with holds. */
	write_file(folder, "token", "changed");
	assert_string_equal(secrets_get(secrets, "token"), "of the file");
	secrets_free(secrets);
	unsetenv("STAMPEDE_SECRET_both");
	snprintf(path, sizeof(path), "%s/token", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/both", folder);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_options_are_read),
	        cmocka_unit_test(test_options_have_defaults),
	        cmocka_unit_test(test_options_say_what_is_wrong),
	        cmocka_unit_test(test_options_come_from_the_environment_after_flags),
	        cmocka_unit_test(test_options_help_fits_80_columns_and_begins_with_an_example),
	        cmocka_unit_test(test_secrets_come_from_the_environment_then_from_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
