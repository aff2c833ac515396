/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of summary.json's `metrics`. */
#pragma once

#include "coordinator/report/report.h"

/* Appends ,"metrics":[...], a row a line. 0 or -ENOMEM. */
int json_append_rows(struct buffer *buffer, const struct report *report);
