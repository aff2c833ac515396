/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's command line. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"

enum { OPTIONS_SYMBOLS_MAX = 100000 };

struct options {
	_Bool help;
	_Bool version;
	_Bool kafka; /* which targets to start; all three if none was named */
	_Bool api;
	_Bool postgres;
	uint64_t symbols;
	uint64_t latency_low_ns; /* of the API's answers: uniform in [low, high] */
	uint64_t latency_high_ns;
	double errors;        /* share of the API's answers, 0..1 */
	const char *counters; /* file for the counters as JSON, or NULL */
	char *const *command; /* ends with NULL; NULL: serve until a signal comes */
};

/* Reads argv (which the result points into) from argv[1] on. -EINVAL with what is wrong in *failure. */
int options_parse(char *const *argv, struct failure *failure, struct options *ret_options);
/* The text of --help. Constant. */
const char *options_help(void);
