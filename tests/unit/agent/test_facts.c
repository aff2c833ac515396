/* SPDX-License-Identifier: Apache-2.0 */
/* facts.h and health.h: what an agent says of its host and of itself. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/facts.h"
#include "agent/health.h"
#include "common/base/clock.h"
#include "tests/unit/agent/fake_driver.h"

static void test_facts_tell_of_the_host(void **state)
{
	const struct text_pair tag = {.name = (char *)"rack", .value = (char *)"3"};
	struct message_hello hello;

	(void)state;
	assert_int_equal(
	        facts_gather(
	                &(struct facts_config){
	                        .version = "1.2", .weight = 5, .tags = &tag, .tag_count = 1, .drivers = fake_table},
	                &hello),
	        0);
	assert_int_equal(hello.protocol, PROTOCOL_VERSION);
	assert_string_equal(hello.version, "1.2");
	assert_string_equal(hello.name, hello.host);
	assert_true(hello.cores >= 1);
	assert_int_equal(hello.workers, hello.cores);
	assert_int_equal(hello.weight, 5);
	assert_int_equal(hello.pid, getpid());
	assert_true(hello.memory_bytes > 1 << 20);
	assert_int_equal(strncmp(hello.kernel, "Linux ", 6), 0);
	assert_int_equal(hello.tag_count, 1);
	assert_string_equal(hello.tags[0].value, "3");
	assert_string_equal(hello.limits[0].name, "nofile");
	/* The null driver has no library worth a word. */
	assert_int_equal(hello.library_count, 1);
	assert_string_equal(hello.libraries[0].name, "fake");
	facts_deinit(&hello);
	facts_deinit(&hello);
}

static void test_health_keeps_the_highest_number_of_descriptors(void **state)
{
	struct health *health = health_new();
	struct wire_health sample;
	uint64_t before;
	int fds[20];

	(void)state;
	health_sample(health, 0, &sample);
	before = sample.descriptors;
	assert_true(before >= 3);
	assert_true(sample.descriptor_limit >= before);
	for (int i = 0; i < 20; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	health_sample(health, 0, &sample);
	assert_int_equal(sample.descriptors, before + 20);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	health_sample(health, 0, &sample);
	assert_int_equal(sample.descriptors, before + 20);
	health_start(health);
	health_sample(health, 0, &sample);
	assert_int_equal(sample.descriptors, before);
	health_free(health);
}

static void test_health_counts_cpu_from_the_start(void **state)
{
	struct health *health = health_new();
	struct wire_health sample;
	uint64_t start_ns = clock_process_cpu_ns();

	(void)state;
	while (clock_process_cpu_ns() < start_ns + 5 * NS_PER_MS)
		;
	health_sample(health, start_ns, &sample);
	assert_true(sample.cpu_ns >= 5 * NS_PER_MS);
	assert_true(sample.cpu_ns <= clock_process_cpu_ns() - start_ns);
	assert_true(sample.max_rss_kib > 0);
	assert_true(sample.port_limit > 1000);
	health_sample(health, UINT64_MAX, &sample);
	assert_int_equal(sample.cpu_ns, 0);
	health_free(health);
}

static void test_health_reads_stolen_time_of_all_processors(void **state)
{
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	(void)state;
	assert_int_equal(health_parse_steal_ns("cpu  100 2 30 4000 50 6 7 123 9 10\n"), 123 * tick_ns);
	assert_int_equal(health_parse_steal_ns("cpu  100 2 30 4000\n"), 0);
	assert_int_equal(health_parse_steal_ns("intr 1 2 3 4 5 6 7 8 9\n"), 0);
	assert_int_equal(health_parse_steal_ns(""), 0);
}

static void test_health_counts_from_the_start_of_a_run(void **state)
{
	struct health *health = health_new();
	struct wire_health sample;

	(void)state;
	health_start(health);
	health_sample(health, 0, &sample);
	/* Nobody suspends a host within this moment, and since it booted it was stolen more than in it. */
	assert_int_equal(sample.jump_ns, 0);
	assert_true(sample.steal_ns < 60 * NS_PER_S);
	health_free(health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_facts_tell_of_the_host),
	        cmocka_unit_test(test_health_keeps_the_highest_number_of_descriptors),
	        cmocka_unit_test(test_health_counts_cpu_from_the_start),
	        cmocka_unit_test(test_health_reads_stolen_time_of_all_processors),
	        cmocka_unit_test(test_health_counts_from_the_start_of_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
