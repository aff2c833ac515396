/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_properties.h: librdkafka is the judge, apart from what would be dangerous to try. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/kafka_properties.h"

static void test_kafka_properties_are_taken_by_their_own_names(void **state)
{
	static const char *const cases[][2] = {
	        {"acks", "all"},
	        {"acks", "1"},
	        {"linger.ms", "5"},
	        {"compression.type", "zstd"},
	        {"batch.size", "1000"},
	        {"client.id", "stampede"},
	        {"enable.idempotence", "true"},
	        {"partitioner", "murmur2"},
	        {"linger.ms", "0.5"},
	        {"security.protocol", "ssl"},
	        {"sasl.password", "{{secret.KAFKA_PASSWORD}}"},
	        {"sasl.username", "user-{{secret.PART}}"},
	        {"ssl.key.pem", "{{secret.KEY}}"},
	        {"ssl.key.password", "{{ secret.KEY_PASSWORD }}"},
	        {"client.id", "a{{{{b"},
	};
	char problem[KAFKA_PROBLEM_SIZE];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(kafka_property_check(cases[i][0], cases[i][1], problem, sizeof(problem)), 0);
}

static void test_kafka_properties_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *name, *value, *problem;
	} cases[] = {
	        {"lingr.ms", "5", "librdkafka has no such property (did you mean \"linger.ms\"?)"},
	        {"frobnicate", "5", "librdkafka has no such property"},
	        {"linger.ms", "soon", "Invalid value for configuration property \"queue.buffering.max.ms\""},
	        {"compression.codec", "zip", "Invalid value \"zip\" for configuration property \"compression.codec\""},
	        {"dr_msg_cb", "x", "it is set by programs only, not by text"},
	        {"opaque", "1", "it is set by programs only, not by text"},
	        {"interceptors", "x", "it is set by programs only, not by text"},
	        {"plugin.library.paths", "/tmp/x.so", "plugins are not loaded"},
	        {"sasl.kerberos.kinit.cmd", "true", "commands are not run on an agent"},
	        {"delivery.report.only.error", "true", "every delivery is counted"},
	        {"bootstrap.servers", "b:9092", "it is the target's own key \"brokers\""},
	        {"client.id", "{{secret.ID}}",
	         "a secret may stand in sasl.username, sasl.password, sasl.oauthbearer.config, ssl.key.password, "
	         "ssl.key.pem, ssl.ca.pem, ssl.keystore.password: librdkafka keeps no other out of its logs"},
	        {"sasl.password", "{{vu}}", "only {{secret.NAME}} is filled in here"},
	        {"sasl.password", "{{random 1 2}}", "only {{secret.NAME}} is filled in here"},
	        {"sasl.password", "{{secret.9}}",
	         "{{secret.NAME}} needs a name of letters, digits, _ - . that doesn't start with a digit"},
	        {"sasl.password", "{{secret.A", "{{ without }} (write {{{{ for {{ as text)"},
	        {"sasl.passwrd", "a{{{{b", "librdkafka has no such property (did you mean \"sasl.password\"?)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char problem[KAFKA_PROBLEM_SIZE] = "";
		assert_int_equal(kafka_property_check(cases[i].name, cases[i].value, problem, sizeof(problem)),
		                 -EINVAL);
		assert_string_equal(problem, cases[i].problem);
	}
}

static void test_kafka_message_max_bytes_is_the_property_or_the_default(void **state)
{
	struct pair items[] = {{.name = (char *)"acks", .value = (char *)"1"},
	                       {.name = (char *)"message.max.bytes", .value = (char *)"2000"}};
	(void)state;
	assert_int_equal(kafka_message_max_bytes(&(struct pairs){.items = items, .count = 1}), 1000000);
	assert_int_equal(kafka_message_max_bytes(&(struct pairs){.items = items, .count = 2}), 2000);
}

static const char *find_secret(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "A") == 0 ? "first" : strcmp(name, "B") == 0 ? "second" : NULL;
}

static void test_kafka_property_is_filled_with_secrets(void **state)
{
	cleanup_buffer struct buffer buffer = {0};
	char missing[LIMIT_NAME_BYTES + 1] = "";
	(void)state;
	assert_int_equal(kafka_property_fill("{{secret.A}}-{{{{-{{secret.B}}", find_secret, NULL, &buffer, missing), 0);
	assert_string_equal(buffer_text(&buffer), "first-{{-second");
	assert_int_equal(kafka_property_fill("{{secret.C}}", find_secret, NULL, &buffer, missing), -ENOKEY);
	assert_string_equal(missing, "C");
	assert_int_equal(kafka_property_fill("{{secret.A}}", NULL, NULL, &buffer, missing), -ENOKEY);
	assert_int_equal(kafka_property_fill("{{uuid}}", find_secret, NULL, &buffer, missing), -EINVAL);
	assert_string_equal(buffer_text(&buffer), "first-{{-second");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kafka_properties_are_taken_by_their_own_names),
	        cmocka_unit_test(test_kafka_properties_are_refused_with_a_reason),
	        cmocka_unit_test(test_kafka_property_is_filled_with_secrets),
	        cmocka_unit_test(test_kafka_message_max_bytes_is_the_property_or_the_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
