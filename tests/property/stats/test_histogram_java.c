/* SPDX-License-Identifier: Apache-2.0 */
/* Our histogram against HdrHistogram's Java library on the same samples: counts, percentiles, mean,
 * standard deviation and the log encoding. One run of java takes all cases.
 *
 * Arguments: HistogramOracle.java, the library's jar. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/stats/histogram.h"
#include "tests/property/stats/samples.h"

extern char **environ;

enum {
	CASES = 60,
	PERCENTILES = 64,
	EXIT_SKIPPED = 77,
};

struct one_case {
	enum samples_kind kind;
	struct histogram *histogram;
	double percentiles[PERCENTILES];
};

struct test {
	const char *oracle;
	const char *jar;
	struct one_case cases[CASES];
	char folder[32];
	char *input;
	char *output;
};

/* Counts beside 1 reach past 32 bits: a merged report has them. */
static uint64_t draw_count(struct random *random)
{
	return random_below(random, 10) > 0 ? 1
	                                    : random_below(random, UINT64_C(1) << random_between(random, 1, 34)) + 1;
}

static void draw_samples(struct one_case *one, uint64_t seed, struct random *random, FILE *input)
{
	uint64_t scale = random_next(random) >> random_between(random, 25, 63);
	/* The first rounds of each kind are of no value and of one. */
	uint64_t count = seed / SAMPLES_KIND_COUNT < 2 ? seed / SAMPLES_KIND_COUNT : random_between(random, 2, 3000);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t value_us = samples_draw(one->kind, scale, random);
		/* Once a count so large that the log form takes nine bytes for it. */
		uint64_t times = i == 1 && seed % 10 == 9 ? UINT64_C(1) << 62 : draw_count(random);

		assert_int_equal(histogram_record(one->histogram, value_us, times), 0);
		fprintf(input, "%llu:%llu ", (unsigned long long)value_us, (unsigned long long)times);
	}
	fprintf(input, "\n");
}

static void draw_percentiles(struct one_case *one, struct random *random, FILE *input)
{
	static const double usual[] = {0, 0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100};
	size_t usual_count = sizeof(usual) / sizeof(usual[0]);
	uint64_t count = histogram_count(one->histogram);

	for (size_t i = 0; i < PERCENTILES; i++) {
		if (i < usual_count)
			one->percentiles[i] = usual[i];
		else if (i % 2 || count == 0)
			one->percentiles[i] = 100 * random_unit(random);
		else /* on the very edge between two values */
			one->percentiles[i] = 100.0 * (double)random_below(random, count) / (double)count;
		fprintf(input, "%.17g ", one->percentiles[i]);
	}
	fprintf(input, "\n");
}

static void write_hlog(const struct one_case *one, FILE *input)
{
	cleanup_buffer struct buffer encoded = {0};

	assert_int_equal(histogram_encode_hlog(one->histogram, &encoded), 0);
	fprintf(input, "%s\n", buffer_text(&encoded));
	fprintf(input, "0.000,1.000,%.3f,%s\n", (double)histogram_max_us(one->histogram), buffer_text(&encoded));
}

static void write_cases(struct test *test)
{
	FILE *input = fopen(test->input, "w");

	assert_non_null(input);
	for (uint64_t i = 0; i < CASES; i++) {
		struct one_case *one = &test->cases[i];
		struct random random;

		random_seed(&random, i);
		one->kind = (enum samples_kind)(i % SAMPLES_KIND_COUNT);
		one->histogram = histogram_new();
		draw_samples(one, i, &random, input);
		draw_percentiles(one, &random, input);
		write_hlog(one, input);
	}
	assert_int_equal(fclose(input), 0);
}

static void run_java(const struct test *test)
{
	const char *const arguments[] = {
	        "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", test->jar, test->oracle, test->input, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, test->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(posix_spawnp(&pid, "java", &actions, NULL, (char *const *)arguments, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static double next_number(char **at)
{
	char *end;
	double number = strtod(*at, &end);

	assert_ptr_not_equal(end, *at);
	*at = end;
	return number;
}

static uint64_t next_count(char **at)
{
	char *end;
	uint64_t count = strtoull(*at, &end, 10);

	assert_ptr_not_equal(end, *at);
	*at = end;
	return count;
}

static void assert_near(double a, double b, double relative)
{
	if (!(fabs(a - b) <= relative * fmax(fabs(a), fabs(b))))
		fail_msg("%.17g is not %.17g", a, b);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void check_case(const struct one_case *one, char *line)
{
	const struct histogram *histogram = one->histogram;
	uint64_t max_us = histogram_max_us(histogram);
	uint64_t java_max_us;
	double java_mean_us;

	assert_true(next_count(&line) == histogram_count(histogram));
	/* Java gives the ends of the extremes' buckets. */
	assert_true(next_count(&line) <= histogram_min_us(histogram));
	java_max_us = next_count(&line);
	assert_true(java_max_us >= least(max_us, HISTOGRAM_HIGHEST_US));
	java_mean_us = next_number(&line);
	/* Ours is exact, and saturated values count truly; a sum past 64 bits has no mean. */
	if (histogram_saturated(histogram) == 0 && histogram_sum_us(histogram) < UINT64_MAX)
		assert_near(histogram_mean_us(histogram), java_mean_us, 0.001);
	assert_near(histogram_stddev_us(histogram), next_number(&line), 1e-12);
	assert_int_equal(next_count(&line), 1); /* our base64 decodes to an equal histogram */
	assert_int_equal(next_count(&line), 1); /* its plain form is the same bytes */
	assert_int_equal(next_count(&line), 1); /* the log reader reads it */
	for (size_t i = 0; i < PERCENTILES; i++) {
		uint64_t java_us = next_count(&line);
		uint64_t ours_us = histogram_percentile_us(histogram, one->percentiles[i]);

		if (ours_us != least(java_us, max_us))
			fail_msg("p%.17g is %llu, but %llu in Java", one->percentiles[i], (unsigned long long)ours_us,
			         (unsigned long long)java_us);
	}
	assert_string_equal(line, "\n");
}

static void test_histogram_says_what_hdrhistogram_says(void **state)
{
	struct test *test = *state;
	cleanup(cleanup_fclose) FILE *output = NULL;
	cleanup(cleanup_free) char *line = NULL;
	size_t capacity = 0;

	write_cases(test);
	run_java(test);
	output = fopen(test->output, "r");
	assert_non_null(output);
	for (size_t i = 0; i < CASES; i++) {
		assert_true(getline(&line, &capacity, output) > 0);
		print_message("case %zu: %s\n", i, samples_kind_names[test->cases[i].kind]);
		check_case(&test->cases[i], line);
	}
	assert_int_equal(getline(&line, &capacity, output), -1);
}

static int make_folder(void **state)
{
	struct test *test = *state;

	if (!mkdtemp(test->folder))
		return -1;
	test->input = file_join(test->folder, "input");
	test->output = file_join(test->folder, "output");
	return test->input && test->output ? 0 : -1;
}

static int remove_folder(void **state)
{
	struct test *test = *state;

	for (size_t i = 0; i < CASES; i++)
		histogram_free(test->cases[i].histogram);
	unlink(test->input);
	unlink(test->output);
	free(test->input);
	free(test->output);
	return rmdir(test->folder);
}

static _Bool has_java(void)
{
	const char *const arguments[] = {"java", "-version", NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, "java", &actions, NULL, (char *const *)arguments, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int count, char **arguments)
{
	static struct test test = {.folder = "/tmp/stampede-hdr-XXXXXX"};
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_prestate_setup_teardown(test_histogram_says_what_hdrhistogram_says, make_folder,
	                                                 remove_folder, &test),
	};
	const char *ci = getenv("CI");

	if (count != 3) {
		fprintf(stderr, "usage: %s HistogramOracle.java JAR\n", arguments[0]);
		return 2;
	}
	test.oracle = arguments[1];
	test.jar = arguments[2];
	if (access(test.jar, R_OK) < 0 || !has_java()) {
		fprintf(stderr, "java or %s is missing\n", test.jar);
		return ci && strcmp(ci, "true") == 0 ? EXIT_FAILURE : EXIT_SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
