/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of metrics: every name, kind, unit, merge rule and description there is. */
#pragma once

#include <stddef.h>

enum metric_kind {
	METRIC_COUNTER, /* how many */
	METRIC_RATE,    /* how often something was true, of how many */
	METRIC_GAUGE,   /* a level that goes up and down, one value a second */
	METRIC_LATENCY, /* a distribution of times */
};

/* How one second's values of several agents, or series, become one. Counters, rates and latencies add up. Nothing hangs
 * on the order in which they come. */
enum metric_merge {
	METRIC_SUM,
	METRIC_MAX,
	METRIC_LAST, /* what was read stands beside what was read before; of two last values in one second (a reader
	                that moves, or several readers) the greater one is the level */
};

enum metric_id {
	METRIC_ITERATIONS,
	METRIC_DROPPED_ITERATIONS, /* label: the reason */
	METRIC_CHECKS,             /* label: the check's name */
	METRIC_VUS,
	METRIC_DATA_SENT,
	METRIC_DATA_RECEIVED,
	METRIC_AVAILABILITY,
	METRIC_ITERATION_DURATION,
	METRIC_SEND_LATENESS,

	METRIC_HTTP_REQS,
	METRIC_HTTP_REQ_FAILED,
	METRIC_HTTP_REQ_DURATION,
	METRIC_HTTP_REQ_RESPONSE_TIME,
	METRIC_HTTP_REQ_CONNECTING,
	METRIC_HTTP_REQ_TLS_HANDSHAKING,
	METRIC_HTTP_REQ_WAITING,
	METRIC_HTTP_REQ_FAILED_DURATION,

	METRIC_KAFKA_MESSAGES_PRODUCED,
	METRIC_KAFKA_PRODUCE_FAILED,
	METRIC_KAFKA_PRODUCE_DURATION,
	METRIC_KAFKA_PRODUCE_RESPONSE_TIME,
	METRIC_KAFKA_PRODUCE_FAILED_DURATION,
	METRIC_KAFKA_TRANSACTIONS_COMMITTED,
	METRIC_KAFKA_TRANSACTIONS_ABORTED,
	METRIC_KAFKA_TRANSACTION_DURATION,

	/* Of the ledger, where a step verifies. */
	METRIC_KAFKA_MESSAGES_LOST,
	METRIC_KAFKA_MESSAGES_DUPLICATED,
	METRIC_KAFKA_MESSAGES_REORDERED,
	METRIC_KAFKA_MESSAGES_ABORTED_VISIBLE,
	METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE,

	METRIC_KAFKA_MESSAGES_CONSUMED,
	METRIC_KAFKA_POLLS,
	METRIC_KAFKA_CONSUME_FAILED,
	METRIC_KAFKA_END_TO_END_LATENCY,
	METRIC_KAFKA_END_TO_END_NEGATIVE,
	METRIC_KAFKA_REBALANCES,
	METRIC_KAFKA_REBALANCE_DURATION,

	METRIC_KAFKA_CONSUMER_LAG, /* label: group, topic and partition; "" is the greatest group's */
	METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS,
	METRIC_KAFKA_OFFLINE_PARTITIONS,
	METRIC_KAFKA_ISR_CHANGES,
	METRIC_KAFKA_LEADER_CHANGES,

	METRIC_KAFKA_BROKER_RTT, /* label: the broker */
	METRIC_KAFKA_BROKER_QUEUE_TIME,
	METRIC_KAFKA_THROTTLE_TIME,

	METRIC_SQL_QUERIES,
	METRIC_SQL_QUERY_FAILED,
	METRIC_SQL_ROWS,
	METRIC_SQL_BYTES,
	METRIC_SQL_QUERY_DURATION,
	METRIC_SQL_QUERY_RESPONSE_TIME,
	METRIC_SQL_QUERY_FAILED_DURATION,

	METRIC_NULL_OPERATIONS,
	METRIC_NULL_OPERATION_FAILED,
	METRIC_NULL_OPERATION_DURATION,
	METRIC_NULL_OPERATION_RESPONSE_TIME,
	METRIC_NULL_OPERATION_FAILED_DURATION,
	METRIC_NULL_READING, /* label: the reader's name */

	/* Error texts, counted like any other series (see error_class.h); never a row of its own. */
	METRIC_ERRORS,

	METRIC_COUNT,
};

struct metric {
	const char *name;
	enum metric_kind kind;
	enum metric_merge merge;
	const char *unit;        /* "operations", "bytes", "ms", "1" ... as summary.json says it */
	const char *label;       /* what its label holds, or NULL if it has none */
	const char *description; /* one line */
	_Bool response_time;     /* an intended-to-completed latency (a `_response_time`) */
	_Bool derived;           /* made by the coordinator, never sent */
	_Bool reading;           /* what a reader reads */
	_Bool of_run;            /* it belongs to the run, not to a scenario */
};

/* Indexed by metric_id. */
extern const struct metric metrics[METRIC_COUNT];

/* True for what the ledger counts, when the run is over. */
static inline _Bool metric_is_of_ledger(enum metric_id metric)
{
	return metric >= METRIC_KAFKA_MESSAGES_LOST && metric <= METRIC_KAFKA_MESSAGES_UNACKED_VISIBLE;
}

/* How the values of several labels in one second become the one without a label: of levels it is the greatest. */
static inline enum metric_merge metric_merge_labels(enum metric_id metric)
{
	return metrics[metric].merge == METRIC_LAST ? METRIC_MAX : metrics[metric].merge;
}

/* METRIC_COUNT if there is none of this name. METRIC_ERRORS is never found. */
enum metric_id metric_find(const char *name);

/* The metrics that every operation of one kind of step has; METRIC_COUNT where a kind has none. */
struct metric_set {
	enum metric_id count;           /* counter */
	enum metric_id failed;          /* rate */
	enum metric_id duration;        /* service time of successes; METRIC_COUNT: the driver samples it */
	enum metric_id response_time;   /* of successes; METRIC_COUNT: there is none */
	enum metric_id failed_duration; /* service time of failures; METRIC_COUNT: there is none */
	_Bool counts_failures;          /* whether `count` counts failed operations too */
};

enum step_kind {
	STEP_NULL,
	STEP_HTTP,
	STEP_PRODUCE,
	STEP_CONSUME,
	STEP_SQL,
	STEP_THINK,
	STEP_KIND_COUNT,
};

/* By step_kind; think has METRIC_COUNT everywhere. */
extern const struct metric_set metric_sets[STEP_KIND_COUNT];
/* "null", "http", "produce", "consume", "sql", "think": the plan's keys and the start of default step names. */
extern const char *const step_kind_names[STEP_KIND_COUNT];
