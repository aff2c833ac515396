/* SPDX-License-Identifier: Apache-2.0 */
/* The stock API: an HTTP server on 127.0.0.1 with tunable latency and errors. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "deploy/lab/counters.h"
#include "deploy/lab/symbols.h"

struct api;

struct api_config {
	const struct symbols *symbols; /* outlives the API */
	uint64_t latency_low_ns;       /* uniform in [low, high] */
	uint64_t latency_high_ns;
	double errors;    /* 0..1 */
	uint64_t late_ns; /* how late a late answer is; 0: 90 s, more than clients wait by default */
	uint64_t seed;    /* of latencies and errors */
};

int api_start(const struct api_config *config, struct failure *failure, struct api **ret_api);
uint16_t api_port(const struct api *api);
/* Requests whose headers have come so far, answered or not. From any thread. */
uint64_t api_begun(const struct api *api);
/* Lets what is delayed be answered at once, ends all connections and counts. Once only; then only api_free(). */
void api_finish(struct api *api, struct api_counters *ret_counters);
/* Accepts NULL. Returns NULL. */
struct api *api_free(struct api *api);
