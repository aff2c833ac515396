/* SPDX-License-Identifier: Apache-2.0 */
/* Bad plans in tables: what is wrong, where, and what was probably meant, word for word. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/plan.h"

struct bad_plan {
	const char *what;
	const char *plan;
	const char *errors; /* one a line, in the file's order */
};

/* Lines 1 to 5 of most plans here, the scenario behind them and the thresholds behind that. */
#define TARGETS                                                                                                        \
	"targets:\n"                                                                                                   \
	"  api: { http: { baseUrl: 'http://h:80' } }\n"                                                                \
	"  stream: { kafka: { brokers: b:9092 } }\n"                                                                   \
	"  db: { postgres: { uri: 'postgresql://h/d' } }\n"                                                            \
	"  nil: { null: {} }\n"
#define KEYS_AND_STEPS(keys, steps) "scenarios:\n  s: { " keys ",\n    steps: " steps " }\n"
#define KEYS(keys) KEYS_AND_STEPS(keys, "[ null: {} ]")
#define STEPS(steps) KEYS_AND_STEPS("executor: constant-vus, duration: 1s", steps)
#define SCENARIO STEPS("[ null: {} ]")
#define THRESHOLDS_ON(steps, thresholds)                                                                               \
	TARGETS KEYS_AND_STEPS("executor: constant-arrival-rate, rate: 1, duration: 1s",                               \
	                       steps) "thresholds:\n  " thresholds "\n"
#define THRESHOLDS(thresholds)                                                                                         \
	THRESHOLDS_ON("[ http: { target: api, get: /, group: '{{vu}}', check: { status: 2xx } } ]", thresholds)

/* All errors of a list, one a line, without the file. */
static void format_errors(const struct failures *failures, char *buffer, size_t size)
{
	size_t used = 0;
	buffer[0] = '\0';
	for (size_t i = 0; i < failures->count && used < size; i++) {
		const struct failure *failure = &failures->items[i];
		int n = snprintf(buffer + used, size - used, "%d:%d: %s\n", failure->line, failure->column,
		                 failure->text);
		used += n > 0 ? (size_t)n : 0;
	}
}

static void check_bad_plans(const struct bad_plan *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct failures failures = {0};
		struct plan *plan = NULL;
		char errors[8192];
		int r = plan_parse(rows[i].plan, strlen(rows[i].plan), NULL, 0, &failures, &plan);
		format_errors(&failures, errors, sizeof(errors));
		if (r != -EINVAL || strcmp(errors, rows[i].errors) != 0)
			fail_msg("%s: %d\n--- expected\n%s--- found\n%s--- plan\n%s", rows[i].what, r, rows[i].errors,
			         errors, rows[i].plan);
		assert_null(plan);
		failures_deinit(&failures);
	}
}

#define CHECK_BAD_PLANS(rows) check_bad_plans(rows, sizeof(rows) / sizeof(*(rows)))
