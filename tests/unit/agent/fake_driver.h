/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that does what a test says: holds operations, refuses them, fails them. */
#pragma once

#include "agent/drivers/driver.h"

enum { FAKE_OPERATIONS_MAX = 4096 };

struct fake_driver {
	/* What the test sets. */
	uint64_t capacity; /* in flight; beyond it submit is full */
	_Bool busy[64];    /* by lane: submit asks for patience */
	_Bool holds;       /* operations wait for fake_complete() (or drain); else they complete in the next poll */
	_Bool completes_at_drain;
	_Bool cannot_cancel;
	_Bool fails_at_once;    /* submit refuses for good */
	enum error_class error; /* of what completes */
	/* What the test reads. */
	struct operation *flying[FAKE_OPERATIONS_MAX]; /* oldest first */
	uint32_t flying_count;
	uint64_t submitted;
	uint64_t refused;
	uint64_t sessions; /* open now */
	uint64_t sessions_opened;
	uint64_t cancelled;
	uint64_t abandoned;
	uint64_t unaccounted;    /* completed since the last account, which has a byte for each */
	uint32_t lanes[64];      /* submissions by lane */
	uint32_t lanes_added[8]; /* since it was opened */
	uint32_t lanes_added_count;
	uint32_t opened;
	char texts[FAKE_OPERATIONS_MAX][32]; /* the key of each produced message, in order of submission */
	struct loop_timer kick;
	const struct driver_config *config;
	struct loop *loop;
	void (*complete)(void *context, struct operation *operation);
	void *context;
};

/* The table to give an engine: the fake for Kafka, the real one for null. There is one fake at a time, so a plan may
 * have one Kafka target. */
extern const struct driver_ops *const fake_table[TARGET_KIND_COUNT];
/* A fake in its initial state: unlimited, completing in the next poll. */
struct fake_driver *fake_reset(void);
/* Completes the oldest operation in flight. */
void fake_complete(struct fake_driver *fake);
