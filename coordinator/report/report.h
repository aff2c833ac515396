/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a run: a read-only model made from the journal alone, and one writer a format.
 *
 * Everything a reader sees is in here, so that two formats can never disagree. Built by coordinator/replay/replay.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/stats/cell.h"
#include "common/stats/error_class.h"
#include "common/stats/group_status.h"
#include "common/stats/ledger.h"
#include "common/stats/metrics.h"
#include "common/stats/tally.h"

struct report_text_pair {
	char *name;
	char *value;
};

struct report_texts {
	struct report_text_pair *items;
	uint32_t count;
};

struct report_agent {
	char *name;
	char *host;
	char *cpu;
	char *kernel;
	uint32_t cores;
	uint64_t memory_bytes;
	struct report_texts limits;
	struct report_texts libraries;
	uint64_t seconds; /* its part of agent_seconds_held */
	uint64_t operations;
	int64_t clock_offset_ns;
	uint64_t clock_bound_ns;
	uint64_t start_skew_ns, start_bound_ns;
	double drift_ppm, drift_bound_ppm; /* of its clock against the coordinator's */
	uint64_t cpu_ns;
	uint64_t steal_ns; /* that others on the same machine took from its host */
	uint64_t max_rss_kib;
	int64_t joined_at_s;       /* -1: it was there from the start */
	int64_t lost_at_s;         /* -1: not lost, or back */
	int64_t left_at_s;         /* -1: it stayed */
	uint64_t unknown, overlap; /* its part of the run's, as far as it is one agent's */
};

/* Seconds in which the load was below the plan, or nobody can say. */
struct report_degradation {
	uint32_t first_s, last_s;
	char *why; /* "agent-3 lost (it went silent)" */
};

/* Rows of a unique feed that arrivals had which were moved to other agents: nobody is given them. */
struct report_retired {
	char *feed;
	uint64_t rows;
};

struct report_target {
	char *name;
	char *kind;
	char *version;
	char *topology;
	double idle_round_trip_ms; /* NAN: unknown */
};

/* An acknowledged message that nobody saw. */
struct report_missing {
	char *agent;       /* its name */
	uint64_t producer; /* which of the agent's producing clients, from 1 */
	uint32_t partition;
	uint64_t sequence; /* of this producer's step, from 0 */
	uint64_t second;   /* in which the agent reported its acknowledgement */
};

/* The account of the messages to a topic, warm-up included. */
struct report_ledger {
	char *target;
	char *topic;
	struct ledger_counts counts;
	struct report_missing *missing; /* the first ones that were lost */
	uint32_t missing_count;
	char *problem; /* "" or why it isn't known whether more were lost */
};

enum load { LOAD_NONE, LOAD_OPEN, LOAD_CLOSED, LOAD_MIXED }; /* "", "open", "closed", "mixed" (a row above both) */

/* One row of `metrics`. Texts "" where the row is of all. Sorted by metric, scenario, step, group, label in the
 * order of the table and of the plan; groups by count, greatest first; the row of all comes first. */
struct report_row {
	enum metric_id metric;
	const char *scenario, *step, *group, *label;
	struct cell cell;      /* without warm-up; a latency's histogram may be NULL when it has no values */
	uint64_t warmup_count; /* values (counter: its amount) recorded in warm-up */
	double rate_per_s;     /* counter amounts, rate totals or latency values a second over the measured span */
	double peak_per_s;     /* counters: the busiest second ... */
	uint64_t peak_second;  /* ... and which */
	enum load load;        /* latencies */
};

struct report_error {
	const char *scenario, *step, *group;
	enum error_class class;
	char *code;
	char *text;
	uint64_t count;
	uint64_t first_s, last_s;
};

struct report_threshold {
	char *metric;     /* the selector as written */
	char *expression; /* for people, with its window: "rate<0.3 over 30s" */
	char *written;    /* as the plan has it: "rate<0.3" */
	double window_s;  /* 0: the whole run */
	double observed;  /* NAN: no data */
	_Bool no_data;
	_Bool pass;
	_Bool aborted; /* it ended the run */
	double aborted_at_s;
	enum metric_kind kind;
	_Bool few_samples;
};

struct report_trust {
	char *check; /* "send lateness p99" */
	char *value; /* with units, as text */
	char *limit;
	_Bool ok;
};

/* One (metric, scenario) over time; scenario "" is the whole run. Arrays have report.second_count entries. Warm-up
 * seconds are in it with what they had. The people's formats draw from the lines of iterations, dropped_iterations, vus
 * and of each kind of step in use its count, failed, response_time and duration, for "" and for every scenario. */
struct report_line {
	enum metric_id metric;
	const char *scenario;
	double *count;                /* counter amount, rate hits, gauge value, latency count in that second */
	double *total;                /* rates: of how many; else NULL */
	float *p50, *p95, *p99, *max; /* latencies, ms, NAN where there is nothing; else NULL */
};

enum verdict_thresholds { THRESHOLDS_NONE, THRESHOLDS_PASS, THRESHOLDS_FAIL };

struct report {
	/* run */
	char *id;
	char *name;
	char *started_at; /* ISO 8601 with zone, wall clock of the coordinator */
	int64_t t0_unix_ns;
	double duration_s; /* from T0 to the end of the last operation */
	double warmup_s;
	double measured_s; /* the span that rates divide by: [warm-up's end, schedule's end] */
	char *plan_sha256;
	char *version;
	struct report_texts tags;
	/* environment */
	struct report_agent *agents;
	uint32_t agent_count;
	double clock_bound_ms; /* the most that two agents' clocks can have been apart by: of end-to-end latencies; NAN:
	                          unknown */
	struct report_target *targets;
	uint32_t target_count;
	/* verdict */
	enum verdict_thresholds thresholds_verdict;
	_Bool complete;
	_Bool trusted;
	int exit_code;
	char *ended_by; /* "" or why the run ended before its schedule: "interrupted", "threshold ...", "agents lost
	                   ..." */
	/* coverage */
	uint32_t agents_took_part;
	uint64_t agent_seconds_held, agent_seconds_due;
	_Bool sum_equals_total;
	uint64_t unknown;
	uint64_t overlap;   /* iterations that ran besides those planned: in none of the others */
	struct tally tally; /* of all scenarios: planned, started, dropped, succeeded, failed, interrupted */
	struct report_retired *retired; /* of feeds of which any are */
	uint32_t retired_count;
	struct report_texts
	        notes; /* what a reader must know: groups folded, saturated values, few samples ... (name: topic) */

	struct report_threshold *thresholds;
	uint32_t threshold_count;
	struct report_row *rows;
	uint32_t row_count;
	struct report_error *errors;
	uint32_t error_count;
	struct report_ledger *ledger; /* of topics that were verified, in the plan's order */
	uint32_t ledger_count;
	struct report_trust *trust;
	uint32_t trust_count;

	/* timeline */
	uint32_t second_count;
	_Bool *warmup;                           /* by second */
	_Bool *degraded;                         /* by second */
	struct report_degradation *degradations; /* why, by their first second */
	uint32_t degradation_count;
	struct report_line *lines;
	uint32_t line_count;
	double *error_lines[ERROR_CLASS_COUNT]; /* errors by second, with those of the warm-up; NULL: none of this class
	                                         */

	/* for tables: names in the plan's order */
	struct report_scenario {
		const char *name;
		enum load load;
		_Bool is_warmup;
		const char *executor;
		const char **steps; /* names of the steps that are operations */
		enum step_kind *step_kinds;
		uint32_t step_count;
	} * scenarios;
	uint32_t scenario_count;
	struct bucket_edges edges;
	struct group_status_limits group_status;

	struct report_arena *arena; /* holds the arrays and the texts; report.c's own */
};

/* For the builder. Every array and text of the model lives in the report's arena and goes away with it: nothing is
 * freed on its own. Only the rows' cells hold further memory (histograms), which report_free() releases as well.
 * `cell` is moved into a row: the builder must not deinit it afterwards. */

/* An empty report: every text "", exit code 0, verdict none/complete/trusted as zero says. NULL without memory. */
struct report *report_new(void);
/* Room for `count` zeroed items, aligned for anything. NULL without memory (also on overflow). count 0 is allowed. */
void *report_alloc(struct report *report, size_t count, size_t item_size);
/* A copy of text (NULL: of ""). NULL without memory. */
char *report_copy(struct report *report, const char *text);
char *report_format_text(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a pair to tags, limits, libraries or notes, copying both texts. 0 or -ENOMEM. */
int report_add_text(struct report *report, struct report_texts *texts, const char *name, const char *value);

/* Releases all. Accepts NULL. */
struct report *report_free(struct report *report);
/* The row, or NULL. Texts "" mean the row of all. */
const struct report_row *report_find(const struct report *report, enum metric_id metric, const char *scenario,
                                     const char *step, const char *group, const char *label);
/* A latency row's percentile in ms (0..100), NAN without values. */
double report_percentile_ms(const struct report_row *row, double percentile);

enum report_format {
	REPORT_TEXT,     /* 80 columns; stdout */
	REPORT_JSON,     /* summary.json */
	REPORT_MARKDOWN, /* report.md */
	REPORT_HTML,     /* report.html */
	REPORT_SERIES,   /* series.csv */
	REPORT_TIMELINE, /* timeline.csv */
	REPORT_JUNIT,    /* junit.xml */
	REPORT_HLOG,     /* latency.hlog */
	REPORT_FORMAT_COUNT,
};

struct report_style {
	_Bool colour;           /* REPORT_TEXT: ANSI colours */
	const char *trend;      /* --summary-trend-stats LIST: "avg,min,med,max,p(90),p(95)"; NULL: the default */
	const char *run_folder; /* named at the text's foot, NULL: not */
};

/* Checks a --summary-trend-stats list: 0 or -EINVAL with what is wrong. */
int report_check_trend(const char *list, struct failure *failure);
/* Appends the report in that format. 0 or -ENOMEM. */
int report_write(const struct report *report, enum report_format format, const struct report_style *style,
                 struct buffer *buffer);
/* "summary.json", ...; NULL for REPORT_TEXT. */
const char *report_file_name(enum report_format format);
