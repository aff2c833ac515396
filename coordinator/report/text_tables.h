/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the report in 80 columns. A table without rows is left out with its heading. */
#pragma once

#include "coordinator/report/digest.h"
#include "coordinator/report/page.h"
#include "coordinator/report/stats.h"

/* How often, by scenario and step. */
void text_operations(struct page *page, const struct report *report, const struct digest *digest);
/* How long, by scenario and step; more columns than fit follow below. */
void text_times(struct page *page, const struct report *report, const struct digest *digest,
                const struct stats_columns *columns);
void text_checks(struct page *page, const struct report *report);
/* The first ten. */
void text_worst_groups(struct page *page, const struct digest *digest);
/* What became of the messages of each topic that was verified (text_ledger.c). */
void text_ledger(struct page *page, const struct report *report);
/* What was read of targets, with the greatest labels of each gauge. */
void text_gauges(struct page *page, const struct digest *digest);
/* By class and code, the first fifteen. */
void text_errors(struct page *page, const struct digest *digest);
