/* SPDX-License-Identifier: Apache-2.0 */
/* What people's formats (text, markdown, HTML) show of a report, computed once: key figures, steps, groups, errors.
 *
 * Points into the report, which must outlive it. */
#pragma once

#include "coordinator/report/report.h"

/* Operations of all kinds, without warm-up. */
struct figures {
	uint64_t total, succeeded, failed;
	double mean_per_s;
	double peak_per_s; /* NAN where the timeline has nothing */
	uint64_t peak_second;
	const struct report_row *response; /* response time where all steps are of one kind, else NULL */
};

/* One step, or one group of a step. */
struct digest_entry {
	const char *scenario, *step, *group; /* group "": the step itself */
	enum step_kind kind;
	enum load load;
	_Bool is_warmup;        /* of a warm-up scenario: its values are in warmup_count alone */
	uint64_t count, failed; /* completed operations, and of them failed; of a group of messages consumed, these */
	uint64_t warmup_count;
	double per_s;
	double peak_per_s; /* of the counter: acknowledged messages where the kind counts no failures */
	/* NULL: no such row. The response of a step that consumes is its messages' end-to-end latency. */
	const struct report_row *response, *duration, *failed_duration;
	const struct report_row *outcome;  /* the rate of failures; likewise */
	const struct report_row *messages; /* of a step that consumes: those that it got; likewise */
	uint64_t slow;                     /* of a group: took longer than the plan's groupStatus says */
	enum group_status status;          /* of a group */
	double p95_ms;                     /* of the response time; NAN without values */
	uint64_t order; /* its step's id, then its own: ids count up as the report and the plan name them */
};

/* Errors of one class and code; in `details` also of one step and text, whatever the group. */
struct digest_error {
	const char *scenario, *step; /* "" but in `details` */
	enum error_class class;
	const char *code;
	const char *text;    /* the most frequent one ... */
	uint64_t text_count; /* ... and how often it was */
	uint64_t groups;     /* `details`: how many groups had it */
	uint64_t count;
	uint64_t first_s, last_s;
};

struct digest {
	struct figures figures;
	struct digest_entry *steps; /* in the plan's order */
	uint32_t step_count;
	struct digest_entry *groups; /* by step, then as in the report */
	uint32_t group_count;
	struct digest_entry **worst; /* the groups by failures, then p95 of the response time, greatest first */
	struct digest_error *errors; /* greatest first */
	uint32_t error_count;
	struct digest_error *details; /* greatest first */
	uint32_t detail_count;
	/* Gauges of the run but `vus`, by metric: the row of all labels, then its labels by their greatest values.
	 * Where all are 0 throughout, the first alone. */
	const struct report_row **gauges;
	uint32_t gauge_count;
};

/* 0 or -ENOMEM. digest_deinit() in any case. */
int digest_init(struct digest *digest, const struct report *report);
void digest_deinit(struct digest *digest);

/* The metrics of a kind of step's service time and response, or METRIC_COUNT. */
enum metric_id digest_duration(enum step_kind kind);
enum metric_id digest_response(enum step_kind kind);

/* How many of the gauges from `from` on are of its metric. */
uint32_t digest_gauge_labels(const struct digest *digest, uint32_t from);

/* digest_init()'s parts that fill errors and details, and gauges. 0 or -ENOMEM. */
int digest_gather_errors(struct digest *digest, const struct report *report);
int digest_gather_gauges(struct digest *digest, const struct report *report);
