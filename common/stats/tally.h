/* SPDX-License-Identifier: Apache-2.0 */
/* The account of iterations (measuring rule 4), kept apart from the series, so that the two can be
 * held against each other: planned = started + dropped + unknown, started = succeeded + failed +
 * interrupted. */
#pragma once

#include <stdint.h>

enum drop_reason {
	DROP_NO_VU,        /* every VU was busy and the pool at its limit */
	DROP_QUEUE_FULL,   /* the driver or the pacer's queue had no room */
	DROP_LATE,         /* later than maxLateness, because the agent itself was stopped */
	DROP_MAX_DURATION, /* cut off by maxDuration */
	DROP_REASON_COUNT,
};

/* "no_vu", "queue_full", "late", "max_duration". */
extern const char *const drop_reason_names[DROP_REASON_COUNT];

/* Cumulative, of one scenario. Plain numbers; zero is empty. */
struct tally {
	uint64_t planned; /* by the schedule, so far */
	uint64_t started;
	uint64_t dropped[DROP_REASON_COUNT];
	uint64_t succeeded;
	uint64_t failed;
	uint64_t interrupted;
	uint64_t operations;        /* completed operations of all steps */
	uint64_t failed_operations; /* of them, failed */
};

void tally_add(struct tally *into, const struct tally *from);
/* All drops together. */
uint64_t tally_dropped(const struct tally *tally);
/* True if started = succeeded + failed + interrupted + running. */
_Bool tally_holds(const struct tally *tally, uint64_t running);
