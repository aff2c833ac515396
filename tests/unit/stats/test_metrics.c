/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h: the table is whole, and says one thing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/metrics.h"

static _Bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static void test_metrics_have_every_part(void **state)
{
	(void)state;
	for (int id = 0; id < METRIC_COUNT; id++) {
		const struct metric *metric = &metrics[id];

		assert_non_null(metric->name);
		assert_non_null(metric->unit);
		assert_non_null(metric->description);
		assert_true(metric->unit[0] && metric->description[0]);
		assert_null(strchr(metric->description, '\n'));
		for (const char *at = metric->name; *at; at++)
			assert_true((*at >= 'a' && *at <= 'z') || *at == '_');
		if (metric->kind == METRIC_LATENCY)
			assert_string_equal(metric->unit, "ms");
		if (metric->kind == METRIC_RATE)
			assert_string_equal(metric->unit, "1");
		if (metric->kind != METRIC_GAUGE)
			assert_int_equal(metric->merge, METRIC_SUM);
		assert_int_equal(metric->response_time, ends_with(metric->name, "_response_time"));
	}
}

static void test_metrics_are_found_by_name_but_errors(void **state)
{
	(void)state;
	for (int id = 0; id < METRIC_COUNT; id++)
		assert_int_equal(metric_find(metrics[id].name), id == METRIC_ERRORS ? METRIC_COUNT : id);
	assert_int_equal(metric_find("http_req_duratoin"), METRIC_COUNT);
	assert_int_equal(metric_find(""), METRIC_COUNT);
}

static void test_metrics_design_names_are_all_there(void **state)
{
	static const struct {
		const char *name;
		enum metric_kind kind;
	} cases[] = {
	        {"iterations", METRIC_COUNTER},
	        {"dropped_iterations", METRIC_COUNTER},
	        {"checks", METRIC_RATE},
	        {"vus", METRIC_GAUGE},
	        {"data_sent", METRIC_COUNTER},
	        {"data_received", METRIC_COUNTER},
	        {"availability", METRIC_RATE},
	        {"iteration_duration", METRIC_LATENCY},
	        {"send_lateness", METRIC_LATENCY},
	        {"http_reqs", METRIC_COUNTER},
	        {"http_req_failed", METRIC_RATE},
	        {"http_req_duration", METRIC_LATENCY},
	        {"http_req_response_time", METRIC_LATENCY},
	        {"http_req_connecting", METRIC_LATENCY},
	        {"http_req_tls_handshaking", METRIC_LATENCY},
	        {"http_req_waiting", METRIC_LATENCY},
	        {"http_req_failed_duration", METRIC_LATENCY},
	        {"kafka_messages_produced", METRIC_COUNTER},
	        {"kafka_produce_failed", METRIC_RATE},
	        {"kafka_produce_duration", METRIC_LATENCY},
	        {"kafka_produce_response_time", METRIC_LATENCY},
	        {"kafka_produce_failed_duration", METRIC_LATENCY},
	        {"kafka_messages_consumed", METRIC_COUNTER},
	        {"kafka_consume_failed", METRIC_RATE},
	        {"kafka_polls", METRIC_COUNTER},
	        {"kafka_end_to_end_latency", METRIC_LATENCY},
	        {"kafka_end_to_end_negative", METRIC_COUNTER},
	        {"kafka_rebalances", METRIC_COUNTER},
	        {"kafka_rebalance_duration", METRIC_LATENCY},
	        {"kafka_consumer_lag", METRIC_GAUGE},
	        {"kafka_under_replicated_partitions", METRIC_GAUGE},
	        {"kafka_offline_partitions", METRIC_GAUGE},
	        {"kafka_isr_changes", METRIC_GAUGE},
	        {"kafka_leader_changes", METRIC_GAUGE},
	        {"kafka_messages_lost", METRIC_COUNTER},
	        {"kafka_messages_duplicated", METRIC_COUNTER},
	        {"kafka_messages_reordered", METRIC_COUNTER},
	        {"kafka_messages_aborted_visible", METRIC_COUNTER},
	        {"kafka_messages_unacked_visible", METRIC_COUNTER},
	        {"kafka_transactions_committed", METRIC_COUNTER},
	        {"kafka_transactions_aborted", METRIC_COUNTER},
	        {"kafka_transaction_duration", METRIC_LATENCY},
	        {"kafka_broker_rtt", METRIC_GAUGE},
	        {"kafka_broker_queue_time", METRIC_GAUGE},
	        {"kafka_throttle_time", METRIC_GAUGE},
	        {"sql_queries", METRIC_COUNTER},
	        {"sql_query_failed", METRIC_RATE},
	        {"sql_rows", METRIC_COUNTER},
	        {"sql_bytes", METRIC_COUNTER},
	        {"sql_query_duration", METRIC_LATENCY},
	        {"sql_query_response_time", METRIC_LATENCY},
	        {"sql_query_failed_duration", METRIC_LATENCY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum metric_id id = metric_find(cases[i].name);

		assert_true(id < METRIC_COUNT);
		assert_int_equal(metrics[id].kind, cases[i].kind);
	}
}

static void check_kind(enum metric_id id, enum metric_kind kind)
{
	assert_true(id < METRIC_COUNT);
	assert_int_equal(metrics[id].kind, kind);
}

static void test_metric_sets_have_metrics_of_the_right_kinds(void **state)
{
	(void)state;
	for (int step = 0; step < STEP_KIND_COUNT; step++) {
		const struct metric_set *set = &metric_sets[step];

		assert_true(step_kind_names[step][0] != '\0');
		if (step == STEP_THINK) {
			assert_int_equal(set->count, METRIC_COUNT);
			assert_int_equal(set->failed, METRIC_COUNT);
			assert_int_equal(set->duration, METRIC_COUNT);
			assert_int_equal(set->response_time, METRIC_COUNT);
			assert_int_equal(set->failed_duration, METRIC_COUNT);
			continue;
		}
		check_kind(set->count, METRIC_COUNTER);
		check_kind(set->failed, METRIC_RATE);
		/* A poll's time is the wait for messages. */
		if (step != STEP_CONSUME) {
			check_kind(set->response_time, METRIC_LATENCY);
			check_kind(set->failed_duration, METRIC_LATENCY);
			assert_true(metrics[set->response_time].response_time);
		}
		if (step != STEP_HTTP && step != STEP_CONSUME)
			check_kind(set->duration, METRIC_LATENCY);
		/* Produced messages are the acknowledged ones alone. */
		assert_int_equal(set->counts_failures, step != STEP_PRODUCE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_metrics_have_every_part),
	        cmocka_unit_test(test_metrics_are_found_by_name_but_errors),
	        cmocka_unit_test(test_metrics_design_names_are_all_there),
	        cmocka_unit_test(test_metric_sets_have_metrics_of_the_right_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
