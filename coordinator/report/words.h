/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times and names of a report as people read them: the same words in every format. */
#pragma once

#include "common/base/buffer.h"
#include "coordinator/report/report.h"

enum { WORDS_MAX = 64 }; /* room for any of the short texts below */

/* Milliseconds with about four digits: "0.512", "12.35", "123.4", "12345"; "-" for NAN. Returns text. */
char *words_ms(double ms, char text[WORDS_MAX]);
/* "1,384.909", always three decimals; "-" for NAN. */
char *words_rate(double per_s, char text[WORDS_MAX]);
/* part of total as per cent with three decimals, "99.770". Never says 100.000 or 0.000 of what is not all or nothing:
 * then "99.999" and "0.001"; "-" of nothing. */
char *words_percent(uint64_t part, uint64_t total, char text[WORDS_MAX]);
/* A second of the run as "0:45" or "1:02:03". */
char *words_second(uint64_t second, char text[WORDS_MAX]);
/* "2m", "1h30m", "1.25s": to the second, below ten seconds to the millisecond. */
char *words_duration(double seconds, char text[WORDS_MAX]);
/* What a threshold saw, with its unit: "41.203 ms", "0.0712", "no data". */
char *words_observed(const struct report_threshold *threshold, char text[WORDS_MAX]);
/* "", "open", "closed", "mixed". */
const char *words_load(enum load load);
/* A gauge's value: "1,204", "0.513", "12.35"; "-" for NAN. */
char *words_gauge(double value, char text[WORDS_MAX]);

/* "complete: 600 of 600 agent-seconds from 12 of 12 agents; planned 10 = started 9 + dropped 1 + unknown 0; ..." */
int words_coverage(const struct report *report, struct buffer *buffer);
/* "trusted: all 7 checks hold" or "suspect: send lateness p99 23 ms (limit 10 ms); ..." */
int words_trust(const struct report *report, struct buffer *buffer);
/* "none" or "120 (no_vu 100, late 20)". */
int words_drops(const struct report *report, struct buffer *buffer);
/* What a topic's figures rest on, and what else was seen: "12 partitions read to their ends; aborted 500, of them
 * visible 0; ..." */
int words_ledger(const struct report_ledger *ledger, struct buffer *buffer);
/* "agent-1, producer 3, partition 4, sequence 120,301, acknowledged at 0:31" */
int words_missing(const struct report_missing *missing, struct buffer *buffer);

/* Appends text with what is not UTF-8 replaced by U+FFFD and control characters by blanks. */
int words_append_clean(struct buffer *buffer, const char *text);
/* The same for HTML and XML: & < > " ' escaped. */
int words_append_escaped(struct buffer *buffer, const char *text);
