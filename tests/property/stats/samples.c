/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of latencies for property tests. */
#include "tests/property/stats/samples.h"

#include <math.h>

const char *const samples_kind_names[SAMPLES_KIND_COUNT] = {
        [SAMPLES_ONE_VALUE] = "one value", [SAMPLES_EDGES] = "edges",         [SAMPLES_EXPONENTIAL] = "exponential",
        [SAMPLES_PARETO] = "pareto",       [SAMPLES_TWO_HUMPS] = "two humps", [SAMPLES_ANY_SCALE] = "any scale",
};

static uint64_t edge(struct random *random)
{
	static const uint64_t edges[] = {
	        0,          1,          1023,       1024,       2046,       2047,       2048,
	        2049,       2050,       4095,       4096,       4097,       1000000,    3598712831,
	        3598712832, 3599999999, 3600000000, 3600000001, 3600809983, 3600809984, UINT64_C(1) << 40,
	};

	return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
}

uint64_t samples_draw(enum samples_kind kind, uint64_t scale, struct random *random)
{
	switch (kind) {
	case SAMPLES_ONE_VALUE:
		return scale;
	case SAMPLES_EDGES:
		return edge(random);
	case SAMPLES_EXPONENTIAL:
		return (uint64_t)(1000 * random_exponential(random));
	case SAMPLES_PARETO:
		return (uint64_t)fmin(200 / pow(1 - random_unit(random), 1.25), 1e12);
	case SAMPLES_TWO_HUMPS:
		return (uint64_t)((random_below(random, 100) < 97 ? 300 : 80000) *
		                  (1 + random_exponential(random) / 10));
	case SAMPLES_ANY_SCALE:
		return random_next(random) >> random_between(random, 31, 63);
	case SAMPLES_KIND_COUNT:
		break;
	}
	return 0;
}
