/* SPDX-License-Identifier: Apache-2.0 */
/* When iterations and VUs start: pure arithmetic on a scenario, the same on every agent, to the ns.
 *
 * Arrival k (from 0) is where the integral of the rate reaches k; those before the schedule's end exist, so a
 * constant rate of 500/s for 20 s is exactly 10,000 arrivals. `poisson` draws unit-rate exponential gaps from
 * the scenario's seed and maps their sums through the same integral, so every agent sees one process.
 * Bursts are exact too: arrival k of bursts of `size` belongs to burst k / size, and all of a burst are at its moment.
 * Where the integral reaches k just as the rate comes to 0, arrival k waits until the rate rises again. A rate is
 * taken in millionths per timeUnit; all the rest is exact, and a time is rounded down to the ns.
 * Times are ns from the scenario's own start. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/plan/share.h"

struct schedule;

/* Keeps a pointer to the scenario. 0 or -ENOMEM. */
int schedule_new(const struct scenario *scenario, struct schedule **ret_schedule);
struct schedule *schedule_free(struct schedule *schedule);

/* Open executors. The rate at a time, per second (linear within a stage). */
double schedule_rate_per_s(const struct schedule *schedule, uint64_t at_ns);
/* The highest rate per second it ever has. */
double schedule_peak_rate_per_s(const struct schedule *schedule);
/* How many arrivals lie in [0, until_ns) (and before the schedule's end). O(log stages); poisson makes the process
 * anew each time, at some 25 ns an arrival (so do scenario_planned() and a walk over what others own). */
uint64_t schedule_arrivals(const struct schedule *schedule, uint64_t until_ns);

/* Walks the arrivals of one share in ascending order. */
struct arrivals_walk;
int arrivals_walk_new(const struct schedule *schedule, const struct share *share, struct arrivals_walk **ret_walk);
/* A walk over another share that goes on where `walk` stands: it may leave out arrivals at or before the last but one
 * that `walk` gave or passed over, but none after it. So a Poisson process isn't drawn from its start again. */
int arrivals_walk_fork(const struct arrivals_walk *walk, const struct share *share, struct arrivals_walk **ret_walk);
struct arrivals_walk *arrivals_walk_free(struct arrivals_walk *walk);
/* The next owned arrival: its global index and its intended time. False at the schedule's end. */
_Bool arrivals_walk_next(struct arrivals_walk *walk, uint64_t *ret_index, uint64_t *ret_at_ns);
/* Skips those before at_ns; returns how many owned ones were skipped. */
uint64_t arrivals_walk_skip(struct arrivals_walk *walk, uint64_t at_ns);

/* VU executors: the spans of time in which VU i (from 0, over the whole plan) is wanted. A ramping curve goes
 * linearly from stage to stage; VU i starts when the curve rises to i + 1 (a curve that starts or jumps to n has
 * VUs 0..n-1 at once) and stops when it falls to i, as in k6.
 * Finds the first span that ends after from_ns: [*ret_start_ns, *ret_end_ns). False if there is none.
 * Iteration executors: one span from i * rampUp / vus to maxDuration. */
_Bool schedule_vu_span(const struct schedule *schedule, uint32_t vu, uint64_t from_ns, uint64_t *ret_start_ns,
                       uint64_t *ret_end_ns);
/* How many VUs the curve wants at a time. */
uint32_t schedule_vus(const struct schedule *schedule, uint64_t at_ns);

/* Where the schedule ends: its duration, or maxDuration for the iteration executors. */
uint64_t schedule_end_ns(const struct schedule *schedule);

/* Of `iterations` shared by all VUs: how many belong to the holder of this share of VU indices. They are dealt to
 * the VUs in turn, so holders without a VU get none and the sum over all holders is exact. */
uint64_t schedule_shared_iterations(const struct scenario *scenario, const struct share *vus);
