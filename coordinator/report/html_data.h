/* SPDX-License-Identifier: Apache-2.0 */
/* What web/report.js reads: not an interface, it changes with the page (summary.json is the interface). */
#pragma once

#include "coordinator/report/digest.h"

/* All of it, one JSON object. 0 or -ENOMEM. */
int html_append_data(struct buffer *buffer, const struct report *report);

/* ,"time":{...}: the charts' lines over time, of at most HTML_POINTS values each: a second's, or of each bin of seconds
 * the least, the median and the greatest. */
enum { HTML_POINTS = 1800 };
int html_append_timeline(struct buffer *buffer, const struct report *report);
/* ,"distribution":{...}: each step's percentile curve and its counts between the bucket edges. */
int html_append_distribution(struct buffer *buffer, const struct report *report, const struct digest *digest);
