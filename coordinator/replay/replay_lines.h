/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline of one row, drawn a second at a time: warm-up and all. */
#pragma once

#include "coordinator/report/report.h"

struct line {
	struct report_line *report; /* its arrays; in the report's arena */
	struct cell warm;           /* what this second's warm-up series had */
	_Bool has_warm;
};

/* Its arrays are shared with every other line that has nothing until it has something. */
struct lines_empty {
	double *zeros;
	double *unread; /* NAN: of readings, which are not made in every second */
	float *nothing; /* NAN */
};

/* 0 or -ENOMEM. */
int lines_empty_make(struct report *report, struct lines_empty *ret_empty);
/* A line without values. `report_line` is its place in the report. */
int line_init(struct line *line, struct report_line *report_line, enum metric_id metric, const char *scenario,
              const struct lines_empty *empty);
void line_deinit(struct line *line);
/* Adds what a warm-up series had in this second. */
int line_warm(struct line *line, const struct cell *cell, enum metric_merge merge);
/* Draws one second: `now` (NULL: nothing) and what line_warm() was given since the last call. */
int line_draw(struct line *line, struct report *report, const struct lines_empty *empty, uint64_t second,
              const struct cell *now, enum metric_merge merge);
