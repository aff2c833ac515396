/* SPDX-License-Identifier: Apache-2.0 */
/* broker_view.h: what is read of librdkafka's statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/kafka/broker_view.h"

/* As librdkafka 2.0.2 writes them, shortened. */
#define HEAD "{ \"name\": \"rdkafka#producer-1\", \"ts\":23878498960, \"metadata_cache_cnt\":1, \"brokers\":{ "
#define BROKER(name, id, source, queue, rtt, throttle)                                                                 \
	"\"" name "\": { \"name\":\"" name "\", \"nodeid\":" id ", \"nodename\":\"" name "\", \"source\":\"" source    \
	"\", \"state\":\"UP\", \"int_latency\": { \"min\":5565, \"sum\":100300, \"hdrsize\": 11376, \"cnt\":18 }, "    \
	"\"outbuf_latency\": " queue ", \"rtt\": " rtt ", \"throttle\": " throttle ", \"req\": { \"Produce\": 1 }, "   \
	"\"toppars\":{ \"t-3\": { \"topic\":\"t\", \"partition\":3} } } "
#define WINDOW(sum, count)                                                                                             \
	"{ \"min\":9, \"max\":24, \"avg\":14, \"sum\":" sum ", \"stddev\": 6, \"p50\": 10, \"outofrange\": 0, "        \
	"\"hdrsize\": 11376, \"cnt\":" count " }"
#define NOTHING WINDOW("0", "0")
#define TAIL                                                                                                           \
	"}, \"topics\":{ \"t\": { \"topic\":\"t\", \"batchcnt\": " WINDOW("9", "1") " } }, \"tx\":10, \"tx_bytes\":2 " \
	                                                                            "}"

struct told {
	char text[512];
};

static void take(void *context, enum metric_id metric, const char *label, double value)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s{%s}=%g ", metrics[metric].name, label, value);
}

static void assert_told(const char *statistics, const char *expected)
{
	struct told told = {0};
	const struct driver_config config = {.gauge = take, .context = &told};

	broker_view_tell(&config, statistics);
	assert_string_equal(told.text, expected);
}

static void test_broker_view_tells_the_means_of_each_broker_in_ms(void **state)
{
	(void)state;
	assert_told(HEAD BROKER("a:1/3", "3", "configured", WINDOW("43", "4"), WINDOW("9000", "3"),
	                        WINDOW("15", "2")) ", " BROKER("b:1/12", "12", "learned", WINDOW("1000", "1"),
	                                                       WINDOW("500", "1"), NOTHING) TAIL,
	            "kafka_broker_queue_time{3}=0.01075 kafka_broker_rtt{3}=3 kafka_throttle_time{3}=5 "
	            "kafka_broker_queue_time{12}=1 kafka_broker_rtt{12}=0.5 kafka_throttle_time{12}=0 ");
}

static void test_broker_view_tells_nothing_of_what_had_no_answers(void **state)
{
	(void)state;
	assert_told(HEAD BROKER("a:1/3", "3", "learned", NOTHING, NOTHING, NOTHING) TAIL, "");
	assert_told(HEAD BROKER("a:1/3", "3", "learned", WINDOW("7000", "1"), NOTHING, NOTHING) TAIL,
	            "kafka_broker_queue_time{3}=7 ");
}

static void test_broker_view_leaves_out_what_is_no_broker(void **state)
{
	(void)state;
	assert_told(HEAD BROKER("a:1/bootstrap", "-1", "configured", WINDOW("1", "1"), WINDOW("1", "1"), NOTHING) TAIL,
	            "");
	assert_told(HEAD BROKER("TxnCoordinator", "2", "logical", WINDOW("1", "1"), WINDOW("1", "1"), NOTHING) TAIL,
	            "");
}

static void test_broker_view_stays_within_what_it_was_given(void **state)
{
	static const char whole[] =
	        HEAD BROKER("a:1/3", "3", "learned", WINDOW("43", "4"), WINDOW("9000", "3"), WINDOW("5", "2")) TAIL;
	char part[sizeof(whole)];
	struct told told;
	const struct driver_config config = {.gauge = take, .context = &told};

	(void)state;
	for (size_t size = 0; size < sizeof(whole); size++) {
		memcpy(part, whole, size);
		part[size] = '\0';
		told = (struct told){0};
		broker_view_tell(&config, part);
	}
	assert_told("", "");
	assert_told("{}", "");
	assert_told(HEAD TAIL, "");
}

static void test_broker_view_needs_somebody_to_tell(void **state)
{
	const struct driver_config config = {0};

	(void)state;
	broker_view_tell(&config, HEAD BROKER("a:1/3", "3", "learned", WINDOW("4", "4"), NOTHING, NOTHING) TAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_broker_view_tells_the_means_of_each_broker_in_ms),
	        cmocka_unit_test(test_broker_view_tells_nothing_of_what_had_no_answers),
	        cmocka_unit_test(test_broker_view_leaves_out_what_is_no_broker),
	        cmocka_unit_test(test_broker_view_stays_within_what_it_was_given),
	        cmocka_unit_test(test_broker_view_needs_somebody_to_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
