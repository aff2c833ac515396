/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of latencies for property tests: distributions with heavy tails, and the edges of the layout. */
#pragma once

#include <stdint.h>

#include "common/base/random.h"

enum samples_kind {
	SAMPLES_ONE_VALUE,
	SAMPLES_EDGES,       /* 0, 1, 2047, 2048, the range's end and past it, ... */
	SAMPLES_EXPONENTIAL, /* around a millisecond */
	SAMPLES_PARETO,      /* a tail so heavy that it has no mean */
	SAMPLES_TWO_HUMPS,   /* a cache that mostly hits */
	SAMPLES_ANY_SCALE,   /* uniform in the logarithm, over all of the range and past it */
	SAMPLES_KIND_COUNT,
};

extern const char *const samples_kind_names[SAMPLES_KIND_COUNT];

/* One sample in us. `scale` belongs to the case: the same for all of its samples. */
uint64_t samples_draw(enum samples_kind kind, uint64_t scale, struct random *random);
