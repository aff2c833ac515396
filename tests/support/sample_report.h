/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up but consistent report of the stock pipeline, for the tests of whatever reads reports. */
#pragma once

#include "coordinator/report/report.h"

struct sample_config {
	uint32_t seconds; /* of the run, warm-up included */
	uint32_t warmup_s;
	uint32_t groups; /* symbols; the first dozen have Korean names and real tickers */
	double scale;    /* 1: about 1,300 operations a second */
	_Bool healthy;   /* no failures, no drops, trusted and complete, every threshold passes */
};

/* 120 s of them 10 s warm-up, 40 symbols, three agents of which one is lost, a slow and failing phase from half the
 * time on. */
extern const struct sample_config sample_minutes;
/* 20 s with 8 symbols: for what needs rows and no more. */
extern const struct sample_config sample_brief;
/* 14,400 s, 3,000 symbols. */
extern const struct sample_config sample_hours;

/* The same every time. NULL without memory. */
struct report *sample_report_new(const struct sample_config *config);
