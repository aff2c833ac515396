/* SPDX-License-Identifier: Apache-2.0 */
/* The writers behind report_write(), one a format. Each appends to `buffer` and returns 0 or -ENOMEM; what an append
 * could not hold also shows in buffer->failed, which report_write() looks at last. */
#pragma once

#include "coordinator/report/report.h"

int write_text(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_json(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_markdown(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_html(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_series(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_timeline(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_junit(const struct report *report, const struct report_style *style, struct buffer *buffer);
int write_hlog(const struct report *report, const struct report_style *style, struct buffer *buffer);
