/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds: `metric{scenario:,step:,group:,label:}` and expressions on it. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "common/stats/metrics.h"

/* Which rows a threshold is about: parts that aren't given are NULL and mean the row of all. */
struct selector {
	enum metric_id metric;
	char *scenario, *step, *group, *label;
};

/* Parses "http_req_failed{scenario:users,label:x}"; values may be quoted ("...") where they hold , or }.
 * -EINVAL with the reason and, where a metric or key is misspelt, what was probably meant. */
int selector_parse(const char *text, struct failure *failure, struct selector *ret_selector);
void selector_deinit(struct selector *selector);

/* What is compared. */
enum aggregate {
	AGGREGATE_COUNT,      /* counter; "count" */
	AGGREGATE_RATE,       /* counter: per second; rate: the share 0..1 */
	AGGREGATE_VALUE,      /* gauge: the last */
	AGGREGATE_AVG,        /* gauge, latency */
	AGGREGATE_MIN,        /* gauge, latency */
	AGGREGATE_MED,        /* latency */
	AGGREGATE_MAX,        /* gauge, latency */
	AGGREGATE_PERCENTILE, /* latency; "p(99.9)" */
};

enum comparison {
	COMPARE_LESS,
	COMPARE_LESS_EQUAL,
	COMPARE_GREATER,
	COMPARE_GREATER_EQUAL,
	COMPARE_EQUAL,
	COMPARE_NOT_EQUAL
};

struct expression {
	enum aggregate aggregate;
	double percentile; /* AGGREGATE_PERCENTILE: 0..100 */
	enum comparison comparison;
	double limit; /* latencies in ms */
};

/* Parses "p(95)<50", "rate<0.05", "count==0"; blanks are allowed; the aggregate must suit the metric's kind. */
int expression_parse(const char *text, enum metric_kind kind, struct failure *failure,
                     struct expression *ret_expression);
/* True if `observed` satisfies it. A NaN never does. */
_Bool expression_holds(const struct expression *expression, double observed);

/* One line of the plan's thresholds. */
struct threshold {
	char *source; /* the selector as written: 'kafka_produce_response_time{scenario:ticks}' */
	char *text;   /* the expression as written */
	struct selector selector;
	struct expression expression;
	uint64_t window_ns; /* 0: cumulative */
	_Bool abort_on_fail;
	uint64_t delay_abort_eval_ns;
	int line, column;
};
