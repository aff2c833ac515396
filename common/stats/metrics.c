/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of metrics. */
#include "common/stats/metrics.h"

#include <string.h>

#define COUNTER(text, what, of, is)                                                                                    \
	{                                                                                                              \
		.name = (text), .kind = METRIC_COUNTER, .unit = (what), .label = (of), .description = (is)             \
	}
#define RATE(text, of, is)                                                                                             \
	{                                                                                                              \
		.name = (text), .kind = METRIC_RATE, .unit = "1", .label = (of), .description = (is)                   \
	}
#define LATENCY(text, is)                                                                                              \
	{                                                                                                              \
		.name = (text), .kind = METRIC_LATENCY, .unit = "ms", .description = (is)                              \
	}
#define RESPONSE_TIME(text, is)                                                                                        \
	{                                                                                                              \
		.name = (text), .kind = METRIC_LATENCY, .unit = "ms", .description = (is), .response_time = 1          \
	}
/* Of the ledger: it is added up when the run is over. */
#define LEDGER(text, is)                                                                                               \
	{                                                                                                              \
		.name = (text), .kind = METRIC_COUNTER, .unit = "messages", .description = (is), .derived = 1          \
	}
/* What a reader reads: the newest reading stands. */
#define READING(text, what, of, is)                                                                                    \
	{                                                                                                              \
		.name = (text), .kind = METRIC_GAUGE, .merge = METRIC_LAST, .unit = (what), .label = (of),             \
		.description = (is), .reading = 1, .of_run = 1                                                         \
	}
/* What clients say of a broker: of several clients the worst. */
#define BROKER(text, is)                                                                                               \
	{                                                                                                              \
		.name = (text), .kind = METRIC_GAUGE, .merge = METRIC_MAX, .unit = "ms", .label = "broker",            \
		.description = (is), .of_run = 1                                                                       \
	}

const struct metric metrics[METRIC_COUNT] = {
        [METRIC_ITERATIONS] = COUNTER("iterations", "iterations", NULL, "iterations that ended, failed ones included"),
        [METRIC_DROPPED_ITERATIONS] = COUNTER("dropped_iterations", "iterations", "reason",
                                              "iterations that the schedule wanted and that never started"),
        [METRIC_CHECKS] = RATE("checks", "check", "checks that held, of all that were made"),
        [METRIC_VUS] = {.name = "vus",
                        .kind = METRIC_GAUGE,
                        .merge = METRIC_SUM,
                        .unit = "vus",
                        .description = "virtual users in being"},
        [METRIC_DATA_SENT] = COUNTER("data_sent", "bytes", NULL, "bytes sent to targets"),
        [METRIC_DATA_RECEIVED] = COUNTER("data_received", "bytes", NULL, "bytes received from targets"),
        [METRIC_AVAILABILITY] =
                {.name = "availability",
                 .kind = METRIC_RATE,
                 .unit = "1",
                 .description = "seconds in which at least 99 % of the operations succeeded, of those with any",
                 .derived = 1},
        [METRIC_ITERATION_DURATION] = LATENCY(
                "iteration_duration", "from the start of a successful iteration to its end, think times included"),
        [METRIC_SEND_LATENESS] =
                LATENCY("send_lateness", "from when an arrival or tick that a VU was free for was due to its start"),

        [METRIC_HTTP_REQS] = COUNTER("http_reqs", "operations", NULL, "HTTP requests completed, failed ones included"),
        [METRIC_HTTP_REQ_FAILED] = RATE("http_req_failed", NULL, "HTTP requests that failed, of all completed"),
        [METRIC_HTTP_REQ_DURATION] =
                LATENCY("http_req_duration", "sending, waiting and receiving of every response, without connecting"),
        [METRIC_HTTP_REQ_RESPONSE_TIME] = RESPONSE_TIME(
                "http_req_response_time", "from when the schedule wanted a request to its response, of successes"),
        [METRIC_HTTP_REQ_CONNECTING] = LATENCY("http_req_connecting", "making a TCP connection, where one was made"),
        [METRIC_HTTP_REQ_TLS_HANDSHAKING] =
                LATENCY("http_req_tls_handshaking", "the TLS handshake, where one was made"),
        [METRIC_HTTP_REQ_WAITING] = LATENCY("http_req_waiting", "from the request's last byte to the response's first"),
        [METRIC_HTTP_REQ_FAILED_DURATION] =
                LATENCY("http_req_failed_duration", "from a request's start to its failure"),

        [METRIC_KAFKA_MESSAGES_PRODUCED] =
                COUNTER("kafka_messages_produced", "operations", NULL, "Kafka messages acknowledged by a broker"),
        [METRIC_KAFKA_PRODUCE_FAILED] =
                RATE("kafka_produce_failed", NULL, "Kafka messages that failed, of all completed"),
        [METRIC_KAFKA_PRODUCE_DURATION] =
                LATENCY("kafka_produce_duration", "from handing a message over to its acknowledgement, of successes"),
        [METRIC_KAFKA_PRODUCE_RESPONSE_TIME] =
                RESPONSE_TIME("kafka_produce_response_time",
                              "from when the schedule wanted a message to its acknowledgement, of successes"),
        [METRIC_KAFKA_PRODUCE_FAILED_DURATION] =
                LATENCY("kafka_produce_failed_duration", "from handing a message over to its failure"),
        [METRIC_KAFKA_TRANSACTIONS_COMMITTED] =
                COUNTER("kafka_transactions_committed", "transactions", NULL, "Kafka transactions committed"),
        [METRIC_KAFKA_TRANSACTIONS_ABORTED] =
                COUNTER("kafka_transactions_aborted", "transactions", NULL, "Kafka transactions aborted"),
        [METRIC_KAFKA_TRANSACTION_DURATION] =
                LATENCY("kafka_transaction_duration", "from asking for a transaction's commit to its end"),

        [METRIC_KAFKA_MESSAGES_LOST] = LEDGER(
                "kafka_messages_lost", "messages that were acknowledged and not there when they were looked for"),
        [METRIC_KAFKA_MESSAGES_DUPLICATED] =
                LEDGER("kafka_messages_duplicated", "copies of messages beyond the first one"),
        [METRIC_KAFKA_MESSAGES_REORDERED] =
                LEDGER("kafka_messages_reordered", "messages behind a later one of their producer and partition"),
        [METRIC_KAFKA_MESSAGES_ABORTED_VISIBLE] = LEDGER(
                "kafka_messages_aborted_visible", "messages of aborted transactions that were there all the same"),
        [METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE] =
                LEDGER("kafka_messages_unacked_visible", "messages that were there and never acknowledged"),

        [METRIC_KAFKA_MESSAGES_CONSUMED] =
                COUNTER("kafka_messages_consumed", "operations", NULL, "Kafka messages that consumers got"),
        [METRIC_KAFKA_POLLS] = COUNTER("kafka_polls", "operations", NULL,
                                       "polls of consumers that ended, failed and empty ones included"),
        [METRIC_KAFKA_CONSUME_FAILED] = RATE("kafka_consume_failed", NULL, "polls that failed, of all that ended"),
        [METRIC_KAFKA_END_TO_END_LATENCY] = LATENCY(
                "kafka_end_to_end_latency", "from when the schedule wanted a message to its receipt by a consumer"),
        [METRIC_KAFKA_END_TO_END_NEGATIVE] =
                COUNTER("kafka_end_to_end_negative", "messages", NULL,
                        "messages received before they were sent by what is known of the clocks, recorded as 0"),
        [METRIC_KAFKA_REBALANCES] =
                COUNTER("kafka_rebalances", "rebalances", NULL, "how often a consumer was given its partitions"),
        [METRIC_KAFKA_REBALANCE_DURATION] =
                LATENCY("kafka_rebalance_duration",
                        "from when a consumer subscribed or lost its partitions until it was given some"),

        /* All labels together are the greatest: a group's, which is the sum of its partitions. */
        [METRIC_KAFKA_CONSUMER_LAG] = {.name = "kafka_consumer_lag",
                                       .kind = METRIC_GAUGE,
                                       .merge = METRIC_MAX,
                                       .unit = "messages",
                                       .label = "group, or group/topic/partition",
                                       .description = "messages that a consumer group has not committed yet",
                                       .reading = 1,
                                       .of_run = 1},
        [METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS] = READING("kafka_under_replicated_partitions", "partitions", NULL,
                                                             "partitions with fewer replicas in sync than they have"),
        [METRIC_KAFKA_OFFLINE_PARTITIONS] =
                READING("kafka_offline_partitions", "partitions", NULL, "partitions without a leader"),
        [METRIC_KAFKA_ISR_CHANGES] = READING("kafka_isr_changes", "partitions", NULL,
                                             "partitions whose replicas in sync changed since the reading before"),
        [METRIC_KAFKA_LEADER_CHANGES] = READING("kafka_leader_changes", "partitions", NULL,
                                                "partitions whose leader changed since the reading before"),

        [METRIC_KAFKA_BROKER_RTT] =
                BROKER("kafka_broker_rtt", "the mean round trip of a second's requests to a broker"),
        [METRIC_KAFKA_BROKER_QUEUE_TIME] = BROKER(
                "kafka_broker_queue_time", "how long a second's requests to a broker waited to be sent, the mean"),
        [METRIC_KAFKA_THROTTLE_TIME] =
                BROKER("kafka_throttle_time", "how long a broker held back a second's answers for a quota, the mean"),

        [METRIC_SQL_QUERIES] =
                COUNTER("sql_queries", "operations", NULL, "SQL statements completed, failed ones included"),
        [METRIC_SQL_QUERY_FAILED] = RATE("sql_query_failed", NULL, "SQL statements that failed, of all completed"),
        [METRIC_SQL_ROWS] =
                COUNTER("sql_rows", "rows", NULL, "rows that successful SQL statements returned or changed"),
        [METRIC_SQL_BYTES] = COUNTER("sql_bytes", "bytes", NULL, "bytes of values in the rows received"),
        [METRIC_SQL_QUERY_DURATION] =
                LATENCY("sql_query_duration", "from sending a statement to its last row, of successes"),
        [METRIC_SQL_QUERY_RESPONSE_TIME] = RESPONSE_TIME(
                "sql_query_response_time", "from when the schedule wanted a statement to its last row, of successes"),
        [METRIC_SQL_QUERY_FAILED_DURATION] =
                LATENCY("sql_query_failed_duration", "from sending a statement to its failure"),

        [METRIC_NULL_OPERATIONS] = COUNTER("null_operations", "operations", NULL,
                                           "operations of the null driver completed, failed ones included"),
        [METRIC_NULL_OPERATION_FAILED] =
                RATE("null_operation_failed", NULL, "operations of the null driver that failed, of all completed"),
        [METRIC_NULL_OPERATION_DURATION] =
                LATENCY("null_operation_duration", "from an operation's start to its end, of successes"),
        [METRIC_NULL_OPERATION_RESPONSE_TIME] = RESPONSE_TIME(
                "null_operation_response_time", "from when the schedule wanted an operation to its end, of successes"),
        [METRIC_NULL_OPERATION_FAILED_DURATION] =
                LATENCY("null_operation_failed_duration", "from an operation's start to its failure"),
        [METRIC_NULL_READING] = READING("null_reading", "1", "reader", "what readers of the null driver read"),

        [METRIC_ERRORS] = COUNTER("errors", "operations", "error", "failed operations by class, code and text"),
};

enum metric_id metric_find(const char *name)
{
	for (int id = 0; id < METRIC_COUNT; id++)
		if (id != METRIC_ERRORS && strcmp(metrics[id].name, name) == 0)
			return (enum metric_id)id;
	return METRIC_COUNT;
}

const struct metric_set metric_sets[STEP_KIND_COUNT] = {
        [STEP_NULL] = {.count = METRIC_NULL_OPERATIONS,
                       .failed = METRIC_NULL_OPERATION_FAILED,
                       .duration = METRIC_NULL_OPERATION_DURATION,
                       .response_time = METRIC_NULL_OPERATION_RESPONSE_TIME,
                       .failed_duration = METRIC_NULL_OPERATION_FAILED_DURATION,
                       .counts_failures = 1},
        /* http_req_duration has k6's meaning, which the driver alone can measure. */
        [STEP_HTTP] = {.count = METRIC_HTTP_REQS,
                       .failed = METRIC_HTTP_REQ_FAILED,
                       .duration = METRIC_COUNT,
                       .response_time = METRIC_HTTP_REQ_RESPONSE_TIME,
                       .failed_duration = METRIC_HTTP_REQ_FAILED_DURATION,
                       .counts_failures = 1},
        [STEP_PRODUCE] = {.count = METRIC_KAFKA_MESSAGES_PRODUCED,
                          .failed = METRIC_KAFKA_PRODUCE_FAILED,
                          .duration = METRIC_KAFKA_PRODUCE_DURATION,
                          .response_time = METRIC_KAFKA_PRODUCE_RESPONSE_TIME,
                          .failed_duration = METRIC_KAFKA_PRODUCE_FAILED_DURATION,
                          .counts_failures = 0},
        /* What a poll takes is mostly the wait for messages. */
        [STEP_CONSUME] = {.count = METRIC_KAFKA_POLLS,
                          .failed = METRIC_KAFKA_CONSUME_FAILED,
                          .duration = METRIC_COUNT,
                          .response_time = METRIC_COUNT,
                          .failed_duration = METRIC_COUNT,
                          .counts_failures = 1},
        [STEP_SQL] = {.count = METRIC_SQL_QUERIES,
                      .failed = METRIC_SQL_QUERY_FAILED,
                      .duration = METRIC_SQL_QUERY_DURATION,
                      .response_time = METRIC_SQL_QUERY_RESPONSE_TIME,
                      .failed_duration = METRIC_SQL_QUERY_FAILED_DURATION,
                      .counts_failures = 1},
        [STEP_THINK] = {.count = METRIC_COUNT,
                        .failed = METRIC_COUNT,
                        .duration = METRIC_COUNT,
                        .response_time = METRIC_COUNT,
                        .failed_duration = METRIC_COUNT},
};

const char *const step_kind_names[STEP_KIND_COUNT] = {
        [STEP_NULL] = "null",       [STEP_HTTP] = "http", [STEP_PRODUCE] = "produce",
        [STEP_CONSUME] = "consume", [STEP_SQL] = "sql",   [STEP_THINK] = "think",
};
