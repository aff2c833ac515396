/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait for the end of the loop's turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/kafka/outlet.h"

enum { OPERATIONS = 200 };

struct setting {
	rd_kafka_t *client;
	struct outlet *outlet;
	struct operation operations[OPERATIONS];
	uint32_t delivered[OPERATIONS]; /* numbers of operations, in the order of their reports */
	uint32_t delivered_count;
	uint32_t refused[OPERATIONS];
	rd_kafka_resp_err_t refusals[OPERATIONS];
	uint32_t refused_count;
};

static void take_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
	struct setting *setting = context;

	(void)client;
	setting->delivered[setting->delivered_count++] =
	        (uint32_t)((struct operation *)message->_private - setting->operations);
}

static void take_refusal(void *context, const rd_kafka_message_t *message)
{
	struct setting *setting = context;

	setting->refusals[setting->refused_count] = message->err;
	setting->refused[setting->refused_count++] =
	        (uint32_t)((struct operation *)message->_private - setting->operations);
}

/* A client that reaches no broker. */
static void open_setting(struct setting *setting, const char *property, const char *value)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char problem[256] = "";

	*setting = (struct setting){0};
	assert_int_equal(rd_kafka_conf_set(conf, property, value, problem, sizeof(problem)), RD_KAFKA_CONF_OK);
	rd_kafka_conf_set_dr_msg_cb(conf, take_report);
	rd_kafka_conf_set_opaque(conf, setting);
	setting->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof(problem));
	assert_non_null(setting->client);
	setting->outlet = outlet_new(rd_kafka_topic_new(setting->client, "topic", NULL), 1);
	assert_non_null(setting->outlet);
}

static void close_setting(struct setting *setting)
{
	outlet_free(setting->outlet);
	rd_kafka_destroy(setting->client);
}

static _Bool add(struct setting *setting, uint32_t number, size_t size, const char *key)
{
	static char payload[4096];
	const struct message message = {.payload = payload,
	                                .payload_size = size,
	                                .payload_lasts = 1,
	                                .key = key,
	                                .key_size = key ? strlen(key) : 0};

	return outlet_add(setting->outlet, &message, &setting->operations[number]);
}

static void flush(struct setting *setting)
{
	outlet_flush(setting->outlet, take_refusal, setting);
}

/* Has librdkafka give up what it holds, and takes its reports. */
static void purge(struct setting *setting)
{
	rd_kafka_purge(setting->client, RD_KAFKA_PURGE_F_QUEUE);
	while (rd_kafka_outq_len(setting->client) > 0)
		rd_kafka_poll(setting->client, 10);
}

static void test_outlet_hands_over_what_it_holds_in_its_order(void **state)
{
	static struct setting setting;

	(void)state;
	open_setting(&setting, "client.id", "test");
	for (uint32_t i = 0; i < OPERATIONS; i++)
		assert_true(add(&setting, i, 10, i % 2 ? "key" : NULL));
	assert_true(outlet_holds(setting.outlet));
	flush(&setting);
	assert_false(outlet_holds(setting.outlet));
	assert_int_equal(rd_kafka_outq_len(setting.client), OPERATIONS);
	purge(&setting);
	assert_int_equal(setting.delivered_count, OPERATIONS);
	for (uint32_t i = 0; i < OPERATIONS; i++)
		assert_int_equal(setting.delivered[i], i);
	assert_int_equal(setting.refused_count, 0);
	close_setting(&setting);
}

static void test_outlet_keeps_what_the_queue_has_no_room_for(void **state)
{
	static struct setting setting;
	uint32_t added = 0;

	(void)state;
	open_setting(&setting, "queue.buffering.max.messages", "10");
	while (added < OPERATIONS && add(&setting, added, 10, "key"))
		added++;
	assert_true(added > 10 && added < OPERATIONS);
	flush(&setting);
	assert_true(outlet_holds(setting.outlet));
	while (outlet_holds(setting.outlet)) {
		assert_int_equal(rd_kafka_outq_len(setting.client), 10);
		purge(&setting);
		flush(&setting);
	}
	purge(&setting);
	assert_int_equal(setting.delivered_count, added);
	for (uint32_t i = 0; i < added; i++)
		assert_int_equal(setting.delivered[i], i);
	assert_int_equal(setting.refused_count, 0);
	close_setting(&setting);
}

static void test_outlet_tells_at_its_flush_what_was_refused(void **state)
{
	static struct setting setting;

	(void)state;
	open_setting(&setting, "message.max.bytes", "2000");
	/* More than it holds: some are refused while others are added. */
	for (uint32_t i = 0; i < 100; i++)
		assert_true(add(&setting, i, i == 3 || i == 99 ? 3000 : 10, NULL));
	assert_int_equal(setting.refused_count, 0);
	flush(&setting);
	assert_false(outlet_holds(setting.outlet));
	assert_int_equal(setting.refused_count, 2);
	assert_int_equal(setting.refused[0], 3);
	assert_int_equal(setting.refused[1], 99);
	assert_int_equal(setting.refusals[0], RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	purge(&setting);
	assert_int_equal(setting.delivered_count, 98);
	close_setting(&setting);
}

static void test_outlet_refuses_all_that_it_holds_when_dropped(void **state)
{
	static struct setting setting;

	(void)state;
	open_setting(&setting, "client.id", "test");
	for (uint32_t i = 0; i < 5; i++)
		assert_true(add(&setting, i, 10, NULL));
	outlet_drop(setting.outlet, RD_KAFKA_RESP_ERR__PURGE_QUEUE, take_refusal, &setting);
	assert_false(outlet_holds(setting.outlet));
	assert_int_equal(setting.refused_count, 5);
	assert_int_equal(setting.refusals[4], RD_KAFKA_RESP_ERR__PURGE_QUEUE);
	close_setting(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_outlet_hands_over_what_it_holds_in_its_order),
	        cmocka_unit_test(test_outlet_keeps_what_the_queue_has_no_room_for),
	        cmocka_unit_test(test_outlet_tells_at_its_flush_what_was_refused),
	        cmocka_unit_test(test_outlet_refuses_all_that_it_holds_when_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
