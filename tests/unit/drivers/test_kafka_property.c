/* SPDX-License-Identifier: Apache-2.0 */
/* property.h: what a client's configuration is made of. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include <cmocka.h>

#include "agent/drivers/kafka/producer.h"

static const char *find_secret(void *context, const char *name)
{
	return strcmp(name, "PASSWORD") == 0 ? context : NULL;
}

static int make(struct pair *items, uint32_t count, char *password, struct failure *failure, rd_kafka_conf_t **ret_conf)
{
	const struct target target = {
	        .name = (char *)"stream",
	        .kind = TARGET_KAFKA,
	        .kafka = {.brokers = (char *)"b:9092", .properties = {.items = items, .count = count}},
	};
	const struct driver_config config = {.target = &target, .secret = find_secret, .secret_context = password};

	return producer_conf(&config, PRODUCE_ACKS_TARGET, failure, ret_conf);
}

static void assert_property(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
	char value[256] = "";
	size_t size = sizeof(value);

	assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(value, expected);
}

static void test_kafka_property_gets_the_agents_secret(void **state)
{
	struct pair items[] = {{.name = (char *)"sasl.password", .value = (char *)"{{secret.PASSWORD}}!"},
	                       {.name = (char *)"client.id", .value = (char *)"a{{{{b"},
	                       {.name = (char *)"linger.ms", .value = (char *)"7"}};
	char password[] = "open sesame";
	rd_kafka_conf_t *conf = NULL;

	(void)state;
	assert_int_equal(make(items, 3, password, NULL, &conf), 0);
	assert_property(conf, "sasl.password", "open sesame!");
	assert_property(conf, "client.id", "a{{b");
	assert_property(conf, "linger.ms", "7");
	assert_property(conf, "bootstrap.servers", "b:9092");
	rd_kafka_conf_destroy(conf);
}

static void test_kafka_property_without_its_secret_fails_with_its_name(void **state)
{
	struct pair item = {.name = (char *)"sasl.password", .value = (char *)"{{secret.OTHER}}"};
	struct failure failure = {0};
	rd_kafka_conf_t *conf = NULL;

	(void)state;
	assert_int_equal(make(&item, 1, NULL, &failure, &conf), -ENOKEY);
	assert_string_equal(failure.text,
	                    "property sasl.password: this agent has no secret OTHER (STAMPEDE_SECRET_OTHER "
	                    "in its environment, or a file OTHER in $STAMPEDE_SECRETS_DIR)");
	assert_null(conf);
}

static void test_kafka_property_never_tells_a_secret(void **state)
{
	struct pair item = {.name = (char *)"compression.codec", .value = (char *)"{{secret.PASSWORD}}"};
	char password[] = "open sesame";
	struct failure failure = {0};
	rd_kafka_conf_t *conf = NULL;

	(void)state;
	assert_int_equal(make(&item, 1, password, &failure, &conf), -EINVAL);
	assert_string_equal(failure.text, "property compression.codec: librdkafka refuses what the secret holds");
	assert_null(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kafka_property_gets_the_agents_secret),
	        cmocka_unit_test(test_kafka_property_without_its_secret_fails_with_its_name),
	        cmocka_unit_test(test_kafka_property_never_tells_a_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
