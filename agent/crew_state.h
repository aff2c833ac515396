/* SPDX-License-Identifier: Apache-2.0 */
/* What a crew knows, and what its parts do for each other: crew.c starts, looks after and ends the workers, crew_open.c
 * makes what they need, crew_orders.c and crew_verify.c pass on what the coordinator says in mid-run. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "agent/crew.h"
#include "agent/duties.h"
#include "agent/epochs.h"
#include "agent/health.h"
#include "agent/verifiers.h"
#include "agent/worker.h"

struct crew {
	struct crew_config config;
	pthread_t opener;
	atomic_bool opened;     /* the opener has ended; what it made is ours */
	struct failure failure; /* the opener's until then */
	struct plan *plan;
	struct epoch *first; /* the opener's until then; those that follow are ours */
	struct epoch *newest;
	struct epoch *adopted; /* the newest that the workers have */
	uint64_t t0_ns;        /* 0: not started */
	struct driver_clock clock;
	struct worker **workers;
	uint32_t worker_count;
	struct target_facts *facts; /* by target: from the probes */
	struct wire_target *targets;
	struct snapshots *snapshots;
	struct duties *duties;       /* NULL: the plan has none */
	struct verifiers *verifiers; /* likewise */
	struct message_seen seen;    /* given out by crew_seen() */
	struct health *health;
	uint32_t *duty_numbers; /* that came before the crew was open */
	uint32_t duty_count;
	struct text_pair *values; /* all that came; workers and duties hold on to their texts */
	size_t value_count;
	size_t value_capacity;
	size_t values_given;
};

/* On the opener's thread: makes everything, or sets crew->failure. */
void crew_open(struct crew *crew);

/* On the main thread. */

void crew_release_verifiers(struct crew *crew);

/* Gives workers and duties what came for them and they don't have yet, as far as it is time. What goes wrong is
 * crew->failure. */
void crew_catch_up(struct crew *crew);
/* The first whole second since T0 that the workers can still hear of in time. */
uint64_t crew_earliest_ns(const struct crew *crew);
