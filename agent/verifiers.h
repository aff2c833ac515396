/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what was produced: the agent's verifiers, each on a thread of its own.
 *
 * A verifier has one piece of news at a time. It is numbered, stays until it is acknowledged, and holds the verifier up
 * until then: so what was read and isn't safe at the coordinator never is more than one report. All functions are the
 * main thread's, and none waits for a target; news ring the doorbell. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/duties.h"

struct verifiers;

/* A verifier that the agent has. */
struct verifier_order {
	uint32_t duty;   /* by the plan's number */
	uint64_t reader; /* how often the duty was given to anyone: another number is another verifier */
	const struct verify_offset *positions;
	size_t position_count;
	_Bool resumes; /* from the positions; else from the ends as they are now */
};

/* What a verifier has to say. */
struct verifier_news {
	uint32_t duty;
	uint64_t reader;
	uint64_t seq; /* 1, 2, ... of this reader */
	struct verify_report report;
	_Bool over;          /* the last news of this reader: nothing is in its report */
	const char *problem; /* of one that is over: "" or why it has not read everything */
};

/* What the config points to must outlive it. 0 or a negative errno. */
int verifiers_new(const struct duties_config *config, struct verifiers **ret_verifiers);
/* Cancels all and waits for their threads. Accepts NULL. */
struct verifiers *verifiers_free(struct verifiers *verifiers);

/* Those that the agent has from now on, and whether all load is over; texts and lists are copied. One that is not named
 * any more is cancelled, and what it hasn't told is forgotten. Of one that runs already nothing but `closing` is
 * heeded, which can't be taken back. Numbers that are no verifiers of the plan are passed over. 0 or a negative errno
 * (one could not be started: the next call tries again). */
int verifiers_set(struct verifiers *verifiers, const struct verifier_order *orders, size_t count, _Bool closing);
/* News that were not taken before; false: there are none. They hold until they are acknowledged or the verifier is
 * taken away. */
_Bool verifiers_take(struct verifiers *verifiers, struct verifier_news *ret_news);
/* The coordinator has it: the verifier goes on. Numbers that nobody waits for are passed over. */
void verifiers_acked(struct verifiers *verifiers, uint32_t duty, uint64_t reader, uint64_t seq);
