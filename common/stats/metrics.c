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
        [METRIC_AVAILABILITY] = RATE("availability", NULL,
                                     "seconds in which at least 99 % of the operations succeeded, of those with any"),
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
        [METRIC_NULL_READING] = {.name = "null_reading",
                                 .kind = METRIC_GAUGE,
                                 .merge = METRIC_LAST,
                                 .unit = "1",
                                 .label = "reader",
                                 .description = "what readers of the null driver read"},

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
        [STEP_NULL] = "null", [STEP_HTTP] = "http",   [STEP_PRODUCE] = "produce",
        [STEP_SQL] = "sql",   [STEP_THINK] = "think",
};
